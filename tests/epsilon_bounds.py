"""epsilon_bounds.py - bounds on the epsilon of a list of mechanisms, from below and from above, by arithmetic that shares nothing with
the accountant: what `flowmint epsilon` says must lie at or above the upper one's truth.  Needs NumPy and SciPy.

Each mechanism is a pair of distributions P, Q of z and the loss L(z) = log P(z)/Q(z), which rises with z.

From below: z is cut into cells and only the cell is told, which is a post-processing and leaks no more.  The cell about the point x of
the grid gets P's mass lowered to e^x times Q's where its loss is above x, or moves one point down where it is below; masses that are
lowered, and the upper tail, are thrown away.  Each of these only takes from delta.
From above: the cell between two points of the grid goes to both, so that its masses under P and under Q stay: the chord of
delta(e^epsilon), which is convex (Doroshenko et al. 2022).  The upper tail counts as an infinite loss.

Sums are by FFT of chances that are tilted by e^(theta x), in doubles; what is read off is among the likely sums, so that rounding
is a small share of delta.  Both bounds are made on finer grids until they meet.
"""
import math

import numpy as np
from scipy.special import log_ndtr, ndtr

MOST = 1 << 23  # points of a window
TAIL = 1e-9  # of delta, for all uses: cut off each end


class Mixture:
    """P = sum of w_j N(j, s^2) or N(0, s^2) (`above`), Q = its mirror image or N(0, s^2) (`below`)."""

    def __init__(self, sigma, weights, above, below, first=0):
        self.s, self.j = sigma, np.arange(first, first + len(weights), dtype=float)
        self.w = np.asarray(weights, dtype=float)
        keep = self.w > 1e-300
        self.j, self.w = self.j[keep], self.w[keep]
        self.above, self.below = above, below

    def ratio(self, z):
        """log of the mixture's density over N(0, s^2)'s, and its slope"""
        small = len(self.j) == 2 and self.j[0] == 0
        if small:
            q, j = self.w[1], self.j[1]
            e = j * (z - j / 2) / self.s**2
            grow = np.exp(np.minimum(e, 700))
            sum_, many = (1 - q) + q * grow, q * grow
            value = np.where(e < 30, np.log1p(q * np.expm1(np.minimum(e, 30))), e + np.log(q) + np.log1p((1 - q) / q * np.exp(-np.maximum(e, 0))))
            return value, np.where(e < 600, many / sum_, 1) * j / self.s**2
        e = self.j[:, None] * (z[None, :] - self.j[:, None] / 2) / self.s**2 + np.log(self.w)[:, None]
        top = e.max(axis=0)
        part = np.exp(e - top)
        total = part.sum(axis=0)
        return top + np.log(total), (part * self.j[:, None]).sum(axis=0) / total / self.s**2

    def loss(self, z):
        value, slope = np.zeros_like(z), np.zeros_like(z)
        if self.above:
            value, slope = self.ratio(z)
        if self.below:
            v, s = self.ratio(-z)
            value, slope = value - v, slope + s
        return value, slope

    def sides(self, z, which):
        """masses of P (which 'p') or Q below z and above it"""
        if (which == "p" and not self.above) or (which == "q" and not self.below):
            return ndtr(z / self.s), ndtr(-z / self.s)
        sign = 1 if which == "p" else -1
        under, over = np.zeros_like(z), np.zeros_like(z)
        for j, w in zip(self.j, self.w):
            t = (z - sign * j) / self.s
            under += w * ndtr(t)
            over += w * ndtr(-t)
        return under, over

    def log_over(self, z):
        """log of Q's mass above a number z, however small"""
        if not self.below:
            return float(log_ndtr(-z / self.s))
        return float(np.logaddexp.reduce(np.log(self.w) + log_ndtr(-(z + self.j) / self.s)))

    def ends(self, tail):
        r = math.sqrt(-2 * math.log(tail)) + 0.5
        return -r * self.s, (self.j[-1] if self.above else 0) + r * self.s

    def points(self, losses, low, high):
        """z in [low, high] with these losses"""
        z = np.linspace(low, high, 20001)
        at = self.loss(z)[0]
        z = np.interp(losses, at, z)
        for _ in range(6):
            v, s = self.loss(z)
            z = np.clip(z - (v - losses) / np.maximum(s, 1e-300), low, high)
        return np.maximum.accumulate(z)

    def cells(self, edges):
        """masses of P and Q between neighbouring edges, each from the smaller tail"""
        out = []
        for which in "pq":
            u, o = self.sides(edges, which)
            out.append(np.where(o[:-1] < u[1:], o[:-1] - o[1:], u[1:] - u[:-1]))
        return out

    def lower(self, h, tail):
        low, high = self.ends(tail)
        ends = self.loss(np.array([low, high]))[0]
        first, last = math.floor(ends[0] / h), math.ceil(ends[1] / h)
        x = np.arange(first, last + 1) * h
        shift = np.zeros(len(x) + 1)
        for _ in range(3):
            edges = self.points((np.arange(first, last + 2) - 0.5) * h + shift, low, high)
            p, q = self.cells(edges)
            with np.errstate(all="ignore"):
                off = np.where((p > 0) & (q > 0), np.log(p) - np.log(q) - x, 0)  # cells about x: loss less the point
            lack = np.clip(-off, 0, h / 8)
            wide = np.concatenate([[0], lack, [0]])
            shift += 1.02 * np.maximum(wide[:-1], wide[1:])
        out = np.zeros(len(x) + 1)
        fits = off >= 0
        with np.errstate(all="ignore"):
            out[1:] += np.where(fits, np.where(np.isfinite(off), q * np.exp(np.clip(x, -700, 700)), 0), 0)
            down = np.where(fits, 0, np.minimum(p, q * np.exp(np.clip(x - h, -700, 700))))
        bad = fits & (np.abs(x) > 690)
        out[1:][bad] = p[bad] * np.exp(-np.maximum(off[bad], 0))
        out[:-1] += down
        return first - 1, out, 0.0

    def upper(self, h, tail):
        low, high = self.ends(tail)
        ends = self.loss(np.array([low, high]))[0]
        first, last = math.floor(ends[0] / h), math.ceil(ends[1] / h)
        x = np.arange(first, last + 1) * h
        edges = self.points(x, low, high)
        edges[0], edges[-1] = low, high
        p, q = self.cells(edges)
        out = chord(p, q, x, h)
        out[0] += self.sides(np.array([low]), "p")[0][0]
        return first, out, float(self.sides(np.array([high]), "p")[1][0])


def chord(p, q, x, h):
    """masses between the points x, sent to the points"""
    with np.errstate(all="ignore"):
        up = np.clip((p - q * np.exp(np.minimum(x[:-1], 690))) / -math.expm1(-h), 0, p)
    up = np.where(x[:-1] > 690, p, up)
    out = np.zeros(len(x))
    out[:-1] += p - up
    out[1:] += up
    return out


class Atoms:
    """Masses p of P at losses x, rising; `gone` of P has no loss that is finite."""

    def __init__(self, p, x, gone=0.0):
        self.p, self.x, self.gone = p, x, gone

    def grid(self, h):
        first = math.floor(self.x[0] / h) - 1
        at = np.floor(self.x / h).astype(int) - first
        return first, at, at[-1] + 2

    def lower(self, h, tail):
        first, at, n = self.grid(h)
        out = np.bincount(at, self.p * np.exp((at + first) * h - self.x), n)
        return first, out, 0.0

    def upper(self, h, tail):
        first, at, n = self.grid(h)
        up = self.p * -np.expm1((at + first) * h - self.x) / -math.expm1(-h)
        out = np.bincount(at, self.p - up, n) + np.bincount(at + 1, up, n)
        return first, out, self.gone


def laplace(b, fine):
    """Losses of Laplace noise on cells so fine that they are atoms: a cell's P mass at its greatest or least loss."""
    c = 1 / b
    edges = np.linspace(-c, c, fine + 1)
    # P's mass with a loss below x: e^(-(c - x)/2)/2 for x in [-c, c)
    mass = 0.5 * (np.exp(-(c - edges[1:]) / 2) - np.exp(-(c - edges[:-1]) / 2))
    return Ends(np.concatenate([[0.5 * math.exp(-c)], mass, [0.5]]), np.concatenate([[-c], edges[:-1], [c]]),
                np.concatenate([[-c], edges[1:], [c]]))


class Ends:
    """Cells with masses p whose losses are from a to b."""

    def __init__(self, p, a, b):
        self.least, self.most = Atoms(p, a), Atoms(p, b)

    def lower(self, h, tail):
        return self.least.lower(h, tail)

    def upper(self, h, tail):
        return self.most.upper(h, tail)


def discrete(sigma, shift, tail):
    reach = math.ceil(sigma * math.sqrt(2 * (20 - math.log(tail)))) + 2
    y = np.arange(-reach, reach + 1)
    p = np.exp(-(y / sigma) ** 2 / 2)
    beyond = 2 * p[0] / (1 - math.exp(-reach / sigma**2)) / p.sum()
    return Atoms(p / p.sum(), shift * (shift + 2 * y) / (2 * sigma**2), beyond)


def binomial(k, q):
    j = np.arange(k + 1)
    logs = [math.lgamma(k + 1) - math.lgamma(i + 1) - math.lgamma(k - i + 1) + (i * math.log(q) if i else 0)
            + ((k - i) * math.log1p(-q) if i < k else 0) for i in j]
    return np.exp(logs)


def pair(m, way, tail):
    """A mechanism as dp_compose.json has it, in one direction: 'remove', 'add' or 'replace'."""
    k = m.get("group", 1)
    if m["mechanism"] == "sampled_gaussian":
        q, s = m["sampling"], m["noise_multiplier"]
        if q == 1:
            return Mixture(s / k / (2 if way == "replace" else 1), [1.0], True, False, 1)
        return Mixture(s, binomial(k, q), way != "add", way != "remove")
    moved = m["sensitivity"] * k
    if m["mechanism"] == "gaussian":
        return Mixture(m["scale"] / moved, [1.0], True, False, 1)
    if m["mechanism"] == "laplace":
        return laplace(m["scale"] / moved, 1 << 20)
    return discrete(m["scale"], moved, tail)


def cumulants(parts, h, theta):
    """log of E e^(theta L) of all together, mean and variance under that tilt"""
    total = np.zeros(3)
    for first, logs, count in parts:
        x = (first + np.arange(len(logs))) * h
        e = logs + theta * x
        top = e.max()
        w = np.exp(e - top)
        s = w.sum()
        mean = (w * x).sum() / s
        total += count * np.array([top + math.log(s), mean, max(0.0, (w * (x - mean) ** 2).sum() / s)])
    return total


def compose(pairs, delta, h, side, hint):
    """epsilon of the uses [(pair, count)] on the grid of h; None where the window is too wide.  hint: [log theta] of a grid before"""
    uses = sum(c for _, c in pairs)
    parts, gone = [], 0.0
    for p, count in pairs:
        first, mass, infinite = getattr(p, side)(h, TAIL * delta / uses)
        gone += count * infinite
        with np.errstate(divide="ignore"):
            parts.append((first, np.log(np.maximum(mass, 0)), count))
        if len(mass) > MOST:
            return None
    spare = delta - gone

    def bound(t):
        theta = math.exp(t)
        return (cumulants(parts, h, theta)[0] - theta * math.log1p(1 / theta) - math.log1p(theta) - math.log(delta)) / theta

    if not hint or sum(len(logs) for _, logs, _ in parts) < 100000:
        low, high = min(((bound(t), t) for t in np.arange(-12, 24, 1.5)))[1] + np.array([-1.5, 1.5])
        for _ in range(14):
            a, b = high - 0.618 * (high - low), low + 0.618 * (high - low)
            low, high = (low, b) if bound(a) < bound(b) else (a, high)
        hint[:] = [(low + high) / 2]
    theta = math.exp(hint[0]) / 2  # at the least of the bound by moments a window would have to hold many rare large losses at once
    k, mean, var = cumulants(parts, h, theta)
    s = math.sqrt(var) + h
    ts = [12 / s, 6 / s, 3 / s, 1.5 / s, 0.4 / s, theta / 4, theta, 4 * theta]
    top = min((cumulants(parts, h, theta + t)[0] - k + 42) / t for t in ts)
    bottom = max((k - cumulants(parts, h, theta - t)[0] - 42) / t for t in ts)
    first = math.floor(bottom / h)
    n = 1 << max(6, math.ceil(math.log2(max(2, top / h - first + 2))))
    if n > MOST:
        return None
    spectrum = np.ones(n // 2 + 1, dtype=complex)
    for at, logs, count in parts:
        x = at + np.arange(len(logs))
        w = np.exp(logs + theta * x * h - cumulants([(at, logs, 1)], h, theta)[0])
        folded = np.bincount(x % n, w, n)
        f = np.fft.rfft(folded)
        with np.errstate(divide="ignore"):
            spectrum *= np.exp(count * np.log(f))
    y = np.fft.irfft(spectrum, n)
    x = first + np.arange(n)
    y = np.maximum(y[x % n], 0)
    x = x * h
    centre = mean
    p = np.exp(np.clip(np.log(np.maximum(y, 1e-320)) + k - theta * x, -745, 700))
    keep = x > 0
    x, p = x[keep], p[keep]
    if not len(x):
        return 0.0
    over = np.cumsum(p[::-1])[::-1]
    under = np.cumsum((p * np.exp(np.clip(centre - x, -700, 700)))[::-1])[::-1]
    # delta at epsilon in [x - h, x]: over - e^(epsilon - centre) under
    left = over - np.exp(np.clip(x - h - centre, -700, 700)) * under
    i = np.flatnonzero(left > spare)
    if not len(i):
        return 0.0
    i = i[-1]
    return max(0.0, centre + math.log((over[i] - spare) / under[i]))


def spread(p, tail):
    """standard deviation of one use's loss and its range, by a coarse grid"""
    if isinstance(p, Mixture):
        low, high = p.ends(tail)
        z = np.linspace(low, high, 4001)
        x = p.loss(z)[0]
        u = p.sides(z, "p")[0]
        w = np.diff(u)
        m = (x[1:] + x[:-1]) / 2
        mean = (w * m).sum()
        return math.sqrt(max(1e-300, (w * (m - mean) ** 2).sum())), x[-1] - x[0]
    a = p.most if isinstance(p, Ends) else p
    return math.sqrt((a.p * a.x**2).sum()), a.x[-1] - a.x[0]


def bounds(mechanisms, delta, answer, adjacency="add_remove", below=True):
    """(lower, upper) bounds on epsilon at delta, of both directions together: as fine as it takes to see that the answer lies at or
    above the truth, and (`below`) less than 1 % above it, or as a window of MOST points allows"""
    ways = ["replace"] if adjacency == "replace_one" else ["remove", "add"]
    uses = sum(m.get("times", 1) for m in mechanisms)
    if not any(m["mechanism"] == "sampled_gaussian" and m["sampling"] < 1 for m in mechanisms):
        ways = ways[:1]
    lowest, highest = 0.0, 0.0
    for way in ways:
        pairs = [(pair(m, way, TAIL * delta / uses), m.get("times", 1)) for m in mechanisms]
        sizes = [spread(p, TAIL * delta / uses) for p, _ in pairs]
        h = min(max(s for s, _ in sizes) / 10, max(r for _, r in sizes) / 500)
        low, high, hint = 0.0, math.inf, []
        for _ in range(14):
            u = compose(pairs, delta, h, "upper", hint)
            if u is None:
                break
            high = min(high, u)
            if below and high <= answer and max(low, lowest) * 1.01 < answer:
                low = max(low, compose(pairs, delta, h, "lower", hint) or 0.0)
            if high <= answer and (not below or max(low, lowest) * 1.01 >= answer or high < 0.9 * answer):
                break
            h /= 3
        lowest, highest = max(lowest, low), max(highest, high)
    return lowest, highest
