#!/bin/sh
# A run that may not have what it needs says so, with exit status 4, and leaves nothing behind; a project may lie anywhere.
# usage: cli_limits.sh [FLOWMINT]
# shellcheck disable=SC2086,SC3045 # UNCONFINED is one word or none; dash has ulimit -f, -v and -t
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

expect 0 "a trace" "$F" simulate --rows 6000 --seed 5 --out trace.csv
expect 0 "a project" "$F" init --preset demo p

run() { # PROJECT OPTION...
	project=$1
	shift
	rm -rf "$project/workspace"
	"$F" run "$project" $UNCONFINED --quiet --set source.path="$T/trace.csv" --set train.steps=2 --until train "$@"
}
limited() { # LETTER VALUE
	(ulimit "-$1" "$2" && run p)
}

expect 4 "ulimit -f below the size of the store" limited f 300
says err "File too large" "says what failed"
says err ".sealed" "and where"
expect 4 "ulimit -v below what a run takes" limited v 140000
says err "ulimit -v leaves 136 MiB" "says so before anything is read"
expect 4 "ulimit -s below what a function takes" limited s 64
says err "raise ulimit -s" "says so instead of dying"
expect 4 "the same of flowmint-verify" sh -c "ulimit -s 64; exec '$V' --no-state --signers x y"
says err "raise ulimit -s" "says so instead of dying"
# In a control group below the root of its hierarchy, where who may makes one.
group=
for mount in /sys/fs/cgroup/memory /sys/fs/cgroup; do
	[ -z "$group" ] && [ -e $mount/cgroup.procs ] && mkdir $mount/flowmint-$$ 2>/dev/null && group=$mount/flowmint-$$
done
if [ -n "$group" ] && for limit in memory.limit_in_bytes memory.max; do
	[ ! -e "$group/$limit" ] || echo 12582912 2>/dev/null >"$group/$limit"
done && [ "$(cat "$group"/memory.limit_in_bytes "$group"/memory.max 2>/dev/null)" = 12582912 ]; then
	expect 4 "a control group of 12 MiB" sh -c "echo \$\$ >'$group/cgroup.procs' && exec '$F' run p $UNCONFINED --quiet --set source.path='$T/trace.csv' --until ingest"
	says err "the control group leaves 12 MiB of memory" "is told before it kills"
	for limit in memory.limit_in_bytes memory.max; do
		[ ! -e "$group/$limit" ] || echo 104857600 >"$group/$limit"
	done
	expect 0 "flowmint doctor tells of one" sh -c "echo \$\$ >'$group/cgroup.procs' && exec '$F' doctor"
	says out "of which this group may use 0.1" "with the memory"
	rm -rf p/workspace
	expect 4 "a stage that takes more than the group has" sh -c "echo \$\$ >'$group/cgroup.procs' && exec '$F' run p $UNCONFINED --quiet \
		--set source.path='$T/trace.csv' --set limits.memory_mib=8192 --set train.steps=2 --set train.batch=4096 --set model.width=256 --set model.depth=3 --until train"
	says err "stage train was killed by signal 9 (Killed) by the kernel, for want of memory" "is told by whom it was killed, and why"
else
	skip "a control group of 12 MiB" "none can be made here"
fi
[ -z "$group" ] || rmdir "$group"
expect 4 "a second of processor time" sh -c "ulimit -t 1; exec '$F' run p $UNCONFINED --quiet --set source.path='$T/trace.csv' --set train.steps=2000 --until train"
says err "ulimit -t" "says which limit it was"
for how in -t -St; do
	expect 4 "ulimit $how 1 for a verb that computes itself" sh -c "ulimit $how 1; exec '$F' simulate --rows 50000000 --out long.csv"
	says err "ulimit -t allows is used up: nothing is left of the trace" "says so, and what is left"
	holds "nothing is" sh -c '! ls -A | grep -q long.csv'
done

# Root in a folder that is another user's alone, as homes are.
if [ "$(id -u)" = 0 ] && [ -n "$CONFINED" ] && mkdir home && cp -r p home/p && cp trace.csv home/p && rm -rf home/p/workspace && chown -R nobody home; then
	chmod 700 home home/p
	expect 0 "root in the home of another user" "$F" run home/p --quiet --set source.path="$T/home/p/trace.csv" --until ingest
	chmod 600 home/p/trace.csv
	expect 4 "a trace there that is that user's alone" "$F" run home/p --quiet --force --set source.path="$T/home/p/trace.csv" --until ingest
	says err "the file must be readable by the user who runs flowmint" "says why"
else
	skip "root in the home of another user" "this is not root, or there are no walls"
fi

expect 4 "limits.memory_mib" run p --set limits.memory_mib=1
says err "out of memory" "says what there is not"
expect 4 "limits.file_mib" run p --set limits.file_mib=1
says err "File too large" "says what failed"
expect 4 "limits.output_mib" run p --set limits.output_mib=1
says err "raise limits.output_mib" "names the key"
expect 4 "limits.files" run p --set limits.files=16
says err "Too many open files" "says what failed"
expect 2 "a limit that is none" run p --set limits.threads=-1
expect 0 "and with the limits of the machine it is trained" run p

# --- flowmint-verify, while it extracts ---
# An archive that is long enough to be stopped in: it is unpacked before it is known what it lacks.  One that grew a
# hundredfold would be refused.
ssh-keygen -q -t ed25519 -N "" -f key && echo "me $(cut -d' ' -f1,2 key.pub)" >signers
mkdir -p a-1 into && { head -c 10000000 /dev/urandom && head -c 390000000 /dev/zero; } >a-1/README.md
tar -cf - --format=ustar --numeric-owner --owner=0 --group=0 --mode=u=rwX,go=rX --mtime=@0 a-1 | zstd -1 -q -o a-1.tar.zst
rm -r a-1
expect 0 "(it is signed)" ssh-keygen -q -Y sign -n flowmint -f key a-1.tar.zst
expect 4 "ulimit -f below the size of a file that it writes" \
	sh -c "ulimit -f 1000; exec '$V' --no-state --signers signers --extract into/x a-1.tar.zst"
says err "into/x/README.md: File too large" "says which"
holds "leaves nothing" is_empty into
# Sends a signal as soon as there is a file, and is its status; again where it was done before that.
cat >stop.py <<'END'
import glob, signal, subprocess, sys
stop = int(sys.argv[1])
signal.signal(stop, signal.SIG_DFL)  # which is ignored in what a shell or nohup started beside itself
for attempt in range(5):
    p = subprocess.Popen(sys.argv[2:])
    while p.poll() is None and not glob.glob("into/.x.tmp-*/files/*"):
        pass
    p.send_signal(stop)
    if p.wait() != 1:
        break
sys.exit(128 - p.returncode if p.returncode < 0 else p.returncode)
END
for signal in 15 2 1; do
	expect $((128 + signal)) "signal $signal while it extracts ends it as that does" \
		"$PYTHON" -IS stop.py $signal "$V" --no-state --signers signers --extract into/x a-1.tar.zst
	says err "nothing was extracted" "signal $signal: is told"
	holds "signal $signal: leaves nothing" is_empty into
done
mkdir made
"$F" simulate --rows 30000000 --out made/t.csv >out 2>err &
pid=$!
until [ -n "$(ls -A made)" ] || ! kill -0 $pid 2>/dev/null; do sleep 0.05; done
kill -TERM $pid
wait $pid
holds "a simulation that is stopped ends as such" [ $? = 143 ]
says err "nothing is left of the trace" "and says so"
holds "and nothing is" is_empty made
begun() {
	[ -n "$(ls into/.x.tmp-*/files 2>/dev/null)" ]
}
begun_or_ended() {
	begun || ! kill -0 $pid 2>/dev/null
}
for _ in 1 2 3 4 5; do # again where it has ended before anybody looked
	nohup "$V" --no-state --signers signers --extract into/x a-1.tar.zst >out 2>err &
	pid=$!
	until_true 60 begun_or_ended
	begun && at_work=yes && break
	wait $pid
done
holds "under nohup it is at work" test "${at_work-}" = yes
kill -1 $pid
wait $pid
holds "SIGHUP under nohup does not end it: it goes on to what it finds" test $? -eq 1
holds "and says no word of a signal" sh -c '! grep -q "stopped by signal" out err'
cp "$ROOT/tests/golden/release/golden-1.0.0.tar.zst" . && ssh-keygen -q -Y sign -n flowmint -f key golden-1.0.0.tar.zst 2>/dev/null
expect 4 "a full disk where the report goes" sh -c "exec '$V' --no-state --signers signers golden-1.0.0.tar.zst >/dev/full"
holds "is said once" test "$(wc -l <err)" -eq 1
for it in "$V" "$F verify"; do
	expect 4 "files of which nothing can be told, as the disk is full" \
		sh -c "exec $it --no-state --extract told --signers signers golden-1.0.0.tar.zst >/dev/full"
	holds "are not there then" test ! -e told
done
rm -f a-1.tar.zst

# Below the name that the old root has for a moment while a stage's own is made (sandbox_root.c).
if [ "$(id -u)" = 0 ] && mkdir /old0 2>/dev/null; then
	cleanup() {
		rm -rf /old0
	}
	cp -r p /old0/p
	expect 0 "a project below /old0" run /old0/p
	holds "nothing was made beside it" test "$(ls /old0)" = p
else
	skip "a project below /old0" "only root may make that folder"
fi
finish
