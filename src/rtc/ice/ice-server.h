/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * STUN and TURN URIs (RFC 7064, 7065), with the user information in front of
 * the host that a configuration file has to hold somewhere:
 *   stun:HOST[:PORT]
 *   turn:USER:PASSWORD@HOST[:PORT][?transport=udp|tcp]
 *   turns:USER:PASSWORD@HOST[:PORT][?transport=tcp]
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef enum {
    ICE_SERVER_STUN,
    ICE_SERVER_TURN,
    ICE_SERVER_TURNS,
} IceServerKind;

typedef struct {
    IceServerKind kind;
    char *host; /* a name or an address, IPv6 without brackets */
    guint port;
    char *user, *password; /* "" where the URI has none; percent-decoded */
    bool tcp;              /* TURN is reached by TCP; always so for TURNS */
    char *label;           /* the URI without the password */
} IceServer;

/* RTC_ERROR_INVALID with what would be right. SERVER is untouched on failure. */
bool ice_server_parse(const char *uri, IceServer *server, GError **error);

/* As RFC 7064 and 7065 write it, with the port and without the user. Transfer full. */
char *ice_server_url(const IceServer *server);

void ice_server_clear(IceServer *server);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(IceServer, ice_server_clear)
