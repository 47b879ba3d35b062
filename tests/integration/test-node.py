#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The module for Node.js (data/node): the W3C's interface over a daemon on a private bus."""

import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from harness import GLib, check, equal, wait_for  # noqa: E402

MODULE = os.path.join(harness.TOP_SRCDIR, "data", "node")
TESTS = os.path.join(harness.TOP_SRCDIR, "tests", "node", "test-webrtc.mjs")
NOWHERE = "ws://127.0.0.1:9/"  # no relay is there


def environment(peer, **more):
    env = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": peer.bus.address,
           "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent", **more}
    env.pop("RTCBUS_BUS", None)
    return env


def node(peer, *argv, timeout=60):
    return subprocess.run(["node", *argv], env=environment(peer), timeout=timeout,
                          capture_output=True, text=True, check=False)


def new_peer(world, name="peer"):
    return world.peer(name, NOWHERE, connected=False)


def test_webrtc(world):
    """webrtc-pc step by step; each line that fails is told."""
    peer = new_peer(world)
    ended = node(peer, TESTS, os.path.join(MODULE, "index.mjs"), timeout=280)
    lines = ended.stdout.splitlines()
    bad = [line for line in lines if line.startswith(("not ok", "#"))]
    equal(bad, [], "what failed")
    equal(ended.returncode, 0, f"exit status ({ended.stderr})")
    check(len([line for line in lines if line.startswith("ok ")]) >= 39, "tests are missing")
    wait_for(lambda: not peer.calls(), 20, "no call to be left behind")


def test_both_ways_to_load(world):
    peer = new_peer(world)
    for program in (["-e", f"console.log(typeof require({MODULE!r}).RTCPeerConnection)"],
                    ["--input-type=module", "-e",
                     f"import {{RTCPeerConnection}} from {os.path.join(MODULE, 'index.mjs')!r};"
                     "console.log(typeof RTCPeerConnection)"]):
        ended = node(peer, *program)
        equal((ended.stdout.strip(), ended.returncode), ("function", 0), ended.stderr)


def test_readme(world):
    """The program in README.md is whole."""
    with open(os.path.join(MODULE, "README.md"), encoding="utf-8") as file:
        text = file.read().split("## A whole program", 1)[1].split("## ", 1)[0]
    program = "\n".join(line for line in text.splitlines() if line.startswith("    "))
    ended = node(new_peer(world), "-e", program.replace("'rtcbus'", repr(MODULE)))
    equal((ended.stdout, ended.returncode), ("hello, too\n", 0), ended.stderr)


def test_no_daemon(world):
    """The error says what is missing, and the process ends."""
    peer = new_peer(world)
    peer.kill()
    ended = node(peer, "-e", f"const {{RTCPeerConnection}} = require({MODULE!r});"
                 "const pc = new RTCPeerConnection(); pc.createDataChannel('x');"
                 "pc.createOffer().catch((e) => console.log(e.name, e.message))")
    check(ended.stdout.startswith("OperationError"), ended.stdout + ended.stderr)
    check("rtcbus" in ended.stdout, ended.stdout)
    equal(ended.returncode, 0, "exit status")


def test_a_program_that_dies(world):
    """Its calls end, and the other side is told."""
    peer = new_peer(world)
    program = subprocess.Popen(
        ["node", "-e", f"const {{RTCPeerConnection}} = require({MODULE!r});"
         "const pc = new RTCPeerConnection(); pc.createDataChannel('x');"
         "pc.setLocalDescription().then(() => console.log('set'))"],
        env=environment(peer), stdout=subprocess.PIPE, text=True)
    equal(program.stdout.readline().strip(), "set", "what the program says")
    equal(len(peer.calls()), 1, "calls")
    program.kill()
    program.wait()
    wait_for(lambda: not peer.calls(), 20, "the call to end")
    program.stdout.close()


def connected(peer, script):
    """A program with two connections, a and b, and a channel between them; SCRIPT is its rest."""
    return subprocess.Popen(
        ["node", "-e", f"""
const {{RTCPeerConnection}} = require({MODULE!r});
const [a, b] = [new RTCPeerConnection(), new RTCPeerConnection()];
a.onicecandidate = (e) => b.addIceCandidate(e.candidate ?? undefined);
b.onicecandidate = (e) => a.addIceCandidate(e.candidate ?? undefined);
const channel = a.createDataChannel('x');
{script}
(async () => {{
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
}})();
"""], env=environment(peer), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_slow_daemon(world):
    """A bus lets a program have so many calls without an answer: more messages than that are sent
    and the channel is closed while the daemon stands still."""
    peer = new_peer(world)
    program = connected(peer, """
let come = 0;
b.ondatachannel = ({channel: other}) => {
  other.onmessage = () => come++;
  other.onclose = () => { console.log(come); a.close(); b.close(); };
};
channel.onopen = () => console.log('open');
process.stdin.once('data', () => {
  process.stdin.destroy();
  for (let i = 0; i < 500; i++)
    channel.send(`message ${i}`);
  channel.close();
  setTimeout(() => console.log('sent'), 200);
});
""")
    equal(program.stdout.readline().strip(), "open", "what the program says")
    peer.signal(signal.SIGSTOP)
    try:
        program.stdin.write("go\n")
        program.stdin.flush()
        equal(program.stdout.readline().strip(), "sent", "what it says then")
    finally:
        peer.signal(signal.SIGCONT)
    rest, _ = program.communicate(timeout=30)
    equal((rest.strip(), program.returncode), ("500", 0), "messages that came, and the exit status")


def forge(peer, signals):
    """Sends them to all other programs, as any of the bus can."""
    bus = peer.bus.connect()
    names = bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListNames", None,
                          None, 0, -1, None).unpack()[0]
    for name in names:
        if name.startswith(":") and name != bus.get_unique_name():
            for path, interface, member, body in signals:
                bus.emit_signal(name, path, interface, member, body)
    bus.flush_sync(None)
    bus.close_sync(None)


def test_signals_of_others(world):
    """What is not the daemon's does not count."""
    peer = new_peer(world)
    program = connected(peer, """
b.ondatachannel = ({channel: other}) => {
  other.onmessage = ({data}) => { console.log(data); a.close(); b.close(); };
  other.onclose = () => console.log('close', b.connectionState);
  console.log('open');
};
process.stdin.once('data', () => { process.stdin.destroy(); channel.send('ours'); });
""")
    equal(program.stdout.readline().strip(), "open", "what the program says")
    signals = []
    for path, interfaces in peer.objects().items():
        if harness.CHANNEL_INTERFACE in interfaces:
            signals.append((path, harness.CHANNEL_INTERFACE, "MessageReceived",
                            GLib.Variant("(say)", ("text", b"forged"))))
        if harness.CALL_INTERFACE in interfaces:
            closed = {"State": GLib.Variant("s", "closed")}
            signals.append((path, harness.PROPERTIES, "PropertiesChanged",
                            GLib.Variant("(sa{sv}as)", (harness.CALL_INTERFACE, closed, []))))
    signals.append(("/", "org.freedesktop.DBus", "NameOwnerChanged",
                    GLib.Variant("(sss)", (harness.PEER[0], "", ""))))
    forge(peer, signals)
    rest, _ = program.communicate("go\n", timeout=30)
    equal(rest.splitlines()[:1], ["ours"], "what came")


def test_the_daemon_dies(world):
    """Connections fail, channels close with an error, and the process ends by itself."""
    peer = new_peer(world)
    program = connected(peer, """
channel.onopen = () => console.log('open');
channel.onerror = (e) => console.log('error', e.error.errorDetail);
channel.onclose = () => console.log('close', a.connectionState);
""")
    equal(program.stdout.readline().strip(), "open", "what the program says")
    peer.kill()
    rest, _ = program.communicate(timeout=30)
    equal(rest.splitlines()[:1], ["error sctp-failure"], "what it says then")
    check("close" in rest, rest)
    equal(program.returncode, 0, "exit status")


test_webrtc.limit = 300  # it has deadlines of its own
if not shutil.which("node"):
    harness.skip_all("node is not installed")
harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
