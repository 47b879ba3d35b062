/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Messages from pieces, without anything that they come by. */

#include <config.h>

#include "rtc/sctp/reassembly.h"

#include <string.h>

#define PPID 51
#define MAX_MESSAGE 10
#define MAX_ALL 24

static GString *seen; /* "stream:text " for each message, "stream! " for one that is too large */

static void on_message(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length,
                       gpointer data)
{
    g_assert_cmpuint(ppid, ==, PPID);
    g_string_append_printf(seen, "%u:%.*s ", stream, (int) length, (const char *) bytes);
}

static void on_oversized(guint16 stream, gpointer data)
{
    g_string_append_printf(seen, "%u! ", stream);
}

static const ReassemblyOps ops = {.message = on_message, .oversized = on_oversized};

static Reassembly *set_up(void)
{
    seen = g_string_new(NULL);
    return reassembly_new(MAX_MESSAGE, MAX_ALL, &ops, NULL);
}

static void tear_down(Reassembly *reassembly)
{
    reassembly_free(reassembly);
    g_string_free(seen, TRUE);
}

static void add(Reassembly *reassembly, guint16 stream, const char *text, PieceEnd end)
{
    reassembly_add(reassembly, stream, PPID, (const guint8 *) text, strlen(text), end);
}

#define assert_seen(text) g_assert_cmpstr(seen->str, ==, text)

/* One piece is handed up at once, without a copy; of several, the end has to be certain. */
static void test_whole(void)
{
    Reassembly *reassembly = set_up();

    add(reassembly, 1, "one", PIECE_LAST);
    assert_seen("1:one ");
    add(reassembly, 1, "t", PIECE_MORE);
    add(reassembly, 2, "thr", PIECE_MORE);
    add(reassembly, 1, "wo", PIECE_LAST);
    assert_seen("1:one ");
    g_assert_cmpuint(reassembly_bytes(reassembly), ==, 3);
    add(reassembly, 2, "ee", PIECE_LAST);
    assert_seen("1:one 1:two ");
    reassembly_settle(reassembly);
    reassembly_settle(reassembly);
    assert_seen("1:one 1:two 2:three ");
    add(reassembly, 3, "", PIECE_LAST);
    assert_seen("1:one 1:two 2:three 3: ");
    g_assert_cmpuint(reassembly_bytes(reassembly), ==, 0);
    tear_down(reassembly);
}

/* What was given up is neither handed up as a whole nor put before the next. */
static void test_given_up(void)
{
    Reassembly *reassembly = set_up();

    add(reassembly, 1, "begin", PIECE_MORE);
    reassembly_give_up(reassembly, 1);
    add(reassembly, 1, "next", PIECE_LAST);
    assert_seen("1:next ");
    add(reassembly, 1, "be", PIECE_MORE);
    add(reassembly, 1, "gin", PIECE_LAST); /* as far as it is here */
    reassembly_give_up(reassembly, 1);
    reassembly_settle(reassembly);
    assert_seen("1:next ");
    add(reassembly, 1, "alone", PIECE_LAST_PERHAPS);
    reassembly_give_up(reassembly, 1);
    add(reassembly, 1, "alone?", PIECE_LAST_PERHAPS);
    reassembly_give_up(reassembly, 2); /* another one */
    assert_seen("1:next 1:alone? ");
    reassembly_give_up(reassembly, 3);
    g_assert_cmpuint(reassembly_bytes(reassembly), ==, 0);
    tear_down(reassembly);
}

static void test_ended(void)
{
    Reassembly *reassembly = set_up();

    add(reassembly, 1, "who", PIECE_MORE);
    add(reassembly, 1, "le", PIECE_LAST);
    reassembly_end(reassembly, 1);
    assert_seen("1:whole ");
    add(reassembly, 1, "stale", PIECE_MORE);
    reassembly_end(reassembly, 1);
    g_assert_cmpuint(reassembly_bytes(reassembly), ==, 0);
    add(reassembly, 1, "new", PIECE_LAST);
    assert_seen("1:whole 1:new ");
    tear_down(reassembly);
}

/* It is told once, and the next one on the stream is as any other. */
static void test_oversized(void)
{
    Reassembly *reassembly = set_up();

    add(reassembly, 1, "0123456789a", PIECE_LAST);
    assert_seen("1! ");
    add(reassembly, 1, "0123456789", PIECE_MORE);
    add(reassembly, 1, "a", PIECE_MORE);
    assert_seen("1! 1! ");
    g_assert_cmpuint(reassembly_bytes(reassembly), ==, 0);
    add(reassembly, 1, "much more of it", PIECE_MORE);
    add(reassembly, 1, "end", PIECE_LAST);
    add(reassembly, 1, "0123456789", PIECE_LAST);
    assert_seen("1! 1! 1:0123456789 ");
    tear_down(reassembly);
}

/* All streams together have a limit too. */
static void test_all(void)
{
    Reassembly *reassembly = set_up();

    add(reassembly, 1, "01234567", PIECE_MORE);
    add(reassembly, 2, "01234567", PIECE_MORE);
    add(reassembly, 3, "01234567", PIECE_MORE);
    add(reassembly, 4, "0", PIECE_MORE);
    assert_seen("4! ");
    g_assert_cmpuint(reassembly_bytes(reassembly), ==, MAX_ALL);
    reassembly_end(reassembly, 2);
    add(reassembly, 5, "01234567", PIECE_MORE);
    assert_seen("4! ");
    tear_down(reassembly);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reassembly/whole", test_whole);
    g_test_add_func("/reassembly/given-up", test_given_up);
    g_test_add_func("/reassembly/ended", test_ended);
    g_test_add_func("/reassembly/oversized", test_oversized);
    g_test_add_func("/reassembly/all", test_all);
    return g_test_run();
}
