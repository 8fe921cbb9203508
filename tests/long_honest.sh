#!/bin/sh
# Promise: a preset as shipped releases its own honest run in at least 19 of 20, whatever the trace, the seed and the number of flows.
#
# usage: tests/long_honest.sh [FLOWMINT [PRESET...]]     demo unless presets are named; DATA is ../shared/data, whose traces are
#                                                        skipped where it is not there
# A line for each run, with the checks that refused and the seconds that it took; then one for each preset.
# shellcheck disable=SC2317 # how a trace comes about is a command in a list
set -u
F=$(realpath "${1:-$(dirname "$0")/../build/flowmint}")
data=$(realpath -m "${DATA:-$(dirname "$0")/../../shared/data}")
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- demo
work=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-honest-XXXXXX") || exit 4
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work" || exit 4

day=$data/ugr16/april11.csv.xz
slice() { # NAME FIRST ROWS: flows of the day from one on
	[ -r "$day" ] && xz -dc "$day" 2>/dev/null | tail -n "+$2" | head -n "$3" >"$1"
}
simulated() { # NAME ROWS HOURS SEED
	"$F" simulate -q --rows "$2" --hours "$3" --seed "$4" --out "$1"
}
# The traces of a preset: a dialect, a seed, and how the file trace comes about.
traces() { # PRESET
	for n in 008 010 011 012; do
		[ "$1" = ugr16 ] || echo "zeek-labeled $n xz -dc $data/zeek/ctu-normal40-$n.conn.log.labeled.xz"
	done
	[ "$1" = ugr16 ] || echo "argus 5 xz -dc $data/argus/botnet207.binetflow.xz"
	set -- 1 12000 150001 16000 300001 20000 450001 12000 600001 16000 750001 24000 900001 12000
	seed=11
	while [ $# -gt 0 ]; do
		echo "ugr16 $seed slice trace $1 $2"
		seed=$((seed + 1))
		shift 2
	done
	for s in 12000/24 16000/6 20000/24 30000/24 24000/12 12000/2 16000/48 20000/3 14000/24 18000/12 26000/24 15000/8 22000/24; do
		echo "ugr16 $seed simulated trace ${s%/*} ${s#*/} $seed"
		seed=$((seed + 1))
	done
}

bad=0
for preset; do
	"$F" init -q --preset "$preset" "$preset" || exit 4
	n=0
	released=0
	traces "$preset" | head -n 20 >list
	while read -r dialect seed how; do
		rm -f trace
		case $how in
		xz*) $how >trace 2>/dev/null ;;
		*) $how ;;
		esac || [ "${how%% *}" != simulated ] || exit 4
		[ -s trace ] || { echo "# skipped: $how"; continue; }
		n=$((n + 1))
		began=$(date +%s)
		"$F" run "$preset/release.yaml" -q --json --set source.path="$work/trace" --set source.dialect="$dialect" \
			--set release.version=1.0.$n --set split.seed="$seed" --set train.seed="$seed" --set generate.seed="$seed" \
			>out 2>err
		rc=$?
		refused=$(python3 -c 'import json
print(*(c["name"] for c in json.load(open("out"))["checks"] if not c["pass"]))' 2>/dev/null)
		[ $rc -ne 0 ] || released=$((released + 1))
		echo "# $preset: ${how##*/}, seed $seed: exit $rc${refused:+, refused by $refused}, $(($(date +%s) - began)) s"
		[ $rc -le 1 ] || sed 's/^/#   /' err
		rm -rf "$preset/workspace/stages"
	done <list
	if [ $n -eq 0 ] || [ $released -lt $((n - n / 20)) ]; then
		bad=1
		printf "not "
	fi
	echo "ok - preset $preset releases $released of $n honest runs, at least $((n - n / 20)) promised"
done
exit $bad
