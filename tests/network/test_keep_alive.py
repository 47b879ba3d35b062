# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""KeepAlive=25s: an idle call behind a NAT that forgets after half a minute. It takes four minutes,
and runs with --nat alone."""

import os

from channels import Acquired, open_channel, remote_channel
from harness import CALL_INTERFACE, Skip, equal, note, wait_for
from star import Star
from test_outage import wait
from test_relayed import way

# Another port each time that a path has been forgotten
FORGETFUL = """table inet nat {
  chain out { type nat hook postrouting priority srcnat;
    oifname "%(outer)s" masquerade fully-random; }
}
"""
FORGETS = os.environ.get("RTCBUS_TEST_NAT", "")  # after so many seconds
IDLE = 130


def test_keep_alive(world):
    if not FORGETS:
        raise Skip("it takes four minutes: --nat")
    star = Star(world, router=True, keep=False, calls={"KeepAlive": "25s"}, nat=FORGETFUL)
    for name in ("udp_timeout", "udp_timeout_stream"):
        star.router.run("sysctl", "-qw", f"net.netfilter.nf_conntrack_{name}={FORGETS}")
    call = star.desk.call("box")
    call.wait_state("connected", 30)
    sender = Acquired(open_channel(call, "late"))
    receiver = Acquired(remote_channel(star.box, "late"))
    before = way(call)
    wait(IDLE)
    equal(call.get("State"), "connected", "the call")
    equal(way(call), before, "its path")
    changes = star.desk.signals.changes(call.path, CALL_INTERFACE, "State")
    equal("reconnecting" in changes, False, "the call has been lost meanwhile")
    sender.socket.send(b"\0still there")
    equal(receiver.read()[-11:], b"still there", "what comes after that")
    star.drop(f"ip saddr {star.address('desk')}", f"ip daddr {star.address('desk')}")
    wait_for(lambda: call.get("State") != "connected", 120, "the cut to be noticed")
    note("a cut of an idle call was noticed")
