/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Where a forward listens: what is an address, and what becomes of what lies at a path. */

#include <config.h>

#include "common/listen-address.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

static void test_parse(void)
{
    static const char *const good[] = {"127.0.0.1:2222", "[::1]:2222", "0.0.0.0:0", "[fe80::1]:1",
                                       "unix:/run/x"};
    static const char *const bad[] = {"",         "2222",       ":2222",      "localhost:2222",
                                      "::1:2222", "127.0.0.1",  "127.0.0.1:", "127.0.0.1:65536",
                                      "unix:",    "unix:run/x", "[::1]2222"};
    g_autofree char *name = g_strnfill(200, 'x');
    g_autofree char *path = g_strconcat("unix:/", name, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GSocketAddress) address = listen_address_parse(good[i]);

        g_assert_nonnull(address);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(listen_address_parse(bad[i]));
    g_assert_null(listen_address_parse(path));
}

typedef struct {
    char *folder, *path;
    GSocketAddress *address;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    g_autofree char *text = NULL;

    f->folder = g_dir_make_tmp("rtcbus-listen-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "socket", NULL);
    text = g_strconcat("unix:", f->path, NULL);
    f->address = listen_address_parse(text);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    g_unlink(f->path);
    g_assert_cmpint(g_rmdir(f->folder), ==, 0);
    g_object_unref(f->address);
    g_free(f->folder);
    g_free(f->path);
}

static GSocket *open_there(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    GSocket *socket = listen_address_open(f->address, 1, &error);

    g_assert_no_error(error);
    return socket;
}

static void test_mode(Fixture *f, gconstpointer data)
{
    mode_t before = umask(0077);
    g_autoptr(GSocket) socket = open_there(f);
    GStatBuf status;

    umask(before);
    g_assert_cmpint(g_lstat(f->path, &status), ==, 0);
    g_assert_cmpuint(status.st_mode, ==, S_IFSOCK | 0660);
    listen_address_remove(socket);
    g_assert_cmpint(g_lstat(f->path, &status), ==, -1);
}

/* What has died left its socket behind. */
static void test_stale(Fixture *f, gconstpointer data)
{
    GSocket *dead = open_there(f);
    g_autoptr(GSocket) socket = NULL;

    g_object_unref(dead);
    g_assert_true(g_file_test(f->path, G_FILE_TEST_EXISTS));
    socket = open_there(f);
    g_assert_true(g_socket_is_connected(socket) || g_socket_get_fd(socket) >= 0);
}

static void test_in_use(Fixture *f, gconstpointer data)
{
    g_autoptr(GSocket) socket = open_there(f);
    g_autoptr(GError) error = NULL;

    g_assert_nonnull(socket);
    g_assert_null(listen_address_open(f->address, 1, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE);
    g_assert_true(g_file_test(f->path, G_FILE_TEST_EXISTS));
}

static void test_no_socket(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    g_assert_true(g_file_set_contents(f->path, "precious", -1, NULL));
    g_assert_null(listen_address_open(f->address, 1, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS);
    g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "precious");
}

/* Whoever has the path by now keeps it. */
static void test_another(Fixture *f, gconstpointer data)
{
    g_autoptr(GSocket) first = open_there(f), second = NULL;

    g_assert_cmpint(g_unlink(f->path), ==, 0);
    second = open_there(f);
    listen_address_remove(first);
    g_assert_true(g_file_test(f->path, G_FILE_TEST_EXISTS));
    listen_address_remove(second);
    g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
}

#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/listen-address/parse", test_parse);
    ADD("/listen-address/mode", test_mode);
    ADD("/listen-address/stale", test_stale);
    ADD("/listen-address/in-use", test_in_use);
    ADD("/listen-address/no-socket", test_no_socket);
    ADD("/listen-address/another", test_another);
    return g_test_run();
}
