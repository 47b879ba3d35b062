/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libnice behind the Transport interface.
 */

#include <config.h>

#include "rtc/ice/ice.h"

#include <agent.h>
#include <errno.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <nice.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/candidate.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory-trim.h"
#include "rtc/error.h"
#include "rtc/ice/check-gate.h"
#include "rtc/ice/check-rule.h"
#include "rtc/ice/gathering.h"
#include "rtc/ice/ice-server.h"
#include "rtc/ice/local-addresses.h"
#include "rtc/ice/name-lookups.h"
#include "rtc/ice/nested-context.h"
#include "rtc/ice/path-sizes.h"
#include "rtc/ice/turn-tunnel.h"
#include "rtc/ice/udp-path.h"

#define COMPONENT 1
#define SOCKET_BUFFER (4 * 1024 * 1024)
#define STUN_BUFFER (64 * 1024) /* beside a path; what a flood puts there has to be read */
#define PACING_MS 5 /* the least that RFC 8445 14.2 allows; the default costs 20 ms a call */
#define LEISURELY_PACING_MS 60
#define IDLE_MS 100
/*
 * Each check is sent seven times, the last one after 31.5 s, and is given up after 39.5 (RFC 8489
 * 6.2.1): a NAT on our side has to stay open for checks that come late. So long is libnice's
 * verdict not final either: a remote that has just got our candidates may still come (RFC 8863).
 */
#define TRANSMISSIONS 7
#define PATIENCE_MS 39500
/* Servers are asked so often, too, but from 100 ms on: the dead ones are known after 8 s. */
#define SERVER_TIMEOUT_MS 100
#define FIRST_CHECK "Connectivity check schedule"
/* When there is no hurry any more: libnice would go on to look for work each pacing interval. */
#define BRISK_MS 2000
#define SLACK_MS 50
/* Before 0.1.22 libnice's consent ends after ten seconds, though it asks every four to six and only
 * once: one lost packet ends a call. The same checks as keepalives have 50 seconds; RFC 7675 wants
 * 30, which is what later ones have. */
#if NICE_CHECK_VERSION(0, 1, 22)
#define CONSENT NICE_AGENT_OPTION_CONSENT_FRESHNESS
#else
#define CONSENT 0
#endif
#define SPARE_FDS 8
#define MAX_REMOTE_CANDIDATES 40
/* A pair that has carried so much is worth a socket of our own. */
#define FAST_AFTER (256 * 1024)

struct Ice {
    Transport transport;
    NiceAgent *agent;
    NestedContext *context; /* its timers and sockets */
    Gathering *gathering;
    CheckRule rule;
    CheckGate *gate;
    guint brisk_id, patience_id;
    bool no_path;       /* libnice has given up, we have not */
    bool no_consent;    /* the same, with a pair that was good */
    GPtrArray *tunnels; /* of TurnTunnel, one for each turns: server */
    guint stream;
    char *ufrag, *password;
    guint remote_candidates;
    NameLookups *names;
    UdpPath *path; /* NULL: packets go through libnice */
    bool never_fast;
    bool hastened;     /* the first check has been, or is not to be */
    guint turn_count;  /* servers that may relay for us */
    bool have_ipv4;    /* among our addresses */
    bool libnice_only; /* the selected pair has no path, or never will */
    guint patience;    /* seconds */
    guint64 carried;   /* bytes both ways by the selected pair, without a path */
    void (*candidate)(const char *candidate, gpointer data);
    void (*overflow)(gsize room, gpointer data);
    void (*consent)(bool given, gpointer data);
    void (*selected)(gpointer data);
    IceLeftovers *leftovers; /* or NULL */
    gpointer data;
};

struct IceLeftovers {
    guint references, count;
};

static guint closing_agents;

IceLeftovers *ice_leftovers_new(void)
{
    IceLeftovers *leftovers = g_new0(IceLeftovers, 1);

    leftovers->references = 1;
    return leftovers;
}

void ice_leftovers_unref(IceLeftovers *leftovers)
{
    if (leftovers && --leftovers->references == 0)
        g_free(leftovers);
}

guint ice_leftovers_count(const IceLeftovers *leftovers)
{
    return leftovers->count;
}

guint ice_closing_count(void)
{
    return closing_agents;
}

Transport *ice_transport(Ice *ice)
{
    return &ice->transport;
}

const char *ice_ufrag(const Ice *ice)
{
    return ice->ufrag;
}

const char *ice_password(const Ice *ice)
{
    return ice->password;
}

bool ice_is_controlling(const Ice *ice)
{
    gboolean controlling;

    g_object_get(ice->agent, "controlling-mode", &controlling, NULL);
    return controlling;
}

static void on_path_receive(guint8 *packet, gsize length, gpointer data)
{
    transport_receive(&((Ice *) data)->transport, packet, length);
}

static void on_path_overflow(gsize room, gpointer data)
{
    Ice *ice = data;

    ice->overflow(room, ice->data);
}

static const UdpPathUser path_user = {
    .receive = on_path_receive,
    .overflow = on_path_overflow,
};

/*
 * Whether what is sent to REMOTE from LOCAL's socket arrives. If we have a TURN
 * server, libnice may send through it and yet say that LOCAL is our own address.
 */
static bool is_direct(const Ice *ice, const NiceCandidate *local, const NiceCandidate *remote)
{
    return local->type != NICE_CANDIDATE_TYPE_RELAYED &&
           (ice->turn_count == 0 || remote->type == NICE_CANDIDATE_TYPE_HOST ||
            remote->type == NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE);
}

/* Where packets of the pair go. */
static socklen_t remote_address(const NiceCandidate *remote, struct sockaddr_storage *address)
{
    nice_address_copy_to_sockaddr(&remote->addr, (struct sockaddr *) address);
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

/* A TURN server or a NAT within this host is not where the path ends. */
static bool is_local(const Ice *ice, const NiceCandidate *local, const NiceCandidate *remote)
{
    struct sockaddr_storage address;
    socklen_t length = remote_address(remote, &address);

    return !ice->never_fast && is_direct(ice, local, remote) &&
           remote->type != NICE_CANDIDATE_TYPE_RELAYED &&
           remote->type != NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE &&
           path_is_local((struct sockaddr *) &address, length);
}

bool ice_is_local(const Ice *ice)
{
    NiceCandidate *local, *remote;

    return nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &local, &remote) &&
           is_local(ice, local, remote);
}

bool ice_is_relayed(const Ice *ice)
{
    NiceCandidate *local, *remote;

    return nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &local, &remote) &&
           (local->type == NICE_CANDIDATE_TYPE_RELAYED ||
            remote->type == NICE_CANDIDATE_TYPE_RELAYED);
}

/* Relayed pairs stay with libnice, and whatever else has no socket of its own. */
static void start_path(Ice *ice)
{
    g_autoptr(GSocket) socket = nice_agent_get_selected_socket(ice->agent, ice->stream, COMPONENT);
    NiceCandidate *local, *remote;
    struct sockaddr_storage address;
    socklen_t length;
    g_autoptr(GError) error = NULL;

    ice->libnice_only = true;
    if (!socket ||
        !nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &local, &remote) ||
        !is_direct(ice, local, remote))
        return;
    length = remote_address(remote, &address);
    ice->path = udp_path_new(g_socket_get_fd(socket), (struct sockaddr *) &address, length,
                             &path_user, ice, &error);
    log_debug("ICE: %s%s", ice->path ? "packets take the fast path" : "no fast path: ",
              error ? error->message : "");
    if (ice->path)
        g_socket_set_option(socket, SOL_SOCKET, SO_RCVBUF, STUN_BUFFER, NULL);
    if (ice->path && remote->type != NICE_CANDIDATE_TYPE_RELAYED) {
        gsize sizes[TRANSPORT_SIZES_MAX];

        transport_path(&ice->transport, sizes, udp_path_sizes(ice->path, sizes));
    }
}

static void note_carried(Ice *ice, gsize length)
{
    ice->carried += length;
    if (ice->carried > FAST_AFTER && !ice->libnice_only &&
        ice->transport.state == TRANSPORT_CONNECTED)
        start_path(ice);
}

/* The default receive buffer of 208 KiB drops packets under load. */
static void enlarge_buffers(Ice *ice)
{
    g_autoptr(GPtrArray) sockets = nice_agent_get_sockets(ice->agent, ice->stream, COMPONENT);

    for (guint i = 0; sockets && i < sockets->len; i++) {
        g_socket_set_option(sockets->pdata[i], SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER, NULL);
        g_socket_set_option(sockets->pdata[i], SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER, NULL);
    }
}

static void on_selected_pair(NiceAgent *agent, guint stream, guint component, NiceCandidate *local,
                             NiceCandidate *remote, gpointer data)
{
    static const gsize unlimited = G_MAXUINT16;
    Ice *ice = data;

    if (ice->path) {
        udp_path_drain(ice->path);
        enlarge_buffers(ice);
    }
    g_clear_pointer(&ice->path, udp_path_free);
    transport_path(&ice->transport, &unlimited, is_local(ice, local, remote) ? 1 : 0);
    ice->libnice_only = ice->never_fast;
    ice->carried = 0;
    if (ice->selected)
        ice->selected(ice->data);
}

static bool ice_send(Transport *transport, const guint8 *packet, gsize length)
{
    Ice *ice = (Ice *) transport;

    if (ice->no_consent) /* STUN alone may ask there whether somebody is (RFC 7675 5.1) */
        return false;
    if (transport->state < TRANSPORT_CONNECTED)
        return check_gate_send_early(ice->gate, packet, length);
    if (ice->path) {
        udp_path_send(ice->path, packet, length);
        return true;
    }
    note_carried(ice, length);
    return nice_agent_send(ice->agent, ice->stream, COMPONENT, length, (const char *) packet) ==
           (gssize) length;
}

static void on_receive(NiceAgent *agent, guint stream, guint component, guint length, char *bytes,
                       gpointer data)
{
    Ice *ice = data;

    note_carried(ice, length);
    transport_receive(&ice->transport, (guint8 *) bytes, length);
}

static void on_candidate(NiceAgent *agent, NiceCandidate *candidate, gpointer data)
{
    Ice *ice = data;
    g_autofree char *line = NULL;

    if (candidate->transport != NICE_CANDIDATE_TRANSPORT_UDP)
        return;
    line = nice_agent_generate_local_candidate_sdp(agent, candidate);
    if (line)
        ice->candidate(g_str_has_prefix(line, "a=") ? line + 2 : line, ice->data);
}

/* ---- how long to wait ---- */

static void end_patience(Ice *ice)
{
    g_clear_handle_id(&ice->brisk_id, g_source_remove);
    g_clear_handle_id(&ice->patience_id, g_source_remove);
    nested_context_set_slack(ice->context, SLACK_MS);
}

static void fail(Ice *ice, const char *reason)
{
    g_autoptr(GError) error = g_error_new_literal(RTC_ERROR, RTC_ERROR_NO_PATH, reason);

    transport_enter_state(&ice->transport, TRANSPORT_FAILED, error);
}

/* libnice has no pair left to check; there may be another one soon. */
static void note_no_path(Ice *ice)
{
    ice->no_path = true;
    if (ice->patience_id == 0)
        fail(ice, "no path to the other side was found (ICE failed)");
    else
        log_debug("ICE: no path so far");
}

static gboolean on_brisk(gpointer data)
{
    Ice *ice = data;

    ice->brisk_id = 0;
    nested_context_set_slack(ice->context, SLACK_MS);
    return G_SOURCE_REMOVE;
}

static gboolean on_patience(gpointer data)
{
    Ice *ice = data;

    ice->patience_id = 0;
    if (ice->no_path)
        note_no_path(ice);
    return G_SOURCE_REMOVE;
}

static void begin_patience(Ice *ice)
{
    if (ice->patience_id != 0 || ice->transport.state >= TRANSPORT_CONNECTED)
        return;
    ice->brisk_id = clock_timer_add(BRISK_MS, on_brisk, ice);
    ice->patience_id = clock_timer_add(PATIENCE_MS + ice->patience * 1000, on_patience, ice);
}

/* A pair that was good may be so again: it is for others to say when that is too late. */
static void set_consent(Ice *ice, bool given)
{
    if (ice->no_consent == !given)
        return;
    ice->no_consent = !given;
    log_debug("ICE: the selected pair %s", given ? "answers again" : "is not answered any more");
    if (ice->consent)
        ice->consent(given, ice->data);
}

/* What was sent early goes by the pair, unless it has gone there. */
static void end_early(Ice *ice)
{
    g_autoptr(GPtrArray) unsent = NULL;
    NiceCandidate *local, *remote;
    struct sockaddr_storage address;

    if (!nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &local, &remote))
        return;
    remote_address(remote, &address);
    unsent = check_gate_end_early(
        ice->gate, is_direct(ice, local, remote) ? (struct sockaddr *) &address : NULL);
    for (guint i = 0; unsent && i < unsent->len; i++)
        nice_agent_send(ice->agent, ice->stream, COMPONENT, g_bytes_get_size(unsent->pdata[i]),
                        g_bytes_get_data(unsent->pdata[i], NULL));
}

/* CONNECTED comes before READY and is enough to begin DTLS. */
static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer data)
{
    Ice *ice = data;

    switch ((NiceComponentState) state) {
    case NICE_COMPONENT_STATE_CONNECTING:
        ice->no_path = false;
        if (ice->transport.state == TRANSPORT_NEW)
            transport_enter_state(&ice->transport, TRANSPORT_CONNECTING, NULL);
        break;
    case NICE_COMPONENT_STATE_READY:
        /* libnice goes on for so long as if there were checks to send, each
         * pacing interval; before it is ready that delays a hasty FAILED. */
        g_object_set(agent, "idle-timeout", IDLE_MS, NULL);
        G_GNUC_FALLTHROUGH;
    case NICE_COMPONENT_STATE_CONNECTED:
        end_patience(ice);
        check_gate_repeat(ice->gate, 0);
        end_early(ice);
        ice->transport.round_trip_usec = check_gate_round_trip_usec(ice->gate);
        transport_enter_state(&ice->transport, TRANSPORT_CONNECTED, NULL);
        set_consent(ice, true);
        break;
    case NICE_COMPONENT_STATE_FAILED:
        if (ice->transport.state == TRANSPORT_CONNECTED)
            set_consent(ice, false);
        else
            note_no_path(ice);
        break;
    default:
        break;
    }
}

/* libnice asks a server from our addresses of the same family, so a tunnel begins at one. */
static bool add_tunnel(Ice *ice, const IceServer *server, TlsTrust *trust, GError **error)
{
    TurnTunnel *tunnel = turn_tunnel_new(server, trust, !ice->have_ipv4, error);

    if (!tunnel)
        return false;
    g_ptr_array_add(ice->tunnels, tunnel);
    nice_agent_set_relay_info(ice->agent, ice->stream, COMPONENT, turn_tunnel_address(tunnel),
                              turn_tunnel_port(tunnel), server->user, server->password,
                              NICE_RELAY_TYPE_TURN_TCP);
    return true;
}

static bool add_turn(Ice *ice, const IceServer *server, TlsTrust *trust, GError **error)
{
    if (ice->turn_count == NICE_CANDIDATE_MAX_TURN_SERVERS) {
        log_debug("ICE: %s is left out, there are too many", server->label);
        return true;
    }
    ice->turn_count++;
    if (server->kind == ICE_SERVER_TURNS)
        return add_tunnel(ice, server, trust, error);
    nice_agent_set_relay_info(ice->agent, ice->stream, COMPONENT, server->host, server->port,
                              server->user, server->password,
                              server->tcp ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP);
    return true;
}

static bool add_servers(Ice *ice, const char *const *servers, TlsTrust *trust, GError **error)
{
    bool have_stun = false;

    for (; servers && *servers; servers++) {
        g_auto(IceServer) server = {};

        if (!ice_server_parse(*servers, &server, error))
            return false;
        if (server.kind == ICE_SERVER_STUN && !have_stun) {
            /* libnice asks one STUN server: the first of the list */
            g_object_set(ice->agent, "stun-server", server.host, "stun-server-port", server.port,
                         NULL);
            have_stun = true;
        } else if (server.kind != ICE_SERVER_STUN && !add_turn(ice, &server, trust, error)) {
            return false;
        }
    }
    return true;
}

/* GLib ends the program if it finds none for a context, and libnice makes a context as we do. */
static bool have_descriptors(GError **error)
{
    int fds[SPARE_FDS], n = 0;

    while (n < SPARE_FDS && (fds[n] = eventfd(0, EFD_CLOEXEC)) >= 0)
        n++;
    if (n < SPARE_FDS)
        g_set_error(error, RTC_ERROR, RTC_ERROR_FULL, "no descriptors are left: %s",
                    g_strerror(errno));
    for (int i = 0; i < n; i++)
        close(fds[i]);
    return n == SPARE_FDS;
}

static void on_name_found(const char *candidate, gpointer data);

static void set_gate(Ice *ice, const IceConfig *config)
{
    g_autoptr(CheckBudget) budget =
        config->budget ? check_budget_ref(config->budget) : check_budget_new();

    ice->names = name_lookups_new(budget, on_name_found, ice);
    ice->gate = check_gate_new(&ice->rule, budget, ice->ufrag, config->uninvited);
    check_gate_repeat(ice->gate, config->repeat_ms);
    check_gate_keep(ice->gate, ice->context, keep_alive_within(config->keep_alive, CONSENT != 0));
    nested_context_set_watch(ice->context, &check_gate_watch, ice->gate);
}

Ice *ice_new(const IceConfig *config, GError **error)
{
    g_autoptr(Ice) ice = NULL;

    if (!have_descriptors(error))
        return NULL;
    ice = g_new0(Ice, 1);
    transport_init(&ice->transport, "ICE", ice_send);
    ice->patience = config->patience;
    ice->hastened = config->leisurely;
    ice->never_fast = ice->libnice_only = config->libnice_only;
    ice->candidate = config->candidate;
    ice->overflow = config->overflow;
    ice->consent = config->consent;
    ice->selected = config->selected;
    ice->leftovers = config->leftovers;
    if (ice->leftovers)
        ice->leftovers->references++;
    ice->data = config->data;
    ice->context = nested_context_new();
    ice->tunnels = g_ptr_array_new_with_free_func((GDestroyNotify) turn_tunnel_free);
    ice->agent = nice_agent_new_full(nested_context_get(ice->context), NICE_COMPATIBILITY_RFC5245,
                                     NICE_AGENT_OPTION_ICE_TRICKLE | CONSENT);
    g_object_set(ice->agent, "controlling-mode", config->controlling, "force-relay",
                 config->relay_only, "ice-tcp", FALSE, "upnp", FALSE, "stun-pacing-timer",
                 config->leisurely ? LEISURELY_PACING_MS : PACING_MS, "keepalive-conncheck", TRUE,
                 "stun-max-retransmissions", TRANSMISSIONS, "stun-initial-timeout",
                 SERVER_TIMEOUT_MS, NULL);
    if (!local_addresses_choose(ice->agent, &ice->rule, config->interfaces, &ice->have_ipv4, error))
        return NULL;
    memory_map_blocks(true); /* libnice has two buffers of 64 KiB for TCP, which nobody uses here */
    ice->stream = nice_agent_add_stream(ice->agent, COMPONENT);
    memory_map_blocks(false);
    if (!ice->stream ||
        !nice_agent_get_local_credentials(ice->agent, ice->stream, &ice->ufrag, &ice->password)) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FAILED, "Cannot make an ICE stream");
        return NULL;
    }
    if (!add_servers(ice, config->servers, config->trust, error))
        return NULL;
    ice->gathering = gathering_new(ice->agent, ice->candidate, ice->data);
    g_signal_connect(ice->agent, "new-candidate-full", G_CALLBACK(on_candidate), ice);
    g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_state), ice);
    g_signal_connect(ice->agent, "new-selected-pair-full", G_CALLBACK(on_selected_pair), ice);
    nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, nested_context_get(ice->context),
                           on_receive, ice);
    set_gate(ice, config);
    return g_steal_pointer(&ice);
}

/* What a freed agent needs until libnice is done with it: it gives allocations back first. */
typedef struct {
    NestedContext *context;
    GPtrArray *tunnels;
    IceLeftovers *leftovers;
} Remains;

static void on_closed(GObject *agent, GAsyncResult *result, gpointer data)
{
    Remains *remains = data;

    closing_agents--;
    if (remains->leftovers)
        remains->leftovers->count--;
    ice_leftovers_unref(remains->leftovers);
    g_object_unref(agent);
    nested_context_free(remains->context);
    g_ptr_array_unref(remains->tunnels);
    g_free(remains);
}

void ice_free(Ice *ice)
{
    g_clear_pointer(&ice->path, udp_path_free);
    end_patience(ice);
    nested_context_set_watch(ice->context, NULL, NULL);
    check_gate_free(ice->gate);
    check_rule_clear(&ice->rule);
    if (ice->agent) {
        Remains *remains = g_new(Remains, 1);

        *remains = (Remains){ice->context, ice->tunnels, ice->leftovers};
        if (ice->leftovers)
            ice->leftovers->count++;
        g_clear_pointer(&ice->gathering, gathering_free);
        g_signal_handlers_disconnect_by_data(ice->agent, ice);
        if (ice->stream) {
            nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT,
                                   nested_context_get(ice->context), NULL, NULL);
            nice_agent_remove_stream(ice->agent, ice->stream);
        }
        closing_agents++;
        nice_agent_close_async(ice->agent, on_closed, remains);
    }
    name_lookups_free(ice->names);
    transport_clear(&ice->transport);
    g_free(ice->ufrag);
    g_free(ice->password);
    g_free(ice);
}

bool ice_gather(Ice *ice, GError **error)
{
    if (!nice_agent_gather_candidates(ice->agent, ice->stream)) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FAILED, "Cannot gather ICE candidates");
        return false;
    }
    gathering_begin(ice->gathering);
    enlarge_buffers(ice);
    return true;
}

bool ice_set_remote_credentials(Ice *ice, const char *ufrag, const char *password, GError **error)
{
    if (nice_agent_set_remote_credentials(ice->agent, ice->stream, ufrag, password)) {
        check_gate_set_remote(ice->gate, ufrag);
        begin_patience(ice);
        return true;
    }
    g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FAILED, "libnice refused the credentials");
    return false;
}

static bool is_allowed(const Ice *ice, const NiceCandidate *candidate)
{
    struct sockaddr_storage address;
    CheckTarget target;

    nice_address_copy_to_sockaddr(&candidate->addr, (struct sockaddr *) &address);
    return check_target_read(&target, (struct sockaddr *) &address) &&
           check_rule_allows(&ice->rule, &target);
}

/*
 * libnice lets a pacing interval pass before its first check. RFC 8445 14 wants it between checks
 * alone. FIRST_CHECK is libnice's name of the timer; by another one the first check is late, no more.
 */
static void give_candidate(Ice *ice, const GSList *list)
{
    nice_agent_set_remote_candidates(ice->agent, ice->stream, COMPONENT, list);
    if (!ice->hastened)
        nested_context_set_time(ice->context, FIRST_CHECK, 0);
    ice->hastened = true;
}

/* Hands a candidate whose address is a number to libnice, if it may be sent checks. */
static bool add_numeric(Ice *ice, const char *candidate)
{
    g_autofree char *line = g_strconcat("a=", candidate, NULL);
    NiceCandidate *parsed = nice_agent_parse_remote_candidate_sdp(ice->agent, ice->stream, line);
    GSList list = {.data = parsed};

    if (!parsed)
        return false;
    if (is_allowed(ice, parsed))
        give_candidate(ice, &list);
    else
        log_debug("ICE: nobody is asked at %s", candidate);
    nice_candidate_free(parsed);
    return true;
}

static void on_name_found(const char *candidate, gpointer data)
{
    if (!add_numeric(data, candidate))
        log_debug("ICE: resolved candidate left out: %s", candidate);
}

/* ---- remote candidates ---- */

typedef enum {
    CANDIDATE_USABLE,
    CANDIDATE_NAMED,    /* its address is a .local name */
    CANDIDATE_UNUSABLE, /* TCP, another component, any other name */
    CANDIDATE_MALFORMED,
} CandidateKind;

static CandidateKind classify(const char *candidate)
{
    g_auto(GStrv) words = NULL;

    if (!g_str_has_prefix(candidate, "candidate:") || strlen(candidate) > 1024)
        return CANDIDATE_MALFORMED;
    words = candidate_split(candidate);
    if (!words)
        return CANDIDATE_MALFORMED;
    if (strcmp(words[CANDIDATE_COMPONENT], "1") != 0 ||
        g_ascii_strcasecmp(words[CANDIDATE_TRANSPORT], "udp") != 0)
        return CANDIDATE_UNUSABLE;
    if (g_hostname_is_ip_address(words[CANDIDATE_ADDRESS]))
        return CANDIDATE_USABLE;
    return g_str_has_suffix(words[CANDIDATE_ADDRESS], ".local") ? CANDIDATE_NAMED
                                                                : CANDIDATE_UNUSABLE;
}

bool ice_add_candidate(Ice *ice, const char *candidate, GError **error)
{
    const char *bare = g_str_has_prefix(candidate, "a=") ? candidate + 2 : candidate;
    CandidateKind kind = classify(bare);

    if (kind == CANDIDATE_UNUSABLE || ice->remote_candidates >= MAX_REMOTE_CANDIDATES ||
        (kind == CANDIDATE_NAMED && !name_lookups_add(ice->names, bare))) {
        log_debug("ICE: candidate left out: %s", bare);
        return true;
    }
    ice->remote_candidates++;
    if (kind == CANDIDATE_NAMED)
        return true;
    if (kind == CANDIDATE_MALFORMED || !add_numeric(ice, bare)) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID, "that is no ICE candidate");
        return false;
    }
    return true;
}

void ice_end_candidates(Ice *ice)
{
    nice_agent_peer_candidate_gathering_done(ice->agent, ice->stream);
}

bool ice_selected_pair(Ice *ice, char **local, char **remote, CheckCount *checks)
{
    NiceCandidate *ours, *theirs;
    struct sockaddr_storage address;
    g_autofree char *our_line = NULL, *their_line = NULL;

    if (!nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &ours, &theirs))
        return false;
    our_line = nice_agent_generate_local_candidate_sdp(ice->agent, ours);
    their_line = nice_agent_generate_local_candidate_sdp(ice->agent, theirs);
    *local = g_strdup(our_line + strlen("a="));
    *remote = g_strdup(their_line + strlen("a="));
    remote_address(theirs, &address);
    check_gate_count(ice->gate, (struct sockaddr *) &address, checks);
    return true;
}
