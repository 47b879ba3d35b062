/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What comes from NATS: a message of another relay, an answer of the store, and a stream of messages that a
 * relay and its table of members take in.
 */

#include <config.h>

#include "fuzz.h"

#include <string.h>

#include "relay/cluster-relays.h"

#define SELF "ffffffffffffffffffffffffffffffff"

/* A message has one form only. */
static void fuzz_message(const guint8 *data, gsize size)
{
    g_autoptr(GByteArray) again = g_byte_array_new();
    ClusterMessage message;

    if (!cluster_message_decode(data, size, &message))
        return;
    cluster_message_encode(&message, again);
    g_assert_cmpmem(data, size, again->data, again->len);
}

static void fuzz_answer(const char *data, gsize size)
{
    ClusterStoreAnswer answer = cluster_store_read_put(data, size, 0);

    g_assert_true(answer.result == CLUSTER_STORE_DONE || answer.sequence == 0);
    answer = cluster_store_read_get(data, size, 0, 1, false);
    if (answer.result == CLUSTER_STORE_FOUND)
        g_assert_true(is_random_id(answer.holder.relay));
}

static bool on_send(const char *to, const ClusterMessage *message, gpointer data)
{
    return true;
}

static bool on_snapshot(ClusterRelay *relay, gpointer data)
{
    return true;
}

static bool on_received(ClusterRelay *relay, const ClusterMessage *message, gpointer data)
{
    ClusterMembers *members = data;

    if (message->type == CLUSTER_BEGIN)
        cluster_members_begin(members, &relay->origin);
    else if (message->type == CLUSTER_END)
        cluster_members_end(members, &relay->origin);
    else if (message->type == CLUSTER_JOINED)
        cluster_members_join(members, &relay->origin, message->id, message->room, message->name,
                             message->revision);
    else if (message->type == CLUSTER_LEFT)
        cluster_members_leave(members, &relay->origin, message->id);
    else if (message->type == CLUSTER_CONGESTED || message->type == CLUSTER_RELIEVED)
        cluster_members_set_congested(members, &relay->origin, message->id,
                                      message->type == CLUSTER_CONGESTED);
    else if (message->type == CLUSTER_FRAME)
        return cluster_members_find(members, message->room, message->id) != NULL;
    return true;
}

static void on_failed(const char *sender, const char *to, bool absent, gpointer data)
{
}

static void on_relieved(gpointer data)
{
}

static void on_came(ClusterRelay *relay, gpointer data)
{
}

static void on_gone(ClusterRelay *relay, const char *reason, gpointer data)
{
    cluster_members_drop(data, &relay->origin);
}

static void on_member(const ClusterMember *member, gpointer data)
{
}

static void drop_relay(ClusterRelay *relay, gpointer data)
{
    cluster_members_drop(data, &relay->origin);
}

/* Messages with their lengths in front */
static void fuzz_stream(const uint8_t *data, size_t size)
{
    static const ClusterRelaysOps ops = {on_send,     on_snapshot, on_received, on_failed,
                                         on_relieved, on_came,     on_gone};
    static const ClusterMembersOps members_ops = {on_member, on_member};
    ClusterMembers *members = cluster_members_new(&members_ops, NULL);
    ClusterRelays *relays = cluster_relays_new(SELF, "", &ops, members, 1);
    FuzzInput input = {data, data + size};
    gint64 now = 1;
    bool slept;

    cluster_relays_set_online(relays, true, now);
    while (fuzz_more(&input)) {
        guint8 bytes[256];
        gsize length = fuzz_bytes(&input, bytes, fuzz_u8(&input));
        ClusterMessage message;

        now += 1000 * (gint64) fuzz_u8(&input);
        if (cluster_message_decode(bytes, length, &message))
            cluster_relays_take(relays, &message, now);
        cluster_relays_check(relays, now, &slept);
    }
    cluster_relays_foreach(relays, drop_relay, members);
    g_assert_cmpuint(cluster_members_count(members), ==, 0);
    cluster_relays_free(relays);
    cluster_members_free(members);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *bytes = size > 0 ? fuzz_copy(data + 1, size - 1) : NULL;

    fuzz_begin();
    if (size == 0)
        return 0;
    if (data[0] == 0)
        fuzz_message((const guint8 *) bytes, size - 1);
    else if (data[0] == 1)
        fuzz_answer(bytes, size - 1);
    else
        fuzz_stream((const uint8_t *) bytes, size - 1);
    return 0;
}
