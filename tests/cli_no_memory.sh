#!/bin/sh
# flowmint-verify without memory, for whichever of its allocations or altogether, ends well or with exit status 4 and a message: a
# good archive is never called bad for it.  Here some of the allocations; tests/long_faults.sh has all.
# usage: cli_no_memory.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
"$ROOT/tests/faults_project.sh" "$F" >out 2>err || { cat err; exit 1; }
PRELOAD=$(dirname "$V")/tests/no_memory.so
if [ ! -e "$PRELOAD" ]; then
	skip "no memory" "a build with sanitizers has a malloc of its own"
	finish
fi
# shellcheck disable=SC2086 # UNCONFINED is one word or none
expect 0 "a release" "$F" run p --quiet $UNCONFINED
A=p/release/small-1.0.0.tar.zst
expect 0 "each of the first allocations fails, and every so-manieth of the others" "$PYTHON" "$ROOT/tests/no_memory.py" --first 150 --every 43 \
	"$PRELOAD" "$V" --no-state --signers p/allowed_signers $A
expect 0 "the same with a JSON report" "$PYTHON" "$ROOT/tests/no_memory.py" --first 0 --every 157 \
	"$PRELOAD" "$V" --no-state --json --signers p/allowed_signers $A

# An address space of so many KiB: too small for the loader (127), for us, for libzstd's window, or large enough.
limited() {
	"$V" --no-state --signers p/allowed_signers $A >full
	for kib in 20000 40000 $(seq 56000 2000 110000); do
		# shellcheck disable=SC3045 # dash and bash have ulimit -v
		(ulimit -v "$kib" && exec "$V" --no-state --signers p/allowed_signers $A) >out 2>err
		got=$?
		case $got in
		0) cmp -s out full || return 1 ;;
		4) [ -s err ] && [ ! -s out ] || return 1 ;;
		127) [ -s err ] || return 1 ;;
		*) echo "exit status $got with $kib KiB" >>err; return 1 ;;
		esac
	done
	[ $got -eq 0 ]
}
limited
result $? "whatever the address space, a good archive is good, or memory is what lacks"
finish
