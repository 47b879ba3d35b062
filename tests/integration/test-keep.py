#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Kept calls: a peer that is kept is called again after whatever ends the call.

When it is called, and how long it is waited, is tested in tests/unit/test-keeper
with a time of its own; here is that the daemons do it.
"""

import contextlib
import json
import os
import shutil
import signal
import time

import ctl
import harness
from bare_relay import BareRelay
from harness import check, equal, expect_error, hold, note, wait_for

ERROR = "org.rtcbus.Error."
MANY = int(os.environ.get("RTCBUS_TEST_KEPT", "20"))


def kept(peer):
    """{name: (state, words)}"""
    return {name: (state, words) for name, state, words in peer.get("KeptPeers")}


def state(peer, name):
    return kept(peer).get(name, (None, None))[0]


def wait_kept(peer, name, wanted, timeout=90):
    wait_for(lambda: state(peer, name) == wanted, timeout,
             f"{peer.name} to have {name} {wanted}")


def keep(peer, name):
    peer.invoke("Keep", "(s)", name)


def unkeep(peer, name):
    peer.invoke("Unkeep", "(s)", name)


def kept_file(peer):
    return os.path.join(peer.state_directory, "rtcbus-peer", "kept_peers")


def outgoing(peer):
    """The calls that it has placed; those that end meanwhile do not count."""
    found = []
    for call in peer.calls():
        try:
            if call.get("Direction") == "outgoing":
                found.append(call)
        except harness.BusError:
            pass
    return found


def restart(peer):
    peer.restart()
    peer.signals.seen.clear()
    peer.wait_connected()


def pair(world, **kwargs):
    relay = world.relay()
    box = world.peer("box", relay, source="random")
    desk = world.peer("desk", relay, **kwargs)
    desk.wait_peer("box")
    return relay, box, desk


@contextlib.contextmanager
def programs_from(folder):
    """The daemons that are started meanwhile are those in FOLDER."""
    before = os.environ.get("RTCBUS_PROGRAM_DIR")
    os.environ["RTCBUS_PROGRAM_DIR"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["RTCBUS_PROGRAM_DIR"]
        else:
            os.environ["RTCBUS_PROGRAM_DIR"] = before


def announced(peer, name):
    return {dict((n, s) for n, s, _ in value).get(name)
            for value in peer.signals.changes(harness.PEER[1], harness.PEER[2], "KeptPeers")}


def test_keep(world):
    """From Keep to Unkeep, and what is announced and shown meanwhile."""
    relay = world.relay()
    desk = world.peer("desk", relay)
    equal(kept(desk), {})
    keep(desk, "box")
    equal(state(desk, "box"), "absent")
    check("join" in kept(desk)["box"][1], "the words do not say what is waited for")
    box = world.peer("box", relay, source="random")
    wait_kept(desk, "box", "connected")
    check(kept(desk)["box"][1].startswith("since 20"), kept(desk)["box"][1])
    desk.wait_numbers(3)
    wait_for(lambda: {"absent", "connected"} <= announced(desk, "box"), 20, "both to be announced")
    equal(len(outgoing(desk)), 1, "calls to box")
    keep(desk, "box")
    equal(len(outgoing(desk)), 1, "calls to box that is kept twice")
    unkeep(desk, "box")
    equal(kept(desk), {})
    wait_for(lambda: not outgoing(desk), what="the call to be hung up")
    wait_for(lambda: box.get("ListenerCount") == 0, what="box to have no listener")
    hold(lambda: not outgoing(desk), 3, "no call after Unkeep")
    expect_error(ERROR + "NoSuchPeer", unkeep, desk, "box")


def test_wrong_names(world):
    relay, box, desk = pair(world)
    for name in ("", "x" * 257, "a\nb", "0" * 32):
        expect_error(ERROR + "InvalidArgument", keep, desk, name)
    equal(kept(desk), {})
    keep(desk, desk.wait_peer("box"))  # the id of one who has a name
    wait_kept(desk, "box", "connected")
    unkeep(desk, desk.wait_peer("box"))
    equal(kept(desk), {})


def test_hangup(world):
    """Every end but Unkeep: also the other side's, and our own."""
    _relay, box, desk = pair(world)
    keep(desk, "box")
    wait_kept(desk, "box", "connected")
    first = outgoing(desk)[0]
    first.hangup()
    equal(first.wait_ended(), "hung up")
    wait_for(lambda: state(desk, "box") != "connected", what="the end to be told")
    wait_kept(desk, "box", "connected")
    second = outgoing(desk)[0]
    check(second.path != first.path, "the call is not a new one")
    box.calls()[0].hangup()
    second.wait_ended()
    wait_kept(desk, "box", "connected")
    desk.wait_numbers(3, after=desk.received())


def test_rest_is_told(world):
    """While it rests, it says why and when it is called next."""
    _relay, _box, desk = pair(world)
    keep(desk, "box")
    wait_kept(desk, "box", "connected")
    told = []
    while len(told) < 6 and not (told and "called again at" in told[-1]):
        # Each rest is longer than the one before: one is longer than a look at it.
        outgoing(desk)[0].hangup()
        words = wait_for(lambda: next((text for state, text in [kept(desk)["box"]] if state == "waiting"), None),
                         what="a rest")
        check(words.startswith("hung up; it is called again at "), words)
        status, out, _ = ctl.run(desk, "status")
        equal(status, 0)
        told.append(out)
        wait_kept(desk, "box", "connected")
    check("Kept connected:" in told[-1] and "called again at" in told[-1], told[-1])


def test_remote_killed(world):
    _relay, box, desk = pair(world)
    keep(desk, "box")
    wait_kept(desk, "box", "connected")
    box.kill()
    box.restart()
    box.wait_connected()
    after = desk.received()
    wait_for(lambda: desk.received() > after + 20, 120, "numbers after the kill")
    wait_kept(desk, "box", "connected")


def test_restart_remembers(world):
    _relay, box, desk = pair(world)
    keep(desk, "box")
    keep(desk, "lamp # two")
    wait_kept(desk, "box", "connected")
    desk.kill()
    restart(desk)
    wait_kept(desk, "box", "connected")
    equal(state(desk, "lamp # two"), "absent")
    unkeep(desk, "box")
    restart(desk)
    equal(list(kept(desk)), ["lamp # two"])
    hold(lambda: not outgoing(desk), 2, "no call after Unkeep")
    box.stop()


def test_damaged_file(world):
    """It is put aside and named; the rest of the daemon does not suffer."""
    _relay, _box, desk = pair(world)
    keep(desk, "box")
    wait_kept(desk, "box", "connected")
    known = desk.invoke("ListKnownPeers")
    desk.stop()
    with open(kept_file(desk), "w", encoding="utf-8") as f:
        f.write("box\nhalf of a na")
    restart(desk)
    equal(kept(desk), {})
    check(os.path.exists(kept_file(desk) + ".damaged"), "it was not put aside")
    equal(desk.invoke("ListKnownPeers"), known)
    status, out, _ = ctl.run(desk, "status")
    check(status == 1 and "kept_peers.damaged" in out, out)
    keep(desk, "box")
    wait_kept(desk, "box", "connected")
    restart(desk)
    equal(list(kept(desk)), ["box"])


def test_not_remembered(world):
    """Nothing is kept that would be forgotten."""
    _relay, _box, desk = pair(world)
    shutil.rmtree(os.path.join(desk.state_directory, "rtcbus-peer"))
    expect_error(ERROR + "Failed", keep, desk, "box")
    equal(kept(desk), {})


def test_configured(world):
    _relay, _box, desk = pair(world, config={"Calls": {"Keep": "box;lamp"}})
    wait_kept(desk, "box", "connected")
    equal(state(desk, "lamp"), "absent")
    error = expect_error(ERROR + "Denied", unkeep, desk, "box")
    check("peer.conf" in error.message, error.message)
    keep(desk, "box")
    expect_error(ERROR + "Denied", unkeep, desk, "box")
    desk.configure({**desk.config, "Calls": {}})
    desk.signal(signal.SIGHUP)
    wait_for(lambda: "lamp" not in kept(desk), what="the configuration to be read")
    equal(state(desk, "box"), "connected")  # it is remembered besides
    unkeep(desk, "box")
    equal(kept(desk), {})


def test_everybody(world):
    relay, box, desk = pair(world, config={"Calls": {"Keep": "*"}})
    wait_kept(desk, "box", "connected")
    lamp = world.peer("lamp", relay)
    wait_kept(desk, "lamp", "connected")
    error = expect_error(ERROR + "Denied", unkeep, desk, "lamp")
    check("Keep=*" in error.message, error.message)
    lamp.stop()
    wait_for(lambda: list(kept(desk)) == ["box"], what="lamp to be forgotten")
    box.restart()
    wait_kept(desk, "box", "connected")


def test_everybody_by_hand(world):
    _relay, _box, desk = pair(world)
    keep(desk, "*")
    wait_kept(desk, "box", "connected")
    error = expect_error(ERROR + "Denied", unkeep, desk, "box")
    check("unkeep" in error.message, error.message)
    unkeep(desk, "*")
    equal(kept(desk), {})
    wait_for(lambda: not outgoing(desk), what="the call to be hung up")


def test_refused(world):
    """A key that is not the known one is refused, more slowly; once it is good, at once."""
    _relay, box, desk = pair(world)
    keep(desk, "box")
    wait_kept(desk, "box", "connected")
    box.invoke("NewIdentity", "(a{sv})", {})
    wait_kept(desk, "box", "refused")
    check("called again" in kept(desk)["box"][1], kept(desk)["box"][1])
    desk.invoke("TrustPeer", "(ss)", "box", box.get("Fingerprint"))
    wait_kept(desk, "box", "connected")


def test_relay_away(world):
    """Without a relay calls stand, and what is to come waits for it."""
    relay, _box, desk = pair(world)
    keep(desk, "box")
    wait_kept(desk, "box", "connected")
    call = outgoing(desk)[0]
    port = relay.port
    relay.stop()
    wait_for(lambda: desk.get("RelayState") != "connected", what="the relay to be missed")
    keep(desk, "lamp")
    wait_kept(desk, "lamp", "waiting")
    check("relay" in kept(desk)["lamp"][1], kept(desk)["lamp"][1])
    equal(state(desk, "box"), "connected")
    relay = world.relay(port=port)
    wait_kept(desk, "lamp", "absent")
    equal(outgoing(desk)[0].path, call.path, "the call")
    equal(call.get("State"), "connected")


def test_own_call_is_kept(world):
    """A call that there is becomes the kept one."""
    _relay, _box, desk = pair(world)
    call = desk.call("box")
    call.wait_state("connected")
    keep(desk, "box")
    wait_kept(desk, "box", "connected")
    equal([c.path for c in outgoing(desk)], [call.path])
    unkeep(desk, "box")
    call.wait_ended()


def test_one_call(world):
    """Who is called again is not called twice, unless that is asked for."""
    _relay, box, desk = pair(world)
    first = desk.call("box")
    equal(desk.call("box").path, first.path, "the call, while it rings")
    first.wait_state("connected")
    equal(desk.call("box").path, first.path, "the call by its name")
    equal(desk.call(desk.wait_peer("box")).path, first.path, "the call by its id")
    equal(box.get("ListenerCount"), 1)
    other = desk.call("box", another=True)
    check(other.path != first.path, "another call is the same one")
    other.wait_state("connected")
    other.hangup()
    keep(desk, "box")
    equal(desk.call("box").path, first.path, "the kept call")
    first.hangup()
    check(desk.call("box").path != first.path, "a call that is hung up was given")


def test_one_call_commands(world):
    """rtcbusctl says that there is a call, and hangs up only its own."""
    _relay, box, desk = pair(world)
    call = desk.call("")
    call.wait_state("connected")
    status, out, _ = ctl.run(desk, "call")
    equal(status, 0)
    check("already, number 1" in out, out)
    status, out, _ = ctl.run(desk, "call", "box")
    check(status == 0 and "already, number 1" in out, out)
    equal(box.get("ListenerCount"), 1)
    status, out, _ = ctl.run(desk, "call", "--another", "box")
    check(status == 0 and "already" not in out, out)
    wait_for(lambda: box.get("ListenerCount") == 2, what="two listeners")


def count_connected(peer):
    return sum(kept_state == "connected" for kept_state, _ in kept(peer).values())


def test_many(world):
    """The relay goes and comes: no call is touched. With the calls gone too, all come back."""
    relay = world.relay(port=harness.free_port(), config={"Relay": {"MaxConnections": 2048}})
    boxes = [world.peer(f"box-{n}", relay, connected=False) for n in range(MANY)]
    hub = world.peer("hub", relay, config={"Calls": {"Keep": ";".join(b.name for b in boxes)}})
    wait_for(lambda: count_connected(hub) == MANY, 120, "all to be connected")
    before = sorted(call.path for call in outgoing(hub))
    relay.kill()
    wait_for(lambda: hub.get("RelayState") != "connected", what="the relay to be missed")
    started = time.monotonic()
    relay.restart()
    wait_for(lambda: len(hub.get("Peers")) == MANY, 120, "all to be in the room again")
    note(f"{MANY} are in the room {time.monotonic() - started:.1f} s after the relay is back")
    equal(sorted(call.path for call in outgoing(hub)), before, "the calls")
    equal(count_connected(hub), MANY)
    hub.kill()
    relay.kill()
    started = time.monotonic()
    relay.restart()
    hub.restart()
    wait_for(lambda: count_connected(hub) == MANY, 180, "all to be connected again")
    note(f"{MANY} are called again {time.monotonic() - started:.1f} s after relay and hub are back")


test_many.limit = 300 + 3 * MANY


def test_foreign_relay(world):
    """It tells no names: one is called at a time, and "*" is whoever answers."""
    relay = world.closing(BareRelay())
    box = world.peer("box", relay.server.url(), source="random")
    desk = world.peer("desk", relay.server.url(), config={"Calls": {"Keep": "*"}})
    wait_kept(desk, "", "connected")
    desk.wait_numbers(3)
    outgoing(desk)[0].hangup()
    wait_for(lambda: state(desk, "") != "connected", what="the end to be told")
    wait_kept(desk, "", "connected")
    box.stop()


def test_upgrade(world):
    """What is replaced on the disk goes on with its calls, and says that it waits for a restart."""
    folder = world.path("sbin")
    os.makedirs(folder)
    shutil.copy(harness.program("rtcbus-peer"), folder)
    relay = world.relay()
    box = world.peer("box", relay, source="random")
    with programs_from(folder):
        desk = world.peer("desk", relay, config={"Calls": {"Keep": "box"}})
    wait_kept(desk, "box", "connected")
    equal(desk.get("RestartNeeded"), False)
    call = outgoing(desk)[0]
    upgraded = os.path.join(folder, "rtcbus-peer")
    shutil.copy(harness.program("rtcbus-peer"), upgraded + ".dpkg-new")
    os.rename(upgraded + ".dpkg-new", upgraded)
    equal(desk.get("RestartNeeded"), True)
    desk.wait_numbers(3, after=desk.received())
    equal(outgoing(desk)[0].path, call.path, "the call")
    status, out, _ = ctl.run(desk, "status")
    check(status == 0 and "systemctl restart rtcbus-peer" in out, out)
    restart(desk)
    equal(desk.get("RestartNeeded"), False)
    check("systemctl restart" not in ctl.run(desk, "status")[1], "it still asks for a restart")
    wait_kept(desk, "box", "connected")
    box.stop()


def test_commands(world):
    _relay, _box, desk = pair(world)
    equal(ctl.run(desk, "keep"), (0, "Nobody is kept.\n", ""))
    equal(ctl.run(desk, "keep", "box", "lamp"), (0, "", ""))
    wait_kept(desk, "box", "connected")
    status, out, _ = ctl.run(desk, "keep")
    equal(status, 0)
    lines = out.splitlines()
    check(len(lines) == 2 and "box" in lines[0] and "since" in lines[0], out)
    check("lamp" in lines[1] and "absent" in lines[1], out)
    listed = json.loads(ctl.run(desk, "--json", "keep")[1])
    equal([(entry["name"], entry["state"]) for entry in listed],
          [("box", "connected"), ("lamp", "absent")])
    equal(json.loads(ctl.run(desk, "--json", "status")[1])["kept"], listed)
    status, _, err = ctl.run(desk, "unkeep", "nobody", "box")
    equal(status, 1)
    check("nobody is not kept" in err, err)
    equal(list(kept(desk)), ["lamp"])  # one that fails keeps no other from being done
    equal(ctl.run(desk, "unkeep")[0], 2)
    equal(ctl.run(desk, "keep", "")[0], 2)


if __name__ == "__main__":
    harness.main([
        test_keep, test_wrong_names, test_hangup, test_rest_is_told, test_remote_killed,
        test_restart_remembers, test_damaged_file, test_not_remembered, test_configured,
        test_everybody, test_everybody_by_hand, test_refused, test_relay_away,
        test_own_call_is_kept, test_one_call, test_one_call_commands, test_many, test_foreign_relay, test_upgrade, test_commands,
    ])
