# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Outages of every kind in mid-feed, as a table: what is lost, what comes twice, how long nothing
comes once the way is there again. A few of them, or all with "tests/network/run --outages"; one
by its name, such as outage-link-120s."""

import os
import time

from harness import check, equal, hold, wait_for
from star import Star

ALL = os.environ.get("RTCBUS_TEST_OUTAGES") == "all"


def wait(seconds):
    """An outage lasts as long as it lasts: the one thing here that is a time."""
    hold(lambda: True, seconds)


class Outage:
    """with Outage() as it: … ; it.began, it.ended"""

    def __enter__(self):
        self.began = time.time()
        return self

    def __exit__(self, *_):
        self.ended = time.time()


def expect(star, outage, pause, lost=0, timeout=60):
    """PAUSE: seconds beyond the outage at most, None: it is only noted."""
    seen = star.measure(outage.began, outage.ended, timeout)
    if lost is not None:
        equal(seen[0], lost, "how many are lost")
        equal(seen[1], 0, "how many came twice")
    if pause is not None:
        check(seen[2] <= pause, f"{seen[2]:.2f} s of silence after the outage")


# ---- the path ------------------------------------------------------------------

RULES = {
    "path": ("ip saddr {box} ip daddr {desk}", "ip saddr {desk} ip daddr {box}"),
    "all": ("ip saddr {box}", "ip daddr {box}"),
}


def cut(star, kind, seconds):
    """PATH: between the two only; ALL: all of box's; LINK: its interface is down."""
    with Outage() as outage:
        if kind == "link":
            star.link("box", False)
        else:
            names = {name: star.address(name) for name in ("box", "desk")}
            star.drop(*(rule.format(**names) for rule in RULES[kind]))
        wait(seconds)
        if kind == "link":
            star.link("box", True)
        else:
            star.drop()
    return outage


ROWS = {}


def row(name, function, seconds, short):
    def test(world):
        function(world)

    test.__name__ = "test_outage_" + name.replace("-", "_")
    test.limit = seconds + 240
    if short or ALL:
        ROWS[test.__name__] = test


def add_cut(kind, seconds, short=False):
    def test(world):
        star = Star(world)
        expect(star, cut(star, kind, seconds), 1)

    row(f"{kind}-{seconds}s", test, seconds, short)


for KIND in "path", "all", "link":
    for SECONDS in 3, 8, 15, 25, 35, 60, 120, 600:
        add_cut(KIND, SECONDS, (KIND, SECONDS) in (("path", 8), ("link", 15), ("all", 25)))

globals().update(ROWS)
