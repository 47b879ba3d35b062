/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/random-id.h"

#include <glib.h>
#include <string.h>

#include "common/random.h"

void random_id(char id[RANDOM_ID_LENGTH + 1])
{
    static const char digits[] = "0123456789abcdef";
    guint8 random[RANDOM_ID_LENGTH / 2];

    random_bytes(random, sizeof random);
    for (gsize i = 0; i < sizeof random; i++) {
        id[2 * i] = digits[random[i] >> 4];
        id[2 * i + 1] = digits[random[i] & 15];
    }
    id[RANDOM_ID_LENGTH] = '\0';
}

bool is_random_id(const char *text)
{
    return strlen(text) == RANDOM_ID_LENGTH &&
           strspn(text, "0123456789abcdefABCDEF") == RANDOM_ID_LENGTH;
}
