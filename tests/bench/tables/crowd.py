# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Very many listeners on one emitter."""

import collections
import time

import pairs
import usage
from agents import Agent
from harness import Failed, World
from table import Column, Target, settings

TITLE = "1,000 listeners on one emitter, a number a second"
COLUMNS = [
    Column("connect", "s", "less", 2, "all connected"),
    Column("delivered", "%", "more", 2, "numbers delivered"),
    Column("rss-emitter", "KiB", "less", 1, "emitter", "RSS a session"),
    Column("rss-listeners", "KiB", "less", 1, "listeners", "RSS a session"),
    Column("rss-both", "KiB", "less", 1, "together", "RSS a session"),
    Column("cpu-emitter", "ms/s", "less", 3, "emitter", "CPU time a session"),
    Column("cpu-listeners", "ms/s", "less", 3, "listeners", "CPU time a session"),
    Column("cpu-both", "ms/s", "less", 3, "together", "CPU time a session"),
]
TARGETS = [
    Target("connect", 15, "at most"),
    Target("delivered", 100, "at least"),
    Target("rss-emitter", 90, "at most"),
    Target("rss-listeners", 90, "at most"),
    Target("cpu-emitter", 0.3, "at most"),
    Target("cpu-listeners", 0.3, "at most"),
]
NOTES = ["The listeners are ten daemons with a hundred calls each, so that the machine has something",
         "left for the emitter; every call is a whole session (ICE, DTLS, SCTP). RSS is what each call",
         "but the first of a daemon has added. Connected: seconds from the first Call to the last",
         "session, all on this machine. Each number counts that any listener got: all have to get all."]
DAEMONS = 10


class Crowd:
    name = "ours"
    role = "ours"

    def __init__(self):
        self.agents = []
        self.world = None

    def start(self):
        self.program = settings.program("tests/bench/agent")
        self.each = 10 if settings.quick else 100
        self.sessions = self.each * DAEMONS
        self.world = World("crowd")
        relay = self.world.relay()
        config = {"Ice": {"Interfaces": "lan0"}, "Feed": {"History": 65536}}
        self.emitter = self.world.peer("emitter", relay, source="random", interval="1s",
                                       config={"Ice": config["Ice"]})
        self.listeners = [self.world.peer(f"listener{n}", relay, config=config)
                          for n in range(DAEMONS)]
        for daemon in self.listeners:  # nobody is to be woken by each number
            daemon.bus.connection.close_sync(None)
            daemon.bus.connection = daemon.bus.connect()
        self.agents = [Agent([self.program, daemon.bus.address])
                       for daemon in self.listeners]
        self.sides = {"emitter": [self.emitter.pid], "listeners": [d.pid for d in self.listeners]}

    def measure(self):
        began = time.monotonic()
        self.call(1)  # what a daemon needs once
        rss = {side: usage.rss_kib(pids) for side, pids in self.sides.items()}
        self.call(self.each - 1)
        figures = {"connect": time.monotonic() - began}
        self.settle()
        before, began = self.received(), time.monotonic()
        cpu = {side: usage.cpu_seconds(pids) for side, pids in self.sides.items()}
        time.sleep(3 if settings.quick else 10)
        self.settle()
        seconds = time.monotonic() - began
        figures["delivered"] = self.delivered(before)
        for side, pids in self.sides.items():
            figures[f"cpu-{side}"] = ((usage.cpu_seconds(pids) - cpu[side]) * 1e3
                                      / seconds / self.sessions)
            figures[f"rss-{side}"] = ((usage.rss_kib(pids) - rss[side])
                                      / (self.sessions - DAEMONS))
        for what in "cpu", "rss":
            figures[what + "-both"] = figures[what + "-emitter"] + figures[what + "-listeners"]
        return figures

    def call(self, count):
        for agent in self.agents:
            agent.tell(f"crowd emitter {count}")
        for agent in self.agents:
            agent.read(90)

    def received(self):
        return [daemon.received() for daemon in self.listeners]

    def settle(self):
        """Until one number has come, to everybody, and the next one has not."""
        start = last = self.received()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            time.sleep(0.15)
            now = self.received()
            if now == last and now != start:
                return
            last = now
        raise Failed("numbers never cease to come" if last != start else "no number comes")

    def delivered(self, before):
        """In per cent: what was sent is what anybody got, and everybody has to get it. The first
        and the last number may have been on their way when the time was up."""
        times = collections.defaultdict(list)
        for daemon, after in zip(self.listeners, before):
            for _, at, _, value in daemon.numbers(after)[0]:
                times[value].append(at)
        inner = sorted(times.values(), key=min)[1:-1]
        return 100 * sum(map(len, inner)) / (len(inner) * self.sessions)

    def stop(self):
        pairs.stop_agents(self)
        pairs.end_world(self)


def contenders():
    return [Crowd()]
