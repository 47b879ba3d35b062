# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Very many kept calls in one daemon."""

import subprocess
import sys
import time

import pairs
import usage
from harness import Failed, World
from table import Column, Target, settings

TITLE = "5,000 kept calls in one daemon, a reading a minute each"
COLUMNS = [
    Column("connect", "s", "less", 1, "all connected"),
    Column("cpu-connect", "ms", "less", 2, "of a set-up", "CPU time"),
    Column("rss", "KiB", "less", 1, "RSS a call"),
    Column("cpu", "ms/s", "less", 1, "of all calls", "CPU time"),
    Column("delivered", "%", "more", 2),
]
TARGETS = [
    Target("connect", 40, "at most"),
    Target("rss", 60, "at most"),
    Target("cpu", 50, "at most"),
]
NOTES = ["Fifty processes have all the others, each with a connection to the relay and a key of its own; they",
         "share the processors with the daemon, and need as much as it does. Connected: from the",
         "daemon's start to the last feed that is open. RSS: what the calls have added. Both sides have",
         "KeepAlive=25s."]
PROCESSES = 50
LIMITS = {"Peer": {"MaxCalls": 65536, "MaxPendingCalls": 65536}, "Trust": {"MaxKnownPeers": 65536},
          "Feed": {"History": 1048576}, "Ice": {"Interfaces": "lan0"}}
RELAY = {"Relay": {"MaxConnectionsPerAddress": 100000, "MaxConnections": 100000}}


class Kept:
    name = "ours"
    role = "ours"
    KEEP = True

    def __init__(self):
        self.world = None
        self.crowds = []

    def start(self):
        self.count = 200 if settings.quick else 5000
        self.world = World("kept")
        self.relay = self.world.relay(config=RELAY)
        program = settings.program("tests/helpers/feed-crowd")
        self.crowds = [subprocess.Popen([program, self.relay.url(), str(self.count // PROCESSES)],
                                        stdout=subprocess.PIPE, text=True)
                       for _ in range(PROCESSES)]
        while self.relay.get("Connections") < self.count:
            time.sleep(0.2)
        self.desk = self.world.peer("desk", self.relay, config=LIMITS)
        self.nobody_listens()
        time.sleep(1)
        self.rss = usage.rss_kib([self.desk.pid])
        self.desk.stop()
        self.desk.configure({**self.desk.config, "Calls": {"Keep": "*", "KeepAlive": "25s"}})

    def nobody_listens(self):
        """Nobody is to be woken by what the daemon tells."""
        bus = self.desk.bus
        bus.connection.close_sync(None)
        bus.connection = bus.connect()

    def measure(self):
        began = time.monotonic()
        self.desk.restart()
        self.nobody_listens()
        for crowd in self.crowds:
            while not (line := crowd.stdout.readline()).startswith("open "):
                if not line:
                    raise Failed("one of the others has ended")
                print(line, end="", file=sys.stderr)  # it is called again
        pids = [self.desk.pid]
        figures = {"connect": time.monotonic() - began,
                   "cpu-connect": usage.cpu_seconds(pids) * 1e3 / self.count}
        self.settle()
        got, cpu, began = self.received(), usage.cpu_seconds(pids), time.monotonic()
        time.sleep(10 if settings.quick else 60)
        seconds = time.monotonic() - began
        figures["cpu"] = (usage.cpu_seconds(pids) - cpu) * 1e3 / seconds
        figures["delivered"] = 100 * (self.received() - got) / (self.count * seconds / 60)
        figures["rss"] = (usage.rss_kib(pids) - self.rss) / self.count
        return figures

    def received(self):
        return sum(row[5] for row in self.desk.invoke("ListSeries")[0])

    def settle(self):
        """Until readings of all of them come."""
        deadline = time.monotonic() + 30
        while self.received() < PROCESSES:
            if time.monotonic() > deadline:
                raise Failed("no reading comes")
            time.sleep(0.5)

    def stop(self):
        for crowd in self.crowds:
            crowd.terminate()
            crowd.wait()
            crowd.stdout.close()
        self.crowds = []
        pairs.end_world(self)


def contenders():
    return [Kept()]
