# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""As many as three relays are to hold that are one, and what each of them costs."""

import threading

import relays
from harness import watch
from table import Column, Target

IDLE = 20000  # at each
TITLE = "three relays on three nats-servers, 20,000 idle connections with a name at each"
COLUMNS = [
    Column("rss", "bytes", "less", 0, label="RSS per idle one"),
    Column("idle", "connections", "more", 0, label="idle at once"),
    Column("known", "clients", "more", 0, label="known of others"),
]
TARGETS = [Target("rss", 6656, "at most"), Target("idle", 59500, "at least")]
NOTES = ["RSS is that of all three relays, with what each knows of the clients of the others.",
         "Fewer idle connections if the limit of open files (ulimit -n -H) is below 20,110 and stays so."]


class Full(relays.Cluster):
    def __init__(self, function):
        # relay-load answers no ping while it connects, which takes a minute on a busy machine.
        super().__init__(function, {"MaxConnections": "30000", "PingInterval": "1h"})

    def start(self):
        self.idle = relays.connections(IDLE, besides=110)  # before the relays have their limits
        super().start()


def rss(cluster):
    return sum(relay.rss_kib() for relay in cluster.relays)


class Peak:
    """What there was when most were connected."""

    def __init__(self, cluster):
        self.cluster, self.before = cluster, rss(cluster)
        self.figures = {"rss": 0, "idle": 0, "known": 0}

    def look(self):
        relays_ = self.cluster.relays
        idle = sum(relay.get("Connections") for relay in relays_)
        known = min(sum(r[2] for r in relay.invoke("ListRelays")[0]) for relay in relays_)
        if (idle, known) >= (self.figures["idle"], self.figures["known"]):
            self.figures = {"rss": (rss(self.cluster) - self.before) * 1024 / max(idle, 1),
                            "idle": idle, "known": known}


def measure(cluster):
    peak = Peak(cluster)
    failures = []

    def fill(relay):
        try:
            relays.load("rtcbus", relay.port, relay.pid, "idle", idle=cluster.idle, pairs=1, ms=10000)
        except Exception as error:  # seen by the thread that waits
            failures.append(error)

    threads = [threading.Thread(target=fill, args=(relay,)) for relay in cluster.relays]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        watch(lambda: False, 0.5)
        peak.look()
    if failures:
        raise failures[0]
    return peak.figures


def contenders():
    return [Full(measure)]
