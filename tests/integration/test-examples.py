#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The programs in data/examples, as people would run them."""

import os
import shlex
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from channels import call_pair  # noqa: E402
from harness import GLib, Skip, check, equal, wait_for  # noqa: E402

EXAMPLES = os.path.join(harness.TOP_SRCDIR, "data", "examples")


def environment(peer):
    return dict(os.environ, DBUS_SESSION_BUS_ADDRESS=peer.bus.address,
                DBUS_STARTER_BUS_TYPE="session", BUS="--user")


def test_ask_and_echo(world):
    emitter, listener, call = call_pair(world)
    echo = world.run("echo", ["/usr/bin/python3", os.path.join(EXAMPLES, "echo.py")],
                     env=environment(emitter))
    wait_for(echo.lines, 10, "echo.py")
    asked = subprocess.run([os.path.join(harness.TOP_BUILDDIR, "data/examples/ask"), call.path,
                            "echo", "is anybody there?"], env=environment(listener), timeout=60,
                           capture_output=True, check=False)
    equal(asked.stdout, b"is anybody there?\n", "the answer")
    equal(asked.returncode, 0, "exit status")
    echo.expect_exit(0)


def with_programs(world, peer, *needed):
    """rtcbusctl of this build, and what else the example needs."""
    for program in needed:
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    folder = os.path.join(world.directory, "bin")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "rtcbusctl"), "w", encoding="utf-8") as f:
        f.write(f'#!/bin/sh\nexec "{harness.program("rtcbusctl")}" "$@"\n')
    os.chmod(f.name, 0o755)
    return environment(peer) | {"PATH": f"{folder}:{os.environ['PATH']}:/usr/sbin"}


def publishing_pair(world):
    emitter, listener, _ = call_pair(world)
    for series, value, unit in (("a/b", "21.5", "C"), ("a/b", "22.5", "C"), ("note", "hello", "")):
        emitter.invoke("PublishReading", "(sva{sv})", series, GLib.Variant("d", float(value))
                       if unit else GLib.Variant("s", value), {"unit": GLib.Variant("s", unit)})
    wait_for(lambda: len(listener.invoke("ReadReadings", "(tua{sv})", 0, 0, {})[0]) == 3, 20,
             "three readings")
    return emitter, listener


def test_textfile(world):
    emitter, listener = publishing_pair(world)
    path = world.path("rtcbus.prom")
    subprocess.run([os.path.join(EXAMPLES, "textfile.sh"), path], check=True, timeout=60,
                   env=with_programs(world, listener, "jq"))
    with open(path, encoding="utf-8") as f:
        lines = [line for line in f.read().splitlines() if not line.startswith("#")]
    equal(lines, [f'rtcbus_reading{{peer="{emitter.name}",series="a/b",unit="C"}} 22.5'], "metrics")
    equal([name for name in os.listdir(world.directory) if "rtcbus_prom" in name],
          [os.path.basename(path)], "what is left")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def broker(world):
    """A mosquitto on loopback; its port."""
    program = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
    if not program:
        raise Skip("mosquitto is not installed")
    port = harness.free_port()
    path = world.path("mosquitto.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    world.run("mosquitto", [program, "-c", path], env=dict(os.environ))
    wait_for(lambda: listens(port), 30, "the broker")
    return str(port)


def test_mqtt(world):
    emitter, listener = publishing_pair(world)
    there = ["-h", "127.0.0.1", "-p", broker(world)]
    env = with_programs(world, listener, "jq", "mosquitto_pub", "mosquitto_sub")
    world.run("mqtt", [os.path.join(EXAMPLES, "mqtt.sh"), *there], env=env)

    def told():
        """What the broker has kept, as a subscriber that comes late hears it"""
        heard = subprocess.run(["mosquitto_sub", *there, "-W", "1", "-v", "-t", "rtcbus/#"],
                               env=env, capture_output=True, text=True, check=False)
        topics = dict(line.split(" ", 1) for line in heard.stdout.splitlines())
        return topics if '"value":22.5' in topics.get(f"rtcbus/{emitter.name}/a_b", "") else None

    topics = wait_for(told, 30, "the last value at the broker")
    equal(sorted(topics), [f"rtcbus/{emitter.name}/a_b", f"rtcbus/{emitter.name}/note"])


def dashboard(world, command, *needed):
    emitter, listener = publishing_pair(world)
    board = world.run("dashboard", [*command, emitter.name], env=with_programs(world, listener, *needed))
    wait_for(lambda: len(board.lines()) == 3, 30, "three lines")
    equal(board.lines()[-1], f"{emitter.name} a/b: 22.5 C | {emitter.name} note: hello")
    emitter.invoke("PublishReading", "(sva{sv})", "note", GLib.Variant("s", "\x1b]0;x\x07\u202ey"), {})
    wait_for(lambda: len(board.lines()) == 4, 20, "a line that would command the terminal")
    equal(board.lines()[-1], f"{emitter.name} a/b: 22.5 C | {emitter.name} note: \ufffd]0;x\ufffd\ufffdy")
    check(emitter.name in [kept[0] for kept in listener.get("KeptPeers")], "nobody is kept")


def test_dashboard_of_node(world):
    dashboard(world, ["node", os.path.join(EXAMPLES, "dashboard.mjs")], "node")


def test_dashboard_of_python(world):
    dashboard(world, ["/usr/bin/python3", os.path.join(EXAMPLES, "dashboard.py")])


def test_dashboard_of_shell(world):
    dashboard(world, [os.path.join(EXAMPLES, "dashboard.sh")], "jq")


def test_publishing_timer(world):
    """What its service runs, as systemd would read it."""
    emitter, listener, _ = call_pair(world)
    with open(os.path.join(EXAMPLES, "systemd/rtcbus-publish.service"), encoding="utf-8") as f:
        command = next(line for line in f if line.startswith("ExecStart=")).split("=", 1)[1]
    words = [word.replace("$$", "$").replace("%%", "%") for word in shlex.split(command)]
    subprocess.run(words, check=True, timeout=60,
                   env=with_programs(world, emitter) | {"DBUS_SYSTEM_BUS_ADDRESS": emitter.bus.address})
    found = wait_for(lambda: listener.invoke("ReadReadings", "(tua{sv})", 0, 0, {})[0], 20, "a reading")
    equal([(reading[3], reading[4]) for reading in found], [(emitter.name, "load")], "whose, and what")


def test_usage(world):
    """A wrong command line gets the usage, and nothing else."""
    peer = world.peer("peer", "ws://127.0.0.1:9/", connected=False)
    built = os.path.join(harness.TOP_BUILDDIR, "data/examples")
    python = ["/usr/bin/python3"]
    ask, sensor = os.path.join(EXAMPLES, "ask.py"), os.path.join(EXAMPLES, "sensor.py")
    for words, usage in (
            ([*python, ask], "ask.py CALL"), ([*python, ask, "desk", "label", "text"], "ask.py CALL"),
            ([*python, ask, "/a/path", "label"], "ask.py CALL"),
            ([os.path.join(built, "ask"), "desk", "label", "text"], "usage:"),
            ([*python, os.path.join(EXAMPLES, "dashboard.py")], "dashboard.py PEER"),
            ([os.path.join(EXAMPLES, "dashboard.sh")], "usage:"),
            ([*python, sensor], "sensor.py VALUE"), ([*python, sensor, "warm"], "sensor.py VALUE"),
            ([os.path.join(built, "sensor"), "warm"], "usage:")):
        done = subprocess.run(words, env=environment(peer), timeout=60, capture_output=True,
                              text=True, check=False)
        check(done.returncode in (1, 2), f"{words} exited {done.returncode}")
        check(usage in done.stderr, f"{words} says {done.stderr}")
        for word in "Traceback", "CRITICAL":
            check(word not in done.stderr, f"{words} says {done.stderr}")


def test_ask_and_echo_in_python(world):
    emitter, listener, call = call_pair(world)
    echo = world.run("echo", ["/usr/bin/python3", os.path.join(EXAMPLES, "echo.py"), "python"],
                     env=environment(emitter))
    wait_for(echo.lines, 10, "echo.py")
    asked = subprocess.run(["/usr/bin/python3", os.path.join(EXAMPLES, "ask.py"), call.path,
                            "python", "one", "two"], env=environment(listener), timeout=60,
                           capture_output=True, check=True)
    equal(asked.stdout.splitlines()[1:], [b"one", b"two"], "the answers")
    echo.expect_exit(0)


def test_follow(world):
    """A sensor in each language, followed by another one."""
    emitter, listener, _ = call_pair(world)
    sensors = [["/usr/bin/python3", os.path.join(EXAMPLES, "sensor.py")],
               [os.path.join(harness.TOP_BUILDDIR, "data/examples/sensor")]]
    if shutil.which("busctl"):
        sensors.append([os.path.join(EXAMPLES, "sensor.sh")])
    followers = [world.run(f"follow{n}", [*words, "--follow"], env=environment(listener))
                 for n, words in enumerate(sensors)]

    def publish_until_seen(words, value):
        """The followers may still be starting: a reading is published again."""
        def seen():
            subprocess.run([*words, value], env=environment(emitter), timeout=60, check=True,
                           stdout=subprocess.DEVNULL)
            return all(value in f.stdout() for f in followers)
        wait_for(seen, 20, f"{value} to be followed by all")

    for n, words in enumerate(sensors):
        publish_until_seen(words, f"-{n}.125")


def test_sensor(world):
    if not shutil.which("busctl"):
        raise Skip("busctl is not installed")
    emitter, listener, _ = call_pair(world)
    script = os.path.join(EXAMPLES, "sensor.sh")
    subprocess.run([script, "-21.5"], env=environment(emitter), timeout=60, check=True,
                   stdout=subprocess.DEVNULL)
    listener.wait_numbers(1)
    seen = subprocess.run([script], env=environment(listener), timeout=60, check=True,
                          capture_output=True)
    check(b"-21.5" in seen.stdout, f"the reading is not in {seen.stdout!r}")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
