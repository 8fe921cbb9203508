#!/bin/sh
# Promise: whatever call of a run fails, and whenever it is killed, it says so, releases nothing wrong, leaves nothing behind, and
# goes on to the same archive.  Each call site of each stage in each way, SIGKILL before and after each sync, rename and link, and
# 200 at random.  SHARE=N tries each N-th case, N odd, as before and after alternate; all of them (SHARE=1) take hours.  KILLS=stages
# kills each stage by itself, which is less of the same.
# A line says how far it is each half minute.
# usage: long_faults.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
"$ROOT/tests/faults_project.sh" "$F" >out 2>err || { cat err; exit 1; }
INJECT=$(dirname "$F")/tests/inject.so
if [ -z "$CONFINED" ] || [ ! -e "$INJECT" ]; then
	skip "faults" "no namespaces here, or a build with sanitizers, which have a malloc of their own"
	finish
fi
mkfifo all.pipe || exit 4
: >out
for what in "--deep --share 4" "--kills ${KILLS:-all}" "--kills 200"; do
	every=${SHARE:-13}
	[ "$what" != "--kills 200" ] || every=1
	# shellcheck disable=SC2086 # an option and its value
	"$PYTHON" "$ROOT/tests/faults.py" "$F" "$INJECT" p small-1.0.0.tar.zst $what --every "$every" 2>err >all.pipe &
	sed -u 's/^ok/# ok/; s/^not ok/# not ok/; s/^1\.\./# &/' <all.pipe
	wait $!
	result $? "faults.py $what --every $every"
	rm -rf p/workspace p/release p/keys/ledger*
done
expect 0 "(a release)" "$F" run p --quiet
expect 0 "flowmint-verify without memory for each of its allocations in turn" "$PYTHON" "$ROOT/tests/no_memory.py" \
	"$(dirname "$INJECT")/no_memory.so" "$V" --no-state --signers p/allowed_signers p/release/small-1.0.0.tar.zst
finish
