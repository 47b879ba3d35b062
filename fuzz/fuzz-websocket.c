/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The frames of a WebSocket. The first byte says in which pieces the rest comes:
 * whatever they are, it must be the same messages.
 */

#include <config.h>

#include "fuzz.h"

#include <string.h>

#include "relay/websocket.h"

/* What was read, as bytes: messages without their pieces, and all else. */
static bool read_part(WebsocketReader *reader, char *data, gsize length, GByteArray *out)
{
    for (;;) {
        WebsocketPart part;
        WebsocketEvent event = websocket_read(reader, &data, &length, &part);

        if (event == WEBSOCKET_MORE) {
            g_assert_cmpuint(length, ==, 0);
            return true;
        }
        if (event == WEBSOCKET_ERROR) {
            g_assert_nonnull(part.reason);
            g_assert_true(part.code == 1002 || part.code == 1007);
            g_byte_array_append(out, (const guint8 *) part.reason, (guint) strlen(part.reason));
            return false;
        }
        g_assert_true(event == WEBSOCKET_PIECE || part.length <= WEBSOCKET_CONTROL_MAX);
        g_byte_array_append(out, (const guint8 *) part.data, (guint) part.length);
        if (event == WEBSOCKET_CONTROL || part.last)
            g_byte_array_append(out, &part.opcode, 1);
    }
}

static GByteArray *read_all(const uint8_t *data, size_t size, size_t step)
{
    g_autofree char *copy = fuzz_copy(data, size);
    GByteArray *out = g_byte_array_new();
    WebsocketReader reader = {};

    for (size_t at = 0; at < size; at += step) {
        if (!read_part(&reader, copy + at, MIN(step, size - at), out))
            break;
    }
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GByteArray) whole = NULL, pieces = NULL;

    fuzz_begin();
    if (size < 2)
        return 0;
    whole = read_all(data + 1, size - 1, size - 1);
    pieces = read_all(data + 1, size - 1, 1 + data[0] % 32);
    g_assert_cmpmem(whole->data, whole->len, pieces->data, pieces->len);
    return 0;
}
