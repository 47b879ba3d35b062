/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The load of the relay tables: many WebSocket clients in one process over
 * epoll, light enough that the server is what is measured. It speaks what the
 * servers do behind the WebSocket: rtcbus frames, NATS and MQTT 3.1.1.
 *
 * Frames are masked once, when they are made, with the key of RFC 6455 that
 * stays the same for a connection, so that sending one costs a write() and no
 * more. What comes back is counted by its framing; its text is looked at only
 * in the first message of each connection, which shows that `from` is stamped.
 *
 * relay-load PROTOCOL PORT PID[,PID...] MODE [KEY=NUMBER...]
 *
 *   pairs    everybody sends to a partner; `window` frames each are on their way
 *   fanout   one sends, `members` get it; `window` frames are on their way
 *   latency  `rate` frames a second over all pairs, as time passes
 *   idle     `idle` connections more, what they cost, and pairs among them
 *
 * With across=PORT every second one connects there, to another relay of the same cluster.
 * With tls=1 all of it goes through TLS, whoever the server says it is. RTCBUS_TOKEN in
 * the environment is shown to the server. It prints one JSON object. CPU time is that of
 * the server alone, from the first to the last frame that is counted.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000LL
#define MAX_IN_FLIGHT 1024 /* frames to one receiver in latency mode */
#define INPUT_SIZE (1 << 18)
#define CONNECT_BATCH 100
#define PORTS 20000 /* of one address */

typedef enum { RTCBUS, NATS, MQTT } Protocol;

typedef struct {
    int fd;
    gnutls_session_t tls; /* or NULL */
    int number;
    /* the frame that this one sends, over and over, and what is still to be sent */
    unsigned char *frame;
    size_t frame_size, pending_at;
    unsigned pending; /* whole frames, the one at pending_at included */
    bool stalled;     /* waits for EPOLLOUT */
    /* the WebSocket frame and the protocol's message that are being read */
    unsigned char head[14];
    unsigned head_size;
    uint64_t payload_left;
    bool control;
    unsigned char line[512];
    unsigned line_size;
    uint64_t skip;
    bool skip_counts;
    uint64_t received;
    bool looked_at;
    int64_t sent_at[MAX_IN_FLIGHT]; /* latency: of those on their way to this one */
    unsigned sent_head, sent_tail;
} Connection;

static struct {
    Protocol protocol;
    int port;
    char *pids;
    long pairs, size, seconds_ms, warm_ms, window, members, rate, idle, tls, across;
} options = {.pairs = 100,
             .size = 500,
             .seconds_ms = 3000,
             .warm_ms = 500,
             .window = 1,
             .members = 500,
             .rate = 5000};

static Connection *connections, *idle_connections;
static int n_connections, epoll_fd;
static uint64_t total_received, total_sent;
static bool sending; /* a frame received makes its partner send another */
static bool fanout, measuring_latency;
static double *latencies;
static size_t n_latencies, max_latencies;
static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    fprintf(stderr, "relay-load: ");
    vfprintf(stderr, format, ap);
    fprintf(stderr, "\n");
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS + t.tv_nsec;
}

/* ---- the server's figures ---------------------------------------------- */

/* ns of CPU time of all PIDs. A process' CPU clock can be read from outside, see
 * clock_getcpuclockid(3); unlike /proc/PID/stat it does not count in ticks. */
static int64_t server_cpu(void)
{
    int64_t sum = 0;
    char *rest = options.pids;

    for (char *end; *rest; rest = *end ? end + 1 : end) {
        clockid_t clock;
        struct timespec t;

        if (clock_getcpuclockid((pid_t) strtol(rest, &end, 10), &clock) != 0 ||
            clock_gettime(clock, &t) < 0)
            die("the server is gone");
        sum += t.tv_sec * NS + t.tv_nsec;
    }
    return sum;
}

static long server_rss_kib(void)
{
    long sum = 0;
    char *rest = options.pids;

    for (char *end; *rest; rest = *end ? end + 1 : end) {
        char path[64], line[128];
        long kib;
        FILE *file;

        snprintf(path, sizeof path, "/proc/%ld/status", strtol(rest, &end, 10));
        file = fopen(path, "r");
        if (!file)
            die("the server is gone");
        while (fgets(line, sizeof line, file)) {
            if (sscanf(line, "VmRSS: %ld", &kib) == 1)
                sum += kib;
        }
        fclose(file);
    }
    return sum;
}

/* ---- making frames ----------------------------------------------------- */

/* A masked frame around PAYLOAD; returns its size. */
static size_t frame_make(unsigned char *out, int opcode, const void *payload, size_t size)
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
        die("no frames of that size");
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
        die("size= is too small");
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

/* What SELF sends to the one called TO, NULL: to all of the room. */
static void make_frame(Connection *self, const char *to)
{
    size_t size = (size_t) options.size, n = 0;
    char *text = malloc(size + 1);
    unsigned char *message = malloc(size + 600);
    const char *subject = to ? to : "all";

    make_offer(text, size, to);
    if (options.protocol == NATS) {
        n = (size_t) sprintf((char *) message, "PUB %s %zu\r\n", subject, size);
        memcpy(message + n, text, size);
        memcpy(message + n + size, "\r\n", 2);
        n += size + 2;
    } else if (options.protocol == MQTT) {
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
    self->frame = malloc(n + 14);
    self->frame_size = frame_make(self->frame, options.protocol == RTCBUS ? 1 : 2, message, n);
    free(message);
    free(text);
}

/* ---- TLS or not --------------------------------------------------------- */

static ssize_t tls_result(ssize_t n)
{
    errno = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED ? EAGAIN : EPROTO;
    return n < 0 ? -1 : n;
}

static ssize_t put(Connection *self, const void *data, size_t size)
{
    return self->tls ? tls_result(gnutls_record_send(self->tls, data, size))
                     : send(self->fd, data, size, MSG_NOSIGNAL);
}

static ssize_t get(Connection *self, void *data, size_t size)
{
    return self->tls ? tls_result(gnutls_record_recv(self->tls, data, size))
                     : recv(self->fd, data, size, 0);
}

static void begin_tls(Connection *self)
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
        die("connection %d: %s", self->number, gnutls_strerror(status));
}

/* ---- sending ----------------------------------------------------------- */

static void send_more(Connection *self)
{
    while (self->pending > 0) {
        size_t left = self->frame_size - self->pending_at;
        ssize_t n = put(self, self->frame + self->pending_at, left);

        if (n < 0) {
            struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = self};

            if (errno != EAGAIN)
                die("connection %d: %s", self->number, strerror(errno));
            if (!self->stalled)
                epoll_ctl(epoll_fd, EPOLL_CTL_MOD, self->fd, &event);
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

        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, self->fd, &event);
        self->stalled = false;
    }
}

static Connection *partner(const Connection *self)
{
    return &connections[self->number ^ 1];
}

static void send_frame(Connection *self)
{
    total_sent++;
    self->pending++;
    if (measuring_latency) {
        Connection *to = partner(self);

        if (to->sent_head - to->sent_tail == MAX_IN_FLIGHT)
            die("the server does not keep up with the rate");
        to->sent_at[to->sent_head++ % MAX_IN_FLIGHT] = now_ns();
    }
    if (self->pending == 1)
        send_more(self);
}

static void send_all(Connection *self, const void *data, size_t size)
{
    while (size > 0) {
        ssize_t n = put(self, data, size);

        if (n < 0 && errno != EAGAIN)
            die("connection %d: %s", self->number, strerror(errno));
        if (n > 0) {
            data = (const char *) data + n;
            size -= (size_t) n;
        }
    }
}

static void send_message(Connection *self, const void *data, size_t size)
{
    unsigned char out[600];

    send_all(self, out, frame_make(out, options.protocol == RTCBUS ? 1 : 2, data, size));
}

/* ---- receiving --------------------------------------------------------- */

static void on_message(Connection *self)
{
    self->received++;
    total_received++;
    if (measuring_latency && n_latencies < max_latencies) {
        int64_t sent = self->sent_at[self->sent_tail++ % MAX_IN_FLIGHT];

        latencies[n_latencies++] = (double) (now_ns() - sent) / 1000;
    }
    if (!sending)
        return;
    if (!fanout)
        send_frame(partner(self)); /* one that has arrived makes room for one more */
    else if (total_received % (uint64_t) options.members == 0)
        send_frame(&connections[0]);
}

/* A line of NATS is complete. */
static void on_nats_line(Connection *self)
{
    self->line[self->line_size] = '\0';
    if (strncmp((char *) self->line, "MSG ", 4) == 0) {
        self->skip = strtoull(strrchr((char *) self->line, ' ') + 1, NULL, 10) + 2;
        self->skip_counts = true;
    } else if (strncmp((char *) self->line, "PING", 4) == 0) {
        send_message(self, "PONG\r\n", 6);
    } else if (strncmp((char *) self->line, "-ERR", 4) == 0) {
        die("nats: %s", self->line);
    }
    self->line_size = 0;
}

/* Takes bytes of a message's beginning; whether another is needed. */
static void on_nats_byte(Connection *self, unsigned char c)
{
    if (c == '\n')
        on_nats_line(self);
    else if (c != '\r' && self->line_size < sizeof self->line - 1)
        self->line[self->line_size++] = c; /* INFO is longer: its rest does not matter */
}

static void on_mqtt_byte(Connection *self, unsigned char c)
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

static void skipped(Connection *self)
{
    if (self->skip == 0 && self->skip_counts) {
        self->skip_counts = false;
        on_message(self);
    }
}

/* Bytes inside of WebSocket frames: a stream of messages for NATS and MQTT */
static void on_payload(Connection *self, const unsigned char *data, size_t size)
{
    if (options.protocol == RTCBUS) {
        if (!self->looked_at && size >= 8) {
            self->looked_at = true;
            if (memcmp(data, "{\"from\":", 8) != 0)
                die("no from: %.*s", (int) size, (const char *) data);
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
            if (options.protocol == NATS)
                on_nats_byte(self, *data);
            else
                on_mqtt_byte(self, *data);
            data++;
            size--;
        }
    }
}

static unsigned head_needed(const Connection *self)
{
    unsigned length = self->head_size < 2 ? 0 : self->head[1] & 127;

    return length == 126 ? 4 : length == 127 ? 10 : 2;
}

static void on_head(Connection *self)
{
    uint64_t length = self->head[1] & 127;

    if (length >= 126) {
        length = 0;
        for (unsigned i = 2; i < self->head_size; i++)
            length = length << 8 | self->head[i];
    }
    if ((self->head[0] & 15) == 8)
        die("connection %d was closed by the server", self->number);
    self->control = self->head[0] & 8;
    if ((self->head[0] & 15) == 9) {
        unsigned char pong[16];

        send_all(self, pong, frame_make(pong, 10, "", 0));
    }
    self->payload_left = length;
}

static void on_bytes(Connection *self, const unsigned char *data, size_t size)
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
            bool counts = options.protocol == RTCBUS && !self->control && self->head[0] & 0x80;

            self->head_size = 0;
            if (counts)
                on_message(self);
        }
    }
}

static void on_readable(Connection *self)
{
    static unsigned char input[INPUT_SIZE];
    ssize_t n;

    do {
        n = get(self, input, sizeof input);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            die("connection %d was ended by the server", self->number);
        if (n > 0)
            on_bytes(self, input, (size_t) n);
    } while (n > 0 && self->tls); /* records may wait that no poll knows of */
}

static void turn(int timeout_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(epoll_fd, events, 256, timeout_ms);

    for (int i = 0; i < n; i++) {
        Connection *self = events[i].data.ptr;

        if (events[i].events & EPOLLOUT)
            send_more(self);
        if (events[i].events & ~(unsigned) EPOLLOUT)
            on_readable(self);
    }
}

static void turn_for(int64_t ns)
{
    int64_t end = now_ns() + ns;

    while (now_ns() < end)
        turn(1);
}

/* ---- connecting -------------------------------------------------------- */

/* One address has only so many ports. */
static void connect_socket(Connection *self)
{
    bool there = options.across && self->number & 1;
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t) (there ? options.across : options.port)),
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
        die("connection %d: %s", self->number, strerror(errno));
    setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void begin_connection(Connection *self, const char *name, bool idle)
{
    static const char *const protocols[] = {"", "", "Sec-WebSocket-Protocol: mqtt\r\n"};
    const char *token = getenv("RTCBUS_TOKEN");
    char request[2048], room[32] = "";
    int n;

    /* Nobody of a load before may have the name still. */
    if (options.protocol == RTCBUS)
        snprintf(room, sizeof room, "%s-%d", idle ? "idle" : "bench", (int) getpid());
    connect_socket(self);
    if (options.tls)
        begin_tls(self);
    n = snprintf(request, sizeof request,
                 "GET /%s?name=%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s%s\r\n",
                 room, options.protocol == RTCBUS ? name : "", options.port,
                 protocols[options.protocol], token ? "Authorization: Bearer " : "",
                 token ? token : "", token ? "\r\n" : "");
    send_all(self, request, (size_t) n);
}

/* The answer's head, byte by byte, for frames may be behind it. */
static void read_answer(Connection *self)
{
    char answer[2048];
    size_t n = 0;

    while (n < 4 || memcmp(answer + n - 4, "\r\n\r\n", 4) != 0) {
        ssize_t got = n < sizeof answer - 1 ? get(self, answer + n, 1) : 0;

        if (got == 0 || (got < 0 && errno != EAGAIN)) /* EAGAIN: a ticket of TLS came */
            die("connection %d: no answer to the handshake", self->number);
        n += got > 0;
    }
    answer[n] = '\0';
    if (strncmp(answer, "HTTP/1.1 101", 12) != 0)
        die("connection %d: %.40s", self->number, answer);
}

static void mqtt_hello(Connection *self, const char *subject)
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

static void nats_hello(Connection *self, const char *subject)
{
    char text[256];
    int n = sprintf(text,
                    "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\",\"version\":"
                    "\"1\",\"protocol\":1,\"echo\":false}\r\nSUB %s 1\r\nPING\r\n",
                    subject);

    send_message(self, text, (size_t) n);
}

/* All of COUNT connections; those of the fan-out subscribe to one subject. */
static void connect_all(Connection *all, int count, bool idle)
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
            if (fanout && !idle)
                subject = i == 0 ? "none" : "all";
            read_answer(&all[i]);
            if (options.protocol == NATS)
                nats_hello(&all[i], subject);
            else if (options.protocol == MQTT)
                mqtt_hello(&all[i], subject);
            fcntl(all[i].fd, F_SETFL, O_NONBLOCK);
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, all[i].fd, &event);
        }
        turn(0);
    }
    turn_for(NS / 2); /* for subscriptions; that all were there, drain() notices */
}

/* ---- measuring --------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return x < y ? -1 : x > y;
}

/* What was sent has to arrive, all of it. */
static void drain(void)
{
    uint64_t expected = total_sent * (fanout ? (uint64_t) options.members : 1);
    int64_t end = now_ns() + 10 * NS;

    sending = false;
    while (total_received < expected && now_ns() < end)
        turn(10);
    if (total_received != expected)
        die("%llu frames should have arrived, %llu did", (unsigned long long) expected,
            (unsigned long long) total_received);
}

typedef struct {
    double per_cpu_second, per_second, cpu; /* frames, frames, share of one CPU */
} Rate;

static Rate measure_rate(void)
{
    uint64_t frames;
    int64_t cpu, time;
    Rate rate;

    sending = true;
    for (long i = 0; i < options.window; i++) {
        for (int c = 0; c < (fanout ? 1 : n_connections); c++)
            send_frame(&connections[c]);
    }
    turn_for(options.warm_ms * 1000000);
    frames = total_received;
    cpu = server_cpu();
    time = now_ns();
    turn_for(options.seconds_ms * 1000000);
    frames = total_received - frames;
    cpu = server_cpu() - cpu;
    time = now_ns() - time;
    drain();
    rate.per_cpu_second = (double) frames / ((double) cpu / NS);
    rate.per_second = (double) frames / ((double) time / NS);
    rate.cpu = (double) cpu / (double) time;
    return rate;
}

static void print_rate(const char *suffix, Rate rate)
{
    printf("\"frames_per_cpu_second%s\": %.0f, \"frames_per_second%s\": %.0f, "
           "\"cpu%s\": %.3f, ",
           suffix, rate.per_cpu_second, suffix, rate.per_second, suffix, rate.cpu);
}

/* Frames go out when their time has come, whatever has become of those before. */
static void measure_latency(void)
{
    int64_t interval = NS / options.rate, begin = now_ns(), next = begin;
    int64_t warm = begin + options.warm_ms * 1000000;
    int64_t end = warm + options.seconds_ms * 1000000;
    bool warmed = false;
    int64_t cpu = 0;
    uint64_t frames = 0;

    max_latencies = (size_t) (options.rate * options.seconds_ms / 1000 * 2 + 1000);
    latencies = calloc(max_latencies, sizeof *latencies);
    measuring_latency = true;
    for (int from = 0; next < end; from = (from + 1) % n_connections) {
        while (now_ns() < next)
            turn(0);
        if (!warmed && next >= warm) {
            warmed = true;
            n_latencies = 0;
            frames = total_received;
            cpu = server_cpu();
        }
        send_frame(&connections[from]);
        next += interval;
    }
    cpu = server_cpu() - cpu;
    frames = total_received - frames;
    drain();
    qsort(latencies, n_latencies, sizeof *latencies, compare);
    printf("\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, "
           "\"frames_per_cpu_second\": %.0f, ",
           latencies[n_latencies / 2], latencies[n_latencies * 99 / 100],
           latencies[n_latencies - 1], (double) frames / ((double) cpu / NS));
}

static void measure_idle(void)
{
    long before, after;

    print_rate("_before", measure_rate());
    idle_connections = calloc((size_t) options.idle, sizeof *idle_connections);
    before = server_rss_kib();
    connect_all(idle_connections, (int) options.idle, true);
    turn_for(2 * NS);
    after = server_rss_kib();
    print_rate("", measure_rate());
    printf("\"rss_per_idle\": %.0f, \"idle\": %ld, ",
           (double) (after - before) * 1024 / (double) options.idle, options.idle);
}

static void parse_option(const char *text)
{
    static const struct {
        const char *key;
        long *value;
    } keys[] = {
        {"pairs", &options.pairs},   {"size", &options.size},     {"ms", &options.seconds_ms},
        {"warm", &options.warm_ms},  {"window", &options.window}, {"members", &options.members},
        {"rate", &options.rate},     {"idle", &options.idle},     {"tls", &options.tls},
        {"across", &options.across},
    };
    const char *equals = strchr(text, '=');

    for (size_t i = 0; equals && i < sizeof keys / sizeof *keys; i++) {
        if (strlen(keys[i].key) == (size_t) (equals - text) &&
            strncmp(keys[i].key, text, strlen(keys[i].key)) == 0) {
            *keys[i].value = atol(equals + 1);
            return;
        }
    }
    die("%s: no such option", text);
}

static void allow_descriptors(long count)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= (rlim_t) count)
        return;
    limit.rlim_cur = (rlim_t) count;
    limit.rlim_max = limit.rlim_max < limit.rlim_cur ? limit.rlim_cur : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("%ld open files: %s", count, strerror(errno));
}

int main(int argc, char **argv)
{
    const char *mode;
    char name[16];

    if (argc < 5)
        die("usage: relay-load rtcbus|nats|mqtt PORT PIDS pairs|fanout|latency|idle [KEY=NUMBER]");
    options.protocol = strcmp(argv[1], "nats") == 0   ? NATS
                       : strcmp(argv[1], "mqtt") == 0 ? MQTT
                                                      : RTCBUS;
    options.port = atoi(argv[2]);
    options.pids = argv[3];
    mode = argv[4];
    for (int i = 5; i < argc; i++)
        parse_option(argv[i]);
    fanout = strcmp(mode, "fanout") == 0;
    n_connections = (int) (fanout ? options.members + 1 : 2 * options.pairs);
    allow_descriptors(n_connections + options.idle + 100);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc((size_t) n_connections, sizeof *connections);
    connect_all(connections, n_connections, false);
    for (int i = 0; i < n_connections; i++) {
        sprintf(name, "r%d", i ^ 1);
        make_frame(&connections[i], fanout ? NULL : name);
    }
    printf("{");
    if (strcmp(mode, "latency") == 0)
        measure_latency();
    else if (strcmp(mode, "idle") == 0)
        measure_idle();
    else
        print_rate("", measure_rate());
    printf("\"frames\": %llu}\n", (unsigned long long) total_received);
    return 0;
}
