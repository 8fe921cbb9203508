#!/bin/sh
# What flowmint reads of a packet capture agrees with nfpcapd, flow by flow; of IPFIX it reads whatever exporters write, and what it
# writes libfixbuf's and nfdump's tools read; what it writes in each built-in dialect pandas and
# DuckDB read back, and frictionless accepts the package around it.
#
#     tests/interop_flows.sh BUILD        after: make BUILD/flowmint BUILD/tests/make_flows BUILD/tests/make_release
set -eu
unset SOURCE_DATE_EPOCH
build=$(cd "${1:-build}" && pwd)
capture=$(cd "$(dirname "$0")" && pwd)/capture.py
ipfix=$(dirname "$capture")/ipfix.py
dir=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-interop-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

passed=0
ok() {
	passed=$((passed + 1))
	echo "ok $passed - $1"
}
die() {
	echo "not ok - $1" >&2
	exit 1
}
flows() { # FILE DIALECT OUT DIALECT
	"$build/tests/make_flows" "$@" >made 2>made.err || die "make_flows $*: $(cat made.err)"
}

# --- captures: the same packets in another form are the same flows ---
python3 "$capture" all.pcap
flows all.pcap pcap all.csv pcap
[ "$(cat made)" = "28 flows, 0 left out" ] || die "the capture has other flows: $(cat made)"
for form in --pcapng --nano; do
	python3 "$capture" $form other.pcap
	flows other.pcap pcap other.csv pcap
	cmp -s all.csv other.csv || die "a capture written with $form has other flows"
done
python3 "$capture" --plain plain.pcap
flows plain.pcap pcap plain.csv pcap
for link in raw null sll; do
	python3 "$capture" --plain --link $link other.pcap
	flows other.pcap pcap other.csv pcap
	cmp -s plain.csv other.csv || die "a capture of link layer $link has other flows"
done
ok "pcap, pcapng, nanoseconds and four link layers give the same flows"

cat >want <<'END'
10.1.0.1,192.0.2.21,1001,53,UDP,1,48
10.1.0.2,192.0.2.22,1002,53,UDP,1,49
10.1.0.3,192.0.2.23,1003,53,UDP,1,50
10.1.0.4,192.0.2.24,0,0,GRE,1,102
10.1.0.5,192.0.2.25,0,0,IPIP,1,98
10.1.0.6,192.0.2.26,7000,7001,UDP,3,3068
10.1.0.7,192.0.2.27,0,0,UDP,1,1500
10.1.0.8,192.0.2.28,1008,80,TCP,1,40
END
grep ',10\.1\.' all.csv | cut -d, -f3-7,10,11 >got
cmp -s want got || die "tags, tunnels and fragments: $(diff want got)"
ok "VLAN, QinQ, MPLS, tunnels and fragments are the flows that stand outside"

# Timeouts and directions are the dialect's.
"$build/flowmint" sniff plain.pcap >pcap.yaml 2>/dev/null
sed 's/^direction: one /direction: both /; s/^inactive_timeout: 60 /inactive_timeout: 150 /' pcap.yaml >both.yaml
flows plain.pcap ./both.yaml both.csv pcap
grep -q ',10\.0\.0\.1,192\.0\.2\.1,40000,80,TCP,\.AP\.S\.,0,7,2780$' both.csv || die "both ways of a session are not one flow"
[ "$(grep -c ',10\.0\.0\.5,' both.csv)" = 1 ] || die "a silence of 100 s ends a flow that may be silent for 150 s"
[ "$(grep -c ',10\.0\.0\.5,' plain.csv)" = 3 ] || die "a silence of 100 s ends no flow"
ok "a dialect of one's own has other timeouts, and one flow for both ways"

# --- IPFIX ---
python3 "$ipfix" all.ipfix
flows all.ipfix ipfix flows.csv ipfix
[ "$(cat made)" = "23 flows, 0 left out" ] || die "the IPFIX file has other flows: $(cat made)"
cat >want <<'END'
te,td,sa,da,sp,dp,pr,flg,stos,pkt,byt
2023-11-14 22:13:22.250,0.750,10.0.0.1,192.0.2.1,40000,443,TCP,.AP.SF,72,12,3400
2023-11-14 22:13:21.600,0.000,10.0.0.2,192.0.2.53,5353,53,UDP,......,0,1,68
2023-11-14 22:13:21.800,0.100,2001:db8::1,2001:db8::2,50000,443,TCP,.A..S.,0,3,180
2023-11-14 22:13:23.000,1.000,10.0.0.3,192.0.2.3,41000,80,TCP,.AP.SF,0,5,500
2023-11-14 22:13:23.000,0.980,192.0.2.3,10.0.0.3,80,41000,TCP,.A..S.,0,4,4000
2023-11-14 22:13:22.900,0.800,10.0.0.3,192.0.2.9,0,2048,ICMP,......,0,2,168
2023-11-14 22:13:22.900,0.799,192.0.2.9,10.0.0.3,0,0,ICMP,......,0,2,168
2023-11-14 22:13:22.200,0.000,10.0.0.4,192.0.2.4,41001,81,TCP,....S.,0,1,40
2023-11-14 22:13:22.400,0.100,10.0.0.5,192.0.2.5,41002,82,TCP,......,0,7,700
2023-11-14 22:13:22.400,0.100,192.0.2.5,10.0.0.5,82,41002,TCP,......,0,6,6000
2023-11-14 22:13:22.600,0.100,10.0.0.6,192.0.2.6,41003,83,UDP,......,0,1,100
2023-11-14 22:13:22.650,0.110,192.0.2.6,10.0.0.6,83,41003,UDP,......,0,1,900
2023-11-14 22:13:25.000,1.000,10.0.1.1,192.0.2.101,42001,90,UDP,......,0,1,101
2023-11-14 22:13:24.000,0.000,10.0.1.2,192.0.2.102,42002,90,UDP,......,0,2,102
2023-11-14 22:13:25.500,1.250,10.0.1.3,192.0.2.103,42003,90,UDP,......,0,3,103
2023-11-14 22:13:25.125,1.000,10.0.1.4,192.0.2.104,42004,90,UDP,......,0,4,104
2023-11-14 22:13:22.500,2.000,10.0.1.5,192.0.2.105,42005,90,UDP,......,0,5,105
2023-11-14 22:13:25.500,0.500,10.0.1.6,192.0.2.106,42006,90,UDP,......,0,6,106
2023-11-14 22:13:27.234,1.234,10.0.1.7,192.0.2.107,42007,90,UDP,......,0,7,107
2023-11-14 22:13:27.000,0.000,192.0.2.9,10.0.0.1,0,769,ICMP,......,0,1,56
2023-11-14 22:13:27.100,0.000,2001:db8::1,2001:db8::9,0,32768,ICMP6,......,0,1,64
2023-11-14 22:13:28.100,0.100,10.0.0.8,192.0.2.8,43000,25,TCP,......,0,9,900
2023-11-14 22:13:29.000,0.000,10.0.0.9,192.0.2.10,44000,22,TCP,....S.,0,1,60
END
cmp -s want flows.csv || die "records of IPFIX are other flows: $(diff want flows.csv)"
ok "both ways of a record, IPv6, and times in eight forms are the flows that they tell of"

"$build/flowmint" sniff all.ipfix >ipfix.yaml 2>/dev/null
sed 's/^direction: one /direction: both /' ipfix.yaml >both.yaml
flows all.ipfix ./both.yaml both.csv ipfix
grep -q '^2023-11-14 22:13:22.650,0.150,10.0.0.6,192.0.2.6,41003,83,UDP,......,0,2,1000$' both.csv || die "both ways are not one flow: $(cat both.csv)"
[ "$(cat made)" = "19 flows, 0 left out" ] || die "both ways are not one flow: $(cat made)"
for case in "cut:message at byte 119, after record 1: the file ends in it" "set:a set of 200 bytes where 51 are left" \
	"version:no message of IPFIX begins here" "withdrawn:template 256 was withdrawn" "length:Illegal length 8 for information element sourceIPv4Address" \
	"empty:Illegal length 0"; do
	python3 "$ipfix" bad.ipfix --broken "${case%%:*}"
	! "$build/tests/make_flows" bad.ipfix ipfix bad.csv ipfix >made 2>made.err || die "a file that is broken (${case%%:*}) is read"
	grep -qF "${case#*:}" made.err || die "a file that is broken (${case%%:*}): $(cat made.err)"
done
python3 "$ipfix" bad.ipfix --broken untold
flows bad.ipfix ipfix bad.csv ipfix
[ "$(cat made)" = "2 flows, 1 left out" ] || die "records without a template are not counted: $(cat made)"
ok "one flow for both ways on demand; what is damaged is said with its place"

flows all.ipfix ipfix again.ipfix ipfix
flows again.ipfix ipfix again.csv ipfix
cmp -s flows.csv again.csv || die "what is written as IPFIX is read as other flows: $(diff flows.csv again.csv)"
flows again.ipfix ipfix third.ipfix ipfix
cmp -s again.ipfix third.ipfix || die "what is read of IPFIX is written as other bytes"
if command -v ipfixDump >/dev/null; then
	ipfixDump --in again.ipfix >dump 2>dump.err || die "ipfixDump: $(cat dump.err)"
	[ "$(grep -c 'octetDeltaCount :' dump)" = 23 ] || die "ipfixDump reads other records: $(tail -n 3 dump)"
	[ "$(sed -n 's/.* octetDeltaCount : //p' dump | awk '{ n += $1 } END { print n }')" = 18032 ] || die "ipfixDump reads other bytes"
	ok "what is written is read back, and by ipfixDump"
else
	ok "what is written is read back"
	echo "# not tried: ipfixDump (make deps-interop)"
fi
if command -v nfcapd >/dev/null && command -v nfdump >/dev/null; then
	mkdir nfcapd
	port=$(python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
	listens() { # and how many bytes it has still to read
		sed -n "s/.*: [0-9A-F]*:$(printf '%04X' "$port") [^ ]* [^ ]* [0-9A-F]*:\([0-9A-F]*\) .*/\1/p" /proc/net/udp
	}
	nfcapd -p "$port" -b 127.0.0.1 -l nfcapd -t 3600 >nfcapd.log 2>&1 &
	collector=$!
	for _ in $(seq 600); do
		[ -n "$(listens)" ] && break
		sleep 0.1
	done
	python3 "$ipfix" again.ipfix --send "$port"
	for _ in $(seq 600); do
		[ "$(listens)" = 00000000 ] && break
		sleep 0.1
	done
	sleep 0.3 # what it has read it is still to keep
	kill $collector
	wait $collector || true
	nfdump -R nfcapd -q -N -o 'fmt:%sa,%da,%sp,%pkt,%byt' 2>/dev/null | tr -d ' ' | sort >theirs
	awk -F, -v OFS=, 'NR > 1 { print $3, $4, $5, $10, $11 }' flows.csv | sort >ours
	cmp -s ours theirs || die "nfcapd reads other flows: $(diff ours theirs)"
	ok "nfcapd collects them, and nfdump reads what it kept"
else
	echo "# not tried: nfcapd (make deps-interop)"
fi

# --- releases: the archive says which dialect it is in ---
"$build/tests/make_release" keygen key t@example.org >key.line
for d in ugr16 zeek-json zeek; do
	"$build/tests/make_release" release key r-$d $d >/dev/null || die "no release in dialect $d"
done
archive=out/office-1.2.0.tar.zst
for d in zeek-json zeek; do
	"$build/flowmint" diff r-ugr16/$archive r-$d/$archive --json >diff.json 2>/dev/null || [ $? = 1 ] || die "diff cannot read $d"
	# UGR'16 has whole seconds; nothing else of a flow is another one.
	[ "$(python3 -c 'import json; print([f["name"] for f in json.load(open("diff.json"))["fields"]])')" = "['TS']" ] ||
		die "the release in dialect $d has other flows: $(cat diff.json)"
	"$build/flowmint" evaluate --real r-ugr16/$archive --synthetic r-$d/$archive --json >score.json 2>/dev/null ||
		die "evaluate cannot read the release in dialect $d"
done
ok "evaluate and diff read a release in the dialect that it names"
"$build/tests/make_release" release key r-ipfix ipfix >/dev/null || die "no release in dialect ipfix"
"$build/flowmint" evaluate --real r-ugr16/$archive --synthetic r-ipfix/$archive --json >score.json 2>/dev/null ||
	die "evaluate cannot read the release in dialect ipfix"
mkdir in-ipfix
zstd -dcq r-ipfix/$archive | tar -xf - -C in-ipfix --strip-components=1
flows in-ipfix/data/flows.ipfix ipfix released.csv ipfix
cmp -s released.csv in-ipfix/data/flows.csv || die "the release's IPFIX file has other flows than its CSV"
for f in README.md SHA256SUMS datapackage.json croissant.json; do
	grep -q data/flows.ipfix "in-ipfix/$f" || die "$f of the release does not tell of its IPFIX file"
done
python3 - <<'PY' || die "the package describes another IPFIX file"
import hashlib, json

content = open("in-ipfix/data/flows.ipfix", "rb").read()
package = json.load(open("in-ipfix/datapackage.json"))["resources"][1]
croissant = json.load(open("in-ipfix/croissant.json"))["distribution"][1]
digest = hashlib.sha256(content).hexdigest()
assert (package["bytes"], package["hash"], package["path"]) == (len(content), "sha256:" + digest, "data/flows.ipfix")
assert (croissant["contentSize"], croissant["sha256"]) == (f"{len(content)} B", digest)
assert package["mediatype"] == croissant["encodingFormat"] == "application/ipfix"
PY
ok "a release in dialect ipfix has the same flows as an IPFIX file"

# --- nfpcapd ---
if command -v nfpcapd >/dev/null && command -v nfdump >/dev/null; then
	mkdir nf
	nfpcapd -r plain.pcap -w nf -S 0 >nf.log 2>&1 || die "nfpcapd: $(tail -n 3 nf.log)"
	nfdump -R nf -q -N -o 'fmt:%ts,%te,%sa,%da,%sp,%dp,%pr,%flg,%pkt,%byt' 2>/dev/null >nf.txt
	python3 - plain.csv nf.txt <<'PY' || die "nfpcapd has other flows"
import csv, datetime, sys
ours, theirs, names = [], [], {"TCP": 6, "UDP": 17, "ESP": 50, "SCTP": 132, "ICMP": 1}
for r in csv.DictReader(open(sys.argv[1])):
    end = datetime.datetime.fromisoformat(r["te"])
    # nfdump prints eight flags; ours are six where there is no ECN.
    ours.append((end - datetime.timedelta(seconds=float(r["td"])), end, r["sa"], r["da"], int(r["sp"]), int(r["dp"]), names[r["pr"]],
                 r["flg"].rjust(8, "."), int(r["pkt"]), int(r["byt"])))
for line in open(sys.argv[2]):
    f = [x.strip() for x in line.split(",")]
    if len(f) != 10:
        continue
    icmp = f[5].split(".")
    theirs.append((datetime.datetime.fromisoformat(f[0]), datetime.datetime.fromisoformat(f[1]), f[2], f[3], int(f[4]),
                   int(icmp[0]) * 256 + int(icmp[1]) if len(icmp) == 2 else int(f[5]), int(f[6]), f[7], int(f[8]), int(f[9])))
# nfpcapd makes a flow of each packet of ICMP: they are compared by their sums.
def split(flows):
    sums = {}
    for f in flows:
        if f[6] == 1:
            n = sums.setdefault(f[2:7], [0, 0])
            n[0] += f[8]
            n[1] += f[9]
    return sorted(f for f in flows if f[6] != 1), sums
assert len(theirs) > 15, theirs
(a, sums_a), (b, sums_b) = split(ours), split(theirs)
assert a == b, [x for x in a if x not in b] + [x for x in b if x not in a]
assert sums_a == sums_b and sums_a, (sums_a, sums_b)
PY
	ok "nfpcapd makes the same flows of the same packets"
else
	echo "# not tried: nfpcapd (make deps-interop)"
fi

# --- each dialect, read by others ---
python=$build/venv/bin/python
if ! [ -x "$python" ] || ! "$python" -c 'import pandas, duckdb, frictionless, mlcroissant' 2>/dev/null; then
	echo "# not tried: pandas, DuckDB, frictionless (make deps-interop)"
	echo "# $passed passed"
	exit 0
fi
"$build/flowmint" simulate --rows 300 --seed 3 --out flows.csv 2>/dev/null
"$build/flowmint" dialects --json >dialects.json
for d in $(python3 -c 'import json; print(*(x["name"] for x in json.load(open("dialects.json"))))'); do
	flows flows.csv ugr16 $d.flows $d
	[ -d r-$d ] || "$build/tests/make_release" release key r-$d $d >/dev/null || die "no release in dialect $d"
	mkdir x-$d h-$d xh-$d
	zstd -dcq r-$d/out/office-1.2.0.tar.zst | tar -xf - -C x-$d --strip-components=1
	"$build/tests/make_release" release key h-$d $d header >/dev/null || die "no release in dialect $d with a header"
	zstd -dcq h-$d/out/office-1.2.0.tar.zst | tar -xf - -C xh-$d --strip-components=1
	for x in r-$d h-$d; do
		"$build/flowmint-verify" --quiet --no-state --signers key.line $x/out/office-1.2.0.tar.zst || die "the release $x is refused"
	done
done
"$python" - <<'PY' >py.log 2>&1 || die "other readers: $(tail -n 4 py.log)"
import json, duckdb, pandas
from frictionless import Package, system
import mlcroissant

flows = pandas.read_csv("flows.csv", header=None)
want = (len(flows), int(flows[10].sum()), int(flows[11].sum()))
for d in json.load(open("dialects.json")):
    name = d["name"]
    package = json.load(open(f"x-{name}/datapackage.json"))["resources"][0]
    json_lines = package["format"] == "jsonl"
    fields = [f["name"] for f in package["schema"]["fields"]]
    counts = [[f["name"] for f in package["schema"]["fields"] if f.get("unit") == unit] for unit in ("packets", "bytes")]
    text = f"{name}.flows"
    head = package.get("dialect", {})
    # As the package describes the file, without a look at it.
    if json_lines:
        t = pandas.read_json(text, lines=True)
        rel = f"read_json('{text}', format='newline_delimited')"
    else:
        skip = len(head.get("commentRows", []))
        t = pandas.read_csv(text, sep=head["delimiter"], names=fields, skiprows=skip + head["header"], encoding=package["encoding"],
                            quoting=0 if head["quoteChar"] == '"' else 3)
        quote = head["quoteChar"].strip("\x01")
        names = ", ".join("'" + f.replace("'", "''") + "': 'VARCHAR'" for f in fields)
        rel = f"read_csv('{text}', delim='{head['delimiter']}', header=false, skip={skip + head['header']}, quote='{quote}', columns={{{names}}}, auto_detect=false)"
    sums = lambda unit: sum(int(t[c].sum()) for c in counts[unit])
    assert (len(t), sums(0), sums(1)) == want, (name, "pandas", len(t), sums(0), sums(1), want)
    total = lambda unit: " + ".join(f'sum(CAST("{c}" AS BIGINT))' for c in counts[unit])
    got = duckdb.sql(f"SELECT count(*), {total(0)}, {total(1)} FROM {rel}").fetchall()[0]
    assert tuple(int(x) for x in got) == want, (name, "duckdb", got, want)
    for x in (f"x-{name}", f"xh-{name}"):
        report = Package(f"{x}/datapackage.json").validate()
        assert report.valid and report.tasks[0].stats["rows"] == 1000, (x, report.flatten(["rowNumber", "fieldNumber", "type", "note"])[:3])
        issues = mlcroissant.Dataset(f"{x}/croissant.json").metadata.ctx.issues
        assert not issues.errors, (x, issues.errors)
    print(name, "read by others")
PY
[ "$(grep -c 'read by others' py.log)" -ge 45 ] || die "few dialects were read: $(cat py.log)"
ok "pandas, DuckDB, frictionless and mlcroissant read each dialect by its package"
echo "# $passed passed"
