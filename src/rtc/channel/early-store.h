/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Messages that came on a stream before its channel: unordered ones may
 * overtake the DATA_CHANNEL_OPEN. They are few and wait for a moment. When
 * there is no room, the stream that has most of it loses its oldest, so that
 * one which is never opened takes nothing from the others.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct EarlyStore EarlyStore;

typedef void (*EarlyFunc)(guint32 ppid, const guint8 *bytes, gsize length, gpointer data);

/* At most LIMIT bytes, what a message costs besides its own included */
EarlyStore *early_store_new(gsize limit);
void early_store_free(EarlyStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EarlyStore, early_store_free)

/* False if it is larger than the store. */
bool early_store_add(EarlyStore *store, guint16 stream, guint32 ppid, const guint8 *bytes,
                     gsize length);

/* Hands what waits for STREAM to FUNC, in order. FUNC may call back in. */
void early_store_take(EarlyStore *store, guint16 stream, EarlyFunc func, gpointer data);

/* Nobody will want what waits for STREAM. */
void early_store_drop(EarlyStore *store, guint16 stream);

gsize early_store_bytes(const EarlyStore *store);
