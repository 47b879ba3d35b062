/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* One queue in order of arrival: the total is small enough to walk. */

#include <config.h>

#include "peer/signaling/early-candidates.h"

#define EARLY_LIFETIME (30 * G_USEC_PER_SEC)
enum { MAX_REMOTES = 16 }; /* that may use up their quota at a time */

typedef struct {
    Frame *frame;
    gint64 time;
} Kept;

struct EarlyCandidates {
    GQueue queue;
    guint max_per_remote;
};

static void kept_free(gpointer data)
{
    Kept *kept = data;

    frame_free(kept->frame);
    g_free(kept);
}

EarlyCandidates *early_candidates_new(guint max_per_remote)
{
    EarlyCandidates *early = g_new0(EarlyCandidates, 1);

    g_queue_init(&early->queue);
    early->max_per_remote = max_per_remote;
    return early;
}

void early_candidates_free(EarlyCandidates *early)
{
    if (!early)
        return;
    g_queue_clear_full(&early->queue, kept_free);
    g_free(early);
}

void early_candidates_set_limit(EarlyCandidates *early, guint max_per_remote)
{
    early->max_per_remote = max_per_remote;
}

static void early_candidates_expire(EarlyCandidates *early, gint64 now)
{
    Kept *oldest;

    while ((oldest = g_queue_peek_head(&early->queue)) && now - oldest->time > EARLY_LIFETIME)
        kept_free(g_queue_pop_head(&early->queue));
}

/* The oldest of the remote that has most: one that comes under many ids, each with a few, takes what it
 * has itself first. */
static GList *find_oldest_of_most(const EarlyCandidates *early)
{
    g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
    GList *found = NULL;
    guint most = 0;

    for (GList *l = early->queue.tail; l; l = l->prev) { /* the oldest come last */
        const char *from = ((Kept *) l->data)->frame->from;
        gpointer key = (gpointer) (from ? from : "");
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, key)) + 1;

        g_hash_table_insert(counts, key, GUINT_TO_POINTER(count));
        if (count < most)
            continue;
        most = count;
        found = l;
    }
    return found;
}

/* Makes room for one more of FROM. */
static void early_candidates_make_room(EarlyCandidates *early, const char *from)
{
    GList *oldest = NULL;
    guint n = 0;

    for (GList *l = early->queue.tail; l; l = l->prev) {
        Kept *kept = l->data;

        if (g_strcmp0(kept->frame->from, from) != 0)
            continue;
        oldest = l;
        n++;
    }
    if (n < early->max_per_remote) {
        if (early->queue.length < early->max_per_remote * MAX_REMOTES)
            return;
        oldest = find_oldest_of_most(early);
    }
    if (!oldest)
        return;
    kept_free(oldest->data);
    g_queue_delete_link(&early->queue, oldest);
}

void early_candidates_keep(EarlyCandidates *early, const Frame *frame, gint64 now)
{
    Kept *kept;

    early_candidates_expire(early, now);
    if (early->max_per_remote == 0)
        return;
    early_candidates_make_room(early, frame->from);
    kept = g_new0(Kept, 1);
    kept->frame = frame_copy(frame);
    kept->time = now;
    g_queue_push_tail(&early->queue, kept);
}

GPtrArray *early_candidates_take(EarlyCandidates *early, const char *from, const char *session,
                                 gint64 now)
{
    GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify) frame_free);

    early_candidates_expire(early, now);
    for (GList *l = early->queue.head, *next; l; l = next) {
        Kept *kept = l->data;

        next = l->next;
        if (g_strcmp0(kept->frame->from, from) != 0 ||
            g_strcmp0(kept->frame->session, session) != 0)
            continue;
        g_ptr_array_add(frames, g_steal_pointer(&kept->frame));
        kept_free(kept);
        g_queue_delete_link(&early->queue, l);
    }
    return frames;
}

guint early_candidates_count(const EarlyCandidates *early)
{
    return early->queue.length;
}
