#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What stands between a peer and its relay, or in the relay's place: proxies, captive
portals, other servers, and what a peer makes of their answers. Whatever they say once
must not cost the peer its name for good, and what is wrong is said in one sentence."""

import datetime
import os
import re
import signal
import ssl
import sys
import time
from urllib.parse import parse_qs, urlsplit

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "network"))

import harness  # noqa: E402
from harness import Skip, check, equal, note, wait_for  # noqa: E402
from wsclient import Closed, WsServer  # noqa: E402

WELCOME = {"type": "welcome", "id": "me", "room": "", "peers": [], "iceServers": []}
BROKEN_OFF = b""


class Front:
    """A server that the test plays, and the peer that is sent to it."""

    def __init__(self, world, name="peer", url=None, **kwargs):
        self.server = world.closing(WsServer())
        self.peer = world.peer(name, url or self.server.url(), connected=False, **kwargs)

    def answer(self, text, close=True):
        """Reads the next request and answers TEXT; returns the request's fields."""
        connection = self.server.accept(answer=text.encode() if isinstance(text, str) else text)
        if close:
            connection.socket.close()
        target = urlsplit(connection.request.split()[1])
        connection.headers["name"] = parse_qs(target.query).get("name", [None])[0]
        return connection.headers

    def refuse(self, status, body="", fields=""):
        return self.answer(f"HTTP/1.1 {status}\r\nContent-Length: {len(body.encode())}\r\n{fields}"
                           f"\r\n{body}")

    def welcome(self):
        """The next attempt comes through."""
        client = self.server.accept()
        equal(client.protocol, "rtcbus.1", "the subprotocol")
        client.send_json(WELCOME)
        self.peer.wait_connected()
        equal(self.peer.get("RelayError"), "", "RelayError")
        return client

    def error(self, *parts):
        """Waits until RelayError has PARTS; it must stand in the journal as well."""
        def there():
            text = self.peer.get("RelayError")
            return text if all(re.search(part, text) for part in parts) else None

        try:
            text = wait_for(there, what=f"{parts} in RelayError")
        except harness.Failed:
            note("RelayError: " + self.peer.get("RelayError"))
            raise
        check(text in self.peer.stderr(), f"the journal does not have: {text}")
        check("\n" not in text and len(text) < 600, text)
        note(text)
        return text


# ---- one odd answer -------------------------------------------------------------


def test_odd_answers_cost_no_name(world):
    """Whatever a front says, the next attempt asks for the same."""
    for number, status in enumerate((
            "521 Web Server Is Down", "500 Internal Server Error", "408 Request Timeout",
            "200 OK", "502 Bad Gateway", "404 Not Found", "426 Upgrade Required", "204 No Content",
            "401 Unauthorized", "403 Forbidden", "418 Teapot", "301 Moved Permanently")):
        front = Front(world, f"peer{number}")
        equal(front.refuse(status)["sec-websocket-protocol"], "rtcbus.1", "offered at first")
        front.error(status.split()[0])
        front.welcome()


def test_unknown_subprotocol(world):
    """After 400 one attempt offers none, and the one after that offers it again."""
    front = Front(world)
    front.refuse("400 Bad Request")
    check("sec-websocket-protocol" not in front.refuse("400 Bad Request"), "offered after 400")
    equal(front.refuse("400 Bad Request")["sec-websocket-protocol"], "rtcbus.1", "offered again")
    client = front.server.accept()
    equal(client.protocol, None, "the subprotocol")
    front.peer.wait_connected()
    client.close()
    front.welcome()


def test_redirect(world):
    front = Front(world)
    elsewhere = world.closing(WsServer())
    location = f"http://user:topsecret@127.0.0.1:{elsewhere.port}/room?token=topsecret"
    front.refuse("307 Temporary Redirect", fields=f"Location: {location}\r\n")
    text = front.error(rf"http://user:\*\*\*@127\.0\.0\.1:{elsewhere.port}/room\?token=\*\*\*",
                       "not followed", "URL=")
    check("topsecret" not in text, text)
    equal(front.refuse("301 Moved", fields="Location: /else\r\n")["name"], "peer", "name")
    front.error("/else")
    front.refuse("302 Found")
    front.error("302")
    front.welcome()
    check(not elsewhere.pending(), "the redirect was followed")


# ---- words of the relay ------------------------------------------------------------


def test_words_of_a_refusal(world):
    long = "x" * 3000
    for number, (status, body, wanted, not_there) in enumerate((
            ("401 Unauthorized", "Tuesdays only\nnot now", "“Tuesdays only”", "not now"),
            ("403 Forbidden", "  no  \r\n", "“no”", "  no"),
            ("503 Service Unavailable", "full", "“full”", "\n"),
            ("403 Forbidden", f"\x1b[31m red \u202e {long}", "\ufffd\\[31m red \ufffd xxx",
             "x" * 250),
            ("403 Forbidden", "<html><body>a page</body></html>", "403", "a page"))):
        front = Front(world, f"peer{number}")
        front.refuse(status, body)
        text = front.error(status, wanted)
        check(not_there not in text, text)
        check("\x1b" not in front.peer.stderr(), "the journal has it raw")
        front.welcome()


def test_words_that_break_off(world):
    front = Front(world)
    front.answer("HTTP/1.1 429 Slow\r\nContent-Length: 5000\r\n\r\nshort")
    front.error("429", "“short”")
    front.answer("HTTP/1.1 429 Slow\r\nContent-Length: 5000\r\n\r\nslow", close=False)
    front.error("429", "“slow”")
    front.welcome()


def test_words_about_a_name(world):
    front = Front(world, config={"Peer": {"Name": "box"}})
    front.refuse("409 Conflict", "that name is mine")
    front.error("box", "Name=", "“that name is mine”")
    front.welcome()


def test_retry_after(world):
    """It is heeded, and bounded."""
    front = Front(world)
    started = time.monotonic()
    front.refuse("503 Busy", fields="Retry-After: 3\r\n")
    front.refuse("503 Busy", fields="Retry-After: 99999999999999999999999\r\n")
    took = time.monotonic() - started
    check(took > 2.9, f"the second attempt came after {took:.1f} s")
    match = wait_for(lambda: re.search(r"trying again in (\d+)\.\d s\n.*\Z",
                                       front.peer.stderr().rstrip("\n") + "\n"), what="the line")
    check(int(match.group(1)) <= 60, match.group(0))


# ---- no relay at all -----------------------------------------------------------------


def test_other_servers(world):
    for number, (answer, parts) in enumerate((
            (b"220 mail.example ESMTP\r\n", ["no HTTP", "URL="]),
            (b"\x15\x03\x01\x00\x02\x02\x46", ["speaks TLS", "wss://"]),
            (BROKEN_OFF, ["without an answer"]),
            (b"HTTP/1.1 ", ["no HTTP"]),
            (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000, ["no HTTP"]),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", ["no upgrade"]),
            (b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
             b"Sec-WebSocket-Accept: wrong\r\n\r\n", ["Sec-WebSocket-Accept"]))):
        front = Front(world, f"peer{number}")
        front.answer(answer)
        front.error(*parts)
        front.welcome()


def test_what_was_not_offered(world):
    for number, (field, part) in enumerate((
            ("Sec-WebSocket-Extensions: permessage-deflate", "extension"),
            ("Sec-WebSocket-Protocol: chat", "subprotocol"))):
        front = Front(world, f"peer{number}")
        front.server.accept(fields=field + "\r\n", protocol=None)
        front.error(part)
        front.welcome()


def test_more_to_come(world):
    """Informational answers before the real one."""
    front = Front(world)
    front.server.accept(before=b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n").send_json(WELCOME)
    front.peer.wait_connected()


def test_silent_front(world):
    front = Front(world)
    front.answer("", close=False)
    front.error("says nothing for 15 s")
    front.welcome()


def test_closed_after_the_handshake(world):
    """It gets slower, and does not fill the journal."""
    front = Front(world)
    times = []
    for _ in range(4):
        front.server.accept().socket.close()
        times.append(time.monotonic())
    check(times[3] - times[2] > times[1] - times[0], f"the pauses: {times}")
    front.error("broke off")
    check(front.peer.stderr().count("broke off") == 1, front.peer.stderr())


def test_nothing_there(world):
    port = harness.free_port()
    front = Front(world, url=f"ws://127.0.0.1:{port}/")
    front.error(f"nothing listens at 127.0.0.1 port {port}")
    front = Front(world, "namesake", url="ws://no-such-host.invalid/")
    front.error("no-such-host.invalid")
    front = Front(world, "portless", url="ws://127.255.255.254/")
    front.error("port 80", "URL= names no port", "41337")


def test_ipv6_or_ipv4(world):
    """localhost has both addresses, and the relay one."""
    front = Front(world)
    peer = world.peer("other", f"ws://localhost:{front.server.port}/", connected=False)
    front.welcome()
    front.server.accept().send_json(WELCOME)
    peer.wait_connected()


# ---- subprotocols ---------------------------------------------------------------------


def test_echoed_subprotocol(world):
    """A server that selects whatever is offered and says no welcome is a foreign relay."""
    front = Front(world)
    client = front.server.accept()
    equal(client.protocol, "rtcbus.1", "the subprotocol")
    started = time.monotonic()
    front.peer.wait_connected()
    note(f"connected after {time.monotonic() - started:.2f} s")
    client.send_json({"type": "call", "channel_id": "x"})
    offer = client.expect("offer")
    check("to" not in offer, "an anonymous remote has no id")
    client.close()
    front.welcome()


def test_call_before_the_two_seconds(world):
    """A peer's frame comes first, so it is no relay of ours, and the frame is not lost."""
    front = Front(world)
    client = front.server.accept()
    client.send_json({"type": "call", "channel_id": "x"})
    client.expect("offer")
    equal(front.peer.get("RelayState"), "connected", "RelayState")


def test_late_welcome(world):
    """A relay that is slow is one of ours after all."""
    front = Front(world)
    client = front.server.accept()
    front.peer.wait_connected()
    client.send_json(dict(WELCOME, peers=[{"id": "other", "name": "other"}]))
    front.peer.wait_peer("other")


# ---- another URL -----------------------------------------------------------------------


def next_of(server, text):
    """The next client with TEXT in its request; one that was stopped meanwhile says nothing."""
    while True:
        try:
            client = server.accept()
        except Closed:
            continue
        if text in client.request:
            return client


def test_clean_slate(world):
    """Nothing that one relay has taught us holds for another, and its faults are told anew."""
    front = Front(world)
    front.refuse("400 Bad Request", fields="Retry-After: 50\r\n")
    other = Front(world, "unused")
    front.peer.configure(dict(front.peer.config, Relay={"URL": other.server.url("x")}))
    other.peer.stop()
    started = time.monotonic()
    front.peer.signal(signal.SIGHUP)
    client = next_of(other.server, "name=peer")
    took = time.monotonic() - started
    check(took < 45, f"it came after {took:.1f} s")  # what the first asked for is 50
    equal(client.protocol, "rtcbus.1", "the subprotocol")
    ports = harness.free_port(), harness.free_port()
    for port in ports:
        front.peer.configure(dict(front.peer.config, Relay={"URL": f"ws://127.0.0.1:{port}/"}))
        front.peer.signal(signal.SIGHUP)
        front.error(f"port {port}")


def test_secrets_in_a_url(world):
    front = Front(world, "keeper", url="ws://127.0.0.1:9/room?token=hunter2&name=fine",
                  arguments=["--verbose"])
    front.error("port 9")
    equal(front.peer.get("RelayUrl"), "ws://127.0.0.1:9/room?token=***&name=fine", "RelayUrl")
    for number, url in enumerate(("ws://me:hunter2@127.0.0.1:9/", "http://x/?token=hunter2",
                                  "ws://?token=hunter2")):
        peer = world.peer(f"bad{number}", url, wait=False)
        peer.expect_exit()
        check("hunter2" not in peer.stderr() and "URL=" in peer.stderr(), peer.stderr())
    front.peer.stop()
    check("hunter2" not in front.peer.stderr(), front.peer.stderr())


# ---- certificates ------------------------------------------------------------------------


def tls_front(world, name, days, hosts, trusted=True):
    """A front with TLS and a certificate that is valid for DAYS (from, to)."""
    try:
        from authority import DAY, Authority
    except ImportError:
        raise Skip("python3-cryptography is not installed") from None
    authority = Authority(world, name + "-authority")
    crt, key = authority.certificate(name, hosts, tuple(day * DAY for day in days))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    server = world.closing(WsServer(tls=context))
    wrapper = ()
    if trusted:
        wrapper = ("unshare", "-m", "sh", "-c",
                   f"mount --bind {authority.file} /etc/ssl/certs/ca-certificates.crt && "
                   'exec "$@"', "sh")
    front = Front(world, name, url=f"wss://localhost:{server.port}/", wrapper=wrapper)
    front.server.close()
    front.server = server
    return front


def test_certificates(world):
    """What is wrong with one is said in words; a good one is taken."""
    if os.geteuid() != 0:
        raise Skip("only root makes an authority known to one program")
    today = datetime.date.today()
    for name, days, hosts, parts in (
            ("expired", (-3, -1), ["localhost"], ["has expired", "our clock says", str(today.year)]),
            ("early", (1, 3), ["localhost"], ["not valid before", "our clock says", "set the clock"]),
            ("elsewhere", (-1, 1), ["relay.example"], ["another host than localhost"])):
        front = tls_front(world, name, days, hosts)
        front.server.accept(broken=True)
        check("authority" not in front.error(*parts), "the authority is blamed")
        front.peer.stop()
    front = tls_front(world, "good", (-1, 1), ["localhost"])
    front.welcome()


def test_unknown_authority(world):
    front = tls_front(world, "stranger", (-1, 1), ["localhost"], trusted=False)
    front.server.accept(broken=True)
    front.error("unknown here", "update-ca-certificates")


def test_wss_without_tls(world):
    front = Front(world)
    port = front.server.port
    front.peer.configure(dict(front.peer.config, Relay={"URL": f"wss://127.0.0.1:{port}/"}))
    front.peer.signal(signal.SIGHUP)
    # The attempt before may be on its way.
    while not front.server.accept_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n").startswith(b"\x16"):
        pass
    front.error(f"no TLS with 127.0.0.1 port {port}", "ws://")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
