#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A peer's own key: copies of it, and a new one."""

import json
import os
import shutil
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ctl  # noqa: E402
import harness  # noqa: E402
from harness import check, equal, expect_error, wait_for  # noqa: E402


def state(peer):
    return os.path.join(peer.state_directory, "rtcbus-peer")


def copies(world, relay, count, **peer_config):
    """Machines made of one image: the same key under the same default name."""
    made = [world.peer(f"copy{n}", relay, config={"Peer": {"Name": None, **peer_config}},
                       wait=False, connected=False) for n in range(count)]
    for peer in made:
        peer.wait_ready()
        peer.stop()
        if peer is not made[0]:
            shutil.rmtree(state(peer))
            shutil.copytree(state(made[0]), state(peer))
    for peer in made:
        peer.restart()
        peer.wait_connected()
    return made


def test_copies_of_one_machine(world):
    relay = world.relay(port=harness.free_port())
    made = copies(world, relay, 4)
    equal(len({peer.get("Fingerprint") for peer in made}), 1, "number of keys")
    names = [peer.get("Name") for peer in made]
    equal(len(set(names)), 4, f"number of names among {names}")
    for name in names[1:]:
        check(name.startswith(names[0][:59] + "-"), name)
    relay.restart()
    for peer in made:
        peer.wait_connected(60)
    equal(len({peer.get("Name") for peer in made}), 4, "number of names at a relay that is back")


def test_a_copy_is_told_of(world):
    relay = world.relay()
    one, two = copies(world, relay, 2)
    one.wait_peer(two.get("Name"))
    equal((one.get("KeySharedWith"), two.get("KeySharedWith")), ([], []), "KeySharedWith")
    for _ in range(2):
        call = one.call(two.get("Name"))
        call.wait_state("connected")
        equal(call.get("Trust"), "new", "Trust")  # our own key is not learned as another's
        call.hangup()
        call.wait_ended()
    for peer, other in (one, two), (two, one):
        name = other.get("Name")
        wait_for(lambda p=peer, n=name: p.get("KeySharedWith") == [n], 5, "KeySharedWith")
        lines = [line for line in peer.stderr().splitlines() if "has the same key" in line]
        equal(len(lines), 1, "warnings")
        check(name in lines[0] and "rtcbusctl identity new" in lines[0], lines[0])
        shown = ctl.run(peer, "status")[1]
        check(f"Problem: {name} has the same key" in shown, shown)
        check(f"Also the key of:  {name}" in ctl.run(peer, "identity")[1], "identity")
        equal(json.loads(ctl.run(peer, "--json", "identity")[1]),
              {"name": peer.get("Name"), "fingerprint": peer.get("Fingerprint"),
               "sharedWith": [name]}, "identity --json")
    equal(one.invoke("ListKnownPeers")[0], [], "known peers")


def test_pairing_with_a_copy(world):
    relay = world.relay()
    one, two = copies(world, relay, 2)
    code = one.invoke("Pair", "(a{sv})", {})[0]
    two.invoke("PairWith", "(sa{sv})", code, {})
    ended = wait_for(lambda: one.signals.find("PairingEnded"), 5, "the pairing to end")[0][3]
    check(not ended[0] and "identity new" in ended[3], ended[3])


def test_new_identity(world):
    relay = world.relay()
    peer, friend = (world.peer(name, relay) for name in ("peer", "friend"))
    friend.wait_peer("peer")
    before = peer.get("Fingerprint")
    call = friend.call("peer")
    call.wait_state("connected")
    status, _, err = ctl.run(peer, "identity", "new")
    check(status == 2 and "--yes" in err, err)
    equal(ctl.run(peer, "identity", "old")[0], 2, "exit status of a wrong use")
    equal(peer.get("Fingerprint"), before, "Fingerprint")

    status, out, _ = ctl.run(peer, "identity", "new", "--yes")
    after = peer.get("Fingerprint")
    check(status == 0 and after != before and after.replace(" ", ":") in out, out)
    wait_for(lambda: peer.signals.changes(peer.target[1], peer.target[2], "Fingerprint")
             == [after], 5, "it to be announced")
    equal(call.wait_ended(), "the remote has a new key", "why the call ended")
    for name in "certificate.pem", "certificate.old.pem":
        mode = os.stat(os.path.join(state(peer), name)).st_mode
        equal(stat.S_IMODE(mode), 0o600, f"mode of {name}")
    peer.wait_connected()
    friend.wait_peer("peer")
    reason = friend.call("peer").wait_ended()
    check(before in reason and after in reason, reason)
    peer.restart()
    peer.wait_connected()
    equal(peer.get("Fingerprint"), after, "Fingerprint after a restart")
    friend.invoke("ForgetPeer", "(s)", "peer")
    friend.wait_peer("peer")
    call = friend.call("peer")
    call.wait_state("connected")
    equal(call.get("RemoteFingerprint"), after, "RemoteFingerprint")


def test_a_copy_with_a_new_identity(world):
    relay = world.relay()
    one, two = copies(world, relay, 2)
    one.wait_peer(two.get("Name"))
    one.call(two.get("Name")).wait_state("connected")
    wait_for(lambda: two.get("KeySharedWith"), 5, "the copy to be seen")
    two.invoke("NewIdentity", "(a{sv})", {})
    equal(two.get("KeySharedWith"), [], "KeySharedWith")
    two.wait_connected()
    digits = two.get("Fingerprint").removeprefix("sha-256 ").replace(":", "")[:4].lower()
    wait_for(lambda: two.get("Name") == f"{one.get('Name')}-{digits}", 30, "the name of its key")
    check("has the same key" not in ctl.run(two, "status")[1], "a problem that is repaired")


def test_identity_that_cannot_be_written(world):
    relay = world.relay()
    peer, friend = (world.peer(name, relay) for name in ("peer", "friend"))
    friend.wait_peer("peer")
    call = friend.call("peer")
    call.wait_state("connected")
    before = peer.get("Fingerprint")
    with open(os.path.join(state(peer), "certificate.pem"), encoding="ascii") as f:
        kept = f.read()
    os.mkdir(os.path.join(state(peer), "certificate.old.pem"))  # a folder stops root, too
    expect_error("org.rtcbus.Error.Failed", peer.invoke, "NewIdentity", "(a{sv})", {})
    equal(peer.get("Fingerprint"), before, "Fingerprint")
    with open(os.path.join(state(peer), "certificate.pem"), encoding="ascii") as f:
        equal(f.read(), kept, "certificate.pem")
    equal(sorted(name for name in os.listdir(state(peer)) if name.startswith("certificate")),
          ["certificate.old.pem", "certificate.pem"], "files")
    equal(call.get("State"), "connected", "State")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
