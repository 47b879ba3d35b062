/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A relay that introduces itself instead of the peers: it answers the emitter's
 * offer with a connection of its own, offers another one to the listener, and
 * passes on what comes through, which it prints. What a peer needs to notice
 * that is in the peer alone; this is what it has to stand.
 *
 *   hostile-relay MODE-FILE [--plain]
 *
 * prints "port N". MODE-FILE is read for each frame, and holds words:
 *   honest        forward, as a good relay does
 *   middle        sit between the peers of each call that begins
 *   rename        give the emitter another name just before its offer
 *   drop=TYPE     lose frames of this type
 *   rewrite       put our key in place of the peers' in what pairing says
 *   guess=DIGITS  pair with both sides, with our own key and this code
 * --plain: without the subprotocol, ids and names, as the foreign relay is.
 */

#include <config.h>

#include <glib-unix.h>
#include <libsoup/soup.h>
#include <stdio.h>
#include <string.h>

#include "signaling/frame.h"
#include "common/names.h"
#include "peer/trust/pairing.h"
#include "rtc/connection.h"

typedef struct {
    SoupWebsocketConnection *socket;
    char *id, *name;
} Client;

/* One call with us in it. */
typedef struct {
    char *session;
    Client *emitter, *listener;
    Connection *front; /* to the emitter, as if we were the listener */
    Connection *back;  /* to the listener, as if we were the emitter */
    Channel *front_channel, *back_channel;
} Middle;

static const char *mode_path;
static bool plain;
static GPtrArray *clients, *middles;
static Certificate *certificate;

static bool mode_has(const char *word)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) words = NULL;

    if (!g_file_get_contents(mode_path, &text, NULL, NULL))
        return false;
    words = g_strsplit_set(text, " \n", -1);
    return g_strv_contains((const char *const *) words, word);
}

/* ---- clients -------------------------------------------------------------- */

static Client *client_find(const char *id_or_name)
{
    for (guint i = 0; id_or_name && i < clients->len; i++) {
        Client *client = clients->pdata[i];

        if (strcmp(client->id, id_or_name) == 0 || strcmp(client->name, id_or_name) == 0)
            return client;
    }
    return NULL;
}

static Client *other_than(const Client *client)
{
    for (guint i = 0; i < clients->len; i++) {
        if (clients->pdata[i] != client)
            return clients->pdata[i];
    }
    return NULL;
}

static void send_text(Client *to, const char *text)
{
    if (soup_websocket_connection_get_state(to->socket) == SOUP_WEBSOCKET_STATE_OPEN)
        soup_websocket_connection_send_text(to->socket, text);
}

/* TEXT is an object without `from`, which is FROM's id now. */
static void send_from(Client *to, const Client *from, const char *text)
{
    g_autofree char *stamped = g_strdup_printf("{\"from\":\"%s\",%s", from->id, text + 1);

    send_text(to, plain ? text : stamped);
}

static void tell_of(Client *to, const char *type, const Client *about, const char *name)
{
    g_autofree char *text =
        g_strdup_printf("{\"type\":\"%s\",\"id\":\"%s\",\"name\":\"%s\"}", type, about->id, name);

    if (!plain)
        send_text(to, text);
}

static void welcome(Client *client)
{
    GString *text = g_string_new(NULL);

    g_string_printf(text,
                    "{\"type\":\"welcome\",\"id\":\"%s\",\"room\":\"\",\"iceServers\":[],"
                    "\"peers\":[",
                    client->id);
    for (guint i = 0; i < clients->len; i++) {
        const Client *other = clients->pdata[i];

        g_string_append_printf(text, "%s{\"id\":\"%s\",\"name\":\"%s\"}", i ? "," : "", other->id,
                               other->name);
    }
    g_string_append(text, "]}");
    if (!plain)
        send_text(client, text->str);
    g_string_free(text, TRUE);
}

/* ---- in the middle --------------------------------------------------------- */

static void send_frame(const Middle *middle, Client *to, const Client *from, Frame *frame)
{
    g_autofree char *text = NULL;

    frame->to = plain ? NULL : g_strdup(to->id);
    frame->session = g_strdup(middle->session);
    text = frame_write(frame);
    send_from(to, from, text);
}

static void on_description(Connection *connection, const char *type, const char *sdp, gpointer data)
{
    Middle *middle = data;
    bool offer = connection == middle->back;
    g_autoptr(Frame) frame = frame_new(offer ? FRAME_OFFER : FRAME_ANSWER);

    frame->sdp = g_strdup(sdp);
    if (offer)
        send_frame(middle, middle->listener, middle->emitter, frame);
    else
        send_frame(middle, middle->emitter, middle->listener, frame);
}

static void on_candidate(Connection *connection, const IceCandidateInit *candidate, gpointer data)
{
    Middle *middle = data;
    g_autoptr(Frame) frame = frame_new(FRAME_CANDIDATE);

    if (candidate) {
        frame->candidate = g_strdup(candidate->candidate);
        frame->mid = g_strdup(candidate->mid);
        frame->mline_index = candidate->mline_index;
        frame->ufrag = g_strdup(candidate->ufrag);
    }
    if (connection == middle->back)
        send_frame(middle, middle->listener, middle->emitter, frame);
    else
        send_frame(middle, middle->emitter, middle->listener, frame);
}

static void on_state(Connection *connection, ConnectionState state, const GError *reason,
                     gpointer data)
{
    Middle *middle = data;

    printf("%s %s%s%s\n", connection == middle->back ? "listener" : "emitter",
           connection_state_to_string(state), reason ? ": " : "", reason ? reason->message : "");
}

static void on_message(Channel *channel, MessageKind kind, const guint8 *bytes, gsize length,
                       gpointer data)
{
    Middle *middle = data;
    Channel *other =
        channel == middle->front_channel ? middle->back_channel : middle->front_channel;

    printf("passed %.*s\n", (int) length, (const char *) bytes);
    if (other)
        channel_send(other, kind, bytes, length, NULL);
}

static void on_channel_state(Channel *channel, ChannelState state, const GError *reason,
                             gpointer data)
{
}

static const ChannelOps channel_ops = {.state = on_channel_state, .message = on_message};

static void on_channel(Connection *connection, Channel *channel, gpointer data)
{
    Middle *middle = data;

    if (connection == middle->back)
        return;
    middle->front_channel = channel;
    channel_attach(channel, &channel_ops, middle);
}

static const ConnectionOps connection_ops = {
    .description = on_description,
    .candidate = on_candidate,
    .state = on_state,
    .channel = on_channel,
};

static void middle_free(gpointer data)
{
    Middle *middle = data;

    connection_free(middle->front);
    connection_free(middle->back);
    g_free(middle->session);
    g_free(middle);
}

static Middle *middle_find(const Frame *frame)
{
    for (guint i = middles->len; i > 0; i--) {
        Middle *middle = middles->pdata[i - 1];

        if (g_strcmp0(middle->session, frame->session) == 0)
            return middle;
    }
    return NULL;
}

static void middle_begin(Client *emitter, Client *listener, const Frame *offer)
{
    ConnectionConfig config = {.certificate = certificate};
    Middle *middle = g_new0(Middle, 1);

    g_ptr_array_add(middles, middle);
    middle->session = g_strdup(offer->session);
    middle->emitter = emitter;
    middle->listener = listener;
    middle->front = connection_new(&config, &connection_ops, middle, NULL);
    middle->back = connection_new(&config, &connection_ops, middle, NULL);
    middle->back_channel = connection_open_channel(middle->back, DEFAULT_CHANNEL_LABEL,
                                                   &CHANNEL_OPTIONS_DEFAULT, NULL);
    channel_attach(middle->back_channel, &channel_ops, middle);
    g_assert_true(connection_set_remote(middle->front, "offer", offer->sdp, NULL));
    g_assert_true(connection_offer(middle->back, NULL));
    printf("middle\n");
}

/* True if the frame stays here. */
static bool middle_take(Client *from, Client *to, const Frame *frame)
{
    Middle *middle = middle_find(frame);
    IceCandidateInit candidate = {frame->candidate, frame->mid, frame->mline_index, frame->ufrag};

    if (frame->type == FRAME_OFFER && !middle && mode_has("middle")) {
        middle_begin(from, to, frame);
        return true;
    }
    if (!middle)
        return false;
    if (frame->type == FRAME_ANSWER)
        connection_set_remote(middle->back, "answer", frame->sdp, NULL);
    else if (frame->type == FRAME_CANDIDATE)
        connection_add_candidate(from == middle->emitter ? middle->front : middle->back,
                                 frame->candidate ? &candidate : NULL, NULL);
    return frame->type == FRAME_OFFER || frame->type == FRAME_ANSWER ||
           frame->type == FRAME_CANDIDATE;
}

/* ---- pairing ---------------------------------------------------------------- */

static struct {
    PairingRun *front, *back; /* to the joiner as the host, and the other way round */
    Client *joiner, *host;
} guess;

static char *mode_value(const char *word)
{
    g_autofree char *text = NULL;
    const char *start;

    if (!g_file_get_contents(mode_path, &text, NULL, NULL) || !(start = strstr(text, word)))
        return NULL;
    start += strlen(word);
    return g_strndup(start, strcspn(start, " \n"));
}

static void send_pair(Client *to, const Client *from, const char *session, const char *step,
                      char *data)
{
    g_autoptr(Frame) frame = frame_new(FRAME_PAIR);
    g_autofree char *text = NULL;

    frame->to = g_strdup(to->id);
    frame->session = g_strdup(session);
    frame->step = g_strdup(step);
    frame->data = data;
    text = frame_write(frame);
    send_from(to, from, text);
}

static void rewrite_key(Client *from, Client *to, Frame *frame)
{
    gsize length;
    guchar *bytes = g_base64_decode(frame->data, &length);
    const char *key = certificate_fingerprint(certificate);
    guchar *place = memmem(bytes, length, "sha-256 ", strlen("sha-256 "));

    if (place)
        memcpy(place, key, strlen(key));
    printf("rewrote %s\n", frame->step);
    send_pair(to, from, frame->session, frame->step, g_base64_encode(bytes, length));
    g_free(bytes);
}

static void guess_take(Client *from, Client *to, const Frame *frame, const char *digits)
{
    const char *key = certificate_fingerprint(certificate);

    if (strcmp(frame->step, "ask") == 0) {
        guess.joiner = from;
        guess.host = to;
        guess.front = pairing_run_new(PAIRING_HOST, digits, frame->session, to->name, key);
        guess.back = pairing_run_new(PAIRING_JOINER, digits, frame->session, from->name, key);
        pairing_run_take_share(guess.front, frame->data);
        send_pair(from, to, frame->session, "answer", pairing_run_share(guess.front));
        send_pair(to, from, frame->session, "ask", pairing_run_share(guess.back));
    } else if (strcmp(frame->step, "answer") == 0) {
        pairing_run_take_share(guess.back, frame->data);
        send_pair(from, to, frame->session, "confirm", pairing_run_tag(guess.back));
    } else if (strcmp(frame->step, "confirm") == 0) {
        printf("guess %s\n", pairing_run_take_tag(guess.front, frame->data) ? "right" : "wrong");
        send_pair(from, to, frame->session, "done", pairing_run_tag(guess.front));
    }
}

/* True if the frame stays here. */
static bool pair_take(Client *from, Client *to, Frame *frame)
{
    g_autofree char *digits = mode_value("guess=");

    if (frame->type != FRAME_PAIR || !frame->step)
        return false;
    if (digits)
        guess_take(from, to, frame, digits);
    else if (frame->data && mode_has("rewrite"))
        rewrite_key(from, to, frame);
    else
        return false;
    return true;
}

/* ---- frames --------------------------------------------------------------- */

static bool is_dropped(const char *text)
{
    g_autofree char *mode = NULL;
    g_autofree char *type = NULL;
    const char *drop;

    if (!g_file_get_contents(mode_path, &mode, NULL, NULL) || !(drop = strstr(mode, "drop=")))
        return false;
    drop += strlen("drop=");
    type = g_strdup_printf("\"type\":\"%.*s\"", (int) strcspn(drop, " \n"), drop);
    return strstr(text, type) != NULL;
}

static void forward(Client *from, Client *to, Frame *frame, const char *text)
{
    if (frame->type == FRAME_OFFER && mode_has("rename"))
        tell_of(to, "joined", from, "somebody-else");
    if (!pair_take(from, to, frame) && !middle_take(from, to, frame))
        send_from(to, from, text);
}

static void on_text(SoupWebsocketConnection *socket, int type, GBytes *message, gpointer data)
{
    Client *from = data;
    gsize length;
    const char *text = g_bytes_get_data(message, &length);
    g_autoptr(Frame) frame = frame_parse(text, length, NULL);
    Client *to = frame ? client_find(frame->to) : NULL;

    if (!frame || is_dropped(text))
        return;
    if (!to && plain && frame->type == FRAME_OFFER)
        to = other_than(from);
    if (to) {
        forward(from, to, frame, text);
        return;
    }
    for (guint i = 0; i < clients->len; i++) {
        if (clients->pdata[i] != from)
            forward(from, clients->pdata[i], frame, text);
    }
}

static void on_closed(SoupWebsocketConnection *socket, gpointer data)
{
    Client *client = data;

    g_ptr_array_remove(clients, client);
    for (guint i = 0; i < clients->len; i++)
        tell_of(clients->pdata[i], "left", client, client->name);
    /* The memory stays: a call may still point at it, and tests are short. */
}

static char *name_of(SoupServerMessage *message)
{
    const char *query = g_uri_get_query(soup_server_message_get_uri(message));
    g_autoptr(GHashTable) form = query ? soup_form_decode(query) : NULL;
    const char *name = form ? g_hash_table_lookup(form, "name") : NULL;

    return g_strdup(name ? name : "");
}

static void on_client(SoupServer *server, SoupServerMessage *message, const char *path,
                      SoupWebsocketConnection *socket, gpointer data)
{
    Client *client = g_new0(Client, 1);

    client->socket = g_object_ref(socket);
    client->name = name_of(message);
    client->id = g_strdup_printf("%08x%08x%08x%08x", g_random_int(), g_random_int(), g_random_int(),
                                 g_random_int());
    g_signal_connect(socket, "message", G_CALLBACK(on_text), client);
    g_signal_connect(socket, "closed", G_CALLBACK(on_closed), client);
    welcome(client);
    for (guint i = 0; i < clients->len; i++)
        tell_of(clients->pdata[i], "joined", client, client->name);
    g_ptr_array_add(clients, client);
}

static gboolean on_stop(gpointer data)
{
    g_main_loop_quit(data);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    g_autoptr(SoupServer) server = soup_server_new(NULL, NULL);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    char *protocols[] = {(char *) SUBPROTOCOL, NULL};
    GSList *uris;

    if (argc < 2)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    mode_path = argv[1];
    plain = argc > 2;
    clients = g_ptr_array_new();
    middles = g_ptr_array_new_with_free_func(middle_free);
    certificate = certificate_generate("mallory", NULL);
    soup_server_add_websocket_handler(server, NULL, NULL, plain ? NULL : protocols, on_client, NULL,
                                      NULL);
    if (!soup_server_listen_local(server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, NULL))
        return 1;
    uris = soup_server_get_uris(server);
    printf("port %d\nkey %s\n", g_uri_get_port(uris->data), certificate_fingerprint(certificate));
    g_slist_free_full(uris, (GDestroyNotify) g_uri_unref);
    g_unix_signal_add(SIGTERM, on_stop, loop);
    g_main_loop_run(loop);
    g_ptr_array_unref(middles);
    pairing_run_free(guess.front);
    pairing_run_free(guess.back);
    connection_drain(500);
    return 0;
}
