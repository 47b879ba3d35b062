#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Three relays that are one, over three real nats-servers."""

import json
import os
import random
import re
import signal
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import ctl
import harness
import nats
from crowd import Cluster, Crowd, cut_crowd, let_in, whole
from harness import check, equal, note, wait_for
from members import client, member, refused

sys.path.insert(0, os.path.join(harness.HERE, "..", "network"))
nats.need()


def clients_elsewhere(relay):
    return sum(r[2] for r in relay.invoke("ListRelays")[0])


def test_one_room(world):
    """Who is there, who comes and goes, and frames to a name, to an id and to all."""
    cluster = Cluster(world)
    desk = cluster.member(0, "/den?name=desk")
    wait_for(lambda: clients_elsewhere(cluster.relays[1]) == 1, what="it to be known")
    box = cluster.member(1, "/den?name=box")
    equal(box.welcome["peers"], [{"id": desk.id, "name": "desk"}], "who is there")
    equal(desk.expect("joined")["id"], box.id, "who has come")
    plain = client(world, cluster.relays[2], "/den")
    foreign = desk.expect("joined")
    equal(foreign["name"], "", "the name of who has none")
    other = cluster.member(2, "/attic")
    equal(other.welcome["peers"], [], "who is in another room")
    desk.send_json({"type": "hi", "to": "box", "from": "box", "n": 1})
    equal(box.expect("hi"), {"type": "hi", "to": "box", "from": desk.id, "n": 1}, "by name")
    box.send_json({"type": "hi", "to": desk.id})
    equal(desk.expect("hi")["from"], box.id, "by id")
    box.send_json({"type": "all"})
    for receiver in desk, plain:
        equal(receiver.expect("all")["from"], box.id, "to all")
    plain.send_json({"type": "call"})
    for receiver in desk, box:
        equal(receiver.expect("call")["from"], foreign["id"], "from a foreign client")
    desk.send_json({"type": "hi", "to": "nobody"})
    equal(desk.expect("error")["code"], "no-such-peer", "to nobody")
    plain.close()
    equal(box.expect("left")["id"], foreign["id"], "who has left")
    check(other.recv_nothing(), "a frame came into another room")


def test_error_about_a_name(world):
    """What the relay says of a frame to a name that was not delivered has the name as it is."""
    cluster = Cluster(world, 2)
    desk = cluster.member(0, "/den?name=desk")
    name = 'a","code":"x","b":"\\'
    cluster.member(1, f"/den?name={urllib.parse.quote(name)}")
    desk.expect("joined")
    cluster.relays[1].signal(signal.SIGSTOP)
    try:
        desk.send_json({"type": "hi", "to": name})
        error = desk.expect("error", timeout=30)
    finally:
        cluster.relays[1].signal(signal.SIGCONT)
    equal((error["code"], error["to"]), ("not-delivered", name), "the error")
    equal(sorted(error), ["code", "message", "to", "type"], "its members")


def test_a_name_is_one_clients(world):
    """In all of the cluster, until its holder leaves; and who comes back has it."""
    cluster = Cluster(world)
    box = cluster.member(0, "/den?name=box")
    for i in range(3):
        refusal = cluster.refused(409, i, "/den?name=box")
        check("retry-after" in refusal.headers, "no Retry-After")
    cluster.member(1, "/attic?name=box")
    resume = [("Rtcbus-Resume", box.welcome["resume"])]
    again = cluster.member(2, "/den?name=box", headers=resume)
    equal(box.close_code(), 1008, "the close code of who was there")
    equal(again.welcome["resume"], box.welcome["resume"], "the secret")
    again.close()
    wait_for(lambda: let_in(world, cluster.relays[0], "/den?name=box"), what="the name to be free")


def test_many_names(world):
    """2,000 joins, three for each name: nobody has one that another has, and somebody has each."""
    cluster = Cluster(world)
    holders, lock = {}, threading.Lock()

    def join(i):
        for n in range(i, 667 * 3, 3):
            path = f"/den?name=n{n // 3}"
            connection = let_in(world, cluster.relays[(n + n // 3) % 3], path)
            if connection:
                with lock:
                    holders.setdefault(path, []).append(connection)

    threads = [threading.Thread(target=join, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    doubles = [path for path, connections in holders.items() if len(connections) > 1]
    equal(doubles, [], "names of more than one")
    equal(len(holders), 667, "names of somebody")


def ctl_json(relay):
    status, said, errors = ctl.run(relay, "relay", "--json")
    equal((status, errors), (0, ""), "rtcbusctl")
    return json.loads(said)


def fetch(relay, path):
    port = wait_for(lambda: re.search(r"metrics at http://127\.0\.0\.1:(\d+)/", relay.stderr()))
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port.group(1)}{path}", timeout=30) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def switches(pid, without):
    """How often its threads have waited, but for those WITHOUT, by their names. The first is "main"."""
    count = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as status:
            text = status.read()
        name = "main" if int(task) == pid else re.search(r"Name:\s+(.*)", text).group(1)
        if name not in without:
            count += int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", text).group(1))
    return count


def test_hand_over(world):
    """A frame from afar wakes the thread that speaks with NATS, and the relay's loop, and no other one."""
    cluster = Cluster(world, 2)
    desk = cluster.member(0, "/den?name=desk")
    box = cluster.member(1, "/den?name=box")
    wait_for(lambda: clients_elsewhere(cluster.relays[0]) == 1, what="it to be known")
    pid, frames = cluster.relays[1].pid, 200

    def wakes_few():
        before = switches(pid, ("main", "nats"))
        for n in range(frames):
            desk.send_json({"type": "hi", "to": box.id, "n": n})
            equal(box.expect("hi")["n"], n, "the frame")
        woken = switches(pid, ("main", "nats")) - before
        note(f"{woken} other threads woken by {frames} frames")
        return woken < frames / 3

    # That thread may keep pace with who gives it messages, on another processor, and sleep between two.
    wait_for(wakes_few, what="frames that wake nobody else")


def test_what_is_told(world):
    """To administrators: on the bus, by rtcbusctl, and in metrics; and health does not hang on NATS."""
    cluster = Cluster(world, config={"Metrics": {"Listen": "127.0.0.1:0"}})
    cluster.member(1, "/den?name=box")
    relay = cluster.relays[0]
    told = ctl_json(relay)
    equal(told["cluster"]["state"], "joined", "state")
    equal(sorted(r["clients"] for r in told["cluster"]["relays"]), [0, 1], "clients of others")
    check(told["cluster"]["server"] in [f"nats://127.0.0.1:{port}" for port in cluster.nats.ports],
          f"the server is {told['cluster']['server']}")
    page = fetch(relay, "/metrics")[1]
    for line in ("rtcbus_cluster_connected 1", "rtcbus_cluster_relays 2",
                 "rtcbus_cluster_clients 1", "rtcbus_cluster_store 1"):
        check(line in page.split("\n"), f"not in the metrics: {line}")
    cluster.nats.kill_all()
    wait_for(lambda: relay.get("ClusterState") == "disconnected", what="NATS to be missed")
    equal(fetch(relay, "/healthz")[0], 200, "health without NATS")
    equal(ctl_json(relay)["cluster"]["state"], "disconnected", "state without NATS")
    equal(relay.stderr().count("no connection to NATS"), 1, "lines about it")


def lines_about_nats(relay):
    return [line for line in relay.stderr().splitlines() if "NATS" in line]


def test_wrong_password(world):
    """It is said once, and the relay has clients of its own."""
    servers = nats.Nats(world, 1)
    secret = world.path("wrong")
    with open(os.open(secret, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
        f.write("another")
    relay = servers.relay("a", config={"Cluster": {"PasswordFile": secret}})
    wait_for(lambda: lines_about_nats(relay), what="a line about it")
    started = time.monotonic()
    box = member(world, relay, "/den?name=box")
    check(time.monotonic() - started < 10 * harness.SLOW, "a client waited for NATS")
    equal(refused(409, world, relay, "/den?name=box").status, 409, "a taken name")
    equal(relay.get("ClusterState"), "disconnected", "state")
    check("Auth" in lines_about_nats(relay)[0], lines_about_nats(relay)[0])
    equal(len(lines_about_nats(relay)), 1, "lines about it")
    box.close()


def test_no_store(world):
    """That NATS has no store for us is said once, and why; and that it has one again."""
    servers = nats.Nats(world, memory="1MB")
    relay = servers.relay("a")
    wait_for(lambda: "no store for names" in relay.stderr(), 60, "a line about it")
    equal(relay.get("ClusterState"), "without-names", "state")
    equal(relay.stderr().count("no store for names"), 1, "lines about it")
    check("insufficient" in relay.stderr(), "the line does not say why")
    servers.set_memory("256MB")
    servers.kill_all()
    servers.start_all()
    wait_for(lambda: relay.get("ClusterState") == "joined", 60, "a store")
    equal(relay.stderr().count("is a store for names again"), 1, "lines about it")


def test_tls(world):
    """The certificate is of our authority, and of that host, or there is no connection."""
    try:
        from authority import Authority
    except ImportError:
        raise harness.Skip("python3-cryptography is not installed") from None
    authority = Authority(world)
    for host, ca, state in (("127.0.0.1", authority.file, "joined"),
                            ("127.0.0.1", None, "disconnected"),
                            ("example.org", authority.file, "disconnected")):
        certificate, key = authority.certificate(f"{host}-{state}", [host])
        port = nats.secure_server(world, certificate, key)
        relay = world.relay(name=f"{host}-{state}", config={
            "Cluster": {"Servers": f"tls://127.0.0.1:{port}", "CA": ca}})
        wait_for(lambda relay=relay: lines_about_nats(relay), what="a line about it")
        wait_for(lambda relay=relay, state=state: relay.get("ClusterState") == state,
                 what=f"{host} with {ca}: {state}")
        if state == "disconnected":
            check("no connection" in lines_about_nats(relay)[0], lines_about_nats(relay)[0])


def test_wrong_settings(world):
    """A CA= without a certificate is refused; and what needs a restart is told on a reload."""
    path = world.path("ca")
    with open(path, "w", encoding="ascii") as f:
        f.write("-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n")
    wrong = {"Cluster": {"Servers": "tls://127.0.0.1:4222", "CA": path}}
    relay = world.relay(name="wrong", config=wrong, wait=False)
    relay.expect_exit()
    check(f"CA={path}" in relay.stderr(), relay.stderr())
    servers = nats.Nats(world, 1)
    relay = servers.relay("a")
    relay.config["Cluster"]["Name"] = "another"
    relay.configure(relay.config)
    relay.signal(signal.SIGHUP)
    wait_for(lambda: "[Cluster] has changed; that needs a restart" in relay.stderr(),
             what="a line about it")


def test_relay_is_killed(world):
    """Its clients have left within ten seconds, and come in elsewhere with their names."""
    crowd = Crowd(world)
    crowd.chat(20)
    crowd.relays[2].kill()
    started = time.monotonic()
    crowd.chat_for(1)
    for seat in crowd.seats:
        if seat.i == 2:
            seat.i = random.randrange(2)
    crowd.settle()
    took = time.monotonic() - started
    check(took < 10 * harness.SLOW, f"the names were free after {took:.1f} s")
    crowd.chat(20)
    crowd.check_frames()
    note(f"whole after {took:.1f} s")


def test_one_server_is_killed(world):
    """The relay that was connected to it goes to another; nobody's connection ends."""
    crowd = Crowd(world)
    for i in range(3):
        crowd.chat_for(0.5)
        crowd.nats.kill(i)
        crowd.chat_for(2)
        crowd.wait_whole()
        note(f"true after {crowd.settle():.1f} s")
        crowd.chat(20)
        crowd.nats.start(i)
        crowd.nats.wait_listening()
    crowd.check_frames()
    equal([seat.closes for seat in crowd.seats], [[]] * len(crowd.seats), "closed connections")


def test_rolling_restart(world):
    """One relay after the other sends its clients away and is started anew: they go to the others and
    keep their names, and no frame is lost without a word."""
    Crowd(world, 15).restart_relays()


def test_without_nats(world):
    """It comes back with nothing: all is whole, and names are claimed anew."""
    crowd = Crowd(world)
    crowd.stay_without_nats(3)
    for i in range(3):
        crowd.refused(409, i, "/den?name=n4")


def test_slow_nats(world):
    """One relay has a bad path to NATS: names are decided, nobody is cut, and frames come or are
    reported."""
    cut, crowd = cut_crowd(world)
    for delay, rate in (0.2, None), (0.02, 100000):
        cut.slow(delay, rate)
        crowd.chat(20)
        began = time.monotonic()
        newcomer = crowd.member(1, "/den?name=new")
        note(f"{delay} s, {rate} B/s: a name after {time.monotonic() - began:.1f} s")
        crowd.refused(409, 0, "/den?name=n1")
        newcomer.close()
        crowd.chat(20)
        crowd.wait_whole()
        crowd.settle()
        crowd.check_frames()
    cut.slow()
    equal([seat.closes for seat in crowd.seats], [[]] * len(crowd.seats), "closed connections")


def test_relay_is_stopped(world):
    """Past its lease: its names are given away, and when it goes on, it has lost them."""
    crowd = Crowd(world)
    crowd.relays[1].signal(signal.SIGSTOP)
    wait_for(lambda: len(crowd.relays[0].invoke("ListRelays")[0]) == 1, 30, "it to be given up")
    thieves = [member(world, crowd.relays[0], f"/den?name=n{i}") for i in (1, 4)]
    crowd.relays[1].signal(signal.SIGCONT)
    for i in 1, 4:
        wait_for(lambda i=i: (crowd.seats[i].pump(), crowd.seats[i].closes)[1] == [1008],
                 what="who lost the name to be told")
    for thief in thieves:
        thief.close()
    crowd.wait_whole()
    crowd.settle()
    crowd.chat(20)
    crowd.check_frames()


def test_relay_is_ended(world):
    """It says so to the others, who need not wait for its lease to end."""
    cluster = Cluster(world, 2)
    desk = cluster.member(0, "/den?name=desk")
    cluster.member(1, "/den?name=box")
    desk.expect("joined")
    cluster.relays[1].stop()
    desk.expect("left", timeout=20)
    wait_for(lambda: "has left the cluster" in cluster.relays[0].stderr(), what="it to be gone")
    check(cluster.member(0, "/den?name=box"), "its client's name is not free")
    best, tries = 1, 0
    while best > 0.3 and tries < 10:  # STOP_TIMEOUT_MS is 1000
        tries += 1
        cluster.relays[1].restart()
        wait_for(lambda: whole(cluster.relays[1], 1), what="it to be whole")
        began = time.monotonic()
        cluster.relays[1].stop()
        best = min(best, time.monotonic() - began)
    check(best < 1, f"without clients it took {best:.3f} s to end")


def test_too_many_frames(world):
    """NATS takes nothing more: frames are refused long before what holds the cluster together is."""
    servers = nats.Nats(world)
    cut = nats.Cut(world, servers.ports)
    cluster = Cluster(world, 2, servers=servers, urls={1: cut.urls()},
                      config={"Metrics": {"Listen": "127.0.0.1:0"},
                              "Relay": {"BytesPerSecond": 0, "MaxQueue": "64M"}})
    desk = cluster.member(0, "/den?name=desk")
    box = cluster.member(1, "/den?name=box")
    desk.expect("joined")
    cut.stop()
    frame = json.dumps({"type": "hi", "to": "desk", "text": "x" * 60000})
    for _ in range(400):
        box.send_text(frame)
    equal(box.expect("error", timeout=30)["code"], "not-delivered", "the error")
    waiting = re.search(r"^rtcbus_cluster_waiting_bytes (\d+)", fetch(cluster.relays[1], "/metrics")[1],
                        re.M)
    check(waiting and int(waiting.group(1)) < 3 << 20, f"{waiting and waiting.group(0)}")


def crowded_out(world, **settings):
    """Two relays, and at the second one a client that reads slowly."""
    config = {"Relay": {"MaxQueue": "256K", "BytesPerSecond": 0} | settings}
    cluster = Cluster(world, 2, config=config)
    sender = cluster.member(0, "/den?name=sender")
    slow = cluster.member(1, "/den?name=slow", receive_buffer=16384)
    sender.expect("joined")
    return cluster, sender, slow


def flood(sender, count, to):
    text = json.dumps({"type": "n", "pad": "x" * 20000, "n": "%d"} | ({"to": to} if to else {}))
    text = text.replace('"%d"', "%d")
    thread = threading.Thread(target=lambda: [sender.send_text(text % n) for n in range(count)])
    thread.start()
    return thread


def test_congestion(world):
    """Whose receiver at another relay reads slowly is slowed; nothing is lost, and nobody else is harmed."""
    cluster, sender, slow = crowded_out(world)
    elsewhere = [cluster.member(i, f"/attic?name={i}") for i in range(2)]
    elsewhere[0].expect("joined")
    for to in "slow", slow.id, None:
        count, numbers = 300, []
        thread = flood(sender, count, to)
        while len(numbers) < count:
            numbers.append(slow.expect("n", timeout=30)["n"])
            if len(numbers) % 10 == 0:
                elsewhere[0].send_json({"type": "hi", "to": "1"})
                elsewhere[1].expect("hi")
        thread.join()
        equal(numbers, list(range(count)), f"what came to {to}")
    check(sender.recv_nothing(0.1), "the sender was told something")


def test_no_reader(world):
    """Who does not read at all at another relay is closed, as at the sender's own; the sender goes on."""
    cluster, sender, slow = crowded_out(world)
    good = cluster.member(1, "/den?name=good")
    sender.expect("joined")
    began, count = time.monotonic(), 200
    thread = flood(sender, count, None)
    equal([good.expect("n", timeout=30)["n"] for _ in range(count)], list(range(count)),
          "what came to who reads")
    thread.join()
    check(time.monotonic() - began > 2, "the sender was not slowed")
    equal(sender.expect("left", timeout=30)["id"], slow.id, "who has left")
    equal(slow.close_code(30), 1008, "the close code")


def test_two_holders(world):
    """A relay is cut off from NATS for half a minute, and a client of another one takes a name of one of its
    clients meanwhile; so does one of its own of a name that another relay gives away."""
    cut, crowd = cut_crowd(world)
    cut.stop()
    wait_for(lambda: len(crowd.relays[0].invoke("ListRelays")[0]) == 1, 30, "it to be given up")
    wait_for(lambda: not crowd.relays[1].invoke("ListRelays")[0], 30, "the others to be given up")
    began = time.monotonic()
    first = member(world, crowd.relays[0], "/den?name=n1")
    mine = member(world, crowd.relays[1], "/den?name=extra")
    theirs = member(world, crowd.relays[2], "/den?name=extra")
    while time.monotonic() < began + 20:
        crowd.chat(1, crowd.seats[1:2])
        for holder in first, mine, theirs:
            holder.recv_nothing(0.1)
    cut.go_on()
    wait_for(lambda: (crowd.seats[1].pump(), crowd.seats[1].closes)[1] == [1008], 30,
             "who lost the name to be told")
    equal(mine.close_code(20), 1008, "the close code of who came second to the store")
    check(not first.closed and not theirs.closed, "a holder was closed")
    first.close()
    theirs.close()
    crowd.wait_whole()
    note(f"true after {crowd.settle():.1f} s")
    crowd.chat(20)
    crowd.check_frames()


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
