#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Completion: what rtcbusctl offers, and bash, zsh and fish as people use them, each in a terminal
of its own where it is one of those that need it."""

import os
import pty
import re
import shutil
import subprocess

import ctl
import harness
from harness import Skip, check, equal, wait_for

FOLDER = os.path.join(harness.TOP_SRCDIR, "data/completion")


def room(world):
    relay = world.relay()
    desk = world.peer("desk", relay)
    trap = os.path.join(world.directory, "trap")
    for name in "kitchen", "living room", f"$(touch {trap})", f"`touch {trap}`":
        world.peer(name, relay)
        desk.wait_peer(name)
    return desk, trap


def complete(desk, *words):
    done = subprocess.run([harness.program("rtcbusctl"), "__complete", *words], env=ctl.environment(desk), text=True,
                          capture_output=True, check=True, timeout=60 * harness.SLOW)
    equal(done.stderr, "", "standard error")
    return [line.split("\t") for line in done.stdout.splitlines()]


def words(desk, *typed):
    return [line[0] for line in complete(desk, "--session", *typed)]


def test_what_is_offered(world):
    desk, _ = room(world)
    equal(words(desk, "call", "k"), ["kitchen"])
    equal(len(words(desk, "call", "")), 4)
    equal(words(desk, "call", "kitchen", ""), [], "after the last argument")
    equal(words(desk, "pee"), ["peers"])
    check(all(len(line) == 2 for line in complete(desk, "--session", "")), "a command says nothing")
    equal(words(desk, "numbers", "--f"), ["--follow"])
    equal(words(desk, "call", "--timeout", ""), [], "a number")
    equal(words(desk, "token", "--key", ""), [":files"])
    check({"kitchen", ":files"} <= set(words(desk, "send", "x", "")), "files and peers for send")
    equal(words(desk, "identity", ""), ["new"])
    equal(words(desk, "bogus", ""), [])
    desk.call("kitchen").wait_state("connected")
    equal(complete(desk, "--session", "hangup", ""), [["1", "kitchen"]])
    equal(words(desk, "known", ""), [])
    equal(words(desk, "forget", ""), ["kitchen"])


def test_no_daemon_and_no_bus(world):
    bus = harness.Bus(world, "bus")
    for address in bus.address, "unix:path=/nonexistent":
        env = dict(os.environ, DBUS_SESSION_BUS_ADDRESS=address)
        done = subprocess.run([harness.program("rtcbusctl"), "__complete", "--session", "call", ""],
                              env=env, text=True, capture_output=True, check=False,
                              timeout=60 * harness.SLOW)
        equal((done.returncode, done.stdout, done.stderr), (0, "", ""))


def environment(world, desk):
    """The programs that a shell is to find, and nothing of this machine's own set-up."""
    folder = os.path.join(world.directory, "bin")
    os.makedirs(folder, exist_ok=True)
    wrapper = os.path.join(folder, "rtcbusctl")
    with open(wrapper, "w", encoding="utf-8") as f:
        f.write(f'#!/bin/sh\nexec "{harness.program("rtcbusctl")}" "$@"\n')
    os.chmod(wrapper, 0o755)
    return ctl.environment(desk) | {"PATH": f"{folder}:/usr/bin:/bin", "HOME": world.directory,
                                    "TERM": "dumb", "LC_ALL": "C.UTF-8",
                                    "XDG_CONFIG_HOME": world.directory,
                                    "XDG_DATA_HOME": world.directory}


def need(shell):
    if not shutil.which(shell):
        raise Skip(f"{shell} is not installed")


def test_bash(world):
    desk, trap = room(world)

    def bash(*typed):
        done = subprocess.run(
            ["bash", "--norc", "-c", '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rtcbusctl; '
             'printf "%s\\n" "${COMPREPLY[@]}"', f"{FOLDER}/rtcbusctl", "rtcbusctl", "--session",
             *typed], env=environment(world, desk), text=True, capture_output=True, check=True,
            cwd=FOLDER, timeout=60 * harness.SLOW)
        return done.stdout.splitlines()

    equal(bash("call", "k"), ["kitchen"])
    equal(bash("call", "l"), ["living\\ room"])
    equal(len(bash("call", "")), 4)
    equal(bash("pee"), ["peers"])
    equal(bash("numbers", "--f"), ["--follow"])
    equal(sorted(bash("token", "--key", "rtc")), ["rtcbusctl", "rtcbusctl.fish"])
    check(not os.path.exists(trap), "completion ran what a peer's name says")


def test_fish(world):
    need("fish")
    desk, trap = room(world)

    def fish(line):
        done = subprocess.run(
            ["fish", "--no-config", "-c", f'source {FOLDER}/rtcbusctl.fish; complete -C "{line}"'],
            env=environment(world, desk), text=True, capture_output=True, check=True,
            cwd=FOLDER, timeout=60 * harness.SLOW)
        return [word.split("\t")[0] for word in done.stdout.splitlines()]

    equal(fish("rtcbusctl --session call k"), ["kitchen"])
    equal(len(fish("rtcbusctl --session call ")), 4)
    equal(fish("rtcbusctl --session pee"), ["peers"])
    equal(fish("rtcbusctl --session numbers --fo"), ["--follow"])
    check("rtcbusctl.fish" in fish("rtcbusctl --session token --key rtc"), "no files")
    check(not os.path.exists(trap), "completion ran what a peer's name says")


class Terminal:
    """A program that takes its terminal for a person's."""

    def __init__(self, world, argv, env, cwd):
        self.master, slave = pty.openpty()
        self.seen = ""
        self.child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env,
                                      cwd=cwd, start_new_session=True)
        os.close(slave)
        os.set_blocking(self.master, False)
        world.closing(self)

    def close(self):
        self.child.kill()
        self.child.wait()
        os.close(self.master)

    def shows(self, pattern):
        def shown():
            try:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
            except (BlockingIOError, OSError):
                pass
            return re.search(pattern, self.seen)

        wait_for(shown, 60, f"{pattern!r} on the terminal")

    def type(self, text):
        self.seen = ""
        os.write(self.master, text.encode())


def test_zsh(world):
    need("zsh")
    desk, trap = room(world)
    env = environment(world, desk)
    terminal = Terminal(world, ["zsh", "-f", "-i"], env, FOLDER)
    terminal.type("PS1='ready> '; unsetopt zle_bracketed_paste; "
                  f"fpath=({FOLDER} $fpath); autoload -Uz compinit; compinit -u -D; print do''ne\n")
    terminal.shows("done")
    for typed, whole in (("call k", "kitchen"), ("call l", r"living\\ room"), ("pee", "peers"),
                         ("numbers --fo", "--follow"), ("token --key rtcbusctl.f", r"rtcbusctl\.fish")):
        terminal.type(f"\x15rtcbusctl --session {typed}\t")
        terminal.shows(whole)
    check(not os.path.exists(trap), "completion ran what a peer's name says")


if __name__ == "__main__":
    harness.main([value for name, value in list(globals().items()) if name.startswith("test_")])
