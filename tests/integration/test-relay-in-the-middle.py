#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A relay that introduces itself instead of the peers (tests/helpers/hostile-relay.c).

Against Policy=any it succeeds, so the attack is one; against everything else
it fails, with a message that can be acted on at both ends.
"""

import harness
from harness import check, equal, note, wait_for
from hostile_relay import HostileRelay


def peers(world, relay, policy=None, **keys):
    config = {"Trust": {"Policy": policy, **keys}}
    emitter = world.peer("emitter", relay, config=config)
    listener = world.peer("listener", relay, config=config)
    if listener.get("Peers"):
        listener.wait_peer("emitter")
    return emitter, listener


def connect(listener, target="emitter", **options):
    call = listener.call(target, **options)
    call.wait_state("connected")
    return call


def number_arrives(emitter, listener, value):
    wait_for(lambda: emitter.get("ListenerCount") == 1, 5, "the listener")
    before = listener.received()
    emitter.publish(value)
    numbers = listener.wait_numbers(1, after=before)
    equal([n[3] for n in numbers], [value], "the number")


def hang_up(emitter, call):
    """Ends a call, and forgets that the emitter told of it."""
    call.hangup()
    call.wait_ended()
    wait_for(lambda: emitter.signals.find("CallEnded"), 5, "the other side to hang up")
    emitter.signals.seen.clear()


def learn(world, policy=None):
    """A first call through a relay that is still honest."""
    relay = HostileRelay(world)
    emitter, listener = peers(world, relay, policy)
    call = connect(listener)
    equal(call.get("RemoteFingerprint"), emitter.get("Fingerprint"), "RemoteFingerprint")
    number_arrives(emitter, listener, 1.0)
    hang_up(emitter, call)
    return relay, emitter, listener


def attacked(relay, emitter, call, *parts):
    """The call must fail, and nothing may pass. Whoever notices first says all of PARTS;
    the other end notices as well, or is told."""
    here = call.wait_ended(10)
    note("listener: " + here)
    check("connected" not in call.states(), "the listener was connected")
    there = wait_for(lambda: emitter.signals.find("CallEnded"), 15,
                     "the emitter's call to end")[0][3][2]
    note("emitter: " + there)
    for reason in here, there:
        check(relay.key in reason or "does not trust our certificate" in reason, reason)
    for part in parts:
        check(part in here or part in there, f"nothing of {part!r} in {here!r} and {there!r}")
    equal(emitter.get("ListenerCount"), 0, "ListenerCount")
    equal(relay.passed(), [], "what passed")


def test_any_is_no_protection(world):
    relay = HostileRelay(world)
    emitter, listener = peers(world, relay, "any")
    relay.mode("middle")
    call = connect(listener)
    equal(call.get("RemoteFingerprint"), relay.key, "RemoteFingerprint")
    equal(call.get("Trust"), "unknown", "Trust")
    number_arrives(emitter, listener, 4711.0)
    equal(relay.passed(), ["4711"], "what passed")


def test_tofu_is_no_protection_at_the_first_call(world):
    """Which is what its name says; the key of the relay is what is remembered."""
    relay = HostileRelay(world)
    emitter, listener = peers(world, relay)
    relay.mode("middle")
    call = connect(listener)
    equal(call.get("Trust"), "new", "Trust")
    hang_up(emitter, call)
    # But it shows as soon as the relay cannot do it once.
    relay.mode("honest")
    reason = listener.call("emitter").wait_ended()
    check(relay.key in reason and emitter.get("Fingerprint") in reason, reason)


def test_tofu_after_a_first_call(world):
    relay, emitter, listener = learn(world)
    relay.mode("middle")
    attacked(relay, emitter, listener.call("emitter"), relay.key, "somebody may be in between",
             "rtcbusctl forget")
    # And it is not over for those two.
    relay.mode("honest")
    call = connect(listener)
    equal(call.get("Trust"), "known", "Trust")
    number_arrives(emitter, listener, 2.0)


def test_tofu_with_the_name_changed(world):
    """The one that was asked for must be the one that is known, not a new friend."""
    relay, emitter, listener = learn(world)
    relay.mode("middle", "rename")
    attacked(relay, emitter, listener.call("emitter"), relay.key)
    equal([k[0] for k in listener.invoke("ListKnownPeers")[0]], ["emitter"], "known peers")


def test_tofu_with_the_names_taken_away(world):
    relay = HostileRelay(world, "--plain")
    emitter, listener = peers(world, relay)
    listener.invoke("TrustPeer", "(ss)", "emitter", emitter.get("Fingerprint"))
    relay.mode("middle")
    attacked(relay, emitter, listener.call("emitter"), relay.key, emitter.get("Fingerprint"))
    relay.mode("honest")
    equal(connect(listener).get("Trust"), "known", "Trust")


def test_known(world):
    relay = HostileRelay(world)
    emitter, listener = peers(world, relay, "known")
    for one, other in (emitter, listener), (listener, emitter):
        one.invoke("TrustPeer", "(ss)", other.name, other.get("Fingerprint"))
    hang_up(emitter, connect(listener))
    relay.mode("middle")
    attacked(relay, emitter, listener.call("emitter"), relay.key, "somebody may be in between")


def test_known_and_whoever_answers(world):
    relay = HostileRelay(world)
    emitter, listener = peers(world, relay, "known")
    for one, other in (emitter, listener), (listener, emitter):
        one.invoke("TrustPeer", "(ss)", other.name, other.get("Fingerprint"))
    for words in ("middle",), ("middle", "rename"):
        emitter.signals.seen.clear()
        relay.mode(*words)
        attacked(relay, emitter, listener.call(""), relay.key)


def test_fingerprint(world):
    relay = HostileRelay(world)
    emitter, listener = peers(world, relay, "any")
    fingerprint = emitter.get("Fingerprint")
    call = connect(listener, fingerprint=fingerprint)
    equal(call.get("Trust"), "known", "Trust")
    hang_up(emitter, call)
    relay.mode("middle")
    for target in "emitter", "":
        attacked(relay, emitter, listener.call(target, fingerprint=fingerprint), relay.key,
                 fingerprint, "somebody may be in between")
        emitter.signals.seen.clear()


def test_the_other_side_alone_notices(world):
    """An emitter that knows its listener does not give its numbers to a relay."""
    relay = HostileRelay(world)
    emitter, listener = peers(world, relay, "any")
    emitter.stop()
    emitter.config["Trust"]["Policy"] = "known"
    emitter.configure(emitter.config)
    emitter.restart()
    emitter.wait_connected()
    listener.wait_peer("emitter")
    emitter.invoke("TrustPeer", "(ss)", "listener", listener.get("Fingerprint"))
    relay.mode("middle")
    call = listener.call("emitter")
    ended = wait_for(lambda: emitter.signals.find("CallEnded"), 10, "the emitter to notice")
    check(relay.key in ended[0][3][2], ended[0][3][2])
    equal(emitter.get("ListenerCount"), 0, "ListenerCount")
    check("does not trust our certificate" in call.wait_ended(15), "the reason at the listener")
    equal(relay.passed(), [], "what passed")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
