/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Who may come in: from a connection that was accepted to a client that is a
 * member of its room, or to a refusal in words. Here are the limits and the
 * shares that each address has in them; the rules for web pages are in origin.h,
 * those for names and rooms in router.h.
 */

#pragma once

#include "relay/client.h"
#include "relay/cluster.h"
#include "relay/refusals.h"
#include "relay/tls-credentials.h"
#include "relay/traffic.h"
#include "relay/web.h"

typedef struct Admission Admission;

typedef struct {
    /* CLIENT is a member of its room; its connection is WIRE, and HANDSHAKE is to be
     * answered. */
    void (*admitted)(Client *client, const Wire *wire, const Handshake *handshake, gpointer data);
    /* CLIENT was asked whether it is still there: client_due() has changed. */
    void (*probed)(Client *client, gpointer data);
    /* A handshake has begun: admission_due() may have changed. */
    void (*begun)(gpointer data);
} AdmissionOps;

/* What is decided upon; all of it must stay. */
typedef struct {
    uv_loop_t *loop;
    const RelayConfig *config;
    Quota *quota;
    Router *router;
    Traffic *traffic;
    const Web *web;
    Access *access;
    Cluster *cluster; /* may be NULL */
    Refusals *refusals;
    GQueue *clients; /* the oldest first */
    const ClientOps *client_ops;
} AdmissionWorld;

Admission *admission_new(const AdmissionWorld *world, const AdmissionOps *ops, gpointer data);

/* There may be no handshakes any more: admission_close_all(). */
void admission_free(Admission *admission);

/* FD has connected from ADDRESS, to speak TLS with CREDENTIALS unless those are NULL. */
void admission_begin(Admission *admission, int fd, const struct sockaddr *address,
                     TlsCredentials *credentials);

/* Handshakes go on for a short while. BUSY: there is other work, of which they leave the larger part
 * of the time. */
void admission_run(Admission *admission, bool busy);
bool admission_is_pending(const Admission *admission);

/* Ends the handshakes that have taken too long at NOW; when the next one will have,
 * monotonic µs, G_MAXINT64 if there is none. */
void admission_check(Admission *admission, gint64 now);
gint64 admission_due(const Admission *admission);

/* The cluster has decided about WAITER, a connection that had to wait. */
void admission_decided(gpointer waiter);

void admission_close_all(Admission *admission);

/* No client is let in any more. */
void admission_shut(Admission *admission);

/* How many requests were refused with STATUS */
typedef struct {
    int status;
    guint64 count;
} RefusalCount;

/* N of them. Owned by ADMISSION. */
const RefusalCount *admission_refusals(const Admission *admission, guint *n);
guint admission_handshakes(const Admission *admission);

/* CLIENT leaves its room, which may come to its end. */
void admission_leave(Admission *admission, Client *client);
