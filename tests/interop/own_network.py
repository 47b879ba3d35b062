# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A network namespace with one interface that goes nowhere: foreign stacks do not gather on
loopback, and nothing gets out."""

import os
import subprocess
import sys

INSIDE = "RTCBUS_INTEROP_NAMESPACE"
NETWORK = """
set -e
ip link set lo up
ip link add lan0 type veth peer name lan1
ip addr add 10.99.0.2/24 dev lan0
ip addr add fd00:99::2/64 dev lan0 nodad
ip link set lan0 up
ip link set lan1 up
ip route add default dev lan0
ip -6 route add default dev lan0
# What a browser is loading it gives up when an address of the kernel's own comes.
while ip -6 address show tentative | grep -q inet6; do sleep 0.1; done
"""


def enter(program):
    """Runs PROGRAM, the file of the caller, again in a network of its own."""
    if os.environ.get(INSIDE):
        subprocess.run(["sh", "-c", NETWORK], check=True)
        return
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", *user, "--net", "--", sys.executable,
                          os.path.abspath(program), *sys.argv[1:]])
