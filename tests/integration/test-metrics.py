#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What both daemons tell those who watch them, and a relay that sends its clients away."""

import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "network"))

import harness  # noqa: E402
from harness import Skip, check, equal, wait_for  # noqa: E402
from members import client, member, refused  # noqa: E402
from wsclient import PATIENCE  # noqa: E402

EXAMPLES = os.path.join(harness.TOP_SRCDIR, "data", "examples", "prometheus")
WATCHED = {"Metrics": {"Listen": "127.0.0.1:0"}}


def metrics_port(daemon, scheme="http"):
    found = wait_for(lambda: re.search(rf"metrics at {scheme}://127\.0\.0\.1:(\d+)/", daemon.stderr()),
                     what="the metrics' port")
    return int(found.group(1))


def ask(port, path="/metrics", method="GET", host="127.0.0.1", fields="", tls=None):
    """(status, fields, body); by the context TLS, if there is one"""
    raw = socket.create_connection(("127.0.0.1", port), PATIENCE)
    with tls.wrap_socket(raw) if tls else raw as s:
        s.sendall(f"{method} {path} HTTP/1.1\r\n{f'Host: {host}' if host else 'X: y'}\r\n"
                  f"{fields}\r\n".encode())
        data = b""
        while piece := s.recv(1 << 16):
            data += piece
    head, _, body = data.decode().partition("\r\n\r\n")
    return int(head.split()[1]), head, body


def values(port):
    """{"name{labels}": value}, with the form checked."""
    status, head, body = ask(port)
    equal(status, 200, "status of /metrics")
    check("text/plain; version=0.0.4" in head, head)
    found, kinds = {}, {}
    for line in body.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            check(name not in kinds, f"{name} comes twice")
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            series, value = line.rsplit(" ", 1)
            name = re.sub(r"_(bucket|sum|count)$", "", series.partition("{")[0])
            check(name in kinds or series.partition("{")[0] in kinds, f"{series} has no type")
            found[series] = float(value)
    for name, kind in kinds.items():
        check((kind == "counter") == name.endswith("_total"), f"{name} is a {kind}")
    return found


def checked_by_promtool(port, *arguments):
    if not shutil.which("promtool"):
        raise Skip("promtool is not installed (prometheus)")
    done = subprocess.run(["promtool", *arguments], input=ask(port)[2] if port else None, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    check(done.returncode == 0 and not done.stdout.strip().count("error"), done.stdout)
    return done.stdout


def test_relay(world):
    relay = world.relay(config=WATCHED)
    port = metrics_port(relay)
    a, b = member(world, relay, "/r?name=a"), member(world, relay, "/r")
    for i in range(10):
        b.send_json({"type": "x", "to": "a", "n": i})
        a.expect("x", n=i)
    b.send_json({"type": "x", "to": "nobody"})
    b.expect("error")
    refused(409, world, relay, "/r?name=a")
    seen = values(port)
    for name, value in (
            ("clients", 2), ("rooms", 1), ("connections_total{tls=\"no\"}", 3),
            ("connections_total{tls=\"yes\"}", 0), ("clients_joined_total", 2),
            ("refusals_total{code=\"409\"}", 1), ("refusals_total{code=\"403\"}", 0),
            ("frames_forwarded_total", 10), ("frames_dropped_total", 1), ("draining", 0),
            ("frame_latency_seconds_count", 10),
            ("frame_latency_seconds_bucket{le=\"+Inf\"}", 10)):
        equal(seen["rtcbus_relay_" + name], value, name)
    check(0 < seen["rtcbus_relay_frame_latency_seconds_sum"] < 10 * 60, "the sum of latencies")
    check(seen["process_resident_memory_bytes"] > 1 << 20, "memory")
    check("rtcbus_relay_certificate_expiry_timestamp_seconds" not in seen, "a certificate of nobody")


def test_peer(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay, source="random")
    peer = world.peer("listener", relay, config=WATCHED)
    port = metrics_port(peer)
    peer.wait_peer("emitter")
    call = peer.call("emitter")
    peer.wait_numbers(3)
    seen = values(port)
    for name, value in (("relay_connected", 1), ("calls", 1),
                        ("calls_total{direction=\"outgoing\"}", 1),
                        ("calls_total{direction=\"incoming\"}", 0), ("calls_connected_total", 1),
                        ("calls_ended_total", 0), ("call_setup_seconds_count", 1)):
        equal(seen["rtcbus_peer_" + name], value, name)
    check(seen["rtcbus_peer_numbers_received_total"] >= 3, "numbers")
    call.hangup()
    call.wait_ended()
    relay.stop()
    wait_for(lambda: values(port)["rtcbus_peer_relay_connected"] == 0, what="the relay to be missed")
    equal(values(port)["rtcbus_peer_calls_ended_total"], 1)
    equal(ask(port, "/healthz")[0], 200, "health without a relay")
    emitter.stop()


def test_promtool(world):
    relay = world.relay(config=WATCHED)
    peer = world.peer("peer", relay, config=WATCHED)
    for daemon in relay, peer:
        equal(checked_by_promtool(metrics_port(daemon), "check", "metrics").strip(), "", "complaints")


def test_examples(world):
    """Rules and dashboards name what there is."""
    relay = world.relay(config=WATCHED)
    peer = world.peer("peer", relay, config=WATCHED)
    there = {re.sub(r"\{.*", "", name) for daemon in (relay, peer)
             for name in values(metrics_port(daemon))}
    there.add("rtcbus_relay_certificate_expiry_timestamp_seconds")
    for name in sorted(os.listdir(EXAMPLES)):
        with open(os.path.join(EXAMPLES, name), encoding="utf-8") as f:
            text = f.read()
        used = set(re.findall(r"\b(?:rtcbus_(?:relay|peer)|process)_[a-z_]+", text))
        check(used and used <= there, f"{name} uses {used - there}")
        if name.endswith(".json"):
            check(json.loads(text)["panels"], f"{name} has no panels")
    for name in "relay", "peer":
        checked_by_promtool(None, "check", "rules", os.path.join(EXAMPLES, f"{name}-alerts.yml"))


def test_requests(world):
    """What is asked wrongly, and by whom it must not be."""
    relay = world.relay(config={"Metrics": {"Listen": "127.0.0.1:0;[::1]:0",
                                            "ServerNames": "relay.example.org"}})
    port = metrics_port(relay)
    for (path, method, host), status in (
            (("/metrics", "GET", "localhost:9640"), 200), (("/metrics?x=y", "GET", "[::1]"), 200),
            (("/metrics", "GET", "relay.example.org"), 200), (("/healthz", "GET", "127.0.0.1"), 200),
            (("/metrics", "GET", "evil.example"), 421), (("/healthz", "GET", "evil.example"), 421),
            (("/metrics", "GET", ""), 421), (("/", "GET", "127.0.0.1"), 404),
            (("/metrics/", "GET", "127.0.0.1"), 404), (("/metrics", "POST", "127.0.0.1"), 405)):
        equal(ask(port, path, method, host)[0], status, f"status of {method} {path} for {host}")
    equal(ask(port, fields="Host: 127.0.0.1\r\n")[0], 421, "two hosts")
    equal(ask(port, method="HEAD")[2], "", "the body for HEAD")
    for data in b"\0\1\2\r\n\r\n", b"x" * 6000, b"GET\r\n\r\n", b"GET /metrics FTP/1.0\r\n\r\n":
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
            s.sendall(data)
            check(s.recv(4096).startswith((b"HTTP/1.1 400", b"HTTP/1.1 431")), data[:20])
    equal(ask(port, "/healthz")[2], "ok\n")


def test_tls(world):
    """The same by https, with the certificate of the day; who stalls is not waited for."""
    try:
        from authority import Authority
    except ImportError:
        raise Skip("python3-cryptography is not installed") from None
    authority = Authority(world)
    certificate, key = authority.certificate("first", ["127.0.0.1"])
    relay = world.relay(config={"Tls": {"Certificate": certificate, "Key": key}, "Metrics": {
        "Listen": "127.0.0.1:0;https://127.0.0.1:0"}, "Relay": {}})
    port = metrics_port(relay, "https")
    context = ssl.create_default_context(cafile=authority.file)
    context.check_hostname = False
    equal(ask(port, "/healthz", tls=context)[2], "ok\n")
    status, head, body = ask(port, tls=context)
    check(status == 200 and "rtcbus_relay_clients 0" in body, body)
    equal(len(body), int(re.search(r"Content-Length: (\d+)", head).group(1)), "the page's length")
    equal(ask(port, host="evil.example", tls=context)[0], 421)
    check("rtcbus_relay_certificate_expiry_timestamp_seconds" in ask(metrics_port(relay))[2],
          "the certificate's end is not told")
    for _ in range(40):
        world.closing(socket.create_connection(("127.0.0.1", port), PATIENCE)).sendall(b"\x16\x03\x01")
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        check(b"HTTP" not in s.recv(4096), "it speaks without TLS")

    def shown():
        raw = socket.create_connection(("127.0.0.1", port), PATIENCE)
        with context.wrap_socket(raw) as s:
            return s.getpeercert()["serialNumber"]

    before = shown()
    for new, old in zip(authority.certificate("second", ["127.0.0.1"]), (certificate, key)):
        os.replace(new, old)
    relay.signal(signal.SIGHUP)
    wait_for(lambda: shown() != before, what="the new certificate")
    relay.configure({"Metrics": {"Listen": "https://127.0.0.1:0"}})
    done = subprocess.run([harness.program("rtcbus-relay"), "--check", "--config", relay.config_path],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 78 and "Certificate=" in done.stdout, done.stdout)


def test_crowd(world):
    """Those who come and say nothing keep nobody out, and are not kept."""
    relay = world.relay(config=WATCHED)
    port = metrics_port(relay)
    fds = relay.fds()
    idle = [world.closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) for _ in range(60)]
    values(port)
    check(relay.fds() <= fds + 20, "descriptors")
    for s in idle:
        s.settimeout(PATIENCE)
        try:
            equal(s.recv(1), b"")
        except ConnectionError:
            pass


def test_reload(world):
    """Names are taken over, and nothing listens unless it is told to."""
    relay = world.relay(config=WATCHED)
    port = metrics_port(relay)
    equal(ask(port, host="x.example")[0], 421)
    relay.configure({"Metrics": {"Listen": "127.0.0.1:0", "ServerNames": "x.example"}})
    relay.signal(signal.SIGHUP)
    wait_for(lambda: ask(port, host="x.example")[0] == 200, what="the new name")
    off = world.relay(name="off")
    check("metrics" not in off.stderr(), off.stderr())


# ---- going away ----------------------------------------------------------------------


def code(connection):
    """The close code, once frames that waited have been read."""
    return connection.close_code(PATIENCE)


def test_drain(world):
    relay = world.relay(config={**WATCHED, "Relay": {"DrainTime": "1s"}})
    port = metrics_port(relay)
    members = [member(world, relay, f"/r?name=m{i}") for i in range(20)]
    foreign = client(world, relay, "/other")
    equal(relay.get("Draining"), False)
    relay.invoke("Drain")
    equal(relay.get("Draining"), True)
    refusal = refused(503, world, relay, "/r?name=late")
    check(int(refusal.headers["retry-after"]) > 0, "no Retry-After")
    for connection in (*members, foreign):
        equal(code(connection), 1012, "close code")
        connection.close()
    wait_for(lambda: relay.get("Connections") == 0, what="all to be gone")
    equal(ask(port, "/healthz")[0], 503, "health")
    equal(values(port)["rtcbus_relay_draining"], 1)
    relay.invoke("Drain")  # again does nothing
    check(relay.running(), "the relay has ended")


def test_drain_loses_nothing(world):
    """A frame that was sent before the end arrives."""
    relay = world.relay()
    a, b = member(world, relay, "/r?name=a"), member(world, relay, "/r?name=b")
    for i in range(200):
        a.send_json({"type": "n", "to": "b", "n": i})
    wait_for(lambda: relay.get("FramesForwarded") == 200, what="the frames to be forwarded")
    relay.signal(signal.SIGTERM)
    for i in range(200):
        b.expect("n", n=i)
    for connection in a, b:
        equal(code(connection), 1012, "close code")
        connection.close()
    relay.expect_exit(0)


def test_stop_is_bounded(world):
    """Who does not answer does not keep the relay."""
    relay = world.relay(config={"Relay": {"DrainTime": "200ms"}})
    for _ in range(50):
        client(world, relay)
    relay.signal(signal.SIGTERM)
    relay.expect_exit(0)


def test_calls_stay(world):
    """The relay is restarted under a call; peers come back, and numbers never stop."""
    port = harness.free_port()
    relay = world.relay(port=port)
    emitter = world.peer("emitter", relay, source="random")
    listener = world.peer("listener", relay)
    listener.wait_peer("emitter")
    call = listener.call("emitter")
    listener.wait_numbers(1)
    relay.restart()
    for peer in emitter, listener:
        peer.wait_connected(30)
    listener.wait_numbers(3, after=listener.received())
    check(call.ended() is None and call.exists(), "the call has ended")
    check("going away (1012)" in emitter.stderr(), emitter.stderr())


harness.main([
    test_relay,
    test_peer,
    test_promtool,
    test_examples,
    test_requests,
    test_tls,
    test_crowd,
    test_reload,
    test_drain,
    test_drain_loses_nothing,
    test_stop_is_bounded,
    test_calls_stay,
])
