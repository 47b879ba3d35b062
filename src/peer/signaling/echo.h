/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Our own frames, sent back to us: bare relays know a client by its place in a
 * list, and once an early one has left they mistake the later ones.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Echo Echo;

Echo *echo_new(void);
void echo_free(Echo *echo);

void echo_sent(Echo *echo, const char *text);

/* Whether TEXT is what we sent not long ago; each sending counts once. */
bool echo_is_own(Echo *echo, const char *text);
