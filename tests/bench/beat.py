# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A ping that needs no ping: UDP packets there and back, twenty a second.

beat.py echo ADDRESS       says "ready" and sends everything back until it is ended
beat.py ADDRESS SECONDS    prints a round trip in milliseconds for each that came back
"""

import socket
import sys
import time

PORT = 7007
SIZE = 64
EVERY = 0.05  # seconds


def echo(address):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, PORT))
    print("ready", flush=True)
    while True:
        packet, sender = sock.recvfrom(2048)
        sock.sendto(packet, sender)


def beat(address, seconds):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, PORT))
    began = due = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        if now >= due:
            sock.send(repr(now).encode().ljust(SIZE))
            due += EVERY
        sock.settimeout(max(due - time.monotonic(), 0.001))
        try:
            sent = float(sock.recv(2048))
        except TimeoutError:
            continue
        print((time.monotonic() - sent) * 1e3, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo(sys.argv[2])
    else:
        beat(sys.argv[1], float(sys.argv[2]))
