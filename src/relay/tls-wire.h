/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A wire through TLS, at the server's end of it. Its handshake happens as it is read from. */

#pragma once

#include "relay/tls-credentials.h"
#include "relay/wire.h"

/* FD, a connected socket that does not block, is the wire's from now on; LENGTH bytes of it, at most
 * WIRE_INPUT, have been read already and are in EARLY. */
Wire wire_tls(int fd, TlsCredentials *credentials, const char *early, gsize length);
