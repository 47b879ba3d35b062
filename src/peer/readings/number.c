/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/readings/number.h"

#include <math.h>
#include <string.h>

static const char *skip_digits(const char *p, bool *any)
{
    for (; g_ascii_isdigit(*p); p++)
        *any = true;
    return p;
}

/* [+-] digits [. digits] [e [+-] digits]: no hexadecimal, no "inf", no spaces */
static bool is_decimal(const char *p)
{
    bool mantissa = false, exponent = false;

    if (*p == '+' || *p == '-')
        p++;
    p = skip_digits(p, &mantissa);
    if (*p == '.')
        p = skip_digits(p + 1, &mantissa);
    if (!mantissa)
        return false;
    if (*p != 'e' && *p != 'E')
        return *p == '\0';
    p++;
    if (*p == '+' || *p == '-')
        p++;
    return *skip_digits(p, &exponent) == '\0' && exponent;
}

bool number_parse(const char *text, gsize length, double *value)
{
    char copy[512];
    double number;

    if (length >= sizeof(copy) || memchr(text, '\0', length))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (!is_decimal(copy))
        return false;
    number = g_ascii_strtod(copy, NULL);
    if (!isfinite(number))
        return false;
    *value = number;
    return true;
}

char *number_format(double value)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];

    if (value == floor(value) && fabs(value) < 1e15)
        return g_strdup_printf("%" G_GINT64_FORMAT, (gint64) value);
    for (int digits = 1; digits < 17; digits++) {
        char format[8];

        g_snprintf(format, sizeof(format), "%%.%dg", digits);
        g_ascii_formatd(buffer, sizeof(buffer), format, value);
        if (g_ascii_strtod(buffer, NULL) == value)
            return g_strdup(buffer);
    }
    return g_strdup(g_ascii_formatd(buffer, sizeof(buffer), "%.17g", value));
}
