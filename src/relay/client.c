/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See client.h. What is sent between two turns is written in one, a client's
 * messages with one system call: in a large room that is most of the work. What
 * a full socket does not take stays in the outbox.
 *
 * Who sends is read only as fast as its receivers read: a message that they
 * cannot take yet stays here, whole, and what is behind it stays in the socket.
 */

#include <config.h>

#include "relay/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "relay/websocket.h"

#define CLOSE_TIMEOUT (5 * G_USEC_PER_SEC)
#define FRAMES_PER_WRITE 64
#define TURN 250 /* µs: how long a client's messages are taken in one turn */

struct Client {
    const ClientOps *ops;
    ClientState state;
    Member *member;
    Account *account;
    char *address, *origin;
    bool rtcbus;
    AccessGrant grant;
    gint64 renewal;
    gint64 since;
    gint64 heard; /* when anything came last, monotonic µs */
    WheelEntry check;
    GList link;

    uv_poll_t poll;
    Wire wire;
    int polled; /* events that the socket is asked for */
    FairEntry reads, writes;

    Outbox outbox;
    bool stalled;   /* the socket is full: the outbox and what the wire owes wait for it */
    bool congested; /* and the outbox is long */
    bool given_up;  /* it has been for long */
    Message *pong;  /* the last one, or NULL */

    WebsocketReader reader;
    GByteArray *unread;  /* what came behind a message that waits */
    GByteArray *partial; /* of a message that comes in pieces, or all of one that waits */
    bool waits;          /* the message is whole, and comes again */
    bool held;           /* nothing is read */

    Bucket frames, bad;
    gint64 spent;  /* when its bytes are paid for, monotonic µs */
    gint64 told;   /* when it was last told that it is too fast */
    gint64 asked;  /* when it was pinged last, monotonic µs */
    gint64 probed; /* when it was asked last whether it lives, monotonic µs */
    gint64 wanted; /* when somebody wanted its name and had it asked for that; 0: never */
    gint64 closing_since;
    const char *close_reason;
    char resume[RANDOM_ID_LENGTH + 1];
};

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
        return client->address ? client->address : "?";
    return *client->member->name ? client->member->name : client->member->id;
}

const char *client_resume(const Client *client)
{
    return client->resume;
}

void client_set_resume(Client *client, const char *secret)
{
    g_strlcpy(client->resume, secret, sizeof client->resume);
}

/* How long it takes tells nothing of where they differ. */
bool client_is_resumed_by(const Client *client, const char *secret)
{
    guint difference = 0;

    if (strlen(secret) != RANDOM_ID_LENGTH)
        return false;
    for (guint i = 0; i < RANDOM_ID_LENGTH; i++)
        difference |= (guint) (secret[i] ^ client->resume[i]);
    return difference == 0;
}

static void client_enter_state(Client *client, ClientState state)
{
    ClientState old = client->state;

    g_return_if_fail(state > old);
    log_debug("client %s: %s → %s", client_label(client), client_state_to_string(old),
              client_state_to_string(state));
    client->state = state;
    if (old == CLIENT_OPEN)
        client->ops->left(client, client->ops->relay);
}

Client *client_new(const ClientOps *ops)
{
    Client *client = g_new0(Client, 1);

    client->ops = ops;
    client->grant.expires = G_MAXINT64;
    client->renewal = G_MAXINT64;
    client->link.data = client->check.link.data = client;
    client->reads.link.data = client->writes.link.data = client;
    client->since = clock_wall();
    random_id(client->resume);
    client->heard = clock_monotonic();
    return client;
}

/* ---- what its owner keeps with it ---------------------------------------- */

Member *client_member(const Client *client)
{
    return client->member;
}

void client_set_member(Client *client, Member *member)
{
    client->member = member;
}

Account *client_account(const Client *client)
{
    return client->account;
}

const char *client_address(const Client *client)
{
    return client->address;
}

void client_set_origin(Client *client, Account *account, char *address)
{
    client->account = account;
    client->address = address;
}

const AccessGrant *client_grant(const Client *client)
{
    return &client->grant;
}

void client_set_grant(Client *client, const AccessGrant *grant)
{
    client->grant = *grant;
}

gint64 client_renewal(const Client *client)
{
    return client->renewal;
}

void client_set_renewal(Client *client, gint64 renewal)
{
    client->renewal = renewal;
}

const char *client_origin(const Client *client)
{
    return client->origin;
}

bool client_speaks_rtcbus(const Client *client)
{
    return client->rtcbus;
}

gint64 client_since(const Client *client)
{
    return client->since;
}

ClientState client_state(const Client *client)
{
    return client->state;
}

const char *client_close_reason(const Client *client)
{
    return client->close_reason;
}

GList *client_link(Client *client)
{
    return &client->link;
}

WheelEntry *client_check_entry(Client *client)
{
    return &client->check;
}

bool client_is_congested(const Client *client)
{
    return client->congested;
}

/* ---- the socket ------------------------------------------------------------ */

static void on_poll(uv_poll_t *poll, int status, int events)
{
    Client *client = poll->data;

    if (status < 0) /* the socket has an error, and libuv does not look at it any more */
        client->polled = 0;
    if (status < 0 || events & UV_READABLE)
        client->ops->ready(client, &client->reads, client->ops->relay);
    if (events & UV_WRITABLE)
        client->ops->ready(client, &client->writes, client->ops->relay);
}

static void client_poll(Client *client)
{
    int events = (client->held ? 0 : UV_READABLE) | (client->stalled ? UV_WRITABLE : 0);

    if (!client->wire.ops || events == client->polled)
        return;
    client->polled = events;
    if (events)
        uv_poll_start(&client->poll, events, on_poll);
    else
        uv_poll_stop(&client->poll);
}

static void drop_input(Client *client)
{
    client->waits = false;
    if (client->partial)
        quota_release(client->ops->quota, client->partial->len);
    if (client->unread)
        quota_release(client->ops->quota, client->unread->len);
    g_clear_pointer(&client->partial, g_byte_array_unref);
    g_clear_pointer(&client->unread, g_byte_array_unref);
}

void client_hold(Client *client)
{
    client->held = true;
    client_poll(client);
}

void client_release(Client *client)
{
    client->held = false;
    client->heard = clock_monotonic();
    client_poll(client);
    client->ops->ready(client, &client->reads, client->ops->relay);
}

/* ---- sending ----------------------------------------------------------------- */

/* A queue that is longer than this while the socket is full holds up who sends;
 * one that is shorter than a quarter of it lets him go on. */
static gsize high_mark(const Client *client)
{
    return client->ops->config->max_queue / 2;
}

static void set_congested(Client *client, bool is)
{
    if (client->congested == is)
        return;
    client->congested = is;
    client->ops->congested(client, is, client->ops->relay);
}

static void watch_congestion(Client *client)
{
    if (client->outbox.bytes <= high_mark(client) / 4) {
        client->given_up = false;
        set_congested(client, false);
    } else if (client->stalled && client->outbox.bytes > high_mark(client) && !client->given_up &&
               client->state == CLIENT_OPEN) {
        set_congested(client, true);
    }
}

void client_give_up(Client *client)
{
    client->given_up = true;
    set_congested(client, false);
}

/* All has been said in the closing handshake but what the other side says. */
static void end_closing(Client *client)
{
    wire_finish(&client->wire);
    client_enter_state(client, CLIENT_CLOSED);
}

/* Writes as much as the socket takes. False if the connection is dead. */
static bool client_flush(Client *client)
{
    client->stalled = false;
    while (!client->stalled && (!outbox_is_empty(&client->outbox) || wire_owes(&client->wire))) {
        struct iovec pieces[FRAMES_PER_WRITE];
        guint n = outbox_gather(&client->outbox, pieces, FRAMES_PER_WRITE);
        gssize sent = wire_send(&client->wire, pieces, n);

        if (sent >= 0)
            outbox_written(&client->outbox, (gsize) sent, client->ops->latency, clock_monotonic());
        else if (errno == EAGAIN)
            client->stalled = true;
        else if (errno != EINTR)
            return false;
    }
    client_poll(client);
    watch_congestion(client);
    if (client->state == CLIENT_CLOSING && !client->stalled)
        end_closing(client);
    return true;
}

static bool has_room(const Client *client, gsize cost, gsize limit)
{
    /* One message always has room, whatever its size (welcome in a full room). */
    return client->outbox.bytes == 0 || client->outbox.bytes + cost <= limit;
}

static void want_write(Client *client)
{
    if (!client->stalled)
        client->ops->ready(client, &client->writes, client->ops->relay);
}

void client_send(Client *client, Message *message)
{
    gsize cost = message_cost(message);

    if (client->state != CLIENT_OPEN)
        return;
    if (!client->stalled && !has_room(client, cost, high_mark(client)) && !client_flush(client)) {
        client_kill(client, "cannot be written to");
        return;
    }
    if (!has_room(client, cost, client->ops->config->max_queue)) {
        client_close_now(client, 1008, "reading too slowly");
        return;
    }
    outbox_push(&client->outbox, message);
    watch_congestion(client);
    want_write(client);
}

void client_hurry(Client *client)
{
    if (client->wire.ops && !client->stalled && !client_flush(client))
        client_kill(client, "cannot be written to");
}

void client_send_error(Client *client, const char *code, const char *text, const EnvelopeText *to)
{
    g_autoptr(Message) message = NULL;

    if (!client->rtcbus || client->state != CLIENT_OPEN)
        return;
    message = message_error(client->ops->quota, code, text, to);
    client_send(client, message);
}

void client_close(Client *client, guint16 code, const char *reason)
{
    g_autoptr(Message) message = NULL;
    char payload[WEBSOCKET_CONTROL_MAX];
    gsize length;

    if (client->state != CLIENT_OPEN)
        return;
    payload[0] = (char) (code >> 8);
    payload[1] = (char) code;
    length = g_strlcpy(payload + 2, reason, sizeof payload - 2);
    message = message_new_control(client->ops->quota, WEBSOCKET_CLOSE, payload,
                                  2 + MIN(length, sizeof payload - 3));
    client->close_reason = reason;
    client->closing_since = clock_monotonic();
    drop_input(client);
    outbox_push(&client->outbox, message);
    client_enter_state(client, CLIENT_CLOSING);
    if (client->held)
        client_release(client);
    want_write(client);
}

void client_close_now(Client *client, guint16 code, const char *reason)
{
    if (client->state != CLIENT_OPEN)
        return;
    outbox_cut(&client->outbox);
    client_close(client, code, reason);
}

void client_kill(Client *client, const char *reason)
{
    /* The end of the stream is found at the next turn, and the connection closes.
     * Closing here would free it under whoever goes through the members of a room. */
    wire_kill(&client->wire);
    outbox_clear(&client->outbox);
    client->stalled = false;
    drop_input(client);
    client->held = false;
    client_poll(client);
    if (client->state != CLIENT_OPEN)
        return;
    client->close_reason = reason;
    client->closing_since = clock_monotonic();
    client_enter_state(client, CLIENT_CLOSED);
}

gsize client_waiting(const Client *client)
{
    return client->outbox.bytes + (client->partial ? client->partial->len : 0) +
           (client->unread ? client->unread->len : 0) + wire_held(&client->wire);
}

void client_bad_frame(Client *client, const char *text)
{
    guint64 limit = client->ops->config->max_bad_frames;

    client_send_error(client, "bad-frame", text, NULL);
    if (!bucket_take(&client->bad, clock_monotonic(), 60 * G_USEC_PER_SEC / (gint64) limit, limit))
        client_close(client, 1008, "too many bad frames");
}

gint64 client_spend(Client *client, guint64 size, gint64 now)
{
    guint64 rate = client->ops->config->bytes_per_second;

    if (rate == 0)
        return 0;
    client->spent = MAX(client->spent, now) + (gint64) (size * G_USEC_PER_SEC / rate);
    return client->spent - now - G_USEC_PER_SEC;
}

/* ---- life signs -------------------------------------------------------------- */

static void client_ping(Client *client, gint64 now)
{
    g_autoptr(Message) ping = message_new_control(client->ops->quota, WEBSOCKET_PING, "ping", 4);

    client->asked = now;
    outbox_push_next(&client->outbox, ping);
    if (!client->stalled && !client_flush(client))
        client_kill(client, "cannot be written to");
}

/* One pong waits at most; it answers the last ping (RFC 6455 section 5.5.3). */
static void client_pong(Client *client, const char *data, gsize length)
{
    bool queued = client->pong && client->pong->references > 1;

    if (queued && client->outbox.written == 0) {
        message_set_control(client->pong, data, length);
        return;
    }
    if (queued)
        return;
    g_clear_pointer(&client->pong, message_unref);
    client->pong = message_new_control(client->ops->quota, WEBSOCKET_PONG, data, length);
    outbox_push_next(&client->outbox, client->pong);
    want_write(client);
}

static bool probe_unanswered(const Client *client)
{
    return client->probed >= client->heard;
}

static void begin_probe(Client *client, gint64 now)
{
    if (client->state != CLIENT_OPEN || probe_unanswered(client))
        return;
    client->probed = now;
    client_ping(client, now);
}

bool client_probe(Client *client, gint64 now)
{
    if (now - client->probed >= CLIENT_PROBE_LIMIT)
        begin_probe(client, now);
    return client->state != CLIENT_OPEN || probe_unanswered(client);
}

bool client_probe_name(Client *client, gint64 now)
{
    if (now - client->wanted >= CLIENT_PROBE_LIMIT) {
        client->wanted = now;
        begin_probe(client, now);
    }
    return client->state != CLIENT_OPEN || client->heard <= client->wanted;
}

static void end_probe(Client *client, gint64 now)
{
    if (wire_is_alive(&client->wire, CLIENT_PROBE_LIMIT))
        client->probed = now;
    else
        client_kill(client, "no answer to a ping, and it is wanted");
}

/* µs until its token runs out, by the clock on the wall, which may have been set since. */
static gint64 grant_left(const Client *client)
{
    if (client->grant.expires == G_MAXINT64)
        return G_MAXINT64;
    return MAX(client->grant.expires - clock_wall(), 0);
}

void client_check(Client *client, gint64 now)
{
    gint64 interval = (gint64) client->ops->config->ping_interval;
    gint64 silent;

    if (client->held) /* what it says is not listened to */
        client->heard = now;
    silent = now - client->heard;

    if (client->state >= CLIENT_CLOSING && now - client->closing_since >= CLOSE_TIMEOUT) {
        client_kill(client, NULL);
    } else if (client->state == CLIENT_OPEN && grant_left(client) == 0) {
        client_close(client, 1008, "the token has run out");
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
    gint64 interval = (gint64) client->ops->config->ping_interval;
    gint64 due = client->heard + (client->asked < client->heard ? interval : 2 * interval);

    if (client->state >= CLIENT_CLOSING)
        return client->closing_since + CLOSE_TIMEOUT;
    due = MIN(due, client->renewal);
    if (client->grant.expires != G_MAXINT64)
        due = MIN(due, clock_monotonic() + grant_left(client));
    return probe_unanswered(client) ? MIN(due, client->probed + CLIENT_PROBE_LIMIT) : due;
}

/* ---- receiving --------------------------------------------------------------- */

/* A whole message: within the rate, it goes on to the relay. False if it waits. */
static bool client_message(Client *client, const char *data, gsize length)
{
    guint64 rate = client->ops->config->frames_per_second;

    if (rate > 0 && !client->waits &&
        !bucket_take(&client->frames, client->heard, G_USEC_PER_SEC / (gint64) rate, rate)) {
        client->ops->dropped(client, client->ops->relay);
        if (client->heard - client->told >= G_USEC_PER_SEC) {
            client_send_error(client, "rate-limited", "too many frames a second", NULL);
            client->told = client->heard;
        }
        return true;
    }
    return client->ops->received(client, data, length, client->ops->relay);
}

static void keep(Client *client, GByteArray **place, const char *data, gsize length)
{
    if (!*place)
        *place = g_byte_array_new();
    quota_charge(client->ops->quota, length);
    g_byte_array_append(*place, (const guint8 *) data, (guint) length);
}

/* PARTIAL is a whole message. It is out of CLIENT's hands while it is looked at,
 * for what is found may close the client. */
static void client_whole_message(Client *client)
{
    GByteArray *whole = g_steal_pointer(&client->partial);
    bool done = client_message(client, (const char *) whole->data, whole->len);

    client->waits = !done && client->state == CLIENT_OPEN;
    if (client->waits) {
        client->partial = whole;
        return;
    }
    quota_release(client->ops->quota, whole->len);
    g_byte_array_unref(whole);
}

static void client_piece(Client *client, const WebsocketPart *part)
{
    gsize before = client->partial ? client->partial->len : 0;
    guint64 limit = client->ops->config->max_message_size;

    if (part->opcode == WEBSOCKET_BINARY) {
        client_close(client, 1003, "only text frames are understood");
    } else if (part->left > limit || before + part->length + part->left > limit) {
        client_send_error(client, "too-large", "the message is larger than MaxMessageSize", NULL);
        client_close(client, 1009, "the message is too large");
    } else if (!client->partial && part->last) {
        client->waits =
            !client_message(client, part->data, part->length) && client->state == CLIENT_OPEN;
        if (client->waits)
            keep(client, &client->partial, part->data, part->length);
    } else {
        keep(client, &client->partial, part->data, part->length);
        if (part->length > 0)
            client->ops->gathered(client, client->ops->relay);
        if (part->last && client->state == CLIENT_OPEN)
            client_whole_message(client);
    }
}

static void client_control(Client *client, const WebsocketPart *part)
{
    if (part->opcode == WEBSOCKET_PING)
        client_pong(client, part->data, part->length);
    else if (part->opcode == WEBSOCKET_CLOSE)
        client_close(client, part->code, "");
}

/* Takes in DATA, as long as the client has its turn. How much of it is left. */
static gsize client_take_in(Client *client, char *data, gsize length)
{
    gint64 end = client->heard + TURN;
    WebsocketEvent event = WEBSOCKET_PIECE;

    while (client->state == CLIENT_OPEN && !client->waits && !client->held &&
           event != WEBSOCKET_MORE) {
        WebsocketPart part;

        event = websocket_read(&client->reader, &data, &length, &part);
        if (event == WEBSOCKET_PIECE)
            client_piece(client, &part);
        else if (event == WEBSOCKET_CONTROL)
            client_control(client, &part);
        else if (event == WEBSOCKET_ERROR)
            client_close(client, part.code, part.reason);
        if (length == 0 || clock_monotonic() >= end)
            break;
    }
    return client->state == CLIENT_OPEN ? length : 0;
}

/* What is left goes back to the front of what is unread. */
static void client_take_unread(Client *client)
{
    GByteArray *unread = g_steal_pointer(&client->unread);
    gsize size = unread->len, left = client_take_in(client, (char *) unread->data, size);

    quota_release(client->ops->quota, size);
    if (left > 0)
        keep(client, &client->unread, (const char *) unread->data + size - left, left);
    g_byte_array_unref(unread);
}

/* False at the end of the connection. */
static bool client_receive(Client *client)
{
    static char buffer[WIRE_BUFFER];
    gssize n = wire_receive(&client->wire, buffer);
    gsize left;

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return false;
    if (n < 0 || client->state != CLIENT_OPEN)
        return true;
    left = client_take_in(client, buffer, (gsize) n);
    if (left > 0)
        keep(client, &client->unread, buffer + (gsize) n - left, left);
    return true;
}

static bool client_read(Client *client, gint64 now)
{
    client->heard = now;
    if (client->held)
        return true;
    if (client->waits)
        client_whole_message(client);
    if (client->waits || client->held)
        return true;
    if (client->unread)
        client_take_unread(client);
    else if (!client_receive(client))
        return false;
    client_poll(client); /* an error was behind what has come */
    if (client->unread && !client->waits && !client->held)
        client->ops->ready(client, &client->reads, client->ops->relay);
    return true;
}

bool client_take_turn(Client *client, FairEntry *entry, gint64 now)
{
    if (entry == &client->reads)
        return client_read(client, now);
    if (!client_flush(client))
        client_kill(client, "cannot be written to");
    return true;
}

void client_forget_turns(Client *client, bool *reads, bool *writes)
{
    *reads = client->reads.group != NULL;
    *writes = client->writes.group != NULL;
    fair_entry_remove(&client->reads);
    fair_entry_remove(&client->writes);
}

void client_want_turns(Client *client, bool reads, bool writes)
{
    if (reads)
        client->ops->ready(client, &client->reads, client->ops->relay);
    if (writes)
        client->ops->ready(client, &client->writes, client->ops->relay);
}

/* ---- life ---------------------------------------------------------------------- */

void client_open(Client *client, uv_loop_t *loop, const Wire *wire, const Handshake *handshake)
{
    g_autofree char *accept = websocket_accept(handshake->key);
    g_autofree char *answer = handshake_accept(handshake, accept);
    struct iovec piece = {answer, strlen(answer)};

    client->wire = *wire;
    wire_charge_to(&client->wire, client->ops->quota);
    client->origin = g_strdup(handshake->origin ? handshake->origin : "");
    client->rtcbus = handshake->rtcbus;
    uv_poll_init(loop, &client->poll, wire->fd);
    client->poll.data = client;
    client_poll(client);
    client_enter_state(client, CLIENT_OPEN);
    /* Nothing was written to it yet: it has room. */
    if (wire_send(&client->wire, &piece, 1) != (gssize) piece.iov_len)
        client_kill(client, "cannot be written to");
    /* What came behind the request, and of the answer what a full socket did not take. */
    client_want_turns(client, client->wire.ahead != NULL, wire_owes(&client->wire));
}

static void on_handle_closed(uv_handle_t *handle)
{
    g_free(handle->data);
}

void client_free(Client *client)
{
    bool reads, writes;

    if (!client)
        return;
    client_forget_turns(client, &reads, &writes);
    outbox_clear(&client->outbox);
    g_clear_pointer(&client->pong, message_unref);
    drop_input(client);
    g_free(client->address);
    g_free(client->origin);
    if (!client->wire.ops) {
        g_free(client);
        return;
    }
    uv_close((uv_handle_t *) &client->poll, on_handle_closed);
    wire_clear(&client->wire);
}
