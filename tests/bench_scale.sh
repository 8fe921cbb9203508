#!/bin/sh
# bench_scale.sh - time and memory of each stage over the number of rows and of threads, ingest to verified archive.  Prints a
# table and writes docs/figures/scale.svg.  The real UGR'16 day where it lies beside the repository, simulated flows elsewhere.
#
# SIZES in rows ("10000 100000 1000000"), THREADS ("1 2"), PRESET (ugr16; demo on simulated flows), RUN_OPTIONS: more for `flowmint
# run`, OUT: the figure's folder.  PASSES: so many passes over the training split instead of the preset's number of steps, so that
# training grows with the rows.  Each run has a workspace of its own, so that nothing is cached; a gate that refuses its flows is
# told, and the release is then missing.  B is the build folder.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
F=$(realpath "$B/flowmint")
V=$(dirname "$F")/flowmint-verify
SIZES=${SIZES:-10000 100000 1000000}
THREADS=${THREADS:-1 2}
OUT=${OUT:-docs/figures}
python=${PYTHON:-python3}
real=$(pwd)/../shared/data/ugr16/april11.csv.xz
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-scale-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

most=$(for n in $SIZES; do echo "$n"; done | sort -n | tail -n 1)
if [ -r "$real" ]; then
	trace=$real what="real UGR'16 flows"
	PRESET=${PRESET:-ugr16}
else
	trace=$work/trace.csv what="simulated flows"
	PRESET=${PRESET:-demo}
	"$F" simulate --rows "$most" --out "$trace" 2>/dev/null
fi
"$F" init --preset "$PRESET" "$work/p" >/dev/null 2>&1

steps() { # ROWS: the option that makes PASSES of it
	[ -n "${PASSES:-}" ] || return 0
	"$F" run "$work/p/release.yaml" --workspace "$work/passes" --until ingest --json --set source.path="$trace" --set source.rows="$1" >/dev/null 2>&1
	"$F" log --workspace "$work/passes" --json >"$work/ingest.json"
	rm -rf "$work/passes"
	awk -v rows="$("$python" -c 'import json, sys; print([r for r in json.load(open(sys.argv[1])) if r["kind"] == "stage"][-1]["body"]["result"]["train_rows"])' \
		"$work/ingest.json")" -v w="$(awk '$1 == "window:" { print $2 }' "$work/p/release.yaml")" -v b="$(awk '$1 == "batch:" { print $2 }' "$work/p/release.yaml")" \
		-v passes="$PASSES" 'BEGIN { n = int(rows * passes / (w * b) + 0.5); print "--set train.steps=" (n > 0 ? n : 1) }'
}

: >"$work/values"
for rows in $SIZES; do
	more=$(steps "$rows")
	for threads in $THREADS; do
		rm -rf "$work/w" "$work/o"
		rc=0
		# shellcheck disable=SC2086 # as many words as there are
		"$F" run "$work/p/release.yaml" --workspace "$work/w" --out "$work/o" --json --set source.path="$trace" --set source.rows="$rows" \
			--set train.threads="$threads" $more ${RUN_OPTIONS:-} >"$work/run.json" 2>"$work/log" || rc=$?
		[ "$rc" -le 1 ] || { cat "$work/log" >&2; exit "$rc"; }
		"$python" -c '
import json, sys
d = json.load(open(sys.argv[1]))
for s in d["stages"]:
    print(sys.argv[2], sys.argv[3], s["name"], s["seconds"], s["peak_rss_bytes"])' "$work/run.json" "$rows" "$threads" | tee -a "$work/values" >&2
		if [ "$rc" -eq 0 ]; then
			start=$(date +%s%N)
			"$V" --signers "$work/p/allowed_signers" "$work"/o/*.tar.zst >/dev/null
			echo "$rows $threads verify $(($(date +%s%N) - start)) 0" | awk '{ $4 /= 1e9; print }' >>"$work/values"
		else
			echo "$rows rows on $threads threads: the gate refused the flows; release and verify are missing" >&2
			grep -m 3 FAIL "$work/log" >&2 || true
		fi
	done
done

mkdir -p "$OUT"
"$python" - "$work/values" "$work/spec.json" "$what, preset $PRESET, $(nproc) cores${PASSES:+, $PASSES passes}" <<'EOF'
import json, sys
rows = [(int(n), int(t), s, float(sec), float(mem)) for n, t, s, sec, mem in (l.split() for l in open(sys.argv[1]))]
print(f"time and memory over rows and threads: {sys.argv[3]}\n")
stages = list(dict.fromkeys(r[2] for r in rows))
runs = list(dict.fromkeys(r[:2] for r in rows))
print("| rows | threads | " + " | ".join(f"{s}, s" for s in stages) + " | all, s | largest peak, MiB |\n|" + "---|" * (len(stages) + 4))
total, peak = {}, {}
for run in runs:
    of = {r[2]: r for r in rows if r[:2] == run}
    total[run], peak[run] = sum(r[3] for r in of.values()), max(r[4] for r in of.values()) / 2**20
    print(f"| {run[0]} | {run[1]} | " + " | ".join(f"{of[s][3]:.1f}" if s in of else "-" for s in stages) + f" | {total[run]:.1f} | {peak[run]:.0f} |")
threads = sorted({r[1] for r in runs})
big = max(threads)


def name(t):
    return f"{t} thread" + "s" * (t > 1)


def panel(title, y, lines):
    return {"title": title, "x": "rows of the trace", "y": y, "log_x": True, "log_y": True, "lines": lines}


json.dump({"title": sys.argv[3], "panels": [
    panel("Ingest to verified archive", "seconds", [{"name": name(t), "points": [[n, total[n, u]] for n, u in runs if u == t]} for t in threads]),
    panel("Largest stage's memory", "MiB", [{"name": name(t), "points": [[n, peak[n, u]] for n, u in runs if u == t]} for t in threads]),
    panel(f"Each stage, {name(big)}", "seconds", [{"name": s, "points": [[r[0], max(r[3], 0.001)] for r in rows if r[2] == s and r[1] == big]} for s in stages]),
    panel(f"Each stage's memory, {name(big)}", "MiB", [{"name": s, "points": [[r[0], r[4] / 2**20] for r in rows if r[2] == s and r[1] == big and r[4] > 0]} for s in stages])]},
    open(sys.argv[2], "w"))
EOF
"$python" tests/plot.py "$work/spec.json" "$OUT/scale.svg"
echo
echo "figure: $OUT/scale.svg"
