/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The sending end of a transfer, rtcbus-files(7). It outlives its channels: when
 * one is cut it goes on over the next, with what is not there yet.
 */

#pragma once

#include "files/file-source.h"

typedef struct FileSender FileSender;

/* All come from the main loop. Only `ended` may call file_sender_free(). */
typedef struct {
    void (*asking)(gpointer data);   /* a person over there is asked */
    void (*accepted)(gpointer data); /* for each channel */
    /* These are about the file with that NUMBER in the source. */
    void (*done)(guint number, gpointer data);
    /* It will not be there: WHY, and whether they say so over there */
    void (*failed)(guint number, const char *why, bool theirs, gpointer data);
    /* What they have of it is of another one: it is sent from its beginning. */
    void (*restarted)(guint number, gpointer data);
    /* The channel has ended too early. file_sender_attach() goes on. */
    void (*cut)(gpointer data);
    /* It is over; with ERROR if not to its end. `failed` may have come all the same. */
    void (*ended)(const GError *error, gpointer data);
} FileSenderOps;

/* SOURCE and OPS are kept by reference. LEFT_OUT: so many are not in SOURCE, and should be. */
FileSender *file_sender_new(FileSource *source, guint left_out, const FileSenderOps *ops,
                            gpointer data);
/* Without a word to the other side, unless it was cancelled. */
void file_sender_free(FileSender *sender);

/* Begins, or goes on: as file_wire_new() */
void file_sender_attach(FileSender *sender, int packets, gsize max_packet);

/* Tells the other side that this was all, and WHY. Nothing comes any more. */
void file_sender_cancel(FileSender *sender, const char *why);

bool file_sender_was_accepted(const FileSender *sender);
/* How many bytes are there, of file_source_bytes() */
guint64 file_sender_position(const FileSender *sender);
/* How many bytes went there, over all channels */
guint64 file_sender_moved(const FileSender *sender);
/* Which one is being sent, or NULL. Transfer full. */
char *file_sender_path(const FileSender *sender);
