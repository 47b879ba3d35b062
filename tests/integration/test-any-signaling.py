#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Calls without a relay: descriptions and candidates are carried by whoever makes the call."""

import hashlib
import json
import os
import signal
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
    try:
        carry(calls[0], calls[1])  # one way is enough, and the call may be over by now
    except harness.BusError as error:
        check(error.name.endswith(("UnknownMethod", "UnknownObject", "NotConnected")), error)
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


# As it comes out of a mail, and the offer where the answer should be
def test_paste_in_pieces(world):
    here, there = peers(world)
    offering = ctl.Ctl(here, "--json", "offer", stdin=subprocess.PIPE)
    offer = json.loads(offering.child.stdout.readline())["description"]
    another = ctl.Ctl(there, "offer")
    another.child.stdin.write(f"{offer}\n".encode())
    another.child.stdin.flush()
    equal(another.status(), 1, "exit status")
    check("on the other machine" in another.errors(), another.said)
    answering = ctl.Ctl(there, "--json", "answer", f" {offer[:60]}\n> {offer[60:]}\n")
    answer = json.loads(answering.child.stdout.readline())["description"]
    for line in (answer[:76], answer[76:]):
        offering.child.stdin.write(f"> {line}\n".encode())
        offering.child.stdin.flush()
    for end in (offering, answering):
        equal(end.status(), 0, "exit status")


def test_interrupt_before_pasting(world):
    here, _ = peers(world)
    answering = ctl.Ctl(here, "answer", stdin=subprocess.PIPE)
    wait_for(here.calls, 10, "the call")
    answering.child.send_signal(signal.SIGINT)
    equal(answering.status(), 1, "exit status")


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


# ---- step by step ------------------------------------------------------------------


def create_steps(peer, **options):
    return create(peer, stepwise=GLib.Variant("b", True), **options)


def make(call, kind, restart=False):
    options = {"ice-restart": GLib.Variant("b", True)} if restart else {}
    return invoke(call, "CreateDescription", "(sa{sv})", kind, options)[0]


def set_local(call, kind):
    invoke(call, "SetLocalDescription", "(s)", kind)


def set_remote(call, kind, sdp=""):
    invoke(call, "SetRemoteDescription", "(ss)", kind, sdp)


def ufrag(sdp):
    return next(line for line in sdp.splitlines() if line.startswith("a=ice-ufrag:"))


def negotiate(offering, answering, restart=False):
    """Both descriptions, as they are set"""
    offer = make(offering, "offer", restart)
    set_local(offering, "offer")
    set_remote(answering, "offer", offer)
    answer = make(answering, "answer")
    set_local(answering, "answer")
    set_remote(offering, "answer", answer)
    return offer, answer


def step_peers(world):
    here, there = peers(world)
    return create_steps(here), create_steps(there)


def connect_steps(calls):
    found = negotiate(*calls)
    carry(*calls)
    carry(*reversed(calls))
    for call in calls:
        call.wait_state("connected", 15)
    return found


def test_steps(world):
    calls = step_peers(world)
    make(calls[0], "offer")
    equal(calls[0].get("State"), "calling", "State when an offer is made")
    equal(calls[0].peer.signals.find("LocalCandidate"), [], "candidates of what is not set")
    first, _ = connect_steps(calls)
    equal(calls[0].peer.signals.find("LocalDescription"), [], "descriptions by signal")
    channel = open_channel(calls[0], "own", id=GLib.Variant("q", 5))
    other = remote_channel(calls[1].peer, "own")
    equal(other.get("Id"), 5, "Id")
    equal(other.get("Priority"), "low", "Priority")
    wait_for(lambda: channel.get("State") == "open", 5, "the channel to open")
    text = "a\0b".encode()
    channel.invoke("Send", "(say)", "text", text)
    channel.invoke("Send", "(say)", "binary", b"")
    told = wait_for(lambda: len(s := other.peer.signals.find("MessageReceived", other.path)) == 2
                    and s, 5, "the messages")
    equal([(m[3][0], bytes(m[3][1])) for m in told], [("text", text), ("binary", b"")], "messages")
    # an ICE restart, and one more round that restarts nothing
    again, _ = negotiate(*calls, restart=True)
    check(ufrag(again) != ufrag(first), "the same credentials in a restart")
    same, _ = negotiate(calls[1], calls[0])
    check("a=setup:actpass" in same, "no offer")
    channel.invoke("Send", "(say)", "text", b"still")
    wait_for(lambda: len(other.peer.signals.find("MessageReceived", other.path)) == 3, 5, "it")


def test_steps_slow_program(world):
    """What a program does not acknowledge is not more than some MiB, and nothing is lost."""
    calls = step_peers(world)
    connect_steps(calls)
    channel = open_channel(calls[0], "bulk")
    other = remote_channel(calls[1].peer, "bulk")
    total, size = 128, 128 * 1024

    def told():
        return len(other.peer.signals.find("MessageReceived", other.path))

    message = GLib.Variant("(say)", ("binary", bytes(size)))
    for _ in range(total):
        channel.invoke("Send", message)
    wait_for(lambda: told() >= 32, 20, "some of it")
    done, last = 0, -1
    while done < total:
        wait_for(lambda: told() > done, 20, "more")
        while told() != last:  # it comes to a halt by itself
            last = told()
            other.get("MessagesReceived")
        check(told() - done <= 48, f"{told() - done} messages are told and not acknowledged")
        other.invoke("Acknowledge", "(tt)", told() - done, (told() - done) * size)
        done = told()
    expect_error(INVALID, other.invoke, "Acknowledge", "(tt)", 1 << 40, 0)


def send_by_itself(call, label, message):
    """On a channel that is closed after it, or that the other side closes."""
    channel = open_channel(call, label)
    try:
        channel.invoke("Send", message)
        channel.invoke("Close")
    except harness.BusError:
        pass
    return lambda: channel.path not in call.peer.objects()


def test_steps_many_channels(world):
    """A program that acknowledges nothing is not told of ever more channels."""
    calls = step_peers(world)
    connect_steps(calls)
    kept = open_channel(calls[0], "kept")
    other = remote_channel(calls[1].peer, "kept")
    kept.invoke("Send", "(say)", "text", b"one")
    size = 250 * 1024
    message = GLib.Variant("(say)", ("binary", bytes(size)))

    def told():
        other.get("MessagesReceived")
        return len(calls[1].peer.signals.find("MessageReceived"))

    enough = (32 << 20) // size + 1  # with that on "kept"
    for i in range(enough):
        wait_for(send_by_itself(calls[0], f"c{i}", message), 20, "its end")
    wait_for(lambda: told() >= enough, 20, "all of them")
    for ended in [send_by_itself(calls[0], f"d{i}", message) for i in range(8)]:
        wait_for(ended, 20, "the end of one more")
    check(told() <= enough + 3, f"{told()} messages are told")
    other.invoke("Acknowledge", "(tt)", 1, 3)
    open_channel(calls[0], "more")
    remote_channel(calls[1].peer, "more")


def test_steps_back(world):
    """Two offers cross, and one of them is rolled back."""
    calls = step_peers(world)
    offers = [make(call, "offer") for call in calls]
    for call in calls:
        set_local(call, "offer")
    expect_error(INVALID, set_remote, calls[1], "offer", offers[0])
    set_local(calls[1], "rollback")
    set_remote(calls[1], "offer", offers[0])
    set_remote(calls[1], "rollback")
    set_remote(calls[1], "offer", offers[0])
    candidates(calls[1])  # of the offer that is given up
    answer = make(calls[1], "answer")
    check(ufrag(answer) != ufrag(offers[1]), "an answer with what was rolled back")
    set_local(calls[1], "answer")
    set_remote(calls[0], "answer", answer)
    carry(calls[0], calls[1])
    for call in calls:
        call.wait_state("connected", 15)
    # what is rolled back later leaves the connection as it is
    make(calls[0], "offer", restart=True)
    set_local(calls[0], "offer")
    set_local(calls[0], "rollback")
    negotiate(calls[1], calls[0])
    equal([c.get("State") for c in calls], ["connected"] * 2, "States")


def test_steps_certificate(world):
    pem = open(os.path.join(world.peer("other", NOWHERE, connected=False).state_directory,
                            "rtcbus-peer", "certificate.pem"), encoding="ascii").read()
    here, there = peers(world)
    calls = create_steps(here, certificate=GLib.Variant("s", pem)), create_steps(there)
    connect_steps(calls)
    shown = calls[1].get("RemoteFingerprint")
    check(shown and shown != here.get("Fingerprint"), "the key of the peer was shown")
    der = bytes(calls[1].get("RemoteCertificate"))
    hashed = hashlib.sha256(der).hexdigest().upper()
    equal(shown.split(" ")[1].replace(":", ""), hashed, "RemoteCertificate")
    equal(bytes(calls[0].get("LocalCertificate")), der, "LocalCertificate")


def test_steps_relay_only(world):
    here, _ = peers(world)
    call = create_steps(here, **{"relay-only": GLib.Variant("b", True)})
    make(call, "offer")
    set_local(call, "offer")
    equal(candidates(call), [], "candidates without a TURN server")


def test_steps_no_program(world):
    """The call ends with the program that made it."""
    here, there = peers(world)
    other = Call(there, create_steps(there).path)
    script = ("from gi.repository import Gio, GLib\n"
              "bus = Gio.bus_get_sync(Gio.BusType.SESSION)\n"
              "print(bus.call_sync('org.rtcbus.Peer1', '/org/rtcbus/Peer1', 'org.rtcbus.Peer1',"
              " 'CreateCall', GLib.Variant('(a{sv})', ({'stepwise': GLib.Variant('b', True)},)),"
              " None, 0, -1).unpack()[0], flush=True)\ninput()\n")
    program = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": here.bus.address})
    call = Call(here, program.stdout.readline().strip())
    equal(call.get("State"), "calling", "State")
    program.communicate("\n", timeout=20)
    equal(call.wait_ended(20), "the program that made it is gone", "reason")
    equal(other.get("State"), "calling", "State of the other call")


class Program:
    """Another one on the bus of PEER."""

    def __init__(self, peer):
        self.peer = peer
        self.bus = peer.bus.connect()

    def create(self):
        try:
            return self.bus.call_sync(*harness.PEER, "CreateCall", GLib.Variant("(a{sv})", ({},)),
                                      None, 0, -1, None).unpack()[0]
        except GLib.Error as error:
            check("LimitExceeded" in error.message, error.message)
            return None

    def create_all(self):
        return [path for path in iter(self.create, None)]

    def leave(self):
        self.bus.close_sync(None)


def test_program_with_many(world):
    """Others have their calls all the same, and what it leaves behind gives way."""
    relay = world.relay()
    here = world.peer("here", relay, config={"Peer": {"MaxCalls": "8"}})
    there = world.peer("there", relay)
    greedy, modest = Program(here), Program(here)
    made = greedy.create_all()
    equal(len(made), 5, "calls of one program, of six without a relay")
    check(modest.create(), "no call is left to another program")
    equal(modest.create(), None, "a call beyond those without a relay")
    there.call("here").wait_state("connected")
    greedy.leave()
    wait_for(modest.create, what="a call that gives way")
    ended = wait_for(lambda: here.signals.find("CallEnded"), what="CallEnded")
    equal([s[3][::2] for s in ended], [(made[0], "it made room for another call")], "CallEnded")


def test_steps_bad_use(world):
    here, _ = peers(world)
    plain, call = create(here), create_steps(here)
    expect_error(INVALID, make, plain, "offer")
    expect_error(INVALID, set_local, plain, "offer")
    expect_error(INVALID, invoke, plain, "Configure", "(a{sv})", {})
    expect_error(INVALID, invoke, call, "CreateOffer")
    expect_error(INVALID, make, call, "rollback")
    expect_error(INVALID, set_local, call, "nonsense")
    expect_error(INVALID, make, call, "answer")
    expect_error(INVALID, set_local, call, "offer")
    expect_error(INVALID, set_remote, call, "offer", "nonsense")
    expect_error(INVALID, create, here, certificate=GLib.Variant("s", "x"))
    expect_error(INVALID, create_steps, here, certificate=GLib.Variant("s", "x"))
    expect_error(INVALID, create_steps, here, **{"ice-servers": GLib.Variant("as", ["http://x"])})
    equal(call.get("State"), "calling", "State after all of that")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
