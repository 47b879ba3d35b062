/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Remote candidates, one a line, as an agent takes them that has not begun to look
 * for a path. Names are answered by nobody, at once.
 */

#include <config.h>

#include "fuzz.h"

#include <gio/gio.h>
#include <string.h>

#include "common/candidate.h"
#include "rtc/ice/ice.h"
#include "tests/unit/name-resolver.h"

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

static void check_type(const char *candidate)
{
    g_autofree char *type = NULL;

    if (!g_utf8_validate(candidate, -1, NULL))
        return;
    type = candidate_type(candidate);
    if (type)
        g_assert_true(g_utf8_validate(type, -1, NULL));
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
        check_type(*line);
    }
    fuzz_turn();
    g_clear_pointer(&ice, ice_free);
    fuzz_turn();
    return 0;
}
