/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The one pairing that this peer takes part in at a time: how long a code
 * lasts, how often it may be tried, with whom, and what is remembered of it.
 * What is said is pairing.h's.
 *
 * Each side decides for itself what to remember, the host first: it answers with
 * its tag when it has remembered the joiner, who decides then. A host that asks
 * its user says `wait`, and `failed` if nothing comes of it.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "signaling/frame.h"
#include "peer/signaling/room.h"

/* Seconds; a code may be made to last less. */
enum { PAIRING_LIFETIME = 600, PAIRING_TRIES = 3 };

/* How the other side is to be remembered. */
typedef struct {
    const char *name; /* instead of what it calls itself, or NULL */
    bool replace;     /* in the place of another key that is known for the name */
    bool ask;         /* nothing before pairing_desk_accept() */
} PairingWish;

typedef struct {
    void (*send)(const Frame *frame, gpointer data);
    /* Both keys are proven, and pairing_desk_accept() is waited for. NAME is what the other
     * side calls itself. */
    void (*proven)(const char *name, const char *fingerprint, gpointer data);
    /* Remembers it. An error ends the pairing, if nobody is asked. */
    bool (*paired)(const char *name, const char *fingerprint, bool replace, GError **error,
                   gpointer data);
    /* A try with a wrong code; TRIES are left. */
    void (*failed)(const char *message, guint tries, gpointer data);
    /* The last of a pairing. NAME and FINGERPRINT are "" unless OK; MESSAGE is for people. */
    void (*ended)(bool ok, const char *name, const char *fingerprint, const char *message,
                  gpointer data);
} PairingDeskOps;

typedef struct PairingDesk PairingDesk;

/* ROOM and OPS are the caller's and outlive it. */
PairingDesk *pairing_desk_new(const Room *room, const char *fingerprint, const PairingDeskOps *ops,
                              gpointer data);
void pairing_desk_free(PairingDesk *desk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PairingDesk, pairing_desk_free)

/* While there is no pairing: our key is another one. */
void pairing_desk_set_fingerprint(PairingDesk *desk, const char *fingerprint);

/* Makes a code that lasts SECONDS. WISH is copied. Transfer full. Errors are PEER_ERROR:
 * NOT_CONNECTED, LIMIT_EXCEEDED (there is a pairing). */
char *pairing_desk_open(PairingDesk *desk, guint seconds, const PairingWish *wish, GError **error);

/* Begins with the code of another peer in the room. Also: INVALID_ARGUMENT. */
bool pairing_desk_join(PairingDesk *desk, const char *code, const PairingWish *wish,
                       GError **error);

/* The answer to `proven`; what WISH does not say stays as it was. False with the error of
 * `paired`, or NOT_CONNECTED (nothing is waited for): then the question stands. */
bool pairing_desk_accept(PairingDesk *desk, const PairingWish *wish, GError **error);

/* False if there was none. */
bool pairing_desk_cancel(PairingDesk *desk, const char *message);

/* A frame of type FRAME_PAIR that is meant for us. */
void pairing_desk_receive(PairingDesk *desk, const Frame *frame);
