#!/bin/sh
# What flowmint reads of a packet capture agrees with nfpcapd, flow by flow; what it writes in each built-in dialect pandas and
# DuckDB read back, and frictionless accepts the package around it.
#
#     tests/interop_flows.sh BUILD        after: make BUILD/flowmint BUILD/tests/make_flows BUILD/tests/make_release
set -eu
unset SOURCE_DATE_EPOCH
build=$(cd "${1:-build}" && pwd)
capture=$(cd "$(dirname "$0")" && pwd)/capture.py
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
[ "$(cat made)" = "26 flows, 0 left out" ] || die "the capture has other flows: $(cat made)"
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
    # nfdump prints eight flags.
    ours.append((end - datetime.timedelta(seconds=float(r["td"])), end, r["sa"], r["da"], int(r["sp"]), int(r["dp"]), names[r["pr"]],
                 ".." + r["flg"], int(r["pkt"]), int(r["byt"])))
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
	case $d in zeek-json) out=$d.jsonl ;; *) out=$d.csv ;; esac
	flows flows.csv ugr16 $out $d
	[ -d r-$d ] || "$build/tests/make_release" release key r-$d $d >/dev/null || die "no release in dialect $d"
	mkdir x-$d
	zstd -dcq r-$d/out/office-1.2.0.tar.zst | tar -xf - -C x-$d --strip-components=1
done
"$python" - <<'PY' >py.log 2>&1 || die "other readers: $(tail -n 4 py.log)"
import json, duckdb, pandas
from frictionless import Package, system
import mlcroissant

flows = pandas.read_csv("flows.csv", header=None)
want = (len(flows), int(flows[10].sum()), int(flows[11].sum()))
for d in json.load(open("dialects.json")):
    name, json_lines = d["name"], d["name"] == "zeek-json"
    package = json.load(open(f"x-{name}/datapackage.json"))["resources"][0]
    fields = [f["name"] for f in package["schema"]["fields"]]
    counts = [[f["name"] for f in package["schema"]["fields"] if f.get("unit") == unit] for unit in ("packets", "bytes")]
    text = f"{name}.jsonl" if json_lines else f"{name}.csv"
    head = package.get("dialect", {})
    # As the package describes the file, without a look at it.
    if json_lines:
        t = pandas.read_json(text, lines=True)
        rel = f"read_json('{text}', format='newline_delimited')"
    elif " " in head["delimiter"]:
        t = None # blanks stand inside a time as well: for people, not for readers of CSV
    else:
        skip = len(head.get("commentRows", []))
        t = pandas.read_csv(text, sep=head["delimiter"], names=fields, skiprows=skip + head["header"], encoding=package["encoding"],
                            quoting=0 if head["quoteChar"] == '"' else 3)
        quote = head["quoteChar"].strip("\x01")
        names = ", ".join("'" + f.replace("'", "''") + "': 'VARCHAR'" for f in fields)
        rel = f"read_csv('{text}', delim='{head['delimiter']}', header=false, skip={skip + head['header']}, quote='{quote}', columns={{{names}}}, auto_detect=false)"
    if t is not None:
        sums = lambda unit: sum(int(t[c].sum()) for c in counts[unit])
        assert (len(t), sums(0), sums(1)) == want, (name, "pandas", len(t), sums(0), sums(1), want)
        total = lambda unit: " + ".join(f'sum(CAST("{c}" AS BIGINT))' for c in counts[unit])
        got = duckdb.sql(f"SELECT count(*), {total(0)}, {total(1)} FROM {rel}").fetchall()[0]
        assert tuple(int(x) for x in got) == want, (name, "duckdb", got, want)
        report = Package(f"x-{name}/datapackage.json").validate()
        assert report.valid, (name, report.flatten(["rowNumber", "fieldNumber", "type", "note"])[:3])
    issues = mlcroissant.Dataset(f"x-{name}/croissant.json").metadata.ctx.issues
    assert not issues.errors, (name, issues.errors)
    print(name, "read by others" if t is not None else "for people")
PY
[ "$(grep -c 'read by others' py.log)" -ge 17 ] || die "few dialects were read: $(cat py.log)"
ok "pandas, DuckDB, frictionless and mlcroissant read each dialect by its package"
echo "# $passed passed"
