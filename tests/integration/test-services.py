#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Declared services and rtcbusctl forward: who gets through, and that nothing is left behind."""

import math
import json
import os
import selectors
import signal
import socket
import struct
import sys
import textwrap
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ctl  # noqa: E402
import harness  # noqa: E402
import services  # noqa: E402
from channels import Acquired, open_channel  # noqa: E402
from harness import GLib, check, equal, note, wait_for  # noqa: E402
from services import Server, declare, word  # noqa: E402

ROUNDS = int(os.environ.get("RTCBUS_TEST_FORWARDS", "600"))
AT_ONCE = 200
MIB = 1024 * 1024
ANY_PORT = 0xffffffff  # VMADDR_PORT_ANY: all the containers of a machine share its ports
PROTOCOL = GLib.Variant("s", "rtcbus-pipe.1")


class Echo(threading.Thread):
    """A TCP or Unix server: greets, echoes until the end of the input, then says goodbye."""

    def __init__(self, world, path=None):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.listener.bind(path or ("127.0.0.1", 0))
        self.listener.listen(512)
        self.address = f"unix:{path}" if path else f"tcp:127.0.0.1:{self.listener.getsockname()[1]}"
        self.open = 0
        world.closing(self.listener)
        self.start()

    def run(self):
        selector = selectors.DefaultSelector()
        selector.register(self.listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                try:
                    if key.fileobj is self.listener:
                        connection, _ = self.listener.accept()
                        self.open += 1
                        connection.sendall(b"hello ")
                        selector.register(connection, selectors.EVENT_READ)
                    elif data := key.fileobj.recv(65536):
                        key.fileobj.sendall(data)
                    else:
                        key.fileobj.sendall(b" goodbye")
                        self.end(selector, key.fileobj)
                except OSError:
                    if key.fileobj is self.listener:
                        return
                    self.end(selector, key.fileobj)

    def end(self, selector, connection):
        selector.unregister(connection)
        connection.close()
        self.open -= 1


class Flood(Server):
    """Sends to each as much as it takes."""

    def serve(self, connection):
        while True:
            connection.sendall(bytes(65536))


class Forward:
    def __init__(self, peer, name, where="127.0.0.1:0", wrapper=()):
        self.process = peer.world.run(
            "forward", [*wrapper, *ctl.command("forward", where, "box", name)],
            env=ctl.environment(peer))
        wait_for(lambda: self.process.lines() or not self.process.running(), 10, "forward")
        check(self.process.running(), "forward ended: " + self.process.stderr())
        self.port = int(self.process.lines()[0].split()[0].rsplit(":", 1)[1])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), harness.PATIENCE * harness.SLOW)


def read_all(connection):
    return b"".join(iter(lambda: connection.recv(65536), b""))


def read_exactly(connection, count):
    data = b""
    while len(data) < count and (more := connection.recv(count - len(data))):
        data += more
    return data


def talk(connection, text):
    """What comes back; b"" if the connection is refused, which may be at any time."""
    with connection:
        try:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)
        except TimeoutError:
            raise
        except OSError:  # a reset; not connected any more
            return b""


def pair(world, policy="tofu"):
    relay = world.relay()
    box = world.peer("box", relay, config={"Trust": {"Policy": policy}})
    desk = world.peer("desk", relay)
    desk.wait_peer("box")
    return box, desk


def reload(peer):
    """Asks for it; who calls waits for the effect."""
    peer.signal(signal.SIGHUP)


def reload_now(peer):
    """What PEER said meanwhile."""
    before = peer.stderr()
    reload(peer)
    wait_for(lambda: "configuration read again" in peer.stderr()[len(before):], 5, "the reload")
    return peer.stderr()[len(before):]


def channels(peer):
    return [p for p in peer.objects() if "/channel/" in p]


def test_tcp_and_unix(world):
    box, desk = pair(world)
    for name, path in (("tcp", None), ("unix", world.path("echo.sock"))):
        echo = Echo(world, path)
        declare(world, name, echo.address, word(desk))
        reload(box)
        forward = Forward(desk, name)
        blob = os.urandom(300000)
        wait_for(lambda f=forward: talk(f.connect(), b"?") == b"hello ? goodbye", 5, "the service")
        equal(talk(forward.connect(), blob) == b"hello " + blob + b" goodbye", True, "the echo")
        equal(talk(forward.connect(), b""), b"hello  goodbye", "the half-close")
        forward.process.stop()


def test_lists(world):
    """Here all, and for a remote those that are for it; what is not for it might as well not be."""
    box, desk = pair(world)
    listed = ctl.run(box, "services")
    check(listed[0] == 0 and "No service is offered here" in listed[1], listed)
    equal(ctl.run(desk, "services", "box")[:2], (0, "box offers us no service\n"))
    echo = Echo(world)
    for name, whom in (("zebra", word(desk)), ("echo", word(desk)), ("secret", "somebody")):
        declare(world, name, echo.address, whom)
    reload(box)
    wait_for(lambda: "zebra" in ctl.run(box, "services")[1], 20, "the reload")
    ours = json.loads(ctl.run(box, "--json", "services")[1])
    equal([(s["name"], s["connect"]) for s in ours],
          [(name, echo.address) for name in ("echo", "secret", "zebra")])
    equal(json.loads(ctl.run(box, "--json", "status")[1])["services"], ours)
    equal(ctl.run(desk, "services", "box")[:2], (0, "echo\nzebra\n"))
    equal(json.loads(ctl.run(desk, "--json", "services", "box")[1]), ["echo", "zebra"])
    wait_for(lambda: not desk.calls() and not channels(box), 20, "the end of its calls")


def test_lists_not_taken(world):
    """Lists that nobody takes: a few at a time, and not for ever."""
    box, desk = pair(world)
    call = desk.call("box")
    call.wait_state("connected")
    before = box.fds()
    asked = [Acquired(open_channel(call, "services", protocol=PROTOCOL)) for _ in range(12)]
    answers = [a.read() for a in asked]
    equal(answers.count(b"Rf"), 8, f"those refused: {answers}")
    check(box.fds() - before < 20, f"{before} descriptors, and then {box.fds()}")
    wait_for(lambda: len(channels(box)) == len(channels(desk)) == 1, 40, "the lists to end")
    check(box.fds() <= before + 1, f"{before} descriptors, and then {box.fds()}")
    equal(ctl.run(desk, "services", "box")[:2], (0, "box offers us no service\n"))


def test_forward_to_a_path(world):
    box, desk = pair(world)
    echo = Echo(world)
    declare(world, "echo", echo.address, word(desk))
    reload_now(box)
    path = world.path("here.sock")
    process = world.run("forward", ctl.command("forward", "unix:" + path, "box", "echo"),
                        env=ctl.environment(desk))
    wait_for(lambda: process.lines(), 20, "the path")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        equal(talk(client, b"?"), b"hello ? goodbye", "the service")
    process.stop()
    check(not os.path.exists(path), "the path is left")


def test_forward_from_this_machine(world):
    """A port alone and one of localhost are for nobody else."""
    box, desk = pair(world)
    echo = Echo(world)
    declare(world, "echo", echo.address, word(desk))
    reload_now(box)
    for where in "0", "localhost:0":
        forward = Forward(desk, "echo", where)
        check(forward.process.lines()[0].startswith("127.0.0.1:"), forward.process.lines())
        equal(talk(forward.connect(), b"?"), b"hello ? goodbye", "the service")
        forward.process.stop()


def echo_pair(world):
    box, desk = pair(world)
    echo = Echo(world)
    declare(world, "echo", echo.address, word(desk))
    reload(box)
    forward = Forward(desk, "echo")
    wait_for(lambda: talk(forward.connect(), b"?") == b"hello ? goodbye", 5, "the service")
    return box, desk, echo, forward


def refusal(call, name):
    """(what comes, seconds until the channel's end)"""
    began = time.monotonic()
    acquired = Acquired(open_channel(call, "service/" + name, protocol=PROTOCOL))
    packets = acquired.read_all()
    took = time.monotonic() - began
    acquired.socket.close()
    return packets, took


def refuse_each(call, least):
    """Updates LEAST, {name: seconds}, and returns how far they are apart."""
    for name in least:
        packets, took = refusal(call, name)
        equal(packets, [b"Rn"], f"the answer for {name!r}")
        least[name] = min(least[name], took)
    return max(least.values()) - min(least.values())


def test_refused_alike(world):
    """Not declared, for nobody, for another key, for a name that is only claimed: one answer.

    What an answer itself takes is the least that was seen.  A busy machine only adds to it, so
    there it takes more rounds to see that they are alike; one that takes longer never gets there.
    """
    echo = Echo(world)
    declare(world, "nobody", echo.address, "")
    declare(world, "other", echo.address, "sha-256:" + ":".join(["AB"] * 32))
    declare(world, "claimed", echo.address, "desk")
    box, desk = pair(world, "any")
    call = desk.call("box")
    call.wait_state("connected")
    least = dict.fromkeys(["absent", "nobody", "other", "claimed", "../nobody", ""], math.inf)
    for _ in range(20):
        refuse_each(call, least)
    wait_for(lambda: refuse_each(call, least) < 0.003 * harness.SLOW, 90, "answers that look alike")
    note("least ms to the refusal: " + ", ".join(f"{name or 'empty'} {took * 1e3:.2f}"
                                                 for name, took in least.items()))
    wait_for(lambda: len(channels(box)) == 1, 5, "the channels to go")
    equal(echo.open, 0, "connections that got through")


def test_known_name(world):
    """A name in Allow= is that of a key which somebody vouches for, not of whom we called first."""
    echo = Echo(world)
    declare(world, "named", echo.address, "desk")
    box, desk = pair(world, "tofu")
    first = box.call("desk")
    first.wait_state("connected")
    first.hangup()
    first.wait_ended()
    forward = Forward(desk, "named")
    equal(talk(forward.connect(), b"?"), b"", "what comes before the key is known")
    wait_for(lambda: "no such service" in forward.process.stderr(), 5, "the refusal to be told")
    check("desk is remembered" in box.stderr(), "the name was learned by the first call")
    check(f"service named refused to desk: it is not declared, or not for the key "
          f"{desk.get('Fingerprint')}" in box.stderr(), "box says whom it has refused")
    box.invoke("TrustPeer", "(ss)", "desk", desk.get("Fingerprint"))
    equal(talk(forward.connect(), b"?"), b"hello ? goodbye", "the answer")


def test_not_reachable(world):
    box, desk = pair(world)
    declare(world, "down", "tcp:127.0.0.1:1", word(desk))
    reload_now(box)  # refusals before it would use up the lines of the log
    call = desk.call("box")
    call.wait_state("connected")
    wait_for(lambda: refusal(call, "down")[0] == [b"Rf"], 5, "the answer of the service")
    check("service down cannot be reached: " in box.stderr(), "box says why")

    def show(name, seen):
        refusal(call, name)
        return seen in box.stderr()

    wait_for(lambda: show("x\x1b" * 9000, "x\ufffdx\ufffd"), 5, "a name to be shown without harm")
    check("\x1b" not in box.stderr(), "a name is shown without harm")
    said = box.stderr().count("\n")
    for _ in range(100):
        refusal(call, "x\x1b" * 9000)
    check(box.stderr().count("\n") - said < 20, "a hundred refusals do not fill the journal")


def test_wrong_file(world):
    """One wrong file takes away its own service and no other, at start as at reload."""
    box, desk = pair(world)
    declare(world, "ssh", "tcp:127.0.0.1:1", word(desk))
    declare(world, "printer", "udp:127.0.0.1:1", word(desk))

    def answers():
        call = desk.call("box")
        call.wait_state("connected")
        return [refusal(call, name)[0][0] for name in ("ssh", "printer")]

    for how in "reload", "start":
        if how == "start":
            box.restart()
            desk.wait_peer("box")
            said = box.stderr()
        else:
            said = reload_now(box)
        lines = [line for line in said.splitlines() if "printer.conf" in line]
        equal(len(lines), 1, f"lines at {how} about the file: {said}")
        for part in ("not offered", "[Service] Connect=udp:127.0.0.1:1", "must be tcp:HOST:PORT"):
            check(part in lines[0], f"{part} is not in {lines[0]}")
        equal(answers(), [b"Rf", b"Rn"], f"ssh and printer after the {how}")
        _, shown, _ = ctl.run(box, "status")
        check("Problem: the service printer is not offered" in shown, shown)
    declare(world, "printer", "tcp:127.0.0.1:1", word(desk))
    check("not offered" not in reload_now(box), "a complaint about a file that is repaired")
    equal(answers(), [b"Rf", b"Rf"], "ssh and printer after the repair")
    check("Problem" not in ctl.run(box, "status")[1], "a problem that is repaired")
    declare(world, "printer", "tcp:127.0.0.1", word(desk))
    reload_now(box)
    equal(answers(), [b"Rf", b"Rn"], "ssh and printer, which is wrong again")


def test_readme(world):
    """The file that README shows, as it stands there but for the port."""
    box, desk = pair(world)
    path = os.path.join(os.environ["top_srcdir"], "README")
    with open(path, encoding="utf-8") as f:
        example = f.read().split("\n\n    [Service]\n")[1].split("\n\n")[0]
    os.makedirs(services.folder(world), exist_ok=True)
    with open(os.path.join(services.folder(world), "ssh.conf"), "w", encoding="utf-8") as f:
        f.write("[Service]\n" + textwrap.dedent(example).replace(":22", ":1"))
    box.invoke("TrustPeer", "(ss)", "laptop", desk.get("Fingerprint"))
    reload_now(box)
    call = desk.call("box")
    call.wait_state("connected")
    equal(refusal(call, "ssh")[0], [b"Rf"], "the answer of a service that is down")


def test_values(world):
    """What nobody could be meant by, or nothing be connected to, is said at once."""
    box, desk = pair(world)
    key = desk.get("Fingerprint")
    box.invoke("TrustPeer", "(ss)", "Ann's desk", key)
    call = desk.call("box")
    call.wait_state("connected")
    for connect, allow, good in (
            ("tcp:127.0.0.1:1", "Ann's%20desk", True), ("tcp:127.0.0.1:1", key, True),
            ("tcp:127.0.0.1:1", key.replace("sha", "SHA").lower(), True),
            ("tcp:127.0.0.1:1", "Ann's desk # the new one", False),
            ("tcp:127.0.0.1:1", key[:-1], False), ("tcp:127.0.0.1:1", "100%", False),
            ("tcp:127.0.0.1:1", key + ";*", False),
            ("tcp::1", key, False), ("unix:/" + "x" * 107, key, False)):
        declare(world, "value", connect, allow)
        equal("value.conf" in reload_now(box), not good, f"the complaint of {connect} for {allow}")
        equal(refusal(call, "value")[0], [b"Rf" if good else b"Rn"], f"{connect} for {allow}")
    declare(world, "value", "tcp:127.0.0.1:1", "*")
    check("there is no * for all" in reload_now(box), "the complaint of *")
    for allow, warned in ("Ann's%20desk,box", True), ("Ann's%20desk%2Cbox", False):
        declare(world, "value", "tcp:127.0.0.1:1", allow)
        equal('separated by ";"' in reload_now(box), warned, f"the warning of {allow}")
    os.unlink(os.path.join(services.folder(world), "value.conf"))
    os.rmdir(services.folder(world))
    with open(services.folder(world), "w", encoding="utf-8") as f:
        f.write("not a folder")
    check("services.d" in reload_now(box), "the complaint of a folder that is none")


def test_many(world):
    """AT_ONCE connections at a time, ROUNDS in all; nothing may be left of them."""
    box, desk, echo, forward = echo_pair(world)
    wait_for(lambda: len(channels(box)) == len(channels(desk)) == 1, 5, "the channels to go")
    processes = {"box": box, "desk": desk, "forward": forward.process}
    began, done, first = time.monotonic(), 0, None
    while done < ROUNDS:
        connections = [forward.connect() for _ in range(AT_ONCE)]
        for number, connection in enumerate(connections):
            connection.sendall(b"%d" % number)
        for number, connection in enumerate(connections):
            wanted = b"hello %d" % number
            equal(read_exactly(connection, len(wanted)), wanted, "the echo")
        for number, connection in enumerate(connections):
            if number % 3:
                equal(talk(connection, b""), b" goodbye", "the end")
            else:
                connection.close()
        done += AT_ONCE
        wait_for(lambda: len(channels(box)) == len(channels(desk)) == 1, 20, "the channels to go")
        if not first:
            first = {name: p.rss_kib() for name, p in processes.items()}
            fds = {name: p.fds() for name, p in processes.items()}
    grown = {name: p.rss_kib() - first[name] for name, p in processes.items()}
    note(f"{done} connections, {AT_ONCE} at once, in {time.monotonic() - began:.1f} s; "
         f"RSS grew after the first {AT_ONCE} by {grown} KiB")
    now = {name: p.fds() for name, p in processes.items()}
    # A call that has carried much gets a second socket, once, and be it only now.
    check(all(now[name] <= fds[name] + (name != "forward") for name in fds),
          f"descriptors: {now}, first {fds}")
    equal(echo.open, 0, "connections at the service")
    if not box.sanitized():
        check(max(grown.values()) < 4096 * harness.SLOW, f"memory grew: {grown} KiB")
    stream_ids = [i[harness.CHANNEL_INTERFACE]["Id"] for i in desk.objects().values()
                  if harness.CHANNEL_INTERFACE in i]
    call = next(p for p in desk.objects() if p.count("/") == 5)
    fresh = open_channel(harness.Call(desk, call), "after")
    wait_for(lambda: fresh.get("State") == "open", 5, "a new channel")
    check(fresh.get("Id") < 8, f"stream ids are not used again: {fresh.get('Id')}, {stream_ids}")


def still(value, least, seconds=0.5):
    """Whether value() is above LEAST and has stopped to grow."""
    before = value()
    time.sleep(seconds)
    return before > least and before == value()


def test_stalled_stream(world):
    """Connections that read nothing hold up neither another one nor SCTP's window."""
    box, desk = pair(world)
    flood = Flood(world)
    echo = Echo(world)
    declare(world, "flood", flood.address, word(desk))
    declare(world, "echo", echo.address, word(desk))
    reload(box)
    forwards = Forward(desk, "flood"), Forward(desk, "echo")
    wait_for(lambda: talk(forwards[1].connect(), b"?") == b"hello ? goodbye", 5, "the service")
    stalled = [forwards[0].connect() for _ in range(8)]
    call = harness.Call(desk, next(p for p in desk.objects() if p.count("/") == 5))
    wait_for(lambda: still(lambda: call.get("BytesReceived"), 8 * 256 * 1024), 60,
             "the flood to stop")
    arrived = call.get("BytesReceived")
    note(f"8 connections with nobody reading: {arrived // 1024} KiB have come")
    check(arrived < 8 * 20 * MIB, "nothing has stopped it")
    for _ in range(10):
        equal(talk(forwards[1].connect(), b"?"), b"hello ? goodbye", "another connection")
    began, count = time.monotonic(), 0
    while count < 64 * MIB:
        count += len(stalled[0].recv(1 << 20))
    note(f"one of them then reads {count * 8e-6 / (time.monotonic() - began):.0f} Mbit/s")
    for connection in stalled:
        connection.close()
    wait_for(lambda: len(channels(box)) == len(channels(desk)) == 1, 20, "the channels to go")


class Deaf(Server):
    """Reads nothing, and closes nothing."""

    def serve(self, connection):
        threading.Event().wait()


def stuck(world):
    """Two peers, clients of one that can send no more to a service of the other's, and how many
    descriptors that one had before them."""
    box, desk = pair(world)
    declare(world, "deaf", Deaf(world).address, word(desk))
    reload_now(box)
    before = box.fds()
    forward = Forward(desk, "deaf")
    senders = [forward.connect() for _ in range(5)]
    for sender in senders:
        sender.settimeout(0.3 * harness.SLOW)
        try:
            while True:
                sender.sendall(bytes(MIB))
        except TimeoutError:
            pass
    return box, desk, senders, before


def test_cut_stream(world):
    """What a service does not read is not kept for ever once the channel is gone."""
    box, desk, senders, before = stuck(world)
    check(box.fds() >= before + 2 * len(senders), f"{box.fds()} descriptors: nothing is held")
    harness.Call(desk, next(p for p in desk.objects() if p.count("/") == 5)).hangup()
    wait_for(lambda: not [p for p in box.objects() if "/call/" in p], 5, "the end of the call")
    wait_for(lambda: box.fds() < before + len(senders), 15, "the descriptors to be closed")
    note(f"{before} descriptors before them, {box.fds()} then")


def test_reset_clients(world):
    """Clients that are reset while nothing of theirs is taken leave no channel."""
    box, desk, senders, _ = stuck(world)
    equal(len(channels(desk)), 1 + len(senders), "channels of those who wait")
    for sender in senders:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sender.close()
    wait_for(lambda: len(channels(desk)) == len(channels(box)) == 1, 20, "the channels to go")


def test_redial(world):
    """The call ends, then the daemon: whoever comes next waits for a new call, all of them."""
    box, desk, _, forward = echo_pair(world)
    for how in "hangup", "restart", "away":
        if how == "hangup":
            box.calls()[0].hangup()
            wait_for(lambda: not desk.calls(), 5, "the call to end")
        elif how == "restart":
            desk.restart()
            desk.wait_peer("box")
        else:
            box.restart()
            wait_for(lambda: not desk.calls(), 5, "the call to end")
            desk.wait_peer("box")
        connections = [forward.connect() for _ in range(20)]
        for connection in connections:
            equal(talk(connection, how.encode()), b"hello " + how.encode() + b" goodbye",
                  f"the answer after {how}")
        equal(len(desk.calls()), 1, f"calls after {how}")


HANDER = """
import os, socket, sys
kind, where, name = sys.argv[1:4]
if kind == "tcp":
    s = socket.socket()
    s.bind(("127.0.0.1", int(where)))
    s.listen(50)
elif kind == "listening":
    s = socket.socket(socket.AF_UNIX)
    s.bind(where)
    s.listen(50)
elif kind == "vsock":
    s = socket.socket(socket.AF_VSOCK)
    s.bind((socket.VMADDR_CID_ANY, int(where)))
    s.listen(50)
elif kind == "datagram":
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(where)
else:
    s = socket.socket(socket.AF_UNIX)
    s.connect(where)
if s.fileno() != 3:
    os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES=name)
os.execv(sys.argv[4], sys.argv[4:])
"""


def handing(kind, where, name):
    """What a service manager does before it starts a program."""
    return ["/usr/bin/python3", "-c", HANDER, kind, str(where), name]


FAKE_PEER = """<node>
  <interface name="org.rtcbus.Peer1">
    <method name="Call">
      <arg type="s" direction="in"/><arg type="a{sv}" direction="in"/><arg type="o" direction="out"/>
    </method>
    <signal name="CallEnded"><arg type="o"/><arg type="s"/><arg type="s"/></signal>
  </interface>
  <interface name="org.rtcbus.Peer1.Call">
    <method name="OpenChannel">
      <arg type="s" direction="in"/><arg type="a{sv}" direction="in"/><arg type="o" direction="out"/>
    </method>
    <method name="Hangup"/>
    <property name="State" type="s" access="read"/>
  </interface>
</node>"""


class SlowPeer:
    """A daemon whose answers to OpenChannel come when the test says."""

    PATH = "/org/rtcbus/Peer1"

    def __init__(self, world):
        self.world = world
        self.bus = harness.Bus(world, "slow")
        self.service = self.bus.connect()
        self.calls, self.reads, self.openings, self.state = 0, 0, [], "connected"
        self.info = harness.Gio.DBusNodeInfo.new_for_xml(FAKE_PEER)
        self.register(self.PATH, "org.rtcbus.Peer1")
        self.service.call_sync(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
            GLib.Variant("(su)", ("org.rtcbus.Peer1", 0)), None, 0, -1, None)

    def register(self, path, interface):
        self.service.register_object(path, self.info.lookup_interface(interface), self.on_method,
                                     self.on_read, None)

    def on_read(self, *_):
        self.reads += 1
        return GLib.Variant("s", self.state)

    def on_method(self, _connection, _sender, _path, _interface, method, _arguments, invocation):
        if method == "OpenChannel":
            self.openings.append(invocation)
        elif method == "Call":
            self.calls += 1
            path = f"{self.PATH}/call/{self.calls}"
            self.register(path, "org.rtcbus.Peer1.Call")
            invocation.return_value(GLib.Variant("(o)", (path,)))
        else:
            invocation.return_value(None)

    def enter(self, state):
        """The call has another State, and tells so."""
        self.state = state
        self.service.emit_signal(
            None, f"{self.PATH}/call/{self.calls}", "org.freedesktop.DBus.Properties",
            "PropertiesChanged", GLib.Variant("(sa{sv}as)", (
                "org.rtcbus.Peer1.Call", {"State": GLib.Variant("s", state)}, [])))

    def end_call(self):
        self.service.emit_signal(None, self.PATH, "org.rtcbus.Peer1", "CallEnded", GLib.Variant(
            "(oss)", (f"{self.PATH}/call/{self.calls}", "box", "the connection failed")))

    def refuse(self):
        self.openings.pop(0).return_dbus_error("org.rtcbus.Error.NotConnected", "no such call")


def test_forward_call_ends_while_opening(world):
    """What comes late about the call that has ended: those who wait get the next one."""
    peer = SlowPeer(world)
    process = world.run("forward", ctl.command("forward", "127.0.0.1:0", "box", "echo"),
                        env=ctl.environment(peer))
    wait_for(process.lines, 10, "forward")
    port = int(process.lines()[0].split()[0].rsplit(":", 1)[1])
    for _ in range(3):
        world.closing(socket.create_connection(("127.0.0.1", port), 20 * harness.SLOW))
    wait_for(lambda: len(peer.openings) == 3, 5, "all to ask for a channel")
    peer.state = "connecting"
    peer.end_call()
    peer.refuse()
    wait_for(lambda: peer.calls == 2, 5, "the next call")
    peer.refuse()
    wait_for(lambda: peer.reads == 2 or not process.running(), 5, "forward to wait")
    check(process.running(), "forward ended: " + process.stderr())
    late = peer.openings.pop()
    equal(len(peer.openings), 0, "channels of a call that is not connected")
    peer.enter("connected")
    wait_for(lambda: len(peer.openings) == 2, 5, "two to ask again")
    late.return_dbus_error("org.rtcbus.Error.NotConnected", "no such call")
    wait_for(lambda: len(peer.openings) == 3, 5, "the third to ask again")
    equal(peer.calls, 2, "calls")
    process.kill()


def test_forward_handed_port(world):
    """The port comes from systemd, and whoever was there before the peer is."""
    relay = world.relay()
    desk = world.peer("desk", relay)
    echo, port = Echo(world), harness.free_port()
    declare(world, "echo", echo.address, word(desk))
    forward = Forward(desk, "echo", "fd:", handing("tcp", port, "port"))
    equal(forward.port, port, "the port")
    equal(talk(forward.connect(), b"?"), b"", "what comes while there is no box")
    world.peer("box", relay)
    desk.wait_peer("box")
    equal(talk(forward.connect(), b"?"), b"hello ? goodbye", "the answer")
    status, _, err = ctl.run(desk, "forward", "fd:port", "box", "echo")
    equal(status, 1, "exit status without a socket")
    check("fd:port" in err, f"the message is {err!r}")


def test_handed_service(world):
    """A socket that listens is connected to; a connected one serves one channel."""
    relay = world.relay()
    desk = world.peer("desk", relay, config={"Trust": {"Policy": "any"}})
    path = world.path("handed.sock")
    config = {"Peer": {"Name": "box"}, "Trust": {"Policy": "any"}}
    for kind, name in ("listening", "printer"), ("connected", "once"):
        declare(world, name, "fd:" + name, word(desk))
        if kind == "connected":
            echo = Echo(world, path + ".2")
        box = world.peer("box", relay, config=config, wrapper=handing(
            kind, path if kind == "listening" else path + ".2", name))
        desk.wait_peer("box")
        if kind == "listening":
            os.unlink(path)  # the daemon's socket has bound it; the program's own comes
            echo = Echo(world, path)
        forward = Forward(desk, name)
        equal(talk(forward.connect(), b"?"), b"hello ? goodbye", f"the answer of {name}")
        second = talk(forward.connect(), b"?")
        equal(second, b"hello ? goodbye" if kind == "listening" else b"", f"the second of {name}")
        if kind == "connected":
            wait_for(lambda: "once" in box.stderr(), 5, "the complaint")
        forward.process.stop()
        box.stop()
        wait_for(lambda: not desk.get("Peers"), 5, "box to leave")
    check(echo, "the last service")


def has_vsock():
    try:
        socket.socket(socket.AF_VSOCK).close()
        return True
    except OSError:
        note("no vsock on this machine")
        return False


def test_handed_wrong(world):
    """A socket that nothing can be connected to is refused, and the journal says why."""
    relay = world.relay()
    desk = world.peer("desk", relay, config={"Trust": {"Policy": "any"}})
    config = {"Peer": {"Name": "box"}, "Trust": {"Policy": "any"}}
    declare(world, "odd", "fd:odd", word(desk))
    for kind, where in [("datagram", world.path("odd.sock"))] + [("vsock", ANY_PORT)] * has_vsock():
        box = world.peer("box", relay, config=config, wrapper=handing(kind, where, "odd"))
        desk.wait_peer("box")
        call = desk.call("box")
        call.wait_state("connected")
        equal(refusal(call, "odd")[0], [b"Rf"], f"the answer for a {kind} socket")
        check("neither a connected stream" in box.stderr(), f"no word about a {kind} socket")
        box.stop()
        wait_for(lambda: not desk.get("Peers"), 5, "box to leave")


def test_usage(world):
    _, desk = pair(world)
    for arguments in (["22 22", "box", "x"], ["example.org:2222", "box", "x"], ["127.0.0.1:1", "box"],
                      ["unix:x", "box", "x"], ["::1", "box", "x"], ["::1:2222", "box", "x"], ["[::1]", "box", "x"]):
        equal(ctl.run(desk, "forward", *arguments)[0], 2, f"exit status of {arguments}")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
