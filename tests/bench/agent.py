# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""An ordinary program that uses a WebRTC stack of Python, for the bench.

The commands are those of agent.c and agent-node.js; signaling goes to the other program over a
socket that both have inherited. A subclass has the stack: connect(), take(), disconnect(), send(), buffered(), and
calls on_open(), on_message() and on_low() from whatever thread it likes.
"""

import json
import os
import socket
import sys
import threading
import time

HIGH = 256 * 1024  # where a sender stops,
LOW = HIGH // 4  # and where it goes on

output = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # libraries may print; what they say must not be taken for an answer


def answer(**values):
    output.write(json.dumps(values) + "\n")


class Agent:
    """POST: runs a function with its arguments in the thread of the main loop."""

    def __init__(self, post, offers, fd):
        self.post = post
        self.offers = offers
        self.messages = self.bytes = self.sent = 0
        self.payload = None  # while sending
        self.waiting = False
        self.on_open = lambda: answer(event="open")
        self.on_message = lambda data: None
        self.peer = socket.socket(fileno=fd)

    def start(self):
        threading.Thread(target=self.read, args=(sys.stdin, self.command, True)).start()
        threading.Thread(target=self.read, args=(self.peer.makefile(), self.frame, False),
                         daemon=True).start()
        answer(event="ready")

    def read(self, lines, function, last):
        for line in lines:
            self.post(function, line)
        if last:
            os._exit(0)

    # ---- the other program

    def signal(self, **frame):
        self.peer.sendall((json.dumps(frame) + "\n").encode())

    def frame(self, line):
        frame = json.loads(line)
        if "call" in frame:
            self.connect()
        elif "bye" in frame:
            self.disconnect()
            self.signal(gone=True)
        elif "gone" in frame:
            self.next_call()
        else:
            self.take(frame)

    # ---- commands

    def command(self, line):
        name, *values = line.split()
        getattr(self, "do_" + name)(*values)

    def do_connect(self):
        self.connect()
        self.signal(call=True)

    def do_receive(self):
        def on_message(data):
            self.messages += 1
            self.bytes += len(data)

        self.on_message = on_message
        answer()

    def do_echo(self):
        self.on_message = self.send
        answer()

    def do_count(self):
        answer(messages=self.messages, bytes=self.bytes, time=time.monotonic())

    def do_send(self, size):
        self.payload = bytes(int(size))
        self.sent = 0
        answer()
        self.more()

    def more(self):
        """Fills the buffer, but gives everybody else a turn from time to time."""
        self.waiting = False
        for _ in range(64):
            if self.payload is None:
                return
            if self.buffered() >= HIGH:
                self.waiting = True
                return
            self.send(self.payload)
            self.sent += 1
        self.post(self.more)

    def on_low(self):
        self.post(lambda: self.waiting and self.more())

    def do_hold(self):
        self.payload = None
        answer(sent=self.sent)

    def do_ping(self, size, count):
        payload, times = bytes(int(size)), []

        def ping():
            self.began = time.monotonic()
            self.send(payload)

        def on_message(_data):
            times.append((time.monotonic() - self.began) * 1e6)
            if len(times) < int(count):
                ping()
            else:
                self.post(lambda: answer(times=times))

        self.on_message = on_message
        ping()

    def do_emit(self):
        self.on_open = lambda: self.send(b"12345678")
        answer()

    def do_calls(self, _peer, count):
        self.times, self.wanted = [], int(count)
        self.on_open = lambda: None

        def on_message(_data):
            self.times.append((time.monotonic() - self.began) * 1e6)
            self.post(self.end_call)

        self.on_message = on_message
        self.next_call()

    def next_call(self):
        if len(self.times) == self.wanted:
            answer(times=self.times)
            return
        self.began = time.monotonic()
        self.do_connect()

    def end_call(self):
        self.disconnect()
        self.signal(bye=True)
