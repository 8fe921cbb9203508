#!/bin/sh
# Promise: flowmint compare trains each model on the same split, scores all by the same metrics beside what was made elsewhere, tells
# how each fails, and no model that fails stops the others.
# usage: cli_compare.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

compare() { # OPTION...
	"$F" compare trace.csv $UNCONFINED --quiet --preset demo --set model.window=16 --set model.width=32 --set model.depth=2 \
		--set model.heads=1 --set model.min_count=5 --set train.steps=20 --set train.batch=8 --set model.hidden=32 \
		--set model.embedding=16 --set train.gan_batch=100 --set generate.sampler=fewstep --set generate.steps=5 "$@"
}

expect 0 "a trace" "$F" simulate --rows 1500 --seed 5 --out trace.csv
expect 2 "no model is what nobody knows" compare --models hybird
says err "there is no model 'hybird'; there are hybrid, plain" "and it says what there is"
says err "ctgan-bits, netshare, marginals" "to the last of them"
expect 2 "no model is there twice" compare --models plain,plain
expect 2 "blanks stand beside commas" compare --models " hybrid , plain,ctgan ,plain"
says err "plain is there twice" "and belong to no name"
expect 2 "nor is a budget of no time" compare --models plain --budget 0
says err "'0' is no number from 0.001" "and it says what is one"
expect 2 "a key that only a later model takes is looked at first" compare --models ctgan,plain --set train.rate=5 --out early
says err "train.rate" "by name"
holds "before any model learns" test ! -e early/project/workspace
many=$(for i in $(seq 17); do printf ' --with a%s=trace.csv' "$i"; done)
# shellcheck disable=SC2086 # words
expect 2 "more flows from elsewhere than the report has columns for" compare --models plain $many
says err "--with is there 17 times: the report has room for 16" "are refused before any model learns"
expect 3 "a dialect that nobody knows is refused" compare --models plain,ctgan --dialect hybird
holds "once, with where those there are stand" [ "$(grep -c "flowmint dialects" err)/$(grep -c "^flowmint: " err)" = 1/1 ]
echo "hello" >no.csv
expect 3 "a trace that no model can read" "$F" compare no.csv $UNCONFINED --quiet --preset demo --models plain,ctgan --dialect ugr16 --out none
says err "no model can read the trace: " "is said once, for all"
holds "and nothing else" [ "$(grep -c "^flowmint: " err)" = 1 ]
expect 3 "nor within a budget" "$F" compare no.csv $UNCONFINED --quiet --preset demo --models plain,ctgan --dialect ugr16 --budget 1 --out none
holds "is said once too" [ "$(grep -c "no model can read the trace: " err)/$(grep -c "^flowmint: " err)" = 1/1 ]
expect 4 "a system that fails every model" compare --models plain --out small --set limits.file_mib=1 --set train.steps=1000000
says err "no model was judged; plain: limits.file_mib is 1" "is no fault of the trace"
head -n 100 trace.csv >short.csv
expect 3 "nor one with too few flows" "$F" compare short.csv $UNCONFINED --preset any --models plain,ctgan --out short
holds "its dialect is looked for once, for all" [ "$(grep -c "source.dialect auto: " err)" = 1 ]
ingests() {
	grep -q '"until":"ingest"' none/project/workspace/ledger.db 2>/dev/null
}
rm -r none
yes hello | head -n 20000 >long.csv
"$F" compare long.csv $UNCONFINED --quiet --preset demo --models plain,ctgan --dialect ugr16 --budget 1 --out none >out 2>err &
pid=$!
until_true 60 ingests
kill -TERM $pid
wait $pid
holds "SIGTERM while such a trace is read ends the comparison" test $? -eq 143
holds "no model failed by it" sh -c '! grep -q "compare: plain failed" err'
expect 3 "a project must be there" compare --models plain --project nowhere --out unmade
says err "--project nowhere: there is no such folder" "it says which"
holds "nothing is made" test ! -e unmade
sed "s/^name: .*/name: mine/" "$ROOT/manifests/dialects/ugr16.yaml" >mine.yaml
expect 3 "flows from elsewhere must be there" compare --models plain --with other=nowhere.csv
expect 3 "and be readable" compare --models plain --dialect ugr16 --with other=no.csv --out unread
says err "--with other: no.csv: none of 1 row can be read" "it says which cannot"
holds "before any model learns" test ! -e unread/project/workspace
expect 2 "a model's name is no name for them" compare --models plain --with ctgan=trace.csv
says err "ctgan is the name of a model" "and it says why"
expect 2 "nor is one twice" compare --models plain --with a=trace.csv --with a=no.csv
says err "a is there twice" "and it says which"

gzip -k trace.csv
# The rate makes CTGAN diverge.
expect 0 "a model that fails does not stop the others" compare --models plain,ctgan --dialect ./mine.yaml --rows 1400 --with other=trace.csv.gz \
	--set train.gan_rate=1 --set train.steps=60 --out cmp
holds "the gate refuses the toy, and by how many checks is told" grep -q "^plain .* refused by [1-9][0-9]* checks$" out
says out "failed" "the other one failed"
says out "made elsewhere" "and the flows from elsewhere are judged"
says out "as private as the trace" "it is said whom the files are for"
holds "both files are private" [ "$(stat -c %a cmp/compare.json cmp/report.html | sort -u)" = 600 ]
cat >read.py <<'END'
import json
d = json.load(open("cmp/compare.json"))
plain, ctgan, other = d["models"]
value = lambda m, name: {x["name"]: x["value"] for x in m["metrics"]}[name]
assert d["format"] == "flowmint-comparison/1" and d["edition"] == "team" and d["budget_minutes"] is None
assert d["preset"] == "demo" and d["rows"] == 1400 and "train.gan_rate=1" in d["set"]
assert plain["histograms"]["real_cells"] and other["histograms"]["real_cells"] and "histograms" not in ctgan
assert plain["status"] == "refused" and plain["failed"] and plain["train_steps"] == 60 and plain["paper"] == 0.104
assert not any("controls" in k for k in plain["failed"])
assert [s["name"] for s in plain["stages"]] == ["ingest", "train", "generate", "evaluate", "gate"]
assert ctgan["status"] == "failed" and "diverges" in ctgan["message"] and "metrics" not in ctgan
assert "status" not in other and value(other, "jsd_mean8") < value(plain, "jsd_mean8")
assert value(plain, "rows.real") == value(other, "rows.real")
assert plain["set"] == ["model.kind=plain", "model.denoiser=unet", "model.schedule=linear", "generate.sampler=fewstep"], plain["set"]
assert ctgan["sampler"] is None and ctgan["config_steps"] is None and plain["sampler"] == "fewstep"
assert any(s["missing"] for s in plain["symptoms"])
planted = [c for c in plain["controls"] if c["expected"] == "fail"]
assert len(planted) > 10 and all(c["got"] == "fail" and c["ok"] for c in planted), plain["controls"]
assert [c["got"] for c in plain["controls"] if c["kind"] == "positive"] == ["pass"], plain["controls"]
assert plain["control_rows"] > 100 and plain["smallest_leak_caught"] <= plain["control_limit"], plain["control_rows"]
assert "controls" not in ctgan and "controls" not in other
assert max(s["lost"] for s in other["symptoms"]) == 0 < max(s["lost"] for s in plain["symptoms"])
END
holds "compare.json has it all" "$PYTHON" read.py
says cmp/report.html "<h1>Models compared</h1>" "the page is there"
says cmp/report.html "<code>train.gan_rate=1</code>" "with the overrides that all models had"
rows=$("$PYTHON" -c 'import json
n = {m["name"]: m["value"] for m in json.load(open("cmp/compare.json"))["models"][0]["metrics"]}
print("%s flows; %s were held out" % ("{:,}".format(int(n["rows.real"])), int(n["rows.holdout"])))')
says cmp/report.html "They learned from $rows" "with how many flows there were"
says cmp/report.html "training diverges" "it says how a model failed"
says cmp/report.html "Collapsed, what real flows have and it does not make" "and what another one does not make"
says cmp/report.html "Each planted generator, by the gate of plain" "and whether its gate would have noticed"
says cmp/report.html "id=\"m2fTD-t\"" "with a picture of each field of each"
models() { # FILE
	"$PYTHON" -c 'import json, sys
print(*[(m["name"], m["status"], len(m["symptoms"]) > 5) for m in json.load(open(sys.argv[1]))["models"]])' "$1"
}
expect 0 "the usual models" compare --set model.chunks=2 --set model.layer_width=32 --set train.session_batch=50 --out usual
holds "are each judged, and refused by the gate" [ "$(models usual/compare.json)" = \
	"('hybrid', 'refused', True) ('plain', 'refused', True) ('ctgan', 'refused', True) ('netshare', 'refused', True)" ]
cat >part.yaml <<'END'
name: part
description: "a header, and neither addresses, source port nor protocol"
header: true
delimiter: ","
newline: "\n"
missing: [""]
absent: [sa, da, sp, pr]
columns:
  - {name: te, column: te, format: datetime}
  - {name: td, column: td, format: seconds, decimals: 3}
  - {name: dp, column: dp, format: integer}
  - {name: pkt, column: pkt, format: integer}
  - {name: byt, column: byt, format: integer}
  - {name: label, column: label, format: text}
END
{
	echo te,td,dp,pkt,byt,label
	cut -d, -f1,2,6,11,12,13 trace.csv
} >part.csv
expect 0 "a table that has no sessions" "$F" compare part.csv $UNCONFINED --quiet --preset demo --dialect ./part.yaml --models ctgan,plain-bits,netshare \
	--set model.window=16 --set model.width=32 --set model.depth=1 --set model.heads=1 --set train.steps=3 --set generate.sampler=fewstep \
	--set generate.steps=2 --out part
says err "netshare failed: model.kind netshare learns sessions" "it is told why NetShare cannot learn it"
says err "take another model.kind" "and nobody is sent to a key that nobody set"
holds "the diffusion of bits is judged, with its own batches" "$PYTHON" -c 'import json
m = json.load(open("part/compare.json"))["models"][1]
assert m["status"] == "refused" and "train.batch=8" in m["set"], m["set"]'
holds "a warning of the flows, which all models have, is said once" [ "$(grep -c "windows in training" err)" = 1 ]
# 0.2 seconds of training: what the plan said is kept, so that the same command again finds all stages.
expect 0 "a budget" compare --models plain --rows 1400 --budget 0.003 --set train.steps=3000 --out budget
cp budget/compare.json first.json
expect 0 "and the same again" compare --models plain --rows 1400 --budget 0.003 --set train.steps=3000 --out budget
cat >read.py <<'END'
import json
one, two = (json.load(open(f))["models"][0] for f in ("first.json", "budget/compare.json"))
assert 0 < one["train_steps"] < one["config_steps"] == 3000 and one["sampler"] == "fewstep"
assert two["train_steps"] == one["train_steps"] and two["metrics"] == one["metrics"]
assert all(s["cached"] for s in two["stages"])
END
holds "has fewer steps, and the same ones" "$PYTHON" read.py
says budget/report.html "of the steps that its config asks for" "the page says how few"
expect 2 "a comparison of another preset is not gone on with" "$F" compare trace.csv $UNCONFINED --quiet --models plain --out budget
says err "budget has a comparison of preset demo: give --preset demo" "it says which that is of"
expect 0 "the runs are in a ledger" "$F" audit --workspace cmp/project/workspace

# --- with differential privacy: counts beside a network, each charged for what it learned ---
claimed() { # OPTION...
	"$F" compare few.csv $UNCONFINED --quiet --preset ugr16-dp --set model.width=16 --set model.heads=1 --set train.steps=3 --set train.warmup=1 \
		--set train.batch=200 --set privacy.draws=1 --set privacy.records=2000 --set privacy.total_epsilon=5 "$@"
}
head -n 600 trace.csv >few.csv
expect 0 "models that claim differential privacy" claimed --models hybrid,marginals,plain --out dp
cat >read.py <<'END'
import json, sqlite3
net, counts, plain = json.load(open("dp/compare.json"))["models"]
assert net["status"] == "passed" and net["train_steps"] == 3, net
assert counts["status"] == "failed" and "privacy.total_epsilon" in counts["message"], counts["message"]
assert plain["status"] == "failed" and "no differentially private form" in plain["message"], plain["message"]
rows = sqlite3.connect("dp/project/workspace/ledger.db").execute("SELECT body FROM ledger WHERE kind = 'charge'").fetchall()
assert [3.9 < json.loads(r[0])["epsilon"] <= 4 for r in rows] == [True], rows
END
holds "the budget of the trace has room for one of them" "$PYTHON" read.py
says err "charged" "and says so"
expect 0 "a budget with room for both" claimed --models hybrid,marginals --out dp --set privacy.total_epsilon=10 --json
holds "lets them stand side by side" test "$(json out '[(m["name"], m["status"]) for m in d["models"]]')" = \
	"[('hybrid', 'passed'), ('marginals', 'passed')]"
says err "charged in the ledger of" "and it is said that this is a budget of its own"
expect 0 "a project that will release" "$F" init --preset ugr16-dp q
charged() { # in q
	"$PYTHON" -c 'import sqlite3
print(sqlite3.connect("q/workspace/ledger.db").execute("select count(*) from ledger where kind = ?", ("charge",)).fetchone()[0])'
}
expect 0 "a comparison in a project" claimed --models marginals --out tuned --project q --set privacy.total_epsilon=10
holds "is charged there" test "$(charged)" = 1
holds "and needs no ledger of its own" test ! -e tuned/project/workspace
release() { # OPTION...: a run of q, another question than those that were compared
	"$F" run q/release.yaml $UNCONFINED --quiet --until train --set source.path="$PWD/few.csv" --set privacy.records=2000 --set privacy.epsilon=3 "$@"
}
expect 1 "what was tuned is missing in the budget of a release" release --set privacy.total_epsilon=6
says err "charged epsilon 3.9" "as tuning was charged for it"
expect 0 "with room for both" release --set privacy.total_epsilon=7.5
holds "it is charged too" test "$(charged)" = 2
expect 1 "deltas add up as well" release --set privacy.total_epsilon=100 --set privacy.epsilon=1 --set privacy.delta=4.99e-4
says err "deltas of this trace are used up" "and are bounded as one is"
expect 0 "without a bound" release --set privacy.epsilon=1 --set privacy.delta=4.99e-4
says err "charge 3 of its trace" "the sum is told"
says err "nothing of use" "with what it comes to"
expect 2 "a workspace without its project is refused" claimed --models marginals --out tuned --workspace q/workspace
says err "goes with --project" "and it is said why"
expect 2 "the first rows of a trace are no public choice" claimed --models marginals --rows 1000 --out rows
says err "source.rows" "and it is said why"
finish
