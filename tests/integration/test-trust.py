#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Whose key is good: known peers, policies, and what goes wrong with files.

A peer with a new key is a peer whose state directory has been emptied. The
hostile relay has tests of its own.
"""

import json
import os
import re
import shutil
import signal
import subprocess

import ctl
import harness
from harness import Skip, check, equal, expect_error, wait_for

ERROR = "org.rtcbus.Error."
ZEROS = "sha-256:" + "00" * 32


def learned_path(peer):
    return os.path.join(peer.state_directory, "rtcbus-peer", "known_peers")


def learned(peer):
    try:
        with open(learned_path(peer), encoding="utf-8") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def admin_path(world):
    """Beside the configuration files, so all peers of a world share it."""
    return os.path.join(world.directory, "known_peers")


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def word(fingerprint):
    return fingerprint.replace(" ", ":")


def known(peer):
    return peer.invoke("ListKnownPeers")[0]


def names(peer):
    return [entry[0] for entry in known(peer)]


def trust(peer, other, name=None):
    peer.invoke("TrustPeer", "(ss)", name or other.name, other.get("Fingerprint"))


def new_key(peer):
    """Another machine, or a thief, under the same name."""
    peer.stop()
    shutil.rmtree(os.path.join(peer.state_directory, "rtcbus-peer"))
    restart(peer)


def restart(peer):
    """Its calls are counted from 1 again, so what was heard of them is forgotten."""
    peer.restart()
    peer.signals.seen.clear()
    peer.wait_connected()


def reload(peer, groups=None):
    for group, keys in (groups or {}).items():
        peer.config.setdefault(group, {}).update(keys)
    peer.configure(peer.config)
    before = peer.stderr().count("configuration read again")
    peer.signal(signal.SIGHUP)
    wait_for(lambda: peer.stderr().count("configuration read again") > before,
             5, "the reload")


def pair(world, policy=None, **trust_keys):
    config = {"Trust": {"Policy": policy, **trust_keys}}
    relay = world.relay()
    emitter = world.peer("emitter", relay, config={"Trust": {"Policy": "any"}})
    listener = world.peer("listener", relay, config=config)
    listener.wait_peer("emitter")
    emitter.wait_peer("listener")
    return relay, emitter, listener


def connect(listener, target="emitter", **options):
    call = listener.call(target, another=True, **options)
    call.wait_state("connected")
    return call


def refused(call, *parts):
    """Ends before it is connected, for a reason that holds all of PARTS."""
    reason = call.wait_ended(10)
    check("connected" not in call.states(), "the call was connected")
    for part in parts:
        check(part in reason, f"nothing of {part!r} in {reason!r}")
    return reason


# ---- tofu ------------------------------------------------------------------------------


def test_tofu_remembers(world):
    _, emitter, listener = pair(world)
    fingerprint = emitter.get("Fingerprint")
    equal(known(listener), [], "known peers")
    first = connect(listener)
    equal(first.get("Trust"), "new", "Trust of the first call")
    entries = known(listener)
    equal([e[:3] for e in entries], [("emitter", fingerprint, "first call")], "known peers")
    check(entries[0][3] > 1700000000, f"no time: {entries}")
    check(learned(listener).startswith(f"emitter {word(fingerprint)} 20"), learned(listener))
    second = connect(listener)
    equal(second.get("Trust"), "known", "Trust of the second call")
    restart(listener)
    listener.wait_peer("emitter")
    equal(connect(listener).get("Trust"), "known", "Trust after a restart")
    equal(len(known(listener)), 1, "known peers")


def test_trust_is_announced_before_any_channel(world):
    _, emitter, listener = pair(world)
    trust(listener, emitter)
    call = connect(listener)

    def channel_added():
        return [i for i, s in enumerate(listener.signals.seen) if s[2] == "InterfacesAdded"
                and harness.CHANNEL_INTERFACE in s[3][1]]

    added = wait_for(channel_added, 5, "a channel")[0]
    told = [i for i, s in enumerate(listener.signals.seen)
            if s[0] == call.path and s[2] == "PropertiesChanged" and "Trust" in s[3][1]]
    check(told and told[0] < added, "Trust was announced after the channel")
    equal(listener.signals.seen[told[0]][3][1]["Trust"], "known", "Trust")


def test_tofu_refuses_a_changed_key(world):
    _, emitter, listener = pair(world)
    old = emitter.get("Fingerprint")
    connect(listener)
    new_key(emitter)
    listener.wait_peer("emitter")
    new = emitter.get("Fingerprint")
    check(new != old, "the key is the same")
    before = learned(listener)
    call = listener.call("emitter", another=True)
    refused(call, "emitter", old, new, "rtcbusctl forget")
    equal(learned(listener), before, "the file")
    # The other side is told.
    wait_for(lambda: any("does not trust our certificate" in ended[3][2]
                         for ended in emitter.signals.find("CallEnded")), 5, "the other side")
    equal(emitter.get("ListenerCount"), 0, "ListenerCount")
    # What the message says to do helps.
    listener.invoke("ForgetPeer", "(s)", "emitter")
    equal(connect(listener).get("Trust"), "new", "Trust")
    equal([e[1] for e in known(listener)], [new], "known key")


def test_tofu_refuses_a_stolen_name_that_calls(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay)
    friend = world.peer("friend", relay)
    emitter.wait_peer("friend")
    friend.wait_peer("emitter")
    connect(emitter, "friend")
    friend.stop()
    thief = world.peer("thief", relay, config={"Peer": {"Name": "friend"}})
    thief.wait_peer("emitter")
    emitter.wait_peer("friend")
    call = thief.call("emitter", another=True)
    reason = call.wait_ended(10)
    check("does not trust our certificate" in reason, reason)
    check("connected" not in call.states(), "the thief was connected")
    wait_for(lambda: any("friend shows the key" in s[3][2]
                         for s in emitter.signals.find("CallEnded")), 5, "the reason there")
    equal(names(emitter), ["friend"], "known peers")


def test_who_calls_is_written_nowhere(world):
    """A name that somebody comes under is its own choice: it takes nobody's place."""
    relay = world.relay()
    victim = world.peer("victim", relay)
    thief = world.peer("thief", relay, config={"Peer": {"Name": "laptop"}})
    thief.wait_peer("victim")
    victim.wait_peer("laptop")
    answered = victim.call("", another=True)  # nor is one that answers a call to nobody in particular
    answered.wait_state("connected")
    equal((answered.get("Peer"), answered.get("Trust")), ("laptop", "new"), "who answered")
    answered.hangup()
    answered.wait_ended()
    connect(thief, "victim")
    wait_for(lambda: [c.get("Trust") for c in victim.calls()] == ["new"], 5, "the call there")
    equal((known(victim), learned(victim)), ([], ""), "what victim has learned")
    thief.stop()
    laptop = world.peer("the real one", relay, config={"Peer": {"Name": "laptop"}})
    laptop.wait_peer("victim")
    equal(connect(laptop, "victim").get("Trust"), "new", "Trust")
    victim.wait_peer("laptop")
    equal(connect(victim, "laptop").get("Trust"), "new", "Trust of a first call")
    equal([e[:2] for e in known(victim)], [("laptop", laptop.get("Fingerprint"))], "known peers")


def test_a_known_key_under_another_name(world):
    """Is whom we know by it, for whoever calls us; but not whom we have asked for."""
    relay = world.relay()
    victim = world.peer("victim", relay, config={"Trust": {"Policy": "known"}})
    guest = world.peer("guest", relay, config={"Peer": {"Name": "laptop"}})
    guest.wait_peer("victim")
    victim.wait_peer("laptop")
    trust(victim, guest, "guest")
    victim.invoke("TrustPeer", "(ss)", "laptop", ZEROS)
    connect(guest, "victim")
    wait_for(lambda: [(c.get("Peer"), c.get("Trust")) for c in victim.calls()]
             == [("guest", "known")], 5, "who it is")
    refused(victim.call("laptop", another=True), "laptop shows the key", guest.get("Fingerprint"))



# ---- any, known, fingerprint --------------------------------------------------------------


def test_a_call_to_nobody_is_no_call_to_a_name(world):
    """Who answers a call to nobody in particular does not get the calls to its name by that."""
    relay = world.relay()
    kitchen = world.peer("box", relay, source="random")  # the name of another one
    listener = world.peer("listener", relay)
    listener.invoke("TrustPeer", "(ss)", "box", ZEROS)
    listener.invoke("TrustPeer", "(ss)", "kitchen", kitchen.get("Fingerprint"))
    listener.wait_peer("box")
    call = listener.call("")
    call.wait_state("connected", 10)
    equal(call.get("Peer"), "kitchen", "Peer")
    refused(listener.call("box"), "box shows the key", kitchen.get("Fingerprint"))
    equal(listener.call("").path, call.path, "the call to nobody in particular")


def test_any_takes_everybody(world):
    _, emitter, listener = pair(world, "any")
    equal(connect(listener).get("Trust"), "unknown", "Trust")
    equal(known(listener), [], "known peers")
    trust(listener, emitter)
    equal(connect(listener).get("Trust"), "known", "Trust")
    listener.invoke("TrustPeer", "(ss)", "emitter", ZEROS)
    equal(connect(listener).get("Trust"), "unknown", "Trust of another key")


def test_known_takes_the_known(world):
    _, emitter, listener = pair(world, "known")
    refused(listener.call("emitter", another=True), "emitter", emitter.get("Fingerprint"), "rtcbusctl pair")
    refused(listener.call("", another=True), "not known")
    trust(listener, emitter)
    for target in "emitter", "", listener.wait_peer("emitter"):
        equal(connect(listener, target).get("Trust"), "known", f"Trust of {target!r}")
    listener.invoke("TrustPeer", "(ss)", "emitter", ZEROS)
    refused(listener.call("emitter", another=True), "emitter", emitter.get("Fingerprint"), "00:00:00")


def test_fingerprint_of_a_call(world):
    _, emitter, listener = pair(world, "known")
    fingerprint = emitter.get("Fingerprint")
    equal(connect(listener, fingerprint=fingerprint).get("Trust"), "known", "Trust")
    spelling = word(fingerprint).lower().replace(":", "").replace("sha-256", "SHA-256:")
    connect(listener, fingerprint=spelling)
    connect(listener, "", fingerprint=fingerprint)
    refused(listener.call("emitter", another=True, fingerprint=ZEROS), fingerprint, "00:00")
    for bad in "", "sha-256", "sha-1:" + "00" * 20, ZEROS + "00":
        expect_error(ERROR + "InvalidArgument", listener.call, "emitter", fingerprint=bad)
    equal(known(listener), [], "known peers")


def test_accept(world):
    _, emitter, listener = pair(world)
    reload(emitter, {"Trust": {"Accept": "none"}})
    call = listener.call("emitter", another=True)
    check("refused" in call.wait_ended(5), "the reason")
    call = listener.call("", another=True)
    harness.hold(lambda: not call.ended(), 1, "a call to whoever answers")
    call.hangup()
    equal(emitter.calls(), [], "calls at the emitter")
    # It still calls out.
    out = connect(emitter, "listener")
    equal(out.get("Direction"), "outgoing", "Direction")
    out.hangup()
    out.wait_ended()

    reload(emitter, {"Trust": {"Accept": "known"}})
    call = listener.call("emitter", another=True)
    check("refused" in call.wait_ended(5), "the reason")
    emitter.invoke("TrustPeer", "(ss)", "listener", ZEROS)
    check("does not trust" in listener.call("emitter", another=True).wait_ended(5), "the reason")
    trust(emitter, listener)
    connect(listener)
    connect(listener, "")


# ---- D-Bus -----------------------------------------------------------------------------


def test_trust_and_forget(world):
    relay = world.relay()
    peer = world.peer("peer", relay)
    for name, fingerprint in (("", ZEROS), ("x", ""), ("x", "sha-256:00"), ("x", "hello")):
        expect_error(ERROR + "InvalidArgument", peer.invoke, "TrustPeer", "(ss)", name,
                     fingerprint)
    expect_error(ERROR + "NoSuchPeer", peer.invoke, "ForgetPeer", "(s)", "x")
    odd = ["x", "two words", "#1", "100%", "tab\there", "台所", "%41", "a" * 300]
    for name in odd:
        peer.invoke("TrustPeer", "(ss)", name, ZEROS)
    equal(names(peer), odd, "names")
    peer.restart()
    equal(names(peer), odd, "names after a restart")
    for name in odd:
        peer.invoke("ForgetPeer", "(s)", name)
    equal(names(peer), [], "names")
    equal(learned(peer), "", "the file")


def test_limit(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay, config={"Trust": {"MaxKnownPeers": 1}})
    for name in "one", "two":
        world.peer(name, relay)
    equal(connect(emitter, "one").get("Trust"), "new", "Trust")
    refused(emitter.call("two", another=True), "two", "MaxKnownPeers=")
    equal(connect(emitter, "one").get("Trust"), "known", "Trust")
    expect_error(ERROR + "LimitExceeded", emitter.invoke, "TrustPeer", "(ss)", "three", ZEROS)


# ---- files -----------------------------------------------------------------------------


def test_admin_file(world):
    _, emitter, listener = pair(world, "known")
    fingerprint = emitter.get("Fingerprint")
    write(admin_path(world), f"# ours\nemitter {word(fingerprint)} by Ann\n")
    refused(listener.call("emitter", another=True), "not known")
    reload(listener)
    equal(known(listener), [("emitter", fingerprint, admin_path(world) + ": by Ann", 0)], "known")
    equal(connect(listener).get("Trust"), "known", "Trust")
    for method, signature, *values in (("ForgetPeer", "(s)", "emitter"),
                                       ("TrustPeer", "(ss)", "emitter", ZEROS)):
        error = expect_error(ERROR + "Denied", listener.invoke, method, signature, *values)
        check(admin_path(world) in error.message, error.message)
    write(admin_path(world), "")
    reload(listener)
    refused(listener.call("emitter", another=True), "not known")


def test_learned_file_edited_by_hand(world):
    _, emitter, listener = pair(world)
    connect(listener)
    text = learned(listener).replace("first call", "checked by telephone")
    write(learned_path(listener), "# mine\n\n" + text + "\nshed " + ZEROS + "\n")
    listener.invoke("TrustPeer", "(ss)", "attic", ZEROS)
    equal(names(listener), ["emitter", "shed", "attic"], "names")
    check("# mine\n\n" in learned(listener), "the comment is lost")
    equal(known(listener)[0][2], "checked by telephone", "comment")
    write(learned_path(listener), "emitter " + ZEROS + "\n")
    reload(listener)
    refused(listener.call("emitter", another=True), "00:00:00", emitter.get("Fingerprint"))


def damaged(world, path_of):
    _, emitter, listener = pair(world)
    connect(listener)
    good = learned(listener)
    path = path_of(listener)
    text = (good if path == learned_path(listener) else "") + "emitter sha-256:zz\n"
    write(path, text)
    reload(listener)
    line = f"{path}:{text.count(chr(10))}:"
    check(line in listener.stderr(), "the log does not name file and line")
    refused(listener.call("emitter", another=True), line)
    refused(listener.call("", another=True), line)
    for method, signature, *values in (("ForgetPeer", "(s)", "emitter"), ("ListKnownPeers", None),
                                       ("TrustPeer", "(ss)", "x", ZEROS)):
        error = expect_error(ERROR + "Failed", listener.invoke, method, signature, *values)
        check(line in error.message, error.message)
    with open(path, encoding="utf-8") as f:
        equal(f.read(), text, "the damaged file")
    # Somebody who is called by us is refused as well as somebody who calls.
    check("does not trust" in emitter.call("listener", another=True).wait_ended(10), "the reason")
    reload(listener, {"Trust": {"Policy": "any"}})
    equal(connect(listener).get("Trust"), "unknown", "Trust under any")
    write(path, good if path == learned_path(listener) else "")
    reload(listener, {"Trust": {"Policy": "tofu"}})
    equal(connect(listener).get("Trust"), "known", "Trust")


def test_damaged_learned_file(world):
    damaged(world, learned_path)


def test_damaged_admin_file(world):
    damaged(world, lambda _listener: admin_path(world))


def test_damaged_from_the_start(world):
    relay = world.relay()
    world.peer("emitter", relay)
    write(admin_path(world), "nonsense\n")
    listener = world.peer("listener", relay)
    listener.wait_peer("emitter")
    refused(listener.call("emitter", another=True), admin_path(world) + ":1:")


def must_be_written_anew(peer):
    """No line can be added at the end of its file as it is, as another peer's is else."""
    write(learned_path(peer), learned(peer).rstrip("\n"))


def unwritable(listener, what):
    """A new peer is not taken, and a known one is."""
    before = learned(listener)
    reason = refused(listener.call("stranger", another=True), "stranger cannot be remembered", what)
    check(learned_path(listener) in reason, reason)
    equal(learned(listener), before, "the file")
    equal(names(listener), ["emitter"], "known peers")
    equal(connect(listener).get("Trust"), "known", "Trust")
    expect_error(ERROR + "Failed", listener.invoke, "TrustPeer", "(ss)", "x", ZEROS)
    expect_error(ERROR + "Failed", listener.invoke, "ForgetPeer", "(s)", "emitter")
    equal(names(listener), ["emitter"], "known peers")


def test_unwritable_file(world):
    relay, _, listener = pair(world)
    world.peer("stranger", relay)
    connect(listener)
    listener.wait_peer("stranger")
    must_be_written_anew(listener)
    blocker = learned_path(listener) + ".new"  # a folder stops root, too
    os.mkdir(blocker)
    unwritable(listener, "directory")
    os.rmdir(blocker)
    equal(connect(listener, "stranger").get("Trust"), "new", "Trust")


def test_full_disk(world):
    if os.geteuid() != 0:
        raise Skip("only root can mount a small file system")
    relay, _, listener = pair(world)
    world.peer("stranger", relay)
    connect(listener)
    folder = os.path.dirname(learned_path(listener))
    listener.stop()
    must_be_written_anew(listener)
    # In a mount namespace of its own, so that it goes with the daemon.
    script = ('mount -t tmpfs -o size=32k small "$1" && rm -f "$1".old/readings.db* &&'
              ' cp -a "$1".old/. "$1" &&'
              ' dd if=/dev/zero of="$1"/ballast bs=4k 2>/dev/null; shift; exec "$@"')
    os.rename(folder, folder + ".old")
    os.mkdir(folder, 0o700)
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "small", folder],
                      check=False, capture_output=True).returncode != 0:
        os.rmdir(folder)
        os.rename(folder + ".old", folder)
        raise Skip("mounting is not allowed here")
    listener.argv = ["unshare", "-m", "/bin/sh", "-c", script, "sh", folder] + listener.argv
    restart(listener)
    listener.wait_peer("stranger")
    equal(names(listener), ["emitter"], "known peers")
    refused(listener.call("stranger", another=True), "stranger cannot be remembered",
            "No space left on device")
    equal(names(listener), ["emitter"], "known peers")
    equal(connect(listener).get("Trust"), "known", "Trust")
    expect_error(ERROR + "Failed", listener.invoke, "TrustPeer", "(ss)", "x", ZEROS)
    inside = f"/proc/{listener.pid}/root{learned_path(listener)}"
    with open(inside, encoding="utf-8") as f:
        check(f.read().startswith("emitter sha-256:"), "the file was lost")


def test_ctl(world):
    relay = world.relay()
    peer = world.peer("peer", relay)
    emitter = world.peer("emitter", relay)
    peer.wait_peer("emitter")
    fingerprint = emitter.get("Fingerprint")
    equal(ctl.run(peer, "known"), (0, "Nobody is known yet.\n", ""), "known")
    status, out, _ = ctl.run(emitter, "fingerprint")
    check(status == 0 and word(fingerprint) in out and "█" not in out, out)
    code = json.loads(ctl.run(emitter, "--json", "fingerprint")[1])["code"]
    check(re.fullmatch(r"\d{5}( \d{5}){5}", code) and code in out, code)

    status, _, err = ctl.run(peer, "trust", "emitter", "sha-256:12")
    check(status == 2 and "no fingerprint" in err, err)
    status, _, err = ctl.run(peer, "call", "--fingerprint", "x", "emitter")
    check(status == 2 and "--fingerprint" in err, err)
    status, _, err = ctl.run(peer, "call", "--fingerprint", ZEROS, "emitter")
    check(status == 1 and fingerprint in err, err)
    equal(ctl.run(peer, "trust", "emitter", *fingerprint.split()), (0, "", ""), "trust")
    check(word(fingerprint) in ctl.run(peer, "known")[1], "known")
    entry = json.loads(ctl.run(peer, "--json", "known")[1])[0]
    equal((entry["name"], entry["fingerprint"], entry["comment"]),
          ("emitter", fingerprint, "trusted by hand"), "known --json")
    check(code in ctl.run(peer, "fingerprint", "emitter")[1], "fingerprint of a known peer")
    status, out, _ = ctl.run(peer, "call", "--fingerprint", word(fingerprint), "emitter")
    check(status == 0 and re.search(r"Trust: +known", out), out)
    equal(ctl.run(peer, "forget", "emitter"), (0, "", ""), "forget")
    status, _, err = ctl.run(peer, "forget", "emitter")
    equal((status, err), (1, 'rtcbusctl: emitter is not known; "rtcbusctl known" lists who is\n'), "forget again")
    equal(ctl.run(peer, "fingerprint", "emitter")[0], 1, "fingerprint of nobody")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
