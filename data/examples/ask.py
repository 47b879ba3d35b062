#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Opens a channel, sends lines on it and prints the answers: ask.py CALL LABEL [TEXT…]

CALL is an object path as "rtcbusctl call --no-wait" prints it. --stay instead of a text waits for
the end of the channel. With DBUS_STARTER_BUS_TYPE=session for daemons on the session bus."""

import os
import socket
import sys

from gi.repository import Gio, GLib

NAME = "org.rtcbus.Peer1"
SESSION = os.environ.get("DBUS_STARTER_BUS_TYPE") == "session"

if len(sys.argv) < 4 or not GLib.Variant.is_object_path(sys.argv[1]):
    sys.exit(__doc__)
call, label, texts = sys.argv[1], sys.argv[2], sys.argv[3:]
bus = Gio.bus_get_sync(Gio.BusType.SESSION if SESSION else Gio.BusType.SYSTEM)
path = bus.call_sync(NAME, call, NAME + ".Call", "OpenChannel",
                     GLib.Variant("(sa{sv})", (label, {})), None, Gio.DBusCallFlags.NONE, -1,
                     None).unpack()[0]
reply, fds = bus.call_with_unix_fd_list_sync(
    NAME, path, NAME + ".Channel", "Acquire", GLib.Variant("(a{sv})", ({},)), None,
    Gio.DBusCallFlags.NONE, -1, None, None)
handle, max_message_size = reply.unpack()
with socket.socket(fileno=fds.get(handle)) as channel:
    print("channel", label, "is open, messages of up to", max_message_size, "bytes", flush=True)
    for text in texts:
        if text != "--stay":
            channel.send(text.encode())
        answer = channel.recv(max_message_size)
        print(answer.decode() if answer else "the channel has ended", flush=True)
