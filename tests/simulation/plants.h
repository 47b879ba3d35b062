/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Bugs that can be planted, to see that the simulation finds them, and of 1000 seeds how many
 * fail with each:
 *
 *   cursor     21  the listener's store keeps its place before the readings, in a transaction of
 *                  its own
 *   again     363  the listener says a place a little before the one that it has, and takes what
 *                  comes twice
 *   trimmed   249  the emitter does not look for the last readings of quiet series that have left
 *                  the outbox
 *   uncounted 375  the listener does not count what has left the outbox
 *   waiting     1  the listener says its place while its store has not committed what another call
 *                  has brought
 *   untold    346  the keeper is not told that a call has ended
 */

#pragma once

typedef enum {
    PLANT_NONE,
    PLANT_CURSOR,
    PLANT_AGAIN,
    PLANT_TRIMMED,
    PLANT_UNCOUNTED,
    PLANT_WAITING,
    PLANT_UNTOLD,
} Plant;

extern Plant planted;
