# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A small message there and back, with nothing else going on."""

import limits
import pairs
from figures import percentile
from table import Column, Target, settings

TITLE = "64 bytes there and back, program to program, loopback"
COLUMNS = [
    Column("p50", "µs", "less", 0),
    Column("p90", "µs", "less", 0),
    Column("p99", "µs", "less", 0),
]
TARGETS = [
    Target("p50", 1, "at most", "libdatachannel"),
    Target("p99", 1, "at most", "libdatachannel"),
]
NOTES = ["The next message is sent when the answer to the last one is here."]
SIZE, WARM_UP = 64, 200


class Latency:
    def __init__(self, pair):
        self.pair = pair
        self.name = pair.name
        self.role = pair.role

    def start(self):
        self.pair.start()
        self.pair.open_channel()
        self.pair.far.ask("echo")

    def measure(self):
        count = 500 if settings.quick else 4000
        self.pair.near.ask(f"ping {SIZE} {WARM_UP}", 60)
        times = self.pair.near.ask(f"ping {SIZE} {count}", 60)["times"]
        return {column.key: percentile(times, int(column.key[1:])) for column in COLUMNS}

    def stop(self):
        self.pair.stop()


def contenders():
    return [Latency(pair) for pair in [pairs.Ours(), *pairs.others(), limits.Udp("udp")]]
