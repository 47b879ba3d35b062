/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The owner of every layer of one call. Descriptions come in and go out here;
 * the layers are built from the bottom up as what they need becomes known: ICE
 * with the first description, DTLS with the second, SCTP when DTLS is up.
 *
 * Freeing is deferred to the main loop, because it may be asked for from a
 * callback that a layer's own code is waiting under.
 */

#include <config.h>

#include "rtc/connection.h"

#include <gnutls/crypto.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "rtc/channel/channel-set.h"
#include "rtc/dtls/dtls.h"
#include "rtc/ice/ice.h"
#include "rtc/sctp/association.h"
#include "rtc/sdp.h"

#define DEFAULT_SEND_QUOTA (16 * 1024 * 1024)
#define DEFAULT_MAX_CHANNELS 256
#define SCTP_PORT 5000
/* As many as usrsctp lets a remote have: only on the same of ours can it be told that one ends. */
#define STREAMS 1024
#define STREAMS_OF_OURS 32 /* to a remote that adds some when it is asked */
#define EARLY_CANDIDATES_MAX 128
/* From both descriptions to open SCTP. ICE has forty seconds of them (RFC 8863). */
#define CONNECT_SECONDS 60

struct Connection {
    const ConnectionOps *ops; /* NULL once it is being freed */
    gpointer data;
    ConnectionState state;
    Certificate *certificate;
    char **ice_servers, **interfaces;
    TlsTrust *trust;
    CheckBudget *check_budget;
    bool uninvited;
    bool libnice_only;
    gsize max_message_size;

    bool offerer;
    bool client; /* DTLS role */
    Sdp *local, *remote;
    GQueue outbox; /* of Outbound, for the signaling */
    guint outbox_source;
    GQueue early_candidates; /* of char *, "" ends the list */
    guint connect_timer;

    Ice *ice;
    Dtls *dtls;
    Association *sctp;
    ChannelSet *channels;
};

/* A description (type set) or a candidate (NULL: the end) */
typedef struct {
    const char *type;
    char *text;
} Outbound;

static guint dying; /* connections that are freed but not gone */

const char *connection_state_to_string(ConnectionState state)
{
    static const char *const names[] = {
        [CONNECTION_NEW] = "new",
        [CONNECTION_CONNECTING] = "connecting",
        [CONNECTION_CONNECTED] = "connected",
        [CONNECTION_DISCONNECTED] = "disconnected",
        [CONNECTION_FAILED] = "failed",
        [CONNECTION_CLOSED] = "closed",
    };
    return names[state];
}

ConnectionState connection_state(const Connection *connection)
{
    return connection->state;
}

static void connection_enter_state(Connection *connection, ConnectionState state,
                                   const GError *reason)
{
    if (!connection->ops || connection->state == state || connection->state >= CONNECTION_FAILED)
        return;
    log_debug("connection: %s → %s%s%s", connection_state_to_string(connection->state),
              connection_state_to_string(state), reason ? ": " : "", reason ? reason->message : "");
    connection->state = state;
    if (state >= CONNECTION_CONNECTED)
        g_clear_handle_id(&connection->connect_timer, g_source_remove);
    if (state == CONNECTION_CONNECTED)
        channel_set_connected(connection->channels);
    if (state >= CONNECTION_FAILED)
        channel_set_detach(connection->channels, state == CONNECTION_FAILED ? reason : NULL);
    if (connection->ops && connection->state == state)
        connection->ops->state(connection, state, reason, connection->data);
}

static void connection_fail(Connection *connection, const GError *reason)
{
    connection_enter_state(connection, CONNECTION_FAILED, reason);
}

/* ---- to the signaling, always from the main loop ---- */

static void outbound_free(Outbound *outbound)
{
    g_free(outbound->text);
    g_free(outbound);
}

static void emit(Connection *connection, const Outbound *outbound)
{
    if (outbound->type) {
        connection->ops->description(connection, outbound->type, outbound->text, connection->data);
    } else if (outbound->text) {
        IceCandidateInit init = {
            .candidate = outbound->text,
            .mid = connection->local->mid,
            .mline_index = connection->local->mline_index,
            .ufrag = ice_ufrag(connection->ice),
        };
        connection->ops->candidate(connection, &init, connection->data);
    } else {
        connection->ops->candidate(connection, NULL, connection->data);
    }
}

static gboolean on_outbox(gpointer data)
{
    Connection *connection = data;
    Outbound *outbound;

    connection->outbox_source = 0;
    while (connection->ops && (outbound = g_queue_pop_head(&connection->outbox))) {
        emit(connection, outbound);
        outbound_free(outbound);
    }
    return G_SOURCE_REMOVE;
}

static void post(Connection *connection, const char *type, const char *text)
{
    Outbound *outbound = g_new0(Outbound, 1);

    outbound->type = type;
    outbound->text = g_strdup(text);
    /* The description goes first, whatever was gathered meanwhile. */
    if (type)
        g_queue_push_head(&connection->outbox, outbound);
    else
        g_queue_push_tail(&connection->outbox, outbound);
    if (connection->outbox_source == 0)
        connection->outbox_source =
            g_idle_add_full(G_PRIORITY_DEFAULT, on_outbox, connection, NULL);
}

static void on_local_candidate(const char *candidate, gpointer data)
{
    post(data, NULL, candidate);
}

/* ---- SCTP ---- */

static void on_sctp_state(TransportState state, const GError *reason, gpointer data)
{
    static const ConnectionState states[] = {
        [TRANSPORT_NEW] = CONNECTION_CONNECTING,
        [TRANSPORT_CONNECTING] = CONNECTION_CONNECTING,
        [TRANSPORT_CONNECTED] = CONNECTION_CONNECTED,
        [TRANSPORT_FAILED] = CONNECTION_FAILED,
        [TRANSPORT_CLOSED] = CONNECTION_CLOSED,
    };
    connection_enter_state(data, states[state], reason);
}

static void on_sctp_doubt(bool doubted, gpointer data)
{
    connection_enter_state(data, doubted ? CONNECTION_DISCONNECTED : CONNECTION_CONNECTED, NULL);
}

static void on_sctp_message(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length,
                            gpointer data)
{
    channel_set_message(((Connection *) data)->channels, stream, ppid, bytes, length);
}

static void on_sctp_oversized(guint16 stream, gpointer data)
{
    channel_set_oversized(((Connection *) data)->channels, stream);
}

static void on_sctp_remote_reset(guint16 stream, gpointer data)
{
    channel_set_remote_reset(((Connection *) data)->channels, stream);
}

static void on_sctp_local_reset(guint16 stream, gpointer data)
{
    channel_set_local_reset(((Connection *) data)->channels, stream);
}

static void on_sctp_writable(gpointer data)
{
    channel_set_writable(((Connection *) data)->channels);
}

static const AssociationOps sctp_user = {
    .state = on_sctp_state,
    .doubt = on_sctp_doubt,
    .message = on_sctp_message,
    .oversized = on_sctp_oversized,
    .remote_reset = on_sctp_remote_reset,
    .local_reset = on_sctp_local_reset,
    .writable = on_sctp_writable,
};

static void start_sctp(Connection *connection)
{
    const bool ours = connection->remote->max_packet_size > 0;
    AssociationConfig config = {
        .local_port = SCTP_PORT,
        .remote_port = connection->remote->sctp_port,
        .streams = ours ? STREAMS_OF_OURS : STREAMS,
        .adds_streams = ours,
        .mtu = dtls_mtu(connection->dtls),
        .first = ice_is_local(connection->ice)
                     ? MIN(dtls_record_max(connection->dtls), connection->remote->max_packet_size)
                     : 0,
        .max_packet = connection->remote->max_packet_size,
        .max_message_size = connection->max_message_size,
    };
    g_autoptr(GError) error = NULL;

    connection->sctp =
        association_new(dtls_transport(connection->dtls), &config, &sctp_user, connection, &error);
    if (!connection->sctp) {
        connection_fail(connection, error);
        return;
    }
    /* Channels that wait send their OPEN now: it is bundled with COOKIE-ECHO. */
    channel_set_attach(connection->channels, connection->sctp, connection->client,
                       connection->remote->max_message_size);
}

/* ---- DTLS ---- */

static bool on_verify(const char *fingerprint, GError **error, gpointer data)
{
    Connection *connection = data;

    if (!connection->ops) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_CLOSED, "the call has ended");
        return false;
    }
    return !connection->ops->verify ||
           connection->ops->verify(connection, fingerprint, error, connection->data);
}

/* DTLS has this user until SCTP takes its place. */
static void on_dtls_state(TransportState state, const GError *reason, gpointer data)
{
    Connection *connection = data;

    if (state == TRANSPORT_CONNECTED && !connection->sctp && connection->ops)
        start_sctp(connection);
    else if (state == TRANSPORT_FAILED)
        connection_fail(connection, reason);
    else if (state == TRANSPORT_CLOSED)
        connection_enter_state(connection, CONNECTION_CLOSED, reason);
}

static void on_dtls_receive(const guint8 *packet, gsize length, gpointer data)
{
    /* SCTP takes over in the very callback that says CONNECTED, before any
     * record is read, so there is nothing that could come here. */
}

static const TransportUser dtls_user = {
    .receive = on_dtls_receive,
    .state = on_dtls_state,
};

static gboolean on_connect_timeout(gpointer data)
{
    Connection *connection = data;
    g_autoptr(GError) error = g_error_new(RTC_ERROR, RTC_ERROR_TIMEOUT,
                                          "no connection within %d seconds", CONNECT_SECONDS);

    connection->connect_timer = 0;
    connection_fail(connection, error);
    return G_SOURCE_REMOVE;
}

/* Both descriptions are known: the upper layers can be built. */
static bool start_dtls(Connection *connection, GError **error)
{
    DtlsConfig config = {
        .certificate = connection->certificate,
        .client = connection->client,
        .fingerprints = connection->remote->fingerprints,
        .verify = on_verify,
        .data = connection,
    };

    connection->dtls = dtls_new(ice_transport(connection->ice), &config, error);
    if (!connection->dtls)
        return false;
    transport_set_user(dtls_transport(connection->dtls), &dtls_user, connection);
    connection->connect_timer =
        clock_timer_add_seconds(CONNECT_SECONDS, on_connect_timeout, connection);
    dtls_start(connection->dtls);
    return true;
}

/* ---- ICE ---- */

static void on_overflow(gsize room, gpointer data)
{
    Connection *connection = data;

    if (connection->sctp)
        association_note_overflow(connection->sctp, room);
}

static bool start_ice(Connection *connection, bool controlling, GError **error)
{
    IceConfig config = {
        .controlling = controlling,
        .servers = (const char *const *) connection->ice_servers,
        .trust = connection->trust,
        .interfaces = (const char *const *) connection->interfaces,
        .budget = connection->check_budget,
        .uninvited = connection->uninvited,
        .libnice_only = connection->libnice_only,
        .candidate = on_local_candidate,
        .overflow = on_overflow,
        .data = connection,
    };

    connection->ice = ice_new(&config, error);
    return connection->ice && ice_gather(connection->ice, error);
}

static void add_candidate_line(Connection *connection, const char *line)
{
    g_autoptr(GError) error = NULL;

    if (!*line)
        ice_end_candidates(connection->ice);
    else if (!ice_add_candidate(connection->ice, line, &error))
        log_debug("candidate left out (%s): %s", error->message, line);
}

/* Hands over the remote's credentials, then every candidate known so far. */
static bool feed_ice(Connection *connection, GError **error)
{
    Sdp *remote = connection->remote;
    char *line;

    if (!ice_set_remote_credentials(connection->ice, remote->ufrag, remote->password, error))
        return false;
    for (guint i = 0; i < remote->candidates->len; i++)
        add_candidate_line(connection, remote->candidates->pdata[i]);
    while ((line = g_queue_pop_head(&connection->early_candidates))) {
        add_candidate_line(connection, line);
        g_free(line);
    }
    if (remote->end_of_candidates)
        ice_end_candidates(connection->ice);
    return true;
}

bool connection_add_candidate(Connection *connection, const IceCandidateInit *candidate,
                              GError **error)
{
    const char *line = candidate && candidate->candidate ? candidate->candidate : "";

    if (strlen(line) > 1024) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID, "the candidate is too long");
        return false;
    }
    if (!connection->remote) {
        if (g_queue_get_length(&connection->early_candidates) < EARLY_CANDIDATES_MAX)
            g_queue_push_tail(&connection->early_candidates, g_strdup(line));
        return true;
    }
    if (!connection->ops || connection->state >= CONNECTION_FAILED)
        return true;
    if (candidate && candidate->ufrag && *candidate->ufrag &&
        strcmp(candidate->ufrag, connection->remote->ufrag) != 0)
        return true; /* of another generation (RFC 8838 10) */
    if (!*line) {
        ice_end_candidates(connection->ice);
        return true;
    }
    return ice_add_candidate(connection->ice, line, error);
}

/* ---- descriptions ---- */

static guint64 random_session_id(void)
{
    guint64 id = 0;

    random_bytes(&id, sizeof id);
    return id >> 2; /* fits into 63 bits, as RFC 8829 5.2.1 wants */
}

static Sdp *new_local(Connection *connection, SdpSetup setup)
{
    Sdp *sdp = sdp_new();

    sdp->session_id = random_session_id();
    sdp->ufrag = g_strdup(ice_ufrag(connection->ice));
    sdp->password = g_strdup(ice_password(connection->ice));
    sdp->trickle = true;
    sdp->setup = setup;
    sdp->sctp_port = SCTP_PORT;
    sdp->max_message_size = connection->max_message_size;
    sdp->max_packet_size = SDP_MAX_PACKET_SIZE;
    g_ptr_array_add(sdp->fingerprints, g_strdup(certificate_fingerprint(connection->certificate)));
    return sdp;
}

static void post_local(Connection *connection, const char *type)
{
    g_autofree char *text = sdp_to_text(connection->local);

    post(connection, type, text);
}

bool connection_offer(Connection *connection, GError **error)
{
    if (connection->state != CONNECTION_NEW || connection->local) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_STATE, "there was an offer already");
        return false;
    }
    connection->offerer = true;
    if (!start_ice(connection, true, error))
        return false;
    connection->local = new_local(connection, SDP_SETUP_ACTPASS);
    connection->local->mid = g_strdup("0");
    connection->local->bundled = true;
    post_local(connection, "offer");
    connection_enter_state(connection, CONNECTION_CONNECTING, NULL);
    return true;
}

/* The answer says active if it may: its ICE is done first (RFC 8842 5.3). */
static bool take_offer(Connection *connection, Sdp *remote, GError **error)
{
    Sdp *local;

    if (!start_ice(connection, remote->ice_lite, error))
        return false;
    connection->client = remote->setup != SDP_SETUP_ACTIVE;
    local = new_local(connection, connection->client ? SDP_SETUP_ACTIVE : SDP_SETUP_PASSIVE);
    local->mid = g_strdup(remote->mid);
    local->bundled = remote->bundled;
    local->mline_index = remote->mline_index;
    local->transport = g_strdup(remote->transport); /* the answer's m-line is as the offer's */
    local->old_format = remote->old_format;
    g_ptr_array_unref(local->media);
    local->media = g_ptr_array_ref(remote->media);
    connection->local = local;
    connection->remote = remote;
    post_local(connection, "answer");
    return true;
}

static bool take_answer(Connection *connection, Sdp *remote, GError **error)
{
    connection->client = remote->setup == SDP_SETUP_PASSIVE;
    connection->remote = remote;
    return true;
}

static bool check_remote_type(Connection *connection, const char *type, GError **error)
{
    bool offer = strcmp(type, "offer") == 0;

    if (!offer && strcmp(type, "answer") != 0 && strcmp(type, "pranswer") != 0)
        g_set_error(error, RTC_ERROR, RTC_ERROR_INVALID, "a description of type \"%s\"", type);
    else if (!connection->ops || connection->state >= CONNECTION_FAILED)
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_CLOSED, "the call has ended");
    else if (offer == connection->offerer || (!offer && !connection->local))
        g_set_error(error, RTC_ERROR, RTC_ERROR_STATE, "an unexpected %s", type);
    else
        return true;
    return false;
}

bool connection_set_remote(Connection *connection, const char *type, const char *sdp,
                           GError **error)
{
    g_autoptr(Sdp) remote = NULL;
    bool ok;

    if (!check_remote_type(connection, type, error) || !(remote = sdp_parse(sdp, error)))
        return false;
    if (connection->remote) {
        if (strcmp(connection->remote->ufrag, remote->ufrag) == 0)
            return true;
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_UNSUPPORTED,
                            "a second description with other ICE credentials");
        return false;
    }
    ok = connection->offerer ? take_answer(connection, remote, error)
                             : take_offer(connection, remote, error);
    if (!ok)
        return false;
    g_steal_pointer(&remote);
    connection_enter_state(connection, CONNECTION_CONNECTING, NULL);
    return feed_ice(connection, error) && start_dtls(connection, error);
}

/* ---- the connection itself ---- */

static void on_incoming(Channel *channel, gpointer data)
{
    Connection *connection = data;

    if (connection->ops && connection->ops->channel)
        connection->ops->channel(connection, channel, connection->data);
}

Connection *connection_new(const ConnectionConfig *config, const ConnectionOps *ops, gpointer data,
                           GError **error)
{
    Connection *connection = g_new0(Connection, 1);
    ChannelSetConfig channels = {
        .send_quota = config->send_quota ? config->send_quota : DEFAULT_SEND_QUOTA,
        .max_channels = config->max_channels ? config->max_channels : DEFAULT_MAX_CHANNELS,
        .incoming = on_incoming,
        .data = connection,
    };

    connection->ops = ops;
    connection->data = data;
    connection->certificate = certificate_ref(config->certificate);
    connection->ice_servers = g_strdupv((char **) config->ice_servers);
    connection->trust = config->trust ? tls_trust_ref(config->trust) : tls_trust_new(NULL);
    connection->interfaces = g_strdupv((char **) config->interfaces);
    connection->check_budget = config->check_budget ? check_budget_ref(config->check_budget) : NULL;
    connection->uninvited = config->uninvited;
    connection->libnice_only = config->libnice_only;
    connection->max_message_size =
        config->max_message_size ? config->max_message_size : CONNECTION_MAX_MESSAGE_SIZE;
    g_queue_init(&connection->outbox);
    g_queue_init(&connection->early_candidates);
    connection->channels = channel_set_new(&channels);
    return connection;
}

Channel *connection_open_channel(Connection *connection, const char *label,
                                 const ChannelOptions *options, GError **error)
{
    if (connection->ops && connection->state < CONNECTION_FAILED)
        return channel_set_open(connection->channels, label, options, error);
    g_set_error_literal(error, RTC_ERROR, RTC_ERROR_CLOSED, "the call has ended");
    return NULL;
}

static gboolean on_destroy(gpointer data)
{
    Connection *connection = data;

    channel_set_detach(connection->channels, NULL);
    g_clear_pointer(&connection->sctp, association_free);
    g_clear_pointer(&connection->dtls, dtls_free);
    g_clear_pointer(&connection->ice, ice_free);
    channel_set_free(connection->channels);
    g_clear_pointer(&connection->local, sdp_free);
    g_clear_pointer(&connection->remote, sdp_free);
    g_queue_clear_full(&connection->outbox, (GDestroyNotify) outbound_free);
    g_queue_clear_full(&connection->early_candidates, g_free);
    g_strfreev(connection->ice_servers);
    tls_trust_unref(connection->trust);
    g_strfreev(connection->interfaces);
    g_clear_pointer(&connection->check_budget, check_budget_unref);
    certificate_unref(connection->certificate);
    g_free(connection);
    dying--;
    return G_SOURCE_REMOVE;
}

void connection_free(Connection *connection)
{
    if (!connection || !connection->ops)
        return;
    connection->ops = NULL;
    channel_set_silence(connection->channels);
    g_clear_handle_id(&connection->outbox_source, g_source_remove);
    g_clear_handle_id(&connection->connect_timer, g_source_remove);
    dying++;
    g_idle_add_full(G_PRIORITY_DEFAULT, on_destroy, connection, NULL);
}

static gboolean on_drain_timeout(gpointer data)
{
    *(bool *) data = true;
    return G_SOURCE_REMOVE;
}

void connection_drain(guint milliseconds)
{
    bool late = false;
    guint timer = clock_timer_add(milliseconds, on_drain_timeout, &late);

    while (!late && (dying > 0 || ice_closing_count() > 0))
        g_main_context_iteration(NULL, TRUE);
    if (!late)
        g_source_remove(timer);
}

bool connection_is_unacknowledged(Connection *connection)
{
    return connection->sctp && association_is_unacknowledged(connection->sctp);
}

void connection_get_stats(Connection *connection, ConnectionStats *stats)
{
    *stats = (ConnectionStats){};
    if (connection->ice)
        ice_selected_pair(connection->ice, &stats->local_candidate, &stats->remote_candidate);
    if (connection->dtls) {
        stats->remote_fingerprint = g_strdup(dtls_remote_fingerprint(connection->dtls));
        stats->bytes_sent = dtls_bytes_sent(connection->dtls);
        stats->bytes_received = dtls_bytes_received(connection->dtls);
    }
    if (connection->sctp) {
        stats->round_trip_usec = association_round_trip_usec(connection->sctp);
        stats->packet_size = association_packet_size(connection->sctp);
    }
    if (stats->round_trip_usec == 0)
        stats->round_trip_usec = channel_set_round_trip_usec(connection->channels);
    if (stats->round_trip_usec == 0 && connection->dtls)
        stats->round_trip_usec = dtls_round_trip_usec(connection->dtls);
    if (connection->remote)
        stats->remote_max_message_size = connection->remote->max_message_size;
}

void connection_stats_clear(ConnectionStats *stats)
{
    g_clear_pointer(&stats->local_candidate, g_free);
    g_clear_pointer(&stats->remote_candidate, g_free);
    g_clear_pointer(&stats->remote_fingerprint, g_free);
}
