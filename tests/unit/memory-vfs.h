/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Files of SQLite in memory, that keep what a killed process or a power cut leaves. For
 * StoreSettings.vfs: the store has its file to itself, so nothing of locks is needed.
 */

#pragma once

#include <glib.h>

#define MEMORY_VFS "memory-files"

/* Once; and again to delete all files. */
void memory_vfs_reset(void);

/* The power is cut: of what was written to the files that are called PREFIX… since their last
 * sync, each write is kept or not as the bits of SEED say. All must be closed (store_kill()). */
void memory_vfs_cut_power(const char *prefix, guint32 seed);

/* No file can be made longer than it is while all of them together have SIZE bytes; 0: no limit. */
void memory_vfs_set_room(gsize size);

/* Changes BYTES of a file at OFFSET; false if there is no such file or place. */
gboolean memory_vfs_damage(const char *path, gsize offset, const char *bytes, gsize length);

/* Of all files */
gsize memory_vfs_size(void);
guint memory_vfs_syncs(void);
