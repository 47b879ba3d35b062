#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""sensor.py VALUE publishes a reading to every listener; sensor.py --follow prints those of others.

With DBUS_STARTER_BUS_TYPE=session it talks to a daemon on the session bus."""

import os
import sys

from gi.repository import Gio, GLib

PEER = ("org.rtcbus.Peer1", "/org/rtcbus/Peer1", "org.rtcbus.Peer1")
SESSION = os.environ.get("DBUS_STARTER_BUS_TYPE") == "session"

if len(sys.argv) != 2:
    sys.exit(__doc__)
try:
    reading = None if sys.argv[1] == "--follow" else float(sys.argv[1])
except ValueError:
    sys.exit(__doc__)
bus = Gio.bus_get_sync(Gio.BusType.SESSION if SESSION else Gio.BusType.SYSTEM)
if reading is not None:
    bus.call_sync(*PEER, "Publish", GLib.Variant("(d)", (reading,)), None,
                  Gio.DBusCallFlags.NONE, -1, None)
    sys.exit()


def on_number(_bus, _sender, _path, _interface, _signal, parameters):
    _sequence, _time, peer, value = parameters.unpack()
    print(peer, value, flush=True)


bus.signal_subscribe(PEER[0], PEER[2], "NumberReceived", PEER[1], None, Gio.DBusSignalFlags.NONE,
                     on_number)
GLib.MainLoop().run()
