# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Outages of every kind in mid-feed, as a table: what is lost, what comes twice, how long nothing
comes once the way is there again. A few of them, or all with "tests/network/run --outages"; one
by its name, such as outage-link-120s. Only then the pauses have to be short: whoever runs all is
alone on the machine."""

import os
import shutil
import signal
import time

from harness import PATIENCE, check, equal, hold, note, wait_for
from net import Cable
from star import NAT, Star
from test_relayed import kinds

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


def expect(star, outage, pause, lost=0):
    """PAUSE: seconds beyond the outage at most; it is looked at when all rows are wanted."""
    seen = star.measure(outage.began, outage.ended)
    equal(seen[0], lost, "how many are lost")
    equal(seen[1], 0, "how many came twice")
    check(seen[2] <= (pause if ALL else PATIENCE), f"{seen[2]:.2f} s of silence after the outage")


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


# ---- who is killed or stopped ----------------------------------------------------


def add(name, short=False, limit=60):
    """A row that FUNCTION makes of a world."""
    return lambda function: row(name, function, limit, short)


def kill_again(star, daemon, seconds=3):
    with Outage() as outage:
        daemon.kill()
        wait(seconds)
        daemon.restart()
    return outage


@add("killed-relay")
def killed_relay(world):
    star = Star(world, relay_port=41337)
    expect(star, kill_again(star, star.relay), 1)


@add("killed-box", short=True)
def killed_box(world):
    star = Star(world)
    expect(star, kill_again(star, star.box), 3)


@add("killed-desk")
def killed_desk(world):
    star = Star(world)
    expect(star, kill_again(star, star.desk), 3)


def add_stop(who, seconds):
    def test(world):
        star = Star(world)
        daemon = getattr(star, who)
        with Outage() as outage:
            daemon.signal(signal.SIGSTOP)
            wait(seconds)
            daemon.signal(signal.SIGCONT)
        expect(star, outage, 1)

    row(f"stopped-{who}-{seconds}s", test, seconds, False)


for WHO in "box", "desk", "relay":
    for SECONDS in 40, 90:
        add_stop(WHO, SECONDS)


# ---- other addresses ---------------------------------------------------------------


def move(star, name, seconds=1):
    """NAME is in another network, after SECONDS in none."""
    cable = star.cables[name]
    (inet, space), (there, here) = cable.ends, cable.interfaces
    with Outage() as outage:
        space.run("ip", "address", "flush", "dev", here)
        wait(seconds)
        inet.run("ip", "address", "add", "10.99.0.1/24", "dev", there)
        space.run("ip", "address", "add", "10.99.0.2/24", "dev", here)
        space.run("ip", "route", "replace", "default", "via", "10.99.0.1")
        inet.run("ip", "address", "delete", f"{cable.addresses[0]}/24", "dev", there)
    return outage


@add("new-subnet-box", short=True)
def new_subnet_box(world):
    star = Star(world)
    expect(star, move(star, "box"), 3)


@add("new-subnet-desk")
def new_subnet_desk(world):
    star = Star(world)
    expect(star, move(star, "desk"), 3)


def change_interface(star, name, better):
    """A second interface comes, and then the first goes; BETTER: its route is preferred."""
    space = star.spaces[name]
    cable = Cable(star.world, star.inet, space)
    space.run("ip", "route", "add", "default", "via", cable.addresses[0], "metric",
              "1" if better else "1000")
    wait(8)
    with Outage() as outage:
        space.run("ip", "link", "set", star.interface(name), "down")
    return outage


@add("second-interface-box", short=True)
def second_interface_box(world):
    star = Star(world, metric=100)
    expect(star, change_interface(star, "box", better=True), 3)


@add("second-interface-desk")
def second_interface_desk(world):
    star = Star(world, metric=100)
    expect(star, change_interface(star, "desk", better=True), 3)


@add("fallback-interface-box")
def fallback_interface_box(world):
    star = Star(world, metric=100)
    expect(star, change_interface(star, "box", better=False), 3)


@add("fallback-interface-desk")
def fallback_interface_desk(world):
    star = Star(world, metric=100)
    expect(star, change_interface(star, "desk", better=False), 3)


@add("router-new-address")
def router_new_address(world):
    """The router of box gets another public address, and forgets who had the old one."""
    star = Star(world, router=True)
    router, uplink = star.router, star.uplink
    with Outage() as outage:
        router.run("ip", "address", "flush", "dev", uplink.interfaces[1])
        router.run("conntrack", "-F") if shutil.which("conntrack") else None
        wait(1)
        star.inet.run("ip", "address", "add", "10.98.0.1/24", "dev", uplink.interfaces[0])
        router.run("ip", "address", "add", "10.98.0.2/24", "dev", uplink.interfaces[1])
        router.run("ip", "route", "replace", "default", "via", "10.98.0.1")
    expect(star, outage, 3)


@add("router-forgets")
def router_forgets(world):
    """The router of box is restarted: the same address, no mappings."""
    star = Star(world, router=True)
    with Outage() as outage:
        star.router.run("nft", "flush", "ruleset")
        star.router.run("ip", "link", "set", star.uplink.interfaces[1], "down")
        wait(3)
        star.router.run("nft", "-f", "-", input=NAT % {"outer": star.uplink.interfaces[1]})
        star.router.run("ip", "link", "set", star.uplink.interfaces[1], "up")
        star.router.run("ip", "route", "replace", "default", "via", star.uplink.addresses[0])
    expect(star, outage, 3)


# ---- TURN --------------------------------------------------------------------------


@add("direct-cut-turn-works")
def direct_cut(world):
    """What went directly goes by TURN."""
    star = Star(world, turn=True)
    names = {name: star.address(name) for name in ("box", "desk")}
    with Outage() as outage:
        star.drop(*(rule.format(**names) for rule in RULES["path"]))
    expect(star, outage, 3)


def relayed(world):
    star = Star(world, turn=True, direct=False)
    pair = kinds(star.call)
    check("relay" in pair, f"the pair is {pair}: nothing is relayed")
    return star


@add("turn-restarted")
def turn_restarted(world):
    star = relayed(world)
    with Outage() as outage:
        star.coturn.kill()
        wait(2)
        star.start_turn()
    expect(star, outage, 3)


@add("turn-killed-direct-works")
def turn_killed(world):
    """The server goes for good, but the two can reach each other by now."""
    star = relayed(world)
    with Outage() as outage:
        star.drop()
        star.coturn.kill()
    expect(star, outage, 3)


# ---- the relay -----------------------------------------------------------------------


@add("lost-box", short=True)
def lost_box(world):
    """Nobody knows yet that box is gone when desk calls it."""
    star = Star(world, keep=False)
    star.drop(*(rule.format(box=star.address("box")) for rule in RULES["all"]))
    call = star.desk.call("box")
    called = time.time()
    reason = call.wait_ended()
    took = time.time() - called
    note(f"the call ended after {took:.2f} s: {reason}")
    check("left" in reason, f"the call ended: {reason}")
    equal([name for _, name in star.desk.get("Peers")], [], "who is still listed")
    check(took <= (6 if ALL else PATIENCE), "the caller has waited")


def add_relay_link(seconds):
    def test(world):
        star = Star(world, keep=False)
        with Outage() as outage:
            star.link("box", False)
            wait(seconds)
            star.link("box", True)
        wait_for(lambda: star.box.get("RelayState") == "connected" and
                 star.desk.get("Peers"), 60, "box to be back at the relay")
        took = time.time() - outage.ended
        note(f"box is back {took:.2f} s after its link")
        equal([name for _, name in star.desk.get("Peers")], ["box"], "who desk sees")
        check(took <= (3.5 if ALL else PATIENCE), "it took long")

    row(f"relay-link-{seconds}s", test, seconds, False)


for SECONDS in 15, 40, 120:
    add_relay_link(SECONDS)


globals().update(ROWS)
