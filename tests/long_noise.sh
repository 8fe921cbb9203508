#!/bin/sh
# Promise: ten million draws of the discrete Gaussian, of each of seven standard deviations, cannot be told from its exact
# probabilities by Pearson's chi-square, which at the same time tells them from a standard deviation one part in a hundred larger.
# The key is a fresh one: once in 2,000 runs one of the seven is out by chance.
#
# usage: tests/long_noise.sh [FLOWMINT]
set -eu
cd "$(dirname "$0")/.."
B=$(dirname "${1:-build/flowmint}")
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-noise-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

"$B/tests/make_noise" "${DRAWS:-10000000}" 0.5 1 3.7 100 1000 20000 1048576 >"$work/lines" || {
	echo "not ok 1 - the draws could not be made"
	exit 1
}
awk -F '\t' '
	{ good = $5 > -4 && $5 < 4 && $6 > 6
	  printf "%sok %d - sigma %s: chi-square %s of %s degrees of freedom, z %s; z %s for a sigma 1 %% larger; %s ns a draw\n",
		good ? "" : "not ", ++n, $1, $3, $4, $5, $6, $7
	  bad += !good }
	END { print "1.." n; exit bad > 0 || n != 7 }' "$work/lines"
