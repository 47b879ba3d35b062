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
text { font: 12px "DejaVu Sans", Verdana, sans-serif; fill: #222;
  paint-order: stroke; stroke: white; stroke-width: 3px; }
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


def scale(rows, wanted):
    """The value at the end of the plot. What is no contender may go beyond it, and is cut."""
    ends = [value for row, value in rows if row.role != "limit"] + wanted
    return max(ends or [value for _, value in rows] or [0]) or 1


def panel(figures, column, x, y):
    rows = [(r, r.figure(column)) for r in figures.rows if r.figure(column) is not None]
    wanted = limits(figures, column)
    top = scale(rows, wanted)
    heading = " ".join(p for p in (column.group, column.heading) if p)
    bars = []
    texts = [shape("text", heading, x=x, y=y + 14, class_="column"),
             shape("text", f"{column.unit}, {column.better} is better", x=x, y=y + 30,
                   class_="small")]
    y += HEAD - GAP
    for line, (row, value) in enumerate(rows):
        at = y + line * (BAR + GAP)
        width = min(max(value / top * PLOT, 1), PLOT)
        cut = "… " if value > top else ""
        ratio = ratio_text(figures.ratio(row, column))
        bars.append(shape("rect", x=x + NAME, y=at, width=f"{width:.1f}", height=BAR,
                          fill=COLOUR[row.role]))
        texts += [shape("text", row.name, x=x + NAME - 8, y=at + 12, class_="name"),
                  shape("text", f"{cut}{number(value, column.digits)} {ratio}".rstrip(),
                        x=f"{x + NAME + width + 5:.1f}", y=at + 12)]
    own = [line for line, (row, _) in enumerate(rows) if row.role == "ours"]
    for value in wanted if own else []:
        at = f"{x + NAME + value / top * PLOT:.1f}"
        bars.append(shape("line", x1=at, x2=at, y1=y + own[0] * (BAR + GAP) - 4,
                          y2=y + own[-1] * (BAR + GAP) + BAR + 4, class_="target"))
    return bars + texts


def svg(name, title, figures):
    rows = max(sum(1 for r in figures.rows if r.rounds), 1)
    high = HEAD + rows * (BAR + GAP) + 12
    columns = figures.columns
    lines = -(-len(columns) // ACROSS)
    width = 2 * MARGIN + ACROSS * PANEL
    height = 2 * MARGIN + 44 + lines * high
    marks = [shape("rect", width=width, height=height, fill="white"),
             shape("text", f"{name}: {title}", x=MARGIN, y=MARGIN + 14, class_="title"),
             shape("text", "× is ours as a multiple of it; the broken line is what ours has to reach; "
                   "… is a limit beyond the scale", x=MARGIN, y=MARGIN + 32, class_="small")]
    for index, column in enumerate(columns):
        marks += panel(figures, column, MARGIN + index % ACROSS * PANEL,
                       MARGIN + 44 + index // ACROSS * high)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">\n<style>{STYLE}</style>\n'
            + "\n".join(marks) + "\n</svg>\n")
