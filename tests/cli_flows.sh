#!/bin/sh
# flowmint evaluate on odd flows, and on folders: a stage's product, and a project or its workspace, which stands for its newest run.
# usage: cli_flows.sh [FLOWMINT]
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

flows() { # KEY: of the newest row of that stage
	"$F" log --workspace p/workspace --json >log.json
	json log.json "[r['body']['key'] for r in d if r['kind'] == 'stage' and r['body']['name'] == '$1'][-1]"
}
made() { # OPTION...: a run up to generate
	# shellcheck disable=SC2086 # UNCONFINED is one word or none
	"$F" run p/release.yaml $UNCONFINED --until generate --set source.path="$T/all.csv" --set train.steps=2 --set generate.rows=700 \
		--set model.width=32 --set model.heads=2 --set model.depth=1 --set generate.steps=4 "$@"
}
expect 0 "a trace" "$F" simulate --rows 4000 --seed 9 --out all.csv
head -n 700 all.csv >few.csv
expect 0 "a project" "$F" init --preset demo p
sed 's/^2016-04/1970-01/' few.csv | shuf --random-source=all.csv >odd.csv
expect 0 "flows that no run would take are scored" "$F" evaluate --real few.csv --synthetic odd.csv --only rows,jsd --json
says err "odd.csv: all 700 times lie in 1970" "with a warning"
says err "odd.csv: 3" "and another: how many"
says err "of 700 rows are earlier than the row before them" "of them are out of order"
holds "nothing is said of those that are sound" sh -c '! grep -q "warning: few.csv" err'
expect 3 "a project without a run is refused" "$F" evaluate --real few.csv --synthetic p
says err "p holds no flows of a run" "it says why"
expect 0 "a run of it" made
expect 0 "a product of its newest run, by name" "$F" evaluate --real p/workspace/stages/ingest/"$(flows ingest)" \
	--synthetic p/workspace/stages/generate/"$(flows generate)" --holdout p/workspace/stages/ingest/"$(flows ingest)" --only rows,jsd --json
cp out plain
holds "the holdout of a store is not its training rows" test "$(json out 'd["rows"]["holdout"] < d["rows"]["real"] / 2')" = True
expect 0 "the project's folder stands for them" "$F" evaluate --real p --synthetic p --holdout p --only rows,jsd --json
holds "and scores the same" cmp plain out
says err "p: the generate stage of run r0001" "it says whose flows they are"
expect 0 "so does its workspace" "$F" evaluate --real p/workspace --synthetic p/workspace --holdout p/workspace --only rows,jsd --json
holds "and scores the same" cmp plain out
expect 0 "a run that makes fewer flows" made --set generate.rows=600
expect 0 "a run that made no flows" made --until ingest
expect 0 "the newest run that made flows counts" "$F" evaluate --real p --synthetic p --only rows,jsd --json
says err "p: the generate stage of run r0002" "it says which that is"
cp out newest
expect 0 "a run is named by its number" "$F" evaluate --real r0001 --synthetic r0001 --holdout r0001 --workspace p/workspace --only rows,jsd --json
holds "and scores the same" cmp plain out
expect 0 "also from within its project" sh -c "cd p && '$F' evaluate --real 2 --synthetic r0002 --only rows,jsd --json"
holds "another one as the newest does" cmp newest out
expect 3 "a run that made no flows is refused" "$F" evaluate --real p --synthetic r0003 --workspace p/workspace
says err "no run r0003 there has generated flows" "by its number"
mkdir -p releases x/toy-1.0/data && cp few.csv x/toy-1.0/data/flows.csv && tar -C x -cf - toy-1.0 | zstd -q >releases/toy-1.0.tar.zst
expect 0 "a folder with one archive stands for it" "$F" evaluate --real few.csv --synthetic releases --only rows,jsd --json
holds "with its flows" test "$(json out 'd["rows"]["synthetic"], d["jsd_mean8"]')" = "(700, 0)"
cp releases/toy-1.0.tar.zst releases/toy-1.1.tar.zst
expect 3 "one with several is refused" "$F" evaluate --real few.csv --synthetic releases
says err "releases holds several archives: name one of them" "in words"
cp newest out
holds "its flows are others" test "$(json out 'd["rows"]["synthetic"]')" != "$(json plain 'd["rows"]["synthetic"]')".0
rm -r p/workspace/stages/generate/"$(flows generate)"
expect 3 "a product that was removed is refused, and no older one taken" "$F" evaluate --real p --synthetic p
says err "run r0002" "by its run"
finish
