/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The key-value store of NATS, as it is on the wire (NATS ADR-8): a codec. No I/O.
 *
 * libnats has calls for this, all of which wait for the answer.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "common/random-id.h"

#define CLUSTER_STORE_REASON 96
#define CLUSTER_KEY_LENGTH (2 * RANDOM_ID_LENGTH + 1)

/* Who has a name: the value of its key */
typedef struct {
    char relay[RANDOM_ID_LENGTH + 1];
    char resume[RANDOM_ID_LENGTH + 1]; /* a digest of the secret of `welcome`; "": none */
} ClusterHolder;

typedef enum {
    CLUSTER_STORE_DONE,     /* SEQUENCE is the key's now */
    CLUSTER_STORE_CONFLICT, /* the key has another sequence than was expected */
    CLUSTER_STORE_FOUND,    /* the key's value, and SEQUENCE */
    CLUSTER_STORE_DELETED,  /* the key was deleted by SEQUENCE */
    CLUSTER_STORE_NONE,     /* there is no such key */
    CLUSTER_STORE_MISSING,  /* there is no store */
    CLUSTER_STORE_FAILED,   /* anything else, as when too few servers are left */
} ClusterStoreResult;

typedef struct {
    ClusterStoreResult result;
    guint64 sequence;
    ClusterHolder holder;              /* if it is found */
    char reason[CLUSTER_STORE_REASON]; /* if it has failed, in the store's words; may be "" */
} ClusterStoreAnswer;

/* Of a name in a room: digests of both, for what is in a subject many may see. */
void cluster_store_key(const char *room, const char *name, char key[CLUSTER_KEY_LENGTH + 1]);

/* Of the secret RESUME. Whoever reads the store is no closer to it. */
void cluster_store_digest(const char *resume, char digest[RANDOM_ID_LENGTH + 1]);

/* Subjects and bodies. Transfer full. */
char *cluster_store_put_subject(const char *bucket, const char *key);
char *cluster_store_get_subject(const char *bucket);
char *cluster_store_get_body(const char *bucket, const char *key);
char *cluster_store_create_subject(const char *bucket);

/* MAX_AGE µs after its last change, a key is gone. */
char *cluster_store_create_body(const char *bucket, guint replicas, gint64 max_age);
char *cluster_store_value(const ClusterHolder *holder);

/* The answer to a put, or to the wish that there be a store; STATUS as in ClusterMail. */
ClusterStoreAnswer cluster_store_read_put(const char *data, gsize size, int status);

/* The answer to a get; SEQUENCE and TOMBSTONE as in ClusterMail. */
ClusterStoreAnswer cluster_store_read_get(const char *data, gsize size, int status,
                                          guint64 sequence, bool tombstone);
