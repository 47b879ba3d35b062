#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What an administrator meets first: the command line and the configuration of the
peer, what it says when they are wrong, and reloading."""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import ctl  # noqa: E402
import harness  # noqa: E402
from harness import check, equal, wait_for  # noqa: E402

NOWHERE = "ws://127.0.0.1:9/"


def run_peer(*args, timeout=60):
    return subprocess.run([harness.program("rtcbus-peer"), *args], capture_output=True, text=True,
                          timeout=timeout * harness.SLOW, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, LC_ALL="C.UTF-8"), check=False)


def test_version_and_help(_world):
    done = run_peer("--version")
    equal(done.returncode, 0, "status of --version")
    check(done.stdout.startswith("rtcbus-peer ") and done.stdout.count("\n") == 1, done.stdout)
    done = run_peer("--help")
    equal(done.returncode, 0, "status of --help")
    for option in "--config", "--session", "--verbose", "--version":
        check(option in done.stdout, f"{option} is not in --help")


def test_bad_command_lines(_world):
    for args in (["--nonsense"], ["stray"], ["--config"]):
        done = run_peer(*args)
        check(done.returncode not in (0, None) and done.returncode > 0, f"status of {args}")
        equal(done.stderr.count("\n"), 1, f"lines said to {args}: {done.stderr!r}")


def test_missing_configuration(world):
    path = os.path.join(world.directory, "absent.conf")
    done = run_peer("--session", "--config", path)
    check(done.returncode > 0, f"status {done.returncode}")
    check(path in done.stderr and done.stderr.count("\n") == 1, done.stderr)


def test_bad_values(world):
    bad = [
        ("Relay", "URL", "http://127.0.0.1/"), ("Relay", "URL", "not a URL"),
        ("Relay", "URL", "ws://"), ("Ice", "Servers", "stun:"), ("Ice", "Servers", "http://x"),
        ("Ice", "Servers", "stun:good.example;smtp:bad.example"),
        ("Feed", "Source", "noise"), ("Feed", "Interval", "soon"), ("Feed", "Interval", "0"),
        ("Feed", "Interval", "-1s"), ("Feed", "Interval", "99999999999999999999s"),
        ("Feed", "History", "many"), ("Feed", "History", "0"), ("Feed", "History", "-3"),
    ]
    for number, (group, key, value) in enumerate(bad):
        peer = world.peer(f"bad{number}", NOWHERE, config={group: {key: value}}, wait=False)
        peer.expect_exit()
        said = peer.stderr()
        equal(said.count("\n"), 1, f"lines said about {key}={value}: {said!r}")
        for part in (peer.config_path, group, key, value):
            check(part in said, f"{part!r} is not in {said!r}")


def test_password_is_not_told(world):
    """A value that is wrong is named, but its password is nobody's business."""
    bad = [
        ("Ice", "Servers", "turns:user:verysecret@turn.example?transport=udp", "DTLS"),
        ("Ice", "Servers", "stun:good.example;turn:user:verysecret@turn.example:0", "PORT"),
        ("Ice", "Servers", "turns:user:very@secret:x@turn.example:port", "PORT"),
        ("Relay", "URL", "ws://user:verysecret@relay.example/", "ws://"),
    ]
    for number, (group, key, value, right) in enumerate(bad):
        peer = world.peer(f"secret{number}", NOWHERE, config={group: {key: value}}, wait=False)
        peer.expect_exit()
        said = peer.stderr()
        check("secret" not in said.replace(f"secret{number}", ""), said)
        for part in (peer.config_path, group, key, value.split("@")[-1], right):
            check(part in said, f"{part!r} is not in {said!r}")


def test_authorities(world):
    """CA= is read at the start, not when the first call needs it."""
    empty = world.path("empty") + ".pem"
    with open(empty, "w", encoding="utf-8") as f:
        f.write("no certificate\n")
    for number, (path, why) in enumerate([("/nonexistent.pem", "No such file"),
                                          (empty, "no certificate in PEM")]):
        peer = world.peer(f"ca{number}", NOWHERE, config={"Ice": {"CA": path}}, wait=False)
        peer.expect_exit()
        for part in (peer.config_path, f"CA={path}", why):
            check(part in peer.stderr(), f"{part!r} is not in {peer.stderr()!r}")


def check_configuration(program, path):
    done = subprocess.run([harness.program(program), "--check", "--config", path],
                          capture_output=True, text=True, timeout=60 * harness.SLOW,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, LC_ALL="C.UTF-8"),
                          check=False)
    equal(done.stderr, "", f"what {program} --check says on standard error")
    return done.returncode, done.stdout.splitlines()


def test_check(world):
    """--check names every problem with its line, and starts nothing."""
    path = os.path.join(world.path("etc"), "any.conf")
    services = os.path.join(os.path.dirname(path), "services.d")
    os.makedirs(services)

    def write(text, at=path):
        with open(at, "w", encoding="utf-8") as f:
            f.write(text)

    for program in "rtcbus-peer", "rtcbus-relay":
        write("[Relay]\n")
        status, lines = check_configuration(program, path)
        equal((status, lines), (0, [f"{path}: nothing is wrong"]), program)
        write("[Relay]\nUr=x\n")
        equal(check_configuration(program, path)[0], 0, "status of an unknown key")
    write("[Relay]\n\nURL=http://x/\n[Feed]\nSorce=random\nInterval=soon\n")
    write("[Service]\nConnect=tcp:nowhere\n", os.path.join(services, "ssh.conf"))
    status, lines = check_configuration("rtcbus-peer", path)
    equal(status, 78, "status")
    for line in (f"{path}:3: [Relay] URL=http://x/ is not valid: it must be ",
                 f"{path}:5: [Feed] Sorce= is not known, ignored; is Source= meant?",
                 f"{path}:6: [Feed] Interval=soon is not valid: it must be ",
                 f"{services}/ssh.conf:2: [Service] Connect=tcp:nowhere is not valid"):
        equal(len([seen for seen in lines if seen.startswith(line)]), 1, f"lines with {line!r}")
    equal(len(lines), 4, "problems")
    write("[Relay]\nMaxMessageSize=lots\nListen=here\n")
    status, lines = check_configuration("rtcbus-relay", path)
    equal((status, len(lines)), (78, 2), "status and problems of the relay")
    os.unlink(path)
    equal(check_configuration("rtcbus-relay", path)[0], 78, "status without the file")


def test_syntax_error(world):
    peer = world.peer("syntax", NOWHERE, connected=False)
    peer.stop()
    with open(peer.config_path, "w", encoding="utf-8") as f:
        f.write("[Peer]\nName=x\nthis is no key file\n")
    peer.start()
    peer.expect_exit()
    check(peer.config_path in peer.stderr() and peer.stderr().count("\n") == 1, peer.stderr())


def test_unknown_keys_are_warned_of(world):
    relay = world.relay()
    peer = world.peer("odd", relay, config={"Peer": {"Colour": "red"}, "Weather": {"Rain": "no"}})
    said = peer.stderr()
    for part in ("Colour", "Weather", peer.config_path):
        check(part in said, f"{part} is not warned of: {said!r}")
    equal(peer.get("Name"), "odd", "Name")


def test_unknown_keys_are_shown(world):
    """In status and relay, with what may be meant, until a reload finds them right."""
    relay = world.relay(config={"Relay": {"MaxConnectios": "9"}})
    peer = world.peer("odd", relay, config={"Peer": {"MaxCals": "9"}})
    status, out, _ = ctl.run(peer, "status")
    equal(status, 1, "exit status")
    check("[Peer] MaxCals= is not known, ignored; is MaxCalls= meant?" in out, out)
    out = ctl.run(relay, "relay")[1]
    check("[Relay] MaxConnectios= is not known, ignored; is MaxConnections= meant?" in out, out)
    peer.configure({**peer.config, "Peer": {"Name": "odd"}})
    relay.configure({"Relay": {}})
    for daemon, words in (peer, "status"), (relay, "relay"):
        daemon.signal(signal.SIGHUP)
        wait_for(lambda daemon=daemon: not daemon.get("Problems"), what="no problems")
        check("meant?" not in ctl.run(daemon, words)[1], words)


def test_drop_ins(world):
    relay = world.relay()
    folder = os.path.join(world.directory, "dropped.conf.d")
    os.mkdir(folder)
    for name, text in (("20-b.conf", "second"), ("10-a.conf", "first"), ("30-c.txt", "third"),
                       (".40.conf", "hidden")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(f"[Peer]\nName={text}\n")
    equal(world.peer("dropped", relay).get("Name"), "second", "Name")


def test_reload_of_the_feed(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay, source="random", interval="1h")
    listener = world.peer("listener", relay)
    call = listener.call("emitter")
    call.wait_state("connected")
    config = dict(emitter.config, Feed={"Source": "random", "Interval": "20ms"})
    emitter.configure(config)
    emitter.signal(signal.SIGHUP)
    listener.wait_numbers(10)
    emitter.configure(dict(config, Feed={"Source": "none"}))
    emitter.signal(signal.SIGHUP)
    counts = []

    def quiet():
        counts.append(listener.received())
        return len(counts) > 50 and counts[-1] == counts[-50]

    wait_for(quiet, 5, "the feed to stop")
    equal(call.get("State"), "connected", "State after the reloads")


def test_bad_reload_changes_nothing(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay, source="random", interval="20ms")
    listener = world.peer("listener", relay)
    listener.call("emitter").wait_state("connected")
    emitter.configure(dict(emitter.config, Feed={"Source": "none", "Interval": "soon"}))
    emitter.signal(signal.SIGHUP)
    wait_for(lambda: "Interval" in emitter.stderr(), 5, "the error to be logged")
    listener.wait_numbers(20, 5, after=listener.received())
    equal(emitter.get("RelayState"), "connected", "RelayState")


def test_reload_of_the_relay(world):
    first, second = world.relay(), world.relay()
    peer = world.peer("mover", first)
    peer.configure(dict(peer.config, Relay={"URL": second.url("attic")}))
    peer.signal(signal.SIGHUP)
    wait_for(lambda: peer.get("RelayUrl") == second.url("attic"), 5, "RelayUrl to change")
    peer.wait_connected()
    wait_for(lambda: second.get("Connections") == 1 and first.get("Connections") == 0, 5,
             "the move")


def test_reload_and_stop_at_once(world):
    """Signals come in no order: a daemon that stops does not begin anew with another name."""
    relay = world.relay()
    peer = world.peer("mover", relay)
    peer.configure(dict(peer.config, Peer={"Name": "moved"}))
    for number in (signal.SIGSTOP, signal.SIGHUP, signal.SIGTERM, signal.SIGCONT):
        peer.signal(number)
    peer.expect_exit(0)


def test_second_daemon_on_one_bus(world):
    """The bus name is taken: the second one says so and goes."""
    relay = world.relay()
    first = world.peer("first", relay)
    env = dict(first.env, XDG_STATE_HOME=os.path.join(world.directory, "second-state"))
    second = harness.Process(world, "second", first.argv, env)
    world.others.append(second)
    second.expect_exit()
    check("org.rtcbus.Peer1" in second.stderr(), second.stderr())
    equal(first.get("RelayState"), "connected", "RelayState of the first")


def test_bus_goes_away(world):
    relay = world.relay()
    peer = world.peer("orphan", relay)
    peer.bus.process.kill()
    peer.expect_exit()
    check("bus" in peer.stderr(), peer.stderr())


def test_stop_in_every_state(world):
    relay = world.relay()
    for state in range(4):
        listener = world.peer(f"listener-{state}", relay)
        if state == 1:
            listener.call("")
        elif state == 2:
            world.peer("emitter", relay, source="random")
            listener.call("")
        elif state == 3:
            listener.call("emitter").wait_state("connected")
        listener.stop()


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
