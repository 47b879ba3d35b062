/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One WebSocket connection: what comes in is put together into messages and
 * checked against the limits, what goes out waits in a bounded queue.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "relay/message.h"
#include "relay/outbox.h"
#include "relay/quota.h"
#include "relay/config.h"
#include "relay/router.h"
#include "relay/wheel.h"

struct lws;

typedef enum {
    CLIENT_OPENING, /* the handshake is not answered yet */
    CLIENT_OPEN,
    CLIENT_CLOSING, /* nothing is taken in; the queue, then a close frame go out */
    CLIENT_CLOSED,  /* libwebsockets ends the connection */
} ClientState;

typedef struct Client Client;

#define CLIENT_PROBE_LIMIT (3 * G_USEC_PER_SEC)

/* What a client needs from the relay; one for all clients. */
typedef struct {
    const RelayConfig *config;
    Quota *quota;
    /* A whole text message, within the limits, but else unchecked. */
    void (*received)(Client *client, const char *data, gsize length, gpointer relay);
    /* A piece of a message was kept. May kill clients, CLIENT as well. */
    void (*gathered)(Client *client, gpointer relay);
    /* A message was dropped for coming too fast. */
    void (*dropped)(Client *client, gpointer relay);
    /* The client is not open any more: it must leave its room now. */
    void (*left)(Client *client, gpointer relay);
    gpointer relay;
    GQueue *unsent; /* clients with something to send: client_flush_all() */
} ClientOwner;

struct Client {
    const ClientOwner *owner;
    struct lws *wsi;
    ClientState state;
    Member *member;   /* NULL once it has left its room */
    Account *account;
    char *address;    /* as text, without the port */
    char *origin;     /* "" if it has none */
    bool rtcbus;      /* speaks rtcbus.1 */
    gint64 since;     /* µs since the epoch */
    gint64 heard;     /* when anything came last, monotonic µs */
    WheelEntry check; /* when to look after it again: client_due() */
    GList link;       /* in the relay's list */
    /* private */
    Outbox outbox;
    GList unsent_link; /* in its owner's queue; data is NULL while it is not there */
    bool stalled;     /* the socket is full: the outbox waits for it */
    gsize held;       /* bytes of a message that libwebsockets keeps */
    GByteArray *partial; /* of a message that comes in pieces */
    Bucket frames, bad;
    gint64 told;      /* when it was last told that it is too fast */
    gint64 asked;     /* when it was pinged last, monotonic µs */
    gint64 probed;    /* when client_probe() asked it last, monotonic µs */
    gint64 closing_since;
    guint16 close_code;
    const char *close_reason;
};

const char *client_state_to_string(ClientState state);

Client *client_new(const ClientOwner *owner);

/* The connection is gone. */
void client_ended(Client *client);

/* CLIENT must have left its room. */
void client_free(Client *client);

/* The name of a client for people: what it calls itself, or else its id. */
const char *client_label(const Client *client);

/* Sends MESSAGE, taking a reference of its own, at the next client_flush_all().
 * If that is too much for the queue, the client is closed instead. */
void client_send(Client *client, Message *message);

/* Writes what the clients of UNSENT have to send, all of a client's at once, as
 * far as the sockets take it. Can kill clients. */
void client_flush_all(GQueue *unsent);

/* An `error` frame, if the client speaks rtcbus.1. CODE and TEXT are literals. */
void client_send_error(Client *client, const char *code, const char *text,
                       const EnvelopeText *to);

/* Begins to close with a code of RFC 6455 section 7.4.1 and a REASON, a
 * literal. What is queued for the client still goes out, for a while. */
void client_close(Client *client, guint16 code, const char *reason);

/* As client_close(), but whatever waits in the queue is forgotten. */
void client_close_now(Client *client, guint16 code, const char *reason);

/* Pulls the plug; the connection is gone soon after. REASON is a literal. */
void client_kill(Client *client, const char *reason);

/* The bytes that wait for the client to read, or for the rest of its message. */
gsize client_waiting(const Client *client);

/* A frame that is not what it should be. Too many of them close the client. */
void client_bad_frame(Client *client, const char *text);

/* Looks after a client at NOW: pings it if it is silent, kills it if it is
 * dead or does not close. */
void client_check(Client *client, gint64 now);

/* Somebody else wants CLIENT's name: asks it at NOW whether it still lives,
 * unless it was asked so a moment ago. One that is not heard of within
 * CLIENT_PROBE_LIMIT is killed by client_check(). May kill it itself. True
 * while that is undecided. */
bool client_probe(Client *client, gint64 now);

/* When there will be something to do for client_check(), unless the client is
 * heard of before or closes: monotonic µs. */
gint64 client_due(const Client *client);

/* For server.c: what libwebsockets reports. writable() says false when the
 * connection is to be dropped. */
void client_opened(Client *client, struct lws *wsi);
void client_received(Client *client, const char *data, gsize length);
bool client_writable(Client *client);
