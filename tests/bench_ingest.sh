#!/bin/sh
# bench_ingest.sh [FILE [DIALECT]] - flowmint's reader on two threads next to pandas.read_csv, alone and with pyarrow (by
# which pandas 3 makes its strings), and to DuckDB's reader into a table and to an aggregate on two threads, of the same
# file in the same run, in turn: seconds, and seconds of the processor (what a loaded machine tells), medians of $RUNS (3),
# without the start of the programs, and the reader's peak memory. Without FILE: the first $ROWS (400,000) of the UGR'16
# day beside the repository, or of a made-up trace where that is absent. ALL=1: the whole day, plain and gzip, and packets
# too. Needs $B/tests/bench/ingest (make bench builds it) and pandas and DuckDB ($B/venv, make deps-interop), and pyarrow
# for its line. Nothing is asserted: what is slow here may be the machine.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
RUNS=${RUNS:-3}
ROWS=${ROWS:-400000}
python=${PYTHON:-$B/venv/bin/python}
[ -x "$python" ] || python=/usr/bin/python3
real=../shared/data/ugr16/april11.csv.xz
work=$(mktemp -d "${TMPDIR:-/tmp}/fm-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

cat >"$work/peer.py" <<'EOF'
import resource, sys, time
what, path, dialect = sys.argv[1:4]
headless = dialect in ("ugr16", "ugr17")
if what in ("pandas", "arrow"):
    if what == "pandas":
        sys.modules["pyarrow"] = None
    else:
        import pyarrow
    import pandas
    read = lambda: pandas.read_csv(path, header=None if headless else 0)
else:
    import duckdb
    con = duckdb.connect(config={"threads": 2})
    rel = f"read_csv('{path}', header={'false' if headless else 'true'})"
    query = f"create table t as select * from {rel}" if what == "table" else f"select count(*), max(columns(*)) from {rel}"
    read = lambda: con.execute(query).fetchall()
def used():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime
wall, cpu = time.perf_counter(), used()
read()
print(f"{time.perf_counter() - wall:.3f} {used() - cpu:.3f}")
EOF

median() { # FILE COLUMN
	awk -v c="$2" '{ print $c }' "$1" | sort -n | sed -n $(((RUNS + 1) / 2))p
}

bench() { # FILE DIALECT
	rm -f "$work"/said.*
	for _ in $(seq "$RUNS"); do
		"$B/tests/bench/ingest" "$1" "$2" 2 | sed 's, rows/s,,; s/ rows//; s/ KiB//; s/ s\b//g' >>"$work/said.flowmint"
		for peer in pandas arrow table aggregate; do
			"$python" "$work/peer.py" $peer "$1" "$2" >>"$work/said.$peer" 2>"$work/err" || rm -f "$work/said.$peer"
		done
	done
	ours=$(median "$work/said.flowmint" 2)
	cpu=$(median "$work/said.flowmint" 5)
	printf '%s: %s rows\n' "$(basename "$1")" "$(median "$work/said.flowmint" 1)"
	printf '  %-20s %7.3f s %7.3f s of processor   peak %s KiB\n' flowmint "$ours" "$cpu" "$(median "$work/said.flowmint" 4)"
	for peer in pandas arrow table aggregate; do
		case $peer in
		pandas) name=pandas.read_csv ;;
		arrow) name='the same and pyarrow' ;;
		table) name='DuckDB, a table' ;;
		aggregate) name='DuckDB, an aggregate' ;;
		esac
		if [ ! -s "$work/said.$peer" ]; then
			printf '  %-20s not here\n' "$name"
			continue
		fi
		awk -v n="$name" -v a="$(median "$work/said.$peer" 1)" -v b="$(median "$work/said.$peer" 2)" -v x="$ours" -v y="$cpu" \
			'BEGIN { printf "  %-20s %7.3f s %7.3f s of processor   flowmint takes 1/%.2f and 1/%.2f of it\n", n, a, b, a / x, b / y }'
	done
}

# 2,000,000 packets of 20,000 flows in random order, the worst case for a cache of flows.
packets() {
	python3 tests/capture.py --packets 2000000 "$work/flood.pcap"
	for _ in $(seq "$RUNS"); do
		"$B/tests/bench/ingest" "$work/flood.pcap" pcap | sed -n 's,.*rows  \([0-9.]*\) s .*,\1,p'
	done | sort -n | sed -n $(((RUNS + 1) / 2))p | awk '{ printf "flood.pcap: flowmint %9.0f packets/s\n", 2000000 / $1 }'
}

if [ $# -ge 1 ]; then
	bench "$1" "${2:-ugr16}"
	exit 0
fi
if [ -f "$real" ]; then
	xz -dc "$real" >"$work/april11.csv"
	[ -n "${ALL-}" ] || sed -i "$((ROWS + 1)),\$d" "$work/april11.csv"
	bench "$work/april11.csv" ugr16
	if [ -n "${ALL-}" ]; then
		gzip -1 -c "$work/april11.csv" >"$work/april11.csv.gz"
		bench "$work/april11.csv.gz" ugr16
	fi
else
	awk -v rows="$ROWS" 'BEGIN {
		for (i = 0; i < rows; i++)
			printf "2016-04-11 %02d:%02d:%02d,%d.%03d,42.219.%d.%d,10.0.%d.%d,%d,80,TCP,.AP.SF,0,0,%d,%d,background\n",
				i / 72000, i / 1200 % 60, i / 20 % 60, i % 7, i % 1000, i % 250, i * 7 % 250, i % 250,
				i * 11 % 250, 1024 + i * 13 % 60000, 1 + i % 50, 40 + i % 90000
	}' >"$work/made-up.csv"
	bench "$work/made-up.csv" ugr16
fi
[ -z "${ALL-}" ] || packets
