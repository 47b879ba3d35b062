/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The text format of Prometheus, histograms, and whose name a Host is. */

#include <config.h>

#include <locale.h>
#include <string.h>

#include "common/authority.h"
#include "common/metrics.h"

static void test_text(void)
{
    g_autoptr(GString) page = g_string_new(NULL);

    metrics_counter(page, "a_total", "How many.", 7);
    metrics_begin(page, "b", "gauge", "Which.");
    metrics_real(page, "b", "x=\"1\"", 0.5);
    metrics_count(page, "b", "x=\"2\"", G_MAXUINT64);
    g_assert_cmpstr(page->str, ==,
                    "# HELP a_total How many.\n# TYPE a_total counter\na_total 7\n"
                    "# HELP b Which.\n# TYPE b gauge\nb{x=\"1\"} 0.5\n"
                    "b{x=\"2\"} 18446744073709551615\n");
}

/* The bucket that DURATION is in, by what the page says. */
static void check_bound(gint64 duration, const char *below, const char *in)
{
    Histogram histogram = {};
    g_autoptr(GString) page = g_string_new(NULL);
    g_autofree char *zero = g_strdup_printf("\nh_bucket{le=\"%s\"} 0\n", below);
    g_autofree char *one = g_strdup_printf("\nh_bucket{le=\"%s\"} 1\n", in);

    histogram_observe(&histogram, duration);
    metrics_histogram(page, "h", "Time.", &histogram);
    if (*below)
        g_assert_nonnull(strstr(page->str, zero));
    g_assert_nonnull(strstr(page->str, one));
    g_assert_nonnull(strstr(page->str, "\nh_bucket{le=\"+Inf\"} 1\n"));
    g_assert_nonnull(strstr(page->str, "\nh_count 1\n"));
}

static void test_histogram(void)
{
    check_bound(-5, "", "6.4e-05");
    check_bound(0, "", "6.4e-05");
    check_bound(64, "", "6.4e-05");
    check_bound(65, "6.4e-05", "0.000128");
    check_bound(128, "6.4e-05", "0.000128");
    check_bound(129, "0.000128", "0.000256");
    check_bound(1000000, "0.524288", "1.048576");
    check_bound(8388608, "4.194304", "8.388608");
    check_bound(8388609, "8.388608", "+Inf");
    check_bound(G_MAXINT64, "8.388608", "+Inf");
}

static void test_sum(void)
{
    Histogram histogram = {};
    g_autoptr(GString) page = g_string_new(NULL);

    histogram_observe(&histogram, 250000);
    histogram_observe(&histogram, 1250000);
    metrics_histogram(page, "h", "Time.", &histogram);
    g_assert_nonnull(strstr(page->str, "\nh_sum 1.5\nh_count 2\n"));
}

static void test_names(void)
{
    char *names[] = {(char *) "relay.example.org", NULL};

    g_assert_true(authority_is_ours("127.0.0.1:9640", NULL, "box"));
    g_assert_true(authority_is_ours("[::1]:9640", NULL, "box"));
    g_assert_true(authority_is_ours("localhost", NULL, "box"));
    g_assert_true(authority_is_ours("BOX:80", NULL, "box.example.net"));
    g_assert_true(authority_is_ours("box.local", NULL, "x"));
    g_assert_true(authority_is_ours("Relay.Example.org.:1", names, "x"));
    g_assert_false(authority_is_ours("relay.example.org", NULL, "box"));
    g_assert_false(authority_is_ours("evil.example", names, "box"));
    g_assert_false(authority_is_ours("", names, ""));
    g_assert_false(authority_is_ours("box:99999", names, "box"));
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/metrics/text", test_text);
    g_test_add_func("/metrics/histogram", test_histogram);
    g_test_add_func("/metrics/sum", test_sum);
    g_test_add_func("/metrics/names", test_names);
    return g_test_run();
}
