"""epsilon_inverse.py - how far `flowmint epsilon` is above the truth where sampling rates are below 1e-3 and deltas are tiny, by another
arithmetic: neither a grid of losses nor a convolution.  Needs NumPy.

usage: epsilon_inverse.py FLOWMINT [FIRST [STEP]]      every STEP-th row of the list, from FIRST on

(1 - e^(epsilon - L))+ is 1 / (2 pi i) times the integral of e^(s (L - epsilon)) / (s (s + 1)) over a line Re s = theta > 0.  So with
K(s) = log E_P[e^(s L)] of one step, n steps have

    delta(epsilon) = 1 / (2 pi i) * integral of e^(n K(s) - s epsilon) / (s (s + 1)) ds.

theta is the saddle of the integrand, so that nothing cancels, however small delta is.  E_P[e^(s L)] - 1 is the integral of
Q (e^(a L) - 1 - a (e^L - 1)), a = s + 1, by the trapezoidal rule; the line by Gauss and Legendre's.  With the delta at an answer and
its slope there, the answer is above the true epsilon by log(wanted delta / delta) / (-slope / delta).

Exit status 1 where an answer is below the truth (by more than the 1e-5 that quadrature may be off), or more than 1 % above.
"""
import math
import subprocess
import sys
import warnings

import numpy as np

X, W = np.polynomial.legendre.leggauss(32)
SMALL = 2000  # a saddle beyond: hardly anything leaks on this side


class Way:
    """One step's loss on points z, `step` apart; Q's density and the loss there."""

    def __init__(self, q, sigma, way, reach, step):
        square = sigma * sigma
        self.step = min(sigma / 6, square / 8, step)
        low, high = -(11 * sigma + 1), 11 * sigma + 1 + reach
        z = np.arange(low - (reach if way != "remove" else 0), high, self.step)

        def ratio(z):  # log of the mixture's density over that of N(0, sigma^2)
            t = (2 * z - 1) / (2 * square)
            return np.where(t < 0, np.log1p(q * np.expm1(np.minimum(t, 0))), t + np.log(q + (1 - q) * np.exp(-np.maximum(t, 0))))

        normal = -z * z / (2 * square) - math.log(sigma * math.sqrt(2 * math.pi))
        self.log_q = normal if way == "remove" else normal + ratio(-z)
        self.loss = ratio(z) if way == "remove" else -ratio(-z) if way == "add" else ratio(z) - ratio(-z)
        self.q = np.exp(self.log_q)
        self.linear = np.where(self.loss > 30, np.exp(self.log_q + self.loss) - self.q, self.q * np.expm1(np.minimum(self.loss, 600)))

    def k(self, s):
        out = np.empty(len(s), complex)
        for i in range(0, len(s), 128):
            a = (s[i:i + 128] + 1)[:, None]
            x, y = a.real * self.loss, a.imag * self.loss
            grown = np.exp(self.log_q + x)
            less_one = np.where(np.abs(x) < 1, self.q * np.expm1(np.clip(x, -1, 1)), grown - self.q)
            v = less_one * np.cos(y) - self.q * 2 * np.sin(y / 2) ** 2 + 1j * grown * np.sin(y) - a * self.linear
            t = v.sum(1) * self.step
            near = 0.5 * np.log1p(2 * t.real + t.real ** 2 + t.imag ** 2) + 1j * np.arctan2(t.imag, 1 + t.real)
            out[i:i + 128] = np.where(np.abs(t) < 0.3, near, np.log(1 + t))
        return out


def saddle(k, n, epsilon):
    low, high = math.log(1e-2), math.log(1e5)
    for _ in range(40):
        t = math.exp((low + high) / 2)
        ends = k(np.array([t * (1 - 1e-4), t * (1 + 1e-4)], complex)).real
        slope = n * (ends[1] - ends[0]) / (2e-4 * t) - epsilon - 1 / t - 1 / (1 + t)
        low, high = (math.log(t), high) if slope < 0 else (low, math.log(t))
    return math.exp(low)


def delta(q, sigma, n, epsilon, way):
    """(delta at epsilon, its slope there)"""
    reach = sigma * sigma * (epsilon + 14)
    rough = Way(q, sigma, way, reach, 1)
    theta = saddle(rough.k, n, epsilon)
    if theta > SMALL:
        return 0.0, -1.0
    top = n * rough.k(np.array([theta + 0j]))[0].real - theta * epsilon
    h = 1e-3 * theta
    near = n * rough.k(np.array([theta - h, theta, theta + h], complex)).real
    deviation = math.sqrt(max((near[0] - 2 * near[1] + near[2]) / h / h, 1e-12))
    bulk = q * math.sqrt(n * math.expm1(1 / sigma ** 2))
    most = 9 / min(bulk, deviation)
    fine = Way(q, sigma, way, reach, sigma * sigma * 1.2 / (most + theta))  # fine enough for e^(i u L) up to u = most
    width, at, sum_, slope = min(1 / deviation, theta / 2), 0.0, 0.0, 0.0
    while True:
        s = theta + 1j * (at + width * (X + 1) / 2)
        v = np.exp(n * fine.k(s) - s * epsilon - top) / (s * (s + 1))
        sum_ += (v.real * W).sum() * width / 2
        slope -= ((v * s).real * W).sum() * width / 2
        at += width
        if np.abs(v * s * s).max() / at < 1e-6 * abs(sum_) or at > 1.5 * most:  # what is left is at most that
            break
        width = min(width * 1.4, 12 / (epsilon + 2))
    return sum_ * math.exp(top) / math.pi, slope * math.exp(top) / math.pi


def main():
    rows = [(q, sigma, n, d) for q, n in ((9e-4, 2000), (5e-4, 10000), (3e-4, 100000), (1e-4, 100000), (1e-4, 1000000), (3e-5, 1000000))
            for sigma in (0.6, 1.0, 2.0) for d in (1e-9, 1e-12)]
    rows += [(q, sigma, n, d) for q, n in ((1e-5, 10000000), (3e-6, 10000000)) for sigma in (0.5, 0.6) for d in (1e-10, 1e-12)]
    first, step = (int(v) for v in (sys.argv[2:4] + ["0", "1"][len(sys.argv) - 2:]))
    least, most, bad, count = math.inf, -math.inf, 0, 0
    for q, sigma, n, d in rows[first::step]:
        for adjacency, ways in (("add_remove", ("remove", "add")), ("replace_one", ("replace",))):
            e = float(subprocess.run([sys.argv[1], "epsilon", "--q", repr(q), "--sigma", repr(sigma), "--steps", str(n), "--delta", repr(d),
                                      "--adjacency", adjacency], capture_output=True, text=True, check=True).stdout)
            found, slope = max(delta(q, sigma, n, e, way) for way in ways)
            above = math.log(d / found) / (-slope / found) / e
            fine = -1e-5 <= above <= 0.01
            least, most, bad, count = min(least, above), max(most, above), bad + (not fine), count + 1
            print(f"{'ok' if fine else 'NOT'}: q {q:g}, sigma {sigma:g}, {n} steps, delta {d:g}, {adjacency}: {e:.9g}, of delta {found:.6g}, "
                  f"is {100 * above:.4f} % above the truth", flush=True)
    print(f"ok: {count} rows, from {100 * least:.4f} to {100 * most:.4f} % above the truth")
    sys.exit(bad > 0)


warnings.simplefilter("ignore")  # what overflows is where nothing is
main()
