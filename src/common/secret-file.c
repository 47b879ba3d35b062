/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The group may read a secret, for that is how a daemon gets one that root owns. */

#include <config.h>

#include "common/secret-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

G_DEFINE_QUARK(rtcbus - secret - file - error - quark, secret_file_error)

G_GNUC_PRINTF(2, 3) static bool refuse(GError **error, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    if (error)
        *error = g_error_new_valist(SECRET_FILE_ERROR, 0, format, ap);
    va_end(ap);
    return false;
}

static bool check_status(int fd, const char *path, SecretFileKind kind, GError **error)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return refuse(error, "%s: %s", path, g_strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse(error, _("%s is no file"), path);
    if (kind == SECRET_FILE_HIDDEN && status.st_mode & (S_IWGRP | S_IRWXO))
        return refuse(error,
                      _("others than its owner and its group may read or write %s: "
                        "run \"chmod 640 %s\""),
                      path, path);
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return refuse(error, _("others than its owner may write %s: run \"chmod go-w %s\""), path,
                      path);
    return true;
}

/* At most SIZE bytes; -1 with errno. */
static gssize read_whole(int fd, char *buffer, gsize size)
{
    gsize length = 0;
    gssize n = 1;

    while (length < size && n != 0) {
        n = read(fd, buffer + length, size - length);
        if (n < 0 && errno != EINTR)
            return -1;
        length += (gsize) MAX(n, 0);
    }
    return (gssize) length;
}

/* SIZE bytes are in TEXT, which has room for one more. */
static bool check_text(char *text, gsize size, const char *path, gsize min, gsize max,
                       GError **error)
{
    gsize length;

    text[size] = '\0';
    length = strlen(text);
    g_strstrip(text);
    if (size > max || length < size)
        return refuse(error, _("%s is longer than %zu bytes, or no text"), path, max);
    if (strlen(text) < min)
        return refuse(error, _("%s has less than %zu characters"), path, min);
    return true;
}

char *secret_file_read(const char *path, SecretFileKind kind, gsize min, gsize max, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *text = NULL;
    gssize size = 0;
    bool good = fd >= 0;

    if (fd < 0)
        return refuse(error, "%s: %s", path, g_strerror(errno)), NULL;
    good = check_status(fd, path, kind, error);
    if (good) {
        text = g_malloc0(max + 2);
        size = read_whole(fd, text, max + 1);
        good = size >= 0 ? check_text(text, (gsize) size, path, min, max, error)
                         : refuse(error, "%s: %s", path, g_strerror(errno));
    }
    close(fd);
    if (!good)
        g_clear_pointer(&text, secret_free);
    return text;
}

void secret_free(char *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret, strlen(secret));
    g_free(secret);
}
