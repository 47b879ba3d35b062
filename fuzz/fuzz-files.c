/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a sender of files says to a receiver. The input is a list of messages with
 * two bytes of length in front. A frame that is read is written and read again as
 * the same; a path that is taken leads nowhere else; and after all of the messages
 * a receiver has made nothing outside of its folder, which is beside another one.
 */

#include <config.h>

#include "fuzz.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "files/file-frame.h"
#include "files/file-path.h"
#include "files/file-receiver.h"

enum { LONGEST = 4096, TURNS = 64 };

static void check_path(const char *path)
{
    g_autofree char *safe = file_path_safe(path, NULL);
    g_auto(GStrv) components = safe ? g_strsplit(safe, "/", -1) : NULL;
    g_autofree char *again = NULL;

    if (!safe)
        return;
    for (char **name = components; *name; name++) {
        g_autofree char *part = file_path_part(*name);

        g_assert_true(**name && strcmp(*name, ".") != 0 && strcmp(*name, "..") != 0);
        g_assert_cmpuint(strlen(*name), <=, FILE_NAME_MAX);
        g_assert_cmpuint(strlen(part), <=, FILE_NAME_MAX);
        g_assert_true(g_utf8_validate(part, -1, NULL));
    }
    again = file_path_safe(safe, NULL);
    g_assert_cmpstr(again, ==, safe);
}

static void check_frame(const char *text, gsize length)
{
    g_autoptr(FileFrame) frame = file_frame_parse(text, length, NULL), again = NULL;
    g_autofree char *written = NULL, *twice = NULL;
    gsize n, m;

    if (!frame)
        return;
    if (frame->path)
        check_path(frame->path);
    if (frame->type == FILE_FRAME_UNKNOWN)
        return;
    written = file_frame_write(frame, &n);
    again = file_frame_parse(written, n, NULL);
    if (!again) { /* escapes have made it too long */
        g_assert_cmpuint(n, >, FILE_FRAME_MAX);
        return;
    }
    twice = file_frame_write(again, &m);
    g_assert_cmpmem(written, n, twice, m);
}

/* ---- a receiver ------------------------------------------------------------------------- */

static void on_offer(const FileFrame *offer, gpointer data)
{
    file_receiver_accept(*(FileReceiver **) data);
}

static void on_done(const char *path, guint64 size, const char *sha256, bool checked, gpointer data)
{
}

static void on_failed(const char *path, guint64 size, const char *why, bool theirs, gpointer data)
{
}

static void on_cut(gpointer data)
{
}

static void on_ended(const GError *error, guint64 left_out, gpointer data)
{
}

static const FileReceiverOps ops = {
    .offer = on_offer,
    .done = on_done,
    .failed = on_failed,
    .cut = on_cut,
    .ended = on_ended,
};

static void remove_below(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *below = g_build_filename(path, name, NULL);

        remove_below(below);
        g_remove(below);
    }
}

static guint count(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    return n;
}

static void take_all(int fd)
{
    static guint8 answer[64 * 1024];

    while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
        ;
}

static void receive(FuzzInput *input, const char *there)
{
    static const char offer[] =
        "{\"type\":\"offer\",\"transfer\":\"x\",\"files\":99,\"bytes\":9999999}";
    static guint8 message[LONGEST];
    int sockets[2], folder = open(there, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FileReceiver *receiver = NULL;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), ==, 0);
    receiver = file_receiver_new(sockets[0], 65536, folder, 0, &ops, &receiver);
    send(sockets[1], offer, strlen(offer), MSG_NOSIGNAL);
    for (guint turn = 0; turn < TURNS && fuzz_more(input); turn++) {
        gsize size = fuzz_u16(input) % LONGEST, length = fuzz_bytes(input, message, size);

        check_frame((const char *) message, length);
        if (length > 0)
            send(sockets[1], message, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        fuzz_turn();
        take_all(sockets[1]);
    }
    file_receiver_free(receiver);
    close(sockets[1]);
    close(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, data + size};
    g_autofree char *there = g_build_filename(fuzz_folder(), "there", NULL);

    fuzz_begin();
    g_mkdir(there, 0755);
    receive(&input, there);
    g_assert_cmpuint(count(fuzz_folder()), ==, 1);
    remove_below(there);
    return 0;
}
