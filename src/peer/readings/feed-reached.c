/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/readings/feed-reached.h"

enum { MAX_LISTENERS = 1024 };

struct FeedReached {
    GHashTable *places; /* fingerprint → Place */
    GQueue order;       /* of Place, the one that was here last at the end */
};

typedef struct {
    char *fingerprint;
    guint64 sequence;
    GList link; /* in `order` */
} Place;

static void place_free(gpointer data)
{
    Place *place = data;

    g_free(place->fingerprint);
    g_free(place);
}

FeedReached *feed_reached_new(void)
{
    FeedReached *reached = g_new0(FeedReached, 1);

    reached->places = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, place_free);
    return reached;
}

void feed_reached_free(FeedReached *reached)
{
    g_hash_table_unref(reached->places);
    g_free(reached);
}

static Place *add(FeedReached *reached, const char *fingerprint)
{
    Place *place = g_new0(Place, 1);

    if (reached->order.length >= MAX_LISTENERS)
        g_hash_table_remove(reached->places,
                            ((Place *) g_queue_pop_head_link(&reached->order)->data)->fingerprint);
    place->fingerprint = g_strdup(fingerprint);
    place->link.data = place;
    g_hash_table_insert(reached->places, place->fingerprint, place);
    return place;
}

void feed_reached_note(FeedReached *reached, const char *fingerprint, guint64 sequence)
{
    Place *place = g_hash_table_lookup(reached->places, fingerprint);

    if (place)
        g_queue_unlink(&reached->order, &place->link);
    else
        place = add(reached, fingerprint);
    place->sequence = sequence;
    g_queue_push_tail_link(&reached->order, &place->link);
}

guint64 feed_reached_find(const FeedReached *reached, const char *fingerprint)
{
    const Place *place = g_hash_table_lookup(reached->places, fingerprint);

    return place ? place->sequence : 0;
}

void feed_reached_clear(FeedReached *reached)
{
    g_queue_init(&reached->order);
    g_hash_table_remove_all(reached->places);
}
