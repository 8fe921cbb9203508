#!/bin/sh
# Promise: over ten seeds the audit refutes no honest build, neither of noisy counts nor of DP-SGD, and it refutes each broken one.
#
# usage: tests/long_audit.sh [FLOWMINT]
set -eu
cd "$(dirname "$0")/.."
B=$(dirname "${1:-build/flowmint}")

AUDIT_SEEDS=10 "$B/tests/test_audit_broken"
