/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A file on its way into a folder. Until it is whole and its checksum is right
 * it has another name (file_path_part()), and stays there if it never gets so
 * far: what is there of it is its own proof, for the sender has to have a file
 * that begins with it. Nothing that is there is ever replaced, unless that is
 * wanted, and nothing is written outside of the folder.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct FilePart FilePart;

/*
 * Looks for what there is of the file that PATH, which is safe, leads to below ROOT, and makes the
 * folders on the way. What is there may be the whole file. REPLACE: another file of that name may
 * go. NULL with FILES_ERROR, which is FILES_ERROR_EXISTS if it may not.
 */
FilePart *file_part_open(int root, const char *path, guint64 size, bool replace, GError **error);
void file_part_free(FilePart *part);

/* How many bytes of it are there */
guint64 file_part_position(const FilePart *part);

/* Reads on in what is there. False at its end or with ERROR: call it until then. */
bool file_part_check_more(FilePart *part, GError **error);
/* The checksum of what is there. Transfer full. */
char *file_part_digits(const FilePart *part);

/* What comes is written from OFFSET on, which is 0 or file_part_position(). Nobody else writes
 * there meanwhile. */
bool file_part_begin(FilePart *part, guint64 offset, GError **error);
bool file_part_write(FilePart *part, const void *bytes, gsize length, GError **error);

typedef struct {
    guint64 mtime; /* µs since the epoch; 0: now */
    bool executable;
    bool private; /* for its owner alone */
} FileAttributes;

/* It is whole, and gets its name. FILES_ERROR_CHECKSUM if it is not what SHA256 (or NULL) is the
 * checksum of; then it is gone. */
bool file_part_finish(FilePart *part, const char *sha256, const FileAttributes *attributes,
                      GError **error);
