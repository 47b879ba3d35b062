#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What strangers can write into our log, and onto a terminal: a bounded number of
lines, none that hides what the others do, and nothing that is not printable."""

import os
import re
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ctl  # noqa: E402
import harness  # noqa: E402
from harness import check, equal, wait_for  # noqa: E402
from members import member, refused  # noqa: E402
from wsclient import Timeout, WsServer  # noqa: E402

FLOOD = 1000
SHARE = 60  # lines of one remote at once, of whatever kind they are
EVIL = "\x1b]0;x\x07\x1b[31mevil\nrtcbus-peer: FORGED\u202e\x9b31m\u2028\u2066"
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
    """After this the victim has had all that CLIENT sent it. Where few descriptors are allowed, it
    refuses calls until it has closed those of the calls before."""
    def answered():
        client.send_json({"type": "call", "to": "victim", "session": "the last"})
        try:
            return client.expect("offer", timeout=1, session="the last")
        except Timeout:
            return None

    return wait_for(answered, 120, "a call to be taken")  # a thousand may be before it


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
    ends = sum(missing.get(topic, 0) for topic in ("calls and their channels", "what was refused"))
    check(ends > FLOOD / 2, missing)


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


# ---- what can be shown -------------------------------------------------------------


def check_printable(text, what):
    for line in text.split("\n"):
        check(line.isprintable() and not line.startswith("rtcbus-peer: FORGED"),
              f"{what} writes {line!r}")


def status_of(fake_systemd):
    """The messages to systemd that have come."""
    messages = []
    while True:
        try:
            messages.append(fake_systemd.recv(65536).decode())
        except BlockingIOError:
            return messages


def evil_relay(world, server):
    relay = server.accept(60 * harness.SLOW)
    relay.send_json({"type": "welcome", "id": "me", "room": EVIL, "iceServers": [{"urls": EVIL}],
                     "peers": [{"id": "one", "name": EVIL}, {"id": EVIL, "name": "two"}]})
    relay.send_json({"type": "joined", "id": "three", "name": "j" + EVIL})
    relay.send_json({"type": "error", "code": EVIL, "message": EVIL})
    relay.send_json({"type": "call", "from": EVIL, "session": "no id"})
    relay.send_json({"type": "call", "from": "one", "to": "me", "session": EVIL,
                     "channel_id": EVIL})
    return relay


def test_names_of_an_evil_relay(world):
    path = world.path("notify")
    systemd = world.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    systemd.bind(path)
    systemd.setblocking(False)
    server = world.closing(WsServer())
    peer = world.peer("peer", server.url(), connected=False,
                      wrapper=["env", f"NOTIFY_SOCKET={path}"])
    relay = evil_relay(world, server)
    equal(relay.expect("offer")["session"], EVIL, "the session, which is echoed as it came")
    equal([name.count("\ufffd") for _, name in peer.get("Peers")], [8, 8], "what was replaced")
    check_printable(str(peer.get("Peers")), "Peers")
    (call,) = peer.calls()
    check_printable(call.get("Peer"), "Peer")
    outputs = [ctl.run(peer, *words) for words in (
        ["status"], ["peers"], ["calls"], ["--json", "status"], ["--json", "peers"],
        ["--json", "calls"], ["call", EVIL])]
    relay.send_json({"type": "bye", "from": "one", "to": "me", "session": EVIL, "reason": EVIL})
    relay.send_frame(8, b"\x03\xf0" + ("\n" + EVIL).encode())
    relay.close_code()  # so that it is read before the connection goes
    relay.socket.close()
    wait_for(lambda: "the relay closed the connection" in peer.stderr(), 5, "the end")
    for status, out, error in outputs:
        check_printable(out, "rtcbusctl")
        check_printable(error, "rtcbusctl")
    peer.terminate()
    check_printable(peer.stderr(), "the daemon")
    messages = status_of(systemd)
    check(any("evil" in message for message in messages), messages)
    for message in messages:
        check_printable(message.rstrip("\n"), "sd_notify")
        check(len(message.rstrip("\n").split("\n")) == 1, repr(message))


def test_relay_among_strangers(world):
    relay = world.relay(config={"Relay": {"AllowedOrigins": "*"}})
    for path in "/?name=a%1Bb", "/?name=a%E2%80%AEb", "/?name=a%E2%80%A8b", "/a%0Ab":
        refused(400, world, relay, path)
    refused(400, world, relay, "/?name=guest", origin="x-app://\u202e\x9bevil")
    check_printable(relay.stderr(), "the relay")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
