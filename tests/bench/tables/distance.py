# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""How many times something has to cross a long path before the first number is there."""

import os
import queue
import socket
import threading
import time

import net
import pairs
from harness import World
from setup import CallsOfOurs
from table import Absent, Column, Target, settings

TITLE = "from Call to the first number, a round trip being 100 ms"
COLUMNS = [
    Column("p50", "round trips", "less", 2, pool=50),
    Column("p99", "round trips", "less", 2, pool=99),
    Column("worst", "round trips", "less", 2, pool=100),
]
TARGETS = [Target("p50", 5.2, "at most")]
NOTES = ["The link is tests/network/link. Of ours the emitter has the relay on its side; signaling of",
         "the others is on its way for 50 ms, too. Of all calls of all rounds together."]
ONE_WAY = 50  # ms
CALLS = 4  # a round
ENOUGH = 6  # seconds


class Wire(threading.Thread):
    """One direction of signaling: what comes out of SOURCE goes into TARGET, later."""

    def __init__(self, source, target):
        super().__init__(daemon=True)
        self.source, self.target = source, target
        self.waiting = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.start()

    def read(self):
        while data := self.source.recv(1 << 16):
            self.waiting.put((time.monotonic() + ONE_WAY / 1000, data))
        self.waiting.put((0, b""))

    def run(self):
        while True:
            due, data = self.waiting.get()
            time.sleep(max(due - time.monotonic(), 0))
            try:
                self.target.sendall(data)
            except OSError:
                return
            if not data:
                self.target.close()
                return


def long_wire():
    near, ours = socket.socketpair()
    theirs, far = socket.socketpair()
    Wire(ours, theirs)
    Wire(theirs, ours)
    return near, far


def far_apart(world):
    """Two spaces and the link between them."""
    settings.program("tests/network/link")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise Absent("/dev/net/tun, which the link needs, is not for us")
    ends = net.Space(world, "emitter"), net.Space(world, "listener")
    link = net.Link(world, *ends, delay=ONE_WAY)
    for space in ends:  # or there is no network, to some
        space.run("ip", "route", "add", "default", "dev", "path0")
    return link


class OursApart(CallsOfOurs):
    def start_daemons(self, _config):
        link = far_apart(self.world)
        left, right = link.ends
        with self.world.inside(left):
            self.relay = self.world.relay(host=link.addresses[0])
            self.emitter = self.world.peer("emitter", self.relay, **self.feed)
        with self.world.inside(right):
            self.listener = self.world.peer("listener", self.relay)
        self.listener.wait_peer("emitter")


class Distance:
    def __init__(self, pair):
        self.pair = pair
        self.name = pair.name
        self.role = pair.role
        self.world = None

    def start(self):
        if self.role != "ours":
            self.world = World("apart")
            left, right = far_apart(self.world).ends
            self.pair.prefixes = right.prefix, left.prefix
            self.pair.signaling = long_wire
        self.pair.start()
        self.pair.make_calls(1)

    def measure(self):
        times, began = [], time.monotonic()
        while len(times) < (2 if settings.quick else CALLS):
            times += self.pair.make_calls(2)
            if time.monotonic() - began > ENOUGH:
                break
        return dict.fromkeys((c.key for c in COLUMNS), [t * 1e-3 / (2 * ONE_WAY) for t in times])

    def stop(self):
        self.pair.stop()
        if self.world:
            pairs.end_world(self)


def contenders():
    return [Distance(pair) for pair in [OursApart(), *pairs.others()]]
