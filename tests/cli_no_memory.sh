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
if [ -n "$CONFINED" ]; then
	expect 0 "nor does a library crash, in another verb either" "$PYTHON" "$ROOT/tests/faults_verbs.py" "$F" "$(dirname "$V")/tests/inject.so" \
		p small-1.0.0.tar.zst --verbs flowmint-verify,verify --only memory --where open_stream
	rm -rf clean
	expect 0 "an audit without memory for its project asks no less" "$PYTHON" "$ROOT/tests/faults_verbs.py" "$F" "$(dirname "$V")/tests/inject.so" \
		p small-1.0.0.tar.zst --verbs audit --only memory --where find_project
fi

# An address space of so many KiB: too small for the loader (127), for us (4 and a message), or large enough (0 and all of what is
# said).  No signal, and no word against an archive.
in_space() { # KIB COMMAND...
	kib=$1
	shift
	# shellcheck disable=SC3045 # dash and bash have ulimit -v
	(ulimit -v "$kib" && exec "$@") >out 2>err
	got=$?
	case $got in
	0) cmp -s out full ;;
	4) [ -s err ] && [ ! -s out ] ;;
	127) [ -s err ] ;;
	*) false ;;
	esac || { echo "exit status $got with $kib KiB: $*" >>err; return 1; }
}
limited() { # STEPS COMMAND...: by 256 KiB from where the loader has room on, and wide steps up to where all is well
	steps=$1
	shift
	"$@" >full 2>err || return 1
	low=1024 high=1048576
	while [ $((high - low)) -gt 64 ]; do
		in_space $(((low + high) / 2)) "$@" || return 1
		[ $got -eq 127 ] && low=$(((low + high) / 2)) || high=$(((low + high) / 2))
	done
	for step in $(seq 0 "$steps") $(seq 40 21 250); do
		in_space $((low + step * 256)) "$@" || return 1
	done
	[ $got -eq 0 ]
}
limited 40 "$V" --no-state --signers p/allowed_signers $A
result $? "whatever the address space, a good archive is good, or memory is what lacks"
limited 24 "$F" --help
result $? "flowmint begins, or says that it cannot"
limited 24 "$F" status p
result $? "with a ledger too"
if [ -n "$CONFINED" ]; then
	limited 16 "$F" verify --no-state --signers p/allowed_signers $A
	result $? "and behind walls"
fi
finish
