# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Channels that are opened as no browser would: a label that we refuse, and DCEP by hand, from the
stacks that let us write it."""

import struct

from harness import CHANNEL_INTERFACE, check, equal, wait_for
from session import Channel, partly

DCEP, TEXT, BINARY, TEXT_EMPTY, BINARY_EMPTY = 50, 51, 53, 56, 57


def dcep_open(label, kind=0, priority=0, reliability=0, length=None):
    length = len(label) if length is None else length
    return struct.pack("!BBHLHH", 3, kind, priority, reliability, length, 0) + label


def announced(row, label):
    """Our channels of that label, in whatever call."""
    return [s for s in row.peer.signals.find("InterfacesAdded")
            if s[3][1].get(CHANNEL_INTERFACE, {}).get("Label") == label]


def label_nul(row):
    """A label with NUL is refused (labels are D-Bus strings): that channel ends, and nothing of it is
    in the next one on its stream."""
    for label in ("nul\0label", "\0"):
        number = row.remote.do("open", label=label)["channel"]
        if "label-nul" not in row.stack.partly:
            row.remote.wait("closed", channel=number)
    check(not announced(row, "nul") and not announced(row, ""), "the label was cut short")
    row.main.exchange("beside refused channels")
    pair = row.open(False)
    pair.exchange("on their stream")
    equal(len(pair.ours.received()), 1, "what came on that stream")
    partly(row, "label-nul")


TAKEN = {  # label: the messages on its stream, and what comes of them
    "late": ([(TEXT, b"before"), (DCEP, dcep_open(b"late")), (TEXT, b"behind")],
             ["before", "behind"]),
    "payload ids": ([(DCEP, dcep_open(b"payload ids"))]
                    + [(ppid, b"?") for ppid in (0, 52, 54, 999)]
                    + [(BINARY, b"binary"), (TEXT, b"text")], [b"binary", "text"]),
    "bad text": ([(DCEP, dcep_open(b"bad text")), (TEXT, b"\xff"), (TEXT, b"a\0b")],
                 ["\ufffd", "a\ufffdb"]),
    "empty": ([(DCEP, dcep_open(b"empty")), (TEXT_EMPTY, b"\0"), (BINARY_EMPTY, b"\0"),
               (TEXT_EMPTY, b"more than one"), (TEXT, b"end")], ["", b"", "", "end"]),
    "priority": ([(DCEP, dcep_open(b"priority", priority=65535)), (TEXT, b"x")], ["x"]),
    "reliability": ([(DCEP, dcep_open(b"reliability", 0x01, reliability=0xffffffff)),
                     (TEXT, b"x")], ["x"]),
    "none again": ([(DCEP, dcep_open(b"none again", 0x81)), (TEXT, b"x")], ["x"]),
    "L" * 65535: ([(DCEP, dcep_open(b"L" * 65535)), (TEXT, b"x")], ["x"]),
}
REFUSED = (
    ("an unknown type", dcep_open(b"x", 0x77)),
    ("a length beyond its end", dcep_open(b"x", length=9)),
    ("bytes behind its end", dcep_open(b"x") + b"zz"),
    ("a label that is no text", dcep_open(b"\xff")),
    ("a label with NUL", dcep_open(b"a\0b")),
)
STALE = bytes(60000)  # more than what waits for an OPEN may be, of all that are refused
NOTHING = ((DCEP, b"\x09"), (DCEP, b"\x02"))  # an unknown message, an ACK for nothing


class Stream:
    """One of the agent's that has a channel there by agreement, so that all of its DCEP is ours."""

    def __init__(self, row, number):
        self.row = row
        self.id = number
        self.channel = row.remote.do("open", label=f"stream {number}", negotiated=True,
                                     stream=number)["channel"]

    def send(self, *messages):
        self.row.remote.do("raw", channel=self.channel,
                           messages=[[ppid, data.hex()] for ppid, data in messages])
        return self

    def wait_closed(self):
        self.row.remote.wait("closed", channel=self.channel)

    def check_received(self, label, content):
        def received():
            return [value if kind == "TextReceived" else bytes(value)
                    for found in announced(self.row, label)
                    for kind, value in Channel(self.row.peer, found[3][0]).received()]

        wait_for(lambda: len(received()) >= len(content), 5, f"what is sent to {label[:20]!r}")
        equal(received(), content, f"what came to {label[:20]!r}")


def raw_dcep(row):
    """RFC 8832 5 and 6, RFC 8831 6.6: what is no channel is refused, the rest of them go on."""
    first = row.open(False).theirs["stream"] % 2 + 300
    ids = iter(range(first, first + 200, 2))
    streams = {label: Stream(row, next(ids)).send(*messages)
               for label, (messages, _) in TAKEN.items()}
    for number, message in enumerate(NOTHING):
        Stream(row, next(ids)).send(message)
    refused = [Stream(row, next(ids)).send((DCEP, message), (BINARY, STALE))
               for _, message in REFUSED]
    ours = Stream(row, first ^ 1).send((DCEP, dcep_open(b"of our parity")))
    twice = Stream(row, next(ids)).send((DCEP, dcep_open(b"once")), (DCEP, dcep_open(b"twice")),
                                        (TEXT, b"stale"))
    for stream in (*refused, ours, twice):
        stream.wait_closed()
    last = (TEXT, b"before"), (DCEP, dcep_open(b"last")), (TEXT, b"behind")
    Stream(row, next(ids)).send(*last).check_received("last", ["before", "behind"])
    for label, (_, content) in TAKEN.items():
        streams[label].check_received(label, content)
    for (what, _), old in zip(REFUSED, refused):
        label = "behind " + what
        fresh = Stream(row, old.id).send((DCEP, dcep_open(label.encode())), (TEXT, b"fresh"))
        fresh.check_received(label, ["fresh"])
    row.main.exchange("beside them all")
    for label in ("of our parity", "twice", "x", "a"):
        check(not announced(row, label), f"a channel {label!r} that was to be refused")
