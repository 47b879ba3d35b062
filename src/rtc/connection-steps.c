/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The ICE agent of a description is brought up when the description is made, since its
 * credentials are in it; what it finds waits in the outbox until the description is set.
 */

#include <config.h>

#include "rtc/connection-steps.h"

#include <string.h>

#include "rtc/connection-private.h"

static bool refuse(GError **error, const char *message)
{
    g_set_error_literal(error, RTC_ERROR, RTC_ERROR_INVALID, message);
    return false;
}

/* Whether the newest agent is that of DESCRIPTION, and no description that stands has it */
static bool is_fresh(const Connection *connection, const Sdp *description)
{
    const Sdp *local = connection->negotiation.local;

    return description && !(local && strcmp(local->ufrag, description->ufrag) == 0);
}

/* An agent for what is to be made; the one of a description that was made and not set is as good. */
static bool need_agent(Connection *connection, bool controlling, bool leisurely, GError **error)
{
    const Negotiation *negotiation = &connection->negotiation;
    const Sdp *last = negotiation->made ? negotiation->made : negotiation->offered;

    if (is_fresh(connection, last) && paths_searching(connection->paths) >= 0)
        return true;
    if ((connection->dtls && !connection_prepare_restart(connection, error)) ||
        !paths_begin(connection->paths, controlling, leisurely, error))
        return false;
    connection_hold_outbox(connection, true);
    return true;
}

static NegotiationIce own_ice(const Connection *connection)
{
    return (NegotiationIce){paths_ufrag(connection->paths), paths_password(connection->paths)};
}

static const char *make_offer(Connection *connection, bool restart, GError **error)
{
    Negotiation *negotiation = &connection->negotiation;
    const bool first = !negotiation->local;
    const bool again = is_fresh(connection, negotiation->offered);
    const bool controlling = first || paths_is_controlling(connection->paths);
    NegotiationIce ice;

    if (!first && !restart && !again)
        return negotiation_make_offer(negotiation, NULL, NULL);
    if (!need_agent(connection, controlling, false, error))
        return NULL;
    ice = own_ice(connection);
    return negotiation_make_offer(negotiation, &ice,
                                  first ? connection_template(connection) : NULL);
}

static const char *make_answer(Connection *connection, GError **error)
{
    Negotiation *negotiation = &connection->negotiation;
    const Sdp *remote = negotiation->pending;
    const bool first = !connection->dtls;
    const bool controlling =
        remote->ice_lite || (!first && paths_is_controlling(connection->paths));
    NegotiationIce ice;

    if (!first && negotiation_same_ice(remote, negotiation->remote))
        return negotiation_make_answer(negotiation, NULL, NULL);
    if (!need_agent(connection, controlling, !first && remote->max_packet_size == 0, error))
        return NULL;
    ice = own_ice(connection);
    return negotiation_make_answer(negotiation, &ice,
                                   first ? connection_template(connection) : NULL);
}

char *steps_make(Connection *connection, const char *type, bool restart, GError **error)
{
    const Negotiation *negotiation = &connection->negotiation;
    bool offer = strcmp(type, "offer") == 0;

    if (connection_is_over(connection, error))
        return NULL;
    if (offer && negotiation->pending)
        refuse(error, "an offer of the remote waits for its answer");
    else if (!offer && !negotiation->pending)
        refuse(error, "no offer of the remote waits for an answer");
    else
        return g_strdup(offer ? make_offer(connection, restart, error)
                              : make_answer(connection, error));
    return NULL;
}

static void roll_back(Connection *connection)
{
    Negotiation *negotiation = &connection->negotiation;

    if (is_fresh(connection, negotiation->offered) || is_fresh(connection, negotiation->made)) {
        paths_cancel(connection->paths);
        connection_forget_outbox(connection);
    }
    negotiation_roll_back_all(negotiation);
    connection_hold_outbox(connection, false);
}

void connection_forget_made(Connection *connection)
{
    if (!is_fresh(connection, connection->negotiation.made))
        return;
    negotiation_forget_made(&connection->negotiation);
    connection_forget_outbox(connection);
    connection_hold_outbox(connection, false);
}

static bool set_answer(Connection *connection, GError **error)
{
    Negotiation *negotiation = &connection->negotiation;

    if (!is_fresh(connection, negotiation->made))
        paths_add_known(connection->paths, negotiation->pending);
    else if (!paths_set_remote(connection->paths, negotiation->pending, error))
        return false;
    negotiation_set_answer(negotiation);
    connection_hold_outbox(connection, false);
    if (!connection->dtls)
        return connection_begin(connection, error);
    connection_begin_again(connection);
    return true;
}

bool steps_set_local(Connection *connection, const char *type, GError **error)
{
    Negotiation *negotiation = &connection->negotiation;
    bool offer = strcmp(type, "offer") == 0;

    if (connection_is_over(connection, error))
        return false;
    if (strcmp(type, "rollback") == 0) {
        roll_back(connection);
        return true;
    }
    if (!negotiation->made || negotiation->made_offer != offer)
        return refuse(error, "no description of this type has been made");
    if (!offer)
        return set_answer(connection, error);
    negotiation_set_offer(negotiation);
    connection_hold_outbox(connection, false);
    if (connection->state == CONNECTION_NEW)
        connection_enter_state(connection, CONNECTION_CONNECTING, NULL);
    return true;
}

const char *steps_own_ufrag(const Connection *connection)
{
    const Sdp *own = negotiation_own(&connection->negotiation);

    return own ? own->ufrag : NULL;
}

/* What of ours was made for another state of things is void, with its agent. */
static bool hold_offer(Connection *connection, const char *sdp, GError **error)
{
    Negotiation *negotiation = &connection->negotiation;
    bool unused = !negotiation->offered && is_fresh(connection, negotiation->made);

    negotiation_prove(negotiation, connection_path_ufrag(connection));
    if (!negotiation_hold_offer(negotiation, sdp, error))
        return false;
    if (unused) {
        paths_cancel(connection->paths);
        connection_forget_outbox(connection);
        connection_hold_outbox(connection, false);
    }
    return true;
}

bool steps_set_remote(Connection *connection, const char *type, const char *sdp, GError **error)
{
    if (connection_is_over(connection, error))
        return false;
    if (strcmp(type, "rollback") == 0) {
        roll_back(connection);
        return true;
    }
    if (strcmp(type, "offer") == 0)
        return hold_offer(connection, sdp, error);
    return connection_set_remote(connection, type, sdp, error);
}
