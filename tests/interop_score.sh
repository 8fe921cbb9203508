#!/bin/sh
# Promise: `flowmint evaluate` gives the reference scorer's numbers: JSD, EMD, association, time and structure, hosts in time
# and largest differences of a field within 1e-6, matches and distances to the closest record exactly, the share nearer to training, profiles of hosts and the learned
# two-sample score within sampling error.  Runs both, side by side, on made-up flows, on the NetShare sample and on real UGR'16 flows.
#
# usage: tests/interop_score.sh [FLOWMINT]        skips when ../shared/reference, NumPy or the real traces are not there, and
#                                                 the learned score alone without scikit-learn; LONG=1 (make test-long)
#                                                 has the learned score of more pairs
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
flowmint=${1:-${FLOWMINT:-$root/build/flowmint}}
score=$root/../shared/reference/score.py
data=$root/../shared/data

[ -f "$score" ] || { echo "interop_score: skipped, $score is not there"; exit 0; }
# The first Python on PATH need not be the one that Debian's packages are for.
python_with() { # MODULES
	for p in python3 /usr/bin/python3; do
		if command -v "$p" >/dev/null && "$p" -c "import $1" 2>/dev/null; then echo "$p"; break; fi
	done
}
learner=$(python_with numpy,sklearn)
python=${learner:-$(python_with numpy)}
[ -n "$python" ] || { echo "interop_score: skipped, no python3 with NumPy (Debian: python3-numpy)"; exit 0; }

tmp=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-score-XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# compare NAME DIALECT REAL SYNTHETIC HOLDOUT
compare() {
	"$flowmint" evaluate --real "$3" --synthetic "$4" --holdout "$5" --dialect "$2" --only rows,jsd,assoc,time,leak --json >"$tmp/ours.json" 2>"$tmp/log" ||
		{ cat "$tmp/log" >&2; echo "interop_score: $1: flowmint evaluate failed"; exit 1; }
	"$python" "$score" "$3" "$4" --holdout "$5" --only jsd,emd,assoc,time,dup,dcr --dcr-syn 2000 --json "$tmp/reference.json" >"$tmp/log" 2>&1 ||
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
if ours["rows"]["holdout"] == ours["rows"]["real"]:       # else all real rows are searched and weighted, here a choice of them
    m = r["dcr"]["syn_rows"]                              # ties are broken by rounding in the reference, and other rows chosen
    same("leak.share_nearer_train", ours["leak"]["share_nearer_train"], r["dcr"]["share_nearer_train"], 4 * (0.25 / m) ** 0.5)
    if m == ours["rows"]["synthetic"]:                    # of the same rows
        for k in ("median_train", "median_holdout", "p5_train", "p5_holdout"):
            same("leak.dcr_" + k, ours["leak"]["dcr_" + k], r["dcr"][k])
print(f"interop_score: {name}: {n - bad} of {n} numbers equal")
sys.exit(bad > 0)
PY
}

# learned NAME REAL SYNTHETIC LEAST MOST: the two-sample score (UGR'16 columns), which is to lie between LEAST and MOST.
#
# Its tolerance: for n rows a side the variance of an area A under the curve is at most A (1 - A) / n (Birnbaum and Klose
# 1957).  Both take the same rows, but other folds and bins, and one is the mean over folds; were they two learners with rows
# of their own, their difference would have twice that variance.  Four such standard errors are 0.026 at most from 12,000 rows
# on, and no pair may need more than the 0.03 that docs/metrics.md states.
learned() {
	"$flowmint" evaluate --real "$2" --synthetic "$3" --only rows,c2st --json >"$tmp/ours.json" 2>"$tmp/log" ||
		{ cat "$tmp/log" >&2; echo "interop_score: $1: flowmint evaluate failed"; exit 1; }
	OMP_NUM_THREADS=1 "$learner" "$score" "$2" "$3" --only c2st --json "$tmp/reference.json" >"$tmp/log" 2>&1 ||
		{ cat "$tmp/log" >&2; echo "interop_score: $1: score.py failed"; exit 1; }
	"$learner" - "$1" "$4" "$5" "$(basename "$3" .csv)" "$tmp/ours.json" "$tmp/reference.json" <<'PY'
import json, sys
name, least, most, key = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
ours, ref = (json.load(open(p)) for p in sys.argv[5:7])
a, b, n = ours["c2st"]["flow_auc"], ref[key]["c2st"]["no_ip"], min(ours["rows"]["real"], ours["rows"]["synthetic"])
tolerance = min(0.03, 4 * (2 * b * (1 - b) / n) ** 0.5)
print(f"interop_score: {name}: c2st.flow_auc is {a:.4f}, the reference gives {b:.4f}, tolerance {tolerance:.4f}")
if not least <= b <= most:
    sys.exit(f"interop_score: {name}: a pair that should score {least} to {most} shows nothing otherwise")
if not abs(a - b) <= tolerance:
    sys.exit(f"interop_score: {name}: they are too far apart")
PY
}

# hosts NAME REAL SYNTHETIC LEAST MOST: hosts in time and largest differences (UGR'16 columns), and PROFILE between LEAST and MOST.
#
# PROFILE's tolerance is that of the two-sample score, for (source, hour) pairs in the place of rows.
hosts() {
	"$flowmint" evaluate --real "$2" --synthetic "$3" --only rows,host,ks --json >"$tmp/ours.json" 2>"$tmp/log" ||
		{ cat "$tmp/log" >&2; echo "interop_score: $1: flowmint evaluate failed"; exit 1; }
	OMP_NUM_THREADS=1 "$learner" "$score" "$2" "$3" --only ks,host --json "$tmp/reference.json" >"$tmp/log" 2>&1 ||
		{ cat "$tmp/log" >&2; echo "interop_score: $1: score.py failed"; exit 1; }
	"$learner" - "$1" "$4" "$5" "$(basename "$3" .csv)" "$tmp/ours.json" "$tmp/reference.json" "$2" "$3" <<'PY'
import collections, json, sys
name, least, most, key = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
ours, ref = (json.load(open(p)) for p in sys.argv[5:7])
def pairs(path): # (source, hour) pairs of 5 flows or more
    c = collections.Counter((f[2], f[0][:13]) for f in (line.split(",") for line in open(path)))
    return sum(v >= 5 for v in c.values())
r = ref[key]
want = {"ks." + k: v for k, v in r["ks"].items()}
for k, v in r["host"].items():
    if k != "PROFILE":
        want.update({f"host.{k}_real": v[0], f"host.{k}_synthetic": v[1]} if isinstance(v, list) else {"host." + k: v})
bad = [k for k, v in want.items() if not abs(ours[k.split(".")[0]].get(k.split(".")[1], 9e9) - v) <= 1e-6 * max(1.0, abs(v) * 1e-3)]
for k in bad:
    print(f"interop_score: {name}: {k} is {ours[k.split('.')[0]].get(k.split('.')[1])!r}, the reference gives {want[k]!r}")
if not all(r["host"][k][0] > 0 for k in ("BEACON", "SWEEPS")):
    sys.exit(f"interop_score: {name}: a trace without a beat or a sweep shows nothing of them")
a, b, n = ours["host"]["PROFILE"], r["host"]["PROFILE"], min(map(pairs, sys.argv[7:9]))
tolerance = 4 * (2 * b * (1 - b) / n) ** 0.5
print(f"interop_score: {name}: {len(want) - len(bad)} of {len(want)} numbers equal; host.PROFILE is {a:.4f}, the reference gives {b:.4f}, "
      f"tolerance {tolerance:.4f}")
if not least <= b <= most:
    sys.exit(f"interop_score: {name}: a pair that should score {least} to {most} shows nothing otherwise")
sys.exit(bool(bad) or not abs(a - b) <= tolerance)
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
	for k in 0 1 2; do
		head -n 2000 "$tmp/u$k.csv" >"$tmp/few$k.csv"
	done
	compare ugr16-few ugr16 "$tmp/few0.csv" "$tmp/few1.csv" "$tmp/few2.csv"
else
	echo "interop_score: no UGR'16 trace, that comparison skipped"
fi

[ -n "$learner" ] || { echo "interop_score: no python3 with scikit-learn (Debian: python3-sklearn), the two-sample score skipped"; exit 0; }
"$flowmint" simulate --rows 12000 --seed 9 --out "$tmp/all.csv" 2>"$tmp/log" || { cat "$tmp/log" >&2; exit 1; }
awk -v d="$tmp" '{ print >(d "/half" NR % 2 ".csv") }' "$tmp/all.csv"
# The same flows, each with the source port of another.
awk -F, -v OFS=, '{ line[NR] = $0; port[NR] = $5 } END { for (i = 1; i <= NR; i++) { $0 = line[i]; $5 = port[(i * 7919) % NR + 1]; print } }' \
	"$tmp/half1.csv" >"$tmp/ports.csv"
learned "ports of other flows" "$tmp/half0.csv" "$tmp/ports.csv" 0.75 0.95
[ -z "${LONG:-}" ] || learned "one distribution" "$tmp/half0.csv" "$tmp/half1.csv" 0.45 0.55
if [ -n "${LONG:-}" ] && [ -f "$tmp/u0.csv" ]; then
	learned "neighbouring UGR'16 flows" "$tmp/u0.csv" "$tmp/u1.csv" 0.5 0.7
fi
# Hosts in time: traffic with two beats, a sweep and a burst in the real half; its other half has but the traffic.
awk -F, -v OFS=, -v n=0 'NR == 1 { split($1, day, " ") }
	{ print }
	NR % 100 == 0 && n < 100 { for (k = 1; k <= 4; k++) {
		$3 = k < 4 ? "42.219.150." k : "42.219.150.9"; $4 = k < 4 ? "93.184.216.34" : "42.219.151." n; $6 = k < 4 ? 8443 : 23; $7 = "TCP"; $12 = 100 + 7 * k
		$1 = sprintf("%s %02d:%02d:%02d", day[1], 1 + int(n / 60), k == 3 ? n * n % 60 : n % 60, k == 2 ? 7 * n % 60 : 3); print } n++ }
	NR == 5000 { for (k = 0; k < 150; k++) { $3 = "42.219.150.9"; $4 = "42.219.152." k; $6 = 22; $1 = day[1] " 03:07:1" k % 10; print } }
	' "$tmp/half0.csv" | sort -t, -k1,1 >"$tmp/beats.csv"
hosts "beats, a sweep and a burst" "$tmp/beats.csv" "$tmp/half1.csv" 0.4 0.7
