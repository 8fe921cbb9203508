#!/bin/sh
# Promise: whatever call of a verb fails (run: long_faults.sh), it says so, judges nothing wrongly, leaves nothing half-made, and the same
# command again does what it is to do.  Each call site of each of VERBS in faults_verbs.py, in each way.
#   SHARE=N          each N-th case (7; 1: all)
#   VERBS=NAME,...   these verbs
#   TRIED=FILE       which cases were tried before, that a sweep that was stopped goes on; ONCE=1: a call for all verbs that have it
#   SECONDS_EACH=N   of a verb at most
# usage: long_faults_verbs.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
INJECT=$(dirname "$F")/tests/inject.so
if [ -z "$CONFINED" ] || [ ! -e "$INJECT" ]; then
	skip "faults" "no namespaces here, or a build with sanitizers, which have a malloc of their own"
	finish
fi
"$ROOT/tests/faults_project.sh" "$F" >out 2>err || { cat err; exit 1; }
"$F" keygen --out p/keys/person --principal person >/dev/null
echo "person namespaces=\"flowmint-approval\" $(cut -d' ' -f1,2 p/keys/person.pub)" >>p/allowed_signers
expect 0 "a release" "$F" run p --quiet
expect 1 "one that waits for a person" "$F" run p --quiet --set release.version=1.1.0 --set publish.approvals=1
expect 0 "a bundle" "$F" bundle --out first.bundle r0001 --workspace p/workspace
expect 0 "a project with differential privacy" "$F" -q init --preset ugr16-dp dp
sed -i 's,^  path: "" ,  path: ../trace.csv ,' dp/release.yaml
echo '{"relation": "add_remove", "mechanisms": [{"mechanism": "laplace", "sensitivity": 1, "scale": 2}, {"mechanism": "sampled_gaussian", "sampling": 0.01, "noise_multiplier": 1, "times": 10}]}' >mechanisms.json
expect 0 "what is refused" "$ROOT/tests/faults_refused.sh" "$F"
mkdir bin
printf '#!/bin/sh\necho 7\n' >bin/sbatch
chmod +x bin/sbatch
: >out; : >err
mkfifo "$T.pipe" || exit 4
cleanup() {
	rm -f "$T.pipe"
}
for verb in $(echo "${VERBS:-$("$PYTHON" -Bc "import sys; sys.path.insert(0, '$ROOT/tests'); import faults_verbs; print(','.join(faults_verbs.VERBS))")}" | tr , ' '); do
	rm -rf clean
	"$PYTHON" "$ROOT/tests/faults_verbs.py" "$F" "$INJECT" p small-1.0.0.tar.zst --verbs "$verb" --every "${SHARE:-7}" \
		${TRIED:+--tried "$TRIED"} ${ONCE:+--once} ${SECONDS_EACH:+--seconds "$SECONDS_EACH"} >"$T.pipe" 2>&1 &
	sed -u 's/^ok/# ok/; s/^not ok/# not ok/; s/^1\.\./# &/' <"$T.pipe"
	wait $!
	status=$?
	: >out
	: >err
	result $status "$verb"
done
finish
