/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The configuration reader: defaults, drop-ins in name order, every type with
 * good and bad values, and a failed load that leaves the struct alone.
 */

#include <config.h>

#include "common/config-file.h"

#include <glib/gstdio.h>
#include <string.h>

#include "common/log.h"
#include "common/suggestion.h"

typedef struct {
    char *name;
    char **servers;
    bool enabled;
    guint64 count, size, interval;
    int source;
} Sample;

static bool check_server(const char *value, GError **error)
{
    if (g_str_has_prefix(value, "stun:"))
        return true;
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "a stun: URI");
    return false;
}

static const char *const sources[] = {"none", "random", NULL};
static const ConfigKey keys[] = {
    {"Peer", "Name", CONFIG_STRING, offsetof(Sample, name), "nobody"},
    {"Ice", "Servers", CONFIG_LIST, offsetof(Sample, servers), "", .check = check_server},
    {"Peer", "Enabled", CONFIG_BOOL, offsetof(Sample, enabled), "yes"},
    {"Peer", "Count", CONFIG_UINT, offsetof(Sample, count), "3", 1, 10},
    {"Peer", "Size", CONFIG_SIZE, offsetof(Sample, size), "64K", 0, 1 << 30},
    {"Feed", "Interval", CONFIG_DURATION, offsetof(Sample, interval), "1s", 1000,
     G_USEC_PER_SEC * 60ull},
    {"Feed", "Source", CONFIG_CHOICE, offsetof(Sample, source), "none", .choices = sources},
    {},
};

typedef struct {
    char *folder, *path, *drop_in;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    f->folder = g_dir_make_tmp("rtcbus-config-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "x.conf", NULL);
    f->drop_in = g_build_filename(f->folder, "x.conf.d", NULL);
    g_assert_cmpint(g_mkdir(f->drop_in, 0700), ==, 0);
}

static void remove_all(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_remove(path);
    }
    g_rmdir(folder);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    remove_all(f->drop_in);
    remove_all(f->folder);
    g_free(f->folder);
    g_free(f->path);
    g_free(f->drop_in);
}

static void put(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void test_defaults(Fixture *f, gconstpointer data)
{
    Sample s = {};
    g_autoptr(GError) error = NULL;

    g_assert_false(config_load(f->path, true, keys, &s, &error));
    g_assert_error(error, CONFIG_ERROR, CONFIG_ERROR_UNREADABLE);
    g_assert_true(config_load(f->path, false, keys, &s, NULL));
    g_assert_cmpstr(s.name, ==, "nobody");
    g_assert_nonnull(s.servers);
    g_assert_null(s.servers[0]);
    g_assert_true(s.enabled);
    g_assert_cmpuint(s.size, ==, 65536);
    g_assert_cmpuint(s.interval, ==, G_USEC_PER_SEC);
    g_assert_cmpint(s.source, ==, 0);
    config_clear(keys, &s);
    g_assert_null(s.name);
}

static void test_drop_ins(Fixture *f, gconstpointer data)
{
    Sample s = {};
    g_autoptr(GError) error = NULL;

    put(f->folder, "x.conf", "[Peer]\nName=main\nCount=2\n[Feed]\nSource=random\n");
    put(f->drop_in, "20-b.conf", "[Peer]\nName=second\n[Ice]\nServers=stun:a;; stun:b ;\n");
    put(f->drop_in, "10-a.conf", "[Peer]\nName=first\nSize=2M\n");
    put(f->drop_in, "30-c.txt", "[Peer]\nName=never\n");
    g_assert_true(config_load(f->path, true, keys, &s, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(s.name, ==, "second");
    g_assert_cmpuint(s.count, ==, 2);
    g_assert_cmpuint(s.size, ==, 2 << 20);
    g_assert_cmpint(s.source, ==, 1);
    g_assert_cmpuint(g_strv_length(s.servers), ==, 2);
    g_assert_cmpstr(s.servers[1], ==, "stun:b");
    config_clear(keys, &s);
}

/* An empty value takes one of an earlier file back; of strings and lists it is a value. */
static void test_empty(Fixture *f, gconstpointer data)
{
    Sample s = {};
    g_autoptr(GError) error = NULL;

    put(f->folder, "x.conf",
        "[Peer]\nName=n\nCount=2\nSize=1K\nEnabled=no\n[Feed]\nSource=random\nInterval=5s\n");
    put(f->drop_in, "10-a.conf",
        "[Peer]\nName=\nCount=\nSize=\nEnabled=\n[Feed]\nSource=\nInterval= \n[Ice]\nServers=\n");
    g_assert_true(config_load(f->path, true, keys, &s, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(s.name, ==, "");
    g_assert_cmpuint(g_strv_length(s.servers), ==, 0);
    g_assert_cmpuint(s.size, ==, 65536);
    g_assert_true(s.enabled);
    g_assert_cmpint(s.source, ==, 0);
    g_assert_cmpuint(s.interval, ==, G_USEC_PER_SEC);
    config_clear(keys, &s);
}

/* What is wrong is quoted, and one line nevertheless. */
static void test_control_characters(Fixture *f, gconstpointer data)
{
    static const char *const bad[] = {"a\rb", "[Peer]\nSize=\033[31m\n", "[Peer]\nSize=\rNo\xff\n"};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        Sample s = {};
        g_autoptr(GError) error = NULL;

        put(f->folder, "x.conf", bad[i]);
        g_assert_false(config_load(f->path, true, keys, &s, &error));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        for (const char *p = error->message; *p; p++)
            g_assert_false(g_ascii_iscntrl(*p));
    }
}

static void test_unknown(Fixture *f, gconstpointer data)
{
    Sample s = {};

    put(f->folder, "x.conf", "[Peer]\nName=n\nColour=red\n[Moon]\nPhase=full\n");
    g_assert_true(config_load(f->path, true, keys, &s, NULL));
    g_assert_cmpstr(s.name, ==, "n");
    config_clear(keys, &s);
}

static void test_bad_values(Fixture *f, gconstpointer data)
{
    static const char *const bad[][2] = {
        {"[Peer]\nCount=0\n", "Count=0"},
        {"[Peer]\nCount=11\n", "from 1 to 10"},
        {"[Peer]\nCount=-1\n", "Count=-1"},
        {"[Peer]\nCount=99999999999999999999\n", "whole number"},
        {"[Peer]\nSize=lots\n", "64K"},
        {"[Peer]\nSize=99999999999999999G\n", "64K"},
        {"[Peer]\nEnabled=maybe\n", "yes or no"},
        {"[Feed]\nInterval=1 fortnight\n", "500ms"},
        {"[Feed]\nInterval=2min\n", "60000 ms"},
        {"[Feed]\nSource=dice\n", "none or random"},
        {"[Ice]\nServers=stun:a;http:b\n", "a stun: URI"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        Sample s = {}, empty = {};
        g_autoptr(GError) error = NULL;

        put(f->drop_in, "50-bad.conf", bad[i][0]);
        g_assert_false(config_load(f->path, false, keys, &s, &error));
        g_assert_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE);
        g_assert_nonnull(strstr(error->message, bad[i][1]));
        g_assert_nonnull(strstr(error->message, "50-bad.conf:2: ["));
        g_assert_null(strchr(error->message, '\n'));
        g_assert_cmpmem(&s, sizeof s, &empty, sizeof empty);
    }
}

static void test_syntax(Fixture *f, gconstpointer data)
{
    Sample s = {};
    g_autoptr(GError) error = NULL;

    put(f->folder, "x.conf", "Name=before any group\n");
    g_assert_false(config_load(f->path, true, keys, &s, &error));
    g_assert_error(error, CONFIG_ERROR, CONFIG_ERROR_SYNTAX);
    g_assert_true(g_str_has_prefix(error->message, f->path));
}

/* Everything that is wrong, each with its place; secrets and control characters are not shown. */
static void test_check(Fixture *f, gconstpointer data)
{
    static const char *const wanted[] = {
        "x.conf:2: [Peer] Coumt= is not known, ignored; is Count= meant?",
        "x.conf:6: group [Fed] is not known, ignored; is [Feed] meant?",
        "x.conf:9: group [Moon] is not known, ignored",
        "10-a.conf:3: Key file contains line",
        "20-b.conf:4: [Ice] Servers=turn:",
        "x.conf:5: [Peer] Size=lots is not valid: it must be a size",
    };
    g_autoptr(GPtrArray) problems = NULL;

    put(f->folder, "x.conf",
        "[Peer]\nCoumt=2\n# a comment\nSize=1M\n Size = lots\n[Fed]\nA=b\n"
        "[Peer]\n[Moon]\n");
    put(f->drop_in, "10-a.conf", "\n[Peer]\nno sign\nCount=0\n");
    put(f->drop_in, "20-b.conf", "[Ice]\n\nServers=stun:first\nServers=turn:me:secret@x\n");
    problems = config_check(f->path, true, keys);
    g_assert_cmpuint(problems->len, ==, G_N_ELEMENTS(wanted));
    for (guint i = 0; i < problems->len; i++) {
        const ConfigProblem *problem = problems->pdata[i];
        g_autofree char *line = config_problem_to_string(problem);
        bool found = false;

        for (size_t j = 0; j < G_N_ELEMENTS(wanted); j++)
            found = found || strstr(line, wanted[j]);
        if (!found)
            g_test_message("%s", line);
        g_assert_true(found);
        g_assert_null(strstr(line, "secret"));
        g_assert_cmpint(problem->is_warning, ==, i < 3);
    }
    g_ptr_array_unref(g_steal_pointer(&problems));

    put(f->folder, "x.conf", "[Peer]\nName=n\n");
    remove_all(f->drop_in);
    problems = config_check(f->path, true, keys);
    g_assert_cmpuint(problems->len, ==, 0);
}

static void test_suggestion(void)
{
    static const char *const words[] = {"Interval", "History", "URL", "Source"};

    g_assert_cmpstr(suggestion_find("interval", words, 4), ==, "Interval");
    g_assert_cmpstr(suggestion_find("Intreval", words, 4), ==, "Interval");
    g_assert_cmpstr(suggestion_find("Histori", words, 4), ==, "History");
    g_assert_cmpstr(suggestion_find("UR", words, 4), ==, NULL);
    g_assert_cmpstr(suggestion_find("Url", words, 4), ==, "URL");
    g_assert_cmpstr(suggestion_find("Nothing like it", words, 4), ==, NULL);
    g_assert_cmpstr(suggestion_find("", words, 4), ==, NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    log_open("test-config-file", false);
#define ADD(name, function) g_test_add("/config/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("defaults", test_defaults);
    ADD("drop-ins", test_drop_ins);
    ADD("empty", test_empty);
    ADD("control-characters", test_control_characters);
    ADD("unknown", test_unknown);
    ADD("bad-values", test_bad_values);
    ADD("syntax", test_syntax);
    ADD("check", test_check);
    g_test_add_func("/config/suggestion", test_suggestion);
    return g_test_run();
}
