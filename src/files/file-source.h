/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The files and folders that are sent: those that a person has named, and what
 * is in the folders. A symbolic link that was named leads to what it names;
 * others are left out, and so is what is neither a file nor a folder.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct FileSource FileSource;

typedef struct {
    bool folder;
    /* Of a file */
    bool executable, private;
    guint64 size;
    guint64 mtime; /* µs since the epoch */
} FileSourceEntry;

/* WHY one of them is left out, in a sentence that names it */
typedef void (*FileSourceLeftOut)(const char *why, gpointer data);

/* Looks for all that is below NAMES. NULL with ERROR if one of those cannot be sent. */
FileSource *file_source_new(char **names, FileSourceLeftOut left_out, gpointer data,
                            GError **error);
void file_source_free(FileSource *source);

guint file_source_count(const FileSource *source);
guint64 file_source_bytes(const FileSource *source);
const FileSourceEntry *file_source_entry(const FileSource *source, guint number);
/* As the other side is told: UTF-8. Transfer full. */
char *file_source_path(const FileSource *source, guint number);

/* Opens a file to read it: -1 with FILES_ERROR, also if it is another one than it was. */
int file_source_open(const FileSource *source, guint number, GError **error);
/* Whether what FD has been read from is still as it was, with ERROR if not. */
bool file_source_is_same(const FileSource *source, guint number, int fd, GError **error);
