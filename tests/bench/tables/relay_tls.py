# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What TLS costs the relay: the same load on its plain listener and on the other."""

import os
import sys

import pairs
import relays
from harness import World
from table import Absent, Column, Target

sys.path.insert(0, os.path.join(relays.HERE, "..", "network"))

TITLE = "relay, 100 active pairs, without TLS and through it"
COLUMNS = [Column(f"{kind}-{size}", "1000/CPU s", "more", 1, label, f"frames of {size} B")
           for size in (500, 2500) for kind, label in (("plain", "plain"), ("tls", "TLS"))]
COLUMNS += [Column("rss", "bytes", "less", 0, label="RSS per idle one, TLS")]
TARGETS = [Target("tls-500", 0.6, "at least", "own", versus="plain-500"),
           Target("tls-2500", 0.6, "at least", "own", versus="plain-2500")]
NOTES = ["TLS 1.3 with AES-128-GCM and an ECDSA key on P-256."]


class Secure(relays.Relay):
    name = "rtcbus-relay"
    role = "ours"
    world = None

    def start(self):
        try:
            from authority import Authority
        except ImportError:
            raise Absent("python3-cryptography is not installed") from None
        self.world = World(self.name)
        certificate, key = Authority(self.world).certificate("relay", ["127.0.0.1"])
        self.relay = self.world.relay(config={
            "Relay": {}, "Tls": {"Listen": "127.0.0.1:0", "Certificate": certificate, "Key": key}})
        self.tls_port = int(self.relay.get("TlsListening")[0].rpartition(":")[2])

    def load(self, mode, **options):
        port = self.tls_port if options.get("tls") else self.relay.port
        return relays.load("rtcbus", port, self.relay.pid, mode, **options)

    def stop(self):
        pairs.end_world(self)


def measure(relay):
    figures = {}
    for size in 500, 2500:
        for kind, tls in ("plain", 0), ("tls", 1):
            found = relay.load("pairs", size=size, tls=tls)
            figures[f"{kind}-{size}"] = found["frames_per_cpu_second"] / 1e3
    idle = min(relays.connections(), 5000)
    figures["rss"] = relay.load("idle", size=500, idle=idle, tls=1)["rss_per_idle"]
    return figures


def contenders():
    return [Secure(measure)]
