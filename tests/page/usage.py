#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""tests/page/run --usage [SECONDS]

What the page costs in Chromium with five feeds of 100 readings a second, in the end among 24 peers:
CPU time of its renderer and of the whole browser, and what Chromium says that it was for. Not a test:
for SECONDS (20) of each view it prints shares of one core.
"""

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "integration")]

import harness  # noqa: E402
from harness import note, wait_for  # noqa: E402
from pages import emitter, open_page, start_relay, wait_people  # noqa: E402

PEERS = [f"sensor {n}" for n in range(1, 6)]
OTHERS = [f"slow sensor {n}" for n in range(6, 25)]
TICKS = os.sysconf("SC_CLK_TCK")


def processes(root):
    """Those below ROOT: {pid: (kind, CPU seconds)}."""
    parents, found = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                fields = f.read().rpartition(")")[2].split()
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
                line = f.read()
        except OSError:
            continue  # it has ended
        parents[int(pid)] = int(fields[1])
        kind = next((word[7:] for word in line.replace(" ", "\0").split("\0") if word.startswith("--type=")), "browser")
        found[int(pid)] = kind, (int(fields[11]) + int(fields[12])) / TICKS

    def below(pid):
        while pid and pid != root:
            pid = parents.get(pid, 0)
        return pid == root

    return {pid: entry for pid, entry in found.items() if pid != root and below(pid)}


def measure(page, seconds):
    """Shares of a core in SECONDS: {what: share}."""
    root = page.browser.process.child.pid
    before, told, began = processes(root), page.do("metrics"), time.monotonic()
    time.sleep(seconds)
    after, tells, took = processes(root), page.do("metrics"), time.monotonic() - began
    shares = {}
    for pid, (kind, cpu) in after.items():
        shares[kind] = shares.get(kind, 0) + cpu - before.get(pid, (kind, 0))[1]
    shares["all"] = sum(shares.values())
    for part in ("Task", "Script", "Layout", "RecalcStyle"):
        shares[part] = tells[part + "Duration"] - told[part + "Duration"]
    return {what: value / took for what, value in shares.items()}


def show(name, shares):
    note(f"{name:14} " + "  ".join(f"{what} {value:.1%}" for what, value in shares.items() if value >= 0.001))


def usage(world):
    seconds = float(os.environ["RTCBUS_USAGE_SECONDS"])
    relay = start_relay(world)
    for name in PEERS:
        emitter(world, relay, name, "10ms")
    page = open_page(world, "chromium", relay)
    wait_people(page, *PEERS)
    show("joined", measure(page, seconds / 4))
    page.click("#call-all")
    for name in PEERS:
        wait_for(lambda n=name: page.count(n) >= 1000, 60, f"numbers of {name}")
    show("1280 × 900", measure(page, seconds))
    page.do("size", width=1920, height=1080)
    page.click("#wall")
    show("wall", measure(page, seconds))
    page.click("#wall")
    show("1920 × 1080", measure(page, seconds))
    for name in OTHERS:
        emitter(world, relay, name, "1s")
    wait_people(page, *PEERS, *OTHERS)
    page.click("#call-all")
    for name in OTHERS:
        wait_for(lambda n=name: page.count(n) >= 3, 60, f"numbers of {name}")
    page.click("#wall")
    show("wall of 24", measure(page, seconds))
    page.click("#wall")
    for where, took in page.do("profile", seconds=seconds)[:25]:
        note(f"{took / seconds / 10:6.2f} %  {where}")


def main():
    os.environ["RTCBUS_USAGE_SECONDS"] = sys.argv[1] if len(sys.argv) > 1 else "20"
    del sys.argv[1:]
    harness.main([usage])


main()
