/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Candidates whose address is a .local name, which has to be looked up. A name that is nowhere takes
 * seconds and a thread, and all names that the process looks up wait for the same threads: that of the
 * relay, too. So few are looked up at once, and senders take turns; strangers (check-budget.h) have a
 * number of their own, and take none of those of others.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/ice/check-budget.h"

enum {
    NAME_LOOKUPS_MAX = 8,     /* in one call */
    NAME_LOOKUPS_AT_ONCE = 3, /* of strangers, and of others */
};

typedef struct NameLookups NameLookups;

/* CANDIDATE, with a number for the name */
typedef void (*NameFound)(const char *candidate, gpointer data);

/* Of somebody who has BUDGET. */
NameLookups *name_lookups_new(CheckBudget *budget, NameFound found, gpointer data);
void name_lookups_free(NameLookups *lookups);

/* Looks up the name in CANDIDATE, which can be split (candidate.h). False: it is one too many. */
bool name_lookups_add(NameLookups *lookups, const char *candidate);
