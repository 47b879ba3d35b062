/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* When a call's ICE servers are asked whether they serve us, and what is told of it. */

#include <config.h>

#include <string.h>

#include "fake-clock.h"
#include "peer/call/call-servers.h"

#define RELAYED "candidate:1 1 UDP 1 192.0.2.1 2000 typ relay raddr 192.0.2.2 rport 2001"
#define HOST "candidate:2 1 UDP 2 192.0.2.2 2001 typ host"
#define STUN "stun:192.0.2.1:3478"
#define FIRST "turn:192.0.2.1:3478"
#define SECOND "turn:192.0.2.9:3478"

/* ---- probes that the test answers ------------------------------------------- */

struct ServerProbe {
    char *url;
    ServerProbeDone done;
    gpointer data;
};

static GPtrArray *probes; /* of ServerProbe */

ServerProbe *server_probe_new(const IceServer *server, TlsTrust *trust, ServerProbeDone done,
                              gpointer data)
{
    ServerProbe *probe = g_new0(ServerProbe, 1);

    probe->url = ice_server_url(server);
    probe->done = done;
    probe->data = data;
    g_ptr_array_add(probes, probe);
    return probe;
}

void server_probe_free(ServerProbe *probe)
{
    g_assert_true(g_ptr_array_remove(probes, probe));
    g_free(probe->url);
    g_free(probe);
}

static void assert_asked(const char *urls)
{
    g_autoptr(GString) asked = g_string_new(NULL);

    for (guint i = 0; i < probes->len; i++)
        g_string_append_printf(asked, "%s%s", i ? " " : "",
                               ((ServerProbe *) probes->pdata[i])->url);
    g_assert_cmpstr(asked->str, ==, urls);
}

static void answer(const char *url, guint code)
{
    for (guint i = 0; i < probes->len; i++) {
        ServerProbe *probe = probes->pdata[i];

        if (strcmp(probe->url, url) == 0) {
            probe->done(code ? SERVER_REFUSED : SERVER_REACHABLE, code, "", probe->data);
            return;
        }
    }
    g_assert_not_reached();
}

/* ---- the call ------------------------------------------------------------------ */

static const char *const one[] = {STUN, "turn:user:word@192.0.2.1", NULL};
static const char *const two[] = {"turn:user:word@192.0.2.1", "turn:user:word@192.0.2.9", NULL};

static void on_failed(const char *url, guint code, const char *words, gpointer data)
{
    g_string_append_printf(data, "%s %u\n", url, code);
}

static CallServers *begin(const char *const *uris, GString *told)
{
    CallServers *servers = call_servers_new(on_failed, told);

    probes = g_ptr_array_new();
    call_servers_found(servers, HOST); /* nothing is asked yet */
    call_servers_found(servers, NULL);
    assert_asked("");
    call_servers_begin(servers, uris, NULL, "AbCd");
    return servers;
}

static void end(CallServers *servers)
{
    call_servers_free(servers);
    assert_asked("");
    g_ptr_array_unref(probes);
}

/* An allocation beside ICE's own may be one too many: there is none while ICE makes its own, and
 * none at a server that has given a candidate. */
static void test_serves(void)
{
    g_autoptr(GString) told = g_string_new(NULL);
    CallServers *servers = begin(one, told);

    assert_asked(STUN);
    answer(STUN, 0);
    call_servers_found(servers, HOST);
    call_servers_found(servers, RELAYED);
    call_servers_found(servers, NULL);
    assert_asked("");
    g_assert_cmpstr(told->str, ==, "");
    end(servers);
}

static void test_serves_not(void)
{
    g_autoptr(GString) told = g_string_new(NULL);
    CallServers *servers = begin(one, told);

    answer(STUN, 400);
    call_servers_found(servers, HOST);
    assert_asked("");
    call_servers_found(servers, NULL);
    assert_asked(FIRST);
    answer(FIRST, 486);
    g_assert_cmpstr(told->str, ==, STUN " 400\n" FIRST " 486\n");
    end(servers);
}

/* Which of them has given the candidate is not known. */
static void test_one_serves(void)
{
    g_autoptr(GString) told = g_string_new(NULL);
    CallServers *servers = begin(two, told);

    call_servers_found(servers, RELAYED);
    call_servers_found(servers, NULL);
    assert_asked(FIRST " " SECOND);
    answer(FIRST, 486);
    answer(SECOND, 401);
    g_assert_cmpstr(told->str, ==, SECOND " 401\n");
    end(servers);
}

static void test_gathers_again(void)
{
    g_autoptr(GString) told = g_string_new(NULL);
    CallServers *servers = begin(one, told);

    call_servers_found(servers, RELAYED);
    call_servers_found(servers, NULL);
    answer(STUN, 0);
    call_servers_begin(servers, one, NULL, "AbCd");
    call_servers_found(servers, NULL); /* as a description that is set anew repeats it */
    assert_asked("");
    call_servers_begin(servers, one, NULL, "EfGh");
    assert_asked(STUN);
    call_servers_found(servers, NULL);
    assert_asked(STUN " " FIRST);
    call_servers_begin(servers, two, NULL, "IjKl");
    assert_asked("");
    end(servers);
}

/* libnice never says that it is done where the way to a turns: server breaks. */
static void test_never_done(void)
{
    g_autoptr(GString) told = g_string_new(NULL);
    CallServers *servers = begin(one, told);

    answer(STUN, 0);
    fake_clock_advance(3 * G_USEC_PER_SEC);
    assert_asked(FIRST);
    call_servers_found(servers, NULL);
    assert_asked(FIRST);
    call_servers_found(servers, RELAYED);
    answer(FIRST, 486);
    g_assert_cmpstr(told->str, ==, "");
    g_assert_cmpint(fake_clock_due(), ==, -1);
    end(servers);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/call-servers/serves", test_serves);
    g_test_add_func("/call-servers/serves-not", test_serves_not);
    g_test_add_func("/call-servers/one-serves", test_one_serves);
    g_test_add_func("/call-servers/never-done", test_never_done);
    g_test_add_func("/call-servers/gathers-again", test_gathers_again);
    return g_test_run();
}
