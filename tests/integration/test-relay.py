#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""rtcbus-relay itself, with clients that do everything a client should not."""

import json
import os
import random
import re
import signal
import socket
import struct
import time

import harness
from harness import Skip, check, equal, expect_error, wait_for
from members import client, member, refused
from wsclient import BINARY, CLOSE, PING, PONG, TEXT, Closed, WsClient

ID = re.compile(r"^[0-9a-f]{32}$")


def settings(**keys):
    return {"Relay": keys}


def memory(kib):
    """A bound in KiB; AddressSanitizer keeps what was freed for a while."""
    with open(harness.program("rtcbus-relay"), "rb") as f:
        return kib * 8 if b"__asan_init" in f.read() else kib


def joined(relay, count):
    wait_for(lambda: relay.get("Connections") == count, 5, f"{count} connections")


# ---- rooms and addressing ------------------------------------------------------


def test_foreign(world):
    """Clients that know nothing of us: everybody but the sender gets each frame."""
    relay = world.relay()
    a, b = client(world, relay), client(world, relay, protocols=["echo-protocol"])
    c = client(world, relay, "/elsewhere")
    equal(a.protocol, None, "subprotocol of a client that offers none")
    equal(b.protocol, "echo-protocol", "subprotocol of a client that offers an unknown one")
    joined(relay, 3)
    a.send_text('{"type":"call","channel_id":"x"}')
    frame = b.recv_json()
    equal(frame["channel_id"], "x")
    check(ID.match(frame["from"]), "no id in from")
    b.send_json({"type": "offer", "to": frame["from"]})
    equal(a.recv_json()["type"], "offer")
    check(a.recv_nothing() and c.recv_nothing(0.01), "a frame that was for others")
    equal(relay.get("FramesForwarded"), 2, "FramesForwarded")
    equal(relay.get("FramesDropped"), 0, "FramesDropped")


def test_subprotocol(world):
    relay = world.relay()
    a = member(world, relay, "/greenhouse?name=kitchen")
    equal(a.protocol, "rtcbus.1", "subprotocol")
    equal({k: a.welcome[k] for k in ("room", "peers", "iceServers")},
          {"room": "greenhouse", "peers": [], "iceServers": []})
    foreign = client(world, relay, "/greenhouse")
    seen = a.expect("joined")
    equal(seen["name"], "")
    b = member(world, relay, "/greenhouse?name=k%C3%BCche+2%22")
    equal(b.welcome["peers"],
          [{"id": a.id, "name": "kitchen"}, {"id": seen["id"], "name": ""}])
    equal(a.recv_json(), {"type": "joined", "id": b.id, "name": 'küche 2"'})
    check("from" not in a.welcome and "from" not in seen, "a from of nobody")
    check(foreign.recv_nothing(), "a relay's frame for a client that cannot know it")
    b.close()
    equal(a.recv_json(), {"type": "left", "id": b.id, "name": 'küche 2"'})
    foreign.socket.close()  # without goodbye
    equal(a.recv_json(), {"type": "left", "id": seen["id"], "name": ""})
    a.send_json({"to": "nobody"})
    error = a.recv_json()
    equal((error["type"], error["code"], error["to"]), ("error", "no-such-peer", "nobody"))
    equal(relay.get("FramesDropped"), 1, "FramesDropped")


def test_names(world):
    relay = world.relay()
    a = member(world, relay, "/?name=a")
    b = member(world, relay, "/?name=b")
    far = member(world, relay, "/far?name=a")
    a.expect("joined")
    refused(409, world, relay, "/?name=a")
    refused(400, world, relay, "/?name=" + a.id)
    refused(400, world, relay, "/?name=" + "x" * 65)
    refused(400, world, relay, "/?name=%0a")
    refused(400, world, relay, "/?name=%ff")
    refused(400, world, relay, "/" + "r" * 129)
    refused(400, world, relay, "/%")
    b.send_json({"to": "a", "n": 1})
    b.send_json({"to": a.id, "n": 2})
    equal([a.recv_json() for _ in range(2)],
          [{"from": b.id, "to": "a", "n": 1}, {"from": b.id, "to": a.id, "n": 2}])
    b.send_json({"to": far.id})
    equal(b.expect("error")["code"], "no-such-peer")
    check(far.recv_nothing(), "a frame from another room")
    a.close()
    b.expect("left")
    again = member(world, relay, "/?name=a")
    check(again.id != a.id, "an id was given twice")


def test_forged_from(world):
    relay = world.relay()
    a, b = member(world, relay), client(world, relay)
    true = a.expect("joined")["id"]
    deep = "[" * 60 + "]" * 60
    for frame in (
        '{"from":"x"}',
        '{"from":"x","from":"y","a":1}',
        '{"a":1,"\\u0066\\u0072\\u006f\\u006D":"x"}',
        '{"from\\u0000":"x"}',
        '{"a":%s,"from":"x"}' % deep,
        '{"from":{"from":["from"]},"a":{"from":"inner"}}',
        "{%s}" % ",".join('"from":%d' % i for i in range(300)),
        '\r\n{\t"from" : null } ',
    ):
        b.send_text(frame)
        text = a.recv()
        members = []
        json.loads(text, object_pairs_hook=lambda pairs: members.append(pairs) or pairs)
        names = [name.split("\0")[0] for name, _ in members[-1]]
        equal(names.count("from"), 1, f"from members in {text[:80]}")
        equal(dict(members[-1])["from"], true, "from")
    b.send_text('{"z":1.50e+1,  "a" :"\\/\\u00e4","from":1, "Z":[ ]}')
    equal(a.recv(), '{"from":"%s","z":1.50e+1,  "a" :"\\/\\u00e4", "Z":[ ]}' % true)


def test_order(world):
    relay = world.relay()
    a, b = client(world, relay), member(world, relay)
    for i in range(3000):
        a.send_text('{"n":%d,"pad":"%s"}' % (i, "x" * (i % 700)))
    a.close()  # what was accepted is still delivered
    equal([b.recv_json()["n"] for _ in range(3000)], list(range(3000)), "order")
    equal(b.recv_json()["type"], "left")


# ---- frames that are not what they should be -----------------------------------


def test_bad_frames(world):
    relay = world.relay(config=settings(MaxBadFrames=3))
    a, b = member(world, relay), member(world, relay)
    for bad in ("[]", "nothing", '{"to":1}'):
        b.send_text(bad)
        equal(b.expect("error")["code"], "bad-frame")
    equal(relay.get("FramesDropped"), 3, "FramesDropped")
    b.send_text('{"good":1}')
    equal(a.expect(None)["good"], 1)
    b.send_text("{" * 100)
    equal(b.close_code(), 1008, "close code")
    a.expect("left")
    c = client(world, relay)
    for _ in range(10):
        c.send_text("")
    equal(c.close_code(), 1008, "close code")


def test_close_codes(world):
    relay = world.relay(config=settings(MaxMessageSize="4K"))
    a = member(world, relay)

    def closes(code, action, **kwargs):
        b = client(world, relay, **kwargs)
        action(b)
        equal(b.close_code(), code, "close code")

    def fragments(b):
        b.send_frame(TEXT, '{"a":"', fin=False)
        for _ in range(6):
            b.send_frame(0, "x" * 1000, fin=False)

    closes(1003, lambda b: b.send_binary(b"{}"))
    closes(1003, lambda b: b.send_frame(BINARY, b"{", fin=False))
    closes(1007, lambda b: b.send_frame(TEXT, b'{"a":"\xc3\x28"}'))
    closes(1007, lambda b: b.send_frame(TEXT, b"\xff"))
    closes(1009, lambda b: b.send_text('{"a":"%s"}' % ("x" * 4096)))
    closes(1009, fragments)
    # Announced but never sent: it is refused at once.
    closes(1009, lambda b: b.send_raw(b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"abcd" + b"x"))
    c = member(world, relay)
    c.send_text(" " * 5000)
    equal(c.expect("error")["code"], "too-large")
    equal(c.close_code(), 1009, "close code")
    # Just small enough, and one more connection is none the worse for it all.
    d = client(world, relay)
    d.send_text('{"a":"%s"}' % ("x" * (4096 - 8)))
    equal(len(a.expect(None)["a"]), 4096 - 8)
    # Reserved opcodes and bits, no mask, nothing to continue, half a ping.
    for raw in (b"\x83\x80abcd", b"\xc1\x80abcd", b"\x81\x02{}", b"\x80\x80abcd", b"\x09\x80abcd"):
        b = client(world, relay)
        b.send_raw(raw)
        try:
            while True:
                b.recv()
        except Closed as closed:
            equal(closed.code, 1002, "close code")
        b.socket.close()
    joined(relay, 2)


def test_fragments(world):
    relay = world.relay()
    a, b = client(world, relay), client(world, relay)
    joined(relay, 2)
    sender = relay.invoke("ListClients", "(s)", "")[0][0][0]
    text = '{"a":"%s"}' % ("ä€😀" * 3000)
    data = text.encode()
    for size in (1, 7, 2047, 2048, 2049, 5000, 30000):
        chunks = [data[i:i + size] for i in range(0, len(data), size)]
        if len(chunks) > 3000:
            chunks = chunks[:3000] + [b"".join(chunks[3000:])]
        for i, chunk in enumerate(chunks):
            a.send_frame(0 if i else TEXT, chunk, fin=i == len(chunks) - 1)
            if i == 1:
                a.send_frame(PING, b"between")
        equal(json.loads(b.recv()), {"from": sender, **json.loads(text)})
        if len(chunks) > 1:
            equal(a.recv_frame()[1:], (PONG, b"between"))
    a.send_frame(TEXT, '{"b":1}', fin=False)
    a.send_frame(0, "", fin=True)
    equal(b.recv_json()["b"], 1, "message with an empty last fragment")


def test_bytewise(world):
    """Handshake and frames that come one byte at a time, or all at once."""
    relay = world.relay()
    a = member(world, relay)
    request = (b"GET /?name=slow HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    frame = b'\x81\x87\0\0\0\0{"a":1}'
    with socket.create_connection(("127.0.0.1", relay.port)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request + frame:
            s.sendall(bytes([byte]))
        equal(a.expect("joined")["name"], "slow")
        equal(a.recv_json()["a"], 1)
    a.expect("left")
    with socket.create_connection(("127.0.0.1", relay.port)) as s:
        s.sendall(request + frame * 200)
        a.expect("joined")
        for _ in range(200):
            equal(a.recv_json()["a"], 1)


# ---- HTTP ----------------------------------------------------------------------


def http(relay, request, timeout=harness.PATIENCE):
    with socket.create_connection((relay.host, relay.port), timeout) as s:
        s.sendall(request)
        data = b""
        while chunk := s.recv(65536):
            data += chunk
        return data


def test_http(world):
    relay = world.relay()
    answer = http(relay, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    check(answer.startswith(b"HTTP/1.1 ") and b"rtcbus" in answer, answer)
    check(http(relay, b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"\r\n\r\n"), "a body for HEAD")
    for request, status in (
        (b"POST / HTTP/1.1\r\n\r\n", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", 426),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000, 431),
    ):
        answer = http(relay, request)
        check(answer.startswith(b"HTTP/1.1 %d " % status), f"{answer[:40]} for {request[:40]}")
    equal(relay.get("Connections"), 0)


def test_origins(world):
    relay = world.relay(config=settings(AllowedOrigins="https://a.example;https://b.example:8443"))
    client(world, relay)
    client(world, relay, origin="https://a.example")
    refused(403, world, relay, origin="https://evil.example")
    refused(403, world, relay, origin="https://b.example")
    refused(403, world, relay, origin="null")
    check("403" in relay.stderr(), "the refusal is not logged")
    client(world, relay, origin="docker://172.17.0.2")


def test_same_origin(world):
    """By default the relay's own pages may connect, and of the web nothing else."""
    relay = world.relay(config=settings(ServerNames="relay.example"))
    own = f"127.0.0.1:{relay.port}"

    def ask(host, origin):
        with socket.create_connection((relay.host, relay.port), harness.PATIENCE) as s:
            s.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n"
                      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
            return int(s.recv(4096).split()[1])

    for host, origin, status in (
        (own, f"http://{own}", 101), (own, "docker://172.17.0.2", 101),
        (own, "https://bank.example", 403), (own, "null", 403),
        ("evil.example", "http://evil.example", 403), ("evil.example", "docker://x", 101),
        ("relay.example", "https://relay.example", 101),
        ("box.local:41337", "http://box.local:41337", 101),
        (socket.gethostname(), f"http://{socket.gethostname()}", 101),
    ):
        equal(ask(host, origin), status, f"status for a page of {origin} at {host}")


def test_misdirected_page(world):
    """A page asks why it has got no WebSocket: a browser does not tell."""
    pages = {"Web": {"Directory": os.path.join(harness.TOP_SRCDIR, "data", "web")}}
    relay = world.relay(config=settings(ServerNames="relay.example") | pages)

    def ask(host, fields="Authorization: Bearer \r\n"):
        with socket.create_connection((relay.host, relay.port), harness.PATIENCE) as s:
            s.sendall(f"GET /room HTTP/1.1\r\nHost: {host}\r\n{fields}Connection: close\r\n\r\n".encode())
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    for host, status in (("relay.example", 200), ("127.0.0.1", 200), ("other.example", 421)):
        equal(int(ask(host).split()[1]), status, f"status for a page of {host}")
    check("ServerNames=" in ask("other.example"), "what is to be done is not said")
    equal(int(ask("other.example", "").split()[1]), 200, "status of the page itself")


# ---- limits --------------------------------------------------------------------


def test_connection_limits(world):
    relay = world.relay(config=settings(MaxConnections=2, MaxRooms=1))
    a = client(world, relay)
    refused(503, world, relay, "/second-room")
    b = client(world, relay)
    refusal = refused(503, world, relay)
    check("retry-after" in refusal.headers, "no Retry-After")
    a.close()
    b.close()
    joined(relay, 0)
    client(world, relay, "/second-room")


def test_handshake_timeout(world):
    relay = world.relay(config=settings(HandshakeTimeout="300ms"))
    before = relay.fds()
    silent = [socket.create_connection(("127.0.0.1", relay.port), harness.PATIENCE)
              for _ in range(5)]
    for s in silent:
        try:
            s.sendall(b"GET / HT")
            equal(s.recv(100), b"", "what a silent client gets")
        except ConnectionError:
            pass
        s.close()
    wait_for(lambda: relay.fds() <= before, 5, "the sockets to be closed")


def test_rate(world):
    relay = world.relay(config=settings(FramesPerSecond=50))
    a, b = member(world, relay), member(world, relay)
    a.expect("joined")
    started = time.monotonic()
    for i in range(500):
        b.send_text('{"n":%d}' % i)
    equal(b.expect("error")["code"], "rate-limited")
    check(relay.get("FramesDropped") > 0, "nothing was dropped")
    wait_for(lambda: relay.get("FramesDropped") + relay.get("FramesForwarded") == 500, 5)
    forwarded = relay.get("FramesForwarded")
    most = 100 + 50 * (time.monotonic() - started)
    check(50 <= forwarded <= most, f"{forwarded} of 500 went through, where {most:.0f} may")
    equal([a.recv_json()["n"] for _ in range(50)], list(range(50)), "the first burst")
    told = 0

    def told_again():
        nonlocal told
        for _ in range(20):
            b.send_text("{}")
        while b.pending():
            told += b.recv_json()["code"] == "rate-limited"
        return told >= 2

    wait_for(told_again, what="who goes on to be told again")


def test_slow_reader(world):
    """It loses its own connection, nobody else anything, and memory stays bounded."""
    relay = world.relay(config=settings(MaxQueue="256K"))
    slow = client(world, relay, receive_buffer=4096)
    sender = client(world, relay)
    joined(relay, 2)
    good = member(world, relay)
    start = relay.rss_kib()
    frame = '{"pad":"%s","n":%%d}' % ("x" * 50000)
    sent = 0
    left = False
    while not left and sent < 2000:
        sender.send_text(frame % sent)
        received = good.recv_json()
        if "n" not in received:
            left = received["type"] == "left" or left
            received = good.recv_json()
        equal(received["n"], sent, "number of a frame")
        sent += 1
    check(left, "the slow reader was never disconnected")
    sender.send_text(frame % 0)
    good.expect(None)
    grown = relay.rss_kib() - start
    check(grown < memory(4096), f"RSS grew by {grown} KiB")
    try:  # whatever it got was in order, and then came the end
        numbers = []
        while True:
            numbers.append(json.loads(slow.recv())["n"])
    except Closed as closed:
        equal(closed.code, 1008, "close code of the slow reader")
    equal(numbers, list(range(len(numbers))), "what the slow reader got")
    check(len(numbers) < sent, "the slow reader got everything")


def test_burst(world):
    """More than MaxQueue may come in at once: a reader is slow only if its socket is full."""
    relay = world.relay(config=settings(MaxQueue="4K"))
    sender = client(world, relay)
    readers = [client(world, relay) for _ in range(5)]
    joined(relay, 6)
    for burst in range(5):
        for i in range(40):
            sender.send_text('{"n":%d,"pad":"%s"}' % (40 * burst + i, "x" * 1000))
        for reader in readers:
            equal([json.loads(reader.recv())["n"] for _ in range(40)],
                  list(range(40 * burst, 40 * burst + 40)), "what a reader got")


def test_pongs_between_frames(world):
    """A socket that is full in the middle of a frame: a pong waits for the frame's end."""
    relay = world.relay(config=settings(MaxQueue="4M"))
    slow = client(world, relay, receive_buffer=4096)
    sender = client(world, relay)
    joined(relay, 2)
    count = 60
    for i in range(count):
        sender.send_text('{"n":%d,"pad":"%s"}' % (i, chr(97 + i % 26) * 30000))
        slow.send_frame(PING, b"%d" % i)
    numbers, pongs = [], 0
    while len(numbers) < count or not pongs:
        fin, opcode, payload = slow.recv_frame()
        check(fin, "a fragment")
        if opcode == PONG:
            check(0 <= int(payload) < count, "not a pong of ours")
            pongs += 1
            continue
        equal(opcode, TEXT, "opcode")
        frame = json.loads(payload)
        equal(frame["pad"], chr(97 + frame["n"] % 26) * 30000, "text of a frame")
        numbers.append(frame["n"])
    equal(numbers, list(range(count)), "what the slow reader got")


def test_total_memory(world):
    """Many slow readers together may not use more than MaxBuffered."""
    relay = world.relay(config=settings(MaxQueue="64M", MaxBuffered="4M"))
    slow = [client(world, relay, receive_buffer=4096) for _ in range(5)]
    sender = client(world, relay)
    joined(relay, 6)
    start = relay.rss_kib()
    frame = '{"pad":"%s"}' % ("x" * 60000)
    for _ in range(4000):
        sender.send_text(frame)
        if relay.get("Connections") == 1:
            break
    joined(relay, 1)
    grown = relay.rss_kib() - start
    check(grown < memory(12288), f"RSS grew by {grown} KiB")
    check(len(slow) == 5, "the slow readers were never there")


def test_messages_without_end(world):
    """Those who fill the memory with messages that they do not end go, and nobody else."""
    relay = world.relay(config=settings(MaxBuffered="1M"))
    good = member(world, relay, "/?name=good")
    hogs = [client(world, relay) for _ in range(16)]
    for hog in hogs:
        hog.send_frame(TEXT, '{"pad":"' + "x" * 65000, fin=False)
    joined(relay, len(hogs) + 1)
    other = member(world, relay)
    for i in range(3):
        for size in 60000, 100, 30000:
            other.send_text(json.dumps({"to": "good", "n": i, "pad": "x" * size}))
            frame = good.expect(None)
            equal((frame["n"], len(frame["pad"])), (i, size), "what arrived")
    check(relay.get("Connections") < len(hogs) + 2, "nobody had to go")


def test_never_reads(world):
    """Who neither reads nor closes is dropped all the same, and the relay goes on."""
    relay = world.relay(config=settings(MaxQueue="64K"))
    good = member(world, relay)
    descriptors = len(os.listdir(f"/proc/{relay.pid}/fd"))
    stuck = client(world, relay, receive_buffer=4096)
    joined(relay, 2)
    good.expect("joined")
    for _ in range(40):
        good.send_text('{"pad":"%s"}' % ("x" * 30000))
    good.expect("left")
    wait_for(lambda: len(os.listdir(f"/proc/{relay.pid}/fd")) == descriptors, 15,
             "the connection to be given up")
    again = member(world, relay)
    again.send_json({"to": good.id, "n": 1})
    equal(good.expect(None)["n"], 1)
    stuck.socket.close()


def test_stuck_in_a_frame(world):
    """No ping can be sent within a frame; who reads nothing more of it is dropped."""
    relay = world.relay(config=settings(PingInterval="1s"))
    good = member(world, relay)
    stuck = client(world, relay, "/?name=stuck", receive_buffer=4096)
    good.expect("joined")
    for _ in range(16):
        good.send_text('{"pad":"%s"}' % ("x" * 50000))
    equal(good.expect("left")["name"], "stuck")
    joined(relay, 1)
    stuck.socket.close()


def test_ping(world):
    relay = world.relay(config=settings(PingInterval="1s"))
    alive = member(world, relay)
    started = time.monotonic()
    dead = member(world, relay, "/?name=dead")
    dead.auto_pong = False
    alive.expect("joined")
    equal(alive.expect("left")["name"], "dead")
    took = time.monotonic() - started
    check(1.8 < took < 15, f"the dead client was noticed after {took:.2f} s")
    check(alive.recv_nothing(2.5), "the living client got a message")
    equal(relay.get("Connections"), 1)


def wakeups(pid):
    """How often its threads have gone to sleep by themselves."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as f:
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.M).group(1))
    return total


def test_rest(world):
    """Clients that say nothing do not wake the relay, but for PingInterval (30 s)."""
    relay = world.relay()
    clients = [member(world, relay) for _ in range(3)]
    joined(relay, 3)

    def woken(seconds):
        before = wakeups(relay.pid)
        check(clients[-1].recv_nothing(seconds), "a frame from nobody")
        return wakeups(relay.pid) - before

    wait_for(lambda: woken(3) == 0, what="three seconds without a wake-up")


def test_half_open(world):
    relay = world.relay()
    a, b = member(world, relay), client(world, relay)
    a.expect("joined")
    b.send_frame(TEXT, '{"a":', fin=False)
    b.socket.shutdown(socket.SHUT_WR)
    a.expect("left")
    c = client(world, relay)
    a.expect("joined")
    c.send_raw(b"\x81\xfe\x10")  # half a header
    c.socket.close()
    a.expect("left")


def test_close_handshake(world):
    relay = world.relay()
    a = client(world, relay)
    a.send_frame(CLOSE, (1000).to_bytes(2, "big") + b"bye")
    fin, opcode, payload = a.recv_frame()
    equal((fin, opcode, payload[:2]), (True, CLOSE, (1000).to_bytes(2, "big")))
    try:
        a.recv_frame()
        raise harness.Failed("frames after the close frame")
    except Closed:
        pass
    joined(relay, 0)


# ---- administration ------------------------------------------------------------


def test_bus(world):
    relay = world.relay()
    a = member(world, relay, "/r%20oom?name=anna", origin="docker://172.17.0.2")
    b = client(world, relay)
    joined(relay, 2)
    equal(sorted(relay.invoke("ListRooms")[0]), [("", 1), ("r oom", 1)])
    (row,) = relay.invoke("ListClients", "(s)", "r oom")[0]
    equal(row[:4], (a.id, "anna", "127.0.0.1", "docker://172.17.0.2"))
    check(abs(row[4] / 1e6 - time.time()) < 60, "connected since")
    equal(relay.invoke("ListClients", "(s)", "nowhere")[0], [])
    equal(relay.get("Rooms"), 2)
    types = {name: relay.get_variant(name).get_type_string() for name in relay.get_all()}
    equal(types, {"Version": "s", "Listening": "as", "TlsListening": "as", "Draining": "b",
                  "Problems": "as",
                  "ClusterState": "s", "ClusterServer": "s",
                  "Connections": "u", "Rooms": "u", "FramesForwarded": "t", "FramesDropped": "t",
                  "Refused": "t"})
    expect_error("org.rtcbus.Error.NoSuchPeer", relay.invoke, "Disconnect", "(s)", "x" * 32)
    relay.invoke("Disconnect", "(s)", a.id)
    equal(a.close_code(), 1000, "close code")
    wait_for(lambda: relay.signals.changes(harness.RELAY[1], harness.RELAY[2], "Connections")[-1:]
             == [1], 5, "PropertiesChanged")
    b.close()


def test_log(world):
    relay = world.relay(arguments=["--verbose"])
    a, b = member(world, relay, "/?name=anna"), client(world, relay)
    a.expect("joined")
    b.send_json({"type": "offer", "sdp": {"sdp": "a=ice-pwd:secretpassword"}})
    b.send_json({"type": "evil\n\x1b[0m", "sdp": "secretpassword"})
    a.expect("offer")
    a.recv()
    log = relay.stderr()
    check("anna" in log and "offer" in log, "joining and frames are not logged")
    check("secretpassword" not in log, "a password in the log")
    check("\x1b" not in log, "a terminal escape in the log")


def test_reload(world):
    relay = harness.Daemon(world, "relay", "rtcbus-relay", harness.RELAY,
                           settings(Listen="127.0.0.1:0"))
    relay.host = "127.0.0.1"
    relay.port = int(relay.get("Listening")[0].rpartition(":")[2])
    a = client(world, relay)
    a.send_text('{"a":"%s"}' % ("x" * 3000))
    relay.configure(settings(MaxMessageSize="1K", MaxConnections=1, Listen="127.0.0.1:1"))
    relay.signal(signal.SIGHUP)
    wait_for(lambda: "needs a restart" in relay.stderr(), 5, "the warning about Listen=")
    refused(503, world, relay)
    a.send_text('{"a":"%s"}' % ("x" * 3000))
    equal(a.close_code(), 1009, "close code")
    a.socket.close()
    relay.configure(settings(MaxMessageSize="lots"))
    relay.signal(signal.SIGHUP)
    wait_for(lambda: "MaxMessageSize=lots" in relay.stderr(), 5, "the complaint")
    b = client(world, relay)
    b.send_text('{"a":"%s"}' % ("x" * 3000))
    equal(b.close_code(), 1009, "close code")  # as it was before the mistake


def test_listening(world):
    relay = world.relay()
    check(f"listening on ws://127.0.0.1:{relay.port}/\n" in relay.stderr(), relay.stderr())
    other = world.relay(port=relay.port, wait=False)
    equal(other.expect_exit(), 1, "exit status")
    lines = other.stderr().splitlines()
    equal(len(lines), 1, "lines of complaint")
    check(str(relay.port) in lines[0], lines[0])
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        raise Skip("no IPv6 here") from None
    both = world.relay(host="::")
    for host in ("127.0.0.1", "::1"):
        world.closing(WsClient(both.port, host=host))
    joined(both, 2)
    equal(sorted(row[2] for row in both.invoke("ListClients", "(s)", "")[0]),
          ["127.0.0.1", "::1"])


def test_bad_configuration(world):
    for key, value in (("Listen", "nowhere"), ("MaxMessageSize", "-1"), ("MaxConnections", "0"),
                       ("AllowedOrigins", "example.org"),
                       ("ServerNames", "https://example.org"), ("PingInterval", "soon")):
        relay = world.relay(config=settings(**{key: value}), wait=False)
        equal(relay.expect_exit(), 78, "exit status")
        lines = relay.stderr().splitlines()
        check(len(lines) == 1 and f"[Relay] {key}={value}" in lines[0]
              and relay.config_path in lines[0], relay.stderr())


def test_stop(world):
    relay = world.relay()
    a = client(world, relay)
    deaf = client(world, relay, receive_buffer=4096)
    deaf.auto_pong = False
    joined(relay, 2)
    started = time.monotonic()
    relay.signal(signal.SIGTERM)
    equal(a.close_code(), 1012, "close code")
    relay.expect_exit(0)
    took = time.monotonic() - started
    check(took < 10 * harness.SLOW, f"stopping took {took:.1f} s, where it is to give up after 1")


def test_noise(world):
    """Connections that say anything and vanish at any time, from a fixed seed."""
    relay = world.relay(config=settings(MaxBadFrames=1000))
    chance = random.Random(41337)
    request = (b"GET /%d HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
               b"Sec-WebSocket-Protocol: rtcbus.1\r\n\r\n")

    def noise():
        payload = chance.randbytes(chance.randrange(100))
        opcode = chance.choice((0, 1, 1, 2, 8, 9, 10, 0x81, 0x81, 0x80, 0x88, 0x89, 0x8a, 0x8f))
        return chance.choice((
            b"\x81\x87\0\0\0\0{\"a\":1}" * chance.randrange(1, 200),
            b"\x81\x87\0\0\0\0{\"a\":1}" * chance.randrange(1, 20),
            b"\x81\x8f\0\0\0\0{\"to\":\"nobody\"}" * 3,
            b"\x81\x85\0\0\0\0[\"a\"]",
            b"\x01\x83\0\0\0\0{\"a\x80\x84\0\0\0\0\":1}",
            bytes((opcode, 0x80 | len(payload))) + b"abcd" + payload,
            b"\x89\x80abcd" * chance.randrange(50),
            b"\x81\xfe\x0b\xb8\0\0\0\0" + b"{" * chance.randrange(3000),
            payload,
        ))

    pool = []
    for i in range(1500):
        s = socket.create_connection(("127.0.0.1", relay.port), harness.PATIENCE)
        s.sendall(request % (i % 3))
        if i % 5:
            s.recv(4096)  # the relay has got that far
        pool.append(s)
        if len(pool) > 12:
            s = pool.pop(chance.randrange(len(pool)))
            if chance.random() < 0.3:  # a reset instead of an end
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        for _ in range(3):
            try:
                chance.choice(pool).sendall(noise())
            except OSError:
                pass
    for s in pool:
        s.close()
    joined(relay, 0)
    equal(relay.get("Rooms"), 0, "rooms")
    harness.note(f"{relay.get('FramesForwarded')} forwarded, {relay.get('FramesDropped')} dropped")
    check(relay.get("FramesForwarded") > 1000, "hardly anything was forwarded")
    check(relay.get("FramesDropped") > 50, "hardly anything was dropped")
    client(world, relay)


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_many(world):
    """A thousand clients, idle ones among them slow ones: no CPU, bounded memory."""
    count = 1000
    relay = world.relay()
    start = relay.rss_kib()
    clients = []
    for i in range(count):
        clients.append(client(world, relay, "/many" if i % 10 else f"/room{i % 7}"))
    joined(relay, count)
    check(relay.get("Rooms") <= 8, "rooms")
    per_client = (relay.rss_kib() - start) / count
    harness.note(f"{per_client:.1f} KiB for each idle client")
    check(per_client < memory(8), f"{per_client} KiB for each client")

    def idle_second():
        before = cpu_ticks(relay.pid)
        harness.hold(relay.running, 1.0)
        return cpu_ticks(relay.pid) - before <= 3 * harness.SLOW

    wait_for(idle_second, what="a second without CPU")
    room = [c for i, c in enumerate(clients) if i % 10]
    room[0].send_text('{"hello":1}')
    for other in room[1:]:
        equal(other.recv_json()["hello"], 1)
    for c in clients:
        c.socket.close()
    joined(relay, 0)
    equal(relay.get("Rooms"), 0, "rooms")


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    harness.main([value for name, value in list(globals().items()) if name.startswith("test_")])
