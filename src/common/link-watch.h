/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Tells when this machine's way to others is another one: an address, a default
 * route or an interface has come or gone, or the machine was suspended. The
 * kernel says so by itself (rtnetlink, timerfd); nothing is asked again and
 * again. What happens within a tenth of a second is told once.
 */

#pragma once

#include <glib.h>

#include "common/link-table.h"

typedef struct LinkWatch LinkWatch;

typedef struct {
    /* At least one member of CHANGE is true. */
    void (*changed)(const LinkChange *change, gpointer data);
} LinkWatchOps;

/* Never NULL: what the kernel does not let us hear is left out, and logged. OPS is kept by
 * reference. */
LinkWatch *link_watch_new(const LinkWatchOps *ops, gpointer data);
void link_watch_free(LinkWatch *watch);
