/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * main() of a fuzz target that is built without libFuzzer: it runs the target on
 * the files that are named, or on all of its corpus, once each. What is running
 * is said before it runs, so that the last line names the file that was fatal.
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool run_file(const char *path)
{
    g_autofree char *data = NULL, *copy = NULL;
    g_autoptr(GError) error = NULL;
    gsize size;

    if (!g_file_get_contents(path, &data, &size, &error)) {
        printf("# %s\n", error->message);
        return false;
    }
    printf("# %s\n", path);
    fflush(stdout);
    copy = fuzz_copy((const uint8_t *) data, size);
    LLVMFuzzerTestOneInput((const uint8_t *) copy, size);
    return true;
}

/* The number of files; 0 if it cannot be read. */
static guint run_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    guint count = 0;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        if (!run_file(path))
            return 0;
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    g_autofree char *program = g_path_get_basename(argv[0]);
    const char *target = program + (g_str_has_prefix(program, "fuzz-") ? strlen("fuzz-") : 0);
    const char *top = g_getenv("top_srcdir");
    g_autofree char *corpus = g_build_filename(top ? top : ".", "fuzz", "corpus", target, NULL);
    guint count = 0;

    for (int i = 1; i < argc; i++) {
        if (!run_file(argv[i]))
            return 1;
    }
    if (argc > 1)
        return 0;
    printf("1..1\n");
    count = run_folder(corpus);
    printf("%sok 1 - %u inputs of %s\n", count > 0 ? "" : "not ", count, corpus);
    return count > 0 ? 0 : 1;
}
