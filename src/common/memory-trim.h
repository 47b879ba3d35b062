/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Memory that was needed for something rare, and is not any more. */

#pragma once

#include <stdbool.h>

/*
 * Gives back what starting has left resident, or a crowd of calls: free memory of
 * the heap, and the pages of the program and its libraries that nothing else
 * touches. Those that are still needed come back by themselves, from the page cache.
 */
void memory_trim(void);

/*
 * Keeps up to SIZE bytes that are free at the end of the heap, for whoever needs and frees as much again
 * and again: the C library keeps 128 KiB by itself, and gives the rest back at once, to get it anew
 * with the next need. memory_trim() still gives all of it back.
 */
void memory_keep(int size);

/*
 * While ON, blocks of 60 KiB and more are mappings of their own: of one that is made and hardly
 * used, only the pages that are touched are resident. Afterwards only blocks of a mebibyte are, as
 * what is made and freed all the time has to be quick.
 */
void memory_map_blocks(bool on);
