/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "ctl/progress.h"

#include <glib/gi18n.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/clock.h"
#include "ctl/text.h"

enum { INTERVAL = 500, COLUMNS = 80 };
/* How much of the rate that is shown is of the last interval */
#define NEWS 0.25

struct Progress {
    ProgressWhere where;
    gpointer data;
    guint timer;
    bool paused;
    gint64 asked;     /* when it was last */
    guint64 position; /* as it was then */
    double rate;      /* bytes in a second; 0: not known */
};

static void measure(Progress *progress, guint64 position)
{
    gint64 now = clock_monotonic();
    double seconds = (double) (now - progress->asked) / G_USEC_PER_SEC;
    double news = seconds > 0 && position > progress->position && progress->asked > 0
                      ? (double) (position - progress->position) / seconds
                      : 0;

    progress->rate = progress->rate > 0 ? (1 - NEWS) * progress->rate + NEWS * news : news;
    progress->asked = now;
    progress->position = position;
}

static char *time_left(const Progress *progress, const ProgressPlace *place)
{
    double seconds = progress->rate > 1 && place->total > place->position
                         ? (double) (place->total - place->position) / progress->rate
                         : 0;
    guint64 whole = (guint64) MIN(seconds, 359999);

    if (whole >= 3600)
        return g_strdup_printf(_("%u:%02u:%02u left"), (guint) (whole / 3600),
                               (guint) (whole / 60 % 60), (guint) (whole % 60));
    return g_strdup_printf(_("%u:%02u left"), (guint) (whole / 60), (guint) (whole % 60));
}

static size_t terminal_columns(void)
{
    struct winsize size = {};

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS;
}

/* The end of PATH, in no more than COLUMNS */
static char *short_path(const char *path, size_t columns)
{
    g_autofree char *safe = text_safe(path);
    const char *at = safe;

    if (text_columns(safe) <= columns)
        return g_steal_pointer(&safe);
    while (*at && text_columns(at) + 3 > columns)
        at = g_utf8_next_char(at);
    return g_strconcat("...", at, NULL);
}

static void show(const Progress *progress, const ProgressPlace *place)
{
    g_autofree char *have = g_format_size(place->position);
    g_autofree char *total = g_format_size(place->total);
    g_autofree char *rate = g_format_size((guint64) progress->rate);
    g_autofree char *left = time_left(progress, place);
    guint percent =
        place->total ? (guint) ((double) place->position * 100 / (double) place->total) : 100;
    g_autofree char *figures =
        g_strdup_printf("%3u%%  %s / %s  %s/s  %s", MIN(percent, 100), have, total, rate, left);
    size_t used = text_columns(figures) + 3;
    g_autofree char *path =
        place->path ? short_path(place->path, MAX(terminal_columns(), used + 8) - used) : NULL;

    g_printerr("\r\033[K%s%s%s", figures, path ? "  " : "", path ? path : "");
}

static gboolean on_timer(gpointer data)
{
    Progress *progress = data;
    ProgressPlace place;

    if (progress->paused)
        return G_SOURCE_CONTINUE;
    place = progress->where(progress->data);
    measure(progress, place.position);
    show(progress, &place);
    g_free(place.path);
    return G_SOURCE_CONTINUE;
}

void progress_clear(const Progress *progress)
{
    if (progress->timer && progress->asked > 0)
        g_printerr("\r\033[K");
}

void progress_pause(Progress *progress, bool paused)
{
    progress_clear(progress);
    progress->paused = paused;
    progress->asked = 0;
    progress->rate = 0;
}

Progress *progress_new(bool wanted, ProgressWhere where, gpointer data)
{
    Progress *progress = g_new0(Progress, 1);

    progress->where = where;
    progress->data = data;
    progress->paused = true;
    if (wanted && isatty(STDERR_FILENO))
        progress->timer = clock_timer_add(INTERVAL, on_timer, progress);
    return progress;
}

void progress_free(Progress *progress)
{
    progress_clear(progress);
    g_clear_handle_id(&progress->timer, g_source_remove);
    g_free(progress);
}

char *progress_sum(guint64 bytes, gint64 elapsed)
{
    g_autofree char *size = g_format_size(bytes);
    g_autofree char *time = text_duration((guint64) MAX(elapsed, 1));
    g_autofree char *rate =
        g_format_size((guint64) ((double) bytes * G_USEC_PER_SEC / (double) MAX(elapsed, 1)));

    return g_strdup_printf(_("%s in %s, %s/s"), size, time, rate);
}
