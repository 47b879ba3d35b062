# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What tokens and metrics cost the relay: the same load on one that has neither."""

import random
import re
import threading
import urllib.request

import pairs
import relays
from harness import World, wait_for
from table import Column, Target
from tokens import secret_file, token

KINDS = (("plain", "plain"), ("tokens", "tokens"), ("metrics", "metrics"))
TITLE = "relay, 100 active pairs, plain, with tokens, and with metrics that are scraped"
COLUMNS = [Column(f"{kind}-{size}", "1000/CPU s", "more", 1, label, f"frames of {size} B")
           for size in (500, 2500) for kind, label in KINDS]
TARGETS = [Target(f"{kind}-{size}", 0.95, "at least", "own", versus=f"plain-{size}")
           for size in (500, 2500) for kind in ("tokens", "metrics")]
NOTES = ["Tokens of HS256, one for each connection. The metrics are asked for each second."]


class Scraper(threading.Thread):
    """Asks for the metrics each second until it is told to stop."""

    def __init__(self, relay):
        super().__init__(daemon=True)
        found = wait_for(lambda: re.search(r"metrics at (http://\S+)", relay.stderr()),
                         what="the metrics' address")
        self.url = found.group(1)
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(1):
            with urllib.request.urlopen(self.url, timeout=30) as page:
                page.read()

    def stop(self):
        self.over.set()
        self.join()


class Watched(relays.Relay):
    name = "rtcbus-relay"
    role = "ours"
    world = None
    order = [kind for kind, _ in KINDS]

    def start(self):
        self.world = World(self.name)
        closed = {"Tokens": "required", "Secret": secret_file(self.world)}
        self.relays = {
            "plain": self.world.relay(name="plain"),
            "tokens": self.world.relay(name="tokens", config={"Relay": {}, "Access": closed}),
            "metrics": self.world.relay(name="metrics", config={
                "Relay": {}, "Metrics": {"Listen": "127.0.0.1:0"}}),
        }

    def load(self, kind, size):
        relay = self.relays[kind]
        scraper = Scraper(relay) if kind == "metrics" else None
        try:
            return relays.load("rtcbus", relay.port, relay.pid, "pairs", size=size,
                               token=token("*", seconds=3600) if kind == "tokens" else None)
        finally:
            if scraper:
                scraper.stop()

    def stop(self):
        pairs.end_world(self)


def measure(relay):
    """In any order: whoever comes later has a few percent less."""
    random.shuffle(relay.order)
    return {f"{kind}-{size}": relay.load(kind, size)["frames_per_cpu_second"] / 1e3
            for size in (500, 2500) for kind in relay.order}


def contenders():
    return [Watched(measure)]
