#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""rtcbusctl doctor: what it says of set-ups that are right and of some that are not."""

import json
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ctl  # noqa: E402
import harness  # noqa: E402
from harness import check, equal, free_port, wait_for  # noqa: E402


def findings(peer, *arguments):
    """(exit status, {step: [(state, words), …]})"""
    status, out, errors = ctl.run(peer, "--json", "doctor", *arguments)
    equal(errors, "", "standard error")
    found = {}
    for line in out.splitlines():
        one = json.loads(line)
        found.setdefault(one["step"], []).append((one["state"], one["words"]))
    return status, found


def only(found, step, state):
    equal([one[0] for one in found.get(step, [])], [state], step)
    return found[step][0][1]


class Server(threading.Thread):
    """Says one thing to whoever comes."""

    def __init__(self, world, answer):
        super().__init__(daemon=True)
        self.answer = answer
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        world.closing(self)
        self.start()

    def run(self):
        try:
            while True:
                client = self.socket.accept()[0]
                client.settimeout(2)
                try:
                    client.recv(4096)
                    client.sendall(self.answer)
                except OSError:
                    pass
                client.close()
        except OSError:
            pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def lonely(world, url, **config):
    peer = world.peer("desk", url, connected=False, config=config)
    wait_for(lambda: peer.get("RelayError"), 20, "a reason")
    return peer


def test_all_is_well(world):
    relay = world.relay()
    world.peer("emitter", relay, source="random")
    peer = world.peer("desk", relay)
    peer.wait_peer("emitter")
    status, found = findings(peer, "emitter")
    equal(status, 0, f"exit status with {found}")
    for step in ("daemon", "key", "URL", "name resolution", "TCP", "MTU", "HTTP", "relay", "call",
                 "trust", "path"):
        only(found, step, "ok")
    check("1 other" in found["relay"][0][1], found["relay"])
    check("direct" in found["path"][0][1], found["path"])
    check("STUN" in only(found, "ICE server", "warning"), found["ICE server"])
    # a call that was made to look at the path is over
    wait_for(lambda: not peer.calls(), 10, "the call to end")


def test_call_that_is_there_stays(world):
    relay = world.relay()
    world.peer("emitter", relay, source="random")
    peer = world.peer("desk", relay)
    peer.wait_peer("emitter")
    call = peer.call("emitter")
    call.wait_state("connected", 15)
    equal(findings(peer, "emitter")[0], 0, "exit status")
    equal(call.get("State"), "connected", "State")


def test_no_daemon(world):
    peer = world.peer("desk", "ws://127.0.0.1:9/", connected=False)
    peer.kill()
    status, found = findings(peer)
    equal(status, 1, "exit status")
    check("rtcbus-peer" in only(found, "daemon", "failed"), found)
    equal(list(found), ["daemon"], "steps")


def test_nothing_listens(world):
    port = free_port()
    status, found = findings(lonely(world, f"ws://127.0.0.1:{port}/"))
    equal(status, 1, "exit status")
    check("does the relay run" in only(found, "TCP", "failed"), found["TCP"])
    check(str(port) in only(found, "relay", "failed"), found["relay"])
    check("HTTP" not in found, "HTTP without TCP")


def test_no_such_host(world):
    status, found = findings(lonely(world, "ws://no-such-host.invalid:41337/"))
    equal(status, 1, "exit status")
    only(found, "name resolution", "failed")
    check("TCP" not in found, "TCP without an address")


def test_forgotten_port(world):
    _, found = findings(lonely(world, "ws://127.0.0.1/"))
    words = only(found, "URL", "warning")
    check("80" in words and "41337" in words, words)


def test_another_server(world):
    ssh = Server(world, b"SSH-2.0-OpenSSH_9.2\r\n")
    _, found = findings(lonely(world, f"ws://127.0.0.1:{ssh.port}/"))
    check("no HTTP" in only(found, "HTTP", "failed"), found["HTTP"])


def test_portal(world):
    portal = Server(world, b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n")
    _, found = findings(lonely(world, f"ws://127.0.0.1:{portal.port}/"))
    check("http://login.example/" in only(found, "HTTP", "failed"), found["HTTP"])


def test_clock(world):
    late = Server(world, b"HTTP/1.1 404 Not Found\r\nDate: Tue, 01 Jan 2019 00:00:00 GMT\r\n\r\n")
    _, found = findings(lonely(world, f"ws://127.0.0.1:{late.port}/"))
    check("ahead" in only(found, "clock", "warning"), found["clock"])


def test_no_such_peer(world):
    relay = world.relay()
    status, found = findings(world.peer("desk", relay), "nobody")
    equal(status, 1, "exit status")
    check("nobody" in only(found, "call", "failed"), found["call"])


def test_udp_blocked(world):
    """A STUN server that says nothing."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    world.closing(silent)
    uri = f"stun:127.0.0.1:{silent.getsockname()[1]}"
    peer = world.peer("desk", world.relay(), config={"Ice": {"Servers": uri}})
    wait_for(lambda: peer.get("IceServers")[0][1] == "unreachable", 60, "the server to be given up")
    _, found = findings(peer)
    only(found, "ICE server", "failed")
    check("turns:" in only(found, "UDP", "failed"), found["UDP"])


def test_for_people(world):
    relay = world.relay()
    status, out, _ = ctl.run(world.peer("desk", relay), "doctor")
    equal(status, 0, "exit status")
    lines = out.splitlines()
    check(lines[0].startswith("ok       daemon"), lines[0])
    check(all(line.split()[0] in ("ok", "warning") for line in lines), out)


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
