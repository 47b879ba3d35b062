#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Real peers on a real relay: the D-Bus contract of data/org.rtcbus.Peer1.xml, calls from
their beginning to their end, and the numbers."""

import json
import os
import re
import signal
import socket
import stat
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ctl  # noqa: E402
import harness  # noqa: E402
from harness import (CALL_INTERFACE, CHANNEL_INTERFACE, GLib, check, equal,  # noqa: E402
                     expect_error, hold, note, wait_for)
from channels import open_channel  # noqa: E402
from members import member  # noqa: E402

ERROR = "org.rtcbus.Error."
FINGERPRINT = r"sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}"

PEER_PROPERTIES = {
    "Version": "s", "Name": "s", "Fingerprint": "s", "RelayUrl": "s", "RelayState": "s",
    "Peers": "a(ss)", "NumbersReceived": "t", "LastNumber": "(ttsd)", "ListenerCount": "u",
    "BrokenServices": "as", "IceServers": "a(sss)",
}
CALL_PROPERTIES = {
    "Peer": "s", "Trust": "s", "Vouched": "b", "Direction": "s", "State": "s", "Reason": "s",
    "LocalCandidate": "s", "RemoteCandidate": "s", "RemoteFingerprint": "s",
    "ConnectedAt": "t", "ReconnectingSince": "t", "SetupTime": "t", "RoundTripTime": "t",
    "BytesSent": "t", "BytesReceived": "t",
}
CHANNEL_PROPERTIES = {
    "Label": "s", "Protocol": "s", "Id": "q", "State": "s", "Ordered": "b",
    "MaxRetransmits": "i", "MaxPacketLifeTime": "i", "BufferedAmount": "t",
    "MessagesSent": "t", "MessagesReceived": "t", "BytesSent": "t", "BytesReceived": "t",
}


def pair(world, **kwargs):
    """An emitter that is silent until told to publish, a listener, and their relay."""
    relay = world.relay()
    return relay, world.peer("emitter", relay, **kwargs), world.peer("listener", relay, **kwargs)


def connected_pair(world, **kwargs):
    relay, emitter, listener = pair(world, **kwargs)
    call = listener.call("emitter")
    call.wait_state("connected")
    wait_for(lambda: emitter.get("ListenerCount") == 1, 5, "the emitter to see its listener")
    return relay, emitter, listener, call


def remote_call(peer):
    """The one call of the other side."""
    return wait_for(lambda: len(peer.calls()) == 1 and peer.calls(), 5, "one call")[0]


def check_signature(daemon, wanted, path=None, interface=None):
    for name, signature in wanted.items():
        equal(daemon.get_variant(name, path, interface).get_type_string(), signature,
              f"type of {name}")


# ---- properties ------------------------------------------------------------------


def test_properties_of_the_peer(world):
    relay = world.relay()
    peer = world.peer("kitchen", relay)
    check_signature(peer, PEER_PROPERTIES)
    equal(peer.get("Name"), "kitchen", "Name")
    equal(peer.get("RelayUrl"), relay.url(), "RelayUrl")
    equal(peer.get("RelayState"), "connected", "RelayState")
    equal(peer.get("NumbersReceived"), 0, "NumbersReceived")
    equal(peer.get("LastNumber"), (0, 0, "", 0.0), "LastNumber")
    equal(peer.get("ListenerCount"), 0, "ListenerCount")
    equal(peer.get("Peers"), [], "Peers")
    check(re.fullmatch(FINGERPRINT, peer.get("Fingerprint")), peer.get("Fingerprint"))
    check(re.match(r"[0-9]+\.[0-9]+", peer.get("Version")), peer.get("Version"))
    expect_error("org.freedesktop.DBus.Error.InvalidArgs", peer.get, "Nonsense")


def test_peers_come_and_go(world):
    relay = world.relay()
    peer = world.peer("kitchen", relay)
    other = world.peer("garden", relay)
    world.peer("elsewhere", relay, room="attic")
    other_id = peer.wait_peer("garden")
    equal(peer.get("Peers"), [(other_id, "garden")], "Peers")
    wait_for(lambda: peer.signals.changes(harness.PEER[1], harness.PEER[2], "Peers"), 5,
             "a signal that Peers has changed")
    other.stop()
    wait_for(lambda: peer.get("Peers") == [], 5, "the other one to leave")


def test_properties_of_a_call(world):
    before = time.time() * 1e6
    _, emitter, listener, call = connected_pair(world)
    emitter.publish(7)
    listener.wait_numbers(1)
    check_signature(listener, CALL_PROPERTIES, call.path, CALL_INTERFACE)
    check(re.fullmatch(r"/org/rtcbus/Peer1/call/[0-9]+", call.path), call.path)
    mine, other = call.properties(), remote_call(emitter).properties()
    equal((mine["Direction"], other["Direction"]), ("outgoing", "incoming"), "Direction")
    equal((mine["Peer"], other["Peer"]), ("emitter", "listener"), "Peer")
    equal((mine["State"], other["State"]), ("connected", "connected"), "State")
    equal(mine["RemoteFingerprint"], emitter.get("Fingerprint"), "RemoteFingerprint")
    equal(other["RemoteFingerprint"], listener.get("Fingerprint"), "RemoteFingerprint")
    for properties in mine, other:
        check(properties["Trust"] in ("unknown", "new", "known"), properties["Trust"])
        check(before < properties["ConnectedAt"] < time.time() * 1e6,
              f"ConnectedAt {properties['ConnectedAt']}")
        check(0 < properties["SetupTime"] < 30e6, f"SetupTime {properties['SetupTime']}")
        check(properties["BytesSent"] > 0 and properties["BytesReceived"] > 0, "no bytes counted")
        check(properties["LocalCandidate"] and properties["RemoteCandidate"], "no candidates")
        equal(properties["Reason"], "", "Reason")
        check(0 < properties["RoundTripTime"] < 5e6, f"RoundTripTime {properties['RoundTripTime']}")
    note(f"set-up {mine['SetupTime'] / 1000:.1f} ms, round trips {mine['RoundTripTime']}, {other['RoundTripTime']} µs")


def test_properties_of_the_channel(world):
    _, emitter, listener, call = connected_pair(world)

    def channels(peer):
        return [p for p, i in peer.objects().items() if CHANNEL_INTERFACE in i]

    for peer in emitter, listener:
        path = wait_for(lambda p=peer: channels(p), 5, "a channel object")[0]
        check(re.fullmatch(r"/org/rtcbus/Peer1/call/[0-9]+/channel/[0-9]+", path), path)
        check_signature(peer, CHANNEL_PROPERTIES, path, CHANNEL_INTERFACE)
        properties = peer.get_all(path, CHANNEL_INTERFACE)
        equal(properties["Label"], "msg_channel", "Label")
        equal(properties["State"], "open", "State")
        equal(properties["Ordered"], True, "Ordered")
        equal((properties["MaxRetransmits"], properties["MaxPacketLifeTime"]), (-1, -1),
              "reliability")


# ---- Call and its errors -------------------------------------------------------------


def test_call_by_name_by_id_and_by_nobody(world):
    _, emitter, listener = pair(world)
    for target in ("emitter", listener.wait_peer("emitter"), ""):
        start = listener.received()
        call = listener.call(target)
        call.wait_state("connected")
        wait_for(lambda: emitter.get("ListenerCount") == 1, 5, "the listener")
        emitter.publish(1)
        numbers = listener.wait_numbers(1, after=start)
        equal(numbers[0][2:], ("emitter", 1.0), "number")
        call.hangup()
        call.wait_ended()
        wait_for(lambda: emitter.get("ListenerCount") == 0, 5, "the listener to be gone")


def test_call_returns_at_once(world):
    """Nobody is there to answer; a call waits for that, and Call() does not."""
    relay = world.relay()
    listener = world.peer("listener", relay)
    call = listener.call("")
    equal(call.get("State"), "calling", "State")
    hold(call.exists, 0.3, "the call")


def test_call_errors(world):
    _, _, listener = pair(world)
    error = expect_error(ERROR + "NoSuchPeer", listener.call, "nobody-here")
    check("nobody-here" in error.message, error.message)
    bad = [
        {"colour": GLib.Variant("s", "red")},
        {"channel-id": GLib.Variant("u", 7)},
        {"timeout": GLib.Variant("s", "5")},
        {"timeout": GLib.Variant("i", 5)},
        {"timeout": GLib.Variant("u", 5), "Timeout": GLib.Variant("u", 5)},
    ]
    for options in bad:
        expect_error(ERROR + "InvalidArgument", listener.invoke, "Call", "(sa{sv})", "emitter",
                     options)
    expect_error(ERROR + "InvalidArgument", listener.call, "listener")
    equal(listener.calls(), [], "calls")
    expect_error(ERROR + "InvalidArgument", listener.publish, float("nan"))
    expect_error(ERROR + "InvalidArgument", listener.publish, float("inf"))


def test_ladder(world):
    """Whoever is in a call may ask how it came about, and is told of no other; no program sees it."""
    relay = world.relay()
    emitter, listener = world.peer("emitter", relay, source="random"), world.peer("listener", relay)
    sniffer = member(world, relay, "/?name=sniffer")
    call = listener.call("")  # to everybody: the sniffer hears its session
    session = sniffer.expect("call")["session"]
    call.wait_state("connected")
    asking = open_channel(call, "ladder", protocol=GLib.Variant("s", "rtcbus.ladder.1"))
    wait_for(lambda: asking.get("State") == "open", what="the channel to open")
    for question in ("another session", session):
        asking.invoke("SendText", "(s)", question)
    told = wait_for(lambda: asking.received("TextReceived"), what="the ladder")
    equal(len(told), 1, "answers")
    seen = [(rung["way"], rung["type"]) for rung in json.loads(told[0])["rungs"]
            if rung["type"] != "candidate"]
    equal(seen, [("in", "call"), ("out", "offer"), ("in", "answer"), ("direct", "connected"),
                 ("direct", "channel")], "the ladder of the other end")
    labels = [interfaces[harness.CHANNEL_INTERFACE]["Label"] for interfaces in emitter.objects().values()
              if harness.CHANNEL_INTERFACE in interfaces]
    check("ladder" not in labels, f"programs see it: {labels}")


def test_call_without_a_relay(world):
    url = f"ws://127.0.0.1:{harness.free_port()}/"
    peer = world.peer("lonely", url, connected=False)
    wait_for(lambda: peer.get("RelayState") == "disconnected", 5, "the first attempt to fail")
    error = expect_error(ERROR + "NotConnected", peer.call, "emitter")
    check(url in error.message or "relay" in error.message.lower(), error.message)
    equal(peer.numbers(), ([], 0), "numbers")


def test_call_times_out(world):
    relay = world.relay()
    listener = world.peer("listener", relay)
    started = time.monotonic()
    call = listener.call("", timeout=1)
    reason = call.wait_ended(5)
    took = time.monotonic() - started
    check(0.8 < took < 29, f"ended after {took:.1f} s, where 30 are the default")
    equal(call.states()[-1], "closed", "last state")
    note("ended with: " + reason)


def test_call_before_anybody_is_there(world):
    relay = world.relay()
    listener = world.peer("listener", relay)
    call = listener.call("")
    hold(call.exists, 0.3, "the call")
    world.peer("emitter", relay, source="random")
    call.wait_state("connected")
    listener.wait_numbers(3)


# ---- numbers -------------------------------------------------------------------------


def test_numbers_are_read_as_published(world):
    _, emitter, listener, _ = connected_pair(world)
    values = [0, 1, 16777215, -5, 0.1, 1e300, 2.5e-9, 3]
    before = time.time() * 1e6
    sequences = [emitter.publish(v) for v in values]
    equal(sequences, list(range(sequences[0], sequences[0] + len(values))), "what Publish gave")
    numbers = listener.wait_numbers(len(values))
    equal([n[3] for n in numbers], values, "values")
    equal([n[0] for n in numbers], list(range(1, len(values) + 1)), "sequence")
    equal({n[2] for n in numbers}, {"emitter"}, "peer")
    times = [n[1] for n in numbers]
    equal(times, sorted(times), "times")
    check(all(before < t < time.time() * 1e6 for t in times),
          "times are not µs since the epoch")
    equal(listener.received(), len(values), "NumbersReceived")
    equal(listener.get("LastNumber"), numbers[-1], "LastNumber")
    wait_for(lambda: len(listener.signals.find("NumberReceived")) >= len(values), 5, "signals")
    equal([s[3] for s in listener.signals.find("NumberReceived")], numbers, "NumberReceived")
    equal(emitter.received(), 0, "numbers at the emitter")


def test_read_numbers_after_and_max(world):
    _, emitter, listener, _ = connected_pair(world)
    for value in range(1, 11):
        emitter.publish(value)
    listener.wait_numbers(10)

    def read(after, maximum):
        numbers, lost = listener.numbers(after, maximum)
        return [n[0] for n in numbers], lost

    equal(read(0, 0), (list(range(1, 11)), 0), "all")
    equal(read(4, 0), (list(range(5, 11)), 0), "after 4")
    equal(read(4, 3), ([5, 6, 7], 0), "three after 4")
    equal(read(0, 1), ([1], 0), "the first")
    equal(read(10, 0), ([], 0), "after the last")
    equal(read(10 ** 15, 5), ([], 0), "after the end of time")
    equal(read(2 ** 64 - 1, 0), ([], 0), "after the largest sequence")
    equal(read(0, 2 ** 32 - 1), (list(range(1, 11)), 0), "the largest maximum")


def test_history_is_bounded(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay)
    listener = world.peer("listener", relay, config={"Feed": {"History": 16}})
    listener.call("emitter").wait_state("connected")
    wait_for(lambda: emitter.get("ListenerCount") == 1, 5, "the listener")
    for value in range(1, 41):
        emitter.publish(value)
    wait_for(lambda: listener.received() == 40, 5, "forty numbers")
    for after, first, lost in ((0, 25, 24), (10, 25, 14), (24, 25, 0), (23, 25, 1), (30, 31, 0)):
        numbers, seen_lost = listener.numbers(after)
        equal([n[0] for n in numbers], list(range(first, 41)), f"after {after}")
        equal([n[3] for n in numbers], [float(v) for v in range(first, 41)], f"after {after}")
        equal(seen_lost, lost, f"lost after {after}")
    numbers, lost = listener.numbers(0, 2)
    equal(([n[0] for n in numbers], lost), ([25, 26], 24), "two")


def test_publish_reaches_every_listener(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay)
    listeners = [world.peer(f"listener-{i}", relay) for i in range(3)]
    nobody = emitter.publish(99)
    for listener in listeners:
        listener.call("emitter").wait_state("connected")
    wait_for(lambda: emitter.get("ListenerCount") == 3, 5, "three listeners")
    equal(emitter.publish(5), nobody + 1, "sequence")
    emitter.publish(6)
    for listener in listeners:
        equal([n[3] for n in listener.wait_numbers(3)], [99.0, 5.0, 6.0], "values")


def test_random_feed(world):
    relay = world.relay()
    world.peer("emitter", relay, source="random", interval="20ms")
    listener = world.peer("listener", relay)
    started = time.monotonic()
    listener.call("emitter")
    values = [n[3] for n in listener.wait_numbers(50)]
    most = (time.monotonic() - started) / 0.02 + 2  # one is there at once
    check(all(v == int(v) and 0 <= v <= 16777215 for v in values), f"out of range: {values}")
    check(len(set(values)) > 45, "these are not random")
    check(len(values) <= most, f"{len(values)} numbers, where {most:.0f} have fallen due")


# ---- how calls end ---------------------------------------------------------------------


def check_life(call):
    states = call.states()
    order = ["calling", "connecting", "connected", "closed"]
    equal(states, [s for s in order if s in states], "states")
    check("connected" in states and states[-1] == "closed", f"states are {states}")


def test_hangup_by_the_listener(world):
    _, emitter, _, call = connected_pair(world)
    other = remote_call(emitter)
    call.hangup()
    note("here: " + call.wait_ended())
    note("there: " + other.wait_ended(5))
    check_life(call)
    check_life(other)
    equal(call.states()[0], "calling", "first state")
    equal(call.ended()[1], "emitter", "peer in CallEnded")
    equal(other.ended()[1], "listener", "peer in CallEnded")
    wait_for(lambda: emitter.get("ListenerCount") == 0, 5, "the listener to be gone")


def test_hangup_by_the_emitter(world):
    _, emitter, _, call = connected_pair(world)
    other = remote_call(emitter)
    other.hangup()
    other.wait_ended()
    call.wait_ended(5)
    check_life(call)
    check_life(other)


def test_hangup_before_an_answer(world):
    relay = world.relay()
    listener = world.peer("listener", relay)
    call = listener.call("")
    call.hangup()
    call.wait_ended()
    expect_error("org.freedesktop.DBus.Error.UnknownMethod", call.hangup)


def test_killed_remote(world):
    _, emitter, listener, call = connected_pair(world, config={"Calls": {"Patience": "3s"}})
    started = time.monotonic()
    equal(call.get("ReconnectingSince"), 0, "ReconnectingSince")
    emitter.kill()
    call.wait_state("reconnecting", 40)
    check(time.time() - 40 < call.get("ReconnectingSince") / 1e6 <= time.time(),
          "ReconnectingSince")
    text = ctl.run(listener, "calls")[1]
    check("another path is looked for" in text, f"\"rtcbusctl calls\" says {text}")
    reason = call.wait_ended(30)
    note(f"given up after {time.monotonic() - started:.1f} s: {reason}")
    equal(reason, "the remote did not come back (3 s)", "the reason")
    equal(listener.calls(), [], "calls")


def test_killed_remote_that_comes_back(world):
    """It has our name for it and the same key, but knows nothing of the call: that ends soon."""
    _, emitter, listener, call = connected_pair(world)
    emitter.kill()
    emitter.restart()
    emitter.wait_connected()
    started = time.monotonic()
    reason = call.wait_ended(30)
    note(f"given up {time.monotonic() - started:.1f} s after it was back: {reason}")
    equal(reason, "the remote does not know the call any more", "the reason")
    equal(emitter.calls(), [], "calls at the emitter")
    listener.call("emitter").wait_state("connected")


def test_killed_remote_that_calls_us(world):
    """It shows its key, and so the call with what it was before ends at once."""
    _, emitter, listener, call = connected_pair(world)
    emitter.kill()
    emitter.restart()
    emitter.wait_connected()
    emitter.wait_peer("listener")
    again = emitter.call("listener")
    again.wait_state("connected")
    started = time.monotonic()
    reason = call.wait_ended(30)
    note(f"given up {time.monotonic() - started:.1f} s after the new call: {reason}")
    equal(again.get("State"), "connected", "the new call")
    equal(len(listener.calls()), 1, "calls")


def test_stopped_remote_says_goodbye(world):
    _, emitter, _, call = connected_pair(world)
    started = time.monotonic()
    emitter.stop()
    reason = call.wait_ended()
    took = time.monotonic() - started
    note(f"ended after {took:.2f} s with: {reason}")
    check(took < 10, f"it took {took:.0f} s to be told")


def test_restart_of_the_emitter(world):
    relay, emitter, listener, call = connected_pair(world)
    emitter.publish(1)
    listener.wait_numbers(1)
    emitter.restart()
    emitter.wait_connected()
    call.wait_ended(5)
    again = listener.call("emitter")
    again.wait_state("connected")
    check(again.path != call.path, "an object path was used again")
    wait_for(lambda: emitter.get("ListenerCount") == 1, 5, "the listener")
    emitter.publish(2)
    numbers = listener.wait_numbers(2)
    equal([(n[0], n[3]) for n in numbers], [(1, 1.0), (2, 2.0)], "numbers over the restart")


def test_killed_relay(world):
    relay = world.relay(port=harness.free_port())
    emitter = world.peer("emitter", relay, source="random")
    listener = world.peer("listener", relay)
    call = listener.call("emitter")
    call.wait_state("connected")
    listener.wait_numbers(1)
    relay.kill()
    for peer in emitter, listener:
        wait_for(lambda p=peer: p.get("RelayState") == "disconnected", 5,
                 "the loss to be noticed")
    listener.wait_numbers(20, 5, after=listener.received())
    equal(call.get("State"), "connected", "State without a relay")
    expect_error(ERROR + "NotConnected", listener.call, "emitter", another=True)
    equal(listener.get("Peers"), [], "Peers without a relay")
    relay.restart()
    started = time.monotonic()
    for peer in emitter, listener:
        peer.wait_connected(30)
    note(f"back after {time.monotonic() - started:.1f} s")
    listener.wait_numbers(10, 5, after=listener.received())
    equal(call.get("State"), "connected", "State with the relay back")
    listener.wait_peer("emitter")
    listener.call("emitter", another=True).wait_state("connected")
    wait_for(lambda: emitter.get("ListenerCount") == 2, 5, "both calls")
    states = listener.signals.changes(harness.PEER[1], harness.PEER[2], "RelayState")
    check("connected" in states and "disconnected" in states, f"RelayState went {states}")


def test_relay_comes_late(world):
    port = harness.free_port()
    peer = world.peer("early-bird", f"ws://127.0.0.1:{port}/", connected=False)
    wait_for(lambda: peer.get("RelayState") == "disconnected"
             or "disconnected" in peer.signals.changes(harness.PEER[1], harness.PEER[2],
                                                       "RelayState"), 5, "a failed attempt")
    world.relay(port=port)
    peer.wait_connected(20)


# ---- many calls, and both ways ------------------------------------------------------------


def test_calls_in_both_directions_at_once(world):
    relay = world.relay()
    a, b = world.peer("a", relay), world.peer("b", relay)
    a.wait_peer("b")
    b.wait_peer("a")
    for _ in range(3):
        calls = [a.call("b"), b.call("a")]
        for call in calls:
            call.wait_state("connected")
        for peer in a, b:
            wait_for(lambda p=peer: p.get("ListenerCount") == 1, 5, "one listener on each side")
        starts = a.received(), b.received()
        a.publish(1)
        b.publish(2)
        equal([n[3] for n in a.wait_numbers(1, after=starts[0])], [2.0], "at a")
        equal([n[3] for n in b.wait_numbers(1, after=starts[1])], [1.0], "at b")
        for call in calls:
            call.hangup()
            call.wait_ended()
        for peer in a, b:
            wait_for(lambda p=peer: p.calls() == [], 5, "all calls to end")


def test_ten_calls_at_once_to_one_peer(world):
    _, emitter, listener = pair(world)
    calls = [listener.call("emitter", another=True) for _ in range(10)]
    equal(len({call.path for call in calls}), 10, "object paths")
    for call in calls:
        call.wait_state("connected")
    wait_for(lambda: emitter.get("ListenerCount") == 10, 5, "ten listeners")
    emitter.publish(3)
    emitter.publish(4)
    listener.wait_numbers(2)
    equal([n[3] for n in listener.numbers()[0]], [3.0, 4.0], "values, each once")
    for call in calls:
        call.hangup()
    for call in calls:
        call.wait_ended()
    wait_for(lambda: emitter.calls() == [], 5, "the emitter's calls to end")


def test_ten_calls_at_once_to_ten_peers(world):
    relay = world.relay()
    emitters = [world.peer(f"emitter-{i}", relay, source="random") for i in range(10)]
    listener = world.peer("listener", relay)
    calls = [listener.call(emitter.name) for emitter in emitters]
    for call, emitter in zip(calls, emitters):
        call.wait_state("connected")
        equal(call.get("Peer"), emitter.name, "Peer")
    wait_for(lambda: {n[2] for n in listener.numbers()[0]} == {e.name for e in emitters}, 5,
             "numbers from all ten")


def test_chain_of_listener_and_emitter_in_one(world):
    """Each daemon emits and listens at the same time, in a ring of four."""
    relay = world.relay()
    ring = [world.peer(f"ring-{i}", relay) for i in range(4)]
    calls = [ring[i].call(f"ring-{(i + 1) % 4}") for i in range(4)]
    for call in calls:
        call.wait_state("connected")
    for i, peer in enumerate(ring):
        wait_for(lambda p=peer: p.get("ListenerCount") == 1, 5, "one listener each")
        peer.publish(i)
    for i, peer in enumerate(ring):
        numbers = peer.wait_numbers(1)
        equal([(n[2], n[3]) for n in numbers], [(f"ring-{(i + 1) % 4}", (i + 1) % 4)], "number")


# ---- addresses -------------------------------------------------------------------------


def test_relay_on_ipv6(world):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        raise harness.Skip("no IPv6 on loopback") from None
    relay = world.relay(host="::1")
    world.peer("emitter", relay, source="random")
    listener = world.peer("listener", relay)
    listener.call("emitter").wait_state("connected")
    listener.wait_numbers(3)


def test_one_interface_alone(world):
    relay = world.relay()
    only = {"Ice": {"Interfaces": "lo"}}
    world.peer("emitter", relay, source="random", config=only)
    listener = world.peer("listener", relay, config=only)
    call = listener.call("emitter")
    call.wait_state("connected")
    listener.wait_numbers(3)
    for name in "LocalCandidate", "RemoteCandidate":
        check(re.search(r" (127\.0\.0\.1|::1) ", call.get(name)), f"{name} {call.get(name)}")


# ---- state on disk ---------------------------------------------------------------------


def test_certificate_persists(world):
    relay = world.relay()
    peer = world.peer("kitchen", relay)
    fingerprint = peer.get("Fingerprint")
    files = [os.path.join(folder, f) for folder, _, names in os.walk(peer.state_directory)
             for f in names]
    check(files, "nothing was written to the state directory")
    for path in files:
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, f"mode of {path}")
    with open(os.path.join(peer.state_directory, "rtcbus-peer", "certificate.pem"),
              encoding="ascii") as f:
        check("PRIVATE KEY" in f.read(), "no key in the file")
    peer.restart()
    equal(peer.get("Fingerprint"), fingerprint, "Fingerprint after a restart")
    peer.wait_connected()
    other = world.peer("garden", relay)
    check(other.get("Fingerprint") != fingerprint, "two peers with one certificate")
    equal(oct(os.stat(os.path.join(peer.state_directory, "rtcbus-peer")).st_mode & 0o777),
          oct(0o700), "mode of the directory")


def test_two_peers_with_the_same_default_name(world):
    relay = world.relay()
    first = world.peer("first", relay, config={"Peer": {"Name": None}})
    second = world.peer("second", relay, config={"Peer": {"Name": None}})
    check(first.get("Name").startswith(socket.gethostname().split(".")[0]),
          f"default name {first.get('Name')}")
    names = first.get("Name"), second.get("Name")
    note(f"names: {names}")
    peers = wait_for(lambda: second.get("Peers"), 5, "the other one")
    call = second.call(peers[0][0])
    call.wait_state("connected")
    wait_for(lambda: first.get("ListenerCount") == 1, 5, "the listener")
    first.publish(4)
    equal([n[3] for n in second.wait_numbers(1)], [4.0], "values")


def test_a_name_of_our_own_that_is_still_taken(world):
    """A machine that is back before the relay has noticed that it was gone keeps its name; when
    the other one is there after all, it takes another, and each keeps what it has."""
    relay = world.relay()
    old = world.peer("old", relay, config={"Peer": {"Name": None}})
    name = old.get("Name")
    old.signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        new = world.peer("new", relay, config={"Peer": {"Name": None}})
        note(f"the name was ours after {time.monotonic() - started:.1f} s")
        equal(new.get("Name"), name, "the name of who is back")
        equal(new.get("Peers"), [], "who else is there")
    finally:
        old.signal(signal.SIGCONT)
    other = wait_for(lambda: new.get("Peers"), 20, "the other one")[0][1]
    check(re.fullmatch(re.escape(name[:59]) + "-[0-9a-f]{4}", other), f"the other is {other}")
    old.wait_connected()
    hold(lambda: (new.get("Name"), old.get("Name")) == (name, other), 2, "both names")
    new.stop()
    old.configure(dict(old.config, Peer={"Name": name}))  # the default, but now it is written
    old.signal(signal.SIGHUP)
    wait_for(lambda: (old.get("RelayState"), old.get("Name")) == ("connected", name), 5,
             "the name that is written")


def test_a_name_that_a_dead_connection_has(world):
    """A relay takes our connection of before a power cut for alive, and says so at last: who had to
    take another name has its own again, and a call goes on. One who has spoken was somebody else."""
    relay = world.relay()
    peer = world.peer("peer", relay, config={"Peer": {"Name": None}})
    name = peer.get("Name")
    desk = world.peer("desk", relay)
    for speaks in (True, False):
        peer.stop()
        holder = member(world, relay, f"/?name={name}")
        peer.restart()
        wait_for(lambda: holder.recv_nothing(0.1) and peer.get("RelayState") == "connected",
                 20, "a name")
        other = peer.get("Name")
        check(other != name, "two have one name")
        wanted = other if speaks else name
        if speaks:
            holder.send_json({"type": "call", "to": other, "session": "of-another"})
            holder.expect("offer")
        desk.call(other).wait_state("connected")
        holder.close()
        wait_for(lambda: [n for _, n in desk.get("Peers")] == [wanted], 10, "desk to see one peer")
        hold(lambda: peer.get("RelayState") != "connected" or peer.get("Name") == wanted, 1, "its name")
        number = len(desk.numbers(0)[0])
        peer.publish(4)
        wait_for(lambda: len(desk.numbers(0)[0]) > number, 10, "a number after that")


def test_restart_with_the_default_name(world):
    """Who says goodbye has its name back at once."""
    relay = world.relay()
    peer = world.peer("peer", relay, config={"Peer": {"Name": None}})
    name = peer.get("Name")
    peer.restart()
    peer.wait_connected()
    equal(peer.get("Name"), name, "the name after the restart")
    check("is taken" not in peer.stderr(), "it had to wait for its name")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
