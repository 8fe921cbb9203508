#!/usr/bin/env python3
"""plain_limit.py - real flows whose numbers are a little off: what a model of numbers that knows all else comes to.

    plain_limit.py FILE OFF OUT        of dialect ugr16

Times, addresses, ports, and logarithms of durations, packets and bytes get normal noise of OFF standard deviations of
their column, as a diffusion of scaled numbers leaves it behind; then they are rounded and cut to their range.
"""
import ipaddress
import sys

import numpy as np
import pandas as pd

NAMES = ["te", "td", "sa", "da", "sp", "dp", "pr", "flg", "fwd", "stos", "pkt", "byt", "label"]
path, off, out = sys.argv[1], float(sys.argv[2]), sys.argv[3]
texts = {c: str for c in ["pr", "flg", "fwd", "stos", "label"]}
t = pd.read_csv(path, names=NAMES, header=None, dtype=texts, keep_default_na=False)
random = np.random.default_rng(1)


def moved(x):
    return x + off * x.std() * random.standard_normal(len(x))


def whole(x, low, high):
    return np.clip(np.rint(moved(x)), low, high).astype("int64")


began = pd.to_datetime(t.te)
since = (began - began.min()).dt.total_seconds().to_numpy()
t["te"] = (began.min() + pd.to_timedelta(np.clip(moved(since), 0, since.max()), unit="s")).strftime("%Y-%m-%d %H:%M:%S")
number = {a: int(ipaddress.ip_address(a)) for a in set(t.sa) | set(t.da)}
for c in ["sa", "da"]:
    t[c] = [str(ipaddress.ip_address(int(a))) for a in whole(t[c].map(number).to_numpy(float), 0, 2**32 - 1)]
for c in ["sp", "dp"]:
    t[c] = whole(t[c].to_numpy(float), 0, 65535)
t["td"] = [f"{max(x, 0):.3f}" for x in np.expm1(moved(np.log1p(t.td.to_numpy(float) * 1000))) / 1000]
for c in ["pkt", "byt"]:
    t[c] = np.clip(np.rint(np.expm1(moved(np.log1p(t[c].to_numpy(float))))), 1, None).astype("int64")
t.sort_values("te", kind="stable").to_csv(out, header=False, index=False)
