/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See client.h. What is sent in one turn of the loop is written at its end, a
 * client's messages with one system call: in a large room that is most of the
 * work. It goes straight to the socket, without asking libwebsockets for a
 * "writable" callback, which costs two epoll_ctl() calls. Where the socket ends
 * in the middle of a frame, libwebsockets gets the rest of it, so that no pong
 * of its own comes in between; until that is gone, ours wait in the outbox.
 */

#include <config.h>

#include "relay/client.h"

#include <errno.h>
#include <libwebsockets.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/log.h"

#define CLOSE_TIMEOUT (5 * G_USEC_PER_SEC)
#define FRAMES_PER_WRITE 64

const char *client_state_to_string(ClientState state)
{
    static const char *const names[] = {
        [CLIENT_OPENING] = "opening",
        [CLIENT_OPEN] = "open",
        [CLIENT_CLOSING] = "closing",
        [CLIENT_CLOSED] = "closed",
    };
    return names[state];
}

const char *client_label(const Client *client)
{
    if (!client->member)
        return client->address;
    return *client->member->name ? client->member->name : client->member->id;
}

static void client_enter_state(Client *client, ClientState state)
{
    ClientState old = client->state;

    g_return_if_fail(state > old);
    log_debug("client %s: %s → %s", client_label(client), client_state_to_string(old),
              client_state_to_string(state));
    client->state = state;
    if (old == CLIENT_OPEN)
        client->owner->left(client, client->owner->relay);
}

Client *client_new(const ClientOwner *owner)
{
    Client *client = g_new0(Client, 1);

    client->owner = owner;
    client->link.data = client;
    client->check.link.data = client;
    client->since = g_get_real_time();
    client->heard = g_get_monotonic_time();
    return client;
}

static void drop_queue(Client *client)
{
    outbox_clear(&client->outbox);
    if (client->unsent_link.data)
        g_queue_unlink(client->owner->unsent, &client->unsent_link);
    client->unsent_link.data = NULL;
}

/* What libwebsockets keeps for the client; SIZE is the most it can be. */
static void hold(Client *client, gsize size)
{
    quota_release(client->owner->quota, client->held);
    client->held = size;
    quota_charge(client->owner->quota, size);
}

static void drop_partial(Client *client)
{
    if (!client->partial)
        return;
    quota_release(client->owner->quota, client->partial->len);
    g_clear_pointer(&client->partial, g_byte_array_unref);
}

void client_free(Client *client)
{
    if (!client)
        return;
    drop_queue(client);
    drop_partial(client);
    hold(client, 0);
    g_free(client->address);
    g_free(client->origin);
    g_free(client);
}

/* The socket is full; client_writable() goes on. */
static void client_stall(Client *client)
{
    client->stalled = true;
    lws_callback_on_writable(client->wsi);
}

/* SIZE bytes of what was gathered are written. False if the rest of a frame is lost. */
static bool client_written(Client *client, gsize size)
{
    struct iovec rest;
    g_autoptr(Message) partial = outbox_written(&client->outbox, size, &rest);

    /* LWS_WRITE_HTTP is "as it is" to libwebsockets, also on a WebSocket. */
    if (partial && lws_write(client->wsi, rest.iov_base, rest.iov_len, LWS_WRITE_HTTP) < 0)
        return false;
    if (partial && lws_partial_buffered(client->wsi))
        hold(client, rest.iov_len);
    return true;
}

/* Writes as much as the socket takes. False if the connection is dead. */
static bool client_flush(Client *client)
{
    while (!outbox_is_empty(&client->outbox)) {
        struct iovec pieces[FRAMES_PER_WRITE];
        struct msghdr message = {.msg_iov = pieces};
        gssize n;

        if (lws_partial_buffered(client->wsi)) {
            client_stall(client);
            return true;
        }
        message.msg_iovlen = outbox_gather(&client->outbox, pieces, FRAMES_PER_WRITE);
        n = sendmsg(lws_get_socket_fd(client->wsi), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            client_stall(client);
            return true;
        }
        if ((n < 0 && errno != EINTR) || !client_written(client, (gsize) MAX(n, 0)))
            return false;
    }
    return true;
}

void client_flush_all(GQueue *unsent)
{
    GList *link;

    while ((link = g_queue_pop_head_link(unsent))) {
        Client *client = link->data;

        link->data = NULL;
        if (!client_flush(client))
            client_kill(client, "cannot be written to");
    }
}

static bool has_room(const Client *client, gsize cost)
{
    /* One message always has room, whatever its size (welcome in a full room). */
    return client->outbox.bytes == 0 ||
           client->outbox.bytes + cost <= client->owner->config->max_queue;
}

void client_send(Client *client, Message *message)
{
    gsize cost = message_cost(message);

    if (client->state != CLIENT_OPEN)
        return;
    if (!has_room(client, cost) && !client->stalled && !client_flush(client)) {
        client_kill(client, "cannot be written to");
        return;
    }
    if (!has_room(client, cost)) {
        client_close_now(client, 1008, "reading too slowly");
        return;
    }
    outbox_push(&client->outbox, message);
    if (client->stalled || client->unsent_link.data)
        return;
    client->unsent_link.data = client;
    g_queue_push_tail_link(client->owner->unsent, &client->unsent_link);
}

void client_send_error(Client *client, const char *code, const char *text,
                       const EnvelopeText *to)
{
    g_autoptr(Message) message = NULL;

    if (!client->rtcbus || client->state != CLIENT_OPEN)
        return;
    message = message_error(client->owner->quota, code, text, to);
    client_send(client, message);
}

void client_close(Client *client, guint16 code, const char *reason)
{
    if (client->state != CLIENT_OPEN)
        return;
    client->close_code = code;
    client->close_reason = reason;
    client->closing_since = g_get_monotonic_time();
    drop_partial(client);
    client_enter_state(client, CLIENT_CLOSING);
    lws_callback_on_writable(client->wsi);
}

void client_close_now(Client *client, guint16 code, const char *reason)
{
    drop_queue(client);
    client_close(client, code, reason);
}

void client_kill(Client *client, const char *reason)
{
    /* libwebsockets finds the end of the stream and closes. Closing here would
     * call back into whoever is just going through the members of a room. */
    if (client->wsi)
        shutdown(lws_get_socket_fd(client->wsi), SHUT_RDWR);
    drop_queue(client);
    drop_partial(client);
    hold(client, 0);
    if (client->state != CLIENT_OPEN)
        return;
    client->close_reason = reason;
    client->closing_since = g_get_monotonic_time();
    client_enter_state(client, CLIENT_CLOSED);
}

void client_ended(Client *client)
{
    if (client->state != CLIENT_CLOSED)
        client_enter_state(client, CLIENT_CLOSED);
}

gsize client_waiting(const Client *client)
{
    return client->outbox.bytes + client->held + (client->partial ? client->partial->len : 0);
}

void client_bad_frame(Client *client, const char *text)
{
    guint64 limit = client->owner->config->max_bad_frames;

    client_send_error(client, "bad-frame", text, NULL);
    if (!bucket_take(&client->bad, g_get_monotonic_time(),
                     60 * G_USEC_PER_SEC / (gint64) limit, limit))
        client_close(client, 1008, "too many bad frames");
}

/* Within a frame no ping can be sent. */
static void client_ping(Client *client, gint64 now)
{
    guchar buffer[LWS_PRE + 4] = {};

    if (lws_partial_buffered(client->wsi))
        return;
    client->asked = now;
    if (lws_write(client->wsi, buffer + LWS_PRE, 4, LWS_WRITE_PING) < 0)
        client_kill(client, "cannot be written to");
}

static bool probe_unanswered(const Client *client)
{
    return client->probed >= client->heard;
}

bool client_probe(Client *client, gint64 now)
{
    if (client->state == CLIENT_OPEN && !probe_unanswered(client) &&
        now - client->probed >= CLIENT_PROBE_LIMIT) {
        client->probed = now;
        client_ping(client, now);
    }
    return client->state != CLIENT_OPEN || probe_unanswered(client);
}

/* The answer may be there unread, if it is we who were slow. Or the ping still
 * waits behind what a slow link carries: whose machine goes on acknowledging that
 * is there. One without power does not, and one on which only the program has
 * stopped acknowledges all, the ping as well, and is silent. */
static bool probe_undecided(const Client *client)
{
    int fd = lws_get_socket_fd(client->wsi), unread = 0, waiting = 0;
    struct tcp_info info;
    socklen_t size = sizeof info;

    if (ioctl(fd, FIONREAD, &unread) == 0 && unread > 0)
        return true;
    return ioctl(fd, SIOCOUTQ, &waiting) == 0 && waiting > 0 &&
           getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           info.tcpi_last_ack_recv < CLIENT_PROBE_LIMIT / 1000;
}

static void end_probe(Client *client, gint64 now)
{
    if (probe_undecided(client))
        client->probed = now;
    else
        client_kill(client, "no answer to a ping, and its name is wanted");
}

void client_check(Client *client, gint64 now)
{
    gint64 interval = (gint64) client->owner->config->ping_interval;
    gint64 silent = now - client->heard;

    if (client->state >= CLIENT_CLOSING && now - client->closing_since >= CLOSE_TIMEOUT) {
        client_kill(client, NULL);
    } else if (client->state == CLIENT_OPEN && silent >= 2 * interval) {
        client_kill(client, "no answer to pings");
    } else if (client->state == CLIENT_OPEN && probe_unanswered(client)) {
        if (now - client->probed >= CLIENT_PROBE_LIMIT)
            end_probe(client, now);
    } else if (client->state == CLIENT_OPEN && silent >= interval) {
        client_ping(client, now);
    }
}

gint64 client_due(const Client *client)
{
    gint64 interval = (gint64) client->owner->config->ping_interval;
    gint64 due = client->heard + (client->asked < client->heard ? interval : 2 * interval);

    if (client->state >= CLIENT_CLOSING)
        return client->closing_since + CLOSE_TIMEOUT;
    return probe_unanswered(client) ? MIN(due, client->probed + CLIENT_PROBE_LIMIT) : due;
}

void client_opened(Client *client, struct lws *wsi)
{
    client->wsi = wsi;
    client_enter_state(client, CLIENT_OPEN);
}

/* A whole message: within the rate, it goes on to the relay. */
static void client_message(Client *client, const char *data, gsize length)
{
    guint64 rate = client->owner->config->frames_per_second;

    if (rate > 0 &&
        !bucket_take(&client->frames, client->heard, G_USEC_PER_SEC / (gint64) rate, rate)) {
        client->owner->dropped(client, client->owner->relay);
        if (client->heard - client->told >= G_USEC_PER_SEC) {
            client_send_error(client, "rate-limited", "too many frames a second", NULL);
            client->told = client->heard;
        }
        return;
    }
    client->owner->received(client, data, length, client->owner->relay);
}

static void client_fragment(Client *client, const char *data, gsize length)
{
    if (!client->partial)
        client->partial = g_byte_array_new();
    quota_charge(client->owner->quota, length);
    g_byte_array_append(client->partial, (const guint8 *) data, (guint) length);
    client->owner->gathered(client, client->owner->relay);
}

/* The last fragment is in. The message is out of CLIENT's hands while it is
 * looked at, for what is found may close the client. */
static void client_whole_message(Client *client)
{
    g_autoptr(GByteArray) whole = g_steal_pointer(&client->partial);

    client_message(client, (const char *) whole->data, whole->len);
    quota_release(client->owner->quota, whole->len);
}

void client_received(Client *client, const char *data, gsize length)
{
    gsize before = client->partial ? client->partial->len : 0;
    bool final = lws_is_final_fragment(client->wsi);
    guint64 limit = client->owner->config->max_message_size;

    client->heard = g_get_monotonic_time();
    if (client->state != CLIENT_OPEN)
        return;
    if (lws_frame_is_binary(client->wsi)) {
        client_close(client, 1003, "only text frames are understood");
    } else if (before + length + lws_remaining_packet_payload(client->wsi) > limit) {
        client_send_error(client, "too-large", "the message is larger than MaxMessageSize", NULL);
        client_close(client, 1009, "the message is too large");
    } else if (before == 0 && final) {
        client_message(client, data, length);
    } else {
        client_fragment(client, data, length);
        if (final && client->state == CLIENT_OPEN)
            client_whole_message(client);
    }
}

/* Nothing waits any more: libwebsockets is to send the close frame and wait for
 * the other's. Returning -1 from its callback would not do: a connection that
 * fails while it is writable is taken for one that cannot be written to. */
static void begin_closing_handshake(Client *client)
{
    lws_close_reason(client->wsi, (enum lws_close_status) client->close_code,
                     (unsigned char *) client->close_reason, strlen(client->close_reason));
    client_enter_state(client, CLIENT_CLOSED);
    lws_set_timeout(client->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

bool client_writable(Client *client)
{
    if (client->held > 0 && !lws_partial_buffered(client->wsi))
        hold(client, 0);
    client->stalled = false;
    if (!client_flush(client))
        return false;
    if (client->stalled)
        return true;
    if (lws_partial_buffered(client->wsi))
        client_stall(client);
    else if (client->state == CLIENT_CLOSING)
        begin_closing_handshake(client);
    return true;
}
