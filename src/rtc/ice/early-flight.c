/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/ice/early-flight.h"

#include "common/clock.h"

enum {
    CHECK_SIZE = 128, /* bytes that are worth a check to the budget */
    FACTOR = 3,
    HANDSHAKE = 22, /* the content type of a record (RFC 6347 4.1) */
    RECORD_HEADER = 13,
    CLIENT_HELLO = 1,
};

typedef struct {
    CheckTarget target;
    GSocket *socket; /* of the last check; NULL: there was none */
    GSocketAddress *to;
    bool due;
    gsize asked;       /* bytes of the last check, which has not been replied to */
    gsize heard, sent; /* bytes */
    bool greeted;      /* DTLS has come from there */
    guint packets;     /* of those that have been sent, in order */
    guint paid;        /* from the budget */
    bool stranger;     /* it has been sent something before anything had come */
} EarlyTarget;

struct EarlyFlight {
    CheckBudget *budget;
    GPtrArray *packets; /* of GBytes */
    gsize size;
    GArray *targets; /* of EarlyTarget */
    guint n_strangers;
};

static void target_clear(gpointer data)
{
    EarlyTarget *target = data;

    g_clear_object(&target->socket);
    g_clear_object(&target->to);
}

EarlyFlight *early_flight_new(CheckBudget *budget)
{
    EarlyFlight *flight = g_new0(EarlyFlight, 1);

    flight->budget = check_budget_ref(budget);
    flight->packets = g_ptr_array_new_with_free_func((GDestroyNotify) g_bytes_unref);
    flight->targets = g_array_new(FALSE, TRUE, sizeof(EarlyTarget));
    g_array_set_clear_func(flight->targets, target_clear);
    return flight;
}

void early_flight_free(EarlyFlight *flight)
{
    if (!flight)
        return;
    check_budget_unref(flight->budget);
    g_ptr_array_unref(flight->packets);
    g_array_unref(flight->targets);
    g_free(flight);
}

static EarlyTarget *find(const EarlyFlight *flight, const CheckTarget *target)
{
    for (guint i = 0; i < flight->targets->len; i++) {
        EarlyTarget *found = &g_array_index(flight->targets, EarlyTarget, i);

        if (check_target_equal(&found->target, target))
            return found;
    }
    return NULL;
}

/* NULL: there are too many already. */
static EarlyTarget *find_or_add(EarlyFlight *flight, const CheckTarget *target)
{
    EarlyTarget *found = find(flight, target), added = {.target = *target};

    if (found || flight->targets->len == EARLY_FLIGHT_TARGETS)
        return found;
    g_array_append_val(flight->targets, added);
    return &g_array_index(flight->targets, EarlyTarget, flight->targets->len - 1);
}

void early_flight_note_check(EarlyFlight *flight, const CheckTarget *target, GSocket *socket,
                             GSocketAddress *to)
{
    EarlyTarget *found = find_or_add(flight, target);

    if (!found)
        return;
    g_set_object(&found->socket, socket);
    g_set_object(&found->to, to);
    found->due = true;
}

void early_flight_note_asked(EarlyFlight *flight, const CheckTarget *target, gsize length)
{
    EarlyTarget *found = find_or_add(flight, target);

    if (found)
        found->asked = MIN(length, EARLY_FLIGHT_SIZE);
}

void early_flight_note_replied(EarlyFlight *flight, const CheckTarget *target)
{
    EarlyTarget *found = find(flight, target);

    if (!found)
        return;
    found->heard += found->asked;
    found->asked = 0;
}

void early_flight_note_heard(EarlyFlight *flight, const CheckTarget *target, const guint8 *packet,
                             gsize length)
{
    EarlyTarget *found = find(flight, target);

    if (!found || found->heard == 0 || length == 0 || packet[0] != HANDSHAKE)
        return;
    found->heard += MIN(length, EARLY_FLIGHT_SIZE);
    found->greeted = true;
}

void early_flight_note_answered(EarlyFlight *flight, const CheckTarget *target)
{
    EarlyTarget *found = find(flight, target);

    if (!found)
        return;
    check_budget_return_early(flight->budget, found->paid);
    found->paid = 0;
}

/* ---- what goes out --------------------------------------------------------- */

static bool is_client_hello(const guint8 *packet, gsize size)
{
    return size > RECORD_HEADER && packet[0] == HANDSHAKE && packet[RECORD_HEADER] == CLIENT_HELLO;
}

static bool may_send(EarlyFlight *flight, EarlyTarget *target, const guint8 *packet, gsize size)
{
    bool stranger = target->heard == 0 && !target->stranger;
    guint price = (guint) ((size + CHECK_SIZE - 1) / CHECK_SIZE);

    if (!target->greeted && !is_client_hello(packet, size))
        return false;
    if (target->sent + size > EARLY_FLIGHT_HELLO + FACTOR * target->heard)
        return false;
    if (check_budget_has_answered(flight->budget, &target->target.address))
        return true;
    if (stranger && flight->n_strangers == EARLY_FLIGHT_STRANGERS)
        return false;
    if (!check_budget_take_early(flight->budget, price, clock_monotonic()))
        return false;
    target->paid += price;
    if (stranger) {
        target->stranger = true;
        flight->n_strangers++;
    }
    return true;
}

/* What cannot be sent now is lost like any other. */
static void send_to(EarlyFlight *flight, EarlyTarget *target, guint first)
{
    for (guint i = first; i < flight->packets->len; i++) {
        gsize length;
        const guint8 *bytes = g_bytes_get_data(flight->packets->pdata[i], &length);

        if (!may_send(flight, target, bytes, length))
            return;
        g_socket_send_to(target->socket, target->to, (const char *) bytes, length, NULL, NULL);
        target->sent += length;
        target->packets = MAX(target->packets, i + 1);
    }
}

bool early_flight_add(EarlyFlight *flight, const guint8 *packet, gsize length)
{
    if (flight->size + length > EARLY_FLIGHT_SIZE)
        return false;
    g_ptr_array_add(flight->packets, g_bytes_new(packet, length));
    flight->size += length;
    for (guint i = 0; i < flight->targets->len; i++) {
        EarlyTarget *target = &g_array_index(flight->targets, EarlyTarget, i);

        if (target->socket && !target->due)
            send_to(flight, target, target->packets);
    }
    return true;
}

void early_flight_send(EarlyFlight *flight)
{
    for (guint i = 0; i < flight->targets->len; i++) {
        EarlyTarget *target = &g_array_index(flight->targets, EarlyTarget, i);

        if (target->due)
            send_to(flight, target, 0);
        target->due = false;
    }
}

GPtrArray *early_flight_unsent(const EarlyFlight *flight, const CheckTarget *target)
{
    const EarlyTarget *found = target ? find(flight, target) : NULL;

    if (flight->packets->len == 0 || (found && found->packets == flight->packets->len))
        return NULL;
    return g_ptr_array_ref(flight->packets);
}
