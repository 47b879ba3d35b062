# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A call whose ends move, to another address or to other ids in the room: it stays the same call,
and says where it goes. What is lost meanwhile, and for how long, is test_outage.py's."""

from harness import CALL_INTERFACE, check, equal, wait_for
from star import Star
from test_outage import Outage, expect


def expect_same(star, outage, pause):
    """PAUSE: seconds at most; the addresses of the candidates tell that it has moved."""
    call = star.call
    expect(star, outage, pause)
    equal(call.get("State"), "connected", "State")
    equal(len(star.desk.calls()), 1, "calls of desk")
    check(len(call.peer.signals.changes(call.path, CALL_INTERFACE, "RemoteCandidate")) >= 2,
          "no signal says that the call has moved")
    wait_for(lambda: "goes on over" in star.desk.stderr(), 10, "the journal to say so")


def change_address(star, name):
    space, interface, old = star.spaces[name], star.interface(name), star.address(name)
    fresh = old.rsplit(".", 1)[0] + ".77"
    with Outage() as outage:
        space.run("ip", "address", "del", f"{old}/24", "dev", interface)
        space.run("ip", "address", "add", f"{fresh}/24", "dev", interface)
        star.route(name)
    return outage


def test_call_follows_to_another_address(world):
    star = Star(world)
    outage = change_address(star, "box")
    expect_same(star, outage, 10)
    check(".77 " in star.call.get("RemoteCandidate"), "box's new address is not used")


def test_call_follows_to_other_ids(world):
    """The relay is started again in an outage of all of box, who comes back with another address:
    each finds the other one by its name, and knows it by its key."""
    star = Star(world, relay_port=41337)
    before = dict(map(reversed, star.desk.get("Peers")))["box"]
    star.drop(f"ip saddr {star.address('box')}", f"ip daddr {star.address('box')}")
    with Outage() as outage:
        wait_for(lambda: star.call.get("State") == "reconnecting", 30, "the call to notice")
        star.relay.restart()
        wait_for(lambda: star.desk.get("RelayState") == "connected", 60, "desk to be back")
        change_address(star, "box")
    expect_same(star, outage, 10)
    check(dict(map(reversed, star.desk.get("Peers")))["box"] != before, "box has the same id")
