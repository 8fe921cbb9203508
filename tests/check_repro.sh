#!/bin/sh
# check_repro.sh - what `make check-repro` does: build and release in several ways, and compare the bytes.
#
#   1. the same source built twice, in two folders, gives the same programs;
#   2. one project released twice, under other threads, time zone, locale, umask, working directory and workspace, gives the
#      same archive and signature;
#   3. gcc -O0, gcc -O3 and clang builds make the same tar from the same model, and from the same trace;
#   4. so do the kernels for each kind of processor that this one can run;
#   5. each of these builds makes the golden flows of tests/golden/generate.txt and learns the golden weights of train.txt.
#
# Everything is built from a copy of the source as it is when this begins.
set -u
. "$(dirname "$0")/lib.sh"
begin "${B:-build}/flowmint"
TOY=$(no_checks demo heavy burst c2st anomaly host tstr)
JOBS=${JOBS:-2}

for copy in source elsewhere; do
	mkdir "$copy"
	(cd "$ROOT" && cp -r Makefile base manifests traces model judge privacy release report stages pipeline tests "$T/$copy/") || exit 4
done

build() { # SOURCE FOLDER VARIABLE=VALUE...
	source=$1 folder=$2
	shift 2
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CFLAGS -u CC make -C "$source" -s -j"$JOBS" B="$folder" "$@" all >out 2>err
	result $? "(a build in $source: $*)"
}

run() { # FLOWMINT OPTION...
	program=$1
	shift
	# shellcheck disable=SC2086 # UNCONFINED is one word or none
	"$program" run "$T/p/release.yaml" $UNCONFINED --set source.path="$T/trace.csv" --set model.width=32 --set model.heads=2 \
		--set train.steps=200 --set generate.steps=12 --set generate.rows=3000 --set gate.jsd_mean8=10 --set gate.jsd.PR=1 --set gate.jsd.TS=1 \
		--set gate.jsd.TD=1 --set gate.jsd.PKT=1 --set gate.jsd.BYT=1 --set gate.jsd.SA=1 --set gate.jsd.DA=1 \
		--set gate.downstream.mse_ratio=1e6 --set gate.leak.share_nearer_train=1 --set gate.leak.mia_model_auc=1 --set gate.pair_jsd=1 --set gate.assoc.mean=1 $TOY "$@"
}

golden() { # FOLDER VARIABLE=VALUE...: in source
	folder=$1
	shift
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u CFLAGS -u CC make -C source -s -j"$JOBS" B="$folder" "$@" "$folder/tests/test_golden" "$folder/tests/test_golden_train" \
		>out 2>err
	(cd source && "$folder/tests/test_golden") >>out 2>>err
	result $? "the golden flows ($*)"
	(cd source && "$folder/tests/test_golden_train") >>out 2>>err
	result $? "the golden weights ($*)"
}

build source build
build elsewhere built
golden build CC=cc
for program in flowmint flowmint-verify; do
	holds "$program built twice is the same file" cmp source/build/$program elsewhere/built/$program
done
F=$T/source/build/flowmint

expect 0 "(a trace)" "$F" simulate --rows 10000 --seed 7 --out trace.csv
expect 0 "(a project)" "$F" init --preset demo p
expect 0 "(its gate is blunt)" blunt p p/release.yaml
expect 0 "a run" run "$F" --set train.threads=1
archive=p/release/demo-1.0.0.tar.zst
digest=$(tar_digest "$archive")
expect 0 "a run under other circumstances" sh -c "cd elsewhere && umask 077 && TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 HOME=/nonexistent \
	'$F' run ../p/release.yaml $UNCONFINED --workspace '$T/w2' --out '$T/o2' --set source.path='$T/elsewhere/../trace.csv' \
	--set model.width=32 --set model.heads=2 --set train.steps=200 --set generate.steps=12 --set generate.rows=3000 --set gate.jsd_mean8=10 --set gate.jsd.PR=1 \
	--set gate.jsd.TS=1 --set gate.jsd.TD=1 --set gate.jsd.PKT=1 --set gate.jsd.BYT=1 --set gate.jsd.SA=1 --set gate.jsd.DA=1 \
	--set gate.downstream.mse_ratio=1e6 --set gate.leak.share_nearer_train=1 --set gate.leak.mia_model_auc=1 --set gate.pair_jsd=1 --set gate.assoc.mean=1 $TOY \
	--set train.threads=7"
holds "gives the same archive" cmp -s "$archive" o2/demo-1.0.0.tar.zst
holds "and the same signature" cmp -s "$archive.sig" o2/demo-1.0.0.tar.zst.sig

for kernels in v1 v3 v4; do
	expect 0 "the kernels $kernels make the same from the model" env FM_KERNELS=$kernels "$F" reproduce --from model \
		--workspace p/workspace $UNCONFINED "$archive"
done

# The judges' prediction task goes through OpenBLAS: on another processor its error may differ in the last digits, and with it the
# tar. The flows may not.
OPENBLAS_CORETYPE=Prescott "$F" reproduce --from model --workspace p/workspace $UNCONFINED "$archive" >out 2>err
holds "another OpenBLAS kernel makes the same flows" grep -qE '^generate .* same$' out

i=0
for way in "CC=gcc CFLAGS=-O0" "CC=gcc CFLAGS=-O3" "CC=clang CFLAGS=-O2"; do
	i=$((i + 1))
	if ! command -v "$(echo "$way" | sed 's/CC=\([^ ]*\).*/\1/')" >/dev/null; then
		skip "$way" "no such compiler here"
		continue
	fi
	# shellcheck disable=SC2086 # two words
	build source build-$i $way
	# shellcheck disable=SC2086 # two words
	golden build-$i $way
	other=$T/source/build-$i/flowmint
	expect 0 "$way makes the same from the model" "$other" reproduce --from model --workspace p/workspace $UNCONFINED "$archive"
	expect 0 "a run with $way" run "$other" --workspace "$T/w-$i" --out "$T/o-$i"
	holds "$way makes the same from the trace" test "$(tar_digest "o-$i/demo-1.0.0.tar.zst")" = "$digest"
done
finish
