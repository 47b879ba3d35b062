/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/ice/name-lookups.h"

#include <gio/gio.h>

#include "common/candidate.h"
#include "common/log.h"

/* Those of strangers, or of others */
typedef struct {
    GQueue waiting; /* of Lookup, in the order of their turns */
    guint running;
    guint64 turn; /* of the last that has begun */
} Kind;

/* One that runs cannot be stopped: it keeps its thread. */
typedef struct {
    NameLookups *lookups; /* NULL: nobody wants it any more */
    Kind *kind;
    char **words; /* of the candidate */
    guint64 turn;
    bool runs;
} Lookup;

struct NameLookups {
    CheckBudget *budget;
    NameFound found;
    gpointer data;
    GPtrArray *pending; /* of Lookup */
    guint count;
};

static Kind kinds[2]; /* others, strangers */

static void lookup_free(Lookup *lookup)
{
    g_strfreev(lookup->words);
    g_free(lookup);
}

static void run(Kind *kind);

static void tell(Lookup *lookup, GList *addresses)
{
    NameLookups *lookups = lookup->lookups;
    g_autofree char *line = NULL;

    g_ptr_array_remove_fast(lookups->pending, lookup);
    if (!addresses)
        return;
    g_free(lookup->words[CANDIDATE_ADDRESS]);
    lookup->words[CANDIDATE_ADDRESS] = g_inet_address_to_string(addresses->data);
    line = g_strjoinv(" ", lookup->words);
    lookups->found(line, lookups->data);
}

static void on_resolved(GObject *resolver, GAsyncResult *result, gpointer data)
{
    Lookup *lookup = data;
    g_autoptr(GError) error = NULL;
    GList *addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, &error);

    lookup->kind->running--;
    run(lookup->kind);
    if (error)
        log_debug("ICE: %s", error->message);
    if (lookup->lookups)
        tell(lookup, addresses);
    g_resolver_free_addresses(addresses);
    lookup_free(lookup);
}

static void run(Kind *kind)
{
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    Lookup *lookup;

    while (kind->running < NAME_LOOKUPS_AT_ONCE && (lookup = g_queue_pop_head(&kind->waiting))) {
        kind->running++;
        kind->turn = lookup->turn;
        lookup->runs = true;
        g_resolver_lookup_by_name_async(resolver, lookup->words[CANDIDATE_ADDRESS], NULL,
                                        on_resolved, lookup);
    }
}

static gint compare_turns(gconstpointer a, gconstpointer b, gpointer data)
{
    guint64 one = ((const Lookup *) a)->turn, other = ((const Lookup *) b)->turn;

    return (one > other) - (one < other);
}

NameLookups *name_lookups_new(CheckBudget *budget, NameFound found, gpointer data)
{
    NameLookups *lookups = g_new0(NameLookups, 1);

    lookups->budget = check_budget_ref(budget);
    lookups->found = found;
    lookups->data = data;
    lookups->pending = g_ptr_array_new();
    return lookups;
}

void name_lookups_free(NameLookups *lookups)
{
    if (!lookups)
        return;
    for (guint i = 0; i < lookups->pending->len; i++) {
        Lookup *lookup = lookups->pending->pdata[i];

        lookup->lookups = NULL;
        if (lookup->runs)
            continue;
        g_queue_remove(&lookup->kind->waiting, lookup);
        lookup_free(lookup);
    }
    g_ptr_array_unref(lookups->pending);
    check_budget_unref(lookups->budget);
    g_free(lookups);
}

bool name_lookups_add(NameLookups *lookups, const char *candidate)
{
    Kind *kind = &kinds[check_budget_is_stranger(lookups->budget)];
    Lookup *lookup;

    if (lookups->count == NAME_LOOKUPS_MAX)
        return false;
    lookups->count++;
    lookup = g_new0(Lookup, 1);
    lookup->lookups = lookups;
    lookup->kind = kind;
    lookup->words = candidate_split(candidate);
    lookup->turn = check_budget_take_turn(lookups->budget, kind->turn);
    g_ptr_array_add(lookups->pending, lookup);
    g_queue_insert_sorted(&kind->waiting, lookup, compare_turns, NULL);
    run(kind);
    return true;
}
