#!/bin/sh
# bench_labels.sh - what labels mean in a release: of a trace, simulated or given, at the demo preset, of each label its share of
# the flows and the share of these that are of its main service (its most frequent protocol and ports: the destination port
# under 1024, or else the source port; ephemeral ports count as one), of the flows that were learned, and of the made ones;
# and how well trees that learned from either know the labels of flows that nobody learned.  Nothing is asserted.
# usage: tests/bench_labels.sh [ROWS|TRACE [SEED|DIALECT [OPTION...]]]    a seed goes with rows, a dialect with a file;
#                                                                         OPTION: of flowmint run, say --set train.steps=1200
set -eu
cd "$(dirname "$0")/.."
F=$(realpath "${FLOWMINT:-build/flowmint}")
trace=${1:-30000} with=${2:-}
shift $(($# < 2 ? $# : 2))
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-labels-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

case $trace in
*[!0-9]*) trace=$(realpath "$trace") dialect=${with:-ugr16} ;;
*)
	"$F" simulate --rows "$trace" --seed "${with:-1}" --out "$work/trace.csv" 2>"$work/err"
	trace=$work/trace.csv dialect=ugr16
	;;
esac
"$F" init --preset demo "$work/project" 2>"$work/err" >&2
"$F" run "$work/project/release.yaml" --workspace "$work/w" --until evaluate --set source.path="$trace" --set source.dialect="$dialect" \
	"$@" >"$work/out" 2>"$work/err" || {
	cat "$work/err" >&2
	exit 1
}
for stage in ingest generate evaluate; do
	"$F" unseal --workspace "$work/w" --stage $stage --out "$work/$stage" 2>"$work/err"
done
"${PYTHON:-python3}" tests/table_csv.py "$work/ingest/train" "$work/real.csv" >"$work/json"
"${PYTHON:-python3}" tests/table_csv.py "$work/generate" "$work/made.csv" >"$work/json"
"${PYTHON:-python3}" - "$work/real.csv" "$work/made.csv" "$work/evaluate/metrics.json" <<'PYTHON'
import collections, json, sys

def read(path):
    services = collections.defaultdict(collections.Counter)
    wrong = 0
    for line in open(path):
        f = line.rstrip("\n").split(",")
        sp, dp, pr, flg, label = int(f[4]), int(f[5]), f[6], f[7], f[12]
        port = f" to {dp}" if dp < 1024 else f" from {sp}" if sp < 1024 else ""
        services[label][pr + port] += 1
        wrong += pr in ("GRE", "IPIP") and sp + dp > 0 or pr == "ICMP" and sp > 0 or pr != "TCP" and any(c in flg for c in "UPRSF")
    return services, wrong

(real, real_wrong), (made, made_wrong) = map(read, sys.argv[1:3])
n, m = (sum(sum(c.values()) for c in t.values()) for t in (real, made))
print("| label | of flows, real | made | main service | of the label's flows, real | made |\n|---|---|---|---|---|---|")
for label in sorted(real, key=lambda l: -sum(real[l].values())):
    service, hits = real[label].most_common(1)[0]
    a, b = sum(real[label].values()), sum(made[label].values())
    print(f"| {label} | {100 * a / n:.2f} % | {100 * b / m:.2f} % | {service} | {100 * hits / a:.1f} % | {100 * made[label][service] / b if b else 0:.1f} % |")
print(f"\nflows that cannot be (ports or TCP flags where the protocol has none): {real_wrong} of {n} real, {made_wrong} of {m} made")
for x in json.load(open(sys.argv[3])):
    if "macro_f1" in x["name"]:
        print(x["name"], x["value"])
PYTHON
