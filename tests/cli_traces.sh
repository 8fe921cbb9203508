#!/bin/sh
# Traces as people have them, made here: what is read, what is warned of, and what is refused, through the program.
# usage: cli_traces.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

"$F" init --preset demo p >/dev/null 2>&1
"$F" simulate --rows 120 --seed 7 --out plain.csv 2>/dev/null

ingest() { # STATUS WHAT TRACE DIALECT [OPTION...]
	status=$1 what=$2 trace=$T/$3 dialect=$4
	shift 4
	case $dialect in *.yaml) dialect=$T/$dialect ;; esac
	expect "$status" "$what" "$F" run p/release.yaml $UNCONFINED --set source.path="$trace" --set source.dialect="$dialect" \
		--set model.window=2 --until ingest "$@"
}
mine() { # KEY: VALUE...: mine.yaml, of UGR'16's columns
	{
		echo "name: mine"
		for key; do echo "$key"; done
		echo "columns:"
		for c in te td sa da sp dp pr flg fwd stos pkt byt label; do echo "  - {name: $c, column: $c}"; done
	} >mine.yaml
}

# A spreadsheet in German.
{
	echo "Start;Duration;Src IP;Dst IP;Src Port;Dst Port;Protocol;Flags;Packets;Bytes;Label"
	awk -F, -v OFS=';' 'function by3(n) { return n > 999 ? by3(int(n / 1000)) sprintf(".%03d", n % 1000) : n }
		{ split($1, d, /[- ]/); sub(/\./, ",", $2)
		  print d[3] "." d[2] "." d[1] " " d[4], $2, $3, $4, $5, $6, $7, $8, by3($11), by3($12), $13 }' plain.csv
} >german.csv
expect 0 "a file of a German spreadsheet gets a dialect" "$F" sniff german.csv
cp out german.yaml
says out 'decimal: ","' "with its decimal comma"
says out 'thousands: "."' "and the points between thousands"
ingest 0 "which reads it" german.csv german.yaml
says err "ingest: 120 rows" "whole"
sed -i '/^decimal\|^thousands/d' german.yaml
ingest 3 "without the keys it is refused" german.csv german.yaml
says err 'decimal: "," in the dialect reads it' "with what reads it"

# A label that the map has for nothing.
sed 's/,[^,]*$/,/' plain.csv >nothing.csv
mine "header: false" 'labels: {"": normal}'
ingest 0 "a map may name the empty label" nothing.csv mine.yaml
holds "which is missing no more" sh -c '! grep -q "missing" err'
sed 's/$/,/' nothing.csv >nothings.csv
sed 's/column: label/column: label, sum: true/' mine.yaml >joint.yaml
echo "  - {name: type, column: label, sum: true}" >>joint.yaml
ingest 0 "and that of several columns" nothings.csv joint.yaml
holds "which is not missing either" sh -c '! grep -q "missing" err'

# An entry of the map that no row has is told by its line.
sed 's/,[^,]*$/,scan1/' plain.csv >scans.csv
mine "header: false" "labels:" "  scan1: dos" "  Scan2: dos" "  'spam*': mail"
ingest 0 "a map with entries that no row has" scans.csv mine.yaml
says err "mine.yaml:5: labels: no row that was read of" "is told at the first line of one"
says err "'Scan2' (line 5), 'spam*' (line 6)" "with all of them"
holds "and none that a row has" sh -c '! grep -q "scan1. (line" err'
ingest 0 "the same on two threads" scans.csv mine.yaml --set train.threads=2 --set split.seed=2
says err "is met by 2 of 3 entries" "is the same"

# What a release in a dialect of one's own cannot say is said before training.
sed 's/,[^,]*$/,scan1/' plain.csv >scans.csv
mine "header: false" 'labels: {"scan*": dos, dos: attack}'
ingest 0 "labels that a release would have in another meaning" scans.csv mine.yaml
says err "a release in dialect mine: 1 of 1 labels are in its map as another spelling of others" "which is told at ingest"

# What a release in another dialect of one's own cannot say is found by a trial before training, and what nobody could
# read back is refused there.
awk -F, -v OFS=, 'NR % 9 == 0 { $6 = 65535 } NR % 11 == 0 { $13 = "\" lead\"" } NR % 13 == 0 { $13 = "#odd" } { print }' plain.csv >hard.csv
trial() { # STATUS WHAT SEED
	status=$1 what=$2 seed=$3
	shift 3
	expect "$status" "$what" "$F" run p/release.yaml $UNCONFINED --set source.path="$T/hard.csv" --set source.dialect=ugr16 --set model.window=2 \
		--set model.width=32 --set model.heads=2 --set model.depth=1 --set train.steps=2 --set train.warmup=1 --set train.seed="$seed" \
		--until train --set publish.dialect="$T/mine.yaml" "$@"
}
mine "header: true" 'missing: ["65535"]'
trial 0 "a port that is a word for none" 1
says err "a release in dialect mine: dp of " "is found in a trial"
says err "is read back as another (a number under missing" "with why"
trial 0 "the same of a plan, which tries two samples" 7 --plan
holds "is told once" test "$(grep -c "a release in dialect mine: dp of" err)" -eq 1
mine "header: true" 'missing: ["65535", "443"]' 'labels: {background: other}'
trial 0 "the same beside a map that loses labels" 6
says err "as another spelling of others" "the words for which have names of columns in them"
says err "a release in dialect mine: sp of " "tells of the one port all the same"
says err "a release in dialect mine: dp of " "and of the other"
holds "and of the labels once" sh -c '! grep -q "a release in dialect mine: label of" err'
mine "header: true" "quote: none" 'delimiter: ";"'
trial 0 "labels whose blanks need quotes" 2
says err "a release in dialect mine: label of " "are found in a trial"
mine "header: true"
trial 0 "the same with quotes" 3
holds "which lose nothing" sh -c '! grep -q "a release in dialect" err'
sed -i '/column: label/d; s/^columns:/&\n  - {name: label, column: label}/; s/^name:.*/&\ncomment: ["#"]/' mine.yaml
trial 0 "a label in front that begins as a comment" 4
holds "is written in quotes" sh -c '! grep -q "a release in dialect\|a release of flows" err'
sed -i 's/^comment:.*/&\nquote: none/' mine.yaml
trial 0 "and where there are none" 5
says err "1 of 10 values of label have no text in it" "it is said before training"
mine "header: false"
trial 0 "one file says how the trace is read and how it is released" 6 --set source.dialect="$T/mine.yaml"
mine "header: false" 'comment: ["20"]'
trial 3 "rows that all begin as comments" 8
says err "publish.dialect mine writes these flows and cannot read them" "are refused before training"
says err "a file in dialect mine holds no row" "by the dialect's name"
holds "and not by that of a file that is gone" sh -c '! grep -q "[.]rehearsal" err'
mine "header: true" 'comment: ["20"]'
trial 3 "the same with a header" 9
holds "with no such name either" sh -c '! grep -q "[.]rehearsal\|[.]body" err'

# Nor is it learned at the end where training was done before: what was not said of this dialect is said before flows are made.
mine "header: true" 'missing: ["65535"]'
cp mine.yaml lossy.yaml
trial 0 "trained, and now released in another dialect" 3 --set publish.dialect="$T/lossy.yaml"
says err "train      cached" "training is not done again"
says err "a release in dialect mine: dp of " "and what the release would not say is said"
trial 0 "once more" 3 --set publish.dialect="$T/lossy.yaml"
holds "and not again" sh -c '! grep -q "a release in dialect" err'
mine "header: true" 'missing: ["65535"]' "quote: none"
trial 0 "the same file with other keys" 3
says err "a release in dialect mine: dp of " "is another dialect"

# -1 for a port that is none, as pandas and agents write it.
mine "header: false"
awk -F, -v OFS=, 'NR % 2 { $5 = -1 } { print }' plain.csv >none.csv
ingest 3 "ports of -1" none.csv mine.yaml
says err 'sp is negative: where -1 stands for none, missing: ["-1"] in the dialect reads it' "are refused with what reads them"
mine "header: false" 'missing: ["-1"]'
ingest 0 "which does" none.csv mine.yaml

# Files that were joined: a header between the rows, of the same columns or of others.
names=te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label
mine "header: true"
{ echo $names; head -60 plain.csv; echo $names | tr '[:lower:]' '[:upper:]'; tail -60 plain.csv; } >joined.csv
ingest 0 "a header in capital letters between the rows" joined.csv mine.yaml --set source.max_bad_share=0
says err "ingest: 120 rows" "is no row"
says err "the header stands 1 times more between the rows" "and is told"
{ echo $names; head -60 plain.csv; echo $names,; tail -60 plain.csv; } >joined.csv
ingest 0 "a header with a comma behind it between the rows" joined.csv mine.yaml --set source.max_bad_share=0
says err "ingest: 120 rows" "is no row either"
{ echo $names,; head -60 plain.csv; echo $names; tail -60 plain.csv; } >joined.csv
ingest 0 "one with a comma behind it before rows and a header without" joined.csv mine.yaml --set source.max_bad_share=0
says err "ingest: 120 rows" "loses none"
ingest 0 "nor does it on two threads" joined.csv mine.yaml --set source.max_bad_share=0 --set train.threads=2 --set split.seed=2
{ echo $names,; head -60 plain.csv; } >first.csv
{ echo $names; tail -60 plain.csv; } >second.csv
ingest 0 "before another file too" "" mine.yaml --set source.max_bad_share=0 --set source.path="[$T/first.csv, $T/second.csv]"
says err "ingest: 120 rows" "all rows are read"
{ echo $names,; sed 's/$/,7/' plain.csv; } >unnamed.csv
ingest 0 "a last column without a name may have values" unnamed.csv mine.yaml --set source.max_bad_share=0
{ echo $names,; sed 's/,[^,]*$//' plain.csv; } >short.csv
ingest 3 "but a row lacks no named one" short.csv mine.yaml
says err "12 columns where 14 are expected" "which is said"
{ echo $names; head -60 plain.csv; echo $names,more; tail -60 plain.csv; } >joined.csv
ingest 3 "one with a column more is refused" joined.csv mine.yaml
says err "line 62 is a header whose columns stand in other places" "with its line"
{ echo $names; head -60 plain.csv; echo te,td,da,sa,sp,dp,pr,flg,fwd,stos,pkt,byt,label; tail -60 plain.csv; } >joined.csv
ingest 3 "one whose columns stand in other places is refused" joined.csv mine.yaml
says err "line 62 is a header whose columns stand in other places" "with its line"
ingest 3 "by two threads too" joined.csv mine.yaml --set train.threads=2 --set split.seed=2
{ head -60 plain.csv; echo te,td,sa,da,dp,sp,pr,flg,fwd,stos,pkt,byt,label; tail -60 plain.csv; } >joined.csv
ingest 3 "and so it is in a file without a header" joined.csv ugr16
says err "line 61 is a header whose columns stand in other places" "with its line"

# A release in a decimal comma, with commas between columns too: it is taken by a partner and read back.
rm -rf p
toy 4 2 300
mine "header: true" 'decimal: ","'
{ echo $names; awk -F, -v OFS=, '{ sub(/\./, ",", $2); $2 = "\"" $2 "\""; print }' trace.csv; } >commas.csv
expect 0 "a release of durations with a decimal comma" "$F" run p $UNCONFINED --quiet --set source.path="$T/commas.csv" \
	--set source.dialect="$T/mine.yaml"
expect 0 "a partner takes it" "$V" --no-state --signers p/allowed_signers p/release/toy-1.0.0.tar.zst
tar --zstd -xf p/release/toy-1.0.0.tar.zst
holds "its durations have the comma, between quotes" grep -q '^[^,]*,"[0-9]*,[0-9][0-9][0-9]",' toy-1.0.0/data/flows.csv
holds "its schema says so" grep -q '"decimalChar": *","' toy-1.0.0/datapackage.json
holds "to Croissant, which knows points alone, they are text" "$PYTHON" -c 'import json
f = json.load(open("toy-1.0.0/croissant.json"))["recordSet"][0]["field"]
assert [c["dataType"] for c in f if c["name"] == "td"] == ["sc:Text"], f'
expect 0 "what reads the trace reads the release" "$F" evaluate --real commas.csv --synthetic toy-1.0.0/data/flows.csv \
	--dialect "$T/mine.yaml" --only jsd --no-controls
holds "whole" sh -c '! grep -q "cannot be read" err'
finish
