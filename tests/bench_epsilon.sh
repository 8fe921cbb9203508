#!/bin/sh
# bench_epsilon.sh - what epsilon buys: fidelity of noisy pairs alone, of a network trained with DP-SGD alone, and of both, over
# epsilon.  Prints a table and writes docs/figures/epsilon.svg.  The first ROWS flows of the real UGR'16 day where it lies beside the
# repository, simulated flows elsewhere; preset ugr16-dp, delta 1e-6, one seed; network and both are one training, drawn from in two
# ways, with a fifth of the budget.
#
# EPSILONS ("0.5 1 2 4 8 16"), ROWS (50000), NETWORK: options of the network, OUT: the figure's folder.  B is the build folder.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
F=$(realpath "$B/flowmint")
make=$(realpath "$B/tests/make_model")
EPSILONS=${EPSILONS:-0.5 1 2 4 8 16}
ROWS=${ROWS:-50000}
OUT=${OUT:-docs/figures}
NETWORK=${NETWORK:-model.width=64 model.heads=4 model.depth=1 train.steps=150 train.batch=1024 train.warmup=10 train.rate=1e-3 train.ema=0.95 privacy.draws=4}
python=${PYTHON:-python3}
real=$(pwd)/../shared/data/ugr16/april11.csv.xz
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-epsilon-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

if [ -r "$real" ]; then
	what="real UGR'16 flows"
	xz -dc "$real" | head -n "$ROWS" >"$work/trace.csv" || :
else
	what="simulated flows"
	"$F" simulate --rows "$ROWS" --out "$work/trace.csv" 2>/dev/null
fi
# The period, which a release would have from elsewhere: the day on which it begins, to the end of its last minute.
period() {
	awk -F, 'NR == 1 { first = substr($1, 1, 10) } $1 > last { last = $1 } END {
		print "privacy.first=" first " 00:00:00"; print "privacy.last=" substr(last, 1, 17) "59" }' "$work/trace.csv"
}
period >"$work/period"
first=$(sed -n 1p "$work/period") last=$(sed -n 2p "$work/period")

score() { # FILE: "jsd_mean8 pair_jsd assoc.mean" against the trace
	"$F" evaluate --real "$work/trace.csv" --synthetic "$1" --only jsd,pair_jsd,assoc --no-controls --json >"$work/score.json" 2>"$work/log" ||
		{ cat "$work/log" >&2; exit 1; }
	"$python" -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(d["jsd_mean8"], d["pair_jsd"], d["assoc"]["mean"])' "$work/score.json"
}
made() { # OPTION...: $work/made.csv of the model in $work/model
	"$make" "$work/trace.csv" "$work/made.csv" "$work/model" privacy.epsilon="$epsilon" privacy.records="$ROWS" "$first" "$last" "$@" 2>"$work/log" ||
		{ cat "$work/log" >&2; exit 1; }
}

: >"$work/values"
for epsilon in $EPSILONS; do
	rm -rf "$work/model"
	made
	scores=$(score "$work/made.csv")
	echo "pairs $epsilon $scores" | tee -a "$work/values" >&2
	rm -rf "$work/model"
	for by in both network; do
		# shellcheck disable=SC2086 # as many words as there are
		made model.kind=diffusion $NETWORK generate.by="$by"
		scores=$(score "$work/made.csv")
		echo "$by $epsilon $scores" | tee -a "$work/values" >&2
	done
done

mkdir -p "$OUT"
"$python" - "$work/values" "$work/spec.json" "$what, the first $ROWS, preset ugr16-dp, delta 1e-6, one seed" <<'EOF'
import json, sys
rows = [l.split() for l in open(sys.argv[1])]
measures = ["mean JSD of 8 fields", "pair-JSD", "association, mean difference"]
names = {"pairs": "pairs", "network": "network", "both": "both"}
print(f"fidelity over epsilon: {sys.argv[3]}\n")
print("| epsilon | | " + " | ".join(measures) + " |\n|---|---|---|---|---|")
for name, epsilon, *v in rows:
    print(f"| {epsilon} | {names[name]} | " + " | ".join(f"{float(x):.4f}" for x in v) + " |")
json.dump({"title": sys.argv[3], "columns": 3, "panels": [
    {"title": m, "x": "epsilon", "y": "", "log_x": True, "from_zero": True,
     "lines": [{"name": n, "points": [[float(r[1]), float(r[2 + i])] for r in rows if r[0] == n]} for n in names]}
    for i, m in enumerate(measures)]}, open(sys.argv[2], "w"))
EOF
"$python" tests/plot.py "$work/spec.json" "$OUT/epsilon.svg"
