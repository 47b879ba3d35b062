#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What a peer says of STUN and TURN servers, its own and those of a relay. Real ones are in
tests/network/test_turns.py."""

import os
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from harness import check, equal, wait_for  # noqa: E402
from wsclient import WsServer  # noqa: E402

NOWHERE = "ws://127.0.0.1:9/"
DEAD = "turn:{user}127.0.0.1:9?transport=tcp"
MAX_RECOMMENDED = 8


def servers(peer):
    return [(uri, state) for uri, state, _ in peer.get("IceServers")]


def test_servers_of_no_use(world):
    """What is wrong with a server is in IceServers, without the password, and said once."""
    peer = world.peer("judge", NOWHERE, connected=False,
                      config={"Ice": {"Servers": DEAD.format(user="user:verysecret@")}})
    wait_for(lambda: servers(peer) == [(DEAD.format(user="user@"), "unreachable")], 20,
             "the server to be found dead")
    equal(peer.stderr().count("ICE server"), 1, "lines about it")
    check("secret" not in peer.stderr(), peer.stderr())
    peer.configure({**peer.config, "Ice": {}})
    peer.signal(signal.SIGHUP)
    wait_for(lambda: [] in peer.signals.changes(*peer.target[1:], "IceServers"), 5,
             "the signal that it is gone")


def welcome(server, recommended):
    client = server.accept(60 * harness.SLOW)
    client.send_json({"type": "welcome", "id": "me", "room": "", "peers": [],
                      "iceServers": recommended})
    return client


def test_servers_of_the_relay(world):
    """They are among the others; new credentials, as they come with each connection, are
    no news."""
    server = world.closing(WsServer())
    peer = world.peer("peer", server.url(), connected=False,
                      config={"Ice": {"Servers": "stun:127.0.0.1:9"}})
    ours, theirs = "stun:127.0.0.1:9", DEAD.format(user="until-noon@")
    for credential in "verysecret-1", "verysecret-2":
        client = welcome(server, [{"urls": DEAD.format(user=""), "username": "until-noon",
                                   "credential": credential}])
        wait_for(lambda: dict(servers(peer)).get(theirs) == "unreachable", 20,
                 "the relay's server to be found dead")
        equal([uri for uri, _ in servers(peer)], [ours, theirs], "the servers")
        client.socket.close()
    equal(sum(theirs in line for line in peer.stderr().split("\n")), 1, "lines about it")
    check("verysecret" not in peer.stderr() and "verysecret" not in str(peer.get("IceServers")),
          "a credential is told")

    many = [{"urls": [f"stun:127.0.0.1:{port}" for port in range(10, 60)]},
            {"urls": "turns:127.0.0.1?transport=udp", "username": "u", "credential": "p"},
            {"urls": "stun:evil\x1b[31m\u202e"}]
    client = welcome(server, list(reversed(many)))
    wait_for(lambda: len(servers(peer)) > 2, 20, "the relay's other servers")
    equal([uri for uri, _ in servers(peer)],
          [ours] + [f"stun:127.0.0.1:{port}" for port in range(10, 10 + MAX_RECOMMENDED)],
          "as many as are taken, and none that is of no use")
    client.socket.close()


def test_probe_gives_up(world):
    """A server that takes the connection and says nothing, or something else."""
    silent, other = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    world.closing(silent), world.closing(other)
    uris = [f"turn:u:p@127.0.0.1:{s.getsockname()[1]}?transport=tcp" for s in (silent, other)]
    peer = world.peer("judge", NOWHERE, connected=False, config={"Ice": {"Servers": ";".join(uris)}})
    connection, _ = other.accept()
    connection.sendall(b"220 mail.example ESMTP\r\n")
    wait_for(lambda: [state for _, state in servers(peer)] == ["unreachable", "refused"], 20,
             "both to be judged")
    connection.close()
    words = {state: text for _, state, text in peer.get("IceServers")}
    check("no answer" in words["unreachable"] and "not STUN" in words["refused"], words)


if __name__ == "__main__":
    harness.main([value for name, value in list(globals().items()) if name.startswith("test_")])
