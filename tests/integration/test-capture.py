#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""rtcbusctl capture: the packets of a call, as Wireshark shows them."""

import os
import shutil
import signal
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ctl  # noqa: E402
import harness  # noqa: E402
from channels import call_pair, open_channel, remote_channel  # noqa: E402
from harness import check, equal, wait_for  # noqa: E402


def begin(world, peer, *arguments):
    process = world.run("capture", ctl.command("capture", *arguments), env=ctl.environment(peer))
    wait_for(lambda: "Capturing" in process.stderr(), 20, "it to begin")
    return process


def number_of(call):
    return call.path.rsplit("/", 1)[1]


def blocks(path):
    """(type, body) of each block of a pcapng file"""
    with open(path, "rb") as file:
        data = file.read()
    found, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at + 4:at + 8], sys.byteorder)
        equal(int.from_bytes(data[at + length - 4:at + length], sys.byteorder), length,
              "the length at both ends")
        found.append((int.from_bytes(data[at:at + 4], sys.byteorder), data[at + 8:at + length - 4]))
        at += length
    return found


def tshark(path):
    """What Wireshark makes of each packet, in words"""
    ended = subprocess.run(["tshark", "-r", path, "-V"], timeout=120, capture_output=True,
                           text=True, check=False)
    equal(ended.returncode, 0, ended.stderr)
    return ended.stdout


def test_capture(world):
    """A channel opens, and a text goes over it: both are in the file."""
    emitter, _, call = call_pair(world)
    path = os.path.join(world.directory, "call.pcapng")
    process = begin(world, call.peer, number_of(call), path)
    here = open_channel(call, "shown in the file")
    there = remote_channel(emitter, "shown in the file")
    here.invoke("SendText", "(s)", "a text that goes over")
    wait_for(lambda: there.received("TextReceived") == ["a text that goes over"], 20, "the text")
    wait_for(lambda: b"a text that goes over" in open(path, "rb").read(), 20, "it in the file")
    process.signal(signal.SIGINT)
    process.expect_exit(0)
    check("packets" in process.stderr(), process.stderr())
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "who may read it")
    wait_for(lambda: "are no longer captured" in call.peer.stderr(), 20, "the journal to tell the end")
    check("are captured, decrypted" in call.peer.stderr(), "the journal says nothing")
    found = blocks(path)
    equal([kind for kind, _ in found[:2]], [0x0a0d0d0a, 1], "the head of the file")
    check(len(found) > 4 and all(kind == 6 for kind, _ in found[2:]), "packets")
    if shutil.which("tshark"):
        seen = tshark(path)
        for what in ("WebRTC Control", "DATA_CHANNEL_OPEN", "DATA_CHANNEL_ACK", "shown in the file",
                     "a text that goes over", "Direction: Sent", "Direction: Received"):
            check(what in seen or what.encode().hex() in seen, f"{what} is not in: {seen}")


def test_ends_with_the_call(world):
    _, _, call = call_pair(world)
    path = os.path.join(world.directory, "call.pcapng")
    process = begin(world, call.peer, call.path, path)
    status, _, said = ctl.run(call.peer, "capture", number_of(call), "-")
    equal(status, 1, said)
    check("already" in said, said)
    ctl.run(call.peer, "hangup", number_of(call))
    process.expect_exit(0)
    status, _, said = ctl.run(call.peer, "capture", number_of(call), "-")
    equal(status, 1, said)
    check("there is no call" in said, said)


def test_killed(world):
    """The daemon notices, and the call can be captured again."""
    _, _, call = call_pair(world)
    path = os.path.join(world.directory, "call.pcapng")
    process = begin(world, call.peer, number_of(call), path)
    process.kill()
    wait_for(lambda: "are no longer captured" in call.peer.stderr(), 20, "the journal to tell the end")
    begin(world, call.peer, number_of(call), path).terminate()


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
