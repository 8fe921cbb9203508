#!/bin/sh
# What lies in the place of a file may be anything: a named pipe, a folder, a device, a link to nowhere or to itself, a file of
# holes.  A program that reads it says so at once, and waits for nobody.
# usage: cli_odd_files.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

toy 4 2 300
"$F" keygen --out p/keys/attest --principal builder | sed 's/"flowmint[^"]*"/"flowmint-attestation"/' >>p/allowed_signers
expect 0 "a release" "$F" run p $UNCONFINED --quiet --set publish.attestation_key="$T/p/keys/attest"
stem=p/release/toy-1.0.0
cp -a p good

odd() { # KIND FILE: in its place
	rm -rf "$2"
	case $1 in
	pipe) mkfifo "$2" ;;
	folder) mkdir "$2" ;;
	device) ln -s /dev/full "$2" ;;
	loop) ln -s "$(basename "$2")" "$2" ;;
	holes) truncate -s 5T "$2" ;;
	esac
}
refused() { # WHAT COMMAND...: with exit status 1, 3 or 4, a message, and soon
	what=$1
	shift
	timeout -s KILL 300 "$@" >out 2>err
	got=$?
	echo "exit status $got: $*" >>out
	case $got in 1 | 3 | 4) grep -q . err || grep -q '^bad: ' out ;; *) false ;; esac
	result $? "$what"
}
kinds="pipe holes"
[ -z "${LONG:-}" ] || kinds="pipe folder device loop holes"
for kind in $kinds; do
	for file in .tar.zst .tar.zst.sig .RELEASE.json .RELEASE.json.sig .LOG.json .intoto.jsonl .KEYS.json; do
		# Beside an archive what leads nowhere is not there, which is said as such.
		case $kind$file in loop.intoto.jsonl | loop.KEYS.json | loop.LOG.json | loop.RELEASE.json) continue ;; esac
		odd $kind $stem$file
		refused "$kind in the place of $file: flowmint-verify" "$V" --no-state --signers p/allowed_signers $stem.tar.zst
		# flowmint verify shows its child the same files: what only waiting can tell is enough.
		[ $kind != pipe ] || refused "$kind in the place of $file: flowmint verify" \
			"$F" verify --no-state --signers p/allowed_signers $stem.tar.zst
		rm -rf p/release && cp -a good/release p/release
	done
	odd $kind p/allowed_signers
	refused "$kind in the place of the signers" "$V" --no-state --signers p/allowed_signers $stem.tar.zst
	cp --remove-destination good/allowed_signers p/allowed_signers 2>/dev/null || { rm -rf p/allowed_signers && cp good/allowed_signers p; }
done
# A run, whose products lie under the names of their keys.
for kind in $kinds; do
	for file in p/keys/commitment.key p/allowed_signers p/workspace/stages/ingest/*/store.sealed p/workspace/stages/ingest/*/key.json; do
		odd $kind "$file"
		timeout -s KILL 300 "$F" run p $UNCONFINED --quiet --until ingest >out 2>err
		got=$?
		echo "exit status $got" >>err
		# A product that is none is made again, with a warning, or cannot be opened.
		case $got$file in
		0*/stages/*) grep -q warning err ;;
		[134]*) grep -q '^flowmint: ' err ;;
		*) false ;;
		esac
		result $? "$kind in the place of $(basename "$file"): a run goes on or says why not"
		rm -rf p && cp -a good p
	done
done
odd holes p/release/toy-1.0.1.tar.zst
expect 3 "a file of holes where the archive is to be takes its place" timeout -s KILL 300 "$F" run p $UNCONFINED --quiet \
	--set release.version=1.0.1
says err "is taken" "which is said"
# The lock of a workspace, which a run writes its number into, is a second name of another file.
cp p/allowed_signers kept
rm p/workspace/lock
ln p/allowed_signers p/workspace/lock
expect 3 "a lock that is another file" "$F" run p $UNCONFINED --quiet --until ingest
says err "is no lock of flowmint's" "is no lock"
holds "and what it is stays" cmp kept p/allowed_signers
rm p/workspace/lock
mkfifo p/workspace/lock
expect 3 "nor is a pipe" "$F" run p $UNCONFINED --quiet --until ingest
rm p/workspace/lock
printf 7 >p/workspace/lock
expect 0 "what a run that was killed half wrote is one" "$F" run p $UNCONFINED --quiet --until ingest
mkdir only
if chattr +a only 2>/dev/null; then
	expect 4 "a release folder that is only added to" "$F" run p $UNCONFINED --quiet --set release.version=1.0.2 --out only
	chattr -a only
	says err "was made and cannot be removed" "is refused before any stage"
else
	skip "a release folder that is only added to" "chattr cannot make one here"
fi
for there in p/keys p/keys/new p/workspace p/workspace/stages/new; do
	expect 3 "a release into $there" "$F" run p $UNCONFINED --quiet --set release.version=1.0.3 --out $there
	says err "what lies there is for nobody else" "is refused before any stage"
done
holds "and nothing was put there" test -z "$(find p/keys p/workspace -name 'LOG*' -o -name new)"
# A umask that takes away the user's own permissions takes them away from nothing that is opened again.
for mask in 0777 0177 0277; do
	(umask $mask && "$F" run p $UNCONFINED --quiet --force --until ingest) >out 2>err
	result $? "a run under umask $mask"
done
(umask 0777 && "$F" run p $UNCONFINED --quiet --set release.version=1.0.3 --out masked) >out 2>err
result $? "a release under umask 0777"
holds "is for its owner alone" test "$(stat -c %a masked masked/toy-1.0.3.tar.zst | tr '\n' ' ')" = "700 600 "
(umask 0777 && "$V" --signers p/allowed_signers --state masked-state --extract masked-files masked/toy-1.0.3.tar.zst) >out 2>err
result $? "and verified and extracted under it"
holds "into a folder that can be entered" grep -q 1.0.3 masked-files/manifest.json
# A folder whose name drives a terminal is shown.
odd=$(printf 'p\033[2J\302\2332J')
mv p "$odd"
expect 0 "a release in such a folder" "$F" run "$odd" $UNCONFINED --quiet --moved --set release.version=1.0.4
cp out all
for what in audit status log bundle purge; do
	case $what in
	bundle | purge) "$F" $what 1 --workspace "$odd/workspace" >out 2>err ;;
	*) "$F" $what --workspace "$odd/workspace" >out 2>err ;;
	esac
	cat out err >>all
done
holds "each answer names it" test "$(grep -c -F 'p\x1b[2J\xc2\x9b2J' all)" -ge 4
holds "and none has what drives a terminal" "$PYTHON" -c 'import re
text = open("all", encoding="utf-8").read()
assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), text'
mv "$odd" p
# A folder whose name is no text has no place in a ledger.
odd=$(printf 'p\377')
mv p "$odd"
expect 3 "a project in a folder whose name is not UTF-8" "$F" run "$odd" $UNCONFINED --quiet --until ingest
says err "is not UTF-8" "is refused for that"
for what in audit status log; do
	expect 0 "$what of the ledger that it has, which writes nothing" "$F" $what --workspace "$odd/workspace"
	expect 0 "and $what as JSON" "$F" $what --workspace "$odd/workspace" --json
done
expect 0 "(the audit)" "$F" audit --workspace "$odd/workspace" --json
holds "which shows the path" test "$(json out 'd["project"][-5:]')" = 'p\xff'
chmod g+w "$odd/workspace/ledger.head"
expect 1 "what is wrong there is found" "$F" audit --workspace "$odd/workspace"
says out "ledger.head may be written by others" "and told"
chmod g-w "$odd/workspace/ledger.head"
mv "$odd" p
# Nor has one with a line break in a list of files.
broken=$(printf 'p\nq')
mv p "$broken"
expect 3 "a trace beside a config in a folder with a line break in its name" "$F" run "$broken" $UNCONFINED --quiet --until ingest
says err "source.path: the folder of the config has a line break in its path" "is refused for that"
expect 3 "so is one on standard input, which would be copied there" "$F" run "$broken" $UNCONFINED --quiet --until ingest --set source.path=- <trace.csv
says err "which has a line break in its path: rename the folder" "for the same reason"
expect 0 "one elsewhere is read" "$F" run "$broken" $UNCONFINED --quiet --until ingest --set source.path="$PWD/trace.csv"
cp trace.csv "$broken/trace.csv"
expect 3 "nor is it compared" "$F" compare "$broken/trace.csv" $UNCONFINED --quiet --models plain --out compared
says err "has a line break in its path" "for the same reason"
mv "$broken" p
# --- missing values that are zeros now ---
mkdir gaps && cd gaps || exit 4
"$ROOT/tests/faults_project.sh" "$F" >out 2>err || { cat err; exit 1; }
awk -F, -v OFS=, 'NR % 10 == 0 { $11 = "nan" } { print }' trace.csv >gaps.csv && mv gaps.csv trace.csv
# shellcheck disable=SC2086 # UNCONFINED is one word or none
expect 0 "a trace that lacks a value in each tenth row" "$F" run p --quiet $UNCONFINED
says err "source.missing: reject" "the warning of flows without packets says where they come from"
tar --zstd -xf p/release/small-1.0.0.tar.zst
says small-1.0.0/README.md 'In up to 10 % of the rows of the trace a value was missing and counts as 0' "the data sheet says how many"
holds "so does the manifest" test "$(json small-1.0.0/manifest.json 'd["filled"]')" = "{'share': 0.1}"
holds "and croissant.json" test "$(json small-1.0.0/croissant.json '"up to 10 %" in d["rai:dataImputationProtocol"]')" = True
says small-1.0.0/README.md '| background | 100 | traffic that nobody gave another label |' "a usual label is explained"
expect 0 "a partner takes it" "$V" --no-state --signers p/allowed_signers p/release/small-1.0.0.tar.zst
finish
