/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Session descriptions. What has been read is written as a description of ours,
 * and that one is read again as the same.
 */

#include <config.h>

#include "fuzz.h"

#include <string.h>

#include "rtc/sdp.h"

static void check_texts(const GPtrArray *texts, const GPtrArray *again)
{
    g_assert_cmpuint(texts->len, ==, again->len);
    for (guint i = 0; i < texts->len; i++)
        g_assert_cmpstr(texts->pdata[i], ==, again->pdata[i]);
}

static void check_same(const Sdp *sdp, const Sdp *again)
{
    g_assert_cmpstr(sdp->ufrag, ==, again->ufrag);
    g_assert_cmpstr(sdp->password, ==, again->password);
    check_texts(sdp->candidates, again->candidates);
    check_texts(sdp->fingerprints, again->fingerprints);
    g_assert_cmpint(sdp->setup, ==, again->setup);
    g_assert_cmpuint(sdp->mline_index, ==, again->mline_index);
    g_assert_cmpuint(sdp->sctp_port, ==, again->sctp_port);
    g_assert_true(
        sdp->sctp_init == again->sctp_init ||
        (sdp->sctp_init && again->sctp_init && g_bytes_equal(sdp->sctp_init, again->sctp_init)));
    g_assert_cmpuint(sdp->max_message_size, ==, again->max_message_size);
    g_assert_cmpint(sdp->old_format, ==, again->old_format);
    g_assert_cmpuint(sdp->media->len, ==, again->media->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *) data, size);
    g_autofree char *written = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(Sdp) sdp = NULL, again = NULL;

    fuzz_begin();
    sdp = sdp_parse(text, &error);
    g_assert_true((sdp != NULL) != (error != NULL));
    if (!sdp)
        return 0;
    written = sdp_to_text(sdp);
    again = sdp_parse(written, &error);
    g_assert_no_error(error);
    check_same(sdp, again);
    return 0;
}
