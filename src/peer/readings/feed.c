/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A ring that grows up to its capacity, so that a large history costs nothing
 * until it is used. Peers' names repeat endlessly: they are shared strings.
 */

#include <config.h>

#include "peer/readings/feed.h"

#include <math.h>
#include <string.h>

typedef struct {
    guint64 time;
    char *peer; /* a GRefString, interned */
    double value;
} Entry;

struct Feed {
    Entry *entries; /* number N is at (N - 1) % size while size == capacity */
    gsize size;     /* allocated */
    gsize capacity; /* never more than this is allocated */
    gsize used;
    guint64 last; /* the newest sequence */
};

enum { FIRST_SIZE = 64 };

Feed *feed_new(gsize capacity)
{
    Feed *feed = g_new0(Feed, 1);

    feed->capacity = MAX(capacity, 1);
    return feed;
}

static Entry *feed_entry(const Feed *feed, guint64 sequence)
{
    return &feed->entries[(sequence - 1) % feed->size];
}

void feed_free(Feed *feed)
{
    if (!feed)
        return;
    for (guint64 n = feed->last - feed->used + 1; n <= feed->last; n++)
        g_ref_string_release(feed_entry(feed, n)->peer);
    g_free(feed->entries);
    g_free(feed);
}

/* Moves what fits into a ring of SIZE entries; the oldest do not. */
static void feed_resize(Feed *feed, gsize size)
{
    Entry *entries = g_new0(Entry, size);
    gsize kept = MIN(feed->used, size);

    for (guint64 n = feed->last - feed->used + 1; n <= feed->last; n++) {
        Entry *entry = feed_entry(feed, n);

        if (n + kept > feed->last)
            entries[(n - 1) % size] = *entry;
        else
            g_ref_string_release(entry->peer);
    }
    g_free(feed->entries);
    feed->entries = entries;
    feed->size = size;
    feed->used = kept;
}

void feed_set_capacity(Feed *feed, gsize capacity)
{
    feed->capacity = MAX(capacity, 1);
    if (feed->size > feed->capacity)
        feed_resize(feed, feed->capacity);
}

guint64 feed_add(Feed *feed, guint64 time, const char *peer, double value)
{
    Entry *entry;

    if (feed->used == feed->size && feed->size < feed->capacity)
        feed_resize(feed, MIN(feed->capacity, MAX(feed->size * 2, FIRST_SIZE)));
    feed->last++;
    entry = feed_entry(feed, feed->last);
    if (feed->used == feed->size)
        g_ref_string_release(entry->peer);
    else
        feed->used++;
    *entry = (Entry){time, g_ref_string_new_intern(peer ? peer : ""), value};
    return feed->last;
}

guint64 feed_count(const Feed *feed)
{
    return feed->last;
}

static FeedNumber feed_get(const Feed *feed, guint64 sequence)
{
    const Entry *entry = feed_entry(feed, sequence);

    return (FeedNumber){sequence, entry->time, entry->peer, entry->value};
}

bool feed_last(const Feed *feed, FeedNumber *out)
{
    if (feed->used == 0)
        return false;
    *out = feed_get(feed, feed->last);
    return true;
}

guint64 feed_read(const Feed *feed, guint64 after, guint max, FeedVisitor visit, gpointer data)
{
    guint64 gone = feed->last - feed->used; /* the newest that is no longer kept */
    guint64 lost = after < gone ? gone - after : 0;
    guint64 n = MAX(after, gone);
    guint count = 0;

    while (n < feed->last && (max == 0 || count++ < max)) {
        FeedNumber number = feed_get(feed, ++n);

        visit(&number, data);
    }
    return lost;
}

/* ---- numbers as text ------------------------------------------------------ */

static const char *skip_digits(const char *p, bool *any)
{
    for (; g_ascii_isdigit(*p); p++)
        *any = true;
    return p;
}

/* [+-] digits [. digits] [e [+-] digits]: no hexadecimal, no "inf", no spaces */
static bool is_decimal(const char *p)
{
    bool mantissa = false, exponent = false;

    if (*p == '+' || *p == '-')
        p++;
    p = skip_digits(p, &mantissa);
    if (*p == '.')
        p = skip_digits(p + 1, &mantissa);
    if (!mantissa)
        return false;
    if (*p != 'e' && *p != 'E')
        return *p == '\0';
    p++;
    if (*p == '+' || *p == '-')
        p++;
    return *skip_digits(p, &exponent) == '\0' && exponent;
}

bool feed_parse_number(const char *text, gsize length, double *value)
{
    char copy[512];
    double number;

    if (length >= sizeof(copy) || memchr(text, '\0', length))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (!is_decimal(copy))
        return false;
    number = g_ascii_strtod(copy, NULL);
    if (!isfinite(number))
        return false;
    *value = number;
    return true;
}

char *feed_format_number(double value)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];

    if (value == floor(value) && fabs(value) < 1e15)
        return g_strdup_printf("%" G_GINT64_FORMAT, (gint64) value);
    for (int digits = 1; digits < 17; digits++) {
        char format[8];

        g_snprintf(format, sizeof(format), "%%.%dg", digits);
        g_ascii_formatd(buffer, sizeof(buffer), format, value);
        if (g_ascii_strtod(buffer, NULL) == value)
            return g_strdup(buffer);
    }
    return g_strdup(g_ascii_formatd(buffer, sizeof(buffer), "%.17g", value));
}
