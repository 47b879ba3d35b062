# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Networks of a test's own: spaces (network namespaces), and what joins two of them.

    left, right = Space(world, "left"), Space(world, "right")
    path = Link(world, left, right, delay=10, loss=1)     # link.c; its options by their names
    with world.inside(left):
        relay = world.relay(host=left.address)
    with world.inside(right):
        peer = world.peer("box", relay)
    path.set(loss=100)
    path.figures()["left-to-right"]["lost"]

Cable() joins two spaces as a veth pair, without any of this. A space may have many
of both; the first gives it its `address` and `address6`. All of it ends with the
world, and with the test's process, however that ends.
"""

import json
import os
import subprocess

from harness import TOP_BUILDDIR, Failed, wait_for

LINK = os.path.join(TOP_BUILDDIR, "tests/network/link")


class Space:
    """A network namespace, held by a process that ends when we do."""

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.address = self.address6 = None
        self.joints = 0
        self.child = subprocess.Popen(
            ["unshare", "--net", "--", "sh", "-c", "ip link set lo up && echo ready && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        world.closing(self)
        if self.child.stdout.readline() != b"ready\n":
            raise Failed(f"there is no network namespace for {name}")
        self.path = f"/proc/{self.child.pid}/ns/net"
        self.prefix = ["nsenter", f"--net={self.path}", "--"]

    def close(self):
        self.child.stdin.close()
        self.child.wait()

    def run(self, *argv, **kwargs):
        """A command in it; returns what it says."""
        done = subprocess.run([*self.prefix, *argv], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, **kwargs)
        if done.returncode != 0:
            raise Failed(f"{' '.join(argv)} in {self.name}: {done.stdout}")
        return done.stdout

    def popen(self, *argv, **kwargs):
        """A program of the test in it, which the caller ends."""
        return subprocess.Popen([*self.prefix, *argv], **kwargs)

    def join(self, interface, address, address6):
        # Nothing is to pass but what a test sends: no router is asked for, no group joined.
        self.run("ip", "link", "set", interface, "addrgenmode", "none", "multicast", "off")
        self.run("ip", "address", "add", f"{address}/24", "dev", interface)
        self.run("ip", "address", "add", f"{address6}/64", "dev", interface, "nodad")
        self.run("ip", "link", "set", interface, "up")
        self.address = self.address or address
        self.address6 = self.address6 or address6


class Joint:
    """What links and cables have in common: names and addresses of their ends."""

    KIND = ""

    def __init__(self, world, left, right):
        self.ends = (left, right)
        self.interfaces = []
        for space in self.ends:
            self.interfaces.append(f"{self.KIND}{space.joints}")
            space.joints += 1
        world.joints = getattr(world, "joints", 0) + 1
        self.net = world.joints
        self.addresses = [f"10.77.{self.net}.{n}" for n in (1, 2)]
        self.addresses6 = [f"fd77:{self.net:x}::{n}" for n in (1, 2)]

    def address_ends(self):
        for end in zip(self.ends, self.interfaces, self.addresses, self.addresses6):
            end[0].join(*end[1:])


class Cable(Joint):
    """A veth pair."""

    KIND = "eth"

    def __init__(self, world, left, right):
        super().__init__(world, left, right)
        left.run("ip", "link", "add", self.interfaces[0], "type", "veth", "peer", "name",
                 self.interfaces[1], "netns", str(right.child.pid))
        self.address_ends()


class Link(Joint):
    """A path through link.c."""

    KIND = "path"

    def __init__(self, world, left, right, **options):
        super().__init__(world, left, right)
        argv = [LINK, "--left-name", self.interfaces[0], "--right-name", self.interfaces[1]]
        for name, value in options.items():
            argv += [f"--{name}", str(value)]
        self.child = subprocess.Popen([*argv, left.path, right.path], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.last = None
        world.closing(self)
        self.expect("ready")
        self.address_ends()

    def expect(self, wanted=None):
        line = self.child.stdout.readline()
        if not line or wanted not in (None, line.strip()):
            raise Failed(f"the link says {line!r}")
        return line

    def tell(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def set(self, **options):
        for name, value in options.items():
            self.tell(f"{name} {value}")

    def read_figures(self):
        rows = [json.loads(self.expect()) for _ in self.ends]
        return {row.pop("direction"): row for row in rows}

    def figures(self):
        """By direction, "left-to-right" and "right-to-left"."""
        self.tell("figures")
        return self.read_figures()

    def close(self):
        """`last` is what it had to say at its end."""
        self.child.stdin.close()
        try:
            self.last = self.read_figures()
        finally:
            self.child.wait()
        if self.child.returncode != 0:
            raise Failed(f"the link ended with status {self.child.returncode}")


def peers_over(world, link, **kwargs):
    """A relay and the peer "box" on LINK's left, the peer "desk" on its right, in one room;
    returns (relay, box, desk). KWARGS are desk's and box's."""
    left, right = link.ends
    with world.inside(left):
        relay = world.relay(host=link.addresses[0])
        box = world.peer("box", relay, **kwargs)
    with world.inside(right):
        desk = world.peer("desk", relay, **kwargs)
    wait_for(lambda: "box" in [name for _, name in desk.get("Peers")], 10, "desk to see box")
    return relay, box, desk
