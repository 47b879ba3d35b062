/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Who a call is with, in the order in which it is known: as we have asked, as the
 * relay says, as its key proves. Only the last is certain; see doc/trust.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/trust/trust.h"

typedef struct {
    char *asked;    /* the name that we have called it by; NULL: none */
    char *id;       /* in the room; NULL: not known (yet) */
    char *detour;   /* the id that it seems to have now, or NULL; see call_identity_detour() */
    char *proof;    /* the path that would prove it, or NULL */
    bool left;      /* ID has left the room, as far as we have heard */
    char *claimed;  /* the name that the relay gives it; NULL: none */
    char *shown;    /* what to call it in front of people; may be "" */
    char *verified; /* the key that it has shown, "sha-256 AB:…"; NULL before */
    TrustLevel trust;
} CallIdentity;

void call_identity_clear(CallIdentity *identity);

/* Whoever has answered is ID, whom the relay calls CLAIMED and people SHOWN (each may be NULL).
 * Where we have asked for a name, that one stays. */
void call_identity_bind(CallIdentity *identity, const char *id, const char *claimed,
                        const char *shown);

/* It has shown the key FINGERPRINT, and that is all right. */
void call_identity_verify(CallIdentity *identity, const char *fingerprint,
                          const TrustAnswer *answer);

/*
 * It leaves the room and comes back with another id while the call goes on. A description of
 * its key came from ID, or its name is there now: frames for it go there. Nothing that came
 * over the relay proves that it is the same, so it has its former id as well until data has
 * come over the path PROOF, whose credentials (a=ice-ufrag) the description was the first to
 * name. NULL: nothing will prove it. ID NULL, or its former one: it is where it was.
 */
void call_identity_detour(CallIdentity *identity, const char *id, const char *proof);
/* Data has come over PATH. */
void call_identity_settle(CallIdentity *identity, const char *path);

/* Where frames for it go; NULL: not known. */
const char *call_identity_address(const CallIdentity *identity);
/* Whether a frame from FROM may be its. */
bool call_identity_is_at(const CallIdentity *identity, const char *from);

/* The name whose key it must have: that we have asked for, or else the relay's word. */
const char *call_identity_name(const CallIdentity *identity);
