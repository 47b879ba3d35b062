/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The sockets that the relay listens on. What connects is handed on at once.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

typedef struct Listener Listener;

#define LISTENER_ERROR (listener_error_quark())
GQuark listener_error_quark(void);

/* FD is a connected, non-blocking socket, from now on the callee's. */
typedef void (*ListenerFunc)(int fd, const struct sockaddr *address, gpointer data);

/* Whether TEXT is "ADDRESS:PORT", an IPv6 address in brackets. */
bool listener_check_address(const char *text);

/*
 * Listens on every one of ADDRESSES, or on none: NULL with ERROR then. [::]
 * takes IPv4 too, unless ADDRESSES says 0.0.0.0 with the same port besides.
 * FUNC is called from LOOP.
 */
Listener *listener_new(uv_loop_t *loop, char **addresses, ListenerFunc func, gpointer data,
                       GError **error);

/* What it really listens on, as "ADDRESS:PORT". Owned by LISTENER. */
const char *const *listener_addresses(const Listener *listener);

/* Stops listening. LOOP must run once more afterwards. */
void listener_free(Listener *listener);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Listener, listener_free)

/* ADDRESS as text, without its port; IPv4 mapped into IPv6 as IPv4. */
char *address_to_string(const struct sockaddr *address);
