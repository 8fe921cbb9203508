#!/bin/sh
# run.sh - runs test programs, two at a time, and counts what they say.
#
#     tests/run.sh [-j JOBS] [-t SECONDS] [-l LOGDIR] TEST...
#
# A TEST is a command line: a cmocka program, or a script with its arguments.  It reports in TAP: "ok ..." for a promise kept,
# "not ok ..." for one broken, "ok ... # SKIP why" for one not tried.  A test without such lines counts as one, by its exit
# status (77, or success after a line "NAME: skipped...": skipped).  A test that fails in any way, or takes longer than
# SECONDS, or reports fewer results than it planned, is a failure, and what it said is printed.  The last line is
# "N passed, N failed", with ", N skipped" where some were; exit status 1 when anything failed or nothing ran.
set -u

# one LOGDIR SECONDS TEST: run it; its counts go to LOGDIR/NAME.count
one()
{
	logs=$1 limit=$2 test=$3
	# its own name and its options, without the paths
	name=$(printf '%s' "$test" | sed 's, [^-][^ ]*,,g; s,.*/,,; s,\.sh,,; s, --*,-,g')
	log=$logs/$name.log
	begin=$(date +%s%N)
	# shellcheck disable=SC2086 # a command line is many words
	timeout -k 10 "$limit" $test >"$log" 2>&1 </dev/null
	status=$?
	ms=$((($(date +%s%N) - begin) / 1000000))
	awk -v status="$status" -v limit="$limit" -v name="$name" -v ms="$ms" -v out="$logs/$name.count" '
	/^1\.\.[0-9]+/ { planned += substr($1, 4) }
	/^ok .*# *SKIP/ || /^not ok [0-9]+ # SKIP/ { skipped++; next } # the latter is how cmocka says it
	/^ok / { passed++ }
	/^not ok / { failed++ }
	/^[^ ]+: skipped/ { why = 1 }
	END {
		said = passed + failed + skipped
		if (status == 77 || (status == 0 && said == 0 && why))
			skipped += said == 0
		else if (status == 0 && said == 0)
			passed = 1
		else if (status != 0 && failed == 0)
			failed = 1
		if (planned > said && failed == 0)
			failed = planned - said
		note = status == 124 || status == 137 ? " (over " limit " s)" : status > 128 ? " (signal " status - 128 ")" : ""
		printf "%-4s %-32s %3d passed%s%s  %5.1f s%s\n", failed ? "FAIL" : passed ? "ok" : "skip", name, passed,
		       failed ? ", " failed " failed" : "", skipped ? ", " skipped " skipped" : "", ms / 1000, note
		print passed + 0, failed + 0, skipped + 0 >out
		exit failed ? 1 : 0
	}' "$log" && return 0
	sed 's/^/    | /' "$log" | tail -n 200
	return 0
}

if [ "${1:-}" = --one ]; then
	# A line at a time, so that two tests do not mix theirs.
	said=$(one "$2" "$3" "$4")
	printf '%s\n' "$said"
	exit 0
fi

jobs=2 limit=300 logs=build/test-logs
while getopts j:t:l: option; do
	case $option in
	j) jobs=$OPTARG ;;
	t) limit=$OPTARG ;;
	l) logs=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

rm -rf "$logs"
mkdir -p "$logs" || exit 4
logs=$(cd "$logs" && pwd)
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-tests-XXXXXX") || exit 4
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' HUP INT TERM
export CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C

for test in "$@"; do
	printf '%s\0' "$test"
done | xargs -0 -r -n 1 -P "$jobs" "$0" --one "$logs" "$limit"

# A test whose counts are missing was lost on the way.
cat "$logs"/*.count 2>/dev/null | awk -v wanted=$# '
	{ passed += $1; failed += $2; skipped += $3; tests++ }
	END {
		if (tests < wanted) {
			printf "%d of %d tests left no result\n", wanted - tests, wanted
			failed += wanted - tests
		}
		if (passed + failed == 0)
			print "no test ran"
		printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
		exit failed || !passed
	}'
