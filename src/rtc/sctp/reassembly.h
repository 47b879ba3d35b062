/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Messages that are read in pieces, put together again: one a stream, up to a
 * size, and up to a size of all. It knows no SCTP library.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Reassembly Reassembly;

/* Both may call back in, but not free it. */
typedef struct {
    /* One whole message */
    void (*message)(guint16 stream, guint32 ppid, const guint8 *bytes, gsize length, gpointer data);
    /* A message that is larger than it may be; the rest of it is thrown away. */
    void (*oversized)(guint16 stream, gpointer data);
} ReassemblyOps;

typedef enum {
    PIECE_MORE,         /* others follow */
    PIECE_LAST,         /* the end, for certain if it is the only one */
    PIECE_LAST_PERHAPS, /* unless the sender has given the rest up: that is told next */
} PieceEnd;

/* Sizes in bytes: of one message, and of all whose end is missing together */
Reassembly *reassembly_new(gsize max_message, gsize max_all, const ReassemblyOps *ops,
                           gpointer data);
void reassembly_free(Reassembly *reassembly);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reassembly, reassembly_free)

void reassembly_add(Reassembly *reassembly, guint16 stream, guint32 ppid, const guint8 *bytes,
                    gsize length, PieceEnd end);

/* The sender has given up the message on STREAM of which a part is here (RFC 3758). */
void reassembly_give_up(Reassembly *reassembly, guint16 stream);

/* STREAM has ended: what is here of a message goes, and the last whole one comes first. */
void reassembly_end(Reassembly *reassembly, guint16 stream);

/* There is nothing more to be read now: a message that seems whole is. */
void reassembly_settle(Reassembly *reassembly);

/* Of messages whose end is missing */
gsize reassembly_bytes(const Reassembly *reassembly);
