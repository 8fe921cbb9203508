#!/bin/sh
# Promise: 1,000 small jobs, one after another and eight at once, make the same archive each, and leave no mount, process, memory
# or file behind.  JOBS=N makes N of each kind.
# usage: long_jobs.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
JOBS=${JOBS:-500}
"$ROOT/tests/faults_project.sh" "$F" >out 2>err || { cat err; exit 1; }
mkdir tmp jobs
TMPDIR=$T/tmp
export TMPDIR F UNCONFINED T

# A workspace of its own for each, which is removed when it was good; what it says of the archive goes to digests.
cat >job <<'END_OF_JOB'
#!/bin/sh
mkdir "$T/jobs/$1" && cp -r "$T/p" "$T/jobs/$1/p" && cd "$T/jobs/$1" || exit 1
"$F" run p $UNCONFINED --quiet --set source.path="$T/trace.csv" >said 2>&1 || { cat said; exit 1; }
"$F" audit --workspace p/workspace >/dev/null || exit 1
grep '^tar sha256' said
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
many() { # WHAT AT-ONCE
	seq "$JOBS" | xargs -P "$2" -I N ./job N >digests 2>err
	holds "$JOBS jobs $1 end well" test $? -eq 0
	holds "$1: all make the same archive" test "$(wc -l <digests) $(sort -u digests | wc -l)" = "$JOBS 1"
	holds "$1: nothing is left of them" test "$(ls -A jobs)$(left)" = ""
	holds "$1: no process runs" nobody_runs
	holds "$1: no mount is new" test "$(mounted)" -eq "$before"
	holds "$1: nor is memory held" test "$(ls /dev/shm | wc -l)" -le $((shm + 8)) # others use it too
}
before=$(mounted)
shm=$(ls /dev/shm | wc -l)
many "one after another" 1
many "eight at once" 8
finish
