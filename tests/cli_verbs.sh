#!/bin/sh
# The command line's contract: exit statuses, standard output against standard error, help for each verb, suggestions.
# usage: cli_verbs.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

silent() { [ ! -s out ]; result $? "$1 prints nothing on standard output"; }

expect 0 "--version" "$F" --version
says out "flowmint " "the version is on standard output"
expect 0 "--help" "$F" --help
for verb in init keygen simulate run doctor status log audit evaluate waive verify report diff bundle reproduce epsilon sigma; do
	grep -q "^  $verb " out; result $? "--help lists $verb"
done
for verb in $("$F" --help | sed -n '/^Of every/q; s/^  \([a-z-]*\)  .*/\1/p'); do
	expect 0 "$verb --help" "$F" $verb --help
	says out "usage: flowmint $verb" "$verb --help shows its usage"
done
expect 0 "help for every verb" "$F" help run
expect 0 "-V behind a verb" "$F" run -V
says out "flowmint " "is the version"
mkdir sub
expect 0 "-C before the verb" "$F" -C sub keygen --out there
[ -s sub/there.pub ]; result $? "-C works in that folder"
expect 0 "-C behind it" "$F" keygen --out again -C sub
[ -s sub/again.pub ]; result $? "and does the same"
expect 3 "-C to nowhere" "$F" -C nowhere status
expect 2 "-q and -v at once" "$F" status -q -v
expect 2 "an option that is not of all verbs, before the verb" "$F" --set a=b run
expect 3 "-v" "$F" -v status
says err "found at " "-v says where in the source"
expect 0 "init -q" "$F" init -q quiet
[ ! -s err ]; result $? "says nothing"

expect 2 "no verb" "$F"; silent "no verb"
expect 2 "unknown verb" "$F" rnu; silent "an unknown verb"
says err "did you mean run?" "an unknown verb brings a suggestion"
expect 2 "a word like no verb" "$F" xyzzyplugh
expect 2 "unknown option" "$F" run --untill gate x.yaml
says err "did you mean --until?" "an unknown option brings a suggestion"
expect 2 "run --preset" "$F" run --preset demo x.yaml
says err "named in the file (preset: demo), at flowmint init, or by --set preset=demo" "says where a preset is named"
expect 2 "unknown stage" "$F" run --until gaet x.yaml
says err "did you mean gate?" "an unknown stage brings a suggestion"
expect 2 "option without its value" "$F" run --set
expect 2 "value for an option that takes none" "$F" run --force=yes x.yaml
expect 2 "missing operand" "$F" run
expect 2 "operand too many" "$F" audit here
expect 2 "keygen without --out" "$F" keygen
expect 2 "simulate without --rows" "$F" simulate --out t.csv
expect 2 "simulate into a name that promises an archive" "$F" simulate --rows 10 --out t.zip
says err "t.zip has the name of a zip archive" "says what it promises"
expect 2 "simulate into a tar that would be none" "$F" simulate --rows 10 --out t.tar.gz
holds "and leaves no file" sh -c '[ ! -e t.zip ] && [ ! -e t.tar.gz ]'
expect 2 "submit without its cluster" "$F" submit x.yaml
says err "submit wants --slurm; see" "wants the option alone, which takes no value"
mkdir -p a-project && : >a-project/release.yaml
for verb in "report --out r.html" reproduce compare; do
	expect 2 "$verb of a folder" "$F" $verb a-project
	says err "${verb%% *}: a-project is a folder, and what is wanted is " "says what is wanted"
	holds "and makes nothing" [ ! -e r.html ]
done
for verb in "diff nonesuch" "report --out r.html"; do
	expect 3 "$verb of what is no run" "$F" $verb nonesuch
	says err "${verb%% *}: 'nonesuch' is no run, such as r0001, and no such file is there" "is told, not that there is no ledger"
done
for verb in bundle purge "unseal --stage train --out u"; do
	expect 3 "$verb of what is no run" "$F" $verb nonesuch
	says err "${verb%% *}: 'nonesuch' is no run, such as r0001; flowmint log lists them" "is told, and of no file, as the verb takes none"
done
mkdir r0001
for verb in "report --out r.html" reproduce; do
	expect 3 "$verb r0001 beside a folder of that name" "$F" $verb r0001
	says err "no ledger" "means the run"
done
rmdir r0001
demo() { # TRACE
	env B="$(dirname "$F")" DEMO="$T/demo" TRACE="$1" sh "$ROOT/tests/demo.sh"
}
expect 3 "make demo of a folder" demo "$T/a-project"
says err "TRACE=$T/a-project is a folder: name the trace file in it" "says what it is"
expect 3 "make demo of no file" demo nope.csv
says err "TRACE=nope.csv: no such file" "says so"
expect 2 "an empty word" "$F" init ""
says err "a word is empty" "is told, and no project made where one stands"
expect 2 "simulate of a number that is none" "$F" simulate --rows many --out t.csv
expect 2 "simulate of a negative number" "$F" simulate --rows -5 --out t.csv
expect 2 "verify without signers" "$F" verify x.tar.zst
expect 2 "evaluate without files" "$F" evaluate
expect 2 "reproduce from nowhere" "$F" reproduce --from nowhere r0001
expect 2 "unknown preset" "$F" init --preset dmeo p0
[ ! -e p0 ]; result $? "a refused init makes nothing"
mkdir linked above
for file in release.yaml keys allowed_signers .gitignore; do
	ln -s nowhere "linked/$file"
	expect 3 "init where $file is a link to nothing" "$F" init linked
	says err "linked/$file exists" "says so ($file)"
	holds "and leaves the link ($file)" rm "linked/$file"
done
holds "and makes nothing there" is_empty linked
: >plain
long=$(printf %0300d 0)
for dir in plain plain/x "$long" "a/b/$long" "above/c/$long" "n/../above/d/$long"; do
	"$F" init "$dir" >out 2>err
	holds "init that cannot make its folder (${dir%%00*}) says that alone" test "$(grep -c "cannot make the folder" err) $(wc -l <err)" = "1 1"
done
[ -f plain ] && [ ! -e a ] && [ ! -e n ] && is_empty above && [ -d above ]; result $? "and leaves no folder that it made, and all that were there"
expect 4 "init where no file may have a byte" sh -c "ulimit -f 0 && '$F' init above/e/f"
holds "leaves neither its folder nor the one above that it made" is_empty above
expect 0 "init of a folder with a space" "$F" init "above/my project"
says err "flowmint run 'above/my project/release.yaml'" "gives a command that can be pasted"

expect 3 "run of a file that is not there" "$F" run nope.yaml
expect 3 "status without a ledger" "$F" status
expect 3 "audit without a ledger" "$F" audit
expect 3 "log without a ledger" "$F" log
expect 3 "reproduce without a ledger" "$F" reproduce r0001
[ ! -e workspace ]; result $? "asking makes no workspace"
: >nobody
expect 3 "verify of a folder" "$F" verify --signers nobody a-project
says err "a-project is a folder: name the archive in it" "says what to name"
for beside in x-1.0.0.RELEASE.json x-1.0.0.tar.zst.sig x-1.0.0.LOG.json; do
	echo "{}" >"$beside"
	expect 3 "verify of $beside" "$F" verify --signers nobody "$beside"
	says err "$beside lies beside an archive and is none" "says so, and judges no release by it"
done
expect 3 "verify of an archive that is not there" "$F" verify --signers nope x.tar.zst
if [ -c /dev/full ]; then
	"$F" --help >/dev/full 2>err; [ $? -eq 4 ]; result $? "an answer that cannot be written is a failure"
fi

expect 0 "keygen" "$F" keygen --out k --principal me@example.org
says out "me@example.org" "keygen prints the allowed_signers line"
[ "$(stat -c %a k)" = 600 ]; result $? "a private key is private"
expect 3 "keygen overwrites nothing" "$F" keygen --out k

expect 0 "simulate" "$F" simulate --rows 2000 --seed 3 --out t.csv; silent "simulate"
[ "$(wc -l <t.csv)" -eq 2000 ]; result $? "simulate makes the rows asked for"
expect 0 "simulate --json" "$F" simulate --rows 2000 --seed 3 --out t2.csv --json
cmp -s t.csv t2.csv; result $? "the same seed gives the same bytes"

day=$(date -u +%Y-%m-%d)
expect 0 "init" "$F" init --preset demo p; silent "init"
for f in release.yaml allowed_signers .gitignore keys/release.key keys/release.key.pub keys/commitment.key; do
	[ -s "p/$f" ]; result $? "init makes $f"
done
[ "$(stat -c %a p/keys)" = 700 ]; result $? "keys/ is private"
grep -Eq "^  date: ($day|$(date -u +%Y-%m-%d)) +#" p/release.yaml; result $? "init writes the day"
expect 0 "init with SOURCE_DATE_EPOCH" env SOURCE_DATE_EPOCH=1500000000 "$F" -q init old
grep -q "^  date: 2017-07-14 " old/release.yaml; result $? "takes its day"
cp p/release.yaml before.yaml
expect 3 "init over a project" "$F" init p
cmp -s before.yaml p/release.yaml; result $? "init overwrites nothing"
expect 3 "run without source.path" "$F" run p/release.yaml; silent "a run that fails"
says err "source.path" "it says what to set"
expect 3 "run of a trace that is not there" "$F" run --set source.path=nope.csv p/release.yaml
expect 2 "--set of an unknown key" "$F" run --set train.stepz=3 p/release.yaml
expect 2 "--set of a value out of range" "$F" run --set split.holdout=7 p/release.yaml
sed 's/^train:/trian:/' p/release.yaml >p/wrong.yaml
expect 3 "a config with an unknown key" "$F" run p/wrong.yaml
says err "wrong.yaml:" "the file and line are named"
chmod 755 p && mkdir -m 755 open
expect 3 "a workspace that others may read" "$F" run --set source.path="$T/t.csv" --workspace open p/release.yaml

expect 0 "run --until ingest" "$F" run --set source.path="$T/t.csv" --until ingest --json p/release.yaml
says out '"verdict": null' "run --json has no verdict before the gate"
[ "$(head -c 1 out)$(tail -n 1 out)" = "{}" ]; result $? "run --json is one document"
expect 0 "run --unconfined" "$F" run --set source.path="$T/t.csv" --until ingest --unconfined --json p/release.yaml
says out '"confinement": "unconfined"' "an unconfined run says so"
"$F" log --workspace p/workspace | grep -q unconfined; result $? "and the ledger keeps it"
expect 0 "status" "$F" status --workspace p/workspace
says out "partial" "status tells of a run that stopped early"
expect 0 "status --json" "$F" status --workspace p/workspace --json
expect 0 "log" "$F" log --workspace p/workspace
says out "ingest" "log shows the stage"
expect 0 "log of one run, --json" "$F" log --workspace p/workspace --json r0001
expect 3 "log of a run that is not there" "$F" log --workspace p/workspace r0077
expect 0 "audit" "$F" audit --workspace p/workspace
expect 3 "reproduce of a run without a release" "$F" reproduce --workspace p/workspace r0001
: >p/workspace/ledger.head
expect 1 "audit finds a head that is none" "$F" audit --workspace p/workspace
expect 1 "audit --json" "$F" audit --workspace p/workspace --json
says out '"intact": false' "the report says so"
expect 1 "nothing is added to a broken ledger" "$F" run --set source.path="$T/t.csv" --until ingest p/release.yaml

expect 0 "evaluate" "$F" evaluate --real t.csv --synthetic t2.csv --json
says out '"jsd_mean8"' "evaluate --json has the mean"
expect 0 "evaluate --only" "$F" evaluate --real t.csv --synthetic t2.csv --only jsd,time.IAT --json
holds "measures these and what comes with them alone" test "$(json out '"leak" in d, "c2st" in d, d["jsd"]["TD"] >= 0, d["time"]["IAT"] >= 0')" = "(False, False, True, True)"
expect 2 "evaluate --only of what is no metric" "$F" evaluate --real t.csv --synthetic t2.csv --only jsd,leek
says err '"leek" begins no metric' "names it"
says err "name some of rows, jsd, " "and what there is"
expect 1 "evaluate --gate on a copy of the real flows" "$F" evaluate --real t.csv --synthetic t2.csv --gate --json
says out '"verdict": "fail"' "a copy leaks, and the gate says so"
expect 0 "evaluate --gate FILE" sh -c "'$F' evaluate --real t.csv --synthetic t2.csv --gate p/release.yaml; [ \$? -eq 1 ]"
finish
