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

/*
 * The chunk is not signed, and only its tag is proven by what comes later. So all else in it is as
 * here, or follows from the tag, and a chunk that is not so is none. That is the format of the
 * attribute in the description, which never changes: whoever needs another says it by another name.
 */
#define OPENING_CHUNK_SIZE 32
#define OPENING_STREAMS 32
#define OPENING_STREAMS_MAX 1024
#define OPENING_WINDOW (4 * 1024 * 1024)

/* What usrsctp puts into the INIT of an association with these, with a tag chosen at random.
 * Transfer full. */
GBytes *opening_chunk_describe(void);
/* Whether CHUNK is what opening_chunk_describe() may have said. */
bool opening_chunk_is_ours(const guint8 *chunk, gsize length);

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
