/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/cluster-socket.h"

#include <glib.h>
#include <sys/socket.h>

struct ClusterSocket {
    uv_poll_t poll; /* first */
    natsConnection *nats;
    int fd;
    int events; /* that it is polled for; 0: libnats wants no more */
};

static void on_ready(uv_poll_t *poll, int status, int events)
{
    ClusterSocket *self = (ClusterSocket *) poll;

    if (status != 0 || events & UV_READABLE) /* libnats finds out what is wrong */
        natsConnection_ProcessReadEvent(self->nats);
    cluster_socket_write(self);
}

static int watch(ClusterSocket *self, int events)
{
    if (self->events == events)
        return 0;
    self->events = events;
    return events ? uv_poll_start(&self->poll, events, on_ready) : uv_poll_stop(&self->poll);
}

void cluster_socket_write(ClusterSocket *self)
{
    if (!self || self->events == 0)
        return;
    if (natsConnection_Buffered(self->nats) > 0)
        natsConnection_ProcessWriteEvent(self->nats);
    if (self->events != 0)
        watch(self, UV_READABLE | (natsConnection_Buffered(self->nats) > 0 ? UV_WRITABLE : 0));
}

void cluster_socket_shut(const ClusterSocket *self, int how)
{
    if (self)
        shutdown(self->fd, how);
}

/* ---- what libnats calls ------------------------------------------------------- */

static natsStatus on_attach(void **data, void *loop, natsConnection *nats, natsSock fd)
{
    ClusterSocket *self = g_new0(ClusterSocket, 1);

    if (uv_poll_init_socket(loop, &self->poll, fd) != 0) {
        g_free(self);
        return NATS_ERR;
    }
    self->nats = nats;
    self->fd = fd;
    watch(self, UV_READABLE);
    ((uv_loop_t *) loop)->data = *data = self;
    return NATS_OK;
}

static natsStatus on_read(void *data, bool add)
{
    return watch(data, add ? UV_READABLE : 0) == 0 ? NATS_OK : NATS_ERR;
}

/* Whoever publishes writes. */
static natsStatus on_write(void *data, bool add)
{
    return NATS_OK;
}

static natsStatus on_detach(void *data)
{
    ClusterSocket *self = data;

    watch(self, 0);
    self->poll.loop->data = NULL;
    uv_close((uv_handle_t *) &self->poll, (uv_close_cb) g_free);
#if NATS_VERSION_NUMBER >= 0x030a00 /* before, libnats closes it by itself */
    natsConnection_ProcessCloseEvent(&self->fd);
#endif
    return NATS_OK;
}

void cluster_socket_use(natsOptions *options, uv_loop_t *loop)
{
    natsOptions_SetEventLoop(options, loop, on_attach, on_read, on_write, on_detach);
}
