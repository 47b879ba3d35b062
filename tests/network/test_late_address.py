# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Listen= with an address that the machine has not got yet: each listener waits for it."""

import contextlib

from authority import Authority
from harness import Failed, check, equal, wait_for
from net import Space

LATE = ("10.77.99.1", "fd77:99::1")


def at(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def takes(space, address, port):
    """Whether somebody takes a connection there"""
    with contextlib.suppress(Failed):
        space.run("bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}")
        return True
    return False


def test_late_address(world):
    space = Space(world, "late")
    certificate, key = Authority(world).certificate("relay", LATE)
    listen = {port: ";".join(at(address, port) for address in LATE) for port in (4101, 4201, 4301)}
    with world.inside(space):
        relay = world.relay(host=LATE[0], port=4001, config={
            "Relay": {}, "Metrics": {"Listen": listen[4201]},
            "Tls": {"Listen": listen[4101], "Certificate": certificate, "Key": key}})
        peer = world.peer("box", relay, connected=False, config={
            "Metrics": {"Listen": listen[4301]}})
    for daemon in relay, peer:
        check("is no address of this machine yet" in daemon.stderr(), daemon.stderr())
    equal(takes(space, LATE[0], 4001), False, "a connection before the address is there")
    for address, length in zip(LATE, (24, 64)):
        options = ["nodad"] if ":" in address else []
        space.run("ip", "address", "add", f"{address}/{length}", "dev", "lo", *options)
    for port in 4001, 4101, 4201, 4301:
        for address in LATE[:1] if port == 4001 else LATE:
            wait_for(lambda address=address, port=port: takes(space, address, port), 10,
                     f"{at(address, port)} to be listened on")
