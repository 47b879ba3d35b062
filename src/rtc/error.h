/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What can go wrong in the WebRTC stack: one domain for all its layers. */

#pragma once

#include <glib.h>

#define RTC_ERROR (rtc_error_quark())
GQuark rtc_error_quark(void);

typedef enum {
    RTC_ERROR_INVALID,     /* an argument, SDP or candidate that makes no sense */
    RTC_ERROR_STATE,       /* not now: a second answer, an offer to an offerer, … */
    RTC_ERROR_UNSUPPORTED, /* no data channel m-line, an unknown fingerprint hash, … */
    RTC_ERROR_TOO_LARGE,
    RTC_ERROR_FULL,
    RTC_ERROR_CLOSED,   /* the connection or channel is closed; also: by the remote */
    RTC_ERROR_NO_PATH,  /* ICE found no pair that works */
    RTC_ERROR_TIMEOUT,  /* consent was lost, DTLS or SCTP gave up */
    RTC_ERROR_SECURITY, /* the remote certificate is not what its SDP said */
    RTC_ERROR_REFUSED,  /* ours is not what the remote wants */
    RTC_ERROR_FAILED,
} RtcError;
