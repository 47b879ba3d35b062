# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""tests/helpers/hostile-relay.c from Python."""

import os

import harness
from harness import wait_for


class HostileRelay:
    def __init__(self, world, *arguments):
        self.mode_path = os.path.join(world.directory, "mode")
        self.mode("honest")
        program = os.path.join(harness.TOP_BUILDDIR, "tests", "helpers", "hostile-relay")
        self.process = world.run("hostile-relay", [program, self.mode_path, *arguments])
        wait_for(lambda: len(self.process.lines()) >= 2, 10, "the hostile relay")
        self.port = int(self.process.lines()[0].split()[1])
        self.key = self.process.lines()[1].removeprefix("key ")

    def mode(self, *words):
        temporary = self.mode_path + ".new"
        with open(temporary, "w", encoding="ascii") as f:
            f.write(" ".join(words))
        os.rename(temporary, self.mode_path)

    def url(self, room=""):
        return f"ws://127.0.0.1:{self.port}/{room}"

    def passed(self):
        return [line.removeprefix("passed ") for line in self.process.lines()
                if line.startswith("passed ")]
