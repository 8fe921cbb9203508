#!/bin/sh
# bench_labels.sh - what labels mean in a release: on a simulated trace at the demo preset, of each label its share of the
# flows and the share of these that are of its main service (its most frequent protocol and ports: the destination port
# under 1024, or else the source port; ephemeral ports count as one), real and made.  Nothing is asserted.
# usage: tests/bench_labels.sh [ROWS [SEED [OPTION...]]]        OPTION: of flowmint run, say --set train.steps=1200
set -eu
cd "$(dirname "$0")/.."
F=$(realpath "${FLOWMINT:-build/flowmint}")
rows=${1:-30000} seed=${2:-1}
shift $(($# < 2 ? $# : 2))
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-labels-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

"$F" simulate --rows "$rows" --seed "$seed" --out "$work/trace.csv" 2>"$work/err"
"$F" init --preset demo "$work/project" 2>"$work/err" >&2
"$F" run "$work/project/release.yaml" --workspace "$work/w" --until generate --set source.path="$work/trace.csv" "$@" >"$work/out" 2>"$work/err" || {
	cat "$work/err" >&2
	exit 1
}
"$F" unseal --workspace "$work/w" --stage generate --out "$work/made" 2>"$work/err"
"${PYTHON:-python3}" tests/table_csv.py "$work/made" "$work/made.csv" >"$work/json"
"${PYTHON:-python3}" - "$work/trace.csv" "$work/made.csv" <<'PYTHON'
import collections, sys

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

(real, real_wrong), (made, made_wrong) = map(read, sys.argv[1:])
n, m = (sum(sum(c.values()) for c in t.values()) for t in (real, made))
print("| label | of flows, real | made | main service | of the label's flows, real | made |\n|---|---|---|---|---|---|")
for label in sorted(real, key=lambda l: -sum(real[l].values())):
    service, hits = real[label].most_common(1)[0]
    a, b = sum(real[label].values()), sum(made[label].values())
    print(f"| {label} | {100 * a / n:.2f} % | {100 * b / m:.2f} % | {service} | {100 * hits / a:.1f} % | {100 * made[label][service] / b if b else 0:.1f} % |")
print(f"\nflows that cannot be (ports or TCP flags where the protocol has none): {real_wrong} of {n} real, {made_wrong} of {m} made")
PYTHON
