# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Programs that do as they are told, for example tests/bench/agent."""

import json
import os
import select
import signal
import subprocess
import tempfile
import time


class Agent:
    """A child that takes commands and answers with lines of JSON."""

    def __init__(self, argv, signaling=None):
        self.log = tempfile.TemporaryFile("w+", errors="replace")
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=self.log,
                                      pass_fds=() if signaling is None else (signaling,))
        self.pid = self.child.pid
        self.pending = b""

    def read(self, timeout=30):
        deadline = time.monotonic() + timeout
        while b"\n" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [], left)[0]:
                raise TimeoutError(f"no answer within {timeout} s")
            data = os.read(self.child.stdout.fileno(), 1 << 16)
            if not data:
                status = self.child.wait()
                self.log.seek(0)
                last = (self.log.read().strip().splitlines() or ["it said nothing"])[-1]
                raise EOFError(f"the program ended with status {status}: {last}")
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)

    def tell(self, command):
        self.child.stdin.write(command.encode() + b"\n")
        self.child.stdin.flush()

    def ask(self, command, timeout=30):
        self.tell(command)
        return self.read(timeout)

    def wait_event(self, event, timeout=20):
        while self.read(timeout).get("event") != event:
            pass

    def running(self):
        return self.child.poll() is None

    def close(self):
        if self.running():
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(2)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()
        for end in (self.child.stdin, self.child.stdout, self.log):
            end.close()
