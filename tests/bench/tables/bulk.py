# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""As much as goes through, in messages of four sizes."""

import time

import limits
import pairs
import usage
from harness import Failed
from table import Column, Target, settings

TITLE = "one ordered reliable channel, program to program, loopback"
SIZES = {64: "64 B", 1024: "1 KiB", 16384: "16 KiB", 65536: "64 KiB"}
COLUMNS = [Column(f"{key}-{size}", unit, better, digits, label, group)
           for group, key, unit, better, digits in (
               ("throughput", "rate", "Mbit/s", "more", 0),
               ("messages", "messages", "1000/s", "more", 1),
               ("CPU time of all processes", "cpu", "ns/byte", "less", 2),
               ("peak RSS of all processes", "peak", "MB", "less", 0))
           for size, label in SIZES.items()]
TARGETS = [
    Target("rate-65536", 3, "at least", "best"),
    Target("rate-16384", 3, "at least", "best"),
    Target("rate-1024", 3, "at least", "best"),
    Target("messages-64", 1.5, "at least", "best"),
    Target("cpu-16384", 0.5, "at most", "best"),
]
NOTES = ["Ours are four processes, two daemons and two programs; the others two. The limits have no",
         "channel: AES-128-GCM over UDP, a packet of at most 1200 bytes at a time or with GSO, and",
         "plain TCP (iperf3)."]


def measured(size, count, seconds, cpu, peak):
    """COUNT: bytes and messages."""
    nbytes, messages = count
    figures = {f"rate-{size}": nbytes * 8e-6 / seconds,
               f"messages-{size}": messages * 1e-3 / seconds,
               f"peak-{size}": peak * 1024 / 1e6}
    if nbytes:
        figures[f"cpu-{size}"] = cpu * 1e9 / nbytes
    return figures


class Bulk(pairs.OverChannel):
    """Sends, leaves the first moments out, and looks at two moments after that."""

    def start(self):
        super().start()
        self.pair.far.ask("receive")
        self.arrived = 0

    def measure(self):
        figures = {}
        for size in SIZES:
            figures.update(self.measure_size(size))
        return figures

    def measure_size(self, size):
        near, far = self.pair.near, self.pair.far
        near.ask(f"send {size}")
        time.sleep(0.2 if settings.quick else 0.4)
        first = far.ask("count")
        meter = usage.Meter(self.pair.pids)
        time.sleep(0.5 if settings.quick else 1.2)
        last = far.ask("count")
        cpu, peak = meter.cpu_seconds(), meter.peak_kib()
        self.drain(near.ask("hold")["sent"])
        return measured(size, [last[key] - first[key] for key in ("bytes", "messages")],
                        last["time"] - first["time"], cpu, peak)

    def drain(self, sent):
        """All that was sent has to arrive before the next size has its turn."""
        deadline = time.monotonic() + 20
        self.arrived += sent
        while self.pair.far.ask("count")["messages"] != self.arrived:
            if time.monotonic() > deadline:
                raise Failed("not all that was sent has arrived")
            time.sleep(0.02)


class Limit(Bulk):
    """Of no channel: nothing is sent again, so what arrives is what counts."""

    def drain(self, sent):
        time.sleep(0.05)


class Tcp:
    """iperf3 measures itself; CPU time is that of the two processes."""

    name = "TCP (iperf3)"
    role = "limit"

    def start(self):
        self.iperf = limits.Iperf()

    def measure(self):
        figures = {}
        for size in SIZES:
            nbytes, seconds, cpu, peak = self.iperf.run(size, 1)
            figures.update(measured(size, (nbytes, nbytes / size), seconds, cpu, peak))
        return figures

    def stop(self):
        self.iperf.stop()


def contenders():
    found = [Bulk(pair) for pair in [pairs.Ours(), *pairs.others()]]
    return found + [Limit(limits.Udp("udp")), Limit(limits.Udp("gso")), Tcp()]
