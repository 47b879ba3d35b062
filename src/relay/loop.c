/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The GSource of loop.h. uv_backend_timeout() says 0 as long as there is
 * anything to do before waiting (descriptors to add to the epoll set, idle
 * handles, handles to close), so GLib only ever sleeps when libuv would.
 *
 * The source may recurse, for the reason that common/fd-source.h gives; nothing in a turn runs the
 * main loop.
 */

#include <config.h>

#include "relay/loop.h"

typedef struct {
    GSource source;
    uv_loop_t *loop;
    gpointer tag;
    const LoopOps *ops;
    gpointer data;
} LoopSource;

static gboolean loop_prepare(GSource *source, int *timeout)
{
    LoopSource *self = (LoopSource *) source;

    uv_update_time(self->loop); /* the timeout counts from libuv's idea of now */
    *timeout = self->ops->pending(self->data) ? 0 : uv_backend_timeout(self->loop);
    return *timeout == 0;
}

static gboolean loop_check(GSource *source)
{
    LoopSource *self = (LoopSource *) source;

    if (g_source_query_unix_fd(source, self->tag))
        return TRUE;
    uv_update_time(self->loop);
    return uv_backend_timeout(self->loop) == 0 || self->ops->pending(self->data);
}

static gboolean loop_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    LoopSource *self = (LoopSource *) source;

    uv_run(self->loop, UV_RUN_NOWAIT);
    self->ops->turn(self->data);
    return G_SOURCE_CONTINUE;
}

GSource *loop_attach(uv_loop_t *loop, const LoopOps *ops, gpointer data)
{
    static GSourceFuncs funcs = {
        .prepare = loop_prepare,
        .check = loop_check,
        .dispatch = loop_dispatch,
    };
    GSource *source = g_source_new(&funcs, sizeof(LoopSource));
    LoopSource *self = (LoopSource *) source;

    self->loop = loop;
    self->ops = ops;
    self->data = data;
    self->tag = g_source_add_unix_fd(source, uv_backend_fd(loop), G_IO_IN);
    g_source_set_name(source, "libuv");
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, NULL);
    return source;
}

void loop_finish(uv_loop_t *loop)
{
    /* One round closes what is closing; a callback may close something more. */
    for (int rounds = 0; rounds < 1000 && uv_loop_close(loop) == UV_EBUSY; rounds++)
        uv_run(loop, UV_RUN_NOWAIT);
}
