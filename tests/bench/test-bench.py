#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The bench's own arithmetic, with contenders that measure what they are told."""

import importlib
import json
import os
import subprocess
import sys
import time
import types
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "tables"),
                *(os.path.join(os.path.dirname(HERE), n) for n in ("integration", "network"))]

import picture  # noqa: E402
import report  # noqa: E402
import usage  # noqa: E402
from figures import percentile  # noqa: E402
from harness import Failed, check, equal  # noqa: E402
from rounds import Run  # noqa: E402
from table import Absent, Column, Target  # noqa: E402


class Fake:
    """Measures RESULTS one after the other; an exception among them is raised."""

    def __init__(self, journal, name, results, role=None, absent=None):
        self.journal, self.name, self.results = journal, name, list(results)
        self.absent = absent
        if role:
            self.role = role

    def start(self):
        self.journal.append(("start", self.name))
        if self.absent:
            raise Absent(self.absent)

    def measure(self):
        self.journal.append(("measure", self.name))
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    def stop(self):
        self.journal.append(("stop", self.name))


def table(contenders, columns, targets=(), keep=False):
    return types.SimpleNamespace(TITLE="a <test>", COLUMNS=columns, TARGETS=list(targets),
                                 KEEP=keep, contenders=lambda: contenders)


def run(contenders, columns, targets=(), rounds=3, keep=False):
    module = table(contenders, columns, targets, keep)
    return module, Run("fake", module, rounds, lambda line: None).run()


FAST, SLOW = Column("fast", "Mbit/s"), Column("slow", "ms", "less", 1)


def three(journal):
    return [
        Fake(journal, "ours", [{"fast": f, "slow": s} for f, s in ((9, 3), (30, 1), (12, 2))]),
        Fake(journal, "a", [{"fast": f, "slow": s} for f, s in ((4, 8), (3, 6), (5, 4))]),
        Fake(journal, "b", [{"fast": f} for f in (2, 1, 100)]),
        Fake(journal, "wire", [{"fast": 50, "slow": 0.5}] * 3, role="limit"),
    ]


def test_medians_and_ratios():
    _, figures = run(three([]), [FAST, SLOW])
    equal([r.figure(FAST) for r in figures.rows], [12, 4, 2, 50], "medians")
    equal([r.figure(SLOW) for r in figures.rows], [2, 6, None, 0.5], "medians")
    equal([figures.ratio(r, FAST) for r in figures.rows], [None, 3, 6, 0.24], "ratios")
    equal([r.role for r in figures.rows], ["ours", "other", "other", "limit"], "roles")
    equal(figures.best_other(FAST)[0].name, "a", "the best, the limit left out")
    equal(figures.best_other(SLOW)[1], 6, "the best of what is better if less")


def test_targets():
    wanted = [
        (Target("fast", 3, "at least", "best"), True),
        (Target("fast", 3.01, "at least", "best"), False),
        (Target("fast", 0.25, "at least", "wire"), False),
        (Target("fast", 0.24, "at least", "wire"), True),
        (Target("slow", 1 / 3, "at most", "best"), True),
        (Target("slow", 0.3, "at most", "best"), False),
        (Target("slow", 2, "at most"), True),
        (Target("slow", 1.9, "at most"), False),
        (Target("slow", 4, "at most", of="a"), False),
        (Target("fast", 6, "at least", "own", versus="slow"), True),
        (Target("fast", 7, "at least", "own", versus="slow"), False),
        (Target("fast", 1, "at least", "nobody"), None),
        (Target("slow", 1, "at most", of="b"), None),
    ]
    _, figures = run(three([]), [FAST, SLOW], [t for t, _ in wanted])
    for verdict, (target, met) in zip(figures.verdicts(), wanted):
        equal(verdict.met, met, f"{target}: met")


def test_pools():
    """Samples of all rounds together, and the worst of them."""
    columns = [Column("p50", "ms", "less", pool=50), Column("p99", "ms", "less", pool=99),
               Column("worst", "ms", "less", pool=100)]
    rounds = [dict.fromkeys(("p50", "p99", "worst"), list(range(start, start + 100)))
              for start in (1, 101)]
    _, figures = run([Fake([], "ours", rounds)], columns, rounds=2)
    equal([figures.ours.figure(c) for c in columns], [100, 198, 200], "percentiles")
    equal([percentile([7], p) for p in (1, 50, 100)], [7, 7, 7], "percentiles of one")


def test_interleaved():
    journal = []
    run(three(journal), [FAST, SLOW], rounds=2)
    turn = [(what, name) for name in ("ours", "a", "b", "wire")
            for what in ("start", "measure", "stop")]
    equal(journal, turn * 2, "what was done")
    journal = []
    run(three(journal), [FAST, SLOW], rounds=2, keep=True)
    names = [name for what, name in journal if what == "start"]
    equal(names, ["ours", "a", "b", "wire"], "starts of a table that keeps them")
    equal([what for what, _ in journal[-4:]], ["stop"] * 4, "its end")


def test_absent_and_failing():
    journal = []
    contenders = [
        Fake(journal, "ours", [{"fast": 1}, {"fast": 2}, {"fast": 3}]),
        Fake(journal, "gone", [], absent="no such package"),
        Fake(journal, "flaky", [{"fast": 8}, ValueError("burst"), {"fast": 6}]),
    ]
    module, figures = run(contenders, [FAST], [Target("fast", 1, "at least", "best")])
    equal(figures.row("gone").absent, "no such package", "the reason")
    equal(figures.row("flaky").figure(FAST), 7, "the median of what it did measure")
    equal([what for what, name in journal if name == "gone"], ["start", "stop"], "done with it")
    equal([what for what, name in journal if name == "flaky"], ["start", "measure", "stop"] * 3,
          "done with it")
    text = report.text("fake", module, figures, 3)
    for wanted in ("absent: gone: no such package", "failed: flaky, round 2: ValueError: burst",
                   "NOT MET  fast ≥ 1 × flaky = 7 Mbit/s: 0.29 ×, 2 Mbit/s"):
        check(wanted in text, f"{wanted!r} is not in:\n{text}")


def test_reports():
    targets = [Target("fast", 3, "at least", "best"), Target("slow", 1, "at most")]
    module, figures = run(three([]), [FAST, SLOW], targets)
    text = report.text("fake", module, figures, 3)
    for wanted in ("  ours      12         2.0", "  a          4 3.00×   6.0 0.33×",
                   "  met      fast ≥ 3 × a = 12 Mbit/s: 3.00 ×, 12 Mbit/s",
                   "  NOT MET  slow ≤ 1.0 ms: 2.0 ms", "Medians of 3 rounds"):
        check(wanted in text, f"{wanted!r} is not in:\n{text}")
    read = json.loads(json.dumps(report.machine_readable(module, figures, 3)))
    equal([t["met"] for t in read["targets"]], [True, False], "met")
    equal(read["rows"][1]["ratios"]["fast"], 3, "a ratio")
    drawn = ElementTree.fromstring(picture.svg("fake", module.TITLE, figures))
    bars = [e for e in drawn.iter("{http://www.w3.org/2000/svg}rect") if e.get("x")]
    equal(len(bars), 7, "bars")
    widths = [float(bar.get("width")) for bar in bars]
    check(abs(widths[0] - 3 * widths[1]) < 0.2, f"three times as long: {widths}")


def test_tables():
    """What is in tables/ is made of the right things; nothing of it is started."""
    names = sorted(f[:-3] for f in os.listdir(os.path.join(HERE, "tables")) if f.endswith(".py"))
    modules = {n: importlib.import_module(n) for n in names}
    modules = {n: m for n, m in modules.items() if hasattr(m, "COLUMNS")}
    check(len(modules) >= 5, f"tables: {', '.join(modules)}")
    for name, module in modules.items():
        keys = [c.key for c in module.COLUMNS]
        equal(len(set(keys)), len(keys), f"different columns of {name}")
        rows = [c.name for c in module.contenders()]
        equal(len(set(rows)), len(rows), f"different contenders of {name}")
        for target in module.TARGETS:
            check(target.kind in ("at least", "at most"), f"{name}: {target}")
            check({target.column, target.versus or keys[0]} <= set(keys), f"{name}: {target}")
            check(target.against in (None, "best", "own", *rows), f"{name}: {target}")
            check(target.of in ("", *rows), f"{name}: {target}")


def test_usage():
    """A child that works for a while, keeps some memory, and then sleeps."""
    code = "b = bytearray(50 << 20); del b\nfor i in range(3000000): pass\nprint(); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        equal(usage.cpu_seconds([child.pid]) > 0.01, True, "it has used CPU time")
        check(usage.peak_kib([child.pid]) > 50 << 10, "the peak of its memory")
        meter = usage.Meter([child.pid])
        time.sleep(0.01)
        check(meter.cpu_seconds() < 0.01, "it sleeps")
        check(meter.peak_kib() < 50 << 10, "the peak begins anew")
        check(usage.rss_kib([child.pid]) <= meter.peak_kib(), "resident memory")
        check(usage.wakeups([child.pid]) > 0, "it has gone to sleep")
    finally:
        child.communicate(b"\n")


def main():
    tests = [(n, f) for n, f in globals().items() if n.startswith("test_")]
    print(f"1..{len(tests)}")
    failures = 0
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Failed as error:
            failures += 1
            print("".join(f"# {line}\n" for line in str(error).splitlines()), end="")
            print(f"not ok {number} - {name}", flush=True)
    sys.exit(1 if failures else 0)


main()
