#!/bin/sh
# bench_shards.sh - what a row more costs in each stage, in a shard or part, and in the run that joins them: processor time and largest
# memory of one thread at two sizes, and the line through them.  Simulated flows, preset demo with few steps.  Processor time, so
# that other work on the machine counts little; each call includes its walls and the attempts to get out of them.
#
# SIZES: two of them, in rows ("20000 80000").  B is the build folder.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
F=$(realpath "$B/flowmint")
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-shards-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

${PYTHON:-python3} - "$F" "$work" ${SIZES:-20000 80000} <<'EOF'
import json, os, resource, shutil, subprocess, sys
F, work, sizes = sys.argv[1], sys.argv[2], [int(n) for n in sys.argv[3:]]


def quiet(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout


def seconds(*words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    quiet(F, *words)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(n):
    p, trace = f"{work}/p{n}", f"{work}/{n}.csv"
    config, shards, generated = f"{p}/release.yaml", f"{p}/shards", f"{p}/workspace/stages/generate"
    quiet(F, "init", "--preset", "demo", p)
    quiet(F, "simulate", "--rows", str(n), "--seed", "5", "--out", trace)
    more = ["--quiet"] + [w for s in (f"source.path={trace}", "train.threads=1", "train.steps=40", "generate.steps=8",
                                      "gate.control_rows=500") for w in ("--set", s)]
    t = {s: seconds("run", config, "--until", s, *more) for s in ("ingest", "train", "generate")}
    t["two shards"] = sum(seconds("generate", config, "--shard", f"{i}/2", "--out", shards, *more) for i in (1, 2))
    shutil.rmtree(generated)
    t["join"] = seconds("run", config, "--until", "generate", "--set", f"run.shards={shards}", *more)
    t["nothing"] = seconds("run", config, "--until", "generate", *more)
    t["evaluate"] = seconds("run", config, "--until", "evaluate", *more)
    t["two parts"] = sum(seconds("judge", config, "--part", f"{i}/2", "--out", f"{p}/parts", *more) for i in (1, 2))
    shutil.rmtree(f"{p}/workspace/stages/evaluate")
    t["evaluate of parts"] = seconds("run", config, "--until", "evaluate", "--set", f"run.parts={p}/parts", *more)
    rows = json.loads(quiet(F, "log", "--workspace", f"{p}/workspace", "--json"))
    made = {r["body"]["name"]: r["body"] for r in rows if r["kind"] == "stage" and not r["body"]["cached"]}
    peak = {s: made[s]["peak_rss_bytes"] for s in made}
    disk = {s: sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(f"{p}/workspace/stages/{s}") for f in fs) for s in made}
    return t, peak, disk, made["generate"]["result"]["rows"]


small, large = measure(sizes[0]), measure(sizes[1])
d, f = sizes[1] - sizes[0], large[3] - small[3]
print(f"processor time of one thread, {sizes[0]:,} and {sizes[1]:,} rows of a trace ({small[3]:,} and {large[3]:,} flows made)\n")
print("| | s | s | us a row more | us a flow made more | peak, MiB | peak, MiB | B a row more |\n|---|---|---|---|---|---|---|---|")
for s in large[0]:
    rise = (large[0][s] - small[0][s]) * 1e6
    line = f"| {s} | {small[0][s]:.2f} | {large[0][s]:.2f} | {rise / d:.1f} | {rise / f:.1f} |"
    if s in large[1]:
        line += f" {small[1][s] / 2**20:.0f} | {large[1][s] / 2**20:.0f} | {(large[1][s] - small[1][s]) / d:.0f} |"
    print(line if s in large[1] else line + " | | |")
print("\n" + "; ".join(f"{s}: {(large[2][s] - small[2][s]) / d:.0f} B a row more on disk" for s in ("ingest", "generate")))
EOF
