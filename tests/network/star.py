# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A box that publishes ten numbers a second, a desk that keeps a call to it, and the relay:
each on a network of its own, with the Internet between. And what of the numbers arrives."""

import threading
import time

from harness import CALL_INTERFACE, Failed, check, equal, note, wait_for, watch
from gi.repository import Gio, GLib
from net import Cable, Space

RATE = 10
DROP = """table inet cut {
  chain f { type filter hook forward priority 0; %s }
}
"""


class Feed:
    """Publishes 1, 2, 3, … at BOX, by a thread and a connection of its own, and hears them at
    DESK. Both daemons may be killed and started meanwhile."""

    def __init__(self, world, box, desk):
        self.box = box
        self.published = {}  # number → when, or None where the daemon was not there
        self.received = []   # (when, number)
        self.over = threading.Event()
        self.connection = box.bus.connect()
        world.closing(self)
        desk.bus.connection.signal_subscribe(
            None, box.target[2], "NumberReceived", None, None, Gio.DBusSignalFlags.NONE,
            lambda _c, _s, _p, _i, _m, values: self.received.append(
                (values.unpack()[1] / 1e6, int(values.unpack()[3]))))
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        due = time.monotonic()
        number = 0
        while not self.over.is_set():
            number += 1
            sent = time.time()
            try:
                self.connection.call_sync(
                    *self.box.target, "Publish", GLib.Variant("(d)", (float(number),)), None,
                    Gio.DBusCallFlags.NO_AUTO_START, 1000, None)
                self.published[number] = sent
            except GLib.Error:
                self.published[number] = None
            due = max(due + 1 / RATE, time.monotonic() - 1)
            self.over.wait(max(0, due - time.monotonic()))

    def close(self):
        self.over.set()
        self.thread.join()

    def wait_after(self, moment, count=RATE, timeout=30):
        """Until COUNT numbers have come that were published after MOMENT."""
        def enough():
            late = {n for _, n in self.received if (self.published.get(n) or 0) > moment}
            return len(late) >= count

        return watch(enough, timeout)

    def report(self, first, began, ended):
        """What became of the numbers from FIRST on, with an outage from BEGAN to ENDED. Returns
        (how many are lost, how many came twice, seconds from ENDED to the next one)."""
        last = self.received[-1][1]
        seen = [n for _, n in self.received if n >= first]
        lost = [n for n, sent in sorted(self.published.items())
                if sent and first <= n <= last and n not in set(seen)]
        doubled = len(seen) - len(set(seen))
        after = [t for t, _ in self.received if t > ended]
        times = [t for t, _ in self.received if t > began - 1]
        gap = max([b - a for a, b in zip(times, times[1:])] or [0])
        pause = after[0] - ended if after else float("inf")
        when = f", of the time from {self.published[lost[0]] - ended:+.1f} to " \
               f"{self.published[lost[-1]] - ended:+.1f} s" if lost else ""
        note(f"lost {len(lost)}{when}; doubled {doubled}; "
             f"pause {pause:.2f} s after the outage of {ended - began:.1f} s, gap {gap:.2f} s; "
             f"in order: {seen == sorted(seen)}")
        return len(lost), doubled, pause


class Star:
    """box, desk and server, each behind a router's port of the Internet."""

    def __init__(self, world, config=None, names=("box", "desk", "server"), relay_config=None):
        self.world = world
        self.inet = Space(world, "inet")
        self.inet.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.spaces = {name: Space(world, name) for name in names}
        self.cables = {}
        for name, space in self.spaces.items():
            self.cables[name] = Cable(world, self.inet, space)
            self.route(name)
            for end, interface in zip(self.cables[name].ends, self.cables[name].interfaces):
                end.run("ip", "-6", "address", "flush", "dev", interface)
        with world.inside(self.spaces["server"]):
            self.relay = world.relay(host=self.address("server"), config=relay_config)
        self.config = config or {}
        self.box = self.peer("box")
        self.desk = self.peer("desk", {"Calls": {"Keep": "box"}})
        self.call = wait_for(self.connected, 30, "the kept call")
        self.feed = Feed(world, self.box, self.desk)
        wait_for(lambda: len(self.feed.received) > 2 * RATE, 30, "the first numbers")

    def address(self, name):
        return self.cables[name].addresses[1]

    def route(self, name):
        self.spaces[name].run("ip", "route", "replace", "default", "via",
                              self.cables[name].addresses[0])

    def peer(self, name, config=None):
        groups = {**self.config}
        for group, keys in (config or {}).items():
            groups[group] = {**groups.get(group, {}), **keys}
        with self.world.inside(self.spaces[name]):
            return self.world.peer(name, self.relay, config=groups)

    def connected(self):
        calls = [c for c in self.desk.calls() if c.get("State") == "connected"]
        return calls[0] if calls else None

    def interface(self, name):
        return self.cables[name].interfaces[1]

    def drop(self, *rules):
        """The Internet loses what the rules say, from now on; without any, nothing."""
        self.inet.run("nft", "-f", "-", input="table inet cut\ndelete table inet cut\n" + (
            DROP % " ".join(rule + " drop;" for rule in rules) if rules else ""))

    def link(self, name, up):
        self.spaces[name].run("ip", "link", "set", self.interface(name), "up" if up else "down")
        if up:
            self.route(name)

    def measure(self, began, ended, timeout=60):
        """After an outage: (lost, doubled, pause), once numbers flow again."""
        if not self.feed.wait_after(ended, timeout=timeout):
            note(f"nothing has come within {timeout} s after the outage; calls of desk: "
                 f"{[(c.get('State'), c.get('Reason')) for c in self.desk.calls()]}; relay: "
                 f"{self.box.get('RelayState')}, {self.desk.get('RelayState')}")
        first = self.feed.received[0][1]
        same = self.call.path in self.desk.objects()
        result = self.feed.report(first, began, ended)
        note("the call is the same" if same else
             f"the call ended ({(self.call.ended() or (0, 0, 'its daemon was killed'))[2]})")
        return result
