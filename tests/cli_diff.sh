#!/bin/sh
# flowmint diff: what is different between two releases or runs is told part by part, and nothing else is.
# usage: cli_diff.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
golden=$ROOT/tests/golden/release/golden-1.0.0.tar.zst
mkdir x
tar --zstd -xf "$golden" -C x
expect 0 "an archive and what is in it" "$F" diff "$golden" x/golden-1.0.0
says out "same" "are the same"
expect 0 "also as JSON" "$F" diff "$golden" x/golden-1.0.0 --json
holds "with nothing in any list" test "$(json out '(d["same"], sum(len(v) for v in d.values() if isinstance(v, list)))')" = "(True, 0)"

# Another release, one change in each part.
cp -r x/golden-1.0.0 other
"$PYTHON" - other <<'PY'
import hashlib, json, sys
at = sys.argv[1]
m = json.load(open(at + "/manifest.json"))
lines = open(at + "/data/flows.csv").read().splitlines(True)[:-10]
lines = [",".join(f[:10] + ["9"] + f[11:]) for f in (l.split(",") for l in lines)] # all flows have 9 packets
open(at + "/data/flows.csv", "w").write("".join(lines))
m["rows"] = len(lines)
next(f for f in m["files"] if f["path"] == "data/flows.csv").update(
    bytes=len("".join(lines)), sha256=hashlib.sha256("".join(lines).encode()).hexdigest())
m["metrics"] = [{**k, "value": 2 * (k["value"] or 0)} for k in m["metrics"]]
m["release"]["version"] = m["version"] = m["config"]["release"]["version"] = "2.0.0"
m["config"]["train"]["steps"] = 13
m["config"]["gate"]["jsd_mean8"]["max"] = 0.5
m["schema"]["fields"][1]["unit"] = "hours"
m["schema"]["fields"].pop()
m["privacy"]["statement"] = "Another one."
check = next(c for c in m["checks"] if c["name"] == "jsd_mean8")
check["threshold"] = 0.5
m["checks"].append({**check, "name": "jsd.SA"})
m["environment"]["flowmint"] = "0.0.7"
json.dump(m, open(at + "/manifest.json", "w"))
PY
expect 1 "another release differs" "$F" diff "$golden" other
cp out told
says err "differ" "it says so"
for words in 'version: "1.0.0" -> "2.0.0"' 'td.unit: "seconds" -> "hours"' "600 -> 590" "PKT   JSD 0." 'statement: ' \
	"train.steps: 12 -> 13" "gate.jsd_mean8.max: 0.69 -> 0.5" "jsd_mean8 (max):" "of 0.5, passes" "jsd.SA (max): no such check -> " \
	'-> "0.0.7"' "data/flows.csv.sha256: " "values differ (--json has each)"; do
	cp told out
	says out "$words" "told: $words"
done
expect 1 "as JSON too" "$F" diff "$golden" other --json
cp out report
mean8=$(json x/golden-1.0.0/manifest.json 'next(k["value"] for k in d["metrics"] if k["name"] == "jsd_mean8")')
holds "its parts" test "$(json report 'sorted(k for k, v in d.items() if isinstance(v, list) and v)')" = \
	"['checks', 'config', 'environment', 'fields', 'files', 'guarantee', 'manifest', 'release', 'schema']"
holds "the numbers that became others by their names" test \
	"$(json report '[(k["key"], k["a"], k["b"]) for k in d["manifest"] if k["key"].startswith("metrics.jsd_mean8.")]')" = \
	"[('metrics.jsd_mean8.value', $mean8, $("$PYTHON" -c "print(2 * $mean8)"))]"
holds "a column that went is null there" test "$(json report '[(s["key"], s["b"]) for s in d["schema"] if s["b"] is None]')" != "[]"
holds "the config has what was changed, and no more" test "$(json report '[(c["key"], c["a"], c["b"]) for c in d["config"]]')" = \
	"[('gate.jsd_mean8.max', 0.69, 0.5), ('release.version', '1.0.0', '2.0.0'), ('train.steps', 12, 13)]"
holds "the packets differ most" test "$(json report 'max(d["fields"], key=lambda f: f["jsd"])["name"]')" = PKT
expect 1 "in the other order" "$F" diff other "$golden" --json
holds "a and b change sides" test "$(json out '[(c["a"], c["b"]) for c in d["config"] if c["key"] == "train.steps"]')" = "[(13, 12)]"

# Flows that were changed since they were unpacked, or are none, are not taken for those of the manifest.
changed() { # NAME COMMAND...: in the folder of the flows
	name=$1
	shift
	rm -rf bent && cp -r x/golden-1.0.0 bent && (cd bent/data && "$@")
	expect 3 "unpacked flows that are $name" "$F" diff "$golden" bent
	says err "flows.csv is not the file that manifest.json lists" "are told from the archive's ($name)"
}
changed "longer" sh -c 'sed -n 1p flows.csv >>flows.csv'
changed "others" sh -c 'tr 1 2 <flows.csv >f && mv f flows.csv'
changed "a link" ln -sf "$T/x/golden-1.0.0/data/flows.csv" flows.csv
changed "a pipe" sh -c 'rm flows.csv && mkfifo flows.csv'

# Nothing that differs is passed over.
unlike() { # NAME WORDS PYTHON: what is done with the manifest m in the folder at
	rm -rf bent && cp -r x/golden-1.0.0 bent
	"$PYTHON" -c "import json, os, sys
at = 'bent'
m = json.load(open(at + '/manifest.json'))
$3
json.dump(m, open(at + '/manifest.json', 'w'))"
	for a in "$golden" x/golden-1.0.0; do
		expect 1 "$1 is a difference to $(basename "$a")" "$F" diff "$a" bent
		says out "$2" "and is told: $2"
	done
}
unlike "a member that no manifest has" 'hidden.x: nothing -> 1' 'm["hidden"] = {"x": 1}'
unlike "one by the name of what is said of an archive" 'archive.file: nothing -> "x"' 'm["archive"] = {"file": "x"}'
unlike "one with a long name" "kkkk: nothing -> 1" 'm["config"]["k" * 200] = 1'
unlike "one without a name" "nothing -> 1" 'm["config"][""] = 1'
unlike "one whose name has a line of its own" 'x\x0asame: nothing -> 1' 'm["config"]["x\nsame"] = 1'
unlike "a check whose name has one" '  x\x0asame (max): ' 'm["checks"].append({**m["checks"][0], "name": "x\nsame", "direction": "max"})'
unlike "many values below one" '  x\x0asame: 13 values differ' 'm["config"]["x\nsame"] = {str(i): i for i in range(13)}'
unlike "one of the schema" 'hidden: nothing -> 1' 'm["schema"]["hidden"] = 1'
unlike "the order of columns" 'schema' 'm["schema"]["fields"].reverse()'
unlike "a column that is there twice" 'schema' 'm["schema"]["fields"].append(m["schema"]["fields"][0])'
unlike "a member of a check" 'checks.jsd_mean8.why: "" -> "x"' 'm["checks"][0]["why"] = "x"'
unlike "a metric" "metrics.jsd_mean8.value: $mean8 -> 0.5" 'next(k for k in m["metrics"] if k["name"] == "jsd_mean8")["value"] = 0.5'
unlike "a waiver" 'waivers.controls.broken.reason: ' 'm["waivers"][0]["reason"] = "x"'
unlike "a member of a file" 'README.md.hidden: nothing -> 1' 'next(f for f in m["files"] if f["path"] == "README.md")["hidden"] = 1'
unlike "the name at the top alone" 'name: "golden" -> "x"' 'm["name"] = "x"'
unlike "a file that no manifest lists" 'files' 'open(at + "/data/more.csv", "w").write("x")'
unlike "its list of digests" 'SHA256SUMS.sha256: ' 'open(at + "/SHA256SUMS", "a").write("\n")'
changed_document() { # NAME COMMAND...: in the folder
	name=$1
	shift
	rm -rf bent && cp -r x/golden-1.0.0 bent && (cd bent && "$@")
	expect 3 "a document that is $name" "$F" diff "$golden" bent
	says err "README.md" "is named ($name)"
}
changed_document "another" sh -c 'echo more >>README.md'
changed_document "gone" rm README.md
changed_document "a link" ln -sf LICENSE.txt README.md
rm -rf bent && cp -r x/golden-1.0.0 bent && "$PYTHON" -c 'import json
m = json.load(open("bent/manifest.json"))
m["files"] = 1
json.dump(m, open("bent/manifest.json", "w"))'
expect 3 "a manifest without a list of files" "$F" diff "$golden" bent
says err "no list of files" "is none"

# What a stranger wrote: it names no file of this machine, and controls no terminal.
cp "$ROOT/manifests/dialects/ugr16.yaml" mine.yaml
"$PYTHON" - other <<'PY'
import json, os, sys
at = sys.argv[1]
m = json.load(open(at + "/manifest.json"))
m["config"]["publish"]["dialect"] = os.path.realpath("mine.yaml")
m["release"]["description"] = "\u009b31mred"
json.dump(m, open(at + "/manifest.json", "w"))
PY
if [ -n "$CONFINED" ]; then
	expect 3 "a dialect that a stranger's manifest names" "$F" diff "$golden" other
	says err "mine.yaml: No such file" "is not to be seen"
else
	skip "a dialect that a stranger's manifest names" "the kernel gives no namespaces here"
fi
expect 1 "nor asked for where the user names one" "$F" diff "$golden" other --dialect mine.yaml
holds "and no control character comes out" sh -c '! LC_ALL=C grep -q "$(printf "\302\233")" out'
says out "31mred" "but what stands around it"
expect 1 "as JSON too" "$F" diff "$golden" other --dialect mine.yaml --json
holds "no control character comes out of that either" sh -c '! LC_ALL=C grep -q "$(printf "\302\233")" out'
holds "it means the same" test "$(json out '[r["b"] for r in d["release"] if r["key"] == "description"][0] == "\u009b31mred"')" = True

# Runs of a workspace.
expect 0 "a trace" "$F" simulate --rows 1000 --seed 3 --out trace.csv
expect 0 "a project" "$F" init --preset demo p
run() {
	"$F" run p $UNCONFINED --quiet --until generate --set source.path="$T/trace.csv" --set train.steps=3 --set model.depth=1 \
		--set model.width=32 --set model.heads=2 --set model.window=16 --set generate.rows=200 --set generate.steps=2 "$@"
}
expect 0 "a run" run
expect 0 "another" run --set generate.seed=5
expect 0 "a run and itself" "$F" diff r0001 1 --workspace p/workspace
expect 1 "two runs" "$F" diff r0001 r0002 --workspace p/workspace --json
holds "differ in a seed" test "$(json out '[c["key"] for c in d["config"]]')" = "['generate.seed']"
holds "and so in fields" test "$(json out 'len(d["fields"]) > 3 and d["rows"]["a"] == d["rows"]["b"]')" = True
expect 0 "a project is its newest run" "$F" diff p r0002 --workspace p/workspace
expect 0 "so is its workspace" "$F" diff p p/workspace
expect 1 "a run and a release" "$F" diff p "$golden"

# What cannot be compared.
mkdir shelf
cp "$golden" shelf
expect 0 "a folder with one archive is that archive" "$F" diff shelf "$golden"
cp "$golden" shelf/golden-1.0.1.tar.zst
expect 3 "of two, one must be named" "$F" diff shelf "$golden"
expect 3 "a folder with nothing" "$F" diff x "$golden"
expect 3 "no such file" "$F" diff nowhere.tar.zst "$golden"
expect 3 "no such run" "$F" diff r0009 "$golden" --workspace p/workspace
cp "$golden" bad.tar.zst
holds "(a byte is changed)" change_byte bad.tar.zst 5000
expect 3 "a broken archive" "$F" diff bad.tar.zst "$golden"
expect 2 "one alone" "$F" diff "$golden"
finish
