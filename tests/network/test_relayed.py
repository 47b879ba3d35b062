# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Calls that need a server on the way: TURN by a real coturn, and STUN through NATs."""

import shutil

from harness import Skip, check, equal, note, wait_for
from load import FEED, LOAD_SECONDS, full_load
from net import Cable, Space
from transfer import Transfer

USER, PASSWORD = "garden", "p@ss:word/1"
ESCAPED = "p%40ss%3Aword%2F1"
PORT = 3478
TLS_PORT = 5349
MIB = 16

NAT = """table inet nat {
  chain out { type nat hook postrouting priority srcnat; oifname "%(outer)s" masquerade; }
  chain in { type filter hook input priority filter; iifname "%(outer)s" drop; }
}
"""


def coturn(world, space, *addresses, certificate=None, port=None, secret=None, options=()):
    """A CERTIFICATE, and its key: it speaks nothing but TLS. A SECRET: its users have credentials
    that end."""
    port = port or (TLS_PORT if certificate else PORT)
    program = shutil.which("turnserver")
    if not program:
        raise Skip("coturn is not installed")
    users = ["--use-auth-secret", f"--static-auth-secret={secret}"] if secret else [
        "--lt-cred-mech", f"--user={USER}:{PASSWORD}"]
    argv = [program, "-n", "--no-cli", *users, *options, "--realm=rtcbus.test", f"--relay-ip={addresses[0]}", "--no-dtls",
            "--log-file=stdout", "--simple-log", "--userdb=" + world.path("turn-db"),
            "--pidfile=" + world.path(f"turn-pid-{port}")]
    if certificate:
        argv += ["--verbose", "--no-udp", "--no-tcp", f"--tls-listening-port={port}",
                 f"--cert={certificate[0]}", f"--pkey={certificate[1]}"]
    else:
        argv += ["--no-tls", f"--listening-port={port}"]
    argv += [f"--listening-ip={address}" for address in addresses]
    with world.inside(space):
        server = world.run("coturn", argv)
    listening = f"{addresses[0]}:{port}"
    wait_for(lambda: listening in space.run("ss", "-Hlnt"), 10, "coturn to listen")
    return server


class Islands:
    """Two networks that have nothing in common but a machine between them, which forwards nothing:
    the relay and coturn are there."""

    def __init__(self, world, relay_config=None, authority=None):
        self.world = world
        self.outside, self.left, self.right = (Space(world, n) for n in ("outside", "left", "right"))
        self.cables = [Cable(world, self.outside, space) for space in (self.left, self.right)]
        self.addresses = [cable.addresses[0] for cable in self.cables]
        with world.inside(self.outside):
            self.relay = world.relay(host="0.0.0.0", config=relay_config)
        self.certificate = authority and authority.certificate("turn", self.addresses)
        self.coturn = coturn(world, self.outside, *self.addresses, certificate=self.certificate)

    def peer(self, side, name, servers=None, config=None):
        """SERVERS may say {host}: the machine between, as it is seen from that side."""
        host = self.addresses[side]
        config = {**(config or {}),
                  "Ice": {"Servers": servers and servers.format(host=host),
                          **(config or {}).get("Ice", {})}}
        with self.world.inside((self.left, self.right)[side]):
            return self.world.peer(name, f"ws://{host}:{self.relay.port}/", config=config)

    def peers(self, servers, config=None):
        box, desk = (self.peer(side, name, servers, config)
                     for side, name in enumerate(("box", "desk")))
        desk.wait_peer("box")
        return box, desk


def way(call):
    """The selected candidates, read at once: there may be others at any time."""
    properties = call.properties()
    return [properties[name] for name in ("LocalCandidate", "RemoteCandidate")]


def kinds(call):
    """The types of the selected candidates."""
    return [candidate.split(" typ ")[1].split()[0] for candidate in way(call)]


def pass_through(box, desk, mib=MIB):
    call = desk.call("box")
    call.wait_state("connected", 20)
    note(f"{' | '.join(way(call))}, "
         f"set up in {call.get('SetupTime') / 1000:.0f} ms")
    speed = Transfer(call, box, mib).finish()
    note(f"{mib} MiB with {speed:.0f} Mbit/s")
    there = box.calls()[0]
    for side in call, there:
        check("relay" in kinds(side), f"the pair is {kinds(side)}: nothing is relayed")
    # and the other way round
    Transfer(there, desk, 1, "back").finish()
    call.hangup()
    there.wait_ended()


def test_turn_over_udp(world):
    islands = Islands(world)
    pass_through(*islands.peers(f"turn:{USER}:{ESCAPED}@{{host}}:{PORT}"))


def test_turn_over_tcp(world):
    islands = Islands(world)
    pass_through(*islands.peers(f"turn:{USER}:{ESCAPED}@{{host}}:{PORT}?transport=tcp"))


def loaded(world, transport):
    """libnice reads here, until nothing more comes; timers and D-Bus are to have their turn."""
    islands = Islands(world)
    box, desk = islands.peers(f"turn:{USER}:{ESCAPED}@{{host}}:{PORT}?transport={transport}", FEED)
    call = desk.call("box")
    call.wait_state("connected", 20)
    full_load(call, box, min(LOAD_SECONDS, 20))
    check("relay" in kinds(call), f"the pair is {kinds(call)}: nothing is relayed")


def test_relayed_load_over_udp(world):
    loaded(world, "udp")


def test_relayed_load_over_tcp(world):
    loaded(world, "tcp")


def test_turn_on_one_side(world):
    """The other one's address cannot be reached, but coturn can reach it."""
    islands = Islands(world)
    box = islands.peer(0, "box", f"turn:{USER}:{ESCAPED}@{{host}}:{PORT}")
    desk = islands.peer(1, "desk")
    desk.wait_peer("box")
    # desk sees coturn's address on its own network only
    islands.right.run("ip", "route", "add", f"{islands.addresses[0]}/32", "via",
                      islands.addresses[1])
    pass_through(box, desk)


def test_turn_with_a_wrong_password(world):
    """A clear end, in the time that a call has."""
    islands = Islands(world)
    box, desk = islands.peers(f"turn:{USER}:wrong@{{host}}:{PORT}")
    call = desk.call("box")
    reason = call.wait_ended(60)
    note(f"ended: {reason}")
    equal(box.calls(), [], "calls that are left")


def nat(world, inner, outside, name):
    """A NAT between INNER and OUTSIDE that answers nothing from there, as a router at home."""
    router = Space(world, name)
    home, uplink = Cable(world, router, inner), Cable(world, outside, router)
    router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    router.run("nft", "-f", "-", input=NAT % {"outer": uplink.interfaces[1]})
    router.run("ip", "route", "add", "default", "via", uplink.addresses[0])
    inner.run("ip", "route", "add", "default", "via", home.addresses[0])
    return uplink.addresses


def test_stun_through_two_nats(world):
    outside, left, right = (Space(world, n) for n in ("outside", "left", "right"))
    ends = [nat(world, left, outside, "router-left"), nat(world, right, outside, "router-right")]
    outside.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    coturn(world, outside, ends[0][0])
    with world.inside(outside):
        relay = world.relay(host=ends[0][0])
    config = {"Ice": {"Servers": f"stun:{ends[0][0]}:{PORT}"}}
    with world.inside(left):
        box = world.peer("box", relay, config=config)
    with world.inside(right):
        desk = world.peer("desk", relay, config=config)
    desk.wait_peer("box")
    call = desk.call("box")
    call.wait_state("connected", 20)
    remote = call.get("RemoteCandidate")
    note(f"{call.get('LocalCandidate')} | {remote}")
    equal(remote.split()[4], ends[0][1], "the address at which box is seen")
    speed = Transfer(call, box, MIB).finish()
    note(f"{MIB} MiB with {speed:.0f} Mbit/s")

