#!/bin/sh
# bench_peers.sh - CTGAN's training beside the original (ctgan of PyPI, in a virtual environment under B), on the same flows, as many
# passes and threads each, one after the other in one run.  Seconds of the clock and of the processor, the mixtures and the training
# by themselves; nothing is asserted.
# usage: tests/bench_peers.sh [TRACE]      of dialect ugr16; without: ROWS (20000) simulated flows
# EPOCHS (2) passes, THREADS (2), ENCODINGS (plain bits), PEER_PYTHON: one that has ctgan already
set -eu
cd "$(dirname "$0")/.."
B=$(realpath "${B:-build}")
EPOCHS=${EPOCHS:-2}
THREADS=${THREADS:-2}
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-peers-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

trace=${1:-}
if [ -z "$trace" ]; then
	trace=$work/trace.csv
	"$B/flowmint" simulate --rows "${ROWS:-20000}" --out "$trace" 2>/dev/null
fi
python=${PEER_PYTHON:-$B/venv-peers/bin/python}
if ! "$python" -c 'import ctgan' 2>/dev/null; then
	python3 -m venv "$B/venv-peers" && "$B/venv-peers/bin/pip" install -q ctgan || python=
fi
for encoding in ${ENCODINGS:-plain bits}; do
	"$B/tests/bench/ctgan" "$trace" ugr16 "$encoding" "$EPOCHS" "$THREADS" 2>/dev/null >"$work/ours.$encoding"
	if [ -z "$python" ]; then
		echo "no peer: ctgan cannot be installed; flowmint alone:"
		cat "$work/ours.$encoding"
		continue
	fi
	"$python" -W ignore tests/ctgan_peer.py "$trace" "$encoding" "$EPOCHS" "$THREADS" >"$work/theirs.$encoding"
	python3 - "$encoding" "$work/ours.$encoding" "$work/theirs.$encoding" <<'PY'
import json, sys

encoding, *files = sys.argv[1:]
ours, theirs = (json.loads(open(f).read().splitlines()[-1]) for f in files)
print(f"{encoding}: {ours['rows']:,} flows, {ours['steps']} steps; a row is {ours['row']} numbers, the original's {theirs['row']}")
for what, name in (("fit", "mixtures"), ("train", "training")):
    (a, b), (c, d) = ours[what], theirs[what]
    print(f"  {name:9} flowmint {a:7.1f} s, processor {b:7.1f} s   ctgan {c:7.1f} s, processor {d:7.1f} s   "
          f"{c / a if a else 0:.1f} and {d / b if b else 0:.1f} times as fast")
print(f"  greatest memory {ours['kib'] >> 10} MiB, {theirs['kib'] >> 10} MiB")
PY
done
