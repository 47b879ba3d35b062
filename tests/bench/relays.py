# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""rtcbus-relay, and what one would take instead, under the load of relay-load.c."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile

import nats
import pairs
from harness import Failed, World, free_port, wait_for
from table import Absent, settings

HERE = os.path.dirname(os.path.abspath(__file__))
IDLE = 15000
# Debian's mosquitto does not start with WebSocket listeners alone.
MOSQUITTO = """
listener {other} 127.0.0.1
listener {port} 127.0.0.1
protocol websockets
allow_anonymous true
persistence false
set_tcp_nodelay true
max_queued_messages 0
log_type error
"""
NATS = """
listen: "127.0.0.1:{other}"
websocket {{ listen: "127.0.0.1:{port}", no_tls: true }}
max_connections: 70000
"""


def connections(wanted=IDLE, besides=1000):
    """How many idle ones this machine lets us have: each side has a descriptor for it, and BESIDES
    for all else. Who may raise the limit (CAP_SYS_RESOURCE) has as many as are wanted."""
    wanted = wanted if not settings.quick else 1000
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < wanted + besides:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + besides, wanted + besides))
        except (ValueError, OSError):
            pass
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - besides)


def load(protocol, port, pid, mode, token=None, **options):
    """What relay-load says it has measured. TOKEN is shown to the server."""
    argv = [settings.program("tests/bench/relay-load"), protocol, str(port), str(pid), mode,
            *(f"{key}={value}" for key, value in options.items())]
    if settings.quick:
        argv += ["ms=500", "warm=100"]
    env = {**os.environ, "RTCBUS_TOKEN": token} if token else None
    done = subprocess.run(argv, capture_output=True, text=True, env=env)
    if done.returncode:
        raise Failed(done.stderr.strip() or f"relay-load ended with {done.returncode}")
    return json.loads(done.stdout)


class Relay:
    """What is measured of it: FUNCTION(relay) gives the figures."""

    def __init__(self, function):
        self.function = function

    def measure(self):
        return self.function(self)


class Ours(Relay):
    name = "rtcbus-relay"
    role = "ours"
    protocol = "rtcbus"
    world = None

    def start(self):
        self.world = World(self.name)
        relay = self.world.relay()
        self.port, self.pid = relay.port, relay.pid

    def stop(self):
        pairs.end_world(self)


class Cluster(Relay):
    """Three of ours on three nats-servers. CONFIG: the [Relay] of each."""

    name = "rtcbus-relay"
    role = "ours"
    world = None

    def __init__(self, function, config=()):
        super().__init__(function)
        self.config = dict(config)

    def start(self):
        if not nats.PROGRAM:
            raise Absent("nats-server is not installed (apt install nats-server)")
        self.world = World(self.name)
        servers = nats.Nats(self.world)
        self.relays = [servers.relay(name, config={"Relay": self.config}) for name in "abc"]
        for relay in self.relays:
            wait_for(lambda relay=relay: relay.get("ClusterState") == "joined" and
                     len(relay.invoke("ListRelays")[0]) == 2, 60, "the cluster to be whole")

    def load(self, mode, across, **options):
        first, second = self.relays[:2]
        pids = f"{first.pid},{second.pid}" if across else str(first.pid)
        return load("rtcbus", first.port, pids, mode, size=500,
                    across=second.port if across else 0, **options)

    def stop(self):
        pairs.end_world(self)


class Server(Relay):
    """A foreign one."""

    role = "other"
    process = folder = None

    def start(self):
        self.port, self.folder = free_port(), tempfile.mkdtemp(prefix="rtcbus-bench-")
        self.log = os.path.join(self.folder, "log")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        self.pid = self.process.pid
        wait_for(self.listening, 10, f"{self.name} to listen")

    def configured(self, text):
        path = os.path.join(self.folder, "conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.format(port=self.port, other=free_port()))
        return path

    def listening(self):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8") as f:
                raise Failed(f"{self.name} has ended: " + f.read().strip()[-200:])
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if self.folder:
            shutil.rmtree(self.folder)
        self.process = self.folder = None


class Ws(Server):
    name = "Node.js ws"
    protocol = "rtcbus"

    def command(self):
        missing = pairs.no_package_of_npm("ws")()
        if missing:
            raise Absent(missing)
        return ["env", "NODE_PATH=" + os.path.join(pairs.NODE, "node_modules"), "node",
                os.path.join(HERE, "ws-relay.js"), str(self.port)]


class Nats(Server):
    name = "nats-server"
    protocol = "nats"

    def command(self):
        if not shutil.which("nats-server"):
            raise Absent("nats-server is not installed (apt install nats-server)")
        return ["nats-server", "-c", self.configured(NATS)]


class Mosquitto(Server):
    name = "mosquitto"
    protocol = "mqtt"

    def command(self):
        program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        if not program:
            raise Absent("mosquitto is not installed (apt install mosquitto)")
        return [program, "-c", self.configured(MOSQUITTO)]


def contenders(function):
    return [relay(function) for relay in (Ours, Ws, Nats, Mosquitto)]


def measure(relay, mode, **options):
    return load(relay.protocol, relay.port, relay.pid, mode, **options)
