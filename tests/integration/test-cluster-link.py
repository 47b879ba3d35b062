#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A relay's connection to NATS, without a nats-server: packages are built where there is none."""

import json
import socket
import threading

import harness
from harness import check, note, wait_for

INFO = {"server_id": "fickle", "version": "2.9.10", "proto": 1, "headers": True,
        "max_payload": 1 << 20}


class FickleServer:
    """Speaks enough NATS for a connection to be up, and hangs up on it then, until it is steady."""

    def __init__(self, world):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.steady = False
        self.ups = 0
        world.closing(self)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                with self.listener.accept()[0] as connection:
                    self._talk(connection)
            except ConnectionError:
                continue
            except OSError:
                return

    def _talk(self, connection):
        connection.sendall(b"INFO " + json.dumps(INFO).encode() + b"\r\n")
        subscribed = False
        for line in connection.makefile("rb"):
            if line.startswith(b"PING"):
                connection.sendall(b"PONG\r\n")
            if line.startswith(b"SUB") and not subscribed:
                subscribed = True
                self.ups += 1
            if subscribed and not self.steady:
                return

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def test_lost_connections(world):
    """Nothing is left of them: libnats 3.4 closes their sockets itself, from 3.10 on it does not."""
    server = FickleServer(world)
    relay = world.relay(config={"Cluster": {"Servers": f"nats://127.0.0.1:{server.port}"}})
    wait_for(lambda: server.ups >= 5, 60, "the first connections")
    before, count = relay.fds(), 40
    wait_for(lambda: server.ups >= 5 + count, 120, "more connections")
    server.steady = True
    note(f"{before} descriptors, {relay.fds()} after {count} lost connections")
    check(relay.fds() < before + count / 2, "lost connections keep their descriptors")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
