"""epsilon_rare.py - bounds on the epsilon of DP-SGD at small sampling rates, where a grid of equal steps would need millions of points
(epsilon_bounds.py); for the table of tests/unit/test_direct.c.  Needs NumPy and SciPy.

usage: epsilon_rare.py Q SIGMA STEPS DELTA [add_remove | replace_one [POINTS]]

One step's losses, and then sums of two, four, ... steps, are cut into cells that are the narrower the nearer they lie to 0; POINTS of them
(48) to where they are e times as far away.
From below: only the cell is told, with its masses under P and under Q, which is a post-processing and leaks no more.
From above: a cell's mass goes to both of its ends so that its masses under P and Q stay (the chord of delta(e^epsilon)).
"""
import math
import sys

import numpy as np

import epsilon_bounds as b

TAIL = 1e-9  # of delta, for all steps: cut off each end


def add_up(x, a, c):
    """masses at the points x of the sum of two losses there, and the mass of what lies beyond; split as above"""
    out, beyond = np.zeros(len(x)), 0.0
    for i in np.flatnonzero(c):
        s, w = x + x[i], a * c[i]
        keep = s < x[-1]
        beyond += w[~keep].sum()
        s, w = s[keep], w[keep]
        k = np.clip(np.searchsorted(x, s, "right") - 1, 0, len(x) - 2)
        up = np.minimum(w, w * np.expm1(-np.maximum(s - x[k], 0)) / np.expm1(x[k] - x[k + 1]))
        out += np.bincount(k, w - up, len(x)) + np.bincount(k + 1, up, len(x))
    return out, beyond


def merge(x, a, c):
    """(masses under P, under Q) of cells, of the sum of two such losses; the loss of a cell is the log of its ratio"""
    p, q = np.zeros(len(x) + 1), np.zeros(len(x) + 1)
    left, right = np.log(a[0]) - np.log(a[1]), np.log(c[0]) - np.log(c[1])
    for i in range(len(right)):
        k = np.searchsorted(x, left + right[i])
        p += np.bincount(k, a[0] * c[0][i], len(p))
        q += np.bincount(k, a[1] * c[1][i], len(p))
    keep = (p > 0) & (q > 0)
    return p[keep], q[keep]


def read(x, p, spare):
    def delta(e):
        return (p * np.maximum(0, -np.expm1(e - x))).sum()

    low, high = 0.0, max(x.max(), 0)
    if spare <= 0:
        return math.inf
    if delta(0) <= spare:
        return 0.0
    for _ in range(200):
        low, high = (low, (low + high) / 2) if delta((low + high) / 2) <= spare else ((low + high) / 2, high)
    return high


def one_way(m, delta, way, points):
    tail, steps, scale = TAIL * delta / m["times"], m["times"], m["noise_multiplier"]
    pair = b.pair(m, way, tail)
    ends = pair.ends(tail)
    low, high = pair.loss(np.array(ends))[0]
    near = float(np.diff(pair.loss(np.array([-scale, scale]))[0])[0]) / 24
    reach = max(-3 * low, 3 * high, 480 * near * math.sqrt(steps))
    share = 1 / points
    last = math.ceil(math.asinh(share * reach / near) / share) + 2
    x = near / share * np.sinh(share * np.arange(-last, last + 1))
    p, q = pair.cells(np.clip(pair.points(x, *ends), *ends))
    up = np.clip((p - q * np.exp(x[:-1])) / -np.expm1(x[:-1] - x[1:]), 0, p)
    upper, gone = np.zeros(len(x)), float(pair.sides(np.array([ends[1]]), "p")[1][0])
    upper[:-1] += p - up
    upper[1:] += up
    upper[np.searchsorted(x, low) + 1] += float(pair.sides(np.array([ends[0]]), "p")[0][0])
    keep = (p > 0) & (q > 0)
    lower, sums = (p[keep], q[keep]), None
    while True:
        if steps & 1:
            if sums:
                above, beyond = add_up(x, upper, sums[0])
                sums = above, sums[1] + gone + beyond, merge(x, lower, sums[2])
            else:
                sums = upper.copy(), gone, lower
        steps >>= 1
        if not steps:
            break
        upper, beyond = add_up(x, upper, upper)
        gone = 2 * gone + beyond
        lower = merge(x, lower, lower)
    cells = sums[2]
    return read(np.log(cells[0]) - np.log(cells[1]), cells[0], delta), read(x, sums[0], delta - sums[1])


def bounds(q, sigma, steps, delta, adjacency="add_remove", points=48):
    m = {"mechanism": "sampled_gaussian", "sampling": q, "noise_multiplier": sigma, "times": steps}
    found = [one_way(m, delta, way, points) for way in (["replace"] if adjacency == "replace_one" else ["remove", "add"])]
    return max(f[0] for f in found), max(f[1] for f in found)


if __name__ == "__main__":
    a = sys.argv[1:]
    print("%.9g %.9g" % bounds(float(a[0]), float(a[1]), int(a[2]), float(a[3]), *a[4:5], *map(int, a[5:6])))
