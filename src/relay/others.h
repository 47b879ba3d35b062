/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The clients of other relays, as ours see them: they come and go, their frames come in, and a name is
 * lost to one of them.
 */

#pragma once

#include "relay/cluster.h"
#include "relay/forward.h"

typedef struct {
    Forwarding *forward;
    /* Between these two members may be sent to without one of them vanishing. */
    void (*begin)(gpointer data);
    void (*end)(gpointer data);
    void (*changed)(gpointer data);
    gpointer data;
} Others;

/* As cluster_new(). OTHERS must stay for as long as the cluster. */
Cluster *others_join(Others *others, uv_loop_t *loop, const RelayConfig *config, GError **error);
