#!/bin/sh
# Training in several processes: the same model to the bit for any number of ranks and threads, in privacy.mode dp too; a rank that
# is killed is told of, in the ledger too, and the same command goes on from the checkpoint with another number of ranks.
# usage: e2e_mpi.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

toy 12 4 2000

model() { # WORKSPACE: the digest of the model that its last run has
	"$F" log --workspace "$1" --json |
		"$PYTHON" -c 'import json, sys; print([r["body"]["output"] for r in json.load(sys.stdin) if r["kind"] == "stage" and r["body"]["name"] == "train"][-1])'
}

train() { # RANKS THREADS [OPTION...]
	ranks=$1 threads=$2
	shift 2
	"$F" run p $UNCONFINED --until train --set run.mpi="$ranks" --set train.threads="$threads" "$@"
}

expect 0 "one process trains" train 1 1 --quiet
one=$(model p/workspace)
for how in "2 1" "3 2"; do
	rm -rf p/workspace/stages/train
	expect 0 "${how% *} ranks of ${how#* } threads train" train $how
	says err "train: ${how% *} ranks" "it is said how many"
	holds "the model is the same" test "$(model p/workspace)" = "$one"
done
expect 3 "a kind that trains in one process says so" train 2 1 --set model.kind=ctgan
says err "model.kind ctgan trains in one process" "before the run"

# --- a rank is killed ---
many="--set train.steps=150 --set train.warmup=1 --set train.checkpoint_every=1"
last_rank() { # the youngest process of the run that is no child of it
	for p in $(cat /proc/"$1"/task/"$1"/children 2>/dev/null); do
		cat /proc/"$p"/task/"$p"/children 2>/dev/null
	done | tr ' ' '\n' | grep . | tail -n 1
}
rank_of_run() {
	rank=$(last_rank $run)
	[ -n "$rank" ] && ls p/workspace/stages/train/.checkpoint-*/* >/dev/null 2>&1
}
rm -rf p/workspace/stages/train
"$F" run p $UNCONFINED --until train --set run.mpi=3 --set train.threads=1 $many >out 2>err &
run=$!
if until_true 60 rank_of_run; then
	kill -KILL "$rank"
	wait $run
	holds "a killed rank ends the run with status 4" test $? = 4
	says err "of 3 was killed by signal 9" "it is said which rank"
	says err "the same command goes on from there" "and what to do"
	holds "the ledger has it" sh -c '"$0" log --workspace p/workspace --json | grep -q "of 3 was killed by signal 9"' "$F"
	holds "the checkpoint is there" sh -c 'ls p/workspace/stages/train/.checkpoint-*/* >/dev/null'
	expect 0 "two ranks go on" train 2 1 --set train.steps=150 --set train.warmup=1 --set train.checkpoint_every=1
else
	kill $run
	wait $run
	skip "a killed rank" "this kernel does not tell who a process's children are"
fi
finish
