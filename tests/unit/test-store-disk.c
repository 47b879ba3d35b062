/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The store of readings on a disk: killed, damaged, moved, and with its thread. */

#include <config.h>

#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "told.h"

typedef struct {
    char *folder, *path;
} Place;

static void place_begin(Place *place)
{
    place->folder = g_dir_make_tmp("store-XXXXXX", NULL);
    place->path = g_build_filename(place->folder, "readings.db", NULL);
}

static guint place_count(const Place *place, const char *containing)
{
    g_autoptr(GDir) dir = g_dir_open(place->folder, 0, NULL);
    const char *name;
    guint count = 0;

    while ((name = g_dir_read_name(dir)))
        count += strstr(name, containing) && !g_str_has_suffix(name, "-wal");
    return count;
}

static void place_clear(Place *place)
{
    g_autoptr(GDir) dir = g_dir_open(place->folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(place->folder, name, NULL);

        g_remove(path);
    }
    g_rmdir(place->folder);
    g_free(place->folder);
    g_free(place->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static Store *open_place(const Place *place, Told *told)
{
    StoreSettings settings = {
        .path = place->path, .manual = true, .limits = {.outbox = 65536, .history = 65536}};

    return store_open(&settings, &told_ops, told);
}

/* In the child: publishes until it is killed, and says what has been promised. */
static void publish_for_ever(const Place *place, int fd)
{
    Told told;
    Store *store;

    told_begin(&told);
    store = open_place(place, &told);
    for (;;) {
        for (guint i = 0; i < 5; i++)
            told_publish(store, &told, "a", 1);
        told_receive(store, &told, &told_kitchen, "t", store_received(store) + 1, 4);
        store_commit(store);
        for (guint i = 0; i < told.published->len; i++) {
            if (write(fd, &g_array_index(told.published, guint64, i), sizeof(guint64)) < 0)
                _exit(1);
        }
        g_array_set_size(told.published, 0);
        g_array_set_size(told.received, 0);
        g_array_set_size(told.done, 0);
    }
}

static guint64 kill_after(const Place *place, guint count)
{
    guint64 promised = 0, sequence;
    int fds[2], status;
    pid_t child;

    g_assert_cmpint(pipe(fds), ==, 0);
    child = fork();
    if (child == 0) {
        close(fds[0]);
        publish_for_ever(place, fds[1]);
    }
    close(fds[1]);
    while (count-- > 0 && read(fds[0], &sequence, sizeof sequence) == sizeof sequence)
        promised = sequence;
    g_assert_cmpint(kill(child, SIGKILL), ==, 0);
    while (read(fds[0], &sequence, sizeof sequence) == sizeof sequence)
        promised = sequence;
    close(fds[0]);
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFSIGNALED(status));
    return promised;
}

static void test_kill(void)
{
    g_auto(Place) place = {};
    guint64 before = 0;

    place_begin(&place);
    for (guint round = 0; round < 12; round++) {
        guint64 promised = kill_after(&place, 37 * (round + 1));
        g_auto(Told) told = {};
        g_autoptr(Store) store = NULL;
        g_autoptr(GArray) found = NULL;
        guint64 cursor;

        told_begin(&told);
        store = open_place(&place, &told);
        g_assert_null(store_problem(store));
        found = told_outbox(store, 0, 0);
        g_assert_cmpuint(promised, >, before);
        g_assert_cmpuint(store_published(store), >=, promised);
        g_assert_cmpuint(found->len, ==, store_published(store)); /* none skipped, none twice */
        g_assert_true(store_cursor(store, told_kitchen.fingerprint, "e1", &cursor));
        g_assert_cmpuint(cursor, ==, store_received(store));
        before = store_published(store);
    }
}

static void spoil(const Place *place, gsize offset, const char *bytes, gsize length)
{
    FILE *file = fopen(place->path, "r+");

    g_assert(file);
    g_assert_cmpint(fseek(file, (long) offset, SEEK_SET), ==, 0);
    g_assert_cmpuint(fwrite(bytes, 1, length, file), ==, length);
    fclose(file);
}

static void fill_place(const Place *place)
{
    g_auto(Told) told = {};
    Store *store;

    told_begin(&told);
    store = open_place(place, &told);
    for (guint i = 0; i < 2000; i++)
        told_publish(store, &told, "a", i);
    told_receive(store, &told, &told_kitchen, "t", store_received(store) + 1, 2000);
    store_commit(store);
    store_close(store);
}

static void spoil_header(const Place *place)
{
    spoil(place, 0, "This is no data base", 20);
}

static void spoil_page(const Place *place)
{
    g_autofree char *junk = g_strnfill(4096, 'j');

    for (gsize page = 2; page < 12; page++)
        spoil(place, page * 4096, junk, 4096);
}

static void spoil_length(const Place *place)
{
    g_assert_cmpint(truncate(place->path, 9000), ==, 0);
}

static void spoil_text(const Place *place)
{
    g_assert_true(g_file_set_contents(place->path, "readings\n", -1, NULL));
}

static void spoil_version(const Place *place)
{
    spoil(place, 60, "\0\0\0\x09", 4); /* PRAGMA user_version */
}

static void test_damaged(void)
{
    void (*const spoilers[])(const Place *) = {spoil_header, spoil_page, spoil_length, spoil_text,
                                               spoil_version};
    g_auto(Place) place = {};

    place_begin(&place);
    for (gsize i = 0; i < G_N_ELEMENTS(spoilers); i++) {
        g_auto(Told) told = {};
        g_autoptr(Store) store = NULL;

        told_begin(&told);
        fill_place(&place);
        spoilers[i](&place);
        store = open_place(&place, &told);
        g_assert_nonnull(strstr(store_problem(store), "damaged-"));
        g_assert_cmpuint(store_published(store), ==, 0);
        g_assert_cmpuint(place_count(&place, "damaged-"), ==, MIN(i + 1, 3));
        told_publish(store, &told, "a", 1);
        store_commit(store);
        g_assert_cmpuint(told.done->len, ==, 1);
    }
}

static void count_all(Store *store, Told *told)
{
    g_autoptr(GArray) sent G_GNUC_UNUSED = told_outbox(store, 0, 0);
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(HistoryReading));

    store_read_history(store, 0, 0, NULL, told_collect_history, found);
    told_missed(store, told);
}

/* Whatever is in the file, it can be opened, read and written; it may have to be begun anew. */
static void test_damaged_at_random(void)
{
    g_auto(Place) place = {};
    g_autofree char *good = NULL;
    gsize length;

    place_begin(&place);
    fill_place(&place);
    g_assert_true(g_file_get_contents(place.path, &good, &length, NULL));
    for (guint seed = 1; seed <= 60; seed++) {
        g_autoptr(GRand) chance = g_rand_new_with_seed(seed);
        g_autofree char *bad = g_memdup2(good, length);
        g_auto(Told) told = {};
        Store *store;

        for (guint i = 0; i <= seed; i++)
            bad[g_rand_int_range(chance, 0, seed % 2 ? 8192 : (gint) length)] =
                (char) g_rand_int(chance);
        g_assert_true(g_file_set_contents(place.path, bad, (gssize) length, NULL));
        told_begin(&told);
        store = open_place(&place, &told);
        count_all(store, &told);
        told_publish(store, &told, "a", 1);
        told_receive(store, &told, &told_kitchen, "t", 100000, 1);
        store_commit(store);
        g_assert_cmpuint(told.done->len + told.failures, ==, 2);
        g_assert_cmpuint(told.failures, ==, 0);
        count_all(store, &told);
        store_close(store);
    }
}

/* Damage that is seen only when it is read: it is read once, and then begun anew. */
static void test_damaged_later(void)
{
    g_auto(Place) place = {};
    g_auto(Told) told = {};
    g_autoptr(Store) store = NULL;
    g_autoptr(GArray) sent = g_array_new(FALSE, FALSE, sizeof(OutboxReading));
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(HistoryReading));
    g_autofree char *id = NULL, *junk = g_strnfill(4096, 'j');
    g_autofree char *big = g_strnfill(60000, 'x');
    Reading reading = {
        .series = "b", .unit = "", .kind = READING_BYTES, .data = big, .length = 60000};

    place_begin(&place);
    told_begin(&told);
    store = open_place(&place, &told);
    id = g_strdup(store_history_id(store));
    for (guint i = 0; i < 100; i++)
        g_assert_true(store_publish(store, &reading, NULL, NULL, NULL));
    store_commit(store);
    store_close(store);
    store = open_place(&place, &told);
    g_assert_cmpuint(store_published(store), ==, 100);
    for (gsize page = 20; page < 1000; page++)
        spoil(&place, page * 4096, junk, 4096);
    for (guint i = 0; i < 3; i++) /* what is cached is still good */
        told_publish(store, &told, "a", 1);
    store_read_outbox(store, 0, 0, told_collect_outbox, sent);
    store_read_history(store, 0, 0, NULL, told_collect_history, found);
    store_commit(store);
    g_assert_cmpstr(store_history_id(store), !=, id);
    g_assert_cmpuint(told.failures, ==, 0);
    g_assert_cmpuint(told.changes, >, 0);
    g_assert_cmpuint(store_published(store), ==, 3); /* what was given then is in the new one */
}

static void test_no_folder(void)
{
    g_auto(Told) told = {};
    g_autoptr(Store) store = NULL;
    StoreSettings settings = {.path = "/proc/rtcbus/readings.db",
                              .manual = true,
                              .limits = {.outbox = 10, .history = 10}};

    told_begin(&told);
    store = store_open(&settings, &told_ops, &told);
    g_assert_nonnull(strstr(store_problem(store), "memory only"));
    told_publish(store, &told, "a", 1);
    told_receive(store, &told, &told_kitchen, "t", 1, 2);
    store_commit(store);
    g_assert_cmpuint(told.done->len, ==, 2);
    g_assert_nonnull(store_problem(store));
}

/* What is in memory goes to the disk as it is, once that can be written. */
static void test_return(void)
{
    g_auto(Place) place = {};
    g_auto(Told) told = {};
    Store *store;
    g_autofree char *epoch = NULL, *id = NULL;

    place_begin(&place);
    told_begin(&told);
    g_rmdir(place.folder);
    store = open_place(&place, &told);
    epoch = g_strdup(store_epoch(store));
    id = g_strdup(store_history_id(store));
    told_publish(store, &told, "a", 1);
    told_receive(store, &told, &told_kitchen, "t", 1, 3);
    store_commit(store);
    store_expire(store, 1);
    g_assert_nonnull(strstr(store_problem(store), "memory only"));
    g_assert_cmpint(g_mkdir(place.folder, 0700), ==, 0);
    store_expire(store, 1);
    g_assert_null(store_problem(store));
    told_publish(store, &told, "a", 2);
    store_commit(store);
    store_kill(store);
    store = open_place(&place, &told);
    g_assert_cmpstr(store_epoch(store), ==, epoch);
    g_assert_cmpstr(store_history_id(store), ==, id);
    g_assert_cmpuint(store_published(store), ==, 2);
    told_expect(store, 0, 0, NULL, 0, 3, 1, 2, 3);
    store_close(store);
    g_assert_cmpuint(place_count(&place, ""), ==, 1);
}

/* Two that count in the same sequences would be worse than one that forgets. */
static void test_two_at_once(void)
{
    g_auto(Place) place = {};
    g_auto(Told) told = {};
    g_autoptr(Store) store = NULL, other = NULL;

    place_begin(&place);
    told_begin(&told);
    store = open_place(&place, &told);
    other = open_place(&place, &told);
    g_assert_null(store_problem(store));
    g_assert_nonnull(strstr(store_problem(other), "another process"));
    told_publish(store, &told, "a", 1);
    store_close(g_steal_pointer(&store));
    store_expire(other, 1); /* the file of the first goes on */
    g_assert_null(store_problem(other));
    g_assert_cmpuint(store_published(other), ==, 1);
}

/* What waits while another program has the file locked does not hold up the end for long. */
static void test_locked_at_the_end(void)
{
    g_auto(Place) place = {};
    g_auto(Told) told = {};
    Store *store;
    sqlite3 *locker = NULL;
    gint64 began;

    place_begin(&place);
    told_begin(&told);
    store = open_place(&place, &told);
    g_assert_cmpint(sqlite3_open(place.path, &locker), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(locker, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
    told_publish(store, &told, "a", 1);
    store_commit(store);
    g_assert_cmpuint(told.done->len + told.failures, ==, 0);
    began = g_get_monotonic_time();
    store_close(store);
    g_assert_cmpint(g_get_monotonic_time() - began, <, 20 * G_USEC_PER_SEC);
    g_assert_cmpuint(told.failures, ==, 1);
    sqlite3_close(locker);
}

/* With its own timers: a thread brings all to the disk, and what is written meanwhile waits. */
static void test_thread(void)
{
    g_auto(Place) place = {};
    g_auto(Told) told = {};
    g_autofree char *journal = NULL;
    Store *store;
    StoreSettings settings = {.limits = {.outbox = 65536, .history = 65536}};
    GStatBuf found;

    place_begin(&place);
    told_begin(&told);
    settings.path = place.path;
    journal = g_strconcat(place.path, "-wal", NULL);
    store = store_open(&settings, &told_ops, &told);
    for (guint i = 1; i <= 100; i++) {
        for (guint j = 0; j < 2000; j++)
            told_publish(store, &told, "a", j);
        while (told.done->len < 2000 * i)
            g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpuint(told.failures, ==, 0);
    g_assert_cmpuint(store_published(store), ==, 200000);
    g_assert_cmpint(g_stat(journal, &found), ==, 0);
    g_assert_cmpint(found.st_size, <, 64 * 1024 * 1024);
    store_close(store);
    g_assert_cmpuint(place_count(&place, ""), ==, 1); /* its other files are gone */
    store = open_place(&place, &told);
    g_assert_cmpuint(store_published(store), ==, 200000);
    store_close(store);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL); /* faults are warned of */
    g_test_add_func("/store-disk/kill", test_kill);
    g_test_add_func("/store-disk/damaged", test_damaged);
    g_test_add_func("/store-disk/damaged-at-random", test_damaged_at_random);
    g_test_add_func("/store-disk/damaged-later", test_damaged_later);
    g_test_add_func("/store-disk/no-folder", test_no_folder);
    g_test_add_func("/store-disk/return", test_return);
    g_test_add_func("/store-disk/two-at-once", test_two_at_once);
    g_test_add_func("/store-disk/locked-at-the-end", test_locked_at_the_end);
    g_test_add_func("/store-disk/thread", test_thread);
    return g_test_run();
}
