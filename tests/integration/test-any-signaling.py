#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Calls without a relay: descriptions and candidates are carried by whoever makes the call."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ctl  # noqa: E402
import harness  # noqa: E402
from channels import open_channel, remote_channel  # noqa: E402
from harness import CALL_INTERFACE, Call, GLib, check, equal, expect_error, wait_for  # noqa: E402

INVALID = "org.rtcbus.Error.InvalidArgument"
NOWHERE = "ws://127.0.0.1:9/"  # no relay is there


def peers(world, here=None, there=None):
    make = {"relay": NOWHERE, "connected": False}
    return (world.peer("here", source="random", config=here, **make),
            world.peer("there", config=there, **make))


def create(peer, **options):
    return Call(peer, peer.invoke("CreateCall", "(a{sv})", options)[0])


def invoke(call, method, signature=None, *values):
    return call.peer.invoke(method, signature, *values, path=call.path, interface=CALL_INTERFACE)


def description(call, count=1):
    """The description of a call that came as its COUNTth."""
    found = wait_for(
        lambda: len(s := call.peer.signals.find("LocalDescription", call.path)) >= count and s,
        5, "a description")
    return found[count - 1][3]


def candidates(call):
    """All of them, the empty one at the end left out."""
    def ended():
        seen = [s[3] for s in call.peer.signals.find("LocalCandidate", call.path)]
        return seen if seen and seen[-1][0] == "" else None

    return wait_for(ended, 10, "the last candidate")[:-1]


def carry(source, target):
    for candidate, mid in candidates(source):
        invoke(target, "AddCandidate", "(ss)", candidate, mid)
    invoke(target, "AddCandidate", "(ss)", "", "")


def connect(here, there):
    invoke(here, "CreateOffer")
    invoke(there, "SetRemoteDescription", "(ss)", *description(here))
    invoke(here, "SetRemoteDescription", "(ss)", *description(there))
    carry(here, there)
    carry(there, here)
    for call in (here, there):
        call.wait_state("connected", 15)


def test_without_a_relay(world):
    here, there = peers(world)
    calls = create(here), create(there)
    for call in calls:
        equal(call.get("State"), "calling", "State")
    connect(*calls)
    equal(description(calls[0])[0], "offer", "type")
    equal(description(calls[1])[0], "answer", "type")
    # who has offered is the emitter
    there.wait_numbers(3)
    channel = open_channel(calls[1], "chat")
    other = remote_channel(here, "chat")
    wait_for(lambda: channel.get("State") == "open", 5, "the channel to open")
    other.invoke("SendText", "(s)", "hello")
    wait_for(lambda: channel.received("TextReceived") == ["hello"], 5, "the text")
    calls[1].hangup()
    equal(calls[0].wait_ended(), "the remote hung up", "reason")


def test_with_candidates_in_it(world):
    """A description as it is after gathering, which nothing follows."""
    here, there = peers(world)
    calls = create(here), create(there)
    invoke(calls[0], "CreateOffer")
    kind, sdp = description(calls[0])
    sdp += "".join(f"a={c}\r\n" for c, _ in candidates(calls[0]))
    invoke(calls[1], "SetRemoteDescription", "(ss)", kind, sdp)
    kind, sdp = description(calls[1])
    sdp += "".join(f"a={c}\r\n" for c, _ in candidates(calls[1]))
    invoke(calls[0], "SetRemoteDescription", "(ss)", kind, sdp)
    for call in calls:
        call.wait_state("connected", 15)


def test_no_channels(world):
    here, there = peers(world)
    calls = create(here, channels=GLib.Variant("b", False)), create(there)
    connect(*calls)
    open_channel(calls[0], "only")
    remote_channel(there, "only")
    labels = [i["org.rtcbus.Peer1.Channel"]["Label"] for i in there.objects().values()
              if "org.rtcbus.Peer1.Channel" in i]
    equal(labels, ["only"], "channels")


def test_trust(world):
    """The key is learned for the name as in other calls, and another one is refused."""
    here, there = peers(world, there={"Trust": {"Policy": "tofu"}})
    connect(create(here), create(there, name=GLib.Variant("s", "emitter")))
    known = {k[0]: k[1] for k in there.invoke("ListKnownPeers")[0]}
    equal(known.get("emitter"), here.get("Fingerprint"), "the key")

    impostor = world.peer("impostor", NOWHERE, connected=False)
    calls = create(impostor), create(there, name=GLib.Variant("s", "emitter"))
    invoke(calls[0], "CreateOffer")
    invoke(calls[1], "SetRemoteDescription", "(ss)", *description(calls[0]))
    invoke(calls[0], "SetRemoteDescription", "(ss)", *description(calls[1]))
    carry(calls[0], calls[1])  # one way is enough, and the call may be over by now
    check("key" in calls[1].wait_ended(15), "the reason says nothing of the key")
    check("connected" not in calls[1].states(), "it was connected")

    wanted = GLib.Variant("s", here.get("Fingerprint"))
    connect(create(here), create(there, fingerprint=wanted))


def test_bad_use(world):
    here, there = peers(world)
    call, other = create(here), create(there)
    expect_error(INVALID, here.invoke, "CreateCall", "(a{sv})",
                 {"colour": GLib.Variant("s", "red")})
    expect_error(INVALID, here.invoke, "CreateCall", "(a{sv})",
                 {"fingerprint": GLib.Variant("s", "red")})
    expect_error(INVALID, here.invoke, "CreateCall", "(a{sv})",
                 {"name": GLib.Variant("s", "x" * 1000)})
    expect_error("org.rtcbus.Error.NotConnected", invoke, call, "AddCandidate", "(ss)", "", "")
    expect_error(INVALID, invoke, call, "SetRemoteDescription", "(ss)", "offer", "v=0\r\n")
    expect_error(INVALID, invoke, call, "SetRemoteDescription", "(ss)", "rollback", "")
    expect_error(INVALID, invoke, call, "SetRemoteDescription", "(ss)", "answer", "v=0\r\n")
    equal(call.get("State"), "calling", "State after bad descriptions")
    invoke(call, "CreateOffer")
    expect_error(INVALID, invoke, call, "CreateOffer")
    expect_error(INVALID, invoke, call, "SetRemoteDescription", "(ss)", "answer", "nonsense")
    expect_error(INVALID, invoke, call, "AddCandidate", "(ss)", "nonsense", "")
    # nothing of that has harmed it
    invoke(other, "SetRemoteDescription", "(ss)", *description(call))
    invoke(call, "SetRemoteDescription", "(ss)", *description(other))
    carry(call, other)
    carry(other, call)
    call.wait_state("connected", 15)


def test_relay_and_program_do_not_meet(world):
    """Frames of the relay are not for such a call, and its methods not for others."""
    relay = world.relay()
    emitter = world.peer("emitter", relay, source="random")
    listener = world.peer("listener", relay)
    apart = create(listener)
    listener.wait_peer("emitter")
    call = listener.call("emitter")
    call.wait_state("connected", 15)
    equal(apart.get("State"), "calling", "State of the call without a relay")
    expect_error(INVALID, invoke, call, "CreateOffer")
    expect_error(INVALID, invoke, call, "SetRemoteDescription", "(ss)", "offer", "v=0\r\n")
    invoke(apart, "CreateOffer")
    description(apart)
    relay.kill()
    wait_for(lambda: listener.get("RelayState") != "connected", 10, "the relay to be missed")
    equal(apart.get("State"), "connecting", "State without the relay")
    equal(len(emitter.calls()), 1, "calls of the emitter")


def copy_and_paste(world, *options):
    here, there = peers(world)
    offering = ctl.Ctl(here, "--json", "offer", *options)
    offer = json.loads(offering.child.stdout.readline())["description"]
    answering = ctl.Ctl(there, "--json", "answer", *options, stdin=subprocess.PIPE)
    answering.child.stdin.write((offer + "\n\n").encode())
    answering.child.stdin.flush()
    answer = json.loads(answering.child.stdout.readline())["description"]
    offering.child.stdin.write((answer + "\n\n").encode())
    offering.child.stdin.flush()
    for end in (offering, answering):
        equal(end.status(), 0, "exit status")
        equal(json.loads(end.child.stdout.readline())["state"], "connected", "state")
    there.wait_numbers(2)
    return offer, answer


def test_copy_and_paste(world):
    for word in copy_and_paste(world):
        check(len(word) < 400, f"{len(word)} letters to paste")
        check(word.replace("-", "").replace("_", "").isalnum(), "more than letters and digits")


def test_copy_and_paste_sdp(world):
    for sdp in copy_and_paste(world, "--sdp"):
        check(sdp.startswith("v=0\r\n"), "no SDP")
        check("a=candidate:" in sdp, "no candidates")


def test_paste_what_is_wrong(world):
    here, _ = peers(world)
    status, _, errors = ctl.run(here, "answer", "AbCd")
    equal(status, 1, "exit status")
    check("rtcbusctl offer" in errors, errors)
    offering = ctl.Ctl(here, "offer")
    offer = offering.child.stdout.readline().decode().strip()
    offering.child.stdin.write((offer[:-1] + "\n").encode())
    offering.child.stdin.close()
    equal(offering.status(), 1, "exit status")
    wait_for(lambda: not here.calls(), 10, "no call to be left behind")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
