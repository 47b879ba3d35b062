# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""nginx, HAProxy and Caddy before a relay, each with the configuration of data/examples/relay. The
room /kitchen is /rtc/kitchen there."""

import os
import re
import shutil
import socket
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "network"))

import harness  # noqa: E402
from harness import Failed, Skip, check, equal, free_port, wait_for  # noqa: E402
from members import RTCBUS  # noqa: E402
from wsclient import PATIENCE, WsClient  # noqa: E402

EXAMPLES = os.path.join(harness.TOP_SRCDIR, "data", "examples", "relay")


def authority(world):
    try:
        from authority import Authority
    except ImportError:
        raise Skip("python3-cryptography is not installed") from None
    return Authority(world)


class Front:
    """A proxy with an example of ours before a relay."""

    def __init__(self, world, program, package):
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
            raise Skip(f"{package} is not installed")
        self.world = world
        self.port = free_port()
        self.authority = authority(world)
        self.certificate, self.key = self.authority.certificate("front", ["127.0.0.1", "localhost"])
        self.folder = world.path(program)
        os.makedirs(self.folder)
        self.relay = world.relay(config={
            "Relay": {"TrustedProxies": "127.0.0.1"},
            "Web": {"Directory": os.path.join(harness.TOP_SRCDIR, "data", "web")}})
        self.program = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")

    def example(self, name, *changes):
        """The example NAME with our ports and files in it; each change must find something."""
        with open(os.path.join(EXAMPLES, name), encoding="utf-8") as f:
            text = f.read()
        changes += (("127.0.0.1:41337", f"127.0.0.1:{self.relay.port}"),)
        for before, after in changes:
            text, count = re.subn(before, lambda _: after, text)
            check(count, f"{name} has no {before}")
        return text

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def start(self, *arguments, **env):
        process = self.process = self.world.run("front", [self.program, *arguments],
                                 env={"PATH": os.environ["PATH"], "HOME": self.folder, **env})

        def listening():
            if not process.running():
                raise Failed("the front has ended: " + process.stderr() + process.stdout())
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0

        wait_for(listening, what="the front to listen")

    def context(self, *protocols):
        context = ssl.create_default_context(cafile=self.authority.file)
        context.set_alpn_protocols(list(protocols) or ["http/1.1"])
        context.check_hostname = False
        return context

    def member(self, path, **kwargs):
        made = WsClient(self.port, path, protocols=RTCBUS, tls=self.context(), **kwargs)
        self.world.closing(made)
        equal(made.recv_json()["type"], "welcome", "first frame")
        return made

    def get(self, path):
        raw = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        with self.context().wrap_socket(raw) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
                      "Connection: close\r\n\r\n".encode())
            data = b""
            while True:
                try:
                    piece = s.recv(1 << 16)
                except ssl.SSLEOFError:
                    break
                if not piece:
                    break
                data += piece
        return data.partition(b"\r\n\r\n")


def nginx(world):
    front = Front(world, "nginx", "nginx")
    server = front.write("rtcbus.conf", front.example(
        "nginx.conf", (r"listen 443", f"listen 127.0.0.1:{front.port}"),
        (r"/etc/letsencrypt/\S+/fullchain.pem", front.certificate),
        (r"/etc/letsencrypt/\S+/privkey.pem", front.key)))
    whole = front.write("nginx.conf", f"""daemon off; pid {front.folder}/pid; error_log stderr;
        events {{}} http {{ access_log off; include {server};
        {"".join(f"{kind}_temp_path {front.folder}/{kind};"
                 for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))} }}""")
    front.start("-c", whole, "-e", "stderr", *(["-g", "user root;"] if os.geteuid() == 0 else []))
    return front


def haproxy(world, *changes):
    """CHANGES: more of them in its configuration."""
    front = Front(world, "haproxy", "haproxy")
    with open(front.certificate, encoding="ascii") as a, open(front.key, encoding="ascii") as b:
        pair = front.write("pair.pem", a.read() + b.read())
    front.start("-db", "-f", front.write("haproxy.cfg", front.example(
        "haproxy.cfg", (r"bind :443", f"bind 127.0.0.1:{front.port}"), (r"/etc/haproxy/\S+", pair), *changes)))
    return front


def caddy(world):
    front = Front(world, "caddy", "caddy")
    site = front.example("Caddyfile", (r"relay\.example\.org {", f"""{{
        admin off
        auto_https off
    }}
    https://127.0.0.1:{front.port}, https://localhost:{front.port} {{
        tls {front.certificate} {front.key}"""))
    front.start("run", "--adapter", "caddyfile", "--config", front.write("Caddyfile", site))
    return front
