# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A box that publishes ten numbers a second, a desk that keeps a call to it, and the relay:
each on a network of its own, with the Internet between. And what of the numbers arrives."""

import threading
import time

from harness import note, wait_for, watch
from gi.repository import Gio, GLib
from net import Cable, Space
from test_relayed import ESCAPED, PORT, USER, coturn, way

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


NAT = """table inet nat {
  chain out { type nat hook postrouting priority srcnat; oifname "%(outer)s" masquerade; }
  chain in { type filter hook input priority filter; iifname "%(outer)s" ct state new drop; }
}
"""


class Star:
    """box, desk and server, each on a network of the Internet's. ROUTER: box is behind one that
    translates addresses. TURN: there is a TURN server on the relay's machine; not DIRECT: and
    nothing passes from box to desk or back. METRIC: of the default routes. FEED, CALLS: settings of both. NAT: the
    rules of the router."""

    def __init__(self, world, router=False, turn=False, direct=True, metric=0, relay_port=0,
                 keep=True, feed=None, calls=None, nat=NAT):
        self.world = world
        self.nat = nat
        self.config = {"Feed": feed} if feed else {}
        if calls:
            self.config["Calls"] = calls
        self.metric = metric
        self.inet = Space(world, "inet")
        self.inet.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.spaces = {name: Space(world, name) for name in ("box", "desk", "server")}
        self.cables = {}
        self.router = self.uplink = self.coturn = None
        for name, space in self.spaces.items():
            self.join(name, space, self.insert_router() if router and name == "box" else self.inet)
        if not direct:
            self.drop(f"ip saddr {self.address('box')} ip daddr {self.address('desk')}",
                      f"ip saddr {self.address('desk')} ip daddr {self.address('box')}")
        self.servers = None
        if turn:
            self.start_turn()
            self.servers = f"turn:{USER}:{ESCAPED}@{self.address('server')}:{PORT}"
        elif router:
            self.start_turn()
            self.servers = f"stun:{self.address('server')}:{PORT}"
        with world.inside(self.spaces["server"]):
            self.relay = world.relay(host=self.address("server"), port=relay_port)
        self.box = self.peer("box")
        self.desk = self.peer("desk", {"Calls": {"Keep": "box"}} if keep else None)
        self.desk.wait_peer("box")
        if keep:
            self.begin()

    def begin(self):
        self.call = wait_for(self.connected, 60, "the kept call")
        self.before = self.way()
        self.since = self.call.get("ConnectedAt")
        self.feed = Feed(self.world, self.box, self.desk)
        wait_for(lambda: len(self.feed.received) > 2 * RATE, 30, "the first numbers")

    def join(self, name, space, to):
        cable = self.cables[name] = Cable(self.world, to, space)
        self.route(name)
        for end, interface in zip(cable.ends, cable.interfaces):
            end.run("ip", "-6", "address", "flush", "dev", interface)

    def insert_router(self):
        self.router = Space(self.world, "router")
        self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.uplink = Cable(self.world, self.inet, self.router)
        self.router.run("nft", "-f", "-", input=self.nat % {"outer": self.uplink.interfaces[1]})
        self.router.run("ip", "route", "add", "default", "via", self.uplink.addresses[0])
        return self.router

    def start_turn(self):
        self.coturn = coturn(self.world, self.spaces["server"], self.address("server"))

    def address(self, name):
        return self.cables[name].addresses[1]

    def route(self, name):
        self.spaces[name].run("ip", "route", "replace", "default", "via",
                              self.cables[name].addresses[0], "metric", str(self.metric))

    def peer(self, name, config=None):
        with self.world.inside(self.spaces[name]):
            return self.world.peer(name, self.relay, config={
                "Ice": {"Servers": self.servers}, **self.config, **(config or {})})

    def way(self):
        return " - ".join(" ".join(candidate.split()[4:8]) for candidate in way(self.call))

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
        same = self.call.exists() and self.call.get("ConnectedAt") == self.since
        result = self.feed.report(first, began, ended)
        ended = self.call.ended()
        note(f"the call is the same, over {self.way()}; before: {self.before}" if same else
             f"another call; the first one: {ended[2] if ended else 'killed'}")
        return result
