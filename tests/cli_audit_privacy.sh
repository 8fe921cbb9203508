#!/bin/sh
# flowmint audit-privacy: an attack on the claim of a config, what it costs, and what the gate and the manifest make of it.
# usage: cli_audit_privacy.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

audit() { # OPTION...
	"$F" audit-privacy p/release.yaml $UNCONFINED --set source.path="$T/trace.csv" --canaries 400 "$@"
}
rows() { # KIND: of the ledger
	"$PYTHON" -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("select count(*) from ledger where kind = ?", (sys.argv[2],)).fetchone()[0])' p/workspace/ledger.db "$1"
}

expect 0 "a trace is simulated" "$F" simulate --rows 3000 --seed 5 --out trace.csv
expect 0 "another, which is no secret" "$F" simulate --rows 3000 --seed 6 --out public.csv
expect 0 "(a project)" "$F" -q init --preset ugr16-dp p

# --- what it tells, and what it costs ---
expect 0 "an audit of the private trace" audit --json
holds "is one document" is_json out
cp out first.json
holds "with a bound below the claim" test "$(json first.json '0 <= d["epsilon_lower"] <= d["epsilon"] and not d["refuted"]')" = True
holds "each run costs what the claim says" test "$(json first.json 'd["charged"] == d["epsilon"]')" = True
holds "which is in the ledger" test "$(rows charge) $(rows audit)" = "1 1"
holds "half the canaries or so were in" test "$(json first.json '150 < d["runs"][0]["included"] < 250')" = True
expect 0 "the same audit again" audit --json
holds "has the same answer" cmp -s out first.json
holds "and costs nothing" test "$(rows charge)" = 1
expect 0 "other canaries" audit --json --canaries 300
holds "are other noise, and are charged" test "$(rows charge)" = 2
expect 0 "canaries are no exchanges that privacy.records must bound" audit --canaries 2000 --workspace "$T/crowded" \
	--set privacy.records=1600 --set privacy.delta=6e-4
cp "$ROOT/manifests/dialects/ugr16.yaml" own.yaml
expect 0 "a dialect of the team's own" audit --json --canaries 300 --set source.dialect="$T/own.yaml"
echo "# a remark" >>own.yaml
expect 0 "and the same, edited" audit --json --canaries 300 --set source.dialect="$T/own.yaml"
holds "are other noise each, and are charged" test "$(rows charge)" = 4
expect 1 "what is over the budget of the trace is refused" audit --runs 3 --set privacy.total_epsilon=8
says err "used up" "and says so"
expect 0 "a budget" audit --workspace "$T/bounded" --set privacy.total_epsilon=8
expect 0 "and three runs without" audit --runs 3 --workspace "$T/bounded"
holds "are warned of once" test "$(grep -c "is raised bounds nothing" err)" = 1
expect 0 "a public trace" audit --public --set source.path="$T/public.csv"
says out "proven:   epsilon at most 3.99" "the certificate has a side above"
says out "for one exchange, delta" "for the unit of the claim"
says out "measured: epsilon at least" "and one below"
says out "the trace is public" "and costs nothing"
expect 3 "a trace that was charged is not public" audit --public
says err "charged as a private one" "and it is said why"
expect 0 "flowmint log" "$F" log --workspace p/workspace
says out "epsilon at least" "tells of audits"
holds "nothing of an audit is left but its rows" test -z "$(ls -d p/workspace/stages/audit p/workspace/clear* 2>/dev/null)"

# --- refused ---
expect 0 "(a project without a claim)" "$F" -q init --preset demo q
expect 3 "of which there is nothing to audit" "$F" audit-privacy q/release.yaml --set source.path="$T/trace.csv"
says err "nothing to audit" "with the reason"
expect 2 "three canaries" audit --canaries 3
expect 2 "and a hundred runs" audit --runs 100

# --- the gate and the manifest ---
private() { # OPTION...: a run of the project p
	"$F" run p/release.yaml $UNCONFINED --set source.path="$T/trace.csv" "$@"
}
check='next((c for c in d["checks"] if c["name"] == "audit.epsilon_lower"), None)'
expect 0 "a run ends well" private --json
holds "with the audit among its checks" test "$(json out "($check)['pass'] and ($check)['threshold'] > 3.9")" = True
mkdir x
tar --zstd -xf p/release/ugr16-dp-1.0.0.tar.zst -C x
m=x/ugr16-dp-1.0.0/manifest.json
holds "the manifest has both sides, of the public trace" test "$(json $m 'd["privacy"]["audit"]["epsilon_lower"] <= d["privacy"]["epsilon"]')" = True
holds "and something pays for each of its fields" "$PYTHON" "$ROOT/tests/dp_fields.py" $m
expect 0 "flowmint-verify accepts it" "$V" --signers p/allowed_signers p/release/ugr16-dp-1.0.0.tar.zst
expect 0 "it is reproduced, with the audit that it had" "$F" reproduce r0001 --workspace p/workspace $UNCONFINED

# A run on a trace of which an audit said that it was public.
expect 0 "a run on the trace that was called public" private --until ingest --set source.path="$T/public.csv"
says err "was charged nothing for the trace of this run" "says so"
holds "and tells of no audit of a public trace" test "$("$PYTHON" -c 'import json, sqlite3
print([json.loads(r[0])["public"] for r in sqlite3.connect("p/workspace/ledger.db").execute("select body from ledger where kind = ? order by row", ("audited",))][-1])')" = False

expect 0 "(a third trace)" "$F" simulate --rows 3000 --seed 7 --out third.csv
expect 0 "a later audit of another public trace" audit --public --set source.path="$T/third.csv"
expect 0 "decides, and the run" private --until ingest --set source.path="$T/public.csv" --set privacy.epsilon=3.5
says err "was charged nothing for the trace of this run" "still tells of the earlier one"

# A later audit of the private trace: it decides, and its number stays with the team.
expect 0 "an audit of the private trace" audit
expect 0 "a run" private --json --set release.version=1.0.1
holds "the team sees the number" test "$(json out "($check) is not None")" = True
tar --zstd -xf p/release/ugr16-dp-1.0.1.tar.zst -C x
m=x/ugr16-dp-1.0.1/manifest.json
holds "the archive does not tell it" test "$(json $m "($check) is None and 'audit' not in d['privacy']")" = True
expect 0 "the first run is reproduced all the same" "$F" reproduce r0001 --workspace p/workspace $UNCONFINED
finish
