# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Clients of a relay, of ours and of other makes."""

import harness
from harness import equal
from wsclient import Refused, WsClient

RTCBUS = ["rtcbus.1"]


def client(world, relay, path="/", protocols=(), **kwargs):
    """A foreign client, unless it is given the subprotocol."""
    return world.closing(WsClient(relay.port, path, host=relay.host, protocols=protocols, **kwargs))


def member(world, relay, path="/", **kwargs):
    """A client that speaks rtcbus.1; .welcome is its first frame."""
    connection = client(world, relay, path, RTCBUS, **kwargs)
    connection.welcome = connection.recv_json()
    equal(connection.welcome["type"], "welcome", "first frame")
    connection.id = connection.welcome["id"]
    return connection


def refused(status, *args, **kwargs):
    try:
        client(*args, **kwargs)
    except Refused as refusal:
        equal(refusal.status, status, "HTTP status")
        return refusal
    raise harness.Failed(f"let in, where HTTP {status} was due")
