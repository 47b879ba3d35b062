/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "fake-random.h"

static struct {
    guint64 at;
} chance;

/* SplitMix64: good enough to be different each time, which is all that is needed. */
static guint64 next(void)
{
    guint64 z = chance.at += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void fake_random_seed(guint64 seed)
{
    chance.at = seed;
}

void random_bytes(void *buffer, gsize size)
{
    guint8 *out = buffer;

    for (gsize i = 0; i < size; i++)
        out[i] = (guint8) next();
}

guint32 random_below(guint32 limit)
{
    return (guint32) ((next() >> 32) * limit >> 32);
}
