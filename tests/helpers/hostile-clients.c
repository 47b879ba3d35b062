/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * hostile-clients PORT: 500 members of one room and two hundred who do what one
 * should not: 50 flood that room with small frames and 30 with large ones, 20 more
 * are in it and read nothing, 40 hold handshakes, 40 make rooms and 20 grab names.
 * Each group comes from addresses of its own in 127.0.0.0/8.
 *
 * Prints "ready" when all members are there, and what was done when its standard
 * input ends. One thread, epoll, nothing but the C library: the relay is what is
 * to be busy.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

typedef enum { MEMBER, SMALL, LARGE, DEAF, HOLDER, ROOMS, NAMES, N_KINDS } Kind;

static const int counts[N_KINDS] = {500, 50, 30, 20, 40, 40, 20};

typedef struct {
    Kind kind;
    int number, fd;
    bool open; /* the handshake is answered */
    size_t at; /* bytes of the frame that is being written */
} Hostile;

static struct {
    int port, epoll;
    char small[64], large[60100];
    size_t small_size, large_size;
    unsigned long received, handshakes, rooms, names, lost;
    unsigned members;
} self;

static size_t make_frame(char *frame, size_t fill)
{
    size_t size = fill + 8, head = size < 126 ? 6 : 8;

    frame[0] = (char) 0x81;
    frame[1] = (char) (0x80 | (size < 126 ? size : 126));
    frame[2] = (char) (size < 126 ? 0 : size >> 8);
    frame[3] = (char) (size < 126 ? 0 : size);
    memset(frame + 4, 0, head - 4);
    memcpy(frame + head, "{\"a\":\"", 6);
    memset(frame + head + 6, 'x', fill);
    memcpy(frame + head + 6 + fill, "\"}", 2);
    return head + size;
}

static void ask(Hostile *hostile)
{
    static unsigned long counter;
    char path[64] = "/crowd", request[512];
    int n;

    counter++;
    if (hostile->kind == ROOMS)
        snprintf(path, sizeof path, "/room-%lu", counter);
    else if (hostile->kind == NAMES)
        snprintf(path, sizeof path, "/names?name=n%lu", counter % 64);
    n = snprintf(request, sizeof request,
                 "GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s",
                 path, hostile->kind == HOLDER ? "" : "\r\n");
    if (send(hostile->fd, request, (size_t) n, MSG_NOSIGNAL) != n)
        self.lost++;
}

static void begin(Hostile *hostile)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = hostile};
    int small = 4096;

    from.sin_addr.s_addr =
        htonl(0x7f000000u | (unsigned) hostile->kind << 8 | (unsigned) (2 + hostile->number % 5));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((unsigned short) self.port);
    hostile->open = false;
    hostile->at = 0;
    hostile->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (hostile->kind == DEAF)
        setsockopt(hostile->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (bind(hostile->fd, (struct sockaddr *) &from, sizeof from) < 0 ||
        connect(hostile->fd, (struct sockaddr *) &to, sizeof to) < 0) {
        perror("hostile-clients");
        exit(1);
    }
    fcntl(hostile->fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(self.epoll, EPOLL_CTL_ADD, hostile->fd, &event);
    ask(hostile);
    self.handshakes += hostile->kind == HOLDER;
    self.rooms += hostile->kind == ROOMS;
}

static void end(Hostile *hostile)
{
    if (hostile->kind == MEMBER && hostile->open)
        self.members--;
    close(hostile->fd);
    begin(hostile);
}

/* Frames as long as the socket takes them. */
static void flood(Hostile *hostile)
{
    const char *frame = hostile->kind == SMALL ? self.small : self.large;
    size_t size = hostile->kind == SMALL ? self.small_size : self.large_size;

    for (int i = 0; i < 20; i++) {
        ssize_t n = send(hostile->fd, frame + hostile->at, size - hostile->at, MSG_NOSIGNAL);

        if (n < 0)
            return;
        hostile->at = (hostile->at + (size_t) n) % size;
    }
}

static void opened(Hostile *hostile)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = hostile};

    hostile->open = true;
    self.members += hostile->kind == MEMBER;
    self.names += hostile->kind == NAMES;
    if (hostile->kind == DEAF) /* it never reads again */
        event.events = 0;
    if (hostile->kind == SMALL || hostile->kind == LARGE || hostile->kind == DEAF)
        epoll_ctl(self.epoll, EPOLL_CTL_MOD, hostile->fd, &event);
}

static void readable(Hostile *hostile)
{
    static char buffer[1 << 18];
    ssize_t n = recv(hostile->fd, buffer, sizeof buffer, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        end(hostile);
        return;
    }
    self.received += (unsigned long) n;
    if (!hostile->open && n > 12 && memcmp(buffer, "HTTP/1.1 101", 12) == 0)
        opened(hostile);
    if (hostile->kind == NAMES) /* there are more to be had */
        end(hostile);
}

static void turn(Hostile *hostile, unsigned events)
{
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        if (hostile->kind == DEAF && hostile->open)
            end(hostile);
        else
            readable(hostile);
    } else if (events & EPOLLOUT) {
        flood(hostile);
    }
}

static void run(void)
{
    struct epoll_event events[256], input = {.events = EPOLLIN};
    bool ready = false;

    epoll_ctl(self.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    for (;;) {
        int n = epoll_wait(self.epoll, events, 256, -1);

        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr)
                return;
            turn(events[i].data.ptr, events[i].events);
        }
        if (!ready && self.members == (unsigned) counts[MEMBER]) {
            puts("ready");
            fflush(stdout);
            ready = true;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    self.port = atoi(argv[1]);
    self.epoll = epoll_create1(0);
    self.small_size = make_frame(self.small, 20);
    self.large_size = make_frame(self.large, 60000);
    for (int kind = 0; kind < N_KINDS; kind++) {
        static Hostile *groups[N_KINDS];
        Hostile *group = groups[kind] = calloc((size_t) counts[kind], sizeof *group);

        for (int i = 0; group && i < counts[kind]; i++) {
            group[i].kind = (Kind) kind;
            group[i].number = i;
            begin(&group[i]);
        }
    }
    run();
    printf("{\"received\": %lu, \"handshakes\": %lu, \"rooms\": %lu, \"names\": %lu}\n",
           self.received, self.handshakes, self.rooms, self.names);
    return 0;
}
