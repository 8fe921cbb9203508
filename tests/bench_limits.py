#!/usr/bin/env python3
"""What each stage takes of what it may take: python3 tests/bench_limits.py FLOWMINT run PROJECT ...

Looks a hundred times a second at the processes that the command starts, and prints for each, in the order of their start, the most
memory of its own that it had (VmData, which RLIMIT_DATA bounds) beside its limit, and its limits of a file and of processor time.
Children without a limit of time (which take digests, or sign) are left out."""
import subprocess
import sys
import time


def words(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


def children(pid):
    return [int(p) for p in words(f"/proc/{pid}/task/{pid}/children").split()]


def limit(text, name):
    line = next((l for l in text.splitlines() if l.startswith(name)), "")
    value = line[len(name):].split()[0] if line else "unlimited"
    return None if value == "unlimited" else int(value)


run = subprocess.Popen(sys.argv[1:])
most = {}
while run.poll() is None:
    for pid in children(run.pid):
        limits = words(f"/proc/{pid}/limits")
        data = [l.split()[1] for l in words(f"/proc/{pid}/status").splitlines() if l.startswith("VmData:")]
        if not data or limit(limits, "Max cpu time") is None:
            continue
        had = most.setdefault(pid, [0, None])
        had[0] = max(had[0], int(data[0]) >> 10)
        had[1] = [limit(limits, "Max data size"), limit(limits, "Max file size"), limit(limits, "Max cpu time")]
    time.sleep(0.01)
for had, (memory, file, seconds) in most.values():
    print(f"memory {had} of {memory >> 20} MiB, a file {file >> 20} MiB, processor {seconds / 3600:.1f} h")
sys.exit(run.returncode)
