/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A call whose descriptions and candidates a program carries, and no relay. */

#include <config.h>

#include <glib/gi18n.h>
#include <string.h>

#include "common/candidate.h"
#include "peer/call/call-private.h"
#include "peer/error.h"
#include "rtc/connection-steps.h"

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

/* The two ways to negotiate do not mix. */
static bool call_check_way(const Call *call, bool stepwise, GError **error)
{
    if (call->stepwise == stepwise)
        return true;
    g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                stepwise ? _("call %u was not created with the option \"stepwise\"")
                         : _("call %u was created with the option \"stepwise\""),
                call->number);
    return false;
}

bool call_create_offer(Call *call, GError **error)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);

    if (!call_check_way(call, false, error))
        return false;
    if (call->state == CALL_CALLING)
        return call_begun(call, call_try_offer(call, error));
    g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                _("call %u has its first offer already"), call->number);
    return false;
}

/* ---- step by step --------------------------------------------------------- */

static void configure_steps(Call *call, ConnectionConfig *config)
{
    config->protocol = NULL;
    config->relay_only = call->relay_only;
    config->waits = true;
    if (call->certificate)
        config->certificate = call->certificate;
    if (call->ice_servers)
        config->ice_servers = (const char *const *) call->ice_servers;
}

void call_configure(Call *call, ConnectionConfig *config)
{
    call->user.ops->configure(call, config, call->user.data);
    if (call->stepwise)
        configure_steps(call, config);
}

bool call_need_connection(Call *call, GError **error)
{
    if (call->connection)
        return true;
    if (call->state != CALL_CLOSED)
        return call_make_connection(call, error);
    g_set_error(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED, _("call %u has ended"), call->number);
    return false;
}

/* Of what can be made and set: "rollback" is only set. */
static bool check_type(const char *type, bool made, GError **error)
{
    static const char *const types[] = {"offer", "answer", "pranswer", "rollback", NULL};

    if (g_strv_contains(types, type) && !(made && strlen(type) > strlen("answer")))
        return true;
    g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                _("there is no description of type \"%s\" here"), type);
    return false;
}

char *call_make_description(Call *call, const char *type, bool restart, GError **error)
{
    if (!call_check_way(call, true, error) || !check_type(type, true, error) ||
        !call_need_connection(call, error))
        return NULL;
    return steps_make(call->connection, type, restart, error);
}

void call_watch_servers(Call *call, CallServerFailed failed, gpointer data)
{
    call->servers = call_servers_new(failed, data);
}

/* ICE gathers from a description of ours on that has new credentials; what it finds is told later. */
static void call_ask_servers(Call *call)
{
    ConnectionConfig config = {};

    if (!call->servers || !call->ice_servers)
        return;
    call->user.ops->configure(call, &config, call->user.data);
    call_servers_begin(call->servers, (const char *const *) call->ice_servers, config.trust,
                       steps_own_ufrag(call->connection));
}

static bool call_stepped(Call *call, const char *type)
{
    if (strcmp(type, "rollback") != 0) {
        call_ask_servers(call);
        call_note_failed(call, false);
    }
    if (call->state == CALL_CALLING && strcmp(type, "rollback") != 0)
        call_enter_state(call, CALL_CONNECTING);
    return true;
}

bool call_set_own_description(Call *call, const char *type, GError **error)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);

    return call_check_way(call, true, error) && check_type(type, false, error) &&
           call_need_connection(call, error) && steps_set_local(call->connection, type, error) &&
           call_stepped(call, type);
}

static bool call_step_remote(Call *call, const char *type, const char *sdp, GError **error)
{
    if (!check_type(type, false, error) || !call_need_connection(call, error) ||
        !steps_set_remote(call->connection, type, sdp, error))
        return false;
    call->described = true;
    return true;
}

void call_reconfigure(Call *call, const char *const *servers, bool relay_only)
{
    ConnectionConfig config = {};

    g_strfreev(call->ice_servers);
    call->ice_servers = g_strdupv((char **) servers);
    call->relay_only = relay_only;
    if (!call->connection)
        return;
    call_configure(call, &config);
    connection_set_ice_servers(call->connection, config.ice_servers);
    connection_set_relay_only(call->connection, relay_only);
}

/* ---- by descriptions that are answered at once ------------------------------ */

bool call_set_description(Call *call, const char *type, const char *sdp, GError **error)
{
    g_autoptr(Call) keep G_GNUC_UNUSED = call_ref(call);
    bool is_offer = strcmp(type, "offer") == 0;

    if (call->stepwise)
        return call_step_remote(call, type, sdp, error);
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
