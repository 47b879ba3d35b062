/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/ice-renewal.h"

#include <string.h>

#include "common/clock.h"
#include "common/random.h"

#define SPREAD (5 * G_USEC_PER_SEC)
#define UNSET_RETRY (10 * G_USEC_PER_SEC)

/* What a TURN server's log says of it: a name as it is written, or else the id. */
static const char *name_for_turn(const Member *member)
{
    for (const char *p = member->name; *p; p++) {
        if (!g_ascii_isgraph(*p) || strchr(":@", *p))
            return member->id;
    }
    return *member->name ? member->name : member->id;
}

char *ice_renewal_begin(const IceOffer *offer, Client *client, gint64 now)
{
    gint64 renewal = ice_offer_renewal(offer), wall = clock_wall();

    if (wall < CLOCK_EARLIEST) /* they are of no use, and will be once it is set */
        renewal = MIN(renewal, UNSET_RETRY);

    client_set_renewal(client, renewal == G_MAXINT64 ? renewal : now + renewal);
    return ice_offer_to_json(offer, name_for_turn(client_member(client)), wall);
}

void ice_renewal_check(const IceOffer *offer, Quota *quota, Client *client, gint64 now)
{
    g_autofree char *servers = NULL;
    g_autoptr(Message) message = NULL;

    if (client_renewal(client) > now)
        return;
    client_set_renewal(client, G_MAXINT64);
    if (client_state(client) != CLIENT_OPEN)
        return;
    servers = ice_renewal_begin(offer, client, now);
    message = message_ice_servers(quota, servers);
    client_send(client, message);
}

void ice_renewal_for_all(GQueue *clients, gint64 now)
{
    for (GList *link = clients->head; link; link = link->next) {
        if (client_speaks_rtcbus(link->data))
            client_set_renewal(link->data, now + random_below(SPREAD));
    }
}
