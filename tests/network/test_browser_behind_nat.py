# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The relay's page in a browser behind a NAT, which TURN alone leads out of: a real coturn, and
credentials of the relay that end."""

import os
import sys

from authority import Authority
from harness import TOP_SRCDIR, Skip, check, note, wait_for
from test_relayed import kinds
from test_time_limited import BRIEF, LIFETIME, Homes, outlive

sys.path.insert(0, os.path.join(TOP_SRCDIR, "tests", "page"))
from browser import Browser, executable, module_folder  # noqa: E402

ROOM = "greenhouse"
RUNGS = """[...document.querySelectorAll('#ladder b')]
    .filter((b) => b.textContent === 'iceServers').length"""


class Visitor:
    """A browser in a home, which is in the room and hears the box of the other home."""

    def __init__(self, homes, authority=None):
        if not module_folder() or not executable("chromium"):
            raise Skip("chromium is not installed, or tests/page/install has not run")
        self.box = homes.peer(homes.left, "box", source="random", interval="100ms", room=ROOM)
        with homes.world.inside(homes.right):
            browser = Browser(homes.world, "chromium", authority=authority)
        self.page = browser.open("page", f"http://{homes.host}:{homes.relay.port}/{ROOM}")
        self.page.join("desk")
        self.press("Call")

    def press(self, label):
        self.page.wait(f"document.querySelector('#people button')?.textContent === {label!r}",
                       what=f"the button to say {label}")
        self.page.click("#people button")

    def hears(self, more=10):
        before = self.page.count("box")
        wait_for(lambda: self.page.count("box") >= before + more, 60, "numbers in the browser")

    def call(self):
        """The box's own view of it, once TURN carries it."""
        self.hears()
        [call] = self.box.calls()
        check("relay" in kinds(call), f"the pair is {kinds(call)}: nothing is relayed")
        return call


def over_the_end(homes, authority=None):
    visitor = Visitor(homes, authority)
    outlive(LIFETIME, visitor.call())
    visitor.hears()
    told = wait_for(lambda: visitor.page.eval(RUNGS) > 2 and visitor.page.eval(RUNGS),
                    what="the page to be told of new credentials")
    note(f"the page was told of new credentials {told} times")
    visitor.press("Hang up")
    wait_for(lambda: not visitor.box.calls(), what="the call to end")
    visitor.press("Call")
    visitor.call()


def test_browser_over_the_end(world):
    over_the_end(Homes(world, f"{LIFETIME}s", options=BRIEF, web=True))


def test_browser_over_the_end_by_tls(world):
    """coturn speaks nothing but TLS, and the browser knows its authority."""
    authority = Authority(world)
    homes = Homes(world, f"{LIFETIME}s", "turns:{host}:{port}", options=BRIEF, web=True,
                  authority=authority)
    over_the_end(homes, authority)
