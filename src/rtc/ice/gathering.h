/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The end of libnice's gathering. It asks its servers for ten seconds at most,
 * but where the last one's connection breaks it forgets to say that it is done.
 */

#pragma once

#include <agent.h>

typedef struct Gathering Gathering;

/* ENDED is told once, after the last candidate: with NULL for one. */
Gathering *gathering_new(NiceAgent *agent, void (*ended)(const char *candidate, gpointer data),
                         gpointer data);
void gathering_free(Gathering *gathering);

/* AGENT gathers now. */
void gathering_begin(Gathering *gathering);
