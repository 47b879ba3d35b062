#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A relay that wants tokens: who gets in, as whom and for how long, and that no token is shown."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import ctl
import harness
from harness import PATIENCE, check, equal, wait_for, write_config
from members import RTCBUS, client, member, refused
from tokens import SECRET, bearer, closed_relay, secret_file, token
from wsclient import Closed, Refused


def sentence(refusal):
    return refusal.body.decode().strip()


def closing(connection):
    """How the relay closes it: (code, reason)."""
    try:
        while True:
            connection.recv(PATIENCE)
    except Closed as closed:
        return closed.code, closed.reason


def test_ways(world):
    """A token is taken as a field, in the query, and as a subprotocol, which is never chosen."""
    relay = closed_relay(world)
    text = token("")
    member(world, relay, headers=bearer(text))
    member(world, relay, headers=[("authorization", "bearer   " + text)])
    member(world, relay, "/?name=a&token=" + text)
    third = client(world, relay, protocols=["rtcbus.1", "rtcbus.token." + text])
    equal(third.protocol, "rtcbus.1", "the subprotocol that is chosen")
    other = client(world, relay, protocols=["rtcbus.token." + text, "echo"])
    equal(other.protocol, "echo", "the subprotocol that is chosen")
    alone = client(world, relay, protocols=["rtcbus.token." + text])
    equal(alone.protocol, None, "the subprotocol that is chosen")
    member(world, relay, "/?token=" + text, headers=bearer(text))
    equal(relay.get("Connections"), 7)
    refused(400, world, relay, "/?token=" + token("", name="x"), headers=bearer(text))


def test_refusals(world):
    """401 for who he is, 403 for where he goes, each with a sentence."""
    relay = closed_relay(world)
    none = refused(401, world, relay)
    equal(none.headers.get("www-authenticate"), 'Bearer realm="rtcbus"')
    check("wants a token" in sentence(none), sentence(none))
    basic = refused(401, world, relay, headers=[("Authorization", "Basic eDp5")])
    check("wants a token" in sentence(basic), sentence(basic))
    bad = [
        ("no JSON Web Token", "x"),
        ("wants a token", ""),
        ("not signed", token("", secret="another secret of thirty-two bytes")),
        ("algorithm", token("", header={"alg": "none"})),
        ("algorithm", token("", header={"alg": "ES256"})),
        ("ran out", token("", seconds=-60)),
        ("not valid before", token("", nbf=time.time() + 3600)),
        ("claim", token(7)),
    ]
    for words, text in bad:
        refusal = refused(401, world, relay, "/?token=" + text)
        check(words in sentence(refusal), f"{sentence(refusal)!r} does not say {words!r}")
        check(not text or text not in sentence(refusal), "the token is in the answer")
    elsewhere = refused(403, world, relay, "/cellar", headers=bearer(token(["", "greenhouse"])))
    check("room" in sentence(elsewhere), sentence(elsewhere))
    other = refused(403, world, relay, "/?name=garage", headers=bearer(token("", name="kitchen")))
    check("kitchen" in sentence(other), sentence(other))
    member(world, relay, "/greenhouse", headers=bearer(token(["", "greenhouse"])))
    member(world, relay, "/cellar", headers=bearer(token("*")))
    member(world, relay, "/?name=kitchen", headers=bearer(token("", name="kitchen")))
    member(world, relay, "/", headers=bearer(token("", name="kitchen")))
    member(world, relay, "/", headers=bearer(token("", nbf=time.time() + 2)))


def page_status(relay, path, text=None):
    """The status of the page, and the first line of its body."""
    fields = {} if text is None else {"Authorization": ("Bearer " + text).strip()}
    request = urllib.request.Request(f"http://127.0.0.1:{relay.port}{path}", headers=fields)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as page:
            return page.status, page.readline().decode().strip()
    except urllib.error.HTTPError as error:
        with error:
            return error.status, error.readline().decode().strip()


def test_page(world):
    """The page is for everybody; a page that shows its token learns what is wrong with it."""
    web = os.path.join(harness.TOP_SRCDIR, "data", "web")
    relay = closed_relay(world, Web={"Directory": web})
    equal(page_status(relay, "/"), (200, "<!DOCTYPE html>"))
    equal(page_status(relay, "/cellar", token("cellar"))[0], 200)
    equal(page_status(relay, "/cellar?token=" + token("cellar"))[0], 200)
    status, words = page_status(relay, "/cellar", token(""))
    check(status == 403 and "room" in words, words)
    status, words = page_status(relay, "/?name=b", token("", name="a"))
    check(status == 403 and "name" in words, words)
    status, words = page_status(relay, "/", "")
    check(status == 401 and "wants a token" in words, words)
    status, words = page_status(relay, "/", token("", seconds=-60))
    check(status == 401 and "ran out" in words, words)


def test_name(world):
    """A name in a token is its bearer's; without one it is whoever's comes first."""
    relay = closed_relay(world)
    anybody = token("")
    kitchen = token("", name="kitchen")
    guest = member(world, relay, "/?name=kitchen", headers=bearer(anybody))
    watcher = member(world, relay, headers=bearer(anybody))
    owner = member(world, relay, "/?name=kitchen", headers=bearer(kitchen))
    equal(closing(guest), (1008, "its name belongs to another's token"))
    equal(watcher.expect("left", name="kitchen")["id"], guest.id)
    equal(watcher.expect("joined", name="kitchen")["id"], owner.id)
    refused(409, world, relay, "/?name=kitchen", headers=bearer(anybody))
    again = member(world, relay, "/?name=kitchen", headers=bearer(kitchen))
    equal(closing(owner)[0], 1008)
    again.send_json({"type": "call"})
    equal(watcher.expect("call")["from"], again.id)


def test_expiry(world):
    """A token that runs out ends its connection."""
    relay = closed_relay(world, relay={"PingInterval": "300s"})
    watcher = member(world, relay, headers=bearer(token("", seconds=3600)))
    brief = member(world, relay, "/?name=brief", headers=bearer(token("", seconds=1)))
    started = time.monotonic()
    watcher.expect("joined", name="brief")
    equal(closing(brief), (1008, "the token has run out"))
    took = time.monotonic() - started
    check(took > 1, f"it ended after {took:.1f} s, before its time")
    watcher.expect("left", name="brief")
    check(watcher.recv_nothing(), "more went than the one whose token ran out")


def reload(relay, groups, words):
    before = relay.stderr().count(words)
    relay.configure(groups)
    relay.signal(signal.SIGHUP)
    wait_for(lambda: relay.stderr().count(words) > before, what=f"the relay to say {words!r}")


def test_reload(world):
    """A reload closes an open relay to those inside too; a wrong one changes nothing."""
    relay = world.relay(config={"Relay": {}})
    stranger = member(world, relay)
    secret = secret_file(world)
    closed = {"Relay": {}, "Access": {"Tokens": "required", "Secret": secret}}
    reload(relay, closed, "configuration read again")
    equal(closing(stranger), (1008, "this relay wants another token now"))
    refused(401, world, relay)
    friend = member(world, relay, headers=bearer(token("")))
    reload(relay, {"Relay": {}, "Access": {"Tokens": "required"}}, "Tokens=required is not valid")
    reload(relay, {"Relay": {}, "Access": {"Tokens": "required", "Secret": secret + "2"}},
           "the running configuration stays")
    secret_file(world, mode=0o644)
    reload(relay, closed, "chmod 640")
    check(SECRET not in relay.stderr(), "the secret is in the log")
    secret_file(world)
    reload(relay, closed, "configuration read again")
    friend.send_json({"type": "still here"})
    another = "another secret, of more than thirty-two"
    secret_file(world, another)
    reload(relay, closed, "configuration read again")
    equal(closing(friend)[0], 1008)
    refused(401, world, relay, headers=bearer(token("")))
    member(world, relay, headers=bearer(token("", secret=another)))


def test_check(world):
    """--check and a start say what is wrong, and end with 78."""
    path = world.path("relay.conf")

    def problems(**access):
        write_config(path, {"Access": access})
        result = subprocess.run(
            [harness.program("rtcbus-relay"), "--check", "--config", path],
            capture_output=True, encoding="utf-8", env={"LC_ALL": "C.UTF-8"}, timeout=PATIENCE)
        return result.returncode, result.stdout

    cases = [
        ({"Tokens": "required"}, ":2: [Access] Tokens=required"),
        ({"Tokens": "maybe"}, "off or required"),
        ({"Tokens": "required", "Secret": "/nowhere"}, "/nowhere"),
        ({"Secret": secret_file(world, "short", "short")}, "32"),
        ({"Secret": secret_file(world, name="open", mode=0o604)}, "chmod 640"),
        ({"PublicKeys": secret_file(world)}, "64 characters"),
    ]
    for access, words in cases:
        status, text = problems(**access)
        equal(status, 78, f"exit status for {access}")
        check(words in text, f"{text!r} does not say {words!r}")
        check(SECRET not in text, "the secret is shown")
    equal(problems(Tokens="required", Secret=secret_file(world))[0], 0, "exit status")


def test_nothing_is_shown(world):
    """No token gets into the journal, to other members or onto the bus, with --verbose too."""
    access = {"Tokens": "required", "Secret": secret_file(world)}
    relay = world.relay(config={"Relay": {}, "Access": access}, arguments=["--verbose"])
    watcher = member(world, relay, headers=bearer(token("")))
    texts = [token("", name="a"), token("", seconds=-9), token("x")]
    for text in texts:
        for path, protocols, headers in (
                ("/?name=a&token=" + text, RTCBUS, ()), ("/", RTCBUS, bearer(text)),
                ("/", ["rtcbus.token." + text, "rtcbus.1"], ())):
            try:
                seen = client(world, relay, path, protocols, headers=headers)
                seen.send_json({"type": "hello"})
            except Refused as refusal:
                check(text not in refusal.body.decode(), "the token is in the answer")
    said = repr([watcher.recv_json() for _ in range(4)]) + relay.stderr()
    said += repr(relay.invoke("ListClients", "(s)", "")) + repr(relay.get_all())
    for text in texts:
        for piece in text.split(".")[1:]:
            check(piece not in said, "a part of a token is shown")


def test_flood(world):
    """Who sends many bad tokens is told to wait; who has a good one at the same address is let in."""
    relay = closed_relay(world)
    listener = world.relay(name="all", host="0.0.0.0", config=relay.config)
    ours = own_address()
    bad = bearer(token("", secret="another secret of thirty-two bytes"))
    statuses = set()
    listener.host = ours
    started = time.monotonic()
    while 429 not in statuses and time.monotonic() - started < PATIENCE:
        try:
            client(world, listener, headers=bad)
        except Refused as refusal:
            statuses.add(refusal.status)
    equal(statuses, {401, 429}, "what a flood gets")
    member(world, listener, headers=bearer(token("")))
    listener.host = "127.0.0.1"
    member(world, listener, headers=bearer(token("")))


def own_address():
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            raise harness.Skip("this machine has no address but loopback") from None
        return probe.getsockname()[0]


# ---- what an administrator sees ---------------------------------------------------


def test_administrator(world):
    """Who is in with what token, and who was not let in, on D-Bus and in rtcbusctl."""
    relay = closed_relay(world)
    member(world, relay, "/den?name=a", headers=bearer(token("den", name="a", seconds=3600)))
    member(world, relay, "/den?name=b", headers=bearer(token("*")))
    for _ in range(3):
        refused(401, world, relay, "/den?name=c")
    refused(403, world, relay, "/cellar%1b%5b31m", headers=bearer(token("den")))
    a, b = relay.invoke("DescribeClients", "(s)", "den")[0]
    equal((a["name"], a["token"], a["own-name"], a["only-name"]), ("a", True, True, True))
    check(abs(a["expires"] / 1e6 - time.time() - 3600) < 60, f"a's token ends at {a['expires']}")
    equal((b["name"], b["token"], b["expires"], b["own-name"]), ("b", True, 0, False))
    equal(len(relay.invoke("ListClients", "(s)", "den")[0]), 2, "clients")
    last, first = relay.invoke("ListRefusals")[0]
    equal((first[1], first[2], first[3], first[5]), ("127.0.0.1", 401, "den", 3))
    check(last[2] == 403 and "room" in last[4] and "\x1b" not in last[3], last)
    equal(relay.get("Refused"), 4, "Refused")

    status, out, err = ctl.run(relay, "relay")
    equal(status, 0, err)
    for words in "TOKEN", "until 20", ", its own name", "for ever", "401: this relay wants a token":
        check(words in out, f"{words!r} is missing in {out}")
    check("\x1b" not in out, "a terminal would be upset")
    seen = json.loads(ctl.run(relay, "relay", "--json")[1])
    equal([c["token"]["ownName"] for c in seen["rooms"][0]["clients"]], [True, False])
    equal([r["count"] for r in seen["refusals"]], [1, 3])
    equal(seen["refused"], 4)


# ---- peers -----------------------------------------------------------------------


def relay_error(peer, words):
    wait_for(lambda: words in peer.get("RelayError"), what=f"RelayError to say {words!r}")


def test_peers(world):
    """A token of the configuration, or in a file, lets a peer in; two of them can talk."""
    relay = closed_relay(world)
    watcher = member(world, relay, headers=bearer(token("")))
    path = secret_file(world, token("", name="bed"), "bed.token")
    bed = world.peer("bed", relay, source="random", config={"Relay": {"TokenFile": path}})
    world.peer("attic", relay, config={"Relay": {"Token": token("")}}).call("bed")
    bed.wait_peer("attic")
    harness.wait_for(lambda: bed.get("ListenerCount") == 1, what="the attic to listen")
    text = open(path, encoding="ascii").read().strip()
    said = bed.stderr() + repr(bed.get_all()) + repr(watcher.recv_json())
    check(text.split(".")[2] not in said, "the token is shown")


def test_no_token(world):
    """What a peer says of a relay that does not take its token, or its lack of one."""
    relay = closed_relay(world)
    config = {"Relay": {"TokenFile": world.path("none")}}
    cases = [
        ({}, "the relay wants a token: \u201cthis relay wants a token, and there is none\u201d"),
        ({"Token": token("", seconds=-60)}, "the token ran out at "),
        ({"Token": token("elsewhere")}, "the token does not open this room"),
        ({"Token": token("", name="other")}, 'the token is for the name "other"'),
        ({"TokenFile": world.path("none")}, "the token for the relay cannot be read: "),
        ({"TokenFile": secret_file(world, token(""), "open.token", 0o644)}, "chmod 640"),
        ({"TokenFile": secret_file(world, "two words", "words.token")}, "more than a token"),
    ]
    for number, (keys, words) in enumerate(cases):
        peer = world.peer(f"peer{number}", relay, connected=False, config={"Relay": keys})
        relay_error(peer, words)
        equal(peer.get("RelayState"), "disconnected")
        if "Token" in keys:
            secret = keys["Token"].split(".")[2]
            check(secret not in peer.stderr() + peer.get("RelayError"), "the token is shown")
        peer.stop()
    late = world.peer("late", relay, connected=False, config=config)
    relay_error(late, "cannot be read")
    secret_file(world, token(""), "none")
    late.wait_connected(40)


def test_renewal(world):
    """A token runs out, and its file has another one by then: the peer is back, its call lives."""
    relay = closed_relay(world)
    watcher = member(world, relay, headers=bearer(token("")))
    path = secret_file(world, token("", name="bed", seconds=2), "bed.token")
    bed = world.peer("bed", relay, source="random", config={"Relay": {"TokenFile": path}})
    attic = world.peer("attic", relay, config={"Relay": {"Token": token("")}})
    attic.wait_peer("bed")
    call = attic.call("bed")
    call.wait_state("connected", 30)
    watcher.expect("joined", name="bed")
    secret_file(world, token("", name="bed"), "bed.token")
    watcher.expect("left", name="bed")
    watcher.expect("joined", name="bed")
    check("the token has run out" in bed.stderr(), "the peer does not say why it was cut off")
    bed.wait_connected()
    equal(call.get("State"), "connected", "the call")


def test_no_renewal(world):
    """A token runs out, and there is no other one: the peer says so until there is one. Then the
    relay's key is another one, and so is the token."""
    relay = closed_relay(world)
    path = secret_file(world, token("", name="bed", seconds=1), "bed.token")
    bed = world.peer("bed", relay, config={"Relay": {"TokenFile": path}})
    relay_error(bed, "the token ran out at ")
    check("the token has run out" in bed.stderr(), "the peer does not say why it was cut off")
    equal(bed.get("RelayState"), "disconnected")
    secret_file(world, token("", name="bed"), "bed.token")
    bed.wait_connected(60)
    equal(bed.get("RelayError"), "")
    another = "another secret, of more than thirty-two"
    secret_file(world, another)
    reload(relay, relay.config, "configuration read again")
    relay_error(bed, "the token is not signed with a key of ours")
    check("this relay wants another token now" in bed.stderr(), bed.stderr())
    secret_file(world, token("", name="bed", secret=another), "bed.token")
    bed.wait_connected(60)


def test_two_tokens(world):
    """A wrong configuration is told by its line, and shows no token."""
    path = world.path("peer.conf")
    secret = token("")
    for keys in ({"Token": secret, "TokenFile": "/x"}, {"Token": secret + " x"}):
        write_config(path, {"Relay": keys})
        result = subprocess.run(
            [harness.program("rtcbus-peer"), "--check", "--config", path],
            capture_output=True, encoding="utf-8", env={"LC_ALL": "C.UTF-8"}, timeout=PATIENCE)
        equal(result.returncode, 78)
        check(secret not in result.stdout + result.stderr, "the token is shown")
        check("is not valid" in result.stdout, result.stdout)


def rtcbusctl(*arguments, status=0):
    result = subprocess.run(
        [harness.program("rtcbusctl"), "token", *arguments], capture_output=True, encoding="utf-8",
        env={"LC_ALL": "C.UTF-8"}, timeout=PATIENCE)
    equal(result.returncode, status, f"exit status of {arguments}: {result.stderr}")
    return result.stdout.strip() if status == 0 else result.stderr


def test_rtcbusctl_token(world):
    """rtcbusctl makes what the relay takes, from the relay's own configuration."""
    relay = closed_relay(world)
    config = ["--config", relay.config_path]
    member(world, relay, headers=bearer(rtcbusctl("--room", "/", *config)))
    two = rtcbusctl("--room", "/a", "--room", "b", "--name", "k\u00fcche", *config)
    member(world, relay, "/b?name=k%C3%BCche", headers=bearer(two))
    refused(403, world, relay, "/b?name=keller", headers=bearer(two))
    refused(403, world, relay, "/", headers=bearer(two))
    member(world, relay, "/x", headers=bearer(rtcbusctl("--room", "*", "--expires", "never",
                                                        *config)))
    brief = json.loads(rtcbusctl("--room", "*", "--expires", "1h", "--json", *config))
    check(3500 < brief["expires"] - time.time() < 3610, "it does not last an hour")
    equal((brief["rooms"], brief["name"]), (["*"], None))
    member(world, relay, "/x", headers=bearer(brief["token"]))
    check("--room" in rtcbusctl(*config, status=2), "no room is asked for")
    rtcbusctl("--room", "a", "--expires", "soon", *config, status=2)
    write_config(world.path("open.conf"), {"Access": {}})
    check("Secret=" in rtcbusctl("--room", "a", "--config", world.path("open.conf"), status=1),
          "it does not say what is missing")


def key_pair(world, name, key):
    """The paths of the private and the public half."""
    from cryptography.hazmat.primitives import serialization
    paths = world.path(name + ".key"), world.path(name + ".pub")
    for path, data in zip(paths, (
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption()),
            key.public_key().public_bytes(serialization.Encoding.PEM,
                                          serialization.PublicFormat.SubjectPublicKeyInfo))):
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, 0o600)
    return paths


def test_public_keys(world):
    """The relay has public halves alone. Whose key it loses goes, and nobody else does."""
    try:
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
    except ImportError:
        raise harness.Skip("python3-cryptography is not installed") from None
    ours = key_pair(world, "ec", ec.generate_private_key(ec.SECP256R1()))
    theirs = key_pair(world, "rsa", rsa.generate_private_key(65537, 2048))
    access = {"Tokens": "required", "PublicKeys": f"{ours[1]};{theirs[1]}"}
    relay = world.relay(config={"Relay": {}, "Access": access})
    by_ec = rtcbusctl("--room", "/", "--name", "a", "--key", ours[0])
    by_rsa = rtcbusctl("--room", "/", "--expires", "never", "--key", theirs[0])
    a = member(world, relay, "/?name=a", headers=bearer(by_ec))
    b = member(world, relay, headers=bearer(by_rsa))
    refused(403, world, relay, "/?name=b", headers=bearer(by_ec))
    with open(ours[1], encoding="ascii") as f:  # it is no secret, and must not be one
        forged = token("", secret=f.read())
    refused(401, world, relay, headers=bearer(forged))
    reload(relay, {"Relay": {}, "Access": {**access, "PublicKeys": theirs[1]}},
           "configuration read again")
    equal(closing(a), (1008, "this relay wants another token now"))
    refused(401, world, relay, headers=bearer(by_ec))
    equal(b.expect("left")["name"], "a")
    member(world, relay, headers=bearer(by_rsa))


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
