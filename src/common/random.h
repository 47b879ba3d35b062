/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Random numbers that nobody can guess. Nothing else in src/ makes any, but for
 * the cryptographic libraries inside what they do. A program that is linked with
 * another source (tests/unit/fake-random) has the same numbers in each run.
 */

#pragma once

#include <glib.h>

void random_bytes(void *buffer, gsize size);

/* 0…LIMIT−1, each as likely as the others, but for one in 2^32 / LIMIT. */
guint32 random_below(guint32 limit);
