# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""alternate.py ADDRESS TLS-PORT OTHER-PORT CERTIFICATE KEY

A TURN server over TLS that sends everybody to another one, at OTHER-PORT by TCP (RFC 8489
10), and says who comes: "sent away", "followed"."""

import ipaddress
import socket
import ssl
import struct
import sys
import threading

MAGIC = 0x2112A442
ALLOCATE, ALLOCATE_ERROR = 0x0003, 0x0113
ERROR_CODE, ALTERNATE_SERVER = 0x0009, 0x8023


def say(text):
    print(text, flush=True)


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def send_away(connection, context, address, port):
    with context.wrap_socket(connection, server_side=True) as stream:
        header = stream.recv(2000)[:20]
        if len(header) < 20 or struct.unpack("!H", header[:2])[0] != ALLOCATE:
            return
        where = struct.pack("!BBH", 0, 1, port) + ipaddress.ip_address(address).packed
        body = (attribute(ERROR_CODE, struct.pack("!HBB", 0, 3, 0) + b"Try Alternate")
                + attribute(ALTERNATE_SERVER, where))
        stream.sendall(struct.pack("!HHI", ALLOCATE_ERROR, len(body), MAGIC) + header[8:] + body)
        say("sent away")
        stream.recv(1)


def serve(listener, answer):
    def one(connection):
        try:
            answer(connection)
        except OSError:
            pass
        finally:
            connection.close()

    while True:
        threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()


def main():
    address, tls_port, other_port, certificate, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    first, other = (socket.create_server((address, int(port))) for port in (tls_port, other_port))
    threading.Thread(target=serve, args=(other, lambda _connection: say("followed")),
                     daemon=True).start()
    say("listening")
    serve(first, lambda connection: send_away(connection, context, address, int(other_port)))


main()
