/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* rtcbus-peer: the frame of common/daemon.h around the peer and its bus. */

#include <config.h>

#include <glib/gi18n.h>

#include "common/daemon.h"
#include "common/names.h"
#include "peer/bus/bus.h"
#include "peer/config.h"
#include "peer/peer.h"

typedef struct {
    Peer *peer;
    Bus *bus;
} PeerProgram;

static bool configure(const char *path, bool required, gpointer data, GError **error)
{
    PeerProgram *program = data;

    return peer_configure(program->peer, path, required, error);
}

static bool start(Daemon *daemon, GDBusConnection *connection, gpointer data, GError **error)
{
    PeerProgram *program = data;

    if (!peer_prepare(program->peer, daemon, error))
        return false;
    program->bus = bus_new(connection, program->peer, error);
    if (!program->bus)
        return false;
    peer_begin(program->peer, &bus_peer_ops, program->bus);
    return true;
}

static void reload(Daemon *daemon, gpointer data)
{
    PeerProgram *program = data;

    peer_reload(program->peer);
}

static void stop(Daemon *daemon, gpointer data)
{
    PeerProgram *program = data;

    peer_stop(program->peer);
}

int main(int argc, char **argv)
{
    static const DaemonInfo info = {
        .program = "rtcbus-peer",
        .summary = N_("A WebRTC peer that carries data channels, for other programs on D-Bus."),
        .config_name = "peer.conf",
        .bus_name = PEER_BUS_NAME,
        .configure = configure,
        .check = peer_config_check,
        .start = start,
        .reload = reload,
        .stop = stop,
    };
    PeerProgram program = {.peer = peer_new()};
    int status = daemon_run(&info, &program, argc, argv);

    /* The bus hears of calls that end with the peer. */
    peer_free(program.peer);
    bus_free(program.bus);
    return status;
}
