/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Remote candidates, one a line, as an agent takes them that has not begun to look
 * for a path. Names are answered by nobody, at once.
 */

#include <config.h>

#include "fuzz.h"

#include <gio/gio.h>
#include <stdbool.h>
#include <string.h>

#include "common/candidate.h"
#include "common/printable.h"
#include "rtc/ice/ice.h"
#include "tests/unit/name-resolver.h"

/* So many are taken for certain; more than there may be are left out unread. */
enum { TAKEN = 8 };

static void on_candidate(const char *candidate, gpointer data)
{
}

static void on_overflow(gsize room, gpointer data)
{
}

static void use_resolver(void)
{
    static GResolver *resolver;

    if (resolver)
        return;
    resolver = name_resolver_new();
    g_resolver_set_default(resolver);
}

/* Whether its syntax is right, and then what is said of it */
static bool check_words(const char *candidate)
{
    g_auto(GStrv) words = candidate_split(candidate);
    g_autofree char *type = candidate_type(candidate), *endpoint = NULL;

    g_assert_cmpint(words != NULL, ==, type != NULL);
    if (!words)
        return false;
    g_assert_cmpuint(g_strv_length(words), >=, CANDIDATE_N_WORDS);
    g_assert_true(is_printable(type));
    endpoint = candidate_endpoint(words);
    g_assert_nonnull(strchr(endpoint, ':'));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const interfaces[] = {"lo", NULL};
    const IceConfig config = {
        .interfaces = interfaces, .candidate = on_candidate, .overflow = on_overflow};
    g_autofree char *text = g_strndup((const char *) data, size);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(Ice) ice = NULL;

    fuzz_begin();
    use_resolver();
    ice = ice_new(&config, NULL);
    g_assert_nonnull(ice);
    g_assert_true(ice_set_remote_credentials(ice, "ufrag", "passwordpasswordpassword", NULL));
    for (char **line = lines; *line; line++) {
        g_autoptr(GError) error = NULL;

        g_assert_cmpint(ice_add_candidate(ice, *line, &error), ==, error == NULL);
        if (!check_words(*line) && line - lines < TAKEN)
            g_assert_nonnull(error);
    }
    fuzz_turn();
    g_clear_pointer(&ice, ice_free);
    fuzz_turn();
    return 0;
}
