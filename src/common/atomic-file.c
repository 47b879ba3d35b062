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
