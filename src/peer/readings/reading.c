/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/readings/reading.h"

#include <glib/gi18n.h>
#include <math.h>
#include <string.h>

#include "peer/error.h"

static bool refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool refuse(GError **error, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list arguments;

    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT, message);
    return false;
}

/* C0, DEL and C1 */
static bool has_controls(const char *text)
{
    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return true;
    }
    return false;
}

static bool is_label(const char *text, gsize max)
{
    return strlen(text) <= max && g_utf8_validate(text, -1, NULL) && !has_controls(text);
}

static bool check_value(const Reading *reading, GError **error)
{
    if (reading->kind == READING_NUMBER)
        return isfinite(reading->number) ||
               refuse(error, _("only finite numbers can be published"));
    if (reading->length > READING_MAX_VALUE)
        return refuse(error, _("a value is at most %d bytes long"), READING_MAX_VALUE);
    if (reading->kind == READING_TEXT && reading->length > 0 &&
        !g_utf8_validate_len(reading->data, reading->length, NULL))
        return refuse(error, _("a text must be UTF-8 without NUL characters"));
    return true;
}

bool reading_check(const Reading *reading, GError **error)
{
    if (!is_label(reading->series, READING_MAX_SERIES))
        return refuse(error,
                      _("the name of a series is UTF-8 of at most %d bytes, without control "
                        "characters"),
                      READING_MAX_SERIES);
    if (!is_label(reading->unit, READING_MAX_UNIT))
        return refuse(error, _("a unit is UTF-8 of at most %d bytes, without control characters"),
                      READING_MAX_UNIT);
    if (reading->time > READING_MAX_TIME)
        return refuse(error, _("a time is in microseconds since 1970, before the year 10000"));
    return check_value(reading, error);
}

bool reading_is_plain_number(const Reading *reading)
{
    return reading->kind == READING_NUMBER && !*reading->series;
}

/* One piece of memory holds it all. */
Reading *reading_copy(const Reading *reading)
{
    gsize series = strlen(reading->series) + 1, unit = strlen(reading->unit) + 1;
    gsize length = reading->kind == READING_NUMBER ? 0 : reading->length;
    Reading *copy = g_malloc(sizeof *copy + series + unit + length);
    char *place = (char *) (copy + 1);

    *copy = *reading;
    copy->series = memcpy(place, reading->series, series);
    copy->unit = memcpy(place + series, reading->unit, unit);
    copy->data = place + series + unit;
    copy->length = length;
    if (length > 0)
        memcpy(place + series + unit, reading->data, length);
    return copy;
}

void reading_free(Reading *reading)
{
    g_free(reading);
}
