/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What replaces is always written under the same other name, so that a crash
 * leaves one file behind at most. What creates may have a rival: each writes
 * under a name of its own, and who links first has won.
 */

#include <config.h>

#include "common/atomic-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "common/random-id.h"

static bool write_all(int fd, const char *data, gsize left)
{
    while (left > 0) {
        ssize_t n = write(fd, data, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        left -= (gsize) n;
    }
    return fsync(fd) == 0;
}

/* errno is that of the first step that failed. */
static bool write_and_close(int fd, const char *data, gsize length)
{
    bool good = write_all(fd, data, length);
    int saved = errno;

    if (close(fd) != 0 && good)
        return false;
    errno = saved;
    return good;
}

/* So that the name outlives a power cut; there is no way back if it does not. */
static void sync_folder(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static char *temporary_name(const char *path, AtomicFileMode mode)
{
    char id[RANDOM_ID_LENGTH + 1];

    if (mode == ATOMIC_FILE_REPLACE)
        return g_strconcat(path, ".new", NULL);
    random_id(id);
    return g_strconcat(path, ".", id, NULL);
}

static bool fail(GError **error, const char *path, int number)
{
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(number), "%s: %s", path,
                g_strerror(number));
    return false;
}

bool atomic_file_write(const char *path, const char *data, gsize length, AtomicFileMode mode,
                       GError **error)
{
    g_autofree char *temporary = temporary_name(path, mode);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good;
    int saved;

    if (fd < 0) /* a name made up for this time says nothing */
        return fail(error, mode == ATOMIC_FILE_CREATE ? path : temporary, errno);
    good = write_and_close(fd, data, length) &&
           (mode == ATOMIC_FILE_REPLACE ? g_rename(temporary, path) : link(temporary, path)) == 0;
    saved = errno;
    if (!good || mode == ATOMIC_FILE_CREATE)
        g_unlink(temporary);
    if (!good)
        return fail(error, path, saved);
    sync_folder(path);
    return true;
}

/* ---- a line more ------------------------------------------------------------- */

bool atomic_file_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           memcmp(&a->st_mtim, &b->st_mtim, sizeof a->st_mtim) == 0 &&
           memcmp(&a->st_ctim, &b->st_ctim, sizeof a->st_ctim) == 0;
}

/* Whether it still has its name, and nobody has come between. */
static bool add_line(int fd, const char *path, const char *line, const struct stat *seen)
{
    g_autofree char *text = g_strconcat("#", line, "\n", NULL);
    struct stat before, named;

    if (fstat(fd, &before) != 0 || !atomic_file_is_same(&before, seen) ||
        lseek(fd, seen->st_size, SEEK_SET) < 0)
        return false;
    if (write_all(fd, text, strlen(text)) && pwrite(fd, " ", 1, seen->st_size) == 1 &&
        fsync(fd) == 0)
        return stat(path, &named) == 0 && named.st_ino == seen->st_ino;
    (void) !ftruncate(fd, seen->st_size);
    return false;
}

bool atomic_file_append_line(const char *path, const char *line, struct stat *seen)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    bool good;

    if (fd < 0)
        return false;
    good = add_line(fd, path, line, seen) && fstat(fd, seen) == 0;
    close(fd);
    return good;
}
