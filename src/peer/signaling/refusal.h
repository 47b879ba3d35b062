/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Why there is no connection to the relay, in words: the cause and what to do, in
 * one sentence. It goes to the journal, to D-Bus and to "rtcbusctl status", so no
 * secret is in it.
 */

#pragma once

#include <gio/gio.h>

#include "peer/signaling/upgrade.h"

/* How far we had come. */
typedef enum {
    DIAL_RESOLVING,
    DIAL_CONNECTING,
    DIAL_SECURING, /* TLS */
    DIAL_ASKING,   /* the request is sent */
} DialPhase;

/* What that is as a word, RELAY_FAULT_*: for silence in PHASE, and for another status than 101 */
const char *refusal_fault_of_phase(DialPhase phase);
const char *refusal_fault_of_status(guint status);

/* All transfer full. URI is the relay's. */

/* An error of GIO in PHASE. */
char *refusal_of_error(GUri *uri, DialPhase phase, const GError *error);
/* Nothing came in PHASE for so long. */
char *refusal_of_silence(GUri *uri, DialPhase phase, guint seconds);
/* The server's certificate has FLAGS. */
char *refusal_of_certificate(GUri *uri, GTlsCertificate *certificate, GTlsCertificateFlags flags);
/* NAME, which we asked for, is somebody else's. WORDS are the relay's own, or NULL. */
char *refusal_of_taken(const char *name, const char *words);
/* Our own token cannot be had; WHAT is why. */
char *refusal_of_token(const char *what);
/* Bytes that are no HTTP. */
char *refusal_of_bytes(GUri *uri, const char *bytes, gsize length);
/* Another status than 101. WORDS are the server's own, or NULL. */
char *refusal_of_answer(GUri *uri, const UpgradeAnswer *answer, const char *words);
/* 101, but no WebSocket as we asked for; WHAT is what came instead. */
char *refusal_of_upgrade(GUri *uri, const char *what);
