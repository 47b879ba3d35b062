/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One walk over the calls for each that comes in: they are few while strangers
 * flood us, which is the point.
 *
 * A descriptor is asked for to see how many are in use, for a new one is the
 * lowest that is free. A call takes about four.
 */

#include <config.h>

#include "peer/call/call-quota.h"

#include <glib/gi18n.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

/* New calls are the first that are refused: a call that works may need another agent to go on. */
enum {
    EIGHTHS = 8,
    NEW_STRANGER = 4,
    NEW_KNOWN = 6,
    RESTART_STRANGER = 6,
    RESTART_KNOWN = 7,
};

/* So many times what it leaves to other programs may be one's own. */
enum { CARRIED_SHARE = 3 };

/* A call that waits gives way to a new one after this long. One of our kind takes less than a
 * second to be connected. */
#define PATIENCE (5 * G_USEC_PER_SEC)

typedef struct {
    guint strangers;    /* calls of strangers */
    guint unasked;      /* and those that we have made to them for everybody's sake */
    guint own;          /* calls that somebody here has asked for */
    guint pending;      /* of the newcomer's kind, not connected */
    guint mine;         /* of the newcomer, as a stranger */
    guint mine_pending; /* of the newcomer, not connected */
} Census;

const char *call_place_to_text(CallPlace place)
{
    static const char *const texts[] = {
        [CALL_PLACE_FREE] = NULL,
        [CALL_PLACE_FULL] = N_("there are too many calls (MaxCalls=)"),
        [CALL_PLACE_STRANGERS] = N_("there are too many calls of unknown peers (MaxStrangers=)"),
        [CALL_PLACE_SENDER] = N_("it has too many, for one that is unknown (MaxCallsPerStranger=)"),
        [CALL_PLACE_PENDING] = N_("it has too many that are not connected yet (MaxPendingCalls=)"),
        [CALL_PLACE_PENDING_POOL] =
            N_("too many are not connected yet (MaxPendingStrangers= for unknown peers)"),
        [CALL_PLACE_DESCRIPTORS] = N_("there are few descriptors left (LimitNOFILE= of the unit)"),
        [CALL_PLACE_CARRIED] =
            N_("there are too many calls without a relay (three quarters of MaxCalls=)"),
        [CALL_PLACE_PROGRAM] =
            N_("this program has too many calls for others to have theirs (MaxCalls=)"),
    };
    return texts[place] ? _(texts[place]) : NULL;
}

static bool is_of(const Call *call, const char *from)
{
    return from && g_strcmp0(call_remote(call), from) == 0;
}

/* Comes in, waits, and is of this kind. */
static bool is_pending(const Call *call, bool known)
{
    return call_direction(call) == CALL_INCOMING && call_is_pending(call) &&
           call_is_stranger(call) != known;
}

static Census take_census(const GPtrArray *calls, const char *from, bool known)
{
    Census census = {};

    for (guint i = 0; i < calls->len; i++) {
        const Call *call = calls->pdata[i];

        census.pending += is_pending(call, known);
        census.unasked += call_is_unasked(call);
        census.own += call_is_own(call);
        if (call_is_stranger(call)) {
            census.strangers++;
            census.mine += is_of(call, from);
        }
        census.mine_pending +=
            call_direction(call) == CALL_INCOMING && call_is_pending(call) && is_of(call, from);
    }
    return census;
}

/* A quarter of all is for those whom we know, and who are asked for here. */
static bool unasked_are_full(const Census *census, const CallLimits *limits)
{
    return census->unasked >= limits->max_calls - limits->max_calls / 4;
}

static bool strangers_are_full(const Census *census, const CallLimits *limits)
{
    return census->strangers >= limits->max_strangers || unasked_are_full(census, limits);
}

/* The last places are for calls that are asked for here. */
static bool is_full(const GPtrArray *calls, const Census *census, const CallLimits *limits)
{
    return calls->len >= limits->max_calls ||
           calls->len - census->own >= limits->max_calls - limits->max_calls / 16;
}

static guint pending_limit(const CallLimits *limits, bool known)
{
    if (!known)
        return limits->max_pending_strangers;
    return MAX(limits->max_pending, limits->max_calls / 8);
}

/* Whether so many EIGHTHS of the descriptors that we may have are in use. */
static bool descriptors_are_taken(guint eighths)
{
    struct rlimit limit;
    int lowest = eventfd(0, EFD_CLOEXEC);

    if (lowest < 0)
        return true;
    close(lowest);
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           (rlim_t) lowest >= limit.rlim_cur / EIGHTHS * eighths;
}

/* The oldest call of the sender who has most that wait, and how many those are. */
static Call *find_greediest(const GPtrArray *calls, bool known, guint *most)
{
    g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
    Call *greediest = NULL;

    *most = 0;
    for (guint i = calls->len; i > 0; i--) { /* the oldest come last */
        Call *call = calls->pdata[i - 1];
        const char *sender = call_remote(call) ? call_remote(call) : "";
        guint count;

        if (!is_pending(call, known))
            continue;
        count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, sender)) + 1;
        g_hash_table_insert(counts, (gpointer) sender, GUINT_TO_POINTER(count));
        if (count < *most)
            continue;
        *most = count;
        greediest = call;
    }
    return greediest;
}

/* Of those that wait, which one gives way to a newcomer that has MINE; NULL: none. */
static Call *find_who_gives_way(const GPtrArray *calls, bool known, guint mine, gint64 now)
{
    guint most;
    Call *greediest = find_greediest(calls, known, &most);

    if (greediest && most > mine + 1)
        return greediest;
    for (guint i = 0; i < calls->len; i++) {
        Call *call = calls->pdata[i];

        if (is_pending(call, known))
            return now - call_started(call) > PATIENCE ? call : NULL;
    }
    return NULL;
}

/* The stranger's call, of FROM unless that is NULL, that has been silent for longest. */
static Call *find_silent(const GPtrArray *calls, const char *from)
{
    Call *silent = NULL;

    for (guint i = 0; i < calls->len; i++) {
        Call *call = calls->pdata[i];
        guint64 since = call_reconnecting_since(call);

        if (since == 0 || !call_is_stranger(call) || (from && !is_of(call, from)))
            continue;
        if (!silent || since < call_reconnecting_since(silent))
            silent = call;
    }
    return silent;
}

static CallPlace place_or(CallPlace place, Call *gives_way)
{
    return gives_way ? CALL_PLACE_FREE : place;
}

CallPlace call_quota_ask(const GPtrArray *calls, const CallLimits *limits, const char *from,
                         bool known, gint64 now, Call **gives_way)
{
    Census census = take_census(calls, from, known);

    *gives_way = NULL;
    if (!known && census.mine >= limits->max_per_stranger)
        return place_or(CALL_PLACE_SENDER, *gives_way = find_silent(calls, from));
    if (is_full(calls, &census, limits))
        return place_or(CALL_PLACE_FULL, *gives_way = find_silent(calls, NULL));
    if (!known && strangers_are_full(&census, limits))
        return place_or(CALL_PLACE_STRANGERS, *gives_way = find_silent(calls, NULL));
    if (census.mine_pending >= limits->max_pending)
        return CALL_PLACE_PENDING;
    if (descriptors_are_taken(known ? NEW_KNOWN : NEW_STRANGER))
        return CALL_PLACE_DESCRIPTORS;
    if (census.pending < pending_limit(limits, known))
        return CALL_PLACE_FREE;
    *gives_way = find_who_gives_way(calls, known, census.mine_pending, now);
    return *gives_way ? CALL_PLACE_FREE : CALL_PLACE_PENDING_POOL;
}

bool call_quota_may_place(const GPtrArray *calls, const CallLimits *limits, bool for_everybody)
{
    Census census = take_census(calls, NULL, true);

    if (calls->len >= limits->max_calls)
        return false;
    return !for_everybody ||
           (!is_full(calls, &census, limits) && !unasked_are_full(&census, limits));
}

/* Of those that wait, the oldest whose program is gone: nobody is left who could carry for it. */
static Call *find_left_alone(const GPtrArray *calls)
{
    for (guint i = 0; i < calls->len; i++) {
        Call *call = calls->pdata[i];

        if (call_is_carried(call) && !call_program(call) && call_is_pending(call))
            return call;
    }
    return NULL;
}

CallPlace call_quota_ask_carried(const GPtrArray *calls, const CallLimits *limits,
                                 const char *program, Call **gives_way)
{
    const guint places = limits->max_calls - limits->max_calls / 4;
    guint carried = 0, mine = 0;

    *gives_way = NULL;
    for (guint i = 0; i < calls->len; i++) {
        const Call *call = calls->pdata[i];

        carried += call_is_carried(call);
        mine += program && g_strcmp0(call_program(call), program) == 0;
    }
    if (calls->len >= limits->max_calls)
        return place_or(CALL_PLACE_FULL, *gives_way = find_left_alone(calls));
    if (carried >= places)
        return place_or(CALL_PLACE_CARRIED, *gives_way = find_left_alone(calls));
    if (mine >= CARRIED_SHARE * (places - carried))
        return place_or(CALL_PLACE_PROGRAM, *gives_way = find_left_alone(calls));
    return descriptors_are_taken(NEW_KNOWN) ? CALL_PLACE_DESCRIPTORS : CALL_PLACE_FREE;
}

bool call_quota_may_restart(const Call *call)
{
    return !descriptors_are_taken(call_is_unasked(call) ? RESTART_STRANGER : RESTART_KNOWN);
}

CallPlace call_quota_ask_key(const GPtrArray *calls, const CallLimits *limits,
                             const char *fingerprint)
{
    Census census = take_census(calls, NULL, false);
    guint mine = 0;

    for (guint i = 0; i < calls->len; i++) {
        const Call *call = calls->pdata[i];

        mine += call_is_stranger(call) && g_strcmp0(call_fingerprint(call), fingerprint) == 0;
    }
    /* The one that asks is among the strangers, but has not shown its key to the others yet. */
    census.strangers -= MIN(census.strangers, 1);
    census.unasked -= MIN(census.unasked, 1);
    if (strangers_are_full(&census, limits))
        return CALL_PLACE_STRANGERS;
    return mine >= limits->max_per_stranger ? CALL_PLACE_SENDER : CALL_PLACE_FREE;
}
