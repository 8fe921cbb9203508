#!/bin/sh
# A trace of several files, and one from standard input: the same flows as from one file; what is missing or damaged is named.
# usage: cli_many_files.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

ingest() { # PATH OPTION...
	path=$1
	shift
	rm -rf w
	"$F" run p/release.yaml $UNCONFINED --workspace "$T/w" --until ingest --set source.path="$path" --json "$@"
}

store() {
	unsealed w ingest kept
	find kept -name '*.npy' | sort | while read -r f; do
		echo "$f $(sha256sum <"$f")"
	done | sha256sum
}

same() { # NAME PATH [OPTION...]
	name=$1 path=$2
	shift 2
	expect 0 "$name is read" ingest "$path" "$@"
	holds "$name gives the same flows" test "$(store)" = "$plain"
}

expect 0 "(a trace)" "$F" simulate --rows 3000 --seed 2 --out all.csv
expect 0 "(a project)" "$F" init --preset demo p
expect 0 "one file is read" ingest "$T/all.csv"
plain=$(store)

# Names whose order is not that of time; one hour without a flow; one file compressed.
mkdir hours
sed -n 1,1000p all.csv >hours/c.csv
sed -n 1001,1777p all.csv >hours/a.csv
sed -n 1778,3000p all.csv | gzip -c >hours/b.csv.gz
: >hours/d.csv
same "a pattern" "$T/hours/*"
says err "3 files in the order of time, from $T/hours/c.csv to $T/hours/b.csv.gz" "the order is that of time"
says err "hours/d.csv holds no row: it is passed over" "an empty file is named"
says err "hours/a.csv: its lines are counted from 1001 on" "it is said how lines are counted"
{
	sed '/^ *path:/d' p/release.yaml | sed '/^source:/q'
	echo '  path: [../hours/b.csv.gz, "../hours/c.csv", "../hours/[a].csv"]'
	sed '/^ *path:/d' p/release.yaml | sed '1,/^source:/d'
} >p/list.yaml
rm -rf w
expect 0 "a list in the config is read" "$F" run p/list.yaml $UNCONFINED --workspace "$T/w" --until ingest
holds "a list gives the same flows" test "$(store)" = "$plain"
expect 0 "the run can be done again" "$F" run p/list.yaml $UNCONFINED --workspace "$T/w" --until ingest
says err "cached" "and is remembered"
holds "the ledger has the files" sh -c "$F log --workspace $T/w --json r0001 | grep hours/b.csv.gz >/dev/null"
expect 0 "the plan knows several files" "$F" run p/list.yaml $UNCONFINED --workspace "$T/w" --plan --until ingest

# A file whose rows lie among those of another one: under a twentieth of the trace, and sorted all the same.
mkdir two
sed 1001,1140d all.csv >two/a.csv
sed -n 1001,1140p all.csv >two/b.csv
same "rows of one file that lie behind another's" "$T/two/*"
says err "is not in the order of time: " "and it is said that they are sorted"

same "a list on the command line" "[$T/hours/b.csv.gz, $T/hours/c.csv, \"$T/hours/[a].csv\"]"

expect 3 "a pattern without a file is refused" ingest "$T/hours/*.txt"
says err "no file matches $T/hours/*.txt" "it is named"
sed 's,hours/c.csv,hours/gone.csv,' p/list.yaml >p/gone.yaml
expect 3 "a missing file is refused" "$F" run p/gone.yaml $UNCONFINED --workspace "$T/w" --until ingest
says err "hours/gone.csv" "it is named"
head -c 3000 hours/b.csv.gz >hours/e.csv.gz
expect 3 "a damaged file is refused" ingest "$T/hours/*"
says err "hours/e.csv.gz" "it is named"
says err "truncated or damaged" "and what is wrong with it"
rm hours/e.csv.gz
echo "no,flow" >hours/f.csv
same "a file of bad rows alone is counted" "$T/hours/*"
says err "1 row is left out: 2 columns where 13 are expected (first at line 3001)" "with its line"
rm hours/f.csv
ln -s a.csv hours/g.csv
expect 3 "a file that is named twice is refused" ingest "$T/hours/*"
says err "twice" "it is said"

# Columns that some files of a list have and others lack.
mkdir days
head='Dst Port,Protocol,Timestamp,Flow Duration,Tot Fwd Pkts,Tot Bwd Pkts,TotLen Fwd Pkts,TotLen Bwd Pkts,Label'
for day in 14 15 16; do
	{
		echo "$head"
		awk -v d=$day 'BEGIN { for (i = 0; i < 400; i++) printf "%d,6,%d/02/2018 08:%02d:%02d,%d,2,1,%d,90,Benign\n", 50 + i % 7, d, i / 60, i % 60, 1000 + i, 40 + i }'
	} >days/$day.csv
done
{
	echo "Flow ID,Src IP,Src Port,Dst IP,$head"
	sed -n '2,$s|^|x,10.0.0.1,4000,192.0.2.7,|p' days/16.csv | sed 's|16/02|20/02|'
} >days/20.csv
expect 0 "files of which one has addresses" ingest "$T/days/*.csv" --set source.dialect=cse-cic-ids2018 --set model.window=8
says err "days/20.csv: column Src IP, which 3 of the 4 files of this trace lack, is not read" "is told, with its name"
says err "days/20.csv: column Src Port, which 3 of the 4" "and each of its columns"
expect 3 "by the dialect of that one" ingest "$T/days/*.csv" --set source.dialect=cse-cic-ids2018-20feb --set model.window=8
says err "days/14.csv: line 1 is not the header of dialect cse-cic-ids2018-20feb: it is that of dialect cse-cic-ids2018" "the others are refused"
expect 0 "files that have the same columns" ingest "$T/days/1*.csv" --set source.dialect=cse-cic-ids2018 --set model.window=8
holds "have no such warning" sh -c '! grep -q "is not read\|no column" err'

# The way back, which is a flow of its own where the header has it; a label in another place, in two files of three.
mkdir ways
{ echo te,td,sa,da,sp,dp,pr,pkt,byt,rpkt,rbyt; awk -F, -v OFS=, 'NR <= 600 { print $1,$2,$3,$4,$5,$6,$7,$11,$12,1,60 }' all.csv; } >ways/a.csv
{ echo td,te,sa,da,sp,dp,pr,pkt,byt,class; awk -F, -v OFS=, 'NR > 600 && NR <= 1200 { print $2,$1,$3,$4,$5,$6,$7,$11,$12,$13 }' all.csv; } >ways/b.csv
{ echo class,te,td,sa,da,sp,dp,pr,pkt,byt; awk -F, -v OFS=, 'NR > 1200 && NR <= 1800 { print $13,$1,$2,$3,$4,$5,$6,$7,$11,$12 }' all.csv; } >ways/c.csv
{
	printf 'name: mine\nheader: true\ncolumns:\n'
	for c in te td sa da sp dp pr pkt byt; do echo "  - {name: $c, column: $c}"; done
	printf '  - {name: rpkt, column: pkt, reply: true}\n  - {name: rbyt, column: byt, reply: true}\n'
} >mine.yaml
expect 0 "files of which one has the way back" ingest "$T/ways/*.csv" --set source.dialect="$T/mine.yaml"
says err "ways/b.csv and 1 more file: no column rpkt in the header, which 1 of the 3 files of this trace has" "is told"
says err "ways/b.csv and 1 more file: column class, which 1 of the 3 files of this trace lacks, is not read: by its name it has the label" "and so is a label"
says err "ingest: 2,400 rows" "columns are found by their names, in any place"

# The same in JSON, in UTF-16, and without a header.
mkdir json wide bare
awk -F, '{ way = NR > 800 ? "" : ",\"rpkt\":1,\"rbyt\":60"; file = NR > 800 ? "json/b.json" : "json/a.json"
	printf "{\"te\":\"%s\",\"td\":\"%s\",\"sa\":\"%s\",\"da\":\"%s\",\"sp\":%s,\"dp\":%s,\"pr\":\"%s\",\"pkt\":%s,\"byt\":%s%s}\n",
		$1, $2, $3, $4, $5, $6, $7, $11, $12, way > file }' all.csv
sed 's/^header: true/lines: json\nmissing: [""]/' mine.yaml >json.yaml
expect 0 "files of JSON of which one has the way back" ingest "$T/json/*.json" --set source.dialect="$T/json.yaml"
says err "json/b.json: no key rpkt in the first rows, which 1 of the 2 files of this trace has" "is told"
for f in a b; do iconv -f UTF-8 -t UTF-16LE ways/$f.csv >wide/$f.csv; done
sed 's/^header: true/&\nencoding: utf-16/' mine.yaml >wide.yaml
expect 0 "files of UTF-16 of which one has the way back" ingest "$T/wide/*.csv" --set source.dialect="$T/wide.yaml"
says err "wide/b.csv: no column rpkt in the header, which 1 of the 2 files of this trace has" "is told"
says err "wide/b.csv: column class, which 1 of the 2 files of this trace lacks, is not read" "and the label that one has"
sed 1d ways/a.csv | sed 's/,[^,]*$//' >bare/a.csv
sed 1d ways/a.csv | sed 's/$/,x,y/' >bare/b.csv
sed '/rpkt/d; /rbyt/d; s/^header: true/header: false\nextra_columns: true/' mine.yaml >bare.yaml
expect 0 "files without a header of which one has more columns" ingest "$T/bare/*.csv" --set source.dialect="$T/bare.yaml"
says err "bare/b.csv: rows of up to 13 columns, where other files of this trace have 10: dialect mine reads the first 9" "is told"
mkdir sparse
sed 's/$/,x/' bare/a.csv >sparse/a.csv
sed 's/$/,x/; 3~3s/x$//' bare/a.csv >sparse/b.csv
sed 's/$/,/' bare/a.csv >sparse/c.csv
expect 0 "files whose last column is empty in some rows, and in all" ingest "$T/sparse/*.csv" --set source.dialect="$T/bare.yaml"
holds "have as many columns" sh -c '! grep -q "rows of up to" err'
sed 's/$/,/' bare/b.csv >sparse/d.csv
expect 0 "and one that has two more" ingest "$T/sparse/*.csv" --set source.dialect="$T/bare.yaml"
says err "sparse/d.csv: rows of up to 13 columns, where other files of this trace have 11" "is told"

# Once only.
rm -rf w
expect 0 "standard input is read" sh -c "cat all.csv | $F run p/release.yaml $UNCONFINED --workspace $T/w --until ingest --set source.path=-"
holds "standard input gives the same flows" test "$(store)" = "$plain"
holds "it is kept" test "$(cat w/input/* | sha256sum)" = "$(sha256sum <all.csv)"
expect 0 "the same once more" sh -c "$F run p/release.yaml $UNCONFINED --workspace w --until ingest --set source.path=- <all.csv"
says err "cached" "is not done again"
holds "and kept once" test "$(find w/input -type f | wc -l)" -eq 1
rm -rf w
mkfifo fifo
cat all.csv >fifo &
expect 0 "a pipe with a name is read" "$F" run p/release.yaml $UNCONFINED --workspace "$T/w" --until ingest --set source.path="$T/fifo"
holds "a pipe gives the same flows" test "$(store)" = "$plain"
"$F" run p/release.yaml $UNCONFINED --workspace "$T/w" --until ingest --set source.path="$T/fifo" >out 2>err &
waits=$!
holds "of one that nobody writes into it is said that it is copied" until_true 60 grep -q "fifo is copied into" err
sleep 1
kill $waits
wait $waits
holds "and it is waited for" test $? -eq 143
expect 3 "an empty standard input is refused" sh -c "$F run p/release.yaml $UNCONFINED --workspace $T/w --until ingest --set source.path=- </dev/null"
finish
