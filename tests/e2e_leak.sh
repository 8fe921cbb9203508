#!/bin/sh
# What a release gives away, through the program: a model that remembers its windows shows it, a release is laid beside the one
# before, and whatever files come in, the verdict on leakage is a defined one.
# usage: e2e_leak.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

# --- membership inference by the model's loss ---
expect 0 "(a trace)" "$F" simulate --rows 12000 --seed 5 --out trace.csv
expect 0 "(a project)" "$F" init --preset demo p

# A small model learns the first so many rows, in so many steps; metrics and checks into out.
learn() { # ROWS STEPS [OPTION...]
	rows=$1 steps=$2
	shift 2
	"$F" run p/release.yaml $UNCONFINED --until gate --json --set source.path="$T/trace.csv" --set source.rows="$rows" \
		--set split.holdout=0.45 --set model.window=16 --set model.width=32 --set model.heads=2 --set model.depth=1 \
		--set gate.control_rows=200 --set gate.control_limit=1 --set train.batch=20 --set train.steps="$steps" \
		--set train.rate=5e-3 --set train.ema=0.9 --set generate.steps=4 "$@"
}
# Nobody watches: else the model would be that of the best validation, long before.
expect 1 "a model is trained on about twenty windows until it knows them" learn 640 600 --set split.validation=0
cp out remembers.json
holds "on so few windows" test "$(json remembers.json 'd["metrics"]["rows"]["real"] // 16 in range(18, 26)')" = True
holds "its loss tells who was a member" test "$(json remembers.json 'd["metrics"]["leak"]["mia_model_auc"] > 0.9')" = True
holds "and at few false alarms" test "$(json remembers.json 'd["metrics"]["leak"]["mia_model_tpr_1"] > 0.3')" = True
holds "which the gate refuses" test "$(json remembers.json '[c["pass"] for c in d["checks"] if c["name"] == "leak.mia_model_auc"]')" = "[False]"
expect 1 "a model is trained as usual, too briefly for the rest of the gate" learn 12000 60
holds "the check of its loss passes" test "$(json out '[c["pass"] for c in d["checks"] if c["name"] == "leak.mia_model_auc"]')" = "[True]"
holds "its loss tells next to nothing" test \
	"$(json out 'abs(d["metrics"]["leak"]["mia_model_auc"] - 0.5) < 0.1 and d["metrics"]["leak"]["mia_model_tpr_1"] < 0.1')" = True

# --- the release before ---
cat >leak.py <<'END'
# leak.py FILE METRIC: a metric of leak.* in a document of run or evaluate; leak.py FILE check NAME: passed, missing or failed
import json, sys
d = json.load(open(sys.argv[1]))
if sys.argv[2] == "check":
    lines = [c for c in d["checks"] if c["name"] == sys.argv[3]]
    print("absent" if not lines else "pass" if all(c["pass"] for c in lines) else "fail")
else:
    v = d.get("metrics", d)["leak"].get(sys.argv[2], "absent")
    print("null" if v is None else v)
END
leak() {
	"$PYTHON" leak.py "$@"
}
sed -n 1,2000p trace.csv >t.csv
sed -n 2001,4000p trace.csv >h.csv
sed -n 4001,6000p trace.csv >s.csv
sed -n 6001,8000p trace.csv >before.csv
score() { # OPTION...: the parts that cost little are all there is in so few rows
	"$F" evaluate --real t.csv --synthetic s.csv --holdout h.csv --only leak --json "$@"
}
expect 0 "evaluate lays a release beside the one before" score --previous before.csv
holds "no row came twice" test "$(leak out release_equal)" = 0
holds "and it is no nearer than chance" test "$("$PYTHON" leak.py out release_share_nearer | awk '{ print ($1 < 0.65) }')" = 1
{ sed -n 1,1500p s.csv; sed -n 1,500p before.csv; } >update.csv
expect 0 "an update that keeps rows of the release before" "$F" evaluate --real t.csv --synthetic update.csv --holdout h.csv --only leak --json --previous before.csv
holds "shows how many" test "$(leak out release_equal)" = 0.25
xz -k before.csv
expect 0 "it may be packed" score --previous before.csv.xz
expect 3 "one that is not there is refused" score --previous absent.csv
says err "--previous" "and named"
again() { # OPTION...
	"$F" run p/release.yaml $UNCONFINED --until evaluate --json --set source.path="$T/trace.csv" --set source.rows=2400 \
		--set model.width=32 --set model.heads=2 --set model.depth=1 --set train.steps=20 --set generate.steps=4 "$@"
}
mkdir -p pack/old-1.0/data
cp before.csv pack/old-1.0/data/flows.csv
echo "{}" >pack/old-1.0/manifest.json
tar -C pack --zstd -cf old-1.0.tar.zst old-1.0
expect 0 "run compares with the archive that release.previous names" again --set release.previous="$T/old-1.0.tar.zst"
holds "and measures it" test "$(leak out release_equal)" = 0
for before in "$T/old-1.0.tar.zst" "$T/pack/old-1.0" "$T" p r0001; do
	expect 0 "evaluate takes $(basename "$before") as the release before" score --workspace p/workspace --previous "$before"
	holds "and measures what the two say" sh -c '! grep -q absent "$1" && grep -q release_equal "$1"' - out
done
expect 0 "run without it" again
holds "measures nothing of the kind, from no stage that was kept" test "$(leak out release_equal)" = absent
expect 3 "run stops when it is gone" again --set release.previous="$T/gone.tar.zst"
says err "release.previous: " "and says which key names it"
# What is no release is found before the first stage.
tar -C pack --zstd -cf none-1.0.tar.zst old-1.0/manifest.json
echo "no flows at all" >words.csv
for what in none-1.0.tar.zst words.csv; do
	rm -rf fresh
	expect 3 "run refuses $what as the release before" again --workspace fresh --set release.previous="$T/$what"
	says err "release.previous: the previous release: " "and says which key names it"
	holds "before the first stage" test -z "$(ls fresh/stages 2>/dev/null)"
done

# --- input without sense ---
# The preset's checks but those that learn, which have nothing to do with it.
printf 'preset: demo\nsource: {path: x}\ngate: {c2st.flow_blocks_auc: null, anomaly.score_correlation: null, downstream.mse_ratio: null}\n' >quick.yaml
# judged STATUS NAME REAL SYNTHETIC HOLDOUT [CHECK WHAT]...: the gate's verdict, and what it makes of single checks
judged() {
	status=$1 title=$2 real=$3 synthetic=$4 holdout=$5
	shift 5
	expect "$status" "$title" "$F" evaluate --real "$real" --synthetic "$synthetic" --holdout "$holdout" --gate quick.yaml --only jsd --no-controls --json
	holds "$title: the answer is one document" is_json out
	while [ $# -gt 0 ]; do
		holds "$title: $1 is $2" test "$(leak out check "$1")" = "$2"
		shift 2
	done
}
head -n 1 t.csv >one.csv
sed -n 2p t.csv >two.csv
sed -n 3p t.csv >three.csv
judged 1 "one row of each" one.csv two.csv three.csv leak.family_p pass leak.rows_equal pass rows.holdout fail
judged 1 "one row, and it is the training row" one.csv one.csv three.csv leak.rows_equal fail
judged 1 "the same file three times" t.csv t.csv t.csv leak.rows_equal fail leak.share_nearer_train pass
judged 1 "the training file itself" t.csv t.csv h.csv leak.rows_equal fail leak.family_p fail leak.share_nearer_train fail
head -n 3 h.csv >few.csv
judged 1 "three rows of holdout" t.csv s.csv few.csv leak.rows_equal pass
judged 1 "copies beside three rows of holdout" t.csv t.csv few.csv leak.rows_equal fail
awk 'NR == 1 { row = $0 } { print row }' s.csv >constant.csv
judged 1 "one row many times" t.csv constant.csv h.csv leak.rows_equal pass pair_jsd fail
awk 'NR == 1 { row = $0 } { print row }' t.csv >same.csv
judged 1 "constant columns everywhere" same.csv same.csv same.csv leak.rows_equal fail
awk -F , -v OFS=, '{ $1 = "2019-01-01 00:00:00"; $2 = "9.999"; $3 = "1.1.1.1"; $4 = "2.2.2.2"; $5 = 9; $6 = 9; $11 = 77777; $12 = 9999999 } 1' \
	s.csv >far.csv
judged 1 "rows that no real row is like" t.csv far.csv h.csv leak.rows_equal pass leak.family_p pass
: >empty.csv
expect 3 "a file without a row is refused" "$F" evaluate --real t.csv --synthetic empty.csv --holdout h.csv --gate --no-controls
"$F" evaluate --real t.csv --synthetic t.csv --gate --no-controls --json >out 2>err
holds "without a holdout a copy is still one" test "$(leak out check leak.rows_equal)" = fail

finish
