/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What waits for a client: whatever is written of it at a time, it is the same
 * bytes in the same order, and the memory is given back. */

#include <config.h>

#include <string.h>

#include "relay/outbox.h"

static Message *message(Quota *quota, gsize size, char fill)
{
    Message *message = message_new(quota, size);

    memset(message_text(message), fill, size);
    return message;
}

/* RFC 6455 section 5.2 */
static void test_frames(void)
{
    static const struct {
        gsize size;
        guint header_size;
        guchar header[10];
    } cases[] = {
        {0, 2, {0x81, 0}},
        {125, 2, {0x81, 125}},
        {126, 4, {0x81, 126, 0, 126}},
        {65535, 4, {0x81, 126, 0xff, 0xff}},
        {65536, 10, {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
    };
    QuotaLimits none = {};
    g_autoptr(Quota) quota = quota_new(&none);

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Message) m = message(quota, cases[i].size, 'x');
        struct iovec frame = message_frame(m);

        g_assert_cmpmem(frame.iov_base, cases[i].header_size, cases[i].header,
                        cases[i].header_size);
        g_assert_cmpuint(frame.iov_len, ==, cases[i].header_size + cases[i].size);
        g_assert_true((char *) frame.iov_base + cases[i].header_size == message_text(m));
    }
    g_assert_cmpuint(quota_bytes(quota), ==, 0);
}

/* Pushes 1000 messages and writes at most CHUNK bytes at a time. */
static void check_stream(gsize chunk)
{
    QuotaLimits none = {};
    g_autoptr(Quota) quota = quota_new(&none);
    g_autoptr(GByteArray) expected = g_byte_array_new(), got = g_byte_array_new();
    Outbox outbox = {};

    for (guint i = 0; i < 1000; i++) {
        g_autoptr(Message) m = message(quota, i * 7 % 300, (char) ('a' + i % 26));
        struct iovec frame = message_frame(m), pieces[5];
        gsize left = chunk, written = 0;

        g_byte_array_append(expected, frame.iov_base, (guint) frame.iov_len);
        outbox_push(&outbox, m);
        if (i % 3 != 0)
            continue; /* so that it fills up in between */
        for (guint p = 0, n = outbox_gather(&outbox, pieces, 5); p < n && left > 0; p++) {
            gsize part = MIN(left, pieces[p].iov_len);

            g_byte_array_append(got, pieces[p].iov_base, (guint) part);
            written += part;
            left -= part;
        }
        outbox_written(&outbox, written, NULL, 0);
    }
    while (!outbox_is_empty(&outbox)) {
        struct iovec piece;

        g_assert_cmpuint(outbox_gather(&outbox, &piece, 1), ==, 1);
        g_byte_array_append(got, piece.iov_base, (guint) piece.iov_len);
        outbox_written(&outbox, piece.iov_len, NULL, 0);
    }
    g_assert_cmpmem(got->data, got->len, expected->data, expected->len);
    g_assert_cmpuint(outbox.bytes, ==, 0);
    g_assert_null(outbox.messages);
    g_assert_cmpuint(quota_bytes(quota), ==, 0);
}

static void test_stream(void)
{
    for (gsize chunk = 1; chunk < 1500; chunk += 13)
        check_stream(chunk);
}

/* A message that waits for many is there once, and goes with the last. */
static void test_shared(void)
{
    QuotaLimits none = {};
    g_autoptr(Quota) quota = quota_new(&none);
    Outbox outboxes[3] = {};
    Message *m = message(quota, 1000, 'x');
    gsize once = quota_bytes(quota);

    for (gsize i = 0; i < G_N_ELEMENTS(outboxes); i++) {
        outbox_push(&outboxes[i], m);
        g_assert_cmpuint(outboxes[i].bytes, ==, message_cost(m));
    }
    message_unref(m);
    g_assert_cmpuint(quota_bytes(quota), ==, once);
    outbox_clear(&outboxes[0]);
    outbox_clear(&outboxes[1]);
    g_assert_cmpuint(quota_bytes(quota), ==, once);
    outbox_clear(&outboxes[2]);
    g_assert_cmpuint(quota_bytes(quota), ==, 0);
}

/* Nothing comes within a frame: what is to be next is behind the one that is written
 * in part, and that one stays when all others go. */
static void test_next(void)
{
    QuotaLimits none = {};
    g_autoptr(Quota) quota = quota_new(&none);
    g_autoptr(Message) a = message(quota, 10, 'a'), b = message(quota, 10, 'b');
    g_autoptr(Message) ping = message_new_control(quota, 9, "ping", 4);
    struct iovec pieces[5];
    Outbox outbox = {};

    outbox_push(&outbox, a);
    outbox_push(&outbox, b);
    outbox_push_next(&outbox, ping);
    g_assert_cmpuint(outbox_gather(&outbox, pieces, 5), ==, 3);
    g_assert_cmpmem(pieces[0].iov_base, pieces[0].iov_len, "\x89\4ping", 6);
    outbox_written(&outbox, 6 + 5, NULL, 0);
    outbox_push_next(&outbox, ping);
    g_assert_cmpuint(outbox_gather(&outbox, pieces, 5), ==, 3);
    g_assert_cmpmem(pieces[0].iov_base, pieces[0].iov_len, "aaaaaaa", 7);
    g_assert_cmpmem(pieces[1].iov_base, pieces[1].iov_len, "\x89\4ping", 6);
    outbox_cut(&outbox);
    g_assert_cmpuint(outbox_gather(&outbox, pieces, 5), ==, 1);
    outbox_written(&outbox, 7, NULL, 0);
    g_assert_true(outbox_is_empty(&outbox));
    outbox_push(&outbox, b);
    outbox_cut(&outbox);
    g_assert_true(outbox_is_empty(&outbox));
    g_assert_cmpuint(outbox.bytes, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/outbox/frames", test_frames);
    g_test_add_func("/outbox/stream", test_stream);
    g_test_add_func("/outbox/shared", test_shared);
    g_test_add_func("/outbox/next", test_next);
    return g_test_run();
}
