/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Sending all clients away, one after the other, so that they do not all come back at
 * the same moment, here or at another relay. Their calls do not need us.
 */

#pragma once

#include <glib.h>

typedef struct Drain Drain;

/* Closes the clients of CLIENTS, of Client and kept by the caller, within TIME µs; in less if they are
 * few. */
Drain *drain_new(GQueue *clients, gint64 time);
void drain_free(Drain *drain);

/* Within how many ms of its beginning all are closed */
guint drain_milliseconds(const Drain *drain);
