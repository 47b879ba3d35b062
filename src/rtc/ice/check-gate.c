/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A check that is held back is a lost packet to libnice, which has its timers
 * for that. What passes is
 *
 *   to an address that has answered a check of ours: only who is there knows
 *     the number of its transaction, so the remote cannot have made that up;
 *   one for each check that has come from the address with our user name: no
 *     more than what it cost the remote, wherever the packet really came from.
 *     If we have asked there before, it goes out at once, as it was, and bars no
 *     newer one: there may be two then;
 *   otherwise, what the rule (check-rule.h) allows and the budget of whoever
 *     called us has left.
 *
 * Two daemons on one machine call each other by its addresses, which is also what
 * somebody would name who wants to reach a service here. A service has a port of its
 * own; that of an ICE agent is one that the kernel has picked. So whoever has been called
 * aims at none of this host's other ports before a check has come from there. Whoever has
 * placed the call does: its user asked for it.
 */

#include <config.h>

#include "rtc/ice/check-gate.h"

#include <string.h>

#include "common/clock.h"
#include "rtc/ice/check-repeat.h"
#include "rtc/ice/early-flight.h"
#include "rtc/ice/stun-check.h"

enum {
    MAX_TARGETS = 64, /* remembered */
    MAX_IDS = 4,      /* transactions of each: it is asked from several of our addresses */
    MAX_KNOCKS = 2,
    FIRST_PICKED_PORT = 32768, /* of ip_local_port_range, where nobody has changed it */
};

typedef struct {
    CheckTarget target;
    guint8 ids[MAX_IDS][STUN_ID_LENGTH]; /* of the last checks */
    gint64 asked[MAX_IDS];               /* when each was sent first, monotonic µs; 0: answered */
    guint next_id;
    guint paid;   /* checks from the budget */
    guint knocks; /* checks that have come from there, and had none of ours yet */
    bool answered;
    CheckCount count;
} GateEntry;

struct CheckGate {
    const CheckRule *rule;
    CheckBudget *budget;
    char *user;   /* our ufrag and ":" */
    char *remote; /* the other half; NULL: not known yet */
    bool uninvited;
    GArray *entries;     /* of GateEntry */
    CheckRepeat *repeat; /* or NULL */
    EarlyFlight *early;  /* NULL: its time is over */
    guint64 round_trip_usec;
    KeepAlive keep;
};

CheckGate *check_gate_new(const CheckRule *rule, CheckBudget *budget, const char *ufrag,
                          bool uninvited)
{
    CheckGate *gate = g_new0(CheckGate, 1);

    gate->rule = rule;
    gate->budget = check_budget_ref(budget);
    gate->user = g_strconcat(ufrag, ":", NULL);
    gate->uninvited = uninvited;
    gate->entries = g_array_new(FALSE, TRUE, sizeof(GateEntry));
    gate->early = early_flight_new(budget);
    return gate;
}

void check_gate_free(CheckGate *gate)
{
    if (!gate)
        return;
    check_repeat_free(gate->repeat);
    early_flight_free(gate->early);
    check_budget_unref(gate->budget);
    g_free(gate->user);
    g_free(gate->remote);
    g_array_unref(gate->entries);
    g_free(gate);
}

void check_gate_set_remote(CheckGate *gate, const char *ufrag)
{
    g_free(gate->remote);
    gate->remote = g_strdup(ufrag);
}

void check_gate_repeat(CheckGate *gate, guint milliseconds)
{
    g_clear_pointer(&gate->repeat, check_repeat_free);
    if (milliseconds > 0)
        gate->repeat = check_repeat_new(milliseconds);
}

guint64 check_gate_round_trip_usec(const CheckGate *gate)
{
    return gate->round_trip_usec;
}

void check_gate_count(CheckGate *gate, const struct sockaddr *remote, CheckCount *count)
{
    CheckTarget target;

    *count = (CheckCount){};
    for (guint i = 0; check_target_read(&target, remote) && i < gate->entries->len; i++) {
        const GateEntry *entry = &g_array_index(gate->entries, GateEntry, i);

        if (check_target_equal(&entry->target, &target))
            *count = entry->count;
    }
}

bool check_gate_send_early(CheckGate *gate, const guint8 *packet, gsize length)
{
    return gate->early && early_flight_add(gate->early, packet, length);
}

GPtrArray *check_gate_end_early(CheckGate *gate, const struct sockaddr *remote)
{
    CheckTarget target;
    bool known = remote && check_target_read(&target, remote);
    GPtrArray *unsent =
        gate->early ? early_flight_unsent(gate->early, known ? &target : NULL) : NULL;

    g_clear_pointer(&gate->early, early_flight_free);
    return unsent;
}

void check_gate_keep(CheckGate *gate, NestedContext *context, guint seconds)
{
    gate->keep = (KeepAlive){.context = context, .seconds = seconds};
}

/* NULL: there are too many already. */
static GateEntry *find_entry(CheckGate *gate, const CheckTarget *target)
{
    GateEntry *entry;

    for (guint i = 0; i < gate->entries->len; i++) {
        entry = &g_array_index(gate->entries, GateEntry, i);
        if (check_target_equal(&entry->target, target))
            return entry;
    }
    if (gate->entries->len == MAX_TARGETS)
        return NULL;
    g_array_set_size(gate->entries, gate->entries->len + 1);
    entry = &g_array_index(gate->entries, GateEntry, gate->entries->len - 1);
    entry->target = *target;
    return entry;
}

static bool read_socket_address(GSocketAddress *address, CheckTarget *target)
{
    struct sockaddr_storage native;

    return address && g_socket_address_to_native(address, &native, sizeof native, NULL) &&
           check_target_read(target, (struct sockaddr *) &native);
}

/* ---- out ------------------------------------------------------------------ */

static bool may_be_service(const CheckGate *gate, const CheckTarget *target)
{
    return g_ntohs(target->port) < FIRST_PICKED_PORT && check_rule_is_own(gate->rule, target);
}

static bool may_aim(CheckGate *gate, const CheckTarget *target, GateEntry *entry)
{
    if (entry && entry->answered)
        return true;
    if (entry && entry->knocks > 0) {
        entry->knocks--;
        return true;
    }
    if (!check_rule_allows(gate->rule, target) || (gate->uninvited && may_be_service(gate, target)))
        return false;
    if (check_budget_has_answered(gate->budget, &target->address))
        return true;
    if (!check_budget_take(gate->budget, entry && entry->paid > 0, clock_monotonic()))
        return false;
    if (entry)
        entry->paid++;
    return true;
}

/* The index of ID among the last ones, or -1 */
static int find_id(const GateEntry *entry, const guint8 *id)
{
    for (guint i = 0; i < MIN(entry->next_id, (guint) MAX_IDS); i++) {
        if (memcmp(entry->ids[i], id, STUN_ID_LENGTH) == 0)
            return (int) i;
    }
    return -1;
}

static void note_id(GateEntry *entry, const guint8 *id)
{
    guint next = entry->next_id % MAX_IDS;

    if (find_id(entry, id) >= 0)
        return;
    memcpy(entry->ids[next], id, STUN_ID_LENGTH);
    entry->asked[next] = clock_monotonic();
    entry->next_id++;
    entry->count.requests_sent++;
}

/* libnice replies only to a check whose password is right. */
static void note_reply(CheckGate *gate, const StunCheck *check, GSocketAddress *to)
{
    CheckTarget target = check->peer;
    GateEntry *entry;

    if (!check->relayed && !read_socket_address(to, &target))
        return;
    if (gate->early && !check->relayed)
        early_flight_note_replied(gate->early, &target);
    entry = find_entry(gate, &target);
    if (entry)
        entry->count.responses_sent++;
}

static bool on_send(GSocket *socket, GSocketAddress *to, const guint8 *packet, gsize length,
                    gpointer data)
{
    CheckGate *gate = data;
    GateEntry *entry;
    StunCheck check;
    CheckTarget target;

    if (!stun_check_read(packet, length, &check))
        return true;
    if (check.kind != STUN_CHECK_REQUEST) {
        note_reply(gate, &check, to);
        return true;
    }
    if (check.relayed)
        target = check.peer;
    else if (!read_socket_address(to, &target))
        return true;
    entry = find_entry(gate, &target);
    if (!may_aim(gate, &target, entry))
        return false;
    if (gate->repeat && to)
        check_repeat_note(gate->repeat, socket, to, &target,
                          check_budget_has_answered(gate->budget, &target.address), packet, length);
    keep_alive_sent(&gate->keep, check.id);
    if (entry)
        note_id(entry, check.id);
    if (gate->early && to && socket && !check.relayed)
        early_flight_note_check(gate->early, &target, socket, to);
    return true;
}

/* ---- in ------------------------------------------------------------------- */

/* The first answer to the check that is INDEX */
static void count_answer(GateEntry *entry, int index)
{
    entry->count.responses_received++;
    entry->count.round_trip_usec = MAX(clock_monotonic() - entry->asked[index], 1);
    entry->count.total_round_trip_usec += entry->count.round_trip_usec;
    entry->asked[index] = 0;
}

static void note_answer(CheckGate *gate, const guint8 *id)
{
    for (guint i = 0; i < gate->entries->len; i++) {
        GateEntry *entry = &g_array_index(gate->entries, GateEntry, i);
        int asked = find_id(entry, id);

        if (asked < 0 || entry->asked[asked] == 0)
            continue;
        count_answer(entry, asked);
        if (entry->answered)
            return;
        entry->answered = true;
        if (gate->round_trip_usec == 0)
            gate->round_trip_usec = entry->count.round_trip_usec;
        check_budget_answered(gate->budget, &entry->target.address, entry->paid);
        if (gate->early)
            early_flight_note_answered(gate->early, &entry->target);
        return;
    }
}

static bool is_of_remote(const CheckGate *gate, const StunCheck *check, gsize user_length)
{
    return !gate->remote ||
           (check->user_length == user_length + strlen(gate->remote) &&
            memcmp(check->user + user_length, gate->remote, strlen(gate->remote)) == 0);
}

static bool on_received(GSocketAddress *from, const guint8 *packet, gsize length, gpointer data)
{
    CheckGate *gate = data;
    gsize user_length = strlen(gate->user);
    GateEntry *entry;
    StunCheck check;
    CheckTarget target;

    if (!stun_check_read(packet, length, &check)) {
        if (gate->early && read_socket_address(from, &target))
            early_flight_note_heard(gate->early, &target, packet, length);
        return true;
    }
    if (check.kind == STUN_CHECK_SUCCESS) {
        note_answer(gate, check.id);
        keep_alive_answered(&gate->keep, check.id);
        return true;
    }
    if (check.user_length < user_length || memcmp(check.user, gate->user, user_length) != 0)
        return true;
    if (!is_of_remote(gate, &check, user_length))
        return false;
    if (check.relayed)
        target = check.peer;
    else if (!read_socket_address(from, &target))
        return true;
    if (gate->early && !check.relayed)
        early_flight_note_asked(gate->early, &target, length);
    entry = find_entry(gate, &target);
    if (entry)
        entry->count.requests_received++;
    if (gate->repeat && check_repeat_send(gate->repeat, &target)) {
        if (entry)
            entry->knocks = MAX(entry->knocks, 1u);
        return true;
    }
    if (entry)
        entry->knocks = MIN(entry->knocks + 1, (guint) MAX_KNOCKS);
    return true;
}

static void on_over(gpointer data)
{
    CheckGate *gate = data;

    if (gate->early)
        early_flight_send(gate->early);
}

const SocketWatchOps check_gate_watch = {
    .may_send = on_send,
    .may_receive = on_received,
    .over = on_over,
};
