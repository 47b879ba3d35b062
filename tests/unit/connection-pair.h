/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Two whole stacks on loopback, with numbers going both ways. Whatever happens below, each number has
 * to come once and in order. The linker lets us cut agents off and put the clock forward (--wrap).
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/connection.h"
#include "wait.h"

typedef struct PairEnd PairEnd;

struct PairEnd {
    Connection *connection;
    PairEnd *other;
    Certificate *certificate;
    Channel *channel;
    guint sent, received;
    bool drop_offers, drop_answers; /* of ours */
    bool drop_candidates;
    bool relayed;       /* our candidates go out as those of a TURN server */
    bool always_active; /* so our answers say, as those of Firefox */
    bool hold_offers;   /* kept in `offer`, not given to the other */
    bool may_not;       /* restart */
    char *offer, *answer, *refused;
    GPtrArray *told; /* of char *, our candidates */
    guint offers, answers, candidates, ends;
    guint moved, silent, heard, failed, poor, no_path;
};

typedef struct {
    PairEnd a, b; /* a has made the first offer */
} ConnectionPair;

/* What agents are cut off: what they send is lost, but for STUN. And all that there were. */
extern GHashTable *pair_cut_agents;
extern GPtrArray *pair_agents;
void pair_cut_all(void);

/* Packets that all of them have sent but for STUN, in the fast way as well */
extern guint pair_packets;

/* The clock can be put forward; timers of seconds are ones of 20 ms then. */
extern struct PairClock {
    gint64 ahead; /* µs */
    bool hasty;
} pair_clock;

/* As much as a remote has to wait before it may offer once more */
void pair_wait_for_offer(void);

/* Nothing is said yet. PLAIN: libnice carries it all. WAITS: as ConnectionConfig has it. */
void pair_begin(ConnectionPair *pair, bool plain, bool waits);
/* DATA: not NULL: libnice carries it all. They are connected, and numbers have gone both ways. */
void pair_set_up(ConnectionPair *pair, gconstpointer data);
void pair_tear_down(ConnectionPair *pair, gconstpointer data);

/* Gives END's description to the other one; `refused` says what came of it. */
void pair_give(PairEnd *end, const char *type, const char *sdp);
void pair_restart(PairEnd *end, bool anew);

void pair_send_number(PairEnd *end);
/* One each way; a source that goes on. */
gboolean pair_send_numbers(gpointer pair);
/* All has come, and more does. */
void pair_check_flow(ConnectionPair *pair);

/* Of the pair that END uses; transfer full */
char *pair_local_candidate(PairEnd *end);
/* Whether both use the same path */
bool pair_agree(ConnectionPair *pair);

guint pair_count_fds(void);

/* Numbers go both ways while we wait. */
#define wait_with_numbers(pair, condition)                                                         \
    do {                                                                                           \
        guint numbers_ = g_timeout_add(2, pair_send_numbers, pair);                                \
        wait_until(condition);                                                                     \
        g_source_remove(numbers_);                                                                 \
    } while (0)
