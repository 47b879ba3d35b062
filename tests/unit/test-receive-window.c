/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/sctp/receive-window.h"

#define MAX_SIZE (2 * 1024 * 1024)
#define ROOM (416 * 1024)
#define SECOND G_USEC_PER_SEC

static void test_overflow(void)
{
    ReceiveWindow window = {MAX_SIZE, MAX_SIZE, 0};
    gint64 now = SECOND;

    g_assert_true(receive_window_overflow(&window, ROOM, now));
    g_assert_cmpuint(window.size, ==, ROOM / 2);
    /* more of the same go */
    g_assert_false(receive_window_overflow(&window, ROOM, now + 1000));
    g_assert_cmpuint(window.size, ==, ROOM / 2);
    /* it was not enough */
    now += SECOND;
    g_assert_true(receive_window_overflow(&window, ROOM, now));
    g_assert_cmpuint(window.size, ==, ROOM / 4);
    for (int i = 0; i < 10; i++)
        receive_window_overflow(&window, ROOM, now += SECOND);
    g_assert_cmpuint(window.size, ==, 64 * 1024);
}

/* A buffer that holds more than the window is overflowed by something else. */
static void test_large_room(void)
{
    ReceiveWindow window = {MAX_SIZE, MAX_SIZE, 0};

    g_assert_true(receive_window_overflow(&window, 4 * MAX_SIZE, SECOND));
    g_assert_cmpuint(window.size, ==, MAX_SIZE / 2);
}

static void test_relax(void)
{
    ReceiveWindow window = {MAX_SIZE, MAX_SIZE, 0};
    gint64 now = SECOND;
    int seconds = 0;

    g_assert_false(receive_window_relax(&window, now));
    receive_window_overflow(&window, ROOM, now);
    g_assert_false(receive_window_relax(&window, now + SECOND / 2));
    while (window.size < MAX_SIZE) {
        gsize before = window.size;

        g_assert_true(receive_window_relax(&window, now += SECOND));
        g_assert_cmpuint(window.size, >, before);
        seconds++;
    }
    g_assert_cmpuint(window.size, ==, MAX_SIZE);
    g_assert_cmpint(seconds, <, 30);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/receive-window/overflow", test_overflow);
    g_test_add_func("/receive-window/large-room", test_large_room);
    g_test_add_func("/receive-window/relax", test_relax);
    return g_test_run();
}
