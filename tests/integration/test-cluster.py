#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Three relays that are one, over three real nats-servers."""

import threading

import harness
import nats
from harness import check, equal, note, wait_for
from members import client, member, refused
from wsclient import Refused

nats.need()


class Cluster:
    """Relays a, b and c, which know one another and have a store for names."""

    def __init__(self, world, count=3):
        self.world = world
        self.nats = nats.Nats(world)
        self.relays = [self.nats.relay(name, self.nats.urls(i))
                       for i, name in enumerate("abc"[:count])]
        for relay in self.relays:
            wait_for(lambda relay=relay: whole(relay, count - 1), what=f"{relay.name} to be whole")

    def member(self, i, path="/", **kwargs):
        return member(self.world, self.relays[i], path, **kwargs)

    def refused(self, status, i, path):
        return refused(status, self.world, self.relays[i], path)


def whole(relay, others=2):
    """It has a store, and knows all clients of all the others."""
    relays, = relay.invoke("ListRelays")
    return relay.get("ClusterState") == "joined" and [r[3] for r in relays] == [True] * others


def test_one_room(world):
    """Who is there, who comes and goes, and frames to a name, to an id and to all."""
    cluster = Cluster(world)
    desk = cluster.member(0, "/den?name=desk")
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


def let_in(world, relay, path):
    try:
        return member(world, relay, path)
    except Refused as refusal:
        equal(refusal.status, 409, "HTTP status")
        return None


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


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
