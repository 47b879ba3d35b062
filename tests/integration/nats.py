# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A cluster of real nats-servers on loopback, and relays on it."""

import os
import queue
import shutil
import socket
import threading
import time

import harness
from harness import free_port, wait_for

PROGRAM = shutil.which("nats-server", path="/usr/sbin:/usr/bin:/sbin:/bin")

CONFIG = """
server_name: {name}
listen: {host}:{port}
jetstream {{ store_dir: "{store}", max_mem: {memory}, max_file: 64MB }}
cluster {{
  name: test
  listen: 127.0.0.1:{route}
  routes: [{routes}]
}}
{more}
"""

# What data/examples/relay/nats.conf gives to relays
USERS = """
authorization {{ users: [ {{ user: relay, password: "{password}", permissions: {{
  publish: ["rtcbus.>", "$KV.rtcbus.>", "$JS.API.STREAM.CREATE.KV_rtcbus",
            "$JS.API.DIRECT.GET.KV_rtcbus"]
  subscribe: ["rtcbus.>"]
}} }} ] }}
"""
PASSWORD = "a password of the relays"

# For a load that speaks NATS itself, and no password
WEBSOCKET = """
websocket {{ listen: "127.0.0.1:{port}", no_tls: true }}
"""


def need():
    if not PROGRAM:
        harness.skip_all("nats-server is not installed")


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Nats:
    """SIZE nats-servers that know one another, and listen at HOST. WEB: for whoever comes to
    their web_ports, and not for relays."""

    def __init__(self, world, size=3, memory="256MB", web=False, host="127.0.0.1"):
        self.world, self.host = world, host
        self.ports = [free_port() for _ in range(size)]
        self.routes = [free_port() for _ in range(size)]
        self.web_ports = [free_port() for _ in range(size)] if web else None
        self.servers = [None] * size
        self.set_memory(memory)
        for i in range(size):
            self.start(i)
        self.wait_listening()

    def _path(self, i, ending):
        return os.path.join(self.world.directory, f"nats-{i}{ending}")

    def set_memory(self, memory):
        """What there is for a store, from their next start on"""
        for i in range(len(self.ports)):
            self._write(i, memory)

    def _write(self, i, memory):
        routes = ", ".join(f"nats://127.0.0.1:{port}" for port in self.routes)
        more = (WEBSOCKET.format(port=self.web_ports[i]) if self.web_ports
                else USERS.format(password=PASSWORD))
        with open(self._path(i, ".conf"), "w", encoding="ascii") as f:
            f.write(CONFIG.format(name=f"n{i}", host=self.host, port=self.ports[i],
                                  store=self._path(i, "-store"), memory=memory,
                                  route=self.routes[i], routes=routes, more=more))

    def start(self, i):
        if self.servers[i]:
            self.servers[i].start()
        else:
            self.servers[i] = self.world.run(f"nats-{i}", [PROGRAM, "-c", self._path(i, ".conf")])

    def kill(self, i):
        self.servers[i].kill()

    def kill_all(self):
        for server in self.servers:
            server.kill()

    def start_all(self):
        for i in range(len(self.servers)):
            self.start(i)

    def forget_all(self):
        """All that they have kept is gone."""
        self.kill_all()
        for i in range(len(self.servers)):
            shutil.rmtree(self._path(i, "-store"), ignore_errors=True)

    def wait_listening(self):
        for port in self.ports:
            wait_for(lambda port=port: listens(port), what="nats-server to listen")

    def urls(self, first=0):
        ports = self.ports[first:] + self.ports[:first]
        return ";".join(f"nats://127.0.0.1:{port}" for port in ports)

    def relay(self, name, urls=None, wait=True, **kwargs):
        secret = os.path.join(self.world.directory, "nats-password")
        if not os.path.exists(secret):
            with open(os.open(secret, os.O_CREAT | os.O_WRONLY, 0o600), "w",
                      encoding="ascii") as f:
                f.write(PASSWORD)
        config = {"Relay": {"FramesPerSecond": 0},
                  "Cluster": {"Servers": urls or self.urls(), "User": "relay",
                              "PasswordFile": secret}}
        for group, keys in kwargs.pop("config", {}).items():
            config.setdefault(group, {}).update(keys)
        return self.world.relay(name=name, config=config, **kwargs)


def secure_server(world, certificate, key):
    """The port of one that speaks TLS, and wants no password."""
    port = free_port()
    path = world.path(f"nats-{port}")
    with open(path + ".conf", "w", encoding="ascii") as f:
        f.write(f'listen: "127.0.0.1:{port}"\njetstream {{ store_dir: "{path}-store" }}\n'
                f'tls {{ cert_file: "{certificate}", key_file: "{key}" }}\n')
    world.run(f"nats-{port}", [PROGRAM, "-c", path + ".conf"])
    wait_for(lambda: listens(port), what="nats-server to listen")
    return port


class Cut:
    """TCP proxies in front of servers at PORTS. What is stopped does not go through, and nobody is
    told; what is slow comes later."""

    def __init__(self, world, ports):
        self.gates = {"up": threading.Event(), "down": threading.Event()}  # to the servers, from them
        self.go_on()
        self.slow()
        self.sockets = []
        self.ports = []
        world.closing(self)
        for port in ports:
            listener = socket.create_server(("127.0.0.1", 0))
            self.sockets.append(listener)
            self.ports.append(listener.getsockname()[1])
            threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()

    def urls(self):
        return ";".join(f"nats://127.0.0.1:{port}" for port in self.ports)

    def _accept(self, listener, port):
        while True:
            try:
                here, _ = listener.accept()
                there = socket.create_connection(("127.0.0.1", port))
            except OSError:
                return
            self.sockets += [here, there]
            for source, sink, gate in (here, there, "up"), (there, here, "down"):
                pieces = queue.Queue(64)  # that are on their way
                for target in self._read, self._write:
                    threading.Thread(target=target, args=(source, sink, self.gates[gate], pieces),
                                     daemon=True).start()

    def _read(self, source, _sink, gate, pieces):
        try:
            while True:
                gate.wait()
                data = source.recv(1 << 14)
                gate.wait()
                pieces.put((time.monotonic() + self.delay, data))
                if not data:
                    return
        except OSError:
            pieces.put((0, b""))

    def _write(self, source, sink, _gate, pieces):
        try:
            while True:
                due, data = pieces.get()
                time.sleep(max(0, due - time.monotonic()))
                if not data:
                    break
                sink.sendall(data)
                if self.rate:
                    time.sleep(len(data) / self.rate)
        except OSError:
            pass
        for sock in source, sink:
            try:
                sock.shutdown(socket.SHUT_RDWR)  # wakes the other threads, which close() does not
            except OSError:
                pass
            sock.close()

    def slow(self, delay=0, rate=None):
        """DELAY seconds each way, RATE bytes a second each way of a connection"""
        self.delay, self.rate = delay, rate

    def stop(self, *directions):
        for direction in directions or self.gates:
            self.gates[direction].clear()

    def go_on(self):
        for gate in self.gates.values():
            gate.set()

    def close(self):
        self.go_on()
        for sock in self.sockets:
            sock.close()
