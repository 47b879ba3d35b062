/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/random.h"

#include <sys/random.h>

void random_bytes(void *buffer, gsize size)
{
    guint8 *at = buffer;

    while (size > 0) {
        ssize_t n = getrandom(at, size, 0);

        if (n > 0) { /* else a signal, early at boot */
            at += n;
            size -= (gsize) n;
        }
    }
}

guint32 random_below(guint32 limit)
{
    guint32 random;

    random_bytes(&random, sizeof random);
    return (guint32) ((guint64) random * limit >> 32);
}
