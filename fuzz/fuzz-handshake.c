/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The HTTP request that a WebSocket begins with. Nothing of it may end a line of
 * what we write because of it: the answers.
 */

#include <config.h>

#include "fuzz.h"

#include <string.h>

#include "relay/handshake.h"

static void check_clean(const char *text)
{
    g_assert_true(!text || !strpbrk(text, "\r\n"));
}

/* The answer to an upgrade has the lines that we wrote, and no other. */
static void check_accept(const Handshake *handshake)
{
    g_autofree char *answer = handshake_accept(handshake, "accept");
    g_auto(GStrv) lines = g_strsplit(answer, "\r\n", -1);

    g_assert_cmpuint(g_strv_length(lines), ==, handshake->protocol ? 7 : 6);
}

static void check_handshake(const Handshake *handshake)
{
    g_assert_nonnull(handshake->room);
    g_assert_nonnull(handshake->name);
    g_assert_cmpint(handshake->upgrade, ==, handshake->key != NULL);
    check_clean(handshake->key);
    check_clean(handshake->protocol);
    check_clean(handshake->host);
    check_clean(handshake->origin);
    check_clean(handshake->if_none_match);
    if (!handshake->upgrade)
        return;
    g_assert_cmpuint(strlen(handshake->key), ==, 24); /* RFC 6455 section 4.1: of 16 bytes */
    check_accept(handshake);
}

static void check_answer(int status, const char *reason)
{
    g_autofree char *answer = handshake_answer(status, reason, 1, true);

    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 "));
    g_assert_nonnull(strstr(answer, "\r\n\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *head = fuzz_copy(data, size);
    g_auto(Handshake) handshake = {};
    const char *reason = NULL;
    int status;

    fuzz_begin();
    if (size > HANDSHAKE_MAX)
        return 0;
    status = handshake_parse(head, size, &handshake, &reason);
    g_assert_true(status == 0 || (status >= 400 && status < 600));
    if (status == 0)
        check_handshake(&handshake);
    else
        check_answer(status, reason);
    return 0;
}
