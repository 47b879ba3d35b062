/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* How a number reads as text, on msg_channel and everywhere else. */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* All of TEXT as a finite decimal number; false (VALUE untouched) if it is none. */
bool number_parse(const char *text, gsize length, double *value);

/* Whole numbers without a point, others in the fewest digits that read back the
 * same. VALUE must be finite. Transfer full. */
char *number_format(double value);
