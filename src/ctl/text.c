/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Output in one place, so that every command writes alike. Tables measure
 * cells in terminal columns, not characters: Japanese takes two a character.
 */

#include <config.h>

#include "ctl/text.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/candidate.h"
#include "common/clock.h"
#include "common/printable.h"

typedef struct {
    char **cells;
    char *note; /* instead of cells */
} Row;

struct Table {
    unsigned indent;
    GPtrArray *rows; /* of Row * */
};

#define NOTE_INDENT 4

char *text_duration(guint64 usec)
{
    guint64 s = usec / G_USEC_PER_SEC;

    if (usec < 10 * 1000)
        return g_strdup_printf(_("%.1f ms"), (double) usec / 1000);
    if (s < 1)
        return g_strdup_printf(_("%.0f ms"), (double) usec / 1000);
    if (s < 60)
        return g_strdup_printf(_("%.1f s"), (double) usec / G_USEC_PER_SEC);
    if (s < 3600)
        return g_strdup_printf(_("%" PRIu64 " min %" PRIu64 " s"), s / 60, s % 60);
    if (s < 86400)
        return g_strdup_printf(_("%" PRIu64 " h %" PRIu64 " min"), s / 3600, s / 60 % 60);
    return g_strdup_printf(_("%" PRIu64 " d %" PRIu64 " h"), s / 86400, s / 3600 % 24);
}

char *text_measured(guint64 usec)
{
    return usec ? text_duration(usec) : g_strdup("-");
}

char *text_since(guint64 time)
{
    guint64 now = (guint64) clock_wall();

    return time ? text_duration(now > time ? now - time : 0) : g_strdup("-");
}

char *text_time(guint64 time)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_local((gint64) (time / G_USEC_PER_SEC));
    g_autofree char *seconds = date ? g_date_time_format(date, "%Y-%m-%d %H:%M:%S") : NULL;

    if (!seconds)
        return g_strdup("-");
    return g_strdup_printf("%s.%03u", seconds, (unsigned) (time % G_USEC_PER_SEC / 1000));
}

char *text_value(double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    for (int digits = 15; digits < 17; digits++) {
        char format[8];

        g_snprintf(format, sizeof format, "%%.%dg", digits);
        g_ascii_formatd(text, sizeof text, format, value);
        if (g_ascii_strtod(text, NULL) == value)
            return g_strdup(text);
    }
    return g_strdup(g_ascii_dtostr(text, sizeof text, value));
}

enum { MAX_BYTES_SHOWN = 32 };

static char *bytes_text(GVariant *value)
{
    gsize length;
    const guint8 *bytes = g_variant_get_fixed_array(value, &length, 1);
    GString *text = g_string_new("0x");

    for (gsize i = 0; i < MIN(length, MAX_BYTES_SHOWN); i++)
        g_string_append_printf(text, "%02x", bytes[i]);
    if (length > MAX_BYTES_SHOWN) {
        g_string_append(text, "... ");
        g_string_append_printf(text, ngettext("(%u byte)", "(%u bytes)", length),
                               (unsigned) length);
    }
    return g_string_free(text, FALSE);
}

char *text_variant(GVariant *value, const char *unit)
{
    g_autofree char *shown = NULL, *safe_unit = printable(unit);

    if (g_variant_is_of_type(value, G_VARIANT_TYPE_DOUBLE))
        shown = text_value(g_variant_get_double(value));
    else if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
        shown = printable(g_variant_get_string(value, NULL));
    else if (g_variant_is_of_type(value, G_VARIANT_TYPE_BYTESTRING))
        shown = bytes_text(value);
    else
        shown = g_strdup("-");
    return *safe_unit ? g_strdup_printf("%s %s", shown, safe_unit) : g_steal_pointer(&shown);
}

/* A number and a unit, that long ago */
static bool parse_ago(const char *text, gint64 *seconds)
{
    static const struct {
        const char *suffix;
        gint64 seconds;
    } units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    char *end = NULL;
    guint64 number = g_ascii_strtoull(text, &end, 10);

    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (g_ascii_isdigit(*text) && g_str_equal(end, units[i].suffix) && number < 1000000000) {
            *seconds = (gint64) number * units[i].seconds;
            return true;
        }
    }
    return false;
}

/* TEXT with what it leaves out: today's date, midnight, seconds */
static char *complete_time(const char *text)
{
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(clock_wall() / G_USEC_PER_SEC);
    g_autofree char *today = g_date_time_format(now, "%Y-%m-%d");
    g_auto(GStrv) words = g_strsplit_set(text, " T", 2);
    const char *date = strchr(words[0], ':') ? today : words[0];
    const char *time = date == today ? text : words[1];
    bool short_time = time && strlen(time) == 5;

    return g_strdup_printf("%sT%s%s", date, time ? time : "00:00:00", short_time ? ":00" : "");
}

bool text_parse_time(const char *text, guint64 *time)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_local();
    g_autofree char *whole = NULL;
    g_autoptr(GDateTime) date = NULL;
    gint64 seconds;

    if (!*text)
        return false;
    if (parse_ago(text, &seconds)) {
        *time = (guint64) MAX(clock_wall() - seconds * G_USEC_PER_SEC, 1);
        return true;
    }
    whole = complete_time(text);
    date = g_date_time_new_from_iso8601(whole, zone);
    if (!date || g_date_time_to_unix(date) < 0)
        return false;
    *time = (guint64) g_date_time_to_unix(date) * G_USEC_PER_SEC +
            (guint64) g_date_time_get_microsecond(date);
    return true;
}

char *text_safe(const char *text)
{
    return *text ? printable(text) : g_strdup("-");
}

char *text_room(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + strlen("://"), '/') : NULL;
    g_autofree char *bare = path ? g_strndup(path + 1, strcspn(path + 1, "?#")) : NULL;
    g_autofree char *room = bare ? g_uri_unescape_string(bare, NULL) : NULL;

    return room && *room ? printable(room) : g_strdup(_("the default room"));
}

size_t text_columns(const char *text)
{
    size_t columns = 0;

    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (!g_unichar_iszerowidth(c))
            columns += g_unichar_iswide(c) ? 2 : 1;
    }
    return columns;
}

char *text_candidate(const char *candidate)
{
    g_auto(GStrv) words = candidate_split(candidate);
    g_autofree char *endpoint = NULL, *brief = NULL;
    const char *transport;

    if (!words)
        return text_safe(candidate);
    endpoint = candidate_endpoint(words);
    transport = words[CANDIDATE_TRANSPORT];
    if (g_ascii_strcasecmp(transport, "UDP") == 0)
        transport = "";
    brief = g_strdup_printf("%s %s%s%s", endpoint, words[CANDIDATE_TYPE], *transport ? " " : "",
                            transport);
    return text_safe(brief);
}

static void row_free(Row *row)
{
    g_strfreev(row->cells);
    g_free(row->note);
    g_free(row);
}

Table *table_new(unsigned indent)
{
    Table *table = g_new0(Table, 1);

    table->indent = indent;
    table->rows = g_ptr_array_new_with_free_func((GDestroyNotify) row_free);
    return table;
}

void table_free(Table *table)
{
    g_ptr_array_unref(table->rows);
    g_free(table);
}

void table_row(Table *table, const char *first, ...)
{
    g_autoptr(GPtrArray) cells = g_ptr_array_new();
    Row *row = g_new0(Row, 1);
    va_list ap;

    va_start(ap, first);
    for (const char *cell = first; cell; cell = va_arg(ap, const char *))
        g_ptr_array_add(cells, printable(cell));
    va_end(ap);
    g_ptr_array_add(cells, NULL);
    row->cells = (char **) g_ptr_array_free(g_steal_pointer(&cells), FALSE);
    g_ptr_array_add(table->rows, row);
}

void table_note(Table *table, const char *text)
{
    Row *row = g_new0(Row, 1);

    row->note = printable(text);
    g_ptr_array_add(table->rows, row);
}

static size_t table_column_width(const Table *table, size_t column)
{
    size_t width = 0;

    for (guint i = 0; i < table->rows->len; i++) {
        const Row *row = table->rows->pdata[i];

        if (row->cells && column < g_strv_length(row->cells))
            width = MAX(width, text_columns(row->cells[column]));
    }
    return width;
}

static void table_print_cells(const Table *table, char **cells)
{
    g_autoptr(GString) line = g_string_new(NULL);

    for (size_t column = 0; cells[column]; column++) {
        size_t width = table_column_width(table, column) + 2;

        g_string_append(line, cells[column]);
        if (cells[column + 1])
            g_string_append_printf(line, "%*s", (int) (width - text_columns(cells[column])), "");
    }
    g_print("%*s%s\n", (int) table->indent, "", line->str);
}

void table_print(Table *table)
{
    for (guint i = 0; i < table->rows->len; i++) {
        const Row *row = table->rows->pdata[i];

        if (row->note)
            g_print("%*s%s\n", (int) table->indent + NOTE_INDENT, "", row->note);
        else
            table_print_cells(table, row->cells);
    }
}

void json_add_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

void json_add_flag(JsonBuilder *builder, const char *name, bool value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_boolean_value(builder, value);
}

void json_add_uint(JsonBuilder *builder, const char *name, guint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, (gint64) MIN(value, G_MAXINT64));
}

void json_add_value(JsonBuilder *builder, const char *name, double value)
{
    json_builder_set_member_name(builder, name);
    if (!isfinite(value)) /* JSON has no word for it */
        json_builder_add_null_value(builder);
    else if (value == trunc(value) && fabs(value) < 9007199254740992.0)
        json_builder_add_int_value(builder, (gint64) value);
    else
        json_builder_add_double_value(builder, value);
}

void json_add_variant(JsonBuilder *builder, const char *name, GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_DOUBLE)) {
        json_add_value(builder, name, g_variant_get_double(value));
    } else if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)) {
        json_add_string(builder, name, g_variant_get_string(value, NULL));
    } else if (g_variant_is_of_type(value, G_VARIANT_TYPE_BYTESTRING)) {
        gsize length;
        const guint8 *bytes = g_variant_get_fixed_array(value, &length, 1);
        g_autofree char *base64 = g_base64_encode(bytes, length);
        g_autofree char *member = g_strconcat(name, "Base64", NULL);

        json_add_string(builder, member, base64);
    }
}

void json_add_records(JsonBuilder *builder, GVariant *list, const char *const *members)
{
    json_builder_begin_array(builder);
    for (gsize i = 0; list && i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) record = g_variant_get_child_value(list, i);

        json_builder_begin_object(builder);
        for (gsize j = 0; members[j]; j++) {
            const char *value;

            g_variant_get_child(record, j, "&s", &value);
            json_add_string(builder, members[j], value);
        }
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

void json_print(JsonBuilder *builder)
{
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *text = json_to_string(root, FALSE);
    g_autofree char *shown = printable_json(text);

    /* not g_print(), which would convert to the locale's charset: JSON is UTF-8 */
    puts(shown);
    fflush(stdout); /* a program may wait for it while we go on */
}

bool text_output_failed(void)
{
    return fflush(stdout) != 0 || ferror(stdout);
}
