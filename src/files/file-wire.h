/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* An acquired channel that carries files: frames and data as packets, both ways. */

#pragma once

#include "files/file-frame.h"

typedef struct FileWire FileWire;

/* All come from the main loop; each may call file_wire_free(). */
typedef struct {
    void (*frame)(const FileFrame *frame, gpointer data);
    /* Of a file; without the byte in front. May be NULL: then it is dropped. */
    void (*data)(const guint8 *bytes, gsize length, gpointer data);
    /* After file_wire_want(): all that was sent has been taken. May be NULL. */
    void (*writable)(gpointer data);
    /* What comes is no frame: ERROR. Nothing comes any more. */
    void (*broken)(const GError *error, gpointer data);
    /* The channel has ended. Nothing comes any more. */
    void (*cut)(gpointer data);
} FileWireOps;

/* PACKETS, the socket of the channel, is taken over; MAX_PACKET is what Acquire() said. OPS is
 * kept by reference. */
FileWire *file_wire_new(int packets, gsize max_packet, const FileWireOps *ops, gpointer data);
/* What was sent goes out before the channel closes. */
void file_wire_free(FileWire *wire);

void file_wire_send(FileWire *wire, const FileFrame *frame);

/* The most that file_wire_send_data() takes; 0: the other side takes too little for our frames. */
gsize file_wire_max_data(const FileWire *wire);
/* BYTES has room for one byte in front of it, which is written over. */
void file_wire_send_data(FileWire *wire, guint8 *bytes, gsize length);
/* Whether something waits for the channel to take it */
bool file_wire_is_full(const FileWire *wire);
/* `writable` is to come, again and again. */
void file_wire_want(FileWire *wire, bool wanted);
