/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Everything happens from the main loop, as with the real one, and finds its
 * connection by number, since it may be gone by then. */

#include <config.h>

#include "fake-connection.h"
#include "rtc/connection-steps.h"
#include "rtc/error.h"

#include <stdio.h>
#include <string.h>

struct Channel {
    Connection *connection;
    char *label;
    ChannelState state;
    const ChannelOps *ops;
    gpointer data;
    ChannelStats stats;
    guint number; /* the same on both sides */
    bool held;
};

struct Connection {
    guint number, remote, candidates;
    guint generation, remote_generation; /* of ICE credentials */
    bool asked;                          /* an offer is out */
    bool strayed;                        /* the remote's last description is somebody else's */
    bool verified;
    bool offerer;   /* the first of all */
    guint restarts; /* of our own */
    char *key, *remote_key, *remote_ufrag, *path_ufrag;
    char *server, *asked_server; /* the first one; that of the last generation */
    const ConnectionOps *ops;
    gpointer data;
    ConnectionState state;
    GPtrArray *channels;
};

static GHashTable *connections; /* number → Connection */
static guint last_number, last_channel, strays, keys_read;
static bool channels_full, cut;
static void (*on_channel_send)(Channel *channel, gpointer data);
static gpointer on_channel_send_data;

typedef enum {
    DO_OFFER,
    DO_ANSWER,
    DO_CONNECT,
    DO_CLOSE,
    DO_FAIL,
    DO_MESSAGE,
    DO_SILENCE,
    DO_PATH,
    DO_PROBED
} Action;

typedef struct {
    Action action;
    guint connection, channel;
    MessageKind kind;
    GBytes *bytes;
} Task;

G_DEFINE_QUARK(rtcbus - rtc - error - quark, rtc_error)

static Connection *find(guint number)
{
    return connections ? g_hash_table_lookup(connections, GUINT_TO_POINTER(number)) : NULL;
}

static Channel *find_channel(Connection *connection, guint number)
{
    for (guint i = 0; i < connection->channels->len; i++) {
        Channel *channel = connection->channels->pdata[i];

        if (channel->number == number)
            return channel;
    }
    return NULL;
}

static Channel *add_channel(Connection *connection, const char *label, guint number)
{
    Channel *channel = g_new0(Channel, 1);

    channel->connection = connection;
    channel->label = g_strdup(label);
    channel->number = number;
    g_ptr_array_add(connection->channels, channel);
    return channel;
}

static void channel_free(gpointer data)
{
    Channel *channel = data;

    g_free(channel->label);
    g_free(channel);
}

static void describe(guint number, const char *type)
{
    Connection *connection = find(number);
    g_autofree char *sdp = connection ? g_strdup_printf("fake %u gen %u key %s", number,
                                                        connection->generation, connection->key)
                                      : NULL;
    g_autofree char *text = g_strdup_printf("candidate:1 1 udp 1 127.0.0.1 %u typ host", number);
    IceCandidateInit candidate = {text, "0", 0, NULL};

    g_assert(connection);
    if (strcmp(type, "offer") == 0)
        connection->asked = true;
    connection->ops->description(connection, type, sdp, connection->data);
    if (find(number))
        connection->ops->candidate(connection, &candidate, connection->data);
    if (find(number))
        connection->ops->candidate(connection, NULL, connection->data);
}

static void enter(guint number, ConnectionState state, const char *reason)
{
    Connection *connection = find(number);
    g_autoptr(GError) error =
        reason ? g_error_new_literal(RTC_ERROR, RTC_ERROR_TIMEOUT, reason) : NULL;

    if (!connection || connection->state == state)
        return;
    connection->state = state;
    connection->ops->state(connection, state, error, connection->data);
}

static void open_channel(Channel *channel)
{
    channel->state = CHANNEL_OPEN;
    if (channel->ops)
        channel->ops->state(channel, CHANNEL_OPEN, NULL, channel->data);
}

/* The remote's channels appear here, too; then all of them are open. */
static void mirror(guint number)
{
    Connection *connection = find(number);
    Connection *remote = connection ? find(connection->remote) : NULL;

    for (guint i = 0; remote && i < remote->channels->len; i++) {
        Channel *theirs = remote->channels->pdata[i];
        Channel *ours = find_channel(connection, theirs->number);

        if (!ours) {
            ours = add_channel(connection, theirs->label, theirs->number);
            ours->state = CHANNEL_OPEN;
            connection->ops->channel(connection, ours, connection->data);
        }
        if (theirs->state == CHANNEL_CONNECTING)
            open_channel(theirs);
    }
}

static bool verify(Connection *connection)
{
    g_autofree char *fingerprint = g_strdup_printf("sha-256 %s", connection->remote_key);
    g_autoptr(GError) error = NULL;

    if (connection->verified ||
        connection->ops->verify(connection, fingerprint, &error, connection->data)) {
        connection->verified = true;
        return true;
    }
    enter(connection->number, CONNECTION_FAILED, error->message);
    return false;
}

static void run(const Task *task)
{
    Connection *connection = find(task->connection);
    Channel *channel;

    if (!connection)
        return;
    switch (task->action) {
    case DO_OFFER:
        describe(task->connection, "offer");
        break;
    case DO_ANSWER:
        describe(task->connection, "answer");
        break;
    case DO_CONNECT:
        if (!verify(connection))
            break;
        enter(task->connection, CONNECTION_CONNECTED, NULL);
        mirror(task->connection);
        break;
    case DO_CLOSE:
        enter(task->connection, CONNECTION_CLOSED, NULL);
        break;
    case DO_FAIL:
        enter(task->connection, CONNECTION_FAILED, "consent was lost");
        break;
    case DO_SILENCE:
        enter(task->connection, CONNECTION_DISCONNECTED, NULL);
        connection = find(task->connection);
        if (connection && connection->ops->path)
            connection->ops->path(connection, CONNECTION_PATH_FAILED, connection->data);
        break;
    case DO_PATH:
        g_free(connection->path_ufrag);
        connection->path_ufrag = g_strdup(connection->remote_ufrag);
        if (connection->ops->path)
            connection->ops->path(connection, CONNECTION_PATH_MOVED, connection->data);
        enter(task->connection, CONNECTION_CONNECTED, NULL);
        break;
    case DO_PROBED:
        connection->ops->path(connection, CONNECTION_PATH_SILENT, connection->data);
        break;
    case DO_MESSAGE:
        channel = find_channel(connection, task->channel);
        if (channel && channel->ops)
            channel->ops->message(channel, task->kind, g_bytes_get_data(task->bytes, NULL),
                                  g_bytes_get_size(task->bytes), channel->data);
        break;
    }
}

static gboolean on_task(gpointer data)
{
    run(data);
    return G_SOURCE_REMOVE;
}

static void task_free(gpointer data)
{
    Task *task = data;

    g_clear_pointer(&task->bytes, g_bytes_unref);
    g_free(task);
}

static void later(Task task)
{
    g_idle_add_full(G_PRIORITY_DEFAULT, on_task, g_memdup2(&task, sizeof(task)), task_free);
}

static void connect_if_ready(Connection *connection)
{
    Connection *remote = find(connection->remote);

    if (!remote || remote->remote != connection->number || connection->candidates == 0 ||
        remote->candidates == 0 || connection->verified)
        return;
    later((Task){DO_CONNECT, connection->number});
    later((Task){DO_CONNECT, remote->number});
}

/* ---- connection.h --------------------------------------------------------- */

const char *connection_state_to_string(ConnectionState state)
{
    return "";
}

Connection *connection_new(const ConnectionConfig *config, const ConnectionOps *ops, gpointer data,
                           GError **error)
{
    Connection *connection = g_new0(Connection, 1);

    if (!connections)
        connections = g_hash_table_new(NULL, NULL);
    connection->number = ++last_number;
    connection->ops = ops;
    connection->data = data;
    connection->channels = g_ptr_array_new_with_free_func(channel_free);
    connection->key = config->interfaces ? g_strdup(*config->interfaces)
                                         : g_strdup_printf("%u", connection->number);
    g_hash_table_insert(connections, GUINT_TO_POINTER(connection->number), connection);
    return connection;
}

void connection_free(Connection *connection)
{
    if (!connection)
        return;
    if (connection->remote)
        later((Task){DO_CLOSE, connection->remote});
    g_hash_table_remove(connections, GUINT_TO_POINTER(connection->number));
    g_ptr_array_unref(connection->channels);
    g_free(connection->key);
    g_free(connection->remote_key);
    g_free(connection->remote_ufrag);
    g_free(connection->path_ufrag);
    g_free(connection->server);
    g_free(connection->asked_server);
    g_free(connection);
}

bool connection_offer(Connection *connection, GError **error)
{
    connection->offerer = true;
    later((Task){DO_OFFER, connection->number});
    return true;
}

typedef struct {
    guint number, generation;
    char key[32];
} Description;

static bool read_description(const char *sdp, Description *description)
{
    *description = (Description){};
    if (sscanf(sdp, "fake %u gen %u key %31s", &description->number, &description->generation,
               description->key) < 1)
        return false;
    if (!*description->key)
        g_snprintf(description->key, sizeof description->key, "%u", description->number);
    return true;
}

GPtrArray *connection_read_keys(const char *sdp)
{
    Description description;
    GPtrArray *keys;

    keys_read++;
    if (!read_description(sdp, &description))
        return NULL;
    keys = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(keys, g_strdup(description.key));
    return keys;
}

bool connection_has_keys(const Connection *connection, const GPtrArray *keys)
{
    return connection->remote != 0 && strcmp(keys->pdata[0], connection->remote_key) == 0;
}

const char *connection_remote_ufrag(const Connection *connection)
{
    return connection->remote_ufrag;
}

const char *connection_path_ufrag(const Connection *connection)
{
    return connection->path_ufrag;
}

static void set_remote_ufrag(Connection *connection, const Description *description)
{
    connection->remote_generation = description->generation;
    g_free(connection->remote_ufrag);
    connection->remote_ufrag =
        g_strdup_printf("%u.%u", description->number, description->generation);
}

/* Both have each other's newest credentials: what they look for is found at once. */
static void move_if_ready(Connection *connection)
{
    Connection *remote = find(connection->remote);

    if (!remote || remote->remote != connection->number || cut || connection->strayed ||
        remote->remote_generation != connection->generation ||
        connection->remote_generation != remote->generation)
        return;
    later((Task){DO_PATH, connection->number});
    later((Task){DO_PATH, remote->number});
}

static void begin_generation(Connection *connection)
{
    connection->generation++;
    g_free(connection->asked_server);
    connection->asked_server = g_strdup(connection->server);
}

static bool set_later(Connection *connection, bool offer, const Description *description,
                      GError **error)
{
    if (!offer && !connection->asked) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_STATE, "an unexpected answer");
        return false;
    }
    if (offer && connection->asked && connection->offerer)
        return true; /* ours goes first */
    if (offer && description->generation != connection->remote_generation &&
        connection->ops->restart && !connection->ops->restart(connection, error, connection->data))
        return false;
    if (offer) {
        later((Task){DO_ANSWER, connection->number});
        if (description->generation != connection->remote_generation)
            begin_generation(connection);
    }
    connection->asked = false;
    connection->strayed = description->number != connection->remote;
    set_remote_ufrag(connection, description);
    move_if_ready(connection);
    return true;
}

bool connection_set_remote(Connection *connection, const char *type, const char *sdp,
                           GError **error)
{
    bool offer = strcmp(type, "offer") == 0;
    Description description;

    if (!read_description(sdp, &description)) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID, "bad SDP");
        return false;
    }
    if (connection->remote && strcmp(connection->remote_key, description.key) != 0) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_STATE, "another key");
        return false;
    }
    if (connection->remote)
        return set_later(connection, offer, &description, error);
    connection->remote = description.number;
    connection->remote_key = g_strdup(description.key);
    set_remote_ufrag(connection, &description);
    connection->asked = false;
    if (offer)
        later((Task){DO_ANSWER, connection->number});
    connect_if_ready(connection);
    return true;
}

bool connection_restart_ice(Connection *connection, bool anew, GError **error)
{
    if (!connection->remote) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_STATE, "there is no path yet");
        return false;
    }
    connection->restarts++;
    begin_generation(connection);
    later((Task){DO_OFFER, connection->number});
    return true;
}

void connection_probe(Connection *connection)
{
    if (cut && connection->ops->path)
        later((Task){DO_PROBED, connection->number});
}

void connection_set_ice_servers(Connection *connection, const char *const *servers)
{
    g_free(connection->server);
    connection->server = g_strdup(servers ? *servers : NULL);
}

bool connection_add_candidate(Connection *connection, const IceCandidateInit *candidate,
                              GError **error)
{
    guint port;

    if (!candidate || sscanf(candidate->candidate, "candidate:1 1 udp 1 127.0.0.1 %u", &port) != 1)
        return true;
    connection->candidates++;
    if (connection->remote && connection->remote != port)
        strays++;
    connect_if_ready(connection);
    return true;
}

Channel *connection_open_channel(Connection *connection, const char *label,
                                 const ChannelOptions *options, GError **error)
{
    Channel *channel = add_channel(connection, label, ++last_channel);

    if (connection->state == CONNECTION_CONNECTED)
        later((Task){DO_CONNECT, connection->remote});
    return channel;
}

ConnectionState connection_state(const Connection *connection)
{
    return connection->state;
}

/* Nobody here takes a negotiation step by step. */
static bool no_steps(GError **error)
{
    g_set_error_literal(error, RTC_ERROR, RTC_ERROR_STATE, "not with a fake connection");
    return false;
}

char *steps_make(Connection *connection, const char *type, bool restart, GError **error)
{
    no_steps(error);
    return NULL;
}

bool steps_set_local(Connection *connection, const char *type, GError **error)
{
    return no_steps(error);
}

bool steps_set_remote(Connection *connection, const char *type, const char *sdp, GError **error)
{
    return no_steps(error);
}

const char *steps_own_ufrag(const Connection *connection)
{
    return NULL;
}

void connection_set_relay_only(Connection *connection, bool relay_only)
{
}

bool connection_remote_speaks(const Connection *connection, const char *protocol)
{
    return false;
}

bool connection_is_unacknowledged(Connection *connection)
{
    return false;
}

void connection_set_tap(Connection *connection, TransportTap tap, gpointer data)
{
}

void connection_get_stats(Connection *connection, ConnectionStats *stats)
{
    *stats = (ConnectionStats){};
}

void connection_stats_clear(ConnectionStats *stats)
{
    g_free(stats->local_candidate);
    g_free(stats->remote_candidate);
    g_free(stats->remote_fingerprint);
}

/* ---- channel.h ------------------------------------------------------------ */

const char *channel_state_to_string(ChannelState state)
{
    return "";
}

void channel_attach(Channel *channel, const ChannelOps *ops, gpointer data)
{
    channel->ops = ops;
    channel->data = data;
}

bool channel_send(Channel *channel, MessageKind kind, const void *bytes, gsize length,
                  GError **error)
{
    if (on_channel_send)
        on_channel_send(channel, on_channel_send_data);
    if (channels_full) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FULL, "the send queue is full");
        return false;
    }
    channel->stats.messages_sent++;
    later((Task){DO_MESSAGE, channel->connection->remote, channel->number, kind,
                 g_bytes_new(bytes, length)});
    return true;
}

void channel_cork(Channel *channel, bool corked)
{
}

void channel_close(Channel *channel)
{
}

void channel_hold(Channel *channel, bool held)
{
    channel->held = held;
}

bool fake_channel_is_held(const Channel *channel)
{
    return channel->held;
}

void fake_channel_give(Channel *channel, const guint8 *bytes, gsize length)
{
    channel->ops->message(channel, MESSAGE_BINARY, bytes, length, channel->data);
}

void channel_drain(Channel *channel)
{
}

gsize channel_max_message_size(const Channel *channel)
{
    return CONNECTION_MAX_MESSAGE_SIZE;
}

gsize channel_buffered_amount(const Channel *channel)
{
    return 0;
}

bool channel_is_congested(const Channel *channel)
{
    return channels_full;
}

ChannelState channel_state(const Channel *channel)
{
    return channel->state;
}

const ChannelStats *channel_stats(const Channel *channel)
{
    return &channel->stats;
}

const char *channel_label(const Channel *channel)
{
    return channel->label;
}

const char *channel_protocol(const Channel *channel)
{
    return "";
}

/* ---- fake-connection.h ---------------------------------------------------- */

guint fake_connections(void)
{
    return connections ? g_hash_table_size(connections) : 0;
}

guint fake_number(const Connection *connection)
{
    return connection->number;
}

guint fake_restarts(void)
{
    GHashTableIter iter;
    gpointer connection;
    guint n = 0;

    g_hash_table_iter_init(&iter, connections);
    while (g_hash_table_iter_next(&iter, NULL, &connection))
        n += ((Connection *) connection)->restarts;
    return n;
}

guint fake_asked(const char *server)
{
    GHashTableIter iter;
    gpointer connection;
    guint n = 0;

    g_hash_table_iter_init(&iter, connections);
    while (g_hash_table_iter_next(&iter, NULL, &connection))
        n += g_strcmp0(((Connection *) connection)->asked_server, server) == 0;
    return n;
}

/* To all that are connected */
static void happens(Action kind)
{
    GHashTableIter iter;
    gpointer connection;

    g_hash_table_iter_init(&iter, connections);
    while (g_hash_table_iter_next(&iter, NULL, &connection)) {
        if (((Connection *) connection)->state == CONNECTION_CONNECTED)
            later((Task){kind, ((Connection *) connection)->number});
    }
}

void fake_connections_fail(void)
{
    happens(DO_FAIL);
}

void fake_connections_move(void)
{
    happens(DO_PATH);
}

void fake_connections_cut(bool broken)
{
    GHashTableIter iter;
    gpointer connection;

    cut = broken;
    if (!connections)
        return;
    g_hash_table_iter_init(&iter, connections);
    while (cut && g_hash_table_iter_next(&iter, NULL, &connection)) {
        if (((Connection *) connection)->state == CONNECTION_CONNECTED)
            later((Task){DO_SILENCE, ((Connection *) connection)->number});
    }
}

void fake_connections_go_silent(void)
{
    cut = true;
}

void fake_channels_full(bool full)
{
    channels_full = full;
}

void fake_channels_on_send(void (*func)(Channel *channel, gpointer data), gpointer data)
{
    on_channel_send = func;
    on_channel_send_data = data;
}

guint fake_keys_read(void)
{
    return keys_read;
}

guint fake_stray_candidates(void)
{
    return strays;
}
