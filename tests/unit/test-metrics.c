/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The text format of Prometheus, histograms, and whose name a Host is. */

#include <config.h>

#include <gio/gio.h>
#include <locale.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/authority.h"
#include "common/metrics-server.h"
#include "common/metrics.h"
#include "wait.h"

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

/* ---- the server ------------------------------------------------------------------- */

static GString *on_page(gpointer data)
{
    return g_string_new("page");
}

static const char *on_trouble(gpointer data)
{
    return NULL;
}

static const MetricsServerOps server_ops = {on_page, on_trouble};

static GSocketConnection *visit(const char *url)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GError) error = NULL;
    GSocketConnection *connection = g_socket_client_connect_to_uri(client, url, 80, NULL, &error);
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

    if (connection)
        g_assert_true(
            g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)),
                                      request, strlen(request), NULL, NULL, NULL));
    return connection;
}

static bool is_answered(GSocketConnection *connection)
{
    return g_socket_condition_check(g_socket_connection_get_socket(connection), G_IO_IN) != 0;
}

/* Without a descriptor for it, who visits has to wait, and nobody else: the loop sleeps. */
static void test_no_descriptors(void)
{
    char *addresses[] = {(char *) "127.0.0.1:0", NULL}, *names[] = {NULL};
    MetricsServer *server = metrics_server_new(addresses, names, &server_ops, NULL, NULL);
    g_autoptr(GSocketConnection) connection = visit(metrics_server_addresses(server)[0]);
    struct rlimit before, none;
    int lowest = dup(STDERR_FILENO);
    guint turns = 0;

    close(lowest);
    g_assert_nonnull(connection);
    g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
    none = before;
    none.rlim_cur = (rlim_t) lowest;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
    while (turns < 1000 && g_main_context_iteration(NULL, FALSE))
        turns++;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
    g_assert_cmpuint(turns, <, 1000);
    g_assert_false(is_answered(connection));
    wait_until(is_answered(connection));
    metrics_server_free(server);
}

static void check_listens(const char *url, bool wanted)
{
    g_autoptr(GSocketConnection) connection = visit(url);

    g_assert_true((connection != NULL) == wanted);
    if (connection)
        wait_until(is_answered(connection));
}

static char *address_of(const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);

    return g_strdup_printf("%s:%d", g_uri_get_host(uri), g_uri_get_port(uri));
}

static void test_listen_again(void)
{
    char *first[] = {(char *) "127.0.0.1:0", NULL}, *both[] = {first[0], (char *) "[::1]:0", NULL};
    char *second[] = {both[1], NULL}, *names[] = {NULL};
    MetricsServer *server = metrics_server_new(first, names, &server_ops, NULL, NULL);
    MetricsServer *neighbour = metrics_server_new(first, names, &server_ops, NULL, NULL);
    g_autofree char *taken = address_of(metrics_server_addresses(neighbour)[0]);
    char *bad[] = {taken, NULL};
    g_autofree char *one = g_strdup(metrics_server_addresses(server)[0]), *other = NULL;
    g_autoptr(GError) error = NULL;
    bool changed = true;

    g_assert_true(metrics_server_listen(server, first, &changed, NULL));
    g_assert_false(changed);
    g_assert_false(metrics_server_listen(server, bad, &changed, &error));
    g_assert_nonnull(strstr(error->message, taken));
    check_listens(one, true);
    if (metrics_server_listen(server, both, &changed, NULL)) { /* there is IPv6 */
        g_assert_true(changed);
        other = g_strdup(metrics_server_addresses(server)[1]);
        check_listens(one, true);
        check_listens(other, true);
        g_assert_true(metrics_server_listen(server, second, &changed, NULL));
        check_listens(other, true);
    } else {
        g_assert_true(metrics_server_listen(server, first + 1, &changed, NULL));
    }
    g_assert_true(changed);
    check_listens(one, false);
    metrics_server_free(neighbour);
    metrics_server_free(server);
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL); /* faults are warned of */
    g_test_add_func("/metrics/text", test_text);
    g_test_add_func("/metrics/histogram", test_histogram);
    g_test_add_func("/metrics/sum", test_sum);
    g_test_add_func("/metrics/names", test_names);
    g_test_add_func("/metrics/server/no-descriptors", test_no_descriptors);
    g_test_add_func("/metrics/server/listen-again", test_listen_again);
    return g_test_run();
}
