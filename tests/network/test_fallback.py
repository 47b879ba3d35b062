# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The fast path, and what is there instead where it cannot be.

Whether it is taken shows at the interfaces: batches of datagrams (UDP_SEGMENT)
pass a veth whole, so the packets that it counts are then far longer than its MTU.
"""

import json
import os
import subprocess
import time

from harness import SLOW, TOP_BUILDDIR, check, equal, hold, note, wait_for, watch
from load import FEED, LOAD_SECONDS, describe, full_load
from net import Cable, Space, peers_over
from transfer import Transfer

MIB = 48
CUT = """table netdev cut_%(interface)s {
  chain in { type filter hook ingress device %(interface)s priority 0; policy drop; }
}
"""
DOUBT_SECONDS = 20
GO_ON_SECONDS = 60


def sent(space, interface):
    """(bytes, packets) that INTERFACE has sent."""
    shown = space.run("ip", "-json", "-stats", "link", "show", "dev", interface)
    figures = json.loads(shown)[0]["stats64"]["tx"]
    return figures["bytes"], figures["packets"]


class Watch:
    """What passes one interface from now on."""

    def __init__(self, space, interface):
        self.space, self.interface = space, interface
        self.before = sent(space, interface)

    def passed(self):
        return tuple(b - a for a, b in zip(self.before, sent(self.space, self.interface)))

    def packet(self):
        """The mean length of a packet."""
        length, count = self.passed()
        return length / max(count, 1)


def spaces(world):
    return Space(world, "left"), Space(world, "right")


def connect(box, desk, timeout=20):
    call = desk.call("box")
    call.wait_state("connected", timeout)
    return call


def test_fast_path(world):
    cable = Cable(world, *spaces(world))
    _, box, desk = peers_over(world, cable)
    call = connect(box, desk)
    watch = Watch(cable.ends[1], cable.interfaces[1])
    speed = Transfer(call, box, MIB).finish()
    note(f"{speed:.0f} Mbit/s in packets of {watch.packet():.0f} bytes")
    check(watch.packet() > 3000, "nothing was sent in batches")


def test_ipv6_only(world):
    cable = Cable(world, *spaces(world))
    for space, interface in zip(cable.ends, cable.interfaces):
        space.run("ip", "-4", "address", "flush", "dev", interface)
    cable.addresses = cable.addresses6
    _, box, desk = peers_over(world, cable)
    call = connect(box, desk)
    for name in "LocalCandidate", "RemoteCandidate":
        check(":" in call.get(name).split()[4], f"{name} is {call.get(name)}")
    watch = Watch(cable.ends[1], cable.interfaces[1])
    speed = Transfer(call, box, MIB).finish()
    note(f"{speed:.0f} Mbit/s in packets of {watch.packet():.0f} bytes")
    check(watch.packet() > 3000, "nothing was sent in batches")


def without(world, lacking):
    """As on a kernel that has none of what LACKING says, by no-offload.c."""
    cable = Cable(world, *spaces(world))
    os.environ["LD_PRELOAD"] = os.path.join(TOP_BUILDDIR, "tests/network/no-offload.so")
    os.environ["RTCBUS_LACKING"] = lacking
    try:
        _, box, desk = peers_over(world, cable)
    finally:
        del os.environ["LD_PRELOAD"], os.environ["RTCBUS_LACKING"]
    call = connect(box, desk)
    watch = Watch(cable.ends[1], cable.interfaces[1])
    speed = Transfer(call, box, MIB).finish()
    note(f"without {lacking}: {speed:.0f} Mbit/s in packets of {watch.packet():.0f} bytes")
    return watch.packet()


def test_without_segmentation(world):
    check(without(world, "segment") < 1600, "batches were sent")


def test_without_merging(world):
    check(without(world, "gro") > 3000, "nothing was sent in batches")


def test_without_steering(world):
    """There is no second socket then, and libnice carries it all."""
    check(without(world, "steering") < 1600, "batches were sent")


def test_without_anything(world):
    check(without(world, "segment,gro,steering") < 1600, "batches were sent")


# ---- a pair that changes ------------------------------------------------------


class TwoCables:
    def __init__(self, world, more=None):
        self.left, self.right = spaces(world)
        self.signaling = Cable(world, self.left, self.right)
        self.cables = [Cable(world, self.left, self.right) for _ in range(2)]
        config = {"Ice": {"Interfaces": "eth1;eth2"}, **(more or {})}
        self.relay, self.box, self.desk = peers_over(world, self.signaling, config=config)

    def cut(self, cable, drop=True, ends=(0, 1)):
        """Everything on CABLE is lost, on its way to ENDS; DROP false: no longer."""
        for end in ends:
            space, interface = cable.ends[end], cable.interfaces[end]
            if drop:
                space.run("nft", "-f", "-", input=CUT % {"interface": interface})
            else:
                space.run("nft", "delete", "table", "netdev", f"cut_{interface}")

    def carrying(self, transfer):
        """The cable that TRANSFER takes, by what passes, and the other one."""
        watches = [Watch(self.right, cable.interfaces[1]) for cable in self.cables]
        transfer.wait_passed((transfer.received >> 20) + 8)
        first = watches[0].passed()[0] > watches[1].passed()[0]
        return self.cables if first else self.cables[::-1]


def test_pair_that_changes(world):
    """A better pair than the selected one begins to work in mid-transfer."""
    net = TwoCables(world)
    first, better = net.cables
    for space, interface in zip(first.ends, first.interfaces):  # IPv6 is preferred
        space.run("ip", "-6", "address", "flush", "dev", interface)
    net.cut(better)
    call = connect(net.box, net.desk)
    transfer = Transfer(call, net.box)
    check(net.carrying(transfer)[0] is first, "the other cable was to be cut")
    watch = Watch(net.right, better.interfaces[1])
    net.cut(better, drop=False)
    wait_for(lambda: watch.passed()[0] > 32 << 20, 90, "the transfer to take the better cable")
    check(call.get("LocalCandidate").split()[4] in (better.addresses[1], better.addresses6[1]),
          f"{call.get('LocalCandidate')} is not of the better cable")
    transfer.stop()
    speed = transfer.finish()
    note(f"{transfer.received >> 20} MiB, {speed:.0f} Mbit/s, {watch.packet():.0f} bytes a packet")
    check(watch.packet() > 3000, "no fast path on the new pair")


def test_interface_that_comes_back(world):
    """Seconds without any packet are waited out, and told when they are many."""
    net = TwoCables(world)
    call = connect(net.box, net.desk)
    transfer = Transfer(call, net.box)
    transfer.wait_passed(16)
    for cable in net.cables:
        net.right.run("ip", "link", "set", cable.interfaces[1], "down")
    there = transfer.received
    hold(lambda: transfer.received < there + (8 << 20), 3, "the silence")
    wait_for(lambda: call.get("State") == "reconnecting", DOUBT_SECONDS, "the doubt")
    for cable in net.cables:
        net.right.run("ip", "link", "set", cable.interfaces[1], "up")
        net.right.run("ip", "address", "replace", f"{cable.addresses6[1]}/64", "dev",
                      cable.interfaces[1], "nodad")
    before = transfer.received >> 20
    wait_for(lambda: call.get("State") == "connected", 30, "the call to be as before")
    transfer.wait_passed(before + 16, 30)
    transfer.stop()
    speed = transfer.finish()
    note(f"{transfer.received >> 20} MiB, {speed:.0f} Mbit/s")


class CutTransfer:
    """From the caller to the other one, on two cables; OWNER is who calls. SETTLED: ICE has chosen its
    pair, and is not still looking for better ones."""

    def __init__(self, world, owner="desk", settled=True, config=None):
        self.net = TwoCables(world, config)
        ends = {"desk": (self.net.desk, self.net.box), "box": (self.net.box, self.net.desk)}
        caller, called = ends[owner]
        self.caller = caller
        self.call = caller.call(called.name)
        self.call.wait_state("connected", 20)
        self.since = self.call.get("ConnectedAt")
        self.transfer = Transfer(self.call, called)
        self.transfer.wait_passed(16)
        if settled:
            wait_for(self.is_settled, 60, "ICE to settle on a pair")

    def is_settled(self):
        pair = self.call.get("LocalCandidate")
        return not watch(lambda: self.call.get("LocalCandidate") != pair, 2)

    def carrying(self):
        return self.net.carrying(self.transfer)

    def goes_on(self):
        """As the same call. The socket's buffers alone hold some mebibytes."""
        before, began = self.transfer.received >> 20, time.monotonic()
        self.transfer.wait_passed(before + 64, GO_ON_SECONDS)
        note(f"64 MiB have passed {time.monotonic() - began:.1f} s later")

    def finish(self):
        self.transfer.stop()
        self.transfer.finish()
        equal(self.call.get("State"), "connected", "State")
        equal(self.call.get("ConnectedAt"), self.since, "since when")
        equal(len(self.caller.calls()), 1, "calls")


def cut_once(world, ends=(0, 1), **kwargs):
    cut = CutTransfer(world, **kwargs)
    cut.net.cut(cut.carrying()[0], ends=ends)
    cut.goes_on()
    cut.finish()


def test_pair_that_is_cut(world):
    """The selected cable for good: the call goes on over the other one."""
    cut_once(world)


def test_pair_that_is_cut_at_once(world):
    cut_once(world, settled=False)


def test_pair_that_is_cut_of_the_other_owner(world):
    cut_once(world, owner="box")


def test_pair_that_is_cut_to_the_left(world):
    """Nothing comes to the left any more, but all to the right."""
    cut_once(world, ends=(0,))


def test_pair_that_is_cut_to_the_right(world):
    cut_once(world, ends=(1,))


def test_pair_that_is_cut_in_a_restart(world):
    """While a path is looked for the cables change places, and then once more."""
    cut = CutTransfer(world)
    for _ in range(2):
        cable, other = cut.carrying()
        offers = cut.caller.stderr().count("→ offer")
        cut.net.cut(cable)
        wait_for(lambda: cut.caller.stderr().count("→ offer") > offers, 60, "a restart")
        cut.net.cut(other)
        cut.net.cut(cable, drop=False)
        cut.goes_on()
        cut.net.cut(other, drop=False)
        cut.goes_on()
    cut.finish()


def test_pair_that_is_cut_with_no_other(world):
    """Where nothing is left the call ends after its patience, and says so."""
    cut = CutTransfer(world, config={"Calls": {"Patience": "5s"}})
    for cable in cut.net.cables:
        cut.net.cut(cable)
    reason = cut.call.wait_ended(GO_ON_SECONDS)
    note(f"ended: {reason}")
    check("the remote did not" in reason, f"the call ended: {reason}")
    cut.transfer.wait_over()
    check(cut.transfer.error or not cut.transfer.complete, "the transfer is said to be complete")
    check(cut.transfer.is_prefix(), "what had arrived is not the beginning of what was sent")
    for cable in cut.net.cables:
        cut.net.cut(cable, drop=False)
    call = connect(cut.net.box, cut.net.desk)
    Transfer(call, cut.net.box, 8, "again").finish()


# ---- full load -----------------------------------------------------------------


def test_full_load(world):
    cable = Cable(world, *spaces(world))
    _, box, desk = peers_over(world, cable, config=FEED)
    full_load(connect(box, desk), box, LOAD_SECONDS)


# ---- floods ----------------------------------------------------------------------

FLOOD = """
import socket, sys, time
host, port, packet, seconds = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]), sys.argv[4]
flood = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
flood.setsockopt(socket.IPPROTO_UDP, 103, len(packet))  # UDP_SEGMENT
flood.connect((host, port))
train, over, sent = packet * 60, time.monotonic() + float(seconds), 0
while time.monotonic() < over:
    try:
        sent += flood.send(train)
    except ConnectionRefusedError:
        pass
print(sent)
"""
# A request of somebody who does not know the user name; no STUN at all; what could be DTLS.
FLOODS = {
    "requests": "0001002c2112a442" + "00" * 12 + "00060005613a626364000000" +
                "0024000401020304" + "00080014" + "00" * 20,
    "junk": "02" * 80,
    "records": "17fefd" + "00" * 77,
}
FLOOD_SECONDS = 3


def cpu_seconds(daemon):
    with open(f"/proc/{daemon.pid}/stat", encoding="ascii") as file:
        return sum(map(int, file.read().split()[13:15])) / os.sysconf("SC_CLK_TCK")


def test_flood(world):
    """From a stranger, faster than libnice reads: the call goes on, and D-Bus answers."""
    cable = Cable(world, *spaces(world))
    _, box, desk = peers_over(world, cable)
    call = connect(box, desk)
    Transfer(call, box, 8).finish()
    address = call.get("LocalCandidate").split()[4:6]
    for name, packet in FLOODS.items():
        received = call.get("BytesReceived")
        answers = []  # what they cost: others may keep the machine busy
        clock = []
        flood = cable.ends[0].popen("/usr/bin/python3", "-c", FLOOD, *address, packet,
                                    str(FLOOD_SECONDS), stdout=subprocess.PIPE, text=True)
        while flood.poll() is None:
            before, asked = cpu_seconds(desk), time.monotonic()
            call.get("State")
            answers.append(cpu_seconds(desk) - before)
            clock.append(time.monotonic() - asked)
        answers.sort()
        clock.sort()
        received, sent = call.get("BytesReceived") - received, int(flood.communicate()[0])
        note(f"{name}: {describe('CPU time for a D-Bus answer', answers)}; "
             f"{describe('by the clock', clock)}; {len(clock)} answers; {received} of {sent} bytes received")
        check(answers[len(answers) * 95 // 100] < 0.05 * SLOW, "D-Bus waits for the flood")
        # The call may look for another path meanwhile, and try there how large packets may be.
        check(received < sent / 100, "the flood was counted as received")
    Transfer(call, box, 8, "after").finish()
