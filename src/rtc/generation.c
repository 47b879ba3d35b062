/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/generation.h"

#include "common/log.h"

void generation_free(IceGeneration *generation)
{
    if (generation->ice) {
        transport_set_user(ice_transport(generation->ice), NULL, NULL);
        ice_free(generation->ice);
    }
    g_free(generation->remote_ufrag);
    g_ptr_array_unref(generation->candidates);
    g_free(generation);
}

bool generation_has_pair(const IceGeneration *generation)
{
    return ice_transport(generation->ice)->state == TRANSPORT_CONNECTED;
}

bool generation_can_carry(const IceGeneration *generation)
{
    return generation->proven && generation_has_pair(generation) && !generation->no_consent;
}

bool generation_give(IceGeneration *generation, const char *line, GError **error)
{
    if (*line)
        return ice_add_candidate(generation->ice, line, error);
    ice_end_candidates(generation->ice);
    return true;
}

static void give_known(IceGeneration *generation, const char *line)
{
    g_autoptr(GError) error = NULL;

    if (!generation_give(generation, line, &error))
        log_debug("candidate left out (%s): %s", error->message, line);
}

void generation_give_queued(IceGeneration *generation, CandidateQueue *queue)
{
    for (;;) {
        g_autofree char *line = candidate_queue_take(queue, generation->remote_ufrag);

        if (!line)
            return;
        give_known(generation, line);
    }
}

void generation_give_description(IceGeneration *generation, const Sdp *remote)
{
    for (guint i = 0; i < remote->candidates->len; i++)
        give_known(generation, remote->candidates->pdata[i]);
    if (remote->end_of_candidates)
        ice_end_candidates(generation->ice);
}
