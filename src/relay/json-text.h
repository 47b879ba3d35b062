/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The relay writes few frames of its own, and small ones: by hand. */

#pragma once

#include <glib.h>

/* Adds TEXT, which has no control characters, as a JSON string. */
void json_text_append(GString *out, const char *text);
