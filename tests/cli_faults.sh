#!/bin/sh
# A run fails at one of its calls (memory, a full disk, a broken one, a signal, half a write), or is killed there: it says so, exit
# status 4, leaves nothing half-made, and goes on to the same bytes.  Here a few cases of ingest, and of other verbs;
# tests/long_faults.sh and tests/long_faults_verbs.sh have all.
# usage: cli_faults.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
"$ROOT/tests/faults_project.sh" "$F" >out 2>err || { cat err; exit 1; }
INJECT=$(dirname "$F")/tests/inject.so
if [ -z "$CONFINED" ] || [ ! -e "$INJECT" ]; then
	skip "faults" "no namespaces here, or a build with sanitizers, which have a malloc of their own"
	finish
fi
tried() { # WHAT OPTION...
	what=$1
	shift
	"$PYTHON" "$ROOT/tests/faults.py" "$F" "$INJECT" p small-1.0.0.tar.zst --stages ingest --end ingest "$@" >out 2>err
	result $? "$what"
	rm -rf p/workspace p/keys/ledger*
}
tried "calls of ingest that fail" --every 71 --share 3
tried "no memory for a value that is new in the trace" --where add_fresh
tried "no memory for the folder of what is decrypted" --where hold --only memory
tried "a workspace whose lock cannot be read is not called a stranger's" --where check_lock --only pread
tried "kills at random moments of ingest" --kills 3

verb() { # WHAT OPTION...
	what=$1
	shift
	rm -rf clean plan tmp
	"$PYTHON" "$ROOT/tests/faults_verbs.py" "$F" "$INJECT" p small-1.0.0.tar.zst "$@" >out 2>err
	result $? "$what"
}
rm -rf snap-* after clean
verb "a key pair that cannot be made leaves no half of it" --verbs keygen --only open,create,fsync
verb "nor does a project" --verbs init --only map,rename
verb "a completion is whole, or there is none" --verbs completion,completion-fish --only memory
verb "doctor knows nothing of walls without memory, and says so" --verbs doctor --only memory,map --where clear_environment
verb "nor of locked memory" --verbs doctor --only map --where check_memory_lock
expect 0 "a release" "$F" run p $UNCONFINED --quiet
verb "files that libarchive has no memory for leave none of them" --verbs flowmint-verify-extract --only memory --where open_stream
verb "a header that lacks a column does so without memory to say which" --verbs sniff --only memory --where fm_header_take
verb "a key that was replaced is so, whatever cannot be said of it" --verbs key-rotate --only memory
expect 0 "a bundle" "$F" bundle --out first.bundle r0001 --workspace p/workspace
expect 0 "what is refused, or found bad" "$ROOT/tests/faults_refused.sh" "$F"
verb "two persons are two where the key of the release cannot be read" --verbs waive-own --deep --where fingerprint_of
verb "a ledger is not intact because a release cannot be looked at" --verbs audit-older --deep --only memory --where fm_dir_list
verb "nor is one that was lost begun anew" --verbs run-lost --deep --only memory --where fm_ledger_open
verb "a version that is taken differs in what it differs in, or nothing is said of it" --verbs run-taken --deep --only memory \
	--where fm_released_config
verb "flows are scored in their own dialect, or not at all" --verbs evaluate-other --deep --only open --where find_manifest
verb "what evaluate read and could not clear away is told of" --verbs evaluate-other --only unlink
verb "an archive is one however few bytes are read at once" --verbs remake --only read --where is_archive
verb "a part of a judging has the name that the run looks for" --verbs judge --deep --only open --where fm_sha256_file_hex
finish
