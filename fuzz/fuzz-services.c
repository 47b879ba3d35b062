/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A file of services.d. A service that is there leads to one place, and is for
 * somebody; who is not in its list does not find it.
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/config-file.h"
#include "peer/service/forwards.h"
#include "peer/service/services.h"

#define NAME "x"
#define KEY                                                                                        \
    "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA"     \
    ":BB:CC:DD:EE:FF"

static bool is_desk(const char *name, const char *fingerprint, gpointer data)
{
    return strcmp(name, "desk") == 0;
}

static void check_service(const Service *service)
{
    g_assert_cmpstr(service->name, ==, NAME);
    g_assert_cmpint(!service->host + !service->path + !service->handed, ==, 2);
    g_assert_true(!service->host || service->port > 0);
    g_assert_true(g_strv_contains((const char *const *) service->allow, KEY) ||
                  g_strv_contains((const char *const *) service->allow, "desk"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *path = NULL;
    g_autoptr(Services) services = NULL;
    const Service *service;

    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(config_problem_free);

    fuzz_begin();
    path = g_build_filename(fuzz_folder(), NAME ".conf", NULL);
    g_assert_true(g_file_set_contents_full(path, (const char *) data, (gssize) size,
                                           G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    services = services_new(fuzz_folder());
    g_assert_true(services_load(services, NULL));
    g_assert_cmpuint(services_count(services) + g_strv_length((char **) services_broken(services)),
                     ==, 1);
    service = services_find(services, NAME, KEY, is_desk, NULL);
    if (service)
        check_service(service);
    forwards_check(fuzz_folder(), problems); /* the same file, read as the other kind */
    return 0;
}
