#!/bin/sh
# Promise: fresh real flows of different traces pass the gate of each preset, by its own thresholds: at least 19 of 20 draws.
# A draw deals windows of 64 flows out at random to training, holdout and fresh flows of equal numbers; nothing is trained.
#
# usage: tests/bench_gate_fresh.sh [FLOWMINT]     traces that are not beside the repository are left out, and so is the promise
set -eu
cd "$(dirname "$0")/.."
F=${1:-build/flowmint}
B=$(dirname "$F")
data=../shared/data
draws=${DRAWS:-2}
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-fresh-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

for seed in 1 2 3; do
	"$F" simulate --rows 30000 --seed $seed --out "$work/simulated$seed.csv" >/dev/null 2>&1
done
for f in zeek/ctu-normal40-008.conn.log.labeled zeek/ctu-normal40-011.conn.log.labeled unsw/unsw-nb15_1-first3500.csv argus/botnet207.binetflow ugr16/april11.csv; do
	[ -f "$data/$f.xz" ] && xz -dc "$data/$f.xz" >"$work/$(basename "$f")"
done

# draw PRESET FILE DIALECT ROWS SEED
draw() {
	[ -f "$work/$2" ] || return 0
	"$B/tests/make_gate_draws" "$work/$2" "$3" "$1" "$4" $((2 * $4)) "$4" "$draws" "$5" 2>/dev/null |
		sed "s|^fresh|$1\t$2\t$4|" | tee -a "$work/lines" | sed 's/^/# /'
}

for preset in demo ugr16; do
	draw $preset ctu-normal40-008.conn.log.labeled zeek-labeled 1344 60000
	draw $preset ctu-normal40-011.conn.log.labeled zeek-labeled 2176 60010
	draw $preset unsw-nb15_1-first3500.csv unsw-nb15 832 60020
	draw $preset botnet207.binetflow argus 5824 60030
	draw $preset simulated1.csv ugr16 7488 60040
	draw $preset simulated2.csv ugr16 3712 60050
	draw $preset simulated3.csv ugr16 1856 60060
	draw $preset april11.csv ugr16 2048 60070
	draw $preset april11.csv ugr16 12032 60080
	draw $preset april11.csv ugr16 36032 60090
done
# preset, trace, rows, draws, passed as the controls are judged, passed by the verdict's thresholds
awk -F '\t' '{ all[$1] += $4; passed[$1] += $6 }
	END { for (p in all) { n++; good = passed[p] >= 0.95 * all[p]; bad += !good
		printf "%sok %d - %s: fresh real flows pass in %d of %d draws\n", good ? "" : "not ", n, p, passed[p], all[p] }
		print "1.." n; exit bad > 0 }' "$work/lines"
