/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A stream of bytes to an ICE server: TCP, or TLS over it with the server's
 * certificate verified (RFC 8446, RFC 6125) before a byte is sent. The name is
 * resolved and everything else done from the main loop, without blocking. It
 * keeps no bytes but a TLS record that the kernel did not take.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/ice/tls-trust.h"

typedef struct ServerStream ServerStream;

/* Both may call server_stream_free(). */
typedef struct {
    /* It is open, or what was waited for has come. */
    void (*ready)(gpointer data);
    /* It could not be opened, or has ended; not after server_stream_free(). In ERROR: GResolver's
     * errors for a name without address, RTC_ERROR_SECURITY for a certificate that is refused,
     * RTC_ERROR_CLOSED for an orderly end. */
    void (*failed)(const GError *error, gpointer data);
} ServerStreamOps;

/* TRUST NULL: without TLS. OPS is kept by reference. */
ServerStream *server_stream_new(const char *host, guint port, TlsTrust *trust,
                                const ServerStreamOps *ops, gpointer data);
void server_stream_free(ServerStream *stream);

bool server_stream_is_open(const ServerStream *stream);

/* The largest that is read or written at once: the payload of a TLS record. */
#define SERVER_STREAM_MAX 16384

/*
 * How many bytes were read or taken; 0: none for now; -1: it has ended, and
 * ERROR says why. BYTES has room for SERVER_STREAM_MAX.
 */
gssize server_stream_read(ServerStream *stream, guint8 *bytes, GError **error);
gssize server_stream_write(ServerStream *stream, const guint8 *bytes, gsize length, GError **error);

/* What `ready` is to tell of from now on. */
void server_stream_wait(ServerStream *stream, bool readable, bool writable);
