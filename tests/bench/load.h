/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What the files of relay-load share: load-frames makes what is sent, load-connection sends and counts
 * it, load-server looks at the process that is measured.
 */

#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS 1000000000LL
#define MAX_IN_FLIGHT 1024 /* frames to one receiver in latency mode */

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
} LoadConnection;

/* What is wanted, and how it is going */
typedef struct {
    Protocol protocol;
    int port;
    char *pids;
    long pairs, size, seconds_ms, warm_ms, window, members, rate, idle, tls, across;

    LoadConnection *connections;
    int n_connections, epoll_fd;
    uint64_t received, sent;
    bool sending; /* a frame received makes its partner send another */
    bool fanout, measuring_latency;
    double *latencies;
    size_t n_latencies, max_latencies;
} Load;

extern Load load;

__attribute__((noreturn, format(printf, 1, 2))) void load_die(const char *format, ...);
int64_t load_now(void); /* ns */

/* The server's: ns of CPU time, and KiB */
int64_t load_server_cpu(void);
long load_server_rss(void);

/* A masked frame around PAYLOAD; returns its size. */
size_t load_frame(unsigned char *out, int opcode, const void *payload, size_t size);

/* What SELF sends to the one called TO, NULL: to all of the room. */
void load_make_frame(LoadConnection *self, const char *to);

/* All of COUNT connections; those of the fan-out subscribe to one subject. */
void load_connect(LoadConnection *all, int count, bool idle);

/* Its frame once more */
void load_send(LoadConnection *self);

/* Sends and receives, once or for so long. */
void load_turn(int64_t ns); /* waits for so long for something to read */
void load_turn_for(int64_t ns);
