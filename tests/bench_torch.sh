#!/bin/sh
# bench_torch.sh [private] - training steps and predictions of two denoisers beside PyTorch's, in the same shapes, on THREADS threads (2):
# ROUNDS times (3) SECONDS (6) of each in turn, so that what else the machine does falls on both; the median of the rounds.
#
# The peer is Debian's python3-torch with its OpenMP BLAS (libopenblas0-openmp, which is unpacked under B rather than installed:
# it would become the BLAS of everything), running the scripts in TORCH_BENCH.  Without one of these it says so and ends well.
#
# With `private`, instead: a step of DP-SGD beside a plain one, here (tests/bench/private) and in PyTorch with the gradients of single
# records and with their norms alone (tests/bench/torch_private.py), on one thread, and the greatest memory of each.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
ROUNDS=${ROUNDS:-3}
SECONDS_EACH=${SECONDS_EACH:-6}
THREADS=${THREADS:-2}
TORCH_BENCH=${TORCH_BENCH:-../shared/reference/bench}
python=/usr/bin/python3
private=${1:-}

ours_private()
{
	for what in both plain private; do
		"$B/tests/bench/private" mlp "$what" 1 "$SECONDS_EACH"
	done
}

skip()
{
	echo "no peer: $1; flowmint alone:"
	if [ "$private" = private ]; then
		ours_private
		exit 0
	fi
	"$B/tests/bench/denoiser" all "$THREADS" "$SECONDS_EACH"
	exit 0
}

[ "$private" = private ] || [ -e "$TORCH_BENCH/torch_transformer_bench.py" ] || skip "$TORCH_BENCH is not there"
"$python" -c 'import torch' 2>/dev/null || skip "python3-torch is not installed"
blas=/usr/lib/x86_64-linux-gnu/openblas-openmp
if [ ! -e "$blas" ]; then
	root=$(realpath "$B")/openblas-openmp
	blas=$root/usr/lib/x86_64-linux-gnu/openblas-openmp
	if [ ! -e "$blas" ]; then
		mkdir -p "$root"
		(cd "$root" && apt-get -q download libopenblas0-openmp >/dev/null 2>&1 && dpkg -x libopenblas0-openmp_*.deb .) ||
			skip "libopenblas0-openmp cannot be fetched"
	fi
fi

if [ "$private" = private ]; then
	ours_private
	for what in all plain gradients ghost; do
		LD_LIBRARY_PATH=$blas OMP_NUM_THREADS=1 "$python" tests/bench/torch_private.py "$what" 1 "$SECONDS_EACH"
	done
	exit 0
fi

out=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-torch-XXXXXX")
trap 'rm -rf "$out"' EXIT
trap 'exit 130' HUP INT TERM

# What the scripts do after "forward" is not asked for: they end when nobody reads on.
peer()
{
	script=$1
	shift
	LD_LIBRARY_PATH=$blas "$python" -u "$TORCH_BENCH/$script" "$@" 2>/dev/null | sed '/^forward/q'
}

i=0
while [ "$i" -lt "$ROUNDS" ]; do
	i=$((i + 1))
	echo "round $i of $ROUNDS" >&2
	"$B/tests/bench/denoiser" transformer "$THREADS" "$SECONDS_EACH" >>"$out/ours"
	peer torch_transformer_bench.py 64 "$THREADS" "$SECONDS_EACH" >>"$out/transformer"
	"$B/tests/bench/denoiser" mlp "$THREADS" "$SECONDS_EACH" >>"$out/ours"
	peer torch_mlp_bench.py 213 1024,512,512,512 4096 "$THREADS" "$SECONDS_EACH" >>"$out/mlp"
done

grep -h '^shape' "$out/transformer" "$out/mlp" | sort -u
grep 'parameters' "$out/ours" | sort -u
# Lines SIDE NAME WHAT MEDIAN BEST.  The transformer's script tells the best of its predictions only, so it stands for both there,
# for both sides.
awk '
/flows\/s median/ { print "ours", $1, $2, ($1 $2 == "transformerforward" ? $6 : $3), $6 }' "$out/ours" >"$out/values"
cat "$out/transformer" "$out/mlp" | awk '
function after(word, i) { for (i = 1; i < NF; i++) if ($i == word) return $(i + 1); return 0 }
/d_in/ { mlp = 1 }
/^plain/ { print "theirs transformer train", 2048 * after("median"), 2048 * after("best") }
/^train/ { print "theirs mlp train", 4096 * after("median"), 4096 * after("best") }
/^forward/ { if (mlp) print "theirs mlp forward", after("median"), after("best"); else print "theirs transformer forward", after("best"), after("best") }
' >>"$out/values"
sort -k1,3 -k4,4n "$out/values" | awk -v bars="transformer train 1.5,transformer forward 1.3,mlp train 1.1,mlp forward 1.1" '
{
	key = $1 " " $2 " " $3
	v[key, ++n[key]] = $4
	if ($5 > best[key])
		best[key] = $5
}
function median(key) { return n[key] ? v[key, int((n[key] + 1) / 2)] : 0 }
function times(x, y) { return y > 0 ? x / y : 0 }
END {
	m = split(bars, bar, ",")
	for (i = 1; i <= m; i++) {
		split(bar[i], f, " ")
		ours = "ours " f[1] " " f[2]
		theirs = "theirs " f[1] " " f[2]
		printf "%-11s %-7s  flowmint %7.0f flows/s   PyTorch %7.0f flows/s   %.2f times PyTorch (wanted %s)   best step against best: %.2f\n",
			f[1], f[2], median(ours), median(theirs), times(median(ours), median(theirs)), f[3], times(best[ours], best[theirs])
	}
}'
