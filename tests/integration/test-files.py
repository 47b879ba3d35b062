#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""rtcbusctl send and receive between two daemons.

RTCBUS_TEST_FILES_MIB says how large the file is that is cut in the middle (default 96)."""

import filecmp
import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ctl  # noqa: E402
import harness  # noqa: E402
from channels import Acquired, open_channel  # noqa: E402
from ctl import Ctl  # noqa: E402
from harness import GLib, check, equal, note, wait_for  # noqa: E402

MIB = 1024 * 1024
SIZE = int(os.environ.get("RTCBUS_TEST_FILES_MIB", "96")) * MIB


def pair(world, known=True):
    """The one who receives, and the one who sends."""
    relay = world.relay()
    box, desk = world.peer("box", relay), world.peer("desk", relay)
    desk.wait_peer("box")
    if known:
        box.invoke("TrustPeer", "(ss)", "desk", desk.get("Fingerprint"))
        desk.invoke("TrustPeer", "(ss)", "box", box.get("Fingerprint"))
    return box, desk


def folder(world, name):
    path = os.path.join(world.directory, name)
    os.makedirs(path, exist_ok=True)
    return path


def make(path, content=b"hello\n"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)
    return path


def big(world, name="big", size=SIZE):
    """Not all zeros, so that a part at another place would be seen."""
    path = os.path.join(folder(world, "here"), name)
    block = os.urandom(MIB)
    with open(path, "wb") as f:
        for number in range(size // MIB):
            f.write(number.to_bytes(8, "big") + block[8:])
    return path


def receive(peer, *arguments, **streams):
    return Ctl(peer, "receive", *arguments, **({"stdin": subprocess.DEVNULL} | streams))


def send(peer, *arguments, **streams):
    return Ctl(peer, "send", *arguments, **({"stdin": subprocess.DEVNULL} | streams))


def both(receiver, sender):
    """Both end well. Whatever the sender says tells more than a receiver that waits for another."""
    equal(sender.status(), 0, f"exit status of the sender ({sender.errors()})")
    equal(receiver.status(), 0, f"exit status of the receiver ({receiver.errors()})")


def size_of(path):
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def part_of(there, name="big"):
    return os.path.join(there, f".{name}.rtcbus-part")


def wait_part(there, at_least=MIB, name="big"):
    """Until so much of it has come; without the pauses of wait_for(), which would miss it."""
    deadline = time.monotonic() + harness.PATIENCE * harness.SLOW
    while size_of(part_of(there, name)) < at_least:
        check(time.monotonic() < deadline, "nothing of the file comes")
        time.sleep(0.001)


def stop_in_the_middle(there, *programs):
    wait_part(there)
    for program in programs:
        program.child.send_signal(signal.SIGSTOP)
    check(0 < size_of(part_of(there)) < SIZE, "the transfer was over before it was cut")


def last_line(process):
    return json.loads(process.child.stdout.read().decode().splitlines()[-1])


# ---- what arrives ------------------------------------------------------------------


def test_files_and_folders(world):
    """Names, contents, times, the right to be run; nothing else is in the folder."""
    box, desk = pair(world)
    here, there = folder(world, "here"), folder(world, "there")
    names = ["-rf", "ünïcödé", "日本語.txt", "n" * 255, "a b", "$(x)", "'", '"', "\\", "..."]
    for name in names:
        make(f"{here}/tree/deep/{name}", name.encode())
    run = make(f"{here}/run.sh", b"#!/bin/sh\n")
    os.chmod(run, 0o750)
    os.utime(run, ns=(10**18, 1234567890123456000))
    make(f"{here}/empty", b"")
    os.makedirs(f"{here}/tree/nothing")
    receiver = receive(box, there)
    sender = send(desk, run, f"{here}/empty", f"{here}/tree", "box")
    both(receiver, sender)
    equal(sorted(os.listdir(there)), ["empty", "run.sh", "tree"], "what is there")
    equal(sorted(os.listdir(f"{there}/tree/deep")), sorted(names), "names")
    for name in names:
        check(filecmp.cmp(f"{here}/tree/deep/{name}", f"{there}/tree/deep/{name}", False), name)
    equal(os.listdir(f"{there}/tree/nothing"), [], "the empty folder")
    equal(size_of(f"{there}/empty"), 0, "the empty file")
    info = os.stat(f"{there}/run.sh")
    check(info.st_mode & 0o100, "it can be run")
    equal(info.st_mtime_ns, 1234567890123456000, "its time")
    check(not os.stat(f"{there}/empty").st_mode & 0o111, "the other cannot")


def test_odd_names(world):
    """What does not show is made to; what is no file is left out, and both ends say 1."""
    box, desk = pair(world)
    here, there = folder(world, "here"), folder(world, "there")
    make(f"{here}/tree/two\nlines")
    make(os.fsencode(f"{here}/tree/") + b"latin-\xe9", b"x")
    make(f"{here}/tree/good")
    os.symlink("/etc/passwd", f"{here}/tree/link")
    os.mkfifo(f"{here}/tree/fifo")
    receiver = receive(box, there)
    sender = send(desk, f"{here}/tree", "box")
    equal((sender.status(), receiver.status()), (1, 1), "exit statuses")
    equal(sorted(os.listdir(f"{there}/tree")), ["good", "latin-\ufffd", "two_lines"], "names")
    said = sender.errors()
    check("tree/link is a symbolic link" in said and "tree/fifo is neither" in said, said)
    receiver = receive(box, there)
    make(f"{here}/.profile")
    sender = send(desk, f"{here}/.profile", "box")
    equal((sender.status(), receiver.status()), (1, 1), "exit statuses")
    check("--hidden" in sender.errors(), "both say how it is taken")
    check("--hidden" in receiver.errors(), "both say how it is taken")
    equal(os.listdir(there), ["tree"], "what is there")


def test_what_is_there_already(world):
    box, desk = pair(world)
    here, there = folder(world, "here"), folder(world, "there")
    name = make(f"{here}/a", b"new")
    make(f"{there}/a", b"old")
    receiver, sender = receive(box, there), send(desk, name, "box")
    equal((sender.status(), receiver.status()), (1, 1), "exit statuses")
    check("--force" in sender.errors(), "the sender says so")
    equal(open(f"{there}/a", "rb").read(), b"old", "the file")
    both(receive(box, "--force", there), send(desk, name, "box"))
    equal(open(f"{there}/a", "rb").read(), b"new", "the file")
    sender = send(desk, "--json", name, "box")
    both(receive(box, there), sender)
    equal(last_line(sender)["bytes"], 0, "bytes for what is there and the same")


def test_sender_first(world):
    """It waits for somebody who receives, and so do files for programs."""
    box, desk = pair(world)
    there = folder(world, "there")
    sender = send(desk, "--json", make(f"{folder(world, 'here')}/a"), "box")
    wait_for(lambda: [p for p in box.objects() if "/channel/" in p and
                      box.get("Protocol", p, harness.CHANNEL_INTERFACE) == "rtcbus.files.1"],
             10, "the channel")
    receiver = receive(box, "--json", "--from", "desk", there)
    both(receiver, sender)
    first, file, last = map(json.loads, receiver.child.stdout.read().decode().splitlines())
    equal((first["from"], first["files"], first["bytes"]), ("desk", 1, 6), "the first object")
    equal(file, {"path": "a", "size": 6, "sha256":
                 "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}, "the file")
    equal(last, {"ok": True, "done": 1, "failed": 0, "bytes": 6}, "the last object")


# ---- cut off ------------------------------------------------------------------------


def cut(world, victim):
    """The daemon of one side is killed, and started again."""
    box, desk = pair(world)
    there, path = folder(world, "there"), big(world)
    receiver, sender = receive(box, there), send(desk, "--json", path, "box")
    stop_in_the_middle(there, receiver)
    peer = box if victim == "box" else desk
    peer.kill()
    peer.start()
    peer.wait_ready()
    peer.wait_connected()
    receiver.child.send_signal(signal.SIGCONT)
    both(receiver, sender)
    check(filecmp.cmp(path, f"{there}/big", False), "the file is the same")
    equal(os.listdir(there), ["big"], "what is there")
    check("cut off" in sender.errors(), "the sender says so")
    moved = last_line(sender)["bytes"]
    note(f"{moved} bytes went over for {SIZE}")
    check(moved < SIZE + 16 * MIB, "it does not begin anew")


def test_cut_at_the_receiver(world):
    cut(world, "box")


def test_cut_at_the_sender(world):
    cut(world, "desk")


def killed(world, who):
    """kill -9 of one end; the other goes on waiting, and another run goes on where it was."""
    box, desk = pair(world)
    there, path = folder(world, "there"), big(world)
    receiver, sender = receive(box, there), send(desk, path, "box")
    stop_in_the_middle(there, receiver)
    if who == "receiver":
        receiver.child.kill()
        receiver.child.wait()
        there_before = size_of(part_of(there))
        receiver = receive(box, "--json", there)
    else:
        sender.child.kill()
        sender.child.wait()
        receiver.child.send_signal(signal.SIGCONT)
        sender = send(desk, "--json", path, "box")
        there_before = MIB
    both(receiver, sender)
    check(filecmp.cmp(path, f"{there}/big", False), "the file is the same")
    moved = last_line(receiver if who == "receiver" else sender)["bytes"]
    note(f"{moved} of {SIZE} bytes in the second run")
    check(moved <= SIZE - there_before, "the second run sent only what was missing")


def test_receiver_is_killed(world):
    killed(world, "receiver")


def test_sender_is_killed(world):
    killed(world, "sender")


def test_changed_meanwhile(world):
    """A part is of another file: from the beginning."""
    box, desk = pair(world)
    there, path = folder(world, "there"), big(world)
    receiver, sender = receive(box, there), send(desk, path, "box")
    stop_in_the_middle(there, receiver)
    for end in receiver, sender:
        end.child.kill()
        end.child.wait()
    with open(path, "r+b") as f:
        f.write(b"changed")
    receiver, sender = receive(box, there), send(desk, path, "box")
    equal((sender.status(), receiver.status()), (0, 0), "exit statuses")
    check("from the beginning" in sender.errors(), "the sender says so")
    check(filecmp.cmp(path, f"{there}/big", False), "the file is the same")


def test_changed_while_it_is_sent(world):
    box, desk = pair(world)
    there, path = folder(world, "there"), big(world)
    receiver, sender = receive(box, there), send(desk, path, "box")
    stop_in_the_middle(there, receiver)
    with open(path, "r+b") as f:
        f.write(b"changed")
    receiver.child.send_signal(signal.SIGCONT)
    equal((sender.status(), receiver.status()), (1, 1), "exit statuses")
    for end in sender, receiver:
        check("was changed while it was sent" in end.errors(), "both say so")
    check(not os.path.exists(f"{there}/big"), "no file that is half old and half new")


def test_interrupted(world):
    """Each end tells the other, and the part stays."""
    box, desk = pair(world)
    path = big(world)
    for who in "receiver", "sender":
        there = folder(world, who)
        receiver, sender = receive(box, there), send(desk, path, "box")
        stop_in_the_middle(there, receiver)
        (receiver if who == "receiver" else sender).child.send_signal(signal.SIGINT)
        receiver.child.send_signal(signal.SIGCONT)
        equal((sender.status(), receiver.status()), (1, 1), f"exit statuses, {who} interrupted")
        other = sender if who == "receiver" else receiver
        check("interrupted over there" in other.errors(), "the other end says so")
        check(size_of(part_of(there)) > 0, "the part stays")


# ---- no room -------------------------------------------------------------------------


def test_too_long(world):
    """The file may not become as long as it is; the others come all the same."""
    box, desk = pair(world)
    here, there = folder(world, "here"), folder(world, "there")
    long, short = make(f"{here}/long", bytes(4 * MIB)), make(f"{here}/short")
    limit = (MIB, MIB)
    receiver = receive(box, there,
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    sender = send(desk, long, short, "box")
    equal((sender.status(), receiver.status()), (1, 1), "exit statuses")
    for end in sender, receiver:
        check("File too large" in end.errors(), "both say why")
    equal(size_of(part_of(there, "long")), MIB, "the part")
    equal(size_of(f"{there}/short"), 6, "the other file")


SMALL_DISK = """mount -t tmpfs -o size=4m none "$0" && cd "$0" && "$@"; status=$?
ls -A; exit $status"""


def test_full_disk(world):
    """A disk of 4 MiB in a namespace of the receiver's own"""
    box, desk = pair(world)
    there = folder(world, "there")
    space = ["unshare", "--mount", "--map-current-user", "--keep-caps"]
    if os.geteuid() == 0:
        space = ["unshare", "--mount"]
    script = [*space, "sh", "-c", SMALL_DISK, there]
    tried = subprocess.run([*script, "true"], check=False, capture_output=True)
    if tried.returncode != 0:
        raise harness.Skip(f"no small disk can be had: {tried.stderr.decode()}")
    sender = send(desk, make(f"{folder(world, 'here')}/long", bytes(16 * MIB)), "box")
    child = subprocess.run([*script, *ctl.command("receive")], env=ctl.environment(box), text=True,
                           stdin=subprocess.DEVNULL, capture_output=True, check=False,
                           timeout=60 * harness.SLOW)
    equal((sender.status(), child.returncode), (1, 1), "exit statuses")
    for said in sender.errors(), child.stderr:
        check("No space left on device" in said, said)
    check("what has come stays" in child.stderr, child.stderr)
    check(".long.rtcbus-part" in child.stdout, "the part stays")


# ---- who may --------------------------------------------------------------------------


def test_unknown(world):
    """Without a terminal they are refused, with what to do; the receiver goes on waiting."""
    box, desk = pair(world, known=False)
    there, path = folder(world, "there"), make(f"{folder(world, 'here')}/a")
    receiver, sender = receive(box, there), send(desk, path, "box")
    equal(sender.status(), 1, "exit status")
    check("rtcbusctl pair" in sender.errors(), "the sender is told what to do")
    check(receiver.child.poll() is None, "the receiver goes on waiting")
    equal(os.listdir(there), [], "what is there")
    box.invoke("TrustPeer", "(ss)", "desk", desk.get("Fingerprint"))
    wait_for(lambda: not desk.calls(), 10, "the call that was not known to end")
    both_ends = send(desk, path, "box")
    equal((both_ends.status(), receiver.status()), (0, 0), "exit statuses of known ones")
    check("is not known here" in receiver.errors(), "the receiver has said so")
    equal(os.listdir(there), ["a"], "what is there")


def test_anyone(world):
    box, desk = pair(world, known=False)
    there, path = folder(world, "there"), make(f"{folder(world, 'here')}/a")
    both(receive(box, "--anyone", there), send(desk, path, "box"))


def test_from(world):
    """Somebody else is left alone."""
    relay = world.relay()
    box = world.peer("box", relay)
    there, path = folder(world, "there"), make(f"{folder(world, 'here')}/a")
    peers = [world.peer(name, relay) for name in ("desk", "other")]
    for peer in peers:
        peer.wait_peer("box")
        box.invoke("TrustPeer", "(ss)", peer.name, peer.get("Fingerprint"))
    receiver = receive(box, "--from", "desk", there)
    other = send(peers[1], path, "box")
    wait_for(lambda: [p for p in box.objects() if "/channel/" in p], 10, "the channel")
    desk = send(peers[0], path, "box")
    both(receiver, desk)
    check(other.child.poll() is None, "the other one waits")
    both(receive(box, there), other)


class Terminal:
    """What a person sees and types at."""

    def __init__(self, world):
        self.ours, self.theirs = pty.openpty()
        self.seen = b""
        world.closing(self)

    def close(self):
        os.close(self.ours)
        os.close(self.theirs)

    def type(self, text):
        os.write(self.ours, text)

    def shows(self, text):
        while select.select([self.ours], [], [], 0)[0]:
            self.seen += os.read(self.ours, 4096)
        return text in self.seen


def test_question(world):
    """Somebody unknown is asked about, with the key; and each side says what the other runs."""
    box, desk = pair(world, known=False)
    there, path = folder(world, "there"), make(f"{folder(world, 'here')}/a")
    fingerprint = desk.get("Fingerprint").split()[1].encode()
    for answer in b"n\n", b"y\n":
        terminal, far = Terminal(world), Terminal(world)
        receiver = receive(box, there, stdin=terminal.theirs, stderr=terminal.theirs)
        wait_for(lambda t=terminal: t.shows(b"rtcbusctl send FILE... box"), 10, "the hint")
        sender = send(desk, path, "box", stderr=far.theirs)
        wait_for(lambda t=terminal: t.shows(b"[y/N]"), 10, "the question")
        check(fingerprint in terminal.seen, "the key is shown")
        wait_for(lambda f=far: f.shows(b"asked over there"), 10, "the sender to know")
        terminal.type(answer)
        equal(sender.status(), 1 if answer[0] == b"n"[0] else 0, f"exit status after {answer}")
        if answer == b"n\n":
            equal(os.listdir(there), [], "what is there")
            receiver.child.terminate()
            equal(receiver.status(), 1, "exit status of the receiver")
    equal(receiver.status(), 0, "exit status of the receiver")
    equal(os.listdir(there), ["a"], "what is there")


class Offer:
    """A transfer whose sender does what the test says."""

    def __init__(self, call, size, files=1, name="a", transfer="t"):
        channel = open_channel(call, "files", protocol=GLib.Variant("s", "rtcbus.files.1"))
        self.channel = Acquired(channel)
        self.say(type="offer", transfer=transfer, files=files, bytes=size, name=name)

    def say(self, **frame):
        self.channel.socket.send(json.dumps(frame).encode())

    def hears(self, *types):
        for wanted in types:
            packet = self.channel.read()
            equal(packet and json.loads(packet)["type"], wanted, "what the receiver says")

    def give(self, content):
        """All of the one file, called a, from its acceptance to the end."""
        self.hears("accept")
        self.say(type="file", file=0, path="a", size=len(content))
        self.hears("start")
        self.say(type="data", file=0, offset=0)
        self.channel.socket.send(b"\0" + content)
        self.say(type="end", file=0)
        self.hears("got", "done")
        self.say(type="finish")
        self.hears("finished")

    def close(self):
        self.channel.socket.close()


def test_offered_again(world):
    """What was answered, or is being asked, holds for the same offer and for no other one."""
    box, desk = pair(world, known=False)
    there, terminal = folder(world, "there"), Terminal(world)
    receiver = receive(box, there, stdin=terminal.theirs, stderr=terminal.theirs)
    wait_for(lambda: terminal.shows(b"rtcbusctl send"), 20, "the hint")
    terminal.type(b"y\n")  # to no question
    call = desk.call("box")
    call.wait_state("connected")
    Offer(call, 5).hears("asking")
    others = [Offer(call, 500), Offer(call, 5, files=2), Offer(call, 5, name="b")]
    others += [Offer(call, 5, transfer=transfer) for transfer in "uv"]
    others[-1].hears("refuse")  # more than are held
    for other in others[:-1]:
        other.close()
    again = Offer(call, 5)
    again.hears("asking")
    terminal.type(b"y\n")
    again.hears("accept")

    def cut(offer, words):
        terminal.seen = b""
        offer.close()
        wait_for(lambda: terminal.shows(words), 20, f"the receiver to say {words}")

    cut(again, b"cut off")
    again = Offer(call, 5)
    again.hears("accept")
    cut(again, b"cut off")
    other = Offer(call, 500)
    other.hears("asking")
    cut(other, b"has gone")
    last = Offer(call, 5)
    last.hears("asking")
    terminal.type(b"y\n")
    last.give(b"hello")
    equal(receiver.status(), 0, "exit status of the receiver")
    said = receiver.child.stdout.read().decode()
    check("1 was not checked" in said and "was checked" not in said, said)
    equal(os.listdir(there), ["a"], "what is there")


def test_begun_anew(world):
    """What the same peer offers before the other has ended waits for that; the newest is taken."""
    box, desk = pair(world)
    there = folder(world, "there")
    receiver = receive(box, "--json", there)
    call = desk.call("box")
    call.wait_state("connected")
    first = Offer(call, 5)
    first.hears("accept")
    held = [Offer(call, 5, transfer=transfer) for transfer in "uvwx"]
    Offer(call, 5, transfer="y").hears("refuse")  # and so all before it were seen
    first.close()
    held[-1].give(b"hello")
    equal(receiver.status(), 0, f"exit status of the receiver ({receiver.errors()})")
    for other in held[:-1]:
        equal(other.channel.read(), None, "what one hears that waited, when the receiver ends")
    equal(os.listdir(there), ["a"], "what is there")


def test_first_call_vouches_for_nobody(world):
    """Who is known only because we have called it once is asked about like others."""
    box, desk = pair(world, known=False)
    there, path = folder(world, "there"), make(f"{folder(world, 'here')}/a")
    box.call("desk").wait_state("connected")
    equal([p[2] for p in box.invoke("ListKnownPeers")[0]], ["first call"], "what box knows")
    desk.call("box").wait_state("connected")

    def vouched():
        return {c.get("Vouched") for c in box.calls() if c.get("Trust") == "known"}

    wait_for(lambda: vouched() == {False}, 20, "the call of one who is known")
    receiver, sender = receive(box, there), send(desk, path, "box")
    equal(sender.status(), 1, "exit status")
    check("rtcbusctl pair" in sender.errors(), "the sender is told what to do")
    box.invoke("TrustPeer", "(ss)", "desk", desk.get("Fingerprint"))
    both(receiver, send(desk, path, "box"))
    equal(vouched(), {True}, "whether the same call is vouched for")


def test_progress(world):
    box, desk = pair(world)
    there, path = folder(world, "there"), big(world)
    near, far = Terminal(world), Terminal(world)
    receiver = receive(box, there, stderr=near.theirs)
    sender = send(desk, path, "box", stderr=far.theirs)
    stop_in_the_middle(there, receiver)
    wait_for(lambda: far.shows(b" left") and b"%" in far.seen, 10, "the sender's progress")
    receiver.child.send_signal(signal.SIGCONT)
    equal((sender.status(), receiver.status()), (0, 0), "exit statuses")


def test_usage(world):
    box, desk = pair(world)
    for arguments in (["send"], ["send", "a"], ["receive", "a", "b"], ["receive", "--from", ""]):
        equal(Ctl(box, *arguments).status(), 2, f"exit status of {arguments}")
    here = folder(world, "here")
    for arguments, words in ((["send", f"{here}/gone", "box"], "No such file"),
                             (["send", here, "box"], None),
                             (["send", "/dev/null", "box"], "neither a file nor a folder"),
                             (["send", make(f"{here}/a"), "nobody"], "nobody"),
                             (["receive", f"{here}/a"], "Not a directory")):
        if words:
            process = Ctl(desk, *arguments, stdin=subprocess.DEVNULL)
            equal(process.status(), 1, f"exit status of {arguments}")
            check(words in process.errors(), f"{arguments}: {words}")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
