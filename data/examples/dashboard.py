#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""dashboard.py PEER... keeps calls with these peers, and shows the last reading of each series,
a line each time one comes.

With DBUS_STARTER_BUS_TYPE=session it talks to a daemon on the session bus."""

import os
import sys

from gi.repository import Gio, GLib

PEER = ("org.rtcbus.Peer1", "/org/rtcbus/Peer1", "org.rtcbus.Peer1")
SESSION = os.environ.get("DBUS_STARTER_BUS_TYPE") == "session"
PEERS = sys.argv[1:]

last = {}  # by peer and series
place = 0  # the sequence up to which all is shown


def call(bus, method, arguments):
    return bus.call_sync(*PEER, method, arguments, None, Gio.DBusCallFlags.NONE, -1, None).unpack()


def show():
    line = " | ".join(f"{' '.join(filter(None, name))}: {value}" for name, value in last.items())
    # A peer may send anything, and a terminal obeys control characters.
    print("".join(c if c.isprintable() else "\ufffd" for c in line), flush=True)


def read(bus, limits):
    """What has come since the last time: not each reading has a signal, but each is in the history."""
    global place
    while True:
        readings, _lost = call(bus, "ReadReadings", GLib.Variant("(tua{sv})", (place, 1000, limits)))
        for sequence, _received, _time, peer, series, value, unit in readings:
            place = sequence
            if peer in PEERS:
                last[peer, series] = f"{value} {unit}".strip() if not isinstance(value, list) else "(bytes)"
                show()
        if len(readings) < 1000:
            return


def main():
    if not PEERS:
        sys.exit(__doc__)
    bus = Gio.bus_get_sync(Gio.BusType.SESSION if SESSION else Gio.BusType.SYSTEM)
    # First the signal, then the history: nothing comes between the two.
    bus.signal_subscribe(PEER[0], PEER[2], "ReadingReceived", PEER[1], None, Gio.DBusSignalFlags.NONE,
                         lambda *_: read(bus, {}))
    for peer in PEERS:
        call(bus, "Keep", GLib.Variant("(s)", (peer,)))
    read(bus, {"last": GLib.Variant("u", 10)})
    GLib.MainLoop().run()


try:
    main()
except GLib.Error as error:
    sys.exit(f"dashboard.py: {error.message}")
