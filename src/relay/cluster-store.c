/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/cluster-store.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define WRONG_LAST_SEQUENCE 10071
#define WRONG_LAST_SEQUENCE_TOO 10164 /* since 2.11, while another write is on its way */
#define NAME_IN_USE 10058             /* the store is there, and somebody has configured it */
#define NO_MESSAGE 404
#define NO_RESPONDERS 503
#define STORE_BYTES (256 << 20)

static void digest(const char *text, char out[RANDOM_ID_LENGTH + 1])
{
    g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);

    g_strlcpy(out, sum, RANDOM_ID_LENGTH + 1);
}

void cluster_store_key(const char *room, const char *name, char key[CLUSTER_KEY_LENGTH + 1])
{
    digest(room, key);
    key[RANDOM_ID_LENGTH] = '.';
    digest(name, key + RANDOM_ID_LENGTH + 1);
}

void cluster_store_digest(const char *resume, char out[RANDOM_ID_LENGTH + 1])
{
    digest(resume, out);
}

char *cluster_store_put_subject(const char *bucket, const char *key)
{
    return g_strdup_printf("$KV.%s.%s", bucket, key);
}

char *cluster_store_get_subject(const char *bucket)
{
    return g_strdup_printf("$JS.API.DIRECT.GET.KV_%s", bucket);
}

char *cluster_store_get_body(const char *bucket, const char *key)
{
    return g_strdup_printf("{\"last_by_subj\":\"$KV.%s.%s\"}", bucket, key);
}

char *cluster_store_create_subject(const char *bucket)
{
    return g_strdup_printf("$JS.API.STREAM.CREATE.KV_%s", bucket);
}

/* In memory: names are of those who are connected, and they are claimed anew if it is lost. */
char *cluster_store_create_body(const char *bucket, guint replicas, gint64 max_age)
{
    return g_strdup_printf(
        "{\"name\":\"KV_%s\",\"subjects\":[\"$KV.%s.>\"],\"retention\":\"limits\","
        "\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":%d,"
        "\"max_msgs_per_subject\":1,\"max_msg_size\":1024,\"max_age\":%" PRId64
        ",\"storage\":\"memory\",\"discard\":\"new\",\"num_replicas\":%u,"
        "\"allow_rollup_hdrs\":true,\"deny_delete\":true,"
        "\"allow_direct\":true}",
        bucket, bucket, STORE_BYTES, max_age * 1000, replicas);
}

char *cluster_store_value(const ClusterHolder *holder)
{
    return g_strdup_printf("%s %s", holder->relay, *holder->resume ? holder->resume : "-");
}

static ClusterStoreAnswer answer_error(const json_t *error)
{
    json_int_t code = json_integer_value(json_object_get(error, "err_code"));
    const char *reason = json_string_value(json_object_get(error, "description"));
    ClusterStoreAnswer answer = {.result = CLUSTER_STORE_FAILED};

    if (code == WRONG_LAST_SEQUENCE || code == WRONG_LAST_SEQUENCE_TOO)
        answer.result = CLUSTER_STORE_CONFLICT;
    else if (code == NAME_IN_USE)
        answer.result = CLUSTER_STORE_DONE;
    g_strlcpy(answer.reason, reason ? reason : "", sizeof answer.reason);
    return answer;
}

ClusterStoreAnswer cluster_store_read_put(const char *data, gsize size, int status)
{
    ClusterStoreAnswer answer = {.result = CLUSTER_STORE_FAILED};
    const json_t *error;
    json_t *root;

    if (status == NO_RESPONDERS)
        answer.result = CLUSTER_STORE_MISSING;
    if (status != 0)
        return answer;
    root = json_loadb(data, size, 0, NULL);
    error = json_object_get(root, "error");
    if (error) {
        answer = answer_error(error);
    } else if (json_is_integer(json_object_get(root, "seq"))) {
        answer.sequence = (guint64) json_integer_value(json_object_get(root, "seq"));
        answer.result = answer.sequence > 0 ? CLUSTER_STORE_DONE : CLUSTER_STORE_FAILED;
    } else if (json_object_get(root, "did_create") || json_object_get(root, "config")) {
        answer.result = CLUSTER_STORE_DONE;
    }
    json_decref(root);
    return answer;
}

static bool read_holder(const char *data, gsize size, ClusterHolder *out)
{
    g_autofree char *text = g_strndup(data, size);
    g_auto(GStrv) words = g_strsplit(text, " ", 3);

    if (g_strv_length(words) != 2 || !is_random_id(words[0]) ||
        (!is_random_id(words[1]) && strcmp(words[1], "-") != 0))
        return false;
    g_strlcpy(out->relay, words[0], sizeof out->relay);
    g_strlcpy(out->resume, strcmp(words[1], "-") == 0 ? "" : words[1], sizeof out->resume);
    return true;
}

/* A value that nobody of us has written stands for nobody. */
ClusterStoreAnswer cluster_store_read_get(const char *data, gsize size, int status,
                                          guint64 sequence, bool tombstone)
{
    ClusterStoreAnswer answer = {.result = CLUSTER_STORE_FAILED, .sequence = sequence};

    if (status == NO_MESSAGE)
        answer.result = CLUSTER_STORE_NONE;
    else if (status == NO_RESPONDERS)
        answer.result = CLUSTER_STORE_MISSING;
    else if (status == 0 && sequence > 0)
        answer.result = !tombstone && read_holder(data, size, &answer.holder)
                            ? CLUSTER_STORE_FOUND
                            : CLUSTER_STORE_DELETED;
    return answer;
}
