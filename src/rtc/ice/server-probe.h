/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Asks an ICE server once whether it serves us. libnice only leaves out the
 * candidates of one that does not, and says nothing.
 */

#pragma once

#include "rtc/ice/ice-server.h"
#include "rtc/ice/tls-trust.h"

typedef enum {
    SERVER_UNTESTED,
    SERVER_REACHABLE,
    SERVER_REFUSED, /* it does not want us, or we its certificate */
    SERVER_UNREACHABLE,
    SERVER_UNRESOLVED, /* its name has no address */
} ServerState;

const char *server_state_to_string(ServerState state);

typedef struct ServerProbe ServerProbe;

/* CODE: the error that the server has answered with (RFC 8489 14.8); 0: none. WORDS: what is wrong,
 * for people; "" if nothing is. May call server_probe_free(). */
typedef void (*ServerProbeDone)(ServerState state, guint code, const char *words, gpointer data);

/* DONE is called once, from the main loop, unless the probe is freed before. */
ServerProbe *server_probe_new(const IceServer *server, TlsTrust *trust, ServerProbeDone done,
                              gpointer data);
void server_probe_free(ServerProbe *probe);
