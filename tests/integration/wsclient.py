# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A WebSocket client (RFC 6455) for hand-made peers.

It is written out here because the tests want to do what a decent library
refuses: bad frames, bad UTF-8, no masking, half a frame. It blocks, with a
deadline on every call. Pings are answered unless auto_pong is False.
"""

import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import time

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


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


class WsClient:
    def __init__(self, port, path="/", host="127.0.0.1", protocols=(), origin=None, headers=(),
                 timeout=5, tls=None, receive_buffer=None):
        self.timeout = timeout
        self.auto_pong = True
        self.closed = None
        self._data = b""
        self._parts = None
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        if tls:
            self.socket = (tls if isinstance(tls, ssl.SSLContext) else
                           ssl._create_unverified_context()).wrap_socket(self.socket)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
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
        deadline = time.monotonic() + self.timeout
        while b"\r\n\r\n" not in self._data:
            self._read(deadline)
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        status = int(first.split()[1])
        self.headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in rest)
        }
        if status != 101:
            raise Refused(status, self.headers, self._data)
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        if self.headers.get("sec-websocket-accept") != accept:
            raise Refused(status, self.headers, b"wrong Sec-WebSocket-Accept")
        self.protocol = self.headers.get("sec-websocket-protocol")

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
        if len(data) < at + size:
            return None
        self._data = data[at + size:]
        return bool(fin), opcode, data[at:at + size]

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

    def recv_nothing(self, seconds=0.3):
        """True if no message comes for so long (a peer that must not be told)."""
        try:
            self.recv(seconds)
        except Timeout:
            return True
        return False

    def send_frame(self, opcode, payload=b"", fin=True, mask=True):
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
            stream = (key * (len(payload) // 4 + 1))[:len(payload)]
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(
                len(payload), "big")
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
