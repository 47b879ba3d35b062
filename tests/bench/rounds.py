# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Runs a table: every contender in every round, one after the other."""

import signal
import time
import traceback

from figures import Figures, Row
from table import Absent

MEASURE_LIMIT = 120  # seconds for one contender in one round, the last resort


class TookTooLong(Exception):
    pass


def on_alarm(_number, _frame):
    raise TookTooLong("it took too long")


def guarded(function):
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(MEASURE_LIMIT)
    try:
        return function()
    finally:
        signal.alarm(0)


def why(error):
    """One line of an error; a mistake in the bench itself gets its place too."""
    text = str(error).strip().splitlines()
    line = f"{type(error).__name__}: {text[0] if text else 'no reason given'}"
    if isinstance(error, (KeyError, TypeError, AttributeError, NameError, IndexError)):
        line += f" ({traceback.extract_tb(error.__traceback__)[-1]})"
    return line


class Run:
    """TELL takes lines for whoever waits."""

    def __init__(self, name, module, rounds, tell):
        self.name = name
        self.module = module
        self.count = rounds
        self.tell = tell
        self.keep = getattr(module, "KEEP", False)
        self.contenders = module.contenders()
        self.rows = [Row(c.name, getattr(c, "role", "other" if i else "ours"))
                     for i, c in enumerate(self.contenders)]
        self.running = set()

    def figures(self):
        return Figures(self.module.COLUMNS, self.module.TARGETS, self.rows)

    def run(self):
        try:
            for number in range(1, self.count + 1):
                for contender, row in zip(self.contenders, self.rows):
                    self.turn(number, contender, row)
        finally:
            for contender in list(self.running):
                self.stop(contender)
        return self.figures()

    def turn(self, number, contender, row):
        if row.absent:
            return
        began = time.monotonic()
        try:
            if contender not in self.running:
                self.running.add(contender)
                guarded(contender.start)
            row.rounds.append(guarded(contender.measure))
            text = f"{time.monotonic() - began:.1f} s"
        except Absent as reason:
            row.absent = str(reason)
            text = f"absent: {reason}"
        except Exception as error:
            text = why(error)
            row.failures.append(f"round {number}: {text}")
            self.stop(contender)
        if not self.keep or row.absent:
            self.stop(contender)
        self.tell(f"{self.name} {number}/{self.count} {contender.name}: {text}")

    def stop(self, contender):
        if contender not in self.running:
            return
        self.running.discard(contender)
        try:
            guarded(contender.stop)
        except Exception as error:
            self.tell(f"{self.name} {contender.name}, stopping: {why(error)}")
