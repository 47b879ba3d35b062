#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Offers within a call, of somebody who has no business there: hand-made clients who know the
session of a call, the fingerprint of its remote, or both."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from harness import check, equal, wait_for  # noqa: E402
from icelite import PASSWORD, IceLite  # noqa: E402
from wsclient import WsClient  # noqa: E402

SDP = """v=0
o=- 4711 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:{ufrag}
a=ice-pwd:{password}
a=fingerprint:{fingerprint}
a=setup:actpass
a=mid:0
a=sctp-port:5000
"""
OTHER = "sha-256 " + ":".join(["AB"] * 32)


def hand_made(world, relay, name):
    client = world.closing(WsClient(relay.port, f"/?name={name}", protocols=["rtcbus.1"]))
    client.welcome = client.expect("welcome")
    return client


def offer(client, fingerprint, ufrag="evil", more="", **members):
    sdp = SDP.format(ufrag=ufrag, password=PASSWORD, fingerprint=fingerprint) + more
    sdp = sdp.replace("\n", "\r\n")
    client.send_json({"type": "offer", "sdp": {"type": "offer", "sdp": sdp}, **members})


def overheard_call(world):
    """A call to whoever answers: the whole room has heard its session."""
    relay = world.relay()
    evil = hand_made(world, relay, "evil")
    emitter = world.peer("emitter", relay, source="random")
    listener = world.peer("listener", relay)
    call = listener.call("")
    session = evil.expect("call")["session"]
    call.wait_state("connected")
    listener.wait_numbers(3)
    return evil, emitter, listener, call, session


def check_unharmed(emitter, listener, call):
    listener.wait_numbers(10, 30, after=listener.received())
    equal(call.get("State"), "connected", "State")
    equal(call.states(), ["calling", "connecting", "connected"], "its states")
    check(emitter.get("ListenerCount") >= 1, "the emitter has no listener")


def test_session_and_another_key(world):
    evil, emitter, listener, call, session = overheard_call(world)
    offer(evil, OTHER, to="listener", session=session)
    evil.send_json({"type": "bye", "to": "listener", "session": session})
    equal(evil.expect("bye")["session"], session, "the session of the bye")
    check_unharmed(emitter, listener, call)


def test_session_and_the_same_key(world):
    """Whoever knows both has two answers, and nothing else: no data ever comes from there. Frames
    for the emitter go to the emitter again soon, and a `bye` from elsewhere is none."""
    evil, emitter, listener, call, session = overheard_call(world)
    for n in range(3):
        offer(evil, emitter.get("Fingerprint"), f"evil{n}", to="listener", session=session,
              restart=True)
        if n < 2:
            evil.expect("answer", session=session)
        else:
            wait_for(lambda: "too many from where" in listener.stderr(), 20, "the refusal")
        evil.send_json({"type": "bye", "to": "listener", "session": session})
        evil.send_json({"type": "bye", "to": "listener", "session": session, "reason": "gone"})
    check_unharmed(emitter, listener, call)
    equal(len(listener.calls()), 1, "calls of the listener")
    call.hangup()
    wait_for(lambda: emitter.calls() == [], 30, "the emitter to hear of the end")


def test_path_of_somebody_without_the_key(world):
    """He makes a pair with each end of the call, as if the other one had moved there. Both ask there
    for a sign of each other, and go on where they are; and he is not the one who may say `bye`."""
    evil, emitter, listener, call, session = overheard_call(world)
    ends = {"listener": emitter, "emitter": listener}
    host = call.get("LocalCandidate").split()[4]
    paths = {name: IceLite(world, host) for name in ends}
    before = call.get("RemoteCandidate")
    for name, other in ends.items():
        offer(evil, other.get("Fingerprint"), f"evil{name}", to=name, session=session, restart=True,
              more=f"a=ice-lite\na={paths[name].candidate}\na=end-of-candidates\n")
    wait_for(lambda: all(path.records > 3 for path in paths.values()), 60, "the ends to ask him")
    for name in ends:
        evil.send_json({"type": "bye", "to": name, "session": session})
    check_unharmed(emitter, listener, call)
    equal(call.get("RemoteCandidate"), before, "where the call goes")
    for peer in ends.values():
        equal([c.get("State") for c in peer.calls()], ["connected"], "the calls of both")
    call.hangup()
    wait_for(lambda: emitter.calls() == [], 30, "the emitter to hear of the end")


def test_restart_of_an_unknown_call(world):
    """It begins none."""
    relay = world.relay()
    evil = hand_made(world, relay, "evil")
    listener = world.peer("listener", relay)
    offer(evil, OTHER, to="listener", session="unheard-of", restart=True)
    equal(evil.expect("bye", session="unheard-of")["reason"], "gone", "the reason")
    equal(listener.calls(), [], "calls of the listener")
    offer(evil, OTHER, to="listener", session="unheard-of")
    evil.expect("answer", session="unheard-of")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
