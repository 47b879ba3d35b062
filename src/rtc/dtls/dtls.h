/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The DTLS 1.2 layer (RFC 6347, as RFC 8827 6.5 and RFC 8842 use it) over
 * GnuTLS. Nothing of the application passes before the certificate on the wire
 * has been compared with the fingerprints of the remote description.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/dtls/certificate.h"
#include "rtc/transport.h"

typedef struct Dtls Dtls;

/* UDP payload, both ways */
typedef struct {
    guint64 bytes_sent, bytes_received, packets_sent, packets_received;
} DtlsTraffic;

typedef struct {
    Certificate *certificate;
    bool client;             /* a=setup:active: we send the ClientHello */
    bool early;              /* the remote is one of ours, and does as we do: see dtls_start() */
    GPtrArray *fingerprints; /* of char *, "sha-256 AB:CD:…", one of which must match */
    /* As in ConnectionOps; may be NULL. */
    bool (*verify)(const char *fingerprint, GError **error, gpointer data);
    gpointer data;
} DtlsConfig;

/*
 * LOWER must outlive it; the handshake begins when LOWER is connected, or early. CONFIG
 * is read at once and not kept.
 */
Dtls *dtls_new(Transport *lower, const DtlsConfig *config, GError **error);

/* Says close_notify if the session is up, and lets go of LOWER. */
void dtls_free(Dtls *dtls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Dtls, dtls_free)

Transport *dtls_transport(Dtls *dtls);

/*
 * Begins at once if LOWER is connected already. Call it when the user is set. An early handshake
 * begins now, or with the ClientHello: its first flight is given to LOWER before that is connected,
 * and again when that is and nothing has come for a while. Its flights are as few packets as can be,
 * and what LOWER knows of its round trip says when they are repeated.
 */
void dtls_start(Dtls *dtls);

/* The largest packet that goes into one datagram. */
gsize dtls_mtu(Dtls *dtls);
/* The same if only DTLS sets a limit. */
gsize dtls_record_max(Dtls *dtls);

/* What it encrypts with, as IANA names it, a literal; NULL: nothing yet, or not any more. */
const char *dtls_cipher(const Dtls *dtls);

/* "sha-256 AB:CD:…" of the remote's certificate; NULL before it is verified. */
const char *dtls_remote_fingerprint(const Dtls *dtls);
/* The certificate itself, in DER; NULL until then */
GBytes *dtls_remote_certificate(const Dtls *dtls);
/* The one that we show, of several the first one until then. Transfer full. */
GBytes *dtls_local_certificate(const Dtls *dtls);

/* From the last flight of the handshake that was answered to its answer, with
 * the remote's computing in it; 0: none yet */
guint64 dtls_round_trip_usec(const Dtls *dtls);

const DtlsTraffic *dtls_traffic(const Dtls *dtls);
