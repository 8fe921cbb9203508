#!/bin/sh
# What a machine that runs flowmint at night has of it: events on a descriptor, a command that is told how a run ended.
# usage: cli_night.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
# shellcheck disable=SC2016 # sh -c expands it
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

expect 0 "a trace" "$F" simulate --rows 600 --seed 3 --out trace.csv
expect 0 "a project" "$F" init --preset demo p
run() { # OPTION...
	"$F" run p $UNCONFINED --quiet --until ingest --set source.path="$T/trace.csv" --set model.window=8 "$@"
}

# --- events ---
run --events 3 3>events >out 2>err
result $? "a run tells events"
holds "each is a line of JSON" "$PYTHON" -c 'import json, sys
rows = [json.loads(l) for l in open(sys.argv[1])]
assert [r["kind"] for r in rows if r["kind"] != "source"] == ["run", "escapes", "stage", "end"], rows
assert all(sorted(r) == ["body", "kind", "row", "run", "time"] for r in rows), rows
assert rows[-1]["body"]["status"] == "partial", rows[-1]' events
expect 0 "(the ledger)" "$F" log --workspace p/workspace --json
holds "they are the rows of the ledger" "$PYTHON" -c 'import json, sys
assert [json.loads(l) for l in open("events")] == json.load(open("out"))'
expect 2 "a descriptor that is not open" run --events 9
expect 2 "one that is open for reading" sh -c '"$0" run p --events 3 3<p/release.yaml' "$F"
mkfifo pipe
: <pipe & # a reader that goes away before there is anything to read
exec 4>pipe
wait $!
run --events 3 3>&4 >out 2>err
result $? "a reader that goes away stops no run"
exec 4>&-
rm pipe
says err "no more events are told" "which is said"
# One that is there and reads nothing: the pipe is full before the run begins.
mkfifo pipe
sleep 600 3<pipe &
hangs=$!
exec 4>pipe
"$PYTHON" -c 'import fcntl, os
flags = fcntl.fcntl(4, fcntl.F_GETFL)
fcntl.fcntl(4, fcntl.F_SETFL, flags | os.O_NONBLOCK)
try:
    while True:
        os.write(4, b"\n" * 4096)
except BlockingIOError:
    pass
fcntl.fcntl(4, fcntl.F_SETFL, flags)'
timeout -k 5 300 "$F" run p $UNCONFINED --quiet --until ingest --set source.path="$T/trace.csv" --set model.window=8 --events 3 3>&4 >out 2>err
result $? "nor does one that hangs"
exec 4>&-
kill $hangs
rm pipe
says err "who reads them takes nothing any more" "which is said too"

run --events 3 3>>p/workspace/ledger.db >out 2>err
result $? "one that is the ledger"
says err "is a file of the ledger itself" "is told nothing"
expect 0 "and stays intact" "$F" audit --workspace p/workspace
# A terminal that was stopped, and says that it has room for some bytes yet.
cat >terminal.py <<'PY'
import os, subprocess, sys
terminal, shown = os.openpty()
os.set_blocking(shown, False)
try:
    while True:
        os.write(shown, b"x" * 64)
except BlockingIOError:
    pass
os.set_blocking(shown, True)
os.read(terminal, 3000)
try:
    status = subprocess.run([*sys.argv[1:], "--events", str(shown)], pass_fds=[shown], timeout=200).returncode
except subprocess.TimeoutExpired:
    status = 9
sys.exit(status)
PY
expect 0 "nor does a terminal that was stopped" "$PYTHON" terminal.py "$F" run p $UNCONFINED --quiet --until ingest \
	--set source.path="$T/trace.csv" --set model.window=8
says err "who reads them takes nothing any more" "which is said likewise"

# --- the service: a whole run behind what its options refuse of system calls ---
service=$(dirname "$F")/tests/make_service
unit=$ROOT/packaging/flowmint@.service
if [ -n "$CONFINED" ] && [ -x "$service" ]; then
	expect 0 "a run works behind the options of the service" "$service" "$unit" "$F" run p --quiet --force --until ingest --set model.window=8 --set source.path="$T/trace.csv"
	{ cat "$unit" && echo '[Service]' && echo ProtectHostname=yes; } >hostname.service
	expect 4 "and not behind one that keeps a stage from having a name of its own" "$service" hostname.service "$F" run p --quiet --force \
		--until ingest --set model.window=8 --set source.path="$T/trace.csv"
	says err "cannot set a private host name" "which shows that they are tried"
else
	skip "a run works behind the options of the service" "there are no walls here, or make_service was not built"
fi

# --- on_done ---
expect 0 "a run that is done" run --set publish.on_done="cat >'$T/told.json'"
holds "is told as JSON" is_json told.json
holds "with how it ended and what it did" test "$(json told.json '(d["status"], d["code"], d["message"], [s["name"] for s in d["stages"]])')" = \
	"('done', 0, None, ['ingest'])"
expect 3 "one that fails" run --set publish.on_done="cat >'$T/told.json'" --set source.path="$T/nowhere.csv"
holds "too, with the reason" test "$(json told.json '(d["status"], d["code"], "nowhere.csv" in d["message"])')" = "('failed', 3, True)"
expect 0 "a command that fails changes nothing" run --set publish.on_done="exit 7"
says err "publish.on_done ended with status 7" "and is told of"
expect 0 "nor does one that does not read" run --set publish.on_done=true

expect 0 "one that ends by a signal of its own pipe" run --set publish.on_done="sh -c 'kill -PIPE \$\$'; echo \$? >'$T/pipe'"
holds "which it has as everybody has it" test "$(cat pipe)" = 141
# One that hangs, and has started more: it is stopped with the run that waits for it, within the two seconds of a stage.
begun() {
	[ -s "$T/hangs" ]
}
gone() { # or nobody has asked yet how it ended
	! kill -0 "$(cat "$T/hangs")" 2>/dev/null || grep -q '^State:.Z' /proc/"$(cat "$T/hangs")"/status
}
for what in "sleep 600" "trap : TERM; while :; do sleep 1; done"; do
	rm -f hangs
	"$F" run p $UNCONFINED --quiet --until ingest --set source.path="$T/trace.csv" --set model.window=8 \
		--set publish.on_done="sh -c 'echo \$\$ >$T/hangs; $what' & wait; sleep 600" >out 2>err &
	pid=$!
	until_true 60 begun
	before=$(date +%s)
	kill -TERM $pid
	wait $pid
	holds "SIGTERM while $what is waited for: the run ends so" test $? -eq 143
	holds "SIGTERM while $what is waited for: long before its 600 s" test $(($(date +%s) - before)) -le 60
	holds "SIGTERM while $what is waited for: nothing is left of it" until_true 60 gone
	says err "in publish.on_done" "SIGTERM while $what is waited for: says where"
done

rm -f hangs
expect 0 "one that hangs has publish.on_done_seconds" run --set publish.on_done_seconds=1 \
	--set publish.on_done="sh -c 'echo \$\$ >$T/hangs; sleep 600' & wait"
says err "it took more than the 1 s of publish.on_done_seconds" "and is told of"
holds "nothing is left of it" until_true 10 gone

# One that asks at the terminal, as ssh and sudo do: what is typed reaches it, Ctrl-Z ends it, in the background it cannot ask.
cat >at_terminal.py <<'EOF'
import os, pty, signal, sys, time
how, rest = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    if how == "behind":  # as a shell with job control starts "flowmint run &"
        child = os.fork()
        if child:
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os.setpgid(0, 0)
    os.execv(rest[0], rest)
said, typed = b"", False
while True:
    try:
        more = os.read(terminal, 4096)
    except OSError:  # all have closed it
        break
    said += more
    if not typed and b"which?" in said:
        typed = True
        os.write(terminal, {"typed": b"green\n", "halted": b"\x1a", "behind": b""}[how])
sys.stdout.write(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF
cat >ask <<'EOF'
echo "which?" >/dev/tty
read -r word </dev/tty
echo "$word" >word
EOF
asks() { # HOW
	timeout -k 5 300 "$PYTHON" at_terminal.py "$1" "$F" run p $UNCONFINED --quiet --until ingest --set source.path="$T/trace.csv" \
		--set model.window=8 --set publish.on_done="cd '$T' && sh ask"
}
expect 0 "a command that asks at the terminal" asks typed
holds "is answered there" test "$(cat word)" = green
for how in halted behind; do
	rm -f word
	expect 0 "one that is stopped ($how) holds the run up no longer" asks $how
	says out "publish.on_done was ended, as it was stopped" "which is told ($how)"
	holds "and nothing came of it ($how)" [ ! -e word ]
done

# --- night after night ---
mkdir nights && cd nights || exit 4
"$ROOT/tests/faults_project.sh" "$F" >out 2>err || { cat err; exit 1; }
night() { # DAY SEED OPTION...: that night's trace, and what the service runs
	SOURCE_DATE_EPOCH=$(date -u -d "$1 02:30" +%s)
	export SOURCE_DATE_EPOCH
	"$F" simulate --rows 1300 --seed "$2" --out trace.csv >/dev/null && shift 2 && "$F" run -C p --quiet $UNCONFINED "$@"
}
expect 2 "a day's version and a fixed date are refused" "$F" run -C p --quiet $UNCONFINED --set release.version=date
says err "leave release.date empty" "with the way out"
sed -i 's/^release: .*/release: {name: small, version: date, description: "Each night"}/' p/release.yaml
rm -rf p/release p/workspace p/keys/ledger*
expect 0 "the first night releases" night 2026-11-28 21
expect 0 "so does the second, of another trace" night 2026-11-29 22
holds "each under its day" test "$(cd p/release && echo *.tar.zst)" = "small-2026.11.28.tar.zst small-2026.11.29.tar.zst"
holds "the second after the first" test "$(json p/release/small-2026.11.29.RELEASE.json '(d["sequence"], d["previous"]["version"], d["issued"])')" = \
	"(2, '2026.11.28', '2026-11-29')"
expect 0 "which a partner accepts" "$V" --signers p/allowed_signers p/release/small-2026.11.28.tar.zst
expect 0 "one after the other" "$V" --signers p/allowed_signers p/release/small-2026.11.29.tar.zst
expect 0 "the same once more is left as it is" night 2026-11-29 22
expect 3 "another trace on that day is refused" night 2026-11-29 23
says err "small 2026.11.29 is taken" "with the reason"
unset SOURCE_DATE_EPOCH
expect 0 "(the second night's trace)" "$F" simulate --rows 1300 --seed 22 --out trace.csv
expect 0 "the second night's is made again, on whatever day" "$F" reproduce 2 --workspace p/workspace $UNCONFINED
finish
