/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * As which we ask to be in the room: by our own name, and while that is taken by another, if we
 * may have another. By value; all zero is without a name.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Each is tried when the one before is taken. */
typedef enum {
    NAME_OWN,
    NAME_OTHER, /* where we have another one */
    NAME_SPARE, /* a copy of this machine, with the same key, has that, too */
} NameRank;

typedef struct {
    char *own, *other;
    char *spare; /* kept once it was made up, so that others see one name */
    NameRank rank;
    guint waits;     /* for our own, while somebody has it */
    gint64 since;    /* monotonic µs: when we came in under another; 0: we did not */
    gint64 returned; /* the same: when our own was ours again; 0: never */
    char *suspect;   /* who had our own then, and has said nothing since: its id, or NULL */
} NameChoice;

/* OTHER: NULL to wait until OWN is free. */
void name_choice_set(NameChoice *choice, const char *own, const char *other);
void name_choice_clear(NameChoice *choice);

const char *name_choice_get(const NameChoice *choice);

/* Our own is asked for again. */
void name_choice_begin(NameChoice *choice);

/* The relay does not know yet whether who has our own is still there: after how many milliseconds to
 * ask again; 0: we have asked often enough. */
guint name_choice_wait(NameChoice *choice);

/* The next one; false if there is none, and our own is next. */
bool name_choice_next(NameChoice *choice);

/*
 * We are in the room at NOW, in which HOLDER has our own name, or NULL. A machine that is back from
 * a power cut may have been told that its own dead connection lives: then that one says nothing,
 * and leaves within two minutes. Our own is taken back once in ten minutes, for whoever is in the
 * room can do the same.
 */
void name_choice_entered(NameChoice *choice, const char *holder, gint64 now);
void name_choice_heard(NameChoice *choice, const char *id);

/* Whether ID, which has left at NOW, was such a connection, and our own name is to be ours again. */
bool name_choice_left(NameChoice *choice, const char *id, gint64 now);
