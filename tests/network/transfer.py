# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A transfer from one program to another, over a channel that both have acquired."""

import hashlib
import threading
import time

from channels import Acquired, open_channel, remote_channel
from harness import Failed, check, equal, wait_for

CHUNK = 64 << 10


class Transfer:
    """MIB mebibytes, or as many as pass until stop(), from CALL's peer to REMOTE.

    The two programs are threads; what they found is in `sent`, `received` (bytes),
    `error`, and compared by finish().
    """

    def __init__(self, call, remote, mib=None, label="transfer"):
        self.limit = None if mib is None else mib << 20
        self.sent = self.received = 0
        self.error = None
        self.complete = False
        self.digests = [hashlib.sha256(), hashlib.sha256()]
        self.ending = threading.Event()
        channel = open_channel(call, label)
        wait_for(lambda: channel.get("State") == "open", 20, f"channel {label}")
        self.sockets = [Acquired(channel).socket,
                        Acquired(remote_channel(remote, label)).socket]
        for sock in self.sockets:
            sock.settimeout(180)
        self.threads = [threading.Thread(target=work, daemon=True)
                        for work in (self._send, self._receive)]
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()

    def _chunk(self, number):
        return (number.to_bytes(8, "big") * (CHUNK // 8))

    def _send(self):
        number = 0
        try:
            while not self.ending.is_set() and (self.limit is None or self.sent < self.limit):
                chunk = self._chunk(number)
                self.sockets[0].send(chunk)
                self.digests[0].update(chunk)
                self.sent += len(chunk)
                number += 1
            self.sockets[0].send(b"end")
        except OSError as error:
            self.error = self.error or error

    def _receive(self):
        try:
            while (packet := self.sockets[1].recv(1 << 20)) not in (b"end", b""):
                self.digests[1].update(packet)
                self.received += len(packet)
            self.complete = packet == b"end"
        except OSError as error:
            self.error = self.error or error

    def running(self):
        return any(thread.is_alive() for thread in self.threads)

    def wait_passed(self, mib, timeout=180):
        def passed():
            check(self.error is None, f"the transfer broke: {self.error}")
            return self.received >= mib << 20

        wait_for(passed, timeout, f"{mib} MiB to pass")

    def wait_over(self, timeout=180):
        """Until both programs have ended, well or not."""
        wait_for(lambda: not self.running(), timeout, "the transfer to end")
        self.seconds = time.monotonic() - self.began

    def is_prefix(self):
        """What has arrived is the beginning of what was sent."""
        digest = hashlib.sha256()
        for number in range(self.received // CHUNK):
            digest.update(self._chunk(number))
        return self.received <= self.sent and digest.digest() == self.digests[1].digest()

    def stop(self):
        self.ending.set()

    def finish(self, timeout=180):
        """All of it must have arrived, and the same; returns Mbit/s."""
        self.wait_over(timeout)
        if self.error:
            raise Failed(f"the transfer broke: {self.error}")
        check(self.complete, "the channel ended before the transfer")
        equal(self.received, self.sent, "bytes received")
        equal(self.digests[1].hexdigest(), self.digests[0].hexdigest(), "checksum")
        return self.received * 8 / 1e6 / self.seconds
