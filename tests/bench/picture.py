# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A table as a picture: a panel of bars for each column, in plain SVG."""

from html import escape

from report import number, ratio_text

BAR, GAP, NAME, PLOT, VALUE = 16, 6, 150, 230, 120  # pixels
PANEL = NAME + PLOT + VALUE
HEAD, MARGIN, ACROSS = 46, 20, 2
COLOUR = {"ours": "#1a6fb5", "other": "#b9bec5", "limit": "#e3d9bd"}

STYLE = """
text { font: 12px "DejaVu Sans", Verdana, sans-serif; fill: #222; }
.title { font-size: 15px; font-weight: bold; }
.column { font-weight: bold; }
.small { font-size: 11px; fill: #666; }
.name { text-anchor: end; }
.target { stroke: #c0392b; stroke-width: 1.5; stroke-dasharray: 4 3; }
"""


def shape(name, text=None, **attributes):
    inner = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
                    for key, value in attributes.items())
    return f"<{name}{inner}/>" if text is None else f"<{name}{inner}>{escape(text)}</{name}>"


def limits(figures, column):
    """What the targets want of ours in COLUMN."""
    return [v.limit for v in figures.verdicts()
            if v.column is column and v.limit is not None and not v.target.of]


def panel(figures, column, x, y):
    rows = [(r, r.figure(column)) for r in figures.rows if r.figure(column) is not None]
    wanted = limits(figures, column)
    top = max([value for _, value in rows] + wanted + [0]) or 1
    heading = " ".join(p for p in (column.group, column.heading) if p)
    marks = [shape("text", heading, x=x, y=y + 14, class_="column"),
             shape("text", f"{column.unit}, {column.better} is better", x=x, y=y + 30,
                   class_="small")]
    y += HEAD - GAP
    for line, (row, value) in enumerate(rows):
        at = y + line * (BAR + GAP)
        width = max(value / top * PLOT, 1)
        ratio = ratio_text(figures.ratio(row, column))
        marks += [shape("text", row.name, x=x + NAME - 8, y=at + 12, class_="name"),
                  shape("rect", x=x + NAME, y=at, width=f"{width:.1f}", height=BAR,
                        fill=COLOUR[row.role]),
                  shape("text", f"{number(value, column.digits)} {ratio}".rstrip(),
                        x=f"{x + NAME + width + 5:.1f}", y=at + 12)]
    for value in wanted:
        at = f"{x + NAME + value / top * PLOT:.1f}"
        marks.append(shape("line", x1=at, x2=at, y1=y - 3, y2=y + len(rows) * (BAR + GAP),
                           class_="target"))
    return marks


def svg(name, title, figures):
    rows = max(sum(1 for r in figures.rows if r.rounds), 1)
    high = HEAD + rows * (BAR + GAP) + 12
    columns = figures.columns
    lines = -(-len(columns) // ACROSS)
    width = 2 * MARGIN + ACROSS * PANEL
    height = 2 * MARGIN + 44 + lines * high
    marks = [shape("rect", width=width, height=height, fill="white"),
             shape("text", f"{name}: {title}", x=MARGIN, y=MARGIN + 14, class_="title"),
             shape("text", "× is ours as a multiple of it; the broken line is what ours has to reach",
                   x=MARGIN, y=MARGIN + 32, class_="small")]
    for index, column in enumerate(columns):
        marks += panel(figures, column, MARGIN + index % ACROSS * PANEL,
                       MARGIN + 44 + index // ACROSS * high)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">\n<style>{STYLE}</style>\n'
            + "\n".join(marks) + "\n</svg>\n")
