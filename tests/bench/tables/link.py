# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""As much as goes through a cable, which carries packets of 1500 bytes."""

import apart
import bulk
import limits
import pairs
from harness import World
from table import Column, Target

TITLE = "one ordered reliable channel, program to program, over a veth with an MTU of 1500"
WAYS = {"with": True, "without": False}
SIZES = {1024: "1 KiB", 16384: "16 KiB"}
COLUMNS = [Column(f"{key}-{size}-{way}", unit, better, digits, f"{label} {way}", group)
           for group, key, unit, better, digits in (
               ("throughput, with the offloads of the veth and without", "rate", "Mbit/s", "more", 0),
               ("CPU time of all processes", "cpu", "ns/byte", "less", 2))
           for size, label in SIZES.items() for way in WAYS]
TARGETS = [
    Target("rate-16384-with", 6, "at least", "best"),
    Target("rate-16384-without", 4, "at least", "best"),
    Target("rate-1024-with", 4, "at least", "best"),
    Target("rate-1024-without", 4, "at least", "best"),
]
NOTES = ["Without: rx, tx, tso, gso and gro are off at both ends (ethtool -K), so that the kernel handles",
         "each packet by itself."]
OTHERS = ["libdatachannel", "libwebrtc"]


class Cable(bulk.Bulk):
    """A new pair for each way."""

    def start(self):
        """Each cable is made when its turn comes."""

    def measure(self):
        figures = {}
        for way, offloads in WAYS.items():
            self.pair.link = {"offloads": offloads}
            try:
                super().start()
                for size in SIZES:
                    figures.update(self.under(way, self.measure_size(size)))
            finally:
                self.pair.stop()
        return figures

    def under(self, way, figures):
        return {f"{key}-{way}": value for key, value in figures.items()}

    def stop(self):
        """Nor is anything left."""


class Tcp(Cable):
    name = "TCP (iperf3)"
    role = "limit"

    def __init__(self):
        self.pair = self
        self.world = None

    def measure(self):
        figures = {}
        for way, offloads in WAYS.items():
            self.world = World("tcp")
            try:
                iperf = limits.Iperf()
                iperf.between(apart.cabled(self.world, offloads), "cubic")
                for size in SIZES:
                    nbytes, seconds, cpu, peak = iperf.run(size, 1)
                    found = bulk.measured(size, (nbytes, nbytes / size), seconds, cpu, peak)
                    figures.update(self.under(way, found))
            finally:
                iperf.stop()
                pairs.end_world(self)
        return figures


def contenders():
    found = [apart.Ours()]
    found += [apart.Foreign(pair, {}) for pair in pairs.others() if pair.name in OTHERS]
    for pair in found:
        pair.joined = apart.cabled
    return [*map(Cable, found), Tcp()]
