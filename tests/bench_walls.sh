#!/bin/sh
# bench_walls.sh - what the walls and the encryption of a run cost: processor time (user and system, all processes) up to the
# gate, with and without walls in turn, and of that what seals and opens products.  One thread, simulated flows, preset demo.
#
# ROWS, STEPS, TIMES: flows, training steps, pairs of runs.  Few steps make both shares larger.  B is the build folder.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
F=$(realpath "$B/tests/bench/unwalled")
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-walls-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

${PYTHON:-python3} - "$F" "$work" "${ROWS:-200000}" "${STEPS:-200}" "${TIMES:-3}" <<'EOF'
import os, resource, shutil, subprocess, sys
F, work, rows, steps, times = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
subprocess.run([F, "init", "--preset", "demo", f"{work}/p"], check=True, capture_output=True)
subprocess.run([F, "simulate", "--rows", rows, "--seed", "5", "--out", f"{work}/trace.csv"], check=True, capture_output=True)
command = [F, "run", f"{work}/p/release.yaml", "--until", "gate", "--quiet"]
for s in f"source.path={work}/trace.csv", "train.threads=1", f"train.steps={steps}", "gate.control_rows=500", f"generate.rows={rows}":
    command += ["--set", s]


def once(walls):
    shutil.rmtree(f"{work}/p/workspace", ignore_errors=True)
    for f in os.listdir(f"{work}/p/keys"):
        if f.startswith("ledger"):
            os.remove(f"{work}/p/keys/{f}")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = subprocess.run(command + ([] if walls else ["--unconfined"]), capture_output=True, text=True,
                       env={k: v for k, v in os.environ.items() if k != "OPEN"} | ({} if walls else {"OPEN": "1"}))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert p.returncode in (0, 1), p.stderr
    said = [line for line in p.stderr.splitlines() if line.startswith("vault ")]
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, float(said[-1].split()[1])


def pair(i):
    """With and without walls, which is first in turn."""
    first = once(i % 2 == 0)
    other = once(i % 2 == 1)
    return (first, other) if i % 2 == 0 else (other, first)


made = [pair(i) for i in range(times)]
mean = lambda values: sum(values) / times
closed, opened, vault = mean([m[0][0] for m in made]), mean([m[1][0] for m in made]), mean([m[0][1] for m in made])
print(f"{rows} flows, {steps} steps, {times} pairs of runs, processor time: {closed:.2f} s with walls, {opened:.2f} s without "
      f"({100 * (closed / opened - 1):+.2f} %); " + "each pair " + ", ".join(f"{100 * (a[0] / b[0] - 1):+.2f} %" for a, b in made))
print(f"sealing and opening: {vault:.2f} s, {100 * vault / (closed - vault):.2f} % of the rest")
EOF
