# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""How long a frame takes while the relay has little to do."""

import relays
from table import Column, Target

TITLE = "relay, 5,000 frames a second of 500 B over 100 pairs"
COLUMNS = [
    Column("p50", "µs", "less", 0),
    Column("p99", "µs", "less", 0),
    Column("frames", "1000/CPU s", "more", 1, label="frames per CPU second"),
]
TARGETS = [Target("p99", 1, "at most", "mosquitto")]
NOTES = ["From the sender's write to the receiver's read; the load generator never sleeps."]


def measure(relay):
    found = relays.measure(relay, "latency", size=500, rate=5000)
    return {"p50": found["p50_us"], "p99": found["p99_us"],
            "frames": found["frames_per_cpu_second"] / 1e3}


def contenders():
    return relays.contenders(measure)
