/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Numbers as text. */

#include <config.h>

#include "peer/readings/number.h"

#include <math.h>
#include <string.h>

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
    g_test_add_func("/number/parse", test_parse);
    g_test_add_func("/number/format", test_format);
    g_test_add_func("/number/format-round-trip", test_format_round_trip);
    return g_test_run();
}
