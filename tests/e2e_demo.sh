#!/bin/sh
# The main job from end to end on simulated flows: a trace goes in, a signed archive comes out that other programs accept,
# the same bytes come again with other threads and after a kill, the gate refuses, the ledger remembers.
# usage: e2e_demo.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none, SMALL_OPTIONS many
# shellcheck disable=SC2016 # sh -c expands it
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
ROWS=4000
SMALL_OPTIONS=$(small_options)

small() { # OPTION...: flowmint run with the small model
	"$F" run p/release.yaml $UNCONFINED --set source.path="$T/trace.csv" $SMALL_OPTIONS "$@"
}

expect 0 "a trace is simulated" "$F" simulate --rows $ROWS --seed 5 --out trace.csv
expect 0 "a project is made" "$F" init --preset demo p
expect 0 "a run ends well" small --json --set train.threads=1
says err "calibrate: 7 rounds in " "what follows the training has its progress too"
holds "run --json is one document" is_json out
cp out run.json
holds "its verdict is pass" test "$(json run.json 'd["verdict"]')" = pass
holds "it names the six stages" test "$(json run.json '" ".join(s["name"] for s in d["stages"])')" = \
	"ingest train generate evaluate gate release"
holds "each stage's peak memory is told" test "$(json run.json 'all(s["peak_rss_bytes"] > 1 << 20 for s in d["stages"][:4])')" = True
holds "each check has its value, threshold and direction" test \
	"$(json run.json 'len(d["checks"]) > 10 and all({"name", "value", "threshold", "direction", "n", "pass"} <= set(c) for c in d["checks"])')" = True
archive=p/release/demo-1.0.0.tar.zst
holds "the archive is where it says" test "$(realpath "$archive")" = "$(realpath "$(json run.json 'd["archive"]')")"
holds "archive, record, a signature of each, and the log are all there is" test "$(cd p/release && ls -A | LC_ALL=C sort | tr '\n' ' ')" = \
	"LOG.jsonl demo-1.0.0.LOG.json demo-1.0.0.RELEASE.json demo-1.0.0.RELEASE.json.sig demo-1.0.0.tar.zst demo-1.0.0.tar.zst.sig "
digest=$(tar_digest "$archive")

# --- a partner's tools ---
expect 0 "flowmint verify accepts it" "$F" verify --signers p/allowed_signers "$archive"
expect 0 "flowmint-verify accepts it" "$V" --signers p/allowed_signers "$archive"
expect 0 "ssh-keygen -Y verify accepts it" sh -c "ssh-keygen -Y verify -f p/allowed_signers -I flowmint -n flowmint -s $archive.sig <$archive"
record=p/release/demo-1.0.0.RELEASE.json
expect 0 "and its record" sh -c "ssh-keygen -Y verify -f p/allowed_signers -I flowmint -n flowmint-release -s $record.sig <$record"
holds "which has the digests of tar and archive" test "$(json $record '" ".join(f["sha512"] for f in d["files"])')" = \
	"$(zstd -dcq "$archive" | sha512sum | cut -d' ' -f1) $(sha512sum <"$archive" | cut -d' ' -f1)"
holds "it is in canonical form" "$PYTHON" -c 'import json, sys
b = open(sys.argv[1], "rb").read()
sys.exit(b != json.dumps(json.loads(b), sort_keys=True, separators=(",", ":")).encode() + b"\n")' $record
expect 0 "flowmint-verify knows it again" "$V" --json --signers p/allowed_signers "$archive"
holds "as the first of its sequence" test "$(json out '(d["memory"], d["record"]["sequence"], d["record"]["previous"], d["notes"])')" = "('same', 1, None, [])"
expect 0 "and extracts it" "$V" --signers p/allowed_signers --extract whole "$archive"
mkdir x
expect 0 "tar extracts it" tar --zstd -xf "$archive" -C x
holds "to the same files" diff -r whole x/demo-1.0.0
expect 0 "sha256sum -c agrees with every file" sh -c "cd x/demo-1.0.0 && sha256sum --strict -c SHA256SUMS"
holds "every file but the list itself is in the list" test "$(cd x/demo-1.0.0 && find . -type f | wc -l)" -eq \
	$(($(wc -l <x/demo-1.0.0/SHA256SUMS) + 1))
for f in manifest.json datapackage.json; do
	holds "$f is JSON" is_json x/demo-1.0.0/$f
done
holds "the data package describes data/flows.csv" test \
	"$(json x/demo-1.0.0/datapackage.json 'd["resources"][0]["path"] + " " + str(len(d["resources"][0]["schema"]["fields"]))')" = "data/flows.csv 13"
holds "no file names the private trace or this machine's folders" sh -c "! grep -rqF '$T' x && ! grep -rqF trace.csv x"
digest_of_trace=$(sha256sum trace.csv | cut -d' ' -f1)
holds "nor does one hold the trace's digest" sh -c "! grep -rqF $digest_of_trace x"
cp "$archive" bad.tar.zst
cp "$archive.sig" bad.tar.zst.sig
holds "(a byte is changed)" change_byte bad.tar.zst 1000
expect 1 "a changed byte is refused by flowmint-verify" "$V" --signers p/allowed_signers bad.tar.zst
expect 255 "and by ssh-keygen" sh -c "ssh-keygen -Y verify -f p/allowed_signers -I flowmint -n flowmint -s bad.tar.zst.sig <bad.tar.zst"

# --- the flows themselves ---
csv=x/demo-1.0.0/data/flows.csv
mkdir q
cp -r p/keys p/allowed_signers p/release.yaml q
expect 0 "its own ingest reads the flows" "$F" run q/release.yaml $UNCONFINED --until ingest --set source.path="$T/$csv" \
	--set source.max_bad_share=0 --json
unsealed q/workspace ingest kept
find kept -name quarantine.csv -exec cat {} + >quarantine
holds "not one row is rejected" sh -c '[ ! -s quarantine ] || [ "$(grep -vc "^line" quarantine)" = 0 ]'
expect 0 "evaluate reads them" "$F" evaluate --real $csv --synthetic $csv --only jsd,emd --json
holds "they are nowhere different from themselves" test \
	"$(json out 'max(list(d["jsd"].values()) + list(d["emd"].values())) == 0 and d["jsd_mean8"] == 0')" = True
awk -F, '
	NF != 13 { print "fields: " $0; next }
	$11 < 1 { print "no packet: " $0 }
	$12 < 20 * $11 { print "under 20 bytes a packet: " $0 }
	$12 > 1500 * $11 { print "over 1500 bytes a packet: " $0 }
	$7 == "ICMP" && $5 != 0 { print "a source port on ICMP: " $0 }
	$3 == $4 { print "from itself to itself: " $0 }
	$5 > 65535 || $6 > 65535 { print "no port: " $0 }' $csv >broken
cp broken err
holds "no flow breaks what a flow must obey" test ! -s broken
cut -d, -f3,4 $csv | tr , '\n' | sort -u >theirs
cut -d, -f3,4 trace.csv | tr , '\n' | sort -u >ours
grep -v '^10\.' ours >ours.outside
holds "no outside address of the trace is in the release" test "$(comm -12 ours.outside theirs | wc -l)" -eq 0
cut -d, -f2- trace.csv | sort -u >a
cut -d, -f2- $csv | sort -u >b
holds "no flow of the trace is in the release, whatever its time" test "$(comm -12 a b | wc -l)" -eq 0

# --- the same bytes again ---
expect 0 "a run on complete stages ends well" small --out o3 --json
holds "and takes them from the workspace" test "$(json out '[s["cached"] for s in d["stages"][:5]]')" = "[True, True, True, True, True]"
holds "and gives the same tar" test "$(tar_digest o3/demo-1.0.0.tar.zst)" = "$digest"
expect 0 "reproduce makes it again from the model" "$F" reproduce --from model --workspace p/workspace $UNCONFINED "$archive"
FM_KERNELS=v3
export FM_KERNELS
expect 0 "and with the kernels of another processor" "$F" reproduce --from model --workspace p/workspace $UNCONFINED "$archive"
unset FM_KERNELS

# --- killed while it works ---
said_or_ended() { # WORDS: killed.err has them, or there is nobody to say them
	grep -qF -- "$1" killed.err || ! kill -0 $pid 2>/dev/null
}

# One that ends before it is killed, because nobody looked for so long, is tried again.
kill_at() { # WORDS: start a run in wk, kill it when it says WORDS
	for _ in 1 2 3 4 5; do
		rm -rf ok.out
		: >killed.err
		small --workspace wk --out ok.out >killed.out 2>killed.err &
		pid=$!
		until_true 300 said_or_ended "$1"
		kill -9 "$(cat wk/lock)" 2>/dev/null
		wait $pid 2>/dev/null
		status=$?
		[ $status -eq 0 ] || break
		rm -rf wk
	done
}

killed_at() { # WORDS NAME: and run again, and compare
	kill_at "$1"
	cp killed.err err
	holds "it was killed $2 (after '$1')" test $status -eq 137
	holds "it had come that far ($2)" grep -qF -- "$1" killed.err
	holds "its stages died with it ($2)" until_true 60 nobody_runs
	holds "it left no archive behind ($2)" is_empty ok.out
	expect 1 "the ledger of a killed run has no release ($2)" sh -c "'$F' status --workspace wk | grep -q '1 release'"
	expect 0 "the ledger of a killed run is intact ($2)" "$F" audit --workspace wk
	expect 0 "the run goes on ($2)" small --workspace wk --out ok.out --json
	holds "and ends with the bytes it would have had ($2)" test "$(tar_digest ok.out/demo-1.0.0.tar.zst)" = "$digest"
	holds "with nothing half-made left ($2)" test -z "$(find wk ok.out -name '.tmp-*' -o -name '*.tmp*')"
}
expect 0 "another number of threads learns" small --workspace wk --until train --set train.threads=2
killed_at "generate: " "in generation"
rm -rf wk
killed_at "train: " "in training"

# --- the gate refuses ---
expect 1 "an impossible threshold is exit status 1" small --out o4 --replace --set gate.jsd_mean8=0.0000001
says err "jsd_mean8" "the message names the check"
says err "(max 1e-07)" "and the threshold"
value=$(sed -n 's/.*jsd_mean8 \([0-9.]*\) (max.*/\1/p' err)
holds "and the value" test -n "$value"
says out "FAIL" "the table shows it"
holds "nothing is in the release folder" is_empty o4
expect 1 "with --json too" small --out o4 --replace --set gate.jsd_mean8=0.0000001 --json
holds "its answer is one document" is_json out
holds "that says fail, and no archive" test "$(json out '(d["verdict"], d["archive"])')" = "('fail', None)"
holds "nothing is in the release folder" is_empty o4
expect 1 "one refusal among many passes is enough" small --out o4 --replace --set gate.leak.share_nearer_train=0.01
holds "nothing is in the release folder" is_empty o4

# --- the ledger ---
expect 0 "status --json" "$F" status --workspace p/workspace --json
holds "is one document" is_json out
expect 0 "log --json" "$F" log --workspace p/workspace --json
holds "is one document" is_json out
holds "it remembers the releases and the refusals" test \
	"$(json out '(sum(r["kind"] == "release" for r in d), sum(r["kind"] == "verdict" and r["body"]["verdict"] == "fail" for r in d))')" = "(2, 3)"
expect 0 "audit finds it intact" "$F" audit --workspace p/workspace
cp -r p/workspace tampered
cat >edit.py <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1] + "/ledger.db")
for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
    db.execute(f"DROP TRIGGER {name}")
db.execute(sys.argv[2])
db.commit()
PY
row=$("$F" log --workspace tampered | awk '/ verdict .*fail/ { print $1; exit }')
expect 0 "(a refusal is edited into a pass)" "$PYTHON" edit.py tampered \
	"UPDATE ledger SET body = replace(body, 'fail', 'pass') WHERE row = $row"
expect 1 "audit finds an edited row" "$F" audit --workspace tampered
says out "$row" "and says which"
rm -rf tampered
cp -r p/workspace tampered
expect 0 "(a row is removed)" "$PYTHON" edit.py tampered "DELETE FROM ledger WHERE row = $row"
expect 1 "audit finds a removed row" "$F" audit --workspace tampered
rm -rf tampered
cp -r p/workspace tampered
expect 0 "(the last row is removed)" "$PYTHON" edit.py tampered "DELETE FROM ledger WHERE row = (SELECT max(row) FROM ledger)"
expect 1 "audit finds a cut end" "$F" audit --workspace tampered --json
holds "its report is one document" is_json out
finish
