/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * usrsctp as a whole: one initialization for the process, its timers, and the
 * ids by which its callbacks find an association.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

struct socket;

/* A first packet is sent again after this long. */
#define SCTP_STACK_INITIAL_RTO_MS 500
#define SCTP_STACK_RTO_MIN_MS 200

typedef struct {
    void (*output)(const guint8 *packet, gsize length, gpointer data);
    /* Something may have become readable or writable. */
    void (*pump)(gpointer data);
    /* Whether a timer of usrsctp's may have something to do for it. */
    bool (*waits)(gpointer data);
} SctpStackUser;

/* Registers an association, whose packets come from PORT; its id is never used again. */
guint32 sctp_stack_add(guint16 port, const SctpStackUser *user, gpointer data);
/*
 * The port that usrsctp is to know instead, each association another: it looks for one by its port
 * first, among all that have the same.
 */
guint16 sctp_stack_port(guint32 id);
/* Gives usrsctp a packet, whose port becomes the one that usrsctp knows. */
void sctp_stack_input(guint32 id, guint8 *packet, gsize length);
/* To be called before a packet or a message is given to usrsctp. */
void sctp_stack_use(guint32 id);
void sctp_stack_watch(guint32 id, struct socket *socket);
void sctp_stack_remove(guint32 id);
/* Whether the remote may ask for what RFC 6525 is: that its own streams end, or become more. What
 * is not allowed usrsctp denies. */
bool sctp_stack_allow_requests(struct socket *socket, bool allowed);

/* How many packets may follow on one SACK of a remote that merges its SACKs on near paths, as we do
 * (sack-batch.h). */
void sctp_stack_set_near(struct socket *socket, bool near);

/* Makes the congestion window of a connected SOCKET at least WINDOW bytes, in packets of PACKET. */
void sctp_stack_set_window(struct socket *socket, gsize window, gsize packet);
