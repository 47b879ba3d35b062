/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Text that others chose, made safe to show. Control characters can move the
 * cursor of a terminal or begin a line of the journal, and bidirectional
 * overrides turn a line around (Unicode Technical Report 36). What comes in as
 * a name is made printable once, where it comes in.
 *
 * Not printable are: controls (C0, DEL, C1, line ends too), format characters
 * (bidirectional marks, overrides and isolates, joiners, the byte order mark),
 * line and paragraph separators, letters that show nothing, and code points
 * that GLib's Unicode does not know.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Whether TEXT, UTF-8, is shown as it is. */
bool is_printable(const char *text);

/* TEXT with each character that is not printable, and each piece that is not UTF-8, replaced by
 * U+FFFD. Transfer full. */
char *printable(const char *text);
/* The same with REPLACEMENT in the place of each character; what is not UTF-8 is U+FFFD. */
char *printable_with(const char *text, gunichar replacement);

/* TEXT, which is JSON, with those characters escaped (RFC 8259 section 7): the same to whoever
 * parses it. Transfer full. */
char *printable_json(const char *text);
