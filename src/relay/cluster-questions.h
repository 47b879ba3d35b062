/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a relay asks the store of names in NATS, as messages. The answers come as mail whose subject ends in
 * what kind they are and the token of the question.
 */

#pragma once

#include "relay/cluster-link.h"
#include "relay/cluster-store.h"

#define CLUSTER_ANSWER_PUT 'p'
#define CLUSTER_ANSWER_GET 'g'
#define CLUSTER_ANSWER_STORE 's'

typedef struct {
    ClusterLink *link;
    const char *name;  /* the cluster's */
    const char *reply; /* the subject of answers, up to their kind */
    guint replicas;
} ClusterQuestions;

/* Makes the store, unless there is one. Each is false if it cannot be sent. */
bool cluster_questions_make_store(const ClusterQuestions *questions, gint64 age);

/* Puts VALUE (NULL: deletes) if KEY's last sequence is EXPECTED. */
bool cluster_questions_put(const ClusterQuestions *questions, guint32 token, const char *key,
                           guint64 expected, const char *value);
bool cluster_questions_get(const ClusterQuestions *questions, guint32 token, const char *key);
