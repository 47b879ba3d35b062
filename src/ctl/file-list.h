/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What "send" and "receive" both write of files, on standard output. */

#pragma once

#include <glib.h>

/* A line for people, and one for programs: SHA256 and WHY it failed may be NULL. */
void file_print(const char *path, guint64 size);
void file_to_json(const char *path, guint64 size, const char *sha256, const char *why);

/* The last line: how many were done, of them UNCHECKED, and failed, BYTES in so many µs. */
void files_print_sum(guint done, guint unchecked, guint64 failed, guint64 bytes, gint64 elapsed);
/* WHY it ended too early, or NULL */
void files_sum_to_json(guint done, guint64 failed, guint64 bytes, const char *why);
