#!/usr/bin/env python3
"""no_memory.py - a program has no memory for one of its allocations: it ends well, or says so with exit status 4.

    no_memory.py [--first N] [--every N] no_memory.so PROGRAM ARGUMENT...

Each of the first N allocations (700), and each Nth of the others (1), fails once.  The exit status is 0, what PROGRAM says being what
it says with memory, or 4, with a message and nothing on the standard output; never another, and no signal.  Writes a line for each
kind of finding; the exit status says whether there was any.
"""
import argparse, collections, os, subprocess, sys


def main():
    p = argparse.ArgumentParser()
    p.add_argument("preload"), p.add_argument("program", nargs=argparse.REMAINDER)
    p.add_argument("--first", type=int, default=700)
    p.add_argument("--every", type=int, default=1)
    args = p.parse_args()

    def run(**env):
        return subprocess.run(args.program, capture_output=True, text=True, errors="replace",
                              env={**os.environ, "LD_PRELOAD": os.path.abspath(args.preload), **env})

    whole = run(FM_NO_MEMORY_COUNT="1")
    assert whole.returncode == 0, whole.stderr
    of = int(whole.stderr.split("allocations: ")[1].split()[0])
    tried = [*range(min(args.first, of)), *range(args.first, of, args.every)]
    found, status = collections.OrderedDict(), collections.Counter()
    for i in tried:
        got = run(FM_NO_MEMORY=str(i))
        status[got.returncode] += 1
        if got.returncode == 0 and got.stdout == whole.stdout:
            continue
        if got.returncode == 4 and got.stderr.strip() and not got.stdout:
            continue
        said = (got.stdout + got.stderr).strip().split("\n")[0][:160]
        found.setdefault((got.returncode, said), []).append(i)
    for (code, said), at in found.items():
        print(f"exit status {code} at allocation {at[0]}, and {len(at) - 1} others: {said}")
    print(f"{len(tried)} of {of} allocations: " + ", ".join(f"{n} with status {s}" for s, n in sorted(status.items())))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
