/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Kept calls: when to call whom, again and again. A state machine for each kept
 * name, which knows no clock, no relay and no call. It is told what happens and
 * when, and says by its Ops what is to be done; so a test drives it with a time
 * of its own. Times are monotonic microseconds.
 *
 *   offline        there is no relay
 *   absent         it is not in the room
 *   queued         it is to be called as soon as it is its turn
 *   calling        a call is on its way
 *   connected ⇄ reconnecting
 *   resting        the call has ended or failed; it is called again at `due`
 *   refused        the same after a refusal, which takes longer
 *
 * It rests for 1 to 2 s at first, and for twice as long after each failure, up to a minute;
 * after refusals for half a minute up to ten. Half of each rest is left to chance. A call that
 * has been up for a minute has made good for all failures. Whoever joins the room is called at
 * once, but not sooner than a second after the last try; in a room of many not all at once.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Among the kept names: everybody in the room who has a name. */
#define KEEPER_EVERYBODY "*"

/* How many may be called at the same time. Who has not answered after the patience holds
 * nobody else up. */
#define KEEPER_ATTEMPTS 32
#define KEEPER_PATIENCE (3 * G_USEC_PER_SEC)
/* Between two tries to call the same one, at least */
#define KEEPER_PAUSE G_USEC_PER_SEC
/* How long a call must last to make good for what failed before it */
#define KEEPER_STEADY (60 * G_USEC_PER_SEC)
/* The rests; each is from half of it to all of it */
#define KEEPER_FIRST_REST (2 * G_USEC_PER_SEC)
#define KEEPER_LONGEST_REST (60 * G_USEC_PER_SEC)
#define KEEPER_FIRST_REFUSED_REST (60 * G_USEC_PER_SEC)
#define KEEPER_LONGEST_REFUSED_REST (600 * G_USEC_PER_SEC)
/* Whoever joins, or is there when we come, is called within so much for each one in the room */
#define KEEPER_SPREAD (5 * 1000)
#define KEEPER_LONGEST_SPREAD (3 * G_USEC_PER_SEC)

typedef enum {
    KEPT_OFFLINE,
    KEPT_ABSENT,
    KEPT_QUEUED,
    KEPT_CALLING,
    KEPT_CONNECTED,
    KEPT_RECONNECTING,
    KEPT_RESTING,
    KEPT_REFUSED,
} KeptState;

/* As D-Bus has it: "connected", "calling", "absent", "refused", or else "waiting". */
const char *kept_state_to_string(KeptState state);

typedef enum {
    KEEPER_ROOM_NONE,     /* no relay */
    KEEPER_ROOM_NAMELESS, /* a relay that tells nobody's name: one is called at a time */
    KEEPER_ROOM_KNOWN,    /* we hear who is there */
} KeeperRoom;

/* Why a call has ended. */
typedef enum {
    KEEPER_END_LOST,    /* for any other reason */
    KEEPER_END_REFUSED, /* one side did not want it */
} KeeperEnd;

/* May ask what the keeper is, and tell it nothing. */
typedef struct {
    /* Calls NAME ("": whoever answers), which is NAMED, or kept for everybody's sake. The number of
     * the call, or 0 with ERROR. It may be one that there was: then CONNECTED tells whether it is. */
    guint (*place)(const char *name, bool named, bool *connected, GError **error, gpointer data);
    /* NAME is kept no more: hangs CALL up. What comes of it is not told to the keeper. */
    void (*end)(guint call, gpointer data);
    /* What keeper_report() gives is another. */
    void (*changed)(gpointer data);
    /* keeper_turn() is wanted at AT; G_MAXINT64: at no time. The last one holds. */
    void (*wake)(gint64 at, gpointer data);
    /* A number from 0 to BOUND - 1 */
    guint32 (*chance)(guint32 bound, gpointer data);
} KeeperOps;

typedef struct Keeper Keeper;

/* OPS is kept by reference. MAX_EVERYBODY: how many are kept because of KEEPER_EVERYBODY. */
Keeper *keeper_new(guint max_everybody, const KeeperOps *ops, gpointer data);
void keeper_free(Keeper *keeper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Keeper, keeper_free)

void keeper_set_max_everybody(Keeper *keeper, guint max_everybody, gint64 now);

/* Who is kept from now on; the calls of those who were and are not any more are ended. */
void keeper_set_names(Keeper *keeper, const char *const *names, gint64 now);

/* NAMES are those in the room; for KEEPER_ROOM_KNOWN. */
void keeper_set_room(Keeper *keeper, KeeperRoom room, const char *const *names, gint64 now);
void keeper_joined(Keeper *keeper, const char *name, gint64 now);
void keeper_left(Keeper *keeper, const char *name, gint64 now);

/* CALL is on its way to NAME: also one that somebody else has placed. */
void keeper_call_began(Keeper *keeper, const char *name, guint call, gint64 now);
void keeper_call_connected(Keeper *keeper, guint call, gint64 now);
void keeper_call_reconnecting(Keeper *keeper, guint call, gint64 now);
void keeper_call_ended(Keeper *keeper, guint call, KeeperEnd end, const char *reason, gint64 now);

/* What kept calls from succeeding may have passed: all who rest are called now. NAME: that one
 * only. */
void keeper_retry_all(Keeper *keeper, gint64 now);
void keeper_retry(Keeper *keeper, const char *name, gint64 now);

/* Calls those whose time has come. */
void keeper_turn(Keeper *keeper, gint64 now);

typedef struct {
    const char *name; /* "": whoever answers */
    KeptState state;
    guint call;         /* 0: none */
    gint64 due;         /* resting, refused */
    const char *reason; /* the end of the last call; "": there was none. Until the next one is up */
} KeptReport;

guint keeper_count(const Keeper *keeper);
/* In the order in which they came. Strings are the keeper's. */
KeptReport keeper_report(const Keeper *keeper, guint i);
/* Whether NAME is kept, by its name or for everybody's sake. */
bool keeper_keeps(const Keeper *keeper, const char *name);
