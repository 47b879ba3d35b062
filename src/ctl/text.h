/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * How rtcbusctl writes things: durations, times and numbers for people,
 * aligned tables, and JSON lines for programs. All strings returned are the
 * caller's to free.
 */

#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

/* "0.8 ms", "29 ms", "1.2 s", "3 min 4 s", "2 h 3 min", "5 d 2 h" */
char *text_duration(guint64 usec);

/* "-" for 0 µs, which D-Bus says where nothing has been measured */
char *text_measured(guint64 usec);

/* How long ago it was, from µs since the epoch; "-" for 0 */
char *text_since(guint64 time);

/* Local date and time with milliseconds, from µs since the epoch */
char *text_time(guint64 time);

/* The shortest decimal text that reads back as VALUE: 5, 0.1, 1e+300 */
char *text_value(double value);

/* A reading's value (d, s or ay) and its unit: "21.5 °C"; bytes in hexadecimal digits, the first of
 * them if there are many. Safe for a terminal. */
char *text_variant(GVariant *value, const char *unit);

/* A point in time as people write it, in µs since the epoch: "10min", "2h" or "3d" ago, "14:30"
 * today, "2026-12-31", "2026-12-31 14:30", ISO 8601; local time. */
bool text_parse_time(const char *text, guint64 *time);

/* What a remote chose, made safe for a terminal (common/printable.h); nothing
 * becomes "-". */
char *text_safe(const char *text);

/* The room that the relay's URL names, for people: "greenhouse", or that it is the default one */
char *text_room(const char *url);

/* How many columns of a terminal TEXT takes */
size_t text_columns(const char *text);

/* A candidate as SDP writes it, in brief: "[fd00::1]:53091 host", with the
 * transport only where it is not UDP. Others are text_safe() of what they are. */
char *text_candidate(const char *candidate);

/*
 * Rows of cells, printed in columns as wide as their widest cell. What goes in is made
 * printable.
 */
typedef struct Table Table;

Table *table_new(unsigned indent);
void table_row(Table *table, const char *first, ...) G_GNUC_NULL_TERMINATED; /* copies */
/* A line of its own below a row, of any length */
void table_note(Table *table, const char *text);
void table_print(Table *table);
void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* Members of a JSON object, and the object as one line on standard output. There too nothing
 * comes out raw that could upset a terminal. */
void json_add_string(JsonBuilder *builder, const char *name, const char *value);
void json_add_uint(JsonBuilder *builder, const char *name, guint64 value);
void json_add_flag(JsonBuilder *builder, const char *name, bool value);
void json_add_value(JsonBuilder *builder, const char *name, double value);
/* d as a number, s as a string; ay as a string in base64, in a member whose name ends with
 * "Base64". */
void json_add_variant(JsonBuilder *builder, const char *name, GVariant *value);
/* An array of objects: LIST is an array of structures of strings, which get the names of MEMBERS,
 * NULL-terminated, in their order. NULL: an empty array. */
void json_add_records(JsonBuilder *builder, GVariant *list, const char *const *members);
void json_print(JsonBuilder *builder);

/* Whether standard output took less than it was given: a full disk, or nobody who reads */
bool text_output_failed(void);
