# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""WebSocket (RFC 6455) by hand: a client for hand-made peers, and a server for
hand-made relays.

It is written out here because the tests want to do what a decent library
refuses: bad frames, bad UTF-8, no masking, half a frame. It blocks, with a
deadline on every call. Pings are answered unless auto_pong is False.
"""

import base64
import hashlib
import json
import os
import select
import socket
import struct
import time

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


PATIENCE = 30 * float(os.environ.get("RTCBUS_TEST_SLOW", "1"))  # seconds, for what hangs


class Refused(Exception):
    """The handshake was answered with something else than 101."""

    def __init__(self, status, headers, body):
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers
        self.body = body


class Closed(Exception):
    """The connection is over. code: the peer's close code, None without one."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed {code} {reason}")
        self.code = code
        self.reason = reason


class Timeout(Exception):
    """Nothing came in time."""


def accept_key(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def apply_mask(payload, key):
    size = len(payload)
    stream = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


class WsConnection:
    """Either end of a WebSocket after (or during) its handshake."""

    masked = False

    def __init__(self, sock, timeout):
        self.socket = sock
        self.timeout = timeout
        self.auto_pong = True
        self.closed = None
        self.protocol = None
        self._data = b""
        self._parts = None

    def _read_head(self):
        """The first line and the header fields of an HTTP message."""
        deadline = time.monotonic() + self.timeout
        while b"\r\n\r\n" not in self._data:
            self._read(deadline)
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        self.headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in rest)
        }
        return first

    def _read(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise Timeout()
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(1 << 16)
        except socket.timeout:
            raise Timeout() from None
        except OSError as error:
            self.closed = self.closed or Closed(None, str(error))
            raise self.closed from None
        if not data:
            self.closed = self.closed or Closed(None, "end of file")
            raise self.closed
        self._data += data

    def recv_frame(self, timeout=None):
        """One frame as it is on the wire: (fin, opcode, payload)."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        # A frame is taken whole or not at all, so that a timeout loses nothing.
        while True:
            frame = self._parse()
            if frame:
                return frame
            self._read(deadline)

    def _parse(self):
        data = self._data
        if len(data) < 2:
            return None
        fin, opcode, size, at = data[0] & 0x80, data[0] & 0x0F, data[1] & 0x7F, 2
        if size == 126:
            if len(data) < 4:
                return None
            size, at = struct.unpack_from(">H", data, 2)[0], 4
        elif size == 127:
            if len(data) < 10:
                return None
            size, at = struct.unpack_from(">Q", data, 2)[0], 10
        key = None
        if data[1] & 0x80:
            key, at = data[at:at + 4], at + 4
        if len(data) < at + size:
            return None
        payload = data[at:at + size]
        self._data = data[at + size:]
        return bool(fin), opcode, apply_mask(payload, key) if key else payload

    def recv(self, timeout=None):
        """One message: str for text, bytes for binary. Raises Closed or Timeout."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        if self.closed:
            raise self.closed
        while True:
            fin, opcode, payload = self.recv_frame(max(deadline - time.monotonic(), 0.001))
            if opcode == PING:
                if self.auto_pong:
                    self.send_frame(PONG, payload)
            elif opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else None
                self.closed = Closed(code, payload[2:].decode("utf-8", "replace"))
                raise self.closed
            elif opcode != PONG:
                if opcode:
                    self._parts = (opcode, [])
                self._parts[1].append(payload)
                if fin:
                    opcode, parts = self._parts
                    whole = b"".join(parts)
                    return whole.decode("utf-8") if opcode == TEXT else whole

    def recv_json(self, timeout=None):
        return json.loads(self.recv(timeout))

    def expect(self, type_, timeout=None, **members):
        """The next frame of this type (and with these members); others are skipped."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Timeout(f"no frame of type {type_}")
            try:
                frame = self.recv_json(left)
            except Timeout:
                raise Timeout(f"no frame of type {type_}") from None
            if frame.get("type") == type_ and all(frame.get(k) == v for k, v in members.items()):
                return frame

    def pending(self):
        """True if recv() would not have to wait (or the connection is over)."""
        poll = select.poll()  # select() knows no descriptor above 1023
        poll.register(self.socket, select.POLLIN)
        return bool(self._data) or bool(poll.poll(0))

    def recv_nothing(self, seconds=0.3):
        """True if no message comes for so long (a peer that must not be told)."""
        try:
            self.recv(seconds)
        except Timeout:
            return True
        return False

    def send_frame(self, opcode, payload=b"", fin=True, mask=None):
        mask = self.masked if mask is None else mask
        if isinstance(payload, str):
            payload = payload.encode()
        head = bytes([(0x80 if fin else 0) | opcode])
        flag = 0x80 if mask else 0
        if len(payload) < 126:
            head += bytes([flag | len(payload)])
        elif len(payload) < 65536:
            head += bytes([flag | 126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([flag | 127]) + struct.pack(">Q", len(payload))
        if mask:
            key = os.urandom(4)
            payload = apply_mask(payload, key)
            head += key
        self.send_raw(head + payload)

    def send_raw(self, data):
        self.socket.settimeout(self.timeout)
        self.socket.sendall(data)

    def send_text(self, text):
        self.send_frame(TEXT, text)

    def send_binary(self, data):
        self.send_frame(BINARY, data)

    def send_json(self, value):
        self.send_text(json.dumps(value, separators=(",", ":")))

    def close_code(self, timeout=None):
        """Reads until the other side closes; the close code (None: none was sent)."""
        try:
            while True:
                self.recv(timeout)
        except Closed as closed:
            return closed.code

    def close(self, code=1000):
        """Says goodbye as a decent client does; never fails."""
        try:
            if not self.closed:
                self.send_frame(CLOSE, struct.pack(">H", code))
        except OSError:
            pass
        self.socket.close()


class WsClient(WsConnection):
    masked = True

    def __init__(self, port, path="/", host="127.0.0.1", protocols=(), origin=None, headers=(),
                 timeout=PATIENCE, tls=None, receive_buffer=None, source=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__(socket.socket(family, socket.SOCK_STREAM), timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        try:
            if source:
                self.socket.bind((source, 0))
            self.socket.connect((host, port))
            if tls:
                self.socket = tls.wrap_socket(self.socket)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._handshake(host, port, path, protocols, origin, headers)
        except BaseException:
            self.socket.close()
            raise

    def _handshake(self, host, port, path, protocols, origin, headers):
        key = base64.b64encode(os.urandom(16)).decode()
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [
            f"GET {path} HTTP/1.1", f"Host: {authority}", "Upgrade: websocket",
            "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
        ]
        if protocols:
            lines.append("Sec-WebSocket-Protocol: " + ", ".join(protocols))
        if origin is not None:
            lines.append("Origin: " + origin)
        lines += [f"{name}: {value}" for name, value in headers]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        status = int(self._read_head().split()[1])
        if status != 101:
            raise Refused(status, self.headers, self._data)
        if self.headers.get("sec-websocket-accept") != accept_key(key):
            raise Refused(status, self.headers, b"wrong Sec-WebSocket-Accept")
        self.protocol = self.headers.get("sec-websocket-protocol")


class WsServer:
    """A listening socket on loopback; accept() does the handshake."""

    def __init__(self, port=0, host="127.0.0.1", timeout=PATIENCE, tls=None):
        self.timeout = timeout
        self.tls = tls
        self.socket = socket.create_server((host, port))
        self.port = self.socket.getsockname()[1]
        self.connections = []

    def url(self, room=""):
        return f"ws://127.0.0.1:{self.port}/{room}"

    def _accept_socket(self, timeout, broken):
        """The next client's socket; BROKEN: its TLS handshake must fail."""
        self.socket.settimeout(self.timeout if timeout is None else timeout)
        try:
            sock, _ = self.socket.accept()
        except socket.timeout:
            raise Timeout("nobody connected") from None
        if not self.tls:
            return sock
        sock.settimeout(self.timeout)
        try:
            sock = self.tls.wrap_socket(sock, server_side=True)
            if broken and sock.recv(1):
                raise Refused(0, {}, b"the certificate was taken")
        except OSError:
            if not broken:
                raise
        return sock

    def accept_bytes(self, answer):
        """The next client's first bytes, whatever they are, get ANSWER; they are returned, and
        are none if it has gone already."""
        with self._accept_socket(None, False) as sock:
            sock.settimeout(self.timeout)
            try:
                said = sock.recv(1 << 16)
                sock.sendall(answer)
            except ConnectionError:
                said = b""
        return said

    def pending(self):
        """Whether somebody has connected."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def accept(self, timeout=None, protocol="rtcbus.1", status=None, fields="", answer=None,
               before=b"", broken=False):
        """The next client, its request line in .request. PROTOCOL is taken if it
        was offered. STATUS answers with that HTTP status, and FIELDS, and closes instead;
        ANSWER is sent in place of everything. BEFORE goes first. BROKEN: there is no TLS."""
        sock = self._accept_socket(timeout, broken)
        if broken:
            sock.close()
            return None
        connection = WsConnection(sock, self.timeout)
        self.connections.append(connection)
        connection.request = connection._read_head()
        if answer is not None:
            try:
                connection.send_raw(answer)
            except OSError:  # it has seen enough of it
                pass
            return connection
        if status:
            connection.send_raw(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n{fields}"
                                "Connection: close\r\n\r\n".encode())
            sock.close()
            return None
        if connection.headers.get("sec-websocket-version") != "13":  # RFC 6455 4.4
            connection.send_raw(b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\n"
                                b"Connection: close\r\n\r\n")
            sock.close()
            return None
        lines = [
            "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Accept: " + accept_key(connection.headers["sec-websocket-key"]),
        ]
        offered = connection.headers.get("sec-websocket-protocol", "")
        if protocol and protocol in [p.strip() for p in offered.split(",")]:
            connection.protocol = protocol
            lines.append("Sec-WebSocket-Protocol: " + protocol)
        lines += fields.splitlines()
        connection.send_raw(before + ("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection

    def close(self):
        for connection in self.connections:
            connection.socket.close()
        self.socket.close()
