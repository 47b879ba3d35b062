/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What all three interfaces convert alike: options, errors, paths, strings. */

#pragma once

#include <gio/gio.h>
#include <stdbool.h>

#include "rtc/channel/channel.h"

/* One key of an a{sv}. PLACE by TYPE: "s" char ** (transfer full), "b" bool *,
 * "u" guint *, "q" guint *, "t" guint64 *, "as" char *** (transfer full). */
typedef struct {
    const char *key;
    const char *type;
    void *place;
    bool *given; /* set to true if the key is there; may be NULL */
} BusOption;

/* Reads DICT; keys not in OPTIONS (ended by a NULL key) and other types are refused
 * with PEER_ERROR_INVALID_ARGUMENT. */
bool bus_options_read(GVariant *dict, const BusOption *options, GError **error);

/* Whether all of SERVERS, which may be NULL, are URIs as in peer.conf. */
bool bus_check_servers(char *const *servers, GError **error);

/* A priority as it is written; one that the remote has chosen may be between two. */
bool bus_priority_parse(const char *text, ChannelPriority *priority);
const char *bus_priority_to_string(ChannelPriority priority);

/* Ends INVOCATION with the org.rtcbus.Error that fits ERROR, of PEER_ERROR or RTC_ERROR. */
void bus_return_error(GDBusMethodInvocation *invocation, const GError *error);

/* The same, for an object whose channel is gone. */
void bus_return_closed(GDBusMethodInvocation *invocation);

/* Emits SIGNAL of OBJECT to the program DESTINATION alone. VALUES may be floating. */
void bus_tell(GDBusInterfaceSkeleton *object, const char *destination, const char *signal,
              GVariant *values);

/* Transfer full */
char *bus_call_path(guint call);
char *bus_channel_path(guint call, guint channel);

/* BYTES as the UTF-8 that D-Bus insists on. Transfer full. */
char *bus_text(const void *bytes, gsize length);
