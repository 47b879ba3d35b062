#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What strangers can write into our log: a bounded number of lines, and none that
hides what the others do."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from harness import check, equal, wait_for  # noqa: E402
from members import member, refused  # noqa: E402

FLOOD = 1000
SHARE = 60  # lines of one remote at once, of whatever kind they are
LEFT_OUT = re.compile(r"left out of the log: (\d+) more lines about (.*)")


def left_out(program):
    """How many lines the log says are missing, by what they are about. Written as the daemon ends,
    or ten seconds after the first that was left out."""
    program.terminate()
    missing = {}
    for number, topic in LEFT_OUT.findall(program.stderr()):
        missing[topic] = missing.get(topic, 0) + int(number)
    return missing


def candidate(session):
    return {"type": "candidate", "to": "victim", "session": session,
            "candidate": {"candidate": "candidate:1 1 udp 1 192.0.2.1 5 typ host", "sdpMid": "0"}}


def log(program):
    return program.stderr().split("\n")[:-1]


def settled(client, victim):
    """After this the victim has had all that CLIENT sent it."""
    client.send_json({"type": "call", "to": "victim", "session": "the last"})
    return client.expect("offer", session="the last")


def test_frames_without_a_call(world):
    relay = world.relay()
    victim = world.peer("victim", relay)
    mallory = member(world, relay, "/?name=mallory")
    before = len(log(victim))
    for _ in range(FLOOD):
        mallory.send_json(candidate("none of yours"))
        mallory.send_json({"type": "bye", "to": "victim", "session": "none of yours"})
        mallory.send_json({"type": "answer", "to": "victim", "session": "none of yours",
                           "sdp": {"type": "answer", "sdp": "v=0"}})
    settled(mallory, victim)
    lines = log(victim)[before:]
    check(not [line for line in lines if "candidate" in line and "from mallory" in line], lines)
    check(len(lines) < 20, f"{len(lines)} lines")
    equal(left_out(victim), {}, "lines left out")


def test_calls_without_end(world):
    relay = world.relay()
    victim = world.peer("victim", relay)
    mallory = member(world, relay, "/?name=mallory")
    before = len(log(victim))
    for number in range(FLOOD):
        session = f"s{number}"
        mallory.send_json({"type": "call", "to": "victim", "session": session})
        mallory.send_json({"type": "bye", "to": "victim", "session": session})
    settled(mallory, victim)
    check(len(log(victim)) - before < 4 * SHARE, f"{len(log(victim)) - before} lines")
    # Somebody else is still heard.
    other = member(world, relay, "/?name=somebody")
    other.send_json({"type": "call", "to": "victim", "session": "one"})
    other.expect("offer", session="one")
    wait_for(lambda: "← call from somebody" in victim.stderr(), 5, "the line of another peer")
    missing = left_out(victim)
    check(missing.get("signaling frames", 0) > FLOOD, missing)
    check(missing.get("calls and their channels", 0) > FLOOD / 2, missing)


def test_refused_by_the_relay(world):
    relay = world.relay()
    member(world, relay, "/?name=taken")
    before = len(log(relay))
    for _ in range(200):
        refused(409, world, relay, "/?name=taken", ["rtcbus.1"])
    lines = [line for line in log(relay)[before:] if "refused" in line]
    check(0 < len(lines) < 20, f"{len(lines)} lines")
    equal(left_out(relay), {"what was refused": 200 - len(lines)}, "lines left out")


def test_comes_and_goes(world):
    relay = world.relay()
    victim = world.peer("victim", relay)
    before = {program: len(log(program)) for program in (relay, victim)}
    for number in range(300):
        member(world, relay, f"/?name=flap{number}").close()
    last = world.peer("last", relay)
    victim.wait_peer("last")
    for program in relay, victim:
        lines = log(program)[before[program]:]
        check(len(lines) < 400, f"{program.name}: {len(lines)} lines")
    last.terminate()
    for program in victim, relay:
        missing = left_out(program)
        check(missing.get("who comes and goes", 0) > 0, f"{program.name}: {missing}")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
