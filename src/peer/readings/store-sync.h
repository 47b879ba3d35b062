/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Brings commits to the disk, in a thread: a disk may take a second for it, and calls must not
 * stand still meanwhile. So a power cut takes what was committed in about the last second.
 */

#pragma once

#include <glib.h>

typedef struct StoreSync StoreSync;

/* For the file PATH of SQLite, in WAL mode, which other connections have open. */
StoreSync *store_sync_new(const char *path);
/* Waits for what is being done. */
void store_sync_free(StoreSync *sync);

/* There has been a commit, and now PAGES are in the journal. */
void store_sync_note(StoreSync *sync, guint pages);

/* How many commits there were, and how many of them are on the disk for sure. */
guint store_sync_commits(const StoreSync *sync);
guint store_sync_done(const StoreSync *sync);
