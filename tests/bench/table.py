# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What a table of the bench is made of.

A table is a module tables/NAME.py with

  TITLE          one line: what is measured, and how
  COLUMNS        list of Column
  TARGETS        list of Target
  contenders()   list of objects with
      .name      the row
      .role      "ours", "other" or "limit"; default: the first one is ours, the rest are others
      .start()   gets ready; raises Absent(reason) if it cannot be here
      .measure() {column key: number, or a list of numbers if the column has a pool};
                 a column that does not apply is left out
      .stop()    ends all that start() has started, also after a failed start()
  KEEP = True    optional: start each contender once, not anew in each round (a start is dear)
  NOTES          optional: list of lines printed below, what one must know to read the figures

The runner goes through all contenders in each round, so that whatever the machine does
meanwhile happens to all of them. `settings` says how thorough this run is.
"""

import os
from dataclasses import dataclass


class Absent(Exception):
    """Raised by start(): the contender is not installed, or cannot run here."""


@dataclass(frozen=True)
class Column:
    key: str  # of measure()'s result
    unit: str
    better: str = "more"  # or "less"
    digits: int = 0
    label: str = ""  # over the column; default: the key
    group: str = ""  # columns of one group are printed side by side under this heading
    pool: float = None  # measure() gives lists: this percentile of all rounds together (100: worst)

    @property
    def heading(self):
        return self.label or self.key


@dataclass(frozen=True)
class Target:
    """AGAINST: "best" of the others, the name of a row, "own" (the same row, column VERSUS), or
    None for a plain number in the column's unit. OF: the row that has to meet it, default ours."""

    column: str
    factor: float
    kind: str = "at least"  # or "at most"
    against: str = None
    versus: str = ""  # the column that is compared with; default: the same
    of: str = ""


class Settings:
    """Of this run. Tables shorten what they do if it is quick."""

    quick = False
    rounds = 5
    builddir = os.environ.get("top_builddir") or os.getcwd()

    def program(self, name):
        """A program built in the build tree, for example tests/bench/limit."""
        path = os.path.join(self.builddir, name)
        if not os.path.exists(path):
            raise Absent(f"{name} is not built: make bench")
        return path


settings = Settings()
