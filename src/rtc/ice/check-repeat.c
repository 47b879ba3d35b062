/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/ice/check-repeat.h"

#include <string.h>

#include "common/clock.h"

enum {
    MAX_PAIRS = 16,
    MAX_LENGTH = 400, /* of a check, in a TURN Send indication and with long user names */
};

typedef struct {
    GSocket *socket;
    GSocketAddress *to;
    CheckTarget target;
    bool steady;
    GBytes *packet;
} RepeatedCheck;

struct CheckRepeat {
    guint interval; /* ms */
    guint timer;
    GArray *checks; /* of RepeatedCheck */
};

static void check_clear(gpointer data)
{
    RepeatedCheck *check = data;

    g_object_unref(check->socket);
    g_object_unref(check->to);
    g_bytes_unref(check->packet);
}

CheckRepeat *check_repeat_new(guint interval)
{
    CheckRepeat *repeat = g_new0(CheckRepeat, 1);

    repeat->interval = interval;
    repeat->checks = g_array_new(FALSE, TRUE, sizeof(RepeatedCheck));
    g_array_set_clear_func(repeat->checks, check_clear);
    return repeat;
}

void check_repeat_free(CheckRepeat *repeat)
{
    if (!repeat)
        return;
    g_clear_handle_id(&repeat->timer, g_source_remove);
    g_array_unref(repeat->checks);
    g_free(repeat);
}

/* What cannot be sent now is lost like any other. */
static void check_send(const RepeatedCheck *check)
{
    gsize length;
    const char *bytes = g_bytes_get_data(check->packet, &length);

    g_socket_send_to(check->socket, check->to, bytes, length, NULL, NULL);
}

static gboolean on_timer(gpointer data)
{
    CheckRepeat *repeat = data;

    for (guint i = 0; i < repeat->checks->len; i++) {
        const RepeatedCheck *check = &g_array_index(repeat->checks, RepeatedCheck, i);

        if (check->steady)
            check_send(check);
    }
    return G_SOURCE_CONTINUE;
}

/* SOCKET NULL: of any */
static RepeatedCheck *find(const CheckRepeat *repeat, const GSocket *socket,
                           const CheckTarget *target)
{
    for (guint i = 0; i < repeat->checks->len; i++) {
        RepeatedCheck *check = &g_array_index(repeat->checks, RepeatedCheck, i);

        if ((!socket || check->socket == socket) && check_target_equal(&check->target, target))
            return check;
    }
    return NULL;
}

void check_repeat_note(CheckRepeat *repeat, GSocket *socket, GSocketAddress *to,
                       const CheckTarget *target, bool steady, const guint8 *packet, gsize length)
{
    RepeatedCheck *check = find(repeat, socket, target);

    if (length > MAX_LENGTH || (!check && repeat->checks->len == MAX_PAIRS))
        return;
    if (check) {
        check->steady = steady;
        g_bytes_unref(check->packet);
        check->packet = g_bytes_new(packet, length);
    } else {
        RepeatedCheck first = {g_object_ref(socket), g_object_ref(to), *target, steady,
                               g_bytes_new(packet, length)};

        g_array_append_val(repeat->checks, first);
    }
    if (repeat->timer == 0)
        repeat->timer = clock_timer_add(repeat->interval, on_timer, repeat);
}

bool check_repeat_send(const CheckRepeat *repeat, const CheckTarget *target)
{
    const RepeatedCheck *check = find(repeat, NULL, target);

    if (check)
        check_send(check);
    return check != NULL;
}
