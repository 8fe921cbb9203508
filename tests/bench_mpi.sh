#!/bin/sh
# What ranks cost beside threads: the same training by one process of two threads, by two ranks of one thread (run.mpi), and by two
# processes of mpirun, in turn, at two numbers of steps.  Prints the time of the clock that a step more takes (medians of ROUNDS), what
# that is beside two threads in the same run, and the stage's whole time at the larger number.  It says something on a machine that does
# nothing else.  All train the same model, or it fails.
#     make bench-mpi              PRESET=demo ROWS=20000 STEPS="20 220" ROUNDS=5
set -eu
F=$(realpath "${B:-build}/flowmint")
preset=${PRESET:-demo} rows=${ROWS:-20000} steps=${STEPS:-20 220} rounds=${ROUNDS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
"$F" init --preset "$preset" p >/dev/null 2>&1
cat >p/release.yaml <<END
preset: $preset
release: {name: bench, version: 1.0.0, date: 2026-11-28}
source: {path: ../trace.csv}
train: {checkpoint_every: 0}
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
	"$@" >/dev/null 2>&1
	echo "$name $(seconds)" >>all
}

for _ in $(seq "$rounds"); do
	for n in $steps; do
		more="--until train --quiet --set train.warmup=1 --set train.steps=$n"
		# shellcheck disable=SC2086 # words
		{
			once "threads $n" "$F" run p $more --set train.threads=2
			once "ranks $n" "$F" run p $more --set train.threads=1 --set run.mpi=2
			if command -v mpirun >/dev/null; then
				once "mpirun $n" mpirun --oversubscribe -n 2 "$F" run p $more --set train.threads=1
			fi
		}
	done
done
python3 - <<'END'
import statistics
rows = [line.split() for line in open("all")]
steps = sorted({int(r[1]) for r in rows})
for n in steps:
    assert len({r[3] for r in rows if int(r[1]) == n}) == 1, "the models differ"
base = None
print(f"from {steps[0]} to {steps[-1]} steps   ms a step   beside threads   whole stage, s   beside threads")
for name in ("threads", "ranks", "mpirun"):
    clock = [[float(r[2]) for r in rows if r[0] == name and int(r[1]) == n] for n in steps]
    if not clock[0]:
        continue
    step = 1000 * statistics.median((b - a) / (steps[-1] - steps[0]) for a, b in zip(clock[0], clock[-1]))
    whole = statistics.median(clock[-1])
    base = base or (step, whole)
    print(f"{name:<18} {step:11.2f}   {100 * (step / base[0] - 1):+12.1f} %   {whole:14.2f}   {100 * (whole / base[1] - 1):+12.1f} %")
END
