/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/ice/stun-check.h"

#include <string.h>

enum {
    HEADER = 20,
    COOKIE = 0x2112a442,
    BINDING_REQUEST = 0x0001,
    BINDING_SUCCESS = 0x0101,
    SEND_INDICATION = 0x0016,
    DATA_INDICATION = 0x0017,
    USERNAME = 0x0006,
    XOR_PEER_ADDRESS = 0x0012,
    DATA = 0x0013,
};

static guint read16(const guint8 *bytes)
{
    return bytes[0] << 8 | bytes[1];
}

/* The value of the first attribute TYPE, as much of it as there is. */
static const guint8 *find_attribute(const guint8 *message, gsize length, guint type,
                                    gsize *value_length)
{
    gsize end = MIN(length, (gsize) HEADER + read16(message + 2)), at = HEADER;

    while (at + 4 <= end) {
        gsize size = read16(message + at + 2);

        if (read16(message + at) == type) {
            *value_length = MIN(size, end - at - 4);
            return message + at + 4;
        }
        at += 4 + ((size + 3) & ~(gsize) 3);
    }
    return NULL;
}

static bool is_stun(const guint8 *message, gsize length)
{
    return length >= HEADER && message[0] < 4 &&
           (read16(message + 4) << 16 | read16(message + 6)) == COOKIE;
}

/* Family, port and address, the latter two mixed with the cookie and the transaction (RFC
 * 8489 14.2). */
static bool read_peer(const guint8 *message, gsize length, CheckTarget *peer)
{
    gsize size;
    const guint8 *value = find_attribute(message, length, XOR_PEER_ADDRESS, &size);
    guint8 bytes[16];

    if (!value || size < 8)
        return false;
    for (gsize i = 0; i < MIN(size - 4, sizeof bytes); i++)
        bytes[i] = value[4 + i] ^ message[4 + i];
    if (value[1] == 1) {
        struct sockaddr_in ipv4 = {.sin_family = AF_INET};

        memcpy(&ipv4.sin_addr, bytes, 4);
        ipv4.sin_port = g_htons(read16(value + 2) ^ (COOKIE >> 16));
        return check_target_read(peer, (struct sockaddr *) &ipv4);
    }
    if (value[1] == 2 && size >= 20) {
        struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};

        memcpy(&ipv6.sin6_addr, bytes, 16);
        ipv6.sin6_port = g_htons(read16(value + 2) ^ (COOKIE >> 16));
        return check_target_read(peer, (struct sockaddr *) &ipv6);
    }
    return false;
}

static bool read_binding(const guint8 *message, gsize length, StunCheck *check)
{
    if (!is_stun(message, length))
        return false;
    memcpy(check->id, message + 8, STUN_ID_LENGTH);
    if (read16(message) == BINDING_SUCCESS) {
        check->kind = STUN_CHECK_SUCCESS;
        return true;
    }
    check->kind = STUN_CHECK_REQUEST;
    check->user = find_attribute(message, length, USERNAME, &check->user_length);
    return read16(message) == BINDING_REQUEST && check->user;
}

bool stun_check_read(const guint8 *message, gsize length, StunCheck *check)
{
    gsize inner_length;
    const guint8 *inner;

    *check = (StunCheck){};
    if (!is_stun(message, length))
        return false;
    if (read16(message) != SEND_INDICATION && read16(message) != DATA_INDICATION)
        return read_binding(message, length, check);
    inner = find_attribute(message, length, DATA, &inner_length);
    check->relayed = true;
    return inner && read_peer(message, length, &check->peer) &&
           read_binding(inner, inner_length, check);
}
