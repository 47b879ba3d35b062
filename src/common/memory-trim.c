/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See memory-trim.h. Relocating a library and running its constructors touches most
 * of it: of what a library brings along and nobody here calls,
 * more than a megabyte. Clean pages of files would go under memory pressure
 * anyway, but on a machine that has none they stay with a daemon for ever.
 */

#include <config.h>

#include "common/memory-trim.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SMALL_BLOCK = 60 * 1024, LARGE_BLOCK = 1024 * 1024 };

static bool has_text_relocations(const struct dl_phdr_info *object)
{
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        const ElfW(Dyn) *entry = (const ElfW(Dyn) *) (object->dlpi_addr + header->p_vaddr);

        for (; header->p_type == PT_DYNAMIC && entry->d_tag != DT_NULL; entry++) {
            if (entry->d_tag == DT_TEXTREL ||
                (entry->d_tag == DT_FLAGS && entry->d_un.d_val & DF_TEXTREL))
                return true;
        }
    }
    return false;
}

/* What was never writable is as it is in the file. */
static int settle_object(struct dl_phdr_info *object, size_t size, void *data)
{
    uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);

    if (strstr(object->dlpi_name, "vdso") || has_text_relocations(object))
        return 0;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + header->p_vaddr;
        uintptr_t end = begin + header->p_filesz;

        if (header->p_type != PT_LOAD || header->p_flags & PF_W)
            continue;
        begin &= ~(page - 1);
        madvise((void *) begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

void memory_trim(void)
{
    malloc_trim(0);
    dl_iterate_phdr(settle_object, NULL);
}

void memory_keep(int size)
{
    /* Each of the two settings ends glibc's own adjusting of both. */
    mallopt(M_TRIM_THRESHOLD, size);
    mallopt(M_MMAP_THRESHOLD, size);
}

void memory_map_blocks(bool on)
{
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, on ? SMALL_BLOCK : LARGE_BLOCK);
    mallopt(M_TRIM_THRESHOLD, 2 * LARGE_BLOCK); /* glibc's own rule, which the first one ends */
#endif
}
