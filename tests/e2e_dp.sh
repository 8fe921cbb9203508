#!/bin/sh
# Differential privacy from the trace to the archive: what is claimed, charged and published, and that it comes again.
# usage: e2e_dp.sh [FLOWMINT]
# shellcheck disable=SC2086,SC2046 # UNCONFINED is one word or none; documents are several
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

private() { # OPTION...: a run of the project p
	"$F" run p/release.yaml $UNCONFINED --set source.path="$T/trace.csv" "$@"
}
charges() { # how often something was charged
	[ -e p/workspace/ledger.db ] || { echo 0; return; }
	"$PYTHON" -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("select count(*) from ledger where kind = ?", (sys.argv[2],)).fetchone()[0])' p/workspace/ledger.db "$1"
}

expect 0 "a trace is simulated" "$F" simulate --rows 4000 --seed 5 --out trace.csv
expect 0 "a project is made from ugr16-dp" "$F" init --preset ugr16-dp p

# --- refused before anything is read ---
expect 2 "a network whose tokens do not get lost is refused" private --set model.kind=diffusion --set model.process=multinomial
says err "single exchanges" "with the reason"
holds "nothing was charged" test "$(charges charge)" = 0
holds "and no stage ran" test "$(charges stage)" = 0

# --- a plan asks samples of the trace, for nobody to keep ---
expect 0 "a plan, with a bound that is enough for one run" private --plan --until train --set privacy.total_epsilon=4
holds "its samples are charged nowhere" test "$(charges charge)" = 0
holds "it leaves no secret of a run that was not" test ! -e p/workspace/sealed
holds "and it speaks of no charge, and of no ledger but the project's" sh -c '! grep -q "charge\|ledger" err'

# --- a run ---
expect 0 "a run ends well" private --json
holds "nothing is said of values that the dialect has" sh -c '! grep -q "of the values that a release in privacy.mode dp may have" err'
holds "its verdict is pass" test "$(json out 'd["verdict"]')" = pass
archive=p/release/ugr16-dp-1.0.0.tar.zst
holds "one charge is in the ledger" test "$(charges charge)" = 1
expect 0 "flowmint-verify accepts it" "$V" --signers p/allowed_signers $archive
mkdir x
tar --zstd -xf $archive -C x
x=x/ugr16-dp-1.0.0
"$PYTHON" "$ROOT/tests/dp_fields.py" $x/manifest.json >fields
holds "something pays for each field of the manifest" test ! -s fields
"$PYTHON" -c 'import json, sys
d = json.load(open(sys.argv[1]))
d["metrics"].append({"name": "jsd.SA", "value": 0.1, "n": 5})
d["commitments"] = {"method": "x"}
json.dump(d, open("worse.json", "w"))' $x/manifest.json
holds "(a field that nothing pays for is found)" sh -c "! '$PYTHON' '$ROOT/tests/dp_fields.py' worse.json >/dev/null"
holds "the epsilon is at most what was asked for" test "$(json $x/manifest.json '3.9 < d["privacy"]["epsilon"] <= 4')" = True
holds "the guarantee is told for exchange, flow, conversation and host" test \
	"$(json $x/manifest.json '" ".join(sorted({g["of"] for g in d["privacy"]["guarantee"]}))')" = "conversation exchange flow host"
holds "and for hosts of 1, 2, 4, 16 and 64" test \
	"$(json $x/manifest.json '[g["exchanges"] for g in d["privacy"]["guarantee"] if g["of"] == "host"]')" = "[1, 2, 4, 16, 64]"
says $x/README.md "differential privacy" "the data sheet says what is promised"
says $x/README.md "It does not cover" "and what is not"
for hex in $(sha256sum trace.csv | cut -d' ' -f1) $(cd p/workspace/stages/ingest && echo *) $(cd p/workspace/stages/train && echo *); do
	holds "no digest of anything private is in the archive" sh -c "! grep -rqF $hex $x"
done
"$PYTHON" - p ugr16-dp-1.0.0 >told <<'PY'
import hashlib, hmac, json, sqlite3, sys
project, name = sys.argv[1:]
def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256)
key = mac(open(project + "/keys/commitment.key", "rb").read(), "flowmint secret\nledger").digest()
rows = sqlite3.connect(project + "/workspace/ledger.db").execute("SELECT row, time, hash FROM ledger").fetchall()
told = json.load(open(f"{project}/release/{name}.RELEASE.json"))["ledger"]
for i, what in (0, "first"), (1, "witness"):
    made = {mac(key, f"flowmint ledger {what}\n{r[0]} {r[1]}\n").hexdigest() for r in rows}
    if told[("first", "head")[i]] not in made:
        print(what)
PY
holds "its record commits to numbers and times of the ledger's rows, and to none of what they say" test ! -s told
holds "the sealed half is with the team" test -f p/workspace/sealed/r0001.json
says p/workspace/sealed/r0001.json AES-256-GCM "encrypted"

# --- again ---
expect 0 "the same run again" private --json
holds "is taken from the workspace" test "$(json out '[s["cached"] for s in d["stages"][:3]]')" = "[True, True, True]"
holds "and costs nothing" test "$(charges charge)" = 1
expect 0 "other flows of the same model" private --until generate --set generate.rows=500
holds "cost nothing either" test "$(charges charge)" = 1
expect 0 "it is reproduced bit for bit" "$F" reproduce r0001 --workspace p/workspace $UNCONFINED
holds "which costs nothing" test "$(charges charge)" = 1
expect 0 "its model is sealed, with the run's secret" "$F" bundle r0001 --workspace p/workspace $UNCONFINED --out b
mkdir -p m/keys
cp p/keys/commitment.key m/keys
expect 3 "elsewhere the manifest and the trace are not enough" "$F" reproduce $archive --source trace.csv --project m $UNCONFINED
says err "sealed half" "as the noise is of the sealed half"
expect 0 "with it they are" "$F" reproduce $archive --source trace.csv --sealed p/workspace/sealed/r0001.json --project m $UNCONFINED
expect 0 "and so is the bundle" "$F" reproduce $archive --model b --project m $UNCONFINED
holds "nothing is charged there" test -z "$("$F" log --workspace m/workspace | grep charge)"
mv p/workspace/sealed/r0001.json sealed.json
expect 3 "not without its sealed half" "$F" reproduce r0001 --workspace p/workspace $UNCONFINED
says err "sealed half" "which is named"

# --- a run is of its trace, its dialect and its config ---
"$F" simulate --rows 4000 --seed 6 --out other.csv 2>/dev/null
expect 1 "the sealed half is for no other trace" "$F" reproduce $archive --source other.csv --sealed sealed.json --project m $UNCONFINED
says err "another trace" "and it is said"
holds "no stage saw it" sh -c "! '$F' log --workspace m/workspace | grep -q ' stage '"
asks() { # EPSILON: the manifest as of a config that asks for that
	"$PYTHON" -c 'import json, sys
d = json.load(open(sys.argv[1]))
d["config"]["privacy"]["epsilon"] = float(sys.argv[2])
json.dump(d, open("changed.json", "w"))' $x/manifest.json $1
}
asks 8.5
expect 1 "nor for another question" "$F" reproduce changed.json --source trace.csv --sealed sealed.json --project m $UNCONFINED
says err "another config" "which is said too"
asks 3.5
expect 3 "a manifest that claims more than it asked for is none" "$F" reproduce changed.json --source trace.csv --sealed sealed.json --project m $UNCONFINED
says err "more epsilon" "and it is said why"

# --- a gate that asks the holdout ---
paid() { # OPTION...: a fifth of the budget for it
	private --set 'privacy.budget={gate: 0.2}' --set privacy.gate_asks=all --set gate.paid.jsd.PR=0.6 --set gate.paid.jsd_mean=0.6 --set gate.counts.pair_jsd=0.3 \
		--set release.version=1.1.0 "$@"
}
expect 2 "no check asks the holdout where nothing pays" private --set gate.paid.jsd.PR=0.6
says err "privacy.budget.gate" "with the key that would"
"$F" keygen --out p/keys/attest --principal builder | sed 's/"flowmint[^"]*"/"flowmint-attestation"/' >>p/allowed_signers
expect 0 "a run whose budget pays for the gate ends well" paid --json --set publish.attestation_key="$T/p/keys/attest"
holds "it is charged, as another run" test "$(charges charge)" = 2
cp out paid.json
holds "within the epsilon" test "$(json paid.json 'd["verdict"]')" = pass
tar --zstd -xf p/release/ugr16-dp-1.1.0.tar.zst -C x
y=x/ugr16-dp-1.1.0
"$PYTHON" "$ROOT/tests/dp_fields.py" $y/manifest.json >fields
holds "something pays for each field of its manifest" test ! -s fields
"$PYTHON" -c 'import json, sys
d = json.load(open(sys.argv[1]))
d["privacy"]["mechanisms"] = [m for m in d["privacy"]["mechanisms"] if m["name"] != "holdout PKT"]
json.dump(d, open("worse.json", "w"))' $y/manifest.json
holds "(a paid metric that no mechanism is charged for is found)" sh -c "! '$PYTHON' '$ROOT/tests/dp_fields.py' worse.json >/dev/null"
holds "ten fields, eight pairs and the labels were asked" test "$(json $y/manifest.json 'sum(m["name"].startswith("holdout ") for m in d["privacy"]["mechanisms"])')" = 19
holds "for no more epsilon" test "$(json $y/manifest.json '3.9 < d["privacy"]["epsilon"] <= 4')" = True
holds "their metrics and both checks are told" test \
	"$(json $y/manifest.json '(lambda n: (sum(m["name"].startswith("paid.") for m in d["metrics"]), n))(sum(c["name"].startswith("paid.") for c in d["checks"]))')" = "(21, 2)"
says $y/README.md "paid.jsd_mean" "the data sheet has the line"
says $y/README.md "through noise" "and says how it came about"
says $y/README.md "counts.pair_jsd" "what stands beside the noisy counts decides too"
says $y/README.md "beside the noisy counts" "and it says what that is"
expect 1 "a check that is not met blocks" paid --set release.version=1.1.1 --set gate.paid.jsd.SP=0.000001
says err "paid.jsd.SP" "and is named"
holds "for no charge" test "$(charges charge)" = 2
paid_run=$(json paid.json 'd["run"]')
expect 0 "its report for partners" "$F" report "$paid_run" --edition partner --workspace p/workspace --out report.html
says report.html "counted through noise" "tells of it"
exact() { # DOCUMENT...: numbers of private flows in them
	"$PYTHON" "$ROOT/tests/dp_numbers.py" p/workspace/ledger.db "$paid_run" $y/manifest.json "$@"
}
documents() { # FOLDER OF RELEASES: all that goes out, but the flows and the manifest
	echo report.html $y/report.html $y/README.md $y/croissant.json $y/datapackage.json $y/CITATION.cff $y/SHA256SUMS \
		"$1/LOG.jsonl" "$1/ugr16-dp-1.1.0.LOG.json" "$1/ugr16-dp-1.1.0.RELEASE.json"
}
holds "the archive has no file that is not looked at" test "$(cd $y && find . -type f | wc -l)" = 8
holds "and all of them are there" test "$(find $(documents p/release) | wc -l)" = 10
# What was signed of it for others' tools; KEYS and signatures are of keys alone.
"$PYTHON" -c 'import base64, json, sys
for line in open(sys.argv[1]):
    print(base64.b64decode(json.loads(line)["payload"]).decode())' p/release/ugr16-dp-1.1.0.intoto.jsonl >attested.jsonl
holds "its attestations are two" test "$(wc -l <attested.jsonl)" = 2
says attested.jsonl '"resolvedDependencies":[]' "and name nothing that they were made of"
holds "nothing beside the archive is not looked at" test -z "$(cd p/release && find . -type f -name '*1.1.0*' | grep -vE \
	'/ugr16-dp-1.1.0(\.tar\.zst|\.tar\.zst\.sig|\.RELEASE\.json|\.RELEASE\.json\.sig|\.LOG\.json|\.intoto\.jsonl|\.KEYS\.json)$')"
for hex in $(sha256sum trace.csv | cut -d' ' -f1) $(cd p/workspace/stages && echo ingest/* train/* evaluate/* | tr ' ' '\n' | sed 's|.*/||'); do
	holds "nor has any of it a digest of what is private" sh -c "! grep -rqF $hex attested.jsonl p/release"
done
exact $(documents p/release) attested.jsonl >told
if [ -s told ]; then # among so many numbers two may be alike by chance, but not the same two by other noise
	cat told
	paid --json --workspace again --out again.out --set privacy.epsilon=3.9 >again.json
	expect 0 "the partner's report of a run with other noise" "$F" report "$(json again.json 'd["run"]')" --edition partner --workspace again \
		--out report.html
	mkdir again.x
	tar --zstd -xf again.out/ugr16-dp-1.1.0.tar.zst -C again.x
	y=again.x/ugr16-dp-1.1.0
	"$PYTHON" "$ROOT/tests/dp_numbers.py" again/ledger.db "$(json again.json 'd["run"]')" $y/manifest.json $(documents again.out) >again.told
	sed -i 's/.*, which is //' told again.told
	grep -Fxf told again.told >both
	mv both told
	y=x/ugr16-dp-1.1.0
fi
holds "no number that a stage found out about real flows is in it, or in any document of the release" test ! -s told
{ cat $y/README.md; echo "The trace had 4,000 flows."; } >worse.md
holds "(a number of rows is found)" sh -c "! '$PYTHON' '$ROOT/tests/dp_numbers.py' p/workspace/ledger.db $paid_run $y/manifest.json worse.md >/dev/null"
expect 0 "it is reproduced bit for bit, noise and all" "$F" reproduce "$paid_run" --workspace p/workspace $UNCONFINED

# --- the budget of the trace ---
stages=$(charges stage)
expect 1 "a budget that is used up refuses a run" private --until train --set privacy.epsilon=3 --set privacy.total_epsilon=10
says err "charged epsilon 7.9" "and says what was charged"
holds "no stage of it ran" test "$(charges stage)" = "$stages"
expect 1 "and the plan of one" private --plan --until train --set privacy.epsilon=3 --set privacy.total_epsilon=10
says err "charged epsilon 7.9" "which says it too"
expect 0 "a plan without a bound" private --plan --until ingest --set privacy.epsilon=3
says err "this is charge 3 of its trace" "says which charge the run would be"
holds "and charges nothing" test "$(charges charge)" = 2
expect 1 "one that would be released too" private --set publish.dialect=ipfix --set release.version=9.0.0 --set privacy.epsilon=3 --set privacy.total_epsilon=10
says err "of the values that a release in privacy.mode dp may have: 1 of 16 protocols have no number" \
	"and what its dialect does not say of public values is said before"
expect 1 "so do deltas that are no longer below one in privacy.records together" private --until train --set privacy.epsilon=2 --set privacy.total_epsilon=10
says err "deltas of this trace are used up" "and says it"
expect 0 "one with room for both lets it" private --until train --set privacy.epsilon=2 --set privacy.total_epsilon=10 --set privacy.records=200000
holds "and it is charged" test "$(charges charge)" = 3

# The same flows in another file are no other trace: what the config says of its time tells.
gzip -k trace.csv
tac trace.csv >turned.csv
sed 1d trace.csv >less.csv
for file in trace.csv.gz turned.csv less.csv; do
	expect 1 "nor has $file a budget of its own" private --set source.path="$T/$file" --until train --set privacy.epsilon=3 --set privacy.total_epsilon=10
	says err "charged epsilon 9." "as its period is that of the trace"
done
expect 0 "a file of the next day has one" private --set source.path="$T/less.csv" --until train --set privacy.first="2016-04-12 00:00:00" \
	--set privacy.last="2016-04-13 00:00:00" --set privacy.epsilon=3 --set privacy.total_epsilon=10
says err "exchanges are too few for this noise" "and learns nothing of flows that are not of that day"
holds "from which it is charged" test "$(charges charge)" = 4

halves() { # FIRST LAST OPTION...: a run on a part of a later day
	first=$1 last=$2
	shift 2
	private --until ingest --set privacy.first="2016-04-20 $first" --set privacy.last="2016-04-20 $last" --set privacy.epsilon=3 "$@"
}
expect 0 "a period that ends within a minute" halves 00:00:00 12:00:30
expect 1 "and one that begins in that minute share exchanges" halves 12:00:31 18:00:00 --set source.path="$T/turned.csv" --set privacy.total_epsilon=4
expect 0 "one that begins with the next does not" halves 12:01:00 18:00:00 --set source.path="$T/turned.csv" --set privacy.total_epsilon=4

expect 0 "a run for flows, after those for exchanges" private --until ingest --set privacy.unit=flow --set privacy.delta=2e-7
expect 0 "is free again, with a bound too" private --until ingest --set privacy.unit=flow --set privacy.delta=2e-7 --set privacy.total_epsilon=10

# --- a bound on the number of records that is not so ---
expect 3 "more exchanges than privacy.records says, of which delta is over one" private --until train --set privacy.records=1000 --set privacy.delta=9e-4
says err "so that privacy.delta 0.0009 is one in their number or more and the claim is void" "are found in the noisy counts"
says err "privacy.total_epsilon was 10 in an earlier run on this trace, or on a file of its period, and is 0 now" "and it is said that the bound of the trace is no longer there"
long() { # OPTION...: a training of hours
	timeout 60 "$F" run p/release.yaml $UNCONFINED --set source.path="$T/trace.csv" --until train --set model.kind=diffusion \
		--set model.process=absorbing --set train.steps=200000 --set train.batch=64 "$@"
}
expect 3 "so are they before a network is trained" long --set privacy.records=1000 --set privacy.delta=9e-4

expect 0 "another workspace of the project" private --until ingest --workspace "$T/second" --set privacy.epsilon=1
says err "what was charged there is not added up" "adds up nothing of the first, and says so"

# --- a dialect is part of the question ---
own() { # a run with a dialect of the team's own
	private --until train --set source.dialect="$T/own.yaml" "$@"
}
cp "$ROOT/manifests/dialects/ugr16.yaml" own.yaml
charged=$(charges charge)
expect 0 "a dialect of the team's own" own
holds "is another charge" test "$(charges charge)" = $((charged + 1))
expect 0 "the same again" own
holds "is none" test "$(charges charge)" = $((charged + 1))
echo "# a remark" >>own.yaml
expect 0 "an edited dialect" own
holds "is another charge" test "$(charges charge)" = $((charged + 2))
holds "with other noise" test "$("$PYTHON" -c 'import json, sqlite3
print(len({json.loads(r[0])["secret"] for r in sqlite3.connect("p/workspace/ledger.db").execute("select body from ledger where kind = ?", ("charge",))}))')" = $((charged + 2))
finish
