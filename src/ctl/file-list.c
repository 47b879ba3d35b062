/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "ctl/file-list.h"

#include <glib/gi18n.h>
#include <stdio.h>

#include "ctl/progress.h"
#include "ctl/text.h"

void file_print(const char *path, guint64 size)
{
    g_autofree char *safe = text_safe(path);
    g_autofree char *shown = g_format_size(size);

    g_print("%10s  %s\n", shown, safe);
}

void file_to_json(const char *path, guint64 size, const char *sha256, const char *why)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_add_string(builder, "path", path);
    json_add_uint(builder, "size", size);
    if (sha256)
        json_add_string(builder, "sha256", sha256);
    if (why)
        json_add_string(builder, "error", why);
    json_builder_end_object(builder);
    json_print(builder);
}

void files_print_sum(guint done, guint unchecked, guint64 failed, guint64 bytes, gint64 elapsed)
{
    g_autofree char *sum = progress_sum(bytes, elapsed);

    if (unchecked == 0)
        g_print(ngettext("%u file is there and was checked: %s",
                         "%u files are there and were checked: %s", done),
                done, sum);
    else
        g_print(ngettext("%u file is there: %s", "%u files are there: %s", done), done, sum);
    g_print("\n");
    if (unchecked > 0) {
        g_print(ngettext("%u was not checked, for the sender told no checksum",
                         "%u were not checked, for the sender told no checksum", unchecked),
                unchecked);
        g_print("\n");
    }
    if (failed > 0) {
        g_print(ngettext("%u was left out", "%u were left out", (guint) failed), (guint) failed);
        g_print("\n");
    }
    fflush(stdout);
}

void files_sum_to_json(guint done, guint64 failed, guint64 bytes, const char *why)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_add_flag(builder, "ok", !why && failed == 0);
    json_add_uint(builder, "done", done);
    json_add_uint(builder, "failed", failed);
    json_add_uint(builder, "bytes", bytes);
    if (why)
        json_add_string(builder, "error", why);
    json_builder_end_object(builder);
    json_print(builder);
}
