/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Answers of a STUN or TURN server: each message of the input has the transaction's
 * id put into it, or most would be nobody's. Whoever has asked for credentials can
 * be believed only with the password, which the input does not know.
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "common/printable.h"
#include "rtc/ice/stun-exchange.h"

enum { ID_AT = 8, ID_LENGTH = 12, MAX_AGAIN = 8 };

/* In a stream: what is said of the length is the same for the whole as for the header. */
static void check_frame(const guint8 *bytes, gsize length)
{
    gssize whole = stun_exchange_frame(bytes, length);

    g_assert_cmpint(whole, <=, STUN_EXCHANGE_MAX);
    g_assert_true(whole <= 0 || whole % 4 == 0);
    for (gsize n = 0; n < MIN(length, 8); n++) {
        gssize early = stun_exchange_frame(bytes, n);

        g_assert_true(early == 0 || early == whole);
    }
}

static StunExchangeVerdict take(StunExchange *exchange, const guint8 *data, gsize length)
{
    g_autofree guint8 *message = fuzz_copy(data, length);
    gsize n;
    const guint8 *request = stun_exchange_request(exchange, &n);

    g_assert_cmpuint(n, >=, ID_AT + ID_LENGTH);
    g_assert_cmpint(stun_exchange_frame(request, n), ==, n);
    if (length >= ID_AT + ID_LENGTH)
        memcpy(message + ID_AT, request + ID_AT, ID_LENGTH);
    check_frame(message, length);
    return stun_exchange_take(exchange, message, length);
}

/* The first byte: TURN or STUN; then messages, two bytes of length before each. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;
    g_autoptr(StunExchange) exchange = NULL;
    StunExchangeVerdict verdict = STUN_EXCHANGE_WAIT;
    guint again = 0;

    fuzz_begin();
    if (size == 0)
        return 0;
    exchange = stun_exchange_new(*data & 1 ? "user" : NULL, "a password that nobody knows");
    data++;
    while (end - data >= 2 && verdict <= STUN_EXCHANGE_AGAIN) {
        gsize length = MIN((gsize) (data[0] << 8 | data[1]), (gsize) (end - data - 2));

        verdict = take(exchange, data + 2, length);
        data += 2 + length;
        if (verdict == STUN_EXCHANGE_AGAIN)
            g_assert_cmpuint(++again, <, MAX_AGAIN);
        g_assert_true(verdict != STUN_EXCHANGE_SERVED || again == 0);
    }
    if (verdict == STUN_EXCHANGE_REFUSED) {
        g_assert_cmpstr(stun_exchange_problem(exchange), !=, "");
        g_assert_true(is_printable(stun_exchange_problem(exchange)));
    }
    return 0;
}
