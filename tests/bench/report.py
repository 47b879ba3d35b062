# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A table in words, and all of them for machines."""

WORD = {True: "met", False: "NOT MET", None: "unknown"}
SIGN = {"at least": "≥", "at most": "≤"}


def number(value, digits):
    if value is None:
        return "–"
    return f"{value:,.{digits}f}".replace(",", " ")


def ratio_text(ratio):
    if ratio is None:
        return ""
    return f"{ratio:.1f}×" if ratio >= 10 else f"{ratio:.2f}×"


def quantity(value, column):
    return f"{number(value, column.digits)} {column.unit}".rstrip()


def groups(columns):
    """[(heading, [columns])] in the order of appearance."""
    found = {}
    for column in columns:
        found.setdefault(column.group, []).append(column)
    return list(found.items())


def grid(figures, heading, columns):
    """One line a contender, with our multiple of its figure beside each figure."""
    rows = [r for r in figures.rows if r.rounds]
    one_unit = heading and len({c.unit for c in columns}) == 1
    unit = columns[0].unit if one_unit and columns[0].unit != heading else ""
    lines = [[f"{heading}, {unit}" if unit else heading] + [c.heading for c in columns]]
    if not one_unit:
        lines.append([""] + [c.unit for c in columns])
    lines += [[r.name] + [number(r.figure(c), c.digits) for c in columns] for r in rows]
    ratios = [[""] + [ratio_text(figures.ratio(r, c)) for c in columns] for r in rows]
    ratios = [[""] * len(lines[0])] * (len(lines) - len(rows)) + ratios
    return align(lines, ratios)


def align(lines, ratios):
    """The first column to the left, the others to the right with their ratios behind them."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    spaces = [max(len(line[i]) for line in ratios) for i in range(len(lines[0]))]
    found = []
    for line, ratio in zip(lines, ratios):
        text = line[0].ljust(widths[0])
        for i in range(1, len(line)):
            behind = f" {ratio[i]:>{spaces[i]}}" if spaces[i] else ""
            text += f"  {line[i]:>{widths[i]}}{behind}"
        found.append("  " + text.rstrip())
    return found


def target_text(verdict):
    target, column = verdict.target, verdict.column
    what = " ".join(x for x in (target.of, column.group, column.heading) if x)
    wanted = quantity(target.factor, column)
    if target.against:
        wanted = f"{target.factor:g} × {verdict.whose}"
    text = f"{what} {SIGN[target.kind]} {wanted}"
    if verdict.figure is None:
        return f"{text}: not measured"
    if verdict.limit is None:
        return f"{text}: {quantity(verdict.figure, column)}, and nothing to compare with"
    if target.against and verdict.limit:
        reached = verdict.figure / (verdict.limit / target.factor)
        text += f" = {quantity(verdict.limit, column)}: {reached:.2f} ×,"
    else:
        text += ":"
    return f"{text} {quantity(verdict.figure, column)}"


def text(name, module, figures, rounds):
    lines = [f"{name}: {module.TITLE}", ""]
    for heading, columns in groups(figures.columns):
        lines += grid(figures, heading, columns) + [""]
    for verdict in figures.verdicts():
        lines.append(f"  {WORD[verdict.met]:<8} {target_text(verdict)}")
    if figures.targets:
        lines.append("")
    for row in figures.rows:
        if row.absent:
            lines.append(f"  absent: {row.name}: {row.absent}")
        lines += [f"  failed: {row.name}, {failure}" for failure in row.failures]
    lines += [f"  {line}" for line in getattr(module, "NOTES", [])]
    others = any(r.role != "ours" for r in figures.rows)
    compared = ", × is ours as a multiple of it" if others else ""
    lines.append(f"  Medians of {rounds} round{'s' * (rounds != 1)}{compared}.")
    return "\n".join(lines)


def machine_readable(module, figures, rounds):
    """For JSON: everything that was measured and what it comes to."""
    return {
        "title": module.TITLE,
        "rounds": rounds,
        "columns": [{"key": c.key, "label": c.heading, "group": c.group, "unit": c.unit,
                     "better": c.better} for c in figures.columns],
        "rows": [{
            "name": row.name, "role": row.role, "absent": row.absent, "failures": row.failures,
            "figures": {c.key: row.figure(c) for c in figures.columns},
            "ratios": {c.key: figures.ratio(row, c) for c in figures.columns},
            "rounds": row.rounds,
        } for row in figures.rows],
        "targets": [{
            "text": target_text(v), "column": v.target.column, "factor": v.target.factor,
            "kind": v.target.kind, "against": v.target.against, "figure": v.figure,
            "limit": v.limit, "met": v.met,
        } for v in figures.verdicts()],
    }
