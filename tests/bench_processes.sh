#!/bin/sh
# bench_processes.sh - processes, predictions, samplers and orders on one trace: what each scores, with a small network (docs/how-it-works.md).
#
#     tests/bench_processes.sh FLOWMINT TRACE [FOLDER]      FOLDER is kept, and what is in it is not made again
#
# A line: the model, the sampler and its steps, the bound on validation in nats a flow, and of the generated
# flows against the training split mean JSD of eight fields, mean JSD of pairs, mean difference of association, share of flows that
# reverse one of the 64 before (real, synthetic).  Nothing is asserted.
set -eu
flowmint=$(realpath "$1")
trace=$(realpath "$2")
work=${3:-$(mktemp -d "${TMPDIR:-/tmp}/flowmint-bench-XXXXXX")}
[ -n "${3:-}" ] || trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
mkdir -p "$work"
cd "$work"
[ -d project ] || "$flowmint" init project --preset demo 2>init.log

# measure MODEL SAMPLER STEPS OPTION...: one line
measure() {
	model=$1 sampler=$2 steps=$3
	shift 3
	name="$model-$sampler-$steps"
	[ -f "$name.json" ] || "$flowmint" run project/release.yaml ${UNCONFINED:-} --workspace "$model" --json --set source.path="$trace" \
		--set split.holdout=0.05 --set split.validation=0.05 --set model.window=32 --set model.width=64 --set model.depth=2 \
		--set model.steps=200 --set model.max_hosts=1024 --set train.steps="${STEPS:-1200}" --set train.threads=1 \
		--set generate.rows=20000 --set generate.steps="$steps" --set gate.control_rows=500 --until evaluate "$@" >"$name.json" 2>"$name.err" ||
		{ rm -f "$name.json"; tail -3 "$name.err"; return 0; }
	rm -rf unsealed
	"$flowmint" unseal --workspace "$model" --stage train --out unsealed
	python3 - "$name.json" unsealed/model.json "$model" "$sampler" "$steps" <<'PY'
import json, sys
run, model = (json.load(open(f)) for f in sys.argv[1:3])
m = run["metrics"]
print("%-24s %-11s %4s  %6.2f  %.3f  %.4f  %.3f  %.3f %.3f" % (*sys.argv[3:6], model["training"]["validation_nats_per_flow"], m["jsd_mean8"],
      m["pair_jsd"], m["assoc"]["mean"], m["time"]["PAIR_real"], m["time"]["PAIR_synthetic"]), flush=True)
PY
}
echo "model                    sampler     steps    nats  JSD    pairs   assoc  replies, real and synthetic"
for n in 5 10 20 40; do measure absorbing fewstep $n; done
for n in 5 10 20; do measure absorbing dpm2 $n --set generate.sampler=dpm2; done
for n in 5 10 20; do measure absorbing confidence $n --set generate.order=confidence; done
measure absorbing ancestral 200 --set generate.sampler=ancestral
for n in 5 10 20 40; do measure multinomial fewstep $n --set model.process=multinomial; done
measure multinomial ancestral 200 --set model.process=multinomial --set generate.sampler=ancestral
measure noise fewstep 20 --set model.prediction=noise
measure noise dpm2 20 --set model.prediction=noise --set generate.sampler=dpm2
measure noise ancestral 200 --set model.prediction=noise --set generate.sampler=ancestral
measure linear fewstep 20 --set model.schedule=linear
