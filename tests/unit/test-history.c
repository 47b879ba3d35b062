/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The history of numbers, and numbers as text. */

#include <config.h>

#include "peer/readings/history.h"
#include "peer/readings/number.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void collect(const ReceivedNumber *number, gpointer data)
{
    g_array_append_vals(data, number, 1);
}

/* Reads, and checks that FIRST…LAST came (none if FIRST is above LAST). */
static void expect(const History *history, guint64 after, guint max, guint64 first, guint64 last,
                   guint64 lost)
{
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(ReceivedNumber));

    g_assert_cmpuint(history_read(history, after, max, collect, numbers), ==, lost);
    g_assert_cmpuint(numbers->len, ==, first > last ? 0 : last - first + 1);
    for (guint i = 0; i < numbers->len; i++) {
        const ReceivedNumber *number = &g_array_index(numbers, ReceivedNumber, i);

        g_assert_cmpuint(number->sequence, ==, first + i);
        g_assert_cmpuint(number->time, ==, 1000 * number->sequence);
        g_assert_cmpfloat(number->value, ==, number->sequence / 4.0);
        g_assert_cmpstr(number->peer, ==, number->sequence % 2 ? "odd" : "even");
    }
}

static void fill(History *history, guint count)
{
    for (guint i = 0; i < count; i++) {
        guint64 next = history_count(history) + 1;

        g_assert_cmpuint(history_add(history, 1000 * next, next % 2 ? "odd" : "even", next / 4.0),
                         ==, next);
    }
}

static void test_empty(void)
{
    g_autoptr(History) history = history_new(10);
    ReceivedNumber last;

    expect(history, 0, 0, 1, 0, 0);
    expect(history, G_MAXUINT64, 0, 1, 0, 0);
    g_assert_false(history_last(history, &last));
    g_assert_cmpuint(history_count(history), ==, 0);
}

static void test_read(void)
{
    g_autoptr(History) history = history_new(10);
    ReceivedNumber last;

    fill(history, 7);
    expect(history, 0, 0, 1, 7, 0);
    expect(history, 0, 3, 1, 3, 0);
    expect(history, 3, 3, 4, 6, 0);
    expect(history, 6, 3, 7, 7, 0);
    expect(history, 7, 0, 1, 0, 0);
    expect(history, 1000, 0, 1, 0, 0);
    g_assert_true(history_last(history, &last));
    g_assert_cmpuint(last.sequence, ==, 7);
}

static void test_lost(void)
{
    g_autoptr(History) history = history_new(10);

    fill(history, 10);
    expect(history, 0, 0, 1, 10, 0);
    fill(history, 1);
    expect(history, 0, 0, 2, 11, 1);
    expect(history, 1, 0, 2, 11, 0);
    fill(history, 989);
    expect(history, 0, 0, 991, 1000, 990);
    expect(history, 500, 2, 991, 992, 490);
    expect(history, 990, 0, 991, 1000, 0);
    expect(history, 995, 0, 996, 1000, 0);
}

static void test_capacity(void)
{
    g_autoptr(History) history = history_new(200);
    g_autoptr(History) tiny = history_new(0);

    fill(history, 150);
    history_set_capacity(history, 40);
    expect(history, 0, 0, 111, 150, 110);
    fill(history, 5);
    expect(history, 0, 0, 116, 155, 115);
    history_set_capacity(history, 300);
    fill(history, 100);
    expect(history, 0, 0, 116, 255, 115);
    fill(history, 1000);
    expect(history, 0, 0, 956, 1255, 955);
    history_set_capacity(history, 1);
    expect(history, 0, 0, 1255, 1255, 1254);
    fill(tiny, 3);
    expect(tiny, 0, 0, 3, 3, 2);
}

static void test_peer(void)
{
    g_autoptr(History) history = history_new(2);
    ReceivedNumber last;

    history_add(history, 0, NULL, 0);
    g_assert_true(history_last(history, &last));
    g_assert_cmpstr(last.peer, ==, "");
}

static void test_parse(void)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {
        {"0", 0},  {"16777215", 16777215}, {"-3", -3},       {"+4", 4},  {"1.5", 1.5},  {".5", .5},
        {"5.", 5}, {"1e3", 1000},          {"-2E-2", -0.02}, {"007", 7}, {"1e-400", 0},
    };
    static const char *const bad[] = {
        "",    " ",  "1 ", " 1",  "1\n", "0x10", "nan", "inf",        "-inf",  "infinity", "1e999",
        "1,5", "e5", "1e", "1e+", "--1", "+",    ".",   "12 monkeys", "1.2.3", "\xd9\xa1",
    };
    g_autofree char *longest = g_strnfill(1000, '1');
    double value = 42;

    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(number_parse(good[i].text, strlen(good[i].text), &value));
        g_assert_cmpfloat(value, ==, good[i].value);
    }
    value = 42;
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("'%s'", bad[i]);
        g_assert_false(number_parse(bad[i], strlen(bad[i]), &value));
    }
    g_assert_false(number_parse("1\0002", 3, &value));
    g_assert_false(number_parse(longest, 1000, &value));
    g_assert_cmpfloat(value, ==, 42);
    /* not terminated */
    g_assert_true(number_parse("1234", 2, &value));
    g_assert_cmpfloat(value, ==, 12);
}

static void format(double value, const char *wanted)
{
    g_autofree char *text = number_format(value);

    g_assert_cmpstr(text, ==, wanted);
}

static void test_format(void)
{
    format(0, "0");
    format(-0.0, "0");
    format(16777215, "16777215");
    format(-7, "-7");
    format(0.1, "0.1");
    format(21.5, "21.5");
    format(1 / 3.0, "0.3333333333333333");
    format(1e300, "1e+300");
    format(5e-324, "5e-324");
    format(999999999999999, "999999999999999");
}

static void test_format_round_trip(void)
{
    for (guint i = 0; i < 20000; i++) {
        union {
            guint64 bits;
            double value;
        } number = {.bits = (guint64) g_test_rand_int() << 32 | (guint32) g_test_rand_int()};
        g_autofree char *text = NULL;
        double back;

        if (!isfinite(number.value))
            continue;
        text = number_format(number.value);
        g_assert_true(number_parse(text, strlen(text), &back));
        g_assert_cmpfloat(back, ==, number.value);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/history/empty", test_empty);
    g_test_add_func("/history/read", test_read);
    g_test_add_func("/history/lost", test_lost);
    g_test_add_func("/history/capacity", test_capacity);
    g_test_add_func("/history/peer", test_peer);
    g_test_add_func("/history/parse", test_parse);
    g_test_add_func("/history/format", test_format);
    g_test_add_func("/history/format-round-trip", test_format_round_trip);
    return g_test_run();
}
