# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What every integration test needs: the real daemons on private buses.

A test is a function that takes a World. The world starts message buses, relays
and peers in a temporary directory of its own and ends all of them again, by
process id, whatever happens. At the end of each test every daemon must have
exited 0 on SIGTERM with nothing on its standard error that a sanitizer, GLib
or the C library wrote in distress; a test that ends a daemon on purpose says so
with kill() or expect_exit().

Each daemon has a bus to itself because each owns a well-known name.

Nothing here sleeps for a fixed time: wait_for() runs the GLib main context and
looks at its condition until it is true or the deadline has passed. A deadline is
for what hangs and never shorter than PATIENCE, for the machine may have much else
to do; what has to be fast is measured, by a test that says so. Deadlines are
stretched by RTCBUS_TEST_SLOW (a factor) for sanitizer builds and slow machines.

Use:    import harness
        def test_something(world): ...
        harness.main([test_something, ...])
"""

import contextlib
import ipaddress
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOP_SRCDIR = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(HERE))
TOP_BUILDDIR = os.environ.get("top_builddir") or os.getcwd()
SLOW = float(os.environ.get("RTCBUS_TEST_SLOW", "1"))
PATIENCE = 30  # seconds
TEST_LIMIT = 300  # seconds for one test, the last resort

PEER = ("org.rtcbus.Peer1", "/org/rtcbus/Peer1", "org.rtcbus.Peer1")
RELAY = ("org.rtcbus.Relay1", "/org/rtcbus/Relay1", "org.rtcbus.Relay1")
CALL_INTERFACE = "org.rtcbus.Peer1.Call"
CHANNEL_INTERFACE = "org.rtcbus.Peer1.Channel"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"

DISTRESS = re.compile(
    r"(AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|ThreadSanitizer"
    r"|runtime error:|(CRITICAL|WARNING|ERROR) \*\*"
    r"|Assertion .* failed|stack smashing|free\(\): |malloc\(\): |corrupted)"
)

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_message_size">67108864</limit>
</busconfig>
"""


class Skip(Exception):
    """Raised by a test that cannot run here; the text is the reason."""


class Failed(AssertionError):
    """A check that did not hold, or a deadline that passed."""


class BusError(Exception):
    """A D-Bus error reply: .name is the error name, .message its text."""

    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


# ---- checks and waiting ------------------------------------------------------


def check(condition, text="check failed"):
    if not condition:
        raise Failed(text)


def equal(seen, wanted, what="value"):
    if seen != wanted:
        raise Failed(f"{what} is {seen!r}, not {wanted!r}")


def watch(condition, seconds):
    """Runs the main context until condition() is true; what it gave then, or at the end."""
    deadline = time.monotonic() + seconds
    context = GLib.MainContext.default()
    tick = GLib.timeout_add(10, lambda: GLib.SOURCE_CONTINUE)
    try:
        while not (value := condition()) and time.monotonic() <= deadline:
            context.iteration(True)
        return value
    finally:
        GLib.source_remove(tick)


def wait_for(condition, timeout=PATIENCE, what=None):
    """Until condition() is true; returns what it gave. TIMEOUT is more than PATIENCE, or that."""
    seconds = max(timeout, PATIENCE) * SLOW
    value = watch(condition, seconds)
    if not value:
        name = what or getattr(condition, "__name__", "the condition")
        raise Failed(f"waited {seconds:g} s in vain for {name}")
    return value


def hold(condition, seconds, what=None):
    """The opposite: condition() has to stay true for the whole time."""
    if watch(lambda: not condition(), seconds):
        raise Failed(f"{what or 'the condition'} did not last {seconds:g} s")


def expect_error(name, function, *args, **kwargs):
    """The call must fail with the D-Bus error NAME and a message to act on."""
    try:
        value = function(*args, **kwargs)
    except BusError as error:
        equal(error.name, name, "error name")
        check(len(error.message) > 5, f"the message of {name} says nothing: {error.message!r}")
        return error
    raise Failed(f"no error, where {name} was due (returned {value!r})")


def note(text):
    for line in str(text).splitlines():
        print("# " + line, flush=True)


# ---- processes -----------------------------------------------------------------


def free_port():
    """A TCP port that can be bound again after a restart, below the ephemeral range."""
    for _ in range(100):
        port = random.randrange(10000, 32000)
        with socket.socket(socket.AF_INET6) as probe:
            try:
                probe.bind(("::", port))
                return port
            except OSError:
                pass
    raise Failed("no free TCP port found")


class Process:
    """A child of the test with its output in files of the world's directory."""

    def __init__(self, world, name, argv, env=None, cwd=None):
        self.world = world
        self.name = name
        self.stem = world.path(name)
        self.argv = argv
        self.wanted_status = 0
        self.ended = True
        self.env = env
        self.cwd = cwd
        self.prefix = list(world.prefix)
        self.runs = 0
        self.start()

    def start(self):
        self.runs += 1
        self.stdout_path = f"{self.stem}.{self.runs}.out"
        self.stderr_path = f"{self.stem}.{self.runs}.err"
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.child = subprocess.Popen(
                [*self.prefix, *self.argv], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=self.env, cwd=self.cwd or self.world.directory,
            )
        self.pid = self.child.pid
        self.ended = False
        self.wanted_status = 0

    def stdout(self):
        with open(self.stdout_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def stderr(self):
        with open(self.stderr_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def lines(self):
        """The complete lines of standard output."""
        return self.stdout().split("\n")[:-1]

    def running(self):
        return self.child.poll() is None

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def sanitized(self):
        """Sanitizers keep freed memory back: a resident size then says nothing."""
        with open(f"/proc/{self.pid}/maps", encoding="ascii", errors="replace") as f:
            return "libasan" in f.read()

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        """Ends it as a crash would: SIGKILL, and that is all right."""
        if self.running():
            self.child.kill()
        self.child.wait()
        self.ended = True

    def expect_exit(self, status=None, timeout=10):
        """It must end by itself (status None: with any failure)."""
        wait_for(lambda: not self.running(), timeout, f"{self.name} to exit")
        self.ended = True
        code = self.child.returncode
        if status is None:
            check(code > 0, f"{self.name} exited {code}, which is no plain failure")
        else:
            equal(code, status, f"exit status of {self.name}")
        self.check_log()
        return code

    def check_log(self):
        found = DISTRESS.search(self.stderr())
        if found:
            raise Failed(f"{self.name} wrote a report of distress: {found.group(0)}")

    def terminate(self):
        """SIGTERM, and in the end nothing of it may be left running."""
        if self.ended:
            return
        self.ended = True
        if self.running():
            self.child.terminate()
            try:
                self.child.wait(PATIENCE * SLOW)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise Failed(
                    f"{self.name} did not end within {PATIENCE * SLOW:g} s of SIGTERM") from None

    def stop(self):
        """SIGTERM; the exit status must be 0 and the log clean."""
        if self.ended:
            return
        gone = not self.running()
        self.terminate()
        self.check_log()
        code = self.child.returncode
        if gone:
            raise Failed(f"{self.name} ended by itself with status {code}")
        equal(code, self.wanted_status, f"exit status of {self.name} after SIGTERM")


class ForeignProcess(Process):
    """A program that is not ours: it may end as it likes."""

    def stop(self):
        self.terminate()


# ---- D-Bus ---------------------------------------------------------------------


class Bus:
    """A message bus of our own, with one connection to it."""

    def __init__(self, world, name):
        path = world.path(name)
        config = path + ".xml"
        with open(config, "w", encoding="utf-8") as f:
            f.write(BUS_CONFIG.format(socket=path + ".sock"))
        self.process = ForeignProcess(
            world, name,
            ["dbus-daemon", "--nofork", "--config-file=" + config, "--print-address"],
        )
        self.connection = None
        world.buses.append(self)
        wait_for(lambda: self.process.lines() or not self.process.running(), 10, "dbus-daemon")
        check(self.process.running(), "dbus-daemon did not start: " + self.process.stderr())
        self.address = self.process.lines()[0]
        self.connection = self.connect()

    def connect(self):
        connection = Gio.DBusConnection.new_for_address_sync(
            self.address,
            Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
            | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None, None,
        )
        connection.set_exit_on_close(False)
        return connection

    def invoke(self, name, path, interface, method, arguments=None, timeout=PATIENCE,
               variant=False):
        """A method call. ARGUMENTS is a GLib.Variant tuple or None; returns a
        tuple of Python values, or the reply's GLib.Variant."""
        try:
            reply = self.connection.call_sync(
                name, path, interface, method, arguments, None,
                Gio.DBusCallFlags.NO_AUTO_START, int(max(timeout, PATIENCE) * SLOW * 1000), None,
            )
        except GLib.Error as error:
            remote = Gio.DBusError.get_remote_error(error)
            if not remote:
                raise
            text = error.message.removeprefix(f"GDBus.Error:{remote}: ")
            raise BusError(remote, text) from None
        return reply if variant else reply.unpack()

    def has_owner(self, name):
        return self.invoke("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                           "NameHasOwner", GLib.Variant("(s)", (name,)))[0]

    def close(self):
        if self.connection and not self.connection.is_closed():
            self.connection.close_sync(None)
        self.process.stop()


class Signals:
    """Records every signal of a bus in the order of arrival, as tuples
    (path, interface, member, unpacked arguments)."""

    def __init__(self, bus):
        self.seen = []
        bus.connection.signal_subscribe(
            None, None, None, None, None, Gio.DBusSignalFlags.NONE, self._on_signal
        )

    def _on_signal(self, _connection, sender, path, interface, member, arguments):
        if sender != "org.freedesktop.DBus":
            self.seen.append((path, interface, member, self._unpack(arguments)))

    @staticmethod
    def _unpack(arguments):
        """As arguments.unpack(), which takes a second for a large array of bytes."""
        members = (arguments.get_child_value(i) for i in range(arguments.n_children()))
        return tuple(list(m.get_data_as_bytes().get_data()) if m.get_type_string() == "ay" else
                     m.unpack() for m in members)

    def find(self, member, path=None):
        return [s for s in self.seen if s[2] == member and path in (None, s[0])]

    def changes(self, path, interface, name):
        """The values that a property was announced to take, in order."""
        return [
            s[3][1][name]
            for s in self.find("PropertiesChanged", path)
            if s[3][0] == interface and name in s[3][1]
        ]


# ---- daemons -------------------------------------------------------------------


def program(name):
    """The built program; RTCBUS_PROGRAM_DIR tests installed ones instead."""
    folder = os.environ.get("RTCBUS_PROGRAM_DIR") or TOP_BUILDDIR
    return os.path.join(folder, name)


def write_config(path, groups):
    """GROUPS: {"Group": {"Key": value}}; a value None is left out."""
    with open(path, "w", encoding="utf-8") as f:
        for group, keys in groups.items():
            f.write(f"[{group}]\n")
            for key, value in keys.items():
                if value is not None:
                    f.write(f"{key}={value}\n")


class Daemon(Process):
    """One of ours, with a bus of its own and its state below the world's directory."""

    def __init__(self, world, name, program_name, target, config, arguments=(), wait=True,
                 wrapper=()):
        self.target = target
        self.bus = Bus(world, name + "-bus")
        self.signals = Signals(self.bus)
        self.config_path = world.path(name) + ".conf"
        self.state_directory = world.path(name) + "-state"
        os.makedirs(self.state_directory, exist_ok=True)
        self.config = config
        write_config(self.config_path, config)
        env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": world.directory,
            "LC_ALL": "C.UTF-8",
            "DBUS_SESSION_BUS_ADDRESS": self.bus.address,
            "XDG_STATE_HOME": self.state_directory,
            "G_DEBUG": "fatal-criticals",
            "GIO_USE_VFS": "local",
            "GSETTINGS_BACKEND": "memory",
            "GIO_USE_PROXY_RESOLVER": "dummy",
        }
        for name_ in os.environ:
            if name_.endswith("SAN_OPTIONS") or name_ in (
                    "LD_LIBRARY_PATH", "LD_PRELOAD", "RTCBUS_LACKING"):
                env[name_] = os.environ[name_]
        self.ended = True
        world.daemons.append(self)
        super().__init__(
            world, name,
            [*wrapper, program(program_name), "--session", "--config", self.config_path,
             *arguments], env,
        )
        if wait:
            self.wait_ready()

    def wait_ready(self):
        def ready():
            check(self.running(), f"{self.name} exited {self.child.returncode} at start")
            return self.bus.has_owner(self.target[0])

        wait_for(ready, 10, f"{self.name} to own {self.target[0]}")

    def restart(self, wait=True):
        """Ends it if need be and starts it again with the same files."""
        if not self.ended:
            self.stop()
        self.start()
        if wait:
            self.wait_ready()

    def configure(self, groups):
        """Writes the configuration anew; HUP makes the daemon read it."""
        self.config = groups
        write_config(self.config_path, groups)

    def invoke(self, method, signature=None, *values, path=None, interface=None, **kwargs):
        """SIGNATURE may be the arguments themselves: large ones are made once."""
        arguments = GLib.Variant(signature, values) if isinstance(signature, str) else signature
        return self.bus.invoke(self.target[0], path or self.target[1], interface or self.target[2],
                               method, arguments, **kwargs)

    def get_variant(self, name, path=None, interface=None):
        reply = self.invoke("Get", "(ss)", interface or self.target[2], name, path=path,
                            interface=PROPERTIES, variant=True)
        return reply.get_child_value(0).get_variant()

    def get(self, name, path=None, interface=None):
        return self.get_variant(name, path, interface).unpack()

    def get_all(self, path=None, interface=None):
        return self.invoke("GetAll", "(s)", interface or self.target[2], path=path,
                           interface=PROPERTIES)[0]


class Relay(Daemon):
    """rtcbus-relay on loopback. port 0: a free one; read it from .port."""

    def __init__(self, world, name="relay", port=0, host="127.0.0.1", config=None, wait=True,
                 arguments=()):
        listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        super().__init__(world, name, "rtcbus-relay", RELAY, config or {"Relay": {}},
                         ["--listen", listen, *arguments], wait)
        self.host = host
        self.port = port
        if wait:
            self.read_port()

    def read_port(self):
        def listening():
            return self.get("Listening")

        address = wait_for(listening, 5)[0]
        self.port = int(address.rpartition(":")[2])

    def url(self, room=""):
        host = f"[{self.host}]" if ipaddress.ip_address(self.host).version == 6 else self.host
        return f"ws://{host}:{self.port}/{room}"


class Call:
    """A call object of a peer daemon."""

    def __init__(self, peer, path):
        self.peer = peer
        self.path = path

    def get(self, name):
        return self.peer.get(name, self.path, CALL_INTERFACE)

    def properties(self):
        return self.peer.get_all(self.path, CALL_INTERFACE)

    def exists(self):
        return self.path in self.peer.objects()

    def states(self):
        """Every state that was announced so far, the first one included."""
        first = [
            s[3][1][CALL_INTERFACE]["State"]
            for s in self.peer.signals.find("InterfacesAdded")
            if s[3][0] == self.path and CALL_INTERFACE in s[3][1]
        ]
        return first + self.peer.signals.changes(self.path, CALL_INTERFACE, "State")

    def wait_state(self, state, timeout=5):
        def reached():
            if state in self.states():
                return True
            ended = self.ended()
            if ended and state != "closed":
                raise Failed(f"the call ended before it was {state}: {ended[2]}")
            return False

        wait_for(reached, timeout, f"{self.peer.name}'s call to be {state}")

    def ended(self):
        """The arguments of CallEnded, or None so far."""
        for signal_ in self.peer.signals.find("CallEnded"):
            if signal_[3][0] == self.path:
                return signal_[3]
        return None

    def wait_ended(self, timeout=10):
        """Waits until it is closed, the object gone and CallEnded there; returns the reason."""
        ended = wait_for(self.ended, timeout, f"{self.peer.name}'s call to end")
        reason = ended[2]
        check(reason, "CallEnded gives no reason")
        seen = self.peer.signals.seen
        closed = [
            i for i, s in enumerate(seen)
            if s[0] == self.path and s[2] == "PropertiesChanged" and s[3][1].get("State") == "closed"
        ]
        equal(len(closed), 1, "number of changes to closed")
        removed = wait_for(
            lambda: [i for i, s in enumerate(seen)
                     if s[2] == "InterfacesRemoved" and s[3][0] == self.path
                     and CALL_INTERFACE in s[3][1]],
            2, "InterfacesRemoved")
        final = [i for i, s in enumerate(seen) if s[2] == "CallEnded" and s[3][0] == self.path]
        equal(len(final), 1, "number of CallEnded signals")
        check(closed[0] < removed[0] < final[0],
              "closed, InterfacesRemoved and CallEnded are not in this order")
        reasons = self.peer.signals.changes(self.path, CALL_INTERFACE, "Reason")
        check(reasons and reasons[-1] == reason, f"Reason {reasons!r} is not CallEnded's {reason!r}")
        check(not self.exists(), "the ended call is still among the managed objects")
        return reason

    def hangup(self):
        self.peer.invoke("Hangup", path=self.path, interface=CALL_INTERFACE)


class Peer(Daemon):
    """rtcbus-peer. RELAY: a Relay, or a URL."""

    def __init__(self, world, name, relay, room="", source=None, interval="50ms", config=None,
                 wait=True, connected=True, arguments=(), wrapper=()):
        url = relay if isinstance(relay, str) else relay.url(room)
        groups = {
            "Peer": {"Name": name},
            "Relay": {"URL": url},
            "Ice": {},
            "Feed": {"Source": source, "Interval": interval if source else None},
        }
        for group, keys in (config or {}).items():
            groups.setdefault(group, {}).update(keys)
        super().__init__(world, name, "rtcbus-peer", PEER, groups, arguments, wait, wrapper)
        if wait and connected:
            self.wait_connected()

    def wait_connected(self, timeout=5):
        def connected():
            return self.get("RelayState") == "connected"

        wait_for(connected, timeout, f"{self.name} to be connected to its relay")

    def wait_peer(self, name, timeout=5):
        """Until NAME is listed in the room; returns its id."""
        def listed():
            return [peer_id for peer_id, peer_name in self.get("Peers") if peer_name == name]

        return wait_for(listed, timeout, f"{self.name} to see {name}")[0]

    def objects(self):
        return self.invoke("GetManagedObjects", interface=OBJECT_MANAGER)[0]

    def calls(self):
        return [Call(self, path) for path, interfaces in self.objects().items()
                if CALL_INTERFACE in interfaces]

    def call(self, peer="", **options):
        """Options by their names, with _ for -: channel_id="text", timeout=5."""
        types = {"channel-id": "s", "timeout": "u", "fingerprint": "s", "another": "b"}
        values = {}
        for key, value in options.items():
            key = key.replace("_", "-")
            values[key] = value if isinstance(value, GLib.Variant) else GLib.Variant(
                types[key], value)
        return Call(self, self.invoke("Call", "(sa{sv})", peer, values)[0])

    def numbers(self, after=0, maximum=0):
        """([(sequence, µs, peer, value), …], lost)"""
        return self.invoke("ReadNumbers", "(tu)", after, maximum)

    def received(self):
        return self.get("NumbersReceived")

    def wait_numbers(self, count=1, timeout=5, after=None):
        """Until COUNT numbers more than AFTER (default: none) have come; returns them."""
        start = after or 0

        def enough():
            numbers = self.numbers(start)[0]
            return numbers if len(numbers) >= count else None

        return wait_for(enough, timeout, f"{count} numbers at {self.name}")

    def publish(self, value):
        return self.invoke("Publish", "(d)", float(value))[0]


# ---- one test's world ----------------------------------------------------------


class World:
    def __init__(self, name):
        self.name = name
        self.directory = tempfile.mkdtemp(prefix="rtcbus-test-", dir=os.environ.get("TMPDIR"))
        self.daemons = []
        self.buses = []
        self.others = []
        self.closers = []
        self.names = set()
        self.prefix = []

    def _name(self, name):
        """NAME, or NAME-2 and so on: logs of two processes must not mix."""
        unique, count = name, 1
        while unique in self.names:
            count += 1
            unique = f"{name}-{count}"
        self.names.add(unique)
        return unique

    def path(self, name):
        """Where files of something called NAME begin; NAME may hold anything."""
        return os.path.join(self.directory, re.sub(r"[^A-Za-z0-9-]", "_", name))

    def relay(self, **kwargs):
        return Relay(self, self._name(kwargs.pop("name", "relay")), **kwargs)

    def peer(self, name, relay, **kwargs):
        return Peer(self, self._name(name), relay, **kwargs)

    def run(self, name, argv, **kwargs):
        """A program of the test that is not one of our daemons."""
        process = ForeignProcess(self, self._name(name), argv, **kwargs)
        self.others.append(process)
        return process

    @contextlib.contextmanager
    def inside(self, space):
        """What is started meanwhile lives in SPACE, a network of tests/network/net.py."""
        before, self.prefix = self.prefix, space.prefix
        try:
            yield
        finally:
            self.prefix = before

    def closing(self, thing):
        """Calls thing.close() at the end."""
        self.closers.append(thing)
        return thing

    def close(self):
        """Ends everything; returns what was wrong, as a list of texts."""
        problems = []
        steps = [c.close for c in reversed(self.closers)]
        steps += [p.stop for p in reversed(self.others)]
        steps += [d.stop for d in reversed(self.daemons)]
        steps += [b.close for b in reversed(self.buses)]
        for step in steps:
            try:
                step()
            except Exception as error:  # one failure must not leave the rest running
                problems.append(f"{type(error).__name__}: {error}")
        return problems

    def logs(self):
        """The ends of all logs, for a failed test."""
        for name in sorted(os.listdir(self.directory)):
            if not name.endswith((".err", ".out")) or "-bus." in name:
                continue
            with open(os.path.join(self.directory, name), encoding="utf-8",
                      errors="replace") as f:
                lines = f.read().splitlines()
            if not lines:
                continue
            # A sanitizer's report says what matters first, a log last.
            found = [i for i, line in enumerate(lines) if DISTRESS.search(line)]
            first = max(found[0] - 5, 0) if found else max(len(lines) - 60, 0)
            shown = lines[first:first + 60]
            note(f"--- {name} ({len(shown)} of {len(lines)} lines)")
            note("\n".join(shown))

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


# ---- TAP -----------------------------------------------------------------------


def _on_alarm(_number, _frame):
    raise Failed("the test took too long")


def run_one(number, function):
    """Runs one test and prints its line; true if it passed or was skipped."""
    world = World(function.__name__)
    failure = skip = None
    started = time.monotonic()
    signal.alarm(int(getattr(function, "limit", TEST_LIMIT) * SLOW))
    try:
        function(world)
    except Skip as reason:
        skip = str(reason)
    except (KeyboardInterrupt, SystemExit):
        world.close()
        world.remove()
        raise
    except BaseException:
        failure = traceback.format_exc()
    signal.alarm(0)
    problems = world.close()
    title = function.__name__.removeprefix("test_").replace("_", "-")
    seconds = time.monotonic() - started
    try:
        if failure or problems:
            print(f"not ok {number} - {title} # {seconds:.1f} s", flush=True)
            note(failure or "")
            for problem in problems:
                note("at the end: " + problem)
            world.logs()
        elif skip:
            print(f"ok {number} - {title} # SKIP {skip}", flush=True)
        else:
            print(f"ok {number} - {title} # {seconds:.1f} s", flush=True)
    finally:  # even if nobody reads what we print any more
        if not os.environ.get("RTCBUS_TEST_KEEP"):
            world.remove()
        else:
            note(f"kept {world.directory}")
    return not (failure or problems)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}", flush=True)
    sys.exit(0)


def main(tests):
    """Runs the tests named on the command line (parts of names), or all."""
    wanted = sys.argv[1:]
    if wanted:
        tests = [t for t in tests
                 if any(w.replace("-", "_") in t.__name__ for w in wanted)]
    for name in "rtcbus-relay", "rtcbus-peer":
        if not os.access(program(name), os.X_OK):
            print(f"Bail out! {program(name)} is not built (is top_builddir set?)", flush=True)
            sys.exit(1)
    # An interrupted test must still end its daemons.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, _on_alarm)
    print(f"1..{len(tests)}", flush=True)
    results = [run_one(i + 1, t) for i, t in enumerate(tests)]
    sys.exit(0 if all(results) else 1)
