#!/bin/sh
# A disk that is full at any point of a run: a clear message, exit status 4, nothing half-written, an intact ledger; with
# more room the same command goes on and ends with the bytes of an undisturbed run.
# usage: cli_full_disk.sh PATH-OF-FLOWMINT
set -u
F=$(realpath "${1:-build/flowmint}")
if [ "${FM_IN_NAMESPACE:-}" != 1 ]; then
	if ! unshare -rm true 2>/dev/null; then
		echo "ok 1 - # skip: no user namespaces to mount a small disk in"
		exit 0
	fi
	FM_IN_NAMESPACE=1 exec unshare -rm "$0" "$F"
fi
T=$(mktemp -d "${TMPDIR:-/tmp}/fm-disk-XXXXXX") || exit 4
trap 'umount "$T/disk" 2>/dev/null; rm -rf "$T"' EXIT
cd "$T" || exit 4
n=0
bad=0
result() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' err; bad=1; fi
}

"$F" init --preset demo p 2>err || exit 4
"$F" simulate --rows 4000 --seed 1 --out p/trace.csv 2>>err || exit 4
{
	echo 'preset: demo'
	echo 'source: {path: trace.csv}'
	echo 'train: {steps: 2, warmup: 1}'
	echo 'generate: {steps: 4}'
	# One check that always holds: the bytes count here, not the flows.
	awk '/^gate:/ {g = 1; next} /^[^ ]/ {g = 0} g && /:/ {sub(/:.*/, ": null"); print}' p/release.yaml |
		{ echo 'gate:'; cat; echo '  rows.synthetic: {min: 1}'; echo '  control_rows: 200'; }
} >p/small.yaml
# A gate that cannot catch its controls: that is waived.
"$F" keygen --out p/keys/waiver --principal waiver >/dev/null 2>>err || exit 4
echo "waiver namespaces=\"flowmint-waiver\" $(cut -d' ' -f1,2 p/keys/waiver.pub)" >>p/allowed_signers
"$F" waive p/small.yaml --check controls.broken --reason "a test of bytes" --expires 2099-12-31 --key p/keys/waiver >/dev/null 2>>err ||
	exit 4
run() { "$F" run --quiet --workspace "$1/ws" --out "$1/out" p/small.yaml >out 2>err; }

run "$T/wide"
result $? "a run with room enough"
expected=$(grep '^tar sha256' out)

# --- the folder of shards or parts, which machines share ---
apart() { # VERB OPTION WHAT
	mount -t tmpfs -o "size=24k,mode=700" small disk || exit 4
	for room in 24k 64m; do
		mount -o "remount,size=$room" disk
		"$F" "$1" p/small.yaml --workspace "$T/wide/ws" "$2" 1/2 --out disk/apart >out 2>err
		got=$?
		if [ $room = 24k ]; then
			[ $got -eq 4 ]; result $? "a disk without room for $3: exit status 4"
			grep -q full err; result $? "$3: the message names the reason"
			[ -z "$(ls disk/apart)" ]; result $? "$3: nothing half-written"
			"$F" audit --workspace "$T/wide/ws" >/dev/null 2>err; result $? "$3: the ledger is intact"
		else
			[ $got -eq 0 ] && [ "$(ls disk/apart | wc -l)" = 1 ]; result $? "$3: with more room the same command makes it"
		fi
	done
	umount disk
}
mkdir disk
apart generate --shard "a shard"
apart judge --part "a part"

# --- what is decrypted for somebody to look at ---
mount -t tmpfs -o "size=24k,mode=700" small disk || exit 4
"$F" unseal --workspace "$T/wide/ws" --stage ingest --out disk/opened >out 2>err
[ $? -eq 4 ]; result $? "a disk without room for what is unsealed: exit status 4"
[ -z "$(ls disk)" ]; result $? "no part of it is left there in clear"
umount disk

# --- a partner's memory ---
V=$(dirname "$F")/flowmint-verify
archive=$(ls "$T"/wide/out/*.tar.zst)
accepts() { # OPTION...
	"$V" --state disk/state --signers p/allowed_signers "$@" "$archive" >out 2>err
}
mount -t tmpfs -o "size=64k,mode=700" small disk || exit 4
mkdir -m 700 disk/state
dd if=/dev/zero of=disk/fill bs=4k 2>/dev/null
accepts --extract "$T/given"
[ $? -eq 4 ]; result $? "a release that cannot be remembered: exit status 4"
[ ! -e "$T/given" ]; result $? "nothing is given out of it"
[ -z "$(find "$T" -maxdepth 1 -name '.*' ! -name . )" ]; result $? "nor half of it left"
rm disk/fill
accepts; result $? "with room it is remembered"
mount -o remount,ro disk
accepts --extract "$T/given"; result $? "the same once more, where nothing can be written, is accepted"
grep -q accepted out; result $? "as what was accepted before"
rm -r "$T/given"
umount disk

# --- a trace that does not fit, and a disk that nothing can be written to ---
mount -t tmpfs -o "size=100k,mode=700" small disk || exit 4
"$F" simulate --rows 20000 --out disk/t.csv 2>err
[ $? -eq 4 ]; result $? "a disk without room for a trace: exit status 4"
! grep -q "0 flows in" err; result $? "which does not say that it made none"
mount -o remount,size=64m,ro disk
for it in "init disk/p" "run p/small.yaml --workspace disk/ws" "simulate --rows 10 --out disk/t.csv"; do
	# shellcheck disable=SC2086 # words
	"$F" $it 2>err
	[ $? -eq 4 ]; result $? "$it: exit status 4 on a disk that is read-only"
	grep -q "Read-only file system" err; result $? "$it: the message says so"
done
umount disk

for kib in 24 100 300 500 750 1000; do
	mount -t tmpfs -o "size=${kib}k,mode=700" small disk || exit 4
	run "$T/disk"
	got=$?
	if [ $got -ne 0 ]; then
		[ $got -eq 4 ]; result $? "$kib KiB: exit status 4"
		grep -q full err; result $? "$kib KiB: the message names the reason"
		[ -z "$(find disk -name '.tmp-*' 2>/dev/null)" ]; result $? "$kib KiB: nothing half-written"
		[ -z "$(ls disk/out 2>/dev/null)" ]; result $? "$kib KiB: nothing released"
		[ ! -e disk/ws/ledger.db ] || "$F" audit --workspace disk/ws >/dev/null 2>err; result $? "$kib KiB: the ledger is intact"
		mount -o remount,size=64m disk
		run "$T/disk"; result $? "$kib KiB: with more room it goes on"
	fi
	[ "$(grep '^tar sha256' out)" = "$expected" ]; result $? "$kib KiB: and ends with the same bytes"
	umount disk
done
echo "1..$n"
exit $bad
