/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The part that every layer shares: the early queue and the one place where a
 * layer's state changes.
 */

#include <config.h>

#include "rtc/transport.h"

#include "common/log.h"

const char *transport_state_to_string(TransportState state)
{
    static const char *const names[] = {
        [TRANSPORT_NEW] = "new",
        [TRANSPORT_CONNECTING] = "connecting",
        [TRANSPORT_CONNECTED] = "connected",
        [TRANSPORT_FAILED] = "failed",
        [TRANSPORT_CLOSED] = "closed",
    };
    return names[state];
}

void transport_init(Transport *transport, const char *name,
                    bool (*send)(Transport *transport, const guint8 *packet, gsize length))
{
    transport->name = name;
    transport->send = send;
    transport->state = TRANSPORT_NEW;
    g_queue_init(&transport->early);
}

void transport_clear(Transport *transport)
{
    transport->user = NULL;
    g_queue_clear_full(&transport->early, (GDestroyNotify) g_bytes_unref);
    transport->early_bytes = 0;
}

void transport_set_user(Transport *transport, const TransportUser *user, gpointer data)
{
    transport->user = user;
    transport->user_data = data;
    while (transport->user && !g_queue_is_empty(&transport->early)) {
        gsize length;
        g_autofree guint8 *packet =
            g_bytes_unref_to_data(g_queue_pop_head(&transport->early), &length);

        transport->early_bytes -= length;
        transport->user->receive(packet, length, transport->user_data);
    }
}

void transport_set_tap(Transport *transport, TransportTap tap, gpointer data)
{
    transport->tap = tap;
    transport->tap_data = data;
}

void transport_receive(Transport *transport, guint8 *packet, gsize length)
{
    if (G_UNLIKELY(transport->tap))
        transport->tap(false, packet, length, transport->tap_data);
    if (transport->user) {
        transport->user->receive(packet, length, transport->user_data);
    } else if (transport->early_bytes + length <= TRANSPORT_EARLY_MAX) {
        g_queue_push_tail(&transport->early, g_bytes_new(packet, length));
        transport->early_bytes += length;
    }
}

void transport_enter_state(Transport *transport, TransportState state, const GError *reason)
{
    if (transport->state == state || transport->state >= TRANSPORT_FAILED)
        return;
    log_debug("%s: %s → %s%s%s", transport->name, transport_state_to_string(transport->state),
              transport_state_to_string(state), reason ? ": " : "", reason ? reason->message : "");
    transport->state = state;
    if (transport->user && transport->user->state)
        transport->user->state(state, reason, transport->user_data);
}

void transport_path(Transport *transport, const gsize *sizes, guint n_sizes)
{
    if (transport->user && transport->user->path)
        transport->user->path(sizes, n_sizes, transport->user_data);
}
