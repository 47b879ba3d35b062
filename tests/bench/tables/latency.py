# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A small message there and back, with nothing else going on."""

import limits
import pairs
from figures import percentile
from table import Column, Target, settings

TITLE = "64 bytes there and back, program to program, loopback"
COLUMNS = [
    Column("begin", "µs", "less", 0, label="p50 of the first 500"),
    Column("p50", "µs", "less", 0),
    Column("p90", "µs", "less", 0),
    Column("p99", "µs", "less", 0),
]
TARGETS = [
    Target("p50", 1, "at most", "libdatachannel"),
    Target("p99", 1, "at most", "libdatachannel"),
]
NOTES = ["The next message is sent when the answer to the last one is here. p50 and so on are of 4,000",
         "after the first 4,000: connections find their pace, and ours its fast path."]
SIZE, FIRST, COUNT = 64, 500, 4000


class Latency(pairs.OverChannel):
    def start(self):
        super().start()
        self.pair.far.ask("echo")

    def measure(self):
        self.ping(20)  # what is loaded at first use
        figures = {"begin": percentile(self.ping(FIRST), 50)}
        self.ping(COUNT - FIRST)
        times = self.ping(500 if settings.quick else COUNT)
        figures.update({f"p{part}": percentile(times, part) for part in (50, 90, 99)})
        return figures

    def ping(self, count):
        return self.pair.near.ask(f"ping {SIZE} {count}", 60)["times"]


def contenders():
    return [Latency(pair) for pair in [pairs.Ours(), *pairs.others(), limits.Udp("udp")]]
