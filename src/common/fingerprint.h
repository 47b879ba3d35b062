/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How a certificate's SHA-256 fingerprint is written. In memory and on D-Bus
 * it is as in SDP, "sha-256 AB:CD:…" (RFC 8122 5); in files and on command
 * lines "sha-256:AB:CD:…", one word; and for two people on the telephone a
 * code of digits.
 */

#pragma once

#include <glib.h>

/* A hash that counts (RFC 8122 section 5): SHA-1 and MD5 are too weak. */
typedef struct {
    const char *name; /* as SDP has it, in lower case */
    gsize bytes;
    GChecksumType type;
} FingerprintHash;

/* The one that ours are of, and the only one in files and on command lines */
#define FINGERPRINT_OURS "sha-256"

/* The hash of FINGERPRINT, "sha-384 …" or so; NULL if it does not count. */
const FingerprintHash *fingerprint_hash(const char *fingerprint);

/* The fingerprint of a certificate (DER) by HASH: "sha-384 AB:CD:…". Transfer full. */
char *fingerprint_make(const FingerprintHash *hash, const void *der, gsize size);

/*
 * TEXT in any of these spellings, with colons or without, in either case, with
 * or without "sha-256": as "sha-256 AB:CD:…", or NULL if it is none. Transfer full.
 */
char *fingerprint_parse(const char *text);

/* FINGERPRINT, "sha-256 …", as one word: "sha-256:…". Transfer full. */
char *fingerprint_word(const char *fingerprint);

/*
 * FINGERPRINT as six groups of five digits: 30 of its 32 bytes, each five of
 * them (40 bits) modulo 100000. To make a key with the same code takes about
 * 10^30 ≈ 2^99.7 tries. NULL if FINGERPRINT is none. Transfer full.
 */
char *fingerprint_code(const char *fingerprint);
