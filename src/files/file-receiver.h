/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The receiving end of a transfer, rtcbus-files(7), over one channel. What there
 * is of its files when the channel is cut the next one finds in the folder.
 */

#pragma once

#include "files/file-frame.h"

typedef struct FileReceiver FileReceiver;

typedef enum {
    FILE_RECEIVER_REPLACE = 1 << 0, /* other files of the same name may go */
    FILE_RECEIVER_HIDDEN = 1 << 1,  /* names may begin with a dot, also in FOLDER itself */
} FileReceiverFlags;

/* All come from the main loop. `offer`, `cut` and `ended` may call file_receiver_free(). */
typedef struct {
    /* The first thing that comes: file_receiver_accept(), or file_receiver_refuse(), now or later. */
    void (*offer)(const FileFrame *offer, gpointer data);
    /* The file at PATH is there, or the folder. SHA256 is NULL for the latter. CHECKED: a file has
     * the checksum that the other side told. */
    void (*done)(const char *path, guint64 size, const char *sha256, bool checked, gpointer data);
    /* It will not be there: WHY, and whether the other side says so */
    void (*failed)(const char *path, guint64 size, const char *why, bool theirs, gpointer data);
    /* The channel has ended too early. */
    void (*cut)(gpointer data);
    /* It is over; with ERROR if not to its end. LEFT_OUT: so many files more cannot be sent. */
    void (*ended)(const GError *error, guint64 left_out, gpointer data);
} FileReceiverOps;

/* FOLDER is a descriptor, and stays the caller's. The others are as for file_wire_new(). */
FileReceiver *file_receiver_new(int packets, gsize max_packet, int folder, FileReceiverFlags flags,
                                const FileReceiverOps *ops, gpointer data);
/* Without a word to the other side, unless it was refused or cancelled. */
void file_receiver_free(FileReceiver *receiver);

/* Lets the other side know that a person is asked. */
void file_receiver_ask(FileReceiver *receiver);
void file_receiver_accept(FileReceiver *receiver);
/* Nothing comes after these. */
void file_receiver_refuse(FileReceiver *receiver, const char *why);
void file_receiver_cancel(FileReceiver *receiver, const char *why);

/* Of the file that is coming: its path, or NULL, and how much of it is there */
const char *file_receiver_path(const FileReceiver *receiver);
guint64 file_receiver_position(const FileReceiver *receiver);
/* How many bytes came over this channel */
guint64 file_receiver_moved(const FileReceiver *receiver);
