/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Time and chance of a fuzz target are those of tests/unit/fake-clock and
 * fake-random. The libraries that we link have them too: the program's own
 * clock_gettime(), getrandom() and getentropy() come before libc's. libFuzzer
 * keeps the time by the other clocks, which are left alone.
 */

#include <config.h>

#include "fuzz.h"

#include <glib/gstdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fake-clock.h"
#include "fake-random.h"

#define BEGIN_USEC (1000 * G_USEC_PER_SEC)
#define BEGIN_WALL G_GINT64_CONSTANT(1700000000000000) /* in 2023 */
#define MAX_DISPATCHES 64

static struct {
    char *folder;
} fuzz;

int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock != CLOCK_MONOTONIC)
        return (int) syscall(SYS_clock_gettime, clock, time);
    time->tv_sec = clock_monotonic() / G_USEC_PER_SEC;
    time->tv_nsec = clock_monotonic() % G_USEC_PER_SEC * 1000;
    return 0;
}

ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
    random_bytes(buffer, length);
    return (ssize_t) length;
}

int getentropy(void *buffer, size_t length)
{
    getrandom(buffer, length, 0);
    return 0;
}

/* Nothing of what is logged is shown; a critical or worse is a finding. */
static GLogWriterOutput on_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                               gpointer data)
{
    if (!(level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)))
        return G_LOG_WRITER_HANDLED;
    g_log_writer_standard_streams(level, fields, n_fields, data);
    abort();
}

void fuzz_begin(void)
{
    static bool once;

    if (!once) {
        once = true;
        g_log_set_writer_func(on_log, NULL, NULL);
    }
    fake_clock_set(BEGIN_USEC, BEGIN_WALL);
    fake_random_seed(0);
}

void fuzz_sleep(guint milliseconds)
{
    fake_clock_pass((gint64) milliseconds * 1000);
}

void fuzz_turn(void)
{
    for (guint i = 0; i < MAX_DISPATCHES && g_main_context_iteration(NULL, FALSE); i++)
        ;
}

void *fuzz_copy(const uint8_t *data, size_t size)
{
    void *copy = g_malloc(MAX(size, 1));

    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

static void remove_folder(void)
{
    g_autoptr(GDir) dir = g_dir_open(fuzz.folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(fuzz.folder, name, NULL);

        g_unlink(path);
    }
    g_rmdir(fuzz.folder);
    g_clear_pointer(&fuzz.folder, g_free);
}

const char *fuzz_folder(void)
{
    if (!fuzz.folder) {
        fuzz.folder = g_dir_make_tmp("rtcbus-fuzz-XXXXXX", NULL);
        g_assert(fuzz.folder);
        atexit(remove_folder);
    }
    return fuzz.folder;
}

size_t fuzz_bytes(FuzzInput *input, guint8 *out, size_t size)
{
    size_t n = MIN(size, (size_t) (input->end - input->at));

    memcpy(out, input->at, n);
    memset(out + n, 0, size - n);
    input->at += n;
    return n;
}
