#!/bin/sh
# Bad input through the program: every one has its exit status and a message with what, where and what to do, nothing is lost
# or half-written, and what is only odd (CRLF, a byte-order mark, quotes, any compression) reads as if it were plain.
# usage: e2e_bad.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

ingest() { # FILE OPTION...: into a fresh workspace
	file=$1
	shift
	rm -rf w
	"$F" run p/release.yaml $UNCONFINED --workspace w --until ingest --set source.path="$T/$file" --json "$@"
}

refused() { # NAME FILE WORDS [OPTION...]: exit status 3, the words, the file's name, nothing left of the stage
	name=$1 file=$2 words=$3
	shift 3
	expect 3 "$name is refused" ingest "$file" "$@"
	says err "$words" "$name: the message says '$words'"
	says err "$(basename "$file")" "$name: the message names the file"
	holds "$name: no answer on standard output" test ! -s out
	holds "$name: nothing is half-written" test -z "$(find w -path '*/stages/ingest/*' 2>/dev/null)"
}

store() { # digest of what the last ingest made
	unsealed w ingest kept
	find kept -name '*.npy' | sort | while read -r f; do
		echo "$f $(sha256sum <"$f")"
	done | sha256sum
}

same() { # NAME FILE [OPTION...]: read without a bad row, into the same columns as the plain trace
	name=$1 file=$2
	shift 2
	expect 0 "$name is read" ingest "$file" "$@"
	holds "$name gives the same flows" test "$(store)" = "$plain"
}

quarantined() { # NAME LINE WORDS: one bad row behind 2000 good ones
	{ cat good.csv; printf '%b\n' "$2"; } >one.csv
	expect 0 "$1: the run goes on" ingest one.csv
	unsealed w ingest kept && cat kept/quarantine.csv >out
	holds "$1: the good rows are all there" test "$(store)" = "$plain"
	says out "2001," "$1: quarantine has its line number"
	says out "$3" "$1: and the reason '$3'"
	holds "$1: one row is there" test "$(tail -n +2 out | wc -l)" -eq 1
}

expect 0 "(a trace)" "$F" simulate --rows 2000 --seed 2 --out good.csv
expect 0 "(a project)" "$F" init --preset demo p
expect 0 "a good trace is read" ingest good.csv
plain=$(store)

# --- files ---
refused "a missing file" nothere.csv "no such file"
: >empty.csv
refused "an empty file" empty.csv "empty"
tr '\n' '\r' <good.csv >old.csv
refused "a file of lines that end with CR alone" old.csv "end with a carriage return alone"
printf '\n\n' >blank.csv
refused "a file of empty lines" blank.csv "empty"
mkdir folder
refused "a folder" folder "not a regular file"
cp good.csv plain.gz
refused "text named .gz" plain.gz "not gzip data"
gzip -c good.csv >packed.xz
refused "gzip named .xz" packed.xz "not xz data"
head -c 5000 /dev/zero | tr '\0' '\377' >binary.csv
refused "binary data named .csv" binary.csv "not a CSV file"
gzip -c good.csv >whole.gz
head -c 20000 whole.gz >cut.gz
refused "a truncated gz" cut.gz "truncated"
xz -c good.csv | head -c 20000 >cut.xz
refused "a truncated xz" cut.xz "truncated"
zstd -qc good.csv | head -c 20000 >cut.zst
refused "a truncated zst" cut.zst "truncated"
cp whole.gz broken.gz
printf '\001\002\003\004' | dd of=broken.gz bs=1 seek=15000 conv=notrunc 2>/dev/null
refused "a gz with damaged bytes" broken.gz "damaged"
{ echo te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label; cat good.csv; } >headed.csv
refused "a header where none should be" headed.csv "header"
refused "a trace without its dialect's header" good.csv "header" --set source.dialect=netshare
mkdir two
cp good.csv two/a.csv
cp good.csv two/b.csv
tar -czf two.tar.gz -C two a.csv b.csv
refused "an archive of two traces" two.tar.gz "source.member"
expect 2 "a member that is not there is refused" ingest two.tar.gz --set source.member=c.csv
says err "--set source.member: $T/two.tar.gz has no member c.csv; it has: a.csv, b.csv" "which names those that are"
head -c 40 good.csv >short.csv
refused "a file of half a row" short.csv "bad"
head -n 30 good.csv >few.csv
refused "too few rows for a window" few.csv "window"

# --- odd, but good ---
same "gzip" whole.gz
xz -c good.csv >whole.xz
same "xz" whole.xz
zstd -qc good.csv >whole.zst
same "zst" whole.zst
tar -czf one.tar.gz -C two a.csv
same "the only member of a tar.gz" one.tar.gz
same "a named member of a tar.gz" two.tar.gz --set source.member=b.csv
sed 's/$/\r/' good.csv >crlf.csv
same "CRLF" crlf.csv
{ printf '\357\273\277'; cat good.csv; } >bom.csv
same "a byte-order mark" bom.csv
sed 's/,/","/g; s/^/"/; s/$/"/' good.csv >quoted.csv
same "quoted fields" quoted.csv
printf '%s' "$(cat good.csv)" >unended.csv
same "no end of line at the end" unended.csv

# --- rows ---
begin=2016-04-11\ 23:59:58
quarantined "too few columns" "$begin,0.068,42.219.157.37,1.2.3.4" columns
quarantined "too many columns" "$begin,0.068,42.219.1.7,1.2.3.4,80,99,TCP,.AP.SF,0,0,14,14704,background,more,more" columns
quarantined "a negative count" "$begin,0.068,42.219.1.7,1.2.3.4,80,99,TCP,.AP.SF,0,0,-14,14704,background" pkt
quarantined "a port over 65535" "$begin,0.068,42.219.1.7,1.2.3.4,80,65536,TCP,.AP.SF,0,0,14,14704,background" dp
quarantined "an address that is none" "$begin,0.068,42.219.1.277,1.2.3.4,80,99,TCP,.AP.SF,0,0,14,14704,background" sa
quarantined "an unreadable time" "2016-04-31 23:59:58,0.068,42.219.1.7,1.2.3.4,80,99,TCP,.AP.SF,0,0,14,14704,background" te
quarantined "a NUL byte" "$begin,0.0\000068,42.219.1.7,1.2.3.4,80,99,TCP,.AP.SF,0,0,14,14704,background" NUL
quarantined "a word for a number" "$begin,0.068,42.219.1.7,1.2.3.4,80,99,TCP,.AP.SF,0,0,many,14704,background" pkt
{ cat good.csv; head -c 10000000 /dev/zero | tr '\0' x; echo; } >long.csv
expect 0 "a 10 MB line: the run goes on" ingest long.csv
holds "a 10 MB line: the good rows are all there" test "$(store)" = "$plain"
unsealed w ingest kept && cat kept/quarantine.csv >out
holds "a 10 MB line: quarantine keeps a sample of it" test "$(wc -c <out)" -lt 20000
{ cat good.csv; for _ in $(seq 30); do echo "not,a,flow"; done; } >rotten.csv
refused "more than 1 % of bad rows" rotten.csv "%"
expect 0 "unless the config takes it" ingest rotten.csv --set source.max_bad_share=0.1
holds "and then the good rows are all there" test "$(store)" = "$plain"

# --- config ---
# config NAME LINES WORDS: a release.yaml with these lines is refused, naming itself
config() {
	{ printf 'preset: demo\nsource:\n  path: %s\n' "$T/good.csv"; printf '%b\n' "$2"; } >p/wrong.yaml
	expect 3 "$1 is refused" "$F" run p/wrong.yaml --workspace w --until ingest
	says err "wrong.yaml:4" "$1: the message names file and line" # each is made to stand from line 4 on
	says err "$3" "$1: the message says '$3'"
}
rm -rf w
config "an unknown section" "trian: {steps: 3}" "train"
config "an unknown key" "train: {stpes: 3}" "steps"
config "a wrong type" "train: {steps: many}" "many"
config "a value out of range" "split: {holdout: 7}" "holdout"
config "a negative count" "train: {steps: -1}" "steps"
config "a list for a section" "train: [1, 2]" "train"
config "a width that the heads do not divide" "model: {width: 72, heads: 4}" "the nearest is 64"
config "a window that the engine does not take" "model: {window: 1024}" "512"
config "more levels than the window has" "model: {denoiser: unet, window: 8, depth: 4}" "1 to 3"
config "a misspelt check" "gate: {leak.rows_eqal: 0}" "leak.rows_equal"
config "a key given twice" "train: {steps: 1, steps: 2}" "steps"
printf 'source: {path: "%s"\n' "$T/good.csv" >p/wrong.yaml
expect 3 "YAML that is none is refused" "$F" run p/wrong.yaml --workspace w
says err "wrong.yaml:" "YAML that is none: the message names file and line"
holds "a config that is refused makes no workspace" test ! -e w
expect 2 "--set of an unknown key is a usage error" "$F" run p/release.yaml --workspace w --set train.stpes=3
says err "steps" "and brings a suggestion"

# --- keys, and a gate that asks for what nobody measures ---
# The smallest model that runs, with a gate that lets it pass.
{
	sed '/^gate:/,$d' p/release.yaml
	echo 'gate:'
	for check in $(sed -n '/^gate:/,/^[a-z]*:$/s/^  \([A-Za-z0-9_.]*\):.*/\1/p' p/release.yaml | grep -v '^jsd_mean8$'); do
		echo "  $check: null"
	done
	echo '  jsd_mean8: 10'
} >p/tiny.yaml
tiny() { # PROJECT OPTION...
	project=$1
	shift
	"$F" run "$project/tiny.yaml" $UNCONFINED --set source.path="$T/good.csv" --set model.width=32 --set model.heads=2 --set train.steps=10 \
		--set generate.steps=4 "$@"
}
expect 0 "(its gate is blunt)" blunt p p/tiny.yaml
expect 0 "(the smallest model is released)" tiny p
expect 2 "a check that is none is refused at once" tiny p --set gate.jsd_maen8=0.5 --out o2
says err "jsd_maen8" "and is named"
says err "did you mean 'jsd_mean8'?" "with the one that is meant"
expect 1 "a check that nobody measures fails" tiny p --set gate.tstr.f1.trees.nosuchlabel=0.5 --out o2 --replace
says err "tstr.f1.trees.nosuchlabel" "and is named"
holds "nothing is released" is_empty o2

# key NAME COMMAND...: with the key so changed, in bare/keys
key() {
	name=$1
	shift
	rm -rf bare
	cp -r p bare
	rm -rf bare/release
	"$@"
	expect 3 "$name is refused" tiny bare
	says err "release.key" "$name: the message names the key"
	holds "$name: nothing is released" is_empty bare/release
}
key "a key file that is none" sh -c 'echo "not a key" >bare/keys/release.key'
key "a key that others may read" chmod 644 bare/keys/release.key
key "a missing key" rm bare/keys/release.key

# --- somebody else's files ---
expect 3 "evaluate of a missing file" "$F" evaluate --real good.csv --synthetic nothere.csv
says err "nothere.csv" "names it"
expect 3 "evaluate of a file that is none" "$F" evaluate --real good.csv --synthetic binary.csv
expect 3 "verify of a file that is none" "$F" verify --signers p/allowed_signers good.csv
expect 3 "simulate into a folder that is not there" "$F" simulate --rows 10 --out nowhere/t.csv
says err "nowhere" "names it"
finish
