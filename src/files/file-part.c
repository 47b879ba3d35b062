/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "files/file-part.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/file-folder.h"
#include "files/file-hash.h"
#include "files/file-path.h"

/* Read in one step, so that the rest of the program gets its turn */
#define CHECK_STEP (4 * 1024 * 1024)
#define CHECK_CHUNK (256 * 1024)

struct FilePart {
    int folder, fd; /* fd: -1 if there is nothing of it yet */
    char *name, *part_name;
    guint64 size, position;
    guint64 checked; /* how much of what is there has gone through the hash */
    FileHash *hash;
    bool replace;
    bool whole; /* what is there is the file itself */
};

void file_part_free(FilePart *part)
{
    if (!part)
        return;
    if (part->fd >= 0)
        close(part->fd);
    if (part->folder >= 0)
        close(part->folder);
    file_hash_free(part->hash);
    g_free(part->name);
    g_free(part->part_name);
    g_free(part);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FilePart, file_part_free)

guint64 file_part_position(const FilePart *part)
{
    return part->position;
}

/* ---- what is there -------------------------------------------------------------- */

static void set_exists(const FilePart *part, GError **error)
{
    g_set_error(error, FILES_ERROR, FILES_ERROR_EXISTS,
                _("%s is there already; \"rtcbusctl receive --force\" replaces it"), part->name);
}

/* Others who may write in the folder could have put there what we would write to. */
static bool is_ours(const struct stat *info)
{
    return S_ISREG(info->st_mode) && info->st_nlink == 1 && info->st_uid == geteuid();
}

/* Another program may have it, or have had it since it was looked at, and have given it its name. */
static bool part_lock(const FilePart *part, struct stat *info, GError **error)
{
    struct stat named = {};

    if (flock(part->fd, LOCK_EX | LOCK_NB) == 0 && fstat(part->fd, info) == 0 && is_ours(info) &&
        (guint64) info->st_size >= part->position &&
        fstatat(part->folder, part->part_name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        named.st_dev == info->st_dev && named.st_ino == info->st_ino)
        return true;
    g_set_error(error, FILES_ERROR, FILES_ERROR_IO, _("%s is being written by another program"),
                part->part_name);
    return false;
}

/* It is ours alone before it is read: what is checked is what is gone on with. */
static bool look_for_part(FilePart *part, GError **error)
{
    struct stat info = {};

    part->fd = openat(part->folder, part->part_name,
                      O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (part->fd < 0 && errno == ENOENT)
        return true;
    if ((part->fd < 0 && errno != ELOOP) || (part->fd >= 0 && fstat(part->fd, &info) < 0)) {
        file_set_error(error, part->part_name);
        return false;
    }
    if (!is_ours(&info)) {
        g_set_error(error, FILES_ERROR, FILES_ERROR_PATH,
                    _("%s is in the way, and is no file of ours"), part->part_name);
        return false;
    }
    if (!part_lock(part, &info, error))
        return false;
    if ((guint64) info.st_size <= part->size)
        part->position = (guint64) info.st_size;
    return true;
}

/* The file may be there, whole. If it has the same size, its checksum tells. */
static bool look_for_whole(FilePart *part, bool *found, GError **error)
{
    struct stat info = {};
    bool same;

    if (fstatat(part->folder, part->name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            file_set_error(error, part->name);
        return errno == ENOENT;
    }
    same = S_ISREG(info.st_mode) && (guint64) info.st_size == part->size;
    if (!same && (!part->replace || S_ISDIR(info.st_mode))) {
        set_exists(part, error);
        return false;
    }
    if (!same)
        return true;
    /* It may be another one by now. */
    part->fd =
        openat(part->folder, part->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (part->fd < 0 || fstat(part->fd, &info) < 0) {
        file_set_error(error, part->name);
        return false;
    }
    if (!S_ISREG(info.st_mode) || (guint64) info.st_size != part->size) {
        set_exists(part, error);
        return false;
    }
    *found = part->whole = true;
    part->position = part->size;
    return true;
}

FilePart *file_part_open(int root, const char *path, guint64 size, bool replace, GError **error)
{
    g_autoptr(FilePart) part = g_new0(FilePart, 1);
    const char *name;
    bool found = false;

    part->fd = -1;
    part->size = size;
    part->replace = replace;
    part->hash = file_hash_new();
    part->folder = file_folder_open_parent(root, path, true, &name, error);
    if (part->folder < 0)
        return NULL;
    part->name = g_strdup(name);
    part->part_name = file_path_part(name);
    if (!look_for_whole(part, &found, error) || (!found && !look_for_part(part, error)))
        return NULL;
    return g_steal_pointer(&part);
}

bool file_part_check_more(FilePart *part, GError **error)
{
    static guint8 chunk[CHECK_CHUNK]; /* one for all: there is one thread */
    guint64 stop = MIN(part->position, part->checked + CHECK_STEP);

    while (part->checked < stop) {
        ssize_t n =
            pread(part->fd, chunk, MIN(sizeof chunk, stop - part->checked), (off_t) part->checked);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n < 0 ? errno : EIO;
            file_set_error(error, part->name);
            return false;
        }
        file_hash_update(part->hash, chunk, (gsize) n);
        part->checked += (guint64) n;
    }
    return part->checked < part->position;
}

char *file_part_digits(const FilePart *part)
{
    return file_hash_digits(part->hash);
}

/* ---- what comes ------------------------------------------------------------------ */

static bool part_create(FilePart *part, GError **error)
{
    part->fd = openat(part->folder, part->part_name,
                      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (part->fd < 0)
        file_set_error(error, part->part_name);
    return part->fd >= 0;
}

static void part_rewind(FilePart *part)
{
    part->position = 0;
    file_hash_free(part->hash);
    part->hash = file_hash_new();
}

/* The file that has the name is another one, and may go. */
static bool part_leave_whole(FilePart *part, GError **error)
{
    if (!part->replace) {
        set_exists(part, error);
        return false;
    }
    close(g_steal_fd(&part->fd));
    part->whole = false;
    part_rewind(part);
    return look_for_part(part, error);
}

bool file_part_begin(FilePart *part, guint64 offset, GError **error)
{
    struct stat info = {};

    if (part->whole && offset == part->size)
        return true;
    if (part->whole && !part_leave_whole(part, error))
        return false;
    if (part->fd < 0 && !part_create(part, error))
        return false;
    if (offset == 0 && part->position > 0)
        part_rewind(part);
    if (!part_lock(part, &info, error))
        return false;
    if (ftruncate(part->fd, (off_t) part->position) == 0 &&
        lseek(part->fd, (off_t) part->position, SEEK_SET) >= 0)
        return true;
    file_set_error(error, part->part_name);
    return false;
}

bool file_part_write(FilePart *part, const void *bytes, gsize length, GError **error)
{
    const guint8 *at = bytes;
    gsize left = length;

    while (left > 0) {
        ssize_t n = write(part->fd, at, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            file_set_error(error, part->name);
            return false;
        }
        file_hash_update(part->hash, at, (gsize) n);
        part->position += (guint64) n;
        at += n;
        left -= (gsize) n;
    }
    return true;
}

/* ---- the end ---------------------------------------------------------------------- */

static bool checksum_fits(FilePart *part, const char *sha256, GError **error)
{
    g_autofree char *digits = file_hash_digits(part->hash);
    bool whole = part->position == part->size;

    if (whole && (!sha256 || strcmp(digits, sha256) == 0))
        return true;
    g_set_error(error, FILES_ERROR, FILES_ERROR_CHECKSUM,
                whole ? _("%s: the checksum is wrong") : _("%s: it is not as long as it should be"),
                part->name);
    if (whole && !part->whole)
        unlinkat(part->folder, part->part_name, 0);
    return false;
}

static mode_t final_mode(const FileAttributes *attributes)
{
    mode_t mask = umask(0);

    umask(mask);
    return (attributes->executable ? 0777 : 0666) & (attributes->private ? 0700 : 0777) & ~mask;
}

/* Some file systems know no RENAME_NOREPLACE. */
static bool take_name(const FilePart *part, GError **error)
{
    struct stat info = {};
    int result = renameat2(part->folder, part->part_name, part->folder, part->name,
                           part->replace ? 0 : RENAME_NOREPLACE);

    if (result < 0 && errno == EINVAL && !part->replace) {
        if (fstatat(part->folder, part->name, &info, AT_SYMLINK_NOFOLLOW) == 0)
            errno = EEXIST;
        else
            result = renameat(part->folder, part->part_name, part->folder, part->name);
    }
    if (result == 0)
        return true;
    if (errno == EEXIST)
        set_exists(part, error);
    else
        file_set_error(error, part->name);
    return false;
}

bool file_part_finish(FilePart *part, const char *sha256, const FileAttributes *attributes,
                      GError **error)
{
    guint64 mtime = attributes->mtime;
    const struct timespec times[] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = (time_t) (mtime / G_USEC_PER_SEC),
         .tv_nsec = mtime ? (long) (mtime % G_USEC_PER_SEC * 1000) : UTIME_NOW},
    };

    if (!checksum_fits(part, sha256, error))
        return false;
    if (part->whole)
        return true;
    /* Neither is worth a failure: there are file systems that keep no modes, or not all times. */
    if (fchmod(part->fd, final_mode(attributes)) < 0 || futimens(part->fd, times) < 0)
        g_debug("%s: %s", part->name, g_strerror(errno));
    /* Who hears that it is there may delete its own; a power cut must not leave an empty one. */
    if (fsync(part->fd) < 0 && errno != EINVAL) {
        file_set_error(error, part->name);
        return false;
    }
    return take_name(part, error);
}
