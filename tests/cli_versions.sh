#!/bin/sh
# A version is one release, wherever it was put and whatever became of it: the ledger remembers it.  In another folder the sequence of
# the name goes on.
# usage: cli_versions.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
"$ROOT/tests/faults_project.sh" "$F" >out 2>err || { cat err; exit 1; }

release() { # VERSION OPTION...
	version=$1
	shift
	# shellcheck disable=SC2086 # UNCONFINED is one word or none
	"$F" run p --quiet --set release.version="$version" "$@" $UNCONFINED
}
number() { # RECORD: its number, and what is before it
	json "$1" '(d["sequence"], d.get("previous", {}).get("version"))'
}
accepts() { # ARCHIVE
	"$V" --signers p/allowed_signers "$1"
}
expect 0 "a release" release 1.0.0
expect 0 "and the next" release 1.1.0
expect 0 "which a partner accepts" accepts p/release/small-1.1.0.tar.zst

# --- the same version, other content ---
expect 3 "in another folder it is refused" release 1.1.0 --out out2 --set release.description=other
says err "small 1.1.0 is taken: run r0002 released it" "with the run that made it"
says err "(release differs)" "and what is other"
expect 0 "(the ledger)" "$F" log --workspace p/workspace --json
holds "before any stage" test "$(json out '[r["body"].get("stage") for r in d if r["kind"] == "end"][-1]')" != release
holds "and nothing is there" is_empty out2
expect 3 "two sections differ" release 1.1.0 --out out2 --set release.description=other --set generate.rows=120
says err "(release, generate differ)" "in the plural"
cp -a p/release kept
rm p/release/small-1.1.0*
expect 3 "nor is it made again where it was removed" release 1.1.0 --set release.description=other
says err "--replace" "unless nobody was given it"
expect 0 "the same is" release 1.1.0
holds "with its record, to the byte" cmp p/release/small-1.1.0.RELEASE.json kept/small-1.1.0.RELEASE.json
expect 0 "which a partner who has it accepts" accepts p/release/small-1.1.0.tar.zst

# --- another folder ---
mkdir out3 && cp p/release/LOG.jsonl out3
expect 0 "the same once more, in another folder" release 1.1.0 --out out4
holds "has its record" cmp out4/small-1.1.0.RELEASE.json kept/small-1.1.0.RELEASE.json
says err "out4 has no log of releases yet" "where no log is, that is said"
expect 3 "an earlier version is refused" release 1.0.5 --out out3
says err "not later than 1.1.0" "as in the folder itself"
expect 0 "the next goes on from the ledger's last" release 1.2.0 --out out3
holds "by its number" test "$(number out3/small-1.2.0.RELEASE.json)" = "(3, '1.1.0')"
expect 0 "a partner accepts it" accepts out3/small-1.2.0.tar.zst
expect 0 "and the one after it, in the folder of the first" release 1.3.0
holds "by its number too" test "$(number p/release/small-1.3.0.RELEASE.json)" = "(4, '1.2.0')"

# --- a copy of the project, which would go on beside it ---
cp -a p twin
twin() { # VERSION OPTION...
	version=$1
	shift
	# shellcheck disable=SC2086 # UNCONFINED is one word or none
	"$F" run twin --quiet --set release.version="$version" "$@" $UNCONFINED
}
expect 3 "a copy does not release" twin 1.4.0
says err "twin/workspace is a copy, or was moved: its last run was in $T/p/workspace, where it still is" "with the place of the original"
says err "run with --moved when it does not" "and what to do"
holds "and nothing is there" sh -c '! test -e twin/release/small-1.4.0.tar.zst'
expect 3 "nor does its plan hide it" twin 1.4.0 --plan
says err "is a copy, or was moved" "for the same reason"
expect 0 "short of a release it runs" twin 1.4.0 --until gate
says err "only one of the two should go on" "with a warning"
expect 3 "and does not release after that either" twin 1.4.0
says err "its last run was in $T/p/workspace, where it still is" "with the place of the original, still"
expect 0 "with a word it does" twin 1.4.0 --moved
expect 0 "and from then on" twin 1.5.0
mv twin p2 # its workspace is the same folder
# shellcheck disable=SC2086 # UNCONFINED is one word or none
expect 0 "one that was renamed does without" "$F" run p2 --quiet --set release.version=1.6.0 $UNCONFINED
holds "nor is that told" sh -c '! grep -q "a copy" err'
rm -r p2

# --- a copy under the same path on another machine ---
elsewhere() { # FOLDER MACHINE-ID COMMAND...: FOLDER stands where p was
	sh -c 'unshare -m true 2>/dev/null' && spaces=-m || spaces=-Urm
	unshare $spaces sh -c 'mount --bind "$1" p && mount --bind "$2" /etc/machine-id && shift 2 && exec "$@"' sh "$@"
}
echo 0123456789abcdef0123456789abcdef >machine
: >nameless
echo uninitialized >uninitialized # machine-id(5)
cp -a p twin
if [ -s /etc/machine-id ] && elsewhere twin machine true 2>/dev/null; then
	export F UNCONFINED
	once() { # FOLDER MACHINE-ID VERSION OPTION...
		folder=$1 machine=$2 version=$3
		shift 3
		# shellcheck disable=SC2086 # UNCONFINED is one word or none
		elsewhere "$folder" "$machine" "$F" run p --quiet --set release.version="$version" $UNCONFINED "$@"
	}
	expect 3 "a copy under one path on another machine does not release" once twin machine 1.3.1
	says err "p/workspace is a copy, or was moved: its last run was in $T/p/workspace on another machine" "for the same reason"
	says err "run with --moved when it does not (each time on a machine that is made anew for each run)" "and what to do"
	expect 0 "short of a release it runs" once twin machine 1.3.1 --until gate
	says err "only one of the two should go on" "with a warning"
	expect 3 "and does not release after that either" once twin machine 1.3.1
	expect 0 "with a word it does" once twin machine 1.3.1 --moved
	expect 0 "and from then on" once twin machine 1.3.2
	expect 0 "where a machine has no id, and may be the same" once twin nameless 1.3.3 --until gate
	holds "the same folder is not told of" sh -c '! grep -q "a copy" err'
	cp -a twin twin2
	expect 0 "another folder releases there" once twin2 nameless 1.3.3
	says err "which was another folder then" "with a warning"
	expect 0 "an image that is not initialized has no id" once twin uninitialized 1.3.4 --until gate
	rm -r twin2 && cp -a twin twin2
	expect 0 "nor has the next one of it" once twin2 uninitialized 1.3.4 --until gate
	says err "which was another folder then" "so that the warning is the same"
	expect 0 "one folder that two machines share" once p machine 1.3.0 --until gate
	holds "is no copy" sh -c '! grep -q "a copy" err'
	rm -r twin2
else
	skip "a copy under one path on another machine does not release" "no machine-id, or no mount namespace"
fi
rm -r twin
expect 0 "(the first machine goes on)" release 1.3.0 --until gate
holds "is no copy there" sh -c '! grep -q "a copy" err'
cp -a p twin && rm -r p && mv twin p
expect 0 "one that was put back from a backup where it was" release 1.3.0 --until gate
holds "is no copy" sh -c '! grep -q "a copy" err'

# --- a version that nobody was given ---
expect 3 "an archive that is there is not replaced" release 1.3.0 --replace --set release.description=other
says err "and run with --replace" "before it is removed"
rm p/release/small-1.3.0*
expect 0 "then it is" release 1.3.0 --replace --set release.description=other
holds "under its number" test "$(number p/release/small-1.3.0.RELEASE.json)" = "(4, '1.2.0')"
expect 3 "the first one of that version is no more" release 1.3.0 --out out5
says err "run r00" "by the name of who replaced it"
# --- several releases of one trace ---
expect 0 "the same windows" release 1.3.5
holds "tell no more than one release did" sh -c '! grep -q "of the same trace" err'
expect 0 "others" release 1.3.6 --set model.window=13
says err "released small 1.3.5 of the same trace with another window" "tell more, which is said"
# --- what may stand in a manifest, and in the ledger ---
expect 0 "records are clipped, which claims nothing" release 2.0.0 --set privacy.mode=clip
expect 0 "a partner accepts it" "$V" --no-state --signers p/allowed_signers p/release/small-2.0.0.tar.zst
expect 0 "a number beyond 64 bits" release 2.1.0 --set gate.emd.BYT=1e20
expect 0 "a partner reads it" "$V" --no-state --signers p/allowed_signers p/release/small-2.1.0.tar.zst
expect 0 "and so does the team" "$F" log --workspace p/workspace
expect 0 "the ledger is intact" "$F" audit --workspace p/workspace

# --- the release folder is, when a run publishes, the one that was looked at before it ---
cat >swap.py <<'END'
import json, os, subprocess, sys
# Runs the command, and does what is asked for when training has ended.
do, command = sys.argv[1], sys.argv[2:]
r, w = os.pipe()
run = subprocess.Popen(command + ["--events", str(w)], pass_fds=[w])
os.close(w)
for line in os.fdopen(r):
    row = json.loads(line)
    if row["kind"] == "stage" and row["body"]["name"] == "train":
        exec(do)
sys.exit(run.wait())
END
mkdir elsewhere
swapped() { # NAME OUT PYTHON
	rm -rf shelf shelf.old
	mkdir shelf
	cp p/release/LOG.jsonl shelf # one that was not there when the run began is no log of this name
	[ "$2" = shelf ] || rm shelf/LOG.jsonl
	# shellcheck disable=SC2086 # UNCONFINED is one word or none
	expect 3 "$1" "$PYTHON" swap.py "$3" "$F" run p --quiet --set release.version=8.0.0 --out "$2" $UNCONFINED
	says err "$2 is not the folder that it was when this run began" "is refused ($1)"
	holds "nothing went elsewhere ($1)" is_empty elsewhere
	holds "nor into the old one ($1)" sh -c '! ls -A shelf.old shelf/a 2>/dev/null | grep -v "^LOG.jsonl$" | grep -q small'
}
swapped "a link in place of the release folder" shelf 'os.rename("shelf", "shelf.old"); os.symlink("elsewhere", "shelf")'
swapped "another folder in its place" shelf 'os.rename("shelf", "shelf.old"); os.mkdir("shelf")'
holds "which has nothing" is_empty shelf
swapped "no folder in its place" shelf 'os.rename("shelf", "shelf.old")'
swapped "a link where it was not yet" shelf/a/b 'os.symlink("../elsewhere", "shelf/a")'
swapped "a link at its end" shelf/a/b 'os.mkdir("shelf/a"); os.symlink("../../elsewhere", "shelf/a/b")'
swapped "another folder around it" shelf/a/b 'os.rename("shelf", "shelf.old"); os.mkdir("shelf")'
rm -rf shelf shelf.old
mkdir shelf shelf/real && cp p/release/LOG.jsonl shelf/real && ln -s real shelf/out
# shellcheck disable=SC2086 # UNCONFINED is one word or none
expect 0 "a link that was there from the beginning is the user's" "$F" run p --quiet --set release.version=8.0.0 --out shelf/out $UNCONFINED
holds "and followed" test -e shelf/real/small-8.0.0.tar.zst.sig
stages() {
	"$F" log --workspace p/workspace --json >out && json out 'sum(r["kind"] == "stage" for r in d)'
}
had=$(stages)
ln -s nowhere shelf/none
ln -s loop shelf/loop
for dir in shelf/none shelf/none/a/b shelf/none/ shelf/loop; do
	# shellcheck disable=SC2086 # UNCONFINED is one word or none
	expect 3 "one to nothing is refused ($dir)" "$F" run p --quiet --set release.version=8.0.1 --out "$dir" $UNCONFINED
	says err "--out: $dir: the release folder cannot be made there: $(echo "$dir" | cut -d/ -f1,2) is a link that leads nowhere" "with the reason ($dir)"
done
holds "before any stage" test "$(stages)" = "$had"
finish
