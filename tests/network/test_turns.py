# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""TURN over TLS by a coturn that speaks nothing else, and what is said of servers that do not
serve us."""

import os
import signal
import subprocess
import sys

from authority import DAY, Authority
from harness import check, equal, note, program, wait_for
from net import Space
from test_relayed import ESCAPED, PASSWORD, PORT, TLS_PORT, USER, Islands, coturn, pass_through

HERE = os.path.dirname(os.path.abspath(__file__))
STATE = "IceServers"
ALLOCATED = "ALLOCATE processed, success" # coturn's log


def report(peer):
    """What the peer says of its servers, once it has asked them all."""
    def told():
        servers = peer.get(STATE)
        return servers if all(state != "untested" for _, state, _ in servers) else None

    return wait_for(told, 60, "the servers to be tested")


def check_secret(world):
    """The password is in no log of ours, and in no process's arguments but coturn's."""
    for daemon in world.daemons:
        log = daemon.stderr() + daemon.stdout()
        check(PASSWORD not in log and ESCAPED not in log, f"{daemon.name} has logged the password")


def test_turn_over_tls(world):
    authority = Authority(world)
    islands = Islands(world, authority=authority)
    box, desk = islands.peers(f"turns:{USER}:{ESCAPED}@{{host}}",
                              {"Ice": {"CA": authority.file}})
    pass_through(box, desk)
    equal([report(desk)], [[(f"turns:{USER}@{islands.addresses[1]}", "reachable", "")]],
          "what desk says of its server")
    check(ALLOCATED in islands.coturn.stdout(), "coturn knows of no allocation")
    check_secret(world)


def test_tls_tunnel_takes_nobody_else(world):
    """The port of the loopback interface is open for a moment, and for ourselves."""
    authority = Authority(world)
    islands = Islands(world, authority=authority)
    box, desk = islands.peers(f"turns:{USER}:{ESCAPED}@{{host}}",
                              {"Ice": {"CA": authority.file}})
    call = desk.call("box")
    call.wait_state("connected", 20)
    listening = islands.right.run("ss", "-Hlnt", "src", "127.0.0.1")
    equal(listening, "", "ports that listen once a call is up")
    before = desk.fds()
    call.hangup()
    call.wait_ended()
    wait_for(lambda: desk.fds() < before, 20, "the tunnel to be closed")


def test_untrusted_server_is_not_used(world):
    """Neither the authority nor the way round it: there is no call, and not a byte of STUN."""
    authority = Authority(world)
    islands = Islands(world, authority=authority)
    box, desk = islands.peers(f"turns:{USER}:{ESCAPED}@{{host}}",
                              {"Ice": {"CA": Authority(world, "other").file}})
    call = desk.call("box")
    note(f"ended: {call.wait_ended(60)}")
    check(ALLOCATED not in islands.coturn.stdout(), "coturn was asked for an allocation")


def test_alternate_server_is_not_followed(world):
    """libnice would go there by TCP, and say the user's name in the clear."""
    authority = Authority(world)
    islands = Islands(world)
    here = islands.addresses[1]
    with world.inside(islands.outside):
        server = world.run("alternate", [sys.executable, os.path.join(HERE, "alternate.py"), here,
                                         str(TLS_PORT), "4000",
                                         *authority.certificate("alternate", [here])])
    wait_for(lambda: "listening" in server.lines(), 10, "the server to listen")
    box = islands.peer(0, "box")
    desk = islands.peer(1, "desk", f"turns:{USER}:{ESCAPED}@{{host}}",
                        {"Ice": {"CA": authority.file}})
    desk.wait_peer("box")
    equal([s[1:] for s in report(desk)], [("refused", "it sends us to another server")],
          "what desk says of the server")
    desk.call("box").wait_ended(60)
    check(server.lines().count("sent away") >= 2, "neither the peer nor its call has asked")
    check("followed" not in server.lines(), "the alternate server has been asked")
    equal(box.calls(), [], "calls that are left")


class Judge:
    """A peer in a space of its own, and what it says of one server after the other."""

    def __init__(self, world):
        self.world = world
        self.space = Space(world, "alone")
        self.authority = Authority(world)
        self.peer = None

    def serve(self, port=TLS_PORT, hosts=("localhost",), authority=None, valid=(-DAY, DAY)):
        authority = authority or self.authority
        return coturn(self.world, self.space, "127.0.0.1", port=port,
                      certificate=authority.certificate(f"server-{port}", hosts, valid))

    def ask(self, *servers):
        with self.world.inside(self.space):
            relay = self.world.relay()
            self.peer = self.world.peer("judge", relay, config={
                "Ice": {"Servers": ";".join(servers), "CA": self.authority.file}})
        return {uri: (state, words) for uri, state, words in report(self.peer)}


def warnings(peer):
    return [line for line in peer.stderr().splitlines() if "ICE server" in line]


def expect(said, uri, state, words):
    equal(said[uri][0], state, f"the state of {uri}")
    check(words in said[uri][1], f"{uri}: {said[uri][1]}")


def test_certificates(world):
    judge = Judge(world)
    judge.serve(5349)
    judge.serve(5350, hosts=("turn.example",))
    judge.serve(5351, valid=(-2 * DAY, -DAY))
    judge.serve(5352, valid=(DAY, 2 * DAY))
    judge.serve(5353, authority=Authority(world, "other"))
    said = judge.ask(*(f"turns:{USER}:{ESCAPED}@localhost:{port}" for port in range(5349, 5354)))
    at = f"turns:{USER}@localhost:"
    expect(said, at + "5349", "reachable", "")
    expect(said, at + "5350", "refused", "not for localhost")
    expect(said, at + "5351", "refused", "expired")
    expect(said, at + "5352", "refused", "not valid yet")
    expect(said, at + "5353", "refused", "authority")
    check_secret(world)


def test_servers_that_do_not_serve(world):
    """A wrong password, a dead server, no such name: said in words, once, and no more when it
    is over."""
    judge = Judge(world)
    server = coturn(world, judge.space, "127.0.0.1")
    said = judge.ask(f"stun:127.0.0.1:{PORT}", f"turn:{USER}:{ESCAPED}@127.0.0.1:{PORT}",
                     f"turn:{USER}:wrong@127.0.0.1:{PORT}?transport=udp",
                     f"turn:{USER}:wrong@127.0.0.1:{PORT}?transport=tcp",
                     f"turn:{USER}:{ESCAPED}@127.0.0.1:9?transport=tcp",
                     f"turn:{USER}:{ESCAPED}@127.0.0.1:9", "stun:no.such.name.invalid")
    expect(said, f"stun:127.0.0.1:{PORT}", "reachable", "")
    expect(said, f"turn:{USER}@127.0.0.1:{PORT}", "reachable", "")
    for transport in "udp", "tcp":
        expect(said, f"turn:{USER}@127.0.0.1:{PORT}?transport={transport}", "refused",
               "the user name or the password is wrong")
    expect(said, f"turn:{USER}@127.0.0.1:9?transport=tcp", "unreachable", "refused")
    expect(said, f"turn:{USER}@127.0.0.1:9", "unreachable", "no answer")
    expect(said, "stun:no.such.name.invalid", "unresolved", "no.such.name.invalid")
    equal(len(warnings(judge.peer)), 5, "lines in the log")

    status = subprocess.run([program("rtcbusctl"), "--session", "status"], check=False, text=True,
                            env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": judge.peer.bus.address},
                            stdout=subprocess.PIPE).stdout
    check("the user name or the password is wrong" in status, status)
    check_secret(world)

    # what is known is asked again at a reload, and told once more
    server.stop()
    judge.peer.signal(signal.SIGHUP)
    uri = f"stun:127.0.0.1:{PORT}"
    wait_for(lambda: dict((s[0], s[1]) for s in judge.peer.get(STATE))[uri] == "unreachable", 30,
             "the dead server to be noticed")
    server.start()
    judge.peer.signal(signal.SIGHUP)
    wait_for(lambda: dict((s[0], s[1]) for s in judge.peer.get(STATE))[uri] == "reachable", 30,
             "the server to be there again")
    check(any("again" in line and uri in line for line in warnings(judge.peer)),
          "nothing is said of a server that is there again")


def test_failed_call_asks_again(world):
    """A server that dies while all is well is noticed when a call fails."""
    islands = Islands(world)
    box, desk = islands.peers(f"turn:{USER}:{ESCAPED}@{{host}}:{PORT}")
    equal([s[1] for s in report(desk)], ["reachable"], "the state of desk's server")
    islands.coturn.stop()
    call = desk.call("box")
    call.wait_ended(60)
    wait_for(lambda: [s[1] for s in desk.get(STATE)] == ["unreachable"], 30,
             "the dead server to be noticed")
