/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/candidate.h"

#include <string.h>

#include "common/printable.h"

char **candidate_split(const char *text)
{
    g_auto(GStrv) words =
        g_strsplit(g_str_has_prefix(text, "a=") ? text + strlen("a=") : text, " ", -1);

    if (g_strv_length(words) < CANDIDATE_N_WORDS || strcmp(words[CANDIDATE_TYP], "typ") != 0)
        return NULL;
    return g_steal_pointer(&words);
}

char *candidate_type(const char *text)
{
    g_auto(GStrv) words = text ? candidate_split(text) : NULL;

    return words ? printable(words[CANDIDATE_TYPE]) : NULL;
}

char *candidate_ufrag(const char *text)
{
    g_auto(GStrv) words = candidate_split(text);

    for (guint i = CANDIDATE_N_WORDS; words && i + 1 < g_strv_length(words); i += 2) {
        if (strcmp(words[i], "ufrag") == 0)
            return g_strdup(words[i + 1]);
    }
    return NULL;
}

char *candidate_endpoint(char **words)
{
    return g_strdup_printf(strchr(words[CANDIDATE_ADDRESS], ':') ? "[%s]:%s" : "%s:%s",
                           words[CANDIDATE_ADDRESS], words[CANDIDATE_PORT]);
}
