#!/bin/sh
# A network trained with differential privacy, from the trace to the archive: what is planned, charged and published is the same,
# and it comes again.  What is common to all models in privacy.mode dp is in e2e_dp.sh.
# usage: e2e_dp_net.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED and NET are words
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

NET="--set model.kind=diffusion --set model.width=16 --set model.depth=1 --set train.steps=4 --set train.batch=2000
	--set train.warmup=1 --set privacy.draws=2 --set privacy.records=10000 --set source.path=$T/trace.csv"
private() { # OPTION...: a run of the project p
	"$F" run p/release.yaml $UNCONFINED $NET "$@"
}
charged() { # EXPRESSION over rows, the bodies of the charges in the ledger
	"$PYTHON" -c 'import json, sqlite3, sys
rows = [json.loads(r[0]) for r in sqlite3.connect("p/workspace/ledger.db").execute("select body from ledger where kind = \"charge\"")]
print(eval(sys.argv[1]))' "$1"
}

expect 0 "a trace is simulated" "$F" simulate --rows 4000 --seed 5 --out trace.csv
expect 0 "a project is made from ugr16-dp" "$F" init --preset ugr16-dp p
expect 0 "its budget is told before" "$F" budget p/release.yaml $NET --json
cp out plan.json
expect 0 "a run ends well" private --json
holds "its verdict is pass" test "$(json out 'd["verdict"]')" = pass
says err "4 private steps" "it trained for the steps that the config says"
holds "what was planned is charged, once" test "$(charged '[r["epsilon"] for r in rows]')" = "[$(json plan.json 'd["epsilon"]')]"
archive=p/release/ugr16-dp-1.0.0.tar.zst
expect 0 "flowmint-verify accepts it" "$V" --signers p/allowed_signers $archive
mkdir x
tar --zstd -xf $archive -C x
x=x/ugr16-dp-1.0.0
"$PYTHON" "$ROOT/tests/dp_fields.py" $x/manifest.json >fields
holds "something pays for each field of the manifest" test ! -s fields
"$PYTHON" -c 'import json, sys
a, b = json.load(open("plan.json")), json.load(open(sys.argv[1]))["privacy"]
sys.exit(a["mechanisms"] != b["mechanisms"] or a["guarantee"] != b["guarantee"] or a["epsilon"] != b["epsilon"])' $x/manifest.json
result $? "its mechanisms and guarantees are those of the plan"
holds "the training among them, sampled, for all steps" test \
	"$(json $x/manifest.json '[(m["rate"] < 0.21, m["times"]) for m in d["privacy"]["mechanisms"] if m["name"] == "training"]')" = "[(True, 4)]"
says $x/README.md "DP-SGD" "the data sheet says how it was trained"
says $x/README.md "differential privacy" "and what is promised"
for stage in ingest train; do
	for key in p/workspace/stages/$stage/*; do
		holds "no digest of the $stage stage is in the archive" sh -c "! grep -rqF '${key##*/}' $x"
	done
done
expect 0 "the report of the run says it too" "$F" report r0001 --workspace p/workspace --out report.html
says report.html "made with differential privacy" "in words"

# --- again ---
expect 0 "other flows of the same model" private --until generate --set generate.rows=500
holds "cost nothing" test "$(charged 'len(rows)')" = 1
expect 0 "it is reproduced bit for bit" "$F" reproduce r0001 --workspace p/workspace $UNCONFINED
holds "which costs nothing" test "$(charged 'len(rows)')" = 1

# --- other denoisers, over the same exchanges ---
expect 2 "a U-Net of three levels is refused" private --set model.denoiser=unet --set model.heads=1 --set model.depth=3
says err "unet over 5 places of a record takes 1 to 2" "with what a record has"
version=1
for denoiser in transformer unet; do
	version=$((version + 1))
	of="--set model.denoiser=$denoiser --set model.heads=1 --set release.version=$version.0.0"
	expect 0 "the budget of a $denoiser" "$F" budget p/release.yaml $NET $of --json
	holds "is that of the MLP" test "$(json out 'd["mechanisms"]')" = "$(json plan.json 'd["mechanisms"]')"
	expect 0 "a run with a $denoiser ends well" private $of --json
	holds "its verdict is pass" test "$(json out 'd["verdict"]')" = pass
	holds "it is charged as planned" test "$(charged '[r["epsilon"] for r in rows][-1], len(rows)')" = "($(json plan.json 'd["epsilon"]'), $version)"
	expect 0 "flowmint-verify accepts it" "$V" --signers p/allowed_signers p/release/ugr16-dp-$version.0.0.tar.zst
	tar --zstd -xf p/release/ugr16-dp-$version.0.0.tar.zst
	"$PYTHON" "$ROOT/tests/dp_fields.py" ugr16-dp-$version.0.0/manifest.json >fields
	holds "something pays for each field of its manifest" test ! -s fields
	says ugr16-dp-$version.0.0/README.md "over the flows of an exchange" "its data sheet says what it is"
done

# --- killed ---
more() { # more of the budget for the training
	private --until train --set 'privacy.budget={vocabulary: 0.04, pairs: 0.26, training: 0.7}' --set train.steps=60 --set train.batch=200 \
		--set train.checkpoint_every=1
}
checkpoint_or_ended() {
	[ -s "$(echo p/workspace/stages/train/.checkpoint-*)/checkpoint.sealed" ] || ! kill -0 $job 2>/dev/null
}
# One that ends before it is killed, because nobody looked for so long, is tried again from where it was.
cp -a p before
for _ in 1 2 3 4 5; do
	more >killed.out 2>killed.err &
	job=$!
	until_true 300 checkpoint_or_ended
	kill -9 "$(cat p/workspace/lock)" 2>/dev/null
	wait $job
	status=$?
	[ $status -eq 0 ] || break
	rm -rf p
	cp -a before p
done
holds "training with more of the budget is killed" test $status -eq 137
holds "its stage dies with it" until_true 60 nobody_runs
expect 0 "it goes on" more
says err "train: goes on from private step" "from its last checkpoint"
holds "with the noise that it had: it is charged once" test "$(charged 'len(rows)')" = 4
holds "and nothing is left behind" test ! -e "$(echo p/workspace/stages/train/.checkpoint-*)"
mv p/workspace/sealed/r0001.json sealed.json
expect 3 "not without its sealed half" "$F" reproduce r0001 --workspace p/workspace $UNCONFINED
says err "sealed half" "which is named"
finish
