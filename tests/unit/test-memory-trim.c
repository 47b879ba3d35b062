/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Whether the heap keeps what is needed again and again, and gives it back when told to. */

#include <config.h>

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory-trim.h"

enum { RECORD = 16 << 10, RECORDS = 20 };

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#define ANOTHER_ALLOCATOR 1
#else
#define ANOTHER_ALLOCATOR 0
#endif

static uintptr_t heap_end(void)
{
    return (uintptr_t) sbrk(0);
}

/* Returns where the heap ended while all was in use. */
static uintptr_t use(void)
{
    char *records[RECORDS];
    uintptr_t end;

    for (guint i = 0; i < RECORDS; i++) {
        records[i] = g_malloc(RECORD);
        memset(records[i], 1, RECORD);
    }
    end = heap_end();
    for (guint i = RECORDS; i-- > 0;)
        g_free(records[i]);
    return end;
}

static void test_keep(void)
{
    uintptr_t end;

    if (ANOTHER_ALLOCATOR) {
        g_test_skip("the heap is another allocator's");
        return;
    }
    memory_keep(512 << 10);
    end = use();
    g_assert_cmpuint(heap_end(), ==, end);
    g_assert_cmpuint(use(), ==, end);
    g_assert_cmpuint(heap_end(), ==, end);
    memory_trim();
    g_assert_cmpuint(heap_end(), <=, end - 100 * 1024);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory-trim/keep", test_keep);
    return g_test_run();
}
