/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Digests in a ring: an SDP is too long to keep, and such relays change no byte. */

#include <config.h>

#include "peer/signaling/echo.h"

enum { ECHO_SIZE = 256 };

struct Echo {
    char *ring[ECHO_SIZE];
    guint next;
};

Echo *echo_new(void)
{
    return g_new0(Echo, 1);
}

void echo_free(Echo *echo)
{
    if (!echo)
        return;
    for (guint i = 0; i < ECHO_SIZE; i++)
        g_free(echo->ring[i]);
    g_free(echo);
}

void echo_sent(Echo *echo, const char *text)
{
    char **place = &echo->ring[echo->next++ % ECHO_SIZE];

    g_free(*place);
    *place = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

bool echo_is_own(Echo *echo, const char *text)
{
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);

    for (guint i = 0; i < ECHO_SIZE; i++) {
        if (g_strcmp0(echo->ring[i], digest) == 0) {
            g_clear_pointer(&echo->ring[i], g_free);
            return true;
        }
    }
    return false;
}
