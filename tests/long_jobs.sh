#!/bin/sh
# Promise: 1,000 small jobs, one after another and eight at once, make the same each, and leave no mount, process, memory, file or
# descriptor behind.  JOBS=N makes N of each kind, of which WHOLE=N (default: all) go on to an archive and the rest to the store.
# usage: long_jobs.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
# shellcheck disable=SC2030,SC2031 # END is exported for each xargs alone
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
JOBS=${JOBS:-500}
WHOLE=${WHOLE:-$JOBS}
"$ROOT/tests/faults_project.sh" "$F" >out 2>err || { cat err; exit 1; }
mkdir tmp jobs
TMPDIR=$T/tmp
export TMPDIR F UNCONFINED T

# A workspace of its own for each, which is removed when it was good; what it says of what it made goes to digests.
cat >job <<'END_OF_JOB'
#!/bin/sh
mkdir "$T/jobs/$1" && cp -r "$T/p" "$T/jobs/$1/p" && cd "$T/jobs/$1" || exit 1
"$F" run p $UNCONFINED --quiet --until $END --set source.path="$T/trace.csv" >said 2>&1 || { cat said; exit 1; }
"$F" audit --workspace p/workspace >/dev/null || exit 1
grep -h '^tar sha256' said || grep -ho '"output": *"[0-9a-f]*"' p/workspace/stages/*/*/stage.json
[ "$(find p -name '*.tmp' -o -name '.tmp-*' -o -name running.json)" = "" ] || exit 1
cd "$T" && rm -rf "$T/jobs/$1"
END_OF_JOB
chmod +x job

mounted() {
	wc -l </proc/self/mountinfo
}
left() { # what lies where files are decrypted, of projects in $T
	for d in jobs/*/p/workspace; do
		[ ! -d "$d" ] || decrypted "$d"
	done
	ls -A tmp
}
machine() { # what all of it uses: others do too, so it is told and not judged
	awk '{ printf "open files %s, ", $1 }' /proc/sys/fs/file-nr
	awk '$1 ~ /^(MemAvailable|Shmem|SUnreclaim|Percpu):/ { printf "%s %d MiB, ", $1, $2 / 1024 }' /proc/meminfo
	df -k "$T" | awk 'NR == 2 { printf "disk %d MiB, ", $3 / 1024 }'
	ls -d /proc/[0-9]* | wc -l | awk '{ print $1 " processes" }'
}
many() { # WHAT AT-ONCE HOW-MANY UNTIL
	[ "$3" -gt 0 ] || return 0
	what="$3 $1, until $4"
	END=$4
	export END
	began=$(date +%s)
	seq "$3" | xargs -P "$2" -I N ./job N >digests 2>err
	holds "$what: they end well" test $? -eq 0
	echo "# $what: $(($(date +%s) - began)) s; $(machine)"
	holds "$what: all make the same" test "$(wc -l <digests) $(sort -u digests | wc -l)" = "$3 1"
	holds "$what: nothing is left of them" test "$(ls -A jobs)$(left)" = ""
	holds "$what: no process runs" nobody_runs
	holds "$what: no mount is new" test "$(mounted)" -eq "$before"
	holds "$what: nor is memory held" test "$(ls /dev/shm | wc -l)" -le $((shm + 8)) # others use it too
}
before=$(mounted)
shm=$(ls /dev/shm | wc -l)
echo "# before: $(machine)"
many "one after another" 1 "$WHOLE" release
many "eight at once" 8 "$WHOLE" release
many "one after another" 1 $((JOBS - WHOLE)) ingest
many "eight at once" 8 $((JOBS - WHOLE)) ingest
finish
