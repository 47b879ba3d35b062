#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Pairing by a code, through relays good and bad."""

import os
import pty
import re
import subprocess
import time

import ctl
import harness
from gi.repository import GLib
from harness import check, equal, expect_error, note, wait_for
from hostile_relay import HostileRelay

ERROR = "org.rtcbus.Error."


def variants(options):
    """as_ stands for "as", which is a word of Python's."""
    types = {"timeout": "u", "as_": "s", "replace": "b", "confirm": "b"}
    return {key.rstrip("_"): GLib.Variant(types[key], value) for key, value in options.items()}


def pair(peer, **options):
    return peer.invoke("Pair", "(a{sv})", variants(options))[0]


def pair_with(peer, code, **options):
    peer.invoke("PairWith", "(sa{sv})", code, variants(options))


def confirm(peer, **options):
    peer.invoke("ConfirmPairing", "(a{sv})", variants(options))


def proven(peer):
    """The arguments of the next PairingProven: (name, fingerprint, known key)."""
    signal = wait_for(lambda: peer.signals.find("PairingProven"), 5, f"{peer.name} to be asked")[0]
    peer.signals.seen.remove(signal)
    return signal[3]


def keys(peer):
    return {entry[0]: entry[1] for entry in peer.invoke("ListKnownPeers")[0]}


def ended(peer, timeout=20):
    """The arguments of the next PairingEnded: (ok, name, fingerprint, message)."""
    signal = wait_for(lambda: peer.signals.find("PairingEnded"), timeout,
                      f"{peer.name}'s pairing to end")[0]
    peer.signals.seen.remove(signal)
    note(f"{peer.name}: {signal[3][3]}")
    check(len(signal[3][3]) > 3, "no message")
    return signal[3]


def succeeded(peer, other):
    equal(ended(peer)[:3], (True, other.name, other.get("Fingerprint")), f"result at {peer.name}")
    check((other.name, other.get("Fingerprint"), "paired") in
          [entry[:3] for entry in peer.invoke("ListKnownPeers")[0]], "it is not known")


def failed(peer, *parts):
    ok, name, fingerprint, message = ended(peer)
    equal((ok, name, fingerprint), (False, "", ""), f"result at {peer.name}")
    for part in parts:
        check(part in message, f"nothing of {part!r} in {message!r}")


def tries(peer, count):
    """Until PairingFailed has been heard COUNT times; the tries left after the last."""
    signals = wait_for(lambda: peer.signals.find("PairingFailed")[count - 1:], 10, "a failed try")
    check("wrong code" in signals[0][3][0], signals[0][3][0])
    return signals[0][3][1]


def nobody_known(*peers):
    for peer in peers:
        equal(peer.invoke("ListKnownPeers")[0], [], f"known peers of {peer.name}")


def two(world, relay=None, names=("kitchen", "garden"), policy="known"):
    relay = relay or world.relay()
    made = [world.peer(name, relay, config={"Trust": {"Policy": policy}}) for name in names]
    for peer in made:
        for other in made:
            if peer is not other:
                peer.wait_peer(other.name)
    return made


def wrong(code):
    """The same slot, another secret."""
    return code[:-1] + ("1" if code[-1] == "0" else "0")


# ---- what should work --------------------------------------------------------------------


def test_pairing(world):
    kitchen, garden = two(world)
    code = pair(kitchen)
    check(re.fullmatch(r"\d{3}-\d{4}-\d{4}", code), f"code {code}")
    check(code not in kitchen.stderr() and code[4:] not in kitchen.stderr(), "the log has the code")
    started = time.monotonic()
    pair_with(garden, code)
    succeeded(garden, kitchen)
    succeeded(kitchen, garden)
    note(f"took {time.monotonic() - started:.3f} s")
    for one, other in (kitchen, garden), (garden, kitchen):
        call = one.call(other.name)
        call.wait_state("connected")
        equal(call.get("Trust"), "known", "Trust")


def test_code_as_people_type_it(world):
    kitchen, garden = two(world)
    for spell in (lambda c: c.replace("-", ""), lambda c: " " + c.replace("-", " ") + " ",
                  lambda c: c.replace("-", "–")):
        pair_with(garden, spell(pair(kitchen)))
        succeeded(garden, kitchen)
        succeeded(kitchen, garden)
    for bad in "", "123", "123-4567-89011", "123-4567-890a":
        expect_error(ERROR + "InvalidArgument", pair_with, garden, bad)


def test_a_code_works_once(world):
    kitchen, garden, shed = two(world, names=("kitchen", "garden", "shed"))
    code = pair(kitchen)
    pair_with(garden, code)
    succeeded(garden, kitchen)
    succeeded(kitchen, garden)
    pair_with(shed, code)
    failed(shed, "nobody in the room waits for this code")
    nobody_known(shed)


def test_a_known_name_is_replaced_only_if_told(world):
    kitchen, garden = two(world)
    kitchen.invoke("TrustPeer", "(ss)", "garden", "00" * 32)
    before = keys(kitchen)
    pair_with(garden, pair(kitchen))
    failed(kitchen, "garden is known with another", "--as NAME", "--replace")
    failed(garden, "could not remember")
    equal(keys(kitchen), before, "known peers")
    nobody_known(garden)
    # Nor by who types the code; who has shown it has decided by then.
    pair_with(kitchen, pair(garden))
    failed(kitchen, "garden is known with another", "--as NAME", "--replace")
    succeeded(garden, kitchen)
    equal(keys(kitchen), before, "known peers")
    pair_with(garden, pair(kitchen, replace=True))
    succeeded(garden, kitchen)
    succeeded(kitchen, garden)
    equal(len(kitchen.invoke("ListKnownPeers")[0]), 1, "known peers")


def test_by_another_name(world):
    """Whoever we pair with chooses its name, but not under which one we know it."""
    relay = world.relay()
    kitchen = world.peer("kitchen", relay)
    guest = world.peer("guest", relay, config={"Peer": {"Name": "garden"}})
    kitchen.wait_peer("garden")
    kitchen.invoke("TrustPeer", "(ss)", "garden", "00" * 32)
    for bad in "", "x" * 257:
        expect_error(ERROR + "InvalidArgument", pair, kitchen, as_=bad)
    pair_with(guest, pair(kitchen, as_="guest"))
    equal(ended(kitchen)[:3], (True, "guest", guest.get("Fingerprint")), "result at kitchen")
    succeeded(guest, kitchen)
    equal(keys(kitchen), {"garden": "sha-256 " + ":".join(["00"] * 32),
                          "guest": guest.get("Fingerprint")}, "known peers")
    guest.call("kitchen").wait_state("connected")
    wait_for(lambda: [(c.get("Peer"), c.get("Trust")) for c in kitchen.calls()]
             == [("guest", "known")], 5, "who calls")


def test_both_are_asked(world):
    kitchen, garden = two(world)
    kitchen.invoke("TrustPeer", "(ss)", "garden", "00" * 32)
    before = keys(kitchen)
    expect_error(ERROR + "NotConnected", confirm, kitchen)
    pair_with(garden, pair(kitchen, confirm=True), confirm=True)
    equal(proven(kitchen), ("garden", garden.get("Fingerprint"), before["garden"]), "the question")
    expect_error(ERROR + "NotConnected", confirm, garden)
    error = expect_error(ERROR + "Denied", confirm, kitchen)
    check("--replace" in error.message, error.message)
    # Longer than the other side waits for a program.
    harness.hold(lambda: not garden.signals.find("PairingEnded"), 6, "the patience of garden")
    equal((keys(kitchen), keys(garden)), (before, {}), "known before anybody has decided")
    confirm(kitchen, as_="garden shed")
    equal(ended(kitchen)[:3], (True, "garden shed", garden.get("Fingerprint")), "at kitchen")
    equal(proven(garden), ("kitchen", kitchen.get("Fingerprint"), ""), "the question")
    nobody_known(garden)
    garden.invoke("CancelPairing")
    failed(garden, "taken back")
    nobody_known(garden)


def test_somebody_says_no(world):
    kitchen, garden = two(world)
    pair_with(garden, pair(kitchen, confirm=True))
    proven(kitchen)
    kitchen.invoke("CancelPairing")
    failed(kitchen, "taken back")
    failed(garden, "could not remember")
    nobody_known(kitchen, garden)


def test_through_a_relay_that_only_broadcasts(world):
    relay = HostileRelay(world, "--plain")
    kitchen, garden = [world.peer(name, relay) for name in ("kitchen", "garden")]
    pair_with(garden, pair(kitchen))
    succeeded(garden, kitchen)
    succeeded(kitchen, garden)


def test_two_pairings_at_once(world):
    a, b, c, d = two(world, names=("a", "b", "c", "d"))
    first, second = pair(a), pair(c)
    while second[:3] == first[:3]:  # one time in a thousand
        c.invoke("CancelPairing")
        ended(c)
        second = pair(c)
    pair_with(d, second)
    pair_with(b, first)
    for one, other in (a, b), (b, a), (c, d), (d, c):
        succeeded(one, other)
    for peer in a, b, c, d:
        equal(len(peer.invoke("ListKnownPeers")[0]), 1, f"known peers of {peer.name}")


def test_one_pairing_of_a_peer_at_a_time(world):
    kitchen, garden = two(world)
    expect_error(ERROR + "NotConnected", kitchen.invoke, "CancelPairing")
    code = pair(kitchen)
    expect_error(ERROR + "LimitExceeded", pair, kitchen)
    expect_error(ERROR + "LimitExceeded", pair_with, kitchen, code)
    kitchen.invoke("CancelPairing")
    failed(kitchen, "taken back")
    pair_with(garden, code)
    expect_error(ERROR + "LimitExceeded", pair, garden)
    garden.invoke("CancelPairing")
    failed(garden)
    pair(kitchen)


def test_without_a_relay(world):
    peer = world.peer("peer", f"ws://127.0.0.1:{harness.free_port()}/", connected=False)
    expect_error(ERROR + "NotConnected", pair, peer)
    expect_error(ERROR + "NotConnected", pair_with, peer, "123-4567-8901")


# ---- what should not ---------------------------------------------------------------------


def test_three_wrong_codes(world):
    kitchen, garden = two(world)
    code = pair(kitchen)
    for count in 1, 2, 3:
        pair_with(garden, wrong(code))
        failed(garden, "the code is wrong")
        equal(tries(kitchen, count), 3 - count, "tries left")
    failed(kitchen, "three wrong tries")
    check(kitchen.stderr().count("garden, as it calls itself, has typed a wrong code") == 3,
          "the log does not tell of each")
    pair_with(garden, code)
    failed(garden, "nobody in the room")
    nobody_known(kitchen, garden)


def test_right_after_two_wrong_codes(world):
    kitchen, garden = two(world)
    code = pair(kitchen)
    for _ in range(2):
        pair_with(garden, wrong(code))
        failed(garden, "the code is wrong")
    pair_with(garden, code)
    succeeded(garden, kitchen)
    succeeded(kitchen, garden)


def test_expired_code(world):
    kitchen, garden = two(world)
    for bad in 0, 601:
        expect_error(ERROR + "InvalidArgument", pair, kitchen, timeout=bad)
    code = pair(kitchen, timeout=1)
    failed(kitchen, "expired")
    pair_with(garden, code)
    failed(garden, "nobody in the room")
    nobody_known(kitchen, garden)


def test_admin_file_is_not_overruled(world):
    kitchen, garden = two(world)
    path = os.path.join(world.directory, "known_peers")
    with open(path, "w", encoding="utf-8") as f:
        f.write("garden " + "00" * 32 + "\n")
    kitchen.restart()
    kitchen.wait_connected()
    garden.wait_peer("kitchen")
    pair_with(garden, pair(kitchen))
    failed(kitchen, path)
    failed(garden, "could not remember")
    nobody_known(garden)


# ---- a relay in between --------------------------------------------------------------------


def test_relay_that_changes_fingerprints(world):
    relay = HostileRelay(world)
    kitchen, garden = two(world, relay)
    relay.mode("rewrite")
    code = pair(kitchen)
    for count in 1, 2, 3:
        pair_with(garden, code)
        failed(garden, "somebody in between")
        equal(tries(kitchen, count), 3 - count, "tries left")
    failed(kitchen, "three wrong tries")
    check("rewrote ask" in relay.process.lines() and "rewrote answer" in relay.process.lines(),
          "nothing was rewritten")
    nobody_known(kitchen, garden)
    check("somebody in between" in kitchen.stderr() and "somebody in between" in garden.stderr(),
          "the log does not tell")


def test_relay_that_guesses(world):
    relay = HostileRelay(world)
    kitchen, garden = two(world, relay)
    code = pair(kitchen)
    relay.mode("guess=" + wrong(code).replace("-", ""))
    pair_with(garden, code)
    failed(garden, "somebody may be in between")
    equal(tries(kitchen, 1), 2, "tries left")
    wait_for(lambda: "guess wrong" in relay.process.lines(), 5, "the guess")
    nobody_known(kitchen, garden)
    # That it is an attack: with the right code it would be one.
    relay.mode("guess=" + code.replace("-", ""))
    pair_with(garden, code)
    equal(ended(garden)[:3], (True, "kitchen", relay.key), "result at garden")
    equal(ended(kitchen)[:3], (True, "garden", relay.key), "result at kitchen")
    # And when there are two keys of one name, there is nobody to listen to.
    relay.mode("honest")
    reason = garden.call("kitchen").wait_ended()
    check(relay.key in reason and kitchen.get("Fingerprint") in reason, reason)


def test_relay_that_loses_frames(world):
    relay = HostileRelay(world)
    kitchen, garden = two(world, relay)
    relay.mode("drop=pair")
    pair_with(garden, pair(kitchen))
    failed(garden, "nobody in the room")
    nobody_known(kitchen, garden)


# ---- rtcbusctl ---------------------------------------------------------------------------


def start(peer, *arguments):
    return subprocess.Popen(ctl.command(*arguments), env=ctl.environment(peer), text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_ctl(world):
    kitchen, garden = two(world)
    host = start(kitchen, "pair")
    text = ""
    while "rtcbusctl pair " not in text:
        line = host.stdout.readline()
        check(line, "rtcbusctl ended")
        text += line
    code = re.search(r"rtcbusctl pair (\S+)", text).group(1)
    wrong_one = start(garden, "pair", wrong(code))
    out, err = wrong_one.communicate(timeout=60 * harness.SLOW)
    equal((wrong_one.returncode, out), (1, ""), "a wrong code")
    check("the code is wrong" in err, err)
    joiner = start(garden, "pair", *code.split("-"))
    out, err = joiner.communicate(timeout=60 * harness.SLOW)
    word = kitchen.get("Fingerprint").replace(" ", ":")
    equal((joiner.returncode, out, err), (0, f"Paired with kitchen, whose key is {word}\n", ""),
          "the joiner")
    out, err = host.communicate(timeout=60 * harness.SLOW)
    equal(host.returncode, 0, "exit status of the host")
    check("Paired with garden" in out and "2 tries are left" in err, out + err)


class Terminal:
    """rtcbusctl as a person sees it."""

    def __init__(self, world, peer, *arguments):
        self.fd, inner = pty.openpty()
        self.child = subprocess.Popen(ctl.command(*arguments), env=ctl.environment(peer),
                                      stdin=inner, stdout=inner, stderr=inner,
                                      start_new_session=True)
        os.close(inner)
        os.set_blocking(self.fd, False)
        self.text = ""
        world.closing(self)

    def read(self, pattern):
        def found():
            try:
                self.text += os.read(self.fd, 4096).decode()
            except (BlockingIOError, OSError):  # nothing yet, or it has ended
                pass
            return re.search(pattern, self.text)

        match = wait_for(found, 10, f"{pattern!r} on the terminal, after {self.text!r}")
        self.text = self.text[match.end():]
        return match

    def type(self, line):
        os.write(self.fd, (line + "\n").encode())

    def end(self):
        wait_for(lambda: self.child.poll() is not None, 10, "rtcbusctl to end")
        return self.child.returncode

    def close(self):
        self.child.kill()
        self.child.wait()
        os.close(self.fd)


def test_ctl_asks_on_a_terminal(world):
    kitchen, garden = two(world)
    word = garden.get("Fingerprint").replace(" ", ":")
    host = Terminal(world, kitchen, "pair")
    code = host.read(r"rtcbusctl pair (\S+)").group(1)
    joiner = start(garden, "pair", code)
    host.read(f"calls itself garden, and its key is {word}")
    host.read(r"\[Y/n, or another name\]")
    nobody_known(kitchen, garden)
    host.type("shed")
    host.read("Paired with shed")
    equal(host.end(), 0, "exit status of the host")
    equal(joiner.wait(60), 0, "exit status of the joiner")
    joiner.communicate()
    equal(keys(kitchen), {"shed": garden.get("Fingerprint")}, "known peers")


def test_ctl_with_a_known_name(world):
    kitchen, garden = two(world)
    kitchen.invoke("TrustPeer", "(ss)", "garden", "00" * 32)
    before = keys(kitchen)
    for answer, status in (("", 1), ("y", 1), ("replace", 0)):
        host = Terminal(world, kitchen, "pair")
        joiner = start(garden, "pair", host.read(r"rtcbusctl pair (\S+)").group(1))
        host.read("garden is known already, with the key sha-256:00")
        host.read("or nothing to end the pairing:")
        equal(keys(kitchen), before, "known peers")
        host.type(answer)
        equal(host.end(), status, f"exit status of the host after {answer!r}")
        joiner.communicate(timeout=60 * harness.SLOW)
        equal(joiner.returncode, status, f"exit status of the joiner after {answer!r}")
    equal(keys(kitchen), {"garden": garden.get("Fingerprint")}, "known peers")


def test_ctl_in_a_script(world):
    kitchen, garden = two(world)
    kitchen.invoke("TrustPeer", "(ss)", "garden", "00" * 32)
    for options, status in (([], 1), (["--replace"], 0), (["--as", "shed"], 0)):
        host = start(kitchen, "--json", "pair", *options)
        code = re.search(r'"code":"(\S+)"', host.stdout.readline()).group(1)
        joiner = start(garden, "pair", code)
        _, err = host.communicate(timeout=60 * harness.SLOW)
        joiner.communicate(timeout=60 * harness.SLOW)
        equal(host.returncode, status, f"exit status with {options}: {err}")
    equal(keys(kitchen), dict.fromkeys(["garden", "shed"], garden.get("Fingerprint")), "known")
    equal(ctl.run(kitchen, "pair", "--as", "")[0], 2, "exit status of a wrong use")


def test_ctl_interrupted(world):
    kitchen, _ = two(world)
    host = start(kitchen, "--json", "pair")
    check(host.stdout.readline().startswith('{"code":"'), "no code")
    host.terminate()
    out, err = host.communicate(timeout=60 * harness.SLOW)
    equal(host.returncode, 1, "exit status")
    check('"ok":false' in out and "taken back" in err, out + err)
    expect_error(ERROR + "NotConnected", kitchen.invoke, "CancelPairing")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
