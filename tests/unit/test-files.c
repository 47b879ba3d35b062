/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Files from one end to the other over a pair of sockets, and what a hostile sender may try. */

#include <config.h>

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/file-frame.h"
#include "files/file-hash.h"
#include "files/file-part.h"
#include "files/file-path.h"
#include "files/file-receiver.h"
#include "files/file-sender.h"
#include "wait.h"

enum { MAX_PACKET = 64 * 1024 };

/* ---- frames and names ---------------------------------------------------------------- */

static void test_frame(void)
{
    const FileFrame frame = {.type = FILE_FRAME_FILE,
                             .file = 3,
                             .size = FILE_NUMBER_MAX,
                             .path = (char *) "a/\xc3\xa9\"\n",
                             .executable = TRUE};
    gsize length;
    g_autofree char *text = file_frame_write(&frame, &length);
    g_autoptr(GError) error = NULL;
    g_autoptr(FileFrame) read = file_frame_parse(text, length, &error);

    g_assert_no_error(error);
    g_assert_cmpint(read->type, ==, FILE_FRAME_FILE);
    g_assert_cmpuint(read->file, ==, 3);
    g_assert_cmpuint(read->size, ==, FILE_NUMBER_MAX);
    g_assert_cmpstr(read->path, ==, frame.path);
    g_assert_true(read->executable);
    g_assert_cmpuint(read->mtime, ==, 0);
}

static void test_wrong_frames(void)
{
    static const char *const texts[] = {
        "{",
        "[]",
        "{\"type\":\"file\",\"file\":1,\"path\":\"a\"}",
        "{\"type\":\"file\",\"file\":-1,\"path\":\"a\",\"size\":1}",
        "{\"type\":\"file\",\"file\":1,\"path\":\"a\",\"size\":9007199254740992}",
        "{\"type\":\"file\",\"file\":1,\"path\":[\"a\"],\"size\":1}",
        "{\"type\":\"file\",\"file\":1,\"path\":\"a\",\"size\":1.5}",
        "{\"type\":\"end\",\"file\":1,\"sha256\":\"ABC\"}",
        "{\"type\":\"data\",\"file\":\"1\"}",
    };
    g_autofree char *deep = g_strnfill(FILE_FRAME_MAX, '[');
    g_autofree char *message = g_strnfill(5000, 'x');
    g_autofree char *text =
        g_strconcat("{\"type\":\"cancel\",\"message\":\"", message, "\"}", NULL);
    g_autoptr(FileFrame) cancel = file_frame_parse(text, strlen(text), NULL);
    g_autoptr(FileFrame) unknown = file_frame_parse("{\"type\":\"new\",\"x\":[1]}", 22, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(file_frame_parse(texts[i], strlen(texts[i]), &error));
        g_assert_nonnull(error);
    }
    g_assert_null(file_frame_parse(deep, strlen(deep), NULL));
    g_assert_cmpuint(strlen(cancel->message), ==, 1024);
    g_assert_cmpint(unknown->type, ==, FILE_FRAME_UNKNOWN);
}

static void test_paths(void)
{
    static const char *const bad[] = {"",    "/etc/passwd", "..", "a/../b", "a/..",
                                      "./a", "a//b",        "a/", ".",      "../a"};
    static const char *const good[][2] = {
        {"a/b", "a/b"},  {"-rf", "-rf"},
        {"...", "..."},  {"\xe3\x81\x82", "\xe3\x81\x82"},
        {"a\nb", "a_b"}, {"x\xe2\x80\xaegpj", "x_gpj"},
    };
    g_autofree char *longest = g_strnfill(FILE_NAME_MAX, 'n');
    g_autofree char *too_long = g_strnfill(FILE_NAME_MAX + 1, 'n');
    g_autoptr(GString) deep = g_string_new("a");
    g_autofree char *same = file_path_safe(longest, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(file_path_safe(bad[i], &error));
        g_assert_error(error, FILES_ERROR, FILES_ERROR_PATH);
    }
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *safe = file_path_safe(good[i][0], NULL);

        g_assert_cmpstr(safe, ==, good[i][1]);
    }
    g_assert_cmpstr(same, ==, longest);
    g_assert_null(file_path_safe(too_long, NULL));
    for (guint i = 0; i < FILE_DEPTH_MAX; i++)
        g_string_append(deep, "/a");
    g_assert_null(file_path_safe(deep->str, NULL));
    g_assert_nonnull(deep);
}

static void test_part_names(void)
{
    g_autofree char *plain = file_path_part("a.txt");
    g_autoptr(GString) one = g_string_new(NULL), other = g_string_new(NULL);
    g_autofree char *first = NULL, *second = NULL;

    g_assert_cmpstr(plain, ==, ".a.txt.rtcbus-part");
    for (guint i = 0; i < FILE_NAME_MAX / 3; i++) {
        g_string_append(one, "\xe3\x81\x82");
        g_string_append(other, "\xe3\x81\x82");
    }
    other->str[other->len - 1] = '\x84';
    first = file_path_part(one->str);
    second = file_path_part(other->str);
    g_assert_cmpuint(strlen(first), <=, FILE_NAME_MAX);
    g_assert_true(g_utf8_validate(first, -1, NULL));
    g_assert_cmpstr(first, !=, second);
}

static void test_hash(void)
{
    g_autoptr(FileHash) hash = file_hash_new();
    g_autofree char *half = NULL, *whole = NULL;
    g_autofree char *reference = g_compute_checksum_for_string(G_CHECKSUM_SHA256, "hello", 5);

    file_hash_update(hash, "he", 2);
    half = file_hash_digits(hash);
    file_hash_update(hash, "llo", 3);
    whole = file_hash_digits(hash);
    g_assert_cmpstr(whole, ==, reference);
    g_assert_cmpstr(half, !=, whole);
}

/* ---- two ends -------------------------------------------------------------------------- */

typedef struct {
    char *here, *there; /* folders */
    int folder;         /* `there` */
    FileSource *source;
    FileSender *sender;
    FileReceiver *receiver;
    GString *log; /* what both ends say */
    bool cut, sender_ended, receiver_ended;
    GError *sender_error, *receiver_error;
    guint64 left_out;
    guint64 cut_after; /* bytes of a file; 0: never */
} World;

static void on_left_out(const char *why, gpointer data)
{
    g_string_append_printf(((World *) data)->log, "left out: %s\n", why);
}

static void on_sent(guint number, gpointer data)
{
    World *world = data;
    g_autofree char *path = file_source_path(world->source, number);

    g_string_append_printf(world->log, "sent %s\n", path);
}

static void on_not_sent(guint number, const char *why, bool theirs, gpointer data)
{
    World *world = data;
    g_autofree char *path = file_source_path(world->source, number);

    g_string_append_printf(world->log, "not sent %s: %s\n", path, why);
}

static void on_restarted(guint number, gpointer data)
{
    g_string_append(((World *) data)->log, "restarted\n");
}

static void on_sender_cut(gpointer data)
{
    ((World *) data)->cut = true;
}

static void on_sender_ended(const GError *error, gpointer data)
{
    World *world = data;

    world->sender_ended = true;
    world->sender_error = error ? g_error_copy(error) : NULL;
}

static void nothing(gpointer data)
{
}

static const FileSenderOps sender_ops = {
    .asking = nothing,
    .accepted = nothing,
    .done = on_sent,
    .failed = on_not_sent,
    .restarted = on_restarted,
    .cut = on_sender_cut,
    .ended = on_sender_ended,
};

static void on_offer(const FileFrame *offer, gpointer data)
{
    file_receiver_accept(((World *) data)->receiver);
}

static void on_received(const char *path, guint64 size, const char *sha256, bool checked,
                        gpointer data)
{
    g_string_append_printf(((World *) data)->log, "received %s%s\n", path,
                           sha256 && !checked ? ", not checked" : "");
}

static void on_not_received(const char *path, guint64 size, const char *why, bool theirs,
                            gpointer data)
{
    g_string_append_printf(((World *) data)->log, "not received %s: %s\n", path, why);
}

static void on_receiver_cut(gpointer data)
{
    World *world = data;

    world->cut = true;
    g_clear_pointer(&world->receiver, file_receiver_free);
}

static void on_receiver_ended(const GError *error, guint64 left_out, gpointer data)
{
    World *world = data;

    world->receiver_ended = true;
    world->left_out = left_out;
    world->receiver_error = error ? g_error_copy(error) : NULL;
}

static const FileReceiverOps receiver_ops = {
    .offer = on_offer,
    .done = on_received,
    .failed = on_not_received,
    .cut = on_receiver_cut,
    .ended = on_receiver_ended,
};

static World *world_new(void)
{
    World *world = g_new0(World, 1);

    world->here = g_dir_make_tmp("files-XXXXXX", NULL);
    world->there = g_dir_make_tmp("files-XXXXXX", NULL);
    world->folder = open(world->there, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    world->log = g_string_new(NULL);
    return world;
}

static void remove_all(const char *path)
{
    g_autoptr(GDir) dir =
        g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *below = g_build_filename(path, name, NULL);

        remove_all(below);
    }
    g_remove(path);
}

static void world_end_transfer(World *world)
{
    g_clear_pointer(&world->sender, file_sender_free);
    g_clear_pointer(&world->receiver, file_receiver_free);
    g_clear_pointer(&world->source, file_source_free);
    g_clear_error(&world->sender_error);
    g_clear_error(&world->receiver_error);
    world->sender_ended = world->receiver_ended = world->cut = false;
    world->cut_after = 0;
    g_string_truncate(world->log, 0);
}

static void world_free(World *world)
{
    world_end_transfer(world);
    close(world->folder);
    remove_all(world->here);
    remove_all(world->there);
    g_free(world->here);
    g_free(world->there);
    g_string_free(world->log, TRUE);
    g_free(world);
}

static char *make_file(const char *folder, const char *path, gsize size, guint seed)
{
    char *whole = g_build_filename(folder, path, NULL);
    g_autofree char *parent = g_path_get_dirname(whole);
    g_autofree char *bytes = g_malloc(size + 1);

    for (gsize i = 0; i < size; i++)
        bytes[i] = (char) ((i * 7 + i / 251 + seed) % 256);
    g_mkdir_with_parents(parent, 0755);
    /* Without G_FILE_SET_CONTENTS_CONSISTENT, for which the longest name would be too long */
    g_assert_true(g_file_set_contents_full(whole, bytes, (gssize) size, G_FILE_SET_CONTENTS_NONE,
                                           0644, NULL));
    return whole;
}

static void make(const char *folder, const char *path, gsize size, guint seed)
{
    g_free(make_file(folder, path, size, seed));
}

static void assert_same(const World *world, const char *here, const char *there)
{
    g_autofree char *one = g_build_filename(world->here, here, NULL);
    g_autofree char *other = g_build_filename(world->there, there, NULL);
    g_autofree char *bytes = NULL, *others = NULL;
    gsize length, others_length;

    g_assert_true(g_file_get_contents(one, &bytes, &length, NULL));
    g_assert_true(g_file_get_contents(other, &others, &others_length, NULL));
    g_assert_cmpmem(bytes, length, others, others_length);
}

static bool is_there(const World *world, const char *path)
{
    g_autofree char *whole = g_build_filename(world->there, path, NULL);

    return g_file_test(whole, G_FILE_TEST_EXISTS);
}

static void connect_both(World *world, FileReceiverFlags flags)
{
    int sockets[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), ==, 0);
    world->receiver =
        file_receiver_new(sockets[0], MAX_PACKET, world->folder, flags, &receiver_ops, world);
    file_sender_attach(world->sender, sockets[1], MAX_PACKET);
}

/* Until both have ended, or the channel was cut, which this does when it is time. */
static bool is_over(World *world)
{
    if (world->cut_after > 0 && file_receiver_position(world->receiver) >= world->cut_after) {
        g_clear_pointer(&world->receiver, file_receiver_free);
        world->cut_after = 0;
    }
    return world->cut || (world->sender_ended && world->receiver_ended);
}

static void run(World *world)
{
    wait_until(is_over(world));
}

static void send_these(World *world, FileReceiverFlags flags, char **names)
{
    g_autoptr(GError) error = NULL;

    world->source = file_source_new(names, on_left_out, world, &error);
    g_assert_no_error(error);
    world->sender = file_sender_new(world->source, 0, &sender_ops, world);
    connect_both(world, flags);
    run(world);
}

static void send_one(World *world, FileReceiverFlags flags, const char *name)
{
    g_autofree char *whole = g_build_filename(world->here, name, NULL);

    send_these(world, flags, (char *[]){whole, NULL});
}

static void assert_log(const World *world, const char *line)
{
    if (!strstr(world->log->str, line))
        g_error("\"%s\" is missing in:\n%s", line, world->log->str);
}

static void test_transfer(void)
{
    World *world = world_new();
    g_autofree char *longest = g_strnfill(FILE_NAME_MAX, 'n');
    g_autofree char *long_path = g_strconcat("tree/", longest, NULL);
    g_autofree char *program = make_file(world->here, "tree/bin/run", 100, 1);
    g_autofree char *there = g_build_filename(world->there, "tree/bin/run", NULL);
    g_autofree char *empty = g_build_filename(world->here, "tree/nothing in it", NULL);
    g_autofree char *link = g_build_filename(world->here, "tree/link", NULL);
    const struct timespec times[] = {{.tv_sec = 1000000000},
                                     {.tv_sec = 1234567890, .tv_nsec = 5000}};
    g_autofree char *secret = make_file(world->here, "tree/secret", 10, 7);
    g_autofree char *secret_there = g_build_filename(world->there, "tree/secret", NULL);
    struct stat info;

    g_chmod(secret, 0600);
    make(world->here, "tree/big", 10 * 1024 * 1024 + 17, 2);
    make(world->here, "tree/empty", 0, 0);
    make(world->here, "tree/-rf", 10, 3);
    make(world->here, "tree/.hidden", 10, 4);
    make(world->here, "tree/two\nlines", 10, 5);
    make(world->here, long_path, 70000, 6);
    for (guint i = 0; i < 3 * FILE_LOOKAHEAD; i++) {
        g_autofree char *name = g_strdup_printf("tree/many/%u", i);

        make(world->here, name, i, i);
    }
    g_mkdir(empty, 0755);
    g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
    g_chmod(program, 0711);
    utimensat(AT_FDCWD, program, times, 0);

    send_one(world, 0, "tree");
    g_assert_no_error(world->sender_error);
    g_assert_no_error(world->receiver_error);
    for (const char *const *name = (const char *[]){"big", "empty", "-rf", ".hidden", longest,
                                                    "many/0", "many/191", "bin/run", NULL};
         *name; name++) {
        g_autofree char *path = g_strconcat("tree/", *name, NULL);

        assert_same(world, path, path);
    }
    assert_same(world, "tree/two\nlines", "tree/two_lines");
    g_assert_true(is_there(world, "tree/nothing in it"));
    g_assert_false(is_there(world, "tree/link"));
    assert_log(world, "tree/link is a symbolic link");
    g_assert_cmpint(stat(there, &info), ==, 0);
    g_assert_cmpuint(info.st_mode & 0100, ==, 0100);
    g_assert_cmpint(info.st_mtim.tv_sec, ==, 1234567890);
    g_assert_cmpint(info.st_mtim.tv_nsec, ==, 5000);
    g_assert_cmpint(stat(secret_there, &info), ==, 0);
    g_assert_cmpuint(info.st_mode & 0777, ==, 0600);
    g_assert_cmpuint(file_sender_position(world->sender), ==, file_source_bytes(world->source));
    world_free(world);
}

/* Begins again where it was, over another channel and in another run. */
static void test_cut(void)
{
    World *world = world_new();

    make(world->here, "small", 100, 1);
    make(world->here, "tree/big", 12 * 1024 * 1024, 2);
    for (guint i = 0; i < 2; i++) {
        g_autofree char *small = g_build_filename(world->here, "small", NULL);
        g_autofree char *tree = g_build_filename(world->here, "tree", NULL);

        world_end_transfer(world);
        world->cut_after = (i + 1) * 3 * 1024 * 1024;
        send_these(world, 0, (char *[]){small, tree, NULL});
        g_assert_true(world->cut);
        g_assert_true(is_there(world, "small"));
        g_assert_true(is_there(world, "tree/.big.rtcbus-part"));
        g_assert_false(is_there(world, "tree/big"));
    }
    world->cut = false;
    g_string_truncate(world->log, 0);
    connect_both(world, 0);
    wait_until(file_receiver_path(world->receiver));
    g_assert_cmpuint(file_receiver_position(world->receiver), >=, 6 * 1024 * 1024);
    run(world);
    g_assert_no_error(world->sender_error);
    g_assert_cmpstr(world->log->str, ==, "received tree/big\nsent tree/big\n");
    g_assert_false(is_there(world, "tree/.big.rtcbus-part"));
    assert_same(world, "tree/big", "tree/big");
    g_assert_cmpuint(file_sender_position(world->sender), ==, file_source_bytes(world->source));
    world_free(world);
}

/* A part of another file, and one that is longer than the file */
static void test_wrong_part(void)
{
    World *world = world_new();

    make(world->here, "a", 1000000, 1);
    make(world->there, ".a.rtcbus-part", 500000, 2);
    send_one(world, 0, "a");
    assert_log(world, "restarted");
    assert_log(world, "received a");
    assert_same(world, "a", "a");

    world_end_transfer(world);
    make(world->here, "b", 1000, 1);
    make(world->there, ".b.rtcbus-part", 2000, 1);
    send_one(world, 0, "b");
    assert_same(world, "b", "b");
    world_free(world);
}

/* From when it is looked at on, nobody else writes to it, and it may be nobody else's. */
static void test_part_of_another(void)
{
    World *world = world_new();
    g_autofree char *path = g_build_filename(world->there, ".a.rtcbus-part", NULL);
    g_autoptr(GError) error = NULL;
    FilePart *part;
    int other;

    make(world->there, ".a.rtcbus-part", 500, 1);
    other = open(path, O_RDWR | O_CLOEXEC);
    part = file_part_open(world->folder, "a", 1000, false, &error);
    g_assert_no_error(error);
    g_assert_cmpint(flock(other, LOCK_EX | LOCK_NB), <, 0);
    file_part_free(part);
    g_assert_cmpint(flock(other, LOCK_EX | LOCK_NB), ==, 0);
    g_assert_null(file_part_open(world->folder, "a", 1000, false, &error));
    g_assert_error(error, FILES_ERROR, FILES_ERROR_IO);
    close(other);
    world_free(world);
}

static void test_exists(void)
{
    World *world = world_new();

    make(world->here, "a", 1000, 1);
    make(world->there, "a", 1000, 2);
    send_one(world, 0, "a");
    assert_log(world, "not received a: a is there already");
    assert_log(world, "not sent a: a is there already");
    g_assert_no_error(world->receiver_error);

    world_end_transfer(world);
    send_one(world, FILE_RECEIVER_REPLACE, "a");
    assert_log(world, "received a");
    assert_same(world, "a", "a");

    world_end_transfer(world); /* now it is the same */
    send_one(world, 0, "a");
    assert_log(world, "received a");
    world_free(world);
}

/* Links that lead out of the folder, and a part that is no file */
static void test_nothing_outside(void)
{
    World *world = world_new();
    g_autofree char *outside = g_dir_make_tmp("files-XXXXXX", NULL);
    g_autofree char *link = g_build_filename(world->there, "tree", NULL);
    g_autofree char *part = g_build_filename(world->there, ".x.rtcbus-part", NULL);
    g_autofree char *target = g_build_filename(outside, "target", NULL);

    make(world->here, "tree/a", 10, 1);
    make(world->here, "x", 10, 1);
    g_assert_cmpint(symlink(outside, link), ==, 0);
    g_assert_cmpint(symlink(target, part), ==, 0);
    send_one(world, FILE_RECEIVER_REPLACE, "tree");
    assert_log(world, "not received tree/a: tree is no folder but a file or a symbolic link");
    world_end_transfer(world);
    send_one(world, FILE_RECEIVER_REPLACE, "x");
    assert_log(world, "not received x:");
    g_assert_cmpint(g_rmdir(outside), ==, 0); /* it is empty */
    world_free(world);
}

static void test_hidden(void)
{
    World *world = world_new();

    make(world->here, ".profile", 10, 1);
    send_one(world, 0, ".profile");
    assert_log(world, "not received .profile: this name begins with a dot");
    world_end_transfer(world);
    send_one(world, FILE_RECEIVER_HIDDEN, ".profile");
    assert_same(world, ".profile", ".profile");
    world_free(world);
}

/* The sender's file is another one when its turn comes. */
static void test_changed(void)
{
    World *world = world_new();
    g_autofree char *name = make_file(world->here, "a", 1000, 1);

    world->source = file_source_new((char *[]){name, NULL}, on_left_out, world, NULL);
    make(world->here, "a", 999, 1);
    world->sender = file_sender_new(world->source, 0, &sender_ops, world);
    connect_both(world, 0);
    run(world);
    assert_log(world, "not received a: a was changed while it was sent");
    assert_log(world, "not sent a: a was changed while it was sent");
    g_assert_false(is_there(world, "a"));
    world_free(world);
}

/* ---- a hostile sender --------------------------------------------------------------------- */

static void say(int fd, const char *text)
{
    g_assert_cmpint(send(fd, text, strlen(text), 0), ==, (gssize) strlen(text));
}

/* What the receiver makes of MESSAGES behind an offer; "\1…" stands for data. */
static void hostile(const char *const *messages, const char *wanted)
{
    World *world = world_new();
    int sockets[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), ==, 0);
    world->receiver =
        file_receiver_new(sockets[0], MAX_PACKET, world->folder, 0, &receiver_ops, world);
    say(sockets[1], "{\"type\":\"offer\",\"transfer\":\"x\",\"files\":2,\"bytes\":9}");
    for (; *messages; messages++) {
        if (**messages == '\1') {
            g_autofree char *data = g_strdup(*messages);

            data[0] = '\0';
            send(sockets[1], data, strlen(*messages), 0);
        } else {
            say(sockets[1], *messages);
        }
    }
    shutdown(sockets[1], SHUT_WR);
    wait_until(world->receiver_ended || world->cut);
    if (world->receiver_error)
        g_string_append(world->log, world->receiver_error->message);
    assert_log(world, wanted);
    g_assert_false(is_there(world, "a"));
    close(sockets[1]);
    world_free(world);
}

#define A_FILE "{\"type\":\"file\",\"file\":0,\"path\":\"a\",\"size\":5}"
#define A_FOLDER(number) "{\"type\":\"folder\",\"file\":" number ",\"path\":\"c\"}"
#define ITS_DATA "{\"type\":\"data\",\"file\":0,\"offset\":0}"
#define NOUGHTS "00000000000000000000000000000000"

static void test_hostile(void)
{
#define MESSAGES(...) ((const char *const[]){__VA_ARGS__, NULL})
    hostile(MESSAGES("{\"type\":\"file\",\"file\":0,\"path\":\"../a\",\"size\":5}"),
            "it leads to other folders");
    hostile(MESSAGES("{\"type\":\"folder\",\"file\":0,\"path\":\"/tmp/x\"}"), "slash");
    hostile(MESSAGES(A_FILE, A_FILE), "a number comes again");
    hostile(MESSAGES(A_FILE, "{\"type\":\"file\",\"file\":1,\"path\":\"b\",\"size\":5}"),
            "more than was offered");
    hostile(MESSAGES(A_FOLDER("0"), A_FOLDER("1"), A_FOLDER("2")), "more than was offered");
    hostile(MESSAGES(A_FILE, "{\"type\":\"data\",\"file\":0,\"offset\":3}"), "not asked for");
    hostile(MESSAGES(A_FILE, ITS_DATA, "\1toomuch"), "more data than the file has");
    hostile(MESSAGES(A_FILE, ITS_DATA, "\1abc", "{\"type\":\"end\",\"file\":0}"),
            "not as long as it should be");
    hostile(MESSAGES(A_FILE, ITS_DATA, "\1hello",
                     "{\"type\":\"end\",\"file\":0,\"sha256\":\"" NOUGHTS NOUGHTS "\"}"),
            "the checksum is wrong");
    hostile(MESSAGES(A_FILE, "{\"type\":\"end\",\"file\":0}"), "the end of another file");
    hostile(MESSAGES(A_FILE, "{\"type\":\"finish\"}"), "an end before that of the files");
    hostile(MESSAGES("{\"type\":"), "does not keep to");
    hostile(MESSAGES("{\"type\":\"offer\",\"transfer\":\"x\",\"files\":1,\"bytes\":1}",
                     "{\"type\":\"cancel\",\"message\":\"enough\"}"),
            "enough");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/files/frame", test_frame);
    g_test_add_func("/files/wrong-frames", test_wrong_frames);
    g_test_add_func("/files/paths", test_paths);
    g_test_add_func("/files/part-names", test_part_names);
    g_test_add_func("/files/hash", test_hash);
    g_test_add_func("/files/transfer", test_transfer);
    g_test_add_func("/files/cut", test_cut);
    g_test_add_func("/files/wrong-part", test_wrong_part);
    g_test_add_func("/files/part-of-another", test_part_of_another);
    g_test_add_func("/files/exists", test_exists);
    g_test_add_func("/files/nothing-outside", test_nothing_outside);
    g_test_add_func("/files/hidden", test_hidden);
    g_test_add_func("/files/changed", test_changed);
    g_test_add_func("/files/hostile", test_hostile);
    return g_test_run();
}
