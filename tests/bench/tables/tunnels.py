# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A TCP connection through rtcbusctl forward, and through what one would type instead."""

import getpass
import os
import shutil
import subprocess

import apart
import ctl
import limits
import pairs
import services
from harness import World, free_port, wait_for
from table import Absent, Column, Target

TITLE = "iperf3 in writes of 128 KiB through a tunnel, over a veth with an MTU of 1500"
WAYS = {"with": True, "without": False}
COLUMNS = [Column(f"{key}-{way}", unit, better, digits, f"{way} offloads", group)
           for group, key, unit, better, digits in (
               ("throughput", "rate", "Mbit/s", "more", 0),
               ("CPU time of the tunnel's processes", "cpu", "ns/byte", "less", 2))
           for way in WAYS]
SSH = "ssh -L"
TARGETS = [Target(f"rate-{way}", 1, "at least", SSH) for way in WAYS]
NOTES = ["The tunnel's processes are ours (two daemons and rtcbusctl), ssh and sshd, or two socat.",
         "iperf3 shares the two cores with them."]
SIZE = 131072
SECONDS = 2


def descendants(pid):
    """PID and all that it has started."""
    found = subprocess.run(["pgrep", "--parent", str(pid)], capture_output=True, text=True,
                           check=False).stdout.split()
    return [pid, *(one for child in found for one in descendants(int(child)))]


class Tunnel:
    """From a port at the right end to one at the left."""

    role = "other"

    def __init__(self):
        self.world = None
        self.children = []

    def start(self):
        """Each cable is made when its turn comes."""

    def measure(self):
        figures = {}
        for way, offloads in WAYS.items():
            self.iperf = limits.Iperf()
            try:
                self.world = World("tunnel")
                cable = apart.cabled(self.world, offloads)
                self.left, self.right = cable.ends
                self.iperf.between(cable, "cubic")
                rate, cpu = self.transfer()
            finally:
                self.fill()
            figures.update({f"rate-{way}": rate, f"cpu-{way}": cpu})
        return figures

    def transfer(self):
        self.iperf.port = self.exit = free_port()
        self.iperf.through = "127.0.0.1", self.dig()
        self.iperf.carriers = self.processes
        nbytes, seconds, cpu, _ = self.iperf.run(SIZE, SECONDS)
        return nbytes * 8e-6 / seconds, cpu * 1e9 / nbytes

    def processes(self):
        return [pid for child in self.children for pid in descendants(child.pid)]

    def start_in(self, space, *argv, **options):
        child = space.popen(*argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        self.children.append(child)
        return child

    def listens(self, space, port):
        wait_for(lambda: f":{port} " in space.run("ss", "-Hltn"), 10, "the tunnel")

    def fill(self):
        self.iperf.stop()
        for child in reversed(self.children):
            child.terminate()
            child.wait()
        self.children = []
        pairs.end_world(self)

    def stop(self):
        """Nor is anything left."""


class Ours(Tunnel):
    name = "rtcbusctl forward"
    role = "ours"

    def dig(self):
        with self.world.inside(self.left):
            relay = self.world.relay(host=self.left.address)
            self.far = self.world.peer("emitter", relay)
        with self.world.inside(self.right):
            self.near = self.world.peer("listener", relay)
        services.declare(self.world, "bench", f"tcp:{self.left.address}:{self.exit}",
                         services.word(self.near))
        self.far.restart()
        self.near.wait_peer("emitter")
        forward = self.start_in(self.right, *ctl.command("forward", "127.0.0.1:0", "emitter", "bench"),
                                env=ctl.environment(self.near), stdout=subprocess.PIPE)
        return int(forward.stdout.readline().split()[0].rpartition(b":")[2])

    def processes(self):
        return super().processes() + [self.near.pid, self.far.pid]


class Ssh(Tunnel):
    """A server that only root may run, and keys of its own."""

    name = SSH

    def dig(self):
        server, entry = shutil.which("sshd", path="/usr/sbin:/usr/bin"), free_port()
        if not server or not shutil.which("ssh") or os.geteuid() != 0:
            raise Absent("openssh-server is not installed (apt), or this is not root")
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        folder = self.world.directory
        for key in "host", "user":
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            os.path.join(folder, key)], check=True)
        settings = {"HostKey": f"{folder}/host", "AuthorizedKeysFile": f"{folder}/user.pub",
                    "PidFile": "none", "StrictModes": "no", "UsePAM": "no", "PermitRootLogin": "yes"}
        port = free_port()
        options = [f"-o{key}={value}" for key, value in settings.items()]
        self.start_in(self.left, server, "-D", "-f", "/dev/null", "-p", str(port), *options)
        self.listens(self.left, port)
        self.start_in(self.right, "ssh", "-N", "-F", "/dev/null", "-p", str(port), "-i", f"{folder}/user",
                      "-oStrictHostKeyChecking=no", f"-oUserKnownHostsFile={folder}/known",
                      "-L", f"127.0.0.1:{entry}:{self.left.address}:{self.exit}",
                      f"{getpass.getuser()}@{self.left.address}")
        self.listens(self.right, entry)
        return entry


class Socat(Tunnel):
    name = "socat, TLS"

    def dig(self):
        if not shutil.which("socat"):
            raise Absent("socat is not installed (apt install socat)")
        entry, port, pem = free_port(), free_port(), os.path.join(self.world.directory, "tls.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=bench", "-keyout", pem,
                        "-out", pem], check=True, capture_output=True)
        self.start_in(self.left, "socat", "-b", str(SIZE),
                      f"OPENSSL-LISTEN:{port},fork,reuseaddr,cert={pem},verify=0",
                      f"TCP:{self.left.address}:{self.exit}")
        self.listens(self.left, port)
        self.start_in(self.right, "socat", "-b", str(SIZE), f"TCP-LISTEN:{entry},fork,reuseaddr",
                      f"OPENSSL:{self.left.address}:{port},verify=0")
        self.listens(self.right, entry)
        return entry


def contenders():
    return [Ours(), Ssh(), Socat()]
