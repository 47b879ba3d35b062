# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Two daemons as busy as they can be: consent, D-Bus, numbers, the relay, memory."""

import os
import signal
import time

from harness import SLOW, check, equal, hold, note
from transfer import Transfer

LOAD_SECONDS = int(os.environ.get("RTCBUS_TEST_LOAD_SECONDS", "60"))
FEED = {"Feed": {"Source": "random", "Interval": "1s"}}  # of both


def describe(name, seconds):
    return f"{name}: median {seconds[len(seconds) // 2] * 1e3:.1f} ms, worst {seconds[-1] * 1e3:.1f}"


def full_load(call, box, seconds):
    """Bulk over CALL, which desk has made to BOX, for SECONDS."""
    signal.alarm(int((seconds + 240) * SLOW))
    desk, there = call.peer, box.calls()[0]
    start = desk.received()
    transfer = Transfer(call, box)
    transfer.wait_passed(64)
    peers = (box, desk)
    rss = []
    answers, trips = [], []
    ending = time.monotonic() + seconds

    def over():
        for side in call, there:
            asked = time.monotonic()
            equal(side.get("State"), "connected", f"state at {side.peer.name}")
            answers.append(time.monotonic() - asked)
            trips.append(side.get("RoundTripTime") / 1e6)
        for peer in peers:
            equal(peer.get("RelayState"), "connected", f"relay of {peer.name}")
        check(transfer.error is None, f"the transfer broke: {transfer.error}")
        if not rss and time.monotonic() > ending - seconds / 2:  # the heap has its size
            rss.extend(peer.rss_kib() for peer in peers)
        return time.monotonic() > ending

    while not over():
        hold(lambda: True, 0.3)
    numbers = desk.numbers(start)[0]
    transfer.stop()
    speed = transfer.finish()
    answers.sort()
    trips.sort()
    gaps = sorted((b[1] - a[1]) / 1e6 for a, b in zip(numbers, numbers[1:]))
    grown = [peer.rss_kib() - before for peer, before in zip(peers, rss)]
    note(f"{transfer.received >> 20} MiB in {transfer.seconds:.0f} s, {speed:.0f} Mbit/s")
    note(describe("D-Bus answers", answers) + "; " + describe("RoundTripTime", trips))
    note(f"{len(numbers)} numbers, {gaps[0]:.2f} to {gaps[-1]:.2f} s apart; RSS {rss} KiB, "
         f"{grown} more in the second half")
    check(answers[len(answers) * 95 // 100] < 0.25 * SLOW, "D-Bus calls wait too long")
    check(0 < trips[0] and trips[-1] < 0.5 * SLOW, "the round trip makes no sense")
    check(len(numbers) >= seconds * 0.9, "numbers were lost")
    check(gaps[-1] < 2 * SLOW, "numbers were late")
    for peer, more in zip(peers, grown):
        check(peer.sanitized() or more < 8192, f"{peer.name} grew by {more} KiB")
    equal(call.states(), ["calling", "connecting", "connected"], "states")
