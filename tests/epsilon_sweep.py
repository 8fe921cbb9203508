"""epsilon_sweep.py - `flowmint epsilon` and `sigma` against bounds that know nothing of them (epsilon_bounds.py): rows of the reference
tables, where those lie beside the repository, and random ones at the extremes.

usage: epsilon_sweep.py FLOWMINT [--rows REFERENCE] [--random N] [--seed N] [--kind KIND] [--fast | --upper]

For each row: the answer; the bounds; whether the answer is at or above the upper bound, which is at or above the truth; by how much it is
above the lower bound, which is at or below the truth; and processor seconds.  The exit status is 1 where an answer is below the lower
bound, is over 1 % above the upper one, or took over a second.  --fast leaves the bounds out, --upper the lower ones.
"""
import argparse
import csv
import json
import math
import os
import random
import resource
import subprocess
import sys
import tempfile

SINGLE = ("gaussian", "laplace", "discrete_gaussian")


def training(q, sigma, steps, group=1):
    m = {"mechanism": "sampled_gaussian", "sampling": q, "noise_multiplier": sigma, "times": steps}
    return [dict(m, group=group) if group > 1 else m]


def reference(folder):
    """(kind, mechanisms, delta, adjacency, what another accountant says)"""
    def rows(name):
        return csv.DictReader(open(os.path.join(folder, name)))

    for r in rows("dp_reference.csv"):
        yield "reference", training(float(r["q"]), float(r["sigma"]), int(r["steps"])), float(r["delta"]), "add_remove", float(r["eps_pld"])
    for r in rows("dp_replace_one.csv"):
        yield ("replaced", training(float(r["q"]), float(r["sigma"]), int(r["steps"])), float(r["delta"]), "replace_one",
               float(r["eps_replace_one"]))
    for r in rows("dp_group_privacy.csv"):
        yield ("groups", training(float(r["q"]), float(r["sigma"]), int(r["steps"]), int(r["group_k"])), float(r["delta"]), "add_remove",
               float(r["eps_pld_group"]))
    for r in json.load(open(os.path.join(folder, "dp_compose.json"))):
        yield "lists", r["mechanisms"], r["delta"], "add_remove", r["epsilon"]


def between(draw, low, high):
    return float(f"{math.exp(draw.uniform(math.log(low), math.log(high))):.4g}")


def one_training(draw):
    group = draw.choice([1, 1, 1, 2, 3, 8, 16, 64])
    q = draw.choice([1.0] + 9 * [between(draw, 1e-8, 0.9)])
    return training(q, between(draw, 0.3, 1000), int(between(draw, 1, 1000000)), group)


def one_of_list(draw):
    kind = draw.choice(("sampled_gaussian",) + SINGLE)
    if kind == "sampled_gaussian":
        return dict(training(between(draw, 1e-5, 0.5), between(draw, 0.5, 100), int(between(draw, 1, 100000)))[0])
    moved = draw.choice([1, 1, 2, 4])
    m = {"mechanism": kind, "sensitivity": moved, "scale": between(draw, 2, 1000) * moved, "times": draw.choice([1, 1, 2, 5])}
    return dict(m, scale=min(m["scale"], 4000)) if kind == "discrete_gaussian" else m


def at_random(n, seed):
    draw = random.Random(seed)
    for _ in range(n):
        delta, adjacency = between(draw, 1e-12, 1e-3), draw.choice(["add_remove", "add_remove", "replace_one"])
        if draw.random() < 0.7:
            yield "random", one_training(draw), delta, adjacency, None
        else:
            m = [one_of_list(draw) for _ in range(draw.randint(2, 6))]
            yield "random lists", m, delta, adjacency, None


def ask(program, mechanisms, delta, adjacency):
    """(epsilon, processor seconds)"""
    m = mechanisms[0]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        if len(mechanisms) == 1 and m["mechanism"] == "sampled_gaussian":
            which = ["--q", repr(m["sampling"]), "--sigma", repr(m["noise_multiplier"]), "--steps", str(m["times"]), "--group",
                     str(m.get("group", 1))]
        else:
            json.dump(mechanisms, f)
            f.flush()
            which = ["--mechanisms", f.name]
        run = subprocess.run([program, "epsilon", *which, "--delta", repr(delta), "--adjacency", adjacency], capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        raise ValueError(run.stderr.strip())
    return float(run.stdout), after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def one_step(m, delta, adjacency):
    """The epsilon of one use of one sampled Gaussian of one record, from the closed form; None of what else there is."""
    from scipy.optimize import brentq

    import epsilon_bounds as b
    best = 0.0
    for way in ["replace"] if adjacency == "replace_one" else ["remove", "add"]:
        p = b.pair(m, way, 1e-20)

        def over(z):
            x = p.loss(b.np.array([z]))[0][0]
            return p.sides(b.np.array([z]), "p")[1][0] - math.exp(min(x + p.log_over(z), 1))

        low, high = -40 * p.s, 40 * p.s + p.j[-1]
        low, high = max(low, p.points(b.np.array([0.0]), low, high)[0]), high
        if over(low) > delta:
            z = brentq(lambda z: over(z) - delta, low, high, xtol=1e-15, rtol=1e-15)
            best = max(best, p.loss(b.np.array([z]))[0][0])
    return best


def bounds(mechanisms, delta, answer, adjacency, below):
    import epsilon_bounds as b

    m = mechanisms[0]
    if len(mechanisms) == 1 and m["mechanism"] == "sampled_gaussian":
        if m["times"] == 1:
            e = one_step(m, delta, adjacency)
            return e - 1e-9, e  # what root and rounding may be off by
        if m["sampling"] == 1:  # one Gaussian
            e = one_step(dict(m, noise_multiplier=m["noise_multiplier"] / math.sqrt(m["times"]), times=1), delta, adjacency)
            return e * (1 - 1e-9), e
        if m["sampling"] < 1e-5 and m.get("group", 1) == 1 and answer < 3:
            import epsilon_rare
            return epsilon_rare.bounds(m["sampling"], m["noise_multiplier"], m["times"], delta, adjacency, 32)
    return b.bounds(mechanisms, delta, answer, adjacency, below)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("program")
    p.add_argument("--rows")
    p.add_argument("--random", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--kind")
    p.add_argument("--fast", action="store_true")
    p.add_argument("--upper", action="store_true", help="find upper bounds alone")
    p.add_argument("--most", type=float, default=5000, help="an epsilon above is only timed")
    a = p.parse_args()
    cases = [*(reference(a.rows) if a.rows else []), *at_random(a.random, a.seed)]
    found, bad = {}, 0
    for kind, mechanisms, delta, adjacency, other in cases:
        if a.kind and kind != a.kind:
            continue
        told = f"{kind} {json.dumps(mechanisms)} {delta} {adjacency}"
        try:
            e, seconds = ask(a.program, mechanisms, delta, adjacency)
        except ValueError as refused:
            print(f"refused: {told}: {refused}", flush=True)
            bad += 1
            continue
        low = high = None
        if not a.fast and 0 < e < a.most:
            low, high = bounds(mechanisms, delta, e, adjacency, not a.upper)
        why = []
        if low and e < low * (1 - 1e-9) - 1e-12:
            why.append("BELOW THE TRUTH")
        if low is not None and e > 1.01 * high + 1e-9:
            why.append("OVER 1 % ABOVE")
        if seconds > 1:
            why.append("SLOW")
        bad += bool(why)
        t = found.setdefault(kind, {"rows": 0, "judged": 0, "proved": 0, "under": 0, "below": 0, "over_low": 0, "over_high": 0, "seconds": 0})
        t["rows"] += 1
        t["seconds"] = max(t["seconds"], seconds)
        t["under"] += other is not None and e < other
        if low is not None:
            t["judged"] += 1
            t["proved"] += e >= high - 2e-9
            t["below"] += e < low - 1e-9
            if e > 1e-4 and high > 0:
                t["over_high"] = max(t["over_high"], e / high - 1)
            if e > 1e-4 and low > 0:
                t["over_low"] = max(t["over_low"], e / low - 1)
        print(f"{' '.join(why) or 'ok'} {e:.9g} in {low} {high} other {other} {seconds:.2f} s: {told}", flush=True)
    print("\n| rows | number | judged | below another accountant | at or above the upper bound | below the lower bound | most above the "
          "upper bound | most above the lower | most processor time |\n|---|---|---|---|---|---|---|---|---|")
    for kind, t in found.items():
        print(f"| {kind} | {t['rows']} | {t['judged']} | {t['under']} | {t['proved']} | {t['below']} | {100 * t['over_high']:.3f} % | "
              f"{100 * t['over_low']:.3f} % | {t['seconds']:.2f} s |")
    sys.exit(bad > 0)


main()
