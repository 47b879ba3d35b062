/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "doctor": tests one thing after the other that a call needs, from the daemon to the path to a
 * peer, and says of each what is found and what to do. It changes nothing: a call that it has
 * to make to look at the path ends with it.
 */

#include <config.h>

#include "ctl/doctor.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

#include "common/candidate.h"
#include "common/clock.h"
#include "common/names.h"
#include "ctl/calls.h"
#include "ctl/command.h"
#include "ctl/shared-call.h"
#include "ctl/text.h"

enum { CALL_LIMIT = 60000 }; /* milliseconds; the daemon gives up before */

static const char *finding_to_string(Finding finding)
{
    static const char *const names[] = {"ok", "warning", "failed", "skipped"};

    return names[finding];
}

static const char *finding_text(Finding finding)
{
    static const char *const names[] = {N_("ok"), N_("warning"), N_("failed"), N_("skipped")};

    return _(names[finding]);
}

static void say_json(Finding finding, const char *step, const char *words)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_add_string(builder, "step", step);
    json_add_string(builder, "state", finding_to_string(finding));
    json_add_string(builder, "words", words);
    json_builder_end_object(builder);
    json_print(builder);
}

void doctor_say(Doctor *doctor, Finding finding, const char *step, const char *format, ...)
{
    va_list arguments;
    g_autofree char *words = NULL, *safe = NULL;
    int pad[2];

    va_start(arguments, format);
    words = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    doctor->failures += finding == FINDING_FAILED;
    if (doctor->client->json) {
        say_json(finding, step, words);
        return;
    }
    safe = text_safe(words);
    pad[0] = MAX(9 - (int) text_columns(finding_text(finding)), 1);
    pad[1] = MAX(18 - (int) text_columns(_(step)), 1);
    g_print("%s%*s%s%*s%s\n", finding_text(finding), pad[0], "", _(step), pad[1], "", safe);
}

/* ---- the daemon --------------------------------------------------------------- */

static bool look_at_daemon(Doctor *doctor)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *words = NULL;

    doctor->peer =
        client_properties(doctor->client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, &error);
    if (doctor->peer) {
        doctor_say(doctor, FINDING_OK, N_("daemon"), _("rtcbus-peer %s runs as \"%s\""),
                   dict_string(doctor->peer, "Version"), dict_string(doctor->peer, "Name"));
        return true;
    }
    words = client_explain(doctor->client, &peer_service, error);
    doctor_say(doctor, FINDING_FAILED, N_("daemon"), "%s", words);
    return false;
}

static void look_at_configuration(Doctor *doctor)
{
    g_autoptr(GVariant) problems =
        g_variant_lookup_value(doctor->peer, "Problems", G_VARIANT_TYPE("as"));
    g_autoptr(GVariant) services =
        g_variant_lookup_value(doctor->peer, "BrokenServices", G_VARIANT_TYPE("as"));
    gsize n = problems ? g_variant_n_children(problems) : 0;
    gsize broken = services ? g_variant_n_children(services) : 0;
    const char *text;

    for (gsize i = 0; i < n; i++) {
        g_variant_get_child(problems, i, "&s", &text);
        doctor_say(doctor, FINDING_WARNING, N_("configuration"), "%s", text);
    }
    for (gsize i = 0; i < broken; i++) {
        g_variant_get_child(services, i, "&s", &text);
        doctor_say(doctor, FINDING_WARNING, N_("configuration"),
                   _("the service %s is not offered; \"rtcbus-peer --check\" tells what is wrong "
                     "with its file"),
                   text);
    }
    text = dict_string(doctor->peer, "ReadingsError");
    if (*text)
        doctor_say(doctor, FINDING_WARNING, N_("readings"), "%s", text);
}

static void look_at_key(Doctor *doctor)
{
    g_autoptr(GVariant) shared =
        g_variant_lookup_value(doctor->peer, "KeySharedWith", G_VARIANT_TYPE("as"));
    g_autofree const char **names = shared ? g_variant_get_strv(shared, NULL) : NULL;
    g_autofree char *list = names && names[0] ? g_strjoinv(", ", (char **) names) : NULL;

    if (list)
        doctor_say(doctor, FINDING_FAILED, N_("key"),
                   _("%s has the same key, as a copy of this machine would: \"rtcbusctl identity "
                     "new\" on one of them makes it another one"),
                   list);
    else
        doctor_say(doctor, FINDING_OK, N_("key"), "%s", dict_string(doctor->peer, "Fingerprint"));
}

/* ---- STUN and TURN -------------------------------------------------------------- */

static bool is_udp_alone(const char *uri)
{
    return !g_str_has_prefix(uri, "turns:") && !strstr(uri, "transport=tcp");
}

static void look_at_server(Doctor *doctor, const char *uri, const char *state, const char *words)
{
    bool good = g_str_equal(state, "reachable");
    Finding finding = good                             ? FINDING_OK
                      : g_str_equal(state, "untested") ? FINDING_SKIPPED
                                                       : FINDING_FAILED;

    doctor_say(doctor, finding, N_("ICE server"), "%s: %s", uri, *words ? words : state);
}

static void look_at_servers(Doctor *doctor)
{
    g_autoptr(GVariant) servers =
        g_variant_lookup_value(doctor->peer, "IceServers", G_VARIANT_TYPE("a(sss)"));
    gsize n = servers ? g_variant_n_children(servers) : 0;
    guint by_udp = 0, answering = 0;

    for (gsize i = 0; i < n; i++) {
        const char *uri, *state, *words;

        g_variant_get_child(servers, i, "(&s&s&s)", &uri, &state, &words);
        look_at_server(doctor, uri, state, words);
        if (is_udp_alone(uri) && !g_str_equal(state, "untested")) {
            by_udp++;
            answering += !g_str_equal(state, "unreachable") && !g_str_equal(state, "unresolved");
        }
    }
    if (n == 0)
        doctor_say(doctor, FINDING_WARNING, N_("ICE server"),
                   _("there is none: enough within one network; two peers behind different NATs "
                     "need a STUN server, and some of them a TURN server (Servers= in peer.conf, "
                     "or in the relay's relay.conf)"));
    if (by_udp > 0 && answering == 0)
        doctor_say(doctor, FINDING_FAILED, N_("UDP"),
                   _("no server answers by UDP: a firewall seems to block it. Calls out of this "
                     "network need a turns: server, or one with ?transport=tcp"));
    else if (answering > 0)
        doctor_say(doctor, FINDING_OK, N_("UDP"), _("gets out of this network and back"));
}

/* ---- a peer ----------------------------------------------------------------------- */

typedef struct {
    Doctor *doctor;
    GMainLoop *loop;
    const char *peer;
    bool connected;
    char *why;
} PathTest;

static void on_connected(gpointer data)
{
    PathTest *test = data;

    test->connected = true;
    g_main_loop_quit(test->loop);
}

static void on_ended(const GError *error, gpointer data)
{
    PathTest *test = data;

    test->why = g_strdup(error->message);
    g_main_loop_quit(test->loop);
}

static const SharedCallOps call_ops = {.connected = on_connected, .ended = on_ended};

static gboolean on_limit(gpointer data)
{
    PathTest *test = data;

    test->why = g_strdup(_("nothing has happened for a minute"));
    g_main_loop_quit(test->loop);
    return G_SOURCE_CONTINUE;
}

static bool is_relayed(const char *candidate)
{
    g_autofree char *type = candidate_type(candidate);

    return g_strcmp0(type, "relay") == 0;
}

static void say_path(Doctor *doctor, GVariant *call)
{
    const char *local = dict_string(call, "LocalCandidate");
    const char *remote = dict_string(call, "RemoteCandidate");
    g_autofree char *here = text_candidate(local), *there = text_candidate(remote);
    g_autofree char *rtt = text_measured(dict_uint64(call, "RoundTripTime"));

    if (is_relayed(local) || is_relayed(remote))
        doctor_say(doctor, FINDING_WARNING, N_("path"),
                   _("by a TURN server (%s ↔ %s), round trip %s: no direct one was found, for both "
                     "are behind NATs that give each remote another port, or UDP is blocked"),
                   here, there, rtt);
    else
        doctor_say(doctor, FINDING_OK, N_("path"), _("direct, %s ↔ %s, round trip %s"), here, there,
                   rtt);
}

static void look_at_path(PathTest *test)
{
    g_autoptr(GPtrArray) calls = call_list_load(test->doctor->client, NULL);

    for (guint i = 0; calls && i < calls->len; i++) {
        const CallEntry *call = calls->pdata[i];

        if (g_str_equal(dict_string(call->properties, "Peer"), test->peer) &&
            g_str_equal(dict_string(call->properties, "State"), "connected")) {
            doctor_say(test->doctor, FINDING_OK, N_("trust"), "%s: %s",
                       call_state_text(dict_string(call->properties, "Trust")),
                       dict_string(call->properties, "RemoteFingerprint"));
            say_path(test->doctor, call->properties);
            return;
        }
    }
}

static void look_at_peer(Doctor *doctor, const char *peer)
{
    PathTest test = {.doctor = doctor, .loop = g_main_loop_new(NULL, FALSE), .peer = peer};
    g_autoptr(GError) error = NULL;
    SharedCall *call = shared_call_new(doctor->client, peer, &call_ops, &test, &error);
    guint limit;

    if (!call) {
        g_autofree char *words = client_explain(doctor->client, &peer_service, error);

        doctor_say(doctor, FINDING_FAILED, N_("call"), "%s", words);
        g_main_loop_unref(test.loop);
        return;
    }
    limit = clock_timer_add(CALL_LIMIT, on_limit, &test);
    if (!shared_call_is_connected(call))
        g_main_loop_run(test.loop);
    g_source_remove(limit);
    if (test.why) {
        doctor_say(doctor, FINDING_FAILED, N_("call"), "%s", test.why);
    } else {
        doctor_say(doctor, FINDING_OK, N_("call"), _("%s is connected"), peer);
        look_at_path(&test);
    }
    shared_call_free(call);
    g_main_loop_unref(test.loop);
    g_free(test.why);
}

/* ---- all of it -------------------------------------------------------------------- */

int doctor_run(BusClient *client, char **arguments)
{
    Doctor doctor = {.client = client};

    if (!look_at_daemon(&doctor))
        return EXIT_FAILURE;
    look_at_configuration(&doctor);
    look_at_key(&doctor);
    doctor_look_at_relay(&doctor);
    look_at_servers(&doctor);
    if (arguments[0])
        look_at_peer(&doctor, arguments[0]);
    g_variant_unref(doctor.peer);
    return doctor.failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
