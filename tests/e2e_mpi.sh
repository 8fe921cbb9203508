#!/bin/sh
# Training in several processes: the same model to the bit for any number of ranks and threads, in privacy.mode dp too; a rank that
# is killed or stalls is told of, in the ledger too, and the same command goes on from the checkpoint with another number of ranks.
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
for how in "2 1" "2 2" "3 2" "4 1"; do
	rm -rf p/workspace/stages/train
	expect 0 "${how% *} ranks of ${how#* } threads train" train $how
	says err "train: ${how% *} ranks" "it is said how many"
	holds "the model is the same" test "$(model p/workspace)" = "$one"
done
sed 's/^model:.*/model: {kind: ctgan}/; /^train:/d; s/^generate: {steps: [0-9]*, /generate: {/' p/release.yaml >p/gan.yaml
expect 2 "a kind that trains in one process says so" "$F" run p/gan.yaml $UNCONFINED --until train --set run.mpi=2
says err "model.kind ctgan trains in one process" "before the run"

# --- a rank is killed ---
many="--set train.steps=240 --set train.warmup=1 --set train.checkpoint_every=1"
children() { # PID...: of all their threads
	for p; do
		cat /proc/"$p"/task/*/children 2>/dev/null
	done
}
has_checkpoint() {
	ls p/workspace/stages/train/.checkpoint-*/* >/dev/null 2>&1
}
youngest() { # HOW-MANY: the last process of the generation of $run's grandchildren, when all are there and the kernel lists them
	# shellcheck disable=SC2046 # numbers
	set -- "$1" $(children $(children $run))
	[ $# -eq $(($1 + 1)) ] || return 1
	shift $(($# - 1))
	victim=$1
}
trains_or_ended() { # HOW-MANY: and can be gone on with, or there is nobody who does
	{ has_checkpoint && grep -q "flows to do" err && youngest $1; } || ! kill -0 $run 2>/dev/null
}
# The youngest process of the command's generation gets the signal when there is a checkpoint.  A command that ends before it, because
# nobody looked for so long or the machine let a rank wait, is tried again.
lost() { # SIGNAL HOW-MANY WORDS COMMAND...
	signal=$1 ranks=$2 words=$3
	shift 3
	for _ in 1 2 3 4 5; do
		victim=
		"$@" $many >out 2>err &
		run=$!
		until_true 300 trains_or_ended $ranks && [ -n "$victim" ] && kill -$signal $victim 2>/dev/null || kill $run 2>/dev/null
		wait $run
		status=$?
		[ $status -eq 0 ] || [ -z "$victim" ] || break
		[ $status -ne 0 ] || rm -rf p/workspace/stages/train
	done
	holds "there is a checkpoint to go on from" test -n "$victim"
	holds "a rank that is lost ends the run with status 4" test $status = 4
	says err "$words" "it is said which rank"
	says err "the same command goes on from there" "and what to do"
	"$F" log --workspace p/workspace --json >log
	holds "the ledger has it" grep -qF "$words" log
	holds "the checkpoint stays" has_checkpoint
}
if [ -e /proc/$$/task/$$/children ]; then
	rm -rf p/workspace/stages/train
	lost KILL 2 "of 3 was killed by signal 9" "$F" run p $UNCONFINED --until train --set run.mpi=3 --set train.threads=1
	lost STOP 1 "rank 1 of 2 stalls: it has kept rank 0 waiting for" "$F" run p $UNCONFINED --until train --set run.mpi=2 \
		--set train.threads=1 --set run.stall=4
	expect 0 "two ranks go on" train 2 1 $many
	long=$(model p/workspace)
	rm -rf p/workspace/stages/train
	expect 0 "one process trains as long" train 1 2 $many --quiet
	holds "with the same model" test "$(model p/workspace)" = "$long"
else
	skip "a killed rank" "this kernel does not tell who a process's children are"
fi

# --- processes that mpirun starts ---
if command -v mpirun >/dev/null && ldd "$(dirname "$V")/flowmint" 2>/dev/null | grep -q libmpi; then
	OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 # MPI's, in a build with sanitizers
	export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM ASAN_OPTIONS
	rm -rf p/workspace/stages/train
	expect 0 "three processes of mpirun train" mpirun --oversubscribe -n 3 "$F" run p $UNCONFINED --until train --set train.threads=1
	says err "train: 3 ranks" "it is said how many"
	holds "only the first speaks" test "$(grep -c "train: 3 ranks" err)" = 1
	holds "the model is the same" test "$(model p/workspace)" = "$one"
	holds "nothing is left decrypted" test -z "$(decrypted p/workspace)"
	rm -rf p/workspace/stages/train
	lost KILL 2 "rank 1 of 2: stage train was killed by signal 9" mpirun --oversubscribe -n 2 "$F" run p $UNCONFINED --until train \
		--set train.threads=1
	lost STOP 2 "rank 1 of 2 stalls: it has kept rank 0 waiting for" mpirun --oversubscribe -n 2 "$F" run p $UNCONFINED --until train \
		--set train.threads=1 --set run.stall=4
	expect 0 "one process goes on" train 1 2 $many
	holds "with the same model" test "$(model p/workspace)" = "${long:-$(model p/workspace)}"
	expect 2 "run.mpi is not for mpirun" mpirun --oversubscribe -n 2 "$F" run p $UNCONFINED --set run.mpi=2
else
	skip "mpirun" "no mpirun here, or flowmint was built without MPI"
	expect 2 "what mpirun starts is refused" env OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0 "$F" run p $UNCONFINED --until train
	says err "was built without MPI" "with the reason"
fi
holds "flowmint-verify links neither MPI nor Slurm" sh -c '! ldd "$V" | grep -q -e libmpi -e libslurm -e libopen-'
finish
