/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Where in the text of a GKeyFile something stands, for messages about it: GKeyFile itself keeps no
 * line numbers.  Lines count from 1; 0 is "nowhere".
 */

#pragma once

#include <glib.h>

/* The line of GROUP's KEY that is in force (the last one), or GROUP's own if KEY is NULL. */
guint config_lines_find(const char *text, const char *group, const char *key);

/* The first line that is none: no comment, no group, no key with a value. */
guint config_lines_first_wrong(const char *text);
