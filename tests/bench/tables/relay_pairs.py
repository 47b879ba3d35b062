# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Frames from one to another, a hundred pairs at once."""

import relays
from table import Column, Target

TITLE = "relay, 100 active pairs, `from` stamped and `to` honoured"
SIZES = {500: "500 B", 2500: "2,500 B"}
COLUMNS = [Column(f"{key}-{size}", unit, "more", digits, label, group)
           for group, key, unit, digits in (
               ("frames per second of its CPU time", "frames", "1000/s", 1),
               ("frames per second", "rate", "1000/s", 1))
           for size, label in SIZES.items()]
TARGETS = [
    Target("frames-500", 2.2, "at least", "Node.js ws"),
    Target("frames-500", 1, "at least", "mosquitto"),
    Target("frames-2500", 2.5, "at least", "Node.js ws"),
    Target("frames-2500", 1, "at least", "mosquitto"),
]
NOTES = ["Every member has one frame on its way to its partner, and sends the next when it has arrived.",
         "nats-server and mosquitto neither look into frames nor say from whom they are."]


def measure(relay):
    figures = {}
    for size in SIZES:
        found = relays.measure(relay, "pairs", size=size)
        figures[f"frames-{size}"] = found["frames_per_cpu_second"] / 1e3
        figures[f"rate-{size}"] = found["frames_per_second"] / 1e3
    return figures


def contenders():
    return relays.contenders(measure)
