#!/bin/sh
# What a run says and leaves while it is under way, when it is stopped and when it is refused.
# usage: cli_states.sh PATH-OF-FLOWMINT
. "$(dirname "$0")/lib.sh"
begin "$@"

"$F" simulate --rows 2000 --seed 3 --out t.csv 2>err && "$F" init --preset demo p 2>err || { cat err; exit 1; }
P=p/release.yaml
run() { # OPTION...: to the end of ingest, of the project in p
	"$F" run $UNCONFINED --set source.path="$T/t.csv" "$@" $P
}

# --- the bad rows of a refused trace ---
secret="203.0.113.77"
cp t.csv good.csv
{ cat good.csv; for _ in 1 2 3 4 5 6 7 8 9; do echo "2016-03-18 10:00:00,1.0,$secret,8.8.8.8,many,99,TCP,.AP.SF,0,0,14,14704,background"; done
	seq 100 | while read -r _; do echo "2016-03-18 10:00:00,1.0,$secret"; done; } >t.csv
expect 3 "a trace with too many bad rows is refused" run --until ingest
says err "p/workspace/quarantine/r0001.csv" "the message names the file with the bad rows"
says err "less " "and says how to look at it"
holds "the file is there" grep -q "$secret" p/workspace/quarantine/r0001.csv
holds "for its owner alone" [ "$(stat -c %a p/workspace/quarantine/r0001.csv)" = 600 ]
holds "nothing on standard error is of a row" sh -c '! grep -q "$1" err' sh "$secret"
holds "nor in the ledger" sh -c '! grep -q "$1" p/workspace/ledger.db' sh "$secret"
head -n 2000 good.csv >t.csv
echo "2016-03-18 10:00:00,1.0,$secret" >>t.csv
expect 0 "a trace with one bad row is taken" run --until ingest
says err "flowmint unseal r0002 --stage ingest --out DIR" "the log says how to see the bad row"
holds "which is not to be read without" sh -c '! grep -rqF "$1" p/workspace' sh "$secret"
expect 0 "it is decrypted" "$F" unseal r0002 --stage ingest --out bad --workspace p/workspace
holds "and there" grep -q "$secret" bad/quarantine.csv
holds "for its owner alone" [ "$(stat -c %a%a bad bad/quarantine.csv | tr -d '\n')" = 700700600600 ]
expect 3 "but not into a folder that is there" "$F" unseal 2 --stage ingest --out bad --workspace p/workspace
expect 3 "nor what no run has made" "$F" unseal 2 --stage train --out none --workspace p/workspace
holds "the older quarantine is gone" [ ! -e p/workspace/quarantine ]

# --- where files are decrypted ---
expect 0 "a run that expects more than memory has room for" run --until ingest --set generate.rows=2000000000
says err "are decrypted into $T/p/workspace/clear meanwhile, on disk" "takes the disk, and says so"
holds "and leaves nothing there" [ ! -e p/workspace/clear ]
mkdir aside
export FLOWMINT_CLEAR="$T/aside"
expect 0 "another place" run --until ingest --force
unset FLOWMINT_CLEAR
holds "is left empty" is_empty aside
cp good.csv t.csv

# --- what can be known before training is known before it: no run is in the ledger after any of these ---
begun() { "$F" log --workspace p/workspace --json 2>/dev/null | grep -c '"kind": "run"'; }
before=$(begun)
refused() { # STATUS WORDS NAME OPTION...
	want=$1 words=$2 name=$3
	shift 3
	expect "$want" "$name: refused" run "$@"
	says err "$words" "$name: the message says so"
}
refused 3 "nope.csv: no such file" "a trace that is not there" --set source.path=nope.csv
sed 's|^  path: .*|  path: nope.csv|' p/release.yaml >p/line.yaml
line=$(grep -n nope p/line.yaml | cut -d: -f1)
expect 3 "the same in the config: refused" "$F" run $UNCONFINED p/line.yaml
says err "p/line.yaml:$line: source.path: $T/p/nope.csv: no such file" "with the line that names it"
expect 3 "files that no pattern finds: refused" sh -c "sed 's/nope.csv/nope*/' p/line.yaml >p/star.yaml; '$F' run $UNCONFINED p/star.yaml"
says err "p/star.yaml:$line: source.path: no file matches" "with its line"
tar cf whole.tar t.csv good.csv
head -c $(($(stat -c %s t.csv) / 2)) whole.tar >cut.tar
sed "s|nope.csv|$T/cut.tar|; ${line}a\\  member: wrong.csv" p/line.yaml >p/cut.yaml
expect 3 "a damaged archive: refused" "$F" run $UNCONFINED p/cut.yaml
says err "cut.tar: cannot be read" "as such"
holds "whatever the member's line says" sh -c '! grep -q cut.yaml err'
sed -i "s|cut.tar|whole.tar|" p/cut.yaml
expect 3 "a member that is not there: refused" "$F" run $UNCONFINED p/cut.yaml
says err "p/cut.yaml:$((line + 1)): $T/whole.tar has no member wrong.csv; it has: t.csv, good.csv" "at its line"
refused 3 "is a folder, not a regular file: name the files in it, as in $T/p/*.csv" "a folder as the trace" --set source.path="$T/p"
printf 'source: {path: %s/t.csv, dialect: ugr16, member: t.csv}\n' "$T" | cat p/release.yaml - | sed '/^source:$/,/^$/d' >p/member.yaml
expect 3 "a member of a file that is no archive: refused" "$F" run $UNCONFINED p/member.yaml
says err "p/member.yaml:$(grep -n member: p/member.yaml | cut -d: -f1): $T/t.csv is not an archive" "at its line of the config"
refused 2 "--set source.member: $T/t.tar has no member u.csv; it has: t.csv" "a member that an archive does not have" \
	--set source.path="$(tar cf t.tar t.csv && echo "$T/t.tar")" --set source.member=u.csv
refused 3 "write the whole path" "a ~ that no shell has read" --set 'source.path=~/t.csv'
refused 3 "an address is not fetched" "a trace of the web" --set source.path=https://example.org/t.csv
refused 3 "a \$ stands for no variable here" "a variable that no shell has read" --set 'source.path=$DATA/t.csv'
refused 3 "it is a path of Windows" "a path of Windows" --set 'source.path=C:\data\t.csv'
gzip -c t.csv >packed.csv.gz
refused 3 "no such file; there is one with .gz behind its name" "a name without its end" --set source.path="$T/packed.csv"
sed 's/^train:$/run:\n  stall: 60\n\n&/' p/release.yaml >p/stall.yaml
expect 3 "(a run that ends before its first stage)" "$F" run $UNCONFINED p/stall.yaml --set source.path="$T/nope.csv"
says err "warning: p/stall.yaml:$(grep -n stall: p/stall.yaml | cut -d: -f1): run.stall does nothing where one process trains alone" "a key for several processes is told where there is one"
expect 3 "(the same in two processes)" "$F" run $UNCONFINED p/stall.yaml --set source.path="$T/nope.csv" --set run.mpi=2
holds "which does not warn" sh -c '! grep -q stall err'
refused 2 "source.rows is 40" "too few rows for a window in each split" --set source.rows=40
refused 2 "split.holdout is 0, and the gate has" "checks against flows that the model never saw, without any" --set split.holdout=0
refused 2 "must lie from 0 to 4294967294" "more flows than a release can have" --set generate.rows=5000000000
refused 4 "the disk is too full" "more flows than the disk holds" --set generate.rows=4294967294 --workspace /proc/none # a disk of no room
holds "which are what it has no room for" grep -qE "at least [0-9]{9,} KiB" err
{ printf 'preset: demo\ngate:\n' && "$ROOT/tests/preset_checks.sh" "$ROOT/manifests/demo.yaml" | sed 's/.*/  &: null/'; } >p/none.yaml
expect 3 "a gate without a check is refused" "$F" run $UNCONFINED --set source.path="$T/t.csv" --set release.name=n --set release.version=1 p/none.yaml
says err "the gate has no check left" "and it is said before training"
refused 2 "or raise split.holdout from 0.001 to" "a share of the windows that no split gets" --set split.holdout=0.001 --set source.rows=2000
refused 3 "publish.key: $T/t.csv: this is no OpenSSH private key; make one with: flowmint keygen" "a file that is no key, whatever its mode" --set publish.key="$T/t.csv"
chmod 644 p/keys/release.key
refused 3 "publish.key: $T/p/keys/release.key holds a secret but its mode is 0644" "a key that others may read"
chmod 600 p/keys/release.key
ssh-keygen -q -t ed25519 -N secret -f p/keys/locked
refused 3 "does not name the key $T/p/keys/locked" "a key with a passphrase that allowed_signers does not name" --set publish.key="$T/p/keys/locked"
cp p/keys/locked.pub p/keys/lonely.pub
unset SSH_AUTH_SOCK
refused 3 "lonely.pub is a public key, which signs by an ssh-agent" "a public key to sign with, without an agent" --set publish.key="$T/p/keys/lonely.pub"
chmod 775 p/keys
refused 3 "others may put another key in its place" "a key in a folder that others may write" 
chmod 700 p/keys
refused 3 "no such file; flowmint keygen" "a key that is not there" --set publish.key="$T/p/keys/nope"
refused 3 "is the key of publish.key" "one key for releases and attestations" --set publish.attestation_key="$T/p/keys/release.key"
refused 3 "publish.attestation_key: $T/p/keys/nope: no such file" "a key for attestations that is not there" \
	--set publish.attestation_key="$T/p/keys/nope"
"$F" keygen --out p/keys/other >/dev/null
refused 3 "allowed_signers does not name the key" "a key that allowed_signers does not name" --set publish.key="$T/p/keys/other"
cp p/allowed_signers signers
sed 's/ namespaces="flowmint,flowmint-release"/&,valid-before="20200101Z"/' signers >p/allowed_signers
refused 3 "line 1 of $T/p/allowed_signers is no longer valid" "a key whose time is over"
sed 's/ namespaces="flowmint,flowmint-release"/ namespaces="flowmint-waiver"/' signers >p/allowed_signers
refused 3 "other namespaces" "a key for waivers alone"
cp p/keys/release.key.pub p/allowed_signers
refused 3 "allowed_signers:1: this is a public key" "a public key in the place of allowed_signers"
rm p/allowed_signers
refused 3 "p/allowed_signers: no such file: it names the keys whose releases are accepted; make it with the line: flowmint namespaces=\"flowmint,flowmint-release\" ssh-ed25519 " "no allowed_signers"
cp signers p/allowed_signers
mv p/keys/commitment.key c && head -c 5 c >p/keys/commitment.key && chmod 600 p/keys/commitment.key
refused 3 "too short for a secret" "half a secret for commitments"
mv c p/keys/commitment.key
refused 3 "publish.out: $T/t.csv/x" "a release folder below a file" --set publish.out="$T/t.csv/x"
refused 3 "--out: /proc/nowhere/x: the release folder cannot be written" "a release folder that cannot be made" --out /proc/nowhere/x
mkdir -p taken && echo x >taken/demo-1.0.0.tar.zst
refused 3 "release.version: demo 1.0.0 is taken" "a version that is taken" --out taken
refused 2 "gate.leak.mia_model_auc asks the model how well it knows single windows" "a check that this kind of model cannot answer" --set model.kind=ctgan
refused 2 "limits.threads 2 is too few for train.threads 8" "too few threads" --set limits.threads=2 --set train.threads=8
refused 2 "train.patience 2 needs windows to validate on" "patience without validation" --set train.patience=2 --set split.validation=0
refused 2 "publish.dialect: unknown dialect 'cvs'" "a dialect that is not there" --set publish.dialect=cvs
says err "for the dialect of the trace itself write source" "it says what stands for the trace's"
refused 3 "publish.dialect: a dialect with a '/' or ending in .yaml is a file of your own" "a file of a dialect that is not there" \
	--set publish.dialect="$T/none.yaml"
says err "cannot read $T/none.yaml: No such file" "and the message names it"
refused 2 "gate.leak.release_equal compares with the release before, and release.previous names none" "a check against a release that is not named" --set gate.leak.release_equal=0
refused 2 "gate.jsd.TOS needs the column" "a check of a column that the dialect does not have" --set gate.jsd.TOS=0.1 --set source.dialect=netshare
refused 2 "limits.file_mib is 1, and the 60000 flows" "files that are too small for the release" --set limits.file_mib=1 --set generate.rows=60000
refused 3 "publish.approvals is 1, and $T/p/allowed_signers lets 0 sign" "approvals, and nobody to give one" --set publish.approvals=1 --out /proc/nowhere/x
says err 'NAME namespaces="flowmint-approval" ssh-ed25519' "and the line that is missing is shown"
says err "the release will wait" "and what that means"
for who in ann ann bob; do
	[ -e p/keys/$who.pub ] || ssh-keygen -q -t ed25519 -N '' -f p/keys/$who
	echo "$who namespaces=\"flowmint-approval\" $(cat p/keys/$who.pub)"
done >>p/allowed_signers
refused 3 "publish.approvals is 3, and $T/p/allowed_signers lets 2 sign" "more approvals than people, one of whom is named twice" --set publish.approvals=3 --out /proc/nowhere/x
cp signers p/allowed_signers
cat p/keys/ann.pub p/keys/bob.pub >p/keys/two.pub
refused 3 "p/keys/two.pub: line 2: there is another key behind the key" "a file of two public keys" --set publish.key="$T/p/keys/two.pub"
{ cat p/keys/ann.pub && echo && echo "# a comment" && echo "and more"; } >p/keys/more.pub
refused 3 "p/keys/more.pub: line 4: something stands behind the key" "a public key with words behind it" --set publish.key="$T/p/keys/more.pub"
holds "none of these began a run" [ "$(begun)" = "$before" ]

# Without root's rights: folders that the user may not write to or look into.
if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
	as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
	cp "$F" flowmint && cp -r p q && rm -rf q/workspace && mkdir closed && cp t.csv closed/ && chmod 700 closed && chmod 755 . && chmod a+x "$(dirname "$T")"
	chown -R 65534:65534 q
	expect 3 "a trace in a folder that may not be searched" as_nobody ./flowmint run --set source.path="$T/closed/t.csv" q/release.yaml
	says err "this user may not look into $T/closed" "the message names the folder"
	expect 3 "evaluate of such a file" as_nobody env TMPDIR=/tmp ./flowmint evaluate --real "$T/closed/t.csv" --synthetic "$T/t.csv"
	says err "$T/closed/t.csv: this user may not look into" "says so too"
	expect 4 "a release folder that may not be written" as_nobody ./flowmint run --set source.path="$T/t.csv" --set publish.out="$T/closed" q/release.yaml
	says err "publish.out: $T/closed: the release folder cannot be written" "the message names the key"
else
	skip "folders closed to the user" "needs root and setpriv"
fi

# --- the plan ---
tiny="--set model.width=32 --set model.heads=2 --set model.depth=1 --set train.batch=8 --until generate"
# shellcheck disable=SC2086
plan() { run --plan --json $tiny "$@"; }
mkdir -p other # where no stage is complete
expect 0 "a plan" plan --workspace other/w
holds "is one JSON document" is_json out
cp out plan.json
holds "it knows the rows" [ "$(json plan.json 'd["rows"], d["rows_exact"]')" = "(2000, True)" ]
holds "nothing is complete" [ "$(json plan.json '[s["cached"] for s in d["stages"]]')" = "[False, False, False]" ]
holds "each stage has an estimate" json plan.json '[s["seconds"] + s["peak_rss_bytes"] + s["disk_bytes"] for s in d["stages"]]'
holds "the memory is that of a process" [ "$(json plan.json 'd["total"]["peak_rss_bytes"] > 4e6')" = True ]
holds "nothing of it is kept" is_empty other/w/stages/train
expect 0 "its ledger can be read" "$F" log --workspace other/w --json
holds "no run is recorded" [ "$(json out '[r["kind"] for r in d if r["kind"] != "source"]')" = "[]" ]
awk '{ print } NR % 3 == 0 { print "x,y" }' t.csv >bad.csv
expect 3 "a plan for a trace with too many bad rows" plan --workspace other/w --set source.path="$T/bad.csv"
holds "the bad rows are kept where the message says" test -s "$(sed -n 's/.*: less //p' err)"
expect 0 "a plan for a hundred thousand times the steps" plan --workspace other/w --set train.steps=40000000
holds "it takes longer" [ "$(json out 'd["stages"][1]["seconds"] > 5 * '"$(json plan.json 'd["stages"][1]["seconds"]')")" = True ]
expect 0 "what is complete" run --until ingest
expect 0 "a plan after that" plan
holds "is not to do" [ "$(json out '[s["cached"] for s in d["stages"]]')" = "[True, False, False]" ]
expect 0 "a plan for people" run --plan --until ingest
says out "complete" "it says what is complete"
says out "nothing is left to do" "and that this is all"
! grep -q "total\|estimated" out
result $? "without an estimate of nothing"
"$F" -q simulate --rows 2000 --seed 1 --attacks 0 --out plain.csv
expect 0 "guidance towards the class of a window" run --workspace plain/w --set source.path="$T/plain.csv" --set train.steps=5 --set generate.guidance=1 --until generate
says err "generate.guidance does nothing: the training flows have one label" "is told to do nothing where there is one class"
mkdir -p judged
judged() { run --workspace judged/w --set train.steps=20 "$@"; }
expect 0 "(flows)" judged --until generate
expect 0 "a plan of the judging alone, for a release of a day to come" judged --plan --set release.date=2099-01-01
says err "warning: release.date: 2099-01-01 is to come" "is warned of the day"
holds "without a warning that is of its few rows alone" sh -c '! grep -q "windows in training" err'
holds "tells what it measured, and no steps or flows" grep -qx "estimated from [0-9]* rows judged, measured here in [0-9]* s" out
says out "(without release)" "and what the total leaves out"
expect 3 "a plan of what would be refused" run --plan --set source.path=nope.csv

# --- what the machine can enforce ---
if [ -n "$CONFINED" ]; then
	expect 0 "doctor, where runs work" "$F" doctor
	for what in namespaces seccomp landlock "memory lock" disk memory cores kernels; do
		holds "doctor has a line on $what" grep -q "^[a-z]*  *$what " out
	done
	expect 0 "doctor --json" "$F" doctor --json
	holds "says that runs work" [ "$(json out 'd["runs"], [c["state"] for c in d["checks"]][:2]')" = "(True, ['good', 'good'])" ]
else
	skip "doctor, where runs work" "the kernel gives no namespaces here"
fi
# A user who may have no more processes can confine nothing.
if [ "$(id -u)" = 0 ] && [ -x flowmint ]; then
	expect 1 "doctor, where runs are refused" as_nobody prlimit --nproc=0 ./flowmint doctor
	says out "bad   namespaces" "says what is missing"
	says out "raise ulimit -u" "and which limit that is"
	holds "without advice on namespaces" sh -c '! grep "allow user namespaces" out'
	expect 1 "doctor --json there" as_nobody prlimit --nproc=0 ./flowmint doctor --json
	holds "says that runs do not" [ "$(json out 'd["runs"]')" = False ]
else
	skip "doctor, where runs are refused" "needs root and setpriv"
fi
expect 1 "doctor with a full disk" sh -c '"$1" doctor --workspace /proc/x' sh "$F"

# --- what runs now, and how it ends ---
# shellcheck disable=SC2086
long_run() { # a training of hours, in workspace w
	# A shell lets what it puts into the background ignore SIGINT, and nohup SIGHUP.
	env --default-signal=INT,HUP "$F" run $UNCONFINED --set source.path="$T/t.csv" --workspace w --set model.width=32 --set model.heads=2 \
		--set model.depth=1 --set train.batch=8 --set train.steps=900000 --set train.checkpoint_every=0 --set train.checkpoint_seconds=0 --until train $P >run.out 2>run.err &
	job=$!
	until_true 300 trains
}
trains() { "$F" status --workspace w --json 2>/dev/null >now.json && [ "$(json now.json 'd["last"]["now"]["running"] and d["last"]["now"]["stage"] == "train" and (d["last"]["now"]["seconds_left"] or 0) > 0 and d["last"]["now"]["done"] > '"${at_least:-0}" 2>/dev/null)" = True ]; }

holds "a run is under way" long_run
expect 0 "status of it" "$F" status --workspace w
says out ": running" "says that it runs"
holds "says the stage, the share and the time left" grep -Eq '^  now +train .*[0-9] %, [0-9]+ of [0-9]+ flows, [0-9:]+ left of this step, process [0-9]+$' out
holds "and the process" [ "$(sed -n 's/.*process //p' out)" = "$(cat w/lock)" ]
expect 0 "status --json of it" "$F" status --workspace w --json
holds "has them too" [ "$(json out 'd["last"]["status"], 0 < d["last"]["now"]["share"] < 1, d["last"]["now"]["seconds_left"] > 0')" = "('running', True, True)" ]
pid=$(cat w/lock)
kill -KILL "$pid"
wait $job
expect 0 "status after SIGKILL" "$F" status --workspace w
says out ": killed" "says that it was killed"
holds "where it was" grep -Eq '^  was in +train ' out
says out "process $pid was killed by a signal that cannot be held (SIGKILL), or crashed" "and by what"
says out "the same flowmint run goes on" "and what to do"
sed 's/"boot":"[^"]*"/"boot":"another"/' w/running.json >r && cat r >w/running.json
expect 0 "status after the machine was started anew" "$F" status --workspace w
says out "the machine stopped or was started anew" "says so"
sed 's/"boot":"another"/"boot":"'"$(cat /proc/sys/kernel/random/boot_id)"'"/; s/"oom_kills":[0-9]*/"oom_kills":-5/' w/running.json >r && cat r >w/running.json
expect 0 "status after the kernel killed for want of memory" "$F" status --workspace w
says out "for want of memory" "says that it may have been that"
sed 's/"stage":"train"/"stage":"gate"/; s/"what":"[^"]*"/"what":""/; s/"total":[0-9]*/"total":0/' w/running.json >r && cat r >w/running.json
expect 0 "status between two stages" "$F" status --workspace w
holds "names the stage and nothing behind it" grep -qx '  was in    gate' out

# Before its first stage a run has not said where it is.
mv w/running.json r
expect 0 "status of a run that is beginning" flock w/lock "$F" status --workspace w
says out ": running" "it runs"
says out "  now       about to begin its first stage, process $pid" "and is told as such"
expect 0 "status of one that was killed then" "$F" status --workspace w
says out "  why       killed, most likely before its first stage" "is told too"
says out "the same flowmint run goes on" "and what to do"
mv r w/running.json

ends() { # SIGNAL STATUS: how a run ends that gets it
	holds "a run is under way that gets SIG$1" long_run
	kill "-$1" "$(cat w/lock)"
	wait $job
	ended=$?
	cp run.err err
	holds "SIG$1 ends it with $2" [ $ended -eq "$2" ]
	says err "the same command goes on from there" "SIG$1: the message says how to go on"
	holds "SIG$1: no process is left" until_true 60 nobody_runs
	expect 0 "status after SIG$1" "$F" status --workspace w
	says out ": stopped" "says that it was stopped"
	says out "stopped by signal" "and by what"
	holds "SIG$1: nothing says that it runs" [ ! -e w/running.json ]
}
ends INT 130
ends TERM 143
ends HUP 129

# Stopped in good order a training keeps what it has, though no checkpoint is due.
at_least=60000
ends INT 130
whole=$(json now.json 'd["last"]["now"]["total"]')
at_least=0
holds "a run is under way that goes on" long_run
step=$(sed -n 's/.*goes on from step \([0-9]*\).*/\1/p' run.err)
# Its share is that of all steps; the time left follows from those that this process took.
holds "status counts the steps before, and not to how fast it is" \
	[ "$(json now.json 'd["last"]["now"]["before"] * 900000 == '"${step:-0}"' * d["last"]["now"]["total"], d["last"]["now"]["done"] > d["last"]["now"]["before"], abs(d["last"]["now"]["seconds_left"] / (d["last"]["now"]["updated"] - d["last"]["now"]["step_began"]) * (d["last"]["now"]["done"] - d["last"]["now"]["before"]) / (d["last"]["now"]["total"] - d["last"]["now"]["done"]) - 1) < 0.01')" = "(True, True, True)" ]
holds "and the whole is the same" [ "$(json now.json 'd["last"]["now"]["total"]')" = "$whole" ]
kill -INT "$(cat w/lock)"
wait $job
holds "it went on from where the signal had stopped it" grep -q "goes on from step [1-9][0-9]*" run.err

# --- what only the flows can tell is told before training ---
expect 3 "a label that is not there" run --until generate --set 'generate.labels={gone: 1}' --set train.steps=1000000
says err "no label 'gone'" "is named"
expect 3 "a range that is too small for the hosts" run --until generate --set 'generate.outside=["198.18.0.0/30"]' --set train.steps=1000000
says err "fresh outside addresses are needed and the ranges hold 2: widen generate.outside" "says how many are needed, and how many there are"
expect 0 "one that is large enough for the few flows that are made" run --until ingest --set 'generate.outside=["198.18.0.0/24"]' --set generate.rows=100
expect 4 "files that are too small for the network" run --until train --set limits.file_mib=1 --set train.steps=1000000
says err "limits.file_mib is 1, which may be too little: train: the network takes a file of over" "says what it is for"

# --- limits ---
expect 4 "too few files" run --until ingest --force --set limits.files=16
says err "limits.files is 16, which may be too little" "names the key"

# --- what --verbose names ---
expect 0 "a run with --verbose" "$F" -v run $UNCONFINED --set source.path="$T/t.csv" --until ingest --force $P
says err "config: $P" "names the config"
says err "ingest reads $T/t.csv" "and the trace"
: >empty.csv
expect 3 "evaluate of nothing" "$F" -v evaluate --real empty.csv --synthetic t.csv
holds "where an error was found is a place of our own, not the walls" grep -q "found at [a-z/]*[a-z_]*\.c:[0-9]" err

# --- runs by number ---
expect 0 "status of a run by number" "$F" status --workspace w 1
says out "run r0001" "is that of r0001"
expect 0 "status of a project" "$F" status p
says out "demo 1.0.0" "is that of its workspace"
expect 0 "status by its release.yaml" "$F" status p/release.yaml
says out "demo 1.0.0" "is the same"
expect 0 "log of a project" "$F" log p
expect 3 "status of what is neither a run nor a project" "$F" status nowhere
says err "'nowhere' is no run (r0001, or 1) and no project's folder" "says what it can be"
expect 2 "status of a project and of another workspace" "$F" status p --workspace w
expect 0 "log of a run by number" "$F" log --workspace w 1
expect 0 "and by its short name" "$F" log --workspace w r1
expect 3 "status of a run that is not there" "$F" status --workspace w 99
says err "no run r0099" "names it in full"
expect 3 "reproduce of a run by number" "$F" reproduce --workspace w 1
says err "run r0001 released nothing" "finds it"

# --- what is named ---
expect 0 "run of a project's folder" "$F" run $UNCONFINED --set source.path="$T/t.csv" --until ingest p
expect 3 "run of a folder that is no project" "$F" run other
says err "other/release.yaml" "names the file that is missing"
waive() { "$F" waive --check controls.broken --reason why --key p/keys/other "$@" $P; }
expect 3 "a waiver by a key without the right" waive --expires 2099-12-31
says err "p/allowed_signers: no line lets this key sign waivers" "names the file"
expect 3 "a date that has passed, by such a key" waive --expires 2020-12-31
says err "2020-12-31 (--expires) has passed" "is told first"
expect 3 "a public key for a waiver, without an agent" waive --expires 2099-12-31 --key p/keys/lonely.pub
says err "is a public key, which signs by an ssh-agent" "says so"

mkdir -p p/deep/er
holds "doctor looks at the project's workspace from below it" sh -c 'cd p/deep/er && "$1" doctor 2>&1 | grep -q "$2/p/workspace"' sh "$F" "$T"
holds "or at FLOWMINT_WORKSPACE" sh -c 'FLOWMINT_WORKSPACE=/nowhere/w "$1" doctor 2>&1 | grep -q /nowhere' sh "$F"
expect 2 "an option that wants a value" "$F" -C
says err "-C wants a value" "says so"

finish
