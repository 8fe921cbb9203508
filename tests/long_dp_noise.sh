#!/bin/sh
# Promise: no run in privacy.mode dp fails by chance of its noise, nor because its trace is small: whatever the noise makes of one flow
# or of six hundred, of one host, one service or constant columns, at any epsilon, each stage ends well, and so does a run.  What a run
# says in the end, pass or fail, is another matter.
#
#     make_noise_soak    stage after stage in one process, RUNS of them, each with a trace, a config and a key of its own
#     flowmint run       all around them: walls, ledger, archive, report, a verdict
#
# The keys are fresh ones; a run that fails is told by its number, and is the same run again: build/tests/make_noise_soak NUMBER 1
# usage: tests/long_dp_noise.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
B=$(cd "$(dirname "${1:-$(dirname "$0")/../build/flowmint}")" && pwd)
begin "$@"

fresh=$(od -An -N5 -tu8 /dev/urandom | tr -d ' ')
expect 0 "stages end well, whatever the noise" "$B/tests/make_noise_soak" "$fresh" "${RUNS:-1500}"

run() { # KIND OPTION...
	kind=$1
	shift
	case $kind in
	counts) ;;
	network)
		set -- "$@" --set model.kind=diffusion --set model.width=16 --set train.steps=3 --set train.batch=500 --set train.warmup=1 \
			--set privacy.records=10000
		;;
	gate)
		set -- "$@" --set "privacy.budget={gate: 0.2}" --set privacy.gate_asks=all --set gate.paid.jsd_mean=0.7 \
			--set gate.counts.pair_jsd=0.7
		;;
	esac
	"$F" run p/release.yaml $UNCONFINED --set source.path="$T/trace.csv" "$@"
	[ $? -le 1 ] # a verdict, whichever it is
}
row() { # NUMBER: a flow
	echo "2016-04-11 03:0$(($1 % 9)):0$(($1 % 7)),0.$1,42.219.150.$(($1 % 3)),143.72.8.$(($1 % 200)),$((40000 + $1)),$(($1 % 2 * 27 + 53)),UDP,.A....,0,0,1,$((60 + $1)),background"
}
for flows in 1 2 5 40; do
	i=0
	while [ $i -lt $flows ]; do
		row $i
		i=$((i + 1))
	done >trace.csv
	for kind in counts network gate; do
		for epsilon in 0.05 1 16; do
			rm -rf p
			"$F" init --preset ugr16-dp p >/dev/null 2>&1
			expect 0 "$flows flows, epsilon $epsilon, $kind: a run ends with a verdict" run $kind --set privacy.epsilon=$epsilon
			expect 0 "and is reported" "$F" report r0001 --workspace p/workspace --out report.html
		done
	done
done
finish
