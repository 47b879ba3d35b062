/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What the fuzz targets share. A target is one function that takes bytes and
 * aborts if it finds something wrong with what our code makes of them: by
 * g_assert(), by a critical of GLib's, or by a sanitizer. libFuzzer calls it with
 * what it makes up (configure --enable-fuzzing), driver.c with the files of the
 * target's corpus, as an ordinary test.
 *
 * Nothing of a target depends on the run before: each input begins at the same
 * time and with the same random numbers, and time passes only in fuzz_sleep().
 */

#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* The target. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first call of every target. */
void fuzz_begin(void);

/* MILLISECONDS later: for GLib's timers, and for who asks for the monotonic time. */
void fuzz_sleep(guint milliseconds);

/* Runs what is due in the main context, some dispatches at most. */
void fuzz_turn(void);

/* A copy that ends where the input does, so that AddressSanitizer sees who reads beyond it. */
void *fuzz_copy(const uint8_t *data, size_t size);

/* The folder for files that a target writes, made for this process and removed at its end. */
const char *fuzz_folder(void);

/* An input that is a list of operations: beyond its end it is all zeros. */
typedef struct {
    const uint8_t *at, *end;
} FuzzInput;

static inline gboolean fuzz_more(const FuzzInput *input)
{
    return input->at < input->end;
}

static inline guint8 fuzz_u8(FuzzInput *input)
{
    return fuzz_more(input) ? *input->at++ : 0;
}

static inline guint16 fuzz_u16(FuzzInput *input)
{
    guint high = fuzz_u8(input);

    return (guint16) (high << 8 | fuzz_u8(input));
}

static inline guint32 fuzz_u32(FuzzInput *input)
{
    guint32 high = fuzz_u16(input);

    return high << 16 | fuzz_u16(input);
}

/* Fills OUT; returns how much of it came from the input. */
size_t fuzz_bytes(FuzzInput *input, guint8 *out, size_t size);
