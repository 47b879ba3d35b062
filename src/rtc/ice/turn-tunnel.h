/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * TURN over TLS for libnice, which has TURN over TCP alone: it is told that the
 * server is at a port of the loopback interface, and what it sends there goes
 * through TLS to the real one. The port takes one connection, of this process,
 * and is closed then.
 */

#pragma once

#include "rtc/ice/ice-server.h"
#include "rtc/ice/tls-trust.h"

typedef struct TurnTunnel TurnTunnel;

/* Listens on ::1 if IPV6, else on 127.0.0.1. */
TurnTunnel *turn_tunnel_new(const IceServer *server, TlsTrust *trust, bool ipv6, GError **error);
void turn_tunnel_free(TurnTunnel *tunnel);

const char *turn_tunnel_address(const TurnTunnel *tunnel);
guint turn_tunnel_port(const TurnTunnel *tunnel);
