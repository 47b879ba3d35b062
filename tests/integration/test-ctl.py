#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""rtcbusctl: usage, what it says when things are wrong, and the real daemons.

The tests of order and loss use a stand-in for the peer daemon, since only a
stand-in can send a signal between the question and the answer.
"""

import json
import os
import re
import signal
import subprocess

import harness
from gi.repository import Gio, GLib
from harness import CALL_INTERFACE, PEER, check, equal, wait_for

INTERFACES = """<node>
<interface name="org.rtcbus.Peer1">
 <method name="Call"><arg type="s" direction="in"/><arg type="a{sv}" direction="in"/>
  <arg type="o" direction="out"/></method>
 <method name="ReadNumbers"><arg type="t" direction="in"/><arg type="u" direction="in"/>
  <arg type="a(ttsd)" direction="out"/><arg type="t" direction="out"/></method>
 <method name="ReadReadings"><arg type="t" direction="in"/><arg type="u" direction="in"/>
  <arg type="a{sv}" direction="in"/><arg type="a(tttssvs)" direction="out"/>
  <arg type="t" direction="out"/></method>
 <method name="PublishReading"><arg type="s" direction="in"/><arg type="v" direction="in"/>
  <arg type="a{sv}" direction="in"/><arg type="t" direction="out"/></method>
 <property name="Version" type="s" access="read"/>
 <property name="Name" type="s" access="read"/>
 <property name="Fingerprint" type="s" access="read"/>
 <property name="RelayUrl" type="s" access="read"/>
 <property name="RelayState" type="s" access="read"/>
 <property name="Peers" type="a(ss)" access="read"/>
 <property name="NumbersReceived" type="t" access="read"/>
 <property name="LastNumber" type="(ttsd)" access="read"/>
 <property name="ListenerCount" type="u" access="read"/>
 <property name="HistoryId" type="s" access="read"/>
 <property name="ReadingsError" type="s" access="read"/>
</interface>
<interface name="org.rtcbus.Peer1.Call">
 <property name="Peer" type="s" access="read"/>
 <property name="Trust" type="s" access="read"/>
 <property name="RemoteFingerprint" type="s" access="read"/>
</interface>
<interface name="org.rtcbus.Peer1.Channel">
 <method name="Acquire"><arg type="a{sv}" direction="in"/><arg type="h" direction="out"/>
  <arg type="u" direction="out"/></method>
</interface>
<interface name="org.freedesktop.DBus.ObjectManager">
 <method name="GetManagedObjects"><arg type="a{oa{sa{sv}}}" direction="out"/></method>
</interface></node>"""


CALL, CHANNEL = PEER[1] + "/call/1", PEER[1] + "/call/1/channel/1"


class StandIn:
    """A peer daemon made of lists: .numbers is its history, .answer(method) is
    asked first and may emit signals or raise BusError."""

    def __init__(self, bus, history="first"):
        self.connection = bus.connect()
        self.numbers = []
        self.lost = 0
        self.calls = []
        self.asked = []
        self.answer = lambda method, arguments: None
        self.properties = {
            "Version": GLib.Variant("s", "0"),
            "Name": GLib.Variant("s", "stand-in"),
            "Fingerprint": GLib.Variant("s", "sha-256 AB:CD"),
            "RelayUrl": GLib.Variant("s", "ws://192.0.2.1:41337/"),
            "RelayState": GLib.Variant("s", "connected"),
            "Peers": GLib.Variant("a(ss)", []),
            "NumbersReceived": GLib.Variant("t", 0),
            "LastNumber": GLib.Variant("(ttsd)", (0, 0, "", 0.0)),
            "ListenerCount": GLib.Variant("u", 0),
            "HistoryId": GLib.Variant("s", history),
            "ReadingsError": GLib.Variant("s", ""),
            "Peer": GLib.Variant("s", "bob"),
            "Trust": GLib.Variant("s", "known"),
            "RemoteFingerprint": GLib.Variant("s", "sha-256 AB:CD"),
        }
        for path in PEER[1], CALL, CHANNEL:
            for info in Gio.DBusNodeInfo.new_for_xml(INTERFACES).interfaces:
                self.connection.register_object(path, info, self._on_method, self._on_get, None)
        self.connection.call_sync(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
            GLib.Variant("(su)", (PEER[0], 4)), None, Gio.DBusCallFlags.NONE, -1, None)

    def close(self):
        if not self.connection.is_closed():
            self.connection.flush_sync(None)  # answers given are answers sent
            self.connection.close_sync(None)

    def _on_get(self, _connection, _sender, _path, _interface, name):
        return self.properties[name]

    def _on_method(self, _connection, _sender, _path, _interface, method, arguments, invocation):
        values = arguments.unpack()
        self.asked.append((method, values))
        try:
            reply = self.answer(method, values)
        except harness.BusError as error:
            invocation.return_dbus_error(error.name, error.message)
            return
        if reply is None and method == "ReadNumbers":  # whether we may
            reply = GLib.Variant("(a(ttsd)t)", ([], 0))
        elif reply is None and method == "ReadReadings":
            reply = self.read(*values)
        elif reply is None and method == "GetManagedObjects":
            reply = GLib.Variant("(a{oa{sa{sv}}})", ({},))
        elif reply is None:
            invocation.return_dbus_error("org.rtcbus.Error.Failed", "not in this play")
            return
        invocation.return_value(reply)

    def read(self, after, maximum, filters):
        found = [n for n in self.numbers if n[0] > after]
        if filters.get("last"):
            found = found[-filters["last"]:]
        return GLib.Variant("(a(tttssvs)t)",
                            (found[:maximum or None], 0 if after else self.lost))

    def add(self, sequence, announce=True):
        time = 1700000000000000 + sequence
        reading = (sequence, time, time, "emitter", "", GLib.Variant("d", sequence * 10), "")
        self.numbers.append(reading)
        if announce:
            self.announce(reading)

    def announce(self, reading):
        self.emit(PEER[1], PEER[2], "ReadingReceived", GLib.Variant("(tttssvs)", reading))

    def emit(self, path, interface, member, arguments):
        self.connection.emit_signal(None, path, interface, member, arguments)


def ctl(world, bus, *arguments):
    """Starts rtcbusctl on BUS (a Bus, or None for no bus at all)."""
    env = dict(os.environ, LC_ALL="C.UTF-8", LANGUAGE="")
    env["DBUS_SESSION_BUS_ADDRESS"] = bus.address if bus else "unix:path=/nonexistent"
    env["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"
    return world.run("rtcbusctl", [harness.program("rtcbusctl"), *arguments], env=env)


def run(world, bus, *arguments, status=0, timeout=20):
    """Runs rtcbusctl to its end, which must be STATUS; (standard output, error)."""
    process = ctl(world, bus, *arguments)
    wait_for(lambda: not process.running(), timeout, "rtcbusctl " + " ".join(arguments))
    process.ended = True
    process.check_log()
    if process.child.returncode != status:
        raise harness.Failed(f"rtcbusctl {arguments} exited {process.child.returncode}, "
                             f"not {status}: {process.stdout()}{process.stderr()}")
    return process.stdout(), process.stderr()


def end(process, status=0):
    """SIGINT, as a person would; the exit status must be STATUS."""
    process.signal(signal.SIGINT)
    process.expect_exit(status)


def sequences(process):
    return [json.loads(line)["sequence"] for line in process.lines()]


# ---- without any daemon --------------------------------------------------------


def test_usage(world):
    wrong = [
        ["bogus"], ["--bogus"], ["status", "--bogus"], ["status", "x"], ["call", "a", "b"],
        ["call", "--timeout", "0"], ["call", "--timeout", "soon"], ["hangup"], ["hangup", "x"],
        ["hangup", "/org/example/1"], ["hangup", "1", "2"], ["numbers", "a", "b"],
        ["numbers", "--after", "-1"], ["numbers", "-n", "0"], ["numbers", "--since", "soon"],
        ["readings", "--since", "25:00"], ["publish", "--series", "", "x"], ["numbers", "--after", "x"], ["publish"], ["publish", "1", "x"],
        ["publish", "nan"], ["publish", "-x"], ["publish", "--bogus", "1"], ["relay", "x"],
    ]
    for arguments in wrong:
        out, err = run(world, None, *arguments, status=2)
        equal(out, "", f"standard output of {arguments}")
        check("rtcbusctl --help" in err, f"{arguments} does not point to the help: {err}")
    for arguments in ["forward"], ["forward", "127.0.0.1:1", "a", "b", "c"]:
        _, err = run(world, None, *arguments, status=2)
        check("usage: rtcbusctl forward [ADDRESS:]PORT PEER NAME\n" in err, err)


def test_suggestions(world):
    for written, meant in (("statsu", "status"), ("hang-up", "hangup"), ("Forwrad", "forward")):
        _, err = run(world, None, written, status=2)
        check(f'is "{meant}" meant?' in err, err)
    _, err = run(world, None, "bogus", status=2)
    check("meant" not in err, err)


def test_help_and_version(world):
    out, _ = run(world, None, "--help")
    for command in ("status", "peers", "call", "calls", "hangup", "readings", "numbers", "publish",
                    "relay"):
        check(re.search(rf"^  {command}\b", out, re.M), f"--help does not list {command}")
        text, _ = run(world, None, command, "--help")
        check(f"rtcbusctl {command}" in text, f"{command} --help shows no usage")
    out, _ = run(world, None, "--version")
    check(re.fullmatch(r"rtcbusctl \d+\.\d+\.\d+\n", out), out)


def test_no_bus(world):
    _, err = run(world, None, "--session", "status", status=1)
    check("cannot reach the session bus" in err, err)
    _, err = run(world, None, "status", status=1)
    check("cannot reach the system bus" in err, err)


def test_not_running(world):
    bus = harness.Bus(world, "bus")
    for command in (["status"], ["peers"], ["call"], ["calls"], ["hangup", "1"], ["numbers"],
                    ["readings", "desk"], ["numbers", "--follow"], ["publish", "1"]):
        out, err = run(world, bus, *command, "--session", status=1)
        equal(out, "", f"standard output of {command}")
        check('start it with "rtcbus-peer --session"' in err, err)
    _, err = run(world, bus, "relay", "--session", status=1)
    check("rtcbus-relay is not running" in err, err)
    out, _ = run(world, bus, "status", "--session", "--json", status=1)
    equal(json.loads(out)["running"], False, "running")


# ---- with the stand-in -----------------------------------------------------------


def stand_in(world):
    bus = harness.Bus(world, "bus")
    return bus, world.closing(StandIn(bus))


def test_follow_between_history_and_signals(world):
    """Numbers that come while the history is read: before it, in it, after it."""
    bus, peer = stand_in(world)
    peer.add(1, announce=False)

    def answer(method, arguments):
        if method == "ReadReadings" and arguments[:2] == (0, 1000):
            peer.add(2)  # in the history, and announced
            reply = peer.read(*arguments)
            peer.add(3)  # announced before the reply that does not have it
            return reply
        return None

    peer.answer = answer
    process = ctl(world, bus, "--session", "--json", "numbers", "--follow")
    wait_for(lambda: len(process.lines()) >= 3, 5, "the first numbers")
    peer.add(4)
    wait_for(lambda: len(process.lines()) >= 4, 5, "a number as it comes")
    equal(sequences(process), [1, 2, 3, 4], "sequences")
    end(process)
    equal(sequences(process), [1, 2, 3, 4], "sequences at the end")


def test_follow_fills_gaps(world):
    bus, peer = stand_in(world)
    process = ctl(world, bus, "--session", "--json", "numbers", "-f")
    wait_for(lambda: any(a[0] == "ReadReadings" and a[1][1] == 1000 for a in peer.asked), 5,
             "the question")
    peer.add(1)
    for sequence in (2, 3, 4):
        peer.add(sequence, announce=False)
    peer.add(5)
    peer.announce(peer.numbers[1])
    peer.add(6)
    wait_for(lambda: len(process.lines()) >= 6, 5, "six numbers")
    equal(sequences(process), [1, 2, 3, 4, 5, 6], "sequences")
    end(process)


def test_follow_waits_for_a_restart(world):
    bus, peer = stand_in(world)
    peer.add(7, announce=False)
    process = ctl(world, bus, "--session", "--json", "numbers", "-f", "--after", "6")
    wait_for(lambda: len(process.lines()) == 1, 5, "the first number")
    peer.close()
    wait_for(lambda: "waiting" in process.stderr(), 5, "a notice")
    again = world.closing(StandIn(bus, history="second"))
    again.add(1)
    wait_for(lambda: len(process.lines()) == 2, 5, "a number of the new daemon")
    equal(sequences(process), [7, 1], "sequences")
    end(process)


def test_follow_goes_on_after_a_restart(world):
    """The history is the same: what has been printed is not printed again."""
    bus, peer = stand_in(world)
    for sequence in range(1, 21):
        peer.add(sequence, announce=False)
    process = ctl(world, bus, "--session", "--json", "numbers", "-f")
    wait_for(lambda: len(process.lines()) == 10, 5, "the last ten numbers")
    peer.close()
    wait_for(lambda: "waiting" in process.stderr(), 5, "a notice")
    again = world.closing(StandIn(bus))
    again.numbers = list(peer.numbers)
    again.add(21, announce=False)
    again.add(30)
    wait_for(lambda: len(process.lines()) == 12, 5, "two more")
    equal(sequences(process), [*range(11, 22), 30], "sequences")
    end(process)


def test_follow_ends_with_its_pipe(world):
    bus, peer = stand_in(world)
    env = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=bus.address)
    read_end, write_end = os.pipe()
    with subprocess.Popen([harness.program("rtcbusctl"), "--session", "numbers", "-f"],
                          stdout=write_end, env=env) as child:
        os.close(write_end)
        os.close(read_end)
        wait_for(lambda: len(peer.asked) >= 2, 5, "the question")
        peer.add(1)
        wait_for(lambda: child.poll() is not None, 5, "the end of rtcbusctl")
        equal(child.returncode, -signal.SIGPIPE, "how it ended")


def test_history_in_batches(world):
    bus, peer = stand_in(world)
    for sequence in range(1, 2501):
        peer.add(sequence, announce=False)
    out, _ = run(world, bus, "--session", "--json", "numbers")
    equal([json.loads(line)["sequence"] for line in out.splitlines()], list(range(1, 2501)),
          "sequences")
    out, _ = run(world, bus, "--session", "numbers", "--after", "2498")
    equal([line.split()[0] for line in out.splitlines()], ["2499", "2500"], "sequences")


def test_lost_numbers(world):
    bus, peer = stand_in(world)
    peer.add(12, announce=False)
    peer.lost = 11
    out, err = run(world, bus, "--session", "numbers")
    equal(len(out.splitlines()), 1, "lines")
    check("11 numbers are lost" in err, err)
    out, _ = run(world, bus, "--session", "--json", "numbers")
    equal([json.loads(line).get("lost") for line in out.splitlines()], [11, None], "lost")


def test_call_that_fails(world):
    """Call() is answered after all its signals, as on a fast machine."""
    bus, peer = stand_in(world)
    path = PEER[1] + "/call/3"

    def answer(method, arguments):
        if method != "Call":
            return None
        change = GLib.Variant("(sa{sv}as)", (CALL_INTERFACE, {
            "State": GLib.Variant("s", "closed"), "Reason": GLib.Variant("s", "no answer")}, []))
        peer.emit(path, "org.freedesktop.DBus.Properties", "PropertiesChanged", change)
        peer.emit(PEER[1], PEER[2], "CallEnded", GLib.Variant("(oss)", (path, "bob", "no answer")))
        return GLib.Variant("(o)", (path,))

    peer.answer = answer
    _, err = run(world, bus, "--session", "call", "bob", "--timeout", "7", status=1)
    check("no answer" in err, err)
    equal([a[1] for a in peer.asked if a[0] == "Call"], [("bob", {"timeout": 7})], "Call")
    out, _ = run(world, bus, "--session", "--json", "call", "--channel-id", "x", status=1)
    answer = json.loads(out)
    equal((answer["state"], answer["reason"]), ("closed", "no answer"), "JSON")
    equal(peer.asked[-1][0] and [a[1] for a in peer.asked if a[0] == "Call"][-1],
          ("", {"channel-id": "x"}), "Call")


def test_call_and_a_daemon_that_dies(world):
    bus, peer = stand_in(world)
    peer.answer = lambda method, _: (
        GLib.Variant("(o)", (PEER[1] + "/call/1",)) if method == "Call" else None)
    process = ctl(world, bus, "--session", "call")
    wait_for(lambda: any(a[0] == "Call" for a in peer.asked), 5, "Call")
    peer.close()
    process.expect_exit(1)
    check("rtcbus-peer stopped" in process.stderr(), process.stderr())


def test_refused(world):
    bus, peer = stand_in(world)

    def answer(method, _):
        raise harness.BusError("org.freedesktop.DBus.Error.AccessDenied", "policy says no")

    peer.answer = answer
    _, err = run(world, bus, "--session", "publish", "1", status=1)
    check("refused" in err or "group rtcbus" in err, err)
    peer.answer = lambda method, values: managed if method == "GetManagedObjects" else answer(
        method, values)
    managed = GLib.Variant("(a{oa{sa{sv}}})", ({PEER[1] + "/call/1": {CALL_INTERFACE: {
        "Peer": GLib.Variant("s", "bob"), "State": GLib.Variant("s", "connected")}}},))
    for command in (["pipe", "--listen"], ["pipe", "bob"], ["forward", "127.0.0.1:0", "bob", "x"]):
        out, err = run(world, bus, "--session", *command, status=1)
        check("refused" in err or "group rtcbus" in err, err)
        equal(out, "", f"what {command[0]} says")
    peer.answer = answer
    for command in (["status"], ["status", "--json"], ["calls"], ["numbers"]):
        out, err = run(world, bus, "--session", *command, status=1)
        check("refused" in err or "group rtcbus" in err, err)
        equal((out, err.count("\n")), ("", 1), f"what {command} says")


def test_pipe_that_cannot_be_had(world):
    """Whoever waits for a pipe is told why the one that came is not used."""
    bus, peer = stand_in(world)

    def answer(method, _):
        if method == "GetManagedObjects":
            return GLib.Variant("(a{oa{sa{sv}}})", ({CHANNEL: {harness.CHANNEL_INTERFACE: {
                "Label": GLib.Variant("s", "pipe/default"),
                "Direction": GLib.Variant("s", "incoming"),
                "Protocol": GLib.Variant("s", "rtcbus-pipe.1")}}},))
        if method == "Acquire":
            raise harness.BusError("org.rtcbus.Error.Failed", "wmem_max must be at least 131088")
        return None

    peer.answer = answer
    process = ctl(world, bus, "--session", "pipe", "--listen")
    wait_for(lambda: "wmem_max must be at least 131088; waiting" in process.stderr(), 5, "the reason")
    check("org.rtcbus" not in process.stderr(), process.stderr())
    end(process, status=1)


def test_names_cannot_write_to_the_terminal(world):
    bus, peer = stand_in(world)
    peer.properties["Peers"] = GLib.Variant("a(ss)", [("1", "a\x1b[31mb\nc\u202e\x9b"), ("2", "")])
    for command in ("peers", "status"):
        out, _ = run(world, bus, "--session", command)
        check("\x1b" not in out and "\u202e" not in out and "b\nc" not in out, repr(out))
    out, _ = run(world, bus, "--session", "--json", "peers")
    equal(json.loads(out)[0]["name"], "a\x1b[31mb\nc\u202e\x9b", "name for programs")
    check(out.rstrip("\n").isprintable(), repr(out))

    def answer(method, _arguments):
        if method == "PublishReading":
            raise harness.BusError("org.rtcbus.Error.Failed", "no \x1b[2Jsuch\nthing\u2066")

    peer.answer = answer
    _, error = run(world, bus, "--session", "publish", "1", status=1)
    check(error.rstrip("\n").isprintable() and "such" in error, repr(error))


def test_output_that_cannot_be_written(world):
    """A full disk: no command takes it for done."""
    bus, peer = stand_in(world)
    peer.add(1, announce=False)
    env = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=bus.address, LC_ALL="C.UTF-8")
    for arguments in (["status"], ["--json", "status"], ["peers"], ["numbers"], ["--help"],
                      ["call", "--help"], ["--version"], ["numbers", "--follow"], ["monitor"]):
        with open("/dev/full", "w", encoding="utf-8") as full, \
                open(world.path("full.err"), "w", encoding="utf-8") as errors, subprocess.Popen(
                    [harness.program("rtcbusctl"), "--session", *arguments], stdout=full,
                    stderr=errors, env=env) as child:
            wait_for(lambda: child.poll() is not None, 20, f"{arguments} to end")
        equal(child.returncode, 1, f"exit status of {arguments}")
        with open(world.path("full.err"), encoding="utf-8") as errors:
            check("could not be written" in errors.read(), f"{arguments} says nothing")


def test_status_names_the_relay_that_is_away(world):
    bus, peer = stand_in(world)
    peer.properties["RelayState"] = GLib.Variant("s", "disconnected")
    out, _ = run(world, bus, "--session", "status", status=1)
    check(re.search(r"^Problem: .*ws://192\.0\.2\.1:41337/", out, re.M), out)
    run(world, bus, "--session", "peers", status=1)


def test_status_alone(world):
    bus, peer = stand_in(world)
    peer.properties["RelayUrl"] = GLib.Variant("s", "ws://192.0.2.1:41337/green%20house?x")
    out, _ = run(world, bus, "--session")
    check(re.search(r"^  Room: +green house$", out, re.M), out)
    check(re.search(r"^  Kept calls: +none$", out, re.M), out)
    equal(out, run(world, bus, "--session", "status")[0], "what it says without a command")


# ---- with the real daemons -------------------------------------------------------


def test_a_whole_call(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay, source="random")
    listener = world.peer("listener", relay)
    listener.wait_peer("emitter")
    bus = listener.bus

    out, _ = run(world, bus, "--session", "peers")
    check(re.search(r"^\S+ +emitter$", out, re.M), out)
    out, _ = run(world, bus, "--session", "call", "emitter")
    check("connected" in out and "rtcbusctl hangup 1" in out, out)
    listener.wait_numbers(5)

    out, _ = run(world, bus, "--session", "status")
    check(re.search(r"^  Readings: +[0-9]+ received, in 1 series$", out, re.M), out)
    check(len(out.splitlines()) <= 24, "status does not fit on a screen")
    check("Problem" not in out, out)
    status = json.loads(run(world, bus, "--session", "status", "--json")[0])
    equal(status["calls"][0]["state"], "connected", "state")
    check(status["lastNumber"]["peer"] == "emitter", status)

    out, _ = run(world, bus, "--session", "numbers")
    check(len(out.splitlines()) >= 5, out)
    follow = ctl(world, bus, "--session", "--json", "numbers", "--follow")
    wait_for(lambda: len(follow.lines()) >= 10, 10, "ten numbers")
    seen = sequences(follow)
    equal(seen, list(range(seen[0], seen[0] + len(seen))), "sequences")
    end(follow)

    out, _ = run(world, emitter.bus, "--session", "publish", "21.5", "-3")
    equal([line.split()[1] for line in out.splitlines()], ["21.5", "-3"], "published")

    def arrived():
        values = [n[3] for n in listener.numbers()[0]]
        return 21.5 in values and -3.0 in values

    wait_for(arrived, 5, "the published numbers")

    out, _ = run(world, relay.bus, "--session", "relay")
    check("emitter" in out and "listener" in out, out)
    rooms = json.loads(run(world, relay.bus, "--session", "relay", "--json")[0])["rooms"]
    equal(sorted(c["name"] for c in rooms[0]["clients"]), ["emitter", "listener"], "clients")

    calls = json.loads(run(world, bus, "--session", "calls", "--json")[0])
    equal(len(calls), 1, "calls")
    run(world, bus, "--session", "hangup", calls[0]["path"])
    wait_for(lambda: not listener.calls(), 5, "the call to end")
    _, err = run(world, bus, "--session", "hangup", "1", status=1)
    check("there is no call 1" in err, err)


def test_call_to_nobody(world):
    relay = world.relay()
    listener = world.peer("listener", relay, room="greenhouse")
    _, err = run(world, listener.bus, "--session", "numbers")
    check('no number has been received yet; "rtcbusctl call"' in err, err)
    _, err = run(world, listener.bus, "--session", "call", "kitchen", status=1)
    check('called "kitchen": no others are there' in err, err)
    _, err = run(world, listener.bus, "--session", "call", "--timeout", "1", status=1)
    check("nobody else is in the room (greenhouse)" in err and "answered in time" in err, err)
    world.peer("kitchen", relay, room="greenhouse")
    listener.wait_peer("kitchen")
    _, err = run(world, listener.bus, "--session", "call", "kitchn", status=1)
    check('nobody in the room is called "kitchn"; is "kitchen" meant?' in err, err)
    _, err = run(world, listener.bus, "--session", "call", "nobody", "--timeout", "5", status=1)
    check('is called "nobody"; "rtcbusctl peers" tells who is there' in err, err)


def test_status_of_a_machine_with_a_relay_alone(world):
    relay = world.relay()
    out, _ = run(world, relay.bus, "--session", "status")
    check("rtcbus-relay" in out and "rtcbus-peer" not in out, out)


def test_status_says_when_it_tries_again(world):
    peer = world.peer("peer", "ws://127.0.0.1:1/", connected=False)
    wait_for(lambda: peer.get("RelayRetryAt") > 0, 20, "a time to try again")

    def told():
        process = ctl(world, peer.bus, "--session", "status")
        wait_for(lambda: not process.running(), 20, "status")
        process.ended = True
        equal(process.child.returncode, 1, "exit status")
        return re.search(r"^Problem: .*nothing listens at 127\.0\.0\.1 port 1.*; it is tried again in "
                         r"[0-9.]+ m?s$", process.stdout(), re.M)

    wait_for(told, 60, "status to say when")


def test_monitor(world):
    relay = world.relay()
    box = world.peer("box", relay)
    desk = world.peer("desk", relay)
    desk.wait_peer("box")
    text = ctl(world, desk.bus, "--session", "monitor")
    process = ctl(world, desk.bus, "--session", "--json", "monitor")

    def lines():
        return [(line["what"], line["name"], line["state"]) for line in
                map(json.loads, process.lines())]

    wait_for(lambda: ("room", "box", "joined") in lines(), 20, "who is there")
    check(("relay", relay.url(), "connected") in lines(), lines())
    call = desk.call("box")
    wait_for(lambda: ("channel", "msg_channel", "open") in lines(), 20, "a channel")
    box.calls()[0].hangup()
    call.wait_ended()
    wait_for(lambda: ("call", "box", "closed") in lines(), 20, "the end")
    states = [state for what, _, state in lines() if what == "call"]
    equal([states[0], states[-1]], ["calling", "closed"], "states")
    check(("trust", "box", "new") in lines(), lines())
    box.stop()
    wait_for(lambda: ("room", "box", "left") in lines(), 20, "who is gone")
    desk.stop()
    wait_for(lambda: ("daemon", "rtcbus-peer", "stopped") in lines(), 20, "the daemon's end")
    end(process)
    end(text)
    check(re.search(r"  call 1  box  closed: the remote hung up$", text.stdout(), re.M),
          text.stdout())


def test_call_no_wait_and_interrupt(world):
    relay = world.relay()
    listener = world.peer("listener", relay)
    out, _ = run(world, listener.bus, "--session", "call", "--no-wait")
    check(re.fullmatch(r"/org/rtcbus/Peer1/call/\d+\n", out), out)
    run(world, listener.bus, "--session", "hangup", out.strip().rpartition("/")[2])
    process = ctl(world, listener.bus, "--session", "call")
    wait_for(lambda: "calling" in process.stdout() or listener.calls(), 5, "the call to begin")
    end(process, status=1)
    wait_for(lambda: not listener.calls(), 5, "the call to end")


if __name__ == "__main__":
    harness.main([value for name, value in list(globals().items()) if name.startswith("test_")])
