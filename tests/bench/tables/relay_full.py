# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""As many as one relay is to hold, and what each of them costs."""

import relays
from harness import World
from table import Column, Target

IDLE = 60000
TITLE = "relay, 100 active pairs with 500 B among 60,000 idle connections"
COLUMNS = [
    Column("alone", "1000/CPU s", "more", 1, label="without them"),
    Column("among", "1000/CPU s", "more", 1, label="among them"),
    Column("rss", "bytes", "less", 0, label="RSS per idle one"),
    Column("idle", "connections", "more", 0, label="idle"),
]
TARGETS = [Target("rss", 6656, "at most"), Target("among", 0.8, "at least", "own", versus="alone")]
NOTES = ["Fewer idle connections if the limit of open files (ulimit -n -H) is below 61,000 and stays so."]


class Large(relays.Ours):
    def start(self):
        self.idle = relays.connections(IDLE)  # before the relay has its limits
        self.world = World(self.name)
        # relay-load answers no ping while it connects, which takes a minute on a busy machine.
        relay = self.world.relay(config={"Relay": {"MaxConnections": str(self.idle + 1000),
                                                   "PingInterval": "1h"}})
        self.port, self.pid = relay.port, relay.pid


def measure(relay):
    found = relays.measure(relay, "idle", size=500, idle=relay.idle, ms=2000)
    return {"alone": found["frames_per_cpu_second_before"] / 1e3,
            "among": found["frames_per_cpu_second"] / 1e3,
            "rss": found["rss_per_idle"], "idle": found["idle"]}


def contenders():
    return [Large(measure)]
