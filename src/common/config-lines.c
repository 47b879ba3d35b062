/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The rules of the Desktop Entry Specification, as GKeyFile reads them. */

#include <config.h>

#include "common/config-lines.h"

#include <stdbool.h>
#include <string.h>

typedef enum { LINE_NOTHING, LINE_GROUP, LINE_KEY, LINE_WRONG } LineKind;

/* LINE is changed: what its group or key is called comes out as NAME, and points into it. */
static LineKind read_line(char *line, const char **name)
{
    char *equals, *end;

    g_strstrip(line);
    if (*line == '\0' || *line == '#')
        return LINE_NOTHING;
    if (*line == '[') {
        end = strrchr(line, ']');
        if (!end || end == line + 1)
            return LINE_WRONG;
        *end = '\0';
        *name = line + 1;
        return LINE_GROUP;
    }
    equals = strchr(line, '=');
    if (!equals || equals == line)
        return LINE_WRONG;
    *equals = '\0';
    *name = g_strchomp(line);
    return LINE_KEY;
}

guint config_lines_find(const char *text, const char *group, const char *key)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    bool inside = false;
    guint found = 0;

    for (guint i = 0; lines[i]; i++) {
        const char *name = NULL;

        switch (read_line(lines[i], &name)) {
        case LINE_GROUP:
            inside = strcmp(name, group) == 0;
            if (inside && !key)
                return i + 1;
            break;
        case LINE_KEY:
            if (inside && key && strcmp(name, key) == 0)
                found = i + 1;
            break;
        case LINE_NOTHING:
        case LINE_WRONG:
            break;
        }
    }
    return found;
}

guint config_lines_first_wrong(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    bool in_group = false;

    for (guint i = 0; lines[i]; i++) {
        const char *name;
        LineKind kind = read_line(lines[i], &name);

        if (kind == LINE_WRONG || (kind == LINE_KEY && !in_group))
            return i + 1;
        in_group |= kind == LINE_GROUP;
    }
    return 0;
}
