/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The table-driven reader behind config-file.h. Values are parsed into a
 * scratch table first and moved into the caller's struct only when all of
 * them are right, so a bad reload leaves the running configuration alone.
 */

#include <config.h>

#include "common/config-file.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "common/printable.h"
#include "common/url.h"

G_DEFINE_QUARK(rtcbus-config-error-quark, config_error)

typedef struct {
    char *text;
    const char *file; /* NULL: the default */
} RawValue;

static void raw_values_free(RawValue *raw, size_t n)
{
    for (size_t i = 0; i < n; i++)
        g_free(raw[i].text);
    g_free(raw);
}

static size_t count_keys(const ConfigKey *keys)
{
    size_t n = 0;

    while (keys[n].group)
        n++;
    return n;
}

typedef struct {
    const char *suffix;
    guint64 factor;
} Unit;

static bool parse_with_unit(const char *text, const Unit *units, guint64 *value)
{
    guint64 number;
    char *end = NULL;

    if (!g_ascii_isdigit(text[0]))
        return false;
    errno = 0;
    number = g_ascii_strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    while (g_ascii_isspace(*end))
        end++;
    for (; units->suffix; units++) {
        if (g_ascii_strcasecmp(end, units->suffix) == 0)
            return g_uint64_checked_mul(value, number, units->factor);
    }
    return false;
}

bool config_parse_size(const char *text, guint64 *bytes)
{
    static const Unit units[] = {
        {"", 1}, {"B", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {},
    };
    return parse_with_unit(text, units, bytes);
}

bool config_parse_duration(const char *text, guint64 *usec)
{
    static const Unit units[] = {
        {"us", 1},
        {"ms", 1000},
        {"", G_USEC_PER_SEC},
        {"s", G_USEC_PER_SEC},
        {"min", 60 * G_USEC_PER_SEC},
        {"h", 3600ull * G_USEC_PER_SEC},
        {"d", 86400ull * G_USEC_PER_SEC},
        {},
    };
    return parse_with_unit(text, units, usec);
}

static bool parse_number(const ConfigKey *key, const char *text, guint64 *value, GError **error)
{
    static const Unit plain[] = {{"", 1}, {}};
    const char *what;
    bool ok;

    switch (key->type) {
    case CONFIG_SIZE:
        ok = config_parse_size(text, value);
        what = _("a size such as 64K or 1M");
        break;
    case CONFIG_DURATION:
        ok = config_parse_duration(text, value);
        what = _("a duration such as 500ms, 1s or 5min");
        break;
    default:
        ok = parse_with_unit(text, plain, value);
        what = _("a whole number");
        break;
    }
    if (ok && *value >= key->min && (key->max == 0 || *value <= key->max))
        return true;
    if (!ok)
        g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, what);
    else if (key->type == CONFIG_DURATION)
        g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                    _("a duration from %" PRIu64 " to %" PRIu64 " ms"),
                    key->min / 1000, key->max / 1000);
    else
        g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                    _("a value from %" PRIu64 " to %" PRIu64), key->min,
                    key->max ? key->max : G_MAXUINT64);
    return false;
}

static bool parse_bool(const char *text, bool *value, GError **error)
{
    static const char *const yes[] = {"yes", "true", "on", "1", NULL};
    static const char *const no[] = {"no", "false", "off", "0", NULL};
    g_autofree char *lower = g_ascii_strdown(text, -1);

    *value = g_strv_contains(yes, lower);
    if (*value || g_strv_contains(no, lower))
        return true;
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, _("yes or no"));
    return false;
}

static char **parse_list(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ";", -1);
    GPtrArray *items = g_ptr_array_new();

    for (char **part = parts; *part; part++) {
        g_strstrip(*part);
        if (**part)
            g_ptr_array_add(items, g_strdup(*part));
    }
    g_ptr_array_add(items, NULL);
    return (char **) g_ptr_array_free(items, FALSE);
}

static bool parse_choice(const ConfigKey *key, const char *text, int *value, GError **error)
{
    g_autofree char *all = NULL;

    for (int i = 0; key->choices[i]; i++) {
        if (strcmp(key->choices[i], text) == 0) {
            *value = i;
            return true;
        }
    }
    all = g_strjoinv(_(" or "), (char **) key->choices);
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, all);
    return false;
}

/* Parses TEXT into the member at PLACE, which must hold nothing yet. */
static bool parse_value(const ConfigKey *key, const char *text, void *place, GError **error)
{
    g_auto(GStrv) list = NULL;

    switch (key->type) {
    case CONFIG_STRING:
        if (key->check && !key->check(text, error))
            return false;
        *(char **) place = g_strdup(text);
        return true;
    case CONFIG_LIST:
        list = parse_list(text);
        for (char **item = list; key->check && *item; item++) {
            if (!key->check(*item, error))
                return false;
        }
        *(char ***) place = g_steal_pointer(&list);
        return true;
    case CONFIG_BOOL:
        return parse_bool(text, place, error);
    case CONFIG_UINT:
    case CONFIG_SIZE:
    case CONFIG_DURATION:
        return parse_number(key, text, place, error);
    case CONFIG_CHOICE:
        return parse_choice(key, text, place, error);
    }
    g_assert_not_reached();
}

static const ConfigKey *find_key(const ConfigKey *keys, const char *group, const char *key)
{
    for (; keys->group; keys++) {
        if (strcmp(keys->group, group) == 0 && (!key || strcmp(keys->key, key) == 0))
            return keys;
    }
    return NULL;
}

/* Takes over from one file what the table knows, and warns of the rest. */
static bool read_file(const char *file, const ConfigKey *keys, RawValue *raw, GError **error)
{
    g_autoptr(GKeyFile) key_file = g_key_file_new();
    g_auto(GStrv) groups = NULL;
    g_autoptr(GError) local = NULL;

    if (!g_key_file_load_from_file(key_file, file, G_KEY_FILE_NONE, &local)) {
        g_set_error(error, CONFIG_ERROR,
                    local->domain == G_KEY_FILE_ERROR ? CONFIG_ERROR_SYNTAX
                                                      : CONFIG_ERROR_UNREADABLE,
                    "%s: %s", file, local->message);
        return false;
    }
    groups = g_key_file_get_groups(key_file, NULL);
    for (char **group = groups; *group; group++) {
        g_auto(GStrv) names = NULL;

        if (!find_key(keys, *group, NULL)) {
            log_warning(_("%s: group [%s] is not known, ignored"), file, *group);
            continue;
        }
        names = g_key_file_get_keys(key_file, *group, NULL, NULL);
        for (char **name = names; name && *name; name++) {
            const ConfigKey *key = find_key(keys, *group, *name);

            if (!key) {
                log_warning(_("%s: [%s] %s= is not known, ignored"), file, *group, *name);
                continue;
            }
            g_free(raw[key - keys].text);
            raw[key - keys].text = g_key_file_get_value(key_file, *group, *name, NULL);
            g_strstrip(raw[key - keys].text);
            raw[key - keys].file = g_intern_string(file);
        }
    }
    return true;
}

static int compare_strings(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *config_list(const char *folder, GError **error)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) local = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &local);
    const char *name;

    if (local && !g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_UNREADABLE, local->message);
    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_suffix(name, CONFIG_SUFFIX) && name[0] != '.')
            g_ptr_array_add(files, g_build_filename(folder, name, NULL));
    }
    g_ptr_array_sort(files, compare_strings);
    return files;
}

/* TEXT, an URL or a list of them, as an error may show it: an error goes to the journal. */
static char *without_secrets(const char *text)
{
    g_auto(GStrv) items = g_strsplit(text, ";", -1);

    for (char **item = items; *item; item++) {
        char *shown = url_for_people(*item);

        g_free(*item);
        *item = shown;
    }
    return g_strjoinv(";", items);
}

static bool parse_all(const ConfigKey *keys, const RawValue *raw, char *out, const char *path,
                      GError **error)
{
    for (size_t i = 0; keys[i].group; i++) {
        g_autoptr(GError) local = NULL;
        const char *text = raw[i].text ? raw[i].text : keys[i].fallback;

        if (!parse_value(&keys[i], text, out + keys[i].offset, &local)) {
            g_autofree char *shown = without_secrets(text);

            g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                        _("%s: [%s] %s=%s is not valid: it must be %s"),
                        raw[i].file ? raw[i].file : path, keys[i].group, keys[i].key, shown,
                        local->message);
            return false;
        }
    }
    return true;
}

static size_t member_size(ConfigType type)
{
    switch (type) {
    case CONFIG_STRING:
        return sizeof(char *);
    case CONFIG_LIST:
        return sizeof(char **);
    case CONFIG_BOOL:
        return sizeof(bool);
    case CONFIG_CHOICE:
        return sizeof(int);
    default:
        return sizeof(guint64);
    }
}

/* It quotes what is in the file, and yet is one line that a terminal can show. */
static void clean_message(GError *error)
{
    char *message = printable(error->message);

    g_free(error->message);
    error->message = message;
}

bool config_load(const char *path, bool required, const ConfigKey *keys, void *out,
                 GError **error)
{
    size_t n = count_keys(keys), span = 0;
    RawValue *raw = g_new0(RawValue, n);
    g_autofree char *scratch = NULL;
    g_autofree char *folder = g_strconcat(path, ".d", NULL);
    g_autoptr(GPtrArray) drop_ins = config_list(folder, NULL);
    bool ok = true;

    if (required || g_file_test(path, G_FILE_TEST_EXISTS))
        ok = read_file(path, keys, raw, error);
    for (guint i = 0; ok && i < drop_ins->len; i++)
        ok = read_file(drop_ins->pdata[i], keys, raw, error);

    for (size_t i = 0; i < n; i++)
        span = MAX(span, keys[i].offset + member_size(keys[i].type));
    scratch = g_malloc0(span);
    ok = ok && parse_all(keys, raw, scratch, path, error);
    if (ok) {
        for (size_t i = 0; i < n; i++)
            memcpy((char *) out + keys[i].offset, scratch + keys[i].offset,
                   member_size(keys[i].type));
    } else {
        config_clear(keys, scratch);
        if (error)
            clean_message(*error);
    }
    raw_values_free(raw, n);
    return ok;
}

void config_clear(const ConfigKey *keys, void *out)
{
    for (; keys->group; keys++) {
        void *place = (char *) out + keys->offset;

        if (keys->type == CONFIG_STRING)
            g_clear_pointer((char **) place, g_free);
        else if (keys->type == CONFIG_LIST)
            g_clear_pointer((char ***) place, g_strfreev);
    }
}
