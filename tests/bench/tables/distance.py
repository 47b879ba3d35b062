# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""How many times something has to cross a long path before the first number is there."""

import queue
import socket
import threading
import time

import apart
import pairs
from table import Column, Target

TITLE = "from Call to the first number, a round trip being 100 ms"
COLUMNS = [
    Column("p50", "round trips", "less", 2, pool=50),
    Column("p99", "round trips", "less", 2, pool=99),
    Column("worst", "round trips", "less", 2, pool=100),
]
TARGETS = [Target("p50", 3.2, "at most")]
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


class Distance(pairs.Calls):
    def measure(self):
        trips = [t / (2 * ONE_WAY) for t in self.times(CALLS, 2, ENOUGH)]
        return dict.fromkeys((c.key for c in COLUMNS), trips)


def contenders():
    ours = apart.Ours()
    ours.link = {"delay": ONE_WAY}
    found = [ours]
    for pair in pairs.others():
        pair.signaling = long_wire
        found.append(apart.Foreign(pair, ours.link))
    return [Distance(pair) for pair in found]
