/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The distance of Damerau and Levenshtein (optimal string alignment), over bytes. */

#include <config.h>

#include "common/suggestion.h"

#include <string.h>

enum { MAX_LENGTH = 64, MOST_DIFFERENT = 2 };

static guint distance(const char *a, const char *b)
{
    guint rows[3][MAX_LENGTH + 1];
    gsize n = strlen(a), m = strlen(b);

    for (gsize j = 0; j <= m; j++)
        rows[0][j] = j;
    for (gsize i = 1; i <= n; i++) {
        guint *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];

        row[0] = i;
        for (gsize j = 1; j <= m; j++) {
            guint other = g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]);

            row[j] = MIN(MIN(above[j], row[j - 1]) + 1, above[j - 1] + other);
            if (i > 1 && j > 1 && g_ascii_tolower(a[i - 1]) == g_ascii_tolower(b[j - 2]) &&
                g_ascii_tolower(a[i - 2]) == g_ascii_tolower(b[j - 1]))
                row[j] = MIN(row[j], second[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

const char *suggestion_find(const char *written, const char *const *words, gsize n)
{
    const char *best = NULL;
    guint least = MIN(MOST_DIFFERENT, strlen(written) / 3) + 1;

    for (gsize i = 0; i < n && strlen(written) <= MAX_LENGTH; i++) {
        guint away = strlen(words[i]) <= MAX_LENGTH ? distance(written, words[i]) : least;

        if (away < least) {
            least = away;
            best = words[i];
        }
    }
    return best;
}
