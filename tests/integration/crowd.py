# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Relays that are one, their clients, and what those must have seen."""

import random
import select
import time

import ctl
import harness
import nats
from harness import check, equal, note, wait_for
from members import member, refused
from wsclient import Closed, Refused, Timeout


BATCH = 10  # come in before others are read
SENDERS = 200  # at once


class Cluster:
    """Relays a, b and c, which know one another and have a store for names."""

    def __init__(self, world, count=3, servers=None, urls=(), config=()):
        self.world = world
        self.nats = servers or nats.Nats(world)
        urls = dict(urls)
        self.relays = [self.nats.relay(name, urls.get(i) or self.nats.urls(i), config=dict(config))
                       for i, name in enumerate("abc"[:count])]
        for relay in self.relays:
            wait_for(lambda relay=relay: whole(relay, count - 1), what=f"{relay.name} to be whole")

    def member(self, i, path="/", **kwargs):
        return member(self.world, self.relays[i], path, **kwargs)

    def refused(self, status, i, path):
        return refused(status, self.world, self.relays[i], path)


def whole(relay, others=2):
    """It has a store, and knows all clients of all the others."""
    relays, = relay.invoke("ListRelays")
    return relay.get("ClusterState") == "joined" and [r[3] for r in relays] == [True] * others


def let_in(world, relay, path):
    try:
        return member(world, relay, path)
    except Refused as refusal:
        equal(refusal.status, 409, "HTTP status")
        return None


class Seat:
    """A client that stays, comes again when its connection ends, and remembers what it was told."""

    def __init__(self, crowd, i, name, room):
        self.crowd, self.i, self.name = crowd, i, name
        self.room, self.path = crowd.rooms[room], f"/den{room or ''}"
        self.room.append(self)
        self.connection = None
        self.resumes, self.secret = False, None
        self.refusals = 0
        self.sent, self.errors = 0, 0
        self.received = {}
        self.closes = []

    def try_in(self):
        path = f"{self.path}?name={self.name}"
        headers = [("Rtcbus-Resume", self.secret)] if self.secret and self.resumes else []
        try:
            self.connection = member(self.crowd.world, self.crowd.relays[self.i], path, timeout=20,
                                     headers=headers)
        except Refused as refusal:
            check(refusal.status in (409, 503), f"refused with {refusal.status}")
            self.refusals += 1
            return
        except (OSError, Closed):
            return
        self.secret = self.connection.welcome.get("resume")
        self.view = {p["id"]: p["name"] for p in self.connection.welcome["peers"]}
        self.crowd.watch(self)

    def take(self, frame):
        if frame["type"] == "joined":
            check(frame["id"] not in self.view, f"{self.name} is told twice of {frame}")
            self.view[frame["id"]] = frame["name"]
        elif frame["type"] == "left":
            check(self.view.pop(frame["id"], None) is not None,
                  f"{self.name} is told that one left who was not there: {frame}")
        elif frame["type"] == "error":
            self.errors += 1
        elif frame["type"] == "n":
            key = frame["sender"], frame["n"]
            self.received[key] = self.received.get(key, 0) + 1

    def pump(self):
        while self.connection and self.connection.pending():
            try:
                self.take(self.connection.recv_json(0.001))
            except Timeout:
                return  # it was a ping, or half a frame
            except Closed as closed:
                self.closes.append(closed.code)
                self.connection.socket.close()
                self.connection = None

    def send(self, to, n):
        try:
            self.connection.send_json({"type": "n", "to": to, "sender": self.name, "n": n})
            return True
        except OSError:
            return False


class Crowd(Cluster):
    """Clients of all three relays, and what they must have seen."""

    def __init__(self, world, size=12, rooms=1, **kwargs):
        super().__init__(world, **kwargs)
        self.rooms = [[] for _ in range(rooms)]
        self.seats = []
        for i in range(size):
            self.seats.append(Seat(self, i % len(self.relays), f"n{i}", i % rooms))
        self.frames = []  # (sender, receiver's name, n)
        self.n = 0
        self.poller, self.watched = select.epoll(), {}
        self.settle()

    def watch(self, seat):
        fd = seat.connection.socket.fileno()
        self.watched[fd] = seat
        self.poller.register(fd, select.EPOLLIN)
        if seat.connection.pending():
            seat.pump()

    def read(self):
        """What has come. A relay gives up who does not answer its pings within three seconds."""
        for fd, _ in self.poller.poll(0, len(self.seats)):
            self.watched[fd].pump()

    def pump(self):
        missing = [seat for seat in self.seats if not seat.connection]
        for i in range(0, len(missing) + 1, BATCH):
            for seat in missing[i:i + BATCH]:
                seat.try_in()
            self.read()

    def is_true(self):
        """Everybody is in, and each sees everybody else and nobody more."""
        self.pump()
        if not all(seat.connection for seat in self.seats):
            return False
        return all(self._is_true_in(room) for room in self.rooms)

    @staticmethod
    def _is_true_in(room):
        truth = {seat.connection.id: seat.name for seat in room}
        check(len(set(truth.values())) == len(truth), "a name is there twice")
        return all(seat.view | {seat.connection.id: seat.name} == truth for seat in room)

    def settle(self, limit=60):
        started = time.monotonic()
        try:
            wait_for(self.is_true, limit, "everybody to see the truth")
        except harness.Failed:
            for seat in self.seats:
                truth = {s.name for s in seat.room if s is not seat}
                seen = set(seat.view.values())
                if not seat.connection or seen != truth:
                    note(f"{seat.name} at {seat.i}: {bool(seat.connection)}, does not see "
                         f"{truth - seen}, sees {seen - truth}")
            raise
        return time.monotonic() - started

    def chat(self, count=1, without=()):
        """Frames from each to another one, but not to those WITHOUT; what cannot be sent is not
        counted."""
        for _ in range(count):
            for seat in random.sample(self.seats, min(len(self.seats), SENDERS)):
                to = random.choice([s for s in seat.room if s is not seat and s not in without])
                if seat.connection:
                    self.n += 1
                    if seat.send(to.name, self.n):
                        self.frames.append((seat, seat.connection, to, self.n))
                seat.pump()
            self.read()

    def chat_for(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.chat()
            self.pump()
            time.sleep(seconds / 1000)  # not a million frames, if it takes minutes

    def check_frames(self):
        """No frame twice, and none lost without an error to its sender, if he was there to hear it."""
        def unheard():
            self.pump()
            lost = {}
            for seat, connection, to, n in self.frames:
                seen = to.received.get((seat.name, n), 0)
                check(seen <= 1, f"frame {n} came {seen} times")
                if seen == 0 and connection is seat.connection:
                    lost[seat.name] = lost.get(seat.name, 0) + 1
            return {s.name: (lost[s.name], s.errors) for s in self.seats
                    if lost.get(s.name, 0) > s.errors}

        try:
            wait_for(lambda: not unheard(), 20)
        except harness.Failed:
            raise harness.Failed(f"lost frames and errors: {unheard()}") from None
        errors = sum(seat.errors for seat in self.seats)
        note(f"{len(self.frames)} frames, {errors} errors")

    def wait_whole(self):
        for relay in self.relays:
            wait_for(lambda relay=relay: whole(relay), 60, f"{relay.name} to be whole")

    def move_from(self, i):
        """Who is sent away by relay I goes to another one."""
        until = time.monotonic() + 90 * harness.SLOW
        while any(seat.i == i for seat in self.seats):
            check(time.monotonic() < until, "not all were sent away")
            self.chat()
            for seat in self.seats:
                if seat.i == i and not seat.connection:
                    seat.i = (i + random.choice((1, 2))) % 3
            self.pump()

    def restart_relays(self, seconds=1):
        """One after the other sends its clients away and is started anew, with SECONDS of frames
        before and after; no name is refused meanwhile."""
        for seat in self.seats:
            seat.resumes = True
        for i, relay in enumerate(self.relays):
            self.chat_for(seconds)
            equal(ctl.run(relay, "relay", "drain")[0], 0, "rtcbusctl relay drain")
            self.move_from(i)
            relay.restart()
            relay.read_port()
            self.chat_for(seconds)
            wait_for(lambda relay=relay: whole(relay), 60, f"{relay.name} to be whole")
            note(f"{relay.name} is back; true after {self.settle():.1f} s")
        equal({code for seat in self.seats for code in seat.closes}, {1012}, "close codes")
        self.chat(20)
        self.check_frames()
        equal(sum(seat.refusals for seat in self.seats), 0, "refused names")

    def stay_without_nats(self, seconds):
        """All servers are killed for so long and have forgotten all: each relay has its own clients,
        nobody is cut, and all is whole soon after their return. How long that took."""
        self.nats.forget_all()
        self.chat_for(seconds)
        for relay in self.relays:
            wait_for(lambda relay=relay: relay.get("ClusterState") == "disconnected", what="no NATS")
            wait_for(lambda relay=relay: not relay.invoke("ListRelays")[0], what="no other relay")
        local = member(self.world, self.relays[0], f"{self.seats[0].path}?name=local")
        mine = [seat for seat in self.rooms[0] if seat.i == 0]
        equal(len(local.welcome["peers"]), len(mine), "clients of the same relay")
        local.close()
        self.nats.start_all()
        self.nats.wait_listening()
        started = time.monotonic()
        self.wait_whole()
        self.settle()
        took = time.monotonic() - started
        note(f"whole after {took:.1f} s")
        equal([seat.closes for seat in self.seats], [[]] * len(self.seats), "closed connections")
        self.chat(20)
        self.check_frames()
        return took


def cut_crowd(world):
    """Relay b reaches NATS through a Cut."""
    servers = nats.Nats(world)
    cut = nats.Cut(world, servers.ports)
    return cut, Crowd(world, servers=servers, urls={1: cut.urls()})
