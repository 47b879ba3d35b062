/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The outside of a signaling frame: is it a JSON object at all, whom is it
 * for, and the safe way to say whom it is from.
 *
 * One pass over the bytes, without recursion and without allocation, so that
 * it can stand in front of anything that parses what strangers send: a frame
 * that passes is strict RFC 8259 JSON in valid UTF-8, without half surrogate
 * pairs, an object, and nested at most ENVELOPE_MAX_DEPTH deep. Of two members
 * with one name the last one counts, whatever it holds, as for json-glib and
 * browsers. The rest of the frame is never changed.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define ENVELOPE_MAX_DEPTH 64

typedef enum {
    ENVELOPE_OK,
    ENVELOPE_NOT_UTF8,   /* RFC 6455 section 8.1 wants the connection failed */
    ENVELOPE_NOT_JSON,   /* breaks the grammar of RFC 8259 */
    ENVELOPE_NOT_OBJECT, /* JSON, but something else at the top */
    ENVELOPE_TOO_DEEP,
    ENVELOPE_HALF_CHARACTER, /* an escaped surrogate without its other half */
    ENVELOPE_BAD_TO,         /* two "to" members, or one that is no string */
} EnvelopeResult;

/* The inside of a JSON string, between its quotes, escapes left as they are.
 * Points into the scanned frame; DATA is NULL where there is no such member. */
typedef struct {
    const char *data;
    size_t length;
    bool escaped; /* has a backslash, so envelope_decode() changes it */
} EnvelopeText;

/* Bytes from begin up to end, counted from the frame's first byte. */
typedef struct {
    size_t begin, end;
} EnvelopeCut;

#define ENVELOPE_CUTS 8

typedef struct {
    const char *frame; /* borrowed: must live as long as this struct is used */
    size_t length;
    EnvelopeText to;   /* "to": null counts as absent */
    EnvelopeText from; /* these count as absent unless they are strings */
    EnvelopeText type;
    EnvelopeText session;
    /* For envelope_stamp() */
    size_t open;     /* where the outer '{' is */
    size_t n_from;   /* how many members are called "from" */
    size_t cut_size; /* how many bytes they take */
    bool empty;      /* no members at all */
    EnvelopeCut cuts[ENVELOPE_CUTS];
} Envelope;

/*
 * Scans FRAME, which need not end in a NUL, into OUT. Member names count as
 * what they mean, not how they are spelled: "\u0066rom" is "from", and so is
 * "from\u0000x", which a C program would read as "from".
 * OUT is only meaningful after ENVELOPE_OK.
 */
EnvelopeResult envelope_scan(const char *frame, size_t length, Envelope *out);

const char *envelope_result_to_string(EnvelopeResult result);

/* The size of the frame that envelope_stamp() makes. */
size_t envelope_stamped_size(const Envelope *envelope, size_t id_length);

/*
 * Writes the frame into OUT (envelope_stamped_size() bytes, no NUL added)
 * with every top-level "from" removed and "from":"ID" as its first member;
 * all other bytes stay as they were. ID must need no escaping in JSON.
 * Returns the number of bytes written.
 */
size_t envelope_stamp(const Envelope *envelope, const char *id, size_t id_length, char *out);

/*
 * Resolves the escapes of TEXT into OUT, NUL-terminated. False, with OUT
 * untouched as far as the caller may care, if TEXT is absent, does not fit
 * into SIZE, or holds a NUL.
 */
bool envelope_decode(const EnvelopeText *text, char *out, size_t size);
