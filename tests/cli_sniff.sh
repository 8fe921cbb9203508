#!/bin/sh
# flowmint sniff, and source.dialect: auto: what is sure is used, what is not is refused with what to do.
# usage: cli_sniff.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

ingest() { # FILE OPTION...
	file=$1
	shift
	rm -rf w
	"$F" run p/release.yaml $UNCONFINED --workspace w --until ingest --set source.path="$T/$file" "$@"
}

expect 0 "(a trace)" "$F" simulate --rows 2000 --seed 2 --out good.csv
expect 0 "(a project)" "$F" init --preset demo p
awk -F, -v OFS=';' 'BEGIN { print "begun;td;proto;src;sport;dst;dport;pkts;octets" }
	{ print $1, $2, $7, $3, $5, $4, $6, $11, $12 }' good.csv >other.csv

expect 0 "a built-in dialect is found" "$F" sniff good.csv
says out "# ugr16 (built in): reads 1000 of the first 1000 rows, 13 columns of each" "it is said why"
says out "# set source.dialect: ugr16" "and what to do"
cp out sniffed.yaml
tar -cf good.tar good.csv
expect 0 "a member of an archive is sniffed" "$F" sniff good.tar
holds "and named once" test "$(grep -c "reading good.csv" err)" -eq 1
expect 0 "what was printed is a dialect" ingest good.csv --set source.dialect="$T/sniffed.yaml"
expect 0 "as JSON" "$F" sniff --json good.csv
holds "the dialect is named" test "$(json out 'd["dialect"], d["sure"]')" = "('ugr16', True)"

expect 0 "auto takes what is sure" ingest good.csv --set source.dialect=auto
says err "source.dialect auto: the trace is in dialect ugr16" "and says it"
unsealed w ingest kept
holds "the store names it" grep -q '"dialect": "ugr16"' kept/store.json

expect 0 "another form gets a dialect to start from" "$F" sniff other.csv
says out 'No built-in dialect reads it' "that none fits is said"
says out '# not found: two of start, te and td' "what was not found too"
holds "nothing of the rows is printed" sh -c '! grep -q "2016-" out'
sed 's/^  # not found.*/  - {name: begun, column: start}/' out >mine.yaml
echo "timezone: Europe/Madrid" >>mine.yaml
expect 0 "with one line more it reads the trace" ingest other.csv --set source.dialect="$T/mine.yaml"
holds "the rules of its zone are among the inputs: other ones are another store" sh -c \
	"'$F' log --workspace w --json | grep -q '\"dialect_zone\": *\"[0-9a-f]\\{64\\}'"
expect 3 "auto refuses it" ingest other.csv --set source.dialect=auto
says err "flowmint sniff prints a dialect file to start from" "and says what to do"

# A label that the built-in dialect has no column for.
awk -F, -v OFS=, 'BEGIN { print "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows,class" }
	{ print $1, $2, $7, $3, $5, $4, $6, $11, $12, 1, $13 }' good.csv >labeled.csv
expect 0 "a column that the dialect would not read" "$F" sniff labeled.csv
says out '{name: "class", column: label}   # by its name: not read by the built-in one' "is in the file that is printed"
cp out labeled.yaml
expect 3 "auto refuses it" ingest labeled.csv --set source.dialect=auto
says err "but not column class, which by its name has the label" "and names it"
expect 0 "by its name the dialect reads it" ingest labeled.csv --set source.dialect=nfdump
says err "warning: $T/labeled.csv: column class is not read" "and what is not read is warned of"
expect 0 "the printed file reads the label" ingest labeled.csv --set source.dialect="$T/labeled.yaml"
holds "without a warning of it" sh -c '! grep -q "is not read" err'
unsealed w ingest kept
holds "into the store" grep -rq background kept/train

# A table with more columns than the built-in dialect of a poorer one: what is printed has them, and loads.
{
	echo "Flow ID,Source IP,Source Port,Destination IP,Destination Port,Protocol,Timestamp,Flow Duration,Total Fwd Packets,Total Backward Packets,Total Length of Fwd Packets,Total Length of Bwd Packets,Label"
	awk -F, -v OFS=, 'NR <= 50 { print "x", $3, $5, $4, $6, 6, $1 ".5", NR * 100, $11, 0, $12, 0, "DrDoS_DNS" }' good.csv
} >ddos.csv
expect 0 "CIC-DDoS2019 gets a dialect" "$F" sniff ddos.csv
says out "# It reads all of the first 50 rows" "which reads all of it"
says out 'name: "Source IP", column: sa' "with the columns that the built-in one goes without"

# A protocol that is none.
sed '2,$s/,TCP,/,tcp\/https,/' labeled.csv >service.csv
expect 0 "names of services as protocols are read" ingest service.csv --set source.dialect="$T/labeled.yaml"
says err "protocols have no number in IANA's registry" "and it is said that they are none"

# What ra writes for people: names behind blanks, and ports behind a point.
{
	echo "         StartTime    Dur  Proto   SrcAddr  Sport  Dir   DstAddr  Dport  TotPkts  TotBytes State"
	awk -F, '{ printf "%s  %s   %s   %s.%s   ->   %s.%s  %s  %s  FIN\n", $1, $2, tolower($7), $3, $5, $4, $6, $11, $12 }' good.csv
} >ra.txt
cat >ra.yaml <<'END'
name: ra
header: false
delimiter: blanks
comment: ["StartTime"]
columns:
  - {name: t, column: start, words: 2}
  - {name: d, column: td}
  - {name: p, column: pr}
  - {name: s, column: sa, format: address-port}
  - {name: way, only: ["->"]}
  - {name: a, column: da, format: address-port}
  - {name: k, column: pkt}
  - {name: b, column: byt}
  - {name: f, column: flg}
END
expect 0 "addresses with a point before their port are read" ingest ra.txt --set source.dialect="$T/ra.yaml"
says err "1 line of comment is passed over" "and the names behind blanks are a comment"
says err "ingest: 2,000 rows" "all of them"
printf 'Type,ts,flow_duration,src_ip,src_port,dst_ip,dst_port,proto,pkts,bytes\n' >unit.csv
awk -F, -v OFS=, '{ print "TRAFFIC", $1, 1377000 + NR ".25", $3, $5, $4, $6, $7, $11, $12 }' good.csv >>unit.csv
expect 0 "a table with durations in microseconds" "$F" sniff unit.csv
says out '"flow_duration", column: td, format: "microseconds"' "is seen as such"
holds "and the kind of the record is no label" sh -c '! grep -q "column: label" out'

# Days of a spreadsheet: in German, and by their size where they have no name.
{
	echo 'Start;Duration;Src;SrcPort;Dst;DstPort;Protocol;Packets;Bytes'
	awk -F, -v OFS=';' '{ printf "42471,%06d;0,5;%s;%s;%s;%s;%s;%s;%s\n", 100000 + NR * 7, $3, $5, $4, $6, $7, $11, $12 }' good.csv
} >days.csv
for form in with without; do
	[ $form = with ] || sed -i '1d; s/,/./g' days.csv
	expect 0 "days of a spreadsheet, $form names" "$F" sniff days.csv
	says out 'column: start, format: "days-1900"' "are seen as such"
	cp out days.yaml
	expect 0 "and read" ingest days.csv --set source.dialect="$T/days.yaml"
	says err "ingest: 2,000 rows" "all of them"
done

# JSON of a form of its own.
awk -F, '{ printf "{\"event_type\":\"flow\",\"src_ip\":\"%s\",\"src_port\":%s,\"dest_ip\":\"%s\",\"dest_port\":%s,\"proto\":\"%s\",\"flow\":{\"pkts_toserver\":%s,\"bytes_toserver\":%s,\"start\":\"%s\",\"end\":\"%s\"}}\n", $3, $5, $4, $6, $7, $11, $12, $1, $1 }' \
	good.csv >eve.json
expect 0 "JSON of another form gets a dialect to start from" "$F" sniff eve.json
says out "lines: json" "that says what the lines are"
cp out eve.yaml
expect 0 "and reads it" ingest eve.json --set source.dialect="$T/eve.yaml"
expect 0 "as JSON too" "$F" sniff --json eve.json
holds "with how it did on the first rows, in a key of its own" test "$(json out 'd["guess"]["sure"], d["guess"]["bad"], d["guess"]["why"]')" = "(True, 0, '')"
sed 's/"src_port":[0-9]*/"src_port":"x-1"/' eve.json >odd.json
expect 0 "where it cannot read them" "$F" sniff --json odd.json
holds "that and why is there" test "$(json out 'd["guess"]["sure"], d["guess"]["rows"], "sp is not a port" in d["guess"]["why"]')" = "(False, 0, True)"
{ echo "["; sed 's/$/,/' eve.json; echo "]"; } >list.json
expect 0 "one list of JSON is read as well" "$F" sniff list.json
says out "lines: json" "and says what the lines are"

# Packet captures.
expect 0 "(a capture)" "$PYTHON" "$ROOT/tests/capture.py" --packets 20000 flood.pcap
cp flood.pcap flood.bin
cp good.csv good.pcap.csv
expect 0 "a capture is known by its first bytes" "$F" sniff flood.bin
says out "# set source.dialect: pcap" "and its dialect is named"
cp out mine-pcap.yaml
expect 0 "what was printed reads it" ingest flood.bin --set source.dialect="$T/mine-pcap.yaml"
expect 0 "named as one it needs no dialect" ingest flood.pcap
says err "flood.pcap is a packet capture: its dialect is pcap" "and it is said"
unsealed w ingest kept
holds "the store names it" grep -q '"dialect": "pcap"' kept/store.json
expect 0 "a name alone makes none" ingest good.pcap.csv
expect 3 "another name is refused with what to do" ingest flood.bin
says err "not a CSV file but a packet capture: set source.dialect: pcap" "the dialect"
head -c 100000 flood.pcap >cut.pcap
expect 3 "a capture that was cut off is refused" ingest cut.pcap
says err "after packet 1020: truncated dump file" "with the last whole packet"

# IPFIX files.
expect 0 "(an IPFIX file)" "$PYTHON" "$ROOT/tests/ipfix.py" --records 3000 flows.ipfix
expect 0 "(another, with records that no template is of)" "$PYTHON" "$ROOT/tests/ipfix.py" --broken untold untold.ipfix
cat untold.ipfix >>flows.ipfix
expect 0 "an IPFIX file is known by its first bytes" "$F" sniff flows.ipfix
says out "# set source.dialect: ipfix" "and its dialect is named"
expect 0 "named as one it needs no dialect" ingest flows.ipfix
says err "flows.ipfix is an IPFIX file: its dialect is ipfix" "and it is said"
unsealed w ingest kept
holds "every record is a row" grep -q '"rows": 3002' kept/store.json
says err "has no template before it in the file (first at record 3002)" "what is left out is counted in records"
rm -rf w
expect 0 "from standard input too" sh -c "'$F' run p/release.yaml $UNCONFINED --workspace w --until ingest --set source.path=- --set source.dialect=ipfix <flows.ipfix"
head -c 100000 flows.ipfix >cut.ipfix
expect 3 "one that was cut off is refused" ingest cut.ipfix
says err "message at byte 84708, after record 1800: the file ends in it" "with the place"
expect 3 "a file that is not there" "$F" sniff absent.csv
printf 'zeit;qu\351lle;ziel;pak\377ete;bytes;x\n%s\n%s\n' "2016-04-11 00:00:00;10.0.0.1;10.0.0.2;3;400;1" \
	"2016-04-11 00:00:01;10.0.0.1;10.0.0.2;3;400;1" >latin.csv
expect 0 "names of columns that are not UTF-8" "$F" sniff --json latin.csv
holds "are legible in JSON" test "$(json out '"qu\\xe9lle" in d["file"]')" = True

# Java's CICFlowMeter with times as another machine writes them; lengths of time as pandas writes them; lines of an old Mac.
{
	echo "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Total Fwd Packet,Total Bwd packets,Total Length of Fwd Packet,Total Length of Bwd Packet,Label"
	awk -F, -v OFS=, 'NR <= 50 { print "x", $3, $5, $4, $6, 6, "10/03/2024 15:00:" sprintf("%02d", NR), NR * 100, $11, 0, $12, 0, "NeedManualLabel" }' good.csv
} >cicflowmeter.csv
expect 0 "CICFlowMeter with a clock of 24 hours gets a dialect" "$F" sniff cicflowmeter.csv
says out 'name: "Flow Duration", column: td, format: "microseconds"' "with its unit"
holds "and both ways of packets and bytes" test "$(grep -c 'column: \(pkt\|byt\).*sum: true' out)" = 4
awk -F, -v OFS=, 'BEGIN { print "te,td,sa,da,sp,dp,pr,pkt,byt" } { print $1, "0 days 00:00:0" NR % 9 ".500000", $3, $4, $5, $6, $7, $11, $12 }' \
	good.csv >timedelta.csv
expect 0 "lengths of time with days and colons get a dialect" "$F" sniff timedelta.csv
says out '{name: "td", column: td}' "which reads them"
cp out timedelta.yaml
expect 0 "as they are" ingest timedelta.csv --set source.dialect="$T/timedelta.yaml"
tr '\n' '\r' <timedelta.csv >mac.csv
expect 3 "lines that end with a carriage return alone" "$F" sniff mac.csv
says err "its lines end with a carriage return alone: write it anew with tr" "are said to"

# Dates of SiLK, whole numbers as pandas writes them beside missing ones, and files without a flow.
{
	echo "sIP|dIP|sPort|dPort|pro|packets|bytes|flags|sTime|duration|eTime|sen|"
	awk -F, 'NR <= 40 { printf "%s|%s|%s|%s|6|%s|%s|S|03/10/2024 12:00:%02d|1.000|03/10/2024 12:00:%02d|S0|\n", $3, $4, $5, $6, $11, $12, NR, NR + 1 }' good.csv
} >mdy.txt
expect 0 "SiLK with dates of its own" "$F" sniff mdy.txt
holds "has the month first" test "$(grep -c 'format: "%m/%d/%Y' out)" -ge 1
awk -F, -v OFS=, 'BEGIN { print "te,td,sa,da,sp,dp,pr,pkt,byt" } { print $1, $2, 167772160 + NR % 99 ".0", "3232235777.0", $5, $6, "6 (TCP)", $11, $12 }' \
	good.csv >floats.csv
expect 0 "addresses as numbers with a fraction of nothing" "$F" sniff floats.csv
cp out floats.yaml
expect 0 "and protocols as number and name" ingest floats.csv --set source.dialect="$T/floats.yaml"
says err "ingest: 2,000 rows" "are read"
holds "without a doubt of the protocol" sh -c '! grep -q "registry" err'
echo "start,duration,src_ip,dst_ip,src_port,dst_port,protocol,packets,bytes" >names.csv
expect 3 "names alone" "$F" sniff names.csv
says err "names.csv has a line of names and no flow below it" "are said to be"
echo "No matching flows" >none.csv
expect 3 "what nfdump writes without flows" "$F" sniff none.csv
says err "none.csv begins with nfdump's summary, and no flow stands before it" "is known"

# What a stranger's file says stands in commands as words that a shell takes as they are.
cat >evil.json <<'END'
{"x'; touch pwned; $(touch pwned)`touch pwned`":[{"a":1},{"a":2}]}
END
expect 3 "a list behind an odd key" "$F" sniff evil.json
sed 's/.*: \(jq .*\) FILE writes.*/\1/' err >told.sh
(
	jq() { printf '%s' "$2"; }
	. ./told.sh
) >program
holds "is told by a command that a shell takes for one of jq" test "$(cat program)" = ".\"x'; touch pwned; \$(touch pwned)\`touch pwned\`\"[]"
holds "and for no other" sh -c '! [ -e pwned ]'

# Standard input, and files in two dialects beside each other.
expect 0 "standard input is looked at" sh -c "gzip -c good.csv | '$F' sniff -"
says out "# set source.dialect: ugr16" "and its dialect is found"
expect 3 "an empty one is refused" sh -c ": | '$F' sniff -"
says err "standard-input is empty" "as such"
printf '%s\n' 'firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows' >two.csv
awk -F, -v OFS=, '{ print $1, $2, $7, $3, $5, $4, $6, $11, $12, 1 }' good.csv >>two.csv
expect 0 "evaluate finds the dialect of each file" "$F" evaluate --dialect auto --real good.csv --synthetic two.csv --only jsd --json
says err "good.csv is in dialect ugr16" "that of the real flows"
says err "two.csv is in dialect nfdump" "and that of the others"
expect 3 "what is not sure is refused" "$F" evaluate --dialect auto --real good.csv --synthetic labeled.csv --only jsd
says err "--dialect auto: labeled.csv: dialect nfdump reads its first rows, but not column class" "with what to do"
mkfifo pipe
expect 3 "a pipe is not waited for" timeout 300 "$F" sniff pipe
says err "pipe is a pipe: write what comes through it into a file" "and the message says what to do"
finish
