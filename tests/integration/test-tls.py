#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The relay's own TLS: who is let in and how, who is not, and what becomes of it all when a
certificate is renewed."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "network"))

import harness  # noqa: E402
from harness import Skip, check, equal, wait_for  # noqa: E402
from members import RTCBUS, member, refused  # noqa: E402
from wsclient import PATIENCE, WsClient  # noqa: E402

warnings.simplefilter("ignore", DeprecationWarning)  # of versions that must not be spoken


class Secure:
    """A relay with a plain listener and one for TLS."""

    def __init__(self, world, config=None, name="relay", hosts=("127.0.0.1", "localhost"), days=30):
        try:
            from authority import DAY, Authority
        except ImportError:
            raise Skip("python3-cryptography is not installed") from None
        self.world = world
        self.valid = (-DAY, days * DAY)
        self.hosts = list(hosts)
        self.authority = Authority(world, name + "-authority")
        self.certificate, self.key = self.make(name + "-first")
        self.groups = {"Relay": {}, "Tls": {"Listen": "127.0.0.1:0", "Certificate": self.certificate,
                                            "Key": self.key}}
        for group, keys in (config or {}).items():
            self.groups.setdefault(group, {}).update(keys)
        self.relay = world.relay(name=name, config=self.groups)
        self.port = int(self.relay.get("TlsListening")[0].rpartition(":")[2])

    def make(self, name):
        return self.authority.certificate(name, self.hosts, self.valid)

    def context(self, **changes):
        context = ssl.create_default_context(cafile=self.authority.file)
        context.check_hostname = False
        for key, value in changes.items():
            setattr(context, key, value)
        return context

    def connect(self, context=None, **kwargs):
        """A TLS connection of which nothing is said yet."""
        raw = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        try:
            return self.world.closing((context or self.context()).wrap_socket(raw, **kwargs))
        except BaseException:
            raw.close()
            raise

    def member(self, path="/", context=None, **kwargs):
        connection = self.world.closing(WsClient(
            self.port, path, protocols=RTCBUS, tls=context or self.context(), **kwargs))
        connection.welcome = connection.recv_json()
        equal(connection.welcome["type"], "welcome", "first frame")
        connection.id = connection.welcome["id"]
        return connection

    def refuses(self, context, what):
        try:
            self.connect(context)
        except OSError:
            return
        raise harness.Failed(f"{what} is taken")

    def reload(self):
        self.relay.signal(signal.SIGHUP)


def read_all(connection):
    data = b""
    while True:
        try:
            piece = connection.recv(1 << 16)
        except ssl.SSLEOFError:
            return data
        if not piece:
            return data
        data += piece


# ---- what is the same as without ----------------------------------------------------


def test_one_room(world):
    """Whoever comes by TLS and whoever does not are in the same rooms."""
    secure = Secure(world)
    a, b = secure.member("/kitchen?name=a"), member(world, secure.relay, "/kitchen?name=b")
    equal(b.welcome["peers"], [{"id": a.id, "name": "a"}])
    equal(a.expect("joined")["name"], "b")
    for size in 1, 100, 16000, 16384, 60000:
        a.send_json({"type": "x", "to": "b", "data": "x" * size})
        equal(len(b.expect("x")["data"]), size)
        b.send_json({"type": "x", "to": "a", "data": "y" * size})
        equal(len(a.expect("x")["data"]), size)
    equal(refused(409, world, secure.relay, "/kitchen?name=a").status, 409)
    a.close()
    equal(b.expect("left")["name"], "a")


def test_page(world):
    folder = os.path.join(harness.TOP_SRCDIR, "data", "web")
    secure = Secure(world, {"Web": {"Directory": folder}})
    for path, file in ("/kitchen", "index.html"), ("/-/rtcbus/app.js", "app.js"):
        connection = secure.connect()
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
        check(head.startswith(b"HTTP/1.1 200 OK\r\n"), head)
        with open(os.path.join(folder, file), "rb") as f:
            equal(body, f.read(), file)
    connection = secure.connect()
    connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    check(read_all(connection).startswith(b"HTTP/1.1 405 "), "no 405")


def test_frames_behind_the_request(world):
    """What comes in the same record as the request, and in pieces of one byte."""
    secure = Secure(world)
    other = member(world, secure.relay, "/r")
    request = ("GET /r HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    text = b'{"type":"early"}'
    frame = bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text
    connection = secure.connect()
    connection.sendall(request.encode() + 3 * frame)
    for _ in range(3):
        other.expect("early")
    plain = world.closing(socket.create_connection(("127.0.0.1", secure.relay.port), PATIENCE))
    plain.sendall(request.encode() + 3 * frame)
    for _ in range(3):
        other.expect("early")
    slow = secure.connect()
    for byte in request.encode() + frame:
        slow.sendall(bytes([byte]))
    other.expect("early")


def test_slow_reader(world):
    """What a full socket does not take comes later, whole and in order."""
    secure = Secure(world)
    reader = secure.member("/r?name=reader", receive_buffer=4096)
    sender = member(world, secure.relay, "/r")
    count, pad = 400, "x" * 3000
    for i in range(count):
        sender.send_json({"type": "n", "n": i, "pad": pad})
        reader.expect("n", n=i) if i < 5 else None
    for i in range(5, count):
        frame = reader.expect("n")
        equal((frame["n"], frame["pad"]), (i, pad))
    equal(secure.relay.get("Connections"), 2, "Connections")


def test_end(world):
    """Both kinds of goodbye, and none."""
    secure = Secure(world)
    watcher = member(world, secure.relay, "/r")
    for end in "close", "unwrap", "cut":
        client = secure.member("/r?name=" + end)
        watcher.expect("joined", name=end)
        if end == "close":
            client.send_frame(8, b"\x03\xe8")
            equal(client.close_code(), 1000)
        elif end == "unwrap":
            client.socket.settimeout(PATIENCE)
            try:
                client.socket.unwrap()
            except OSError:
                pass
        else:
            client.socket.shutdown(socket.SHUT_RDWR)
        watcher.expect("left", name=end)


# ---- what is spoken -----------------------------------------------------------------


def old(secure, version):
    context = secure.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


def test_versions(world):
    secure = Secure(world)
    for version in ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1:
        secure.refuses(old(secure, version), version.name)
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        equal(secure.connect(old(secure, version)).version().replace(".", "_"), version.name)


def test_ciphers(world):
    """Forward secrecy and authenticated encryption, or nothing."""
    secure = Secure(world)
    for cipher in "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305":
        context = old(secure, ssl.TLSVersion.TLSv1_2)
        context.set_ciphers(cipher)
        equal(secure.connect(context).cipher()[0], cipher)
    for cipher in ("ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "AES128-GCM-SHA256",
                   "AES128-SHA", "DHE-RSA-AES128-GCM-SHA256", "aNULL", "eNULL"):
        context = old(secure, ssl.TLSVersion.TLSv1_2)
        try:
            context.set_ciphers(cipher + ":@SECLEVEL=0")
        except ssl.SSLError:
            continue  # nor does OpenSSL have it
        secure.refuses(context, cipher)


def accepted(secure, version):
    """The names of all ciphers of OpenSSL's that are taken, each offered alone."""
    names = []
    for cipher in old(secure, version).get_ciphers():
        context = old(secure, version)
        try:
            context.set_ciphers(cipher["name"] + ":@SECLEVEL=0")
            names.append(secure.connect(context).cipher()[0])
        except OSError:
            pass
    return names


def test_scan(world):
    """All ciphers one by one, at a relay with keys of both kinds: nothing weak is among those that
    are taken, and nothing at all of versions that are not spoken."""
    secure = Secure(world)  # it skips where there is no cryptography
    from cryptography.hazmat.primitives.asymmetric import rsa
    certificate, key = secure.authority.certificate(
        "rsa", secure.hosts, key=rsa.generate_private_key(65537, 2048))
    secure.groups["Tls"]["Certificate"] += ";" + certificate
    secure.groups["Tls"]["Key"] += ";" + key
    secure.relay.configure(secure.groups)
    secure.reload()
    wait_for(lambda: "read again" in secure.relay.stderr(), what="the reload")
    taken = set(accepted(secure, ssl.TLSVersion.TLSv1_2))
    harness.note("TLS 1.2: " + " ".join(sorted(taken)))
    for kind in "ECDSA", "RSA":
        check(any(f"ECDHE-{kind}-AES" in name for name in taken), f"nothing with {kind}")
    for name in taken:
        check(name.startswith("ECDHE-") and ("GCM" in name or "POLY1305" in name or "CCM" in name),
              f"{name} is taken")
    for version in ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1:
        equal(accepted(secure, version), [], version.name)


def test_what_is_agreed(world):
    """No compression, no early data, no renegotiation without RFC 5746, no signature with SHA-1, no
    small curve, and no way down from a version that both have."""
    secure = Secure(world)
    for version in "-tls1_2", "-tls1_3":
        text = s_client(world, secure, version, "-comp", "-ign_eof",
                        say=b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for words in "Compression: NONE", "Verify return code: 0 (ok)":
            check(words in text, f"no {words!r} with {version}: {text}")
        check("Max Early Data: 0" in text or version == "-tls1_2", text)
        check("Secure Renegotiation IS supported" in text or version == "-tls1_3", text)
    for options in (("-tls1_2", "-fallback_scsv"),
                    ("-tls1_2", "-sigalgs", "ECDSA+SHA1", "-cipher", "ALL:@SECLEVEL=0"),
                    ("-tls1_2", "-curves", "P-192", "-cipher", "ALL:@SECLEVEL=0")):
        text = s_client(world, secure, *options)
        check("SSL alert number" in text and "Cipher is (NONE)" in text,
              f"{options} is taken, or is not even offered: {text}")


def test_protocols(world):
    """ALPN: http/1.1, or none; who offers others alone is told that there is none of them."""
    secure = Secure(world)
    for offered, selected in (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), (None, None):
        context = secure.context()
        if offered:
            context.set_alpn_protocols(offered)
        equal(secure.connect(context).selected_alpn_protocol(), selected, "ALPN")
    context = secure.context()
    context.set_alpn_protocols(["h2"])
    secure.refuses(context, "h2")


def test_resumption(world):
    """A client comes back without another signature of ours, also after a reload."""
    secure = Secure(world)
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        context = secure.context(minimum_version=version, maximum_version=version)
        first = WsClient(secure.port, "/", tls=context)
        other = member(world, secure.relay)
        other.send_json({"type": "x"})  # what is read brings the ticket of TLS 1.3 along
        equal(first.recv_json()["type"], "x")
        kept = first.socket.session
        first.close()
        secure.reload()
        wait_for(lambda: "read again" in secure.relay.stderr(), what="the reload")
        check(secure.connect(context, session=kept).session_reused, f"{version.name}: not resumed")


def s_client(world, secure, *options, say=b""):
    """What openssl s_client prints when it has said SAY and the other side has ended it."""
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{secure.port}",
                           "-CAfile", secure.authority.file, *options], input=say,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          timeout=PATIENCE).stdout.decode(errors="replace")


def test_renegotiation(world):
    secure = Secure(world)
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{secure.port}", "-tls1_2", "-CAfile",
         secure.authority.file], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    try:
        seen = b""
        while b"Extended master secret" not in seen:
            line = client.stdout.readline()
            check(line, f"s_client has ended: {seen!r}")
            seen += line
        client.stdin.write(b"R\n")
        client.stdin.flush()
        rest = client.communicate(timeout=PATIENCE)[0]
        check(b"RENEGOTIATING" in rest and b"renegotiation" in rest, f"not refused: {rest!r}")
    finally:
        client.kill()
        client.wait()
    secure.member()


def test_gnutls(world):
    """Another library, and what it makes of the certificate."""
    secure = Secure(world)
    if not shutil.which("gnutls-cli"):
        raise Skip("gnutls-cli is not installed")
    for priority, good in (("NORMAL", True), ("NORMAL:-VERS-ALL:+VERS-TLS1.2", True),
                           ("NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0:%COMPAT", False),
                           ("NORMAL:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC", False)):
        done = subprocess.run(
            ["gnutls-cli", "--x509cafile", secure.authority.file, "--priority", priority,
             "--verify-hostname", "localhost", "--port", str(secure.port), "127.0.0.1"],
            input=b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False, timeout=PATIENCE)
        equal(b"Handshake was completed" in done.stdout, good, priority)


# ---- who does it wrong ---------------------------------------------------------------


def hello(secure):
    """What a client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        secure.context().wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise harness.Failed("no ClientHello")


def raw(world, secure, data):
    connection = world.closing(socket.create_connection(("127.0.0.1", secure.port), PATIENCE))
    connection.sendall(data)
    return connection


def ended(connection):
    connection.settimeout(PATIENCE)
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionError:
        pass


def test_stall(world):
    """Who says half of what it must has as long as without TLS."""
    secure = Secure(world, {"Relay": {"HandshakeTimeout": "500ms", "MaxHandshakes": "8"}})
    first = hello(secure)
    stalled = [raw(world, secure, first[:size]) for size in (0, 1, 5, len(first) // 2, len(first))]
    stalled.append(secure.connect())
    stalled[-1].sendall(b"GET / HT")
    for connection in stalled:
        ended(connection)
    crowd = [raw(world, secure, first) for _ in range(12)]
    secure.member()
    for connection in crowd:
        ended(connection)


def test_garbage(world):
    secure = Secure(world)
    first = hello(secure)
    broken = bytearray(first)
    broken[len(first) // 2] ^= 0xff
    for data in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", os.urandom(4096), b"\x16\x03\x01\xff\xff",
                 b"\x16\x03\x01\x40\x00" + bytes(8192), b"\x15\x03\x01\x00\x02\x01\x00" * 1000,
                 bytes(broken) + first, first[:5] + first):
        connection = raw(world, secure, data)
        connection.shutdown(socket.SHUT_WR)
        ended(connection)
    secure.member()


def test_garbage_later(world):
    """A record that is not what it says ends this client and no other."""
    secure = Secure(world)
    watcher = secure.member("/r")
    client = secure.member("/r?name=bad")
    watcher.expect("joined")
    os.write(client.socket.fileno(), b"\x17\x03\x03\x00\x40" + os.urandom(64))
    watcher.expect("left", name="bad")


# ---- certificates --------------------------------------------------------------------


def shown(secure, name=None):
    context = secure.context()
    return secure.connect(context, server_hostname=name).getpeercert()["serialNumber"]


def checked(secure):
    done = subprocess.run([harness.program("rtcbus-relay"), "--check", "--config",
                           secure.relay.config_path], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_renewal(world):
    """certbot puts other files in place: who is there stays, who comes gets the new one."""
    secure = Secure(world)
    a, b = secure.member("/r?name=a"), secure.member("/r?name=b")
    before = shown(secure)
    certificate, key = secure.make("second")
    os.replace(certificate, secure.certificate)
    os.replace(key, secure.key)
    equal(shown(secure), before, "the certificate before the reload")
    secure.reload()
    wait_for(lambda: shown(secure) != before, what="the new certificate")
    a.send_json({"type": "x", "to": "b"})
    equal(b.expect("x")["from"], a.id)
    equal(secure.relay.get("Connections"), 2)


def test_bad_files(world):
    """--check and reload name the file, and what was there before stays."""
    secure = Secure(world)
    before = shown(secure)
    equal(checked(secure)[0], 0, "exit status of --check")
    with open(secure.key, encoding="ascii") as f:
        good_key = f.read()
    other = secure.make("other")
    junk = world.path("junk") + ".pem"
    with open(junk, "w", encoding="ascii") as f:
        f.write("-----BEGIN NOTHING-----\n")
    count = 0
    for certificate, key, file in (
            (secure.certificate, other[1], other[1]), (secure.certificate, junk, junk),
            (junk, secure.key, junk), (secure.certificate, junk + ".gone", junk + ".gone"),
            (secure.certificate, "", "Key="), ("", "", "Certificate=")):
        secure.relay.configure({"Relay": {}, "Tls": {
            "Listen": "127.0.0.1:0", "Certificate": certificate, "Key": key}})
        status, text = checked(secure)
        equal(status, 78, "exit status of --check")
        check(file in text, f"--check does not name {file}: {text}")
        secure.reload()
        count += 1
        wait_for(lambda: secure.relay.stderr().count("configuration stays") == count, what="a refusal")
        check(file in secure.relay.stderr().splitlines()[-1], secure.relay.stderr())
        check(good_key.splitlines()[1] not in secure.relay.stderr(), "the key is in the journal")
        equal(shown(secure), before, "the certificate")


def test_no_start(world):
    secure = Secure(world)
    secure.relay.configure({"Tls": {"Listen": "127.0.0.1:0"}})
    secure.relay.restart(wait=False)
    secure.relay.expect_exit(78)
    check("Certificate=" in secure.relay.stderr(), secure.relay.stderr())


def test_expiry(world):
    secure = Secure(world, days=3)
    wait_for(lambda: "expires within 3 days" in secure.relay.stderr(), what="the warning")
    fine = Secure(world, name="fine", days=60)
    check("expire" not in fine.relay.stderr(), fine.relay.stderr())
    fine.valid = (fine.valid[0], fine.valid[0] / 2)
    certificate, key = fine.make("old")
    os.replace(certificate, fine.certificate)
    os.replace(key, fine.key)
    fine.reload()
    wait_for(lambda: "has expired" in fine.relay.stderr(), what="the warning")


def peer(secure, name, ca, host="localhost", **kwargs):
    return secure.world.peer(name, f"wss://{host}:{secure.port}/r",
                             config={"Relay": {"CA": ca}}, **kwargs)


def test_peers(world):
    """Peers with a private authority: a call, and it stays over a renewal."""
    secure = Secure(world)
    emitter = peer(secure, "emitter", secure.authority.file, source="random")
    listener = peer(secure, "listener", secure.authority.file)
    listener.wait_peer("emitter")
    call = listener.call("emitter")
    call.wait_state("connected", 30)
    before = shown(secure)
    certificate, key = secure.make("second")
    os.replace(certificate, secure.certificate)
    os.replace(key, secure.key)
    secure.reload()
    wait_for(lambda: shown(secure) != before, what="the new certificate")
    listener.wait_numbers(3, after=listener.received())
    equal({p.get("RelayState") for p in (emitter, listener)}, {"connected"})


def test_peer_and_strangers(world):
    """Another authority, and a certificate for another host, are refused in words."""
    secure, other = Secure(world, hosts=["localhost"]), Secure(world, name="other")
    for name, ca, host, words in (
            ("none", None, "localhost", "unknown here"),
            ("other", other.authority.file, "localhost", "unknown here"),
            ("elsewhere", secure.authority.file, "127.0.0.1", "another host than 127.0.0.1")):
        refused_peer = peer(secure, name, ca, host, connected=False)
        wait_for(lambda p=refused_peer, w=words: w in p.get("RelayError"), what=words)
    equal(secure.relay.get("Connections"), 0)


def test_names(world):
    """Several certificates: the one for the name that is asked for."""
    secure = Secure(world)
    secure.hosts = ["other.example"]
    certificate, key = secure.make("other")
    first = shown(secure)
    secure.groups["Tls"]["Certificate"] += ";" + certificate
    secure.groups["Tls"]["Key"] += ";" + key
    secure.relay.configure(secure.groups)
    secure.reload()
    wait_for(lambda: shown(secure, "other.example") != first, what="the other certificate")
    equal(shown(secure, "localhost"), first)
    equal(shown(secure, "unknown.example"), first)


harness.main([
    test_one_room,
    test_page,
    test_frames_behind_the_request,
    test_slow_reader,
    test_end,
    test_versions,
    test_ciphers,
    test_scan,
    test_what_is_agreed,
    test_protocols,
    test_resumption,
    test_renegotiation,
    test_gnutls,
    test_stall,
    test_garbage,
    test_garbage_later,
    test_renewal,
    test_bad_files,
    test_no_start,
    test_expiry,
    test_peers,
    test_peer_and_strangers,
    test_names,
])
