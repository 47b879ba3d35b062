#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Declared forwards: the daemon itself listens, and keeps the call."""

import json
import os
import signal
import socket
import stat
import subprocess
import time

import ctl
import harness
from harness import check, equal, expect_error, wait_for
from services import Server, declare, word

ERROR = "org.rtcbus.Error."


class Echo(Server):
    def serve(self, connection):
        while data := connection.recv(65536):
            connection.sendall(data)


class Desk:
    """A peer with a configuration folder of its own: the others do not read its forwards."""

    def __init__(self, world, relay, start=True):
        self.folder = world.path("desk-etc")
        self.forwards = os.path.join(self.folder, "forwards.d")
        self.config = os.path.join(self.folder, "peer.conf")
        os.makedirs(self.forwards)
        harness.write_config(self.config, {"Peer": {"Name": "desk"}, "Relay": {"URL": relay.url()}})
        self.world, self.relay = world, relay
        if start:
            self.start()

    def start(self):
        self.peer = self.world.peer("desk", self.relay, arguments=("--config", self.config))

    def declare(self, name, listen, service="echo", **keys):
        """The same keys as in the file; Peer=box unless there is another."""
        harness.write_config(os.path.join(self.forwards, name + ".conf"),
                             {"Forward": {"Listen": listen, "Peer": "box", "Service": service,
                                          **keys}})

    def reload(self):
        self.peer.signal(signal.SIGHUP)

    def report(self, name):
        """(listen, peer, service, problem), or None"""
        return {r[0]: r[1:] for r in self.peer.get("Forwards")}.get(name)

    def wait_listening(self, name):
        wait_for(lambda: self.report(name) and self.report(name)[3] == "",
                 what=f"{name} to listen")

    def wait_box(self, state="connected", timeout=90):
        wait_for(lambda: {k[0]: k[1] for k in self.peer.get("KeptPeers")}.get("box") == state,
                 timeout, f"box to be {state}")


def here():
    return f"127.0.0.1:{harness.free_port()}"


def connect(address, timeout=60):
    if address.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(address.removeprefix("unix:"))
    else:
        host, _, port = address.rpartition(":")
        connection = socket.create_connection((host, int(port)))
    connection.settimeout(timeout * harness.SLOW)
    return connection


def echoes(connection, data=b"are you there?"):
    """Whether what is sent comes back; the daemons run by themselves."""
    connection.sendall(data)
    back = b""
    while len(back) < len(data):
        more = connection.recv(65536)
        if not more:
            return False
        back += more
    return back == data


def try_echo(address):
    try:
        with connect(address) as connection:
            return echoes(connection)
    except OSError:
        return False


def set_up(world, **kwargs):
    """A box that echoes, and a desk that does not run yet."""
    relay = world.relay()
    desk = Desk(world, relay, start=False)
    box = world.peer("box", relay, **kwargs)
    echo = Echo(world)
    return relay, box, desk, echo


def let_in(world, box, desk, echo):
    """The desk's key is known there."""
    declare(world, "echo", echo.address, word(desk.peer))
    before = box.stderr().count("configuration read again")
    box.signal(signal.SIGHUP)
    wait_for(lambda: box.stderr().count("configuration read again") > before, what="the reload")


def test_forward(world):
    """From a file to bytes, over a kill of the remote."""
    _, box, desk, echo = set_up(world)
    address = here()
    desk.declare("work", address)
    desk.start()
    desk.wait_listening("work")
    equal(desk.report("work"), (address, "box", "echo", ""))
    let_in(world, box, desk, echo)
    desk.wait_box()
    with connect(address) as connection:
        check(echoes(connection, b"x" * 300000), "the echo")
        connection.shutdown(socket.SHUT_WR)
        equal(connection.recv(1), b"", "the end")
    error = expect_error(ERROR + "Denied", desk.peer.invoke, "Unkeep", "(s)", "box")
    check("forwards.d" in error.message, error.message)
    standing = connect(address)
    check(echoes(standing), "the echo that stands")
    box.kill()
    box.restart()
    box.wait_connected()
    wait_for(lambda: try_echo(address), 120, "an echo after the kill")
    with standing:  # its bytes are lost, and it is told
        check(standing.recv(1) == b"", "a stream of before goes on")
    status, out, _ = ctl.run(desk.peer, "status")
    check(status == 0 and f"{address} leads to echo of box" in out, out)
    equal(json.loads(ctl.run(desk.peer, "--json", "status")[1])["forwards"],
          [{"name": "work", "listen": address, "peer": "box", "service": "echo", "problem": ""}])


def test_held_until_the_peer_comes(world):
    """Who connects while the peer is away waits for it, some seconds."""
    relay = world.relay()
    desk = Desk(world, relay, start=False)
    address = here()
    desk.declare("work", address)
    desk.start()
    desk.wait_listening("work")
    echo = Echo(world)
    declare(world, "echo", echo.address, word(desk.peer))
    with connect(address) as connection:
        world.peer("box", relay)
        check(echoes(connection), "the echo of one that was held")


def test_closed_when_nobody_comes(world):
    relay = world.relay()
    desk = Desk(world, relay, start=False)
    address = here()
    desk.declare("work", address)
    desk.start()
    desk.wait_listening("work")
    started = time.monotonic()
    with connect(address) as connection:
        equal(connection.recv(1), b"", "what came of nobody")
    check(time.monotonic() - started > 5, "it was not held")
    wait_for(lambda: "waited in vain" in desk.peer.stderr(), what="the log to say so")


def test_unix(world):
    """Open to its group; what a crash has left is replaced, what is in use is not."""
    _, box, desk, echo = set_up(world)
    path = world.path("socket")
    desk.declare("work", "unix:" + path)
    desk.start()
    desk.wait_listening("work")
    equal(stat.S_IMODE(os.lstat(path).st_mode), 0o660, "mode")
    let_in(world, box, desk, echo)
    desk.wait_box()
    check(try_echo("unix:" + path), "the echo")
    desk.peer.kill()
    check(os.path.exists(path), "a kill removed the socket")
    desk.peer.restart()
    desk.wait_listening("work")
    desk.wait_box()
    wait_for(lambda: try_echo("unix:" + path), what="the echo after a kill")
    desk.peer.stop()
    check(not os.path.exists(path), "the socket is left")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        desk.peer.restart()
        wait_for(lambda: desk.report("work")[3] != "", what="the problem")
        check("another program" in desk.report("work")[3], desk.report("work")[3])
    desk.wait_listening("work")
    desk.peer.stop()
    with open(path, "w", encoding="utf-8") as f:
        f.write("precious")
    desk.peer.restart()
    wait_for(lambda: desk.report("work")[3] != "", what="the problem")
    desk.peer.stop()
    with open(path, encoding="utf-8") as f:
        equal(f.read(), "precious", "a file that is no socket")


def test_address_comes_late(world):
    """It is waited for, named, and nothing else suffers."""
    _, box, desk, echo = set_up(world)
    address, other, far = here(), here(), "203.0.113.77:2222"
    host, _, port = address.rpartition(":")
    with socket.create_server((host, int(port))):
        desk.declare("work", address)
        desk.declare("other", other)
        desk.declare("far", far)
        desk.start()
        desk.wait_listening("other")
        check(desk.report("work")[3] and desk.report("far")[3], "no problem is told")
        status, out, _ = ctl.run(desk.peer, "status")
        equal(status, 1)
        check(f"the forward far does not listen on {far}" in out, out)
        let_in(world, box, desk, echo)
        desk.wait_box()
        check(try_echo(other), "the echo of the other one")
    desk.wait_listening("work")
    check(try_echo(address), "the echo")


def test_wrong_files(world):
    """One that is wrong costs its own; --check names file and line; reload mends it."""
    _, box, desk, echo = set_up(world)
    good, later = here(), here()
    desk.declare("good", good)
    desk.declare("typo", later, Listne="x")
    desk.declare("wrong", "localhost")
    desk.declare("lost", here(), Service="")
    desk.start()
    desk.wait_listening("good")
    desk.wait_listening("typo")
    check(desk.report("wrong") is None and desk.report("lost") is None, "they are there")
    status, out, _ = ctl.run(desk.peer, "status")
    check(status == 1 and "no forward wrong" in out and "no forward lost" in out, out)
    checked = subprocess.run([harness.program("rtcbus-peer"), "--check", "--config", desk.config],
                             check=False, text=True, capture_output=True, timeout=60,
                             env={"LC_ALL": "C.UTF-8"})
    equal(checked.returncode, 0, "a forward is no reason not to start")
    check("wrong.conf:2:" in checked.stdout and "127.0.0.1:2222" in checked.stdout, checked.stdout)
    check("is Listen= meant?" in checked.stdout, checked.stdout)
    let_in(world, box, desk, echo)
    desk.wait_box()
    with connect(good) as standing:
        check(echoes(standing), "the echo")
        os.remove(os.path.join(desk.forwards, "lost.conf"))
        os.remove(os.path.join(desk.forwards, "typo.conf"))
        desk.declare("wrong", later)
        desk.reload()
        desk.wait_listening("wrong")
        check(echoes(standing), "a reload cut what has not changed")
        check(try_echo(later), "the echo of the one that was mended")
        equal(desk.peer.get("Problems"), [])
        os.remove(os.path.join(desk.forwards, "good.conf"))
        desk.reload()
        wait_for(lambda: desk.report("good") is None, what="the forward to go")
        equal(standing.recv(1), b"", "a connection of what has gone")
    os.remove(os.path.join(desk.forwards, "wrong.conf"))
    desk.reload()
    wait_for(lambda: desk.peer.get("KeptPeers") == [], what="box to be kept no more")


def test_limit(world):
    """Each forward has a number of connections; those above it are closed at once."""
    _, box, desk, echo = set_up(world)
    address, other = here(), here()
    desk.declare("work", address, MaxConnections=2)
    desk.declare("other", other)
    desk.start()
    desk.wait_listening("work")
    let_in(world, box, desk, echo)
    desk.wait_box()
    one, two = connect(address), connect(address)
    check(echoes(one) and echoes(two), "the echoes")
    with connect(address) as three:
        equal(three.recv(1), b"", "the third")
    check(try_echo(other), "another forward has its own")
    one.close()
    wait_for(lambda: try_echo(address), what="a place to be free")
    two.close()


def test_refused_service(world):
    """What the peer has not declared is closed, and the log says so."""
    _, _box, desk, _echo = set_up(world)
    address = here()
    desk.declare("work", address, service="nothing")
    desk.start()
    desk.wait_listening("work")
    desk.wait_box()
    with connect(address) as connection:
        equal(connection.recv(1), b"", "what came of it")
    wait_for(lambda: "forward work:" in desk.peer.stderr(), what="the log to say so")


if __name__ == "__main__":
    harness.main([
        test_forward, test_held_until_the_peer_comes, test_closed_when_nobody_comes, test_unix,
        test_address_comes_late, test_wrong_files, test_limit, test_refused_service,
    ])
