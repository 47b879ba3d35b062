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

#include "common/config-lines.h"
#include "common/log.h"
#include "common/printable.h"
#include "common/url.h"
#include "common/suggestion.h"

G_DEFINE_QUARK(rtcbus - config - error - quark, config_error)

typedef struct {
    char *text;
    const char *file; /* NULL: the default */
    guint line;
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
                    _("a duration from %" PRIu64 " to %" PRIu64 " ms"), key->min / 1000,
                    key->max / 1000);
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

/* Parses TEXT into the member at PLACE, which must hold nothing yet. An empty string or list is one;
 * what cannot be empty is the default then. */
static bool parse_value(const ConfigKey *key, const char *text, void *place, GError **error)
{
    g_auto(GStrv) list = NULL;

    if (!*text && key->type != CONFIG_STRING && key->type != CONFIG_LIST)
        text = key->fallback;
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

/* Problems ------------------------------------------------------------------------------------ */

void config_problem_free(gpointer data)
{
    ConfigProblem *problem = data;

    g_free(problem->file);
    g_free(problem->text);
    g_free(problem);
}

/* It quotes what is in the file, and yet is one line that a terminal can show. */
char *config_problem_to_string(const ConfigProblem *problem)
{
    g_autofree char *line = NULL;

    if (problem->line == 0)
        line = g_strdup_printf("%s: %s", problem->file, problem->text);
    else
        line = g_strdup_printf("%s:%u: %s", problem->file, problem->line, problem->text);
    return printable(line);
}

/* TEXT is taken. */
static ConfigProblem *add_problem(GPtrArray *problems, const char *file, guint line,
                                  ConfigError code, char *text)
{
    ConfigProblem *problem = g_new0(ConfigProblem, 1);

    problem->file = g_strdup(file);
    problem->line = line;
    problem->code = code;
    problem->text = text;
    g_ptr_array_add(problems, problem);
    return problem;
}

/* The nearest group, or key of GROUP. */
static const char *suggest(const ConfigKey *keys, const char *group, const char *written)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();

    for (; keys->group; keys++) {
        if (!group)
            g_ptr_array_add(words, (gpointer) keys->group);
        else if (strcmp(keys->group, group) == 0)
            g_ptr_array_add(words, (gpointer) keys->key);
    }
    return suggestion_find(written, (const char *const *) words->pdata, words->len);
}

static void add_unknown(GPtrArray *problems, const ConfigKey *keys, const char *file, guint line,
                        const char *group, const char *key)
{
    const char *meant = suggest(keys, key ? group : NULL, key ? key : group);
    char *text;

    if (!key)
        text = meant ? g_strdup_printf(_("group [%s] is not known, ignored; is [%s] meant?"), group,
                                       meant)
                     : g_strdup_printf(_("group [%s] is not known, ignored"), group);
    else
        text = meant ? g_strdup_printf(_("[%s] %s= is not known, ignored; is %s= meant?"), group,
                                       key, meant)
                     : g_strdup_printf(_("[%s] %s= is not known, ignored"), group, key);
    add_problem(problems, file, line, CONFIG_ERROR_SYNTAX, text)->is_warning = true;
}

/* Reading ------------------------------------------------------------------------------------- */

static void read_group(GKeyFile *key_file, const char *group, const char *file, const char *text,
                       const ConfigKey *keys, RawValue *raw, GPtrArray *problems)
{
    g_auto(GStrv) names = g_key_file_get_keys(key_file, group, NULL, NULL);

    for (char **name = names; name && *name; name++) {
        const ConfigKey *key = find_key(keys, group, *name);
        guint line = config_lines_find(text, group, *name);
        RawValue *value;

        if (!key) {
            add_unknown(problems, keys, file, line, group, *name);
            continue;
        }
        value = &raw[key - keys];
        g_free(value->text);
        value->text = g_strstrip(g_key_file_get_value(key_file, group, *name, NULL));
        value->file = g_intern_string(file);
        value->line = line;
    }
}

/* Takes over from one file what the table knows. */
static void read_file(const char *file, const ConfigKey *keys, RawValue *raw, GPtrArray *problems)
{
    g_autoptr(GKeyFile) key_file = g_key_file_new();
    g_auto(GStrv) groups = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize size;

    if (!g_file_get_contents(file, &text, &size, &error)) {
        add_problem(problems, file, 0, CONFIG_ERROR_UNREADABLE, g_strdup(error->message));
        return;
    }
    if (!g_key_file_load_from_data(key_file, text, size, G_KEY_FILE_NONE, &error)) {
        add_problem(problems, file, config_lines_first_wrong(text), CONFIG_ERROR_SYNTAX,
                    g_strdup(error->message));
        return;
    }
    groups = g_key_file_get_groups(key_file, NULL);
    for (char **group = groups; *group; group++) {
        if (find_key(keys, *group, NULL))
            read_group(key_file, *group, file, text, keys, raw, problems);
        else
            add_unknown(problems, keys, file, config_lines_find(text, *group, NULL), *group, NULL);
    }
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

static void add_wrong(GPtrArray *problems, const ConfigKey *key, const RawValue *raw,
                      const char *path, const GError *error)
{
    g_autofree char *shown =
        key->secret ? g_strdup("***") : without_secrets(raw->text ? raw->text : key->fallback);

    add_problem(problems, raw->file ? raw->file : path, raw->line, CONFIG_ERROR_VALUE,
                g_strdup_printf(_("[%s] %s=%s is not valid: it must be %s"), key->group, key->key,
                                shown, error->message));
}

/* Each has its own right values; do they go together? */
static void check_all(const ConfigKey *keys, const RawValue *raw, const char *out, const char *path,
                      GPtrArray *problems)
{
    const ConfigKey *end = keys + count_keys(keys);
    g_autoptr(GError) error = NULL;
    const char *blamed = NULL;

    if (!end->check_all || end->check_all(out, &blamed, &error))
        return;
    for (size_t i = 0; keys[i].group; i++) {
        if (strcmp(keys[i].key, blamed) == 0)
            add_wrong(problems, &keys[i], &raw[i], path, error);
    }
}

static void parse_all(const ConfigKey *keys, const RawValue *raw, char *out, const char *path,
                      GPtrArray *problems)
{
    bool good = true;

    for (size_t i = 0; keys[i].group; i++) {
        g_autoptr(GError) error = NULL;
        const char *text = raw[i].text ? raw[i].text : keys[i].fallback;

        if (!parse_value(&keys[i], text, out + keys[i].offset, &error)) {
            add_wrong(problems, &keys[i], &raw[i], path, error);
            good = false;
        }
    }
    if (good)
        check_all(keys, raw, out, path, problems);
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

/* Reads everything into OUT, which has room for all members and is zero; what is wrong stays so. */
static void read_all(const char *path, bool required, const ConfigKey *keys, char *out,
                     GPtrArray *problems)
{
    size_t n = count_keys(keys);
    RawValue *raw = g_new0(RawValue, n);
    g_autofree char *folder = g_strconcat(path, ".d", NULL);
    g_autoptr(GError) unreadable = NULL;
    g_autoptr(GPtrArray) drop_ins = config_list(folder, &unreadable);

    if (required || g_file_test(path, G_FILE_TEST_EXISTS))
        read_file(path, keys, raw, problems);
    if (unreadable)
        add_problem(problems, folder, 0, CONFIG_ERROR_UNREADABLE, g_strdup(unreadable->message));
    for (guint i = 0; i < drop_ins->len; i++)
        read_file(drop_ins->pdata[i], keys, raw, problems);
    parse_all(keys, raw, out, path, problems);
    raw_values_free(raw, n);
}

static char *scratch_new(const ConfigKey *keys)
{
    size_t span = 0;

    for (; keys->group; keys++)
        span = MAX(span, keys->offset + member_size(keys->type));
    return g_malloc0(span);
}

/* Logs the warnings; the first of the rest is the error. */
static bool no_error(const GPtrArray *problems, GError **error)
{
    bool ok = true;

    for (guint i = 0; i < problems->len; i++) {
        const ConfigProblem *problem = problems->pdata[i];
        g_autofree char *line = config_problem_to_string(problem);

        if (problem->is_warning)
            log_warning("%s", line);
        else if (ok)
            g_set_error_literal(error, CONFIG_ERROR, problem->code, line);
        ok = ok && problem->is_warning;
    }
    return ok;
}

bool config_load(const char *path, bool required, const ConfigKey *keys, void *out, GError **error)
{
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(config_problem_free);
    g_autofree char *scratch = scratch_new(keys);
    bool ok;

    read_all(path, required, keys, scratch, problems);
    ok = no_error(problems, error);
    if (!ok)
        config_clear(keys, scratch);
    for (; ok && keys->group; keys++)
        memcpy((char *) out + keys->offset, scratch + keys->offset, member_size(keys->type));
    return ok;
}

GPtrArray *config_check(const char *path, bool required, const ConfigKey *keys)
{
    GPtrArray *problems = g_ptr_array_new_with_free_func(config_problem_free);
    g_autofree char *scratch = scratch_new(keys);

    read_all(path, required, keys, scratch, problems);
    config_clear(keys, scratch);
    return problems;
}

char **config_warnings(const char *path, bool required, const ConfigKey *keys)
{
    g_autoptr(GPtrArray) problems = config_check(path, required, keys);
    g_autoptr(GStrvBuilder) warnings = g_strv_builder_new();

    for (guint i = 0; i < problems->len; i++) {
        const ConfigProblem *problem = problems->pdata[i];
        g_autofree char *line = problem->is_warning ? config_problem_to_string(problem) : NULL;

        if (line)
            g_strv_builder_add(warnings, line);
    }
    return g_strv_builder_end(warnings);
}

char *config_read_one(const char *path, const char *group, const char *key, GError **error)
{
    const ConfigKey keys[] = {{.group = group, .key = key, .type = CONFIG_STRING, .fallback = ""},
                              {}};
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(config_problem_free);
    char *value = NULL;

    read_all(path, true, keys, (char *) &value, problems);
    for (guint i = 0; i < problems->len; i++) {
        const ConfigProblem *problem = problems->pdata[i];

        if (problem->is_warning)
            continue;
        g_set_error_literal(error, CONFIG_ERROR, problem->code, problem->text);
        g_free(value);
        return NULL;
    }
    return value;
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
