#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The STUN and TURN servers that a relay tells its clients of, and credentials that end.
(That coturn takes them is seen by tests/network/test_time_limited.py.)"""

import base64
import hashlib
import hmac
import signal
import subprocess
import time

import harness
from harness import PATIENCE, check, equal, wait_for, write_config
from members import client, member
from tokens import secret_file

SECRET = "north"
TURN = ["turn:turn.test?transport=udp", "turns:turn.test:443"]


def config(world, lifetime="1d", servers=None, **keys):
    servers = ";".join(["stun:stun.test", *TURN] if servers is None else servers)
    return {"Relay": {}, "Ice": {"Servers": servers, "Lifetime": lifetime,
                                 "TurnSecret": secret_file(world, SECRET, "turn.secret"), **keys}}


def limited(servers, who, seconds):
    """The one with credentials that end, which are right."""
    server = servers[-1]
    equal(server["urls"], TURN, "its URLs")
    expiry, _, name = server["username"].partition(":")
    equal(name, who, "whose it is")
    left = int(expiry) - time.time()
    check(seconds - 30 < left < seconds + 2, f"it ends in {left:.0f} s")
    digest = hmac.new(SECRET.encode(), server["username"].encode(), hashlib.sha1).digest()
    equal(server["credential"], base64.b64encode(digest).decode(), "the password")
    return server["username"]


def test_welcome(world):
    relay = world.relay(config=config(world))
    named = member(world, relay, "/?name=kitchen")
    equal(named.welcome["iceServers"][:-1], [{"urls": "stun:stun.test"}])
    limited(named.welcome["iceServers"], "kitchen", 86400)
    odd = member(world, relay, "/?name=k%C3%BCche:1")
    limited(odd.welcome["iceServers"], odd.id, 86400)
    nobody = member(world, relay)
    limited(nobody.welcome["iceServers"], nobody.id, 86400)
    said = relay.stderr() + repr(relay.get_all())
    check(SECRET not in said, "the secret is shown")


def test_renewal(world):
    """Before they end there are new ones, for those who understand that."""
    relay = world.relay(config=config(world, "2s"))
    foreign = client(world, relay)
    kitchen = member(world, relay, "/?name=kitchen")
    users = {limited(kitchen.welcome["iceServers"], "kitchen", 2)}
    for _ in range(3):
        frame = kitchen.expect("iceServers")
        check("from" not in frame, "it is not the relay's own")
        users.add(limited(frame["iceServers"], "kitchen", 2))
    check(len(users) > 2, f"the same came again: {users}")
    check(foreign.recv_nothing(), "a client without rtcbus.1 got a frame")


def reload(relay, groups):
    before = relay.stderr().count("configuration read again")
    relay.configure(groups)
    relay.signal(signal.SIGHUP)
    wait_for(lambda: relay.stderr().count("configuration read again") > before, what="the reload")


def test_reload(world):
    """Other servers reach those who are there already; the same are no news."""
    relay = world.relay(config=config(world))
    kitchen = member(world, relay)
    reload(relay, config(world))
    reload(relay, config(world, servers=["stun:other.test"]))
    equal(kitchen.recv_json()["iceServers"], [{"urls": "stun:other.test"}])
    fixed = ["turn:me:pass%20word@turn.test"]
    reload(relay, config(world, servers=fixed))
    equal(kitchen.recv_json()["iceServers"],
          [{"urls": "turn:turn.test", "username": "me", "credential": "pass word"}])
    reload(relay, {"Relay": {}})
    equal(kitchen.recv_json()["iceServers"], [])


def test_check(world):
    path = world.path("relay.conf")
    good = secret_file(world, SECRET, "turn.secret")
    cases = [
        ({"Servers": "turn:turn.test"}, "TurnSecret="),
        ({"Servers": "turn:me:topsecret@turn.test:x"}, "stun:HOST:PORT"),
        ({"Servers": "http://turn.test"}, "stun:HOST:PORT"),
        ({"Servers": ";".join(f"stun:s{n}" for n in range(9))}, "at most 8"),
        ({"TurnSecret": "/nowhere"}, "static-auth-secret"),
        ({"TurnSecret": secret_file(world, SECRET, "open.secret", 0o644)}, "chmod 640"),
        ({"Lifetime": "1s"}, "2000"),
    ]
    for keys, words in cases:
        write_config(path, {"Ice": keys})
        result = subprocess.run(
            [harness.program("rtcbus-relay"), "--check", "--config", path],
            capture_output=True, encoding="utf-8", env={"LC_ALL": "C.UTF-8"}, timeout=PATIENCE)
        equal(result.returncode, 78, f"exit status for {keys}")
        check(words in result.stdout, f"{result.stdout!r} does not say {words!r}")
        check("topsecret" not in result.stdout, "a password is shown")
    write_config(path, {"Ice": {"Servers": "turn:turn.test", "TurnSecret": good}})
    equal(subprocess.run([harness.program("rtcbus-relay"), "--check", "--config", path],
                         capture_output=True, timeout=PATIENCE).returncode, 0, "exit status")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
