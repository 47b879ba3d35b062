/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The calls of the peer daemon, as lists of (object path, properties). */

#pragma once

#include "ctl/client.h"
#include "ctl/text.h"

#define CALL_PATH_PREFIX PEER_OBJECT_PATH "/call/"

typedef struct {
    char *path;
    guint64 number;       /* the N of its path */
    GVariant *properties; /* a{sv} of org.rtcbus.Peer1.Call */
} CallEntry;

/* All calls in order of their numbers; NULL with ERROR. */
GPtrArray *call_list_load(BusClient *client, GError **error);

/* Of one call; PROPERTIES is not consumed. */
CallEntry *call_entry_new(const char *path, GVariant *properties);
void call_entry_free(CallEntry *call);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CallEntry, call_entry_free)

/* "7" or an object path of a call as a path; NULL for anything else. Transfer full. */
char *call_path_parse(const char *text);

/* As client_fail(), for what was asked of CALL: there may be none. */
int call_fail(const BusClient *client, const char *call, const GError *error);

/* Calls PEER: the path of the call, which may have EXISTED before, or NULL with ERROR. OPTIONS, of
 * Call(), may be NULL and is consumed if it is floating. */
char *call_place(BusClient *client, const char *peer, GVariant *options, bool *existed,
                 GError **error);

/* The list for people, indented, and for programs as an array. */
void call_list_print(GPtrArray *calls, unsigned indent);
void call_list_to_json(GPtrArray *calls, JsonBuilder *builder);

/* One call as a JSON object. */
void call_entry_to_json(const CallEntry *call, JsonBuilder *builder);

/* A State of org.rtcbus.Peer1.Call in the user's language; others as they are. */
const char *call_state_text(const char *state);
