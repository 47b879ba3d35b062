# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The foreign stacks: how each is started, and what it is known not to do.

A limit is a fact about that stack, from its source or from what it puts on the wire,
not a check that has failed once. Its key is the column.
"""

import os
import shutil
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"  # Debian's, which has Debian's modules
NODE = os.environ.get("RTCBUS_NODE") or os.path.join(HERE, "..", "..", "_lab", "node", "interop")

NO_RESTART = "knows no ICE restart"
NO_PAGE = {"reload": "no page to reload"}


@dataclass
class Stack:
    name: str
    argv: list
    files: list  # what must be installed: programs and files
    limits: dict = field(default_factory=dict)
    # Columns of which it can do one half (checks.py says which): a limit in the table, as well.
    partly: dict = field(default_factory=dict)
    # What it does with a message larger than we announced: "refuses"; "closes" its end of the
    # channel without a word to anyone; "sends" it (then we close the channel).
    too_large: str = "refuses"
    # Sends no more than this, whatever we announce.
    sends_at_most: int = 1 << 30
    # Labels and protocols beyond ASCII reach us broken.
    ascii_names: bool = False
    # Says that a channel is closed, and takes its stream id again, before its reset request is
    # answered; messages sent in between have sequence numbers that nobody waits for.
    frees_ids_early: bool = False
    # Says nothing on the wire when it closes: its user has to send `bye`.
    silent: bool = False
    # Takes no stream id again: its closed channels stay in its list.
    ids_once: bool = False
    # Lets us write messages with payload ids of ours on any stream.
    raw: bool = False
    # A script of this folder that builds what it needs: the environment names the program.
    build: dict = field(default_factory=dict)
    # Is only to be had for machines of this kind.
    machine: str = ""

    def __post_init__(self):
        if not self.raw:
            self.limits["raw-dcep"] = "lets nobody write DCEP"

    def elsewhere(self):
        """Why this machine cannot have it, "" if it can."""
        other = self.machine and self.machine != os.uname().machine
        return f"there is none but for {self.machine}" if other else ""

    def missing(self):
        return [name for name in self.files if not (shutil.which(name) or os.path.exists(name))]

    def uses_node(self):
        return "node" in self.files


def node(name, **kwargs):
    limits = {**NO_PAGE, **kwargs.pop("limits", {})}
    return Stack(name, ["node", "{here}/node-agent.js", name], ["node"], limits, **kwargs)


# npm has them for one kind of machine.
def old_browser(name, **kwargs):
    limits = {"empty": "has no payload ids for empty messages", **kwargs.pop("limits", {})}
    return browser(name, os.path.join(NODE, "node_modules", name, "chromium"), limits=limits,
                   machine="x86_64", **{"too_large": "closes", **kwargs})


def python(name, **kwargs):
    limits = {**NO_PAGE, "restart-there": NO_RESTART, **kwargs.pop("limits", {})}
    partly = {"restart-here": NO_RESTART, **kwargs.pop("partly", {})}
    return Stack(name, [PYTHON, "{here}/%s-agent.py" % name], [PYTHON], limits, partly, **kwargs)


def browser(name, path, **kwargs):
    return Stack(name, ["node", "{here}/browser-agent.js", name, "{profile}"], ["node", path],
                 **kwargs)


STACKS = [
    browser("chromium", "/usr/bin/chromium"),
    browser("firefox", "/usr/bin/firefox-esr"),
    # Debian 11 began with Chromium 90. 75 is the last of the 2010s' SDP: DTLS/SCTP 5000, a=sctpmap
    # and no a=max-message-size.
    old_browser("chromium-90"),
    old_browser("chromium-75", too_large="sends", partly={
        "hangup-here": "does not look at the end of DTLS or SCTP: only `bye` tells it",
        "seen-there": "says 65535 for a limit that is not there",
        "unasked": "does not look at the end of DTLS or SCTP: only `bye` tells it",
    }),
    node("libwebrtc", too_large="closes"),
    node("libdatachannel", limits={
        "restart-there": NO_RESTART,
    }, partly={
        "restart-here": NO_RESTART,
        "label-nul": "its Node.js API does not tell of an end that was before it was asked",
        "seen-there": "its Node.js API tells neither order nor limits of a channel",
    }),
    # Of npm's versions 0.24 is the last for the Node.js of Debian 12 and 13: 0.25 wants 22.
    # Its DCEP OPEN has the lengths of label and protocol in UTF-16 units instead of bytes.
    # RTCDtlsTransport.stop() says "todo impl send alert"; nothing goes out at a close().
    node("werift", raw=True, ascii_names=True, frees_ids_early=True, silent=True, limits={
        "media": "does not look at the port of an m-line: takes the rejected ones for accepted",
    }, partly={
        "empty": "sends nothing for an empty message",
        "reoffered": "does not look at the port of an m-line: takes the rejected ones for accepted",
        "seen-here": "its DCEP OPEN says ordered for unordered channels that have a limit",
    }),
    # Reads messages into 65535 bytes (datachannel.go), and says no a=max-message-size, which means
    # 65536; a channel with a longer message hears nothing more.
    Stack("pion", ["node", "{here}/node-agent.js", "pion"],
          ["node", "go", "/usr/share/gocode/src/github.com/pion/webrtc"], limits={
              **NO_PAGE,
              "sizes": "reads messages of up to 65535 bytes",
              "maximum": "reads messages of up to 65535 bytes, and what it says means 65536",
          }, partly={
              "reoffered": "makes no offer with media that were added to a connection",
          }, ids_once=True, build={"RTCBUS_PION": "pion/build"}),
    # Its DCEP OPEN has the lengths of label and protocol in characters instead of bytes.
    python("aiortc", raw=True, ascii_names=True, too_large="sends", limits={
        "media": "does not look at the port of an m-line: takes the rejected ones for accepted",
    }, partly={
        "reoffered": "does not look at the port of an m-line: takes the rejected ones for accepted",
    }),
    # webrtcbin 1.22 has no close(); no packet goes out when its state is set to NULL.
    python("gstreamer", silent=True, sends_at_most=65536, limits={
        "label-nul": "its labels end where NUL is",
        "empty": "has the payload ids of empty text and empty binary the wrong way round",
        "negotiated": "its max-channels stays 0 in a call, and it asserts id <= max_channels",
    }),
]
