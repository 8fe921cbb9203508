#!/bin/sh
# Promise: `flowmint evaluate` gives the reference scorer's numbers: JSD, EMD, association, time and structure within 1e-6,
# matches exactly, the share nearer to training within sampling error.  Runs both, side by side, on made-up flows, on the
# NetShare sample and on real UGR'16 flows.
#
# usage: tests/interop_score.sh [FLOWMINT]        skips when ../shared/reference, NumPy or the real traces are not there
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
flowmint=${1:-${FLOWMINT:-$root/build/flowmint}}
score=$root/../shared/reference/score.py
data=$root/../shared/data

[ -f "$score" ] || { echo "interop_score: skipped, $score is not there"; exit 0; }
python=
for p in python3 /usr/bin/python3; do
	if command -v "$p" >/dev/null && "$p" -c 'import numpy' 2>/dev/null; then python=$p; break; fi
done
[ -n "$python" ] || { echo "interop_score: skipped, no python3 with NumPy (Debian: python3-numpy)"; exit 0; }

tmp=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-score-XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# compare NAME DIALECT REAL SYNTHETIC HOLDOUT
compare() {
	"$flowmint" evaluate --real "$3" --synthetic "$4" --holdout "$5" --dialect "$2" --json >"$tmp/ours.json" 2>"$tmp/log" ||
		{ cat "$tmp/log" >&2; echo "interop_score: $1: flowmint evaluate failed"; exit 1; }
	"$python" "$score" "$3" "$4" --holdout "$5" --only jsd,emd,assoc,time,dup,dcr --dcr-syn 500 --json "$tmp/reference.json" >"$tmp/log" 2>&1 ||
		{ cat "$tmp/log" >&2; echo "interop_score: $1: score.py failed"; exit 1; }
	"$python" - "$1" "$2" "$(basename "$4" .csv)" "$tmp/ours.json" "$tmp/reference.json" <<'PY'
import json, sys
name, dialect, key = sys.argv[1:4]
ours, ref = (json.load(open(p)) for p in sys.argv[4:6])
bad = n = 0

def same(what, a, b, tolerance=1e-6):
    global bad, n
    n += 1
    if a is None or not abs(a - b) <= tolerance * max(1.0, abs(b) * 1e-3):
        bad += 1
        print(f"interop_score: {name}: {what} is {a!r}, the reference gives {b!r}")

def marginals(what, o, r):
    for k, v in r["jsd"].items():
        same(f"{what}jsd.{k}", o["jsd"].get(k), v)
    same(what + "jsd_mean8", o.get("jsd_mean8"), r["jsd_mean8"])
    for k, v in r["emd"].items():
        same(f"{what}emd.{k}", o["emd"].get(k), v["emd"])
        same(f"{what}emdn.{k}", o["emdn"].get(k), v["emdn"])
    for k in ("mean", "max"):
        same(f"{what}assoc.{k}", o["assoc"].get(k), r["assoc"][k])
    same(what + "pair_jsd", o.get("pair_jsd"), r["assoc"]["pair_jsd"])

r = ref[key]
marginals("", ours, r)
if ours["rows"]["holdout"] == ours["rows"]["real"]:       # else the floor is of a choice of rows
    marginals("floor.", ours["floor"], ref["HOLDOUT(noise floor)"])
for k, v in r["time"].items():
    if k == "PAIR":
        same("time.PAIR_real", ours["time"]["PAIR_real"], v[0])
        same("time.PAIR_synthetic", ours["time"]["PAIR_synthetic"], v[1])
    else:
        same("time." + k, ours["time"].get(k), v)
if dialect == "netshare":                                 # the same ten columns
    for k, o in (("row10", "rows_equal"), ("no_ts", "rows_equal_no_time"), ("no_ip_ts", "rows_equal_no_addr_time")):
        same("leak." + o, ours["leak"].get(o), r["dup"][k], 1e-12)
m = min(r["dcr"]["syn_rows"], ours["rows"]["synthetic"])  # other rows are chosen, and its ties are broken by rounding
if ours["rows"]["holdout"] == ours["rows"]["real"]:       # else all real rows are searched and weighted, here a choice of them
    same("leak.share_nearer_train", ours["leak"]["share_nearer_train"], r["dcr"]["share_nearer_train"], 4 * (0.25 / m) ** 0.5)
print(f"interop_score: {name}: {n - bad} of {n} numbers equal")
sys.exit(bad > 0)
PY
}

mkdir "$tmp/made"
"$python" "$root/tests/golden/judge/generate.py" "$tmp/made"
compare made ugr16 "$tmp/made/a.csv" "$tmp/made/b.csv" "$tmp/made/h.csv"
compare disjoint ugr16 "$tmp/made/a.csv" "$tmp/made/c.csv" "$tmp/made/h.csv"
compare constant ugr16 "$tmp/made/d.csv" "$tmp/made/a.csv" "$tmp/made/h.csv"
compare made-netshare netshare "$tmp/made/na.csv" "$tmp/made/nb.csv" "$tmp/made/nh.csv"

if [ -f "$data/netshare/ugr16-small.csv" ]; then
	for k in 0 1 2; do
		awk -v k=$k 'NR == 1 || NR % 3 == k' "$data/netshare/ugr16-small.csv" >"$tmp/n$k.csv"
	done
	compare netshare netshare "$tmp/n0.csv" "$tmp/n1.csv" "$tmp/n2.csv"
else
	echo "interop_score: no NetShare sample, that comparison skipped"
fi
if [ -f "$data/ugr16/april11.csv.xz" ] && command -v xz >/dev/null; then
	xz -dc "$data/ugr16/april11.csv.xz" | awk -v d="$tmp" 'NR > 60000 { exit } { print >(d "/u" int(NR / 50) % 3 ".csv") }'
	compare ugr16 ugr16 "$tmp/u0.csv" "$tmp/u1.csv" "$tmp/u2.csv"
else
	echo "interop_score: no UGR'16 trace, that comparison skipped"
fi
