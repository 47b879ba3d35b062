/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What the peer's logic can answer instead of doing what it was asked to. The
 * codes are those of org.rtcbus.Error; bus.c gives them their D-Bus names.
 */

#pragma once

#include <glib.h>

#define PEER_ERROR (peer_error_quark())
GQuark peer_error_quark(void);

typedef enum {
    PEER_ERROR_NOT_CONNECTED,
    PEER_ERROR_NO_SUCH_PEER,
    PEER_ERROR_DENIED,
    PEER_ERROR_TIMEOUT,
    PEER_ERROR_LIMIT_EXCEEDED,
    PEER_ERROR_INVALID_ARGUMENT,
    PEER_ERROR_FAILED,
} PeerError;
