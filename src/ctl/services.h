/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The services that this peer offers, from its property Services. */

#pragma once

#include "ctl/text.h"

/* Appends their names, and says how many there are. */
guint services_names(GVariant *dict, GString *text);
/* An array */
void services_to_json(GVariant *dict, JsonBuilder *builder);
