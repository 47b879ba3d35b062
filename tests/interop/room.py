# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""All stacks in one room, at the same time, with one peer of ours. What each of them does there is a
cell of its own row."""

import contextlib
import subprocess
import traceback

import carried
from checks import ONLY_OFFERS, OTHER_ADDRESS, Column
from harness import Failed, Skip, equal, wait_for
from session import Row, our_peer, partly

NAME = "everybody"
LATE = 6  # seconds; after 5.2 of them a call of ours was once given up


class Room:
    def __init__(self, world, relay, stacks):
        peer = our_peer(world, relay, NAME, source="random")
        self.rows = [Row(world, relay, NAME, peer, stack, False) for stack in stacks]
        self.results = {row.name: ("pass", "") for row in self.rows}
        self.each(Row.join)

    def each(self, step):
        """STEP of every row that has had no trouble in this column, and has not been skipped in it. Who
        cannot even join is given up."""
        for row in self.rows:
            if self.results[row.name][0] != "pass":
                continue
            try:
                step(row)
            except Skip as reason:
                self.results[row.name] = "limit", str(reason)
            except Exception as error:
                text = str(error) if isinstance(error, Failed) else traceback.format_exc()
                self.results[row.name] = "fail", text

    def leave(self):
        """All agents at once: browsers take their time."""
        for row in self.rows:
            row.remote.child.stdin.close()

    def trouble(self):
        return [name for name, result in self.results.items() if result[0] == "fail"]

    def check(self, column, direction):
        """Returns results by the names of stacks, as point() of run has them."""
        if direction != "offers" and column.only_offers:
            return {row.name: ("limit", column.only_offers) for row in self.rows}
        for row in self.rows:
            row.they_offer = direction == "offers"
            if self.results[row.name][0] != "fail":
                self.results[row.name] = "pass", ""
        column.check(self)
        return dict(self.results)


def alive(row):
    row.main.exchange("in a room of many")
    equal(row.call_.get("State"), "connected", "the state of the call")


def hang_up(row):
    """Who says nothing when he drops a call would be called back in it."""
    if row.connected():
        row.call_.hangup()


def together(room):
    """Nobody waits for anybody."""
    begun = {}

    def begin(row):
        hang_up(row)
        begun[row] = {c.path for c in row.peer.calls()}, row.remote.mark()
        if row.they_offer:
            row.call_ = row.peer.call(row.name, another=True)
        else:
            row.remote.begin("call", to=row.peer.get("Name"))

    def take(row):
        known, after = begun[row]
        row.take(row.call_ if row.they_offer else row.incoming(known, Peer=row.name), after)

    for step in begin, take, alive:
        room.each(step)


def restart(room):
    """There is another address: all calls look for another path at once."""
    before = {}

    def moved(row):
        row.remote.wait("description", 10, before[row][1], side="remote", type="offer")
        if "restart-here" not in row.stack.partly:
            wait_for(lambda: row.call_.get("LocalCandidate") != before[row][0], 10, "another path")
        alive(row)

    def moved_back(row):
        gone = OTHER_ADDRESS.split("/", 1)[0]
        wait_for(lambda: gone not in row.call_.get("LocalCandidate"), 20,
                 "a path without that address")
        alive(row)
        partly(row, "restart-here")

    room.each(lambda row: before.update(
        {row: (row.call_.get("LocalCandidate"), row.remote.mark())}))
    subprocess.run(["ip", "addr", "add", OTHER_ADDRESS, "dev", "lan0"], check=True)
    try:
        room.each(moved)
    finally:
        subprocess.run(["ip", "addr", "del", OTHER_ADDRESS, "dev", "lan0"], check=True)
    room.each(moved_back)


def late_answer(room):
    """Our answers and candidates come LATE seconds after the offers, which is no reason to give up
    (RFC 8863)."""
    carriers, begun = {}, {}
    with contextlib.ExitStack() as stack:
        def begin(row):
            carriers[row] = stack.enter_context(carried.Carrier(row, late=LATE))
            hang_up(row)
            begun[row] = carriers[row].offer()

        room.each(begin)
        room.each(lambda row: carriers[row].take(*begun[row]))
        room.each(alive)


TOGETHER = [
    Column("together", together),
    Column("restart-all", restart, ONLY_OFFERS),
    Column("late-answer", late_answer, ONLY_OFFERS),
]
