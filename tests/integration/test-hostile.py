#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The peer among strangers: hand-made remotes and relays that lie, stammer and
flood. Nothing that comes over the relay may harm the daemon or its other calls,
and no number may come from somebody whose certificate is not the announced one.
"""

import os
import re
import resource
import select
import signal
import sys
import time
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from bridge import LEFT, RIGHT, Bridge  # noqa: E402
from harness import check, equal, note, wait_for  # noqa: E402
from wsclient import BINARY, TEXT, Closed, Timeout, WsClient, WsServer  # noqa: E402


def hand_made(world, relay, name="evil", room=""):
    """A client that speaks rtcbus.1 and does what the test tells it to."""
    client = world.closing(WsClient(relay.port, f"/{room}?name={name}", protocols=["rtcbus.1"]))
    client.welcome = client.expect("welcome")
    return client


class FakeRelay:
    """A relay played by the test, with one peer of ours as its only real client.
    Without WELCOME it is a foreign server that knows no subprotocol."""

    def __init__(self, world, name="peer", welcome=True, **kwargs):
        self.server = world.closing(WsServer())
        self.peer = world.peer(name, self.server.url(), connected=False, **kwargs)
        self.probes = 0
        self.accept(welcome)

    def accept(self, welcome=True, timeout=60):
        self.client = self.server.accept(timeout * harness.SLOW, welcome and "rtcbus.1")
        if welcome:
            self.client.send_json({"type": "welcome", "id": "me", "room": "", "peers": [],
                                   "iceServers": []})
        self.peer.wait_connected()

    def probe(self, **members):
        """A call from somebody new must be answered with a proper offer."""
        self.probes += 1
        sender = f"probe-{self.probes}"
        session = f"session-{self.probes}"
        call = dict({"type": "call", "from": sender, "session": session}, **members)
        for again in (True, False):
            try:
                self.client.send_json(call)
                offer = self.client.expect("offer", session=session)
                break
            except (Closed, OSError):  # it may hang up on a relay that talks nonsense
                check(again, "the peer hung up on a proper call")
                self.accept()
        equal(offer.get("to"), sender, "to")
        self.offer = offer["sdp"]["sdp"]
        self.client.send_json({"type": "bye", "from": sender, "session": session})
        return offer


# ---- what our frames look like -----------------------------------------------------


def check_offer(frame, peer):
    equal(set(frame["sdp"]), {"type", "sdp"}, "members of sdp")
    equal(frame["sdp"]["type"], "offer", "type in sdp")
    sdp = frame["sdp"]["sdp"]
    check(sdp.endswith("\r\n") and "\n" not in sdp.replace("\r\n", ""), "lines end in CR LF")
    for pattern in (r"^v=0\r", r"^m=application \d+ UDP/DTLS/SCTP webrtc-datachannel\r",
                    r"^a=setup:actpass\r", r"^a=ice-options:.*trickle", r"^a=mid:", r"^a=ice-ufrag:",
                    r"^a=ice-pwd:", r"^a=sctp-port:\d+\r", r"^a=max-message-size:\d+\r",
                    r"^a=group:BUNDLE "):
        check(re.search(pattern, sdp, re.MULTILINE), f"{pattern} is not in the offer:\n{sdp}")
    fingerprint = re.search(r"^a=fingerprint:(.*)\r", sdp, re.MULTILINE).group(1)
    equal(fingerprint, peer.get("Fingerprint"), "fingerprint")


def test_frames_to_a_listener(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay)
    evil = hand_made(world, relay)
    emitter_id = [p["id"] for p in evil.welcome["peers"] if p["name"] == "emitter"][0]
    for session in ({"session": "one"}, {}, {"session": "übung \" \\ 3"}):
        evil.send_json(dict({"type": "call", "channel_id": "x", "to": "emitter"}, **session))
        offer = evil.expect("offer")
        check_offer(offer, emitter)
        equal(offer["from"], emitter_id, "from")
        equal(offer["to"], evil.welcome["id"], "to")
        candidate = evil.expect("candidate")
        for frame in offer, candidate:
            if session:
                equal(frame.get("session"), session["session"], "session")
        inner = candidate["candidate"]
        check(re.match(r"candidate:\S+ 1 udp \d+ \S+ \d+ typ host", inner["candidate"], re.I),
              inner["candidate"])
        equal(inner["sdpMLineIndex"], 0, "sdpMLineIndex")
        check(isinstance(inner["sdpMid"], str), "sdpMid")
        check("a=ice-ufrag:" + inner["usernameFragment"] in offer["sdp"]["sdp"], "usernameFragment")
        evil.send_json(dict({"type": "bye", "to": "emitter"}, **session))
        wait_for(lambda: emitter.calls() == [], 5, "the call to end at bye")


def test_frames_to_an_emitter(world):
    relay = world.relay()
    listener = world.peer("listener", relay)
    evil = hand_made(world, relay)
    listener.wait_peer("evil")
    call = listener.call("evil", channel_id="the \u2022 text")
    frame = evil.expect("call")
    equal(frame["channel_id"], "the \u2022 text", "channel_id")
    equal(frame["to"], evil.welcome["id"], "to")
    check(isinstance(frame["session"], str) and frame["session"], "session")
    other = listener.call("evil", another=True)
    check(evil.expect("call")["session"] != frame["session"], "two calls have one session")
    call.hangup()
    equal(evil.expect("bye")["session"], frame["session"], "session of the bye")
    evil.send_json({"type": "bye", "to": "listener", "session": "never heard of"})
    harness.hold(other.exists, 0.3, "the other call")


def test_left_while_stopping(world):
    """Whoever has our name leaves while we say goodbye: we do not come back for it."""
    server = world.closing(WsServer())
    peer = world.peer("peer", server.url(), connected=False, config={"Peer": {"Name": None}})
    refused = server.accept(answer=b"HTTP/1.1 409 No\r\nContent-Length: 0\r\n\r\n")
    own = re.search(r"name=([^ &]*)", refused.request).group(1)
    client = server.accept()
    client.send_json({"type": "welcome", "id": "me", "room": "", "iceServers": [],
                      "peers": [{"id": "holder", "name": own}]})
    peer.wait_connected()
    check(peer.get("Name") != own, "two have one name")
    peer.signal(signal.SIGTERM)
    wait_for(lambda: select.select([client.socket], [], [], 0)[0], 10, "its goodbye")
    client.send_json({"type": "left", "id": "holder"})
    peer.expect_exit(0)
    check(not server.pending(), "it connects again")


def test_handshake(world):
    server = world.closing(WsServer())
    peer = world.peer("küche & co", server.url("green house"), connected=False,
                      config={"Relay": {"Origin": "https://rtcbus.example"}})
    client = server.accept()
    target = urlsplit(client.request.split()[1])
    equal(parse_qs(target.query).get("name"), ["küche & co"], "name in the URL")
    equal(target.path, "/green%20house", "path")
    equal(client.protocol, "rtcbus.1", "subprotocol")
    equal(client.headers.get("origin"), "https://rtcbus.example", "Origin")
    client.send_json({"type": "welcome", "id": "me", "room": "green house", "peers": []})
    peer.wait_connected()


def test_name_that_stays_taken(world):
    """A relay that never knows whether who has a name is still there: our own is tried four
    times, then another, and calls are placed as soon as that is ours."""
    server = world.closing(WsServer())
    peer = world.peer("peer", server.url(), connected=False, config={"Peer": {"Name": None}})
    names = []

    def asked():
        line = server.connections[-1].request
        names.append(parse_qs(urlsplit(line.split()[1]).query)["name"][0])

    started = time.monotonic()
    for _ in range(4):
        server.accept(status=409, fields="Retry-After: 3600\r\n")
        asked()
    call = peer.call("")  # the relay is there, so it waits
    client = server.accept()
    asked()
    took = time.monotonic() - started
    check(took > 9, f"the other name after {took:.1f} s")
    equal(names[:4], names[:1] * 4, "names")
    check(re.fullmatch(re.escape(names[0][:59]) + "-[0-9a-f]{4}", names[4]), f"{names}")
    client.send_json({"type": "welcome", "id": "me", "room": "", "peers": []})
    peer.wait_connected()
    equal(client.recv_json()["type"], "call", "the first frame")
    check(call.exists(), "the call is gone")
    client.close()
    server.accept(status=409)  # and one that does know: there is nothing to wait for
    asked()
    server.accept()
    asked()
    equal(names[5:], [names[0], names[4]], "names")


def test_backoff(world):
    """Attempts get rarer, and the first comes soon."""
    server = world.closing(WsServer())
    world.peer("peer", server.url(), connected=False)
    times = []
    for _ in range(5):
        server.accept(status=503)
        times.append(time.monotonic())
    gaps = [b - a for a, b in zip(times, times[1:])]
    note("gaps: " + ", ".join(f"{gap:.2f} s" for gap in gaps))
    check(gaps[0] < 10, "the first attempt comes too late")
    check(gaps[3] > 1.2, "the attempts do not get rarer")  # 2 to 4 s, the first 0.25 to 0.5
    check(min(gaps) > 0.02, "no pause between attempts")
    check(sum(gaps) < 20, "they get rarer too fast")  # 7.5 s at most


# ---- false certificates ----------------------------------------------------------------


def forge(side_to_forge, description):
    def change(side, frame):
        if side == side_to_forge and frame["type"] == description:
            def other(match):
                digit = "0" if match.group(2) != "0" else "1"
                return match.group(1) + digit
            text = frame["sdp"]["sdp"]
            forged = re.sub(r"(a=fingerprint:sha-256 )([0-9A-Fa-f])", other, text)
            check(forged != text, "no fingerprint to forge")
            frame["sdp"]["sdp"] = forged
        return [frame]

    return change


def forged_call(world, side, description):
    relay = world.relay()
    emitter = world.peer("emitter", relay, room="left", source="random")
    listener = world.peer("listener", relay, room="right")
    bridge = Bridge(world, relay, "left", "right", forge(side, description))
    call = listener.call("")
    bridge.wait_for(lambda: bridge.seen("answer"), 5, "an answer")
    bridge.wait_for(call.ended, 40, "the listener's call to fail")
    bridge.wait_for(lambda: emitter.signals.find("CallEnded"), 40, "the emitter's call to fail")
    for peer in emitter, listener:
        ended = peer.signals.find("CallEnded")[0][3]
        note(f"{peer.name}: {ended[2]}")
    equal(listener.received(), 0, "numbers received")
    equal(listener.signals.find("NumberReceived"), [], "signals")
    check("connected" not in call.states(), f"states {call.states()}")
    return emitter.signals.find("CallEnded")[0][3][2], call.ended()[2]


def about_certificate(reason):
    check(re.search("fingerprint|certificate", reason, re.I), f"unclear reason: {reason}")


def test_wrong_fingerprint_in_the_offer(world):
    about_certificate(forged_call(world, LEFT, "offer")[1])


def test_fingerprint_of_a_hash_unknown(world):
    """An unknown hash proves nothing, so it must not let anybody in."""

    def change(side, frame):
        if side == LEFT and frame["type"] == "offer":
            frame["sdp"]["sdp"] = frame["sdp"]["sdp"].replace("sha-256 ", "md5 ")
        return [frame]

    relay = world.relay()
    world.peer("emitter", relay, room="left", source="random")
    listener = world.peer("listener", relay, room="right")
    bridge = Bridge(world, relay, "left", "right", change)
    call = listener.call("")
    bridge.wait_for(call.ended, 40, "the call to fail")
    about_certificate(call.ended()[2])
    equal(listener.received(), 0, "numbers received")


def test_wrong_fingerprint_in_the_answer(world):
    about_certificate(forged_call(world, RIGHT, "answer")[0])


# ---- descriptions that are none ----------------------------------------------------------


def spoil(sdp):
    """Variations of a good SDP, none of which can work."""
    def without(name):
        return re.sub(rf"(?m)^a={name}.*\r\n", "", sdp)

    def replaced(pattern, text):
        spoiled = re.sub(pattern, text, sdp)
        check(spoiled != sdp, f"nothing to spoil: {pattern}")
        return spoiled

    return {
        "empty": "",
        "no newline": "v=0",
        "prose": "I am not a description.\r\n" * 10,
        "zeros": "\u0000\u0001\u0002" * 100,
        "half": sdp[:len(sdp) // 2].rpartition("\r\n")[0][:40],
        "no ufrag": without("ice-ufrag"),
        "no pwd": without("ice-pwd"),
        "short pwd": replaced(r"(?m)^a=ice-pwd:.*\r$", "a=ice-pwd:x\r"),
        "long ufrag": replaced(r"(?m)^a=ice-ufrag:.*\r$", f"a=ice-ufrag:{'u' * 5000}\r"),
        "no fingerprint": without("fingerprint"),
        "short fingerprint": replaced(r"(a=fingerprint:sha-256 ..):[^\r]*", r"\1"),
        "weak hash": replaced(r"a=fingerprint:sha-256 [^\r]*",
                              "a=fingerprint:md5 " + ":".join(["AA"] * 16)),
        "audio": replaced("m=application [^\r]*", "m=audio 9 UDP/TLS/RTP/SAVPF 111"),
        "no media": sdp[:sdp.index("m=")],
        "huge": sdp + "a=x:" + "y" * 40000 + "\r\n",
        "many lines": sdp.split("m=")[0] + "a=x\r\n" * 12000,
    }


# What is no worse at first than a remote that is not there: these calls end by their timeout.
PLAUSIBLE = ("huge",)


def failed_by_itself(name, reason):
    note(f"{name}: {reason}")
    late = "did not answer in time" in reason or "no path between" in reason
    check(not late or name in PLAUSIBLE, f"{name} was taken for a description")


def test_bad_answers(world):
    relay = world.relay(config={"Relay": {"MaxMessageSize": "256K"}})
    emitter = world.peer("emitter", relay)
    good = world.peer("good", relay)
    good.call("emitter").wait_state("connected")
    wait_for(lambda: emitter.get("ListenerCount") == 1, 5, "the good listener")
    evil = hand_made(world, relay)
    evil.send_json({"type": "call", "to": "emitter", "session": "model"})
    sdp = evil.expect("offer")["sdp"]["sdp"].replace("actpass", "active")
    forms = [lambda text: {"type": "answer", "sdp": text}, lambda text: text]
    for number, (name, text) in enumerate(spoil(sdp).items()):
        session = f"bad-{number}"
        ends = len(emitter.signals.find("CallEnded"))
        evil.send_json({"type": "call", "to": "emitter", "session": session})
        evil.expect("offer", session=session)
        evil.send_json({"type": "answer", "to": "emitter", "session": session,
                        "sdp": forms[number % 2](text)})
        if name in PLAUSIBLE:
            evil.send_json({"type": "bye", "to": "emitter", "session": session})
        wait_for(lambda n=ends: len(emitter.signals.find("CallEnded")) > n, 60, f"{name} to fail")
        failed_by_itself(name, emitter.signals.find("CallEnded")[-1][3][2])
    odd = [None, 7, True, [], {}, {"type": "answer"}, {"sdp": None}, {"sdp": {"sdp": "v=0"}},
           {"type": "rollback", "sdp": ""}, {"type": "offer", "sdp": sdp}]
    for number, value in enumerate(odd):
        names = {"to": "emitter", "session": f"odd-{number}"}
        evil.send_json(dict(names, type="call"))
        evil.expect("offer", session=names["session"])
        evil.send_json(dict(names, type="answer", sdp=value))
        evil.send_json(dict(names, type="bye"))
    emitter.publish(8)
    equal([n[3] for n in good.wait_numbers(1)], [8.0], "the good listener's numbers")
    evil.close()
    wait_for(lambda: len(emitter.calls()) == 1, 60, "the bad calls to go")
    equal(emitter.get("ListenerCount"), 1, "ListenerCount")


def test_bad_offers(world):
    relay = world.relay(config={"Relay": {"MaxMessageSize": "256K"}})
    emitter = world.peer("emitter", relay)
    listener = world.peer("listener", relay)
    evil = hand_made(world, relay)
    evil.send_json({"type": "call", "to": "emitter", "session": "model"})
    sdp = evil.expect("offer")["sdp"]["sdp"]
    listener.wait_peer("evil")
    for name, text in spoil(sdp).items():
        call = listener.call("evil", timeout=1 if name in PLAUSIBLE else 30)
        session = evil.expect("call")["session"]
        evil.send_json({"type": "offer", "to": "listener", "session": session,
                        "sdp": {"type": "offer", "sdp": text}})
        failed_by_itself(name, call.wait_ended(60))
        # And once more unasked: nothing may stay of it.
        evil.send_json({"type": "offer", "to": "listener", "session": "unasked " + name,
                        "sdp": {"type": "offer", "sdp": text}})
    listener.wait_peer("emitter")
    listener.call("emitter").wait_state("connected")
    wait_for(lambda: emitter.get("ListenerCount") == 1, 5, "the listener")
    emitter.publish(9)
    equal([n[3] for n in listener.wait_numbers(1)], [9.0], "numbers")


# ---- frames that are none ----------------------------------------------------------------


def bad_frames():
    deep = 100000
    return {
        "empty": (TEXT, ""),
        "word": (TEXT, "hello"),
        "half": (TEXT, '{"type":"call",'),
        "array": (TEXT, "[1,2,3]"),
        "number": (TEXT, "42"),
        "null": (TEXT, "null"),
        "deep arrays": (TEXT, "[" * deep),
        "deep objects": (TEXT, '{"type":"call","x":' * 20000 + "1" + "}" * 20000),
        "deep member": (TEXT, '{"type":"call","from":"x","x":' + "[" * deep + "]" * deep + "}"),
        "types": (TEXT, '{"type":["call"],"from":{"a":1},"session":7,"to":[]}'),
        "type twice": (TEXT, '{"type":"call","type":"bye","from":"a","from":"b"}'),
        "long type": (TEXT, '{"type":"' + "x" * 500000 + '"}'),
        "long session": (TEXT, '{"type":"call","from":"a","session":"' + "s" * 500000 + '"}'),
        "surrogates": (TEXT, '{"type":"call","from":"\\ud800","session":"\\udfff\\u0000x"}'),
        "nul": (TEXT, '{"type":"call\u0000","from":"a"}'),
        "long number": (TEXT, '{"type":"candidate","from":"a","candidate":{"sdpMLineIndex":1'
                        + "0" * 5000 + "}}"),
        "welcome again": (TEXT, '{"type":"welcome","id":7,"peers":"no","iceServers":{}}'),
        "odd welcome": (TEXT, '{"type":"welcome","id":"me","room":3,"peers":[null,7,{},{"id":1},'
                        '{"id":"x","name":[]}],"iceServers":[null,3,{"urls":7},{"urls":[1]},'
                        '{"urls":"http://x"},{"urls":["stun:"],"username":4}]}'),
        "odd joined": (TEXT, '{"type":"joined","name":"x"}'),
        "odd left": (TEXT, '{"type":"left","id":null}'),
        "odd error": (TEXT, '{"type":"error","code":4,"message":null,"to":{}}'),
        "odd candidate": (TEXT, '{"type":"candidate","from":"a","candidate":7}'),
        "odd answer": (TEXT, '{"type":"answer","from":"a","session":"b","sdp":"v=0"}'),
        "answer to nothing": (TEXT, '{"type":"answer","sdp":{"type":"answer","sdp":"v=0"}}'),
        "binary": (BINARY, b"\x00\x01\x02"),
        "latin-1": (TEXT, '{"type":"caf\xe9"}'.encode("latin-1")),
    }


def test_bad_frames_from_the_relay(world):
    fake = FakeRelay(world)
    for name, (opcode, payload) in bad_frames().items():
        try:
            fake.client.send_frame(opcode, payload)
        except OSError:
            pass
        check(fake.peer.running(), f"the peer died of: {name}")
        fake.probe()
    wait_for(lambda: fake.peer.calls() == [], 60, "all calls to end")


def test_relay_that_breaks_the_websocket(world):
    breaks = [
        b"\x85\x00",                        # opcode 5
        b"\xf1\x00",                        # reserved bits
        b"\x81\x85abcdhello",               # a masked frame from a server
        b"\x81\x7f" + b"\xff" * 8,          # a frame of 2^64 - 1 bytes
        b"\x81\x7f\x00\x00\x00\x00\x40\x00\x00\x00" + b"x" * 1000,  # 1 GiB is announced
        b"\x89\x7e\x01\x00" + b"p" * 256,   # a ping that is too long
        b"\x88\x01x",                       # a close code of one byte
        b"",                                # just gone
    ]
    fakes = [FakeRelay(world, f"peer-{number}") for number in range(len(breaks))]
    for fake, data in zip(fakes, breaks):
        if data:
            fake.client.send_raw(data)
        fake.client.socket.close()
    for fake in fakes:
        fake.accept()
        fake.probe()


def test_frames_for_others_are_ignored(world):
    fake = FakeRelay(world)
    for to in ("somebody", "", "me ", "ME"):
        fake.client.send_json({"type": "call", "from": "x", "session": "s", "to": to})
    fake.probe(to="me")
    equal([call.path for call in fake.peer.calls() if call.get("Peer") == "x"], [],
          "calls from x")


def test_relay_says_no_such_peer(world):
    fake = FakeRelay(world)
    fake.client.send_json({"type": "joined", "id": "ghost", "name": "ghost"})
    fake.peer.wait_peer("ghost")
    call = fake.peer.call("ghost")
    equal(fake.client.expect("call")["to"], "ghost", "to")
    fake.client.send_json({"type": "error", "code": "no-such-peer", "message": "gone",
                           "to": "ghost"})
    note("ended with: " + call.wait_ended(5))


def test_callee_leaves_before_the_offer(world):
    fake = FakeRelay(world)
    fake.client.send_json({"type": "joined", "id": "ghost", "name": "ghost"})
    fake.peer.wait_peer("ghost")
    call = fake.peer.call("ghost")
    fake.client.expect("call")
    fake.client.send_json({"type": "left", "id": "ghost", "name": "ghost"})
    note("ended with: " + call.wait_ended(5))


def test_silent_relay_that_knows_nothing(world):
    """No welcome, no from: one anonymous remote, as at a foreign server."""
    fake = FakeRelay(world, welcome=False)
    for _ in range(3):
        fake.client.send_json({"type": "call", "channel_id": "again"})
        offer = fake.client.expect("offer")
        check(offer.get("to") is None, "an anonymous remote has no id")
    wait_for(lambda: len(fake.peer.calls()) == 1, 5, "one anonymous remote at a time")


def test_echo(world):
    """A foreign server that has lost count sends us what we said."""
    fake = FakeRelay(world, welcome=False)
    call = fake.peer.call("")
    for _ in range(6):
        try:
            frame = fake.client.recv_json(0.5)
        except Timeout:
            break
        fake.client.send_json(frame)
    check(fake.peer.running(), "it died of its own words")
    check(len(fake.peer.calls()) <= 2, f"{len(fake.peer.calls())} calls out of one")
    call.hangup()
    wait_for(lambda: fake.peer.calls() == [], 60, "all calls to end")


# ---- floods ------------------------------------------------------------------------------


def growth(peer, before):
    grown = peer.rss_kib() - before
    note(f"RSS grew by {grown} KiB")
    return 0 if peer.sanitized() else grown


def send_many(fake, frames):
    for frame in frames:
        fake.client.send_json(frame)
    fake.probe()


def candidate(number, size=0):
    return {"candidate": f"candidate:{number} 1 udp 2130706431 10.{number >> 16 & 255}."
                         f"{number >> 8 & 255}.{number & 255} {number % 60000 + 1} typ host"
                         + " x y" * (size // 4), "sdpMid": "0", "sdpMLineIndex": 0}


def test_ten_thousand_candidates_before_any_offer(world):
    fake = FakeRelay(world)
    fake.probe()
    before = fake.peer.rss_kib()
    send_many(fake, ({"type": "candidate", "from": "flood", "session": "one",
                      "candidate": candidate(n)} for n in range(10000)))
    send_many(fake, ({"type": "candidate", "from": f"flood-{n}", "session": f"s{n}",
                      "candidate": candidate(n)} for n in range(10000)))
    check(growth(fake.peer, before) < 16 * 1024, "early candidates are kept without a limit")


def test_ten_thousand_candidates_in_a_call(world):
    fake = FakeRelay(world)
    fake.probe()
    before = fake.peer.rss_kib()
    fake.client.send_json({"type": "call", "from": "flood", "session": "one"})
    fake.client.expect("offer", session="one")
    send_many(fake, ({"type": "candidate", "from": "flood", "session": "one",
                      "candidate": candidate(n)} for n in range(10000)))
    check(growth(fake.peer, before) < 16 * 1024, "candidates are kept without a limit")
    fake.client.send_json({"type": "left", "id": "flood", "name": None})
    wait_for(lambda: fake.peer.calls() == [], 60, "the call to end")


def test_huge_candidates(world):
    fake = FakeRelay(world)
    fake.client.send_json({"type": "call", "from": "flood", "session": "one"})
    fake.client.expect("offer", session="one")
    before = fake.peer.rss_kib()
    send_many(fake, ({"type": "candidate", "from": "flood", "session": "one",
                      "candidate": candidate(n, 50000)} for n in range(200)))
    check(growth(fake.peer, before) < 16 * 1024, "huge candidates are kept")


def flood_of_calls(fake, count):
    """COUNT callers at once; how many of them got an offer, the others a bye."""
    for n in range(count):
        fake.client.send_json({"type": "call", "from": f"caller-{n}", "session": f"s{n}",
                               "to": "me"})
    answers = {}
    while len(answers) < count:
        frame = fake.client.recv_json()
        if frame["type"] in ("offer", "bye"):
            answers.setdefault(frame["session"], frame["type"])
    return list(answers.values()).count("offer")


def no_more_callers(fake, count):
    for n in range(count):
        fake.client.send_json({"type": "bye", "from": f"caller-{n}", "session": f"s{n}"})
    wait_for(lambda: fake.peer.calls() == [], 30, "all calls to end")
    fake.probe()


def test_six_hundred_callers(world):
    """Each is answered, one way or the other, and in the end nothing is left of them."""
    fake = FakeRelay(world)
    fake.probe()
    fds, before = fake.peer.fds(), fake.peer.rss_kib()
    offers = flood_of_calls(fake, 600)
    note(f"{offers} offers of 600, {fake.peer.fds()} descriptors")
    check(growth(fake.peer, before) < 600 * 100, "more than 100 KiB a call")
    no_more_callers(fake, 600)
    wait_for(lambda: fake.peer.fds() <= fds + 5, 10, "the descriptors to be closed")


def test_more_callers_than_descriptors(world):
    """Half of the descriptors are not for strangers: the daemon and its bus go on, and so does
    a call of our own."""
    fake = FakeRelay(world)
    fake.probe()
    resource.prlimit(fake.peer.pid, resource.RLIMIT_NOFILE, (100, 100))
    offers = flood_of_calls(fake, 200)
    note(f"{offers} offers of 200 with 100 descriptors, of which {fake.peer.fds()} are in use")
    check("LimitNOFILE=" in fake.peer.stderr(), "the log does not say why calls are refused")
    check(fake.peer.fds() < 75, f"{fake.peer.fds()} descriptors in use")
    fake.client.send_json({"type": "joined", "id": "friend", "name": "friend"})
    fake.peer.wait_peer("friend")
    call = fake.peer.call("friend")
    session = fake.client.expect("call")["session"]
    fake.client.send_json({"type": "offer", "from": "friend", "to": "me", "session": session,
                           "sdp": {"type": "offer", "sdp": fake.offer}})
    fake.client.expect("answer", session=session)
    call.hangup()
    check(fake.peer.get("RelayState") == "connected", "the relay was lost")
    no_more_callers(fake, 200)


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
