#!/bin/sh
# The attempts to get out of a stage (build/tests/test_probes, which the suite runs as whoever runs it), as an ordinary user, as root where no
# user namespace can be made, and as a user there, who has no walls but the filter and Landlock.
# usage: cli_walls.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

cp "$(dirname "$F")/tests/test_probes" probes
chmod 755 probes . && mkdir tmp && chmod 1777 tmp
export TMPDIR="$T/tmp"
tried() { # NAME COMMAND...
	who=$1
	shift
	if ! "$@" true 2>/dev/null; then
		skip "$who" "not possible here"
		return
	fi
	expect 0 "$who: the walls hold" "$@" ./probes
	holds "$who: and without them nearly all attempts succeed" sh -c 'awk "/succeed without walls/ { n = \$2 } END { exit n < 81 }" out'
}
alone() { unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh "$@"; }
user_alone() { alone setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all --securebits=+noroot,+noroot_locked "$@"; }
tried "a user" setpriv --reuid=65534 --regid=65534 --clear-groups
tried "root without user namespaces" alone
tried "a user without namespaces" user_alone

# What was made without walls is in no release whose manifest says that there were some.
if [ -n "$CONFINED" ]; then
	"$ROOT/tests/faults_project.sh" "$F" >out 2>err || { cat err; exit 1; }
	expect 0 "a run without walls, up to the gate" "$F" run p --quiet --unconfined --until gate
	expect 0 "the same behind walls, which releases" "$F" run p
	holds "takes nothing of it" sh -c '! grep -q cached err'
	expect 0 "a run behind walls takes what another made behind walls" "$F" run p
	says err "train      cached" "as it is"
	expect 0 "the next version, without walls" "$F" run p --quiet --unconfined --set release.version=1.1.0
	expect 0 "is made again from its model" "$F" reproduce 4 --from model --workspace p/workspace --unconfined
else
	skip "what was made without walls is in no release that says that there were some" "the kernel gives no namespaces here"
fi
finish
