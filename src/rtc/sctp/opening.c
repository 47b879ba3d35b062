/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/sctp/opening.h"

#include "common/clock.h"
#include "common/log.h"
#include "rtc/sctp/opening-chunk.h"
#include "rtc/sctp/sctp-stack.h"

#define PROOF_MS 500
#define PROOFS_MAX 40
/* usrsctp's mean begins at zero, and has come close to a long round trip after so long. */
#define ASSUMED_USEC (2 * G_USEC_PER_SEC)
#define LONG_USEC (10 * 1000)
#define RTO_MIN_MAX 2000

struct SctpOpening {
    OpeningState state;
    GBytes *own, *remote;
    guint64 round_trip;
    Gate *gate;
    const OpeningUser *user;
    gpointer data;
    gint64 begun; /* monotonic */
    guint timer, asked;
};

static const char *opening_state_to_string(OpeningState state)
{
    static const char *const names[] = {
        [OPENING_DROPPED] = "dropped",   [OPENING_SILENT] = "silent", [OPENING_HELD] = "held",
        [OPENING_UNPROVEN] = "unproven", [OPENING_PROVEN] = "proven",
    };
    return names[state];
}

static void opening_enter_state(SctpOpening *opening, OpeningState state)
{
    log_debug("SCTP by the descriptions: %s → %s", opening_state_to_string(opening->state),
              opening_state_to_string(state));
    opening->state = state;
}

SctpOpening *opening_new(GBytes *own, GBytes *remote, guint64 round_trip_usec, Gate *gate,
                         const OpeningUser *user, gpointer data)
{
    SctpOpening *opening = g_new0(SctpOpening, 1);

    opening->state = OPENING_SILENT;
    opening->own = g_bytes_ref(own);
    opening->remote = g_bytes_ref(remote);
    opening->round_trip = round_trip_usec;
    opening->gate = gate;
    opening->user = user;
    opening->data = data;
    return opening;
}

void opening_free(SctpOpening *opening)
{
    if (!opening)
        return;
    g_clear_handle_id(&opening->timer, g_source_remove);
    g_bytes_unref(opening->own);
    g_bytes_unref(opening->remote);
    g_free(opening);
}

guint32 opening_seed(const SctpOpening *opening)
{
    return opening_chunk_seed(opening->own);
}

guint opening_rto_min(const SctpOpening *opening)
{
    return CLAMP(3 * opening->round_trip / 1000, SCTP_STACK_RTO_MIN_MS, RTO_MIN_MAX);
}

guint64 opening_round_trip_usec(const SctpOpening *opening)
{
    return opening->state >= OPENING_UNPROVEN && opening->round_trip >= LONG_USEC &&
                   clock_monotonic() - opening->begun < ASSUMED_USEC
               ? opening->round_trip
               : 0;
}

/* ---- the proof ---- */

static gboolean on_proof_timer(gpointer data)
{
    SctpOpening *opening = data;

    if (opening->asked++ < PROOFS_MAX) {
        opening->user->ask(opening->data);
        return G_SOURCE_CONTINUE;
    }
    opening->timer = 0;
    opening->user->failed(opening->data);
    return G_SOURCE_REMOVE;
}

void opening_tell(SctpOpening *opening)
{
    if (opening->state == OPENING_UNPROVEN)
        opening->user->ask(opening->data);
}

/* ---- usrsctp's handshake ---- */

bool opening_is_silent(const SctpOpening *opening)
{
    return opening->state == OPENING_SILENT;
}

bool opening_is_held(const SctpOpening *opening)
{
    return opening && opening->state == OPENING_HELD;
}

static bool replay(SctpOpening *opening)
{
    const Gate *gate = opening->gate;
    g_autoptr(GByteArray) init_ack =
        opening_chunk_init_ack(opening->remote, gate->tag, gate->remote_port, gate->local_port);
    g_autoptr(GByteArray) cookie_ack =
        opening_chunk_cookie_ack(gate->tag, gate->remote_port, gate->local_port);

    opening_enter_state(opening, OPENING_SILENT);
    opening->user->input(init_ack->data, init_ack->len, opening->data);
    opening->user->input(cookie_ack->data, cookie_ack->len, opening->data);
    return opening->user->is_up(opening->data);
}

static void use(SctpOpening *opening)
{
    if (!replay(opening)) {
        opening_enter_state(opening, OPENING_DROPPED);
        return;
    }
    opening->gate->connected = true;
    opening_enter_state(opening, OPENING_UNPROVEN);
    opening->begun = clock_monotonic();
    opening->timer = clock_timer_add(PROOF_MS, on_proof_timer, opening);
}

void opening_begin(SctpOpening *opening, bool opens)
{
    gsize length;
    const guint8 *remote = g_bytes_get_data(opening->remote, &length);
    bool usable = opening->gate->tag == opening_chunk_tag(opening->own) &&
                  opening_chunk_is_ours(remote, length);

    opening_enter_state(opening, usable ? OPENING_HELD : OPENING_DROPPED);
    if (usable && opens)
        use(opening);
}

void opening_input(SctpOpening *opening, const guint8 *packet, gsize length)
{
    if ((opening->state != OPENING_HELD && opening->state != OPENING_UNPROVEN) ||
        !gate_is_addressed(opening->gate, packet, length))
        return;
    if (opening->state == OPENING_HELD && opening_chunk_is_answered(packet, length)) {
        use(opening);
    } else if (opening->state == OPENING_HELD) {
        opening_enter_state(opening, OPENING_DROPPED);
    } else if (opening_chunk_is_proof(packet, length)) {
        g_clear_handle_id(&opening->timer, g_source_remove);
        opening_enter_state(opening, OPENING_PROVEN);
        opening->user->proven(opening->data);
    }
}
