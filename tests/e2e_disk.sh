#!/bin/sh
# A full disk: exit status 4 and a message, no half-made release; with room again the same run goes on to its end.
# usage: e2e_disk.sh [FLOWMINT]        needs a tmpfs of its own: root, or user namespaces; skipped elsewhere
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"

if [ "${FM_DISK_INSIDE:-}" != 1 ]; then
	if ! unshare -m true 2>/dev/null && ! unshare -Urm true 2>/dev/null; then
		echo "ok 1 - a full disk # SKIP no mount namespace for a small disk here"
		echo "1..1"
		exit 0
	fi
	FM_DISK_INSIDE=1
	export FM_DISK_INSIDE
	if unshare -m true 2>/dev/null; then
		exec unshare -m "$0" "$@"
	fi
	exec unshare -Urm "$0" "$@"
fi

begin "$@"
TOY=$(no_checks demo heavy burst c2st anomaly host tstr)
mkdir disk
if ! mount -t tmpfs -o size=64k,mode=700 none disk 2>err; then
	skip "a full disk" "no tmpfs can be mounted here"
	finish
fi
cleanup() {
	umount "$T/disk" 2>/dev/null
}

size() {
	mount -o remount,size="$1" disk
}

run() { # OPTION...
	"$F" run p/release.yaml $UNCONFINED --set source.path="$T/trace.csv" --set model.width=32 --set model.heads=2 --set train.steps=40 \
		--set generate.steps=4 --set gate.jsd_mean8=10 --set gate.jsd.PR=1 --set gate.jsd.TS=1 --set gate.jsd.TD=1 --set gate.jsd.PKT=1 \
		--set gate.jsd.BYT=1 --set gate.jsd.SA=1 --set gate.jsd.DA=1 --set gate.downstream.mse_ratio=1e6 \
		--set gate.leak.share_nearer_train=1 --set gate.leak.mia_model_auc=1 --set gate.pair_jsd=1 --set gate.assoc.mean=1 $TOY "$@"
}

expect 0 "(a trace)" "$F" simulate --rows 4000 --seed 3 --out trace.csv
expect 0 "(a project)" "$F" init --preset demo p
expect 0 "(its gate is blunt)" blunt p p/release.yaml
expect 0 "(a run with room)" run --out whole
whole=$(tar_digest whole/demo-1.0.0.tar.zst)

expect 4 "simulate on a full disk" "$F" simulate --rows 4000 --seed 3 --out disk/trace.csv
says err "no space left" "the message says so"
holds "no half of a trace is left" is_empty disk

# From too small for the ledger to nearly enough: each refusal is a clean one.
for kib in 16 96 200 400 700 1000 1300 1600; do
	size ${kib}k
	run --workspace disk/w --out disk/out >out 2>err
	status=$?
	[ $status -ne 0 ] || break
	holds "with $kib KiB: exit status 4" test $status -eq 4
	holds "with $kib KiB: the message says why" grep -qiE "no space left|disk is too full" err
	holds "with $kib KiB: no release" is_empty disk/out
done
holds "it was refused at least twice" test "$kib" -gt 96
size 64m
expect 0 "with room again the run goes on to its end" run --workspace disk/w --out disk/out --json
holds "with the bytes it would have had" test "$(tar_digest disk/out/demo-1.0.0.tar.zst)" = "$whole"
expect 0 "its ledger is intact" "$F" audit --workspace disk/w

# Room for everything but the archive.
mkdir small
mount -t tmpfs -o size=40k,mode=700 none small
expect 4 "a release folder on a full disk" run --workspace disk/w --out small
says err "no space left" "the message says so"
holds "no half of an archive is left" is_empty small
umount small
finish
