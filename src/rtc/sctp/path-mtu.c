/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * RFC 8899 5.2 without its ERROR state: the base size needs no confirmation,
 * for the DTLS handshake and 256 KiB have passed with it. A path that has
 * become a black hole (4.3) goes back to the base size and searches anew from
 * the top, so that a size given up by mistake, in congestion, comes back.
 */

#include <config.h>

#include "rtc/sctp/path-mtu.h"

#include "common/log.h"

const char *path_mtu_state_to_string(PathMtuState state)
{
    static const char *const names[] = {
        [PATH_MTU_BASE] = "base",
        [PATH_MTU_SEARCH] = "search",
        [PATH_MTU_COMPLETE] = "complete",
        [PATH_MTU_CHECK] = "check",
    };
    return names[state];
}

static void path_mtu_enter_state(PathMtu *mtu, PathMtuState state, gint64 now)
{
    if (state != mtu->state && state != PATH_MTU_CHECK && mtu->state != PATH_MTU_CHECK)
        log_debug("path MTU: %s → %s, packets of %zu bytes", path_mtu_state_to_string(mtu->state),
                  path_mtu_state_to_string(state), mtu->size);
    mtu->state = state;
    mtu->sent = 0;
    mtu->due = now;
    if (state == PATH_MTU_SEARCH)
        mtu->trying = 0;
}

void path_mtu_init(PathMtu *mtu, gsize base)
{
    *mtu = (PathMtu){.base = base, .size = base};
}

/* Whether there is a size left to try that is larger than the one in use */
static bool may_rise(const PathMtu *mtu)
{
    return mtu->trying < mtu->n_sizes && mtu->sizes[mtu->trying] > mtu->size;
}

static void complete(PathMtu *mtu, gint64 now)
{
    mtu->checked = now;
    if (mtu->state == PATH_MTU_SEARCH)
        mtu->searched = now;
    path_mtu_enter_state(mtu, PATH_MTU_COMPLETE, now);
}

void path_mtu_assume(PathMtu *mtu, gsize size, gint64 now)
{
    if (size <= mtu->base)
        return;
    mtu->size = mtu->sizes[0] = size;
    mtu->n_sizes = 1;
    mtu->searched = now;
    complete(mtu, now);
}

void path_mtu_start(PathMtu *mtu, const gsize *sizes, guint n_sizes, gint64 now)
{
    if (n_sizes > 0 && mtu->size > mtu->base && sizes[0] == mtu->size)
        return;
    mtu->size = mtu->base;
    mtu->n_sizes = 0;
    for (guint i = 0; i < n_sizes && mtu->n_sizes < TRANSPORT_SIZES_MAX; i++) {
        gsize above = mtu->n_sizes > 0 ? mtu->sizes[mtu->n_sizes - 1] : G_MAXSIZE;

        if (sizes[i] > mtu->base && sizes[i] < above)
            mtu->sizes[mtu->n_sizes++] = sizes[i];
    }
    path_mtu_enter_state(mtu, mtu->n_sizes > 0 ? PATH_MTU_SEARCH : PATH_MTU_BASE, now);
}

/* Every probe of a size has been lost. */
static void give_up(PathMtu *mtu, gint64 now)
{
    if (mtu->state == PATH_MTU_CHECK) {
        log_debug("path MTU: packets of %zu bytes do not pass any more", mtu->size);
        mtu->size = mtu->base;
        path_mtu_enter_state(mtu, PATH_MTU_SEARCH, now);
        return;
    }
    mtu->sent = 0;
    mtu->trying++;
    if (!may_rise(mtu))
        complete(mtu, now);
}

gsize path_mtu_probe(PathMtu *mtu, gint64 now)
{
    if (path_mtu_due(mtu) < 0 || now < mtu->due)
        return 0;
    if (mtu->sent >= PATH_MTU_TRIES)
        give_up(mtu, now);
    if (mtu->state == PATH_MTU_COMPLETE)
        return 0;
    mtu->sent++;
    mtu->due = now + PATH_MTU_PROBE_USEC;
    return mtu->state == PATH_MTU_CHECK ? mtu->size : mtu->sizes[mtu->trying];
}

gint64 path_mtu_due(const PathMtu *mtu)
{
    return mtu->state == PATH_MTU_SEARCH || mtu->state == PATH_MTU_CHECK ? mtu->due : -1;
}

/* The size is the remote's word, which may answer what was never asked. */
static bool is_to_try(const PathMtu *mtu, gsize size)
{
    for (guint i = 0; i < mtu->n_sizes; i++) {
        if (mtu->sizes[i] == size)
            return true;
    }
    return false;
}

/* Late answers are as good as others: the probe has passed. */
void path_mtu_answered(PathMtu *mtu, gsize size, gint64 now)
{
    if (mtu->state == PATH_MTU_SEARCH && size > mtu->size && is_to_try(mtu, size)) {
        mtu->size = size;
        complete(mtu, now);
    } else if (mtu->state == PATH_MTU_CHECK && size == mtu->size) {
        complete(mtu, now);
    }
}

/* Small packets are no reason to send large ones. */
void path_mtu_traffic(PathMtu *mtu, gsize length, gint64 now)
{
    if (mtu->state != PATH_MTU_COMPLETE || length < mtu->base)
        return;
    if (mtu->size < mtu->sizes[0] && now - mtu->searched >= PATH_MTU_RAISE_USEC)
        path_mtu_enter_state(mtu, PATH_MTU_SEARCH, now);
    else if (length > mtu->base && now - mtu->checked >= PATH_MTU_CHECK_USEC)
        path_mtu_enter_state(mtu, PATH_MTU_CHECK, now);
}
