# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What others on a link notice of a bulk transfer: the queue that it makes, and what it leaves."""

import os
import subprocess
import sys
import threading
import time

import apart
import limits
import pairs
from channels import open_channel, remote_channel
from figures import percentile
from harness import World
from table import Column, Target, settings

TITLE = "a ping and a small message beside bulk of 16 KiB on a link of 100 Mbit/s, 20 ms"
COLUMNS = [
    Column("idle", "ms", "less", 1, "ping, idle"),
    Column("ping", "ms", "less", 1, "ping beside bulk"),
    Column("ping95", "ms", "less", 1, "its p95"),
    Column("small-idle", "ms", "less", 1, "message, idle"),
    Column("small", "ms", "less", 1, "message beside bulk"),
    Column("used", "%", "more", 1, "of the link used"),
    Column("share", "%", "more", 0, "of it beside CUBIC"),
]
TARGETS = [
    Target("ping", 1.5, "at most", "own", "idle"),
    Target("small", 1.5, "at most", "own", "small-idle"),
    Target("used", 90, "at least"),
    Target("share", 20, "at least"),
    Target("share", 80, "at most"),
]
NOTES = ["The link is tests/network/link with a queue of 100 ms. The ping is UDP, the message of 64 bytes",
         "goes there and back on a channel of its own. \"Used\" is what the link has delivered, headers",
         "and all. \"Beside CUBIC\": the bulk's share of both, a TCP CUBIC having begun after it."]
LINK = {"delay": 10, "rate": 100, "queue": 1220}
MBIT = 100
SIZE = 16384
WARM_UP = 2  # seconds
BEAT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "beat.py")


def seconds():
    return 3 if settings.quick else 5


def company_seconds():
    return 8 if settings.quick else 20


class Beat:
    """Pings over LINK, from right to left."""

    def __init__(self, link):
        self.link = link
        left, _ = link.ends
        self.echo = left.popen(sys.executable, BEAT, "echo", link.addresses[0],
                               stdout=subprocess.PIPE, text=True)
        self.echo.stdout.readline()

    def start(self, duration):
        return self.link.ends[1].popen(sys.executable, BEAT, self.link.addresses[0],
                                       str(duration), stdout=subprocess.PIPE, text=True)

    def times(self, ping):
        return [float(line) for line in ping.communicate()[0].split()]

    def close(self):
        self.echo.terminate()
        self.echo.communicate()


def delivered(link):
    return link.figures()["right-to-left"]["delivered_bytes"]


class Beside:
    """Bulk from right to left over `joint`, which begin() starts, and what is beside it."""

    def measure(self):
        beat = Beat(self.joint)
        try:
            figures = {"idle": percentile(beat.times(beat.start(1)), 50)}
            self.messages(figures, "small-idle", 10)
            self.begin()
            time.sleep(WARM_UP)
            self.watch(beat, figures)
        finally:
            beat.close()
        return {**figures, **self.company()}

    def watch(self, beat, figures):
        before, began = delivered(self.joint), time.monotonic()
        ping = beat.start(seconds())
        self.messages(figures, "small", seconds() * 8)
        times = beat.times(ping)
        taken = time.monotonic() - began
        figures["used"] = (delivered(self.joint) - before) * 8e-4 / taken / MBIT
        figures["ping"], figures["ping95"] = percentile(times, 50), percentile(times, 95)

    def messages(self, figures, column, count):
        """Where there is a channel for them."""

    def company(self):
        """Where the bulk can be watched while TCP comes."""
        return {}


class Ours(Beside, apart.Ours):
    link = LINK
    iperf = None

    def start(self):
        super().start()
        call = self.listener.call("emitter")
        call.wait_state("connected")
        self.join(call, "bulk", self.near, self.far)
        program = settings.program("tests/bench/agent")
        self.small, other = [self.add([program, daemon.bus.address])
                             for daemon in (self.listener, self.emitter)]
        self.join(call, "small", self.small, other)
        self.far.ask("receive")
        other.ask("echo")

    def join(self, call, label, near, far):
        near.ask("acquire " + open_channel(call, label).path)
        far.ask("acquire " + remote_channel(self.emitter, label).path)

    def begin(self):
        self.near.ask(f"send {SIZE}")

    def messages(self, figures, column, count):
        times = self.small.ask(f"ping 64 {count} 50000", 60)["times"]
        figures[column] = percentile(times, 50) / 1000

    def count(self):
        return self.far.ask("count")

    def company(self):
        self.iperf = limits.Iperf()
        self.iperf.between(self.joint, "cubic")
        first = self.count()
        nbytes, taken, _, _ = self.iperf.run(SIZE, company_seconds(), WARM_UP)
        last = self.count()
        rate = (last["bytes"] - first["bytes"]) / (last["time"] - first["time"])
        return {"share": 100 * rate / (rate + nbytes / taken)}

    def stop(self):
        if self.iperf:
            self.iperf.stop()
        super().stop()


class Tcp(Beside):
    role = "limit"
    world = transfer = None

    def __init__(self, congestion):
        self.congestion = congestion
        self.name = f"TCP {congestion.upper()} (iperf3)"

    def start(self):
        self.iperf = limits.Iperf()
        self.world = World("tcp")
        self.joint = apart.far_apart(self.world, **LINK)
        self.iperf.between(self.joint, self.congestion)

    def begin(self):
        self.transfer = threading.Thread(target=self.iperf.run,
                                         args=(SIZE, seconds() + WARM_UP + 1))
        self.transfer.start()

    def stop(self):
        if self.transfer:
            self.transfer.join()
        if self.world:
            self.iperf.stop()
            pairs.end_world(self)


def contenders():
    return [Ours(), Tcp("cubic"), Tcp("bbr")]
