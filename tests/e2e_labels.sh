#!/bin/sh
# A balanced or a busier trace: labels in the shares that were asked for, rows of a label that classifiers trained on real
# flows take for such, hours of the day, more and fewer rows than were learned.
# usage: e2e_labels.sh [FLOWMINT]      TABLE=1: also print the table of docs/how-it-works.md (minutes)
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
STEPS=200

# make NAME OPTION...: NAME.csv by the one model, and NAME.json, what table_csv.py says is in it
make() {
	into=$1
	shift
	rm -rf w/stages/generate/*
	"$F" run p/release.yaml $UNCONFINED --workspace w --until generate --set source.path="$T/trace.csv" --set train.steps=$STEPS \
		--set generate.rows=5000 "$@" >out 2>err || return 1
	unsealed w generate kept && "$PYTHON" "$ROOT/tests/table_csv.py" kept "$into.csv" >"$into.json"
}

# How classifiers that learned from a part of the trace do on the flows of FILE: F1 of LABEL by boosted trees.
recognised() { # FILE LABEL
	"$F" evaluate --real learned.csv --synthetic fresh.csv --holdout "$1" --only trtr --json >judged 2>err &&
		json judged "d['trtr']['f1']['trees']['$2']"
}

label() { # NAME LABEL: its share
	json "$1.json" "d['labels'].get('$2', 0)"
}

near() { # VALUE WANTED TOLERANCE
	awk -v v="$1" -v w="$2" -v t="$3" 'BEGIN { exit !(v >= w - t && v <= w + t) }'
}

above() { # VALUE LEAST
	awk -v v="$1" -v w="$2" 'BEGIN { exit !(v > w) }'
}

expect 0 "(a trace)" "$F" simulate --rows 40000 --seed 5 --out trace.csv
expect 0 "(another like it)" "$F" simulate --rows 10000 --seed 6 --out fresh.csv
head -n 15000 trace.csv >learned.csv # what classifiers learn from
expect 0 "(a project)" "$F" init --preset demo p

# --- labels ---
expect 0 "a trace without wishes" make asis --set generate.rows=12000
holds "has as much background as it had ($(label asis background))" near "$(label asis background)" 0.92 0.01
for l in dos=0.0176 scan11=0.0104 anomaly-spam=0.0080; do
	holds "and as much ${l%=*} ($(label asis ${l%=*}))" near "$(label asis ${l%=*})" ${l#*=} 0.003
done
ssh=$(awk -F, '$13 == "anomaly-sshscan" { n++; hit += $6 == 22 } END { print n ? hit / n : 0 }' asis.csv)
holds "what is labelled a scan of ssh goes to port 22 ($ssh of its flows)" above "$ssh" 0.4
holds "and no GRE has a port, no UDP a SYN" test "$(awk -F, '($7 == "GRE" && $5 + $6 > 0) || ($7 == "UDP" && $8 ~ /[URPSF]/) { n++ } END { print n + 0 }' asis.csv)" = 0
expect 0 "a trace with a fifth of it an attack" make dos --set 'generate.labels={dos: 0.2, background: 0.8}' --set generate.guidance=3
holds "has a fifth of it ($(label dos dos))" near "$(label dos dos)" 0.2 0.005
holds "and no other label" near "$(label dos background)" 0.8 0.005
real=$(recognised fresh.csv dos)
guided=$(recognised dos.csv dos)
holds "who learned the attack from real flows knows it again (F1 $guided; real flows: $real)" above "$guided" "$(echo "$real" | awk '{ print 0.5 * $1 }')"
expect 0 "one without guidance" make plain --set 'generate.labels={dos: 0.2, background: 0.8}'
holds "has a fifth too" near "$(label plain dos)" 0.2 0.005
unguided=$(recognised plain.csv dos)
holds "guidance makes the attack plainer (F1 $unguided without)" above "$guided" "$unguided"
# What follows asks which label and which hour a flow has, not what else it looks like: few steps are enough.
quick="--set generate.steps=8"
expect 0 "three attacks at once, more than was ever seen" make many $quick \
	--set 'generate.labels={scan11: 0.3, dos: 0.3, nerisbotnet: 0.2, background: 0.2}'
for l in scan11=0.3 dos=0.3 nerisbotnet=0.2 background=0.2; do
	holds "${l%=*} comes in its share" near "$(label many ${l%=*})" ${l#*=} 0.005
done
expect 0 "a trace without attacks" make clean $quick --set 'generate.labels={background: 1}'
holds "has none" test "$(json clean.json 'list(d["labels"])')" = "['background']"
expect 3 "a label that nobody learned is refused" "$F" run p/release.yaml $UNCONFINED --workspace w --until generate \
	--set source.path="$T/trace.csv" --set train.steps=$STEPS --set 'generate.labels={zebra: 1}'
says err "zebra" "by its name"

# --- hours ---
expect 0 "a working day" make day $quick --set 'generate.hours=[8, 20]'
holds "begins at 8" test "$(json day.json 'd["hours"][0]')" = 8
in_hours=$(awk -F'[ :]' '$2 >= 8 && $2 < 20 { n++ } END { print n / NR }' day.csv)
holds "and ends at 20, but for windows that end later ($in_hours in the hours)" above "$in_hours" 0.99
expect 0 "with labels" make night $quick --set 'generate.hours=[2, 14]' --set 'generate.labels={dos: 0.1, background: 0.9}'
holds "both hold" near "$(label night dos)" 0.1 0.005

# --- rows ---
for rows in 1 33 32000; do
	expect 0 "$rows rows" make rows --set generate.rows=$rows --set generate.steps=4
	holds "are $rows" test "$(json rows.json 'd["rows"]')" = $rows
	holds "over the whole day where there are enough" test "$(json rows.json 'd["hours"] == [0, 23] or d["rows"] < 1000')" = True
done

if [ -n "${TABLE:-}" ]; then
	echo "# | F1 of dos, boosted trees | 300 steps | 600 steps | 1200 steps |"
	for w in 0 1 3; do
		line="# | guidance $w"
		for STEPS in 300 600 1200; do
			make t --set 'generate.labels={dos: 0.2, background: 0.8}' --set generate.guidance=$w
			line="$line | $(recognised t.csv dos | awk '{ printf "%.2f", $1 }')"
		done
		echo "$line |"
	done
	echo "# | real flows | $real |"
fi
finish
