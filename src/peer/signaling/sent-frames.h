/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Our own frames, sent back to us: bare relays know a client by its place in a
 * list, and once an early one has left they mistake the later ones.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct SentFrames SentFrames;

SentFrames *sent_frames_new(void);
void sent_frames_free(SentFrames *sent);

void sent_frames_add(SentFrames *sent, const char *text);

/* Whether TEXT is what we sent not long ago; then it is forgotten, so that each sending counts
 * once. */
bool sent_frames_take(SentFrames *sent, const char *text);
