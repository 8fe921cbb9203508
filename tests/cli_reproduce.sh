#!/bin/sh
# A release is made again from its manifest, where nobody ran it: from the trace, or from the sealed model.  What is not the
# release's is refused before any work; what came out otherwise is named by file and byte, with the reason.
# usage: cli_reproduce.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
# shellcheck disable=SC2016 # sh -c expands it
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

# Bytes matter here and not flows: few checks, each so loose that a toy meets it.  Of the trace's one label a check has
# nothing to ask.
expect 0 "a project" "$F" init --preset demo p
cat >p/release.yaml <<'END'
preset: demo
release: {name: toy, version: 1.0.0, date: 2026-11-28}
source: {path: ../trace.csv}
train: {steps: 12}
model: {depth: 1, width: 32, heads: 2}
generate: {steps: 4, rows: 1000}
publish: {header: true, test_share: 0.2}
gate:
  control_rows: 500
  jsd_mean8: 0.69
END
drop_checks p/release.yaml
sed -i 's/tstr.macro_f1.trees: null/tstr.macro_f1.trees: {min: 0.5}/' p/release.yaml
expect 0 "a trace" "$F" simulate --rows 2000 --seed 3 --out trace.csv
sed -i 's/[^,]*$/background/' trace.csv
expect 0 "(its gate is blunt)" blunt p p/release.yaml
expect 0 "a release, made on a terminal" on_terminal "$F" run p $UNCONFINED
holds "which shows how far each stage is" sh -c 'for s in ingest train generate evaluate; do tr "\r" "\n" <out | grep -q "^$s .* %" || exit 1; done'
holds "on one line" test "$(tr '\r' '\n' <out | grep ' %  ' | sed 's/.\[K.*//' | awk '{ if (length > n) n = length } END { print n < 100 }')" = 1
says out "not asked, as the real flows cannot answer: tstr.macro_f1.trees" "the verdict tells what it did not ask"
archive=$T/p/release/toy-1.0.0.tar.zst
holds "the manifest too" test "$(tar --zstd -xOf "$archive" toy-1.0.0/manifest.json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["unasked"])')" = "['tstr.macro_f1.trees']"
holds "and the data sheet" sh -c "tar --zstd -xOf '$archive' toy-1.0.0/README.md | grep -q 'Not asked.*tstr.macro_f1.trees'"
digest=$(tar_digest "$archive")

# --- a bundle ---
expect 0 "a bundle of its model" "$F" bundle r0001 --workspace p/workspace $UNCONFINED --json
bundle=$T/p/release/toy-1.0.0.bundle
holds "it lies beside the archive" test "$(realpath "$(json out 'd["bundle"]')")" = "$bundle"
holds "for nobody else to read" test "$(stat -c %a "$bundle")" = 600
holds "nothing of the model shows in it" sh -c "! grep -aqE 'codec|safetensors|json' '$bundle'"
holds "the release verifies as before" "$V" -q --no-state --signers p/allowed_signers "$archive"
expect 0 "the ledger tells of it" sh -c "'$F' log 1 --workspace p/workspace | grep -q 'bundle '"
expect 3 "a run that is not there has none" "$F" bundle 7 --workspace p/workspace
expect 0 "a run that released nothing" "$F" run p $UNCONFINED --quiet --until train
expect 3 "has none" "$F" bundle 2 --workspace p/workspace
says err "released nothing" "and the message says why"

# --- another machine: of the project there is its secret alone ---
mkdir -p m/keys
cp p/keys/commitment.key m/keys
tar --zstd -xOf "$archive" toy-1.0.0/manifest.json >manifest.json
expect 2 "a manifest with neither trace nor model" "$F" reproduce manifest.json $UNCONFINED
says err "give --source TRACE or --model BUNDLE" "is answered by what is wanted"
expect 3 "an archive, where no ledger is" "$F" reproduce "$archive" $UNCONFINED --workspace nowhere
says err "which need none" "is too"
again() { # WHAT OPTION...
	"$F" reproduce "$@" $UNCONFINED --project m
}
expect 0 "the trace and the archive make it again" again "$archive" --source trace.csv --json
cp out report
holds "its report is one document" is_json report
holds "the tar is the same" test "$(json report '(d["verdict"], d["tar_sha256"]["again"])')" = "('same', '$digest')"
holds "so is each stage, by digest or commitment" test "$(json report '[(s["name"], s["same"], s["made"]) for s in d["stages"]]')" = \
	"[('ingest', True, True), ('train', True, True), ('generate', True, True), ('evaluate', True, True), ('gate', True, True)]"
holds "nothing private is left" test -z "$(find m -name 'reproduce*' -o -name stages -type d ! -empty)"
expect 0 "the ledger there remembers it" sh -c "'$F' log --workspace m/workspace | grep -q 'reproduce .*from trace: same'"
expect 0 "the bundle makes it again without the trace" again "$archive" --model "$bundle" --out o
cp out words
cp words out
says out "from the manifest" "what is not made again is said"
says out "toy-1.0.0.tar.zst" "the archive is put where it was asked for"
holds "byte for byte" cmp "$archive" o/toy-1.0.0.tar.zst
expect 3 "an archive that is there is not replaced" again "$archive" --model "$bundle" --out o
expect 0 "the bundle and the manifest alone" again manifest.json --model "$bundle" --json
holds "are the same too" test "$(json out '(d["verdict"], d["tar_sha256"]["again"], d["differences"])')" = "('same', '$digest', [])"

# --- not what the release was made of: refused before any work ---
sed '$d' trace.csv >other.csv
expect 1 "another trace" again "$archive" --source other.csv
says err "not the trace" "is refused as such"
says err "nothing was done" "before any work"
holds "and leaves nothing" test -z "$(find m/workspace -name 'stages' -type d ! -empty)"
mkdir -p n/keys && head -c 32 /dev/urandom >n/keys/commitment.key && chmod 600 n/keys/commitment.key
expect 1 "another project" "$F" reproduce "$archive" --source trace.csv --project n $UNCONFINED
says err "not its project" "may be the reason, it says"
expect 1 "a bundle under another project's secret" "$F" reproduce "$archive" --model "$bundle" --project n $UNCONFINED
says err "another key" "says so"
cp "$bundle" bad.bundle
holds "(a byte is changed)" change_byte bad.bundle 3000
expect 1 "an altered bundle" again "$archive" --model bad.bundle
says err "was altered" "says so"
expect 3 "a file that is no bundle" again "$archive" --model trace.csv
echo "Ask first." >terms
# As text, so that numbers stay as they are written.
awk '/^    "privacy": [{]/ { inside = 1 } inside && /"min_count"/ { inside = 0; next } { print }' manifest.json >sparse.json
holds "(a key is taken out)" test $(($(wc -l <manifest.json) - $(wc -l <sparse.json))) = 1
expect 0 "a manifest of a version that had not all of the keys" again sparse.json --model "$bundle"
sed 's/"steps": 12/"steps": "twelve"/' manifest.json >wrong.json
expect 3 "a config that is none" again wrong.json --model "$bundle"
sed 's/^  "verdict": "pass"/  "verdict": "fail"/' manifest.json >refused.json
expect 3 "a manifest of what was refused" again refused.json --model "$bundle"
says err "the gate refused this release" "is of no release, which is said before any work"
sed 's/^      "rows": 1000,/      "rows": 900000000,/' manifest.json >many.json
expect 3 "a manifest that asks for more flows than it tells of" again many.json --model "$bundle"
says err "asks for another number of flows than there are" "is refused before any work"
expect 0 "(another release)" "$F" run p $UNCONFINED --quiet --set release.version=1.1.0 --set train.seed=9 \
	--set release.license=LicenseRef-ours --set release.license_file="$T/terms"
expect 0 "(and its bundle)" "$F" bundle r0003 --workspace p/workspace $UNCONFINED --out other.bundle
expect 1 "the bundle of another release" again "$archive" --model other.bundle
says err "1.1.0 (run r0003)" "is named"
expect 0 "which makes that one, with the licence's text out of the archive" again p/release/toy-1.1.0.tar.zst --model other.bundle
tar --zstd -xOf p/release/toy-1.1.0.tar.zst toy-1.1.0/manifest.json >other.json
expect 3 "the manifest alone has not that text" again other.json --model other.bundle
says err "LICENSE.txt" "which the message says"
expect 1 "two releases with a header line are laid side by side" "$F" diff "$archive" p/release/toy-1.1.0.tar.zst
says out "JSD" "and differ in their flows"
sed 's/"version": "1.0.0"/"version": "1.1.0"/' manifest.json >renamed.json
expect 1 "one of another model under this name" again renamed.json --model other.bundle

# --- flowmint verify and flowmint-verify remember in one place ---
later=p/release/toy-1.1.0.tar.zst
expect 0 "the earlier release" "$F" verify --signers p/allowed_signers "$archive"
expect 0 "and the later one are accepted" "$F" verify --signers p/allowed_signers "$later" --json
holds "as such" test "$(json out '(d["memory"], d["last"]["version"])')" = "('later', '1.0.0')"
expect 1 "then the earlier one is refused" "$F" verify --signers p/allowed_signers "$archive"
says out "rollback" "as one that comes back"
expect 1 "by flowmint-verify too" "$V" --signers p/allowed_signers "$archive"
expect 0 "unless nothing is looked up" "$F" verify --no-state --signers p/allowed_signers "$archive"
expect 0 "or elsewhere" "$F" verify --state elsewhere --extract whole --signers p/allowed_signers "$archive"
holds "with its files" test -s whole/data/flows.csv
for it in "$V" "$F verify"; do
	expect 3 "signers by a pipe: $(basename "$it")" sh -c 'cat p/allowed_signers | "$@"' sh $it --no-state --signers /dev/stdin "$archive"
	says err "is a pipe: write what comes through it into a file" "says what to do"
	expect 4 "a place where nothing can be remembered: $(basename "$it")" env XDG_STATE_HOME=/dev/null $it --signers p/allowed_signers "$archive"
	says err "name another with --state DIR, or check without one with --no-state" "says what to do"
	expect 2 "a home that is no place: $(basename "$it")" env -u XDG_STATE_HOME HOME=here $it --signers p/allowed_signers "$archive"
	says err "HOME is a relative path" "is told as what it is"
	for option in --signers --revoked; do
		expect 3 "a folder for $option: $(basename "$it")" $it --no-state --signers p/allowed_signers $option . "$archive"
		[ $option = --signers ] && told=". is a folder; a list of signers has lines like" || told=". is not a regular file"
		says err "$told" "is told as one"
	done
	expect 1 "a folder for the record: $(basename "$it")" $it --no-state --signers p/allowed_signers --record . "$archive"
	says out "record-malformed" "is no record"
	# Who may write to the list of signers decides whose releases are good.
	mkdir -p lent safe && cp p/allowed_signers lent && cp p/allowed_signers safe && chmod 777 lent && chmod 755 safe && chmod 666 safe/allowed_signers
	ln -sf lent/allowed_signers linked
	for list in safe/allowed_signers lent/allowed_signers linked; do
		expect 0 "others may write to $list: $(basename "$it")" $it --no-state --json --signers $list "$archive"
		says err "warning: $list: others may put another list of signers in its place" "is a warning"
		holds "and a note" test "$(json out 'len([n for n in d["notes"] if "list of signers" in n])')" = 1
	done
	chmod 1777 lent
	chmod 644 safe/allowed_signers
	for list in safe/allowed_signers lent/allowed_signers linked; do
		expect 0 "others may not: $(basename "$it")" $it --no-state --json --signers $list "$archive"
		holds "and nothing is said" sh -c '! grep warning err && ! grep "list of signers" out'
	done
done
expect 2 "a memory and none" "$F" verify --state elsewhere --no-state --signers p/allowed_signers "$archive"

# --- what came out otherwise ---
different() { # NAME WORDS FILE OPTION...
	name=$1 words=$2
	shift 2
	expect 1 "$name: another tar" again "$@"
	says out "$words" "$name: named as '$words'"
}
sed 's/"seed": 1,/"seed": 2,/g; s/"seed": 1$/"seed": 2/' manifest.json >seed.json
if cmp -s seed.json manifest.json; then
	holds "(the seeds are found in the manifest)" false
fi
different "another config" "differs: data/flows.csv" seed.json --model "$bundle"
says out "another config than made it" "the reason is named"
says out "the same model gave other flows" "and the stage"
kernel=$(json manifest.json 'd["environment"]["evaluate_blas_kernel"]')
another=Prescott
[ "$kernel" != Prescott ] || another=Nehalem
sed 's/"flowmint": "[0-9.]*"/"flowmint": "0.0.7"/' manifest.json >old.json
OPENBLAS_CORETYPE=$another
export OPENBLAS_CORETYPE
different "another version and kernel" "manifest.json, from byte" old.json --source trace.csv
unset OPENBLAS_CORETYPE
says out "environment/evaluate_blas_kernel was \"$kernel\"" "the first value is named"
says out "another version of the program: 0.0.7 made it" "a reason is named"
says out "another kernel class: OpenBLAS judged with $kernel then" "and the other one"
# A changed file in an archive whose own lists were put right: the first byte is named.
mkdir x
tar --zstd -xf "$archive" -C x
expect 0 "(an archive with one other flow)" "$PYTHON" - x/toy-1.0.0 "$archive" forged.tar.zst <<'PY'
import hashlib, io, json, subprocess, sys, tarfile
folder, archive, out = sys.argv[1:]
sha = lambda b: hashlib.sha256(b).hexdigest()
old = tarfile.open(fileobj=io.BytesIO(subprocess.check_output(["zstd", "-dcq", archive])))
files = {m.name.split("/", 1)[1]: old.extractfile(m).read() for m in old if m.isfile()}
data = files["data/flows.csv"]
at = data.index(b"\n", 500) - 1
changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
row = slice(data.rindex(b"\n", 0, at) + 1, data.index(b"\n", at) + 1)
told = {n: files[n] for n in ("manifest.json", "datapackage.json", "croissant.json")}

def put(name, new):
    for n in told:
        told[n] = told[n].replace(sha(files[name]).encode(), sha(new).encode())
    files[name] = new

for part in [n for n in files if n.startswith("data/") and n != "data/flows.csv"]:
    put(part, files[part].replace(data[row], changed[row], 1))
put("data/flows.csv", changed)
for name in ("datapackage.json", "croissant.json"):
    told["manifest.json"] = told["manifest.json"].replace(sha(files[name]).encode(), sha(told[name]).encode())
files.update(told)
files["SHA256SUMS"] = "".join(f"{sha(files[n])}  {n}\n" for n in sorted(files) if n != "SHA256SUMS").encode()
with tarfile.open(out + ".tar", "w", format=tarfile.USTAR_FORMAT) as new:
    for m in old:
        if m.isfile():
            m.size = len(files[m.name.split("/", 1)[1]])
            new.addfile(m, io.BytesIO(files[m.name.split("/", 1)[1]]))
        else:
            new.addfile(m)
subprocess.check_call(["zstd", "-9qf", out + ".tar", "-o", out])
print(at)
PY
at=$(cat out)
different "a changed flow" "differs: data/flows.csv, from byte $at " forged.tar.zst --model "$bundle"

# --- what is missing ---
expect 2 "both ways at once" again "$archive" --source trace.csv --model "$bundle"
expect 2 "an option of these ways without them" "$F" reproduce "$archive" --workspace p/workspace --out o2
expect 2 "no project" "$F" reproduce "$archive" --source trace.csv
expect 3 "a project without its secret" "$F" reproduce "$archive" --source trace.csv --project x
says err "commitment.key" "is told which file it lacks"
expect 3 "neither archive nor manifest" again trace.csv --source trace.csv
expect 3 "no trace" again "$archive" --source nowhere.csv
expect 1 "without either way an unknown archive is refused" "$F" reproduce "$archive" --workspace m/workspace
says err "--source" "and the message names the way"

# --- what lies in the workspace meanwhile: nothing that can be read without the project's secret ---
entry() { # STAGE: of run 1
	"$F" log 1 --workspace p/workspace --json >log.json
	echo "p/workspace/stages/$1/$(json log.json "[r['body']['key'] for r in d if r['kind'] == 'stage' and r['body']['name'] == '$1'][0]")"
}
expect 0 "(the model, decrypted)" "$F" unseal 1 --stage train --out opened --workspace p/workspace
expect 0 "(the flows, decrypted)" "$F" unseal 1 --stage generate --out flows --workspace p/workspace
holds "(they are what they are)" grep -qa F32 opened/weights.safetensors
holds "(both of them)" grep -qa NUMPY flows/sa.npy
holds "neither store, model, flows nor metrics can be read" sh -c '! grep -rqaE "NUMPY|__metadata__|vocabular|histograms" p/workspace/stages'
holds "nothing decrypted is left" test -z "$(decrypted p/workspace)$(decrypted m/workspace)"
model=$(entry train)
cp "$model/model.sealed" model.kept
printf x | dd of="$model/model.sealed" bs=1 seek=5000 conv=notrunc 2>/dev/null
expect 1 "an altered model is refused" "$F" bundle 1 --workspace p/workspace $UNCONFINED --out b
says err "model.sealed was altered" "by its name"
cp model.kept "$model/model.sealed"
mv p/keys/commitment.key c
expect 3 "nothing opens it without the secret" "$F" unseal 1 --stage train --out opened2 --workspace p/workspace
says err "commitment.key" "which is named"
head -c 32 /dev/urandom >p/keys/commitment.key && chmod 600 p/keys/commitment.key
expect 1 "nor with another" "$F" unseal 1 --stage train --out opened2 --workspace p/workspace
says err "is of another run or project" "which is said"
mv c p/keys/commitment.key
cp "$(entry generate)/key.json" key && cp "$model/key.json" "$(entry generate)/key.json"
expect 1 "nor with the key of another product" "$F" unseal 1 --stage generate --out opened2 --workspace p/workspace
cp key "$(entry generate)/key.json"

# --- purge ---
expect 0 "the recorded model makes it again" "$F" reproduce 1 --from model --workspace p/workspace $UNCONFINED
expect 3 "a run that is not there cannot be purged" "$F" purge 77 --workspace p/workspace
expect 0 "a purge" "$F" purge 1 --workspace p/workspace
says out "for run r0002" "keeps what another run needs, and names it"
says out "makes it again from the trace alone" "and says what is lost"
holds "the flows are gone" test ! -e "$(entry generate)"
holds "the model is not" test -e "$model/key.json"
expect 0 "as JSON, of the other run" "$F" purge 2 --workspace p/workspace --json
holds "it lists what it destroyed" test "$(json out '[o["stage"] for o in d["destroyed"]]')" = "['train']"
holds "and what a third run needs" test "$(json out '[(o["stage"], o["for"]) for o in d["kept"]]')" = "[('ingest', 'r0003')]"
expect 0 "the last of them" "$F" purge r0003 --workspace p/workspace
says out "destroyed: store" "takes the store with it"
holds "nothing is left of any" test -z "$(find p/workspace/stages -name '*.sealed' -o -name '*key*')"
expect 0 "the ledger keeps that it happened" "$F" log 1 --workspace p/workspace
says out "purge" "with what was destroyed"
expect 0 "it is intact" "$F" audit --workspace p/workspace
expect 0 "status says it too" "$F" status 1 --workspace p/workspace
says out "purged" "in words"
expect 3 "the recorded model is no more" "$F" reproduce 1 --from model --workspace p/workspace $UNCONFINED
expect 3 "nor is there one to bundle" "$F" bundle 1 --workspace p/workspace $UNCONFINED --out b
expect 0 "a purge again finds nothing" "$F" purge 1 --workspace p/workspace --json
holds "and says so" test "$(json out 'd["destroyed"] + d["kept"]')" = "[]"
expect 0 "the bundle still makes the release" again "$archive" --model "$bundle"
expect 0 "and so does a run, of which the model alone is retained" "$F" run p $UNCONFINED --quiet --set workspace.retain=model
holds "it is the same" test "$(tar_digest "$archive")" = "$digest"
holds "the model is all that is left" test "$(find p/workspace/stages -name '*.sealed' | sed 's,.*/,,')" = model.sealed
expect 0 "which can be bundled" "$F" bundle 4 --workspace p/workspace $UNCONFINED --out b
"$F" run p $UNCONFINED --quiet --until ingest # r0005
expect 0 "a run that lets the newest two keep what they left" "$F" run p $UNCONFINED --set workspace.keep_runs=2
says err "run r0004 is purged, as workspace.keep_runs is 2" "says which older one it purges"
expect 0 "(the ledger of it)" "$F" log 5 --workspace p/workspace
holds "not one of the newest two" sh -c '! grep -q purge out'
holds "what these need is there" test "$(find p/workspace/stages -name '*.sealed' | sed 's,.*/,,' | sort | tr '\n' ' ')" = \
	"metrics.sealed model.sealed store.sealed synthetic.sealed "
expect 0 "the ledger is intact" "$F" audit --workspace p/workspace
finish
