/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/readings/store-file.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

#include "common/clock.h"
#include "common/random-id.h"

enum { MAX_ASIDE = 3 }; /* damaged files that are kept */

/* The beginning of the names of damaged files: the file's own name, and ".damaged-" */
static char *aside_prefix(const char *path)
{
    g_autofree char *name = g_path_get_basename(path);

    return g_strconcat(name, ".damaged-", NULL);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Their names hold the time, so the oldest is the first. */
static GPtrArray *list_aside(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path), *prefix = aside_prefix(path);
    GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_prefix(name, prefix) && !g_str_has_suffix(name, "-wal"))
            g_ptr_array_add(found, g_build_filename(folder, name, NULL));
    }
    g_ptr_array_sort(found, compare_names);
    return found;
}

static void remove_file(const char *path)
{
    g_autofree char *journal = g_strconcat(path, "-wal", NULL);

    g_unlink(path);
    g_unlink(journal);
}

static char *fresh_name(const char *path)
{
    gint64 now = clock_wall();
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now / G_USEC_PER_SEC);
    g_autofree char *date = g_date_time_format(time, "%Y-%m-%dT%H%M%S");

    return g_strdup_printf("%s.damaged-%s.%06d", path, date, (int) (now % G_USEC_PER_SEC));
}

/* SQLite's interface to files has no renaming. */
static char *delete_by_vfs(const char *path, const char *vfs_name)
{
    g_autofree char *journal = g_strconcat(path, "-wal", NULL);
    sqlite3_vfs *vfs = sqlite3_vfs_find(vfs_name);

    vfs->xDelete(vfs, path, 1);
    vfs->xDelete(vfs, journal, 1);
    return g_strdup(path);
}

char *store_file_put_aside(const char *path, const char *vfs, GError **error)
{
    g_autofree char *name = NULL, *journal = NULL, *journal_name = NULL;
    g_autoptr(GPtrArray) before = NULL;

    if (vfs)
        return delete_by_vfs(path, vfs);
    before = list_aside(path);
    for (guint i = 0; i + MAX_ASIDE <= before->len; i++)
        remove_file(before->pdata[i]);
    name = fresh_name(path);
    if (g_rename(path, name) < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                    _("it is damaged and cannot be put aside: %s"), g_strerror(errno));
        return NULL;
    }
    journal = g_strconcat(path, "-wal", NULL);
    journal_name = g_strconcat(name, "-wal", NULL);
    g_rename(journal, journal_name);
    return g_steal_pointer(&name);
}

char *store_file_notice(const char *path)
{
    g_autoptr(GPtrArray) aside = list_aside(path);

    if (aside->len == 0)
        return NULL;
    return g_strdup_printf(_("readings of before were damaged and are in %s; remove it when it is "
                             "no longer needed"),
                           (char *) aside->pdata[aside->len - 1]);
}

char *store_file_boot(void)
{
    char *boot = NULL;

    if (!g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL)) {
        boot = g_malloc(RANDOM_ID_LENGTH + 1); /* each start may be the first after a power cut */
        random_id(boot);
    }
    return g_strstrip(boot);
}
