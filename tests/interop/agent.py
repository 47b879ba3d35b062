# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What the agents in Python share: commands, signaling and events, see agent.js.

A stack fills in the methods of Agent that raise NotImplementedError. All of it
runs in one loop, given as post(function, *arguments), which must be safe to call
from another thread: standard input and the WebSocket are read by threads.
"""

import hashlib
import json
import os
import re
import sys
import threading
import traceback
from urllib.parse import urlsplit

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

import wsclient  # noqa: E402
from payload import payload  # noqa: E402

# Libraries may print; what they say must not be taken for an event.
_events = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)


def emit(event, **members):
    _events.write(json.dumps({"event": event, **members}) + "\n")
    _events.flush()


def data_mid(sdp):
    """The mid of the m-line of data channels, or None."""
    for section in re.split(r"(?m)^m=", sdp):
        found = re.search(r"(?m)^a=mid:(\S+)", section)
        if section.startswith("application") and found:
            return found[1]
    return None


def rename_mid(sdp, old, new):
    lines = sdp.splitlines()
    for i, line in enumerate(lines):
        if line == "a=mid:" + old:
            lines[i] = "a=mid:" + new
        elif line.startswith("a=group:BUNDLE"):
            lines[i] = " ".join(new if word == old else word for word in line.split())
    return "\r\n".join(lines) + "\r\n"


class Agent:
    def __init__(self, post):
        self.post = post
        self.socket = None
        self.channels = {}
        self.configuration = {}
        self.address = {}
        self.early = []
        self.alias = self.mid = None
        self.unsent = None
        self.last = None  # our last description: its type and SDP
        self.lose = False
        self.carried = False

    # ---- what a stack does ----

    def new_connection(self, media):
        """Drops the connection it has, if any."""
        raise NotImplementedError

    def add_media(self):
        """To the connection there is."""
        raise NotImplementedError

    def open_channel(self, label, options):
        """Returns a channel object with send_text, send_binary and close."""
        raise NotImplementedError

    def make_offer(self, done):
        """Calls done(sdp) once the local description is set."""
        raise NotImplementedError

    def set_remote(self, kind, sdp, done):
        raise NotImplementedError

    def make_answer(self, done):
        raise NotImplementedError

    def add_candidate(self, candidate, mid, index):
        raise NotImplementedError

    def close_connection(self):
        raise NotImplementedError

    # ---- commands ----

    def start(self, version):
        emit("ready", version=version)
        threading.Thread(target=self._read_commands, daemon=True).start()

    def _read_commands(self):
        for line in sys.stdin:
            self.post(self._command, json.loads(line))
        self.post(self.quit)

    def _command(self, command):
        number = command.pop("id")
        try:
            result = getattr(self, "do_" + command.pop("do"))(**command)
            emit("done", id=number, **(result or {}))
        except Exception as error:  # whatever the stack says is for the test to judge
            emit("failed", id=number, message=f"{type(error).__name__}: {error}")

    def guard(self, function, *arguments):
        try:
            function(*arguments)
        except Exception:
            emit("problem", message=traceback.format_exc())

    def quit(self):
        os._exit(0)  # no stack is asked whether it would mind

    def do_connect(self, url):
        parts = urlsplit(url)
        path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        self.socket = wsclient.WsClient(parts.port, path, parts.hostname)
        threading.Thread(target=self._read_frames, args=(self.socket,), daemon=True).start()
        emit("connected")

    def _read_frames(self, client):
        try:
            while True:
                try:
                    frame = client.recv_json()
                except wsclient.Timeout:
                    continue
                self.post(self.guard, lambda frame=frame: self.carried or self._frame(frame))
        except (wsclient.Closed, OSError):
            emit("left")

    def do_configure(self, **configuration):
        self.configuration = configuration

    def do_call(self, to=None):
        self.address = {"to": to} if to else {}
        self.send_frame(type="call", channel_id="interop")

    def do_offer(self, to):
        self.address = {"to": to}
        self._offer()

    def do_reoffer(self, media=False, lose=False):
        if media:
            self.add_media()
        self.lose = lose
        self.early = []
        self.unsent = []
        self.make_offer(lambda sdp: self._send_local("offer", sdp))

    def do_open(self, label, stream=None, **options):
        if stream is not None:
            options["id"] = stream
        return {"channel": self._number_of(self.open_channel(label, options))}

    def do_send(self, channel, kind, text=None, size=0, seed=0):
        content = text if text is not None else payload(kind, size, seed)
        if kind == "text":
            self.channels[channel].send_text(content)
        else:
            self.channels[channel].send_binary(content)

    def do_raw(self, channel, messages):
        for ppid, content in messages:
            self.channels[channel].send_raw(ppid, bytes.fromhex(content))

    def do_close(self, channel):
        self.channels[channel].close()

    def do_hangup(self, bye=False):
        if bye:
            self.send_frame(type="bye")
        self.close_connection()

    def do_leave(self):
        self.socket.close()

    # ---- signaling ----

    def do_carry(self, on):
        self.carried = on

    def do_frame(self, frame):
        self.guard(self._frame, frame)

    def send_frame(self, **frame):
        whole = {**self.address, **frame}
        if self.carried:
            emit("frame", frame=whole)
        else:
            self.socket.send_json(whole)

    def _frame(self, frame):
        emit("heard", type=frame["type"])
        if frame["type"] == "call":
            self._answer_to(frame)
            self._offer()
        elif frame["type"] == "offer":
            within = self.last and "session" in frame and \
                frame["session"] == self.address.get("session")
            if not within:
                self._answer_to(frame)
            self._answer(frame["sdp"], within)
        elif frame["type"] == "answer" and self.lose:
            self.lose = False
            self._send_local(*self.last)
        elif frame["type"] == "answer":
            self._set_remote(frame["sdp"], lambda: None)
        elif frame["type"] == "candidate":
            if self.early is not None:
                self.early.append(frame["candidate"])
            else:
                self._add_candidate(frame["candidate"])

    def _answer_to(self, frame):
        self.address = {"to": frame["from"]} if "from" in frame else {}
        if "session" in frame:
            self.address["session"] = frame["session"]

    def _begin(self, media):
        self.early = []
        self.unsent = []
        self.alias = self.mid = None
        self.new_connection(media)

    def _offer(self):
        configuration, self.configuration = self.configuration, {}
        self._begin(configuration.get("media"))
        self._number_of(self.open_channel("msg_channel", {}))

        def done(sdp):
            self.alias = configuration.get("mid")
            self._send_local("offer", sdp)

        self.make_offer(done)

    def _answer(self, description, within):
        if within:
            self.alias, self.unsent = None, []
        else:
            self._begin(False)
        self._set_remote(description, lambda: self.make_answer(
            lambda sdp: self._send_local("answer", sdp)))

    def _send_local(self, kind, sdp):
        self.last = kind, sdp
        self.mid = data_mid(sdp)
        if self.alias:
            sdp = rename_mid(sdp, self.mid, self.alias)
        emit("description", side="local", type=kind, sdp=sdp)
        self.send_frame(type=kind, sdp={"type": kind, "sdp": sdp})
        unsent, self.unsent = self.unsent or [], None
        for candidate in unsent:
            self.send_candidate(*candidate)

    def send_candidate(self, candidate, mid, index):
        """For the stack: one local candidate. It waits for the description."""
        if self.unsent is not None:
            self.unsent.append((candidate, mid, index))
            return
        mid = self.alias if self.alias and mid == self.mid else mid
        self.send_frame(type="candidate", candidate={
            "candidate": candidate, "sdpMid": mid, "sdpMLineIndex": index})

    def _set_remote(self, description, then):
        emit("description", side="remote", **description)
        sdp = description["sdp"]
        if self.alias:
            sdp = rename_mid(sdp, self.alias, self.mid)

        def done():
            early, self.early = self.early or [], None
            for candidate in early:
                self._add_candidate(candidate)
            then()

        self.set_remote(description["type"], sdp, done)

    def _add_candidate(self, init):
        if init and init.get("candidate"):
            mid = init.get("sdpMid")
            mid = self.mid if self.alias and mid == self.alias else mid
            self.add_candidate(init["candidate"], mid, init.get("sdpMLineIndex"))

    # ---- what the stack tells ----

    def _number_of(self, channel):
        for number, known in self.channels.items():
            if known is channel:
                return number
        number = len(self.channels) + 1
        self.channels[number] = channel
        return number

    def tell_opened(self, channel, by, **properties):
        emit("opened", channel=self._number_of(channel), by=by, **properties)

    def tell_closed(self, channel):
        emit("closed", channel=self._number_of(channel))

    def tell_message(self, channel, kind, data):
        text = {}
        if kind == "text" and len(data) <= 64:
            text["text"] = data.decode("utf-8", "replace")
        emit("message", channel=self._number_of(channel), kind=kind, size=len(data),
             sha256=hashlib.sha256(data).hexdigest(), **text)

    def tell_state(self, state):
        emit("state", state=state)
