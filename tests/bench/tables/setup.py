# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""How long it takes from wanting to be called to the first number."""

import pairs
from table import Column, Target

TITLE = "from Call to the first number, loopback"
COLUMNS = [
    Column("p50", "ms", "less", 1, pool=50),
    Column("p99", "ms", "less", 1, pool=99),
    Column("worst", "ms", "less", 1, pool=100),
]
TARGETS = [
    Target("p50", 6, "at most"),
    Target("p99", 15, "at most"),
    Target("worst", 1000, "at most"),
]
NOTES = ["Ours: the program's D-Bus call to the signal of the number, through both daemons and the",
         "relay, and each configured as by default. Others: a new connection in a running program, which",
         "hands its signaling to the other one by a socket. Of all calls of all rounds together."]
CALLS = 40  # a round
ENOUGH = 6  # seconds: whoever is slow makes fewer


class CallsOfOurs(pairs.Ours):
    feed = {"source": "random", "interval": "1s"}


class Setup(pairs.Calls):
    def measure(self):
        return dict.fromkeys((c.key for c in COLUMNS), self.times(CALLS, 10, ENOUGH))


def contenders():
    return [Setup(pair) for pair in [CallsOfOurs(), *pairs.others()]]
