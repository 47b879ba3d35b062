#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The first clients of rtcbus: three naive Node.js programs, each of which must be
replaceable by ours.

The npm packages come from tests/foreign/install; without them all is skipped.
"""

import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))

import harness  # noqa: E402
from bridge import LEFT, RIGHT, Bridge  # noqa: E402
from harness import check, equal, note, wait_for  # noqa: E402

CALL_LIMIT = 5  # seconds from a call to its numbers
LARGEST = 16777215
MANY = 20


def module_folder():
    """Where install put the npm packages, or None."""
    for folder in (os.environ.get("RTCBUS_NODE_DIR"),
                   os.path.join(harness.TOP_BUILDDIR, "_lab", "node"),
                   os.path.join(harness.TOP_SRCDIR, "_lab", "node")):
        if folder and os.path.isdir(os.path.join(folder, "node_modules", "@roamhq", "wrtc")):
            return os.path.join(folder, "node_modules")
    return None


# ---- the foreign programs --------------------------------------------------------


def run_node(world, script, *args):
    env = dict(os.environ, NODE_PATH=module_folder())
    return world.run(script, ["node", os.path.join(HERE, script + ".js"), *map(str, args)],
                     env=env)


def alive(process):
    check(process.running(), f"{process.name} exited {process.child.returncode}")


def foreign_server(world, script="server"):
    server = run_node(world, script, 0)

    def listening():
        alive(server)
        return server.lines()

    line = wait_for(listening, 10, "the foreign server")[0]
    return f"ws://127.0.0.1:{line.split()[-1]}/"


def foreign_emitter(world, url, interval=50):
    emitter = run_node(world, "emitter", url, interval)

    def connected():
        alive(emitter)
        return "connected" in emitter.lines()

    wait_for(connected, 10, "the foreign emitter")
    return emitter


def foreign_listener(world, url):
    return run_node(world, "listener", url)


def wait_lines(listener, count, timeout=CALL_LIMIT, bridge=None):
    """Until a foreign listener has printed COUNT lines, all of them numbers."""

    def enough():
        alive(listener)
        lines = listener.lines()
        return lines if len(lines) >= count else None

    wait = bridge.wait_for if bridge else wait_for
    lines = wait(enough, timeout, f"{count} lines from {listener.name}")
    for line in lines:
        check(re.fullmatch(r"0|[1-9][0-9]{0,7}", line) and int(line) <= LARGEST,
              f"{line!r} is not a number of the feed")
    return lines


def check_numbers(numbers):
    for _, _, _, value in numbers:
        check(value == int(value) and 0 <= value <= LARGEST, f"{value} is not of the feed")


# ---- all eight combinations --------------------------------------------------------


def combination(world, server, emitter, listener):
    if server == "own":
        relay = world.relay()
        url = relay.url()
    else:
        url = foreign_server(world)
    if emitter == "own":
        world.peer("emitter", url, source="random")
    else:
        foreign_emitter(world, url)
    if listener == "own":
        peer = world.peer("listener", url)
        call = peer.call()
        check_numbers(peer.wait_numbers(5, CALL_LIMIT))
        equal(call.get("State"), "connected", "State")
        note(f"set-up: {call.get('SetupTime') / 1000:.0f} ms")
    else:
        wait_lines(foreign_listener(world, url), 5)


def make_combinations():
    tests = []
    for server in ("foreign", "own"):
        for emitter in ("foreign", "own"):
            for listener in ("foreign", "own"):
                def test(world, s=server, e=emitter, l=listener):
                    combination(world, s, e, l)
                test.__name__ = f"test_{server}_server_{emitter}_emitter_{listener}_listener"
                tests.append(test)
    return tests


def test_echoed_subprotocol(world):
    """A server that selects rtcbus.1 without knowing it, and each of the others at it."""
    url = foreign_server(world, "echo-server")
    peer = world.peer("listener", url)
    foreign_emitter(world, url)
    call = peer.call()
    check_numbers(peer.wait_numbers(5, CALL_LIMIT))
    call.hangup()
    call.wait_ended()
    peer.stop()
    world.peer("own", foreign_server(world, "echo-server"), source="random")
    wait_lines(foreign_listener(world, world.daemons[-1].config["Relay"]["URL"]), 3)


def test_room(world):
    """Foreign programs in a room that is not the default one."""
    relay = world.relay()
    world.peer("elsewhere", relay, source="random")
    foreign_emitter(world, relay.url("greenhouse"))
    elsewhere = world.peer("stranger", relay, room="attic")
    listener = foreign_listener(world, relay.url("greenhouse"))
    wait_lines(listener, 3)
    equal(elsewhere.received(), 0, "numbers in another room")
    check("channel msg_channel" in listener.stderr(), "the channel is not msg_channel")


# ---- many, and coming and going ----------------------------------------------------


def publish_all(emitter, count):
    return [int(v) for v in range(count) if emitter.publish(v) is not None]


def wait_until_they_read(emitter, listeners):
    """wrtc hands a program its first messages by the way, and the second may come before the first."""
    emitter.publish(100)
    for listener in listeners:
        wait_lines(listener, 1)


def test_twenty_foreign_listeners(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay)
    listeners = [foreign_listener(world, relay.url()) for _ in range(MANY)]
    wait_for(lambda: emitter.get("ListenerCount") == MANY, 120, "twenty open channels")
    wait_until_they_read(emitter, listeners)
    sent = publish_all(emitter, 50)
    for listener in listeners:
        equal([int(line) for line in wait_lines(listener, 51)[1:]], sent, "what arrived")


def test_twenty_own_listeners(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay)
    listeners = [world.peer(f"listener-{i}", relay) for i in range(MANY)]
    calls = [listener.call("emitter") for listener in listeners]
    for call in calls:
        call.wait_state("connected", CALL_LIMIT)
    wait_for(lambda: emitter.get("ListenerCount") == MANY, 5, "twenty listeners")
    sent = publish_all(emitter, 50)
    for listener in listeners:
        numbers = listener.wait_numbers(50)
        equal([n[3] for n in numbers], sent, f"what {listener.name} received")
        equal({n[2] for n in numbers}, {"emitter"}, "peer")


def test_twenty_listeners_of_both_kinds(world):
    """Frames of foreign listeners reach everybody; nobody may take them amiss."""
    relay = world.relay()
    emitter = world.peer("emitter", relay)
    own = [world.peer(f"listener-{i}", relay) for i in range(5)]
    for peer in own:
        peer.call("emitter").wait_state("connected", CALL_LIMIT)
    foreign = [foreign_listener(world, relay.url()) for _ in range(5)]
    wait_for(lambda: emitter.get("ListenerCount") >= 10, 120, "ten listeners")
    wait_until_they_read(emitter, foreign)
    sent = publish_all(emitter, 20)
    for listener in foreign:
        seen = [int(line) for line in wait_lines(listener, 21)[1:]]
        equal(seen, sent, "what arrived")
    for peer in own:
        equal([n[3] for n in peer.wait_numbers(21)[1:]], sent, "what arrived")


def test_foreign_listener_leaves_and_returns(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay, source="random",
                         config={"Calls": {"Patience": "5s"}})
    for _ in range(3):
        listener = foreign_listener(world, relay.url())
        wait_lines(listener, 3)
        listener.kill()
    staying = foreign_listener(world, relay.url())
    wait_lines(staying, 3)
    # Nobody said goodbye; the calls of those who left have to end all the same.
    wait_for(lambda: emitter.get("ListenerCount") == 1, 60, "the dead listeners to be noticed")
    equal(len(emitter.calls()), 1, "calls left")
    for ended in emitter.signals.find("CallEnded"):
        check(ended[3][2], "a call ended without a reason")


def test_foreign_listener_returns_at_foreign_server(world):
    url = foreign_server(world)
    world.peer("emitter", url, source="random")
    for _ in range(3):
        listener = foreign_listener(world, url)
        wait_lines(listener, 3)
        listener.kill()


def test_own_listener_returns_at_foreign_server(world):
    url = foreign_server(world)
    world.peer("emitter", url, source="random")
    listener = world.peer("listener", url)
    for ending in ("hangup", "stop", "kill"):
        call = listener.call()
        listener.wait_numbers(3, CALL_LIMIT, after=listener.received())
        if ending == "hangup":
            call.hangup()
            call.wait_ended()
        else:
            getattr(listener, ending)()
            listener.restart()
            listener.wait_connected()


def test_own_listener_restarted_at_foreign_emitter(world):
    relay = world.relay()
    emitter = foreign_emitter(world, relay.url())
    listener = world.peer("listener", relay)
    for ending in ("stop", "kill", "stop"):
        before = listener.received()  # those of before a restart are still there
        listener.call()
        check_numbers(listener.wait_numbers(3, CALL_LIMIT, after=before))
        getattr(listener, ending)()
        listener.restart()
        listener.wait_connected()
    before = listener.received()
    listener.call()
    listener.wait_numbers(3, CALL_LIMIT, after=before)
    equal(len(emitter.lines()), 5, "lines of the emitter: connected and four calls")


def test_foreign_emitter_restarted(world):
    relay = world.relay()
    listener = world.peer("listener", relay, config={"Calls": {"Patience": "2s"}})
    calls = []
    for _ in range(3):
        emitter = foreign_emitter(world, relay.url())
        wait_for(lambda: listener.get("Peers"), what="the emitter to be seen")
        calls.append(listener.call(another=True))
        listener.wait_numbers(3, CALL_LIMIT, after=listener.received())
        emitter.kill()
        wait_for(lambda: not listener.get("Peers"), what="the emitter to be missed")
    for call in calls:
        note("ended with: " + call.wait_ended(60))


# ---- frames in other shapes, by a bridge between two rooms ------------------------------


def own_listener_bridged(world, change, unsolicited=False):
    """Foreign emitter in the left room, our listener in the right one."""
    relay = world.relay()
    foreign_emitter(world, relay.url("left"))
    listener = world.peer("listener", relay, room="right")
    bridge = Bridge(world, relay, "left", "right", change)
    if unsolicited:
        bridge.tell(LEFT, {"type": "call", "channel_id": "nobody asked you"})
    else:
        # A peer that is seen to join after the call is called once more, and the naive emitter
        # stumbles over that.
        wait_for(lambda: listener.get("Peers"), what="the bridge to be seen")
        listener.call()
    bridge.wait_for(lambda: listener.received() >= 3, CALL_LIMIT, "numbers")
    return listener, bridge


def own_emitter_bridged(world, change):
    """Our emitter in the left room, foreign listener in the right one."""
    relay = world.relay()
    emitter = world.peer("emitter", relay, room="left", source="random")
    bridge = Bridge(world, relay, "left", "right", change)
    listener = foreign_listener(world, relay.url("right"))
    wait_lines(listener, 3, bridge=bridge)
    return emitter, bridge


def candidates_first(held_side, description):
    """Two candidates of HELD_SIDE go ahead of its description, and not one other gets
    through from either side: only who keeps the early ones can connect."""
    held, early = [], []

    def change(side, frame):
        if frame["type"] in ("offer", "answer"):
            frame["sdp"]["sdp"] = re.sub(r"a=candidate:.*\r\n", "", frame["sdp"]["sdp"])
        if frame["type"] == description and side == held_side:
            held.append(frame)
            return []
        if frame["type"] != "candidate":
            return [frame]
        if side != held_side or not held or len(early) == 2:
            return []
        early.append(frame)
        return [frame] if len(early) == 1 else [frame, *held]

    return change


def test_candidate_before_offer(world):
    _, bridge = own_listener_bridged(world, candidates_first(LEFT, "offer"))
    check(bridge.seen("candidate", LEFT), "no candidate went over the bridge")


def test_candidate_before_answer(world):
    own_emitter_bridged(world, candidates_first(RIGHT, "answer"))


def bare(side, frame):
    if frame["type"] in ("offer", "answer"):
        return [dict(frame, sdp=frame["sdp"]["sdp"])]
    return [frame]


def test_offer_as_bare_string(world):
    own_listener_bridged(world, lambda side, f: bare(side, f) if side == LEFT else [f])


def test_answer_as_bare_string(world):
    own_emitter_bridged(world, lambda side, f: bare(side, f) if side == RIGHT else [f])


def test_offer_unsolicited(world):
    """Who offers without being asked has to say to whom."""
    listener, _ = own_listener_bridged(
        world, lambda side, f: [dict(f, to="listener")] if side == LEFT else [f],
        unsolicited=True)
    calls = listener.calls()
    equal(len(calls), 1, "number of calls")
    equal(calls[0].get("Direction"), "incoming", "Direction")


def test_offer_to_nobody_in_particular(world):
    relay = world.relay()
    foreign_emitter(world, relay.url("left"))
    listener = world.peer("listener", relay, room="right")
    bridge = Bridge(world, relay, "left", "right")
    bridge.tell(LEFT, {"type": "call", "channel_id": "nobody asked you"})
    bridge.wait_for(lambda: bridge.seen("offer", LEFT), CALL_LIMIT, "the offer")
    # What comes after it over the same connection has been read as well.
    bridge.tell(RIGHT, {"type": "call", "to": "listener", "session": "after"})
    bridge.wait_for(lambda: bridge.seen("offer", RIGHT), CALL_LIMIT, "an offer of the listener's")
    equal(len(listener.calls()), 1, "number of calls")
    equal(bridge.seen("answer", RIGHT), [], "answers")


def decorated(_side, frame):
    """Members and frames that nobody knows, before and after each frame."""
    strange = {"type": "x-weather", "sdp": 7, "candidate": [], "session": {"deep": [[[]]]}}
    extra = {"x": {"y": [1, None, "é\u0000"]}, "channel_id": 3, "id": "1", "name": None}
    return [strange, {"no": "type"}, {"type": None}, dict(extra, **frame), strange]


def test_unknown_members_and_types_to_listener(world):
    own_listener_bridged(world, lambda side, f: decorated(side, f) if side == LEFT else [f])


def test_unknown_members_and_types_to_emitter(world):
    own_emitter_bridged(world, lambda side, f: decorated(side, f) if side == RIGHT else [f])


def test_members_absent(world):
    """A candidate may come with its line alone, and a call with nothing."""

    def change(side, frame):
        if frame["type"] == "candidate" and isinstance(frame.get("candidate"), dict):
            return [dict(frame, candidate={"candidate": frame["candidate"]["candidate"]})]
        if frame["type"] == "call":
            return [{"type": "call"}]
        return [frame]

    own_emitter_bridged(world, lambda side, f: change(side, f) if side == RIGHT else [f])


def test_end_of_candidates_in_every_form(world):
    ends = [{"type": "candidate"}, {"type": "candidate", "candidate": None},
            {"type": "candidate", "candidate": ""},
            {"type": "candidate", "candidate": {"candidate": "", "sdpMid": "0"}}]

    def change(side, frame):
        return [frame, *ends] if side == LEFT and frame["type"] == "candidate" else [frame]

    own_listener_bridged(world, change)


def test_candidates_inside_the_sdp(world):
    """No trickle at all: one offer that holds the candidates."""
    held = {}

    def change(side, frame):
        if side != LEFT:
            return [frame]
        if frame["type"] == "offer":
            held["offer"] = frame
            return []
        if frame["type"] == "candidate" and "offer" in held:
            offer = held.pop("offer")
            line = "a=" + frame["candidate"]["candidate"].removeprefix("a=")
            offer["sdp"]["sdp"] = offer["sdp"]["sdp"].rstrip("\r\n") + f"\r\n{line}\r\n"
            return [offer]
        return []

    own_listener_bridged(world, change)


def test_no_session_towards_foreign(world):
    """A foreign client gets nothing that it could choke on."""
    emitter, bridge = own_emitter_bridged(world, None)
    for frame in bridge.seen("offer", LEFT):
        equal(set(frame["sdp"]), {"type", "sdp"}, "members of the offer's sdp")
    for frame in bridge.seen("candidate", LEFT):
        check(isinstance(frame.get("candidate"), dict), f"a naive client dies of {frame}")
        check(frame["candidate"]["candidate"].startswith("candidate:"),
              f"a naive client cannot parse {frame}")
    equal(emitter.get("ListenerCount"), 1, "ListenerCount")


def main():
    if not shutil.which("node"):
        harness.skip_all("node is not installed")
    if not module_folder():
        harness.skip_all("the npm packages are not there (run tests/foreign/install)")
    own = [t for name, t in sorted(globals().items()) if name.startswith("test_")]
    harness.main(make_combinations() + own)


main()
