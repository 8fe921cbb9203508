#!/bin/sh
# The first 10,000 flows of a real UGR'16 day, preset ugr16 with a small model: form and rules of what comes out, no quality.
# usage: e2e_real.sh [FLOWMINT]        skipped when ../shared/data/ugr16/april11.csv.xz is not there
# shellcheck disable=SC2086,SC2046 # UNCONFINED is one word or none, no_checks gives many
# shellcheck disable=SC2016 # sh -c expands it
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
trace=$ROOT/../shared/data/ugr16/april11.csv.xz
if [ ! -r "$trace" ]; then
	skip "the real trace" "$trace is not there"
	finish
fi
trace=$(realpath "$trace")

expect 0 "a project is made" "$F" init p
expect 0 "the first 10,000 flows go all the way" "$F" run p/release.yaml $UNCONFINED --json --set source.path="$trace" --set source.rows=10000 \
	--set model.width=32 --set model.heads=2 --set model.depth=1 --set train.steps=200 --set train.ema=0.98 --set train.warmup=30 --set generate.steps=10 \
	--set gate.jsd_mean8=0.5 --set gate.jsd.PR=0.3 --set gate.jsd.TS=0.3 --set gate.jsd.TD=0.3 --set gate.jsd.PKT=0.3 \
	--set gate.jsd.BYT=0.3 --set gate.jsd.SA=0.5 --set gate.jsd.DA=0.5 --set gate.leak.share_nearer_train=0.7 --set gate.leak.mia_model_auc=0.8 \
	--set gate.downstream.mse_ratio=1000 --set gate.pair_jsd=0.2 --set gate.assoc.mean=0.3 $(no_checks ugr16 heavy burst c2st anomaly host tstr)
holds "run --json is one document" is_json out
cp out run.json
holds "the exact-row and rules checks of the preset pass" test \
	"$(json run.json '[c["pass"] for c in d["checks"] if c["name"] in ("leak.rows_equal", "rules.broken_share")]')" = "[True, True]"
holds "memory stays under 2 GiB" test "$(json run.json 'max(s["peak_rss_bytes"] for s in d["stages"]) < 2 << 30')" = True
archive=p/release/ugr16-synthetic-1.0.0.tar.zst
expect 0 "flowmint-verify accepts the archive" "$V" --signers p/allowed_signers "$archive"
expect 0 "ssh-keygen accepts it" sh -c "ssh-keygen -Y verify -f p/allowed_signers -I flowmint -n flowmint -s $archive.sig <$archive"
mkdir x
tar --zstd -xf "$archive" -C x
csv=x/ugr16-synthetic-1.0.0/data/flows.csv
rows=$(wc -l <$csv)
holds "it has about as many flows as were learned from ($rows)" test "$rows" -gt 5000

mkdir q
cp -r p/keys p/allowed_signers p/release.yaml q
expect 0 "its own ingest reads them" "$F" run q/release.yaml $UNCONFINED --until ingest --set source.path="$T/$csv" --set source.max_bad_share=0
unsealed q/workspace ingest kept
find kept -name quarantine.csv -exec cat {} + >quarantine
holds "not one row is rejected" test "$(grep -vc '^line,' quarantine)" -eq 0

awk -F, '
	NF != 13 { print "fields: " $0; next }
	$11 < 1 { print "no packet: " $0 }
	$12 < 20 * $11 { print "under 20 bytes a packet: " $0 }
	$12 > 1500 * $11 { print "over 1500 bytes a packet: " $0 }
	$7 == "ICMP" && $5 != 0 { print "a source port on ICMP: " $0 }
	$3 == $4 { print "from itself to itself: " $0 }
	$5 > 65535 || $6 > 65535 { print "no port: " $0 }' $csv >broken
cp broken err
holds "no flow breaks what a flow must obey" test ! -s broken

xz -dc "$trace" | head -n 10000 >real.csv
cut -d, -f3,4 real.csv | tr , '\n' | sort -u >ours
cut -d, -f3,4 $csv | tr , '\n' | sort -u >theirs
holds "no real address is in the release" test "$(comm -12 ours theirs | wc -l)" -eq 0
holds "every address comes from ranges that belong to nobody" sh -c \
	"! grep -qvE '^(10\\.|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\\.|198\\.1[89]\\.|2[45][0-9]\\.)' theirs"
sort -u real.csv >a
sort -u $csv >b
holds "no row is a real one" test "$(comm -12 a b | wc -l)" -eq 0
finish
