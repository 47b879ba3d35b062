/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Our place in the relay's room: connects, reconnects, knows who is there, and
 * turns text into frames and back.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "signaling/frame.h"
#include "peer/signaling/room.h"

/* Where the room is, and how one gets in. All strings may be "". */
typedef struct {
    char *
        *urls; /* ws: or wss:; the path is the room. Those behind the first are for when it fails */
    guint64 comeback; /* µs with another one until the first is tried again; 0: never */
    char *origin;
    char *token;        /* what opens the room */
    char *token_file;   /* or a file that has it, and is read for each attempt */
    char *ca;           /* a file of authorities to believe beside the system's */
    guint64 keep_alive; /* µs between two pings, if that is more than usual */
} RelaySettings;

typedef struct {
    const RelaySettings *relay;
    const char *name; /* as which to appear in the room */
    /* What to be called if `name` is taken, or NULL to wait until it is free. Where that is
     * taken as well, a name is made up. */
    const char *other_name;
} SignalingSettings;

typedef struct {
    /* The room's state is another; also: who we are in it. */
    void (*state)(gpointer data);
    void (*joined)(const char *id, gpointer data);
    void (*leaving)(const char *id, gpointer data); /* still in the room, */
    void (*left)(gpointer data);                    /* and not any more */
    /* signaling_ice_servers() are others. */
    void (*ice_servers)(gpointer data);
    /* The list of members is another. */
    void (*members)(gpointer data);
    /* Whether FRAME, of another peer, belongs to something or may begin it. What does
     * not is no business of the journal. Asked before `frame`. */
    bool (*expects)(const Frame *frame, gpointer data);
    /* A frame of another peer. */
    void (*frame)(const Frame *frame, gpointer data);
    /* The relay says that TO is nobody. */
    void (*no_such_peer)(const char *to, gpointer data);
    /* After signaling_stop() */
    void (*stopped)(gpointer data);
} SignalingOps;

typedef struct Signaling Signaling;

/* OPS is kept by reference. Nothing happens before signaling_set(). */
Signaling *signaling_new(const SignalingOps *ops, gpointer data);
void signaling_free(Signaling *signaling);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Signaling, signaling_free)

/* Connects, or connects anew if SETTINGS are not what they were; `keep_alive` needs no other
 * connection. */
void signaling_set(Signaling *signaling, const SignalingSettings *settings);

/* Before signaling_set(): says why there is no connection yet. */
void signaling_hold(Signaling *signaling, const RelaySettings *relay, const char *problem);

/* The network is another one. The relay is asked whether it still answers; if there is no
 * connection and COME, perhaps it can be reached now, so that is not put off any longer. */
void signaling_link_changed(Signaling *signaling, bool come);

/* False if it is lost because the relay is not connected. */
bool signaling_send(Signaling *signaling, const Frame *frame);

/* Sends what is queued and disconnects; `stopped` follows within a second. */
void signaling_stop(Signaling *signaling);

const Room *signaling_room(const Signaling *signaling);

/* The relay that we are at, or will be, as people may see it; "" before there are settings. */
const char *signaling_url(const Signaling *signaling);

/* What the relay recommended, as URIs for ConnectionConfig. NULL-terminated, never NULL. */
const char *const *signaling_ice_servers(const Signaling *signaling);
