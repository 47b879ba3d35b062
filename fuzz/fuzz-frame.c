/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Signaling frames. Whatever is read can be described in printable words, and a
 * frame between peers is the same after it has been written and read again.
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "common/candidate.h"
#include "common/printable.h"
#include "signaling/frame.h"

static void check_words(const Frame *frame)
{
    g_autofree char *words = frame_describe(frame);
    g_autofree char *type = candidate_type(frame->candidate);

    g_assert_true(is_printable(words));
    if (type)
        g_assert_true(is_printable(type));
}

static bool is_between_peers(const Frame *frame)
{
    return frame->type >= FRAME_CALL && frame->type <= FRAME_PAIR;
}

static void check_written(const Frame *frame)
{
    g_autoptr(Frame) copy = frame_copy(frame), again = NULL;
    g_autofree char *text = frame_write(copy);

    again = frame_parse(text, strlen(text), NULL);
    g_assert_nonnull(again);
    g_assert_cmpint(again->type, ==, frame->type);
    g_assert_cmpstr(again->to, ==, frame->to);
    g_assert_cmpstr(again->session, ==, frame->session);
    g_assert_cmpstr(again->channel_id, ==, frame->channel_id);
    g_assert_cmpstr(again->reason, ==, frame->reason);
    g_assert_cmpstr(again->step, ==, frame->step);
    g_assert_cmpstr(again->data, ==, frame->data);
    g_assert_cmpstr(again->sdp, ==, frame->sdp);
    g_assert_cmpstr(again->candidate, ==, frame->candidate);
    g_assert_cmpstr(again->mid, ==, frame->mid);
    g_assert_cmpstr(again->ufrag, ==, frame->ufrag);
    g_assert_cmpint(again->mline_index, ==, frame->mline_index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = fuzz_copy(data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(Frame) frame = NULL;

    fuzz_begin();
    frame = frame_parse(text, size, &error);
    g_assert_true((frame != NULL) != (error != NULL));
    if (!frame)
        return 0;
    check_words(frame);
    if (is_between_peers(frame))
        check_written(frame);
    return 0;
}
