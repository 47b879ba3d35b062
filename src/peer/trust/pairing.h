/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One run of a pairing, as one of its two sides: bytes in, bytes out. The host
 * has made the code and the joiner has typed it.
 *
 *   joiner → everybody   ask      slot, point, name, fingerprint
 *   host   → joiner      answer   point, name, fingerprint
 *   joiner → host        confirm  tag
 *   host   → joiner      done     tag
 *
 * CPace makes a key of the code, and each tag is a MAC with that key over both
 * points, both names, both fingerprints and who says it. A relay can change and
 * invent everything, but to make one tag it has to guess the code, and with
 * each guess it spends a run: the joiner gives its tag to one host only, and
 * the host shows its own only after the joiner's was right.
 *
 * The code is three digits by which the host knows that it is meant, which are
 * no secret, and eight that are: 10^8, about 2^26.6.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    PAIRING_HOST,
    PAIRING_JOINER,
} PairingRole;

enum { PAIRING_SLOT_DIGITS = 3, PAIRING_SECRET_DIGITS = 8 };

/* "123-4567-8901" and transfer full, all of them. */
char *pairing_code_new(void);
/* What a person typed, with any blanks and dashes, as digits alone; NULL if it is no code. */
char *pairing_code_parse(const char *text);
char *pairing_code_slot(const char *digits);

typedef struct PairingRun PairingRun;

/* DIGITS as pairing_code_parse() gives them. SESSION is the joiner's, and new for each run. */
PairingRun *pairing_run_new(PairingRole role, const char *digits, const char *session,
                            const char *name, const char *fingerprint);
void pairing_run_free(PairingRun *run);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PairingRun, pairing_run_free)

/* Whether what a joiner asks with, DATA, is for the host of DIGITS. */
bool pairing_ask_is_for(const char *data, const char *digits);

/* Our `ask` or `answer`, and the other side's; base64. False: it makes no sense. */
char *pairing_run_share(const PairingRun *run);
bool pairing_run_take_share(PairingRun *run, const char *data);

/* Our `confirm` or `done`, after the share; and whether the other side's is right. */
char *pairing_run_tag(const PairingRun *run);
bool pairing_run_take_tag(PairingRun *run, const char *data);

/* Of the other side; true only after its tag was. */
const char *pairing_run_name(const PairingRun *run);
const char *pairing_run_fingerprint(const PairingRun *run);
