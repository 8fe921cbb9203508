#!/bin/sh
# What run.sh says of tests that pass, fail, are skipped, crash, hang and stop early.
# usage: run_check.sh
# shellcheck disable=SC2016 # the little tests are written to files, not expanded
set -u
ROOT=$(cd "$(dirname "$0")/.." && pwd)
T=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-run-XXXXXX") || exit 4
trap 'rm -rf "$T"' EXIT
cd "$T" || exit 4
n=0
bad=0

holds() { # NAME COMMAND...
	name=$1
	n=$((n + 1))
	shift
	if "$@"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' said
		bad=1
	fi
}

little() { # NAME: a test, its lines from standard input
	{ echo '#!/bin/sh'; cat; } >"$1.sh"
	chmod +x "$1.sh"
}

run() { # TEST...
	"$ROOT/tests/run.sh" -t "${limit:-300}" -l logs "$@" >said 2>&1
	status=$?
}

last() {
	tail -n 1 said
}

little good <<'END'
echo "ok 1 - one"; echo "ok 2 - two # SKIP not here"; echo "1..2"
END
little bad <<'END'
for i in $(seq 300); do echo "ok $i - noise"; done
echo "not ok 301 - the promise"; echo "# what was found"; echo "ok 302 - more noise"; echo "# noise of more noise"
echo "not ok 303 - another"; for i in $(seq 300); do echo "# line $i"; done
echo "1..303"; exit 1
END
little quiet <<'END'
exit 0
END
little loud <<'END'
seq 100; exit 3
END
little absent <<'END'
exit 77
END
little early <<'END'
echo "1..5"; echo "ok 1 - begun"; echo "the reason"; exit 1
END
little crash <<'END'
echo "not ok 1 - first"; echo "ok 2 - second"; kill -SEGV $$
END
little hang <<'END'
echo "ok 1 - begun"; exec sleep 60
END
little late <<'END'
echo "ok 1 - all"; echo "1..1"; echo "a leak"; exit 23
END

run ./good.sh ./quiet.sh ./absent.sh
holds "tests that pass end with status 0" test $status -eq 0
holds "passed and skipped are counted" test "$(last)" = "2 passed, 0 failed, 2 skipped"
holds "no failure is named" sh -c '! grep -q "^failed:" said'
little busy <<'END'
i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done
END
run ./good.sh ./busy.sh
holds "what took the most processor time is named first" grep -qxE "[0-9]+ s of processor time, most of it by busy [0-9]+, good 0" said

run ./bad.sh
holds "a test that fails ends with status 1" test $status -eq 1
holds "each broken promise counts" test "$(last)" = "301 passed, 2 failed"
holds "a broken promise is shown with what stands behind it" grep -qxF "    | # what was found" said
holds "kept ones are not" sh -c '! grep -q noise said'
holds "nor is more than can be read" test "$(wc -l <said)" -lt 40
holds "all is named again before the last line" test "$(tail -n 3 said | head -n 2)" = "failed: bad: the promise
failed: bad: another"

run ./loud.sh
holds "a test that only has a status is one failure" test "$(last)" = "0 passed, 1 failed"
holds "and shows its last lines" grep -qxF "    | 100" said
holds "and is named" grep -qxF "failed: loud: broke off after 0 results, exit status 3" said

run ./early.sh
holds "results that were planned and did not come are failures" test "$(last)" = "1 passed, 4 failed"
holds "with the last lines" grep -qxF "    | the reason" said

run ./crash.sh
holds "a crash after a failure is told" grep -qF "signal 11" said
holds "and the failure too" grep -qxF "failed: crash: first" said
run ./late.sh
holds "a bad end after good results is a failure" test "$(last)" = "1 passed, 1 failed"
limit=2
run ./hang.sh
limit=
# On a busy machine it may not have said a word by then.
holds "a test that hangs is ended and is a failure" grep -qx "failed: hang: broke off after [01] results, over 2 s" said
run
holds "no test at all is a failure" test $status -eq 1
run ./good.sh ./gone.sh
holds "a test that is not there is a failure" test $status -eq 1
echo "1..$n"
exit $bad
