#!/bin/sh
# What ranks cost beside threads: the same training by one process of two threads, by two ranks of one thread (run.mpi), and by two
# processes of mpirun, one after the other, ROUNDS times.  Prints for each the shortest and the middle time that the train stage took,
# and the processor time of the shortest whole command; all train the same model, or it fails.
#     make bench-mpi              ROWS=20000 STEPS=150 ROUNDS=5
set -eu
F=$(realpath "${B:-build}/flowmint")
rows=${ROWS:-20000} steps=${STEPS:-150} rounds=${ROUNDS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
"$F" init --preset demo p >/dev/null 2>&1
cat >p/release.yaml <<END
preset: demo
release: {name: bench, version: 1.0.0, date: 2026-11-28}
source: {path: ../trace.csv}
train: {steps: $steps, checkpoint_every: 0}
END
"$F" simulate --rows "$rows" --seed 3 --out trace.csv >/dev/null 2>&1
"$F" run p --until ingest --quiet >/dev/null 2>&1

seconds() { # of the last train stage, and its model
	"$F" log --workspace p/workspace --json | python3 -c 'import json, sys
b = [r["body"] for r in json.load(sys.stdin) if r["kind"] == "stage" and r["body"]["name"] == "train"][-1]
print(b["seconds"], b["output"])'
}

once() { # NAME COMMAND...
	name=$1
	shift
	rm -rf p/workspace/stages/train
	/usr/bin/env bash -c 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1' time "$@" 2>time
	echo "$name $(seconds) $(cat time)" >>all
}

for _ in $(seq "$rounds"); do
	once threads "$F" run p --until train --quiet --set train.threads=2
	once ranks "$F" run p --until train --quiet --set train.threads=1 --set run.mpi=2
	if command -v mpirun >/dev/null; then
		once mpirun mpirun --oversubscribe -n 2 "$F" run p --until train --quiet --set train.threads=1
	fi
done
python3 - <<'END'
import statistics
rows = [line.split() for line in open("all")]
assert len({r[2] for r in rows}) == 1, "the models differ"
base = None
print("              shortest, s   middle, s   processor, s   beside threads (shortest)")
for name in ("threads", "ranks", "mpirun"):
    mine = [r for r in rows if r[0] == name]
    if not mine:
        continue
    t = [float(r[1]) for r in mine]
    cpu = min(float(r[3]) + float(r[4]) for r in mine)
    base = base or min(t)
    print(f"{name:<12}  {min(t):11.2f}  {statistics.median(t):10.2f}  {cpu:13.2f}   {100 * (min(t) / base - 1):+.1f} %")
END
