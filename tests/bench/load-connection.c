/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The clients: what comes back is counted by its framing; its text is looked at only in the first
 * message of each connection, which shows that `from` is stamped.
 */

#define _GNU_SOURCE

#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_SIZE (1 << 18)
#define CONNECT_BATCH 100
#define PORTS 20000 /* of one address */

/* ---- TLS or not --------------------------------------------------------- */

static ssize_t tls_result(ssize_t n)
{
    errno = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED ? EAGAIN : EPROTO;
    return n < 0 ? -1 : n;
}

static ssize_t put(LoadConnection *self, const void *data, size_t size)
{
    return self->tls ? tls_result(gnutls_record_send(self->tls, data, size))
                     : send(self->fd, data, size, MSG_NOSIGNAL);
}

static ssize_t get(LoadConnection *self, void *data, size_t size)
{
    return self->tls ? tls_result(gnutls_record_recv(self->tls, data, size))
                     : recv(self->fd, data, size, 0);
}

static void begin_tls(LoadConnection *self)
{
    static gnutls_certificate_credentials_t credentials;
    int status;

    if (!credentials)
        gnutls_certificate_allocate_credentials(&credentials);
    gnutls_init(&self->tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
    gnutls_set_default_priority(self->tls);
    gnutls_credentials_set(self->tls, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(self->tls, self->fd);
    do
        status = gnutls_handshake(self->tls);
    while (status < 0 && !gnutls_error_is_fatal(status));
    if (status < 0)
        load_die("connection %d: %s", self->number, gnutls_strerror(status));
}

/* ---- sending ----------------------------------------------------------- */

static void send_more(LoadConnection *self)
{
    while (self->pending > 0) {
        size_t left = self->frame_size - self->pending_at;
        ssize_t n = put(self, self->frame + self->pending_at, left);

        if (n < 0) {
            struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = self};

            if (errno != EAGAIN)
                load_die("connection %d: %s", self->number, strerror(errno));
            if (!self->stalled)
                epoll_ctl(load.epoll_fd, EPOLL_CTL_MOD, self->fd, &event);
            self->stalled = true;
            return;
        }
        self->pending_at += (size_t) n;
        if (self->pending_at < self->frame_size)
            continue;
        self->pending_at = 0;
        self->pending--;
    }
    if (self->stalled) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};

        epoll_ctl(load.epoll_fd, EPOLL_CTL_MOD, self->fd, &event);
        self->stalled = false;
    }
}

static LoadConnection *partner(const LoadConnection *self)
{
    return &load.connections[self->number ^ 1];
}

void load_send(LoadConnection *self)
{
    load.sent++;
    self->pending++;
    if (load.measuring_latency) {
        LoadConnection *to = partner(self);

        if (to->sent_head - to->sent_tail == MAX_IN_FLIGHT)
            load_die("the server does not keep up with the rate");
        to->sent_at[to->sent_head++ % MAX_IN_FLIGHT] = load_now();
    }
    if (self->pending == 1)
        send_more(self);
}

static void send_all(LoadConnection *self, const void *data, size_t size)
{
    while (size > 0) {
        ssize_t n = put(self, data, size);

        if (n < 0 && errno != EAGAIN)
            load_die("connection %d: %s", self->number, strerror(errno));
        if (n > 0) {
            data = (const char *) data + n;
            size -= (size_t) n;
        }
    }
}

static void send_message(LoadConnection *self, const void *data, size_t size)
{
    unsigned char out[600];

    send_all(self, out, load_frame(out, load.protocol == RTCBUS ? 1 : 2, data, size));
}

/* ---- receiving --------------------------------------------------------- */

static void on_message(LoadConnection *self)
{
    self->received++;
    load.received++;
    if (load.measuring_latency && load.n_latencies < load.max_latencies) {
        int64_t sent = self->sent_at[self->sent_tail++ % MAX_IN_FLIGHT];

        load.latencies[load.n_latencies++] = (double) (load_now() - sent) / 1000;
    }
    if (!load.sending)
        return;
    if (!load.fanout)
        load_send(partner(self)); /* one that has arrived makes room for one more */
    else if (load.received % (uint64_t) load.members == 0)
        load_send(&load.connections[0]);
}

/* A line of NATS is complete. */
static void on_nats_line(LoadConnection *self)
{
    self->line[self->line_size] = '\0';
    if (strncmp((char *) self->line, "MSG ", 4) == 0) {
        self->skip = strtoull(strrchr((char *) self->line, ' ') + 1, NULL, 10) + 2;
        self->skip_counts = true;
    } else if (strncmp((char *) self->line, "PING", 4) == 0) {
        send_message(self, "PONG\r\n", 6);
    } else if (strncmp((char *) self->line, "-ERR", 4) == 0) {
        load_die("nats: %s", self->line);
    }
    self->line_size = 0;
}

/* Takes bytes of a message's beginning; whether another is needed. */
static void on_nats_byte(LoadConnection *self, unsigned char c)
{
    if (c == '\n')
        on_nats_line(self);
    else if (c != '\r' && self->line_size < sizeof self->line - 1)
        self->line[self->line_size++] = c; /* INFO is longer: its rest does not matter */
}

static void on_mqtt_byte(LoadConnection *self, unsigned char c)
{
    self->line[self->line_size++] = c;
    if (self->line_size == 1 || (c & 128))
        return;
    self->skip = 0;
    for (unsigned i = 1; i < self->line_size; i++)
        self->skip |= (uint64_t) (self->line[i] & 127) << (7 * (i - 1));
    self->skip_counts = self->line[0] >> 4 == 3;
    self->line_size = 0;
}

static void skipped(LoadConnection *self)
{
    if (self->skip == 0 && self->skip_counts) {
        self->skip_counts = false;
        on_message(self);
    }
}

/* Bytes inside of WebSocket frames: a stream of messages for NATS and MQTT */
static void on_payload(LoadConnection *self, const unsigned char *data, size_t size)
{
    if (load.protocol == RTCBUS) {
        if (!self->looked_at && size >= 8) {
            self->looked_at = true;
            if (memcmp(data, "{\"from\":", 8) != 0)
                load_die("no from: %.*s", (int) size, (const char *) data);
        }
        return;
    }
    while (size > 0) {
        if (self->skip > 0) {
            size_t n = size < self->skip ? size : (size_t) self->skip;

            self->skip -= n;
            data += n;
            size -= n;
            skipped(self);
        } else {
            if (load.protocol == NATS)
                on_nats_byte(self, *data);
            else
                on_mqtt_byte(self, *data);
            data++;
            size--;
        }
    }
}

static unsigned head_needed(const LoadConnection *self)
{
    unsigned length = self->head_size < 2 ? 0 : self->head[1] & 127;

    return length == 126 ? 4 : length == 127 ? 10 : 2;
}

static void on_head(LoadConnection *self)
{
    uint64_t length = self->head[1] & 127;

    if (length >= 126) {
        length = 0;
        for (unsigned i = 2; i < self->head_size; i++)
            length = length << 8 | self->head[i];
    }
    if ((self->head[0] & 15) == 8)
        load_die("connection %d was closed by the server", self->number);
    self->control = self->head[0] & 8;
    if ((self->head[0] & 15) == 9) {
        unsigned char pong[16];

        send_all(self, pong, load_frame(pong, 10, "", 0));
    }
    self->payload_left = length;
}

static void on_bytes(LoadConnection *self, const unsigned char *data, size_t size)
{
    while (size > 0) {
        if (self->payload_left == 0) {
            self->head[self->head_size++] = *data++;
            size--;
            if (self->head_size == head_needed(self))
                on_head(self);
            else
                continue;
        } else {
            size_t n = size < self->payload_left ? size : (size_t) self->payload_left;

            if (!self->control)
                on_payload(self, data, n);
            self->payload_left -= n;
            data += n;
            size -= n;
        }
        if (self->payload_left == 0) {
            bool counts = load.protocol == RTCBUS && !self->control && self->head[0] & 0x80;

            self->head_size = 0;
            if (counts)
                on_message(self);
        }
    }
}

static void on_readable(LoadConnection *self)
{
    static unsigned char input[INPUT_SIZE];
    ssize_t n;

    do {
        n = get(self, input, sizeof input);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            load_die("connection %d was ended by the server", self->number);
        if (n > 0)
            on_bytes(self, input, (size_t) n);
    } while (n > 0 && self->tls); /* records may wait that no poll knows of */
}

void load_turn(int64_t ns)
{
    struct epoll_event events[256];
    struct timespec timeout = {ns / NS, ns % NS};
    int n = epoll_pwait2(load.epoll_fd, events, 256, &timeout, NULL);

    for (int i = 0; i < n; i++) {
        LoadConnection *self = events[i].data.ptr;

        if (events[i].events & EPOLLOUT)
            send_more(self);
        if (events[i].events & ~(unsigned) EPOLLOUT)
            on_readable(self);
    }
}

void load_turn_for(int64_t ns)
{
    int64_t end = load_now() + ns;

    while (load_now() < end)
        load_turn(NS / 1000);
}

/* ---- connecting -------------------------------------------------------- */

/* One address has only so many ports. */
static void connect_socket(LoadConnection *self)
{
    bool there = load.across && self->number & 1;
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t) (there ? load.across : load.port)),
    };
    struct sockaddr_in from = {.sin_family = AF_INET};
    int one = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (in_addr_t) (self->number / PORTS));
    self->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (self->fd < 0 ||
        setsockopt(self->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) < 0 ||
        bind(self->fd, (struct sockaddr *) &from, sizeof from) < 0 ||
        connect(self->fd, (struct sockaddr *) &to, sizeof to) < 0)
        load_die("connection %d: %s", self->number, strerror(errno));
    setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void begin_connection(LoadConnection *self, const char *name, bool idle)
{
    static const char *const protocols[] = {"", "", "Sec-WebSocket-Protocol: mqtt\r\n"};
    const char *token = getenv("RTCBUS_TOKEN");
    char request[2048], room[32] = "";
    int n;

    /* Nobody of a load before may have the name still. */
    if (load.protocol == RTCBUS)
        snprintf(room, sizeof room, "%s-%d", idle ? "idle" : "bench", (int) getpid());
    connect_socket(self);
    if (load.tls)
        begin_tls(self);
    n = snprintf(request, sizeof request,
                 "GET /%s?name=%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s%s\r\n",
                 room, load.protocol == RTCBUS ? name : "", load.port, protocols[load.protocol],
                 token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
    send_all(self, request, (size_t) n);
}

/* The answer's head, byte by byte, for frames may be behind it. */
static void read_answer(LoadConnection *self)
{
    char answer[2048];
    size_t n = 0;

    while (n < 4 || memcmp(answer + n - 4, "\r\n\r\n", 4) != 0) {
        ssize_t got = n < sizeof answer - 1 ? get(self, answer + n, 1) : 0;

        if (got == 0 || (got < 0 && errno != EAGAIN)) /* EAGAIN: a ticket of TLS came */
            load_die("connection %d: no answer to the handshake", self->number);
        n += got > 0;
    }
    answer[n] = '\0';
    if (strncmp(answer, "HTTP/1.1 101", 12) != 0)
        load_die("connection %d: %.40s", self->number, answer);
}

static void mqtt_hello(LoadConnection *self, const char *subject)
{
    unsigned char text[256];
    size_t n = 0, length = strlen(subject);
    char id[32];
    size_t id_length = (size_t) sprintf(id, "load%d-%s", self->number, subject);

    text[n++] = 0x10;
    text[n++] = (unsigned char) (12 + id_length);
    memcpy(text + n, "\0\4MQTT\4\2\0\0\0", 11);
    n += 11;
    text[n++] = (unsigned char) id_length;
    memcpy(text + n, id, id_length);
    n += id_length;
    text[n++] = 0x82;
    text[n++] = (unsigned char) (5 + length);
    memcpy(text + n, "\0\1\0", 3);
    n += 3;
    text[n++] = (unsigned char) length;
    memcpy(text + n, subject, length);
    n += length;
    text[n++] = 0;
    send_message(self, text, n);
}

static void nats_hello(LoadConnection *self, const char *subject)
{
    char text[256];
    int n = sprintf(text,
                    "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\",\"version\":"
                    "\"1\",\"protocol\":1,\"echo\":false}\r\nSUB %s 1\r\nPING\r\n",
                    subject);

    send_message(self, text, (size_t) n);
}

void load_connect(LoadConnection *all, int count, bool idle)
{
    for (int base = 0; base < count; base += CONNECT_BATCH) {
        int end = base + CONNECT_BATCH < count ? base + CONNECT_BATCH : count;
        char name[16];

        for (int i = base; i < end; i++) {
            all[i].number = i;
            sprintf(name, "%c%d", idle ? 'i' : 'r', i);
            begin_connection(&all[i], name, idle);
        }
        for (int i = base; i < end; i++) {
            struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
            const char *subject = name;

            sprintf(name, "%c%d", idle ? 'i' : 'r', i);
            if (load.fanout && !idle)
                subject = i == 0 ? "none" : "all";
            read_answer(&all[i]);
            if (load.protocol == NATS)
                nats_hello(&all[i], subject);
            else if (load.protocol == MQTT)
                mqtt_hello(&all[i], subject);
            fcntl(all[i].fd, F_SETFL, O_NONBLOCK);
            epoll_ctl(load.epoll_fd, EPOLL_CTL_ADD, all[i].fd, &event);
        }
        load_turn(0);
    }
    load_turn_for(NS / 2); /* for subscriptions; that all were there, drain() notices */
}
