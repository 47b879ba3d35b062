/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/kept-list.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

#include "common/atomic-file.h"
#include "common/log.h"
#include "common/names.h"
#include "peer/error.h"
#include "peer/trust/known-file.h"
#include "signaling/frame.h"

#define ASIDE_SUFFIX ".damaged"
#define HEADER "# Peers that are kept connected: rtcbusctl keep, rtcbusctl unkeep\n"

struct KeptList {
    char *path, *problem;
    bool unreadable;  /* what is in the file is not known, so it must not be replaced */
    GPtrArray *names; /* ends with NULL */
};

static GPtrArray *names_new(void)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(names, NULL);
    return names;
}

static void names_add(GPtrArray *names, const char *name)
{
    g_ptr_array_insert(names, (int) names->len - 1, g_strdup(name));
}

/* NULL if TEXT was not written by us. */
static GPtrArray *names_parse(const char *text, gsize length)
{
    g_autoptr(GPtrArray) names = names_new();
    g_auto(GStrv) lines = NULL;

    if (length == 0 || text[length - 1] != '\n' || !g_utf8_validate(text, (gssize) length, NULL))
        return NULL;
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_autofree char *name = NULL;

        if (**line == '#' || **line == '\0')
            continue;
        name = known_name_parse(*line);
        if (!name || strpbrk(*line, " \t\r") || strlen(name) > FRAME_MAX_NAME ||
            names->len > KEPT_LIST_MAX)
            return NULL;
        if (!g_strv_contains((const char *const *) names->pdata, name))
            names_add(names, name);
    }
    return g_steal_pointer(&names);
}

static char *names_write(const GPtrArray *names)
{
    GString *out = g_string_new(HEADER);

    for (guint i = 0; i + 1 < names->len; i++) {
        g_autofree char *word = known_name_write(names->pdata[i]);

        g_string_append_printf(out, "%s\n", word);
    }
    return g_string_free(out, FALSE);
}

/* ---- the file --------------------------------------------------------------- */

static void set_problem(KeptList *list, char *problem)
{
    g_free(list->problem);
    list->problem = problem;
    if (problem)
        log_event(LOG_LEVEL_FAILURE, (.message_id = MESSAGE_KEPT_PEERS_BROKEN), "%s", problem);
}

static void put_aside(KeptList *list)
{
    g_autofree char *aside = g_strconcat(list->path, ASIDE_SUFFIX, NULL);

    if (g_rename(list->path, aside) == 0) {
        set_problem(list,
                    g_strdup_printf(_("%s was damaged and is %s now: whom it named is not kept; "
                                      "\"rtcbusctl keep NAME\" keeps them again"),
                                    list->path, aside));
        return;
    }
    list->unreadable = true;
    set_problem(list, g_strdup_printf(_("%s is damaged, and cannot be put aside: %s"), list->path,
                                      g_strerror(errno)));
}

void kept_list_load(KeptList *list)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    gsize length;

    list->unreadable = false;
    g_clear_pointer(&list->problem, g_free);
    g_clear_pointer(&list->names, g_ptr_array_unref);
    if (g_file_get_contents(list->path, &text, &length, &error)) {
        list->names = names_parse(text, length);
        if (!list->names)
            put_aside(list);
    } else if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        list->unreadable = true;
        set_problem(list, g_strdup(error->message));
    }
    if (!list->names)
        list->names = names_new();
}

/* NAMES are in force when they are on the disk. */
static bool kept_list_take(KeptList *list, GPtrArray *names, GError **error)
{
    g_autofree char *text = names_write(names);
    g_autoptr(GError) local = NULL;

    if (list->unreadable) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_FAILED, "%s", list->problem);
        return false;
    }
    if (!atomic_file_write(list->path, text, strlen(text), ATOMIC_FILE_REPLACE, &local)) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_FAILED, _("it cannot be remembered: %s"),
                    local->message);
        return false;
    }
    g_ptr_array_unref(list->names);
    list->names = g_ptr_array_ref(names);
    return true;
}

bool kept_list_add(KeptList *list, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = NULL;

    if (kept_list_has(list, name))
        return true;
    if (list->names->len > KEPT_LIST_MAX) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED,
                    _("%d peers are kept already, and no more can be remembered"), KEPT_LIST_MAX);
        return false;
    }
    names = g_ptr_array_copy(list->names, (GCopyFunc) (void (*)(void)) g_strdup, NULL);
    names_add(names, name);
    return kept_list_take(list, names, error);
}

bool kept_list_remove(KeptList *list, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = names_new();

    if (!kept_list_has(list, name))
        return true;
    for (guint i = 0; i + 1 < list->names->len; i++) {
        if (strcmp(list->names->pdata[i], name) != 0)
            names_add(names, list->names->pdata[i]);
    }
    return kept_list_take(list, names, error);
}

/* ---- the object ------------------------------------------------------------- */

const char *kept_list_problem(const KeptList *list)
{
    return list->problem;
}

const char *const *kept_list_names(const KeptList *list)
{
    return (const char *const *) list->names->pdata;
}

bool kept_list_has(const KeptList *list, const char *name)
{
    return g_strv_contains(kept_list_names(list), name);
}

KeptList *kept_list_new(const char *path)
{
    KeptList *list = g_new0(KeptList, 1);

    list->path = g_strdup(path);
    list->names = names_new();
    return list;
}

void kept_list_free(KeptList *list)
{
    if (!list)
        return;
    g_ptr_array_unref(list->names);
    g_free(list->problem);
    g_free(list->path);
    g_free(list);
}
