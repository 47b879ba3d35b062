/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a STUN message says about connectivity checks (RFC 8445 7): it is one, or
 * the answer to one, on its way as it is or within TURN's Send and Data
 * indications (RFC 8656 11). No I/O.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/ice/check-rule.h"

#define STUN_ID_LENGTH 12

typedef enum {
    STUN_CHECK_REQUEST, /* a Binding request with a user name: others ask servers */
    STUN_CHECK_SUCCESS, /* a Binding success response, whoever asked */
} StunCheckKind;

typedef struct {
    StunCheckKind kind;
    guint8 id[STUN_ID_LENGTH]; /* of the transaction */
    const guint8 *user;        /* of a request, within the message */
    gsize user_length;
    bool relayed;
    CheckTarget peer; /* where it goes to or comes from, if it is relayed */
} StunCheck;

/* False: the message is something else. It may be cut off at its end. */
bool stun_check_read(const guint8 *message, gsize length, StunCheck *check);
