#!/bin/sh
# Flows made in shards: the run that takes them, in any division and with some lost, releases the same tar as without.  Damaged,
# foreign and misnamed ones are refused by name, and a purge of the model makes them unreadable. Parts of the judging likewise.
# usage: e2e_shards.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

toy 12 4 2000

shard() { # RUN I/N FOLDER [OPTION...]
	of=$1 part=$2 folder=$3
	shift 3
	"$F" generate "$of" $UNCONFINED --quiet --workspace p/workspace --shard "$part" --out "$folder" "$@"
}

# Generate is done again, and what follows from its flows where they are others.
again() { # FOLDER [OPTION...]
	folder=$1
	shift
	rm -rf p/workspace/stages/generate
	"$F" run p $UNCONFINED --set run.shards="$T/$folder" "$@"
}

same_tar() { # NAME
	holds "$1" test "$(tar_digest $archive)" = "$digest"
}

expect 3 "without a workspace there is no shard" shard p/release.yaml 1/2 s
expect 0 "a run trains" "$F" run p $UNCONFINED --quiet --until train
for part in 1 2 3 4 5 6 7; do
	expect 0 "shard $part of 7 is made by the config" shard p/release.yaml $part/7 seven --json
done
holds "its report is one document" test "$(json out '(d["run"], d["shard"], d["of"], d["made"])')" = "('r0001', 7, 7, True)"
holds "for nobody else to read" test "$(stat -c %a seven/shard-7-*)" = 600
archive=p/release/toy-1.0.0.tar.zst
expect 0 "a run takes the seven" "$F" run p $UNCONFINED --set run.shards="$T/seven"
says err "7 of 7 shards were taken from $T/seven" "and says so"
digest=$(tar_digest $archive)
rm -r p/workspace/stages/generate
expect 0 "a run without any" "$F" run p $UNCONFINED --quiet
same_tar "makes the same tar"
expect 0 "the first run's whole, by its id" shard 1 1/1 one
expect 0 "is taken" again one --set train.threads=1
same_tar "with the same tar"

# --- lost, killed, there already ---
rm seven/shard-2-* seven/shard-3-*
: >"seven/.shard-3-of-7-0000000000000000.sealed.1-x.tmp"
expect 0 "lost ones are made by the run" again seven --until generate
says err "run.shards: shard 3 of 7 is not in $T/seven: it is made here" "each is named"
same_flows() { # NAME
	holds "$1" test "$("$F" log --workspace p/workspace --json |
		"$PYTHON" -c 'import json, sys; print(len({r["body"]["output"] for r in json.load(sys.stdin) if r["kind"] == "stage" and r["body"]["name"] == "generate"}))')" = 1
}
same_flows "the flows are the same"
expect 0 "the same command makes what is lost again" shard p/release.yaml 2/7 seven --json
holds "as it was" test "$(json out 'd["made"]')" = True
expect 0 "and leaves what is there" shard p/release.yaml 2/7 seven --json
holds "as it is" test "$(json out 'd["made"]')" = False
timeout -s KILL 0.2 "$F" generate p/release.yaml $UNCONFINED --workspace p/workspace --shard 3/7 --out seven >/dev/null 2>&1
expect 0 "a killed one is made again" shard p/release.yaml 3/7 seven

# --- what is no shard of this run ---
expect 0 "a shard of other flows" shard p/release.yaml 1/7 other --set generate.seed=2
cp -r seven foreign
cp other/* foreign
expect 3 "is refused" again foreign --until generate
says err "is a shard of other flows" "by name"
says err "or walls (with --unconfined and without)" "with all that may be another there"
foreign=$(basename other/shard-*)
mine=$(basename seven/shard-1-*)
rm foreign/*
cp "other/$foreign" "foreign/$mine"
expect 1 "also under the name of this run's" again foreign --until generate
says err "the shard in it is not the one that its name says" "with what it is"
cp -r seven bent
change_byte bent/shard-4-* 5000
expect 1 "a changed byte is refused" again bent --until generate
says err "shard 4 of 7 was damaged" "with the number of the shard"
expect 0 "and the shard is made again" shard p/release.yaml 4/7 bent
expect 0 "and the seven are whole" again bent --until generate
says err "7 of 7 shards were taken" "none is missing"
same_flows "with the same flows"
cp one/* bent
expect 3 "two divisions are refused" again bent --until generate
expect 3 "a folder that is not there is refused before the run" again nowhere --until generate
for wrong in 8/7 7 01/7; do
	expect 2 "--shard $wrong is refused" shard p/release.yaml $wrong seven
done
expect 3 "a run that is not there has none" shard 99 1/2 s
sed 's/^model:.*/model: {kind: ctgan}/; /^train:/d; s/^generate: {steps: [0-9]*, /generate: {/' p/release.yaml >p/gan.yaml
expect 3 "nor has another model" shard p/gan.yaml 1/2 s
says err "has trained a model by this config" "it is said what to do"
expect 2 "a kind that makes its flows in one piece takes none" "$F" run p/gan.yaml $UNCONFINED --set run.shards="$T/seven"
says err "makes its flows in one piece" "with the reason"

# --- the judging in parts ---
part() { # I/N [OPTION...]
	part=$1
	shift
	"$F" judge p/release.yaml $UNCONFINED --quiet --workspace p/workspace --part "$part" --out parts "$@"
}
parted() { # the run, judged again
	"$F" run p $UNCONFINED --set run.parts="$T/parts" --until evaluate
}
metrics() { # of all runs that judged these flows
	"$F" log --workspace p/workspace --json |
		"$PYTHON" -c 'import json, sys; print(len({r["body"]["output"] for r in json.load(sys.stdin) if r["kind"] == "stage" and r["body"]["name"] == "evaluate"}))'
}
expect 3 "flows that are gone are not judged" part 1/3
says err "is no longer there; flowmint run makes it again" "it is said what to do"
expect 0 "(the flows)" "$F" run p $UNCONFINED --quiet --until generate
expect 3 "flows that no run made are not judged" part 1/3 --set generate.seed=9
says err "has generated flows by this config" "it is said why"
expect 0 "part 1 of 3 is searched" part 1/3 --json
holds "its report is one document" test "$(json out '(d["part"], d["of"], d["made"])')" = "(1, 3, True)"
expect 0 "it is left as it is" part 1/3 --json
holds "when it is there" test "$(json out 'd["made"]')" = False
expect 0 "part 3 of 3 is searched" part 3/3
holds "for nobody else to read" test "$(stat -c %a parts/part-3-*)" = 600
rm -r p/workspace/stages/evaluate
mv parts/part-3-* whole
cp whole "parts/$(basename "$(ls parts/part-1-*)" | sed s/part-1-/part-3-/)"
change_byte parts/part-3-* 5000
expect 1 "a changed byte is refused" parted
says err "part 3 of 3 was damaged" "with its number"
cp whole parts/part-3-*
expect 0 "a run takes the two" parted
says err "run.parts: part 2 of 3 is not in $T/parts: it is made here" "what is missing is named"
says err "evaluate: 2 of 3 parts were taken from $T/parts" "and searched alone"
holds "the metrics are the same to the bit" test "$(metrics)" = 1
rm -r p/workspace/stages/evaluate
expect 3 "parts of other thresholds of rare values are refused" "$F" run p $UNCONFINED --set run.parts="$T/parts" --until evaluate \
	--set gate.memory=999
says err "is a part of another judging" "by name"
holds "nothing is left decrypted" test -z "$(decrypted p/workspace)"

# --- purged ---
for run in $("$F" log --workspace p/workspace --json | "$PYTHON" -c 'import json, sys; print(*sorted({r["run"] for r in json.load(sys.stdin)}))'); do
	"$F" purge $run --workspace p/workspace >/dev/null 2>&1
done
expect 0 "the same model, after a purge of all runs" "$F" run p $UNCONFINED --quiet --until train
expect 1 "cannot open the shards of the purged one" again seven --until generate
says err "its model is no longer the one in the workspace" "it is said why"
finish
