#!/bin/sh
# Promise: the whole gate of preset ugr16, as every run tries it on real flows that the generator never saw, passes them in at
# least 99 of 100 draws, and passes none of the useless generators.  A draw deals windows of 64 flows of a real day out at random
# to training, holdout and fresh flows, about 12,000 rows each.  Seeds are of its own.
#
# usage: tests/long_gate_draws.sh [FLOWMINT]     skips without the UGR'16 day beside the repository
set -eu
cd "$(dirname "$0")/.."
B=$(dirname "${1:-build/flowmint}")
real=../shared/data/ugr16/april11.csv.xz
rows=12032 # 188 windows of 64
seed=${SEED:-50000}

[ -f "$real" ] || { echo "long_gate_draws: skipped, $real is not there"; exit 0; }
command -v xz >/dev/null || { echo "long_gate_draws: skipped, no xz"; exit 0; }
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-draws-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
xz -dc "$real" >"$work/trace.csv"

n=0
bad=0
# draws NUMBER SEED [CONTROL...]: lines of make_gate_draws into $work/lines; the holdout's rows are for holdout and fresh flows
draws() {
	number=$1 first=$2
	shift 2
	"$B/tests/make_gate_draws" "$work/trace.csv" ugr16 ugr16 $rows $((2 * rows)) $rows "$number" "$first" "$@" >"$work/lines" 2>"$work/log" || {
		cat "$work/log"
		echo "not ok $((n + 1)) - the draws could not be made"
		exit 1
	}
	sed 's/^/# /' "$work/lines" "$work/log"
}

# promise CONTROL LEAST MOST: how many of the draws pass
promise() {
	n=$((n + 1))
	awk -F '\t' -v c="$1" -v least="$2" -v most="$3" -v n=$n '$1 == c { found = 1
		good = $3 >= least && $3 <= most
		printf "%sok %d - %s: %d of %d draws pass the gate, promised %d to %d\n", good ? "" : "not ", n, c, $3, $2, least, most }
		END { exit !(found && good) }' "$work/lines" || bad=1
}

draws 100 "$seed"
promise fresh 99 100
draws 5 $((seed + 1000)) shuffled independent one_row constant
for control in shuffled independent one_row constant; do
	promise $control 0 0
done
echo "1..$n"
exit $bad
