#!/bin/sh
# privacy.unit window, from the trace to the archive: what is claimed, planned, charged and said of all that two hosts exchange in
# a minute.  What is common to all in privacy.mode dp is in e2e_dp.sh.
# usage: e2e_dp_window.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is words
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

private() { # OPTION...: a run of the project p
	"$F" run p/release.yaml $UNCONFINED --set privacy.records=10000 --set source.path="$T/trace.csv" "$@"
}

expect 0 "a trace is simulated" "$F" simulate --rows 4000 --seed 5 --out trace.csv
expect 0 "a project is made from ugr16-dp" "$F" init --preset ugr16-dp p
expect 0 "its budget for windows is told before" "$F" budget p/release.yaml --set privacy.unit=window --set privacy.records=10000 --json
cp out plan.json
expect 2 "how much is kept of a window does nothing for another unit" private --set privacy.window_exchanges=8
says err "privacy.unit exchange" "which is said"
expect 0 "a run ends well" private --set privacy.unit=window --set privacy.total_epsilon=9 --json
holds "its verdict is pass" test "$(json out 'd["verdict"]')" = pass
archive=p/release/ugr16-dp-1.0.0.tar.zst
expect 0 "flowmint-verify accepts it" "$V" --signers p/allowed_signers $archive
tar --zstd -xf $archive
x=ugr16-dp-1.0.0
"$PYTHON" "$ROOT/tests/dp_fields.py" $x/manifest.json >fields
holds "something pays for each field of the manifest" test ! -s fields
"$PYTHON" -c 'import json, sys
a, b = json.load(open("plan.json")), json.load(open(sys.argv[1]))["privacy"]
sys.exit(a["mechanisms"] != b["mechanisms"] or a["guarantee"] != b["guarantee"] or a["epsilon"] != b["epsilon"]
         or b["unit"] != "window" or b["adjacency"] != "add_or_remove")' $x/manifest.json
result $? "its mechanisms and guarantees are those of the plan, for a window"
says $x/README.md "all flows between two hosts that end in the same minute" "the data sheet says what a window is"
says $x/README.md "| one window | 4 |" "what it is accounted as"
says $x/manifest.json "Sensitivities there are to one exchange, and a window is a group of so many" "the manifest says whose its sensitivities are"
says $x/README.md "all that two hosts exchange in 10 min" "and what longer is"
expect 0 "the report of the run says it too" "$F" report r0001 --workspace p/workspace --out report.html
says report.html "For one window" "in words"
expect 3 "a run for exchanges does not add to it" private --until train --set privacy.total_epsilon=9
says err "were charged for windows" "and is refused by name"
expect 0 "one that keeps more of a window does" private --set privacy.unit=window --set privacy.window_exchanges=8 --until train \
	--set privacy.total_epsilon=9
expect 1 "until the budget of the trace is used up" private --set privacy.unit=window --set privacy.window_exchanges=16 --until train \
	--set privacy.total_epsilon=9
finish
