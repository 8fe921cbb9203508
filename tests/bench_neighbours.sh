#!/bin/sh
# bench_neighbours.sh [QUERIES] - exact nearest neighbours of 100,000 queries among 1,000,000 points of 16 dimensions, beside
# faiss IndexFlatL2 on the same points in the same run: each builds its index and searches, on all processors, the two in turn,
# medians of 5.  Needs $B/tests/bench/neighbours (make bench builds it) and Debian's python3-faiss, without which only
# flowmint is timed.  Nothing is asserted but that the sums of the distances agree to float32's precision.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
python=${PYTHON:-/usr/bin/python3}
queries=${1:-100000}
rounds=${ROUNDS:-5}
work=$(mktemp -d "${TMPDIR:-/tmp}/fm-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

median() {
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

"$B/tests/bench/neighbours" "$work/points" "$work/queries"
peer=yes
"$python" -c 'import faiss' 2>/dev/null || peer=
: >"$work/ours"
: >"$work/theirs"
i=0
while [ $i -lt "$rounds" ]; do
	i=$((i + 1))
	"$B/tests/bench/neighbours" "$work/points" "$work/queries" 1000000 "$queries" 16 1 >"$work/line"
	sed -n 1p "$work/line" >>"$work/ours"
	sed -n 's/^sum //p' "$work/line" >"$work/sum"
	[ -n "$peer" ] || continue
	"$python" - "$work/points" "$work/queries" "$queries" >"$work/line" <<'PY'
import sys, time
import faiss
import numpy as np
x, q = (np.fromfile(p, np.float32).reshape(-1, 16) for p in sys.argv[1:3])
q = q[:int(sys.argv[3])]
begin = time.perf_counter()
index = faiss.IndexFlatL2(16)
index.add(x)
d2, _ = index.search(q, 1)
print(time.perf_counter() - begin)
print(np.sqrt(np.maximum(d2, 0)).astype(np.float64).sum())
PY
	sed -n 1p "$work/line" >>"$work/theirs"
	sed -n 2p "$work/line" >"$work/their_sum"
done
ours=$(median <"$work/ours")
if [ -n "$peer" ]; then
	theirs=$(median <"$work/theirs")
	awk -v q="$queries" -v a="$ours" -v b="$theirs" -v s="$(cat "$work/sum")" -v t="$(cat "$work/their_sum")" 'BEGIN {
		printf "%d queries in 1000000 x 16   flowmint %.2f s   faiss IndexFlatL2 %.2f s   %.2f times faiss   sums of distances %.3f %.3f\n",
			q, a, b, b / a, s, t
		exit (s - t > 1e-3 * s || t - s > 1e-3 * s)
	}'
else
	echo "$queries queries in 1000000 x 16   flowmint $ours s   no faiss here (Debian: python3-faiss)"
fi
