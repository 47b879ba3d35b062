# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What cannot be beaten here: encrypted UDP with no protocol over it, TCP without encryption."""

import json
import shutil
import subprocess
import time

import pairs
import usage
from agents import Agent
from harness import Failed, free_port
from table import Absent, settings

NAMES = {"udp": "UDP, AES-GCM", "gso": "UDP GSO, AES-GCM"}


class Udp:
    """Two processes of limit.c; KIND: udp, gso."""

    role = "limit"

    def __init__(self, kind):
        self.kind = kind
        self.name = NAMES[kind]
        self.agents = []

    def start(self):
        program = settings.program("tests/bench/limit")
        self.far = Agent([program, self.kind])
        self.agents = [self.far]
        self.near = Agent([program, self.kind, str(self.far.read()["port"])])
        self.agents.append(self.near)
        self.near.read()
        self.pids = [agent.pid for agent in self.agents]

    def open_channel(self):
        """There is none."""

    def stop(self):
        pairs.stop_agents(self)


class Iperf:
    address = "127.0.0.1"
    port = None  # of the server, or a free one
    through = None  # address and port of the client's side, where they are others
    prefixes = [], []
    options = []
    carriers = None  # tells the processes whose CPU time counts; default: iperf3's own

    def __init__(self):
        if not shutil.which("iperf3"):
            raise Absent("iperf3 is not installed (apt install iperf3)")
        self.client = self.server = None

    def between(self, link, congestion):
        """Not on loopback, but from LINK's right end to its left one."""
        self.address = link.addresses[0]
        self.prefixes = [space.prefix for space in link.ends]
        self.options = ["-C", congestion]

    def run(self, size, seconds, warm_up=1):
        """(bytes, seconds, CPU seconds, peak KiB) of one transfer with writes of SIZE bytes.

        CPU time is that of SECONDS in its middle; iperf3 goes on for one more, so that it
        is still there to be looked at on a machine that is late."""
        port = str(self.port or free_port())
        address, entry = self.through or (self.address, port)
        server = self.server = subprocess.Popen(
            [*self.prefixes[0], "iperf3", "-s", "-1", "-p", port, "-B", self.address,
             "--forceflush"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        while "listening" not in server.stdout.readline().lower():
            if server.poll() is not None:
                raise Absent("iperf3 does not start")
        client = self.client = subprocess.Popen(
            [*self.prefixes[1], "iperf3", "-c", address, "-p", str(entry), "-l", str(size),
             "-t", str(seconds + 1), "-O", str(warm_up), "-J", *self.options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(warm_up + 0.1)
        pids = self.carriers() if self.carriers else [server.pid, client.pid]
        meter = usage.Meter(pids)
        time.sleep(seconds)
        cpu, peak, share = meter.cpu_seconds(), meter.peak_kib(), meter.seconds() / (seconds + 1)
        report = json.loads(client.communicate(timeout=20)[0])
        if "error" in report:
            raise Failed(f"iperf3: {report['error']}")
        result = report["end"]["sum_received"]
        server.communicate(timeout=20)
        return result["bytes"], result["seconds"], cpu / share, peak

    def stop(self):
        for child in (self.client, self.server):
            if child and child.poll() is None:
                child.terminate()
            if child:
                child.wait()
