/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The connection to NATS. It lives in a thread of its own, with queues both ways: nothing here
 * makes the relay's loop wait.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <uv.h>

#define CLUSTER_LINK_QUEUE (16u << 20) /* bytes that may wait for NATS, and for us */
#define CLUSTER_LINK_BULK (2u << 20)   /* where more wait for NATS, nothing BULK is taken */

typedef struct ClusterLink ClusterLink;

typedef struct {
    char **servers;                                 /* nats:// or tls:// */
    const char *user, *password, *credentials, *ca; /* "": none; the last two are files */
    const char *label;                              /* what NATS shows of us */
    const char *const *subjects;                    /* what we hear */
    const char *echo; /* one of those, to which nobody else sends: whether NATS answers */
} ClusterLinkSettings;

/* What is sent */
typedef struct {
    const char *subject, *reply; /* REPLY may be NULL */
    const char *data;
    gsize size;
    gint64 expected; /* of a key: its last sequence must be this; −1: no matter */
    bool tombstone;  /* of a key: it is deleted */
    bool bulk;       /* others come first: without them the cluster falls apart */
} ClusterPost;

/* What has come; valid during the callback. */
typedef struct {
    const char *subject;
    const char *data;
    gsize size;
    int status;       /* of an answer by NATS itself; 0: none */
    guint64 sequence; /* of a key's value that was asked for */
    bool tombstone;
} ClusterMail;

/* All are called by cluster_link_run(). None may free the link. */
typedef struct {
    /* SERVER: without what is secret */
    void (*up)(const char *server, gpointer data);
    /* Also after an attempt that has failed. What was sent may be lost. */
    void (*down)(const char *reason, gpointer data);
    void (*received)(const ClusterMail *mail, gpointer data);
    /* Around any number of the above */
    void (*begin)(gpointer data);
    void (*end)(gpointer data);
} ClusterLinkOps;

/* Tries for a connection until it is freed. What SETTINGS points to is copied. */
ClusterLink *cluster_link_new(uv_loop_t *loop, const ClusterLinkSettings *settings,
                              const ClusterLinkOps *ops, gpointer data);

/* Waits for the thread, which may be in an attempt to connect: two seconds for each server. */
void cluster_link_free(ClusterLink *link);

/* Hands over what has come, for CLUSTER_ARRIVALS_RUN. LOOP has a turn when there is something. */
void cluster_link_run(ClusterLink *link);
bool cluster_link_is_pending(const ClusterLink *link);

/* False if there is no connection, or too much waits, or POST is larger than NATS takes. */
bool cluster_link_send(ClusterLink *link, const ClusterPost *post);

/* Bytes that wait for NATS */
gsize cluster_link_waiting(ClusterLink *link);
