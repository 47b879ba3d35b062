#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The programs in data/examples, as people would run them."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from channels import call_pair  # noqa: E402
from harness import Skip, check, equal, wait_for  # noqa: E402

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
