/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/candidate-queue.h"

#include <string.h>

enum { MAX_QUEUED = 128 };

typedef struct {
    char *line, *ufrag; /* ufrag: or NULL */
} QueuedCandidate;

static void queued_free(QueuedCandidate *candidate)
{
    g_free(candidate->line);
    g_free(candidate->ufrag);
    g_free(candidate);
}

void candidate_queue_init(CandidateQueue *queue)
{
    g_queue_init(&queue->list);
}

void candidate_queue_clear(CandidateQueue *queue)
{
    g_queue_clear_full(&queue->list, (GDestroyNotify) queued_free);
}

/* The oldest go first: those of a description that has never come. */
void candidate_queue_keep(CandidateQueue *queue, const char *line, const char *ufrag)
{
    QueuedCandidate *candidate = g_new0(QueuedCandidate, 1);

    candidate->line = g_strdup(line);
    candidate->ufrag = g_strdup(ufrag);
    g_queue_push_tail(&queue->list, candidate);
    if (g_queue_get_length(&queue->list) > MAX_QUEUED)
        queued_free(g_queue_pop_head(&queue->list));
}

char *candidate_queue_take(CandidateQueue *queue, const char *ufrag)
{
    QueuedCandidate *candidate;
    char *line = NULL;

    while (!line && (candidate = g_queue_pop_head(&queue->list))) {
        if (!candidate->ufrag || strcmp(candidate->ufrag, ufrag) == 0)
            line = g_steal_pointer(&candidate->line);
        queued_free(candidate);
    }
    return line;
}
