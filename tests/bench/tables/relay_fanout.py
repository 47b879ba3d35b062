# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""One to all of a room."""

import relays
from table import Column, Target

TITLE = "relay, one sends 500 B to a room of 500"
COLUMNS = [
    Column("delivered", "1000/CPU s", "more", 0, label="delivered per CPU second"),
    Column("rate", "1000/s", "more", 0, label="delivered per second"),
]
TARGETS = [Target("delivered", 1, "at least", "nats-server")]
NOTES = ["The sender has 100 frames on their way at a time, each to everybody."]


def measure(relay):
    found = relays.measure(relay, "fanout", size=500, members=500, window=100)
    return {"delivered": found["frames_per_cpu_second"] / 1e3,
            "rate": found["frames_per_second"] / 1e3}


def contenders():
    return relays.contenders(measure)
