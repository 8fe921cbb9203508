#!/bin/sh
# faults_refused.sh - beside the project of faults_project.sh, which has released: what is refused, or found bad (faults_verbs.py).
# usage: faults_refused.sh FLOWMINT
set -eu
F=$1
ROOT=$(cd "$(dirname "$0")/.." && pwd)
cp -a p/release altered
printf X | dd of=altered/small-1.0.0.tar.zst bs=1 seek=2000 conv=notrunc 2>/dev/null
sed 's/^flowmint /stranger /; s/flowmint-release/flowmint-other/' p/allowed_signers >strangers
tar --zstd -xOf p/release/small-1.0.0.tar.zst small-1.0.0/manifest.json | sed 's/A test of what fails/Another test/' >other.json
awk -F, -v OFS=, '{ swap = $11; $11 = $12; $12 = swap; print }' trace.csv >other.csv
sed '/name: pkt/ { h; d }; /name: byt/ G; s/^name: .*/name: other/' "$ROOT/manifests/dialects/ugr16.yaml" >other.yaml
cp -a p moved
# A workspace that has lost its ledger.
mkdir lost
cp -a p/allowed_signers p/keys p/release.yaml lost
rm -f lost/keys/ledger-*
"$F" run lost --quiet --until ingest
rm lost/workspace/ledger.db lost/workspace/ledger.head
# A ledger in whose place an older copy was put, without its witness.
mkdir q
cp -a p/allowed_signers p/keys p/release.yaml p/waivers q
rm -f q/keys/ledger-*
sed -i 's/"flowmint,/&flowmint-waiver,/' q/allowed_signers
sed 's/^release: .*/&\npublish: {approvals: 2}/' p/release.yaml >q/two.yaml
"$F" run q --quiet --until ingest
cp q/workspace/ledger.db q/workspace/ledger.head .
"$F" run q --quiet
mv ledger.db ledger.head q/workspace
rm q/keys/ledger-*.head
