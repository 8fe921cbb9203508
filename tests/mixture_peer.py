#!/usr/bin/env python3
"""mixture_peer.py - our mixtures beside scikit-learn's BayesianGaussianMixture, from the same start.

    mixture_peer.py MAKE_MIXTURE                 on simulated columns
    mixture_peer.py MAKE_MIXTURE COLUMN.txt ...  on numbers, one a line

Both must keep the same modes (weights above 0.005), with means and weights within 2 %.
"""
import json
import subprocess
import sys
import warnings

import numpy as np
from sklearn.mixture import BayesianGaussianMixture

warnings.filterwarnings("ignore")


class FromStart(BayesianGaussianMixture):
    def _initialize_parameters(self, X, random_state):
        self._initialize(X, self.start)


def simulated():
    r = np.random.default_rng(1)
    yield "three normals", np.concatenate([r.normal(0, 1, 3000), r.normal(20, 3, 2000), r.normal(60, 1, 500)])
    yield "ports", np.concatenate([np.full(2000, 80.0), np.full(1500, 443.0), r.integers(1024, 65536, 3000)])
    yield "log counts", np.floor(np.log1p(r.pareto(1.2, 6000) * 40) * 1000) / 1000
    yield "addresses", np.concatenate([r.integers(0, 2**32, 3000), np.full(1000, 2.0e9), r.integers(7e8, 7.1e8, 2000)]).astype(float)


def compare(make, name, x):
    out = json.loads(subprocess.run([make, "1"], input="\n".join(repr(float(v)) for v in x), text=True,
                                    capture_output=True, check=True).stdout)
    start = dict((a, k) for a, k in out["start"])
    model = FromStart(n_components=10, weight_concentration_prior_type="dirichlet_process",
                      weight_concentration_prior=0.001, n_init=1, max_iter=100)
    model.start = np.eye(10)[[start[float(v)] for v in x]]
    model.fit(x.reshape(-1, 1))
    ours = [m for m in out["modes"] if m[0] > 0.005]
    keep = model.weights_ > 0.005
    peer = list(zip(model.weights_[keep], model.means_[keep, 0], np.sqrt(model.covariances_[keep, 0, 0])))
    scale = np.std(x)
    worst = max((max(abs(a[0] / b[0] - 1), abs(a[1] - b[1]) / max(abs(b[1]), scale), abs(a[2] / b[2] - 1))
                 for a, b in zip(ours, peer)), default=1)
    good = len(ours) == len(peer) and worst < 0.02
    print(f"# {name}: {len(ours)} modes, scikit-learn's {len(peer)}; largest difference {worst:.2g}; "
          f"{out['rounds']} rounds, {model.n_iter_}")
    return good


make, files = sys.argv[1], sys.argv[2:]
columns = [(f, np.loadtxt(f)) for f in files] if files else list(simulated())
print(f"1..{len(columns)}")
bad = 0
for i, (name, x) in enumerate(columns, 1):
    good = compare(make, name, x)
    bad += not good
    print(f"{'ok' if good else 'not ok'} {i} - the mixture of {name} is scikit-learn's")
sys.exit(bad > 0)
