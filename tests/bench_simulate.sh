#!/bin/sh
# Flows a second of `flowmint simulate`, median of 5 runs, on one core and on all.
# usage: tests/bench_simulate.sh [FLOWMINT [ROWS]]
set -eu
flowmint=${1:-build/flowmint}
rows=${2:-2000000}
command -v "$flowmint" >/dev/null || { echo "bench_simulate: $flowmint is not there: run make first" >&2; exit 2; }

median() {
	for run in 1 2 3 4 5; do
		start=$(date +%s%N)
		"$@" --rows "$rows" --seed "$run" --out - >/dev/null 2>&1
		end=$(date +%s%N)
		echo $((rows * 1000000 / ((end - start) / 1000)))
	done | sort -n | sed -n 3p
}

echo "simulate, $rows flows, 1 core: $(median taskset -c 0 "$flowmint" simulate) flows/s (wanted: 500000)"
echo "simulate, $rows flows, all cores: $(median "$flowmint" simulate) flows/s"
