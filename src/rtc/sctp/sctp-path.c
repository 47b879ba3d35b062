/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The probes of path-mtu.h as packets. Ports and verification tag are those of
 * the packets that usrsctp sends.
 */

#include <config.h>

#include "rtc/sctp/sctp-path.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "common/clock.h"
#include "common/random.h"
#include "rtc/sctp/chunks.h"
#include "rtc/sctp/crc32c.h"
#include "rtc/sctp/path-mtu.h"

/* RFC 9260 3 */
#define PORTS_AND_TAG 8
#define TAG_OFFSET 4
#define HEARTBEAT_INFO 1
/*
 * The Heartbeat Information is as long as usrsctp's own, which drops what
 * follows one of another length in a packet; it holds no address family, which
 * makes usrsctp ignore it.
 */
#define INFO_LENGTH 40
#define HEARTBEAT_LENGTH (CHUNK_HEADER + INFO_LENGTH)
#define INFO_SIZE_OFFSET 8 /* in the chunk: the size of the probe, and 12 random bytes */
#define NONCE_OFFSET 12
#define NONCE_LENGTH 12
#define TIME_OFFSET 32 /* when it was sent, in microseconds; behind usrsctp's address family */

#define UNPADDED (COMMON_HEADER + HEARTBEAT_LENGTH)

struct SctpPath {
    PathMtu mtu;
    const SctpPathUser *user;
    gpointer data;
    gsize size;  /* the user knows of */
    guint timer; /* what is due is done from the main loop, never under usrsctp's own code */
    guint8 header[PORTS_AND_TAG];
    guint8 nonce[NONCE_LENGTH];
    bool answers;
};

static void send_probe(SctpPath *path, gsize size)
{
    g_autofree guint8 *packet = g_malloc0(size);
    guint8 *heartbeat = packet + COMMON_HEADER, *pad = heartbeat + HEARTBEAT_LENGTH;

    memcpy(packet, path->header, sizeof path->header);
    heartbeat[0] = CHUNK_HEARTBEAT;
    put16(heartbeat + 2, HEARTBEAT_LENGTH);
    put16(heartbeat + CHUNK_HEADER, HEARTBEAT_INFO);
    put16(heartbeat + CHUNK_HEADER + 2, INFO_LENGTH);
    put32(heartbeat + INFO_SIZE_OFFSET, size);
    memcpy(heartbeat + NONCE_OFFSET, path->nonce, sizeof path->nonce);
    put32(heartbeat + TIME_OFFSET, (guint32) clock_monotonic());
    if (size > UNPADDED) {
        pad[0] = CHUNK_PAD;
        put16(pad + 2, size - UNPADDED);
    }
    crc32c_seal(packet, size);
    path->user->send(packet, size, path->data);
}

static gboolean on_timer(gpointer data);

/* A step now, or when the next probe is due; none if nothing is to be done. */
static void set_timer(SctpPath *path)
{
    gint64 due = path_mtu_due(&path->mtu);

    g_clear_handle_id(&path->timer, g_source_remove);
    if (path->size != path->mtu.size)
        path->timer = clock_timer_add(0, on_timer, path);
    else if (due >= 0)
        path->timer = clock_timer_add(MAX(due - clock_monotonic() + 999, 0) / 1000, on_timer, path);
}

static gboolean on_timer(gpointer data)
{
    SctpPath *path = data;
    gsize probe = path_mtu_probe(&path->mtu, clock_monotonic());

    path->timer = 0;
    if (path->size != path->mtu.size) {
        path->size = path->mtu.size;
        path->user->resize(path->size, path->data);
    }
    if (probe > 0)
        send_probe(path, probe);
    set_timer(path);
    return G_SOURCE_REMOVE;
}

void sctp_path_start(SctpPath *path, const gsize *sizes, guint n_sizes)
{
    random_bytes(path->nonce, sizeof path->nonce);
    path_mtu_start(&path->mtu, sizes, n_sizes, clock_monotonic());
    set_timer(path);
}

void sctp_path_output(SctpPath *path, const guint8 *packet, gsize length)
{
    memcpy(path->header, packet, sizeof path->header);
    if (path->mtu.state != PATH_MTU_COMPLETE || length < path->mtu.base)
        return;
    path_mtu_traffic(&path->mtu, MIN(length, path->mtu.size), clock_monotonic());
    if (path->mtu.state != PATH_MTU_COMPLETE)
        set_timer(path);
}

void sctp_path_ask(SctpPath *path)
{
    send_probe(path, UNPADDED);
}

bool sctp_path_answers(const SctpPath *path)
{
    return path->answers;
}

gsize sctp_path_base(const SctpPath *path)
{
    return path->mtu.base;
}

gsize sctp_path_size(const SctpPath *path)
{
    return path->size;
}

static void on_answer(SctpPath *path, const guint8 *chunk)
{
    if (memcmp(chunk + NONCE_OFFSET, path->nonce, sizeof path->nonce) != 0)
        return;
    path->answers = true;
    path->user->measured((guint32) clock_monotonic() - get32(chunk + TIME_OFFSET), path->data);
    path_mtu_answered(&path->mtu, get32(chunk + INFO_SIZE_OFFSET), clock_monotonic());
    set_timer(path);
}

/* An answer may be bundled with other chunks, in front of DATA. */
void sctp_path_input(SctpPath *path, const guint8 *packet, gsize length)
{
    gsize at = COMMON_HEADER;

    if (path_mtu_due(&path->mtu) < 0 && path->answers)
        return;
    while (at + CHUNK_HEADER <= length && packet[at] != CHUNK_DATA) {
        gsize chunk = get16(packet + at + 2);

        if (chunk < CHUNK_HEADER || chunk > length - at)
            return;
        if (packet[at] == CHUNK_HEARTBEAT_ACK && chunk == HEARTBEAT_LENGTH) {
            on_answer(path, packet + at);
            return;
        }
        at += (chunk + 3) & ~(gsize) 3;
    }
}

SctpPath *sctp_path_new(gsize base, gsize first, const SctpPathUser *user, gpointer data)
{
    SctpPath *path = g_new0(SctpPath, 1);

    path_mtu_init(&path->mtu, base);
    path_mtu_assume(&path->mtu, first, clock_monotonic());
    path->size = path->mtu.size;
    random_bytes(path->nonce, sizeof path->nonce);
    path->user = user;
    path->data = data;
    return path;
}

void sctp_path_free(SctpPath *path)
{
    if (!path)
        return;
    g_clear_handle_id(&path->timer, g_source_remove);
    g_free(path);
}
