#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What test-cluster.py tries in seconds, at full size, and what is rare: it takes a quarter of an hour
and is run by hand."""

import os
import shutil
import struct
import subprocess
import time

import nats
from crowd import Crowd, cut_crowd
from harness import HERE, Skip, check, equal, main, note, wait_for

nats.need()

MANY = {"Relay": {"MaxConnectionsPerAddress": 20000, "MaxHandshakes": 2000, "DrainTime": "20s"}}


def test_rolling_restart(world):
    """Of three relays with 3,000 clients"""
    Crowd(world, 3000, rooms=100, config=MANY).restart_relays(5)


def test_seven_minutes(world):
    """Without NATS, which then comes back empty"""
    took = Crowd(world, 60, rooms=4).stay_without_nats(7 * 60)
    check(took < 5, f"whole after {took:.1f} s")


for test in test_rolling_restart, test_seven_minutes:
    test.limit = 900


def test_one_direction(world):
    """NATS does not hear one relay, and then one relay does not hear NATS: all is whole again soon after, and
    no client is cut."""
    cut, crowd = cut_crowd(world)
    for direction in "up", "down":
        cut.stop(direction)
        began = time.monotonic()
        wait_for(lambda: (crowd.chat(), len(crowd.relays[0].invoke("ListRelays")[0]) == 1)[1], 30,
                 "it to be given up")
        note(f"{direction}: given up after {time.monotonic() - began:.1f} s")
        crowd.chat_for(1)
        cut.go_on()
        began = time.monotonic()
        crowd.wait_whole()
        crowd.settle()
        note(f"true after {time.monotonic() - began:.1f} s")
        crowd.chat(5)
        crowd.check_frames()
    equal([seat.closes for seat in crowd.seats], [[]] * len(crowd.seats), "closed connections")


class WallClock:
    """That of the relays that are started while it is wound up"""

    def __init__(self, world):
        if not shutil.which("cc"):
            raise Skip("there is no compiler")
        self.path, self.library = world.path("wall-clock"), world.path("wall-clock.so")
        with open(self.path, "wb") as f:
            f.write(b"\0" * 4096)
        subprocess.run(["cc", "-shared", "-fPIC", f'-DWALL_CLOCK="{self.path}"', "-o", self.library,
                        os.path.join(HERE, "wall-clock.c"), "-ldl"], check=True)

    def set(self, seconds):
        with open(self.path, "r+b") as f:
            f.write(struct.pack("q", seconds))

    def __enter__(self):
        os.environ["LD_PRELOAD"] = self.library
        return self

    def __exit__(self, *_):
        del os.environ["LD_PRELOAD"]


def test_wall_clock(world):
    """It jumps to and fro by years: nobody is cut, and names and frames are as ever. And a relay whose
    clock was set back still notices when NATS is silent."""
    with WallClock(world) as clock:
        cut, crowd = cut_crowd(world)
    for seconds in 3600, -3600, 365 * 86400, -86400:
        clock.set(seconds)
        crowd.chat_for(8)
        crowd.wait_whole()
        crowd.settle()
        newcomer = crowd.member(1, "/den?name=new")
        for i in range(3):
            crowd.refused(409, i, "/den?name=n1")
        newcomer.close()
        crowd.check_frames()
    check("no connection" not in crowd.relays[1].stderr(), "NATS was given up")
    cut.stop()
    began = time.monotonic()
    wait_for(lambda: (crowd.read(), crowd.relays[1].get("ClusterState") == "disconnected")[1], 30,
             "the relay to notice that NATS is silent")
    note(f"noticed after {time.monotonic() - began:.1f} s")
    cut.go_on()
    crowd.wait_whole()
    crowd.settle()
    equal([seat.closes for seat in crowd.seats], [[]] * len(crowd.seats), "closed connections")


main([t for name, t in list(globals().items()) if name.startswith("test_")])
