#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What test-cluster.py tries in seconds, at full size: it takes a quarter of an hour and is run by hand."""

import time

import nats
from crowd import Crowd, cut_crowd
from harness import check, equal, main, note, wait_for

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


main([t for name, t in list(globals().items()) if name.startswith("test_")])
