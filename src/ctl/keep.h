/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Kept peers, as "keep" and "status" show them, and the forwards that the daemon listens for. */

#pragma once

#include <json-glib/json-glib.h>

/* DICT has the properties of the peer. */
guint kept_peers_count(GVariant *dict);
guint kept_peers_connected(GVariant *dict);
void kept_peers_print(GVariant *dict, unsigned indent);
void kept_peers_to_json(GVariant *dict, JsonBuilder *builder);

guint forwards_count(GVariant *dict);
void forwards_print(GVariant *dict, unsigned indent);
void forwards_to_json(GVariant *dict, JsonBuilder *builder);
