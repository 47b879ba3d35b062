# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The other end of a path, and nothing above it: it answers connectivity checks as an ICE-lite agent
does (RFC 8445 2.5), so whoever has its credentials finds a pair. It has no key."""

import binascii
import hmac
import ipaddress
import socket
import struct
import threading

MAGIC = 0x2112A442
BINDING, SUCCESS = 0x0001, 0x0101
XOR_MAPPED_ADDRESS, MESSAGE_INTEGRITY, FINGERPRINT = 0x0020, 0x0008, 0x8028
PASSWORD = "0123456789abcdef0123456789abcdef"


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value


def answer(request, address):
    """The success response to REQUEST, which came from ADDRESS."""
    host = ipaddress.ip_address(address[0].split("%")[0])
    mask = request[4:4 + len(host.packed)]  # the magic cookie, and the number of the transaction
    mapped = struct.pack("!BBH", 0, 1 if host.version == 4 else 2, address[1] ^ (MAGIC >> 16))
    body = attribute(XOR_MAPPED_ADDRESS,
                     mapped + bytes(a ^ b for a, b in zip(host.packed, mask)))

    def header(more):
        return struct.pack("!HHI", SUCCESS, len(body) + more, MAGIC) + request[8:20]

    digest = hmac.digest(PASSWORD.encode(), header(24) + body, "sha1")
    body += attribute(MESSAGE_INTEGRITY, digest)
    checksum = binascii.crc32(header(8) + body) ^ 0x5354554E
    body += attribute(FINGERPRINT, struct.pack("!I", checksum))
    return header(0) + body


class IceLite:
    """At HOST, an address; `records` (what is no STUN) have come, and each went back with one bit
    changed."""

    def __init__(self, world, host):
        self.records = 0
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET,
                                    socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        port = self.socket.getsockname()[1]
        self.candidate = f"candidate:1 1 udp 2130706431 {host} {port} typ host"
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()
        world.closing(self)

    def work(self):
        while True:
            packet, address = self.socket.recvfrom(65536)
            if packet == b"over":
                return
            if packet[0] >= 20:
                self.records += 1
                self.socket.sendto(packet[:-1] + bytes([packet[-1] ^ 1]), address)
            elif len(packet) >= 20 and struct.unpack("!H", packet[:2])[0] == BINDING:
                self.socket.sendto(answer(packet, address), address)

    def close(self):
        self.socket.sendto(b"over", self.socket.getsockname())
        self.thread.join()
        self.socket.close()
