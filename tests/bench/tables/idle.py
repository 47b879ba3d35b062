# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What the daemons cost while nothing happens."""

import time

import usage
from harness import World, wait_for
from pairs import end_world
from table import Column, Target, settings

TITLE = "start to ready, and a daemon at rest"
COLUMNS = [
    Column("ready", "ms", "less", 1, label="cold start"),
    Column("rss", "MB", "less", 2, label="RSS"),
    Column("pss", "MB", "less", 2, label="PSS"),
    Column("wakeups", "/minute", "less", 0, label="wake-ups"),
    Column("cpu", "ms/minute", "less", 2, label="CPU"),
]
TARGETS = [
    Target("ready", 30, "at most", of="relay"),
    Target("rss", 8, "at most", of="relay"),
    Target("wakeups", 0, "at most", of="relay"),
    Target("ready", 60, "at most", of="peer"),
    Target("rss", 14, "at most", of="peer"),
    Target("wakeups", 10, "at most", of="peer"),
]
NOTES = ["ready: from fork() until the daemon owns its name on the bus. RSS, wake-ups (voluntary",
         "context switches of all threads) and CPU time of a relay without a client, and of a peer that",
         "is connected: every 12 s it sends a ping and wakes again for the pong."]
KEEP_ALIVE = 12  # seconds, src/peer/signaling/websocket.c


class Daemon:
    role = "ours"

    def __init__(self, name):
        self.name = name
        self.world = None

    def start(self):
        self.world = World(self.name)
        self.relay = self.world.relay()
        self.daemon = self.relay
        if self.name == "peer":
            self.daemon = self.world.peer("peer", self.relay)

    def cold_start(self):
        """Starts it once more, on the bus that is there already."""
        daemon = self.daemon
        daemon.stop()
        names = []
        watch = daemon.bus.connection.signal_subscribe(
            "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged", None,
            daemon.target[0], 0, lambda *arguments: names.append((time.monotonic(), arguments[5])))
        began = time.monotonic()
        daemon.start()
        ended = wait_for(lambda: [t for t, a in names if a.unpack()[2]], 10, "the name")[0]
        daemon.bus.connection.signal_unsubscribe(watch)
        return (ended - began) * 1e3

    def measure(self):
        ready = self.cold_start()
        settled = 1  # seconds, for what a start leaves to be done
        if self.daemon is not self.relay:
            self.daemon.wait_connected()
            settled = KEEP_ALIVE + 1  # until its timers go off together
        time.sleep(1 if settings.quick else settled)
        pids = [self.daemon.pid]
        seconds = 3 if settings.quick or self.daemon is self.relay else KEEP_ALIVE
        woken, cpu = usage.wakeups(pids), usage.cpu_seconds(pids)
        time.sleep(seconds)
        woken, cpu = usage.wakeups(pids) - woken, usage.cpu_seconds(pids) - cpu
        return {
            "ready": ready, "rss": usage.rss_kib(pids) * 1024 / 1e6, "pss": usage.pss_kib(pids) * 1024 / 1e6,
            "wakeups": woken * 60 / seconds, "cpu": cpu * 1e3 * 60 / seconds,
        }

    def stop(self):
        end_world(self)


def contenders():
    return [Daemon("relay"), Daemon("peer")]
