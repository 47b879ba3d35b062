#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Who has a name in a room of rtcbus-relay, when somebody else asks for it."""

import socket
import time

import harness
from harness import Skip, check, equal
from members import member, refused
from wsclient import PING, PONG, TEXT, Closed, Timeout


def test_name_of_the_dead(world):
    """Whoever asks for a taken name makes the relay find out whether its holder lives."""
    relay = world.relay()
    watcher = member(world, relay)
    dead = member(world, relay, "/?name=box")
    dead.auto_pong = False
    watcher.expect("joined", name="box")
    started = time.monotonic()
    refusal = refused(409, world, relay, "/?name=box")  # at once, for nothing is decided:
    equal(refusal.headers.get("retry-after"), "4", "Retry-After")
    watcher.expect("left", name="box")
    took = time.monotonic() - started
    check(2.9 < took < 20, f"the name was free after {took:.1f} s")
    member(world, relay, "/?name=box")


def test_name_after_a_power_cut(world):
    """The machine is back under its address, and its kernel knows nothing of the connection."""
    tcp_repair = 19  # <linux/tcp.h>: closes without a word
    relay = world.relay()
    watcher = member(world, relay)
    dead = member(world, relay, "/?name=box")
    watcher.expect("joined", name="box")
    try:
        dead.socket.setsockopt(socket.IPPROTO_TCP, tcp_repair, 1)
    except PermissionError:
        raise Skip("without CAP_NET_ADMIN no socket vanishes") from None
    dead.socket.close()
    check(watcher.recv_nothing(), "the relay knows already")
    started = time.monotonic()
    refused(409, world, relay, "/?name=box")
    watcher.expect("left", name="box")
    took = time.monotonic() - started
    check(took < 2.5, f"the name was free after {took:.1f} s")
    member(world, relay, "/?name=box")


def test_name_after_an_answer(world):
    """What the holder has answered before somebody wanted its name tells nothing: its machine may
    have lost its power since, and be back already."""
    relay = world.relay()
    watcher = member(world, relay)
    dead = member(world, relay, "/?name=box")
    watcher.expect("joined", name="box")
    watcher.send_json({"type": "call", "to": "box"})
    opcodes = set()
    while opcodes != {TEXT, PING}:
        _, opcode, payload = dead.recv_frame(5)
        opcodes.add(opcode)
    dead.send_frame(PONG, b"")
    dead.send_json({"type": "bye", "to": watcher.id})
    watcher.expect("bye")
    refusal = refused(409, world, relay, "/?name=box")
    equal(refusal.headers.get("retry-after"), "4", "Retry-After")
    watcher.expect("left", name="box")
    member(world, relay, "/?name=box")


def test_name_of_the_living(world):
    """Who asks for a name again and again neither ends nor floods a client that answers,
    late and with whatever frame."""
    relay = world.relay()
    watcher = member(world, relay)
    holder = member(world, relay, "/?name=box")
    watcher.expect("joined", name="box")
    started = time.monotonic()
    pings, refusals, asked, decided = 0, 0, None, 0
    while time.monotonic() - started < 10:
        refusal = refused(409, world, relay, "/?name=box")
        refusals += 1
        decided += "retry-after" not in refusal.headers
        try:
            _, opcode, payload = holder.recv_frame(0.02)
            equal(opcode, PING, "what the holder got")
            equal(asked, None, "a ping before the last one is answered")
            pings, asked = pings + 1, time.monotonic()
        except Timeout:
            pass
        if asked and time.monotonic() - asked > 1:
            asked = None
            if pings % 2:
                holder.send_json({"n": pings})
            else:
                holder.send_frame(PONG, payload)
    harness.note(f"{pings} pings for {refusals} refusals")
    most = 1 + (time.monotonic() - started) / 3
    check(2 <= pings <= most, f"{pings} pings")
    check(refusals > 20, f"{refusals} refusals")
    check(0 < decided < refusals, f"{decided} said that the holder lives")
    for n in range(1, pings, 2):
        equal(watcher.recv_json(), {"from": holder.id, "n": n})
    check(watcher.recv_nothing(), "the room was told something")
    equal(relay.get("Connections"), 2)


def resume(secret):
    return {"headers": [("Rtcbus-Resume", secret)]}


def closed(connection):
    """The code with which it is closed."""
    try:
        while True:
            connection.recv_json()
    except Closed as end:
        return end.code


def test_name_of_ones_own(world):
    """Who shows what its last connection's welcome had takes its name back at once."""
    relay = world.relay()
    watcher = member(world, relay)
    first = member(world, relay, "/?name=box")
    first.auto_pong = False
    watcher.expect("joined", name="box")
    secret = first.welcome["resume"]
    again = member(world, relay, "/?name=box", **resume(secret))
    equal(watcher.expect("left", name="box")["id"], first.id, "who has left")
    equal(watcher.expect("joined", name="box")["id"], again.id, "who has come")
    equal(closed(first), 1000, "how the former connection ends")
    # A welcome may be lost, so the secret stays the same.
    equal(again.welcome["resume"], secret, "the secret")
    third = member(world, relay, "/?name=box", **resume(secret))
    check(third.id != again.id, "the id has not changed")
    equal(relay.get("Connections"), 2)


def test_name_of_another(world):
    """No other secret takes a name, and a secret takes no other name."""
    relay = world.relay()
    box = member(world, relay, "/?name=box")
    desk = member(world, relay, "/?name=desk")
    elsewhere = member(world, relay, "/room?name=box")
    nameless = member(world, relay)
    check("resume" not in nameless.welcome, "a secret for nothing")
    good = box.welcome["resume"]
    for wrong in (desk.welcome["resume"], elsewhere.welcome["resume"], good[:-1], good + "0",
                  good[:-1] + ("1" if good[-1] == "0" else "0"), "", box.id):
        refused(409, world, relay, "/?name=box", **resume(wrong))
    refused(409, world, relay, "/?name=desk", **resume(good))
    check(len({good, desk.welcome["resume"], elsewhere.welcome["resume"]}) == 3,
          "two have the same secret")
    equal(relay.get("Connections"), 4)
    for connection in box, desk, elsewhere:
        connection.send_json({"to": connection.id, "alive": True})


def test_frame_for_the_dead(world):
    """Whoever sends a frame to one that has gone learns it soon."""
    relay = world.relay()
    caller = member(world, relay)
    dead = member(world, relay, "/?name=box")
    dead.auto_pong = False
    live = member(world, relay, "/?name=desk")
    caller.expect("joined", name="desk")
    started = time.monotonic()
    for name in "desk", "box":
        caller.send_json({"type": "call", "to": name})
    live.expect("call")
    caller.expect("left", name="box")
    took = time.monotonic() - started
    check(2.9 < took < 20, f"it took {took:.1f} s")
    caller.send_json({"type": "call", "to": "box"})
    equal(caller.expect("error")["code"], "no-such-peer")
    caller.send_json({"type": "call", "to": "desk"})
    live.expect("call")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
