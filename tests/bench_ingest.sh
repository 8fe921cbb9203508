#!/bin/sh
# bench_ingest.sh [FILE [DIALECT]] - rows a second of flowmint's reader on two threads next to pandas.read_csv, and to
# DuckDB's reader into a table on two threads, of the same file in the same run, medians of 5, and the reader's peak memory.  Without FILE: the UGR'16 day beside the repository, plain and xz,
# or a made-up trace where that is absent.  Needs $B/tests/bench/ingest (make bench builds it) and pandas: Debian's, or
# with DuckDB that of $B/venv (make deps-interop).  Nothing is asserted: what is slow here may be the machine.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
python=${PYTHON:-$B/venv/bin/python}
[ -x "$python" ] || python=/usr/bin/python3
real=../shared/data/ugr16/april11.csv.xz
work=$(mktemp -d "${TMPDIR:-/tmp}/fm-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

median() {
	sort -n | sed -n 3p
}

bench() { # FILE DIALECT
	: >"$work/ours"
	: >"$work/peer"
	: >"$work/peak"
	: >"$work/duck"
	for _ in 1 2 3 4 5; do
		"$B/tests/bench/ingest" "$1" "$2" 2 >"$work/line"
		sed -n 's,.*  \([0-9]*\) rows/s.*,\1,p' "$work/line" >>"$work/ours"
		sed -n 's,.*  \([0-9]*\) KiB.*,\1,p' "$work/line" >>"$work/peak"
		"$python" - "$1" "$2" >>"$work/peer" <<'EOF' || echo 0 >>"$work/peer"
import sys, time
try:
    import pandas
except ImportError:
    print(0)
    sys.exit()
header = None if sys.argv[2] == "ugr16" else 0
start = time.perf_counter()
rows = len(pandas.read_csv(sys.argv[1], header=header))
print(round(rows / (time.perf_counter() - start)))
EOF
		"$python" - "$1" "$2" >>"$work/duck" 2>/dev/null <<'EOF' || echo 0 >>"$work/duck"
import sys, time
import duckdb
con = duckdb.connect(config={"threads": 2})
header = "false" if sys.argv[2] == "ugr16" else "true"
start = time.perf_counter()
con.execute(f"create table t as select * from read_csv('{sys.argv[1]}', header={header})")
seconds = time.perf_counter() - start
print(round(con.execute("select count(*) from t").fetchone()[0] / seconds))
EOF
	done
	ours=$(median <"$work/ours")
	peer=$(median <"$work/peer")
	ratio=$(awk "BEGIN { if ($peer > 0) printf \"%.2f times pandas\", $ours / $peer; else printf \"no pandas here\" }")
	duck=$(median <"$work/duck")
	if [ "$duck" = 0 ]; then duck="no DuckDB here"; else duck=$(awk "BEGIN { printf \"%.2f times DuckDB\", $ours / $duck }"); fi
	printf '%-28s flowmint %9s rows/s   pandas.read_csv %9s rows/s   %s   %s   peak %s KiB\n' \
		"$(basename "$1")" "$ours" "$peer" "$ratio" "$duck" "$(median <"$work/peak")"
}

# 2,000,000 packets of 20,000 flows in random order, the worst case for a cache of flows.
packets() {
	python3 tests/capture.py --packets 2000000 "$work/flood.pcap"
	for _ in 1 2 3 4 5; do
		"$B/tests/bench/ingest" "$work/flood.pcap" pcap | sed -n 's,.*rows  \([0-9.]*\) s .*,\1,p'
	done | median | awk '{ printf "flood.pcap                   flowmint %9.0f packets/s\n", 2000000 / $1 }'
}

if [ $# -ge 1 ]; then
	bench "$1" "${2:-ugr16}"
elif [ -f "$real" ]; then
	xz -dc "$real" >"$work/april11.csv"
	gzip -1 -c "$work/april11.csv" >"$work/april11.csv.gz"
	bench "$work/april11.csv" ugr16
	bench "$work/april11.csv.gz" ugr16
	bench "$real" ugr16
else
	awk 'BEGIN {
		for (i = 0; i < 1000000; i++)
			printf "2016-04-11 %02d:%02d:%02d,%d.%03d,42.219.%d.%d,10.0.%d.%d,%d,80,TCP,.AP.SF,0,0,%d,%d,background\n",
				i / 72000, i / 1200 % 60, i / 20 % 60, i % 7, i % 1000, i % 250, i * 7 % 250, i % 250,
				i * 11 % 250, 1024 + i * 13 % 60000, 1 + i % 50, 40 + i % 90000
	}' >"$work/made-up.csv"
	bench "$work/made-up.csv" ugr16
fi
[ $# -ge 1 ] || packets
