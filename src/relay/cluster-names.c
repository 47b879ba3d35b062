/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See cluster-names.h. A key of the store stands for a name. Only a put decides, and it says which
 * sequence the key must have: of two relays that put, one is told of a conflict. Then it reads who has
 * the name, and may put again upon what it has read:
 *
 *   nobody, or a relay that is dead    the name is free
 *   ourselves                          a put of ours whose answer was lost
 *   a relay that lives                 the name is taken, unless the newcomer is its owner by its
 *                                      token, or the same peer, come back
 *
 * A claim is good for as long as its relay lives, which all relays hear (cluster-relays.h): so the
 * lease that is renewed every second is one of each relay, and not one of each name. A key's age only
 * removes what dead relays have left behind, and is renewed every few minutes.
 *
 * Without a store we decide by ourselves, and claim the name when there is one again. Two relays may
 * have given one name away then, or one believes a dead one's to be free that was only cut off: who
 * comes second to the store has lost the name, and its client is told. A name that another relay shows
 * is only its owner's then, as nobody can say whether a secret is the right one.
 */

#include <config.h>

#include "relay/cluster-names.h"

#include <string.h>

#include "relay/wheel.h"

#define PATIENCE (2 * G_USEC_PER_SEC)    /* of a newcomer */
#define ANSWER_TIME (2 * G_USEC_PER_SEC) /* of the store */
#define AILING_TIME (5 * G_USEC_PER_SEC) /* a store that does not answer is not waited for */
#define RETRY (100 * 1000)               /* µs */
#define SETTLE (20 * 1000)               /* µs: who has left may come again at once */
#define RENEWAL (CLUSTER_NAMES_AGE / 3)
#define GRAIN (10 * 1000) /* µs */
#define MAX_ASKING 512    /* besides newcomers */

typedef enum {
    ASKING_NOTHING,
    ASKING_PUT,
    ASKING_DELETE,
    ASKING_GET,
} Asking;

typedef struct {
    char *room, *name;
    char key[CLUSTER_KEY_LENGTH + 1];
    bool used;        /* a client of ours has it */
    gpointer waiter;  /* who wants it, NULL if nobody */
    gpointer decided; /* who may ask again */
    bool granted;     /* to the latter */
    bool owns;        /* the newcomer, by its token */
    bool shown;       /* SECRET is the newcomer's own */
    bool alive;       /* what we have read last was of a relay that lives */
    char secret[RANDOM_ID_LENGTH + 1], digest[RANDOM_ID_LENGTH + 1];
    gint64 deadline; /* of the newcomer */
    Asking asking;
    guint32 token;
    gint64 asked;
    guint64 revision; /* of our claim; 0: the store does not know of it */
    guint64 expected; /* what the key's sequence is to be, if REVISION is 0 */
    bool verify;      /* the store is to be asked again */
    bool uncertain;   /* a put was sent, and there was no answer */
    gint64 retry;     /* nothing is asked before */
    gint64 renewal;
    GList renewals, todo; /* in the lists; data NULL: not in it */
    WheelEntry wheel;
} Claim;

struct ClusterNames {
    char self[RANDOM_ID_LENGTH + 1];
    const ClusterNamesOps *ops;
    gpointer data;
    GHashTable *entries; /* key → Claim, owned */
    GHashTable *tokens;  /* of what is asked → Claim */
    GQueue renewals;     /* the next one first */
    GQueue todo;         /* what may not be asked yet */
    Wheel wheel;
    guint32 last_token;
    bool online;
    gint64 ailing_until;
    ClusterNamesCounters counters;
};

static void step(ClusterNames *names, Claim *entry, gint64 now);

/* ---- entries ----------------------------------------------------------------- */

static void entry_free(gpointer data)
{
    Claim *entry = data;

    g_free(entry->room);
    g_free(entry->name);
    g_free(entry);
}

static Claim *find(ClusterNames *names, const char *room, const char *name)
{
    char key[CLUSTER_KEY_LENGTH + 1];

    cluster_store_key(room, name, key);
    return g_hash_table_lookup(names->entries, key);
}

static Claim *find_or_make(ClusterNames *names, const char *room, const char *name)
{
    Claim *entry = find(names, room, name);

    if (entry)
        return entry;
    entry = g_new0(Claim, 1);
    entry->room = g_strdup(room);
    entry->name = g_strdup(name);
    entry->wheel.link.data = entry;
    cluster_store_key(room, name, entry->key);
    g_hash_table_insert(names->entries, entry->key, entry);
    return entry;
}

static void dequeue(GQueue *queue, GList *link)
{
    if (!link->data)
        return;
    g_queue_unlink(queue, link);
    link->data = NULL;
}

static void enqueue(GQueue *queue, GList *link, Claim *entry)
{
    dequeue(queue, link);
    link->data = entry;
    g_queue_push_tail_link(queue, link);
}

static void ask_nothing(ClusterNames *names, Claim *entry)
{
    if (entry->asking != ASKING_NOTHING)
        g_hash_table_remove(names->tokens, GUINT_TO_POINTER(entry->token));
    entry->asking = ASKING_NOTHING;
}

/* There will be no answer. */
static void give_up_asking(ClusterNames *names, Claim *entry)
{
    entry->uncertain |= entry->asking == ASKING_PUT || entry->asking == ASKING_DELETE;
    ask_nothing(names, entry);
}

static void drop(ClusterNames *names, Claim *entry)
{
    ask_nothing(names, entry);
    dequeue(&names->renewals, &entry->renewals);
    dequeue(&names->todo, &entry->todo);
    wheel_remove(&names->wheel, &entry->wheel);
    g_hash_table_remove(names->entries, entry->key);
}

static bool is_wanted(const Claim *entry)
{
    return entry->used || entry->waiter || (entry->decided && entry->granted);
}

static void look_again(ClusterNames *names, Claim *entry, gint64 when)
{
    entry->retry = when;
    wheel_add(&names->wheel, &entry->wheel, entry->waiter ? MIN(when, entry->deadline) : when);
}

static void set_secret(Claim *entry, const char *secret)
{
    g_strlcpy(entry->secret, secret, sizeof entry->secret);
    cluster_store_digest(secret, entry->digest);
}

static void decide(ClusterNames *names, Claim *entry, bool granted)
{
    if (!entry->waiter)
        return;
    entry->decided = g_steal_pointer(&entry->waiter);
    entry->granted = granted;
    if (granted)
        names->counters.claimed++;
    else
        names->counters.refused++;
    names->ops->decided(entry->decided, names->data);
}

static bool has_store(const ClusterNames *names, gint64 now)
{
    return names->online && now >= names->ailing_until;
}

static void decide_alone(ClusterNames *names, Claim *entry)
{
    decide(names, entry,
           entry->owns || !names->ops->is_present(entry->room, entry->name, names->data));
}

/* ---- questions --------------------------------------------------------------- */

static void ask(ClusterNames *names, Claim *entry, Asking asking, gint64 now)
{
    g_autofree char *value = NULL;
    ClusterHolder self;
    guint32 token = ++names->last_token;
    bool sent;

    g_strlcpy(self.relay, names->self, sizeof self.relay);
    g_strlcpy(self.resume, entry->digest, sizeof self.resume);
    if (asking == ASKING_PUT)
        value = cluster_store_value(&self);
    if (asking == ASKING_GET)
        sent = names->ops->get(token, entry->key, names->data);
    else
        sent = names->ops->put(token, entry->key,
                               entry->revision > 0 ? entry->revision : entry->expected, value,
                               names->data);
    if (!sent) {
        look_again(names, entry, now + RETRY);
        return;
    }
    entry->asking = asking;
    entry->token = token;
    entry->asked = now;
    g_hash_table_insert(names->tokens, GUINT_TO_POINTER(token), entry);
    look_again(names, entry, now + ANSWER_TIME);
}

static bool may_ask(ClusterNames *names, Claim *entry)
{
    if (entry->waiter || g_hash_table_size(names->tokens) < MAX_ASKING)
        return true;
    if (!entry->todo.data)
        enqueue(&names->todo, &entry->todo, entry);
    return false;
}

/* Does what is to be done next for ENTRY, which may be gone afterwards. */
static void step(ClusterNames *names, Claim *entry, gint64 now)
{
    bool wanted = is_wanted(entry), idle = entry->asking == ASKING_NOTHING;

    if (!wanted && entry->revision == 0 && !entry->uncertain && idle) {
        if (!entry->decided) /* who was refused is still to hear it */
            drop(names, entry);
        return;
    }
    if (!idle || !names->online)
        return;
    if (entry->retry > now) {
        look_again(names, entry, entry->retry);
        return;
    }
    if (wanted && entry->revision > 0 && !entry->verify) {
        decide(names, entry, true);
        return;
    }
    if (may_ask(names, entry))
        ask(names, entry,
            wanted                ? ASKING_PUT
            : entry->revision > 0 ? ASKING_DELETE
                                  : ASKING_GET,
            now);
}

/* ---- answers ----------------------------------------------------------------- */

static void hold(ClusterNames *names, Claim *entry, guint64 revision, gint64 now)
{
    entry->revision = revision;
    entry->verify = false;
    entry->renewal = now + RENEWAL;
    enqueue(&names->renewals, &entry->renewals, entry);
}

static void let_go(ClusterNames *names, Claim *entry, guint64 expected)
{
    entry->revision = 0;
    entry->expected = expected;
    dequeue(&names->renewals, &entry->renewals);
}

static void lose(ClusterNames *names, Claim *entry)
{
    let_go(names, entry, 0);
    if (entry->used) {
        names->counters.lost++;
        names->ops->lost(entry->room, entry->name, names->data);
    }
    entry->used = false;
}

/* Somebody else's relay lives. */
static void on_taken(ClusterNames *names, Claim *entry, gint64 now)
{
    entry->alive = true;
    if (!entry->waiter && !(entry->decided && entry->granted))
        lose(names, entry);
    else if (names->ops->is_present(entry->room, entry->name, names->data))
        decide(names, entry, false);
    else /* it may be about to give it back */
        look_again(names, entry, now + RETRY);
}

static void on_found(ClusterNames *names, Claim *entry, const ClusterStoreAnswer *answer,
                     gint64 now)
{
    const ClusterHolder *holder = &answer->holder;
    bool ours = strcmp(holder->relay, names->self) == 0;
    bool same = entry->waiter && entry->shown && strcmp(holder->resume, entry->digest) == 0;
    ClusterRelayState state = names->ops->relay_state(holder->relay, names->data);

    if (!is_wanted(entry)) {
        let_go(names, entry, 0);
        entry->revision = ours ? answer->sequence : 0;
    } else if (ours || same || (entry->waiter && entry->owns) || state == CLUSTER_RELAY_DEAD) {
        let_go(names, entry, answer->sequence);
    } else if (state == CLUSTER_RELAY_ALIVE) {
        on_taken(names, entry, now);
    } else {
        entry->alive = true;
        look_again(names, entry, now + RETRY);
    }
}

static void on_read(ClusterNames *names, Claim *entry, const ClusterStoreAnswer *answer, gint64 now)
{
    entry->retry = now;
    entry->alive = entry->uncertain = false;
    switch (answer->result) {
    case CLUSTER_STORE_FOUND:
        on_found(names, entry, answer, now);
        break;
    case CLUSTER_STORE_DELETED:
        let_go(names, entry, answer->sequence);
        break;
    case CLUSTER_STORE_NONE:
        let_go(names, entry, 0);
        break;
    case CLUSTER_STORE_DONE:
    case CLUSTER_STORE_CONFLICT:
    case CLUSTER_STORE_MISSING:
    case CLUSTER_STORE_FAILED:
        look_again(names, entry, now + RETRY);
        break;
    }
}

static void on_written(ClusterNames *names, Claim *entry, bool deleted,
                       const ClusterStoreAnswer *answer, gint64 now)
{
    entry->retry = now;
    if (answer->result == CLUSTER_STORE_DONE && deleted) {
        let_go(names, entry, answer->sequence);
    } else if (answer->result == CLUSTER_STORE_DONE) {
        hold(names, entry, answer->sequence, now);
    } else if (answer->result == CLUSTER_STORE_CONFLICT) {
        names->counters.conflicts++;
        ask(names, entry, ASKING_GET, now);
    } else {
        entry->uncertain = answer->result == CLUSTER_STORE_FAILED;
        look_again(names, entry, now + RETRY);
    }
}

void cluster_names_answer(ClusterNames *names, guint32 token, const ClusterStoreAnswer *answer,
                          gint64 now)
{
    Claim *entry = g_hash_table_lookup(names->tokens, GUINT_TO_POINTER(token));
    Asking asking;

    if (!entry)
        return;
    asking = entry->asking;
    ask_nothing(names, entry);
    if (answer->result != CLUSTER_STORE_FAILED && answer->result != CLUSTER_STORE_MISSING)
        names->ailing_until = 0;
    if (asking == ASKING_GET)
        on_read(names, entry, answer, now);
    else
        on_written(names, entry, asking == ASKING_DELETE, answer, now);
    step(names, entry, now);
}

/* ---- what is wanted ---------------------------------------------------------- */

const char *cluster_names_secret(ClusterNames *names, const char *room, const char *name)
{
    const Claim *entry = find(names, room, name);

    return entry && !entry->used && *entry->secret ? entry->secret : NULL;
}

static ClusterClaim begin_claim(ClusterNames *names, Claim *entry, bool owns, const char *resume,
                                gpointer waiter, gint64 now)
{
    char secret[RANDOM_ID_LENGTH + 1];

    entry->owns = owns;
    entry->shown = resume && is_random_id(resume);
    random_id(secret);
    set_secret(entry, entry->shown ? resume : secret);
    entry->verify |= entry->revision > 0; /* it has another digest */
    if (!has_store(names, now)) {
        entry->decided = waiter;
        entry->granted = true;
        names->counters.claimed++;
        entry->retry = now;
        return CLUSTER_CLAIM_HAD;
    }
    entry->waiter = waiter;
    entry->alive = false;
    entry->deadline = now + PATIENCE;
    look_again(names, entry, now);
    step(names, entry, now);
    return CLUSTER_CLAIM_WAITS;
}

ClusterClaim cluster_names_claim(ClusterNames *names, const char *room, const char *name, bool owns,
                                 const char *resume, gpointer waiter, gint64 now)
{
    Claim *entry = find(names, room, name);

    if (entry && entry->decided == waiter) {
        if (entry->granted)
            return CLUSTER_CLAIM_HAD;
        entry->decided = NULL;
        step(names, entry, now);
        return CLUSTER_CLAIM_TAKEN;
    }
    if (entry && entry->used)
        return CLUSTER_CLAIM_HAD;
    if (entry && (entry->waiter || entry->decided))
        return CLUSTER_CLAIM_TAKEN;
    if (!owns && (!resume || !has_store(names, now)) &&
        names->ops->is_present(room, name, names->data)) {
        names->counters.refused++;
        return CLUSTER_CLAIM_TAKEN;
    }
    return begin_claim(names, find_or_make(names, room, name), owns, resume, waiter, now);
}

void cluster_names_cancel(ClusterNames *names, gpointer waiter)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, names->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Claim *entry = value;

        if (entry->waiter != waiter && entry->decided != waiter)
            continue;
        if (entry->waiter == waiter)
            entry->waiter = NULL;
        else
            entry->decided = NULL;
        look_again(names, entry, entry->retry);
    }
}

void cluster_names_use(ClusterNames *names, const char *room, const char *name, const char *resume,
                       gint64 now)
{
    Claim *entry = find_or_make(names, room, name);

    if (strcmp(entry->secret, resume) != 0) {
        set_secret(entry, resume);
        entry->verify = true;
    }
    entry->used = true;
    entry->decided = NULL;
    look_again(names, entry, now);
    step(names, entry, now);
}

void cluster_names_unuse(ClusterNames *names, const char *room, const char *name, gint64 now)
{
    Claim *entry = find(names, room, name);

    if (!entry)
        return;
    entry->used = false;
    look_again(names, entry, now + SETTLE);
}

void cluster_names_settle(ClusterNames *names, const char *room, const char *name, gint64 now)
{
    Claim *entry = find(names, room, name);

    if (!entry || entry->used || entry->waiter)
        return;
    entry->decided = NULL;
    look_again(names, entry, now + SETTLE);
}

void cluster_names_contest(ClusterNames *names, const char *room, const char *name, gint64 now)
{
    Claim *entry = find(names, room, name);

    if (!entry || !entry->used || entry->verify)
        return;
    entry->verify = true;
    step(names, entry, now);
}

guint64 cluster_names_revision(ClusterNames *names, const char *room, const char *name)
{
    const Claim *entry = find(names, room, name);

    return entry ? entry->revision : 0;
}

/* ---- time -------------------------------------------------------------------- */

/* The newcomer has waited for long enough. */
static void end_waiting(ClusterNames *names, Claim *entry, gint64 now)
{
    if (!entry->alive)
        names->ailing_until = now + AILING_TIME;
    if (entry->alive)
        decide(names, entry, false);
    else
        decide_alone(names, entry);
}

static void on_due(ClusterNames *names, Claim *entry, gint64 now)
{
    if (entry->waiter && now >= entry->deadline)
        end_waiting(names, entry, now);
    if (entry->asking != ASKING_NOTHING) {
        if (now < entry->asked + ANSWER_TIME) {
            look_again(names, entry, entry->asked + ANSWER_TIME);
            return;
        }
        give_up_asking(names, entry);
        entry->retry = now;
    }
    step(names, entry, now);
}

gint64 cluster_names_check(ClusterNames *names, gint64 now)
{
    Claim *entry;
    gint64 next;

    while ((entry = wheel_take(&names->wheel, now)))
        on_due(names, entry, now);
    while (names->renewals.head && (entry = names->renewals.head->data)->renewal <= now) {
        dequeue(&names->renewals, &entry->renewals);
        entry->verify = true;
        step(names, entry, now);
    }
    while (names->todo.head && g_hash_table_size(names->tokens) < MAX_ASKING) {
        entry = names->todo.head->data;
        dequeue(&names->todo, &entry->todo);
        step(names, entry, now);
    }
    next = wheel_next(&names->wheel);
    if (names->renewals.head)
        next = MIN(next, ((Claim *) names->renewals.head->data)->renewal);
    return next;
}

static void go_online(ClusterNames *names, Claim *entry, gint64 now)
{
    entry->verify = true;
    look_again(names, entry, now);
}

static void go_offline(ClusterNames *names, Claim *entry, gint64 now)
{
    give_up_asking(names, entry);
    decide_alone(names, entry);
    if (!is_wanted(entry))
        look_again(names, entry, now);
}

void cluster_names_set_online(ClusterNames *names, bool online, gint64 now)
{
    GHashTableIter iter;
    gpointer entry;

    if (names->online == online)
        return;
    names->online = online;
    names->ailing_until = 0;
    g_hash_table_iter_init(&iter, names->entries);
    while (g_hash_table_iter_next(&iter, NULL, &entry)) {
        if (online)
            go_online(names, entry, now);
        else
            go_offline(names, entry, now);
    }
}

/* ---- life -------------------------------------------------------------------- */

void cluster_names_counters(const ClusterNames *names, ClusterNamesCounters *out)
{
    GHashTableIter iter;
    gpointer value;

    *out = names->counters;
    g_hash_table_iter_init(&iter, names->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Claim *entry = value;

        out->held += entry->used;
        out->unconfirmed += entry->used && entry->revision == 0;
    }
}

ClusterNames *cluster_names_new(const char *self, const ClusterNamesOps *ops, gpointer data,
                                gint64 now)
{
    ClusterNames *names = g_new0(ClusterNames, 1);

    g_strlcpy(names->self, self, sizeof names->self);
    names->ops = ops;
    names->data = data;
    names->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    names->tokens = g_hash_table_new(NULL, NULL);
    wheel_init(&names->wheel, GRAIN, now);
    return names;
}

void cluster_names_free(ClusterNames *names)
{
    GHashTableIter iter;
    gpointer entry;

    if (!names)
        return;
    g_hash_table_iter_init(&iter, names->entries);
    while (g_hash_table_iter_next(&iter, NULL, &entry))
        wheel_remove(&names->wheel, &((Claim *) entry)->wheel);
    g_hash_table_unref(names->tokens);
    g_hash_table_unref(names->entries);
    g_free(names);
}
