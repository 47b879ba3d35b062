/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* One reading: a value of a series at a time. A number of msg_channel is one of the series "". */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Bytes */
enum {
    READING_MAX_SERIES = 64,
    READING_MAX_UNIT = 16,
    READING_MAX_VALUE = 65536,
};

/* Microseconds since the epoch: to the end of the year 9999 */
#define READING_MAX_TIME G_GUINT64_CONSTANT(253402300799999999)

/* The numbers are those of the store, and never change. */
typedef enum {
    READING_NUMBER = 0,
    READING_TEXT = 1,
    READING_BYTES = 2,
} ReadingKind;

typedef struct {
    const char *series; /* UTF-8 without control characters, "" for plain numbers */
    const char *unit;   /* the same; "" for none */
    guint64 time;       /* its emitter's clock, microseconds since the epoch */
    ReadingKind kind;
    double number;    /* finite */
    const void *data; /* a text's UTF-8, or bytes; NULL only if LENGTH is 0 */
    gsize length;
} Reading;

/* Whether all of it is as above. ERROR: PEER_ERROR_INVALID_ARGUMENT, for whoever publishes it. */
bool reading_check(const Reading *reading, GError **error);

/* Whether it is a number of the series "". */
bool reading_is_plain_number(const Reading *reading);

/* A copy that owns what it points to. */
Reading *reading_copy(const Reading *reading);
void reading_free(Reading *reading);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reading, reading_free)
