/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * CPace (draft-irtf-cfrg-cpace), the balanced password-authenticated key
 * exchange, in its suite CPACE-RISTR255-SHA512 and with an initiator A and a
 * responder B. Bytes in, bytes out. The group and the hash are libsodium's;
 * here is only what the draft puts into them.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

enum { CPACE_POINT = 32, CPACE_SCALAR = 32, CPACE_KEY = 64, CPACE_TAG = 64 };

/* What both sides have in common, section 7.1. The pointers are the caller's. */
typedef struct {
    GBytes *password; /* PRS */
    GBytes *channel;  /* CI */
    GBytes *session;  /* sid */
} CpaceInput;

/* One side's message: a point, and data that goes with it. */
typedef struct {
    guint8 point[CPACE_POINT];
    GBytes *data; /* AD */
} CpaceShare;

/* Appends the length of BYTES, as in LEB128, and BYTES (prepend_len, lv_cat). */
void cpace_append(GByteArray *out, const void *bytes, gsize length);

/* The generator that the password selects. */
void cpace_generator(const CpaceInput *input, guint8 generator[CPACE_POINT]);

/* A random scalar and its point. */
void cpace_begin(const CpaceInput *input, guint8 scalar[CPACE_SCALAR], guint8 point[CPACE_POINT]);

/*
 * The intermediate session key. OTHER is the point that is not ours, of A or B.
 * False: it is no point of the group, or the neutral one; the exchange is over.
 */
bool cpace_finish(const CpaceInput *input, const guint8 scalar[CPACE_SCALAR],
                  const guint8 other[CPACE_POINT], const CpaceShare *a, const CpaceShare *b,
                  guint8 key[CPACE_KEY]);

/* The key of the tags that confirm it: H("CPaceMac" || sid || ISK). */
void cpace_mac_key(const CpaceInput *input, const guint8 key[CPACE_KEY], guint8 mac_key[CPACE_KEY]);

/* HMAC-SHA-512 */
void cpace_tag(const guint8 mac_key[CPACE_KEY], const void *bytes, gsize length,
               guint8 tag[CPACE_TAG]);
bool cpace_tags_equal(const guint8 one[CPACE_TAG], const guint8 other[CPACE_TAG]);

/* For secrets that are not needed any more */
void cpace_wipe(void *bytes, gsize length);

/* From 0 to LIMIT - 1, uniformly. */
guint32 cpace_random(guint32 limit);
