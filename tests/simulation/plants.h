/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Bugs that can be planted, to see that the simulation finds them. What it has found, each
 * with 1000 seeds:
 *
 *   cursor    the listener's store keeps its place before the readings, in a transaction of its own
 *   again     the listener says a place a little before the one that it has, and takes what comes
 *   trimmed   the emitter does not look for the last readings of silent series that have left the
 *             outbox
 *   uncounted the listener does not count what has left the outbox
 *   waiting   the listener says what waits in its store, instead of what is on the disk
 */

#pragma once

typedef enum {
    PLANT_NONE,
    PLANT_CURSOR,
    PLANT_AGAIN,
    PLANT_TRIMMED,
    PLANT_UNCOUNTED,
    PLANT_WAITING,
} Plant;

extern Plant planted;
