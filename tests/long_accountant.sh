#!/bin/sh
# Promise: `flowmint epsilon` is at or above the truth, less than 1 % above it, and answers in a second of processor time: at 40 random
# rows of extremes (training of one record or a group, lists of mechanisms, both adjacencies), and at each row of the reference tables
# where those lie beside the repository; by bounds that share nothing with it (epsilon_bounds.py).  And where rates are below 1e-3 and
# deltas 1e-9 to 1e-12, at 22 rows, by inverting the transform of the loss (epsilon_inverse.py); so it is, but for the second, for seven
# lists of 100 to 300 mechanisms of as many kinds, which by Renyi divergences are above the truth too (epsilon_lists.py).
#
# usage: tests/long_accountant.sh [FLOWMINT]      PYTHON: one with NumPy and SciPy; SEED: of the random rows
set -u
cd "$(dirname "$0")/.." || exit 4
F=${1:-build/flowmint}
reference=../shared/reference/dp
n=0 bad=0

"${PYTHON:-/usr/bin/python3}" -c 'import numpy, scipy' 2>/dev/null || { echo "1..0 # skipped: no Python with NumPy and SciPy"; exit 0; }
work=$(mktemp "${TMPDIR:-/tmp}/flowmint-accountant-XXXXXX") || exit 4
trap 'rm -f "$work"' EXIT
trap 'exit 130' HUP INT TERM

part() { # WORDS SCRIPT [ARGUMENT...]: it says ok of each row, and of one at least
	n=$((n + 1))
	words=$1 script=tests/$2
	shift 2
	if OPENBLAS_NUM_THREADS=1 "${PYTHON:-/usr/bin/python3}" "$script" "$F" "$@" >"$work" 2>&1 &&
		grep -q '^ok' "$work" && ! grep -Eqv '^(ok|[|]|$)' "$work"; then
		echo "ok $n - $words"
	else
		echo "not ok $n - $words"
		bad=1
	fi
	sed 's/^/# /' "$work"
}

set -- --random 40 --seed "${SEED:-1}"
[ ! -d "$reference" ] || set -- "$@" --rows "$reference"
part "every epsilon is at or above the truth, less than 1 % above it, and there in a second" epsilon_sweep.py "$@"
part "and so it is at small rates and tiny deltas, by another arithmetic" epsilon_inverse.py 0 4
part "and that of lists of hundreds" epsilon_lists.py --count 7 --most 300 --seed "${SEED:-1}"
part "which is never below the truth by Renyi divergences" epsilon_lists.py --count 7 --most 300 --seed "${SEED:-1}" --accountant rdp
echo "1..$n"
exit $bad
