/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What is remembered of whom to keep, and what becomes of a file that is damaged. */

#include <config.h>

#include "peer/call/kept-list.h"

#include <glib/gstdio.h>
#include <string.h>

#include "peer/error.h"

typedef struct {
    char *folder, *path, *aside;
    KeptList *list;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    f->folder = g_dir_make_tmp("rtcbus-kept-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "kept_peers", NULL);
    f->aside = g_strconcat(f->path, ".damaged", NULL);
    f->list = kept_list_new(f->path);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    kept_list_free(f->list);
    g_unlink(f->path);
    g_rmdir(f->path);
    g_unlink(f->aside);
    g_assert_cmpint(g_rmdir(f->folder), ==, 0);
    g_free(f->folder);
    g_free(f->path);
    g_free(f->aside);
}

static void check_names(const KeptList *list, const char *const *names)
{
    g_assert_true(g_strv_equal(kept_list_names(list), names));
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void test_remembers(Fixture *f, gconstpointer data)
{
    g_autoptr(KeptList) other = kept_list_new(f->path);
    g_autoptr(GError) error = NULL;

    kept_list_load(f->list);
    check_names(f->list, NAMES());
    g_assert_true(kept_list_add(f->list, "desk # Ann's", &error));
    g_assert_true(kept_list_add(f->list, "*", &error));
    g_assert_true(kept_list_add(f->list, "台所 %41", &error));
    g_assert_true(kept_list_add(f->list, "*", &error));
    g_assert_no_error(error);
    kept_list_load(other);
    check_names(other, NAMES("desk # Ann's", "*", "台所 %41"));
    g_assert_null(kept_list_problem(other));
    g_assert_true(kept_list_remove(other, "*", &error));
    g_assert_true(kept_list_remove(other, "nobody", &error));
    kept_list_load(f->list);
    check_names(f->list, NAMES("desk # Ann's", "台所 %41"));
}

static void check_damaged(Fixture *f, const char *text, gssize length)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *kept = NULL;
    gsize kept_length, wanted = length < 0 ? strlen(text) : (gsize) length;

    g_assert_true(g_file_set_contents(f->path, text, length, NULL));
    kept_list_load(f->list);
    check_names(f->list, NAMES());
    g_assert_nonnull(strstr(kept_list_problem(f->list), f->aside));
    g_assert_true(g_file_get_contents(f->aside, &kept, &kept_length, NULL));
    g_assert_cmpmem(kept, kept_length, text, wanted);
    g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
    g_assert_true(kept_list_add(f->list, "box", &error)); /* and it goes on */
    g_assert_no_error(error);
    kept_list_load(f->list);
    g_assert_null(kept_list_problem(f->list));
    check_names(f->list, NAMES("box"));
}

static void test_damaged(Fixture *f, gconstpointer data)
{
    g_autofree char *longest = g_strnfill(300, 'x');
    g_autofree char *line = g_strconcat(longest, "\n", NULL);

    check_damaged(f, "", 0);
    check_damaged(f, "box\nde", -1); /* the end is missing */
    check_damaged(f, "box\ntwo words\n", -1);
    check_damaged(f, "box%4\n", -1);
    check_damaged(f, "box\n\xff\n", -1);
    check_damaged(f, "bo\0x\n", 5);
    check_damaged(f, line, -1);
}

/* What cannot be read is not replaced. */
static void test_unreadable(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(g_mkdir(f->path, 0700), ==, 0);
    kept_list_load(f->list);
    g_assert_nonnull(kept_list_problem(f->list));
    g_assert_false(kept_list_add(f->list, "box", &error));
    g_assert_error(error, PEER_ERROR, PEER_ERROR_FAILED);
    check_names(f->list, NAMES());
}

static void test_unwritable(Fixture *f, gconstpointer data)
{
    g_autofree char *path = g_build_filename(f->folder, "gone", "kept_peers", NULL);
    g_autoptr(KeptList) list = kept_list_new(path);
    g_autoptr(GError) error = NULL;

    kept_list_load(list);
    g_assert_null(kept_list_problem(list));
    g_assert_false(kept_list_add(list, "box", &error));
    g_assert_error(error, PEER_ERROR, PEER_ERROR_FAILED);
    check_names(list, NAMES());
}

static void test_limit(Fixture *f, gconstpointer data)
{
    GString *text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < KEPT_LIST_MAX; i++)
        g_string_append_printf(text, "box%u\n", i);
    g_assert_true(g_file_set_contents(f->path, text->str, (gssize) text->len, NULL));
    kept_list_load(f->list);
    g_assert_null(kept_list_problem(f->list));
    g_assert_true(kept_list_add(f->list, "box7", &error));
    g_assert_false(kept_list_add(f->list, "one more", &error));
    g_assert_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED);
    g_string_free(text, TRUE);
}

#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK);
    ADD("/kept-list/remembers", test_remembers);
    ADD("/kept-list/damaged", test_damaged);
    ADD("/kept-list/unreadable", test_unreadable);
    ADD("/kept-list/unwritable", test_unwritable);
    ADD("/kept-list/limit", test_limit);
    return g_test_run();
}
