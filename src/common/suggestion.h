/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Which known word somebody may have meant. */

#pragma once

#include <glib.h>

/* The one of WORDS (N of them, none NULL) that is nearest to WRITTEN, whatever its case: at most a
 * third of its letters and two are other, missing, added or change places with the next. NULL
 * if none is. */
const char *suggestion_find(const char *written, const char *const *words, gsize n);
