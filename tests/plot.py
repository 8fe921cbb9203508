#!/usr/bin/env python3
"""A figure of line charts as SVG, with the standard library alone; readable on light and dark paper.

usage: plot.py SPEC.json OUT.svg

    {"title": "...", "columns": 2,
     "panels": [{"title": "...", "x": "steps", "y": "nats", "log_x": true, "log_y": false, "from_zero": true,
                 "lines": [{"name": "...", "points": [[x, y], ...]}],
                 "marks": [{"name": "bar", "y": 0.03}]}]}

A line has a name at its end, a colour and a marker of its own, so that nothing is told by colour alone.
"""
import json, math, sys
from html import escape

W, H, LEFT, RIGHT, TOP, BOTTOM = 420, 290, 64, 96, 34, 46
COLOURS = ["#2b6cb0", "#c05621", "#2f855a", "#9f3a8c", "#b7791f", "#4a5568"]
DARK = ["#7fb3e6", "#f0a070", "#7cd3a0", "#e08fd0", "#ecc94b", "#cbd5e0"]
STYLE = (
    "text{font:12px sans-serif;fill:#1a202c}.t{font-weight:bold}.g{stroke:#cbd5e0}.a{stroke:#4a5568}"
    ".m{stroke:#4a5568;stroke-dasharray:5 4}"
    + "".join(f".s{i}{{stroke:{c};fill:{c}}}text.s{i}{{stroke:none}}" for i, c in enumerate(COLOURS))
    + "path{fill:none!important;stroke-width:1.8}"
    + "@media(prefers-color-scheme:dark){svg{background:#14181f}text{fill:#e2e8f0}.g{stroke:#2d3748}.a,.m{stroke:#a0aec0}"
    + "".join(f".s{i}{{stroke:{c};fill:{c}}}text.s{i}{{stroke:none}}" for i, c in enumerate(DARK))
    + "}"
)


def number(v):
    if v and (abs(v) >= 100000 or abs(v) < 0.001):
        return f"{v:.0e}".replace("e+0", "e").replace("e-0", "e-")
    return f"{v:,.0f}" if abs(v) >= 1000 else f"{v:.4g}"


class Axis:
    def __init__(self, values, log, from_zero, at, to):
        lo, hi = min(values), max(values)
        self.log = log and lo > 0
        self.at, self.to = at, to
        if self.log:
            self.lo, self.hi = math.log10(lo), math.log10(hi)
            if self.hi - self.lo < 1e-9:
                self.lo, self.hi = self.lo - 0.5, self.hi + 0.5
            self.ticks = [v for v in (m * 10.0**e for e in range(-12, 13) for m in (1, 2, 5)) if lo * 0.999 <= v <= hi * 1.001]
            while len(self.ticks) > 8:
                self.ticks = [v for v in self.ticks if str(f"{v:e}")[0] == "1"] if len(self.ticks) > 14 else self.ticks[::2]
        else:
            lo = min(lo, 0) if from_zero else lo
            step = 10 ** math.floor(math.log10((hi - lo) or 1))
            while (hi - lo) / step < 4:
                step /= 2
            self.lo = math.floor(lo / step) * step
            self.hi = max(math.ceil(hi / step) * step, self.lo + step)
            self.ticks = [self.lo + i * step for i in range(int(round((self.hi - self.lo) / step)) + 1)]

    def __call__(self, v):
        u = ((math.log10(v) if self.log else v) - self.lo) / (self.hi - self.lo)
        return self.at + u * (self.to - self.at)


def marker(kind, x, y, cls):
    if kind % 3 == 0:
        return f'<circle class="{cls}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
    if kind % 3 == 1:
        return f'<rect class="{cls}" x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6"/>'
    return f'<polygon class="{cls}" points="{x:.1f},{y - 4:.1f} {x + 4:.1f},{y + 3:.1f} {x - 4:.1f},{y + 3:.1f}"/>'


def panel(p, ox, oy):
    lines = [l for l in p["lines"] if l["points"]]
    xs = [q[0] for l in lines for q in l["points"]]
    ys = [q[1] for l in lines for q in l["points"]] + [m["y"] for m in p.get("marks", [])]
    x = Axis(xs, p.get("log_x"), False, LEFT, W - RIGHT)
    y = Axis(ys, p.get("log_y"), p.get("from_zero", True), H - BOTTOM, TOP)
    out = [f'<g transform="translate({ox},{oy})">', f'<text class="t" x="{LEFT}" y="20">{escape(p["title"])}</text>']
    for v in y.ticks:
        out.append(f'<line class="g" x1="{LEFT}" x2="{W - RIGHT}" y1="{y(v):.1f}" y2="{y(v):.1f}"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{number(v)}</text>')
    for v in x.ticks:
        out.append(f'<line class="a" x1="{x(v):.1f}" x2="{x(v):.1f}" y1="{H - BOTTOM}" y2="{H - BOTTOM + 4}"/>')
        out.append(f'<text x="{x(v):.1f}" y="{H - BOTTOM + 17}" text-anchor="middle">{number(v)}</text>')
    out.append(f'<line class="a" x1="{LEFT}" x2="{W - RIGHT}" y1="{H - BOTTOM}" y2="{H - BOTTOM}"/>')
    out.append(f'<text x="{(LEFT + W - RIGHT) / 2}" y="{H - 10}" text-anchor="middle">{escape(p["x"])}</text>')
    out.append(f'<text transform="translate(13,{(TOP + H - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(p["y"])}</text>')
    names = []
    for m in p.get("marks", []):
        out.append(f'<line class="m" x1="{LEFT}" x2="{W - RIGHT}" y1="{y(m["y"]):.1f}" y2="{y(m["y"]):.1f}"/>')
        names.append([y(m["y"]), "", m["name"]])
    for i, l in enumerate(lines):
        points = sorted(l["points"])
        cls = f"s{i % len(COLOURS)}"
        if len(points) > 1:
            out.append(f'<path class="{cls}" d="M' + " L".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points) + '"/>')
        out += [marker(i, x(a), y(b), cls) for a, b in points]
        names.append([y(points[-1][1]), cls, l["name"]])
    names.sort()
    for i in range(1, len(names)):  # names that would cover one another move down
        names[i][0] = max(names[i][0], names[i - 1][0] + 14)
    for at, cls, name in names:
        out.append(f'<text class="{cls}" x="{W - RIGHT + 6}" y="{at + 4:.1f}">{escape(name)}</text>')
    return out + ["</g>"]


spec = json.load(open(sys.argv[1]))
columns = spec.get("columns", 2)
rows = (len(spec["panels"]) + columns - 1) // columns
width, height = columns * W, rows * H + 30
out = [
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
    f"<title>{escape(spec['title'])}</title><style>{STYLE}</style>",
    f'<text class="t" x="{LEFT}" y="20">{escape(spec["title"])}</text>',
]
for i, p in enumerate(spec["panels"]):
    out += panel(p, i % columns * W, 30 + i // columns * H)
open(sys.argv[2], "w").write("\n".join(out + ["</svg>"]) + "\n")
