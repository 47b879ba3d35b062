/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Two things wait for the disk: that the journal is on it, each second in which there was a commit,
 * and that its pages are put into the file, when there are many (a checkpoint). The end of a
 * checkpoint keeps others from writing: they find the file busy, and try again some milliseconds
 * later.
 *
 * The thread shares two numbers with the rest, and has a connection of its own.
 */

#include <config.h>

#include "peer/readings/store-sync.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <unistd.h>

#include "common/clock.h"

enum {
    SYNC_INTERVAL = 1, /* seconds */
    MANY_PAGES = 1000, /* of 4 KiB: SQLite's own measure */
    BUSY_TIMEOUT = 1000,
};

struct StoreSync {
    char *path, *journal;
    GThreadPool *threads; /* one */
    gint running;         /* atomic, as is `done` */
    guint commits;        /* until now */
    guint begun;          /* of them, when the thread was begun */
    guint done;           /* of them, are on the disk */
    guint timer;
    guint pages;
    bool wanted; /* there was a commit since it was last begun */
};

/* ---- in the thread ------------------------------------------------------------- */

static bool sync_journal(const StoreSync *sync)
{
    int fd = open(sync->journal, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fdatasync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return good;
}

/* Most of it while others write, and then the rest. */
static void checkpoint(const StoreSync *sync)
{
    sqlite3 *sqlite = NULL;

    if (sqlite3_open_v2(sync->path, &sqlite,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
                        NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(sqlite, BUSY_TIMEOUT);
        sqlite3_exec(sqlite, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
        sqlite3_wal_checkpoint_v2(sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        sqlite3_wal_checkpoint_v2(sqlite, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    }
    sqlite3_close(sqlite);
}

static void work(gpointer pages, gpointer data)
{
    StoreSync *sync = data;

    if (sync_journal(sync))
        g_atomic_int_set(&sync->done, sync->begun);
    if (GPOINTER_TO_UINT(pages) >= MANY_PAGES)
        checkpoint(sync);
    g_atomic_int_set(&sync->running, 0);
}

/* ---- in the main loop ----------------------------------------------------------- */

static void sync_begin(StoreSync *sync)
{
    sync->wanted = false;
    sync->begun = sync->commits;
    g_atomic_int_set(&sync->running, 1);
    g_thread_pool_push(sync->threads, GUINT_TO_POINTER(MAX(sync->pages, 1)), NULL);
}

static gboolean on_timer(gpointer data)
{
    StoreSync *sync = data;

    if (sync->wanted && !g_atomic_int_get(&sync->running))
        sync_begin(sync);
    else if (!sync->wanted)
        sync->timer = 0;
    return sync->timer ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void store_sync_note(StoreSync *sync, guint pages)
{
    sync->commits++;
    sync->pages = pages;
    sync->wanted = true;
    if (pages >= MANY_PAGES && !g_atomic_int_get(&sync->running))
        sync_begin(sync);
    if (!sync->timer)
        sync->timer = clock_timer_add_seconds(SYNC_INTERVAL, on_timer, sync);
}

guint store_sync_commits(const StoreSync *sync)
{
    return sync->commits;
}

guint store_sync_done(const StoreSync *sync)
{
    return (guint) g_atomic_int_get(&sync->done);
}

StoreSync *store_sync_new(const char *path)
{
    StoreSync *sync = g_new0(StoreSync, 1);

    sync->path = g_strdup(path);
    sync->journal = g_strconcat(path, "-wal", NULL);
    sync->threads = g_thread_pool_new(work, sync, 1, FALSE, NULL);
    return sync;
}

void store_sync_free(StoreSync *sync)
{
    if (!sync)
        return;
    g_clear_handle_id(&sync->timer, g_source_remove);
    g_thread_pool_free(sync->threads, FALSE, TRUE);
    g_free(sync->path);
    g_free(sync->journal);
    g_free(sync);
}
