# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Two programs with a channel between them, ours and those of the other stacks.

Each pair has .name, .role, .start(), .stop(), and after open_channel() `near` and `far`, agents
that obey the commands of agent.c, and `pids` of all processes that carry the data. A table's
contenders are OverChannel or Calls, and only add what they measure.
"""

import os
import shutil
import socket
import subprocess
import time

from agents import Agent
from channels import open_channel, remote_channel
from harness import Failed, World, wait_for
from table import Absent, settings

HERE = os.path.dirname(os.path.abspath(__file__))
NODE = os.environ.get("RTCBUS_BENCH_NODE") or os.path.join(HERE, "../../_lab/node/bench")
PYTHON = "/usr/bin/python3"


def stop_agents(owner):
    for agent in owner.agents:
        agent.close()
    owner.agents = []


def end_world(owner):
    """Daemons that did not end well are worth a word, also in a bench."""
    world, owner.world = owner.world, None
    if not world:
        return
    problems = world.close()
    world.remove()
    if problems:
        raise Failed("; ".join(problems))


class Ours:
    """Two daemons of the build tree on buses of their own, a relay, two programs."""

    name = "ours"
    role = "ours"
    feed = {}  # what the emitter is started with

    def __init__(self):
        self.agents = []
        self.world = None

    def start(self):
        program = settings.program("tests/bench/agent")
        self.start_daemons()
        self.near, self.far = [self.add([program, daemon.bus.address])
                               for daemon in (self.listener, self.emitter)]

    def start_daemons(self):
        self.world = World("bench")
        config = {"Ice": {"Interfaces": "lan0"}}
        self.relay = self.world.relay()
        self.emitter = self.world.peer("emitter", self.relay, config=config, **self.feed)
        self.listener = self.world.peer("listener", self.relay, config=config)

    def add(self, argv):
        agent = Agent(argv)
        self.agents.append(agent)
        return agent

    def open_channel(self):
        call = self.listener.call("emitter")
        call.wait_state("connected")
        wait_for(lambda: self.emitter.get("ListenerCount") == 1, 5, "the listener")
        here = open_channel(call, "bench")
        self.near.ask("acquire " + here.path)
        self.far.ask("acquire " + remote_channel(self.emitter, "bench").path)
        self.pids = [self.emitter.pid, self.listener.pid, self.near.pid, self.far.pid]

    def make_calls(self, count):
        return self.near.ask(f"calls emitter {count}", 60 + 10 * count)["times"]

    def stop(self):
        stop_agents(self)
        end_world(self)


class Foreign:
    """Two programs of another stack; they hand each other their signaling directly."""

    role = "other"

    prefixes = [], []  # what the commands of the two begin with
    signaling = staticmethod(socket.socketpair)

    def __init__(self, name, argv, missing):
        self.name = name
        self.argv = argv
        self.missing = missing  # why it cannot run, or None
        self.agents = []

    def start(self):
        reason = self.missing()
        if reason:
            raise Absent(reason)
        ends = self.signaling()
        self.agents = [Agent([*prefix, *self.argv, part, str(end.fileno())], end.fileno())
                       for prefix, part, end in zip(self.prefixes, ("answer", "offer"), ends)]
        for end in ends:
            end.close()
        self.near, self.far = self.agents
        self.pids = [agent.pid for agent in self.agents]
        for agent in self.agents:
            agent.wait_event("ready")

    def open_channel(self):
        self.near.tell("connect")
        for agent in self.agents:
            agent.wait_event("open")

    def make_calls(self, count):
        self.far.ask("emit")
        return self.near.ask(f"calls - {count}", 60 + 10 * count)["times"]

    def stop(self):
        stop_agents(self)


def no_package_of_npm(name):
    def missing():
        if not shutil.which("node"):
            return "node is not installed (apt install nodejs)"
        if not os.path.exists(os.path.join(NODE, "node_modules", name)):
            return f"{name} is not installed (tests/bench/install)"
        return None

    return missing


def no_module(code, package):
    def missing():
        found = subprocess.run([PYTHON, "-c", code], capture_output=True, check=False)
        return None if found.returncode == 0 else f"{package} is not installed (apt)"

    return missing


GSTREAMER = """
import gi
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import Gst, GstWebRTC, GstSdp
Gst.init(None)
assert Gst.ElementFactory.find("webrtcbin") and Gst.ElementFactory.find("nicesrc")
"""


def others():
    node = os.path.join(HERE, "agent-node.js")
    return [
        Foreign("libdatachannel", ["node", node, "libdatachannel"],
                no_package_of_npm("node-datachannel")),
        Foreign("libwebrtc", ["node", node, "libwebrtc"], no_package_of_npm("@roamhq/wrtc")),
        Foreign("GStreamer", [PYTHON, os.path.join(HERE, "agent-gstreamer.py")],
                no_module(GSTREAMER, "gstreamer1.0-nice or gir1.2-gst-plugins-bad-1.0")),
        Foreign("aiortc", [PYTHON, os.path.join(HERE, "agent-aiortc.py")],
                no_module("import aiortc", "python3-aiortc")),
    ]


class OverChannel:
    """What is measured over the channel of PAIR."""

    def __init__(self, pair):
        self.pair = pair
        self.name = pair.name
        self.role = pair.role

    def start(self):
        self.pair.start()
        self.pair.open_channel()

    def stop(self):
        self.pair.stop()


class Calls(OverChannel):
    """Or before there is one: the time of each call, in milliseconds."""

    def start(self):
        self.pair.start()
        self.pair.make_calls(2)  # what is loaded at first use

    def times(self, count, batch, enough):
        """Of COUNT calls, BATCH by BATCH, or of fewer if they take more than ENOUGH seconds."""
        times, began = [], time.monotonic()
        while len(times) < (batch if settings.quick else count):
            times += self.pair.make_calls(batch)
            if time.monotonic() - began > enough:
                break
        return [t * 1e-3 for t in times]
