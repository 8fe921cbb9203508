"""epsilon_lists.py - `flowmint epsilon --mechanisms` of lists of hundreds against the truth, by arithmetic that shares nothing with the
accountant: neither a grid of losses nor a convolution.  Needs NumPy.

usage: epsilon_lists.py FLOWMINT [--seed N] [--first I] [--count N] [--least N] [--most N] [--accountant pld|rdp]

(1 - e^(epsilon - L))+ is 1 / (2 pi i) times the integral of e^(s (L - epsilon)) / (s (s + 1)) over a line Re s = theta > 0.  So with
K(s) the sum over all uses of log E_P[e^(s L)] of one,

    delta(epsilon) = 1 / (2 pi i) * integral of e^(K(s) - s epsilon) / (s (s + 1)) ds.

theta is near the saddle of the integrand, so that nothing cancels, however small delta is.  E_P[e^(s L)] is a closed form of Gaussians
and Laplace mechanisms, a quotient of theta functions of the discrete Gaussian, and of sampled Gaussians, of one record or a group, an
integral by the trapezoidal rule.  So is the line: what its step is off by shows in a sum of every second point.

For each list: the answer, the delta that it really has, by how much the answer is above the true epsilon, and processor seconds.  The
exit status is 1 where an answer is below the truth, by pld over 1 % above it, or the truth is not known to 1e-5 of delta.
"""
import argparse
import json
import math
import random
import resource
import subprocess
import sys
import tempfile
import warnings

import numpy as np

KINDS = ("mixed", "sampled", "groups", "discrete", "counts", "rare", "trainings")
FAR = 44  # e^-44 of an integrand is nothing


class Gaussians:
    """Gaussians without sampling, all together"""

    def __init__(self, square):
        self.square = square

    def real(self, t):
        return (t * t + t) * self.square / 2

    def line(self, t, h, n):
        s = t + 1j * h * np.arange(n)
        return (s * s + s) * self.square / 2


class Laplace:
    def __init__(self, c):
        self.c = c

    def log(self, s):  # ((s + 1) e^(s c) + s e^(-(s + 1) c)) / (2 s + 1)
        return s * self.c + np.log((s + 1 + s * np.exp(-(2 * s + 1) * self.c)) / (2 * s + 1))

    def real(self, t):
        return float(self.log(np.array(t)))

    def line(self, t, h, n):
        return self.log(t + 1j * h * np.arange(n))


class Discrete:
    """The sum over y of e^(-y^2 / (2 sigma^2) + t y / sigma^2) is e^(t^2 / (2 sigma^2)) times a theta function of t (Poisson)."""

    def __init__(self, sigma, moved):
        self.square, self.moved = sigma * sigma, moved

    def theta(self, t):
        j = np.rint(-t.imag / (2 * math.pi * self.square))[:, None] + np.arange(-3, 4)
        e = -2 * math.pi ** 2 * self.square * j * j + 2j * math.pi * j * t[:, None]
        top = e.real.max(1)
        return top + np.log(np.exp(e - top[:, None]).sum(1))

    def log(self, s):
        return (s * s + s) * self.moved ** 2 / (2 * self.square) + self.theta(-s * self.moved) - self.theta(np.zeros(1, complex))[0]

    def real(self, t):
        return float(self.log(np.array([t + 0j]))[0].real)

    def line(self, t, h, n):
        return self.log(t + 1j * h * np.arange(n))


class Sampled:
    """P and Q are N(0, sigma^2), or the mixture of a group's members that are in the sample (P) or its mirror image (Q)."""

    def __init__(self, q, sigma, group, way):
        self.s, self.group = sigma, group
        self.above, self.below = way != "add", way != "remove"
        self.j = np.arange(group + 1)[:, None]
        self.log_weight = np.array([math.lgamma(group + 1) - math.lgamma(i + 1) - math.lgamma(group - i + 1) + i * math.log(q)
                                    + (group - i) * math.log1p(-q) for i in range(group + 1)])[:, None]
        self.weight = np.exp(self.log_weight)

    def ratio(self, z):
        """log of the mixture's density over that of N(0, sigma^2)"""
        e = self.j * (z - self.j / 2) / self.s ** 2
        f = e + self.log_weight
        top = f.max(0)
        close = np.log1p(np.maximum((self.weight * np.expm1(np.minimum(e, 1))).sum(0), -0.999))
        return np.where((e.max(0) <= 1) & (self.weight[0] > 0.3), close, top + np.log(np.exp(f - top).sum(0)))

    def at(self, z):
        """log of Q's density, and the loss"""
        other = self.ratio(-z) if self.below else 0
        return -z * z / (2 * self.s ** 2) - math.log(self.s * math.sqrt(2 * math.pi)) + other, (self.ratio(z) if self.above else 0) - other

    def points(self, t, most):
        """losses, and log of Q e^((t + 1) L) times the step, at points close enough for e^(i u L) up to u = most"""
        a, s = t + 1, self.s
        reach = self.group * a
        z = np.arange(-10 * s - self.group - (reach if self.below else 0), 10 * s + self.group + reach * (1 + (self.below and self.above)),
                      s / 2)
        log_q, loss = self.at(z)
        v = log_q + a * loss
        keep = np.flatnonzero(v > v.max() - FAR)
        low, high = z[max(0, keep[0] - 1)], z[min(len(z) - 1, keep[-1] + 1)]
        # Within y of the real line the integrand grows by at most e^(most slope y + curve y^2); no zero is nearer than pi sigma^2.
        slope = self.group / s ** 2 * (1 + (self.above and self.below))
        curve = 1 / (2 * s * s) + (self.group * a / (8 * s ** 4) if self.below else 0)
        y = min(math.sqrt(FAR / curve), 0.9 * math.pi * s * s)
        step = 2 * math.pi * y / (FAR + most * slope * y + curve * y * y)
        z = np.arange(low, high + step, step)
        log_q, loss = self.at(z)
        return loss, log_q + a * loss + math.log(step)

    def real(self, t):
        _, v = self.points(t, 0)
        return v.max() + math.log(np.exp(v - v.max()).sum())

    def line(self, t, h, n):
        loss, v = self.points(t, h * n)
        out, part = np.empty(n, complex), np.exp(v - v.max())
        turn = np.exp(1j * h * loss)
        for i in range(n):
            if i % 64 == 0:
                now = part * np.exp(1j * (h * i) * loss)
            out[i] = now.sum()
            now *= turn
        return v.max() + np.log(out)


def parts_of(mechanisms, way):
    """[(what one use is, uses)]"""
    square, found = 0.0, {}
    for m in mechanisms:
        kind, group, times = m["mechanism"], m.get("group", 1), m.get("times", 1)
        if kind == "sampled_gaussian":
            make, numbers = Sampled, (m["sampling"], m["noise_multiplier"], group, way)
        else:
            moved = m["sensitivity"] * group
            if kind == "gaussian":
                square += times * (moved / m["scale"]) ** 2
                continue
            make, numbers = (Laplace, (moved / m["scale"],)) if kind == "laplace" else (Discrete, (m["scale"], moved))
        found[make, numbers] = found.get((make, numbers), 0) + times
    parts = [(make(*numbers), times) for (make, numbers), times in found.items()]
    return parts + ([(Gaussians(square), 1)] if square else [])


def saddle(parts, epsilon):
    """(about the theta of the saddle, K there, its second derivative)"""
    def k(t):
        return sum(times * p.real(t) for p, times in parts)

    low, high = math.log(1e-3), math.log(1e5)
    for _ in range(13):
        t = math.exp((low + high) / 2)
        slope = (k(t * 1.001) - k(t * 0.999)) / (0.002 * t) - epsilon - 1 / t - 1 / (1 + t)
        low, high = (math.log(t), high) if slope < 0 else (low, math.log(t))
    t = math.exp(low)
    near = [k(t * 0.99), k(t), k(t * 1.01)]
    return t, near[1], max((near[0] - 2 * near[1] + near[2]) / (0.01 * t) ** 2, 1e-12)


def deltas(mechanisms, way, epsilon, lower):
    """delta at two epsilons, its slope at the first, and by how much of the first the integral may be off"""
    parts = parts_of(mechanisms, way)
    t, top, curve = saddle(parts, epsilon)
    if t > 5e4:
        return 0.0, 0.0, -1.0, 0.0
    h = min(2 * math.pi / (14 * math.sqrt(curve)), 2 * math.pi * t / 60)
    n = 64
    while True:
        k = sum(times * p.line(t, h, n) for p, times in parts)
        s = t + 1j * h * np.arange(n)
        v = np.exp(k - top - 1j * s.imag * epsilon) / (s * (s + 1))
        rest = np.abs(v[-8:]).max() * n * h  # what falls like 1 / s^2 has as much left
        v[0] /= 2
        whole, half = h * v.real.sum(), 2 * h * v[::2].real.sum()
        off = max(abs(whole - half), rest) / abs(whole)
        if off < 1e-6 or n >= 8192:
            break
        if rest > 1e-7 * abs(whole):
            n *= 2
        else:
            h, n = h / 2, 2 * n
    scale = math.exp(max(top - t * epsilon, -700)) / math.pi
    below = h * (v * np.exp(s * (epsilon - lower))).real.sum() * scale
    return whole * scale, below, -h * (v * s).real.sum() * scale, off


def truth(mechanisms, delta, adjacency, epsilon):
    ways = ["replace"] if adjacency == "replace_one" else ["remove", "add"]
    if not any(m["mechanism"] == "sampled_gaussian" for m in mechanisms):
        ways = ways[:1]
    found = [deltas(mechanisms, way, epsilon, epsilon / 1.01) for way in ways]
    return (*max(found)[:1], max(f[1] for f in found), max(found)[2], max(f[3] for f in found))


def between(draw, low, high):
    return float(f"{math.exp(draw.uniform(math.log(low), math.log(high))):.4g}")


def one_of(draw, kind, level):
    """A mechanism of a list of this kind, with `level` times the noise"""
    what = draw.choice(("sampled_gaussian", "sampled_gaussian", "gaussian", "discrete_gaussian", "laplace"))
    if kind == "sampled" or (kind == "discrete" and draw.random() < 0.2):
        what = "sampled_gaussian"
    elif kind == "discrete":
        what = "discrete_gaussian"
    elif kind == "counts":
        what = draw.choice(("gaussian", "discrete_gaussian", "laplace"))
    elif kind == "trainings":  # each has thousands of steps, and none much of the whole
        return {"mechanism": "sampled_gaussian", "sampling": between(draw, 1e-4, 1e-3), "noise_multiplier": between(draw, 0.6, 2),
                "times": int(between(draw, 2000, 20000))}
    group = {"group": draw.choice([2, 3, 4, 8, 16])} if kind == "groups" and draw.random() < 0.4 else {}
    if what == "sampled_gaussian":
        rate = between(draw, 1e-7 if kind == "rare" else 1e-4, 0.1)
        times = int(between(draw, 1, 100000 if rate < 1e-3 else 300))
        return {"mechanism": what, "sampling": rate, "noise_multiplier": between(draw, 0.5, 5) * math.sqrt(level), "times": times, **group}
    moved = draw.choice([1, 1, 2, 4])
    scale = between(draw, 5, 3000 if what == "discrete_gaussian" else 200) * level * moved
    return {"mechanism": what, "sensitivity": moved, "scale": min(scale, 90000.0), "times": draw.choice([1, 1, 2, 5]), **group}


def lists(seed, count, least, most):
    draw = random.Random(seed)
    for i in range(count):
        kind, level = KINDS[i % len(KINDS)], between(draw, 1, 60)
        n = round(least + (most - least) * i / max(1, count - 1))
        yield (kind, [one_of(draw, kind, level) for _ in range(n)], between(draw, 1e-12, 1e-3),
               draw.choice(["add_remove", "add_remove", "replace_one"]))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--first", type=int, default=0)
    p.add_argument("--count", type=int, default=6)
    p.add_argument("--least", type=int, default=100, help="mechanisms of the first list")
    p.add_argument("--most", type=int, default=600, help="of the last")
    p.add_argument("--accountant", default="pld")
    a = p.parse_args()
    bad = 0
    for i, (kind, mechanisms, delta, adjacency) in enumerate(lists(a.seed, a.count, a.least, a.most)):
        if i < a.first:
            continue
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump(mechanisms, f)
            f.flush()
            run = subprocess.run([a.program, "epsilon", "--mechanisms", f.name, "--delta", repr(delta), "--adjacency", adjacency,
                                  "--accountant", a.accountant], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        epsilon = float(run.stdout)
        real, lower, slope, off = truth(mechanisms, delta, adjacency, epsilon)
        why = []
        if real > delta * (1 + 2 * off):
            why.append("BELOW THE TRUTH")
        if a.accountant == "pld" and lower < delta * (1 - 2 * off):
            why.append("OVER 1 % ABOVE")
        if not off < 1e-5:
            why.append("NOT JUDGED")
        bad += bool(why)
        above = f"{100 * math.log(delta / real) * real / -slope / epsilon:.4f} % above the truth" if real > 0 else "of a delta of 0"
        print(f"{' '.join(why) or 'ok'}: list {i} of {len(mechanisms)}, {kind}, {adjacency}: {epsilon:.9g} at delta {delta:g}, which is "
              f"{real:.8g} there to {off:.1g} of itself: {above}, {seconds:.2f} s", flush=True)
    sys.exit(bad > 0)


warnings.simplefilter("ignore")  # what overflows is where nothing is
main()
