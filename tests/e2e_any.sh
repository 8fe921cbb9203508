#!/bin/sh
# Preset any: a collector's file that nobody looked at goes to a signed archive, whose flows are in the dialect that was read.
# usage: e2e_any.sh [FLOWMINT]        skipped without ../shared/data; LONG=1 (make test-long): each of its files
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
data=$ROOT/../shared/data
files="argus/test5-mixed.binetflow netshare/ugr16-small.csv"
[ -z "${LONG:-}" ] || files="$files argus/botnet207.binetflow.xz unsw/unsw-nb15_1-first3500.csv.xz
	$(cd "$data" 2>/dev/null && ls zeek/*.xz)"

expect 0 "a project is made" "$F" init --preset any p
expect 0 "a trace of few flows" "$F" simulate --rows 298 --seed 5 --out few.csv
expect 3 "no gate could be tried on them" "$F" run p/release.yaml $UNCONFINED --set source.path="$T/few.csv" --set release.name=few \
	--set split.holdout_least=0
says err "too few flows for a release" "why"
says err "and 298 flows leave it 208 and 64: take about 432 flows or more, or set split.holdout_least to 104" "what it takes"
holds "nothing is trained before that is said" sh -c '! grep -q ^train: err'
expect 0 "the preset holds out enough of them" "$F" run p/release.yaml $UNCONFINED --set source.path="$T/few.csv" --until ingest
says err "160 for training, 16 for validation, 112 held out" "so many"
n_files=0
for file in $files; do
	[ -r "$data/$file" ] || { skip "$file" "it is not there"; continue; }
	n_files=$((n_files + 1))
	expect 0 "$file goes all the way" "$F" run p/release.yaml $UNCONFINED --json --set source.path="$(realpath "$data/$file")" \
		--set release.version=1.0.$n_files
	archive=p/release/any-synthetic-1.0.$n_files.tar.zst
	expect 0 "flowmint-verify accepts it" "$V" --signers p/allowed_signers "$archive"
	rm -rf x && mkdir x && tar --zstd -xf "$archive" -C x
	expect 0 "the same dialect reads the flows" "$F" sniff x/*/data/flows.csv
	says out "source.dialect: " "by its name"
done
finish
