/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Whether the remote is still there. Whatever it sends is a sign, for DTLS has
 * authenticated it; a remote that has been silent for some seconds is asked.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct Liveness Liveness;

typedef struct {
    /* Asks the remote for a sign; an answer is told by liveness_heard(). */
    void (*ask)(gpointer data);
    /* It has not answered twice, or is heard again. */
    void (*doubt)(bool doubted, gpointer data);
} LivenessUser;

/* Asks at once, and then as needed, after QUIET seconds of silence; six at least. USER is kept by
 * reference. */
Liveness *liveness_new(guint quiet, const LivenessUser *user, gpointer data);
void liveness_free(Liveness *liveness);

/* Something of the remote has come. */
void liveness_heard(Liveness *liveness);

/* Whether it has been asked for a sign, and has not given one. */
bool liveness_is_asking(const Liveness *liveness);
