# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What a peer offers as a service: a server, and the file that declares it."""

import os
import socket
import threading


class Server(threading.Thread):
    """A TCP server with a thread for each connection: serve(connection) until it is gone."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"tcp:127.0.0.1:{self.listener.getsockname()[1]}"
        world.closing(self.listener)
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                self.serve(connection)
            except OSError:
                pass


def folder(world):
    return os.path.join(world.directory, "services.d")


def declare(world, name, connect, allow):
    os.makedirs(folder(world), exist_ok=True)
    with open(os.path.join(folder(world), name + ".conf"), "w", encoding="utf-8") as f:
        f.write(f"[Service]\nConnect={connect}\nAllow={allow}\n")


def word(peer):
    """PEER's key as Allow= has it."""
    return peer.get("Fingerprint").replace(" ", ":")
