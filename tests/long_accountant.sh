#!/bin/sh
# Promise: `flowmint epsilon` is at or above the truth, less than 1 % above it, and answers in a second of processor time: at 40 random
# rows of extremes (training of one record or a group, lists of mechanisms, both adjacencies), and at each row of the reference tables
# where those lie beside the repository; by bounds that share nothing with it (epsilon_bounds.py).  And where rates are below 1e-3 and
# deltas 1e-9 to 1e-12, at 22 rows, by inverting the transform of the loss (epsilon_inverse.py).
#
# usage: tests/long_accountant.sh [FLOWMINT]      PYTHON: one with NumPy and SciPy; SEED: of the random rows
set -u
cd "$(dirname "$0")/.." || exit 4
F=${1:-build/flowmint}
reference=../shared/reference/dp

"${PYTHON:-/usr/bin/python3}" -c 'import numpy, scipy' 2>/dev/null || { echo "1..0 # skipped: no Python with NumPy and SciPy"; exit 0; }
set -- --random 40 --seed "${SEED:-1}"
[ ! -d "$reference" ] || set -- "$@" --rows "$reference"
work=$(mktemp "${TMPDIR:-/tmp}/flowmint-accountant-XXXXXX") || exit 4
trap 'rm -f "$work"' EXIT
trap 'exit 130' HUP INT TERM
words="every epsilon is at or above the truth, less than 1 % above it, and there in a second"
if "${PYTHON:-/usr/bin/python3}" tests/epsilon_sweep.py "$F" "$@" >"$work" 2>&1; then
	echo "ok 1 - $words"
else
	echo "not ok 1 - $words"
fi
sed 's/^/# /' "$work"
sound=$(! grep -Eqv '^(ok|[|]|$)' "$work" && grep -c '^ok' "$work" | grep -vx 0)
words="and so it is at small rates and tiny deltas, by another arithmetic"
if OPENBLAS_NUM_THREADS=1 "${PYTHON:-/usr/bin/python3}" tests/epsilon_inverse.py "$F" 0 4 >"$work" 2>&1; then
	echo "ok 2 - $words"
else
	echo "not ok 2 - $words"
fi
sed 's/^/# /' "$work"
echo 1..2
[ -n "$sound" ] && ! grep -Eqv '^ok' "$work" && grep -q '^ok' "$work"
