# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The two ends of a row: our peer on its bus, and the agent of a foreign stack.

Remote speaks with an agent (agent.js says how), Channel is one of our channel
objects, and Row holds both ends of one stack in one direction, with the call
that most checks share.
"""

import itertools
import json
import os
import re
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

from gi.repository import GLib  # noqa: E402
from harness import (  # noqa: E402
    CALL_INTERFACE, CHANNEL_INTERFACE, BusError, Failed, Skip, check, equal, wait_for)
from payload import digest, payload  # noqa: E402

# How we write and how they write the options of a channel
OPTIONS = {"ordered": ("ordered", "b"), "protocol": ("protocol", "s"),
           "maxRetransmits": ("max-retransmits", "u"),
           "maxPacketLifeTime": ("max-packet-lifetime", "u"),
           "negotiated": ("negotiated", "b"), "stream": ("id", "q")}


class AgentError(Exception):
    """The stack refused a command."""


class Remote:
    """An agent, as a child of the test. World.closing() ends it."""

    def __init__(self, world, stack):
        self.stack = stack
        self.events = []
        self.numbers = itertools.count(1)
        self.carrier = None  # of the frames that the agent would send: see carried.py
        own = os.path.join(world.directory, stack.name)
        argv = [word.format(here=HERE, profile=own + ".profile") for word in stack.argv]
        with open(own + ".err", "wb") as log:
            self.child = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                cwd=world.directory, env={**os.environ, "HOME": world.directory})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        world.closing(self)

    def wait_ready(self):
        self.version = self.wait("ready", timeout=150)["version"]
        return self

    def _read(self):
        for line in self.child.stdout:
            event = json.loads(line)
            if event["event"] == "frame" and self.carrier:
                self.carrier(event["frame"])
            self.events.append(event)

    def mark(self):
        """A place in the stream of events, for `after`."""
        return len(self.events)

    def find(self, event, after=0, **members):
        return [e for e in self.events[after:]
                if e["event"] == event and all(e.get(k) == v for k, v in members.items())]

    def wait(self, event, timeout=5, after=0, **members):
        """The first such event; it may have come already."""
        def come():
            if self.child.poll() is not None and not self.find(event, after, **members):
                raise Failed(f"the agent ended with status {self.child.returncode}")
            return self.find(event, after, **members)

        what = " ".join([event, *(f"{k}={v!r}" for k, v in members.items())])
        return wait_for(come, timeout, f"{self.stack.name} to say: {what}")[0]

    def begin(self, command, **options):
        number = next(self.numbers)
        line = json.dumps({"id": number, "do": command, **options}) + "\n"
        self.child.stdin.write(line.encode())
        self.child.stdin.flush()
        return number

    def finish(self, number, timeout=10):
        def answered():
            return self.find("done", id=number) or self.find("failed", id=number)

        reply = wait_for(answered, timeout, f"{self.stack.name} to carry out a command")[0]
        if reply["event"] == "failed":
            raise AgentError(reply["message"])
        return reply

    def do(self, command, timeout=10, **options):
        return self.finish(self.begin(command, **options), timeout)

    def close(self):
        self.child.stdin.close()
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.reader.join(5)

    def log(self):
        """What went on, shortened, for a failed check."""
        lines = []
        for event in self.events:
            event = {k: v for k, v in event.items() if k not in ("sha256", "id")}
            if event["event"] != "done":
                lines.append(json.dumps(event, ensure_ascii=False).replace("\\r\\n", " | "))
        return lines


def partly(row, column):
    """The half that the stack can do was all right."""
    if column in row.stack.partly:
        raise Skip("in part: " + row.stack.partly[column])


class Channel:
    """One of our channel objects on the bus."""

    def __init__(self, peer, path):
        self.peer = peer
        self.path = path

    def added(self):
        """Its properties when it appeared."""
        def announced():
            return [s[3][1][CHANNEL_INTERFACE] for s in self.peer.signals.find("InterfacesAdded")
                    if s[3][0] == self.path]

        return wait_for(announced, 2, f"{self.path} to be announced")[0]

    def removed(self):
        return [s for s in self.peer.signals.find("InterfacesRemoved") if s[3][0] == self.path]

    def get(self, name):
        return self.peer.get(name, self.path, CHANNEL_INTERFACE)

    def states(self):
        return [self.added()["State"]] + self.peer.signals.changes(
            self.path, CHANNEL_INTERFACE, "State")

    def wait_open(self):
        wait_for(lambda: "open" in self.states(), 5, f"our {self.added()['Label']!r} to be open")
        return self

    def wait_gone(self, timeout=5):
        wait_for(self.removed, timeout, "our channel to be closed")
        equal(self.states()[-1], "closed", "the channel's last state")

    def reason(self):
        """Why it was closed, "" if just so."""
        return (self.peer.signals.changes(self.path, CHANNEL_INTERFACE, "Reason") or [""])[-1]

    def send(self, content, timeout=10):
        """str or bytes"""
        if isinstance(content, str):
            self.peer.invoke("SendText", "(s)", content, path=self.path,
                             interface=CHANNEL_INTERFACE, timeout=timeout)
        else:
            # PyGObject would make the array byte by byte.
            array = GLib.Variant.new_from_bytes(
                GLib.VariantType("ay"), GLib.Bytes.new(content), True)
            self.peer.bus.invoke(
                self.peer.target[0], self.path, CHANNEL_INTERFACE, "SendBinary",
                GLib.Variant.new_tuple(array), timeout=timeout)

    def received(self):
        """Of (member, content)"""
        return [(s[2], s[3][0]) for s in self.peer.signals.seen
                if s[0] == self.path and s[2] in ("TextReceived", "BinaryReceived")]

    def wait_message(self, content, timeout=10):
        """Until CONTENT has come; nothing else of that size may come in its place."""
        member = "TextReceived" if isinstance(content, str) else "BinaryReceived"

        def come():
            return any(kind == member and (value if kind == "TextReceived" else bytes(value))
                       == content for kind, value in self.received())

        size = len(content.encode() if isinstance(content, str) else content)
        try:
            wait_for(come, timeout, f"{member} of {size} bytes")
        except Failed as failure:
            raise Failed(f"{failure}; came: {[(k, len(v)) for k, v in self.received()]}") from None

    def close(self):
        self.peer.invoke("Close", path=self.path, interface=CHANNEL_INTERFACE)


class Pair:
    """Both ends of one channel: OURS a Channel, THEIRS the agent's event `opened`."""

    def __init__(self, row, ours, theirs):
        self.row = row
        self.ours = ours
        self.theirs = theirs
        self.number = theirs["channel"]

    def to_them(self, content, timeout=10):
        kind = "text" if isinstance(content, str) else "binary"
        remote = self.row.remote
        after = remote.mark()
        self.ours.send(content, timeout)
        size = len(content.encode() if kind == "text" else content)
        try:
            # The feed's numbers come on the first channel, too.
            remote.wait("message", timeout, after, channel=self.number, kind=kind, size=size,
                        sha256=digest(content))
        except Failed as failure:
            came = [(m["kind"], m["size"]) for m in remote.find("message", after,
                                                                channel=self.number)]
            raise Failed(f"{failure}; came: {came}") from None

    def to_us(self, kind, size, seed=1, timeout=10):
        self.row.remote.do("send", channel=self.number, kind=kind, size=size, seed=seed)
        self.ours.wait_message(payload(kind, size, seed), timeout)

    def text_to_us(self, text):
        self.row.remote.do("send", channel=self.number, kind="text", text=text)
        self.ours.wait_message(text)

    def exchange(self, mark):
        """A message each way, as a sign of life."""
        self.to_them(f"ours {mark}")
        self.text_to_us(f"theirs {mark}")


def our_peer(world, relay, room, source, wrapper=()):
    # Foreign stacks make a new key for each call: nobody's name stays with one.
    return world.peer(
        "rtcbus", relay, room=room, source=source, interval="200ms",
        config={"Trust": {"Policy": "any"}}, wrapper=wrapper,
        arguments=["--verbose"] if os.environ.get("RTCBUS_TEST_VERBOSE") else [])


class Row:
    """One stack in one direction: THEY_OFFER or the other way round. Its agent is started, and is in
    ROOM of RELAY after join()."""

    def __init__(self, world, relay, room, peer, stack, they_offer):
        self.stack = stack
        self.peer = peer
        self.they_offer = they_offer
        self.labels = itertools.count(1)
        self.name = stack.name
        self.room_url = relay.url(room)
        self.remote = Remote(world, stack)
        self.call_ = None

    @classmethod
    def alone(cls, world, relay, stack, they_offer):
        """With a peer of its own, in a room of its own."""
        room = stack.name + ("-offers" if they_offer else "-answers")
        peer = our_peer(world, relay, room, source=None if they_offer else "random")
        row = cls(world, relay, room, peer, stack, they_offer)
        row.join()
        return row

    def join(self):
        self.remote.wait_ready()
        self.remote.do("connect", url=self.room_url + "?name=" + self.name)
        self.peer.wait_peer(self.name)

    # ---- calls ----

    def call(self, **configuration):
        """A new call, connected, with its first channel open at both ends."""
        known = {c.path for c in self.peer.calls()}
        after = self.remote.mark()
        if self.they_offer:
            self.remote.do("configure", **configuration)
            call = self.peer.call(self.name, another=True)
        else:
            self.remote.do("call")
            call = self.incoming(known)
        return self.take(call, after)

    def incoming(self, known, **properties):
        """A call that is not among the paths KNOWN."""
        def is_so(call):
            try:
                return all(call.get(name) == value for name, value in properties.items())
            except BusError:  # one that has just ended
                return False

        def come():
            return [c for c in self.peer.calls() if c.path not in known and is_so(c)]

        return wait_for(come, 5, "an incoming call")[0]

    def take(self, call, after):
        """CALL is what the checks use from now on, once it is connected. AFTER is a place from before
        the agent heard of it."""
        self.call_ = call
        call.wait_state("connected", 15)
        theirs = self.remote.wait("opened", 5, after, label="msg_channel")
        self.main = Pair(self, self.our_channel("msg_channel").wait_open(), theirs)
        return call

    def connected(self):
        return (self.call_ is not None and self.call_.exists()
                and self.call_.get("State") == "connected")

    def ensure_call(self):
        if not self.connected():
            self.call()

    def description(self, side):
        """The last SDP of that side of the agent."""
        found = self.remote.find("description", side=side)
        check(found, f"the agent had no {side} description")
        return found[-1]["sdp"]

    def announced(self, side):
        """a=max-message-size of "local" (theirs) or "remote" (ours); absent: 65536."""
        found = re.search(r"(?m)^a=max-message-size:(\d+)", self.description(side))
        return int(found[1]) if found else 65536

    # ---- channels ----

    def our_channel(self, label, timeout=5):
        """Our newest channel of that label in this call."""
        def announced():
            return [s[3][0] for s in self.peer.signals.find("InterfacesAdded")
                    if s[3][0].startswith(self.call_.path + "/") and CHANNEL_INTERFACE in s[3][1]
                    and s[3][1][CHANNEL_INTERFACE]["Label"] == label]

        return Channel(self.peer, wait_for(announced, timeout, f"our channel {label!r}")[-1])

    def label(self):
        return f"channel {next(self.labels)}"

    def begin_open(self, by_us, label, **options):
        """Starts to open a channel; options as the browsers name them."""
        if not by_us:
            return self.remote.begin("open", label=label, **options)
        ours = {OPTIONS[k][0]: GLib.Variant(OPTIONS[k][1], v) for k, v in options.items()}
        path = self.peer.invoke("OpenChannel", "(sa{sv})", label, ours, path=self.call_.path,
                                interface=CALL_INTERFACE)[0]
        return Channel(self.peer, path)

    def finish_open(self, by_us, label, begun):
        if not by_us:
            self.remote.finish(begun)
        theirs = self.remote.wait("opened", 5, label=label, by="us" if by_us else "them")
        ours = begun if by_us else self.our_channel(label)
        ours.wait_open()
        equal(ours.get("Id"), theirs["stream"], "the stream id")
        return Pair(self, ours, theirs)

    def open(self, by_us, **options):
        label = self.label()
        return self.finish_open(by_us, label, self.begin_open(by_us, label, **options))

