# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Pairs whose programs have a link of tests/network between them."""

import os
import shutil

import net
import pairs
from harness import World
from table import Absent, settings


def far_apart(world, **options):
    """Two spaces and the link between them, OPTIONS as in link.c."""
    settings.program("tests/network/link")
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise Absent("/dev/net/tun, which the link needs, is not for us")
    link = net.Link(world, net.Space(world, "left"), net.Space(world, "right"), **options)
    for space in link.ends:  # or there is no network, to some
        space.run("ip", "route", "add", "default", "dev", "path0")
    return link


OFFLOADS = ["rx", "tx", "tso", "gso", "gro"]


def cabled(world, offloads):
    """A veth pair between the two, whose MTU is 1500; packets are as large without OFFLOADS, too."""
    if not offloads and not shutil.which("ethtool"):
        raise Absent("ethtool is not installed (apt install ethtool)")
    cable = net.Cable(world, net.Space(world, "left"), net.Space(world, "right"))
    for space, interface in zip(cable.ends, cable.interfaces):
        space.run("ip", "route", "add", "default", "dev", interface)
        if not offloads:
            space.run("ethtool", "-K", interface, *(x for key in OFFLOADS for x in (key, "off")))
    return cable


class Ours(pairs.Ours):
    """The emitter has the relay on its side. `joint` is the link, once it is started."""

    feed = {"source": "random", "interval": "1s"}
    link = {}
    joined = staticmethod(far_apart)

    def start_daemons(self):
        self.world = World("apart")
        link = self.joint = self.joined(self.world, **self.link)
        left, right = link.ends
        with self.world.inside(left):
            self.relay = self.world.relay(host=link.addresses[0])
            self.emitter = self.world.peer("emitter", self.relay, **self.feed)
        with self.world.inside(right):
            self.listener = self.world.peer("listener", self.relay)
        self.listener.wait_peer("emitter")


class Foreign:
    """PAIR, one of pairs.others(), apart. `joint` is what is between, once it is started."""

    joined = staticmethod(far_apart)

    def __init__(self, pair, link):
        self.pair = pair
        self.link = link
        self.world = None

    def start(self):
        self.world = World("apart")
        self.joint = self.joined(self.world, **self.link)
        left, right = self.joint.ends
        self.pair.prefixes = right.prefix, left.prefix
        self.pair.start()

    def stop(self):
        self.pair.stop()
        pairs.end_world(self)

    def __getattr__(self, name):
        return getattr(self.pair, name)
