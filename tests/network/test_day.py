# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A day of a kept call with a fault each minute, without the time between the faults: the next
comes as soon as numbers flow again. What arrives is read from the history, so it counts also if
the listener was killed before anybody could be told of it. A few faults, or with
"tests/network/run --outages day" all 1440, in about an hour."""

import os
import random
import signal

from harness import check, equal, hold, note, wait_for
from star import Star
from test_outage import ALL, RULES

FAULTS = int(os.environ.get("RTCBUS_TEST_DAY_FAULTS") or (1440 if ALL else 12))
KEPT = 4096      # readings, in outbox and history
SLACK = 1.25     # what memory and files may grow by, once all is warm
SEED = int(os.environ.get("RTCBUS_TEST_SEED") or 1)


class Reader:
    """All that desk has received, by sequences that go on over its restarts."""

    def __init__(self, desk):
        self.desk = desk
        self.after = 0
        self.values = []
        self.lost = 0

    def read(self):
        numbers, lost = self.desk.invoke("ReadNumbers", "(tu)", self.after, 0)
        self.lost += lost
        self.values += [int(value) for _, _, _, value in numbers]
        if numbers:
            self.after = numbers[-1][0]
        return len(self.values)


def resident(daemon):
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def stored(daemon):
    total = 0
    for folder, _, names in os.walk(daemon.state_directory):
        total += sum(os.path.getsize(os.path.join(folder, name)) for name in names)
    return total // 1024


def cut(kind):
    def fault(star, seconds):
        names = {name: star.address(name) for name in ("box", "desk")}
        star.drop(*(rule.format(**names) for rule in RULES[kind]))
        hold(lambda: True, seconds)
        star.drop()

    return fault


def unplug(star, seconds):
    star.link("box", False)
    hold(lambda: True, seconds)
    star.link("box", True)


def stop(who):
    def fault(star, seconds):
        getattr(star, who).signal(signal.SIGSTOP)
        hold(lambda: True, seconds)
        getattr(star, who).signal(signal.SIGCONT)

    return fault


def kill(who):
    def fault(star, seconds):
        daemon = getattr(star, who)
        daemon.kill()
        hold(lambda: True, seconds)
        daemon.restart()

    return fault


def switch_off(who):
    """As the power switch of its machine does: nobody hears of it, and no kernel closes what it had."""
    def fault(star, seconds):
        daemon = getattr(star, who)
        space, address = star.spaces[who], star.address(who)
        said = space.run("ss", "-Htnp")
        old = [line.split()[3].rsplit(":", 1)[1] for line in said.splitlines()
               if f"pid={daemon.pid}," in line]
        check(old, f"{who} has no connection")
        star.drop(f"ip saddr {address}", f"ip daddr {address}")
        daemon.kill()
        hold(lambda: True, seconds)
        star.drop(*(f"ip saddr {address} tcp sport {port}" for port in old))
        daemon.restart()

    return fault


MILD = [cut("path"), cut("all"), unplug, stop("box"), stop("desk"), kill("relay")]
HARD = [kill("box"), kill("desk"), switch_off("box"), switch_off("desk")]


def suffer(star, reader, faults, count, rest):
    """COUNT of FAULTS; what memory and files were, in KiB, from time to time."""
    sizes = []
    for i in range(count):
        rest.choice(faults)(star, rest.uniform(0.2, 2))
        had = reader.read()
        wait_for(lambda had=had: reader.read() > had + 2, 120, f"numbers after fault {i}")
        if i % max(count // 16, 1) == 0:
            sizes.append([size(daemon) for size in (resident, stored)
                          for daemon in (star.box, star.desk)])
    return sizes


def flat(sizes):
    """Not more at the end than in the second quarter, and a little."""
    for name, column in zip(("RSS of box", "RSS of desk", "files of box", "files of desk"),
                            zip(*sizes)):
        note(f"{name}, KiB: {' '.join(map(str, column))}")
        quarter = len(column) // 4
        if ALL:
            check(max(column[-quarter:]) <= SLACK * max(column[quarter:2 * quarter]),
                  f"{name} grows")


def test_day(world):
    rest = random.Random(SEED)
    star = Star(world, relay_port=41337, feed={"History": KEPT, "Outbox": KEPT})
    reader = Reader(star.desk)
    flat(suffer(star, reader, MILD, FAULTS * 3 // 4, rest))
    suffer(star, reader, MILD + HARD, FAULTS - FAULTS * 3 // 4, rest)
    star.feed.close()
    known = {n for n, sent in star.feed.published.items() if sent}
    wait_for(lambda: reader.read() and reader.values[-1] >= max(known), 60, "the last number")
    values = reader.values
    note(f"{FAULTS} faults, {len(values)} numbers")
    equal(len(values) - len(set(values)), 0, "how many came twice")
    equal(sorted(known - set(values))[:10], [], "which are lost")
    equal(reader.lost, 0, "what the history says is lost")
    equal(values, sorted(values), "their order")


test_day.limit = 120 + FAULTS * 10
