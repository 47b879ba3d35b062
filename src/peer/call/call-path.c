/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/call-path.h"

#include "common/clock.h"

/* Seconds in which a remote that is not gone after all may restart ICE itself */
enum { GONE_PATIENCE = 1 };

struct CallPath {
    const CallPathOps *ops;
    gpointer data;
    CallRepair repair;
    guint restart_id;  /* timer: the next restart */
    guint patience_id; /* timer: the end */
    CallPathEnd end;
    gint64 gone, replaced; /* when that was said, monotonic µs; 0: never */
};

/* What has been said of a remote that is not silent so many µs later was not true. */
#define DOUBT_TIME (5 * G_USEC_PER_SEC)

static bool is_fresh(gint64 said)
{
    return said != 0 && clock_monotonic() - said < DOUBT_TIME;
}

static void call_path_go_on(CallPath *path);

static gboolean on_restart(gpointer data)
{
    CallPath *path = data;

    path->restart_id = 0;
    call_path_go_on(path);
    return G_SOURCE_REMOVE;
}

static void restart(CallPath *path, RepairAction action)
{
    switch (path->ops->restart(action == REPAIR_RESTART_ANEW, path->data)) {
    case CALL_RESTART_BEGUN:
        break;
    case CALL_RESTART_REFUSED:
        call_repair_put_off(&path->repair, action);
        break;
    case CALL_RESTART_BARRED:
        call_repair_bar(&path->repair, action);
        break;
    }
}

static void call_path_go_on(CallPath *path)
{
    gint64 now = clock_monotonic(), due;
    RepairAction action = call_repair_take(&path->repair, now);

    g_clear_handle_id(&path->restart_id, g_source_remove);
    if (action != REPAIR_WAIT)
        restart(path, action);
    due = call_repair_due(&path->repair);
    if (due != REPAIR_NEVER)
        path->restart_id =
            clock_timer_add((guint) ((MAX(due - now, 0) + 999) / 1000), on_restart, path);
}

static gboolean on_patience(gpointer data)
{
    CallPath *path = data;

    path->patience_id = 0;
    path->ops->ended(path->end, path->data);
    return G_SOURCE_REMOVE;
}

static void wait_for_end(CallPath *path, CallPathEnd end, guint seconds)
{
    path->end = end;
    g_clear_handle_id(&path->patience_id, g_source_remove);
    path->patience_id = clock_timer_add(seconds * 1000, on_patience, path);
}

void call_path_silent(CallPath *path, bool lost)
{
    if (is_fresh(path->replaced)) {
        path->ops->ended(CALL_PATH_REPLACED, path->data);
        return;
    }
    if (is_fresh(path->gone))
        wait_for_end(path, CALL_PATH_GONE, GONE_PATIENCE);
    else if (lost && path->patience_id == 0)
        wait_for_end(path, CALL_PATH_PATIENCE, path->ops->patience(path->data));
    call_repair_need(&path->repair, clock_monotonic());
    call_path_go_on(path);
}

void call_path_mended(CallPath *path)
{
    path->gone = path->replaced = 0;
    g_clear_handle_id(&path->patience_id, g_source_remove);
    call_repair_mend(&path->repair);
    call_path_go_on(path);
}

void call_path_gone(CallPath *path)
{
    path->gone = clock_monotonic();
    if (path->repair.state == REPAIR_NEEDED)
        wait_for_end(path, CALL_PATH_GONE, GONE_PATIENCE);
}

bool call_path_is_gone(const CallPath *path)
{
    return is_fresh(path->gone);
}

void call_path_replaced(CallPath *path)
{
    if (path->repair.state == REPAIR_NEEDED)
        path->ops->ended(CALL_PATH_REPLACED, path->data);
    else
        path->replaced = clock_monotonic();
}

void call_path_want(CallPath *path, bool anew)
{
    call_repair_want(&path->repair, anew, clock_monotonic());
    call_path_go_on(path);
}

void call_path_hurry(CallPath *path)
{
    call_repair_hurry(&path->repair, clock_monotonic());
    call_path_go_on(path);
}

CallPath *call_path_new(const CallPathOps *ops, gpointer data)
{
    CallPath *path = g_new0(CallPath, 1);

    path->ops = ops;
    path->data = data;
    return path;
}

void call_path_free(CallPath *path)
{
    if (!path)
        return;
    g_clear_handle_id(&path->restart_id, g_source_remove);
    g_clear_handle_id(&path->patience_id, g_source_remove);
    g_free(path);
}
