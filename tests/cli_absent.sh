#!/bin/sh
# A table without addresses, source port, protocol and time, as CIC-IDS2017's MachineLearningCSV has its flows.
# usage: cli_absent.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

expect 0 "(a trace)" "$F" simulate --rows 20000 --hours 4 --seed 3 --out trace.csv
awk -F, -f "$ROOT/tests/imitate.awk" trace.csv >table.csv
holds "the imitated table has 79 columns" test "$(head -1 table.csv | tr ',' '\n' | wc -l)" = 79
part() { # FROM TO
	head -1 table.csv
	sed -n "$(($1 + 1)),$(($2 + 1))p" table.csv
}
part 1 2200 >real.csv
part 2201 4400 >fresh.csv
part 4401 6600 >holdout.csv
{
	part 1 110
	part 2311 4400 | tail -n +2
} >copied.csv
# The ten strangest rows, over ten of the others.
{
	tail -n +2 real.csv | awk -F, '{ print ($2 + 1) * ($3 + $4) * ($5 + $6 + 1) " " $0 }' | sort -gr | head -10 | cut -d' ' -f2- >strange
	head -2191 fresh.csv
	cat strange
} >outliers.csv

expect 0 "sniff knows it" "$F" sniff --json table.csv
holds "and is sure" test "$(json out 'd["dialect"], d["sure"]')" = "('cic-ids2017-ml', True)"
evaluate() { # SYNTHETIC HOLDOUT OPTION...
	s=$1 h=$2
	shift 2
	"$F" evaluate $UNCONFINED --dialect auto --real real.csv --synthetic "$s" --holdout "$h" --gate --preset any "$@"
}
expect 0 "fresh flows pass the gate" evaluate fresh.csv holdout.csv --json
holds "it is said what the table has not" test "$(json out 'd["absent"]')" = "['te', 'sa', 'da', 'sp', 'pr']"
holds "what needs that is not measured" test "$(json out '[k for k in d["jsd"] if k not in ("DP", "DPb", "TD", "PKT", "BYT", "TY")]')" = "[]"
holds "nor are checks of it" test "$(json out '"jsd.SA" in d["left_out"] and "host.LIFE" in d["left_out"]')" = True
holds "which is no reason to fail" test "$(json out 'd["verdict"]')" = pass
holds "each planted generator was caught that had to be" test "$(json out '[c["name"] for c in d["controls"] if not c["ok"]]')" = "[]"
expect 1 "one row copied in 20 fails it" evaluate copied.csv holdout.csv --no-controls
says err "leak.family_p" "by the tests of leakage"
says out "The real flows have no te sa da sp pr: what needs them is not measured" "for people, the same is said"
expect 1 "ten of the strangest rows fail it" evaluate outliers.csv holdout.csv --no-controls
says err "leak.isolated_z_no_addr_time" "by the check that is made of such tables"
expect 1 "a holdout that is the training rows is none" evaluate copied.csv real.csv --no-controls
says err "holdout.disjoint 1 (max" "which is said"
# A check that somebody wrote down is never dropped: a config's own fail where its preset's are left out.
own() { # CHECKS
	printf 'preset: any\nsource: {path: x}\ngate: {%s}\n' "$1" >own.yaml
	"$F" evaluate $UNCONFINED --dialect auto --real real.csv --synthetic fresh.csv --holdout holdout.csv --gate own.yaml --no-controls --json
}
expect 0 "a config leaves out its preset's checks of absent columns" own "jsd.PKT: 0.2"
holds "and lists them" test "$(json out '"jsd.SA" in d["left_out"] and "jsd.TS" in d["left_out"]')" = True
expect 1 "what it asks itself fails" own "jsd.SA: 0.2, jsd.TS: 0.2, c2st.window_auc: 0.9"
holds "each check of them, with the reason" test \
	"$(json out 'sorted((c["name"], "needs a column" in c["why"]) for c in d["checks"] if not c["pass"])')" = \
	"[('c2st.window_auc', True), ('jsd.SA', True), ('jsd.TS', True)]"
holds "and is not listed as left out" test \
	"$(json out '"jsd.DA" in d["left_out"], [c for c in ("jsd.SA", "jsd.TS", "c2st.window_auc") if c in d["left_out"]]')" = "(True, [])"
# Sizes of two digits in base 2: few flows seldom repeat each other, and many of a larger holdout do.
coarse() {
	awk -F, -v OFS=, 'NR > 1 { for (i = 2; i <= 6; i++) if ($i > 0) $i = int(2 ^ int(log($i) / log(2)) + 0.5) } { print }'
}
part 1 300 | coarse >few.csv
part 301 600 | coarse >few1.csv
part 601 6600 | coarse >many.csv
expect 0 "fresh flows beside a holdout that repeats itself more than the few real ones do" "$F" evaluate $UNCONFINED \
	--dialect auto --real few.csv --synthetic few1.csv --holdout many.csv --gate --preset any --only leak --no-controls --json
holds "which it does" test "$(json out 'd["leak"]["repeats_holdout"] > 2 * d["leak"]["repeats_train"]')" = True
{
	cat few.csv
	tail -n +2 few.csv
	part 601 800 | coarse | tail -n +2
} >twice.csv
expect 1 "a holdout that is the training rows twice over is none" "$F" evaluate $UNCONFINED \
	--dialect auto --real few.csv --synthetic few1.csv --holdout twice.csv --gate --preset any --only leak --no-controls
says err "holdout.disjoint" "which is said"
expect 0 "a page of it" "$F" evaluate $UNCONFINED --dialect auto --real real.csv --synthetic fresh.csv --only jsd --report page.html
says page.html "The real flows have no te sa da sp pr" "says the same"
sed 's/^ Destination Port/Target/' fresh.csv >named.csv
expect 0 "of other names sniff says what is not there" "$F" sniff named.csv
says out "# absent: [te,sa,da,sp,dp,pr]" "as a line that a dialect may have"
sed -n 's/^# absent/absent/p' out | cat out - | grep -v '^# absent' >mine.yaml
expect 0 "with which its rows are read" "$F" evaluate $UNCONFINED --dialect "$T/mine.yaml" --real named.csv --synthetic named.csv --only jsd
expect 3 "a whole flow is no row of it" "$F" evaluate $UNCONFINED --dialect cic-ids2017-ml --real trace.csv --synthetic trace.csv
finish
