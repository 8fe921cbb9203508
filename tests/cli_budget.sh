#!/bin/sh
# flowmint budget: what a config in privacy.mode dp will ask, without any trace.
# usage: cli_budget.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

expect 0 "(a project)" "$F" -q init --preset ugr16-dp p
# A trace that is not there: nobody looks for it.
budget() { "$F" budget p/release.yaml --set source.path=nowhere.csv "$@"; }

began=$(date +%s%N)
expect 0 "a table" budget
took=$((($(date +%s%N) - began) / 1000000))
holds "in under a second of an idle machine ($took ms; five are allowed here)" test $took -lt 5000
says out "mechanism" "it has a heading"
says out "sensitivity" "with the sensitivity"
says out "kind x time" "and a line for each mechanism"
says out "host with 64 exchanges" "what it means for a host"
expect 0 "--json" budget --json
holds "is one document" is_json out
cp out four.json
holds "epsilon keeps to the target, closely" test "$(json four.json '3.95 < d["epsilon"] <= 4')" = True
holds "shares sum to one" test "$(json four.json 'abs(sum(m["share"] for m in d["mechanisms"]) - 1) < 1e-9')" = True
# By the accountant's own verb: continuous Gaussians of the same list, at the delta that thresholds leave, leak a little less than
# discrete ones (docs/private-counts.md).
"$PYTHON" -c 'import json
d = json.load(open("four.json"))
m = [{"mechanism": "gaussian", "scale": x["scale"], "sensitivity": x["sensitivity"], "times": x["times"]} for x in d["mechanisms"]]
json.dump({"mechanisms": m}, open("list.json", "w"))
print(d["delta"] - sum(x.get("delta", 0) for x in d["mechanisms"]))' >left.txt
expect 0 "flowmint epsilon takes the list" "$F" epsilon --mechanisms list.json --delta "$(cat left.txt)"
holds "and is at most 3 % below, never above" "$PYTHON" -c 'import json, sys
sys.exit(not 0.97 < float(open("out").read()) / json.load(open("four.json"))["epsilon"] <= 1)'
holds "a flow costs more than an exchange" test \
	"$(json four.json '[g["epsilon"] for g in d["guarantee"] if g["of"] == "flow"][0] > d["epsilon"]')" = True
holds "k exchanges never less than k - 1" test \
	"$(json four.json '(lambda e: e == sorted(e))([g["epsilon"] for g in d["guarantee"] if g["of"] == "host" and g["epsilon"]])')" = True
expect 0 "half the epsilon" budget --json --set privacy.epsilon=2
holds "is more noise in each" test "$(json out 'd["mechanisms"][0]["scale"]')" != "$(json four.json 'd["mechanisms"][0]["scale"]')"
expect 0 "a noise multiplier in its place" budget --json --set privacy.epsilon=0 --set privacy.noise_multiplier=2
holds "states the epsilon" test "$(json out '1 < d["epsilon"] < 4')" = True
expect 0 "by moments" budget --json --set privacy.accountant=rdp
holds "the target is kept to as well" test "$(json out '3 < d["epsilon"] <= 4')" = True
expect 3 "mode none has no budget" sh -c "'$F' -q init --preset demo q && '$F' budget q/release.yaml --set source.path=x"
says err "claims nothing" "it says so"
expect 2 "a config that voids its claim is refused" budget --set privacy.delta=0.1
says err "1 / privacy.records" "with the reason"
expect 3 "a kind without a private form too" budget --set model.kind=diffusion
says err "no differentially private form" "with the reason"
finish
