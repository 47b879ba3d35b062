/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What encrypted datagrams can do here at most, for the bench: messages are cut
 * into packets of 1200 bytes, each with AES-128-GCM, and sent, one system call
 * a packet (udp) or up to 64 of them (gso, which GRO collects again). Nothing is
 * acknowledged or sent again. The key is a constant; there is no handshake.
 *
 *   limit udp|gso          receives, on the port that it tells
 *   limit udp|gso PORT     sends there
 *
 * Commands as in agent.c.
 */

#include <config.h>

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* A packet: its number, doubled, plus one in the last one of a message; ciphertext; tag */
enum {
    NUMBER = 8,
    TAG = 16,
    PACKET = 1200,
    PAYLOAD = PACKET - NUMBER - TAG,
    TRAIN = 54, /* packets a call, less than 65507 bytes */
    BUFFER = 65536,
    SOCKET_BUFFER = 4 * 1024 * 1024,
};

static gnutls_aead_cipher_hd_t cipher;
static int fd = -1;
static bool gso;
static uint64_t number;
static atomic_ulong messages, bytes;
static atomic_bool sending;
static size_t message_size;
static pthread_t thread;

static _Noreturn void give_up(const char *text)
{
    perror(text);
    exit(1);
}

static void make_nonce(uint8_t nonce[12], const uint8_t packet[NUMBER])
{
    memset(nonce, 0, 4);
    memcpy(nonce + 4, packet, NUMBER);
}

static size_t seal(uint8_t *packet, size_t length, bool last)
{
    static uint8_t plain[PAYLOAD];
    uint64_t mark = number++ << 1 | last;
    size_t sealed = length + TAG;
    uint8_t nonce[12];

    memcpy(packet, &mark, NUMBER);
    make_nonce(nonce, packet);
    if (gnutls_aead_cipher_encrypt(cipher, nonce, sizeof nonce, packet, NUMBER, TAG, plain, length,
                                   packet + NUMBER, &sealed) < 0)
        give_up("encrypt");
    return NUMBER + sealed;
}

static void unseal(const uint8_t *packet, size_t length)
{
    static uint8_t plain[PACKET];
    size_t opened = sizeof plain;
    uint8_t nonce[12];

    if (length < NUMBER + TAG)
        return;
    make_nonce(nonce, packet);
    if (gnutls_aead_cipher_decrypt(cipher, nonce, sizeof nonce, packet, NUMBER, TAG,
                                   packet + NUMBER, length - NUMBER, plain, &opened) < 0)
        return;
    atomic_fetch_add_explicit(&bytes, opened, memory_order_relaxed);
    atomic_fetch_add_explicit(&messages, packet[0] & 1, memory_order_relaxed);
}

/* ---- sending --------------------------------------------------------------- */

static void flush(const uint8_t *train, size_t length, size_t segment)
{
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control = {};
    struct iovec part = {.iov_base = (void *) train, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (length > segment) {
        struct cmsghdr *head;

        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_UDP;
        head->cmsg_type = UDP_SEGMENT;
        head->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        memcpy(CMSG_DATA(head), &(uint16_t){segment}, sizeof(uint16_t));
    }
    sendmsg(fd, &message, 0); /* what does not fit is lost, as on any wire */
}

static void *send_all(void *unused)
{
    static uint8_t train[TRAIN * PACKET];
    size_t full = message_size < PAYLOAD ? message_size : PAYLOAD, most = gso ? TRAIN : 1;
    uintptr_t sent = 0;

    while (atomic_load_explicit(&sending, memory_order_relaxed)) {
        size_t at = 0, packets = 0, left = message_size;

        while (packets < most) {
            size_t length = left < full ? left : full;

            left -= length;
            at += seal(train + at, length, left == 0);
            if (++packets == most || length < full || !atomic_load(&sending)) {
                flush(train, at, full + NUMBER + TAG);
                at = packets = 0;
            }
            if (left)
                continue;
            sent++;
            left = message_size;
            if (packets == 0)
                break;
        }
    }
    return (void *) sent;
}

/* ---- receiving ------------------------------------------------------------- */

static size_t segment_size(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        int size;

        if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
            continue;
        memcpy(&size, CMSG_DATA(c), sizeof size);
        return size;
    }
    return BUFFER;
}

static void *receive_all(void *unused)
{
    static uint8_t buffer[BUFFER];
    ssize_t length;

    for (;;) {
        char control[64];
        struct iovec part = {.iov_base = buffer, .iov_len = sizeof buffer};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        size_t segment;

        length = recvmsg(fd, &message, 0);
        if (length < 0)
            continue;
        segment = segment_size(&message);
        for (size_t at = 0; at < (size_t) length; at += segment)
            unseal(buffer + at, (size_t) length - at < segment ? (size_t) length - at : segment);
    }
    return NULL;
}

/* ---- commands -------------------------------------------------------------- */

static void open_socket(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int size = SOCKET_BUFFER, on = 1;

    fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (port) {
        if (connect(fd, (struct sockaddr *) &address, length) < 0)
            give_up("connect");
        puts("{\"event\": \"ready\"}");
        return;
    }
    if (gso)
        setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on);
    if (bind(fd, (struct sockaddr *) &address, length) < 0 ||
        getsockname(fd, (struct sockaddr *) &address, &length) < 0)
        give_up("bind");
    printf("{\"port\": %d}\n", ntohs(address.sin_port));
}

static void *echo_all(void *unused)
{
    static uint8_t packet[PACKET];
    struct sockaddr_in from;

    for (;;) {
        socklen_t length = sizeof from;
        ssize_t n = recvfrom(fd, packet, sizeof packet, 0, (struct sockaddr *) &from, &length);

        if (n < NUMBER + TAG)
            continue;
        unseal(packet, n);
        sendto(fd, packet, seal(packet, n - NUMBER - TAG, true), 0, (struct sockaddr *) &from,
               length);
    }
    return NULL;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void ping(size_t size, int rounds)
{
    static uint8_t packet[PACKET];

    printf("{\"times\": [");
    for (int i = 0; i < rounds; i++) {
        double began = now();
        ssize_t n;

        if (send(fd, packet, seal(packet, size, true), 0) < 0 ||
            (n = recv(fd, packet, sizeof packet, 0)) < 0)
            give_up("no answer");
        unseal(packet, n);
        printf("%s%.1f", i ? ", " : "", (now() - began) * 1e6);
    }
    puts("]}");
}

static void count(void)
{
    printf("{\"bytes\": %lu, \"messages\": %lu, \"time\": %.6f}\n", atomic_load(&bytes),
           atomic_load(&messages), now());
}

static void obey(const char *line)
{
    void *sent;
    size_t size;
    int rounds;

    if (strncmp(line, "receive", 7) == 0 || strncmp(line, "echo", 4) == 0) {
        pthread_create(&thread, NULL, *line == 'e' ? echo_all : receive_all, NULL);
        puts("{}");
    } else if (sscanf(line, "send %zu", &message_size) == 1 && message_size > 0) {
        atomic_store(&sending, true);
        pthread_create(&thread, NULL, send_all, NULL);
        puts("{}");
    } else if (strncmp(line, "hold", 4) == 0) {
        atomic_store(&sending, false);
        pthread_join(thread, &sent);
        printf("{\"sent\": %zu}\n", (size_t) sent);
    } else if (sscanf(line, "ping %zu %d", &size, &rounds) == 2 && size <= PAYLOAD) {
        ping(size, rounds);
    } else if (strncmp(line, "count", 5) == 0) {
        count();
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static uint8_t secret[16];
    gnutls_datum_t key = {secret, sizeof secret};
    char line[256];

    if (argc < 2 || gnutls_aead_cipher_init(&cipher, GNUTLS_CIPHER_AES_128_GCM, &key) < 0)
        return 2;
    gso = strcmp(argv[1], "gso") == 0;
    open_socket(argc > 2 ? atoi(argv[2]) : 0);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        obey(line);
    return 0;
}
