/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/signaling/name-choice.h"

#include "common/random.h"

/* It may be we who have the name: a machine whose power or link was gone for a
 * moment has left a connection that the relay takes for alive. The relay asks it
 * now, and tells us with Retry-After. If its address is still ours, our kernel
 * answers that there is no such connection, sooner than that; else the relay waits
 * for three seconds, and up to one more; or longer, if it is slow or asks another one.
 * Once it knows that somebody else is there it says no Retry-After. */
static const guint waits[] = {1000, 4000, 5000}; /* milliseconds */

#define SUSPICION (120 * G_USEC_PER_SEC)

/* Power cuts are rare: whoever takes our name and leaves more often wants us to connect anew. */
#define RETURN_INTERVAL (600 * G_USEC_PER_SEC)

void name_choice_set(NameChoice *choice, const char *own, const char *other)
{
    name_choice_clear(choice);
    choice->own = g_strdup(own);
    choice->other = g_strdup(other);
}

void name_choice_clear(NameChoice *choice)
{
    g_free(choice->own);
    g_free(choice->other);
    g_free(choice->spare);
    g_free(choice->suspect);
    *choice = (NameChoice){};
}

const char *name_choice_get(const NameChoice *choice)
{
    switch (choice->rank) {
    case NAME_OWN:
        return choice->own;
    case NAME_OTHER:
        return choice->other;
    case NAME_SPARE:
        return choice->spare;
    }
    g_return_val_if_reached(NULL);
}

void name_choice_begin(NameChoice *choice)
{
    choice->rank = NAME_OWN;
    choice->waits = 0;
}

guint name_choice_wait(NameChoice *choice)
{
    if (!choice->other || choice->waits >= G_N_ELEMENTS(waits))
        return 0;
    return waits[choice->waits++];
}

bool name_choice_next(NameChoice *choice)
{
    if (!choice->other || choice->rank == NAME_SPARE) {
        choice->rank = NAME_OWN;
        g_clear_pointer(&choice->spare, g_free);
        return false;
    }
    choice->rank++;
    if (choice->rank == NAME_SPARE && !choice->spare)
        choice->spare = g_strdup_printf("%.59s-%04x", choice->own, random_below(0x10000));
    return true;
}

void name_choice_entered(NameChoice *choice, const char *holder, gint64 now)
{
    g_free(choice->suspect);
    choice->suspect = choice->rank == NAME_OWN ? NULL : g_strdup(holder);
    choice->since = now;
}

void name_choice_heard(NameChoice *choice, const char *id)
{
    if (g_strcmp0(choice->suspect, id) == 0)
        g_clear_pointer(&choice->suspect, g_free);
}

bool name_choice_left(NameChoice *choice, const char *id, gint64 now)
{
    if (!choice->suspect || g_strcmp0(choice->suspect, id) != 0)
        return false;
    g_clear_pointer(&choice->suspect, g_free);
    if (now - choice->since > SUSPICION ||
        (choice->returned > 0 && now - choice->returned < RETURN_INTERVAL))
        return false;
    choice->returned = now;
    name_choice_begin(choice);
    return true;
}
