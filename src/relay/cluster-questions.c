/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/cluster-questions.h"

#include <string.h>

static bool ask(const ClusterQuestions *questions, char kind, guint32 token,
                const ClusterPost *question)
{
    g_autofree char *reply = g_strdup_printf("%s%c%u", questions->reply, kind, token);
    ClusterPost post = *question;

    post.reply = reply;
    post.size = post.data ? strlen(post.data) : 0;
    return cluster_link_send(questions->link, &post);
}

bool cluster_questions_put(const ClusterQuestions *questions, guint32 token, const char *key,
                           guint64 expected, const char *value)
{
    g_autofree char *subject = cluster_store_put_subject(questions->name, key);
    const ClusterPost post = {
        .subject = subject,
        .data = value ? value : "",
        .expected = (gint64) expected,
        .tombstone = !value,
    };

    return ask(questions, CLUSTER_ANSWER_PUT, token, &post);
}

bool cluster_questions_get(const ClusterQuestions *questions, guint32 token, const char *key)
{
    g_autofree char *subject = cluster_store_get_subject(questions->name);
    g_autofree char *body = cluster_store_get_body(questions->name, key);
    const ClusterPost post = {.subject = subject, .data = body, .expected = -1};

    return ask(questions, CLUSTER_ANSWER_GET, token, &post);
}

bool cluster_questions_make_store(const ClusterQuestions *questions, gint64 age)
{
    g_autofree char *subject = cluster_store_create_subject(questions->name);
    g_autofree char *body = cluster_store_create_body(questions->name, questions->replicas, age);
    const ClusterPost post = {.subject = subject, .data = body, .expected = -1};

    return ask(questions, CLUSTER_ANSWER_STORE, 0, &post);
}
