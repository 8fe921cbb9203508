#!/bin/sh
# Who changes the record is found, whatever he knows of its form, as long as he has not the project's secret: by flowmint audit,
# by status and log, and by the next run, which then writes nothing.
# usage: cli_ledger.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
# shellcheck disable=SC2016 # sh -c expands it
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

toy 4 2 600
run() { # OPTION...
	"$F" run p $UNCONFINED --quiet "$@"
}
expect 0 "a run" run --until ingest
echo "no keys" >garbled
for list in nosuch garbled; do
	expect 3 "a list of revoked keys that is none ($list) is refused where nothing was released" "$F" audit --workspace p/workspace --revoked $list
	says err "$list" "and named"
done
says err "it is no list of revoked keys" "with the reason"
expect 0 "a list of keys is read" "$F" audit --workspace p/workspace --revoked p/keys/waiver.pub
cp -a p/workspace older # the state of affairs before the release
expect 0 "a release" run
expect 0 "an untouched ledger" "$F" audit --workspace p/workspace
says out "intact" "is intact"
says out "under the key of the project $T/p" "and the key is named that this is known by"
expect 0 "status agrees" "$F" status --workspace p/workspace
rows=$("$F" audit --workspace p/workspace --json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["rows"])')
holds "the head is kept beside the key too" sh -c 'test "$(cat p/keys/ledger-*.head)" = "$(cat p/workspace/ledger.head)"'
holds "nobody else can read it" test "$(stat -c %a p/workspace/ledger.db p/workspace/ledger.head | sort -u)" = 600
record=p/release/toy-1.0.0.RELEASE.json
holds "the record of the release commits to it" test "$(json $record 'sorted((k, len(v)) for k, v in d["ledger"].items())')" = \
	"[('first', 64), ('head', 64)]"
expect 0 "the release verifies" "$V" -q --no-state --signers p/allowed_signers p/release/toy-1.0.0.tar.zst

# What somebody with sqlite3 and the source can do: rows, hashes and head made anew, but no MAC.
cat >bend.py <<'PY'
import hashlib, json, sqlite3, sys
workspace, how = sys.argv[1:3]
path = workspace + "/ledger.db"
db = sqlite3.connect(path, isolation_level=None)
saved = db.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
    db.execute(f"DROP TRIGGER {name}")
last = db.execute("SELECT max(row) FROM ledger").fetchone()[0]
columns = ("row", "time", "run", "kind", "body", "prev", "hash", "mac")
def rows():
    return [dict(zip(columns, r)) for r in db.execute("SELECT " + ", ".join(columns) + " FROM ledger ORDER BY row")]
def hashed(r):
    return hashlib.sha256(json.dumps({k: r[k] for k in ("body", "kind", "prev", "row", "run", "time")}, sort_keys=True,
                                     separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
def chain(first=1): # as flowmint would have hashed them
    prev = "0" * 64
    for r in rows():
        if r["row"] >= first:
            r["prev"] = prev
            r["hash"] = hashed(r)
            db.execute("UPDATE ledger SET prev = ?, hash = ? WHERE row = ?", (r["prev"], r["hash"], r["row"]))
        prev = r["hash"]
def head():
    r = rows()[-1]
    mac = open(workspace + "/ledger.head").read().split()[2]
    open(workspace + "/ledger.head", "w").write(f"{r['row']} {r['hash']} {mac}\n")
def add(row):
    prev = rows()[-1]
    r = {"row": row, "time": prev["time"], "run": "r0009", "kind": "end", "body": '{"status":"complete"}', "prev": prev["hash"],
         "mac": prev["mac"]}
    r["hash"] = hashed(r)
    db.execute("INSERT INTO ledger VALUES(?,?,?,?,?,?,?,?)", [r[c] for c in columns])
run_sql = lambda *statements: [db.execute(s) for s in statements]
middle = last // 2
exec(how)
for (sql,) in saved: # and covers his tracks
    if "keep" not in sys.argv[3:]:
        db.execute(sql)
db.close()
PY

found() { # WORDS NAME: by audit, and by a run, which adds nothing
	expect 1 "$2: audit" "$F" audit --workspace p/workspace
	says out "$1" "$2: told as '$1'"
	expect 1 "$2: a run" run --until ingest
	says err "the ledger is" "$2: says why it does not begin"
	rm -rf p/workspace && cp -a good p/workspace
}
bent() { # WORDS NAME PYTHON [keep]
	"$PYTHON" bend.py p/workspace "$3" "${4:-}" || { holds "$2: (done)" false; return; }
	found "$1" "$2"
}
cp -a p/workspace good
cp p/keys/ledger-*.head witness

# 1-6: one row
bent "was edited" "an edited body" 'run_sql("UPDATE ledger SET body = body || char(32) WHERE row = 3")'
bent "was edited" "an edited time" 'run_sql("UPDATE ledger SET time = \"2020-01-01T00:00:00Z\" WHERE row = 3")'
bent "was edited" "another run" 'run_sql("UPDATE ledger SET run = \"r0009\" WHERE row = 3")'
bent "was edited" "another kind" 'run_sql("UPDATE ledger SET kind = \"note\" WHERE row = 3")'
bent "bytes behind the end of a text" "a text behind a text" 'run_sql("UPDATE ledger SET body = body || char(0) || \"more\" WHERE row = 3")'
bent "is not under the key" "another MAC" 'run_sql("UPDATE ledger SET mac = hash WHERE row = 3")'
# 7-11: rows that went
bent "removed" "a removed row" 'run_sql("DELETE FROM ledger WHERE row = 3")'
bent "row 2 follows row 0" "a removed first row" 'run_sql("DELETE FROM ledger WHERE row = 1")'
bent "cut off" "a removed last row" 'run_sql("DELETE FROM ledger WHERE row = (SELECT max(row) FROM ledger)")'
bent "ledger.head is not under the key" "a removed last row, and a head to fit" \
	'run_sql("DELETE FROM ledger WHERE row = (SELECT max(row) FROM ledger)"); head()'
bent "cut off" "no row at all" 'run_sql("DELETE FROM ledger")'
# 12-16: rows that came or were made anew
bent "reordered" "two rows in the other order" 'run_sql("UPDATE ledger SET row = 999 WHERE row = 2", "UPDATE ledger SET row = 2 WHERE row = 3",
	"UPDATE ledger SET row = 3 WHERE row = 999")'
"$PYTHON" bend.py p/workspace 'add(last + 1)'
expect 1 "a row added at the end: status" "$F" status --workspace p/workspace
says err "the ledger is broken" "a row added at the end: says that it is not to be trusted"
expect 1 "a row added at the end: log" "$F" log --workspace p/workspace --json
found "was added or rewritten from outside" "a row added at the end"
bent "was added or rewritten from outside" "a row added at the end, and a head to fit" 'add(last + 1); head()'
bent "was added or rewritten from outside" "a row put in between, and all made anew" \
	'run_sql(*[f"UPDATE ledger SET row = {i + 1} WHERE row = {i}" for i in range(last, middle, -1)]); add(middle + 1); chain(); head()'
bent "was added or rewritten from outside" "a verdict edited, and all made anew" \
	'run_sql("UPDATE ledger SET body = replace(body, \"pass\", \"fail\") WHERE kind = \"verdict\""); chain(); head()'
# 17-20: the head
rm p/workspace/ledger.head
found "ledger.head is missing" "a removed head"
echo nonsense >p/workspace/ledger.head
found "not a ledger head" "a head that is none"
cp older/ledger.head p/workspace/ledger.head
found "newer than the head" "the head of another day"
sed -i 's/ [0-9a-f]*$/ 0000000000000000000000000000000000000000000000000000000000000000/' p/workspace/ledger.head
found "ledger.head is not under the key" "a head without its MAC"
# 21-25: older copies, and none
cp older/ledger.db older/ledger.head p/workspace
found "an older copy was put back" "both files of another day"
cp older/ledger.db older/ledger.head p/workspace
rm p/keys/ledger-*.head
found "toy-1.0.0.RELEASE.json was released when the ledger had a row that it has no more" "both, and the witness is gone"
cp witness "p/keys/$(cd p/keys && "$PYTHON" -c 'import hashlib, os; print("ledger-" + hashlib.sha256(os.path.realpath("../workspace").encode()).hexdigest()[:16] + ".head")')"
rm p/workspace/ledger.db
expect 1 "the database is gone: audit" "$F" audit --workspace p/workspace
says err "the ledger is gone" "the database is gone: told so"
expect 1 "the database is gone: a run" run --until ingest
rm -f p/workspace/ledger.head
expect 1 "both files are gone: audit" "$F" audit --workspace p/workspace
says err "it had $rows rows" "both files are gone: the witness says what there was"
expect 1 "both files are gone: a run" run --until ingest
rm -rf p/workspace && cp -a good p/workspace
head -c 8192 /dev/zero | tr '\0' x >p/workspace/ledger.db
expect 1 "a file that is no database: audit" "$F" audit --workspace p/workspace
expect 1 "a file that is no database: a run" run --until ingest
rm -rf p/workspace && cp -a good p/workspace
# 26-30: tables
bent "trigger quiet, which flowmint did not make" "a trigger of another's" \
	'run_sql("CREATE TRIGGER quiet BEFORE INSERT ON ledger WHEN new.kind = \"charge\" BEGIN SELECT RAISE(IGNORE); END")'
bent "trigger ledger_no_update is missing" "triggers that went" '' keep
bent "view releases was replaced" "a view that shows something else" \
	'run_sql("DROP VIEW releases", "CREATE VIEW releases AS SELECT row, time, run FROM ledger WHERE 0")'
bent "view verdicts is missing" "a view that went" 'run_sql("DROP VIEW verdicts")'
bent "table notes, which flowmint did not make" "a table of another's" 'run_sql("CREATE TABLE notes(x)")'
bent "the table of rows is not the one" "a table of rows without rules" 'run_sql("ALTER TABLE ledger RENAME TO rows",
	"CREATE TABLE ledger(row, time, run, kind, body, prev, hash, mac)", "INSERT INTO ledger SELECT * FROM rows", "DROP TABLE rows")'
# 31-35: files
chmod 666 p/workspace/ledger.db
found "ledger.db may be written by others (mode 0666)" "a database that others may write"
chmod 666 p/workspace/ledger.head
found "ledger.head may be written by others (mode 0666)" "a head that others may write"
mv p/workspace/ledger.db elsewhere.db && ln -s "$T/elsewhere.db" p/workspace/ledger.db
found "is a link" "a link in the place of the database"

rm p/workspace/ledger.db && mkfifo p/workspace/ledger.db
for what in audit run; do
	[ $what = run ] && set -- run --until ingest || set -- "$F" audit --workspace p/workspace
	expect 1 "a named pipe in the place of the database: $what" "$@"
	says err "no regular file" "a named pipe in the place of the database: says so"
done
rm -rf p/workspace && cp -a good p/workspace
mv p/workspace/ledger.head elsewhere.head && ln -s "$T/elsewhere.head" p/workspace/ledger.head
found "ledger.head is a link" "a link in the place of the head"
# 36-40: what SQLite takes up when it opens the file
# plant.py DB journal|wal: with DB itself untouched, what makes SQLite read a ledger that lacks its last row
cat >plant.py <<'PY'
import os, shutil, sqlite3, sys
path, how = sys.argv[1:3]
for end in ("", "-journal", "-wal", "-shm"):
    if os.path.exists("less.db" + end): os.unlink("less.db" + end)
shutil.copy(path, "less.db")
db = sqlite3.connect("less.db", isolation_level=None)
triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
def cut():
    for name, sql in triggers: db.execute(f"DROP TRIGGER {name}")
    db.execute("DELETE FROM ledger WHERE row = (SELECT max(row) FROM ledger)")
    for name, sql in triggers: db.execute(sql)
if how == "wal":
    db.execute("PRAGMA journal_mode=WAL")
    shutil.copy("less.db", path) # its header asks for the log, nothing else is changed
    cut()
    shutil.copy("less.db-wal", path + "-wal")
else: # the pages of the shorter ledger, as a transaction that was cut short keeps them
    cut()
    db.execute("PRAGMA synchronous=OFF") # so the journal says at once that it is whole
    db.execute("BEGIN IMMEDIATE")
    for name, sql in triggers: db.execute(f"DROP TRIGGER {name}")
    db.execute("UPDATE ledger SET time = time || ' ', run = run || ' '")
    shutil.copy("less.db-journal", path + "-journal")
PY
for how in journal wal; do
	"$PYTHON" plant.py p/workspace/ledger.db $how
	found "cut off" "a $how that was planted, which takes the last row away"
done
bent "there is an index notes, which flowmint did not make" "an index of another's" 'run_sql("CREATE INDEX notes ON ledger(kind)")'
bent "trigger ledger_no_update was replaced" "a trigger that does nothing" 'saved.clear(); run_sql("CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT 1; END",
	"CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT 1; END")'
# the head of the database file: a format that SQLite does not have
printf '\0\0\0\011' | dd of=p/workspace/ledger.db bs=1 seek=44 conv=notrunc 2>/dev/null
expect 1 "a schema of no format: audit" "$F" audit --workspace p/workspace
says err "unsupported file format" "is told"
expect 1 "a schema of no format: a run" run --until ingest
rm -rf p/workspace && cp -a good p/workspace
# what of the file no row is on: a count of free pages and their list, a number that flowmint does not set, bytes behind the end
poke() { # OFFSET BYTES
	printf "$2" | dd of=p/workspace/ledger.db bs=1 seek="$1" conv=notrunc 2>/dev/null
}
poke 39 '\001'
found "has free pages" "a count of free pages in the head of the database"
poke 60 hide
found "has a user_version" "a number hidden in the head of the database"
poke 68 hide
found "has an application_id" "another"
printf hidden >>p/workspace/ledger.db
found "has bytes behind its last page" "bytes behind the database"
bent "has free pages" "a page that rows were removed from" 'run_sql("CREATE TABLE t AS SELECT randomblob(9000) AS x", "DROP TABLE t")'
if [ "$(id -u)" = 0 ]; then
	chown 65534 p/workspace/ledger.db
	found "ledger.db belongs to another user" "a database that another may write to as its owner"
	cp -a p copied && mkdir -m 700 theirs && chown 65534 theirs
	"$F" run copied $UNCONFINED --quiet --until ingest --workspace "$T/theirs" >out 2>err # its stages may not look in there
	holds "root's run in the folder of another user does not find it broken" sh -c '! grep -q "the ledger is broken" err'
	expect 0 "it makes a ledger that is not called broken" "$F" audit --workspace theirs
	rm -r copied theirs
else
	skip "a database of another" "only root can give one away"
fi
# what SQLite would wait for, or open elsewhere
for side in journal wal shm; do
	mkfifo p/workspace/ledger.db-$side
	for what in audit run; do
		[ $what = run ] && set -- run p $UNCONFINED --quiet --until ingest || set -- audit --workspace p/workspace
		expect 1 "a named pipe beside the database, -$side: $what" timeout 300 "$F" "$@"
		says err "ledger.db-$side: the ledger is broken: this is no regular file" "a named pipe beside the database, -$side: says so"
	done
	rm -rf p/workspace && cp -a good p/workspace
done
echo precious >elsewhere
ln -s "$T/elsewhere" p/workspace/ledger.db-journal
expect 1 "a link in the place of the journal" "$F" audit --workspace p/workspace
holds "nothing was written behind it" test "$(cat elsewhere)" = precious
rm -rf p/workspace && cp -a good p/workspace
# another type under the same bytes: loosen.py DB SQL, with the table's own text put back
cat >loosen.py <<'PY'
import sqlite3, sys
def opened(): return sqlite3.connect(sys.argv[1], isolation_level=None)
db = opened()
triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
for name, _ in triggers: db.execute(f"DROP TRIGGER {name}")
(strict,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'ledger'").fetchone()
def schema(text):
    db = opened()
    db.execute("PRAGMA writable_schema=ON")
    db.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'ledger'", (text,))
    db.close()
schema(strict.replace(" STRICT", "").replace(" NOT NULL", "").replace("TEXT", "BLOB"))
db = opened()
db.execute(sys.argv[2])
db.close()
schema(strict)
db = opened()
for _, sql in triggers: db.execute(sql)
PY
"$PYTHON" loosen.py p/workspace/ledger.db "UPDATE ledger SET body = CAST(body AS BLOB) WHERE row = 3"
found "a value that is no text" "a body that is the same bytes and no text"
"$PYTHON" loosen.py p/workspace/ledger.db "UPDATE ledger SET hash = CAST(hash AS BLOB)"
found "a value that is no text" "hashes that are no text"
# 41-46: another text, another ledger, the witness
bent "was edited" "a body that is another text of the same meaning" 'run_sql("UPDATE ledger SET body = replace(body, \":\", \": \") WHERE row = 3")'
bent "row 101 follows row 0" "rows numbered anew from 100" 'run_sql("UPDATE ledger SET row = row + 100")'
cp -a p o && rm -rf o/workspace o/release o/keys/ledger-*
expect 0 "(another workspace of the project)" "$F" run o $UNCONFINED --quiet --until ingest
cp o/workspace/ledger.db o/workspace/ledger.head p/workspace
found "an older copy was put back" "the ledger of another workspace of the project"
head -c 32 /dev/urandom >o/keys/commitment.key && rm -rf o/workspace o/keys/ledger-*
expect 0 "(the ledger of another project)" "$F" run o $UNCONFINED --quiet --until ingest
cp o/workspace/ledger.db o/workspace/ledger.head p/workspace
found "not under the key" "the ledger of another project"
w=$(echo p/keys/ledger-*.head)
cp "$w" witness
sed 's/^[0-9]*/3/' witness >"$w"
found "is not the row that the witness" "an edited witness"
cp witness "$w" && chmod 666 "$w"
found "$(basename "$w") may be written by others" "a witness that others may write"
chmod 600 "$w"
chmod 770 p/keys
expect 0 "a folder in which others may put another witness breaks nothing" "$F" audit --workspace p/workspace
says out "others may put another witness in its place" "but is told of"
expect 0 "nor does a run end for it" "$F" run p --until ingest --quiet
chmod 700 p/keys
expect 0 "a ledger with its witness" "$F" audit --workspace p/workspace
holds "has nothing said of it" sh -c '! grep "without a witness" out'
mv "$w" witness
expect 0 "one without" "$F" audit --workspace p/workspace
says out "without a witness" "is told of, as an older copy may then pass"
mv witness "$w"

# --- a folder of releases that is closed to the user ---
if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
	as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
	[ -e flowmint ] || cp "$F" flowmint
	chmod 755 . && chmod a+x "$(dirname "$T")" && chmod 711 flowmint # which may be run, not read
	cp -a p theirs && chown -R 65534:65534 theirs && mode=$(stat -c %a p/release) && chmod 700 p/release
	expect 0 "a folder of releases that is closed to the user breaks no ledger" as_nobody ./flowmint log --workspace theirs/workspace --project theirs
	expect 0 "nor does it stop a run" as_nobody ./flowmint run theirs $UNCONFINED --quiet --until ingest
	says err "$T/p/release, or a record in it, is kept from this user" "which warns of it"
	echo nonsense >theirs/workspace/ledger.head
	expect 1 "nor does it hide what is found" as_nobody ./flowmint audit --workspace theirs/workspace --project theirs
	chmod "$mode" p/release
	chmod 755 flowmint
	rm -r theirs
else
	skip "a folder of releases that is closed to the user" "needs root and setpriv"
fi

# --- what is no tampering ---
expect 0 "what was put back is intact" "$F" audit --workspace p/workspace
expect 0 "and the next run goes on" run --until ingest
cp -a p/workspace moved
expect 0 "a copy elsewhere is intact" "$F" audit --workspace moved
ln -s moved linked
expect 0 "so is one that a link leads to" "$F" audit --workspace linked
chmod g+w moved
expect 1 "but not one that others may write, by the link either" "$F" audit --workspace linked
chmod g-w moved
mkdir -p q/keys && head -c 32 /dev/urandom >q/keys/commitment.key && chmod 600 q/keys/commitment.key
expect 1 "but not under another project's key" "$F" audit --workspace moved --project q
says out "by another project" "which is said"
mv p p2
expect 0 "without a project at hand the digests alone are checked" "$F" audit --workspace moved
says out "by its digests alone" "which is said"
mv p2 p
rm -rf p/workspace
expect 0 "a workspace that was removed whole is begun anew" run --until ingest
says err "was here before" "with a warning"
expect 0 "and intact" "$F" audit --workspace p/workspace
finish
