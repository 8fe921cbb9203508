#!/bin/sh
# What a run says and leaves while it is under way, when it is stopped and when it is refused.
# usage: cli_running.sh PATH-OF-FLOWMINT
. "$(dirname "$0")/lib.sh"
begin "$@"

"$F" simulate --rows 2000 --seed 3 --out t.csv 2>err && "$F" init --preset demo p 2>err || { cat err; exit 1; }
P=p/release.yaml
run() { # OPTION...: to the end of ingest, of the project in p
	"$F" run $UNCONFINED --set source.path="$T/t.csv" "$@" $P
}

# --- the bad rows of a refused trace ---
secret="203.0.113.77"
cp t.csv good.csv
{ cat good.csv; for _ in 1 2 3 4 5 6 7 8 9; do echo "2016-03-18 10:00:00,1.0,$secret,8.8.8.8,many,99,TCP,.AP.SF,0,0,14,14704,background"; done
	seq 100 | while read -r _; do echo "2016-03-18 10:00:00,1.0,$secret"; done; } >t.csv
expect 3 "a trace with too many bad rows is refused" run --until ingest
says err "p/workspace/quarantine/r0001.csv" "the message names the file with the bad rows"
says err "less " "and says how to look at it"
holds "the file is there" grep -q "$secret" p/workspace/quarantine/r0001.csv
holds "for its owner alone" [ "$(stat -c %a p/workspace/quarantine/r0001.csv)" = 600 ]
holds "nothing on standard error is of a row" sh -c '! grep -q "$1" err' sh "$secret"
holds "nor in the ledger" sh -c '! grep -q "$1" p/workspace/ledger.db' sh "$secret"
head -n 2000 good.csv >t.csv
echo "2016-03-18 10:00:00,1.0,$secret" >>t.csv
expect 0 "a trace with one bad row is taken" run --until ingest
store=$(sed -n 's/.*private: less //p' err)
holds "the log says where the bad row is" grep -q "$secret" "$store"
holds "the older quarantine is gone" [ ! -e p/workspace/quarantine ]
cp good.csv t.csv

finish
