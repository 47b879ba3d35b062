/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/bell.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct Bell {
    uv_poll_t poll; /* first */
    int fd;
    int is_rung; /* atomic: LOOP will look */
    void (*rung)(gpointer data);
    gpointer data;
};

/* The descriptor is read first: who rings between the two is seen by RUNG. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    Bell *bell = (Bell *) poll;
    uint64_t count;

    if (read(bell->fd, &count, sizeof count) < 0)
        return;
    g_atomic_int_set(&bell->is_rung, 0);
    bell->rung(bell->data);
}

Bell *bell_new(uv_loop_t *loop, void (*rung)(gpointer data), gpointer data)
{
    Bell *bell = g_new0(Bell, 1);

    bell->rung = rung;
    bell->data = data;
    bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bell->fd < 0) /* as GLib does for its own */
        g_error("eventfd: %s", g_strerror(errno));
    uv_poll_init(loop, &bell->poll, bell->fd);
    uv_poll_start(&bell->poll, UV_READABLE, on_readable);
    return bell;
}

void bell_ring(Bell *bell)
{
    uint64_t one = 1;
    ssize_t written;

    if (!g_atomic_int_compare_and_exchange(&bell->is_rung, 0, 1))
        return;
    do
        written = write(bell->fd, &one, sizeof one);
    while (written < 0 && errno == EINTR);
}

static void on_closed(uv_handle_t *handle)
{
    Bell *bell = (Bell *) handle;

    close(bell->fd);
    g_free(bell);
}

void bell_free(Bell *bell)
{
    uv_close((uv_handle_t *) &bell->poll, on_closed);
}
