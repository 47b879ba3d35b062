/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "files/file-path.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/printable.h"

#define PART_SUFFIX ".rtcbus-part"

G_DEFINE_QUARK(rtcbus - files - error - quark, files_error)

static const char *why_unsafe(const char *component)
{
    if (!*component)
        return _("it begins or ends with a slash, or has two together");
    if (strcmp(component, ".") == 0 || strcmp(component, "..") == 0)
        return _("it leads to other folders");
    if (strlen(component) > FILE_NAME_MAX)
        return _("it is too long");
    return NULL;
}

char *file_path_safe(const char *path, GError **error)
{
    g_autofree char *safe = printable_with(path, '_');
    g_auto(GStrv) components = g_strsplit(safe, "/", FILE_DEPTH_MAX + 1);
    const char *why = *safe ? NULL : _("it is empty");

    if (strlen(safe) > FILE_PATH_MAX)
        why = _("it is too long");
    else if (g_strv_length(components) > FILE_DEPTH_MAX)
        why = _("it has too many folders");
    for (char **component = components; !why && *component; component++)
        why = why_unsafe(*component);
    if (!why)
        return g_steal_pointer(&safe);
    g_set_error(error, FILES_ERROR, FILES_ERROR_PATH, _("this name is not taken: %s"), why);
    return NULL;
}

char *file_path_part(const char *name)
{
    g_autofree char *hash = NULL, *beginning = NULL;
    gsize room = FILE_NAME_MAX - strlen("." PART_SUFFIX);
    gsize length = strlen(name);

    if (length <= room)
        return g_strconcat(".", name, PART_SUFFIX, NULL);
    hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, name, -1);
    hash[16] = '\0';
    room -= strlen(hash) + 1;
    length = room;
    while (length > 0 && ((guchar) name[length] & 0xc0) == 0x80)
        length--;
    beginning = g_strndup(name, length);
    return g_strconcat(".", beginning, "-", hash, PART_SUFFIX, NULL);
}
