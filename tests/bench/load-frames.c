/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Frames are masked once, when they are made, with the key of RFC 6455 that stays the same for a
 * connection, so that sending one costs a write() and no more.
 */

#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};

size_t load_frame(unsigned char *out, int opcode, const void *payload, size_t size)
{
    size_t n = 0;

    out[n++] = (unsigned char) (0x80 | opcode);
    if (size < 126) {
        out[n++] = (unsigned char) (0x80 | size);
    } else if (size < 65536) {
        out[n++] = 0x80 | 126;
        out[n++] = (unsigned char) (size >> 8);
        out[n++] = (unsigned char) size;
    } else {
        load_die("no frames of that size");
    }
    memcpy(out + n, mask, 4);
    n += 4;
    for (size_t i = 0; i < size; i++)
        out[n + i] = ((const unsigned char *) payload)[i] ^ mask[i & 3];
    return n + size;
}

/* An offer of SIZE bytes as a browser's: lines of SDP, their ends escaped. */
static void make_offer(char *out, size_t size, const char *to)
{
    static const char tail[] = "\"}}";
    int n = snprintf(out, size,
                     "{\"type\":\"offer\",%s%s%s\"session\":\"7f3a9c51\",\"sdp\":{\"type\":"
                     "\"offer\",\"sdp\":\"v=0\\r\\no=- 4962303333179871722 1 IN IP4 0.0.0.0\\r\\n",
                     to ? "\"to\":\"" : "", to ? to : "", to ? "\"," : "");
    static const char line[] =
        "a=candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx\\r\\n";
    size_t at = (size_t) n;

    if (at + sizeof tail > size)
        load_die("size= is too small");
    for (size_t i = 0; at < size - strlen(tail);) {
        size_t left = size - strlen(tail) - at;

        if (i % strlen(line) == 0 && left < strlen(line)) {
            memset(out + at, 'x', left); /* no half escapes */
            break;
        }
        out[at++] = line[i++ % strlen(line)];
    }
    memcpy(out + size - strlen(tail), tail, strlen(tail));
}

static size_t put_mqtt_length(unsigned char *out, size_t length)
{
    size_t n = 0;

    do {
        out[n] = length & 127;
        length >>= 7;
        out[n++] |= length ? 128 : 0;
    } while (length);
    return n;
}

static void *new_bytes(size_t size)
{
    void *bytes = malloc(size);

    if (!bytes)
        load_die("no memory");
    return bytes;
}

void load_make_frame(LoadConnection *self, const char *to)
{
    size_t size = (size_t) load.size, n = 0;
    char *text = new_bytes(size + 1);
    unsigned char *message = new_bytes(size + 600);
    const char *subject = to ? to : "all";

    make_offer(text, size, to);
    if (load.protocol == NATS) {
        n = (size_t) sprintf((char *) message, "PUB %s %zu\r\n", subject, size);
        memcpy(message + n, text, size);
        memcpy(message + n + size, "\r\n", 2);
        n += size + 2;
    } else if (load.protocol == MQTT) {
        message[n++] = 0x30;
        n += put_mqtt_length(message + n, 2 + strlen(subject) + size);
        message[n++] = 0;
        message[n++] = (unsigned char) strlen(subject);
        memcpy(message + n, subject, strlen(subject));
        n += strlen(subject);
        memcpy(message + n, text, size);
        n += size;
    } else {
        memcpy(message, text, n = size);
    }
    self->frame = new_bytes(n + 14);
    self->frame_size = load_frame(self->frame, load.protocol == RTCBUS ? 1 : 2, message, n);
    free(message);
    free(text);
}
