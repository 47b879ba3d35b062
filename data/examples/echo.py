#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Sends back every message on the first channel with the label LABEL that a remote opens.

echo.py [LABEL], with DBUS_STARTER_BUS_TYPE=session for daemons on the session bus"""

import os
import socket
import sys

from gi.repository import Gio, GLib

LABEL = sys.argv[1] if len(sys.argv) > 1 else "echo"
CHANNEL = "org.rtcbus.Peer1.Channel"
SESSION = os.environ.get("DBUS_STARTER_BUS_TYPE") == "session"

bus = Gio.bus_get_sync(Gio.BusType.SESSION if SESSION else Gio.BusType.SYSTEM)
loop = GLib.MainLoop()


def echo(path):
    reply, fds = bus.call_with_unix_fd_list_sync(
        "org.rtcbus.Peer1", path, CHANNEL, "Acquire", GLib.Variant("(a{sv})", ({},)),
        None, Gio.DBusCallFlags.NONE, -1, None, None)
    with socket.socket(fileno=fds.get(reply.unpack()[0])) as channel:
        while True:
            message, control, _, _ = channel.recvmsg(262144, 256)
            if not message and not control:  # an empty message has a time stamp, the end has none
                break
            channel.send(message)  # waits while the remote does not keep up


def on_added(_bus, _sender, _path, _interface, _signal, parameters):
    path, interfaces = parameters.unpack()
    if interfaces.get(CHANNEL, {}).get("Label") == LABEL:
        echo(path)
        loop.quit()


bus.signal_subscribe("org.rtcbus.Peer1", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded",
                     "/org/rtcbus/Peer1", None, Gio.DBusSignalFlags.NONE, on_added)
print("waiting for a channel", LABEL, flush=True)
loop.run()
