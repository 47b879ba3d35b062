/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What others chose is shown without harm, and what harms nobody as it is */

#include <config.h>

#include "common/printable.h"

#include <json-glib/json-glib.h>
#include <string.h>

static void test_kept(void)
{
    static const char *const texts[] = {
        "",    "laptop", "küche & co", "台所",      "مطبخ",
        "a b", "€ 🎉",    "\"\\?",      "e\xcc\x81", /* a letter and its accent */
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *shown = printable(texts[i]);

        g_assert_true(is_printable(texts[i]));
        g_assert_cmpstr(shown, ==, texts[i]);
    }
}

static void test_each_control(void)
{
    for (gunichar c = 1; c < 0xa0; c++) {
        char text[8] = "a";
        g_autofree char *shown = NULL;

        if (c >= 0x20 && c < 0x7f)
            continue;
        strcpy(text + 1 + g_unichar_to_utf8(c, text + 1), "b");
        shown = printable(text);
        g_assert_false(is_printable(text));
        g_assert_cmpstr(shown, ==, "a\uFFFDb");
    }
}

static void test_each_hidden(void)
{
    static const char *const texts[] = {
        "\u200b", "\u200c", "\u200d", "\u200e", "\u200f",     "\u2028",     "\u2029", "\u202a",
        "\u202b", "\u202c", "\u202d", "\u202e", "\u2066",     "\u2067",     "\u2068", "\u2069",
        "\ufeff", "\u061c", "\u00ad", "\u3164", "\U000e0041", "\U000e0fff", "\u0378",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *text = g_strconcat("a", texts[i], "b", NULL);
        g_autofree char *shown = printable(text);

        g_assert_false(is_printable(text));
        g_assert_cmpstr(shown, ==, "a\uFFFDb");
    }
}

static void test_not_utf8(void)
{
    static const char *const texts[] = {("a\xff"
                                         "b"),
                                        "a\xc0\xaf", "\xed\xa0\x80", "a\xe2\x82"};

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *shown = printable(texts[i]);

        g_assert_false(is_printable(texts[i]));
        g_assert_true(is_printable(shown));
        g_assert_nonnull(strstr(shown, "\uFFFD"));
    }
}

static void test_json(void)
{
    static const char name[] = "\033[31mevil\n\u202e\xc2\x9b"
                               "31m\u2028 \U000e0041 ü\"\\";
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_VALUE);
    g_autoptr(JsonNode) again = NULL;
    g_autofree char *raw = NULL, *text = NULL;

    json_node_set_string(node, name);
    raw = json_to_string(node, FALSE);
    text = printable_json(raw);
    g_assert_true(is_printable(text));
    g_assert_nonnull(strstr(text, "\\u202e"));
    g_assert_nonnull(strstr(text, "\\udb40\\udc41"));
    g_assert_nonnull(strstr(text, "ü"));
    again = json_from_string(text, NULL);
    g_assert_nonnull(again);
    g_assert_cmpstr(json_node_get_string(again), ==, name);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/printable/kept", test_kept);
    g_test_add_func("/printable/each-control", test_each_control);
    g_test_add_func("/printable/each-hidden", test_each_hidden);
    g_test_add_func("/printable/not-utf8", test_not_utf8);
    g_test_add_func("/printable/json", test_json);
    return g_test_run();
}
