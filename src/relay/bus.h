/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * org.rtcbus.Relay1: converts arguments, calls the relay, converts results.
 */

#pragma once

#include <gio/gio.h>

#include "relay/relay.h"

typedef struct RelayBus RelayBus;

/* Exports RELAY, which must outlive the bus, on CONNECTION. */
RelayBus *bus_new(GDBusConnection *connection, Relay *relay, GError **error);
void bus_free(RelayBus *bus);

/* What is wrong in the configuration, in words for people */
void bus_set_problems(RelayBus *bus, char **problems);

/* Tells the bus and "systemctl status" how many clients there are. */
void bus_update(RelayBus *bus);
