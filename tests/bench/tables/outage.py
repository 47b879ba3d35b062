# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""How long nothing comes once a path that was lost is there again."""

import socket
import subprocess
import threading
import time

import apart
import pairs
from harness import World
from table import Absent, Column, Target

TITLE = "bulk of 16 KiB over 20 ms and 100 Mbit/s, after nothing has passed for some seconds"
LINK = {"delay": 10, "rate": 100, "queue": 1220}
OUTAGES = [2, 8, 20]  # seconds
COLUMNS = [Column(f"after-{seconds}", "s", "less", 2, f"{seconds} s", "first data after")
           for seconds in OUTAGES]
TCP = "TCP CUBIC (socat)"
TARGETS = [Target(column.key, 1, "at most", TCP) for column in COLUMNS]
NOTES = ["The link is tests/network/link. A contender whose connection ends, or over which nothing comes",
         "for half a minute, has no figure from there on. The relay of ours is on the same path."]
OTHERS = ["libdatachannel", "libwebrtc"]
WARM_UP = 2
PATIENCE = 30
STEP = 0.005  # between two looks


class Outage:
    """Over `joint`; received() is how many bytes have come so far."""

    def measure(self):
        figures = {}
        self.begin()
        for seconds in OUTAGES:
            time.sleep(WARM_UP)
            pause = self.pause_after(seconds)
            if pause is None:
                break
            figures[f"after-{seconds}"] = pause
        return figures

    def pause_after(self, seconds):
        self.joint.set(loss=100)
        time.sleep(seconds)
        before = self.received()
        self.joint.set(loss=0)
        began = time.monotonic()
        while self.received() <= before:
            if time.monotonic() - began > PATIENCE:
                return None
            time.sleep(STEP)
        return time.monotonic() - began


class Channel(Outage, pairs.OverChannel):
    @property
    def joint(self):
        return self.pair.joint

    def begin(self):
        self.pair.far.ask("receive")
        self.pair.near.ask("send 16384")

    def received(self):
        return self.pair.far.ask("count")["bytes"]


class Tcp(Outage):
    role = "limit"
    PORT = 4000

    def __init__(self, congestion):
        self.congestion = congestion
        self.name = f"TCP {congestion.upper()} (socat)"
        self.world = self.sender = self.receiver = None
        self.count = 0

    def start(self):
        self.world = World("tcp")
        self.joint = apart.far_apart(self.world, **LINK)
        left, right = self.joint.ends
        try:
            self.receiver = left.popen("socat", "-u", "-b", "16384",
                                       f"TCP4-LISTEN:{self.PORT},reuseaddr", "-",
                                       stdout=subprocess.PIPE)
        except FileNotFoundError as error:
            raise Absent("socat is not installed (apt install socat)") from error
        option = f"setsockopt-string={socket.IPPROTO_TCP}:{socket.TCP_CONGESTION}:{self.congestion}"
        self.sender = right.popen("socat", "-u", "-b", "16384", "OPEN:/dev/zero",
                                  f"TCP4:{self.joint.addresses[0]}:{self.PORT},{option},"
                                  "retry=50,interval=0.1")
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while data := self.receiver.stdout.read1(1 << 16):
            self.count += len(data)

    def begin(self):
        """It has begun."""

    def received(self):
        return self.count

    def stop(self):
        for child in (self.sender, self.receiver):
            if child:
                child.terminate()
                child.wait()
        pairs.end_world(self)


def contenders():
    ours = apart.Ours()
    ours.link = LINK
    others = [apart.Foreign(pair, LINK) for pair in pairs.others() if pair.name in OTHERS]
    return [*map(Channel, [ours, *others]), Tcp("cubic"), Tcp("bbr")]
