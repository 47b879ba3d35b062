#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""rtcbusctl pipe between two daemons, as a shell would use it.

RTCBUS_TEST_PIPE_MIB says how much is sent by the large ones (default 64)."""

import contextlib
import hashlib
import os
import pty
import select
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ctl  # noqa: E402
import harness  # noqa: E402
from ctl import Ctl  # noqa: E402
from harness import check, equal, note, wait_for  # noqa: E402

MIB = 1024 * 1024
SIZE = int(os.environ.get("RTCBUS_TEST_PIPE_MIB", "64")) * MIB


def pair(world):
    relay = world.relay()
    box, desk = world.peer("box", relay), world.peer("desk", relay)
    desk.wait_peer("box")
    box.invoke("TrustPeer", "(ss)", "desk", desk.get("Fingerprint"))
    return box, desk


def channels(peer):
    return [p for p in peer.objects() if "/channel/" in p]


def settled(*peers):
    for peer in peers:
        wait_for(lambda p=peer: not [x for x in p.objects() if "/call/" in x], 10,
                 f"the calls of {peer.name} to end")


def source(size, path="/dev/urandom"):
    """A file of random bytes and its checksum."""
    with open(path, "rb") as f:
        block = f.read(MIB)
    digest = hashlib.sha256()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            for number in range(size // MIB):
                os.write(write, block[number % 1000:] + block[:number % 1000])
        finally:
            os._exit(0)
    os.close(write)
    for number in range(size // MIB):
        digest.update(block[number % 1000:] + block[:number % 1000])
    return read, digest.hexdigest()


def checksum(stream, pause_after=None):
    digest, total = hashlib.sha256(), 0
    while block := stream.read1(1 << 18):
        digest.update(block)
        total += len(block)
        if pause_after and total > pause_after:
            time.sleep(2)
            pause_after = None
    return digest.hexdigest()


def transfer(world, pause_after=None):
    box, desk = pair(world)
    listener = Ctl(box, "pipe", "--listen", "backup", stdin=subprocess.DEVNULL)
    read, wanted = source(SIZE)
    before = [p.rss_kib() for p in (box, desk)]
    sender = Ctl(desk, "pipe", "box", "backup", stdin=read, stdout=subprocess.DEVNULL)
    os.close(read)
    began = time.monotonic()
    equal(checksum(listener.child.stdout, pause_after), wanted, "the checksum")
    seconds = time.monotonic() - began
    grown = [p.rss_kib() - b for p, b in zip((box, desk), before)]
    note(f"{SIZE // MIB} MiB in {seconds:.1f} s, {SIZE * 8e-6 / seconds:.0f} Mbit/s; "
         f"RSS grew by {grown[0]} and {grown[1]} KiB")
    equal((sender.status(), listener.status()), (0, 0), "exit statuses")
    if not box.sanitized():
        check(max(grown) < 20 * 1024, f"the daemons grew by {grown} KiB")
    settled(box, desk)


def test_transfer(world):
    transfer(world)


def test_reader_that_pauses(world):
    transfer(world, pause_after=SIZE // 3)


def test_both_ways_and_half_close(world):
    """What one side ends, the other goes on with."""
    box, desk = pair(world)
    listener = Ctl(box, "pipe", "--listen")
    caller = Ctl(desk, "pipe", "box")
    blob = bytes(range(256)) * 100
    caller.child.stdin.write(blob)
    caller.child.stdin.close()
    equal(listener.child.stdout.read(), blob, "what the listener got, until the end of it")
    listener.child.stdin.write(b"answer\r\n\0")
    listener.child.stdin.close()
    equal(caller.child.stdout.read(), b"answer\r\n\0", "the answer")
    equal((caller.status(), listener.status()), (0, 0), "exit statuses")
    settled(box, desk)


def test_sender_first(world):
    """The listener comes later: the daemon keeps what has come."""
    box, desk = pair(world)
    caller = Ctl(desk, "pipe", "box", "late")
    caller.child.stdin.write(b"early")
    caller.child.stdin.close()
    wait_for(lambda: len(channels(box)) == 2, 10, "the channel")
    listener = Ctl(box, "pipe", "--listen", "late", stdin=subprocess.DEVNULL)
    equal(listener.child.stdout.read(), b"early", "what was sent before")
    equal((caller.status(), listener.status()), (0, 0), "exit statuses")


def test_two_over_one_call(world):
    box, desk = pair(world)
    pairs = []
    for label in "one", "two":
        listener = Ctl(box, "pipe", "--listen", label)
        caller = Ctl(desk, "pipe", "box", label)
        caller.child.stdin.write(label.encode())
        caller.child.stdin.flush()
        equal(listener.child.stdout.read(3), label.encode(), "the greeting")
        pairs.append((caller, listener))
    calls = [p for p in desk.objects() if p.count("/") == 5]
    equal(len(calls), 1, "calls")
    for ends in pairs:
        for end in ends:
            end.child.stdin.close()
        for end in ends:
            equal(end.status(), 0, "exit status")


def test_a_call_that_came_in(world):
    """Is not used for the name that it came under, unless its key is known."""
    relay = world.relay()
    desk = world.peer("desk", relay)
    other = world.peer("other", relay, config={"Peer": {"Name": "laptop"}})
    other.wait_peer("desk")
    for known in False, True:
        if known:
            desk.invoke("TrustPeer", "(ss)", "laptop", other.get("Fingerprint"))
        other.call("desk").wait_state("connected")
        caller = Ctl(desk, "pipe", "laptop", "x")
        wait_for(lambda: [p for p in channels(desk)
                          if desk.get("Label", p, harness.CHANNEL_INTERFACE) == "pipe/x"],
                 10, "the pipe's channel")
        directions = sorted(call.get("Direction") for call in desk.calls())
        equal(directions, ["incoming"] if known else ["incoming", "outgoing"], "calls")
        caller.child.kill()
        caller.child.wait()
        for call in other.calls() + desk.calls():
            with contextlib.suppress(harness.BusError):  # both ends of one are here
                call.hangup()
        settled(desk, other)


def test_end_in_the_middle(world):
    """Killed, interrupted, hung up: the other side says so and fails."""
    box, desk = pair(world)
    for how in "kill", "interrupt", "hangup":
        listener = Ctl(box, "pipe", "--listen", how)
        caller = Ctl(desk, "pipe", "box", how)
        caller.child.stdin.write(b"begin")
        caller.child.stdin.flush()
        equal(listener.child.stdout.read(5), b"begin", "the beginning")
        if how == "kill":
            caller.child.kill()
        elif how == "interrupt":
            caller.child.terminate()
        else:
            harness.Call(desk, [p for p in desk.objects() if p.count("/") == 5][0]).hangup()
        equal(listener.status(), 1, f"exit status after {how}")
        check("before everything" in listener.errors(), "the listener says why")
        check(caller.status() != 0, "the caller failed, too")
        for peer in box, desk:
            wait_for(lambda p=peer: len(channels(p)) <= 1, 5, f"the channel at {peer.name} to go")


def test_nobody_listens(world):
    """Another message than that of a transfer which was cut."""
    box, desk = pair(world)
    caller = Ctl(desk, "pipe", "box", "nobody")
    wait_for(lambda: len(channels(box)) == 2, 10, "the channel")
    harness.Call(box, [p for p in box.objects() if p.count("/") == 5][0]).hangup()
    equal(caller.status(), 1, "exit status")
    check("before anybody on the other side had answered" in caller.errors(), "the message")


def test_closed_streams(world):
    """Nothing else is read and written in the place of a standard stream that is closed."""
    box, desk = pair(world)
    for closed, message in ("<&-", "cannot read"), (">&-", "cannot write"):
        listener = Ctl(box, "pipe", "--listen", message)
        listener.child.stdin.write(b"answer")
        listener.child.stdin.close()
        caller = subprocess.run(
            ["sh", "-c", f'exec "$@" {closed}', "sh", *ctl.command("pipe", "box", message)],
            env=ctl.environment(desk), check=False, capture_output=True, timeout=30,
            stdin=subprocess.DEVNULL)
        check(message in caller.stderr.decode(), f"with {closed} it says {caller.stderr!r}")
        equal(caller.returncode, 1, f"exit status with {closed}")
        harness.watch(lambda c=listener.child: c.poll() is not None, 5)
        listener.close()  # it waits for another channel if that one was gone before it looked
        equal(listener.child.stdout.read(), b"", f"what the listener got with {closed}")


class Terminal:
    """What a person sees and types at."""

    def __init__(self, world):
        self.ours, self.theirs = pty.openpty()
        self.seen = b""
        world.closing(self)

    def close(self):
        os.close(self.ours)
        os.close(self.theirs)

    def shows(self, text):
        while select.select([self.ours], [], [], 0)[0]:
            self.seen += os.read(self.ours, 4096)
        return text in self.seen


def test_progress(world):
    """It is shown on a terminal, but does not write over what is typed or comes there."""
    box, desk = pair(world)
    for who, wanted in ("types", False), ("reads", False), ("copies", True):
        terminal = Terminal(world)
        listener = Ctl(box, "pipe", "--listen", who)
        caller = Ctl(desk, "pipe", "box", who, stdout=terminal.theirs, stderr=terminal.theirs,
                     stdin=terminal.theirs if who == "types" else subprocess.PIPE)
        if wanted:
            caller.child.stdin.write(b"data")
            caller.child.stdin.flush()
            wait_for(lambda t=terminal: t.shows(b"sent 4"), 5, "the progress")
        else:
            listener.child.stdin.write(b"answer")
            listener.child.stdin.flush()
            wait_for(lambda t=terminal: t.shows(b"answer"), 5, "the answer")
            harness.hold(lambda t=terminal: not t.shows(b"sent"), 1, f"what one who {who} sees")
        caller.child.terminate()
        equal((caller.status(), listener.status()), (1, 1), "exit statuses")
        equal(terminal.shows(b"sent"), wanted, f"the progress for one who {who}")


def test_who_may(world):
    """Those who are known, or one of them, or anyone; it says who it was."""
    relay = world.relay()
    box = world.peer("box", relay)
    desk, other = (world.peer(name, relay) for name in ("desk", "other"))
    for peer in desk, other:
        peer.wait_peer("box")
    listener = Ctl(box, "pipe", "--listen", stdin=subprocess.DEVNULL)
    caller = Ctl(other, "pipe", "box", stdin=subprocess.DEVNULL)
    equal(caller.status(), 1, "exit status of one who is not known")
    check("you are not known over there" in caller.errors(), caller.errors())
    check(listener.child.poll() is None, "the listener goes on waiting")
    for peer in desk, other:
        box.invoke("TrustPeer", "(ss)", peer.name, peer.get("Fingerprint"))
    settled(other)
    equal(Ctl(other, "pipe", "box", stdin=subprocess.DEVNULL).status(), 0, "exit status when known")
    equal(listener.status(), 0, "exit status of the listener")
    said = listener.errors()
    word = other.get("Fingerprint").replace(" ", ":")
    check("is not known here" in said and f"connected with other, whose key is {word}" in said, said)

    listener = Ctl(box, "pipe", "--listen", "--from", "desk", "x", stdin=subprocess.DEVNULL)
    wrong = Ctl(other, "pipe", "box", "x", stdin=subprocess.DEVNULL)
    wait_for(lambda: len(channels(box)) == 2, 10, "the channel of the other one")
    equal(Ctl(desk, "pipe", "box", "x", stdin=subprocess.DEVNULL).status(), 0, "exit status")
    equal(listener.status(), 0, "exit status of the listener")
    check(wrong.child.poll() is None, "the other one waits")

    box.invoke("ForgetPeer", "(s)", "desk")
    settled(desk)
    listener = Ctl(box, "pipe", "--listen", "--anyone", "y", stdin=subprocess.DEVNULL)
    equal(Ctl(desk, "pipe", "box", "y", stdin=subprocess.DEVNULL).status(), 0, "exit status")
    equal(listener.status(), 0, "exit status of the listener")
    check("somebody who is not known and calls itself desk" in listener.errors(), "who it was")


def test_what_the_other_side_runs(world):
    box, desk = pair(world)
    near, far = Terminal(world), Terminal(world)
    caller = Ctl(desk, "pipe", "box", "backup", stderr=far.theirs)
    wait_for(lambda: far.shows(b"rtcbusctl pipe --listen --from desk backup"), 10, "what box runs")
    caller.child.terminate()
    equal(caller.status(), 1, "exit status")
    settled(box, desk)
    listener = Ctl(box, "pipe", "--listen", stderr=near.theirs)
    wait_for(lambda: near.shows(b"rtcbusctl pipe box"), 10, "what desk runs")
    listener.child.terminate()
    equal(listener.status(), 1, "exit status")


def test_usage(world):
    box, _ = pair(world)
    for arguments in ([], ["--from", "a", "b"], ["--anyone", "a"], ["--listen", "a", "b"], ["--listen", "--service", "a"],
                      ["--service", "a"], ["a", "b", "c"]):
        equal(Ctl(box, "pipe", *arguments).status(), 2, f"exit status of {arguments}")
    absent = Ctl(box, "pipe", "nobody", stdin=subprocess.DEVNULL)
    equal(absent.status(), 1, "exit status")
    check("nobody" in absent.errors(), "the message names the peer")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
