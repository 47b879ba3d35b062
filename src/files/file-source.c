/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "files/file-source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/file-folder.h"
#include "files/file-path.h"

typedef struct {
    FileSourceEntry shown;
    const char *name; /* of those that were given */
    char *below;      /* what is in it; NULL: it is itself meant */
} SourceItem;

struct FileSource {
    GArray *entries; /* of SourceItem */
    GPtrArray *names;
    guint64 bytes;
    FileSourceLeftOut left_out;
    gpointer data;
};

static void entry_clear(gpointer data)
{
    g_free(((SourceItem *) data)->below);
}

void file_source_free(FileSource *source)
{
    if (!source)
        return;
    g_array_unref(source->entries);
    g_ptr_array_unref(source->names);
    g_free(source);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FileSource, file_source_free)

/* ---- looking for them ------------------------------------------------------------- */

static guint64 mtime_of(const struct stat *info)
{
    if (info->st_mtim.tv_sec < 0)
        return 0;
    return (guint64) info->st_mtim.tv_sec * G_USEC_PER_SEC + (guint64) info->st_mtim.tv_nsec / 1000;
}

static void add(FileSource *source, const char *name, const char *below, const struct stat *info)
{
    SourceItem entry = {
        .name = name, .below = g_strdup(below), .shown.folder = S_ISDIR(info->st_mode)};

    if (!entry.shown.folder) {
        entry.shown.executable = (info->st_mode & 0111) != 0;
        entry.shown.private = (info->st_mode & 0077) == 0;
        entry.shown.size = (guint64) info->st_size;
        entry.shown.mtime = mtime_of(info);
        source->bytes += entry.shown.size;
    }
    g_array_append_val(source->entries, entry);
}

static void G_GNUC_PRINTF(2, 3) leave_out(FileSource *source, const char *format, ...)
{
    g_autofree char *why = NULL;
    va_list ap;

    va_start(ap, format);
    why = g_strdup_vprintf(format, ap);
    va_end(ap);
    source->left_out(why, source->data);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* What is in FOLDER, sorted; NULL with errno. */
static GPtrArray *list(int folder)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = again >= 0 ? fdopendir(again) : NULL;
    const struct dirent *item;

    if (!stream) {
        if (again >= 0)
            close(again);
        return NULL;
    }
    while ((item = readdir(stream))) {
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0)
            g_ptr_array_add(names, g_strdup(item->d_name));
    }
    closedir(stream);
    g_ptr_array_sort(names, compare_names);
    return g_steal_pointer(&names);
}

static void walk(FileSource *source, const char *name, const char *below, int folder, guint depth,
                 const struct stat *info);

static void walk_item(FileSource *source, const char *name, const char *path, int folder,
                      const char *item, guint depth)
{
    struct stat info = {};
    g_autoptr(GError) error = NULL;
    int fd;

    if (fstatat(folder, item, &info, AT_SYMLINK_NOFOLLOW) < 0) {
        leave_out(source, "%s/%s: %s", name, path, g_strerror(errno));
    } else if (S_ISREG(info.st_mode)) {
        add(source, name, path, &info);
    } else if (S_ISLNK(info.st_mode)) {
        leave_out(source, _("%s/%s is a symbolic link, and is left out"), name, path);
    } else if (!S_ISDIR(info.st_mode)) {
        leave_out(source, _("%s/%s is neither a file nor a folder, and is left out"), name, path);
    } else if (depth >= FILE_DEPTH_MAX - 1) {
        leave_out(source, _("%s/%s is below too many folders, and is left out"), name, path);
    } else if ((fd = file_folder_open(folder, item, false, &error)) < 0) {
        leave_out(source, "%s/%s: %s", name, path, error->message);
    } else {
        walk(source, name, path, fd, depth + 1, &info);
        close(fd);
    }
}

/* FOLDER, which is BELOW the folder NAME, or it. One that is empty has to be named. */
static void walk(FileSource *source, const char *name, const char *below, int folder, guint depth,
                 const struct stat *info)
{
    g_autoptr(GPtrArray) items = list(folder);

    if (!items) {
        leave_out(source, "%s/%s: %s", name, below ? below : "", g_strerror(errno));
        return;
    }
    if (items->len == 0)
        add(source, name, below, info);
    for (guint i = 0; i < items->len; i++) {
        g_autofree char *path =
            below ? g_strconcat(below, "/", items->pdata[i], NULL) : g_strdup(items->pdata[i]);

        walk_item(source, name, path, folder, items->pdata[i], depth);
    }
}

/* What was named: a link leads to what is meant. O_NONBLOCK: a named pipe would wait. */
static bool add_name(FileSource *source, const char *name, GError **error)
{
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat info = {};
    bool good = fd >= 0 && fstat(fd, &info) == 0;

    if (!good) {
        file_set_error(error, name);
    } else if (S_ISDIR(info.st_mode)) {
        walk(source, name, NULL, fd, 1, &info);
    } else if (S_ISREG(info.st_mode)) {
        add(source, name, NULL, &info);
    } else {
        g_set_error(error, FILES_ERROR, FILES_ERROR_PATH, _("%s is neither a file nor a folder"),
                    name);
        good = false;
    }
    if (fd >= 0)
        close(fd);
    return good;
}

FileSource *file_source_new(char **names, FileSourceLeftOut left_out, gpointer data, GError **error)
{
    g_autoptr(FileSource) source = g_new0(FileSource, 1);

    source->entries = g_array_new(FALSE, FALSE, sizeof(SourceItem));
    g_array_set_clear_func(source->entries, entry_clear);
    source->names = g_ptr_array_new_with_free_func(g_free);
    source->left_out = left_out;
    source->data = data;
    for (; *names; names++) {
        g_autofree char *whole = g_canonicalize_filename(*names, NULL);

        if (strcmp(whole, "/") == 0) {
            g_set_error(error, FILES_ERROR, FILES_ERROR_PATH, _("the whole of / is not sent"));
            return NULL;
        }
        g_ptr_array_add(source->names, g_steal_pointer(&whole));
        if (!add_name(source, source->names->pdata[source->names->len - 1], error))
            return NULL;
    }
    return g_steal_pointer(&source);
}

/* ---- what was found ---------------------------------------------------------------- */

guint file_source_count(const FileSource *source)
{
    return source->entries->len;
}

guint64 file_source_bytes(const FileSource *source)
{
    return source->bytes;
}

const FileSourceEntry *file_source_entry(const FileSource *source, guint number)
{
    return &g_array_index(source->entries, SourceItem, number).shown;
}

char *file_source_path(const FileSource *source, guint number)
{
    const SourceItem *entry = &g_array_index(source->entries, SourceItem, number);
    const char *last = strrchr(entry->name, '/') + 1;
    g_autofree char *path =
        entry->below ? g_strconcat(last, "/", entry->below, NULL) : g_strdup(last);

    return g_utf8_make_valid(path, -1);
}

static int open_below(const SourceItem *entry, GError **error)
{
    const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int root = open(entry->name, flags), folder, fd = -1;
    const char *name = NULL;

    if (root < 0 || !entry->below) {
        if (root < 0)
            file_set_error(error, entry->name);
        return root;
    }
    folder = file_folder_open_parent(root, entry->below, false, &name, error);
    close(root);
    if (folder < 0)
        return -1;
    fd = openat(folder, name, flags | O_NOFOLLOW);
    if (fd < 0)
        file_set_error(error, entry->below);
    close(folder);
    return fd;
}

bool file_source_is_same(const FileSource *source, guint number, int fd, GError **error)
{
    const FileSourceEntry *entry = file_source_entry(source, number);
    g_autofree char *path = NULL;
    struct stat info = {};

    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (guint64) info.st_size == entry->size &&
        mtime_of(&info) == entry->mtime)
        return true;
    path = file_source_path(source, number);
    g_set_error(error, FILES_ERROR, FILES_ERROR_IO,
                _("%s was changed while it was sent; send it again"), path);
    return false;
}

int file_source_open(const FileSource *source, guint number, GError **error)
{
    int fd = open_below(&g_array_index(source->entries, SourceItem, number), error);

    if (fd >= 0 && !file_source_is_same(source, number, fd, error))
        close(g_steal_fd(&fd));
    return fd;
}
