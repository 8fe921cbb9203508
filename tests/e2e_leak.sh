#!/bin/sh
# What a release gives away, through the program: a model that remembers its windows shows it.
# usage: e2e_leak.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

# --- membership inference by the model's loss ---
expect 0 "(a trace)" "$F" simulate --rows 12000 --seed 5 --out trace.csv
expect 0 "(a project)" "$F" init --preset demo p

# A small model learns the first so many rows, in so many steps; metrics into out.
learn() { # ROWS STEPS
	"$F" run p/release.yaml $UNCONFINED --until evaluate --json --set source.path="$T/trace.csv" --set source.rows="$1" \
		--set split.holdout=0.45 --set model.window=16 --set model.width=32 --set model.heads=2 --set model.depth=1 \
		--set train.batch=20 --set train.steps="$2" --set train.rate=5e-3 --set train.ema=0.9 --set generate.steps=4
}
expect 0 "a model is trained on about twenty windows until it knows them" learn 640 600
cp out remembers.json
holds "on so few windows" test "$(json remembers.json 'd["metrics"]["rows"]["real"] // 16 in range(18, 26)')" = True
holds "its loss tells who was a member" test "$(json remembers.json 'd["metrics"]["leak"]["mia_model_auc"] > 0.9')" = True
holds "and at few false alarms" test "$(json remembers.json 'd["metrics"]["leak"]["mia_model_tpr_1"] > 0.3')" = True
expect 0 "a model is trained as usual" learn 12000 60
holds "its loss tells next to nothing" test \
	"$(json out 'abs(d["metrics"]["leak"]["mia_model_auc"] - 0.5) < 0.1 and d["metrics"]["leak"]["mia_model_tpr_1"] < 0.1')" = True

finish
