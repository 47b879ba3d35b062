# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Much data through rtcbusctl pipe, over good paths and bad ones.

RTCBUS_TEST_PIPE_MIB says how much (run --gib: 1024). A path with 1 % of loss and 20 ms would
carry some 6 Mbit/s, as it does for TCP, if its losses were taken for congestion; so it takes longer
on a machine that is so slow that the model of the path yields (src/rtc/sctp/path-model.c)."""

import hashlib
import os
import subprocess
import threading
import time

from ctl import Ctl
from harness import check, equal, note
from net import Cable, Link, Space, peers_over

MIB = 1024 * 1024
ASKED = int(os.environ.get("RTCBUS_TEST_PIPE_MIB", "0"))
BAD = {"delay": 10, "loss": 1, "reorder": 1, "late": 5}
PAUSE = 10  # seconds
PARTS = 32  # of a transfer; memory is looked at after each


def bad_path_limit(mib):
    """Seconds that are enough for so much at 1.5 Mbit/s."""
    return 300 + mib * 8.4 / 1.5


class Transfer:
    """SIZE random bytes from desk to box; the reader stops in the middle for PAUSE seconds."""

    def __init__(self, world, joint, mib, pause=0):
        _, self.box, self.desk = peers_over(world, joint)
        self.size, self.pause = mib * MIB, pause
        self.block = os.urandom(MIB)
        self.taken = self.sent = 0
        self.rss = []  # of box and desk, after each part
        self.began = self.ended = time.monotonic()

    def pieces(self):
        for number in range(self.size // MIB):
            yield self.block[number % 1000:] + self.block[:number % 1000]

    def feed(self, pipe):
        try:
            for piece in self.pieces():
                pipe.write(piece)
                self.sent += len(piece)
            pipe.close()
        except BrokenPipeError:
            pass  # the checksum tells

    def read(self, pipe, digest):
        part = self.size // PARTS
        while data := pipe.read1(1 << 18):
            digest.update(data)
            self.taken += len(data)
            if self.taken >= part * (len(self.rss) + 1):
                self.rss.append((self.box.rss_kib(), self.desk.rss_kib()))
            if self.pause and self.taken > self.size // 2:
                time.sleep(self.pause)
                self.waited_for = self.sent - self.taken
                self.pause = 0

    def run(self):
        listener = Ctl(self.box, "pipe", "--listen", "--anyone", "bulk", stdin=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        sender = Ctl(self.desk, "pipe", "box", "bulk", stdout=subprocess.DEVNULL,
                     stderr=subprocess.DEVNULL)
        wanted, seen = hashlib.sha256(), hashlib.sha256()
        for piece in self.pieces():
            wanted.update(piece)
        self.began = time.monotonic()
        feeder = threading.Thread(target=self.feed, args=(sender.child.stdin,), daemon=True)
        feeder.start()
        self.read(listener.child.stdout, seen)
        self.ended = time.monotonic()
        feeder.join(60)
        equal(self.taken, self.size, "bytes that came")
        equal(seen.hexdigest(), wanted.hexdigest(), "the checksum")
        equal((sender.status(), listener.status()), (0, 0), "exit statuses")

    def check_daemons(self):
        """Memory stays as it was when a quarter had passed, and nobody lost the other."""
        seconds = self.ended - self.began
        early = [max(r[i] for r in self.rss[:PARTS // 4]) for i in (0, 1)]
        late = [max(r[i] for r in self.rss) for i in (0, 1)]
        note(f"{self.size // MIB} MiB in {seconds:.1f} s, {self.size * 8e-6 / seconds:.1f} Mbit/s; "
             f"RSS of box {early[0]} KiB and then at most {late[0]}, desk {early[1]} and {late[1]}")
        if not self.box.sanitized():
            for before, after in zip(early, late):
                check(after - before < 6 * 1024, "a daemon's memory grows with what is sent")
        for peer in self.box, self.desk:
            states = [s[3][1]["State"] for s in peer.signals.find("PropertiesChanged")
                      if "State" in s[3][1]]
            check("reconnecting" not in states, f"{peer.name} went through {states}")


def ends(world):
    return Space(world, "left"), Space(world, "right")


def test_pipe_and_a_reader_that_stops(world):
    transfer = Transfer(world, Cable(world, *ends(world)), ASKED or 256, PAUSE)
    transfer.run()
    transfer.check_daemons()
    note(f"while the reader stopped, {transfer.waited_for / MIB:.1f} MiB were on their way")
    check(transfer.waited_for < 32 * MIB, "a sender is not slowed by a reader that stops")


def test_pipe_over_a_bad_path(world):
    link = Link(world, *ends(world), **BAD)
    transfer = Transfer(world, link, ASKED or 64)
    transfer.run()
    transfer.check_daemons()
    figures = link.figures()["right-to-left"]
    check(figures["lost"] > 0 and figures["reordered"] > 0, f"the path was too good: {figures}")


def test_pipe_over_a_bad_path_and_a_reader_that_stops(world):
    transfer = Transfer(world, Link(world, *ends(world), seed=2, **BAD), 48, PAUSE)
    transfer.run()
    transfer.check_daemons()
    check(transfer.waited_for < 32 * MIB, "a sender is not slowed by a reader that stops")


test_pipe_and_a_reader_that_stops.limit = 300 + ASKED
test_pipe_over_a_bad_path.limit = bad_path_limit(ASKED or 64)
test_pipe_over_a_bad_path_and_a_reader_that_stops.limit = bad_path_limit(48)
