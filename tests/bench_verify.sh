#!/bin/sh
# bench_verify.sh - flowmint-verify on an archive of about 1 GB (the tar), beside what only takes a digest of it:
# zstd -dc | sha256sum.  Seconds of the wall clock and of the processor, and the greatest memory; medians of RUNS, in turn.
# usage: tests/bench_verify.sh [ROWS]       B is the build folder
set -eu
cd "$(dirname "$0")/.."
B=$(realpath "${B:-build}")
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
"$B/tests/bench/verify" "${1:-11000000}" "$work"
rm -r "$work/table"
python3 - "$B/flowmint-verify" "$work" "${RUNS:-5}" <<'PY'
import os, statistics, subprocess, sys, time

verify, work, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
archive = f"{work}/office-1.2.0.tar.zst"
commands = {
    "flowmint-verify": [verify, "--no-state", "--signers", f"{work}/allowed_signers", archive],
    "zstd -dc | sha256sum": ["sh", "-c", f"zstd -dcq '{archive}' | sha256sum"],
}


def once(argv):
    began = time.monotonic()
    p = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        sys.exit(f"{argv[0]}: exit status {p.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


size = os.path.getsize(archive)
tar = int(subprocess.run(["sh", "-c", f"zstd -dcq '{archive}' | wc -c"], capture_output=True, text=True, check=True).stdout)
print(f"archive of {size / 1e6:.0f} MB, tar of {tar / 1e6:.0f} MB; {len(os.sched_getaffinity(0))} cores")
taken = {name: [] for name in commands}
for _ in range(runs):
    for name, argv in commands.items():
        taken[name].append(once(argv))
for name, times in taken.items():
    wall, cpu, memory = (statistics.median(t[i] for t in times) for i in range(3))
    print(f"{name:22} {wall:6.2f} s  {cpu:6.2f} s of processor  {tar / 1e6 / wall:5.0f} MB/s  {memory:5.1f} MiB")
PY
