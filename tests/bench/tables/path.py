# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""As much as goes through a long path, and through one that loses packets."""

import time

import apart
import limits
import pairs
import usage
from harness import World
from table import Column, Target, settings

TITLE = "one ordered reliable channel in messages of 16 KiB over emulated paths of 200 Mbit/s"
PATHS = {
    "long": {"delay": 50, "rate": 200, "queue": 2500},
    "lossy": {"delay": 10, "loss": 0.1, "rate": 200, "queue": 500},
    "poor": {"delay": 50, "loss": 1, "rate": 200, "queue": 2500},
}
LABELS = {"long": "100 ms, no loss", "lossy": "20 ms, 0.1 % loss", "poor": "100 ms, 1 % loss"}
COLUMNS = [Column(f"{key}-{path}", unit, better, digits, label, group)
           for group, key, unit, better, digits in (
               ("throughput", "rate", "Mbit/s", "more", 1),
               ("CPU time of all processes", "cpu", "ns/byte", "less", 2))
           for path, label in LABELS.items()]
TCP = "TCP CUBIC (iperf3)"
BBR = "TCP BBR (iperf3)"
TARGETS = [
    Target("rate-long", 0.8, "at least", TCP),
    Target("rate-lossy", 2, "at least", TCP),
    Target("rate-poor", 3, "at least", TCP),
]
NOTES = ["The link is tests/network/link: both ways alike, a queue of one round trip before the narrow",
         "place, and the same fate for the Nth packet of everybody, another one in each round. The first",
         "seconds, in which windows open, are left out."]
OTHERS = ["libdatachannel", "libwebrtc"]
SIZE = 16384
WARM_UP = {"long": 3, "lossy": 1, "poor": 3}  # seconds


def seconds():
    return 2 if settings.quick else 4


class Path(pairs.OverChannel):
    """A new pair for each path."""

    rounds = 0

    def start(self):
        """Each path is made when its turn comes."""

    def measure(self):
        figures = {}
        self.rounds += 1
        for path, link in PATHS.items():
            self.pair.link = {**link, "seed": self.rounds}
            try:
                rate, cpu = self.transfer(WARM_UP[path])
            finally:
                self.pair.stop()
            figures[f"rate-{path}"] = rate
            if cpu is not None:
                figures[f"cpu-{path}"] = cpu
        return figures

    def transfer(self, warm_up):
        self.pair.start()
        self.pair.open_channel()
        self.pair.far.ask("receive")
        self.pair.near.ask(f"send {SIZE}")
        time.sleep(warm_up)
        first = self.pair.far.ask("count")
        meter = usage.Meter(self.pair.pids)
        time.sleep(seconds())
        last = self.pair.far.ask("count")
        nbytes = last["bytes"] - first["bytes"]
        cpu = meter.cpu_seconds() * 1e9 / nbytes if nbytes else None
        return nbytes * 8e-6 / (last["time"] - first["time"]), cpu

    def stop(self):
        """Nor is anything left."""


class Tcp(Path):
    def __init__(self, name, congestion):
        self.pair = self
        self.name = name
        self.congestion = congestion
        self.role = "limit"
        self.world = None

    def stop(self):
        if self.world:
            self.iperf.stop()
            pairs.end_world(self)

    def transfer(self, warm_up):
        self.iperf = limits.Iperf()
        self.world = World("tcp")
        joint = apart.far_apart(self.world, **self.link)
        self.iperf.between(joint, self.congestion)
        nbytes, taken, cpu, _ = self.iperf.run(SIZE, seconds(), warm_up)
        return nbytes * 8e-6 / taken, cpu * 1e9 / nbytes


def contenders():
    others = [apart.Foreign(pair, {}) for pair in pairs.others() if pair.name in OTHERS]
    return [*map(Path, [apart.Ours(), *others]), Tcp(TCP, "cubic"), Tcp(BBR, "bbr")]
