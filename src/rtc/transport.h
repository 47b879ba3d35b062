/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What ICE, DTLS and SCTP have in common: each sends packets down, is given
 * packets from below, and tells the layer above of packets and of its state.
 *
 * A layer embeds a Transport as its first member. Packets that come before the
 * layer above is there to take them wait in a bounded queue, which removes the
 * races between the layers: a ClientHello often comes before our own ICE is
 * nominated, an SCTP INIT before our DTLS has finished.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Transport Transport;

typedef enum {
    TRANSPORT_NEW,
    TRANSPORT_CONNECTING,
    TRANSPORT_CONNECTED,
    TRANSPORT_FAILED, /* final, with a reason */
    TRANSPORT_CLOSED, /* final, the remote ended it in an orderly way */
} TransportState;

const char *transport_state_to_string(TransportState state);

/* Sizes of packets that a path is told to carry, at most */
#define TRANSPORT_SIZES_MAX 8

/* What the layer above wants to know. Called from the main loop only. */
typedef struct {
    /* PACKET may be changed, and is read by nobody after that. */
    void (*receive)(guint8 *packet, gsize length, gpointer data);
    /* REASON is owned by the caller and set for FAILED. */
    void (*state)(TransportState state, const GError *reason, gpointer data);
    /*
     * Packets take another path: these are the sizes that it may carry, the
     * largest first; none: no larger ones than any path does. It may be called
     * from within send(). May be NULL.
     */
    void (*path)(const gsize *sizes, guint n_sizes, gpointer data);
} TransportUser;

/* Sees each packet that is sent or received, and changes nothing. */
typedef void (*TransportTap)(bool sent, const guint8 *packet, gsize length, gpointer data);

struct Transport {
    const char *name; /* for the log */
    TransportState state;
    /* Sends one packet; false if it was not taken (it counts as lost). */
    bool (*send)(Transport *transport, const guint8 *packet, gsize length);

    const TransportUser *user;
    gpointer user_data;
    TransportTap tap; /* or NULL */
    gpointer tap_data;
    guint64 round_trip_usec; /* of its path, when it connected; 0: not known */
    guint64 vouched;         /* packets of the remote, see transport_vouch() */
    GQueue early;            /* of GBytes, while there is no user */
    gsize early_bytes;
};

#define TRANSPORT_EARLY_MAX (64 * 1024)

void transport_init(Transport *transport, const char *name,
                    bool (*send)(Transport *transport, const guint8 *packet, gsize length));
void transport_clear(Transport *transport);

/*
 * Makes USER (kept by reference) the layer above, or takes it away (NULL).
 * Packets that came early are given to it before this returns.
 */
void transport_set_user(Transport *transport, const TransportUser *user, gpointer data);

/* TAP sees what passes between this layer and the one above; NULL: nobody does any more. */
void transport_set_tap(Transport *transport, TransportTap tap, gpointer data);

static inline bool transport_send(Transport *transport, const guint8 *packet, gsize length)
{
    if (G_UNLIKELY(transport->tap))
        transport->tap(true, packet, length, transport->tap_data);
    return transport->send(transport, packet, length);
}

/* For the layer above, from within receive(): the packet is of the remote and of nobody else, as its
 * key says. */
static inline void transport_vouch(Transport *transport)
{
    transport->vouched++;
}

/* For the layer itself: hand a packet up, or keep it; change the state; tell of another path. */
void transport_receive(Transport *transport, guint8 *packet, gsize length);
void transport_enter_state(Transport *transport, TransportState state, const GError *reason);
void transport_path(Transport *transport, const gsize *sizes, guint n_sizes);
