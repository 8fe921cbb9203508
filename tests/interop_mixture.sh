#!/bin/sh
# Promise: mixtures of model.kind ctgan are those of scikit-learn's BayesianGaussianMixture from the same start: the same
# modes, with means, weights and deviations within 2 %.
#
# usage: tests/interop_mixture.sh [BUILD]        skips without scikit-learn
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build}
for python in python3 /usr/bin/python3; do
	if command -v "$python" >/dev/null && "$python" -c "import numpy, sklearn" 2>/dev/null; then
		exec "$python" "$root/tests/mixture_peer.py" "$build/tests/make_mixture"
	fi
done
echo "interop_mixture: skipped, no python3 with scikit-learn (Debian: python3-sklearn)"
