#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What strangers can take of rtcbus-relay: a share of its places, of its time and
of its memory."""

import json
import os
import socket
import subprocess
import threading
import time

import harness
from harness import check, equal, wait_for
from members import client, member, refused


def settings(**keys):
    return {"Relay": keys}


def joined(relay, count):
    wait_for(lambda: relay.get("Connections") == count, 5, f"{count} connections")


# ---- places ----------------------------------------------------------------------


def from_address(world, relay, address, path="/", **kwargs):
    """A client whose address is another one of loopback."""
    return client(world, relay, path, source=address, **kwargs)


def silent(relay, address, count):
    return [socket.create_connection((relay.host, relay.port), source_address=(address, 0))
            for _ in range(count)]


def gone(sock):
    """Whether the relay has closed it."""
    try:
        return sock.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_handshake_share(world):
    """When handshakes are all taken, the oldest of the address that has most goes."""
    relay = world.relay(config=settings(MaxHandshakes=5, HandshakeTimeout="30s"))
    few = silent(relay, "127.0.0.2", 2)
    wait_for(lambda: relay.fds() >= 2, 5)
    many = silent(relay, "127.0.0.3", 3)
    for n in range(6):
        many += silent(relay, "127.0.0.3", 1)
        wait_for(lambda: gone(many[n]), 5, "the oldest of those who have most to go")
    check(not any(map(gone, few + many[6:])), "somebody else had to go")
    client(world, relay)  # who has a third address, and 127.0.0.3 pays for it
    wait_for(lambda: gone(many[6]), 5)
    check(not any(map(gone, few + many[7:])), "somebody else had to go")
    for s in few + many:
        s.close()


def test_client_share(world):
    """When clients are all taken, an address that has fewer gets a place of one that
    has most; those of one address, as behind a proxy, are left alone."""
    relay = world.relay(config=settings(MaxConnections=4))
    calm = from_address(world, relay, "127.0.0.2")
    crowd = [from_address(world, relay, "127.0.0.3") for _ in range(3)]
    refused(503, world, relay, source="127.0.0.3")
    from_address(world, relay, "127.0.0.4")
    check(crowd[0].close_code() is None, "the oldest of the crowd was not cut off")
    refused(503, world, relay, source="127.0.0.4")  # it would have two, as 127.0.0.3 has
    calm.send_text('{"n":1}')
    equal(crowd[2].expect(None)["n"], 1)


def test_room_share(world):
    """The same with rooms; whoever is in one that goes is cut off."""
    relay = world.relay(config=settings(MaxRooms=3))
    calm = from_address(world, relay, "127.0.0.2", "/calm")
    crowd = [from_address(world, relay, "127.0.0.3", f"/{n}") for n in range(2)]
    guest = from_address(world, relay, "127.0.0.2", "/0")
    refused(503, world, relay, "/more", source="127.0.0.3")
    refused(503, world, relay, "/more", source="127.0.0.2")  # it would have two, as they have
    from_address(world, relay, "127.0.0.4", "/new")
    check(crowd[0].close_code() is None and guest.close_code() is None, "the oldest room stays")
    equal(sorted(room for room, _ in relay.invoke("ListRooms")[0]), ["1", "calm", "new"])
    calm.close()


# ---- time ------------------------------------------------------------------------


def test_bytes(world):
    """Who has more sent on than it may is read slowly, and loses nothing."""
    relay = world.relay(config=settings(BytesPerSecond="200K", MaxQueue="16M"))
    sender = client(world, relay)
    readers = [client(world, relay) for _ in range(2)]
    joined(relay, 3)
    pad = "x" * 20000
    started = time.monotonic()
    for i in range(20):  # 800 KB to both: a second's worth at once, the rest in time
        sender.send_text('{"n":%d,"pad":"%s"}' % (i, pad))
    for reader in readers:
        equal([reader.recv_json()["n"] for _ in range(20)], list(range(20)), "what a reader got")
    took = time.monotonic() - started
    check(took > 1.5, f"all was there after {took:.1f} s")
    equal(relay.get("FramesDropped"), 0, "FramesDropped")


def test_congestion(world):
    """Who floods a room is slowed to what its members read, and nobody is cut off."""
    relay = world.relay(config=settings(MaxQueue="256K"))
    sender = client(world, relay)
    slow = client(world, relay, receive_buffer=16384)
    joined(relay, 2)
    elsewhere = [client(world, relay, "/elsewhere") for _ in range(2)]
    count, numbers = 200, []
    flood = threading.Thread(target=lambda: [
        sender.send_text('{"n":%d,"pad":"%s"}' % (i, "x" * 60000)) for i in range(count)])
    flood.start()
    while len(numbers) < count:
        numbers.append(slow.recv_json()["n"])
        elsewhere[0].send_text("{}")  # and others are not slowed at all
        elsewhere[1].recv()
    flood.join()
    equal(numbers, list(range(count)), "what the slow reader got")
    equal(relay.get("Connections"), 4, "those who are still there")


def percentile(values, share):
    return sorted(values)[int(len(values) * share)]


class Hostile:
    """tests/helpers/hostile-clients: two hundred of them at once."""

    def __init__(self, world, relay):
        helper = os.path.join(harness.TOP_BUILDDIR, "tests", "helpers", "hostile-clients")
        self.child = subprocess.Popen([helper, str(relay.port)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        world.closing(self)
        equal(self.child.stdout.readline(), "ready\n", "the first line")

    def stop(self):
        """Ends them; what they have done."""
        out, _ = self.child.communicate("")
        return json.loads(out)

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


def test_two_hundred_strangers(world):
    """Floods to a room of five hundred, large frames, readers that do not read, handshakes
    that do not end, rooms and names without number, from many addresses: whoever is in
    another room comes in at once, and is served at once."""
    relay = world.relay(config=settings(MaxHandshakes="32", MaxRooms="20"))
    known = [member(world, relay, f"/home?name={name}") for name in ("a", "b")]
    start = relay.rss_kib()
    hostile = Hostile(world, relay)
    trips, entries, most = [], [], 0
    end = time.monotonic() + 8
    while time.monotonic() < end:
        begun = time.monotonic()
        known[0].send_json({"to": "b", "n": len(trips)})
        equal(known[1].expect(None)["n"], len(trips), "what b got")
        known[1].send_json({"to": "a", "n": len(trips)})
        equal(known[0].expect(None)["n"], len(trips), "what a got")
        trips.append((time.monotonic() - begun) * 1000)
        if len(trips) % 50 == 1:  # the first time, too: a busy machine may do few
            begun = time.monotonic()
            member(world, relay, "/home").close()
            entries.append((time.monotonic() - begun) * 1000)
            most = max(most, relay.rss_kib())
    done = hostile.stop()
    harness.note(f"round trips: {len(trips)}, p50 {percentile(trips, .5):.2f} ms, "
                 f"p99 {percentile(trips, .99):.2f} ms; coming in: {len(entries)}, "
                 f"at most {max(entries):.1f} ms; RSS {start} KiB, at most {most} KiB; {done}")
    check(done["received"] > 10000 and done["handshakes"] > 200 and done["rooms"] > 100,
          f"the strangers did little: {done}")
    # Behind a room of five hundred each would take seconds; how fast it is a measurement tells.
    check(percentile(trips, .5) < 500 * harness.SLOW, "round trips took long")
    check(max(entries) < 5000 * harness.SLOW, "coming in took long")
    with open(harness.program("rtcbus-relay"), "rb") as f:
        if b"__asan_init" not in f.read():  # it keeps what is freed
            check(most < 256 * 1024, f"RSS was {most} KiB")
            wait_for(lambda: relay.rss_kib() < start + 8192, what="the memory to be given back")
    for sender, receiver in (("a", known[1]), ("b", known[0])):
        known["ab".index(sender)].send_json({"last": sender})
        equal(receiver.expect(None)["last"], sender)


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    harness.main([value for name, value in list(globals().items()) if name.startswith("test_")])
