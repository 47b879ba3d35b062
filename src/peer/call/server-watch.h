/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whether the STUN and TURN servers serve us. Each is asked when it comes, at a
 * reload and when a call has failed; then again and again, at longer intervals
 * if it is well. What is wrong is told in the journal once, and kept for D-Bus.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/ice/server-probe.h"

typedef struct ServerWatch ServerWatch;

typedef struct {
    /* What server_watch_reports() gives is another. May not call server_watch_set(). */
    void (*changed)(gpointer data);
} ServerWatchOps;

typedef struct {
    const char *label; /* the URI without the password */
    ServerState state;
    const char *words; /* what is wrong; "" if nothing is */
} ServerReport;

/* OPS is kept by reference. */
ServerWatch *server_watch_new(const ServerWatchOps *ops, gpointer data);
void server_watch_free(ServerWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ServerWatch, server_watch_free)

/*
 * The servers from now on, as URIs (ice-server.h); those that are no such are left
 * out. AFRESH asks again those that were there already, and tells of them again.
 */
void server_watch_set(ServerWatch *watch, const char *const *uris, TlsTrust *trust, bool afresh);

/* A call has failed: asks all again, but none twice within ten seconds. */
void server_watch_check(ServerWatch *watch);

guint server_watch_count(const ServerWatch *watch);
/* N below the count. What it points to is WATCH's, until `changed`. */
ServerReport server_watch_report(const ServerWatch *watch, guint n);
