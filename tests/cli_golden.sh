#!/bin/sh
# The golden release, tests/golden/release, is made again from its manifest, to the byte: on this processor, by this compiler,
# today.  A change that makes it another one is a change of what partners get, and says so when it is committed.
# usage: cli_golden.sh [FLOWMINT]                      make it again
#        tests/cli_golden.sh build/flowmint update     make another golden release; the commit says why
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
GOLDEN=$ROOT/tests/golden/release

# Two parts of judging follow the processor.  The C library's exp and log have other last bits without FMA, which came in 2013;
# OpenBLAS is told to take a kernel that each of these can run.
if ! grep -qw fma /proc/cpuinfo; then
	skip "the golden release" "this processor has no FMA"
	finish
fi
OPENBLAS_CORETYPE=Nehalem
export OPENBLAS_CORETYPE
expect 0 "a trace" "$F" simulate --rows 2000 --seed 11 --out trace.csv

if [ "${2:-}" = update ]; then
	expect 0 "a project" "$F" init --preset demo p
	cat >p/release.yaml <<'END'
preset: demo
release: {name: golden, version: 1.0.0, date: 2026-11-28, description: "Made again by a test, to the byte"}
source: {path: ../trace.csv}
train: {steps: 12}
model: {depth: 1, width: 32, heads: 2}
generate: {steps: 4, rows: 600}
gate:
  control_rows: 500
  jsd_mean8: 0.69
END
	drop_checks p/release.yaml
	mkdir -p "$GOLDEN"
	[ ! -f "$GOLDEN/commitment.key" ] || cp "$GOLDEN/commitment.key" p/keys/commitment.key
	chmod 600 p/keys/commitment.key
	expect 0 "(its gate is blunt)" blunt p p/release.yaml
	expect 0 "a release" "$F" run p --quiet
	expect 0 "is the golden one from now on" cp p/keys/commitment.key p/release/golden-1.0.0.tar.zst "$GOLDEN"
	finish
fi

mkdir -p m/keys
cp "$GOLDEN/commitment.key" m/keys # of a project for tests: it guards nothing
chmod 600 m/keys/commitment.key
if [ -n "$CONFINED" ]; then
	expect 0 "the golden release is made again from its manifest" "$F" reproduce "$GOLDEN/golden-1.0.0.tar.zst" --source trace.csv --project m
	says out "same" "to the byte"
	# Plain x86-64 calculates each multiply-add in software, which takes ten times as long as all else: where this processor
	# has wider vectors than AVX2, that is the other one.  Its kernels give the same bits one by one (test_kernels).
	other=v1
	[ -n "${LONG:-}" ] || ! "$F" doctor | grep -q 'kernels  *v4 ' || other=v3
	expect 0 "and with the kernels of another processor ($other)" env FM_KERNELS=$other "$F" reproduce "$GOLDEN/golden-1.0.0.tar.zst" \
		--source trace.csv --project m
else
	expect 1 "without namespaces the golden release comes out otherwise" "$F" reproduce "$GOLDEN/golden-1.0.0.tar.zst" \
		--source trace.csv --project m --unconfined --json
	holds "in that it says so, and in nothing else" test "$(json out '[(d["file"], d.get("value")) for d in d["differences"]]')" = \
		"[('manifest.json', 'environment/confinement'), ('SHA256SUMS', None)]"
fi
finish
