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

#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "rtc/connection-private.h"
#include "rtc/sctp/opening-chunk.h"

#define DEFAULT_SEND_QUOTA (16 * 1024 * 1024)
#define DEFAULT_MAX_CHANNELS 256
/* From both descriptions to open SCTP. ICE has forty seconds of them (RFC 8863). */
#define CONNECT_SECONDS 60
/* Two offers have crossed if the other one comes sooner than this; else ours may be lost. */
#define CROSSING_USEC (250 * 1000)
#define OFFER_INTERVAL G_USEC_PER_SEC

/* A description (type set) or a candidate of UFRAG's generation (text NULL: the end) */
typedef struct {
    const char *type;
    char *text;
    char *ufrag;
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

const char *connection_path_event_to_string(ConnectionPathEvent event)
{
    static const char *const names[] = {
        [CONNECTION_PATH_MOVED] = "moved",     [CONNECTION_PATH_SILENT] = "silent",
        [CONNECTION_PATH_HEARD] = "heard",     [CONNECTION_RESTART_FAILED] = "restart failed",
        [CONNECTION_PATH_RELAYED] = "relayed", [CONNECTION_PATH_FAILED] = "failed",
    };
    return names[event];
}

ConnectionState connection_state(const Connection *connection)
{
    return connection->state;
}

void connection_enter_state(Connection *connection, ConnectionState state, const GError *reason)
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
    g_free(outbound->ufrag);
    g_free(outbound);
}

static void emit(Connection *connection, const Outbound *outbound)
{
    const Sdp *own = negotiation_own(&connection->negotiation);

    if (outbound->type) {
        connection->ops->description(connection, outbound->type, outbound->text, connection->data);
    } else if (outbound->text && own) {
        IceCandidateInit init = {
            .candidate = outbound->text,
            .mid = own->mid,
            .mline_index = own->mline_index,
            .ufrag = outbound->ufrag,
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
    while (connection->ops && !connection->held &&
           (outbound = g_queue_pop_head(&connection->outbox))) {
        emit(connection, outbound);
        outbound_free(outbound);
    }
    return G_SOURCE_REMOVE;
}

static void start_outbox(Connection *connection)
{
    if (connection->outbox_source == 0)
        connection->outbox_source =
            g_idle_add_full(G_PRIORITY_DEFAULT, on_outbox, connection, NULL);
}

void connection_hold_outbox(Connection *connection, bool held)
{
    connection->held = held;
    if (!held)
        start_outbox(connection);
}

void connection_forget_outbox(Connection *connection)
{
    g_queue_clear_full(&connection->outbox, (GDestroyNotify) outbound_free);
    g_queue_init(&connection->outbox);
}

/* Before the candidates, whatever was gathered meanwhile, and behind the descriptions */
static void post_description(Connection *connection, const char *type, const char *text)
{
    Outbound *outbound = g_new0(Outbound, 1);
    GList *last = connection->outbox.tail;

    outbound->type = type;
    outbound->text = g_strdup(text);
    while (last && !((Outbound *) last->data)->type)
        last = last->prev;
    if (last)
        g_queue_insert_after(&connection->outbox, last, outbound);
    else
        g_queue_push_head(&connection->outbox, outbound);
    start_outbox(connection);
}

static void on_local_candidate(const char *candidate, const char *ufrag, gpointer data)
{
    Connection *connection = data;
    Outbound *outbound = g_new0(Outbound, 1);

    outbound->text = g_strdup(candidate);
    outbound->ufrag = g_strdup(ufrag);
    g_queue_push_tail(&connection->outbox, outbound);
    start_outbox(connection);
}

/* It is up, if it has ever been. */
void connection_note_doubt(Connection *connection)
{
    if (connection->state == CONNECTION_CONNECTED || connection->state == CONNECTION_DISCONNECTED)
        connection_enter_state(connection,
                               connection->doubted || connection->lost ? CONNECTION_DISCONNECTED
                                                                       : CONNECTION_CONNECTED,
                               NULL);
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
        connection_start_sctp(connection);
    else if (state == TRANSPORT_FAILED)
        connection_fail(connection, reason);
    else if (state == TRANSPORT_CLOSED)
        connection_enter_state(connection, CONNECTION_CLOSED, reason);
}

static void on_dtls_receive(guint8 *packet, gsize length, gpointer data)
{
    /* Nothing can: SCTP takes over in the callback that says CONNECTED, before a record is read. */
}

static const TransportUser dtls_user = {
    .receive = on_dtls_receive,
    .state = on_dtls_state,
};

static bool has_path(const Connection *connection)
{
    return paths_transport(connection->paths)->state >= TRANSPORT_CONNECTED;
}

static void tell_path(Connection *connection, ConnectionPathEvent event)
{
    bool untimely = connection->state == CONNECTION_CONNECTING && event != CONNECTION_PATH_FAILED;

    if (!connection->ops || untimely || connection->state < CONNECTION_CONNECTING ||
        connection->state >= CONNECTION_FAILED)
        return;
    log_debug("connection: path %s", connection_path_event_to_string(event));
    if (connection->ops->path)
        connection->ops->path(connection, event, connection->data);
}

static gboolean on_connect_timeout(gpointer data)
{
    Connection *connection = data;
    bool path = has_path(connection);
    g_autoptr(GError) error =
        g_error_new(RTC_ERROR, path ? RTC_ERROR_TIMEOUT : RTC_ERROR_NO_PATH,
                    "no connection within %u seconds", CONNECT_SECONDS + connection->patience);

    connection->connect_timer = 0;
    if (!path && connection->waits)
        tell_path(connection, CONNECTION_PATH_FAILED);
    else
        connection_fail(connection, error);
    return G_SOURCE_REMOVE;
}

void connection_begin_again(Connection *connection)
{
    if (connection->state == CONNECTION_CONNECTING && connection->connect_timer == 0)
        connection->connect_timer = clock_timer_add_seconds(CONNECT_SECONDS + connection->patience,
                                                            on_connect_timeout, connection);
}

/* Both descriptions are known: the upper layers can be built. */
static bool start_dtls(Connection *connection, GError **error)
{
    DtlsConfig config = {
        .certificate = connection->certificate,
        .client = connection->negotiation.client,
        .early = connection->negotiation.remote->early_hello,
        .fingerprints = connection->negotiation.remote->fingerprints,
        .verify = on_verify,
        .data = connection,
    };

    connection->dtls = dtls_new(paths_transport(connection->paths), &config, error);
    if (!connection->dtls)
        return false;
    transport_set_user(dtls_transport(connection->dtls), &dtls_user, connection);
    connection_tap_dtls(connection);
    connection_begin_again(connection);
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

static bool is_owed(gpointer data)
{
    const Connection *connection = data;

    return connection->sctp && (association_is_unacknowledged(connection->sctp) ||
                                association_is_asking(connection->sctp));
}

/* There are stacks that answer no such question. It tells them at least that we are there. */
static bool on_ask(gpointer data)
{
    const Connection *connection = data;

    if (!connection->sctp)
        return false;
    association_probe(connection->sctp);
    return association_answers(connection->sctp);
}

void connection_probe(Connection *connection)
{
    if (connection->ops && connection->state == CONNECTION_CONNECTED)
        paths_ask(connection->paths);
}

/* What waits for an answer, or to be set, has lost its agent with it. */
static void note_restart_failed(Connection *connection)
{
    Negotiation *negotiation = &connection->negotiation;

    if (paths_searching(connection->paths) < 0) {
        if (negotiation->offered && negotiation->remote)
            negotiation_roll_back(negotiation);
        connection_forget_made(connection);
    }
    tell_path(connection, CONNECTION_RESTART_FAILED);
}

static void note_no_path(Connection *connection)
{
    g_clear_handle_id(&connection->connect_timer, g_source_remove);
    tell_path(connection, CONNECTION_PATH_FAILED);
}

static void on_paths_event(PathsEvent event, gpointer data)
{
    Connection *connection = data;

    switch (event) {
    case PATHS_SILENT:
        tell_path(connection, CONNECTION_PATH_SILENT);
        break;
    case PATHS_MOVED:
    case PATHS_HEARD:
        connection->lost = false;
        connection_note_doubt(connection);
        tell_path(connection, event == PATHS_MOVED ? CONNECTION_PATH_MOVED : CONNECTION_PATH_HEARD);
        break;
    case PATHS_LOST:
        connection->lost = true;
        connection_note_doubt(connection);
        tell_path(connection, CONNECTION_PATH_FAILED);
        break;
    case PATHS_FAILED:
        if (has_path(connection))
            note_restart_failed(connection);
        else
            note_no_path(connection);
        break;
    case PATHS_RELAYED:
        if (connection->negotiation.offerer)
            tell_path(connection, CONNECTION_PATH_RELAYED);
        break;
    }
}

static const PathsUser paths_user = {
    .candidate = on_local_candidate,
    .overflow = on_overflow,
    .event = on_paths_event,
    .is_owed = is_owed,
    .ask = on_ask,
};

bool connection_add_candidate(Connection *connection, const IceCandidateInit *candidate,
                              GError **error)
{
    const char *line = candidate && candidate->candidate ? candidate->candidate : "";

    if (strlen(line) > 1024) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID, "the candidate is too long");
        return false;
    }
    if (!connection->ops || connection->state >= CONNECTION_FAILED)
        return true;
    return paths_add_candidate(connection->paths, line, candidate ? candidate->ufrag : NULL, error);
}

/* ---- descriptions ---- */

Sdp *connection_template(const Connection *connection)
{
    Sdp *sdp = sdp_new();

    sdp->trickle = true;
    sdp->sctp_port = CONNECTION_SCTP_PORT;
    sdp->sctp_init = g_bytes_ref(connection->sctp_init);
    sdp->early_hello = true;
    sdp->max_message_size = connection->max_message_size;
    sdp->max_packet_size = SDP_MAX_PACKET_SIZE;
    sdp->packet_parts = true;
    sdp->protocol = g_strdup(connection->protocol);
    certificate_list_fingerprints(connection->certificate, sdp->fingerprints);
    return sdp;
}

static void post_offer(Connection *connection, Sdp *template)
{
    NegotiationIce ice = {paths_ufrag(connection->paths), paths_password(connection->paths)};
    g_autofree char *text = negotiation_offer(&connection->negotiation, &ice, template);

    post_description(connection, "offer", text);
}

bool connection_offer(Connection *connection, GError **error)
{
    if (connection->state != CONNECTION_NEW || negotiation_own(&connection->negotiation)) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_STATE, "there was an offer already");
        return false;
    }
    if (!paths_begin(connection->paths, true, false, error))
        return false;
    post_offer(connection, connection_template(connection));
    connection_enter_state(connection, CONNECTION_CONNECTING, NULL);
    return true;
}

/* The remote may not have got our offer, since its connection to the relay is another one now. It
 * would wait for our answer, and we for its. */
static void offer_again(Connection *connection)
{
    post_offer(connection, NULL);
    paths_repeat_candidates(connection->paths, paths_ufrag(connection->paths));
}

/*
 * While libwebrtc has a good path and does not know our new credentials or candidates, a check that
 * comes from there makes a pair that it throws away, and for good.
 */
static bool needs_time(const Connection *connection)
{
    const Sdp *remote = connection->negotiation.remote;

    return remote && remote->max_packet_size == 0;
}

/* Who controls is not asked again in a restart (RFC 8445 6.1.1). */
bool connection_restart_ice(Connection *connection, bool anew, GError **error)
{
    gint64 searching = connection->dtls ? paths_searching(connection->paths) : -1;

    if (!connection->ops || (connection->state != CONNECTION_CONNECTED &&
                             connection->state != CONNECTION_DISCONNECTED)) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_STATE, "there is no path to restart");
        return false;
    }
    if (!anew && searching >= 0 && searching < CONNECTION_RESTART_MS * 1000) {
        if (connection->negotiation.offered && searching >= CROSSING_USEC)
            offer_again(connection);
        return true;
    }
    if (!paths_begin(connection->paths, paths_is_controlling(connection->paths),
                     needs_time(connection), error))
        return false;
    post_offer(connection, NULL);
    return true;
}

void connection_set_ice_servers(Connection *connection, const char *const *servers)
{
    paths_set_servers(connection->paths, servers);
}

void connection_set_relay_only(Connection *connection, bool relay_only)
{
    paths_set_relay_only(connection->paths, relay_only);
}

bool connection_is_relayed(Connection *connection)
{
    return paths_is_relayed(connection->paths);
}

/* The first offer, or an ICE restart */
static bool answer_anew(Connection *connection, Sdp **remote, const char *text, GError **error)
{
    const bool first = !connection->dtls;
    const bool controlling =
        (*remote)->ice_lite || (!first && paths_is_controlling(connection->paths));
    NegotiationIce ice;

    if (!paths_begin(connection->paths, controlling, needs_time(connection), error))
        return false;
    if (!paths_set_remote(connection->paths, *remote, error)) {
        paths_cancel(connection->paths);
        return false;
    }
    ice = (NegotiationIce){paths_ufrag(connection->paths), paths_password(connection->paths)};
    post_description(connection, "answer",
                     negotiation_answer(&connection->negotiation, g_steal_pointer(remote), text,
                                        &ice, first ? connection_template(connection) : NULL));
    return true;
}

/*
 * It may be the same once more, with the candidates that have been found since then: perhaps
 * none of ours have come. A restart of ours that the remote has not heard of is still to be made.
 */
static void answer_as_before(Connection *connection, Sdp *remote, const char *text)
{
    bool offered = connection->negotiation.offered != NULL;

    paths_add_known(connection->paths, remote);
    post_description(connection, "answer",
                     negotiation_answer(&connection->negotiation, remote, text, NULL, NULL));
    paths_repeat_candidates(connection->paths, connection->negotiation.local->ufrag);
    if (offered)
        offer_again(connection);
}

/* Frames get lost: perhaps not only the answer was, but also what came after it. */
static void answer_again(Connection *connection)
{
    post_description(connection, "answer", negotiation_kept_answer(&connection->negotiation));
    paths_repeat_candidates(connection->paths, connection->negotiation.local->ufrag);
}

bool connection_take_answer(Connection *connection, Sdp **remote, const char *text, GError **error)
{
    if (!paths_set_remote(connection->paths, *remote, error))
        return false;
    negotiation_take_answer(&connection->negotiation, g_steal_pointer(remote), text);
    return true;
}

bool connection_begin(Connection *connection, GError **error)
{
    connection_enter_state(connection, CONNECTION_CONNECTING, NULL);
    return start_dtls(connection, error);
}

bool connection_prepare_restart(Connection *connection, GError **error)
{
    return !connection->ops->restart ||
           connection->ops->restart(connection, error, connection->data);
}

/* An answer costs nothing that an offer of ours has not. */
static bool may_offer(Connection *connection, const char *type, GError **error)
{
    if (strcmp(type, "offer") != 0 ||
        bucket_take(&connection->offers, clock_monotonic(), OFFER_INTERVAL, CONNECTION_OFFERS))
        return true;
    g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FULL, "the offers come too fast");
    return false;
}

bool connection_is_over(const Connection *connection, GError **error)
{
    if (connection->ops && connection->state < CONNECTION_FAILED)
        return false;
    g_set_error_literal(error, RTC_ERROR, RTC_ERROR_CLOSED, "the call has ended");
    return true;
}

bool connection_set_remote(Connection *connection, const char *type, const char *sdp,
                           GError **error)
{
    g_autoptr(Sdp) remote = NULL;
    NegotiationStep step;

    if (connection_is_over(connection, error) || !may_offer(connection, type, error))
        return false;
    negotiation_prove(&connection->negotiation, connection_path_ufrag(connection));
    if (!negotiation_judge(&connection->negotiation, type, sdp, &step, &remote, error))
        return false;
    log_debug("connection: %s", negotiation_step_to_string(step));
    switch (step) {
    case NEGOTIATION_OFFER_FIRST:
        return answer_anew(connection, &remote, sdp, error) && connection_begin(connection, error);
    case NEGOTIATION_OFFER_RESTART:
        return connection_prepare_restart(connection, error) &&
               answer_anew(connection, &remote, sdp, error);
    case NEGOTIATION_OFFER_OTHER:
        answer_as_before(connection, g_steal_pointer(&remote), sdp);
        return true;
    case NEGOTIATION_OFFER_REPEATED:
        answer_again(connection);
        return true;
    case NEGOTIATION_ANSWER_FIRST:
        return connection_take_answer(connection, &remote, sdp, error) &&
               connection_begin(connection, error);
    case NEGOTIATION_ANSWER_OTHER:
        paths_add_known(connection->paths, remote);
        negotiation_take_answer(&connection->negotiation, g_steal_pointer(&remote), sdp);
        return true;
    case NEGOTIATION_ANSWER_RESTART:
        connection_begin_again(connection);
        return connection_take_answer(connection, &remote, sdp, error);
    case NEGOTIATION_ANSWER_DECLINED:
        paths_cancel(connection->paths);
        tell_path(connection, CONNECTION_RESTART_FAILED);
        return true;
    case NEGOTIATION_OFFER_IGNORED:
        if (paths_searching(connection->paths) >= CROSSING_USEC)
            offer_again(connection);
        return true;
    case NEGOTIATION_ANSWER_REPEATED:
        return true;
    }
    g_return_val_if_reached(false);
}

GPtrArray *connection_read_keys(const char *sdp)
{
    g_autoptr(Sdp) remote = sdp_parse(sdp, NULL);

    return remote ? g_ptr_array_ref(remote->fingerprints) : NULL;
}

bool connection_has_keys(const Connection *connection, const GPtrArray *keys)
{
    return negotiation_has_keys(&connection->negotiation, keys);
}

const char *connection_remote_ufrag(const Connection *connection)
{
    return connection->negotiation.remote ? connection->negotiation.remote->ufrag : NULL;
}

const char *connection_path_ufrag(const Connection *connection)
{
    return paths_remote_ufrag(connection->paths);
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
    IceConfig ice = {
        .servers = config->ice_servers,
        .relay_only = config->relay_only,
        .trust = config->trust,
        .interfaces = config->interfaces,
        .budget = config->check_budget,
        .uninvited = config->uninvited,
        .libnice_only = config->libnice_only,
        .patience = config->patience,
        .keep_alive = config->keep_alive,
    };

    connection->ops = ops;
    connection->patience = config->patience;
    connection->waits = config->waits;
    connection->keep_alive = config->keep_alive;
    connection->data = data;
    connection->certificate = certificate_ref(config->certificate);
    connection->protocol = config->protocol;
    connection->max_message_size =
        config->max_message_size ? config->max_message_size : CONNECTION_MAX_MESSAGE_SIZE;
    connection->sctp_init = opening_chunk_describe();
    negotiation_init(&connection->negotiation);
    g_queue_init(&connection->outbox);
    connection->paths = paths_new(&ice, &paths_user, connection);
    paths_set_waiting(connection->paths, config->waits);
    connection->channels = channel_set_new(&channels);
    return connection;
}

Channel *connection_open_channel(Connection *connection, const char *label,
                                 const ChannelOptions *options, GError **error)
{
    return connection_is_over(connection, error)
               ? NULL
               : channel_set_open(connection->channels, label, options, error);
}

static gboolean on_destroy(gpointer data)
{
    Connection *connection = data;

    channel_set_detach(connection->channels, NULL);
    g_clear_pointer(&connection->sctp, association_free);
    g_clear_pointer(&connection->dtls, dtls_free);
    paths_free(connection->paths);
    channel_set_free(connection->channels);
    negotiation_clear(&connection->negotiation);
    g_queue_clear_full(&connection->outbox, (GDestroyNotify) outbound_free);
    certificate_unref(connection->certificate);
    g_bytes_unref(connection->sctp_init);
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
