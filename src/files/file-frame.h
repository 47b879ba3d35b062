/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What the two ends of a transfer of files say to each other: rtcbus-files(7).
 * A message is a frame, which is a flat JSON object, or data behind a byte 0.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Of a frame; and of what follows the byte 0, as we send it */
#define FILE_FRAME_MAX 16384
#define FILE_DATA_MAX (64 * 1024 - 1)
/* Files and folders that are told and neither done nor failed */
#define FILE_LOOKAHEAD 64
#define FILE_NUMBER_MAX ((G_GUINT64_CONSTANT(1) << 53) - 1)

#define FILE_FRAME_ERROR (file_frame_error_quark())
GQuark file_frame_error_quark(void);

typedef enum {
    FILE_FRAME_ERROR_SYNTAX, /* too long; what is no JSON object is a FRAME_ERROR */
    FILE_FRAME_ERROR_MEMBER, /* one is missing, or is not what it has to be */
} FileFrameError;

typedef enum {
    FILE_FRAME_UNKNOWN, /* to be ignored */
    /* From the sender */
    FILE_FRAME_OFFER,
    FILE_FRAME_FILE,
    FILE_FRAME_FOLDER,
    FILE_FRAME_DATA,
    FILE_FRAME_END,
    FILE_FRAME_FINISH,
    /* From the receiver */
    FILE_FRAME_ASKING,
    FILE_FRAME_ACCEPT,
    FILE_FRAME_REFUSE,
    FILE_FRAME_START,
    FILE_FRAME_GOT,
    FILE_FRAME_DONE,
    FILE_FRAME_FINISHED,
    /* From both */
    FILE_FRAME_FAILED,
    FILE_FRAME_CANCEL,
} FileFrameType;

/* Members that a type does not have are NULL, 0 or false, and so are those that may be absent.
 * Numbers are at most FILE_NUMBER_MAX. */
typedef struct {
    FileFrameType type;
    guint64 file, files, bytes, size, offset, window, failed;
    guint64 mtime;  /* µs since the epoch; 0: not known */
    char *transfer; /* these three are printable */
    char *name;
    char *message;
    char *path; /* as it came: see file-path.h */
    char *sha256;
    gboolean executable;
    gboolean private; /* neither the group nor others may read it */
} FileFrame;

/* NULL with ERROR if it is none. A type that is not known is FILE_FRAME_UNKNOWN. */
FileFrame *file_frame_parse(const char *text, gsize length, GError **error);
void file_frame_free(FileFrame *frame);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FileFrame, file_frame_free)

/* FRAME as a message. Transfer full. */
char *file_frame_write(const FileFrame *frame, gsize *length);

const char *file_frame_type_to_string(FileFrameType type);
