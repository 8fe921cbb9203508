#!/bin/sh
# Training through the program: killed at any instant it goes on from its checkpoint and ends with the bits it would have had;
# one that diverges says so; data, models and batches of odd sizes have a defined result or a clear refusal.
# usage: e2e_train.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
# shellcheck disable=SC2016 # sh -c expands it
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

# A network of the smallest kind on little data; each run in a workspace of its own ($W).
small() { # OPTION...
	"$F" run p/release.yaml $UNCONFINED --workspace "$W" --set source.path="$T/trace.csv" --set model.width=32 --set model.heads=2 \
		--set model.depth=1 --set train.batch=32 --set train.steps=160 \
		--set train.checkpoint_every="${EVERY:-15}" --set train.checkpoint_seconds="${SECONDS_EACH:-30}" "$@"
}

weights() { # digest of the only model in $W
	unsealed "$W" train kept && sha256sum kept/weights.safetensors | cut -d' ' -f1
}

checkpoint() { # the folder of a training that was cut short
	echo "$W"/stages/train/.checkpoint-*
}

# killed_after N SECONDS [SIGNAL]: start training, and kill the run some time after its Nth look at the validation split.  One that
# ends before it is killed, because nobody looked for so long, is tried again from where it was.
killed_after() {
	rm -rf before && mkdir before && cp -a p before # the ledger has a witness in p/keys
	[ ! -e "$W" ] || cp -a "$W" before
	for _ in 1 2 3 4 5; do
		: >killed.err
		small --until train -v >killed.out 2>killed.err &
		job=$!
		until_true 300 looked_or_ended "$1"
		sleep "$2"
		kill "-${3:-9}" "$(cat "$W/lock")" 2>/dev/null
		wait $job
		status=$?
		[ $status -eq 0 ] || break
		rm -rf "$W" p && cp -a before/. .
	done
	until_true 60 nobody_runs # its stage dies with it
	cp killed.err err
}
looked_or_ended() { # N
	[ "$(grep -c '^train: step' killed.err)" -ge "$1" ] || ! kill -0 $job 2>/dev/null
}

expect 0 "(a trace)" "$F" simulate --rows 2600 --seed 5 --out trace.csv
expect 0 "(a project)" "$F" init --preset demo p

# --- killed ---
W=whole
began=$(date +%s)
expect 0 "training ends well" small --until train
says err "train: validation " "it tells how it went"
says err "by column  " "and the loss of each column"
holds "a line in 30 s at most" test "$(grep -c 'by column' err)" -le $((2 + $(date +%s) / 30 - began / 30))
says err "flows/s" "and how fast it is"
unsealed "$W" train kept
cat kept/model.json >model.json
holds "the model says its bound on the validation split, by column" test "$(json model.json \
	'abs(sum(d["training"]["validation_by_column"].values()) - d["training"]["validation_nats_per_flow"]) < 1e-6 and len(d["training"]["validation_by_column"])')" = 16
holds "no checkpoint is left" test ! -e "$(checkpoint)"
whole=$(weights)

W="cut"
goes_on=0
for at in "1 0" "1 0.05" "2 0.02"; do
	killed_after $at
	holds "training is killed (${at% *} looks and ${at#* } s after it began or went on)" test $status -eq 137
	holds "a checkpoint is there" test -s "$(checkpoint)/checkpoint.sealed"
	holds "for its owner alone" test "$(stat -c %a%a "$(checkpoint)" "$(checkpoint)/checkpoint.sealed" | tr -d '\n')" = 700700600600
	grep -q "train: goes on from step" err && goes_on=$((goes_on + 1))
done
holds "each time but the first it had gone on from there" test $goes_on -eq 2
: >"$(checkpoint)/.checkpoint.sealed.1-0123456789abcdef.tmp"
expect 0 "at last it ends well" small --until train
says err "train: goes on from step" "from the last checkpoint"
holds "with the bits it would have had" test "$(weights)" = "$whole"
holds "and nothing left behind" test ! -e "$(checkpoint)"
holds "nor anything decrypted" test -z "$(decrypted "$W")"
expect 0 "threads and checkpoints are not what a model depends on" small --until train --json --set train.threads=7 --set train.checkpoint_every=0
holds "the model is taken as it is" test "$(json out 'd["stages"][1]["cached"]')" = True

W=stopped
killed_after 2 0 TERM
holds "training is told to end" test $status -ne 0
expect 0 "and goes on with other threads, and no more checkpoints" small --until train --set train.threads=7 --set train.checkpoint_every=0
says err "train: goes on from step" "where it was"
holds "to the same bits" test "$(weights)" = "$whole"

W=clocked
expect 0 "the clock writes checkpoints where steps do not" small --until train --set train.checkpoint_every=0 --set train.checkpoint_seconds=0.05
holds "and changes no bit" test "$(weights)" = "$whole"
rm -rf "$W"
EVERY=0 SECONDS_EACH=0.000001 killed_after 2 0 # however fast the machine is
holds "training is killed" test $status -eq 137
holds "a checkpoint of the clock's is there" test -s "$(checkpoint)/checkpoint.sealed"
holds "which nobody can read" sh -c '! grep -qaE "__metadata__|safetensors|F32\"" "$1"' sh "$(checkpoint)/checkpoint.sealed"
holds "what the killed run had decrypted is there still" test -n "$(decrypted "$W")"
cp -r "$W" purged
expect 0 "a killed run can be purged" "$F" purge 1 --workspace purged --json
holds "with its checkpoint" test "$(json out 'd["checkpoints"]')" = 1
holds "and the key of it" test -z "$(find purged/stages -name '*key*' -o -name '.checkpoint*' -o -name '*.sealed')"
expect 0 "the same command goes on from there" small --until train
says err "train: goes on from step" "where it was"
holds "to the same bits" test "$(weights)" = "$whole"

W=damaged
killed_after 2 0
truncate -s -100 "$(checkpoint)/checkpoint.sealed"
expect 0 "(train.seed is another)" small --until train --set train.seed=2
holds "another training does not go on from it" sh -c '! grep -q "goes on" err'
rm -rf "$W"/stages/train/[0-9a-f]*
expect 0 "a damaged checkpoint is no obstacle" small --until train
says err "training begins anew" "training begins anew and says so"
says err "altered or cut" "with the reason"
holds "and ends with the same bits" test "$(weights)" = "$whole"

W=forced
killed_after 2 0
expect 0 "--force goes on from nothing" small --until train --force
holds "and says nothing of going on" sh -c '! grep -q "goes on" err'
holds "to the same bits" test "$(weights)" = "$whole"

# --- diverged ---
W=wild
expect 2 "a rate beyond reason is refused" small --until train --set train.rate=50
says err "train.rate" "by its name"
expect 0 "a rate far too high comes down" small --until train --set train.steps=100 --set train.warmup=0 --set train.rate=1
says err "training diverged at step" "it says when it diverged"
says err "at half the rate" "and what it did"
holds "its model is one of numbers" test "$(unsealed "$W" train kept && "$PYTHON" -c \
	'import json, sys; print(json.load(open("kept/model.json"))["training"]["validation_nats_per_flow"] < 100)')" = True

# --- odd sizes ---
tiny() { # OPTION...: into a fresh workspace, up to the synthetic table
	rm -rf "$W"
	small --until generate --set train.steps=20 ${SAMPLING---set generate.steps=4} "$@"
}

column() { # NAME: the distinct values of a column of the synthetic table
	unsealed "$W" generate kept && "$PYTHON" - kept/"$1".npy <<'PY'
import ast, struct, sys
b = open(sys.argv[1], "rb").read()
n = struct.unpack("<H", b[8:10])[0]
kind = {"<u2": "H", "<u4": "I", "<u8": "Q", "<i8": "q"}[ast.literal_eval(b[10:10 + n].decode())["descr"]]
print(*sorted({v for (v,) in struct.iter_unpack("<" + kind, b[10 + n:])}))
PY
}

W=odd
expect 0 "a batch larger than the data is filled from the next epochs" tiny --set train.batch=1000 --set train.steps=3
expect 0 "one step of training makes a model" tiny --set train.steps=1
expect 0 "T of 2 and one step of sampling" tiny --set model.steps=2 --set generate.steps=1
SAMPLING='' # as many as T
expect 0 "T of 2 and two ancestral steps" tiny --set model.steps=2 --set generate.sampler=ancestral
unset SAMPLING
for key in model.steps=0 model.steps=1 generate.steps=0 train.steps=-1 train.batch=0; do
	expect 2 "$key is refused" tiny --set $key
	says err "${key%=*}" "by its name"
done
expect 2 "more steps than T are refused" tiny --set model.steps=10 --set generate.steps=11
says err "generate.steps 11 is more than model.steps 10" "by both names"
expect 2 "a window longer than the engine takes is refused" tiny --set model.window=513
says err "model.window" "by its name"
head -n 500 trace.csv >short.csv
expect 3 "a window longer than the trace is refused" tiny --set source.path="$T/short.csv" --set model.window=512
says err "model.window" "with what to set"
expect 2 "a width that the heads do not divide is refused" tiny --set model.width=48
says err "64" "with one that they do"
expect 0 "(a model)" tiny
for f in model.sealed key.json; do
	truncate -s -20 "$W"/stages/train/*/$f
	rm -rf "$W"/stages/generate/*
	expect 0 "an altered $f is made again" small --until generate --set train.steps=20 --set generate.steps=4
	says err "$f" "and named"
	says err "it is made again" "and said to be altered"
done
holds "and flows are made of it" test "$(column te | wc -w)" -gt 100

# --- odd data ---
sed 's/^\([^,]*\),[^,]*,/\1,0.000,/' trace.csv >flat.csv
expect 0 "durations that are all zero" tiny --set source.path="$T/flat.csv"
holds "stay zero" test "$(column td)" = 0
awk -F, -v OFS=, '{ $5 = 1024; $6 = 53; $7 = "UDP"; $8 = "......"; $9 = 0; $10 = 0; $11 = 3; $12 = 180; $13 = "background"; print }' \
	trace.csv >same.csv
expect 0 "columns of one value" tiny --set source.path="$T/same.csv"
for is in pr=0 flg=0 fwd=0 stos=0 pkt=3 byt=180 label=0; do
	holds "${is%=*} keeps its one value" test "$(column "${is%=*}")" = "${is#*=}"
done
sed '2000s/[^,]*$/nerisbotnet/' same.csv >single.csv
expect 0 "a label of one row" tiny --set source.path="$T/single.csv"
unsealed "$W" generate kept && unsealed "$W" train model
holds "is too rare to be given away" sh -c '! cat kept/schema.json model/model.json | grep -q nerisbotnet'
awk -F, -v OFS=, '{ $3 = "42.219.1.1"; $4 = "8.8.8.8"; print }' trace.csv >pair.csv
expect 0 "a trace of two hosts" tiny --set source.path="$T/pair.csv"
finish
