#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What test-cluster.py tries in seconds, at full size, and what is rare: it takes a quarter of an hour
and is run by hand."""

import multiprocessing
import os
import shutil
import socket
import struct
import subprocess
import sys
import time

import nats
from crowd import Cluster, Crowd, cut_crowd
from harness import HERE, Skip, check, equal, main, note, wait_for

nats.need()
INSIDE = "RTCBUS_TRIAL_NAMESPACE"  # a network of its own, for the packet filter
if INSIDE in os.environ:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
else:
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--net",
                          "--", sys.executable, os.path.abspath(__file__), *sys.argv[1:]])

MANY = {"Relay": {"MaxConnectionsPerAddress": 20000, "MaxHandshakes": 2000, "DrainTime": "20s"}}


def test_rolling_restart(world):
    """Of three relays with 3,000 clients"""
    Crowd(world, 3000, rooms=100, config=MANY).restart_relays(5)


def test_seven_minutes(world):
    """Without NATS, which then comes back empty"""
    took = Crowd(world, 60, rooms=4).stay_without_nats(7 * 60)
    check(took < 5, f"whole after {took:.1f} s")


for test in test_rolling_restart, test_seven_minutes:
    test.limit = 900


REQUEST = ("GET /r{room}?name={name} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
           "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: rtcbus.1\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
ROOMS, WANTED, AT_ONCE = 50, 3000, 50


def ask_for(name, port):
    asked = socket.create_connection(("127.0.0.1", port))
    asked.sendall(REQUEST.format(room=name % ROOMS, name=f"n{name}", port=port).encode())
    return asked


def status(asked):
    data = b""
    while b"\r\n\r\n" not in data:
        more = asked.recv(4096)
        check(more, "no answer")
        data += more
    return int(data.split()[1])


def want_names(ports, number, pipe):
    """In a process of its own: asks for each name, at another relay than processes of other NUMBERs, and
    keeps what it gets."""
    kept, got = [], []
    pipe.recv()
    for first in range(0, WANTED, AT_ONCE):
        names = range(first, first + AT_ONCE)
        asked = [ask_for(name, ports[(name + number) % len(ports)]) for name in names]
        statuses = [status(one) for one in asked]
        check(set(statuses) <= {101, 409}, f"answers {set(statuses)}")
        got += [name for name, code in zip(names, statuses) if code == 101]
        kept += asked
    pipe.send(got)
    pipe.recv()


def test_joins(world):
    """Each name is wanted at three relays at once, as fast as they come: one has it."""
    cluster = Cluster(world, config={"Relay": {"MaxConnectionsPerAddress": 20000,
                                               "MaxHandshakes": 2000}})
    ports = [relay.port for relay in cluster.relays]
    pipes = [multiprocessing.Pipe() for _ in ports]
    processes = [multiprocessing.Process(target=want_names, args=(ports, number, there))
                 for number, (_, there) in enumerate(pipes)]
    for process in processes:
        process.start()
    began = time.monotonic()
    for here, _ in pipes:
        here.send("begin")
    got = [name for here, _ in pipes for name in here.recv()]
    took = time.monotonic() - began
    for here, _ in pipes:
        here.send("end")
    for process in processes:
        process.join()
    note(f"{WANTED * len(ports)} joins, {WANTED * len(ports) / took:.0f} a second")
    equal(sorted(got), list(range(WANTED)), "the names")


NEAR = "127.0.9.1"  # where relay b reaches the nats-servers, and nobody else
FILTER = """
table inet cut
delete table inet cut
table inet cut {{
  chain out {{
    type filter hook output priority 0
    {rules}
  }}
}}
"""


class PacketFilter:
    """As nats.Cut, by nftables: nobody closes, and what TCP sends again arrives when it is over."""

    def __init__(self, ports):
        self.ports = ports

    def urls(self):
        return ";".join(f"nats://{NEAR}:{port}" for port in self.ports)

    def _set(self, rules):
        subprocess.run(["nft", "-f", "-"], input=FILTER.format(rules=rules), text=True, check=True)

    def stop(self, *directions):
        ends = {"up": "daddr", "down": "saddr"}
        self._set("\n".join(f"ip {ends[one]} {NEAR} drop" for one in directions or ends))

    def go_on(self):
        self._set("")


def filtered_crowd(world):
    if not shutil.which("nft"):
        raise Skip("nftables is not installed")
    servers = nats.Nats(world, host="0.0.0.0")
    cut = PacketFilter(servers.ports)
    cut.go_on()
    return cut, Crowd(world, servers=servers, urls={1: cut.urls()})


def test_one_direction(world):
    """NATS does not hear one relay, and then one relay does not hear NATS: all is whole again soon after, and
    no client is cut."""
    try_one_direction(*cut_crowd(world))


def test_filtered_direction(world):
    """The same by a packet filter"""
    try_one_direction(*filtered_crowd(world))


def try_one_direction(cut, crowd):
    for direction in "up", "down":
        cut.stop(direction)
        began = time.monotonic()
        wait_for(lambda: (crowd.chat(), len(crowd.relays[0].invoke("ListRelays")[0]) == 1)[1], 30,
                 "it to be given up")
        note(f"{direction}: given up after {time.monotonic() - began:.1f} s")
        crowd.chat_for(1)
        cut.go_on()
        began = time.monotonic()
        crowd.wait_whole()
        crowd.settle()
        note(f"true after {time.monotonic() - began:.1f} s")
        crowd.chat(5)
        crowd.check_frames()
    equal([seat.closes for seat in crowd.seats], [[]] * len(crowd.seats), "closed connections")


class WallClock:
    """That of the relays that are started while it is wound up"""

    def __init__(self, world):
        if not shutil.which("cc"):
            raise Skip("there is no compiler")
        self.path, self.library = world.path("wall-clock"), world.path("wall-clock.so")
        with open(self.path, "wb") as f:
            f.write(b"\0" * 4096)
        subprocess.run(["cc", "-shared", "-fPIC", f'-DWALL_CLOCK="{self.path}"', "-o", self.library,
                        os.path.join(HERE, "wall-clock.c"), "-ldl"], check=True)

    def set(self, seconds):
        with open(self.path, "r+b") as f:
            f.write(struct.pack("q", seconds))

    def __enter__(self):
        os.environ["LD_PRELOAD"] = self.library
        return self

    def __exit__(self, *_):
        del os.environ["LD_PRELOAD"]


def test_wall_clock(world):
    """It jumps to and fro by years: nobody is cut, and names and frames are as ever. And a relay whose
    clock was set back still notices when NATS is silent."""
    with WallClock(world) as clock:
        cut, crowd = cut_crowd(world)
    for seconds in 3600, -3600, 365 * 86400, -86400:
        clock.set(seconds)
        crowd.chat_for(8)
        crowd.wait_whole()
        crowd.settle()
        newcomer = crowd.member(1, "/den?name=new")
        for i in range(3):
            crowd.refused(409, i, "/den?name=n1")
        newcomer.close()
        crowd.check_frames()
    check("no connection" not in crowd.relays[1].stderr(), "NATS was given up")
    cut.stop()
    began = time.monotonic()
    wait_for(lambda: (crowd.read(), crowd.relays[1].get("ClusterState") == "disconnected")[1], 30,
             "the relay to notice that NATS is silent")
    note(f"noticed after {time.monotonic() - began:.1f} s")
    cut.go_on()
    crowd.wait_whole()
    crowd.settle()
    equal([seat.closes for seat in crowd.seats], [[]] * len(crowd.seats), "closed connections")


main([t for name, t in list(globals().items()) if name.startswith("test_")])
