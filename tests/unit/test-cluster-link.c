/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The end of the cluster's link, with bells of our own that let its thread end before they have rung. */

#include <config.h>

#include <stdbool.h>

#include "relay/bell.h"
#include "relay/cluster-link.h"
#include "relay/loop.h"

struct Bell {
    uv_async_t async; /* first */
    void (*rung)(gpointer data);
    gpointer data;
};

static struct {
    GThread *relay;
    GMutex lock;
    GCond changed;
    bool thread_ended; /* under the lock, as is what follows */
    guint n_bells;
    guint n_late; /* rung, and freed meanwhile */
} world;

/* ---- bells -------------------------------------------------------------------- */

static void on_thread_end(gpointer data)
{
    g_mutex_lock(&world.lock);
    world.thread_ended = true;
    g_cond_signal(&world.changed);
    g_mutex_unlock(&world.lock);
}

static GPrivate end_of_thread = G_PRIVATE_INIT(on_thread_end);

static void on_async(uv_async_t *async)
{
    Bell *bell = (Bell *) async;

    if (g_thread_self() != world.relay)
        g_private_set(&end_of_thread, &world);
    bell->rung(bell->data);
}

Bell *bell_new(uv_loop_t *loop, void (*rung)(gpointer data), gpointer data)
{
    Bell *bell = g_new0(Bell, 1);

    bell->rung = rung;
    bell->data = data;
    uv_async_init(loop, &bell->async, on_async);
    world.n_bells++;
    return bell;
}

/* The relay's thread rings here only for the end. */
void bell_ring(Bell *bell)
{
    uv_async_send(&bell->async);
    if (g_thread_self() != world.relay)
        return;
    g_mutex_lock(&world.lock);
    while (!world.thread_ended)
        g_cond_wait(&world.changed, &world.lock);
    if (world.n_bells < 2)
        world.n_late++;
    g_mutex_unlock(&world.lock);
}

void bell_free(Bell *bell)
{
    g_mutex_lock(&world.lock);
    world.n_bells--;
    g_mutex_unlock(&world.lock);
    uv_close((uv_handle_t *) &bell->async, (uv_close_cb) g_free);
}

/* ---- the test ----------------------------------------------------------------- */

static void test_end(void)
{
    const char *subjects[] = {"rtcbus.echo", NULL};
    char server[] = "nats://127.0.0.1:1"; /* nobody is there */
    char *servers[] = {server, NULL};
    ClusterLinkSettings settings = {
        .servers = servers,
        .user = "",
        .password = "",
        .credentials = "",
        .ca = "",
        .label = "test",
        .subjects = subjects,
        .echo = subjects[0],
    };
    ClusterLinkOps ops = {0};
    uv_loop_t loop;

    world.relay = g_thread_self();
    uv_loop_init(&loop);
    cluster_link_free(cluster_link_new(&loop, &settings, &ops, NULL));
    g_assert_cmpuint(world.n_late, ==, 0);
    g_assert_cmpuint(world.n_bells, ==, 0);
    loop_finish(&loop);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cluster-link/end", test_end);
    return g_test_run();
}
