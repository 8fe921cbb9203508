#!/bin/sh
# faults_project.sh - the smallest project that releases: p in the current folder, its archive p/release/small-1.0.0.tar.zst.
# usage: faults_project.sh FLOWMINT
set -eu
F=$1
. "$(dirname "$0")/lib.sh"
ROOT=$(cd "$(dirname "$0")/.." && pwd)
"$F" simulate --rows 1300 --seed 11 --out trace.csv
"$F" init --preset demo p
cat >p/release.yaml <<'YAML'
preset: demo
release: {name: small, version: 1.0.0, date: 2026-11-28, description: "A test of what fails"}
source: {path: ../trace.csv}
train: {steps: 2, warmup: 1, batch: 4}
model: {depth: 1, width: 16, heads: 1}
generate: {steps: 1, rows: 100}
gate:
  control_rows: 100
  jsd_mean8: 0.69
YAML
drop_checks p/release.yaml
blunt p p/release.yaml
