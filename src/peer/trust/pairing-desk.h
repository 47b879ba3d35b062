/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The one pairing that this peer takes part in at a time: how long a code
 * lasts, how often it may be tried, and with whom. What is said is pairing.h's.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "signaling/frame.h"
#include "peer/signaling/room.h"

/* Seconds; a code may be made to last less. */
enum { PAIRING_LIFETIME = 600, PAIRING_TRIES = 3 };

typedef struct {
    void (*send)(const Frame *frame, gpointer data);
    /* Both keys are proven: remembers the other one. An error ends the pairing. */
    bool (*paired)(const char *name, const char *fingerprint, GError **error, gpointer data);
    /* A try with a wrong code; TRIES are left. */
    void (*failed)(const char *message, guint tries, gpointer data);
    /* The last of a pairing. NAME and FINGERPRINT are "" unless OK; MESSAGE is for people. */
    void (*ended)(bool ok, const char *name, const char *fingerprint, const char *message,
                  gpointer data);
} PairingDeskOps;

typedef struct PairingDesk PairingDesk;

/* ROOM and OPS are the caller's and outlive it. */
PairingDesk *pairing_desk_new(const Room *room, const char *fingerprint,
                              const PairingDeskOps *ops, gpointer data);
void pairing_desk_free(PairingDesk *desk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PairingDesk, pairing_desk_free)

/* Makes a code that lasts SECONDS. Transfer full. Errors are PEER_ERROR:
 * NOT_CONNECTED, LIMIT_EXCEEDED (there is a pairing). */
char *pairing_desk_open(PairingDesk *desk, guint seconds, GError **error);

/* Begins with the code of another peer in the room. Also: INVALID_ARGUMENT. */
bool pairing_desk_join(PairingDesk *desk, const char *code, GError **error);

/* False if there was none. */
bool pairing_desk_cancel(PairingDesk *desk, const char *message);

/* A frame of type FRAME_PAIR that is meant for us. */
void pairing_desk_receive(PairingDesk *desk, const Frame *frame);
