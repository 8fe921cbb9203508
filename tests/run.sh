#!/bin/sh
# run.sh - runs test programs, several at a time, and counts what they say.
#
#     tests/run.sh [-j JOBS] [-t SECONDS] [-l LOGDIR] TEST...
#
# A TEST is a command line: a cmocka program, or a script with its arguments.  It reports in TAP: "ok ..." for a promise kept,
# "not ok ..." for one broken, "ok ... # SKIP why" for one not tried.  A test without such lines counts as one, by its exit
# status (77, or success after a line "NAME: skipped...": skipped).  A test that fails in any way, or takes longer than
# SECONDS, or reports fewer results than it planned, is a failure.  Its broken promises are printed, each with what stands
# around it, and the end of what it said where it broke off; LOGDIR has the rest.  At the end it is said which tests took the
# most processor time, and all that failed is named once more, so that a log without its middle still tells.  The last line is "N passed, N failed", with ", N skipped" where some
# were; exit status 1 when anything failed or nothing ran.
set -u

# explain LOG BROKE_OFF: what of a failed test's log is worth reading, at most 60 lines
explain()
{
	awk -v broke_off="$2" '
	function say(line) {
		if (++said <= 60)
			print "    | " substr(line, 1, 500)
	}
	{ last[NR % 40] = $0 }
	/^not ok / && !/^not ok [0-9]+ # SKIP/ {
		for (i = before < 8 ? 1 : before - 7; i <= before; i++) # a program says why before cmocka says that
			say(ahead[i])
		say($0)
		behind = 24
		before = 0
		next
	}
	/^ok / || /^not ok / || /^1\.\.[0-9]/ { behind = before = 0; next }
	behind > 0 { behind--; say($0); next }
	!/^#/ { ahead[++before] = $0 }
	END {
		if (said > 60)
			print "    | ... and " said - 60 " lines more"
		if (!broke_off)
			exit
		print "    | its last lines:"
		for (i = NR < 40 ? 1 : NR - 39; i <= NR; i++)
			print "    | " substr(last[i % 40], 1, 500)
	}' "$1"
}

# one LOGDIR SECONDS TEST: run it; its counts go to LOGDIR/NAME.count, the names of what failed to LOGDIR/NAME.failed
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
	times >"$logs/$name.times"
	ms=$((($(date +%s%N) - begin) / 1000000))
	# Exit status 1: it failed; 2: it also broke off.
	awk -v status="$status" -v limit="$limit" -v name="$name" -v ms="$ms" -v out="$logs/$name" '
	/^1\.\.[0-9]+/ { planned += substr($1, 4) }
	/^ok .*# *SKIP/ || /^not ok [0-9]+ # SKIP/ { skipped++; next } # the latter is how cmocka says it
	/^ok / { passed++ }
	/^not ok / { sub(/^not ok [-0-9 ]*/, ""); broken[++failed] = $0 }
	/^[^ ]+: skipped/ { why = 1 }
	END {
		said = passed + failed + skipped
		note = status == 124 || status == 137 ? "over " limit " s" : status > 128 ? "signal " status - 128 : ""
		broke_off = note != "" || planned > said || (status != 0 && status != 77 && !failed)
		if (status == 77 || (status == 0 && said == 0 && why))
			skipped += said == 0
		else if (status == 0 && said == 0 && !planned)
			passed = 1
		for (i = 1; i <= failed; i++)
			if (i <= 12 || i == failed)
				print name ": " broken[i] >(out ".failed")
			else if (i == 13)
				print name ": ... " failed - 13 " more" >(out ".failed")
		if (broke_off)
			print name ": broke off after " said + 0 " results, " (note ? note : "exit status " status) >(out ".failed")
		if (planned > said)
			failed += planned - said
		else if (broke_off && !failed)
			failed = 1
		printf "%-4s %-32s %3d passed%s%s  %5.1f s%s\n", failed ? "FAIL" : passed ? "ok" : "skip", name, passed,
		       failed ? ", " failed " failed" : "", skipped ? ", " skipped " skipped" : "", ms / 1000,
		       note ? " (" note ")" : ""
		print passed + 0, failed + 0, skipped + 0 >(out ".count")
		exit failed ? 1 + broke_off : 0
	}' "$log"
	case $? in
	0) ;;
	1) explain "$log" 0 ;;
	*) explain "$log" 1 ;;
	esac
}

if [ "${1:-}" = --one ]; then
	# All at once, so that two tests do not mix theirs.
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
# A ledger is synced at each row: where memory has a folder with room, from which programs may run, no test waits for a disk.
if [ -z "${TMPDIR:-}" ] && [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')" -gt 6000000 ] 2>/dev/null &&
	[ "$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)" -gt 8000000 ] && probe=$(mktemp /dev/shm/flowmint-XXXXXX); then
	printf '#!/bin/sh\n' >"$probe" && chmod +x "$probe" && "$probe" 2>/dev/null && TMPDIR=/dev/shm
	rm -f "$probe"
fi
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-tests-XXXXXX") || exit 4
chmod 711 "$TMPDIR" # some tests go on as another user
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' HUP INT TERM
export CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C
# Scripts start Python a thousand times, and python3 may be a version manager's script, which looks for the real one each time.
python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null) && PATH=${python%/*}:$PATH

for test in "$@"; do
	printf '%s\0' "$test"
done | xargs -0 -r -n 1 -P "$jobs" "$0" --one "$logs" "$limit"

# "0m1.50s 0m0.25s" in its second line: what the test and all that it called took.
awk -F'[ms ]+' 'FNR == 2 { sub(/.*\//, "", FILENAME); sub(/\.times$/, "", FILENAME); print 60 * ($1 + $3) + $2 + $4, FILENAME }' \
	"$logs"/*.times 2>/dev/null | sort -rn | awk '
	NR <= 8 { most = most ", " $2 " " int($1 + 0.5) }
	{ all += $1 }
	END { if (NR) printf "%d s of processor time, most of it by%s\n", all, substr(most, 2) }'
cat "$logs"/*.failed 2>/dev/null | sed 's/^/failed: /'
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
