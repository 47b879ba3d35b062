/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Ids that nobody guesses and that never come twice: 128 random bits. */

#pragma once

#include <stdbool.h>

enum { RANDOM_ID_LENGTH = 32 }; /* hexadecimal digits */

/* A new one, in lower case, with its NUL. */
void random_id(char id[RANDOM_ID_LENGTH + 1]);

/* Whether TEXT could be one, in either case. */
bool is_random_id(const char *text);
