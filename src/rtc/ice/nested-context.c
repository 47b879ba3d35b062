/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * After each of its turns a context is asked what it waits for: descriptors go
 * into the epoll set, its next timer into a tree. That it is given something
 * new by others shows at its wake-up descriptor, which GLib signals for a
 * context with G_MAIN_CONTEXT_FLAGS_OWNERLESS_POLLING.
 */

#include <config.h>

#include "rtc/ice/nested-context.h"

#include "common/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    TURNS = 32,  /* of contexts, in one dispatch of the default context */
    NEWEST = 64, /* sources that a timer is looked for among */
};

struct NestedContext {
    GMainContext *context;
    gint64 deadline;             /* monotonic microseconds, -1: none; the key in `deadlines` */
    int slack;                   /* milliseconds */
    GArray *fds;                 /* of int, those in the epoll set */
    const SocketWatchOps *watch; /* or NULL */
    gpointer watch_data;
};

/* All contexts of this process */
static struct {
    int epoll_fd;
    GSource *source;       /* in the default context; NULL: there is no epoll_fd either */
    GTree *deadlines;      /* of NestedContext, as key and value */
    GHashTable *fd_owners; /* fd → NestedContext */
    GArray *polled;        /* of GPollFD, for a query */
    NestedContext *running;
} all;

static int compare_deadlines(gconstpointer first, gconstpointer second, gpointer data)
{
    const NestedContext *a = first, *b = second;

    if (a->deadline != b->deadline)
        return a->deadline < b->deadline ? -1 : 1;
    return a < b ? -1 : a > b;
}

static void set_deadline(NestedContext *context, gint64 deadline)
{
    if (context->deadline == deadline)
        return;
    if (context->deadline >= 0)
        g_tree_remove(all.deadlines, context);
    context->deadline = deadline;
    if (deadline >= 0)
        g_tree_insert(all.deadlines, context, context);
}

static NestedContext *first_deadline(void)
{
    GTreeNode *node = g_tree_node_first(all.deadlines);

    return node ? g_tree_node_value(node) : NULL;
}

/* ---- what a context waits for --------------------------------------------- */

/* A descriptor that was closed has left the set by itself, and its number may
 * be another context's by now. */
static void forget_fd(NestedContext *context, int fd)
{
    if (g_hash_table_lookup(all.fd_owners, GINT_TO_POINTER(fd)) != context)
        return;
    epoll_ctl(all.epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    g_hash_table_remove(all.fd_owners, GINT_TO_POINTER(fd));
}

/* Whatever was known of FD, it may have been closed and opened again since. */
static void watch_fd(NestedContext *context, int fd, guint events)
{
    struct epoll_event event = {.events = events, .data.ptr = context};

    if (epoll_ctl(all.epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0 && errno == ENOENT)
        epoll_ctl(all.epoll_fd, EPOLL_CTL_ADD, fd, &event);
    g_hash_table_insert(all.fd_owners, GINT_TO_POINTER(fd), context);
}

/* GIOCondition and epoll have the same bits; the same descriptor may be there twice. */
static void watch_fds(NestedContext *context, const GPollFD *fds, int n)
{
    GArray *old = context->fds;

    context->fds = g_array_sized_new(FALSE, FALSE, sizeof(int), n);
    for (int i = 0; i < n; i++) {
        guint events = 0;
        int first = i;

        for (int j = n; j-- > 0;) {
            if (fds[j].fd == fds[i].fd) {
                events |= fds[j].events;
                first = j;
            }
        }
        if (first < i)
            continue;
        watch_fd(context, fds[i].fd, events);
        g_array_append_val(context->fds, fds[i].fd);
    }
    for (guint i = 0; i < old->len; i++) {
        int fd = g_array_index(old, int, i);
        bool still = false;

        for (guint j = 0; j < context->fds->len; j++)
            still |= g_array_index(context->fds, int, j) == fd;
        if (!still)
            forget_fd(context, fd);
    }
    g_array_unref(old);
}

static void wait_again(NestedContext *context)
{
    int n, timeout, priority;

    if (!g_main_context_acquire(context->context))
        return;
    g_main_context_prepare(context->context, &priority);
    for (;;) {
        n = g_main_context_query(context->context, G_MAXINT, &timeout, (GPollFD *) all.polled->data,
                                 all.polled->len);
        if (n <= (int) all.polled->len)
            break;
        g_array_set_size(all.polled, n);
    }
    g_main_context_release(context->context);
    watch_fds(context, (const GPollFD *) all.polled->data, n);
    set_deadline(context, timeout < 0
                              ? -1
                              : clock_monotonic() +
                                    MAX(timeout, timeout ? context->slack : 0) * (gint64) 1000);
}

/* ---- a turn ---------------------------------------------------------------- */

static void run(NestedContext *context)
{
    all.running = context;
    socket_turn_begin(context->watch, context->watch_data);
    g_main_context_iteration(context->context, FALSE);
    socket_turn_end();
    all.running = NULL;
    wait_again(context);
}

/* ---- in the default context ------------------------------------------------ */

static void set_timer(void)
{
    NestedContext *first = first_deadline();

    g_source_set_ready_time(all.source, first ? first->deadline : -1);
}

static gboolean on_dispatch(GSource *itself, GSourceFunc callback, gpointer data)
{
    struct epoll_event events[TURNS];
    int n = epoll_wait(all.epoll_fd, events, TURNS, 0);
    gint64 now = clock_monotonic();
    NestedContext *due;

    for (int i = 0; i < n; i++)
        run(events[i].data.ptr);
    for (int i = 0; i < TURNS && (due = first_deadline()) && due->deadline <= now; i++)
        run(due);
    set_timer();
    return G_SOURCE_CONTINUE;
}

static void init(void)
{
    static GSourceFuncs funcs = {.dispatch = on_dispatch};

    all.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (all.epoll_fd < 0)
        g_error("epoll_create1: %s", g_strerror(errno));
    all.deadlines = g_tree_new_full(compare_deadlines, NULL, NULL, NULL);
    all.fd_owners = g_hash_table_new(NULL, NULL);
    all.polled = g_array_new(FALSE, FALSE, sizeof(GPollFD));
    g_array_set_size(all.polled, 8);
    all.source = g_source_new(&funcs, sizeof(GSource));
    g_source_set_static_name(all.source, "nested contexts");
    g_source_add_unix_fd(all.source, all.epoll_fd, G_IO_IN);
    g_source_attach(all.source, NULL);
}

NestedContext *nested_context_new(void)
{
    NestedContext *context = g_new0(NestedContext, 1);

    if (!all.source)
        init();
    context->context = g_main_context_new_with_flags(G_MAIN_CONTEXT_FLAGS_OWNERLESS_POLLING);
    context->deadline = -1;
    context->fds = g_array_new(FALSE, FALSE, sizeof(int));
    wait_again(context);
    return context;
}

void nested_context_free(NestedContext *context)
{
    for (guint i = 0; i < context->fds->len; i++)
        forget_fd(context, g_array_index(context->fds, int, i));
    set_deadline(context, -1);
    set_timer();
    g_main_context_unref(context->context);
    g_array_unref(context->fds);
    g_free(context);
}

void nested_context_set_slack(NestedContext *context, guint milliseconds)
{
    context->slack = (int) milliseconds;
}

void nested_context_set_watch(NestedContext *context, const SocketWatchOps *ops, gpointer data)
{
    context->watch = ops;
    context->watch_data = data;
    if (all.running == context)
        socket_turn_set_watch(ops, data);
}

/* GLib numbers the sources of a context, and has no other way to one whose owner is a library. */
static guint next_source_id(GMainContext *context)
{
    g_autoptr(GSource) source = g_idle_source_new();
    guint id = g_source_attach(source, context);

    g_source_destroy(source);
    return id;
}

void nested_context_set_time(NestedContext *context, const char *name, gint64 at)
{
    guint next = next_source_id(context->context);

    for (guint id = next; id > 0 && next - id < NEWEST; id--) {
        GSource *source = g_main_context_find_source_by_id(context->context, id);

        if (source && g_strcmp0(g_source_get_name(source), name) == 0) {
            g_source_set_ready_time(source, at);
            return;
        }
    }
}

GMainContext *nested_context_get(NestedContext *context)
{
    return context->context;
}
