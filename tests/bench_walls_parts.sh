#!/bin/sh
# bench_walls_parts.sh - what the walls of a run cost, counted: processor time of each part (tests/bench/walls.c) times how often a
# run up to the gate does it (strace), beside the processor time of that run.  bench_walls.sh measures whole runs instead, which differ
# by more than the walls cost where something else runs too.  Encryption likewise: each product sealed once and opened once.
#
# ROWS, STEPS: flows, training steps; preset demo, one thread.  More steps add to the rest and next to nothing to the walls, so few
# steps give a share that no longer training has.  B is the build folder.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
F=$(realpath "$B/flowmint")
command -v strace >/dev/null || { echo "bench_walls_parts.sh: strace is not there" >&2; exit 4; }
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-walls-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

"$B/tests/bench/walls" "$work" >"$work/parts"
rm -rf "$work/in" "$work/out"
${PYTHON:-python3} - "$F" "$work" "${ROWS:-200000}" "${STEPS:-200}" <<'EOF'
import glob, os, resource, shutil, subprocess, sys
F, work, rows, steps = sys.argv[1:5]
part = {line.split()[0]: float(line.split()[1]) for line in open(f"{work}/parts")}
subprocess.run([F, "init", "--preset", "demo", f"{work}/p"], check=True, capture_output=True)
subprocess.run([F, "simulate", "--rows", rows, "--seed", "5", "--out", f"{work}/trace.csv"], check=True, capture_output=True)
command = [F, "run", f"{work}/p/release.yaml", "--until", "gate", "--quiet"]
for s in f"source.path={work}/trace.csv", "train.threads=1", f"train.steps={steps}", "gate.control_rows=500", f"generate.rows={rows}":
    command += ["--set", s]


def run(before=()):
    shutil.rmtree(f"{work}/p/workspace", ignore_errors=True)
    for f in glob.glob(f"{work}/p/keys/ledger*"):
        os.remove(f)
    a = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = subprocess.run([*before, *command], capture_output=True, text=True)
    b = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert p.returncode in (0, 1), p.stderr
    return b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime


whole = run()
mib = sum(os.path.getsize(f) for f in glob.glob(f"{work}/p/workspace/stages/*/*/*.sealed")) / (1 << 20)
run(["strace", "-f", "-c", "-qq", "-o", f"{work}/count"])
lines = [line.split() for line in open(f"{work}/count")]
count = {x[-1]: int(x[3]) for x in lines if len(x) >= 5 and x[3].isdigit() and x[-1] != "total"}
calls = sum(count.values())
children = count["pivot_root"] - 4 # two of those who make the attempts, and two attempts
costs = [("attempts to get out", part["probes"], f"once, {part['probes']:.1f} ms"),
         ("children with namespaces, filter, Landlock", children * part["child"], f"{children} of {part['child']:.2f} ms"),
         ("the filter, at each call", calls * part["call"] * 1e-6, f"{calls} of {part['call']:.0f} ns"),
         ("digests of what stages left", mib * part["mib"], f"{mib:.1f} MiB of {part['mib']:.2f} ms")]
for what, ms, how in costs:
    print(f"{what:45} {ms:8.1f} ms  {how}")
added = sum(ms for _, ms, _ in costs)
sealed = mib * (part["seal"] + part["open"])
print(f"{'encryption':45} {sealed:8.1f} ms  {mib:.1f} MiB sealed and opened, {part['seal']:.2f} and {part['open']:.2f} ms each, {100 * sealed / (1e3 * whole - sealed):.2f} %")
print(f"{'walls together':45} {added:8.1f} ms, {100 * added / (1e3 * whole - added):.2f} % of the {whole - added / 1e3:.2f} s of the rest ({rows} flows, {steps} steps)")
EOF
