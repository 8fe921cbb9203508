#!/bin/sh
# flowmint evaluate --gate on files that nobody chose: fresh flows pass without a config, and whatever is odd about a table
# (one row, one class, constant columns, the same file twice, nothing in common, no value for a metric) ends in a verdict that
# its lines bear out, never in a crash and never in a pass that nothing stands for.
# usage: cli_evaluate.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

gate="--gate --preset demo"
judged() { # REAL SYNTHETIC [OPTION...]: exit status of the gate; out has its document
	real=$1 synthetic=$2
	shift 2
	# shellcheck disable=SC2086 # many words
	"$F" evaluate --real "$real" --synthetic "$synthetic" $gate --json "$@"
}

sound() { # the document in out is a verdict that its own lines bear out
	"$PYTHON" - 2>err <<-'END'
	import json, math
	d = json.load(open("document"))
	lines = d["checks"]
	assert lines and d["verdict"] in ("pass", "fail")
	assert (d["verdict"] == "pass") == all(c["pass"] or c.get("waived") for c in lines), "the lines say otherwise"
	for c in lines:
	    assert {"name", "value", "threshold", "direction", "n", "pass", "margin"} <= set(c), c
	    good = c["value"] is not None and c["threshold"] is not None and (
	        c["value"] <= c["threshold"] if c["direction"] == "max" else c["value"] >= c["threshold"])
	    assert c["pass"] == good and (good or c["why"]), c
	END
}

odd() { # NAME WANTED-STATUS CHECK-THAT-FAILS REAL SYNTHETIC [OPTION...]
	what=$1 status=$2 check=$3
	shift 3
	expect "$status" "$what: exit status $status" judged "$@"
	cp out document
	holds "$what: a verdict that its lines bear out" sound
	[ -z "$check" ] || holds "$what: $check fails" test "$(json out "[c['pass'] for c in d['checks'] if c['name'] == '$check']")" = "[False]"
}

expect 0 "(a trace)" "$F" simulate --rows 9600 --seed 9 --out all.csv
awk '{ print >("part" int((NR - 1) / 16) % 3 ".csv") }' all.csv
head -n 1 part0.csv >one.csv
head -n 1 part1.csv >other.csv
head -n 700 part0.csv >few.csv
head -n 700 part1.csv >few1.csv
head -n 700 part2.csv >few2.csv

# --- fresh flows ---
odd "fresh flows, two files" 0 "" part0.csv part1.csv
holds "what needs a holdout is left out and listed" test "$(json out '"leak.family_p" in d["left_out"] and "leak.share_nearer_train" in d["left_out"]')" = True
holds "and so is what needs a model" test "$(json out '"leak.mia_model_auc" in d["left_out"]')" = True
holds "whole rows copied are asked for all the same" test "$(json out '[c["pass"] for c in d["checks"] if c["name"] == "leak.rows_equal"]')" = "[True]"
odd "fresh flows with a holdout" 0 "" part0.csv part1.csv --holdout part2.csv
holds "nothing is left out but what needs a model" test "$(json out 'd["left_out"]')" = "['leak.mia_model_auc']"
holds "the gate was tried, and every control that must be caught was" test \
	"$(json out 'len(d["controls"]) > 10 and all(c["ok"] for c in d["controls"])')" = True
holds "a line has an interval where one is known" test \
	"$(json out '[c["ci"] is not None and c["ci"][0] <= c["value"] <= c["ci"][1] for c in d["checks"] if c["name"] in ("leak.share_nearer_train", "c2st.flow_blocks_auc")]')" = "[True, True]"
holds "so has every measure, threshold or none" test \
	"$(json out 'all(d["intervals"][k][0] <= d["leak"][k[5:]] <= d["intervals"][k][1] for k in ("leak.mia_auc", "leak.rare_sp", "leak.singling_uni_risk"))')" = True
holds "values stand beside their floors" test \
	"$(json out 'all(k in d["floor"] for k in ("jsd", "emd", "assoc", "pair_jsd", "time", "heavy", "burst", "c2st", "anomaly"))')" = True
odd "the holdout's own flows as synthetic ones" 1 holdout.disjoint part0.csv part2.csv --holdout part2.csv --no-controls
odd "a holdout that is the real table again" 1 holdout.disjoint part0.csv part1.csv --holdout part0.csv --no-controls
holds "it says what is wrong" test "$(json out '["real table" in c["why"] for c in d["checks"] if c["name"] == "holdout.disjoint"]')" = "[True]"
odd "a holdout of one row, and no controls" 1 rows.holdout part0.csv part1.csv --holdout one.csv --no-controls
expect 0 "a holdout that is the real table, without a gate" "$F" evaluate --real few.csv --synthetic few1.csv --holdout few.csv --only rows
says err "warning: --holdout few.csv: its flows are those of --real" "is warned of"
expect 0 "the same for people" "$F" evaluate --real few.csv --synthetic few1.csv --holdout few2.csv
holds "and a value and its interval" grep -qE '^leak\.mia_auc +[0-9.e-]+  95 % [0-9.e-]+ to [0-9.e-]+$' out
holds "what is worst stands first" sh -c 'sed -n 1p out | grep -qx "farthest from what fresh real flows score" && test "$(sed -n 2,6p out | grep -c " times its [a-z ]*  ")" -ge 3'
holds "and each group once" test "$(grep -c "^One field, divergence$" out)/$(grep -c "^Leakage$" out)/$(grep "^[A-Z]" out | sort | uniq -d | wc -l)" = 1/1/0
holds "a value and its floor share a line" grep -qE '^jsd\.TD +[0-9.e-]+  floor [0-9.e-]+$' out
"$F" evaluate --real few.csv --synthetic few1.csv --holdout few2.csv --gate --preset demo --no-controls >out 2>err
holds "the verdict stands first, its lines after it, then what is worst" test "$(grep -nE "^(gate: |check |farthest )" out | sed 's/ .*//' | tr '\n' ' ' | sed 's/[0-9]*:\(farth\)/N:\1/')" = "1:gate: 2:check N:farthest "
holds "people read why a check is left out" grep -qx "left out, as only flowmint run has what it takes: leak.mia_model_auc" out
holds "and no other reason" test "$(grep -c "left out" out)" = 1
"$F" evaluate --real few.csv --synthetic few1.csv --gate --preset demo --no-controls >out 2>err
holds "without a holdout, whose labels count for what is learned, each reason" test "$(grep -c "^left out" out)" = 3
holds "each for its own checks" grep -q "^left out without a --holdout: .*leak.family_p" out
says out "left out, as the real flows have fewer than two labels: tstr.macro_f1.trees" "labels too"
holds "and no others" test "$(grep -c "^left out without a --holdout: .*leak.mia_model" out)" = 0
printf 'preset: demo\nsource: {path: x}\n' >gate.yaml
"$F" evaluate --real few.csv --synthetic few1.csv --gate gate.yaml --no-controls --json >out 2>err
holds "with a config what needs a holdout fails, and what needs a model is left out" test \
	"$(json out '[c["why"][:12] for c in d["checks"] if c["name"] == "leak.family_p"], d["left_out"]')" = "(['not measured'], ['leak.mia_model_auc', 'tstr.macro_f1.trees'])"
printf 'preset: demo\nsource: {path: x}\ngate: {%s leak.mia_model_auc: 0.6}\n' \
	"$("$ROOT/tests/preset_checks.sh" "$ROOT/manifests/demo.yaml" | grep -v mia_model | sed 's/$/: null,/' | tr '\n' ' ')" >model.yaml
expect 1 "a config that asks for nothing else has no check left, which fails" "$F" evaluate --real few.csv --synthetic few1.csv --gate model.yaml --no-controls --json
holds "in words" test "$(json out '[(c["name"], c["why"][:17]) for c in d["checks"]]')" = "[('gate', 'no check is there')]"

expect 0 "a table beside itself" "$F" evaluate --real few.csv --synthetic few.csv --only leak,jsd
holds "what is farthest from its ideal is that it is a copy" sh -c 'sed -n 2,6p out | grep -q "^  leak.rows_equal  *1  " && sed -n 2,6p out | grep -q "^  leak.echo_addr  *1  "'
holds "and nothing that stands at its ideal" test "$(sed -n '2,/^$/p' out | grep -c "^  jsd")" = 0
expect 0 "the same fields" "$F" evaluate --real few.csv --synthetic few.csv --only jsd
holds "where nothing is worse than its ideal, that is said" sh -c 'sed -n 1p out | grep -qx "no metric is worse than its ideal"'

# --- archives, folders, a page ---
mkdir -p x/demo-1.0/data && cp few1.csv x/demo-1.0/data/flows.csv && tar -C x -cf - demo-1.0 | zstd -q >demo-1.0.tar.zst
"$F" evaluate --real few.csv --synthetic few1.csv --only jsd,leak --json >plain 2>err
expect 0 "the flows of an archive" "$F" evaluate --real few.csv --synthetic demo-1.0.tar.zst --only jsd,leak --json
holds "score as the same flows in a file" cmp plain out
expect 0 "a page" "$F" evaluate --real few.csv --synthetic few1.csv --holdout few2.csv --report page.html
holds "it has the measures and the fields, for its writer alone" sh -c 'grep -q "<code>leak.mia_auc</code>" page.html && grep -q "<figure>" page.html && test "$(stat -c %a page.html)" = 600'
holds "and misses nothing that only a release has" sh -c '! grep -qiE "missing<|Missing:|manifest.json|flowmint-verify|release report|Nothing was released|#privacy" page.html'
expect 0 "a page of few measures" "$F" evaluate --real few.csv --synthetic few1.csv --only jsd --report page.html
holds "has these" grep -q "<code>jsd.TD</code>" page.html
holds "and misses no others" sh -c '! grep -qiE "missing<|Missing:|href=.#(tasks|controls|checks)" page.html'
expect 0 "the flows of an unpacked archive" "$F" evaluate --real few.csv --synthetic x/demo-1.0 --only jsd,leak --json
holds "score as the same flows in a file" cmp plain out
expect 3 "a page that cannot be written is refused" "$F" evaluate --real few.csv --synthetic few1.csv --report nowhere/page.html
says err "--report: cannot create nowhere/page.html" "by its option"
holds "before anything is measured" test "$(grep -c evaluate: err)" = 0
mkdir nothing
expect 3 "a folder without flows is refused" "$F" evaluate --real few.csv --synthetic nothing
says err "nothing holds no flows of a run" "by name"
says err "name a project or its workspace, a stage's product such as WORKSPACE/stages/generate/KEY, an unpacked archive or a folder with one archive, or a file" "and what would"
mkdir -p broken/synthetic && echo '{}' >broken/synthetic/schema.json
expect 3 "a damaged product is refused" "$F" evaluate --real few.csv --synthetic broken
says err "broken/synthetic" "by its own name"

# --- the list of metrics ---
expect 0 "the list of all metrics" "$F" evaluate --metrics
sed -n '/^| name | what it is/,/^$/p' "$ROOT/docs/metrics.md" | sed '$d' >listed
holds "docs/metrics.md has it" cmp listed out

# --- odd tables ---
# The preset, tried on fewer planted flows: a verdict is a verdict.
printf 'preset: demo\nsource: {path: x}\ngate: {control_rows: 100}\n' >odd.yaml
gate="--gate odd.yaml --only jsd,downstream"
odd "a table beside itself" 1 leak.rows_equal few.csv few.csv
odd "a table beside itself, and as its own holdout" 1 leak.rows_equal few.csv few.csv --holdout few.csv
odd "one row" 1 jsd_mean8 few.csv one.csv --holdout few2.csv
odd "one real row" 1 jsd.PR one.csv few1.csv --holdout few2.csv
odd "one row on all sides" 1 controls.broken one.csv one.csv --holdout one.csv
odd "two rows with nothing in common" 1 jsd.TD one.csv other.csv
odd "a holdout of one row" 1 controls.broken few.csv few1.csv --holdout one.csv
awk 'NR == 1 { first = $0 } { print first }' few1.csv >constant.csv
odd "constant columns" 1 pair_jsd few.csv constant.csv --holdout few2.csv
odd "real flows of constant columns" 1 anomaly.score_correlation constant.csv few1.csv --holdout few2.csv
odd "constant columns on all sides" 1 leak.rows_equal constant.csv constant.csv --holdout constant.csv
awk -F, -v OFS=, '{ sub(/^2016-04-11/, "2031-01-01", $1); $2 = 999 + NR; $3 = "203.0.113." NR % 200; $4 = "198.51.100." NR % 90; $5 = 60000 + NR % 99;
	$6 = 50000 + NR % 77; $7 = "GRE"; $8 = "......"; $9 = 0; $10 = 8; $11 = 90000 + NR; $12 = 90000000 + NR; $13 = "odd"; print }' few1.csv >disjoint.csv
odd "nothing in common" 1 jsd.TD few.csv disjoint.csv --holdout few2.csv
holds "divergence is at its greatest" test "$(json out 'd["jsd"]["BYT"] > 0.6931 and d["jsd"]["TD"] > 0.6931')" = True
for f in few few1 few2; do
	awk -F, -v OFS=, '{ $13 = "background"; print }' $f.csv >$f.single.csv
done
odd "one class" 1 "" few.single.csv few.single.csv --holdout few2.single.csv
holds "one class: it says so" test "$(json out 'd["downstream"]["label_classes"]')" = 1
holds "one class: and has no task of labels" test "$(json out '"tstr" in d')" = False
holds "one class: the other tasks are there" test "$(json out 'd["downstream"]["mse_ratio"] is not None and d["anomaly"]["score_correlation"] is not None')" = True
printf 'preset: demo\nsource: {path: x}\ngate: {time.IAT: 1, jsd_mean8: 9}\n' >iat.yaml
"$F" evaluate --real few.csv --synthetic one.csv --gate iat.yaml --no-controls --json >out 2>err
holds "the message names what failed" grep -q "the gate refuses these flows: [0-9]* of [0-9]* checks failed: [A-Za-z0-9_.]* [-0-9.e]* (m" err
holds "a metric without a value fails its check" test "$(json out '[(c["value"], c["pass"]) for c in d["checks"] if c["name"] == "time.IAT"]')" = "[(None, False)]"
awk 'NR == 100 { print "no flow" } NR == 200 { sub(/,[0-9]+,background$/, ",,background") } { print }' few1.csv >spoilt.csv
expect 0 "a file with a row that is none" "$F" evaluate --real few.csv --synthetic spoilt.csv --only rules --json
says err "spoilt.csv: 1 of 701 rows cannot be read and count as flows that cannot exist; first at line 100" "it says so"
holds "it counts as a flow that cannot exist, beside the one without bytes" test "$(json out 'abs(d["rules"]["broken_share"] - 2 / 701) < 1e-12 and d["rules"]["short_bytes"] == 1 / 700')" = True
says err "spoilt.csv: 1 missing value counts as 0" "and what became of a value that is missing"
says err "evaluate: 1 step to do" "and how many steps are chosen"
expect 0 "the same for people" "$F" evaluate --real few.csv --synthetic spoilt.csv --only rules
says out "1 synthetic row cannot be read: it counts in rules.broken_share, and all other metrics are those of the rest" "they read of the rest"
awk -F, -v OFS=, '{ $12 = -5 } NR > 600 { $5 = 70000 } { print }' few1.csv >impossible.csv
expect 3 "a file of impossible flows alone is refused" "$F" evaluate --real few.csv --synthetic impossible.csv --only rules
says err "none of 700 rows can be read by dialect ugr16, so nothing can be judged" "in words"
says err "; 600 rows: byt is negative (column byt); 100 rows: sp is over 65535 (column sp)" "with the number of each reason"
cp spoilt.csv real.csv
expect 0 "likewise in a real file" "$F" evaluate --real real.csv --synthetic few.csv --only rules --json
expect 1 "where a rule's check fails" "$F" evaluate --real real.csv --synthetic spoilt.csv --gate --no-controls
says out "rules.broken_share: the trace itself breaks it: 0.285 % of its flows, most of them short_bytes" "it is told which rule the real flows break"
expect 0 "(again)" "$F" evaluate --real real.csv --synthetic few.csv --only rules --json
holds "of the real ones" test "$(json out 'd["rules"]["broken_share"] == 0 and abs(d["rules"]["broken_share_real"] - 2 / 701) < 1e-12')" = True
awk 'NR % 50 == 0 { print "no flow" } { print }' few.csv >bad.csv
expect 3 "a real file with more than 1 % of such rows is refused" judged bad.csv few1.csv
holds "without the name of a key that evaluate lacks" grep -q "bad, over the limit of 1 %; first at line" err
: >none.csv
expect 3 "a file without flows is refused" judged few.csv none.csv
expect 3 "on either side" judged none.csv few.csv
holds "in words" grep -q "no rows\|no flows\|empty" err
# --- the files are a stranger's: they are read behind the walls of a stage ---
if [ -n "$CONFINED" ] && [ -r /proc/$$/task/$$/children ]; then
	walls_of_job() { # or it has ended
		for child in $(cat /proc/$job/task/*/children 2>/dev/null); do
			grep -q '^Seccomp:.2' /proc/"$child"/status 2>/dev/null || continue
			walls=$(grep -cE '^(NoNewPrivs:.1|CapEff:.0000000000000000|Seccomp:.2)$' /proc/"$child"/status)
			[ "$(readlink /proc/"$child"/ns/net)" = "$(readlink /proc/self/ns/net)" ] && walls=none
			! ls /proc/"$child"/root/etc/passwd >/dev/null 2>&1 || walls=none
		done
		[ -n "$walls" ] || ! kill -0 $job 2>/dev/null
	}
	for _ in 1 2 3 4 5; do # again where it has ended before anybody looked
		walls=
		"$F" evaluate --real few.csv --synthetic few1.csv --json >out 2>err &
		job=$!
		until_true 300 walls_of_job
		wait $job
		[ -z "$walls" ] || break
	done
	holds "evaluate measures in a process without network, rights and files of others" test "$walls" = 3
else
	skip "evaluate measures in a process without network" "no namespaces, or no list of children, here"
fi

# A trace of two phases, a flood and then background, whose windows are dealt out to all three tables: bytes that are shuffled, and
# then clamped to what the protocol has a packet, are refused, and fresh flows pass.
"$F" simulate -q --rows 2200 --hours 3 --seed 3 --out sim.csv
"$PYTHON" - <<-'END'
	import csv, datetime, random
	rnd = random.Random(1)
	late = [r for r in csv.reader(open("sim.csv")) if r[12] == "background"][:1504]
	began = datetime.datetime.fromisoformat(late[0][0]) - datetime.timedelta(hours=1)
	flows = [[str(began + datetime.timedelta(seconds=int(i * 1.4))), "0.000", f"42.219.{rnd.randrange(145, 160)}.{rnd.randrange(1, 255)}",
	          "171.12.3.4", str(rnd.randrange(1024, 65536)), "80", "TCP", "....S.", "0", "0", "1", "40", "dos"] for i in range(2496)] + late
	flood, rest = list(range(39)), list(range(39, 62))
	rnd.shuffle(flood), rnd.shuffle(rest)
	windows = {"p-real": flood[:15] + rest[:9], "p-holdout": flood[15:25] + rest[9:15], "p-fresh": flood[25:] + rest[15:]}
	table = {k: [list(r) for w in sorted(v) for r in flows[64 * w:64 * w + 64]] for k, v in windows.items()}
	each = {}
	for r in table["p-real"]:
	    each.setdefault(r[6], []).append(int(r[11]) / int(r[10]))
	byt = [int(r[11]) for r in table["p-fresh"]]
	rnd.shuffle(byt)
	table["p-bad"] = [r[:11] + [str(int(min(max(b, min(each[r[6]]) * int(r[10])), max(each[r[6]]) * int(r[10]))))] + r[12:]
	                  for r, b in zip(table["p-fresh"], byt)]
	for k, v in table.items():
	    csv.writer(open(k + ".csv", "w"), lineterminator="\n").writerows(v)
END
gate="--gate --preset any --no-controls"
expect 0 "fresh flows of a trace of two phases pass" judged p-real.csv p-fresh.csv --holdout p-holdout.csv
expect 1 "and bytes that belong to other flows are refused" judged p-real.csv p-bad.csv --holdout p-holdout.csv
holds "by the error of what they teach" test "$(json out '[c["name"] for c in d["checks"] if not c["pass"]]')" = "['downstream.mse_ratio']"
finish
