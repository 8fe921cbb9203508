#!/usr/bin/env python3
"""ctgan_peer.py - the original CTGAN (ctgan of PyPI) on a trace of dialect ugr16, as tests/bench/ctgan.c learns it.

    ctgan_peer.py FILE plain|bits EPOCHS THREADS [OUT.csv [SEED]]      SEED: 1

One line of JSON: seconds of the clock and of the processor for the mixtures and for the training, and the processor's seconds an
epoch. With OUT.csv as many flows are drawn, as the package draws them, and written as a trace.
"""
import ipaddress
import json
import resource
import sys
import time
import warnings

path, encoding, epochs, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
import torch

torch.set_num_threads(threads)
import numpy as np
import pandas as pd
from ctgan import CTGAN
from ctgan.data_transformer import DataTransformer

warnings.filterwarnings("ignore")
NAMES = ["te", "td", "sa", "da", "sp", "dp", "pr", "flg", "fwd", "stos", "pkt", "byt", "label"]
MIN_COUNT = 20
CATEGORIES = ["pr", "flg", "fwd", "stos", "label"]


def now():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return np.array([time.monotonic(), u.ru_utime + u.ru_stime])


def read():
    """The columns of model/rows/columns.h."""
    t = pd.read_csv(path, names=NAMES, header=None, dtype={c: str for c in CATEGORIES}, keep_default_na=False)
    began = pd.to_datetime(t.te)
    t["te"] = (began - began.min()).dt.total_seconds() * 1000
    for c in CATEGORIES:
        counts = t[c].value_counts()
        t.loc[~t[c].isin(counts.index[counts >= MIN_COUNT]), c] = counts.index[0]
    for c in ["sa", "da"]:
        t[c] = [int(ipaddress.ip_address(a)) for a in t[c]]
    discrete = list(CATEGORIES)
    if encoding == "bits":
        for c in ["td", "pkt", "byt"]:
            t[c] = np.log1p(t[c] * 1000 if c == "td" else t[c])
        columns = {}
        for c in NAMES:
            if c in ["sa", "da"]:
                for b in range(31, -1, -1):
                    columns[f"{c}{b}"] = (t[c].to_numpy() >> b) & 1
                    discrete.append(f"{c}{b}")
            else:
                columns[c] = t[c]
        t = pd.DataFrame(columns)
    for c in t.columns:
        if c not in discrete:
            t[c] = t[c].astype(float)
    return t, discrete, began.min()


def write(t, first, out):
    if encoding == "bits":
        for c in ["sa", "da"]:
            t[c] = sum(t[f"{c}{b}"].astype("int64") * (1 << b) for b in range(32))
        for c in ["td", "pkt", "byt"]:
            t[c] = np.expm1(t[c]) / (1000 if c == "td" else 1)
    high = {"sp": 65535, "dp": 65535, "sa": 2**32 - 1, "da": 2**32 - 1}
    for c in ["te", "td", "sa", "da", "sp", "dp", "pkt", "byt"]:
        t[c] = np.clip(t[c], 1 if c in ["pkt", "byt"] else 0, high.get(c, 1e15))
    t["te"] = (first + pd.to_timedelta(t.te, unit="ms")).dt.strftime("%Y-%m-%d %H:%M:%S")
    t["td"] = t.td.map("{:.3f}".format)
    for c in ["sp", "dp", "pkt", "byt"]:
        t[c] = t[c].round().astype("int64")
    for c in ["sa", "da"]:
        t[c] = [str(ipaddress.ip_address(int(round(a)))) for a in t[c]]
    t[NAMES].to_csv(out, header=False, index=False)


spans, fit_transformer = {}, DataTransformer.fit


def timed_fit(self, data, columns=()):
    began = now()
    fit_transformer(self, data, columns)
    spans["fit"] = now() - began


DataTransformer.fit = timed_fit
flows, discrete, first = read()
seed = int(sys.argv[6]) if len(sys.argv) > 6 else 1
np.random.seed(seed)
torch.manual_seed(seed)
model = CTGAN(epochs=epochs, **{"enable_gpu" if "enable_gpu" in CTGAN.__init__.__code__.co_varnames else "cuda": False})
began = now()
model.fit(flows, discrete)
spans["train"] = now() - began - spans["fit"]
print(json.dumps({"rows": len(flows), "row": int(model._transformer.output_dimensions), "steps": epochs * (len(flows) // 500),
                  "torch": torch.__version__, "kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                  **{k: [round(x, 3) for x in v] for k, v in spans.items()}}))
if len(sys.argv) > 5:
    write(model.sample(len(flows)), first, sys.argv[5])
