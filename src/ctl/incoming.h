/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Channels that peers open for a program here, and who they are. */

#pragma once

#include "ctl/client.h"

typedef struct IncomingWatch IncomingWatch;

typedef struct {
    const char *path;
    const char *name; /* what whoever calls us has chosen, unless it is known */
    const char *fingerprint;
    bool known; /* somebody vouches for this key, by this name */
} IncomingChannel;

/* From incoming_watch_begin() and the main loop. Another program may be first to acquire it. */
typedef void (*IncomingFound)(const IncomingChannel *channel, gpointer data);

/* LABEL may be NULL, for any. Both strings are copied. */
IncomingWatch *incoming_watch_new(BusClient *client, const char *protocol, const char *label,
                                  IncomingFound found, gpointer data);
/* Tells of those that there are, and from then on of others. */
bool incoming_watch_begin(IncomingWatch *watch, GError **error);
void incoming_watch_free(IncomingWatch *watch);

typedef enum {
    INCOMING_WELCOME,
    INCOMING_UNKNOWN, /* somebody has to be asked */
    INCOMING_OTHER,   /* it is not who is waited for */
} IncomingVerdict;

/* FROM may be NULL: from anybody who is known, or with ANYONE from anybody. */
IncomingVerdict incoming_judge(const IncomingChannel *channel, const char *from, bool anyone);

/* Who it is, and how its key can be made known: a sentence. Transfer full. */
char *incoming_explain_unknown(const IncomingChannel *channel);

/* On a terminal, says that the other side has to run COMMAND, which is followed by our own name if
 * WITH_NAME, and by MORE, which may be NULL. */
void incoming_hint(BusClient *client, const char *command, bool with_name, const char *more);
