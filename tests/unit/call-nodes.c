/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "call-nodes.h"

#include <string.h>

GPtrArray *nodes;
bool bare;

/* ---- the relay ------------------------------------------------------------ */

typedef struct {
    char *from, *text;
} Packet;

static guint in_flight;

static void node_receive(Node *node, const char *from, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Frame) frame = frame_parse(text, strlen(text), &error);

    g_assert_no_error(error);
    if (!bare)
        frame->from = g_strdup(from);
    if (node->calls)
        call_dispatch_receive(node->dispatch, frame);
    else
        g_ptr_array_add(node->inbox, g_steal_pointer(&frame));
}

static gboolean on_packet(gpointer data)
{
    Packet *packet = data;
    g_autoptr(Frame) frame = frame_parse(packet->text, strlen(packet->text), NULL);

    in_flight--;
    for (guint i = 0; i < nodes->len; i++) {
        Node *node = nodes->pdata[i];

        if (node->there && strcmp(node->id, packet->from) != 0 &&
            (bare || !frame->to || strcmp(frame->to, node->id) == 0 ||
             strcmp(frame->to, node->name) == 0))
            node_receive(node, packet->from, packet->text);
    }
    return G_SOURCE_REMOVE;
}

static void packet_free(gpointer data)
{
    Packet *packet = data;

    g_free(packet->from);
    g_free(packet->text);
    g_free(packet);
}

void say(const Node *from, const char *text)
{
    Packet packet = {g_strdup(from->id), g_strdup(text)};

    in_flight++;
    g_idle_add_full(G_PRIORITY_DEFAULT, on_packet, g_memdup2(&packet, sizeof(packet)), packet_free);
}

/* ---- peers ---------------------------------------------------------------- */

static void on_send(const Frame *frame, gpointer data)
{
    g_autofree char *text = frame_write(frame);

    if (((Node *) data)->there)
        say(data, text);
}

/* A foreign client's connections have a key each, and a peer has one for all. */
static void on_configure(Call *call, ConnectionConfig *config, gpointer data)
{
    config->interfaces = (const char *const *) ((Node *) data)->key;
    config->ice_servers = ((Node *) data)->servers;
}

static bool on_verify(Call *call, const char *fingerprint, TrustAnswer *answer, GError **error,
                      gpointer data)
{
    *answer = (TrustAnswer){.level = TRUST_UNKNOWN};
    return true;
}

static bool on_connected(Call *call, GError **error, gpointer data)
{
    return true;
}

static bool on_accepts(const char *name, gpointer data)
{
    return true;
}

/* Names that begin with "friend" are known. */
static bool on_knows(const char *name, gpointer data)
{
    return name && g_str_has_prefix(name, "friend");
}

static bool on_is_emitter(gpointer data)
{
    return ((Node *) data)->emitter;
}

static void on_added(Call *call, gpointer data)
{
}

static void on_changed(Call *call, gpointer data)
{
    if (call_state(call) == CALL_CONNECTED)
        calls_note_connected(((Node *) data)->calls, call);
}

static bool on_locate(Call *call, const char **to, gpointer data)
{
    return calls_locate(((Node *) data)->calls, call, to);
}

static guint on_patience(gpointer data)
{
    return PATIENCE;
}

static void on_ended(Call *call, gpointer data)
{
    Node *node = data;

    g_assert_cmpint(call_state(call), ==, CALL_CLOSED);
    node->ended++;
    g_free(node->reason);
    node->reason = g_strdup(call_reason(call));
    call_dispatch_note_end(node->dispatch, call);
    calls_remove(node->calls, call);
}

static void on_channel(Call *call, CallChannel *channel, CallChannelEvent event, gpointer data)
{
    Node *node = data;

    if (!call_channel_is_publishing(channel))
        return;
    if (event == CALL_CHANNEL_CHANGED && call_channel_state(channel) == CHANNEL_OPEN) {
        node->listeners++;
        g_assert_true(call_channel_send(channel, MESSAGE_TEXT, "7", 1, NULL));
    }
}

static void on_message(CallChannel *channel, MessageKind kind, const guint8 *bytes, gsize length,
                       gpointer data)
{
    ((Node *) data)->messages++;
}

static const CallOps ops = {
    .send = on_send,
    .configure = on_configure,
    .locate = on_locate,
    .patience = on_patience,
    .changed = on_changed,
    .ended = on_ended,
    .channel = on_channel,
    .message = on_message,
};

static const CallGuardOps guard = {
    .accepts = on_accepts,
    .knows = on_knows,
    .verify = on_verify,
    .connected = on_connected,
};

static const CallsOps calls_ops = {.added = on_added};
static const CallDispatchOps dispatch_ops = {.is_emitter = on_is_emitter};

static const CallLimits limits = {.max_calls = 64,
                                  .max_pending = 30,
                                  .max_strangers = 40,
                                  .max_per_stranger = 35,
                                  .max_pending_strangers = 32};

/* Tells OLD and FRESH of each other, as `welcome` and `joined` do. */
static void introduce(Node *old, Node *fresh)
{
    if (bare || old == fresh)
        return;
    room_add(fresh->room, old->id, old->name);
    room_add(old->room, fresh->id, fresh->name);
    if (old->calls)
        call_dispatch_joined(old->dispatch, fresh->id);
}

Node *join(const char *id, bool ours, bool emitter)
{
    Node *node = g_new0(Node, 1);

    node->id = g_strdup(id);
    node->name = g_strdup(id);
    node->key[0] = node->name;
    node->emitter = emitter;
    node->there = true;
    node->room = room_new();
    node->inbox = g_ptr_array_new_with_free_func((GDestroyNotify) frame_free);
    if (!bare)
        room_set_own_id(node->room, id);
    room_set_state(node->room, RELAY_CONNECTED, NULL);
    if (ours) {
        node->calls = calls_new(node->room, &limits, &calls_ops,
                                &(CallUser){.ops = &ops, .data = node, .guard = &guard});
        node->dispatch = call_dispatch_new(node->calls, node->room, 8, &dispatch_ops, node);
    }
    g_ptr_array_add(nodes, node);
    for (guint i = 0; i < nodes->len; i++)
        introduce(nodes->pdata[i], node);
    return node;
}

void leave(Node *node)
{
    node->there = false;
    for (guint i = 0; i < nodes->len && !bare; i++) {
        Node *other = nodes->pdata[i];

        if (other->calls && other != node)
            call_dispatch_leaving(other->dispatch, node->id);
        room_remove(other->room, node->id);
        if (other->calls && other != node)
            call_dispatch_left(other->dispatch);
    }
}

void rejoin(Node *node, const char *id)
{
    room_clear(node->room);
    g_free(node->id);
    node->id = g_strdup(id);
    node->there = true;
    if (!bare)
        room_set_own_id(node->room, id);
    room_set_state(node->room, RELAY_CONNECTED, NULL);
    for (guint i = 0; i < nodes->len; i++) {
        if (((Node *) nodes->pdata[i])->there)
            introduce(nodes->pdata[i], node);
    }
    if (node->calls)
        call_dispatch_relay_changed(node->dispatch);
}

static void node_free(gpointer data)
{
    Node *node = data;

    if (node->calls)
        calls_hang_up_all(node->calls, CALL_REASON_STOPPED);
    call_dispatch_free(node->dispatch);
    calls_free(node->calls);
    room_free(node->room);
    g_ptr_array_unref(node->inbox);
    g_free(node->reason);
    g_free(node->id);
    g_free(node->name);
    g_free(node);
}

void set_up(gboolean only_broadcasts)
{
    bare = only_broadcasts;
    nodes = g_ptr_array_new_with_free_func(node_free);
}

/* Until nothing is on its way; what waits for a timer still does. */
void settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(in_flight, ==, 0);
}

void tear_down(void)
{
    for (guint i = 0; i < nodes->len; i++)
        ((Node *) nodes->pdata[i])->there = false;
    g_clear_pointer(&nodes, g_ptr_array_unref);
    settle();
    g_assert_cmpuint(fake_connections(), ==, 0);
}

Call *place(Node *node, const char *peer)
{
    g_autoptr(GError) error = NULL;
    Call *call =
        calls_place(node->calls, peer, &(CallOptions){.timeout = 30, .another = true}, &error);

    g_assert_no_error(error);
    return call;
}

void refuse(Node *node, const char *peer, PeerError code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(
        calls_place(node->calls, peer, &(CallOptions){.timeout = 30, .another = true}, &error));
    g_assert_error(error, PEER_ERROR, (int) code);
}

guint count_frames(const Node *node, FrameType type)
{
    guint n = 0;

    for (guint i = 0; i < node->inbox->len; i++)
        n += ((Frame *) node->inbox->pdata[i])->type == type;
    return n;
}

const Frame *last_frame(const Node *node, FrameType type)
{
    for (guint i = node->inbox->len; i > 0; i--) {
        if (((Frame *) node->inbox->pdata[i - 1])->type == type)
            return node->inbox->pdata[i - 1];
    }
    g_assert_not_reached();
}
