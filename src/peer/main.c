/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include <glib/gi18n.h>

#include "common/daemon.h"
#include "common/names.h"
#include "peer/peer.h"

int main(int argc, char **argv)
{
    static const DaemonInfo info = {
        .program = "rtcbus-peer",
        .summary = N_("A WebRTC peer that carries data channels, for other programs on D-Bus."),
        .config_name = "peer.conf",
        .bus_name = PEER_BUS_NAME,
        .configure = peer_configure,
        .start = peer_start,
        .reload = peer_reload,
        .stop = peer_stop,
    };
    g_autoptr(Peer) peer = peer_new();

    return daemon_run(&info, peer, argc, argv);
}
