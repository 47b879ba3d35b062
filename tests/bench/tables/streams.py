# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Byte streams: what rtcbusctl pipe and forward make of a channel."""

import socket
import subprocess
import threading
import time

import ctl
import pairs
import services
import usage
from channels import Channel as FoundChannel, open_channel, remote_channel
from harness import Call, wait_for
from table import Column, settings

TITLE = "byte streams, from one program to another, loopback"
COLUMNS = [
    Column("rate", "Mbit/s", "more", 0, "throughput"),
    Column("cpu", "ns/byte", "less", 2, "CPU time"),
    Column("peak", "MB", "less", 0, "peak RSS"),
    Column("beside-50", "ms", "less", 1, "a request beside, p50", pool=50),
    Column("beside-95", "ms", "less", 1, "p95", pool=95),
]
TARGETS = []
NOTES = ["CPU time and memory are those of the daemons and of what feeds the channel: the programs",
         "that acquire it, or two rtcbusctl; for forward one, its other end is in the daemon.",
         "A request is a connection of its own over the same call, 64 bytes there and back.",
         "The limit is a channel as it is, in messages of 64 KiB."]


class Stream:
    """Runs for a while, and looks at two moments in between."""

    role = "ours"

    def __init__(self):
        self.pair = pairs.Ours()
        self.children = []

    def start(self):
        self.pair.start_daemons()
        self.near, self.far = self.pair.listener, self.pair.emitter
        self.near.wait_peer("emitter")
        self.pids = [self.near.pid, self.far.pid]
        self.begin()

    def arrived(self):
        return self.channel.get("BytesReceived")

    def measure(self):
        seconds = 0.5 if settings.quick else 1.5
        wait_for(self.arrived, 10, "the stream")
        time.sleep(0.3)
        meter, began, first = usage.Meter(self.pids), time.monotonic(), self.arrived()
        time.sleep(seconds)
        count, took = self.arrived() - first, time.monotonic() - began
        return {"rate": count * 8e-6 / took, "cpu": meter.cpu_seconds() * 1e9 / count,
                "peak": meter.peak_kib() * 1024 / 1e6, **self.beside()}

    def beside(self):
        return {}

    def run(self, peer, *arguments, **options):
        child = subprocess.Popen(ctl.command(*arguments), env=ctl.environment(peer),
                                 stderr=subprocess.DEVNULL, **options)
        self.children.append(child)
        return child

    def stop(self):
        for child in self.children:
            child.kill()
            child.wait()
        self.children = []
        self.pair.stop()


class Pipe(Stream):
    name = "rtcbusctl pipe"

    def begin(self):
        listener = self.run(self.far, "pipe", "--listen", "--anyone", "bench",
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.children.append(subprocess.Popen(["cat"], stdin=listener.stdout,
                                              stdout=subprocess.DEVNULL))
        listener.stdout.close()
        with open("/dev/zero", "rb") as zero:
            sender = self.run(self.near, "pipe", "emitter", "bench", stdin=zero,
                              stdout=subprocess.DEVNULL)
        self.pids += [listener.pid, sender.pid]
        self.channel = remote_channel(self.far, "pipe/bench")


class Server(services.Server):
    """Sends without end to who asks for it, and what it gets to everybody else."""

    def serve(self, connection):
        zeros = bytes(1 << 20)
        request = connection.recv(64)
        connection.sendall(request)
        while request == b"flood":
            connection.sendall(zeros)


class Forward(Stream):
    name = "rtcbusctl forward"

    def begin(self):
        server = Server(self.pair.world)
        services.declare(self.pair.world, "bench", server.address, services.word(self.near))
        self.far.restart()
        self.far.wait_connected()
        self.near.wait_peer("emitter")
        self.pids[1] = self.far.pid
        forward = self.run(self.near, "forward", "127.0.0.1:0", "emitter", "bench",
                           stdout=subprocess.PIPE)
        self.port = int(forward.stdout.readline().split()[0].rpartition(b":")[2])
        self.pids.append(forward.pid)
        self.bulk = self.connect(b"flood")
        threading.Thread(target=self.read, daemon=True).start()
        path = next(p for p, i in self.near.objects().items() if "/channel/" in p
                    and any(x.get("Label") == "service/bench" for x in i.values()))
        self.channel = FoundChannel(self.near, path)

    def connect(self, request):
        connection = socket.create_connection(("127.0.0.1", self.port), 20)
        connection.sendall(request)
        connection.recv(64)
        return connection

    def read(self):
        buffer = bytearray(1 << 20)
        try:
            while self.bulk.recv_into(buffer):
                pass
        except OSError:
            pass

    def beside(self):
        times = []
        for _ in range(10 if settings.quick else 40):
            began = time.monotonic()
            self.connect(bytes(64)).close()
            times.append((time.monotonic() - began) * 1e3)
        return {"beside-50": times, "beside-95": times}


class Channel(Stream):
    name = "acquired channel"
    role = "limit"

    def begin(self):
        program = settings.program("tests/bench/agent")
        near, far = [self.pair.add([program, d.bus.address]) for d in (self.near, self.far)]
        call = self.near.call("emitter")
        call.wait_state("connected")
        here = open_channel(Call(self.near, call.path), "bench")
        near.ask("acquire " + here.path)
        self.channel = remote_channel(self.far, "bench")
        far.ask("acquire " + self.channel.path)
        far.ask("receive")
        near.ask("send 65536")
        self.pids += [near.pid, far.pid]


def contenders():
    return [Pipe(), Forward(), Channel()]
