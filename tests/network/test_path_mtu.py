# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Packets as large as the path carries, and a path that suddenly carries less.

Batches are cut before they come to the veth, so that it counts packets.
"""

from harness import check, note
from net import Cable, peers_over
from test_fallback import Watch, connect, spaces
from transfer import Transfer

MIB = 48
HOLE = """table netdev hole {
  chain in { type filter hook ingress device %s priority 0; meta length > 1300 drop; }
}
"""


def jumbo(world):
    cable = Cable(world, *spaces(world))
    for space, interface in zip(cable.ends, cable.interfaces):
        space.run("ip", "link", "set", interface, "mtu", "9000", "gso_max_segs", "1")
    _, box, desk = peers_over(world, cable)
    return cable, box, connect(box, desk)


def test_jumbo_frames(world):
    cable, box, call = jumbo(world)
    watch = Watch(cable.ends[1], cable.interfaces[1])
    speed = Transfer(call, box, MIB).finish()
    note(f"{speed:.0f} Mbit/s in packets of {watch.packet():.0f} bytes")
    check(watch.packet() > 4000, "the frames are not large")


def test_black_hole(world):
    """No packet is refused with an ICMP message: the large ones are not heard of again."""
    cable, box, call = jumbo(world)
    transfer = Transfer(call, box)
    transfer.wait_passed(16)
    cable.ends[0].run("nft", "-f", "-", input=HOLE % cable.interfaces[0])
    watch = Watch(cable.ends[1], cable.interfaces[1])
    transfer.wait_passed(transfer.received // (1 << 20) + MIB)
    transfer.stop()
    transfer.finish()
    note(f"after it, packets of {watch.packet():.0f} bytes")
    check(watch.packet() < 1400, "the packets stayed large")
