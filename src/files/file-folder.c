/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "files/file-folder.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/file-path.h"

void file_set_error(GError **error, const char *what)
{
    bool disk = errno == ENOSPC || errno == EDQUOT || errno == EROFS;

    g_set_error(error, FILES_ERROR, disk ? FILES_ERROR_DISK : FILES_ERROR_IO, "%s: %s", what,
                g_strerror(errno));
}

int file_folder_open(int folder, const char *name, bool create, GError **error)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(folder, name, flags);

    if (fd < 0 && errno == ENOENT && create &&
        (mkdirat(folder, name, 0777) == 0 || errno == EEXIST))
        fd = openat(folder, name, flags);
    if (fd >= 0)
        return fd;
    if (errno == ENOTDIR || errno == ELOOP) /* both are said of a link */
        g_set_error(error, FILES_ERROR, FILES_ERROR_PATH,
                    _("%s is no folder but a file or a symbolic link"), name);
    else
        file_set_error(error, name);
    return -1;
}

int file_folder_open_parent(int root, const char *path, bool create, const char **name,
                            GError **error)
{
    int folder = fcntl(root, F_DUPFD_CLOEXEC, 0);
    const char *slash;

    if (folder < 0)
        file_set_error(error, path);
    for (; folder >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        g_autofree char *component = g_strndup(path, (gsize) (slash - path));
        int next = file_folder_open(folder, component, create, error);

        close(folder);
        folder = next;
    }
    *name = path;
    return folder;
}
