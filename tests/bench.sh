#!/bin/sh
# bench.sh - how fast flowmint is, each figure with the peer's from the same machine and the same minute beside it.
# Nothing is asserted.  B is the build folder.  The last part is flowmint alone, stage by stage.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
export B
flowmint=$(realpath "$B/flowmint")

echo "== matrix multiply with a fixed order, one core, beside OpenBLAS (median of 5)"
"$B/tests/bench/gemm"
echo "== denoisers: a training step and a prediction on two threads, beside PyTorch (medians)"
tests/bench_torch.sh
echo "== a step of DP-SGD beside a plain step over the same windows, and the greatest memory of either"
for shape in mlp transformer large unet single; do
	for what in both plain private; do
		"$B/tests/bench/private" "$shape" "$what"
	done
done
echo "== the same in PyTorch, with gradients of single records and with norms alone"
tests/bench_torch.sh private
echo "== reading a trace, beside pandas.read_csv (median of 5)"
tests/bench_ingest.sh
echo "== exact nearest neighbours, beside faiss IndexFlatL2 (median of 5)"
tests/bench_neighbours.sh "${NEIGHBOURS:-20000}"
echo "== flowmint-verify on an archive of 1 GB, beside zstd -dc | sha256sum (median of 5)"
tests/bench_verify.sh
echo "== simulated flows (median of 5)"
tests/bench_simulate.sh "$flowmint"

echo "== the stages on 30,000 simulated flows, preset demo"
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
"$flowmint" simulate --rows 30000 --out "$work/trace.csv" 2>/dev/null
"$flowmint" init --preset demo "$work/project" 2>/dev/null
"$flowmint" run "$work/project/release.yaml" --set source.path="$work/trace.csv" >/dev/null 2>&1 || echo "(the gate refused it)"
"$flowmint" status --workspace "$work/project/workspace"
