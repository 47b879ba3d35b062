#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A peer that knows several relays: to the next when one fails, and back to the first."""

import time

import harness
from harness import check, equal, free_port, hold, note, wait_for


def peer_of(world, name, *urls, comeback="1h", **kwargs):
    config = {"Relay": {"URL": ";".join(urls), "Comeback": comeback}}
    return world.peer(name, urls[0], config=config, **kwargs)


def wait_at(peer, url):
    wait_for(lambda: (peer.get("RelayUrl"), peer.get("RelayState")) == (url, "connected"),
             what=f"{peer.name} to be at {url}")


def test_there_and_back(world):
    """The first is killed: the second, with the call untouched. It is back: so are we."""
    first = world.relay(port=free_port(), name="first")
    second = world.relay(name="second")
    urls = first.url("den"), second.url("den")
    box = peer_of(world, "box", *urls, comeback="1s", source="random")
    desk = peer_of(world, "desk", *urls, comeback="1s")
    wait_at(desk, urls[0])
    desk.wait_peer("box")
    call = desk.call("box")
    call.wait_state("connected", 30)
    began = time.monotonic()
    first.kill()
    for peer in box, desk:
        wait_at(peer, urls[1])
    note(f"at the second after {time.monotonic() - began:.1f} s")
    desk.wait_peer("box")
    hold(lambda: desk.get("RelayUrl") == urls[1], 3, "the second relay")
    first.restart()
    for peer in box, desk:
        wait_at(peer, urls[0])
    desk.wait_peer("box")
    equal(call.get("State"), "connected", "the call")
    check("reconnecting" not in call.states(), "the call was touched")
    check("can be reached again" in desk.stderr(), "the way back is not told")


def test_first_is_away(world):
    """At the start, and for good: the second is good enough, and the third when that goes, too."""
    second, third = (world.relay(port=free_port(), name=n) for n in ("second", "third"))
    urls = f"ws://127.0.0.1:{free_port()}/", second.url(), third.url()
    box = peer_of(world, "box", *urls, connected=False, comeback="1s")
    wait_at(box, urls[1])
    hold(lambda: box.get("RelayUrl") == urls[1], 3, "the second relay")
    second.kill()
    wait_at(box, urls[2])
    third.kill()
    wait_for(lambda: box.get("RelayError"), what="the peer to say that there is none")
    lines = box.stderr().count("trying again")
    check(lines <= 5, f"{lines} lines about three relays that are away")
    second.restart()
    wait_at(box, urls[1])


def test_refused_by_the_first(world):
    """A relay that is full, or wants a token, is as good as none."""
    first = world.relay(name="first", config={"Relay": {"MaxConnections": 1}})
    second = world.relay(name="second")
    world.peer("other", first)
    box = peer_of(world, "box", first.url(), second.url(), connected=False)
    wait_at(box, second.url())


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
