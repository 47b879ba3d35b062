/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "memory-vfs.h"

#include <sqlite3.h>
#include <string.h>

typedef struct {
    gsize offset; /* a truncation if DATA is NULL */
    GBytes *data;
} MemoryWrite;

typedef struct {
    GByteArray *now, *synced;
    GArray *writes; /* of MemoryWrite, since the last sync */
} MemoryFile;

typedef struct {
    sqlite3_file base;
    MemoryFile *file;
} MemoryHandle;

static struct {
    sqlite3_vfs vfs;
    GHashTable *files; /* path → MemoryFile */
    gsize room;
    guint syncs;
} memory;

static void write_clear(gpointer data)
{
    g_clear_pointer(&((MemoryWrite *) data)->data, g_bytes_unref);
}

static MemoryFile *file_new(void)
{
    MemoryFile *file = g_new0(MemoryFile, 1);

    file->now = g_byte_array_new();
    file->synced = g_byte_array_new();
    file->writes = g_array_new(FALSE, FALSE, sizeof(MemoryWrite));
    g_array_set_clear_func(file->writes, write_clear);
    return file;
}

static void file_free(gpointer data)
{
    MemoryFile *file = data;

    g_byte_array_unref(file->now);
    g_byte_array_unref(file->synced);
    g_array_unref(file->writes);
    g_free(file);
}

static void apply(GByteArray *to, const MemoryWrite *write)
{
    gsize length = write->data ? g_bytes_get_size(write->data) : 0;
    gsize before = to->len;

    if (!write->data) {
        g_byte_array_set_size(to, (guint) MIN(before, write->offset));
        return;
    }
    if (write->offset + length > before) {
        g_byte_array_set_size(to, (guint) (write->offset + length));
        memset(to->data + before, 0, to->len - before);
    }
    memcpy(to->data + write->offset, g_bytes_get_data(write->data, NULL), length);
}

static void do_write(MemoryFile *file, gsize offset, GBytes *data)
{
    MemoryWrite write = {offset, data};

    apply(file->now, &write);
    g_array_append_val(file->writes, write);
}

/* ---- a file, for SQLite ------------------------------------------------------------ */

static MemoryFile *of(sqlite3_file *base)
{
    return ((MemoryHandle *) base)->file;
}

static int on_close(sqlite3_file *base)
{
    return SQLITE_OK;
}

static int on_read(sqlite3_file *base, void *to, int length, sqlite3_int64 offset)
{
    const GByteArray *now = of(base)->now;
    gsize there = (gsize) offset < now->len ? now->len - (gsize) offset : 0;
    gsize count = MIN(there, (gsize) length);

    if (count > 0)
        memcpy(to, now->data + offset, count);
    memset((char *) to + count, 0, (gsize) length - count);
    return count == (gsize) length ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int on_write(sqlite3_file *base, const void *from, int length, sqlite3_int64 offset)
{
    MemoryFile *file = of(base);

    if (memory.room > 0 && (gsize) (offset + length) > file->now->len &&
        memory_vfs_size() >= memory.room)
        return SQLITE_FULL;
    do_write(file, (gsize) offset, g_bytes_new(from, (gsize) length));
    return SQLITE_OK;
}

static int on_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    do_write(of(base), (gsize) size, NULL);
    return SQLITE_OK;
}

static void sync_file(MemoryFile *file)
{
    g_byte_array_set_size(file->synced, 0);
    g_byte_array_append(file->synced, file->now->data, file->now->len);
    g_array_set_size(file->writes, 0);
}

static int on_sync(sqlite3_file *base, int flags)
{
    memory.syncs++;
    sync_file(of(base));
    return SQLITE_OK;
}

static int on_size(sqlite3_file *base, sqlite3_int64 *size)
{
    *size = of(base)->now->len;
    return SQLITE_OK;
}

static int on_lock(sqlite3_file *base, int level)
{
    return SQLITE_OK;
}

static int on_reserved(sqlite3_file *base, int *reserved)
{
    *reserved = 0;
    return SQLITE_OK;
}

static int on_control(sqlite3_file *base, int op, void *argument)
{
    return SQLITE_NOTFOUND;
}

static int on_sector(sqlite3_file *base)
{
    return 4096;
}

static int on_characteristics(sqlite3_file *base)
{
    return 0;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_lock,
    .xCheckReservedLock = on_reserved,
    .xFileControl = on_control,
    .xSectorSize = on_sector,
    .xDeviceCharacteristics = on_characteristics,
};

/* ---- the files, for SQLite ----------------------------------------------------------- */

static int on_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *base, int flags,
                   int *out_flags)
{
    MemoryHandle *handle = (MemoryHandle *) base;

    handle->file = g_hash_table_lookup(memory.files, path ? path : "temporary");
    if (!handle->file) {
        handle->file = file_new();
        g_hash_table_insert(memory.files, g_strdup(path ? path : "temporary"), handle->file);
    }
    base->pMethods = &methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    g_hash_table_remove(memory.files, path);
    return SQLITE_OK;
}

static int on_access(sqlite3_vfs *vfs, const char *path, int flags, int *result)
{
    *result = g_hash_table_contains(memory.files, path);
    return SQLITE_OK;
}

static int on_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    g_strlcpy(out, path, (gsize) size);
    return SQLITE_OK;
}

static int on_randomness(sqlite3_vfs *vfs, int length, char *out)
{
    memset(out, 4, (gsize) length); /* the salt of the journal: the same in each run */
    return length;
}

static int on_sleep(sqlite3_vfs *vfs, int microseconds)
{
    return microseconds;
}

static int on_time(sqlite3_vfs *vfs, double *now)
{
    *now = 2461000.5;
    return SQLITE_OK;
}

static int on_last_error(sqlite3_vfs *vfs, int length, char *out)
{
    return 0;
}

void memory_vfs_reset(void)
{
    memory.room = 0;
    memory.syncs = 0;
    if (memory.files) {
        g_hash_table_remove_all(memory.files);
        return;
    }
    memory.files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, file_free);
    memory.vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = sizeof(MemoryHandle),
        .mxPathname = 256,
        .zName = MEMORY_VFS,
        .xOpen = on_open,
        .xDelete = on_delete,
        .xAccess = on_access,
        .xFullPathname = on_full_path,
        .xRandomness = on_randomness,
        .xSleep = on_sleep,
        .xCurrentTime = on_time,
        .xGetLastError = on_last_error,
    };
    sqlite3_vfs_register(&memory.vfs, 0);
}

/* ---- what happens to files ------------------------------------------------------------- */

void memory_vfs_cut_power(const char *prefix, guint32 seed)
{
    g_autoptr(GRand) chance = g_rand_new_with_seed(seed);
    g_autoptr(GList) paths =
        g_list_sort(g_hash_table_get_keys(memory.files), (GCompareFunc) strcmp);

    for (GList *path = paths; path; path = path->next) {
        MemoryFile *file = g_hash_table_lookup(memory.files, path->data);

        if (!g_str_has_prefix(path->data, prefix))
            continue;
        for (guint i = 0; i < file->writes->len; i++) {
            if (g_rand_boolean(chance))
                apply(file->synced, &g_array_index(file->writes, MemoryWrite, i));
        }
        g_array_set_size(file->writes, 0);
        g_byte_array_set_size(file->now, 0);
        g_byte_array_append(file->now, file->synced->data, file->synced->len);
    }
}

void memory_vfs_set_room(gsize size)
{
    memory.room = size;
}

gboolean memory_vfs_damage(const char *path, gsize offset, const char *bytes, gsize length)
{
    MemoryFile *file = g_hash_table_lookup(memory.files, path);

    if (!file || offset + length > file->now->len)
        return FALSE;
    do_write(file, offset, g_bytes_new(bytes, length));
    sync_file(file);
    return TRUE;
}

gsize memory_vfs_size(void)
{
    GHashTableIter iter;
    gpointer file;
    gsize size = 0;

    g_hash_table_iter_init(&iter, memory.files);
    while (g_hash_table_iter_next(&iter, NULL, &file))
        size += ((MemoryFile *) file)->now->len;
    return size;
}

guint memory_vfs_syncs(void)
{
    return memory.syncs;
}
