# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""TURN credentials of the relay that end: a real coturn with use-auth-secret, behind two NATs
that no direct path leads through."""

import base64
import contextlib
import ctypes
import hashlib
import hmac
import os
import time
from urllib.parse import quote

from authority import Authority
from harness import TOP_SRCDIR, check, equal, note, wait_for
from net import Cable, Space
from test_relayed import NAT, PORT, TLS_PORT, coturn, kinds, way
from tokens import secret_file
from wsclient import WsClient

SECRET = "a secret that coturn and the relay have"
LIFETIME = 12  # seconds; half of it is left at least, and enough for who has to wait for a processor
# Of coturn: what is not asked for again ends soon, and it asks for the password again and again.
# libnice and browsers ask for permissions every four minutes: without them a call needs another way.
BRIEF = ["--stale-nonce=5", "--max-allocate-lifetime=30", "--channel-lifetime=20",
         "--permission-lifetime=20"]
# Another port for each destination, and nothing from a stranger: only TURN leads through two.
SYMMETRIC = """table inet nat {
  chain out { type nat hook postrouting priority srcnat;
    oifname "%(outer)s" masquerade fully-random; }
  chain in { type filter hook input priority filter; iifname "%(outer)s" drop; }
  chain through { type filter hook forward priority filter; policy drop;
    ct state established,related accept; oifname "%(outer)s" accept; }
}
"""
# A firewall that lets no UDP pass, before all of that.
NO_UDP = SYMMETRIC.replace("chain through", """chain before { type filter hook prerouting priority -300;
    iifname != "lo" meta l4proto udp drop; }
  chain through""")


def password(user):
    """What coturn takes for it."""
    return base64.b64encode(hmac.new(SECRET.encode(), user.encode(), hashlib.sha1).digest()).decode()


@contextlib.contextmanager
def entered(space):
    """The test itself makes its sockets in SPACE."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as home, open(space.path, "rb") as there:
        check(libc.setns(there.fileno(), 0) == 0, os.strerror(ctypes.get_errno()))
        try:
            yield
        finally:
            check(libc.setns(home.fileno(), 0) == 0, os.strerror(ctypes.get_errno()))


class Homes:
    """Two homes with a NAT each; the relay and coturn are outside. Without a server nothing of one
    home reaches the other."""

    def __init__(self, world, lifetime, servers="turn:{host}:{port}", options=(), authority=None,
                 web=False, nats=(SYMMETRIC, SYMMETRIC)):
        """SERVERS: as the relay names them. AUTHORITY: coturn speaks TLS alone, with a certificate
        of it. WEB: the relay has the page."""
        self.world = world
        self.outside, self.left, self.right = (Space(world, n) for n in ("outside", "left", "right"))
        uplinks = [self.home(inner, name, rules) for inner, name, rules in
                   zip((self.left, self.right), ("nat1", "nat2"), nats)]
        self.host = uplinks[0].addresses[0]
        self.outside.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        # As on the Internet: coturn ends the session of who sends to where no route leads.
        self.outside.run("ip", "route", "add", "default", "via", uplinks[0].addresses[1])
        self.coturn = coturn(world, self.outside, self.host, secret=SECRET, options=options,
                             certificate=authority and authority.certificate("turn", [self.host]))
        self.ice = {"CA": authority.file} if authority else {}
        secret = secret_file(world, SECRET, "turn.secret")
        self.config = {"Relay": {}, "Ice": {
            "Servers": servers.format(host=self.host, port=TLS_PORT if authority else PORT),
            "TurnSecret": secret, "Lifetime": lifetime}}
        if web:
            self.config["Web"] = {"Directory": os.path.join(TOP_SRCDIR, "data", "web")}
        with world.inside(self.outside):
            self.relay = world.relay(host=self.host, config=self.config)

    def home(self, inner, name, rules):
        router = Space(self.world, name)
        home, uplink = Cable(self.world, router, inner), Cable(self.world, self.outside, router)
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        router.run("nft", "-f", "-", input=rules % {"outer": uplink.interfaces[1]})
        router.run("ip", "route", "add", "default", "via", uplink.addresses[0])
        inner.run("ip", "route", "add", "default", "via", home.addresses[0])
        return uplink

    def peer(self, space, name, **kwargs):
        config = kwargs.pop("config", {"Ice": self.ice})
        with self.world.inside(space):
            return self.world.peer(name, self.relay, config=config, **kwargs)

    def pair(self):
        box = self.peer(self.left, "box", source="random")
        desk = self.peer(self.right, "desk")
        desk.wait_peer("box")
        return box, desk

    def listener(self):
        """A hand-made client of the relay; .welcome is its first frame."""
        with entered(self.outside):
            client = self.world.closing(
                WsClient(self.relay.port, "/?name=hand", host=self.host, protocols=["rtcbus.1"]))
        client.welcome = client.expect("welcome")
        return client


def server_of(frame):
    [server] = frame["iceServers"]
    return server


def found_a_path(call):
    wait_for(lambda: call.ended() or "connected" in call.states(), 60, "the call to have a path, or none")
    return not call.ended()


def relayed_call(box, desk, tries=3):
    """ICE gives up a server that is silent for some seconds, and coturn is, if it waits so long for a
    processor: then desk calls once more."""
    call = desk.call("box")
    while not found_a_path(call) and tries > 1:
        tries -= 1
        note(f"once more, for the call has ended: {call.ended()[2]}")
        call = desk.call("box")
    call.wait_state("connected")
    pair = kinds(call)
    check("relay" in pair, f"the pair is {pair}: nothing is relayed")
    desk.wait_numbers(5, after=desk.numbers()[0][-1][0] if desk.numbers()[0] else 0)
    return call


def test_servers_of_the_relay(world):
    """Peers that know no TURN server get one, with credentials of their own, and a path by it."""
    homes = Homes(world, "1d")
    hand = homes.listener()
    server = server_of(hand.welcome)
    expiry, _, who = server["username"].partition(":")
    equal(who, "hand", "the user")
    check(abs(int(expiry) - time.time() - 86400) < 60, f"it ends at {expiry}")
    equal(server["credential"], password(server["username"]), "the password")
    box, desk = homes.pair()
    relayed_call(box, desk).hangup()
    [(uri, _, _)] = desk.get("IceServers")
    check("%3Adesk@" in uri and homes.host in uri, uri)
    wait_for(lambda: desk.get("IceServers")[0][1] == "reachable", what="the server to be tested")
    said = repr(desk.get_all()) + desk.stderr() + homes.relay.stderr()
    check(server["credential"] not in said, "a password is shown")


def test_servers_over_tcp(world):
    homes = Homes(world, "1d", "turn:{host}:{port}?transport=tcp")
    relayed_call(*homes.pair()).hangup()


def test_no_udp_at_one_side(world):
    """Of several servers each side takes one that it reaches."""
    homes = Homes(world, "1d", "turn:{host}:{port};turn:{host}:{port}?transport=tcp",
                  nats=(NO_UDP, SYMMETRIC))
    relayed_call(*homes.pair()).hangup()


def test_one_symmetric_nat(world):
    """The other one keeps ports, and lets in whom it has sent to."""
    homes = Homes(world, "1d", nats=(SYMMETRIC, NAT))
    relayed_call(*homes.pair()).hangup()


def test_stun_server_of_the_relay(world):
    """Through two that keep ports it is enough, and nothing is relayed."""
    homes = Homes(world, "1d", "stun:{host}:{port}", nats=(NAT, NAT))
    box, desk = homes.pair()
    call = desk.call("box")
    call.wait_state("connected", 30)
    desk.wait_numbers(5)
    pair = kinds(call)
    check("relay" not in pair, f"the pair is {pair}")


def outlive(lifetime, *ends):
    """What the call of these ENDS, which is up, has begun with ends, then coturn's permissions do:
    each end finds another way, by what it has been told since."""
    begun = time.time()
    wait_for(lambda: time.time() > begun + lifetime, what="the credentials to end")
    before = [way(end) for end in ends]
    wait_for(lambda: all(end.get("State") == "connected" and way(end) != old
                         for end, old in zip(ends, before)), 120, "another way of both ends")


def outlive_credentials(world, *servers, **kwargs):
    """They end in mid-call, and coturn asks for them again and again: the call lives. A later one
    has new ones."""
    homes = Homes(world, f"{LIFETIME}s", *servers, options=BRIEF, **kwargs)
    hand = homes.listener()
    first = server_of(hand.welcome)
    box, desk = homes.pair()
    call = relayed_call(box, desk)
    outlive(LIFETIME, call, *box.calls())
    desk.wait_numbers(5, after=desk.numbers()[0][-1][0])
    note(f"states: {call.states()}")
    renewed = server_of(hand.expect("iceServers"))
    check(renewed["username"] != first["username"], "the same credentials came again")
    equal(renewed["credential"], password(renewed["username"]), "the password")
    scheme, _, rest = first["urls"][0].partition(":")
    user, secret = quote(first["username"], ""), quote(first["credential"], "")
    old = homes.peer(homes.right, "old", config={"Ice": {
        **homes.ice, "Servers": f"{scheme}:{user}:{secret}@{rest}"}})
    wait_for(lambda: "refused" in [state for _, state, _ in old.get("IceServers")], 120,
             "coturn to refuse what has ended")
    call.hangup()
    wait_for(lambda: not box.calls(), what="the first call to end")
    relayed_call(box, desk)


def test_end_of_credentials(world):
    outlive_credentials(world)


def test_end_of_credentials_over_tls(world):
    outlive_credentials(world, "turns:{host}:{port}", authority=Authority(world))
