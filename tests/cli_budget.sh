#!/bin/sh
# flowmint budget: what a config in privacy.mode dp will ask, without any trace.
# usage: cli_budget.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

expect 0 "(a project)" "$F" -q init --preset ugr16-dp p

budget() { "$F" budget p/release.yaml "$@"; } # whose trace is not named yet

expect 0 "a table, in two seconds of processor time" within 2 budget
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
holds "a conversation of m minutes is m + 1 exchanges" test \
	"$(json four.json '[(g["minutes"], g["exchanges"]) for g in d["guarantee"] if g["of"] == "conversation"]')" = "[(1, 2), (10, 11), (60, 61)]"
holds "k exchanges never less than k - 1" test \
	"$(json four.json '(lambda e: e == sorted(e))([g["epsilon"] for g in d["guarantee"] if g["of"] == "host" and g["epsilon"]])')" = True
expect 0 "half the epsilon" budget --json --set privacy.epsilon=2
holds "is more noise in each" test "$(json out 'd["mechanisms"][0]["scale"]')" != "$(json four.json 'd["mechanisms"][0]["scale"]')"
expect 0 "a noise multiplier in its place" budget --json --set privacy.epsilon=0 --set privacy.noise_multiplier=2
holds "states the epsilon" test "$(json out '1 < d["epsilon"] < 4')" = True
expect 0 "by moments" budget --json --set privacy.accountant=rdp
holds "the target is kept to as well" test "$(json out '3 < d["epsilon"] <= 4')" = True
expect 0 "a project is found from a folder of it" sh -c "mkdir p/below && cd p/below && '$F' budget"
expect 3 "mode none has no budget" sh -c "'$F' -q init --preset demo q && '$F' budget q/release.yaml"
says err "claims nothing" "it says so"
expect 2 "a config that voids its claim is refused" budget --set privacy.delta=0.1
says err "1 / privacy.records" "with the reason"
gate() { # the gate's part of the shares, to a hundredth, and how many entries it has
	json out '(lambda g: (round(sum(m["share"] for m in g), 2), len(g)))([m for m in d["mechanisms"] if m["name"].startswith("holdout ")])'
}
expect 0 "a share for the gate" budget --json --set 'privacy.budget={gate: 0.1}'
holds "is that of ten questions to the holdout" test "$(gate)" = "(0.1, 10)"
holds "and the target is kept to, closely" test "$(json out '3.95 < d["epsilon"] <= 4')" = True

# A period of a year has more minutes than any other count has cells.
expect 0 "a trace of a year" budget --json --set privacy.first="2015-04-12 00:00:00"
holds "keeps to the target, closely" test "$(json out '3.95 < d["epsilon"] <= 4')" = True
expect 2 "one of longer than a year" budget --set privacy.first="1970-01-01 00:00:00"
says err "366 days" "is refused with the limit"

# --- unit flow: an exchange is replaced by another one ---
flow() { budget --json --set privacy.unit=flow --set privacy.records=240000 "$@"; }
expect 0 "a budget for flows" flow
cp out flow.json
holds "keeps to the target, closely" test "$(json flow.json '3.95 < d["epsilon"] <= 4')" = True
holds "for one flow, whose exchange is replaced" test "$(json flow.json 'd["unit"], d["adjacency"], [g["exchanges"] for g in d["guarantee"][:2]]')" = \
	"('flow', 'replace_one', [1, 1])"
holds "which moves each count by sqrt(2)" test "$(json flow.json 'all(abs(m["sensitivity"] - 2 ** 0.5) < 1e-12 for m in d["mechanisms"])')" = True
holds "with more noise for it" "$PYTHON" -c 'import json
a, b = (json.load(open(n + ".json"))["mechanisms"][0]["scale"] for n in ("flow", "four"))
assert abs(a / b / 2 ** 0.5 - 1) < 0.01, (a, b)'
for all in "" "--set privacy.records=20000 --set train.batch=20000 --set train.steps=3"; do
	# shellcheck disable=SC2086 # as many words as there are
	expect 0 "a network's budget for flows" flow --set model.kind=diffusion $all
	holds "keeps to the target, closely" test "$(json out '3.9 < d["epsilon"] <= 4')" = True
	json out '__import__("json").dumps({"relation": "replace_one", "mechanisms": [{"mechanism": "sampled_gaussian", "sampling": m["rate"],
		"noise_multiplier": m["scale"], "times": m["times"]} if m["name"] == "training" else {"mechanism": "gaussian",
		"scale": m["scale"], "sensitivity": m["sensitivity"], "times": m["times"]} for m in d["mechanisms"]]})' >list.json
	json out 'd["epsilon"]' >claimed
	expect 0 "the accountant's verb takes the list" "$F" epsilon --mechanisms list.json --delta "$(cat left.txt)"
	holds "and finds the claim, at most 3 % below" "$PYTHON" -c 'import sys
sys.exit(not 0.97 < float(open("out").read()) / float(open("claimed").read()) <= 1)'
done

# --- unit window: all that two hosts exchange in a minute, a group of exchanges ---
window() { budget --json --set privacy.unit=window "$@"; }
for m in 2 4 16; do
	for kind in marginals diffusion; do
		expect 0 "a budget for windows of $m exchanges, kind $kind" window --set privacy.window_exchanges=$m --set model.kind=$kind
		holds "keeps to the target, closely" test "$(json out '3.9 < d["epsilon"] <= 4')" = True
		holds "for one window, which is there or not" test \
			"$(json out 'd["unit"], d["adjacency"], [(g["of"], g["exchanges"]) for g in d["guarantee"][:3]]')" = \
			"('window', 'add_or_remove', [('window', $m), ('exchange', 2), ('flow', 2)])"
		holds "in the statement too" test "$(json out '"at most '$m' exchanges" in d["statement"]')" = True
		json out '__import__("json").dumps([{"mechanism": "sampled_gaussian", "sampling": m["rate"], "noise_multiplier": m["scale"],
			"times": m["times"]} if m["name"] == "training" else {"mechanism": "gaussian", "scale": m["scale"],
			"sensitivity": m["sensitivity"], "times": m["times"]} for m in d["mechanisms"]])' >list.json
		json out 'd["epsilon"]' >claimed
		expect 0 "the accountant's verb takes the list for $m exchanges" "$F" epsilon --mechanisms list.json --group $m --delta 9e-7
		holds "and finds the claim, within a hundredth" "$PYTHON" -c 'import sys
sys.exit(abs(float(open("out").read()) / float(open("claimed").read()) - 1) > 0.01)'
	done
done
for kind in marginals diffusion; do
	expect 0 "kind $kind, a window of 64" window --set privacy.window_exchanges=64 --set model.kind=$kind
	holds "ten minutes of two hosts are 11 windows, of which as much is said as of 11 units" test \
		"$(json out '[(g["exchanges"], 78 < g["epsilon"] < 83, g["delta"] < 1.1e-5) for g in d["guarantee"] if g["of"] == "window" and g.get("minutes") == 10]')" = \
		"[(704, True, True)]"
done
expect 0 "all of it in words" "$F" budget p/release.yaml --set privacy.unit=window
says out "for one window" "names the unit"
says out "Sensitivities are to one exchange.  A window of 4 moves each count by at most 4 times as much" "says whose the sensitivities are"
says out "Shares are of a window" "and the shares"
says out "all of two hosts of 10 min, at most 44 exchanges" "and what two hosts exchange in ten minutes"

# --- several runs on one trace ---
expect 0 "a budget with no bound on its sum" "$F" budget p/release.yaml
says out "total_epsilon is 0: nothing bounds" "says so"
says out "stay below one in privacy.records for 1" "and how many runs the deltas leave room for"
expect 0 "one with a bound" "$F" budget p/release.yaml --set privacy.total_epsilon=16 --set privacy.delta=2e-7
says out "enough for 4 such runs" "says how many it is for"
says out "in privacy.records for 5" "and the deltas"

# --- the network: counts and training ---
network() { budget --set model.kind=diffusion "$@"; }
expect 0 "100,000 steps of training, in two" within 2 network --set train.steps=100000 --set train.batch=100
expect 0 "a network's budget" network --json
cp out net.json
holds "keeps to the target, closely" test "$(json net.json '3.95 < d["epsilon"] <= 4')" = True
holds "has the steps of training, sampled" test \
	"$(json net.json '[(m["times"], round(m["rate"] * 900000)) for m in d["mechanisms"] if m["name"] == "training"]')" = "[(500, 4096)]"
holds "shares sum to one" test "$(json net.json 'abs(sum(m["share"] for m in d["mechanisms"]) - 1) < 1e-9')" = True
"$PYTHON" -c 'import json
d = json.load(open("net.json"))
def one(x):
    if x["rate"] < 1:
        return {"mechanism": "sampled_gaussian", "sampling": x["rate"], "noise_multiplier": x["scale"] / x["sensitivity"], "times": x["times"]}
    return {"mechanism": "gaussian", "scale": x["scale"], "sensitivity": x["sensitivity"], "times": x["times"]}
json.dump([one(x) for x in d["mechanisms"]], open("list.json", "w"))
print(d["delta"] - sum(x.get("delta", 0) for x in d["mechanisms"]))' >left.txt
expect 0 "flowmint epsilon takes the list" "$F" epsilon --mechanisms list.json --delta "$(cat left.txt)"
holds "and is at most 3 % below, never above" "$PYTHON" -c 'import json, sys
sys.exit(not 0.97 < float(open("out").read()) / json.load(open("net.json"))["epsilon"] <= 1)'
expect 0 "a share for the gate" network --json --set 'privacy.budget={gate: 0.1}'
holds "is that of ten questions to the holdout" test "$(json out 'sum(m["name"].startswith("holdout ") for m in d["mechanisms"])')" = 10
holds "and the target is kept to, closely" test "$(json out '3.95 < d["epsilon"] <= 4')" = True
sigma() { json "$1" '[m["scale"] for m in d["mechanisms"] if m["name"] == "training"][0]'; }
port() { json "$1" '[m["scale"] for m in d["mechanisms"] if m["name"] == "port-0"][0]'; }
pair() { json "$1" '[m["scale"] for m in d["mechanisms"] if m["name"] == "server x label"][0]'; }
expect 0 "more of it for the training" network --json --set 'privacy.budget={vocabulary: 0.03, pairs: 0.27, training: 0.7}'
cp out more.json
holds "keeps to the target as well" test "$(json more.json '3.95 < d["epsilon"] <= 4')" = True
holds "has less noise there and more in the counts" "$PYTHON" -c 'import sys
a, b, c, d, e, f = map(float, sys.argv[1:])
sys.exit(not (a < b and c > d and e > f))' "$(sigma more.json)" "$(sigma net.json)" "$(port more.json)" "$(port net.json)" "$(pair more.json)" "$(pair net.json)"
expect 0 "a share that nobody has" network --json --set 'privacy.budget={vocabulary: 0.1, pairs: 0.2, training: 0.2}'
holds "is not spent" test "$(json out 'd["epsilon"] < 3')" = True
expect 0 "a noise multiplier in place of epsilon" network --json --set privacy.epsilon=0 --set privacy.noise_multiplier=2
holds "is worth one Gaussian" test "$(json out '1 < d["epsilon"] < 4')" = True
expect 0 "by moments" network --json --set privacy.accountant=rdp
holds "the target is kept to as well" test "$(json out '3.9 < d["epsilon"] <= 4')" = True
expect 2 "a network without a share for training is refused" network --set 'privacy.budget={vocabulary: 0.5, pairs: 0.5}'
says err "and trains" "with the reason"
expect 2 "counts with a share for training too" budget --set 'privacy.budget={vocabulary: 0.3, pairs: 0.3, training: 0.4}'
says err "trains nothing" "with the reason"
expect 0 "shares of counts alone" budget --json --set 'privacy.budget={vocabulary: 0.05, pairs: 0.95}'
holds "move noise from one to the other" "$PYTHON" -c 'import sys
a, b, c, d = map(float, sys.argv[1:])
sys.exit(not (a > b and c < d))' "$(port out)" "$(port four.json)" "$(pair out)" "$(pair four.json)"
holds "and keep to the target" test "$(json out '3.95 < d["epsilon"] <= 4')" = True
finish
