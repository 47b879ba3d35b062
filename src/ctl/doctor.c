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
#include "ctl/daemon-words.h"
#include "ctl/shared-call.h"
#include "ctl/text.h"

enum {
    CALL_LIMIT = 60000, /* milliseconds; the daemon gives up before */
    PAUSE = 200,        /* milliseconds */
    SERVERS_LIMIT = 12, /* seconds; it has asked one of them before */
};

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
    g_autofree char *said = NULL, *words = NULL, *safe = NULL;
    int pad[2];

    va_start(arguments, format);
    said = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    words = daemon_words(said);
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

    doctor_say(doctor, finding, N_("ICE server"), "%s: %s", uri, _(*words ? words : state));
    doctor->has_turn = doctor->has_turn || (good && g_str_has_prefix(uri, "turn"));
}

static GVariant *load_servers(Doctor *doctor)
{
    GVariant *servers =
        g_variant_lookup_value(doctor->peer, "IceServers", G_VARIANT_TYPE("a(sss)"));

    return servers ? servers : g_variant_ref_sink(g_variant_new("a(sss)", NULL));
}

static bool has_untested(Doctor *doctor)
{
    g_autoptr(GVariant) servers = load_servers(doctor);

    for (gsize i = 0; i < g_variant_n_children(servers); i++) {
        const char *state;

        g_variant_get_child(servers, i, "(&s&s&s)", NULL, &state, NULL);
        if (g_str_equal(state, "untested"))
            return true;
    }
    return false;
}

static gboolean on_pause(gpointer data)
{
    g_main_loop_quit(data);
    return G_SOURCE_REMOVE;
}

static void pause_for_a_moment(void)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

    clock_timer_add(PAUSE, on_pause, loop);
    g_main_loop_run(loop);
}

/* A daemon that has just been started is still asking them. */
static void wait_for_servers(Doctor *doctor)
{
    gint64 limit = clock_monotonic() + SERVERS_LIMIT * G_USEC_PER_SEC;

    while (has_untested(doctor) && clock_monotonic() < limit) {
        GVariant *peer;

        pause_for_a_moment();
        peer = client_properties(doctor->client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE,
                                 NULL);
        if (!peer)
            return;
        g_variant_unref(doctor->peer);
        doctor->peer = peer;
    }
}

/* BY_UDP servers could have answered by UDP, and those at URIS have. */
static void look_at_udp(Doctor *doctor, guint by_udp, const GPtrArray *uris)
{
    if (uris->len > 1) {
        doctor_say(doctor, FINDING_OK, N_("UDP"), _("gets out of this network and back"));
        doctor->nat = doctor_look_at_nat(doctor, (const char *const *) uris->pdata);
    } else if (by_udp > 0) {
        doctor->udp_blocked = true;
        doctor_say(doctor, FINDING_FAILED, N_("UDP"),
                   _("no server answers by UDP: a firewall seems to block it. Calls out of this "
                     "network need a turns: server, or one with ?transport=tcp"));
    }
}

static void look_at_servers(Doctor *doctor)
{
    g_autoptr(GVariant) servers = NULL;
    g_autoptr(GPtrArray) answering = g_ptr_array_new();
    guint by_udp = 0;
    gsize n;

    wait_for_servers(doctor);
    servers = load_servers(doctor);
    n = g_variant_n_children(servers);
    for (gsize i = 0; i < n; i++) {
        const char *uri, *state, *words;

        g_variant_get_child(servers, i, "(&s&s&s)", &uri, &state, &words);
        look_at_server(doctor, uri, state, words);
        if (!is_udp_alone(uri) || g_str_equal(state, "untested"))
            continue;
        by_udp++;
        if (!g_str_equal(state, "unreachable") && !g_str_equal(state, "unresolved"))
            g_ptr_array_add(answering, (gpointer) uri);
    }
    g_ptr_array_add(answering, NULL);
    if (n == 0)
        doctor_say(doctor, FINDING_WARNING, N_("ICE server"),
                   _("there is none: enough within one network; two peers behind different NATs "
                     "need a STUN server, and some of them a TURN server (Servers= in peer.conf.d, "
                     "or in the relay's relay.conf.d; \"man rtcbus\" has the commands)"));
    look_at_udp(doctor, by_udp, answering);
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

/* Why there is no direct path, as far as it shows at this side */
static const char *why_relayed(const Doctor *doctor)
{
    if (doctor->udp_blocked)
        return _("UDP is blocked at this side");
    if (doctor->nat == NAT_EACH)
        return _("the NAT at this side gives each remote another port");
    if (doctor->nat == NAT_UNKNOWN)
        return _(
            "both are behind NATs that give each remote another port, or UDP is blocked at one "
            "side");
    return _("nothing at this side is in the way, so look at the other one: \"rtcbusctl doctor\" "
             "there");
}

static void say_path(Doctor *doctor, GVariant *call)
{
    const char *local = dict_string(call, "LocalCandidate");
    const char *remote = dict_string(call, "RemoteCandidate");
    g_autofree char *here = text_candidate(local), *there = text_candidate(remote);
    g_autofree char *rtt = text_measured(dict_uint64(call, "RoundTripTime"));

    if (is_relayed(local) || is_relayed(remote))
        doctor_say(doctor, FINDING_WARNING, N_("path"),
                   _("by a TURN server (%s ↔ %s), round trip %s, for no direct one was found: %s"),
                   here, there, rtt, why_relayed(doctor));
    else
        doctor_say(doctor, FINDING_OK, N_("path"), _("direct, %s ↔ %s, round trip %s"), here, there,
                   rtt);
}

/* Two that cannot reach each other: what to do about it, as far as it shows at this side */
static void say_no_path(Doctor *doctor)
{
    const char *words;

    if (doctor->udp_blocked && !doctor->has_turn)
        words = _("UDP is blocked at this side: a turns: server in Servers= is needed, or one with "
                  "?transport=tcp");
    else if (doctor->has_turn)
        words = _("a TURN server serves this side, so the other one is the cause: \"rtcbusctl "
                  "doctor\" there");
    else if (doctor->nat == NAT_EACH)
        words = _("the NAT at this side gives each remote another port, and no TURN server serves "
                  "us: add one to Servers= in peer.conf.d, or in the relay's relay.conf.d");
    else if (doctor->nat == NAT_UNKNOWN)
        words =
            _("no STUN or TURN server serves this side: add one to Servers= in peer.conf.d, or in "
              "the relay's relay.conf.d");
    else if (doctor->no_hairpin)
        words =
            _("nothing at this side is in the way of calls to other networks. If the other one is "
              "behind the same NAT: that NAT does not lead back to its own network, so a TURN "
              "server is needed; else see \"rtcbusctl doctor\" there");
    else
        words = _("nothing at this side is in the way, but a TURN server would help: the other "
                  "side's NAT or firewall lets nothing of ours pass (\"rtcbusctl doctor\" there)");
    doctor_say(doctor, FINDING_FAILED, N_("path"), "%s", words);
}

/* One that looks for another path already has been connected, and tells of the path that it had. */
static bool has_path(const CallEntry *call, const char *peer)
{
    const char *state = dict_string(call->properties, "State");

    return g_str_equal(dict_string(call->properties, "Peer"), peer) &&
           (g_str_equal(state, "connected") || g_str_equal(state, "reconnecting"));
}

static void look_at_path(PathTest *test)
{
    g_autoptr(GPtrArray) calls = call_list_load(test->doctor->client, NULL);

    for (guint i = 0; calls && i < calls->len; i++) {
        const CallEntry *call = calls->pdata[i];

        if (has_path(call, test->peer)) {
            doctor_say(test->doctor, FINDING_OK, N_("trust"), "%s: %s",
                       call_state_text(dict_string(call->properties, "Trust")),
                       dict_string(call->properties, "RemoteFingerprint"));
            say_path(test->doctor, call->properties);
            return;
        }
    }
    doctor_say(test->doctor, FINDING_FAILED, N_("path"), "%s",
               _("the call has ended again: see \"rtcbusctl monitor\" and the journal"));
}

static void say_failure(Doctor *doctor, const char *why)
{
    bool no_path = strstr(why, _(REASON_NO_PATH)) != NULL;

    doctor_say(doctor, FINDING_FAILED, N_("call"), "%s",
               no_path ? _("no path between the two was found") : why);
    if (no_path)
        say_no_path(doctor);
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
        say_failure(doctor, test.why);
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
