# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""rtcbusctl at the daemon of a peer."""

import os
import subprocess

import harness
from harness import wait_for


def command(*arguments):
    return [harness.program("rtcbusctl"), "--session", *arguments]


def environment(peer):
    return dict(os.environ, DBUS_SESSION_BUS_ADDRESS=peer.bus.address, LC_ALL="C.UTF-8")


def run(peer, *arguments):
    """To its end: (exit status, standard output, error)."""
    done = subprocess.run(command(*arguments), env=environment(peer), check=False, text=True,
                          capture_output=True, timeout=60 * harness.SLOW)
    return done.returncode, done.stdout, done.stderr


class Ctl:
    """With pipes, or what `streams` has instead; ends with the test."""

    def __init__(self, peer, *arguments, **streams):
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | streams
        self.said = ""
        self.child = subprocess.Popen(command(*arguments), env=environment(peer), **streams)
        peer.world.closing(self)

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()

    def status(self, timeout=60):
        wait_for(lambda: self.child.poll() is not None, timeout, "rtcbusctl to end")
        return self.child.returncode

    def errors(self):
        """All that it has said there, once it has ended."""
        self.said += self.child.stderr.read().decode()
        return self.said
