#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A machine with something wrong: no room on its disk, a state directory that is read-only
or gone, a key file that is damaged, another host name. What passes is waited for."""

import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from harness import Skip, check, equal, expect_error, wait_for  # noqa: E402

EX_CONFIG = 78
FAILED = "org.rtcbus.Error.Failed"
NOT_CONNECTED = "org.rtcbus.Error.NotConnected"


def state(peer):
    return os.path.join(peer.state_directory, "rtcbus-peer")


def key_file(peer):
    return os.path.join(state(peer), "certificate.pem")


def fresh_peer(world, relay):
    """One whose state directory is gone."""
    peer = world.peer("peer", relay)
    peer.stop()
    shutil.rmtree(state(peer))
    return peer


def mount(world, *arguments):
    """Mounts, in root's namespace, until the test is over."""
    if os.geteuid() != 0:
        raise Skip("only root can mount")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Skip("mount: " + done.stderr.strip())
    world.closing(Mount(arguments[-1]))


class Mount:
    def __init__(self, path):
        self.path = path

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=True)


def check_waiting(peer, *parts):
    """It is up, says what it waits for, and shows no key that nobody may learn."""
    error = wait_for(lambda: peer.get("RelayError"), what="RelayError")
    for part in parts:
        check(part in error, error)
    equal(peer.stderr().count(error), 1, f"lines that say: {error}")
    equal(peer.get("RelayState"), "disconnected", "RelayState")
    equal(peer.get("Fingerprint"), "", "Fingerprint")
    failed = expect_error(NOT_CONNECTED, peer.call, "")
    check(parts[0] in failed.message, failed.message)
    expect_error(NOT_CONNECTED, peer.invoke, "Pair", "(a{sv})", {})
    expect_error(FAILED, peer.invoke, "NewIdentity", "(a{sv})", {})
    peer.signal(signal.SIGHUP)
    wait_for(lambda: "configuration read again" in peer.stderr(), what="the reload")
    equal(peer.get("RelayState"), "disconnected", "RelayState after a reload")


def check_going_on(peer, relay):
    wait_for(lambda: peer.get("RelayState") == "connected", 60, "the peer to go on by itself")
    check(peer.get("Fingerprint").startswith("sha-256 "), peer.get("Fingerprint"))
    equal(peer.get("RelayError"), "", "RelayError")
    check(os.path.getsize(key_file(peer)) > 100, "the key file")
    other = peer.world.peer("other", relay)
    other.wait_peer("peer")
    other.call("peer").wait_state("connected")
    wait_for(lambda: peer.calls() and peer.calls()[0].get("State") == "connected", what="the call")


def test_no_folder(world):
    relay = world.relay()
    peer = fresh_peer(world, relay)
    with open(state(peer), "wb"):
        pass
    peer.restart()
    check_waiting(peer, state(peer))
    os.remove(state(peer))
    check_going_on(peer, relay)


def test_full_disk(world):
    relay = world.relay()
    peer = fresh_peer(world, relay)
    os.mkdir(state(peer))
    mount(world, "-t", "tmpfs", "-o", "size=16k", "tmpfs", state(peer))
    ballast = os.path.join(state(peer), "ballast")
    with open(ballast, "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(1024))
        except OSError:
            pass
    peer.restart()
    check_waiting(peer, key_file(peer), "No space left")
    # SQLite may have begun a file, for which a full disk has a name and nothing else.
    equal([f.name for f in os.scandir(state(peer)) if f.stat().st_size > 0], ["ballast"], "files")
    os.remove(ballast)
    check_going_on(peer, relay)


def test_read_only_without_a_key(world):
    """The same words at each try, so that the journal has them once."""
    relay = world.relay()
    peer = fresh_peer(world, relay)
    os.mkdir(state(peer))
    mount(world, "--bind", state(peer), state(peer))
    subprocess.run(["mount", "-o", "remount,bind,ro", state(peer)], check=True)
    peer.restart()
    check_waiting(peer, key_file(peer) + ": Read-only")
    subprocess.run(["mount", "-o", "remount,bind,rw", state(peer)], check=True)
    check_going_on(peer, relay)


def test_read_only(world):
    """What is there is good; who is met for the first time cannot be remembered."""
    relay = world.relay()
    peer = world.peer("peer", relay)
    fingerprint = peer.get("Fingerprint")
    peer.stop()
    mount(world, "--bind", state(peer), state(peer))
    subprocess.run(["mount", "-o", "remount,bind,ro", state(peer)], check=True)
    peer.restart()
    peer.wait_connected()
    equal(peer.get("Fingerprint"), fingerprint, "Fingerprint")
    check(f"nothing can be written to {state(peer)}" in peer.stderr(), peer.stderr())


def test_folder_lost_while_running(world):
    relay = world.relay()
    peer = world.peer("peer", relay)
    fingerprint = peer.get("Fingerprint")
    shutil.rmtree(state(peer))
    error = expect_error(FAILED, peer.invoke, "TrustPeer", "(ss)", "box", "ab" * 32)
    check(state(peer) in error.message, error.message)
    other = world.peer("other", relay)
    other.wait_peer("peer")
    other.call("peer").wait_state("connected")
    equal(peer.get("Fingerprint"), fingerprint, "Fingerprint")


def test_damaged_key(world):
    relay = world.relay()
    peer = world.peer("peer", relay)
    stranger = world.peer("stranger", relay)
    peer.stop()
    with open(key_file(peer), encoding="ascii") as f:
        good = f.read()
    with open(key_file(stranger), encoding="ascii") as f:
        other = f.read()
    at = good.index("-----BEGIN PRIVATE")
    for text, word in (("", "is empty"), ("garbage\n", "is damaged"), (good[:at], "is damaged"),
                       (good[:-100], "is damaged"), (good[:at] + other[at:], "is damaged"),
                       ("\0" * 700, "is damaged")):
        with open(key_file(peer), "w", encoding="ascii") as f:
            f.write(text)
        peer.start()
        peer.expect_exit(EX_CONFIG)
        said = peer.stderr()
        equal(said.count("\n"), 1, f"lines: {said}")
        for part in key_file(peer), word, "backup", "move it away":
            check(part in said, said)
        with open(key_file(peer), encoding="ascii") as f:
            equal(f.read(), text, "the file")
    with open(key_file(peer), "w", encoding="ascii") as f:
        f.write(good)
    peer.restart()
    peer.wait_connected()


def test_wrong_configuration(world):
    """No restart mends it."""
    peer = world.peer("peer", "no URL", wait=False)
    peer.expect_exit(EX_CONFIG)
    relay = world.relay(config={"Relay": {"MaxRooms": "many"}}, wait=False)
    relay.expect_exit(EX_CONFIG)


def set_host_name(peer, name):
    subprocess.run(["nsenter", "-t", str(peer.pid), "-u", "hostname", name], check=True)


def test_host_name_that_changes(world):
    if os.geteuid() != 0:
        raise Skip("only root changes a host name")
    relay = world.relay()
    peer = world.peer("peer", relay, config={"Peer": {"Name": None}}, wrapper=("unshare", "-u"))
    set_host_name(peer, "attic")
    peer.signal(signal.SIGHUP)
    wait_for(lambda: peer.get("Name") == "attic", what="the new name")
    peer.wait_connected()
    check("our name is attic now" in peer.stderr(), peer.stderr())
    world.peer("other", relay).wait_peer("attic")
    peer.configure(dict(peer.config, Peer={"Name": "box"}))
    peer.signal(signal.SIGHUP)
    wait_for(lambda: peer.get("Name") == "box", what="the configured name")
    set_host_name(peer, "cellar")
    peer.signal(signal.SIGHUP)
    wait_for(lambda: peer.stderr().count("configuration read again") == 3, what="the reload")
    equal(peer.get("Name"), "box", "Name")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
