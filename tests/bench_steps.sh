#!/bin/sh
# bench_steps.sh - the curve of sampling steps against fidelity and time: one model, flows made of it by each sampler at each
# number of steps, each scored by `flowmint evaluate` against the training split.  Prints a table and writes
# docs/figures/steps.svg.  The real UGR'16 day where it lies beside the repository, simulated flows elsewhere.
#
# ROWS of the trace (200000), MADE flows each time (20000), STEPS ("5 10 20 40 80 160"), PRESET (ugr16; demo on simulated
# flows), SAMPLERS: those the program has and fewstep with the surest tokens first, or a list of NAME[,KEY=VALUE]...; ANCESTRAL rows that a sampler of all T steps makes
# (5000); WORKSPACE: one whose model is taken if it has been made with the same options; RUN_OPTIONS: more for `flowmint run`;
# OUT: the figure's folder.  B is the build folder.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
F=$(realpath "$B/flowmint")
MADE=${MADE:-20000}
ANCESTRAL=${ANCESTRAL:-5000}
STEPS=${STEPS:-5 10 20 40 80 160}
OUT=${OUT:-docs/figures}
python=${PYTHON:-python3}
here=$(pwd)
real=$here/../shared/data/ugr16/april11.csv.xz
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-steps-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
space=${WORKSPACE:-$work/w}

if [ -r "$real" ]; then
	trace=$real what="real UGR'16 flows"
	PRESET=${PRESET:-ugr16} ROWS=${ROWS:-200000}
else
	trace=$work/trace.csv what="simulated flows"
	PRESET=${PRESET:-demo} ROWS=${ROWS:-40000}
	"$F" simulate --rows "$ROWS" --out "$trace" 2>/dev/null
fi
"$F" init --preset "$PRESET" "$work/p" >/dev/null 2>&1
# What a wrong sampler is told the right ones are.
SAMPLERS=${SAMPLERS:-$("$F" run "$work/p/release.yaml" --set source.path="$trace" --set generate.sampler=which 2>&1 | sed -n "s/.*takes \(.*\), not 'which'.*/\1/p" | sed 's/ or / /g') fewstep,generate.order=confidence}

run() { # OPTION...: up to the synthetic table
	# shellcheck disable=SC2086 # as many words as there are
	"$F" run "$work/p/release.yaml" --workspace "$space" --until generate --json --set source.path="$trace" --set source.rows="$ROWS" \
		${RUN_OPTIONS:-} "$@" >"$work/run.json" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
}

unsealed() { # STAGE: what the newest run made, into $work/STAGE
	rm -rf "${work:?}/$1"
	"$F" unseal --workspace "$space" --stage "$1" --out "$work/$1"
}

csv() { # FOLDER OUT
	"$python" tests/table_csv.py "$1" "$2" >/dev/null
}

# flow_auc folds single rows, and tells tables of different hours apart that nothing else does (judge/c2st.h); so blocks, too.
score() { # FILE: "jsd_mean8 pair_jsd flow_auc flow_blocks_auc" against the training split
	"$F" evaluate --real "$work/train.csv" --synthetic "$1" --no-controls --json >"$work/score.json" 2>"$work/log" ||
		{ cat "$work/log" >&2; exit 1; }
	"$python" -c 'import json, sys; d = json.load(open(sys.argv[1])); print(d["jsd_mean8"], d["pair_jsd"], d["c2st"]["flow_auc"], d["c2st"]["flow_blocks_auc"])' "$work/score.json"
}

flows_a_second() {
	"$F" log --workspace "$space" --json | "$python" -c '
import json, sys
print(round([r for r in json.load(sys.stdin) if r["kind"] == "stage" and r["body"]["name"] == "generate"][-1]["body"]["result"]["flows_per_second"]))'
}

: >"$work/values"
for sampler in $SAMPLERS; do
	set -- --set generate.sampler="${sampler%%,*}"
	for option in $(echo "$sampler" | tr ',' ' ' | cut -s -d' ' -f2-); do
		set -- "$@" --set "$option"
	done
	all="$STEPS" made=$MADE
	[ "${sampler%%,*}" != ancestral ] || all=T made=$ANCESTRAL
	for steps in $all; do
		if [ "$steps" = T ]; then
			run "$@" --set generate.rows="$made"
			unsealed train
			steps=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1] + "/model.json"))["model"]["steps"])' "$work/train")
		else
			run "$@" --set generate.rows="$made" --set generate.steps="$steps"
		fi
		unsealed ingest
		unsealed generate
		[ -e "$work/train.csv" ] || csv "$work/ingest/train" "$work/train.csv"
		csv "$work/generate" "$work/made.csv"
		echo "$sampler $steps $(score "$work/made.csv") $(flows_a_second) $made" | tee -a "$work/values" >&2
	done
done
csv "$work/ingest/holdout" "$work/holdout.csv"
# Blocks of 64 flows from all over the time, as many as were made.
awk -v want="$((MADE / 64 + 1))" -v all="$(($(wc -l <"$work/holdout.csv") / 64 + 1))" '
	{ b = int((NR - 1) / 64) }
	want >= all || int((b + 1) * want / all) > int(b * want / all)' "$work/holdout.csv" >"$work/floor.csv"
echo "floor 0 $(score "$work/floor.csv") 0 $(wc -l <"$work/floor.csv")" >>"$work/values"

mkdir -p "$OUT"
"$python" - "$work/values" "$work/spec.json" "$what, $ROWS of them, preset $PRESET, $(nproc) cores" <<'EOF'
import json, sys
rows = [l.split() for l in open(sys.argv[1])]
print(f"steps against fidelity and time: {sys.argv[3]}\n")
print("| sampler | steps | flows | mean JSD of 8 fields | pair-JSD | flow AUC | the same, folds of time | flows/s |\n|---|---|---|---|---|---|---|---|")
for n, steps, jsd, pair, auc, blocks, speed, made in rows:
    name = "floor (held-out real flows)" if n == "floor" else n
    print(f"| {name} | {steps if n != 'floor' else ''} | {made} | {float(jsd):.4f} | {float(pair):.4f} | {float(auc):.3f} | {float(blocks):.3f} | {speed if n != 'floor' else ''} |")
samplers = list(dict.fromkeys(r[0] for r in rows if r[0] != "floor"))
floor = [r for r in rows if r[0] == "floor"][0]


def panel(title, y, at, mark=True, log_y=False):
    return {"title": title, "x": "sampling steps", "y": y, "log_x": True, "log_y": log_y,
            "lines": [{"name": "confidence" if s.endswith("=confidence") else s, "points": [[int(r[1]), float(r[at])] for r in rows if r[0] == s]} for s in samplers],
            "marks": [{"name": "floor", "y": float(floor[at])}] if mark else []}


json.dump({"title": sys.argv[3], "panels": [
    panel("Mean divergence of 8 fields", "JSD, nats", 2), panel("Two fields together", "pair-JSD, nats", 3),
    panel("Can a classifier tell? (folds of time)", "area under the curve", 5), panel("Speed", "flows a second", 6, False, True)]}, open(sys.argv[2], "w"))
EOF
"$python" tests/plot.py "$work/spec.json" "$OUT/steps.svg"
echo
echo "figure: $OUT/steps.svg"
