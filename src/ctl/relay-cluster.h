/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* "relay": the other relays of its cluster. */

#pragma once

#include "ctl/command.h"
#include "ctl/text.h"

/* NULL with ERROR if nothing is known of them; an empty list if there are none. Transfer full. */
GVariant *relay_cluster_load(BusClient *client, GError **error);

/* Adds what DICT, the relay's properties, says to TABLE. Nothing if it is alone and is to be. */
void relay_cluster_add_row(Table *table, GVariant *dict);
void relay_cluster_print(GVariant *relays);
void relay_cluster_to_json(GVariant *dict, GVariant *relays, JsonBuilder *builder);
