# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The link itself: it does what its options say, the same again with the same seed."""

import ctypes
import os
import socket
import threading
import time

from harness import check, equal, note, wait_for
from net import Link, Space

CLONE_NEWNET = 0x40000000
PORT = 9000


def socket_in(space, *arguments):
    """A socket that belongs to a namespace; the thread that makes it goes there and ends."""
    made = []

    def make():
        fd = os.open(space.path, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET) == 0:
                made.append(socket.socket(*arguments))
        finally:
            os.close(fd)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    check(made, f"no socket in {space.name}")
    space.world.closing(made[0])
    return made[0]


class Pair:
    """Two spaces, a link with OPTIONS and a UDP socket at each end."""

    def __init__(self, world, **options):
        self.spaces = (Space(world, "left"), Space(world, "right"))
        self.link = Link(world, *self.spaces, **options)
        self.sockets = [socket_in(s, socket.AF_INET, socket.SOCK_DGRAM) for s in self.spaces]
        for sock, address in zip(self.sockets, self.link.addresses):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            sock.bind((address, PORT))
            sock.settimeout(60)

    def send(self, count, size=100, at_once=200):
        """COUNT numbered packets from left to right; AT_ONCE of them may wait for the link."""
        start = self.taken()
        for number in range(count):
            self.sockets[0].sendto(number.to_bytes(4, "big") + bytes(size - 4),
                                   (self.link.addresses[1], PORT))
            if number % at_once == at_once - 1:
                wait_for(lambda n=number: self.taken() > start + n, what="the link to take them")

    def taken(self):
        return self.link.figures()["left-to-right"]["received"]

    def receive_all(self, count):
        """The numbers that came, once all COUNT have had their fate."""
        def settled():
            f = self.link.figures()["left-to-right"]
            return f["received"] >= count and \
                f["delivered"] + f["lost"] + f["overflowed"] == f["received"]

        wait_for(settled, what="all packets to be delivered or lost")
        sock, numbers = self.sockets[1], []
        sock.setblocking(False)
        try:
            while True:
                numbers.append(int.from_bytes(sock.recv(2048)[:4], "big"))
        except BlockingIOError:
            return numbers


def test_link_is_transparent(world):
    pair = Pair(world)
    pair.send(1000, 1472, 50)
    equal(pair.receive_all(1000), list(range(1000)), "what came")
    pair.sockets[1].settimeout(60)
    pair.sockets[1].sendto(b"back", (pair.link.addresses[0], PORT))
    equal(pair.sockets[0].recv(100), b"back", "the answer")
    equal(pair.link.figures()["left-to-right"]["received_bytes"], 1000 * 1500, "bytes")


def test_link_delay(world):
    pair = Pair(world, delay=30)
    pair.send(1)
    pair.sockets[1].recv(100)
    trips = []
    for _ in range(20):
        began = time.monotonic()
        pair.send(1)
        pair.sockets[1].recv(100)
        trips.append((time.monotonic() - began) * 1000)
    note(f"one way: {min(trips):.2f} to {max(trips):.2f} ms")
    check(min(trips) >= 29.9, "packets come before their time")
    check(min(trips) < 35, "packets come late, even the first of twenty")


def test_link_jitter_keeps_the_order(world):
    pair = Pair(world, delay=5, jitter=20)
    pair.send(500, at_once=50)
    equal(pair.receive_all(500), list(range(500)), "what came")


def lossy_run(world, **options):
    pair = Pair(world, **options)
    pair.send(4000, at_once=50)
    numbers = pair.receive_all(4000)
    figures = pair.link.figures()["left-to-right"]
    pair.link.close()
    world.closers.remove(pair.link)
    return numbers, figures


def test_link_loss(world):
    numbers, figures = lossy_run(world, loss=5)
    equal(len(numbers), 4000 - figures["lost"], "packets that came")
    check(150 <= figures["lost"] <= 250, f"lost {figures['lost']} of 4000, with 5 %")
    equal(numbers, sorted(numbers), "what came, without --reorder")


def test_link_reorder(world):
    numbers, figures = lossy_run(world, reorder=2, delay=5)
    equal(sorted(numbers), list(range(4000)), "what came")
    overtaken = sum(1 for i, n in enumerate(numbers) if i and n < max(numbers[max(i - 200, 0):i]))
    check(50 <= figures["late"] <= 115, f"late {figures['late']} of 4000, with 2 %")
    check(0 < figures["reordered"] <= figures["late"], f"reordered {figures['reordered']}")
    equal(overtaken, figures["reordered"], "packets out of order")


def test_link_fate_follows_the_seed(world):
    first, second, other = [lossy_run(world, loss=5, seed=seed)[0] for seed in (7, 7, 8)]
    equal(first, second, "what came the second time")
    check(first != other, "another seed makes no difference")


def test_link_rate_and_queue(world):
    """20 Mbit/s, and a burst of twice what may wait."""
    pair = Pair(world, rate=20, queue=128)
    packet = 1500 * 8 / 20e6  # seconds
    began = time.monotonic()
    pair.send(180, 1472, 180)
    meanwhile = (time.monotonic() - began) / packet
    numbers = pair.receive_all(180)
    seconds = time.monotonic() - began
    figures = pair.link.figures()["left-to-right"]
    equal(len(numbers) + figures["overflowed"], 180, "packets that came or overflowed")
    check(88 - meanwhile <= figures["overflowed"] <= 95,
          f"{figures['overflowed']} of 180 overflowed, {meanwhile:.0f} could leave meanwhile")
    check(120 * 1024 < figures["queue_high"] <= 128 * 1024, f"queue {figures['queue_high']}")
    ideal = len(numbers) * packet
    check(0.9 * ideal <= seconds <= ideal + 5, f"took {seconds:.3f} s, not {ideal:.3f} s")


def test_link_changes_and_counts(world):
    pair = Pair(world)
    pair.link.set(loss=100)
    pair.send(100)
    equal(pair.receive_all(100), [], "what came through a cut link")
    pair.link.set(loss=0)
    pair.send(100)
    equal(len(pair.receive_all(200)), 100, "packets that came then")
    equal(pair.link.figures()["left-to-right"]["lost"], 100, "lost")


def test_link_carries_a_gigabit(world):
    """TCP with all the kernel's offloads goes through whole, and fast enough."""
    pair = Pair(world)
    server, client = [socket_in(s, socket.AF_INET, socket.SOCK_STREAM) for s in pair.spaces]
    server.bind((pair.link.addresses[0], PORT))
    server.listen()
    client.settimeout(60)
    client.connect((pair.link.addresses[0], PORT))
    accepted, _ = server.accept()
    world.closing(accepted)
    block, total = os.urandom(1 << 20), 256 << 20

    def send():
        for _ in range(total // len(block)):
            client.sendall(block)
        client.shutdown(socket.SHUT_WR)

    cpu = os.sysconf("SC_CLK_TCK")
    thread = threading.Thread(target=send)
    began = time.monotonic()
    thread.start()
    received = 0
    while got := accepted.recv_into(memoryview(bytearray(1 << 20))):
        received += got
    thread.join()
    seconds = time.monotonic() - began
    with open(f"/proc/{pair.link.child.pid}/stat", encoding="ascii") as f:
        ticks = sum(map(int, f.read().rpartition(")")[2].split()[11:13]))
    equal(received, total, "bytes that came")
    busy = total * 8e-6 / (ticks / cpu)
    note(f"{total * 8e-6 / seconds:.0f} Mbit/s; {busy:.0f} Mbit per second of the link's CPU")
    if not os.environ.get("RTCBUS_TEST_SLOW", "1") > "1":
        check(busy >= 1000, "a core carries less than a gigabit per second")
