/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * common/random for a program whose runs are to be repeated: linked before
 * libcommon.a, it takes the place of random.o there.
 */

#pragma once

#include "common/random.h"

/* From here on the numbers are those of SEED. Without it they are those of 0. */
void fake_random_seed(guint64 seed);
