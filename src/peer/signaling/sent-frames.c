/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Digests in a ring: an SDP is too long to keep, and such relays change no byte. */

#include <config.h>

#include "peer/signaling/sent-frames.h"

enum { SENT_SIZE = 256 };

struct SentFrames {
    char *ring[SENT_SIZE];
    guint next;
};

SentFrames *sent_frames_new(void)
{
    return g_new0(SentFrames, 1);
}

void sent_frames_free(SentFrames *sent)
{
    if (!sent)
        return;
    for (guint i = 0; i < SENT_SIZE; i++)
        g_free(sent->ring[i]);
    g_free(sent);
}

void sent_frames_add(SentFrames *sent, const char *text)
{
    char **place = &sent->ring[sent->next++ % SENT_SIZE];

    g_free(*place);
    *place = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

bool sent_frames_take(SentFrames *sent, const char *text)
{
    g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);

    for (guint i = 0; i < SENT_SIZE; i++) {
        if (g_strcmp0(sent->ring[i], digest) == 0) {
            g_clear_pointer(&sent->ring[i], g_free);
            return true;
        }
    }
    return false;
}
