/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The messages of a feed: bytes to struct and back. No I/O,
 * no policy.
 *
 *   HELLO     from the listener: what it has of whom, and how much it takes at a time
 *   WELCOME   from the emitter: whose readings follow, and from where on
 *   GREETING  the last reading of each series, for a newcomer
 *   GREETED   that was all of them
 *   DATA      readings, in the order of their sequences
 *   ACK       from the listener: so much is on its disk
 *
 * Readings are written against what has been said before on the same channel, so one costs
 * some ten bytes: a series is named once, a sequence is the next one unless it is said, a
 * time is the distance from the one before, and a number of a few digits takes a few bytes.
 * FeedWriter and FeedReader are the two memories that must agree.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/random-id.h"
#include "peer/readings/store.h"

#define FEED_LABEL "rtcbus-readings"
#define FEED_PROTOCOL "rtcbus.readings.1"

enum {
    FEED_MAX_SERIES = 4096,      /* that are named on a channel at a time */
    FEED_MAX_READINGS = 4096,    /* in a message */
    FEED_MAX_FRAME = 128 * 1024, /* bytes: the largest reading, and more than enough beside it */
    FEED_FRAME_SIZE = 12 * 1024, /* bytes, after which a message is not made longer */
    FEED_WINDOW = 256 * 1024,    /* bytes that may be on their way to our disk */
};

typedef enum {
    FEED_HELLO = 1,
    FEED_WELCOME = 2,
    FEED_GREETING = 3,
    FEED_GREETED = 4,
    FEED_DATA = 5,
    FEED_ACK = 6,
} FeedFrameType;

typedef struct {
    guint64 window; /* bytes */
    bool known;     /* it has something of this emitter, up to SEQUENCE of EPOCH; else a newcomer */
    char epoch[RANDOM_ID_LENGTH + 1];
    guint64 sequence;
    guint64 pace; /* milliseconds between two DATA, at least, or 0 */
} FeedHello;

typedef struct {
    char epoch[RANDOM_ID_LENGTH + 1];
    bool greeting; /* GREETING and GREETED follow, and DATA begins after START */
    guint64 start; /* DATA continues after this sequence */
} FeedWelcome;

typedef struct {
    guint64 bytes;    /* of GREETING, GREETED and DATA since WELCOME, whole messages */
    guint64 sequence; /* the last one that is on the listener's disk */
} FeedAck;

/* An EmittedReading whose sequence is 0 is a base on the way: it has no value, and says that its
 * series stands at NTH, whatever has been counted before. In DATA it stands there at most. */

/* Appended to OUT. */
void feed_write_hello(GByteArray *out, const FeedHello *hello);
void feed_write_welcome(GByteArray *out, const FeedWelcome *welcome);
void feed_write_greeted(GByteArray *out);
void feed_write_ack(GByteArray *out, const FeedAck *ack);

/* The type of a message; false if it is empty. A type that we do not know is to be ignored. */
bool feed_frame_type(const guint8 *bytes, gsize length, FeedFrameType *type);

/* Errors are PEER_ERROR_INVALID_ARGUMENT. What follows the members that we know is ignored. */
bool feed_read_hello(const guint8 *bytes, gsize length, FeedHello *hello, GError **error);
bool feed_read_welcome(const guint8 *bytes, gsize length, FeedWelcome *welcome, GError **error);
bool feed_read_ack(const guint8 *bytes, gsize length, FeedAck *ack, GError **error);

/* ---- readings ------------------------------------------------------------------ */

typedef struct FeedWriter FeedWriter;

FeedWriter *feed_writer_new(void);
void feed_writer_free(FeedWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FeedWriter, feed_writer_free)

/* Nothing has been said yet: a WELCOME goes out. */
void feed_writer_reset(FeedWriter *writer);

/* The next sequences are above AFTER. At first, and when GREETED has been said. */
void feed_writer_set_sequence(FeedWriter *writer, guint64 after);

/* TYPE is GREETING or DATA. What is added is part of the message in OUT. */
void feed_writer_begin(FeedWriter *writer, GByteArray *out, FeedFrameType type);
void feed_writer_add(FeedWriter *writer, GByteArray *out, const EmittedReading *reading);

typedef struct FeedReader FeedReader;

FeedReader *feed_reader_new(void);
void feed_reader_free(FeedReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FeedReader, feed_reader_free)

/* As feed_writer_reset() and feed_writer_set_sequence(). */
void feed_reader_reset(FeedReader *reader);
void feed_reader_set_sequence(FeedReader *reader, guint64 after);
/* The last one that was read. */
guint64 feed_reader_sequence(const FeedReader *reader);

/*
 * The readings of a GREETING or a DATA, at OUT and COUNT. They are the reader's and BYTES', until
 * the next call. All have been checked, and their sequences are in order. False if anything is
 * wrong with one of them: the two memories do not agree any more.
 */
bool feed_reader_read(FeedReader *reader, const guint8 *bytes, gsize length,
                      const EmittedReading **out, guint *count, GError **error);
