/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One WebSocket connection: what comes in is put together into messages and
 * checked against the limits, what goes out waits in a bounded queue. It reads
 * and writes when it has a turn (traffic.h) and not when its socket could.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <uv.h>

#include "relay/access.h"
#include "relay/config.h"
#include "relay/fair-queue.h"
#include "relay/handshake.h"
#include "relay/message.h"
#include "relay/outbox.h"
#include "relay/quota.h"
#include "relay/router.h"
#include "relay/wheel.h"
#include "relay/wire.h"

typedef enum {
    CLIENT_OPENING, /* the handshake is not answered yet */
    CLIENT_OPEN,
    CLIENT_CLOSING, /* nothing is taken in; the queue, then a close frame go out */
    CLIENT_CLOSED,  /* all is said; the other side ends the connection */
} ClientState;

typedef struct Client Client;

#define CLIENT_PROBE_LIMIT (3 * G_USEC_PER_SEC)

/* What a client needs from the relay; one for all clients. No callback may free
 * a client; any may close or kill one. */
typedef struct {
    const RelayConfig *config;
    Quota *quota;
    Histogram *latency; /* of frames, told when they are written; may be NULL */
    /* A whole text message, within the limits, but else unchecked. False if its
     * receivers must read first: the same message comes again at a later turn, and
     * nothing before it. */
    bool (*received)(Client *client, const char *data, gsize length, gpointer relay);
    /* A piece of a message was kept. */
    void (*gathered)(Client *client, gpointer relay);
    /* A message was dropped for coming too fast. */
    void (*dropped)(Client *client, gpointer relay);
    /* ENTRY of the client is to have a turn: client_take_turn(). */
    void (*ready)(Client *client, FairEntry *entry, gpointer relay);
    /* Its queue is long and its socket full; or no longer so. */
    void (*congested)(Client *client, bool is, gpointer relay);
    /* The client is not open any more: it must leave its room now. */
    void (*left)(Client *client, gpointer relay);
    gpointer relay;
} ClientOps;

const char *client_state_to_string(ClientState state);

/* A client with nothing but a place to be in a room. */
Client *client_new(const ClientOps *ops);

/* Answers HANDSHAKE on WIRE and is open. The wire is the client's then; ADDRESS and
 * ACCOUNT stay the caller's and must stay until the client is freed: its owner asks for them. */
void client_open(Client *client, uv_loop_t *loop, const Wire *wire, const Handshake *handshake);

/* CLIENT must have left its room; its connection closes. */
void client_free(Client *client);

/* ---- what its owner keeps with it ---- */

/* NULL once it has left its room */
Member *client_member(const Client *client);
void client_set_member(Client *client, Member *member);

Account *client_account(const Client *client);
const char *client_address(const Client *client); /* as text, without the port */
/* Takes ADDRESS. */
void client_set_origin(Client *client, Account *account, char *address);

/* What it was let in with: no token, and for ever, unless it is told. */
const AccessGrant *client_grant(const Client *client);
void client_set_grant(Client *client, const AccessGrant *grant);

/* The secret that its `welcome` has. Whoever shows it is the same peer, come back. It stays
 * the same for the connection that it lets in, for which it is set before client_open(). */
const char *client_resume(const Client *client);
void client_set_resume(Client *client, const char *secret);
bool client_is_resumed_by(const Client *client, const char *secret);

/* When it is to be told of ICE servers again, monotonic µs; G_MAXINT64 at first: never. */
gint64 client_renewal(const Client *client);
void client_set_renewal(Client *client, gint64 renewal);

const char *client_origin(const Client *client); /* "" if it has none */
bool client_speaks_rtcbus(const Client *client); /* rtcbus.1 */
gint64 client_since(const Client *client);       /* µs since the epoch */
ClientState client_state(const Client *client);
const char *client_close_reason(const Client *client); /* may be NULL */
GList *client_link(Client *client);                    /* in the relay's list */
WheelEntry *client_check_entry(Client *client);        /* when to look after it: client_due() */

/* The name of a client for people: what it calls itself, or else its id. */
const char *client_label(const Client *client);

/* ---- what it does ---- */

/* Sends MESSAGE, taking a reference of its own, when it has a turn. If that is
 * too much for the queue, the client is closed instead. */
void client_send(Client *client, Message *message);

/* Writes what waits, without a turn. May kill the client. */
void client_hurry(Client *client);

/* An `error` frame, if the client speaks rtcbus.1. CODE and TEXT are literals. */
void client_send_error(Client *client, const char *code, const char *text, const EnvelopeText *to);

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

/* Reading stops until client_release(). */
void client_hold(Client *client);
void client_release(Client *client);

/* Its readers are not waited for any more, until its queue is short again. */
void client_give_up(Client *client);
bool client_is_congested(const Client *client);

/* Charges SIZE bytes that were sent on for CLIENT at NOW to its budget. How many
 * µs it is over it. */
gint64 client_spend(Client *client, guint64 size, gint64 now);

/* ENTRY of CLIENT has its turn at NOW; it reads and writes for a short while.
 * False if the connection is gone: free it. */
bool client_take_turn(Client *client, FairEntry *entry, gint64 now);

/* Takes both entries of CLIENT off their group. True for each that waited. */
void client_forget_turns(Client *client, bool *reads, bool *writes);
void client_want_turns(Client *client, bool reads, bool writes);

/* Looks after a client at NOW: pings it if it is silent, closes it if its token
 * has run out, kills it if it is dead or does not close. */
void client_check(Client *client, gint64 now);

/* Somebody has sent CLIENT a frame: asks it at NOW whether it still lives, unless it was asked so a
 * moment ago. One that is not heard of within CLIENT_PROBE_LIMIT is killed by client_check(). May
 * kill it itself. True while that is undecided. */
bool client_probe(Client *client, gint64 now);

/* The same for somebody who wants its name. What it has answered to others before tells nothing:
 * a machine can have lost its power since, and be the one that asks. */
bool client_probe_name(Client *client, gint64 now);

/* When there will be something to do for client_check() or its owner, unless the client is
 * heard of before or closes: monotonic µs. */
gint64 client_due(const Client *client);
