#!/bin/sh
# workspace.retain: of a run that has released there stays what was asked for, and what it gave up is kept for no other's sake than
# that of a run that still needs it.
# usage: cli_retain.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
"$ROOT/tests/faults_project.sh" "$F" >out 2>err || { cat err; exit 1; }

release() { # VERSION OPTION...: released as this version, or up to where the options say
	version=$1
	shift
	# shellcheck disable=SC2086 # UNCONFINED is one word or none
	"$F" run p --quiet --set release.version="$version" "$@" $UNCONFINED
}
left() {
	find p/workspace/stages -name '*.sealed' | sed 's,.*/,,' | sort | tr '\n' ' '
}
expect 0 "a release, of which the model alone is retained" release 1.0.0 --set workspace.retain=model
holds "the model is left" test "$(left)" = "model.sealed "
expect 0 "the next version, on the same trace" release 1.1.0 --set workspace.retain=model
holds "the model is left, and nothing for the sake of a run that gave it up" test "$(left)" = "model.sealed "
expect 0 "a run that stops on the way" release 1.2.0 --until generate
expect 0 "a release, of which nothing is retained" release 1.3.0 --set workspace.retain=nothing
holds "what the one that stopped needs is left" test "$(left)" = "model.sealed store.sealed synthetic.sealed "
expect 0 "its purge" "$F" purge 3 --workspace p/workspace
holds "leaves the model for those that retain it" test "$(left)" = "model.sealed "
expect 0 "the purge of one of these" "$F" purge 1 --workspace p/workspace
holds "for the other" test "$(left)" = "model.sealed "
expect 0 "the purge of the other" "$F" purge 2 --workspace p/workspace
holds "leaves nothing" test -z "$(left)"
expect 0 "a release of which nothing is retained" release 1.4.0 --set workspace.retain=nothing
expect 0 "and another" release 1.5.0 --set workspace.retain=nothing
holds "leave nothing" test -z "$(left)"
expect 0 "(a release)" release 1.6.0
key=$(ls p/workspace/stages/train/*/key.json)
mv "$key" kept && mkfifo "$key"
expect 3 "a pipe in the place of a key" timeout -s KILL 60 "$F" purge 7 --workspace p/workspace
says err "key.json is no regular file, and cannot be overwritten" "holds up no purge"
mv kept "$key"
entry=${key%/key.json}
mv "$entry" kept && mkdir others && echo precious >others/key.json && ln -s "$T/others" "$entry"
expect 3 "a link in the place of a product" "$F" purge 7 --workspace p/workspace
holds "to what is somebody else's, which stays" grep -q precious others/key.json
rm "$entry" && mv kept "$entry"
expect 0 "a purge goes on when they are there again" "$F" purge 7 --workspace p/workspace
holds "and leaves nothing" test -z "$(left)"
expect 0 "the ledger is intact" "$F" audit --workspace p/workspace
finish
