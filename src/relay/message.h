/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A frame on its way out, shared by reference between everybody who gets it,
 * and the frames that the relay itself says (rtcbus-signaling(7)).
 */

#pragma once

#include <glib.h>
#include <sys/uio.h>

#include "signaling/envelope.h"
#include "relay/cluster-members.h"
#include "relay/quota.h"
#include "relay/router.h"

typedef struct {
    guint references;
    guint size;   /* of the text */
    gint64 born;  /* when a client's frame was sent on, monotonic µs; 0: it is ours */
    Quota *quota; /* charged for as long as the message lives */
    /* A server's frames are not masked (RFC 6455 section 5.1), so the frame is
     * the same for everybody: it is made once, and there are no copies. */
    guint8 header_size;
    guint8 opcode;
    char data[]; /* MESSAGE_HEADROOM bytes, the last of them the header; then the text */
} Message;

/* Room for a text of SIZE bytes; one reference. */
Message *message_new(Quota *quota, gsize size);

/* A control frame with the SIZE bytes of DATA, at most WEBSOCKET_CONTROL_MAX. */
Message *message_new_control(Quota *quota, guint8 opcode, const char *data, gsize size);

/* Gives one that nothing of is written yet another text. */
void message_set_control(Message *message, const char *data, gsize size);
char *message_text(Message *message);

/* The whole WebSocket frame, to be written as it is */
struct iovec message_frame(Message *message);

Message *message_ref(Message *message);
void message_unref(Message *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Message, message_unref)

/* The memory that a message and its place in one queue take, bytes. */
gsize message_cost(const Message *message);

/* FRAME with the id SENDER as "from" */
Message *message_stamped(Quota *quota, const Envelope *frame, const char *sender);

/* OTHERS: the first of those in the room who are at other relays, or NULL. RESUME: a secret, see
 * client_resume(). ICE_SERVERS: a list in JSON (ice-offer.h) */
Message *message_welcome(Quota *quota, const Member *self, const ClusterMember *others,
                         const char *resume, const char *ice_servers);
Message *message_ice_servers(Quota *quota, const char *ice_servers);
Message *message_joined(Quota *quota, const char *id, const char *name);
Message *message_left(Quota *quota, const char *id, const char *name);

/* TO, as it came, may be NULL. CODE and TEXT are literals of ours. */
Message *message_error(Quota *quota, const char *code, const char *text, const EnvelopeText *to);
