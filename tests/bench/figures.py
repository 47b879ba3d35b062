# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What a table's measurements come to: medians, ratios, targets. No I/O."""

import math
import statistics
from dataclasses import dataclass

EPSILON = 1e-9


def percentile(samples, part):
    """The nearest rank: a value that was measured, 100 being the worst."""
    ordered = sorted(samples)
    return ordered[max(math.ceil(part / 100 * len(ordered)), 1) - 1]


class Row:
    """A contender and what it measured; the column's figure is the median of its rounds."""

    def __init__(self, name, role):
        self.name = name
        self.role = role
        self.rounds = []  # of {column key: number or list}
        self.absent = None  # why it is not here
        self.failures = []  # of texts, a round each

    def values(self, column):
        return [r[column.key] for r in self.rounds if r.get(column.key) is not None]

    def figure(self, column):
        values = self.values(column)
        if not values:
            return None
        if column.pool is None:
            return statistics.median(values)
        samples = [s for value in values for s in value]
        return percentile(samples, column.pool) if samples else None


@dataclass
class Verdict:
    target: object
    column: object
    figure: float  # of the row that has the target; None: not measured
    limit: float  # what it is to reach; None: nothing to compare with
    whose: str  # the limit, in words

    @property
    def met(self):
        """True, False, or None if it could not be told."""
        if self.figure is None or self.limit is None:
            return None
        if self.target.kind == "at most":
            return self.figure <= self.limit + EPSILON
        return self.figure >= self.limit - EPSILON


class Figures:
    """Of one table, COLUMNS and TARGETS as in table.py."""

    def __init__(self, columns, targets, rows):
        self.columns = columns
        self.targets = targets
        self.rows = rows
        self.by_key = {c.key: c for c in columns}

    @property
    def ours(self):
        return next((r for r in self.rows if r.role == "ours"), None)

    def row(self, name):
        return next((r for r in self.rows if r.name == name), None)

    def best_other(self, column):
        """(row, figure) of the best of the others, or None."""
        known = [(r, r.figure(column)) for r in self.rows
                 if r.role == "other" and r.figure(column) is not None]
        if not known:
            return None
        pick = max if column.better == "more" else min
        return pick(known, key=lambda pair: pair[1])

    def ratio(self, row, column):
        """Our figure as a multiple of that of ROW."""
        ours, theirs = self.ours and self.ours.figure(column), row.figure(column)
        if row.role == "ours" or ours is None or not theirs:
            return None
        return ours / theirs

    def verdict(self, target):
        column = self.by_key[target.column]
        versus = self.by_key[target.versus or target.column]
        row = self.row(target.of) if target.of else self.ours
        figure = row.figure(column) if row else None
        if target.against is None:
            return Verdict(target, column, figure, target.factor, "")
        if target.against == "best":
            found = self.best_other(versus)
        else:
            other = row if target.against == "own" else self.row(target.against)
            found = (other, other.figure(versus)) if other else None
        if not found or found[1] is None:
            return Verdict(target, column, figure, None, target.against)
        whose = versus.heading if target.against == "own" else found[0].name
        return Verdict(target, column, figure, target.factor * found[1], whose)

    def verdicts(self):
        return [self.verdict(t) for t in self.targets]
