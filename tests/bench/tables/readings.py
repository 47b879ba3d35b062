# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What a kept call costs, idle and with readings, and an emitter of very many."""

import json
import signal
import subprocess
import time

import net
import pairs
import usage
from agents import Agent
from harness import Failed, World, wait_for
from table import Absent, Column, Target, settings

TITLE = "readings over a kept call between two daemons"
COLUMNS = [
    Column("rate", "/s", "more", 0, "published"),
    Column("size", "B", "less", 1, "a reading"),
    Column("day", "MB/day", "less", 3, "the call", "on the wire"),
    Column("packets", "/hour", "less", 0, "the call", "packets"),
    Column("relay", "MB/day", "less", 3, "each to the relay", "on the wire"),
    Column("cpu-emitter", "ms/s", "less", 3, "emitter", "CPU time"),
    Column("cpu-listener", "ms/s", "less", 3, "listener", "CPU time"),
    Column("wakeups-emitter", "/hour", "less", 0, "emitter", "wake-ups"),
    Column("wakeups-listener", "/hour", "less", 0, "listener", "wake-ups"),
    Column("delivered", "%", "more", 2),
]
TARGETS = [
    Target("delivered", 100, "at least", of="1,000 a second"),
    Target("delivered", 100, "at least", of="10,000 to 20"),
    Target("cpu-emitter", 500, "at most", of="10,000 to 20"),
]
NOTES = ["Bytes and packets are IP's, in both directions, as the emitter's interface sees them; a reading's",
         "are all that the call carries meanwhile. Readings are published one by one over D-Bus and kept on",
         "disk at both ends. 10,000 to 20: a second, 100 in a message, to 20 listeners of one process that",
         "store nothing; only the emitter is a daemon. One by one: the same, as far as the bus carries it.",
         "CPU time of 1000 ms/s is a core. KeepAlive=25s: idle, with that at both ends."]
COUNTERS = """table inet wire {
  counter call { }
  counter relay { }
  chain in {
    type filter hook input priority 0;
    meta l4proto udp counter name call
    tcp sport %(port)d counter name relay
  }
  chain out {
    type filter hook output priority 0;
    meta l4proto udp counter name call
    tcp dport %(port)d counter name relay
  }
}
"""


class Pair:
    """Two daemons, each in a network of its own, and the relay beside the listener."""

    role = "ours"
    listeners = 1
    count = 1  # in a message to the daemon

    def __init__(self, name, rate, seconds, keep_alive="5s"):
        self.name = name
        self.calls = {"KeepAlive": keep_alive}
        self.rate = rate
        self.seconds = min(seconds, 10) if settings.quick else seconds
        self.agents = []
        self.world = None

    def start(self):
        self.world = World("readings")
        self.spaces = [net.Space(self.world, name) for name in ("emitter", "listener")]
        cable = net.Cable(self.world, *self.spaces)
        with self.world.inside(self.spaces[1]):
            self.relay = self.world.relay(host=cable.addresses[1])
        with self.world.inside(self.spaces[0]):
            self.emitter = self.world.peer("emitter", self.relay, config={"Calls": self.calls})
        self.pids = [self.emitter.pid]
        self.listen(self.spaces[1])
        try:
            self.spaces[0].run("nft", "-f", "-", input=COUNTERS % {"port": self.relay.port})
        except FileNotFoundError as error:
            raise Absent("nft is not installed (apt install nftables)") from error
        self.agent = Agent([settings.program("tests/bench/agent"), self.emitter.bus.address])
        self.agents = [self.agent]
        self.agent.ask("publish 1 4 1")

    def listen(self, space):
        with self.world.inside(space):
            self.listener = self.world.peer("listener", self.relay,
                                            config={"Calls": {**self.calls, "Keep": "emitter"}})
        self.pids.append(self.listener.pid)
        wait_for(lambda: self.emitter.get("ListenerCount") == 1, 20, "the kept call")
        daemon = self.listener.bus  # nobody is to be woken by each reading
        daemon.connection.close_sync(None)
        daemon.connection = daemon.connect()

    def received(self):
        return sum(row[5] for row in self.listener.invoke("ListSeries")[0])

    def wire(self):
        counters = json.loads(self.spaces[0].run("nft", "-j", "list", "counters"))["nftables"]
        found = {c["counter"]["name"]: c["counter"] for c in counters if "counter" in c}
        return found["call"]["bytes"], found["call"]["packets"], found["relay"]["bytes"]

    def seen(self):
        """All that counts up, in one list."""
        return [*self.wire(), *(usage.cpu_seconds([pid]) for pid in self.pids),
                *(usage.wakeups([pid]) for pid in self.pids)]

    def publish(self):
        if self.rate == 0:
            time.sleep(self.seconds)
            return 0
        return self.agent.ask(f"publish {self.rate} {self.seconds} {self.count}", self.seconds + 60)["published"]

    def measure(self):
        got, before, began = self.received(), self.seen(), time.monotonic()
        published = self.publish()
        seconds = time.monotonic() - began
        after = [b - a for a, b in zip(before, self.seen())]
        figures = self.figures(after, seconds)
        if published:
            wanted = published * self.listeners
            figures["rate"] = published / seconds
            figures["size"] = after[0] / wanted
            figures["delivered"] = 100 * self.settle(got, wanted) / wanted
        return figures

    def figures(self, after, seconds):
        count = len(self.pids)
        figures = {"day": after[0] * 86400e-6 / seconds, "packets": after[1] * 3600 / seconds,
                   "relay": after[2] * 86400e-6 / seconds}
        for i, who in enumerate(("emitter", "listener")[:count]):
            figures[f"cpu-{who}"] = after[3 + i] * 1e3 / seconds
            figures[f"wakeups-{who}"] = after[3 + count + i] * 3600 / seconds
        return figures

    def settle(self, got, wanted):
        """What has come, when it is all or nothing comes any more."""
        deadline = time.monotonic() + 10
        while (came := self.received() - got) < wanted and time.monotonic() < deadline:
            time.sleep(0.1)
        return came

    def stop(self):
        pairs.stop_agents(self)
        pairs.end_world(self)


class Crowd(Pair):
    """The listeners are no daemons, so that the machine has something left for the emitter."""

    listeners = 20

    def __init__(self, name, rate, seconds, count):
        super().__init__(name, rate, seconds)
        self.count = count

    def listen(self, space):
        self.total = 0
        self.crowd = subprocess.Popen(
            [*space.prefix, settings.program("tests/helpers/feed-crowd"), self.relay.url(),
             str(self.listeners), "emitter"], stdout=subprocess.PIPE, text=True)
        self.expect("open")

    def expect(self, word):
        words = self.crowd.stdout.readline().split()
        if not words or words[0] != word:
            raise Failed(f"the listeners say {' '.join(words)!r}")
        return words

    def received(self):
        self.crowd.send_signal(signal.SIGUSR1)
        self.total += int(self.expect("readings")[1])
        return self.total

    def figures(self, after, seconds):
        figures = super().figures(after, seconds)
        del figures["relay"], figures["day"], figures["packets"]
        return figures

    def stop(self):
        if hasattr(self, "crowd"):
            self.crowd.terminate()
            self.crowd.wait()
            self.crowd.stdout.close()
        super().stop()


def contenders():
    return [Pair("idle", 0, 60), Pair("KeepAlive=25s", 0, 120, "25s"),
            Pair("1 a minute", 1 / 60, 60), Pair("1 a second", 1, 30),
            Pair("1,000 a second", 1000, 15), Crowd("10,000 to 20", 10000, 10, 100),
            Crowd("one by one", 10000, 10, 1)]
