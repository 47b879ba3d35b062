/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The configuration files of both daemons. Each is taken, or refused by one line that
 * names the file; what is taken is within its range.
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "common/config-file.h"
#include "common/printable.h"
#include "peer/config.h"
#include "relay/config.h"

static void check_error(const GError *error, const char *path)
{
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, path));
    g_assert_true(is_printable(error->message));
}

static void check_peer(const char *path)
{
    g_autoptr(GError) error = NULL;
    PeerConfig config = {};

    if (!peer_config_load(&config, path, true, &error)) {
        check_error(error, path);
        return;
    }
    g_assert_true(config.max_calls >= 1 && config.max_calls <= 65536);
    g_assert_cmpuint(config.interval, >=, 1000);
    for (char **interface = config.interfaces; *interface; interface++)
        g_assert_cmpuint(strlen(*interface), <, 16);
    peer_config_clear(&config);
}

static void check_relay(const char *path)
{
    g_autoptr(GError) error = NULL;
    RelayConfig config = {};

    if (!relay_config_load(path, true, &config, &error)) {
        check_error(error, path);
        return;
    }
    g_assert_nonnull(config.listen);
    relay_config_clear(&config);
}

static void check_numbers(const char *text)
{
    guint64 value;

    config_parse_size(text, &value);
    config_parse_duration(text, &value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *) data, size), *path = NULL;

    fuzz_begin();
    path = g_build_filename(fuzz_folder(), "x.conf", NULL);
    g_assert_true(g_file_set_contents_full(path, (const char *) data, (gssize) size,
                                           G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    check_peer(path);
    check_relay(path);
    check_numbers(text);
    return 0;
}
