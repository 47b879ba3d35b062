/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What relays say to one another, and what the store of NATS answers: the codecs. */

#include <config.h>

#include <glib.h>
#include <string.h>

#include "relay/cluster-message.h"
#include "relay/cluster-store.h"

#define ORIGIN "0123456789abcdef0123456789abcdef"
#define ID "00000000000000000000000000000001"

static const ClusterMessage messages[] = {
    {.type = CLUSTER_HELLO, .session = 7, .leaving = true, .label = "host"},
    {.type = CLUSTER_BYE},
    {.type = CLUSTER_PING, .stream = 3, .sequence = G_MAXUINT64},
    {.type = CLUSTER_ACK, .stream = 3, .sequence = 5, .n_failed = 2, .failed = {4, 5}},
    {.type = CLUSTER_RESYNC, .stream = G_MAXUINT32, .sequence = 1},
    {.type = CLUSTER_BEGIN, .stream = 1, .sequence = 1},
    {.type = CLUSTER_END, .stream = 1, .sequence = 2},
    {.type = CLUSTER_JOINED, .sequence = 3, .id = ID, .room = "den", .name = "ä", .revision = 9},
    {.type = CLUSTER_JOINED, .sequence = 3, .id = ID},
    {.type = CLUSTER_LEFT, .sequence = 4, .id = ID},
    {.type = CLUSTER_FRAME, .sequence = 5, .id = ID, .to = ORIGIN, .text = "{}", .text_size = 2},
    {.type = CLUSTER_FRAME, .sequence = 6, .id = ID, .room = "den", .text = "", .text_size = 0},
    {.type = CLUSTER_PROBE, .sequence = 7, .id = ID},
    {.type = CLUSTER_CONGESTED, .sequence = 8, .id = ID},
    {.type = CLUSTER_RELIEVED, .sequence = 9, .id = ID},
};

static void test_round_trip(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(messages); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new(), again = g_byte_array_new();
        ClusterMessage message = messages[i], out;

        g_strlcpy(message.origin, ORIGIN, sizeof message.origin);
        cluster_message_encode(&message, bytes);
        g_assert_true(cluster_message_decode(bytes->data, bytes->len, &out));
        g_assert_cmpint(out.type, ==, message.type);
        g_assert_cmpstr(out.origin, ==, ORIGIN);
        g_assert_cmpstr(out.name, ==, message.name);
        g_assert_cmpstr(out.room, ==, message.room);
        g_assert_cmpmem(out.text, out.text_size, message.text, message.text_size);
        cluster_message_encode(&out, again);
        g_assert_cmpmem(bytes->data, bytes->len, again->data, again->len);
    }
}

/* No beginning of a message is one, but for a frame's text; nor is one with something behind it. */
static void test_cut(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(messages); i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();
        ClusterMessage message = messages[i], out;
        gsize whole;

        g_strlcpy(message.origin, ORIGIN, sizeof message.origin);
        cluster_message_encode(&message, bytes);
        whole = bytes->len - message.text_size;
        for (gsize size = 0; size < whole; size++)
            g_assert_false(cluster_message_decode(bytes->data, size, &out));
        g_byte_array_append(bytes, (const guint8 *) "", 1);
        g_assert_cmpint(cluster_message_decode(bytes->data, bytes->len, &out), ==,
                        message.type == CLUSTER_FRAME);
    }
}

static bool is_taken(const ClusterMessage *wrong)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    ClusterMessage message = *wrong, out;

    if (!*message.origin)
        g_strlcpy(message.origin, ORIGIN, sizeof message.origin);
    cluster_message_encode(&message, bytes);
    return cluster_message_decode(bytes->data, bytes->len, &out);
}

/* What no client of a relay could be called */
static void test_names(void)
{
    g_assert_true(is_taken(&(ClusterMessage){.type = CLUSTER_JOINED, .id = ID, .name = "a"}));
    g_assert_false(is_taken(&(ClusterMessage){.type = CLUSTER_JOINED, .id = ID, .name = ID}));
    g_assert_false(is_taken(&(ClusterMessage){.type = CLUSTER_JOINED, .id = ID, .name = "a\n"}));
    g_assert_false(is_taken(&(ClusterMessage){.type = CLUSTER_JOINED, .id = ID, .name = "\xff"}));
    g_assert_false(is_taken(&(ClusterMessage){.type = CLUSTER_JOINED, .id = ID, .room = "-/a"}));
    g_assert_false(is_taken(&(ClusterMessage){.type = CLUSTER_JOINED, .id = "me"}));
    g_assert_false(is_taken(&(ClusterMessage){.type = CLUSTER_LEFT}));
    g_assert_false(is_taken(&(ClusterMessage){.type = CLUSTER_FRAME, .id = ID, .to = "you"}));
    g_assert_false(is_taken(&(ClusterMessage){.type = CLUSTER_HELLO, .label = "\x1b[1m"}));
    g_assert_false(is_taken(
        &(ClusterMessage){.type = CLUSTER_BYE, .origin = "0123456789ABCDEF0123456789ABCDEF"}));
    g_assert_false(is_taken(&(ClusterMessage){.type = (ClusterMessageType) 99}));
}

static ClusterStoreAnswer read_put(const char *json, int status)
{
    return cluster_store_read_put(json, strlen(json), status);
}

static void test_put(void)
{
    ClusterStoreAnswer answer =
        read_put("{\"stream\":\"KV_rtcbus\",\"seq\":42,\"domain\":\"hub\"}", 0);

    g_assert_cmpint(answer.result, ==, CLUSTER_STORE_DONE);
    g_assert_cmpuint(answer.sequence, ==, 42);
    answer = read_put("{\"error\":{\"code\":400,\"err_code\":10071,\"description\":"
                      "\"wrong last sequence: 5\"},\"stream\":\"KV_rtcbus\",\"seq\":0}",
                      0);
    g_assert_cmpint(answer.result, ==, CLUSTER_STORE_CONFLICT);
    answer = read_put("{\"error\":{\"code\":500,\"err_code\":10058,\"description\":"
                      "\"stream name already in use with a different configuration\"}}",
                      0);
    g_assert_cmpint(answer.result, ==, CLUSTER_STORE_DONE);
    answer = read_put("{\"error\":{\"code\":503,\"err_code\":10077}}", 0);
    g_assert_cmpint(answer.result, ==, CLUSTER_STORE_FAILED);
    answer = read_put("{\"error\":{\"code\":500,\"err_code\":10047,\"description\":"
                      "\"insufficient storage resources available\"}}",
                      0);
    g_assert_cmpint(answer.result, ==, CLUSTER_STORE_FAILED);
    g_assert_cmpstr(answer.reason, ==, "insufficient storage resources available");
    g_assert_cmpint(read_put("", 503).result, ==, CLUSTER_STORE_MISSING);
    g_assert_cmpint(read_put("", 0).result, ==, CLUSTER_STORE_FAILED);
    g_assert_cmpint(read_put("[1]", 0).result, ==, CLUSTER_STORE_FAILED);
    g_assert_cmpint(read_put("{\"seq\":0}", 0).result, ==, CLUSTER_STORE_FAILED);
    g_assert_cmpint(read_put("{\"error\":3}", 0).result, ==, CLUSTER_STORE_FAILED);
}

static void test_get(void)
{
    const ClusterHolder holder = {ORIGIN, ID}, plain = {ORIGIN, ""};
    g_autofree char *value = cluster_store_value(&holder), *short_ = cluster_store_value(&plain);
    ClusterStoreAnswer answer = cluster_store_read_get(value, strlen(value), 0, 7, false);

    g_assert_cmpint(answer.result, ==, CLUSTER_STORE_FOUND);
    g_assert_cmpuint(answer.sequence, ==, 7);
    g_assert_cmpstr(answer.holder.relay, ==, ORIGIN);
    g_assert_cmpstr(answer.holder.resume, ==, ID);
    answer = cluster_store_read_get(short_, strlen(short_), 0, 7, false);
    g_assert_cmpint(answer.result, ==, CLUSTER_STORE_FOUND);
    g_assert_cmpstr(answer.holder.resume, ==, "");
    answer = cluster_store_read_get("", 0, 0, 8, true);
    g_assert_cmpint(answer.result, ==, CLUSTER_STORE_DELETED);
    g_assert_cmpuint(answer.sequence, ==, 8);
    g_assert_cmpint(cluster_store_read_get("?", 1, 0, 8, false).result, ==, CLUSTER_STORE_DELETED);
    g_assert_cmpint(cluster_store_read_get("", 0, 404, 0, false).result, ==, CLUSTER_STORE_NONE);
    g_assert_cmpint(cluster_store_read_get("", 0, 503, 0, false).result, ==, CLUSTER_STORE_MISSING);
    g_assert_cmpint(cluster_store_read_get("", 0, 408, 0, false).result, ==, CLUSTER_STORE_FAILED);
}

/* A subject shows neither room nor name. */
static void test_key(void)
{
    char key[CLUSTER_KEY_LENGTH + 1], other[CLUSTER_KEY_LENGTH + 1];

    cluster_store_key("den > *", "box.", key);
    g_assert_cmpuint(strlen(key), ==, CLUSTER_KEY_LENGTH);
    g_assert_cmpuint(strspn(key, "0123456789abcdef."), ==, CLUSTER_KEY_LENGTH);
    cluster_store_key("den > ", "*box.", other);
    g_assert_cmpstr(key, !=, other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cluster-message/round-trip", test_round_trip);
    g_test_add_func("/cluster-message/cut", test_cut);
    g_test_add_func("/cluster-message/names", test_names);
    g_test_add_func("/cluster-store/put", test_put);
    g_test_add_func("/cluster-store/get", test_get);
    g_test_add_func("/cluster-store/key", test_key);
    return g_test_run();
}
