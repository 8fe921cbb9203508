#!/bin/sh
# Promise: the first steps of model.kind ctgan's training are those of the original (ctgan of PyPI) from the same first
# weights and with the same random numbers: losses within 0.5 %, weights within 1 % of the way that they have gone.
#
# usage: tests/interop_ctgan.sh [BUILD]     skips without ctgan; PEER_PYTHON: a python that has it; TRACE: of dialect
# ugr16, without: simulated flows; STEPS (3)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-$root/build}")
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-ctgan-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

for python in ${PEER_PYTHON:-"$build/venv-peers/bin/python" python3}; do
	if command -v "$python" >/dev/null && "$python" -c "import ctgan" 2>/dev/null; then
		trace=${TRACE:-$work/trace.csv}
		test -e "$trace" || "$build/flowmint" simulate --rows 5000 --out "$trace" 2>/dev/null
		for encoding in plain bits; do
			"$build/tests/make_ctgan_steps" "$trace" ugr16 $encoding "${STEPS:-3}" "$work"
			echo "interop_ctgan: $encoding"
			"$python" -W ignore "$root/tests/ctgan_steps_peer.py" "$work"
		done
		exit 0
	fi
done
echo "interop_ctgan: skipped, no python3 with ctgan (make bench-peers installs it)"
