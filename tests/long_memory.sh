#!/bin/sh
# Promise: judging takes no more memory for many flows than for fewer, once there are more than gate.memory holds; and leakage
# is looked for in all of them: one training row copied into a million is found.
#
# usage: tests/long_memory.sh [FLOWMINT]
set -eu
cd "$(dirname "$0")/.."
F=$(realpath "${1:-build/flowmint}")
# MiB: what is bounded, what stands beside it, and how much two peaks may differ by chance.
memory=64
beside=160
noise=12

work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-memory-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
n=0
bad=0
check() { # TITLE, and a condition
	n=$((n + 1))
	title=$1
	shift
	if "$@"; then echo "ok $n - $title"; else echo "not ok $n - $title"; bad=1; fi
}
# peak ROWS: the peak of one evaluation in MiB, the metrics in ROWS.json
peak() {
	for side in 1 2 3; do
		"$F" simulate --rows "$1" --seed $side --out "$work/$side.csv" 2>"$work/log"
	done
	sed -n 777p "$work/1.csv" >>"$work/2.csv"
	python3 - "$F" "$work" "$1" $memory <<'PY'
import resource, subprocess, sys
f, work, rows, memory = sys.argv[1:]
with open(f"{work}/{rows}.json", "w") as out:
    subprocess.run([f, "evaluate", "--memory", memory, "--real", f"{work}/1.csv", "--synthetic", f"{work}/2.csv",
                    "--holdout", f"{work}/3.csv", "--json"], stdout=out, stderr=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10)
PY
}
found() { # ROWS: the one copy is
	python3 -c "
import json
r = json.load(open('$work/$1.json'))
print('#', r['rows'], r['leak']['rows_equal'])
assert abs(r['leak']['rows_equal'] * r['rows']['synthetic'] - 1) < 1e-6 and r['rows']['judged_real'] < $1"
}

few=$(peak 300000)
many=$(peak 1000000)
echo "# peaks: $few MiB with 300,000 rows, $many MiB with 1,000,000"
check "300,000 rows a table are judged within $memory MiB and $beside beside" test "$few" -le $((memory + beside))
check "1,000,000 take no more" test "$many" -le $((few + noise))
check "the one copied row of 300,001 is found" found 300000
check "the one copied row of 1,000,001 is found" found 1000000
echo "1..$n"
exit $bad
