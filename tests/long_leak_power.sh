#!/bin/sh
# Promise: over real flows, 12,000 rows of a generator that copies half a percent of its training rows are refused in over 95 of
# 100 splits, with their own times and addresses or with fresh ones; so are ten copied outliers, and noisy copies of all rows; and
# fresh flows pass in 99 of 100.  The same where each flow, or half of them, stands twice, at once or a second later.  Seeds are others than those that the tests were made with.
#
# usage: tests/long_leak_power.sh [FLOWMINT]     skips without the UGR'16 day beside the repository
set -eu
cd "$(dirname "$0")/.."
B=$(dirname "${1:-build/flowmint}")
real=../shared/data/ugr16/april11.csv.xz
rows=12032 # 188 windows of 64
seed=${SEED:-40000}

[ -f "$real" ] || { echo "long_leak_power: skipped, $real is not there"; exit 0; }
command -v xz >/dev/null || { echo "long_leak_power: skipped, no xz"; exit 0; }
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-power-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
xz -dc "$real" >"$work/trace.csv"

n=0
bad=0
# promise GENERATOR[/DISGUISE] REPEATS LEAST MOST [SHAPE]: how many of the repeats are refused, in a doubled trace by the tests alone
promise() {
	n=$((n + 1))
	"$B/tests/make_leak_power" "${5:+$5:}$work/trace.csv" ugr16 $rows $rows 12000 "$2" "$seed" "$1" >"$work/line" 2>"$work/log" || {
		cat "$work/log"
		echo "not ok $n - $1: could not be measured"
		bad=1
		return
	}
	refused=$(awk -F '\t' -v by="${5:+4}" '{ printf "%d", $2 * (by ? $4 : $3) + 0.5 }' "$work/line")
	what="$1${5:+, $5}: refused in $refused of $2 splits, promised $3 to $4"
	if [ "$refused" -ge "$3" ] && [ "$refused" -le "$4" ]; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		bad=1
	fi
	sed 's/^/# /' "$work/line"
}

promise fresh 100 0 1
promise windows 40 0 1
promise copy0.005 10 10 10
promise copy0.005/1 20 20 20
promise copy0.005/2 60 58 60
promise outliers10 6 6 6
promise outliers10/2 40 38 40
promise noise0.001/1 4 4 4
promise noise0.001/2 4 4 4
promise noise0.1/1 4 4 4
promise noise0.1/2 4 4 4
for shape in doubled half second halfsecond; do
	promise copy0.005/2 40 39 40 $shape
	promise fresh 100 0 1 $shape
done
echo "1..$n"
exit $bad
