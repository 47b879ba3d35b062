# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A hundred pairs among thousands who say nothing."""

import relays
from table import Column, Target

TITLE = "relay, 100 active pairs with 500 B among 15,000 idle connections"
COLUMNS = [
    Column("alone", "1000/CPU s", "more", 1, label="without them"),
    Column("among", "1000/CPU s", "more", 1, label="among them"),
    Column("rss", "bytes", "less", 0, label="RSS per idle one"),
    Column("idle", "connections", "more", 0, label="idle"),
]
TARGETS = [
    Target("among", 0.8, "at least", "own", versus="alone"),
    Target("among", 1.2, "at least", "nats-server"),
    Target("rss", 6144, "at most"),
]
NOTES = ["Fewer idle connections if the limit of open files (ulimit -n -H) is below 16,000."]


def measure(relay):
    found = relays.measure(relay, "idle", size=500, idle=relays.connections(), ms=2000)
    return {"alone": found["frames_per_cpu_second_before"] / 1e3,
            "among": found["frames_per_cpu_second"] / 1e3,
            "rss": found["rss_per_idle"], "idle": found["idle"]}


def contenders():
    return relays.contenders(measure)
