/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * SCTP's handshake in the descriptions: each has the INIT chunk of its sender (after
 * draft-hancke-tsvwg-snap), so an association is up as soon as DTLS is. A codec: it writes the
 * chunk, and the two packets of the remote that usrsctp waits for and that never cross the path.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Of a chunk in a description, in bytes */
#define OPENING_CHUNK_MIN 20
#define OPENING_CHUNK_MAX 256

/* What usrsctp puts into the INIT of an association with these, with tag and TSN chosen at random.
 * Transfer full. */
GBytes *opening_chunk_describe(guint16 streams, guint16 max_streams, guint32 window);

/* The verification tag of CHUNK. */
guint32 opening_chunk_tag(GBytes *chunk);
/* What SCTP_SET_INITIAL_DBG_SEQ is set to, for usrsctp to choose those of CHUNK. */
guint32 opening_chunk_seed(GBytes *chunk);

/* Whether PACKET can come only from a remote whose association is up. */
bool opening_chunk_is_answered(const guint8 *packet, gsize length);
/* Whether PACKET begins with what acknowledges something that was sent. */
bool opening_chunk_is_proof(const guint8 *packet, gsize length);

/* The INIT-ACK of the remote whose INIT is CHUNK, to the one that chose TAG; and its COOKIE-ACK.
 * The checksum is zero. Transfer full. */
GByteArray *opening_chunk_init_ack(GBytes *chunk, guint32 tag, guint16 remote_port,
                                   guint16 local_port);
GByteArray *opening_chunk_cookie_ack(guint32 tag, guint16 remote_port, guint16 local_port);
