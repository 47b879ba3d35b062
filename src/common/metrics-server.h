/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A small HTTP server for machines that watch this one: /metrics and /healthz, and
 * nothing else. It is off unless it is told where to listen.
 *
 * It has no secrets, but it is not for the web either: whoever asks for a host that
 * is not ours by its name gets nothing, as a page that a browser was tricked with would
 * (DNS rebinding; common/authority.h).
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct MetricsServer MetricsServer;

#define METRICS_SERVER_BUFFER (32 << 10)

/* TLS in front of a connection; none of them calls back. */
typedef struct {
    /* On FD, which does not block and stays the caller's; NULL if there can be none. */
    gpointer (*begin)(int fd, gpointer data);
    /* Into BUFFER, of METRICS_SERVER_BUFFER bytes; both as recv() and send(), errno included. */
    gssize (*receive)(gpointer tls, char *buffer);
    gssize (*send)(gpointer tls, const char *data, gsize size);
    /* What was taken to be sent waits for a socket that was full: send() again, even nothing. */
    bool (*owes)(gpointer tls);
    /* Nothing will be sent any more. */
    void (*finish)(gpointer tls);
    void (*end)(gpointer tls);
} MetricsTlsOps;

typedef struct {
    /* All that there is to read (common/metrics.h). Transfer full. */
    GString *(*page)(gpointer data);
    /* Why no new work should come here, a sentence; NULL: all is well. */
    const char *(*trouble)(gpointer data);
    const MetricsTlsOps *tls; /* NULL: there is none */
} MetricsServerOps;

#define METRICS_SERVER_ERROR (metrics_server_error_quark())
GQuark metrics_server_error_quark(void);

/* Whether TEXT is "ADDRESS:PORT", an IPv6 address in brackets; "https://" before it stands for TLS. */
bool metrics_server_check_address(const char *text);
bool metrics_server_wants_tls(const char *text);

/* Listens on each of ADDRESSES, or on none: NULL with ERROR then. None wants TLS if OPS have none.
 * SERVER_NAMES are ours besides those that are anyway. */
MetricsServer *metrics_server_new(char **addresses, char **server_names,
                                  const MetricsServerOps *ops, gpointer data, GError **error);
void metrics_server_free(MetricsServer *server);

/* Listens on ADDRESSES from now on; what it listens on already stays open. CHANGED: others than before.
 * On failure all is as it was. */
bool metrics_server_listen(MetricsServer *server, char **addresses, bool *changed, GError **error);

/* Other names from now on */
void metrics_server_set_names(MetricsServer *server, char **server_names);

/* The URL of each socket, without a path. Owned by SERVER. */
const char *const *metrics_server_addresses(const MetricsServer *server);
