#!/usr/bin/env python3
# SPDX-License-Identifier: PostgreSQL
"""What sample.py wrote, as a table by tenths of the rows and as a graph.

    large_graph.py table NAME=FILE.csv...         Markdown, on stdout
    large_graph.py graph NAME=FILE.csv... >FILE.svg
"""
import csv
import sys

COLOURS = ["#1f6fb2", "#c0541c", "#3d7d3a"]
INK, FAINT, GROUND = "#24292f", "#d5d9de", "#ffffff"
WIDTH, LEFT, RIGHT, PANEL, GAP, TOP = 760, 78, 20, 190, 62, 58


class Run:
    def __init__(self, argument):
        self.name, _, path = argument.partition("=")
        with open(path) as f:
            lines = list(csv.DictReader(f))
        self.points = [(float(p["seconds"]), int(p["rows"]), int(p["rss_kib"]) / 1024) for p in lines]
        self.cpu = {float(p["seconds"]): float(p["cpu_s"]) + float(p["server_cpu_s"]) for p in lines}
        self.peak = max(int(p["peak_kib"]) for p in lines) / 1024
        self.rows = max(p[1] for p in self.points)
        self.points = self.points[: 1 + next(i for i, p in enumerate(self.points) if p[1] == self.rows)]
        # The first sample that saw rows, less the time these took: before that it connects and plans.
        first = next(i for i, p in enumerate(self.points) if p[1] > 0)
        self.start = self.points[max(first - 1, 0)][0]
        self.points = [(self.start, 0, self.points[max(first - 1, 0)][2])] + self.points[first:]

    def when(self, rows):
        """The second in which so many rows were through, straight lines between samples."""
        for (t0, r0, _), (t1, r1, _) in zip(self.points, self.points[1:]):
            if r1 >= rows > r0 or (rows == 0 and r1 > 0):
                return t0 + (t1 - t0) * (rows - r0) / (r1 - r0)
        return self.points[-1][0]

    def cpu_at(self, when):
        times = sorted(self.cpu)
        for t0, t1 in zip(times, times[1:]):
            if t0 <= when <= t1:
                return self.cpu[t0] + (self.cpu[t1] - self.cpu[t0]) * (when - t0) / (t1 - t0)
        return self.cpu[times[-1]]

    def part(self, first, last):
        """(rows/s, CPU seconds for a million rows, highest MiB) between two shares of the rows."""
        begin, end = self.when(self.rows * first), self.when(self.rows * last)
        rows, cpu = self.rows * (last - first), self.cpu_at(end) - self.cpu_at(begin)
        rss = [m for t, _, m in self.points if begin - 1 <= t <= end + 1]
        return rows / max(end - begin, 1e-3), cpu / rows * 1e6, max(rss)

    def tenths(self):
        return [self.part(i / 10, (i + 1) / 10) for i in range(10)]

    def rates(self):
        """(rows, rows/s) between one sample and the next."""
        for (t0, r0, _), (t1, r1, _) in zip(self.points, self.points[1:]):
            if t1 > t0:
                yield (r0 + r1) / 2, max(r1 - r0, 0) / (t1 - t0)


def table(runs):
    print("| tenth of the rows |" + "".join(f" {r.name}: rows/s | CPU s a million | MiB |" for r in runs))
    print("|--:|" + "--:|--:|--:|" * len(runs))
    columns = [r.tenths() for r in runs]
    for i in range(10):
        print(f"| {i + 1} |" + "".join(" {:,.0f} | {:.2f} | {:.0f} |".format(*c[i]) for c in columns))
    print("| all; peak |" + "".join(
        " {:,.0f} | {:.2f} | {:.0f} |".format(*r.part(0, 1)[:2], r.peak) for r in runs))


def nice(highest):
    """A round step that gives about five lines, and the end of the axis."""
    step = 1
    while step * 5 < highest:
        step *= {"1": 2, "2": 2.5, "5": 2}[str(step)[0]]
    step = int(step) if step == int(step) else step
    lines = int(highest / step) + 1
    return step, step * lines


def text(x, y, words, anchor="middle", size=12, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" {more}>{words}</text>'


def panel(out, top, title, unit, most_rows, end, step, scale):
    """Axes of one panel; returns the functions from values to places."""
    inner = WIDTH - LEFT - RIGHT

    def x(rows):
        return LEFT + inner * rows / most_rows

    def y(value):
        return top + PANEL - PANEL * value / end

    value = 0
    while value <= end:
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="{FAINT}"/>')
        out.append(text(LEFT - 8, y(value) + 4, f"{value / scale:,.0f}", "end"))
        value += step
    out.append(text(LEFT, top - 10, title, "start", 13, 'font-weight="bold"'))
    out.append(text(20, top + PANEL / 2, unit, more=f'transform="rotate(-90 20 {top + PANEL / 2})"'))
    for i in range(11):
        out.append(text(x(most_rows * i / 10), top + PANEL + 18, f"{most_rows * i / 10 / 1e6:g}"))
    out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{top + PANEL}" y2="{top + PANEL}" stroke="{INK}"/>')
    out.append(f'<line x1="{LEFT}" x2="{LEFT}" y1="{top}" y2="{top + PANEL}" stroke="{INK}"/>')
    return x, y


def line(points, colour, width, opacity=1.0):
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width}" '
            f'stroke-opacity="{opacity}" stroke-linejoin="round"/>')


def graph(runs):
    most = max(r.rows for r in runs)
    out = []
    step, end = nice(max(v for r in runs for _, v in r.rates()))
    x, y = panel(out, TOP, "Speed (thin: each second; thick: each tenth of the rows)", "thousand rows/s",
                 most, end, step, 1000)
    for run, colour in zip(runs, COLOURS):
        out.append(line([(x(a), y(b)) for a, b in run.rates()], colour, 1, 0.45))
        steps = []
        for i, (rate, _, _) in enumerate(run.tenths()):
            steps += [(x(run.rows * i / 10), y(rate)), (x(run.rows * (i + 1) / 10), y(rate))]
        out.append(line(steps, colour, 2.5))
    second = TOP + PANEL + GAP
    step, end = nice(max(m for r in runs for _, _, m in r.points))
    x, y = panel(out, second, "Memory (resident, of the process)", "MiB", most, end, step, 1)
    for run, colour in zip(runs, COLOURS):
        out.append(line([(x(r), y(m)) for _, r, m in run.points], colour, 2))
    out.append(text(LEFT + (WIDTH - LEFT - RIGHT) / 2, second + PANEL + 40, "million rows through"))
    for i, (run, colour) in enumerate(zip(runs, COLOURS)):
        at = WIDTH - RIGHT - 110 * (len(runs) - i)
        out.append(f'<line x1="{at}" x2="{at + 24}" y1="22" y2="22" stroke="{colour}" stroke-width="3"/>')
        out.append(text(at + 30, 26, run.name, "start"))
    height = second + PANEL + 56
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
          f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" fill="{INK}">')
    print(f'<rect width="{WIDTH}" height="{height}" rx="6" fill="{GROUND}" stroke="{FAINT}"/>')
    print("\n".join(out))
    print("</svg>")


if __name__ == "__main__":
    {"table": table, "graph": graph}[sys.argv[1]]([Run(a) for a in sys.argv[2:]])
