#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A peer among many strangers who call it: whom it knows has a place all the same, and
what they make it keep is little and goes again."""

import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from harness import check, equal, note, wait_for  # noqa: E402

STRANGERS = 200
PENDING = 128  # MaxPendingStrangers=
DESCRIPTORS = 16  # of one call, at the most: sockets of each interface
KIB = 160  # of one call that is not connected
FRAMES = 10000


def flood(world, relay, name, count=STRANGERS):
    script = os.path.join(harness.HERE, "flood.py")
    process = world.run("flood", [sys.executable, script, str(relay.port), str(count), name])
    wait_for(lambda: "ready" in process.lines(), 60, "the strangers to be there")
    wait_for(lambda: len(process.lines()) > 2, 60, "each of them to have called")
    return process


def strangers_calls(peer):
    calls = [interfaces.get(harness.CALL_INTERFACE) for interfaces in peer.objects().values()]
    return [call for call in calls if call and call["Peer"].startswith("stranger-")]


def timed_call(caller, name):
    started = time.monotonic()
    call = caller.call(name)
    call.wait_state("connected", 10)
    took = time.monotonic() - started
    equal(call.get("Trust"), "known", f"Trust of the call to {name}")
    call.hangup()
    call.wait_ended()
    return took


def friends(world):
    # Everybody in the test has one address.
    relay = world.relay(config={"Relay": {"MaxConnections": 1024}})
    victim, friend = (world.peer(name, relay) for name in ("victim", "friend"))
    for one, other in (victim, friend), (friend, victim):
        one.wait_peer(other.name)
        one.invoke("TrustPeer", "(ss)", other.name, other.get("Fingerprint"))
    timed_call(friend, "victim")  # what is made once is there
    timed_call(victim, "friend")
    return relay, victim, friend


def test_known_peers_have_places(world):
    relay, victim, friend = friends(world)
    idle, fds = victim.rss_kib(), victim.fds()
    process = flood(world, relay, "victim")
    wait_for(lambda: len(strangers_calls(victim)) > PENDING // 2, 10, "their calls to be many")
    times = {"called": [], "calls": []}
    most_rss = most_fds = 0
    while int(process.lines()[-1]) < FRAMES:
        times["called"].append(timed_call(friend, "victim"))
        times["calls"].append(timed_call(victim, "friend"))
        most_rss, most_fds = max(most_rss, victim.rss_kib()), max(most_fds, victim.fds())
        count = len(strangers_calls(victim))
        check(count <= PENDING, f"{count} calls of strangers")
    sent = process.lines()[-1]
    process.stop()
    wait_for(lambda: not strangers_calls(victim), 60, "their calls to end")
    wait_for(lambda: victim.fds() <= fds + 5, 10, "the descriptors to be closed")
    note(f"{STRANGERS} strangers, {sent} calls and offers; known peers, in ms: "
         + "; ".join(f"{what} {len(took)} times, median {1e3 * statistics.median(took):.0f}, "
                     f"most {1e3 * max(took):.0f}" for what, took in times.items()))
    for what, took in times.items():
        check(statistics.median(took) < 1 * harness.SLOW, f"{what} takes more than a second")
    check(most_fds < fds + PENDING * DESCRIPTORS, f"{most_fds} descriptors")
    if victim.sanitized():
        return
    given_back = idle + 1024
    wait_for(lambda: victim.rss_kib() < given_back, 30,
             f"its memory to be below {given_back} KiB again, after {most_rss}")
    note(f"RSS {idle} KiB idle, {most_rss} at the most, {victim.rss_kib()} in the end; "
         f"descriptors {fds}, {most_fds}, {victim.fds()}")
    check(most_rss < idle + PENDING * KIB, f"RSS is {most_rss} KiB")


def test_strangers_who_are_connected(world):
    """Each key has its number of calls, and all of them together leave a quarter."""
    config = {"Peer": {"MaxCalls": 8, "MaxStrangers": 8, "MaxCallsPerStranger": 3}}
    relay = world.relay()
    victim = world.peer("victim", relay, config=config)
    friend, *others = (world.peer(name, relay) for name in ("friend", "one", "two", "three"))
    victim.invoke("TrustPeer", "(ss)", "friend", friend.get("Fingerprint"))
    for peer in friend, *others:
        peer.wait_peer("victim")
    calls = []
    for peer, places in zip(others, (3, 3, 0)):
        for number in range(4):
            call = peer.call("victim", another=True)
            if number < places:
                call.wait_state("connected")
                calls.append(call)
            else:
                reason = call.wait_ended()
                check("too many" in reason, reason)
    equal(len(victim.calls()), 6, "calls of strangers")
    for text in "MaxCallsPerStranger=", "MaxStrangers=":
        check(text in victim.stderr(), f"the log does not name {text}")
    friend.call("victim").wait_state("connected")
    victim.call("friend").wait_state("connected")
    # Whoever becomes known has a place of the other kind, and leaves one to the next.
    calls[0].hangup()
    calls[0].wait_ended()
    wait_for(lambda: len(victim.calls()) == 7, 5, "the call to end there")
    others[2].call("victim").wait_state("connected")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
