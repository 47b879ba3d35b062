/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Time and chance of a fuzz target are made here: the program's own
 * clock_gettime(), getrandom() and getentropy() come before libc's, for the
 * libraries that we link too. libFuzzer keeps the time by the other clocks, which
 * are left alone.
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

#define BEGIN_USEC (1000 * G_USEC_PER_SEC)
#define MAX_DISPATCHES 64

static struct {
    gint64 usec;    /* the monotonic time */
    guint64 chance; /* what the next random numbers are made from */
    char *folder;
} fuzz = {.usec = BEGIN_USEC};

int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock != CLOCK_MONOTONIC)
        return (int) syscall(SYS_clock_gettime, clock, time);
    time->tv_sec = fuzz.usec / G_USEC_PER_SEC;
    time->tv_nsec = fuzz.usec % G_USEC_PER_SEC * 1000;
    return 0;
}

/* SplitMix64: good enough to be different each time, which is all that is needed. */
ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
    guint8 *out = buffer;

    for (size_t i = 0; i < length; i++) {
        guint64 z = fuzz.chance += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
        out[i] = (guint8) (z ^ z >> 31);
    }
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
    fuzz.usec = BEGIN_USEC;
    fuzz.chance = 0;
}

void fuzz_sleep(guint milliseconds)
{
    fuzz.usec += (gint64) milliseconds * 1000;
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
