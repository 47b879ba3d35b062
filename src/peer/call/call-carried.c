/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A call whose descriptions and candidates a program carries, and no relay. */

#include <config.h>

#include <glib/gi18n.h>
#include <string.h>

#include "common/candidate.h"
#include "peer/call/call-private.h"
#include "peer/error.h"

/* A failure leaves no half of a connection. */
static bool call_begun(Call *call, bool ok)
{
    if (ok) {
        call_enter_state(call, CALL_CONNECTING);
        return true;
    }
    call_drop_channels(call);
    g_clear_pointer(&call->connection, connection_free);
    return false;
}

bool call_create_offer(Call *call, GError **error)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);

    if (call->state == CALL_CALLING)
        return call_begun(call, call_try_offer(call, error));
    g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                _("call %u has its first offer already"), call->number);
    return false;
}

bool call_set_description(Call *call, const char *type, const char *sdp, GError **error)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);
    bool is_offer = strcmp(type, "offer") == 0;

    if (!is_offer && strcmp(type, "answer") != 0) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                            _("a description is of type \"offer\" or \"answer\""));
        return false;
    }
    if (is_offer && call->state == CALL_CALLING)
        return call_begun(call, call_make_connection(call, error) &&
                                    call_set_remote(call, type, sdp, error));
    if (!is_offer && !call->asked) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                    _("call %u has made no offer that waits for an answer"), call->number);
        return false;
    }
    if (!call_set_remote(call, type, sdp, error))
        return false;
    call->asked = call->asked && is_offer;
    return true;
}

bool call_add_candidate(Call *call, const char *candidate, const char *mid, GError **error)
{
    IceCandidateInit init = {.candidate = candidate, .mid = mid, .mline_index = -1};
    g_auto(GStrv) words = candidate_split(candidate);

    if (*candidate && !words) { /* also one that would be kept for later */
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                            _("a candidate begins with \"candidate:\" (RFC 8839 5.1)"));
        return false;
    }
    if (!call->connection) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED,
                    _("call %u has no description yet"), call->number);
        return false;
    }
    return connection_add_candidate(call->connection, *candidate ? &init : NULL, error);
}
