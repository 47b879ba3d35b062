# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What it costs that a frame's receiver is at another relay."""

import nats
import pairs
import relays
from harness import World
from table import Absent, Column, Target

TITLE = "three relays on three nats-servers, 100 pairs at one relay and across two"
COLUMNS = [Column(f"{kind}-frames", "1000/CPU s", "more", 1, label, "frames of 500 B")
           for kind, label in (("local", "at one"), ("across", "across"))]
COLUMNS += [Column(f"{kind}-{p}", "µs", "less", 0, label, f"{p} at 5,000 a second")
            for p in ("p50", "p99") for kind, label in (
                ("local", "at one"), ("across", "across"), ("more", "more"))]
TARGETS = [Target("more-p99", 1000, "at most")]
NOTES = ["The CPU time is that of the relays, without the nats-servers'. All of them and the load share "
         "this machine.",
         "In the second row the load speaks with the nats-servers themselves."]


class Bare(relays.Relay):
    name = "nats-server"
    role = "other"
    world = None

    def start(self):
        if not nats.PROGRAM:
            raise Absent("nats-server is not installed (apt install nats-server)")
        self.world = World(self.name)
        self.servers = nats.Nats(self.world, web=True)

    def load(self, mode, across, **options):
        first, second = self.servers.servers[:2]
        ports = self.servers.web_ports
        return relays.load("nats", ports[0], f"{first.pid},{second.pid}", mode, size=500,
                           across=ports[1] if across else 0, **options)

    def stop(self):
        pairs.end_world(self)


def measure_latency(cluster):
    found = {kind: cluster.load("latency", across, rate=5000)
             for kind, across in (("local", False), ("across", True))}
    figures = {f"{kind}-{p}": found[kind][f"{p}_us"] for kind in found for p in ("p50", "p99")}
    for p in "p50", "p99":
        figures[f"more-{p}"] = figures[f"across-{p}"] - figures[f"local-{p}"]
    return figures


def measure(cluster):
    figures = measure_latency(cluster)
    for kind, across in ("local", False), ("across", True):
        found = cluster.load("pairs", across)
        figures[f"{kind}-frames"] = found["frames_per_cpu_second"] / 1e3
    return figures


def contenders():
    return [relays.Cluster(measure), Bare(measure_latency)]
