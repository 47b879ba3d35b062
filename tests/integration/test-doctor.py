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
from fronts import authority  # noqa: E402
from harness import check, equal, free_port, wait_for  # noqa: E402
from bare_relay import BareRelay  # noqa: E402
from tokens import closed_relay, token  # noqa: E402


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


def named(peer, step, *words, state="failed", arguments=()):
    """STEP is what is wrong, and it is the first that is: for programs and for people."""
    status, found = findings(peer, *arguments)
    text = ctl.run(peer, "doctor", *arguments)[1]
    wrong = [(name, one) for name, all_ in found.items() for one in all_ if one[0] == state]
    equal(status, 1 if state == "failed" else 0, f"exit status with {found}")
    equal(wrong[0][0], step, f"the first step that has {state}, of {found}")
    lines = [line for line in text.splitlines() if line.startswith(state)]
    check(lines and lines[0].split(None, 1)[1].startswith(step), f"{step!r} does not begin {lines}")
    for word in words:
        check(word in wrong[0][1][1], f"{word!r} is not in {wrong[0]}")
        check(word in lines[0], f"{word!r} is not in {lines[0]}")
    return found


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


def test_portal_with_a_page(world):
    page = Server(world, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello")
    named(lonely(world, f"ws://127.0.0.1:{page.port}/"), "WebSocket", "page", "login")


def test_proxy_wants_a_login(world):
    proxy = Server(world, b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    named(lonely(world, f"ws://127.0.0.1:{proxy.port}/"), "HTTP", "proxy", "login", "407")


def test_nothing_behind_the_proxy(world):
    proxy = Server(world, b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    named(lonely(world, f"ws://127.0.0.1:{proxy.port}/"), "HTTP", "no relay behind it", "502")


def test_another_relay(world):
    """It speaks WebSocket, and knows nothing of rtcbus."""
    bare = world.closing(BareRelay())
    named(world.peer("desk", f"ws://127.0.0.1:{bare.server.port}/"), "relay", "no relay of rtcbus",
          state="warning")


# ---- TLS -------------------------------------------------------------------------


def secure(world, hosts, days=(-1, 1)):
    """A relay with a certificate for HOSTS, valid from and until so many days from now."""
    own = authority(world)  # it skips where there is no cryptography
    from authority import DAY
    certificate, key = own.certificate("relay", hosts, [day * DAY for day in days])
    relay = world.relay(config={"Relay": {}, "Tls": {
        "Listen": "127.0.0.1:0", "Certificate": certificate, "Key": key}})
    return own, f"wss://127.0.0.1:{relay.get('TlsListening')[0].rpartition(':')[2]}/"


def test_unknown_authority(world):
    named(lonely(world, secure(world, ["127.0.0.1"])[1]), "TLS", "signed by nobody", "CA=")


def test_authority_of_our_own(world):
    """One that the daemon believes and this program does not know is good."""
    own, url = secure(world, ["127.0.0.1"])
    peer = world.peer("desk", url, config={"Relay": {"CA": own.file}})
    status, found = findings(peer)
    equal(status, 0, f"exit status with {found}")
    only(found, "TLS", "ok")


def test_expired_certificate(world):
    own, url = secure(world, ["127.0.0.1"], (-9, -2))
    named(lonely(world, url, Relay={"CA": own.file}), "TLS", "expired")


def test_certificate_of_another_host(world):
    own, url = secure(world, ["relay.example"])
    named(lonely(world, url, Relay={"CA": own.file}), "TLS", "another name")


# ---- the relay refuses -----------------------------------------------------------


def test_origin(world):
    relay = world.relay()
    found = named(lonely(world, relay.url(), Relay={"Origin": "https://elsewhere.example"}),
                  "relay", "403", "Origin=")
    only(found, "WebSocket", "ok")


def test_token(world):
    url = closed_relay(world).url()
    for number, text in enumerate([None, token("", seconds=-60), token("other")]):
        peer = world.peer(f"desk{number}", url, connected=False, config={"Relay": {"Token": text}})
        wait_for(lambda peer=peer: peer.get("RelayFault"), 20, "a reason")
        named(peer, *(("relay", "403") if number == 2 else ("token", "Token=")))


def test_taken_name(world):
    relay = world.relay()
    world.peer("desk", relay)
    named(lonely(world, relay.url(), Peer={"Name": "desk"}), "name", "Name=")


def test_clock(world):
    late = Server(world, b"HTTP/1.1 404 Not Found\r\nDate: Tue, 01 Jan 2019 00:00:00 GMT\r\n\r\n")
    _, found = findings(lonely(world, f"ws://127.0.0.1:{late.port}/"))
    check("ahead" in only(found, "clock", "warning"), found["clock"])


def test_no_such_peer(world):
    relay = world.relay()
    status, found = findings(world.peer("desk", relay), "nobody")
    equal(status, 1, "exit status")
    check("nobody" in only(found, "call", "failed"), found["call"])


# ---- the other peer --------------------------------------------------------------


def pair(world, **config):
    relay = world.relay()
    box = world.peer("box", relay, config=config)
    desk = world.peer("desk", relay)
    desk.wait_peer("box")
    return box, desk


def test_refused_by_the_peer(world):
    _, desk = pair(world, Trust={"Accept": "known"})
    named(desk, "call", "Accept=", "pair", arguments=["box"])


def test_changed_key(world):
    """The peer's is not the one that we know."""
    _, desk = pair(world)
    desk.invoke("TrustPeer", "(ss)", "box", "sha-256 " + ":".join(["AB"] * 32))
    named(desk, "call", "forget", arguments=["box"])


def test_changed_key_of_ours(world):
    box, desk = pair(world)
    box.invoke("TrustPeer", "(ss)", "desk", "sha-256 " + ":".join(["AB"] * 32))
    named(desk, "call", "under our name", arguments=["box"])


def test_for_people(world):
    relay = world.relay()
    status, out, _ = ctl.run(world.peer("desk", relay), "doctor")
    equal(status, 0, "exit status")
    lines = out.splitlines()
    check(lines[0].startswith("ok       daemon"), lines[0])
    check(all(line.split()[0] in ("ok", "warning") for line in lines), out)


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
