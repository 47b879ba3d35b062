# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""rtcbusctl doctor behind NATs and firewalls: each set-up that is broken is named.

One lab for all: a machine with relay and coturn on an Internet, and homes behind routers. Each
case is a peer in a home; all of them are asked at once, for most of what takes time is waiting for
servers that do not answer.
"""

import json
import subprocess

import ctl
import harness
from harness import equal, note, wait_for
from net import Cable, Space
from test_relayed import ESCAPED, PORT, USER, coturn

OTHER_PORT = 3479
DEAD_PORT = 9  # the routers drop what goes there, by TCP and by UDP

ROUTER = """table inet home {
  chain out { type nat hook postrouting priority srcnat; oifname "%(outer)s" masquerade %(nat)s; }
  chain in { type filter hook input priority filter; iifname "%(outer)s" ct state new drop; }
  chain pass { type filter hook forward priority filter;
    iifname "%(outer)s" ct state new drop;
    th dport %(dead)s drop; %(pass)s
  }
}
"""


class Home:
    """A machine behind a router. NAT: options of masquerade; PASS: rules for what goes through."""

    def __init__(self, world, inet, name, nat="", pass_=""):
        self.space, router = Space(world, name), Space(world, "router-" + name)
        self.router = router
        inner, uplink = Cable(world, router, self.space), Cable(world, inet, router)
        self.outer = uplink.interfaces[1]
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        router.run("nft", "-f", "-", input=ROUTER % {
            "outer": uplink.interfaces[1], "nat": nat, "dead": DEAD_PORT, "pass": pass_})
        router.run("ip", "route", "add", "default", "via", uplink.addresses[0])
        self.space.run("ip", "route", "add", "default", "via", inner.addresses[0])
        for end, interface in zip(inner.ends, inner.interfaces):
            end.run("ip", "-6", "address", "flush", "dev", interface)


class Neighbours(Home):
    """Another machine, on a second network of that router: its NAT does not lead from one to the
    other, and neither does it itself."""

    def __init__(self, world, home):
        self.space = Space(world, "neighbour")
        cable = Cable(world, home.router, self.space)
        self.space.run("ip", "route", "add", "default", "via", cable.addresses[0])
        self.space.run("ip", "-6", "address", "flush", "dev", cable.interfaces[1])
        home.router.run("nft", "add", "rule", "inet", "home", "pass", "iifname", cable.interfaces[0],
                        "oifname", "!=", home.outer, "drop")
        home.router.run("nft", "insert", "rule", "inet", "home", "pass", "oifname",
                        cable.interfaces[0], "ct", "state", "new", "drop")


class Lab:
    def __init__(self, world):
        self.world = world
        inet, self.server = Space(world, "inet"), Space(world, "server")
        inet.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        cable = Cable(world, inet, self.server)
        self.host = cable.addresses[1]
        self.server.run("ip", "route", "add", "default", "via", cable.addresses[0])
        coturn(world, self.server, self.host)
        coturn(world, self.server, self.host, port=OTHER_PORT)
        self.homes = {
            "good": Home(world, inet, "good"),
            "other": Home(world, inet, "other"),
            "symmetric": Home(world, inet, "symmetric", "fully-random"),
            "random": Home(world, inet, "random", "fully-random"),
            "tight": Home(world, inet, "tight", pass_="meta l4proto udp drop"),
            "hole": Home(world, inet, "hole", pass_="meta length > 1300 drop"),
        }
        self.homes["neighbour"] = Neighbours(world, self.homes["good"])
        with world.inside(self.server):
            self.relay = world.relay(host=self.host)

    def peer(self, home, name, *servers, url=None, **kwargs):
        """SERVERS: see SERVERS below."""
        uris = ";".join(SERVERS[server].replace("HOST", self.host) for server in servers)
        with self.world.inside(self.homes[home].space):
            return self.world.peer(name, url or self.relay, config={"Ice": {"Servers": uris}},
                                   **kwargs)


SERVERS = {
    "stun": f"stun:HOST:{PORT}",
    "second": f"stun:HOST:{OTHER_PORT}",
    "turn": f"turn:{USER}:{ESCAPED}@HOST:{PORT}",
    "tcp": f"turn:{USER}:{ESCAPED}@HOST:{PORT}?transport=tcp",
    "wrong": f"turn:{USER}:wrong@HOST:{PORT}",
    "dead-stun": f"stun:HOST:{DEAD_PORT}",
    "dead-turn": f"turn:{USER}:{ESCAPED}@HOST:{DEAD_PORT}",
    "nameless": "stun:no-such-host.invalid:3478",
}

CASES = {
    # name of the peer: (home, servers, whom to call, {step: (state, words)})
    "well": ("good", ("stun", "second"), None, {
        "UDP": ("ok", "gets out"), "NAT": ("ok", "all alike")}),
    "stun-dead": ("good", ("dead-stun", "second"), None, {
        "ICE server": ("failed", "no answer"), "UDP": ("ok", "gets out")}),
    "turn-dead": ("good", ("stun", "dead-turn"), None, {"ICE server": ("failed", "no answer")}),
    "turn-wrong": ("good", ("wrong",), None, {"ICE server": ("failed", "password")}),
    "no-name": ("good", ("nameless", "stun"), None, {"ICE server": ("failed", "no-such-host")}),
    "no-udp": ("tight", ("stun", "second"), None, {"UDP": ("failed", "turns:")}),
    "symmetric": ("symmetric", ("stun", "second"), None, {"NAT": ("warning", "symmetric")}),
    "both": ("symmetric", ("stun", "second"), "target-both", {
        "call": ("failed", "no path"), "path": ("failed", "no TURN server")}),
    "no-stun": ("good", (), "target-none", {"path": ("failed", "no STUN or TURN server")}),
    "relayed": ("symmetric", ("stun", "second", "turn"), "target-relayed", {
        "path": ("warning", "NAT at this side")}),
    "by-tcp": ("tight", ("stun", "tcp"), "target-tcp", {
        "UDP": ("failed", "turns:"), "path": ("warning", "UDP is blocked at this side")}),
    "theirs": ("good", ("stun", "second", "turn"), "target-tight", {
        "path": ("failed", "the other one is the cause")}),
    "hairpin": ("good", ("stun", "second"), "target-neighbour", {
        "NAT": ("ok", "all alike"), "path": ("failed", "behind the same NAT")}),
    "direct": ("good", ("stun", "second"), "target-good", {"path": ("ok", "direct")}),
}

TARGETS = {
    "target-both": ("random", ("stun",)),
    "target-none": ("other", ()),
    "target-relayed": ("random", ("turn",)),
    "target-tcp": ("other", ("stun",)),
    "target-tight": ("tight", ("stun",)),
    "target-neighbour": ("neighbour", ("stun",)),
    "target-good": ("other", ("stun",)),
}


def ask(world, peer, whom):
    """For programs and for people, at the same time"""
    arguments = ["doctor", whom] if whom else ["doctor"]
    children = []
    for words in ["--json", *arguments], arguments:
        children.append(subprocess.Popen(
            [*peer.prefix, *ctl.command(*words)], env=ctl.environment(peer), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        world.closing(Ended(children[-1]))
    return children


class Ended:
    def __init__(self, child):
        self.child = child

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


def answer(child):
    return child.communicate(timeout=120 * harness.SLOW)[0].splitlines()


def judge(name, wanted, lines, text):
    """What is wrong with what doctor says, for programs and for people; or None."""
    found = [json.loads(line) for line in lines]
    for step, (state, words) in wanted.items():
        if not any(one["step"] == step and one["state"] == state and words in one["words"]
                   for one in found):
            return f"{name}: no {step} {state} with {words!r} in {found}"
        if not any(line.startswith(state) and step in line and words in line for line in text):
            return f"{name}: no {step} {state} with {words!r} in {text}"
    if {state for state, _ in wanted.values()} == {"ok"}:
        bad = [one for one in found if one["state"] == "failed"]
        return f"{name}: {bad}" if bad else None
    return None


def lonely(lab):
    """Packets are dropped on the way to the relay: all, or the long ones."""
    cut = lab.peer("good", "cut", url=f"ws://{lab.host}:{DEAD_PORT}/", connected=False)
    hole = lab.peer("hole", "hole", connected=False)
    return {"cut": (cut, {"TCP": ("failed", "firewall")}),
            "hole": (hole, {"MTU": ("failed", "long packets")})}


def test_doctor_behind_nats(world):
    lab = Lab(world)
    for name, (home, servers) in TARGETS.items():
        lab.peer(home, name, *servers, wait=False)
    peers = {name: lab.peer(case[0], name, *case[1], wait=False) for name, case in CASES.items()}
    alone = lonely(lab)
    for name, case in CASES.items():
        peers[name].wait_ready()
        if case[2]:
            peers[name].wait_peer(case[2])
    wait_for(lambda: alone["cut"][0].get("RelayFault"), 20, "a reason")
    asked = [(name, case[3], ask(world, peers[name], case[2])) for name, case in CASES.items()]
    asked += [(name, wanted, ask(world, peer, None)) for name, (peer, wanted) in alone.items()]
    problems = [judge(name, wanted, *map(answer, two)) for name, wanted, two in asked]
    problems = [problem for problem in problems if problem]
    for problem in problems:
        note(problem)
    equal(len(problems), 0, "set-ups that are not named")
