#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Why a call ended, or none began: what each end says of it, as a table.

Each row makes two peers, "desk", which calls, and "box", lets the call fail in one way, and
tells what both must say: in CallEnded, which is Call.Reason (harness.py compares them), and in
the journal.
"""


import harness
import wsclient
from bridge import Bridge
from harness import check, equal, wait_for

NO_PATH = 'no path between the two was found: UDP may be blocked, or a STUN or TURN server be needed; ' \
          '"rtcbusctl doctor PEER" tells more'


def pair(world, desk=None, box=None):
    relay = world.relay()
    box = world.peer("box", relay, config=box)
    desk = world.peer("desk", relay, config=desk)
    desk.wait_peer("box")
    box.wait_peer("desk")
    return relay, desk, box


def ended(peer):
    """The reasons of all calls of PEER that have ended, when one has."""
    def seen():
        return [s[3][2] for s in peer.signals.find("CallEnded")]

    return wait_for(seen, 60, f"{peer.name}'s call to end")


def connect(desk, box):
    call = desk.call("box")
    call.wait_state("connected")
    wait_for(lambda: any(c.get("State") == "connected" for c in box.calls()), 5, "box's call")
    return call


def by_hangup(_world, _relay, desk, box):
    connect(desk, box).hangup()


def by_remote_hangup(_world, _relay, desk, box):
    connect(desk, box)
    box.calls()[0].hangup()


def by_stop(_world, _relay, desk, box):
    connect(desk, box)
    box.stop()


def by_no_interface(_world, _relay, desk, _box):
    desk.call("box")


def by_new_key(_world, _relay, desk, box):
    connect(desk, box)
    box.invoke("NewIdentity", "(a{sv})", {})


def by_vanishing(_world, _relay, desk, box):
    connect(desk, box)
    box.kill()


def by_other_key(_world, _relay, desk, box):
    box.invoke("TrustPeer", "(ss)", "desk", "sha-256 " + ":".join(["AB"] * 32))
    desk.call("box", timeout=20)


REASONS = {
    # how: (configurations of desk and box, what desk says, what box says; None: it says nothing)
    by_hangup: (None, None, "hung up", "the remote hung up"),
    by_remote_hangup: (None, None, "the remote hung up", "hung up"),
    by_stop: (None, None, "the remote's daemon stopped", None),
    by_no_interface: (None, {"Ice": {"Interfaces": "none9"}},
                      "the call failed at the remote: "
                      "none of the interfaces to use has an address",
                      "none of the interfaces to use has an address"),
    by_new_key: (None, None, "the remote has a new key", "this peer has a new key"),
    by_vanishing: ({"Calls": {"Patience": "3s"}}, None, "the remote did not come back (3 s)", None),
    by_other_key: (None, None,
                   "the remote does not trust our certificate, for it knows another one under our "
                   'name: "rtcbusctl forget" or "rtcbusctl trust" there takes the new one', None),
}


def says(peer, reason, what):
    equal(ended(peer)[-1], reason, f"what {peer.name} says {what}")
    wait_for(lambda: f"ended: {reason}" in peer.stderr(), 5, f"the journal of {peer.name}")


def make_test(how, row):
    config_desk, config_box, at_desk, at_box = row

    def test(world):
        relay, desk, box = pair(world, config_desk, config_box)
        how(world, relay, desk, box)
        says(desk, at_desk, how.__name__)
        if at_box:
            says(box, at_box, how.__name__)

    test.__name__ = "test_" + how.__name__
    return test


# ---- nothing began -------------------------------------------------------------


def test_no_path(world):
    """No candidate comes through."""
    relay = world.relay()
    box = world.peer("box", relay, room="right")
    desk = world.peer("desk", relay, room="left")
    bridge = Bridge(world, relay, "left", "right",
                    lambda _side, frame: [] if frame["type"] == "candidate" else [frame])
    desk.call("", timeout=3)
    bridge.wait_for(lambda: desk.signals.find("CallEnded") and box.signals.find("CallEnded"),
                    60, "the call to end at both")
    for peer in desk, box:
        says(peer, NO_PATH, "without a path")


def test_busy(world):
    relay, desk, box = pair(world, box={"Peer": {"MaxCalls": "1"}})
    first = world.peer("first", relay)
    first.wait_peer("box")
    connect(first, box)
    desk.call("box")
    equal(ended(desk), ["the remote refused the call: it has too many (MaxCalls= and MaxStrangers= "
                        "in its peer.conf)"], "busy")


def test_not_accepted(world):
    _, desk, _ = pair(world, box={"Trust": {"Accept": "known"}})
    desk.call("box")
    check(ended(desk)[0].startswith("the remote refused the call: its Accept= "), ended(desk))


def test_unanswered(world):
    relay = world.relay()
    desk = world.peer("desk", relay)
    world.closing(wsclient.WsClient(relay.port, "/?name=mute", protocols=("rtcbus.1",)))
    desk.wait_peer("mute")
    desk.call("mute", timeout=1)
    check(ended(desk)[0].startswith("the remote did not answer in time: see that it runs"),
          ended(desk))


def test_an_empty_room(world):
    desk = world.peer("desk", world.relay(), room="greenhouse")
    desk.call("", timeout=1)
    check(ended(desk)[0].startswith("nobody in the room answered in time; "), ended(desk))


if __name__ == "__main__":
    harness.main([make_test(how, row) for how, row in REASONS.items()] +
                 [value for name, value in list(globals().items()) if name.startswith("test_")])
