#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A relay behind proxies: who a client is for its limits, who may say so, and nginx, HAProxy and
Caddy with the configurations of data/examples/relay."""

import importlib.util
import json
import os
import re
import signal
import socket
import ssl
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "network"))

import ctl  # noqa: E402
import harness  # noqa: E402
from fronts import authority, caddy, haproxy, nginx  # noqa: E402
from harness import Failed, Skip, check, equal, wait_for  # noqa: E402
from members import client, member, refused  # noqa: E402
from wsclient import PATIENCE, Refused  # noqa: E402

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PROXY, OTHER = "127.0.0.7", "127.0.0.8"  # where connections of the tests come from


def relay(world, trusted=PROXY, groups=None, **keys):
    return world.relay(config={"Relay": {"TrustedProxies": trusted, **keys}, **(groups or {})})


def addresses(daemon, room=""):
    return [row[2] for row in daemon.invoke("ListClients", "(s)", room)[0]]


def forwarded(*values):
    return [("X-Forwarded-For", value) for value in values]


# ---- who a client is ----------------------------------------------------------------


def test_forwarded_for(world):
    r = relay(world, PROXY + ";10.0.0.0/8")
    for headers, source, seen in (
            ((), PROXY, PROXY),
            (("192.0.2.1",), PROXY, "192.0.2.1"),
            (("203.0.113.9, 192.0.2.1",), PROXY, "192.0.2.1"),
            (("203.0.113.9", "192.0.2.1, 10.1.1.1"), PROXY, "192.0.2.1"),
            (("2001:db8::1",), PROXY, "2001:db8::1"),
            (("192.0.2.1",), OTHER, OTHER),
            (("nonsense",), PROXY, PROXY)):
        c = client(world, r, "/", headers=forwarded(*headers), source=source)
        equal(addresses(r), [seen], f"the address with {headers} from {source}")
        c.close()
        wait_for(lambda: not addresses(r), what="the client to be gone")


def test_shares(world):
    """Limits are for the client's own address, and the proxy has none."""
    r = relay(world, MaxConnectionsPerAddress="2")
    for i in range(4):
        for _ in range(2):
            client(world, r, headers=forwarded(f"192.0.2.{i}"), source=PROXY)
    refused(503, world, r, headers=forwarded("192.0.2.1"), source=PROXY)
    client(world, r, headers=forwarded("192.0.2.9"), source=PROXY)
    for _ in range(2):
        client(world, r, "/", source=PROXY)
    equal(sorted(set(addresses(r))), sorted([f"192.0.2.{i}" for i in (0, 1, 2, 3, 9)] + [PROXY]))


def test_shares_are_shown(world):
    """Whose share a client is counted in, and how much of that is taken."""
    r = relay(world, MaxConnectionsPerAddress="8")
    for address in "192.0.2.1", "2001:db8::1", "2001:db8::2", None:
        client(world, r, "/r", headers=forwarded(address) if address else (), source=PROXY)
    shown = json.loads(ctl.run(r, "relay", "--json")[1])["rooms"][0]["clients"]
    equal([c["share"] for c in shown], [
        {"key": "192.0.2.1", "taken": 1, "max": 8}, {"key": "2001:db8::/64", "taken": 2, "max": 8},
        {"key": "2001:db8::/64", "taken": 2, "max": 8}, None])
    text = ctl.run(r, "relay")[1]
    check("1 of 8" in text and "2001:db8::/64: 2 of 8" in text, text)


def test_reload(world):
    """A proxy that is not trusted any more is a client like others."""
    r = relay(world)
    r.configure({"Relay": {}})
    r.signal(signal.SIGHUP)
    wait_for(lambda: "read again" in r.stderr(), what="the reload")
    client(world, r, headers=forwarded("192.0.2.1"), source=PROXY)
    equal(addresses(r), [PROXY])


class Speaker(socket.socket):
    """A proxy that says HEADER first."""

    def __init__(self, port, header, source=PROXY):
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self.settimeout(PATIENCE)
        self.bind((source, 0))
        self.connect(("127.0.0.1", port))
        self.sendall(header)

    def ask(self):
        self.sendall(b"GET /r HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                     b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     b"Sec-WebSocket-Version: 13\r\n\r\n")
        return self.answer()

    def answer(self):
        """The status, or None if it is ended without one."""
        data = b""
        while b"\r\n\r\n" not in data:
            try:
                piece = self.recv(4096)
            except ConnectionError:
                return None
            if not piece:
                return None
            data += piece
        return int(data.split()[1])


def version2(address, command=1):
    return (SIGNATURE + bytes([0x20 | command, 0x11]) + struct.pack(">H", 12) +
            socket.inet_aton(address) + socket.inet_aton("198.51.100.1") +
            struct.pack(">HH", 4711, 443))


def test_proxy_protocol(world):
    r = relay(world, PROXY + ";10.0.0.0/8")
    for header, seen in ((b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n", "192.0.2.1"),
                         (b"PROXY TCP6 2001:db8::9 ::1 4711 443\r\n", "2001:db8::9"),
                         (b"PROXY UNKNOWN\r\n", PROXY), (version2("192.0.2.2"), "192.0.2.2"),
                         (version2("192.0.2.2", 0), PROXY), (b"", PROXY)):
        s = world.closing(Speaker(r.port, header))
        equal(s.ask(), 101, f"status after {header}")
        equal(addresses(r, "r"), [seen], f"the address after {header}")
        s.close()
        wait_for(lambda: not addresses(r, "r"), what="the client to be gone")
    slow = world.closing(Speaker(r.port, b""))
    for byte in b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n":
        slow.sendall(bytes([byte]))
    equal(slow.ask(), 101)
    equal(addresses(r, "r"), ["192.0.2.1"])


def test_proxy_and_field(world):
    """A chain: the one says where the next is, and that is one of ours, too."""
    r = relay(world, PROXY + ";10.0.0.0/8")
    for first, seen in ("10.1.1.1", "192.0.2.3"), ("192.0.2.4", "192.0.2.4"):
        s = world.closing(Speaker(r.port, version2(first)))
        s.sendall(b"GET /r HTTP/1.1\r\nX-Forwarded-For: 192.0.2.3\r\nHost: localhost\r\n"
                  b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                  b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        equal(s.answer(), 101)
        equal(addresses(r, "r"), [seen], "the address")
        s.close()
        wait_for(lambda: not addresses(r, "r"), what="the client to be gone")


def test_proxy_protocol_refused(world):
    """From others it is no HTTP, and what is wrong ends the connection."""
    r = relay(world, HandshakeTimeout="1s", MaxConnectionsPerAddress="2")
    whole = b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n"
    check(world.closing(Speaker(r.port, whole, OTHER)).ask() in (400, None), "let in")
    for header in (b"PROXY TCP4 nonsense\r\n", version2("192.0.2.1")[:14] + b"\xff\xff", whole[:20]):
        check(world.closing(Speaker(r.port, header)).answer() in (400, None), f"{header} is taken")
    equal(world.closing(Speaker(r.port, whole + whole)).ask(), 400)
    for _ in range(2):
        equal(world.closing(Speaker(r.port, whole)).ask(), 101)
    equal(world.closing(Speaker(r.port, whole)).ask(), None)
    equal(world.closing(Speaker(r.port, version2("192.0.2.2"))).ask(), 101)


def test_proxy_protocol_before_tls(world):
    made = authority(world)
    certificate, key = made.certificate("relay", ["127.0.0.1"])
    r = relay(world, groups={"Tls": {"Listen": "127.0.0.1:0", "Certificate": certificate, "Key": key}})
    port = int(r.get("TlsListening")[0].rpartition(":")[2])
    context = ssl.create_default_context(cafile=made.file)
    for header, seen in (b"", PROXY), (version2("192.0.2.5"), "192.0.2.5"):
        raw = world.closing(Speaker(port, header))
        s = world.closing(context.wrap_socket(raw, server_hostname="127.0.0.1"))
        equal(Speaker.ask(s_asks(s)), 101)
        equal(addresses(r, "r"), [seen])
        s.close()
        wait_for(lambda: not addresses(r, "r"), what="the client to be gone")


def s_asks(s):
    """A TLS socket that can do what a Speaker can."""
    s.answer = lambda: Speaker.answer(s)
    return s


# ---- real ones ----------------------------------------------------------------------


def tried(front):
    """What every front has to bring through."""
    origin = f"https://127.0.0.1:{front.port}"
    far = front.member("/rtc/kitchen?name=far", origin=origin,
                      headers=forwarded("203.0.113.1"), source=OTHER)
    near = member(front.world, front.relay, "/kitchen")
    for size in 1, 60000:
        near.send_json({"type": "x", "to": "far", "data": "x" * size})
        equal(len(far.expect("x")["data"]), size)
        far.send_json({"type": "y", "data": "y" * size})
        equal(len(near.expect("y")["data"]), size)
    # What the client has claimed does not count; the front says where it came from.
    equal(addresses(front.relay, "kitchen"), [OTHER, "127.0.0.1"])
    try:
        front.member("/rtc/kitchen", origin="https://evil.example")
        raise Failed("a page of elsewhere is let in")
    except Refused as refusal:
        equal(refusal.status, 403, "status for a page of elsewhere")
    for path, begin in ("/rtc/", b"<!doctype html>"), ("/rtc/a/b", b"<!doctype html>"):
        head, _, page = front.get(path)
        check(b" 200" in head.split(b"\r\n")[0], head)
        check(page.lower().lstrip().find(begin) >= 0, f"{path} is no page")
        for asset in re.findall(rb'(?:src|href)="\./([^"]+)"', page)[:3]:
            head = front.get(os.path.dirname(path) + "/" + asset.decode())[0]
            check(b" 200" in head.split(b"\r\n")[0], f"{asset} of {path}: {head}")


def test_nginx(world):
    tried(nginx(world))


def test_haproxy(world):
    tried(haproxy(world))


def test_http2(world):
    """A WebSocket over HTTP/2 (RFC 8441) to HAProxy, which makes a plain one of it for the relay."""
    if not importlib.util.find_spec("h2"):
        raise Skip("python3-h2 is not installed")
    import h2.config
    import h2.connection
    import h2.events
    import h2.settings
    front = haproxy(world)
    raw = socket.create_connection(("127.0.0.1", front.port), PATIENCE)
    s = world.closing(front.context("h2").wrap_socket(raw))
    equal(s.selected_alpn_protocol(), "h2", "ALPN")
    h2c = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    h2c.initiate_connection()
    s.sendall(h2c.data_to_send())

    def events():
        data = s.recv(1 << 16)
        check(data, "the front has ended the connection")
        found = h2c.receive_data(data)
        s.sendall(h2c.data_to_send())
        return found

    while not h2c.remote_settings.enable_connect_protocol:
        events()
    stream = h2c.get_next_available_stream_id()
    h2c.send_headers(stream, [
        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"),
        (":path", "/rtc/kitchen?name=h2"), (":authority", f"127.0.0.1:{front.port}"),
        ("sec-websocket-version", "13"), ("origin", f"https://127.0.0.1:{front.port}")])
    s.sendall(h2c.data_to_send())
    seen = []
    while not any(isinstance(e, h2.events.ResponseReceived) for e in seen):
        seen += events()
    equal(dict(next(e for e in seen if isinstance(e, h2.events.ResponseReceived)).headers)[":status"],
          "200", "status")
    near = member(world, front.relay, "/kitchen")
    equal([peer["name"] for peer in near.welcome["peers"]], ["h2"])
    text = b'{"type":"over-h2"}'
    h2c.send_data(stream, bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
    s.sendall(h2c.data_to_send())
    near.expect("over-h2")
    near.send_json({"type": "back", "to": "h2"})
    while not any(isinstance(e, h2.events.DataReceived) and b"back" in e.data for e in seen):
        seen += events()


def test_caddy(world):
    tried(caddy(world))


harness.main([
    test_forwarded_for,
    test_shares,
    test_shares_are_shown,
    test_reload,
    test_proxy_protocol,
    test_proxy_and_field,
    test_proxy_protocol_refused,
    test_proxy_protocol_before_tls,
    test_nginx,
    test_haproxy,
    test_http2,
    test_caddy,
])
