#!/bin/sh
# What a release is trusted by besides its signature: the log of releases, which only grows; keys that come after keys;
# people who agree.
# usage: cli_trust.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

toy 4 2 600
release() { # VERSION [OPTION...]
	version=$1
	shift
	"$F" run p $UNCONFINED --quiet --set release.version="$version" "$@"
}
verify() { # VERSION [OPTION...]
	version=$1
	shift
	"$V" --signers p/allowed_signers p/release/toy-"$version".tar.zst "$@"
}

# ---- the log ----

# RFC 6962, 2.1, from its text.
cat >merkle.py <<'PY'
import hashlib, json, sys
from functools import lru_cache
def sha(b): return hashlib.sha256(b).digest()
def k_of(n):
    k = 1
    while 2 * k < n: k *= 2
    return k
class Tree:
    def __init__(self, entries): self.d = entries; self.mth = lru_cache(None)(self.mth)
    def mth(self, a, b):
        if b == a: return sha(b"")
        if b == a + 1: return sha(b"\0" + self.d[a])
        k = a + k_of(b - a)
        return sha(b"\1" + self.mth(a, k) + self.mth(k, b))
    def path(self, m, a, b):
        if b == a + 1: return []
        k = k_of(b - a)
        if m < k: return self.path(m, a, a + k) + [self.mth(a + k, b)]
        return self.path(m - k, a + k, b) + [self.mth(a, a + k)]
    def proof(self, m, n): return self.subproof(m, 0, n, True) if 0 < m < n else []
    def subproof(self, m, a, b, whole):
        if m == b - a: return [] if whole else [self.mth(a, b)]
        k = k_of(b - a)
        if m <= k: return self.subproof(m, a, a + k, whole) + [self.mth(a + k, b)]
        return self.subproof(m - k, a + k, b, False) + [self.mth(a, a + k)]
def canonical(v): return json.dumps(v, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
if sys.argv[1] == "all":
    size = int(sys.argv[2])
    t = Tree([b"%d" % i for i in range(size)])
    for n in range(size + 1):
        print("root", n, t.mth(0, n).hex())
        for i in range(n + 1):
            print(" ".join(["consistency", str(i), str(n)] + [h.hex() for h in t.proof(i, n)]))
            if i < n: print(" ".join(["inclusion", str(n), str(i)] + [h.hex() for h in t.path(i, 0, n)]))
else: # a release folder: log, records and proofs
    folder = sys.argv[2]
    lines = [json.loads(l) for l in open(folder + "/LOG.jsonl")]
    t = Tree([canonical(l["record"]) for l in lines])
    for i, l in enumerate(lines):
        base = "%s/%s-%s" % (folder, l["record"]["name"], l["record"]["version"])
        proof = json.load(open(base + ".LOG.json"))
        assert t.d[i] == open(base + ".RELEASE.json", "rb").read()
        assert l["head"] == proof["head"] == {"format": "flowmint-log-head/1", "root": t.mth(0, i + 1).hex(), "size": i + 1}
        assert l["signature"] == proof["signature"]
        assert proof["inclusion"] == {"index": i, "path": [h.hex() for h in t.path(i, 0, i + 1)]}
        assert proof["consistency"] == [{"size": m, "path": [h.hex() for h in t.proof(m, i + 1)]} for m in range(i, 0, -1)]
        open("head", "wb").write(canonical(l["head"]))
        open("head.sig", "w").write(l["signature"])
    print(len(lines), "entries")
PY
"$PYTHON" merkle.py all 64 >wanted
"$(dirname "$V")/tests/make_merkle" 64 >made
holds "roots and proofs of all trees of up to 64 leaves are those of another implementation" cmp -s wanted made
holds "which are 65 roots, 2080 and 2145 proofs" test "$(wc -l <made)" -eq 4290

for v in 1.0.0 1.1.0 1.2.0; do
	expect 0 "release $v" release $v
done
expect 0 "another implementation makes the same heads and proofs of the records" "$PYTHON" merkle.py folder p/release
says out "3 entries" "of all three"
expect 0 "ssh-keygen verifies the last head" sh -c 'ssh-keygen -Y verify -f p/allowed_signers -I flowmint -n flowmint-release -s head.sig <head'
expect 0 "a partner accepts the first" verify 1.0.0
says out "log         entry 1 of 1" "and sees its place in the log"
expect 0 "the third, having missed one" verify 1.2.0 --json
holds "with the log grown since" test "$(json out 'd["log"]["size"], d["memory"]')" = "(3, 'later')"
expect 0 "an audit" "$F" audit --workspace p/workspace
says out "LOG.jsonl, 3 entries" "of the ledger and of the log that it names"
expect 0 "an auditor's file" "$F" audit --workspace p/workspace --export exported --between 1:3
says out "begins with that of 1" "with a proof between two heads"
expect 2 "of which there are two" "$F" audit --workspace p/workspace --between 3
mkdir away && mv exported away/log
expect 0 "which is all that he needs" "$F" audit $UNCONFINED --log away/log --head p/release/toy-1.1.0.LOG.json --between 2:3 --json
holds "and finds no problem in" test "$(json out '(d["intact"], d["entries"], d["signers"][0]["heads"], len(d["consistency"]["path"]), d["heads"][0]["in_log"])')" = \
	"(True, 3, 3, 1, True)"
head -n 1 away/log >away/one
expect 0 "a log of one entry" "$F" audit $UNCONFINED --log away/one
says out "intact: away/one, 1 entry, root" "is one"
says out ", 1 head" "and so is its head"
: >away/none
expect 3 "an empty one proves nothing" "$F" audit $UNCONFINED --log away/none
says err "away/none has no entry" "and is not called intact"
expect 3 "there is no head of 9 entries" "$F" audit $UNCONFINED --log away/log --between 2:9

# What is done to the log is found by the audit and by the next run, which then publishes nothing.
log=p/release/LOG.jsonl
cp $log good
bent() { # NAME WORDS [WORDS OF THE RUN]
	expect 1 "$1: audit" "$F" audit --workspace p/workspace
	says out "$2" "$1: told as '$2'"
	expect 3 "$1: a run" release 1.3.0
	says err "${3:-$2}" "$1: says so"
	holds "$1: nothing is released" test ! -e p/release/toy-1.3.0.tar.zst
	cp good $log
}
sed -i '1s/"issued":"2026/"issued":"2025/' $log
bent "an edited entry" "entry 1 (toy 1.0.0): the root of its head is not"
sed -i 1d $log
bent "an entry taken out" "entry 1 (toy 1.1.0): its head is of 2 entries"
sed -i '$d' $log
bent "the last entry cut off" "the log was rewritten or cut off since" "is not the log that toy 1.2.0 is in"
{ sed -n 2p good; sed -n 1p good; sed -n 3p good; } >$log
bent "entries in another order" "its head is of 2 entries"
rm $log
bent "no log" "the log was rewritten or cut off since" "is not the log that toy 1.2.0 is in"
# Who has the key signs what he likes: a history of his own, with a head to fit.
cat >forge.py <<'PY'
import json, subprocess, sys
sys.argv = ["", "none"]
exec(open("merkle.py").read().split("if sys.argv[1]")[0])
lines = [json.loads(l) for l in open("good")]
hidden = json.loads(json.dumps(lines[0]).replace("toy", "hidden")) # which nobody was told of
lines.insert(0, hidden)
t = Tree([canonical(l["record"]) for l in lines])
for i, l in enumerate(lines):
    l["head"] = {"format": "flowmint-log-head/1", "root": t.mth(0, i + 1).hex(), "size": i + 1}
    open("forged.head", "wb").write(canonical(l["head"]))
    subprocess.check_call("rm -f forged.head.sig; ssh-keygen -q -Y sign -n flowmint-release -f p/keys/release.key forged.head", shell=True)
    l["signature"] = open("forged.head.sig").read()
open("forged", "wb").write(b"".join(canonical(l) for l in lines))
n = len(lines)
open("forged.LOG.json", "wb").write(canonical({"format": "flowmint-log-proof/1", "head": lines[-1]["head"], "signature": lines[-1]["signature"],
    "inclusion": {"index": n - 1, "path": [h.hex() for h in t.path(n - 1, 0, n)]},
    "consistency": [{"size": m, "path": [h.hex() for h in t.proof(m, n)]} for m in range(n - 1, 1, -1)]}))
PY
expect 0 "(a history that was made anew)" "$PYTHON" forge.py
cp forged $log
bent "a history made anew by the key" "row" "is not the log that toy 1.2.0 is in"
expect 1 "an auditor who asks a partner for his head" "$F" audit $UNCONFINED --log forged --head p/release/toy-1.2.0.LOG.json
says out "somebody was shown another log" "finds that there are two"
expect 0 "the history is without fault in itself" "$F" audit $UNCONFINED --log forged --signers p/allowed_signers
mkdir partner && cp p/release/toy-1.2.0* partner && cp forged.LOG.json partner/toy-1.2.0.LOG.json
expect 0 "whom it is new to accepts it" "$V" --no-state --signers p/allowed_signers partner/toy-1.2.0.tar.zst
expect 1 "who has seen the first release does not" "$V" --signers p/allowed_signers partner/toy-1.2.0.tar.zst
says out "bad: log-fork" "and says why"
rm partner/toy-1.2.0.LOG.json
expect 1 "nor one without a proof" "$V" --signers p/allowed_signers partner/toy-1.2.0.tar.zst
says out "bad: log-missing" "for it had one"
cp p/release/toy-1.1.0.LOG.json partner/toy-1.2.0.LOG.json
expect 1 "nor with the proof of another release" "$V" --no-state --signers p/allowed_signers partner/toy-1.2.0.tar.zst
says out "bad: log-not-included" "which is not of its record"
odd=$(printf 'a\377\033b')
mkdir "$odd" && cp good p/release/toy-1.2.0.LOG.json "$odd"
for what in "" --json; do
	expect 0 "a log in a folder whose name is no text $what" "$F" audit $UNCONFINED --log "$odd/good" --head "$odd/toy-1.2.0.LOG.json" $what
done
holds "whose path is shown" test "$(json out 'd["log"] + " " + d["heads"][0]["file"]')" = 'a\xff\x1bb/good a\xff\x1bb/toy-1.2.0.LOG.json'
expect 0 "and exported" "$F" audit $UNCONFINED --log "$odd/good" --export "$odd/copy"
holds "as it is" cmp -s good "$odd/copy"
sed '2s/$/ /' good >spaced
expect 3 "a log with a blank more" "$F" audit $UNCONFINED --log spaced
says err "spaced: line 2: it is not in canonical form" "is refused with the line"
echo "other namespaces=\"flowmint-release\" $(cut -d' ' -f1,2 p/keys/waiver.pub)" >others
expect 1 "a log of other signers" "$F" audit $UNCONFINED --log good --signers others
says out "is not in allowed_signers" "is named"

sed 's/namespaces="flowmint,flowmint-release"/namespaces="flowmint,flowmint-approval"/' p/allowed_signers >limited
expect 1 "a log of signers who may approve, and not release" "$F" audit $UNCONFINED --log good --signers limited
says out "is not in allowed_signers for the namespace flowmint-release" "is none of theirs"
expect 3 "a head that is none" "$F" audit $UNCONFINED --log good --head p/release.yaml
says err "p/release.yaml: it is no JSON" "says nothing of the log, which is not called broken"

# ---- keys that come after keys ----

cp p/allowed_signers theirs # what partners have, and keep
expect 2 "nothing else is done to a key" "$F" key turn p --new p/keys/second
expect 3 "a key after itself" "$F" key rotate p --new p/keys/release.key
says err "--new: p/keys/release.key is publish.key itself" "is not another one"
expect 3 "a public key that is not there" "$F" key rotate p --new p/keys/second.pub
says err "the key that is made is --new p/keys/second," "would be a secret one under a public one's name"
cp p/keys/waiver.pub p/keys/lonely.pub
expect 3 "a public key without its secret one" env -u SSH_AUTH_SOCK "$F" key rotate p --new p/keys/lonely.pub
says err "--new: p/keys/lonely.pub is a public key, which signs by an ssh-agent, and there is none" "cannot sign"
holds "nothing was written" test ! -e p/KEYS.json
for what in p/keys/release.key:"a secret key" p/release/toy-1.2.0.tar.zst.sig:"a signature" p/release.yaml:"no list of signers" \
	p/release/toy-1.2.0.tar.zst:"no list of signers"; do
	expect 3 "${what%%:*} for the signers" "$V" --no-state --signers "${what%%:*}" p/release/toy-1.2.0.tar.zst
	says err "${what%%:*} is ${what#*:}" "is not taken for a list"
	says err 'has lines like: NAME namespaces="flowmint,flowmint-release" ssh-ed25519' "and the message shows a line"
done
for list in / p; do
	for it in "$V --no-state" "$F verify $UNCONFINED --no-state" "$F report $UNCONFINED --out page.html" \
		"$F audit $UNCONFINED --log p/release/LOG.jsonl"; do
		archive=p/release/toy-1.2.0.tar.zst
		[ "${it#*audit}" = "$it" ] || archive=
		# shellcheck disable=SC2086 # words
		expect 3 "$list for the signers of ${it##*/}" $it --signers "$list" $archive
		holds "is called a folder" grep -q "$list is \(a folder; a list of signers has lines like\|the root of all folders\)" err
	done
done
chmod g+w p/allowed_signers
expect 0 "a report by signers that others may change" "$F" report $UNCONFINED --out page.html --signers p/allowed_signers p/release/toy-1.2.0.tar.zst
says err "warning: p/allowed_signers: others may put another list of signers in its place" "is made, and warned of"
"$F" audit $UNCONFINED --log p/release/LOG.jsonl --signers p/allowed_signers >out 2>err
says err "warning: p/allowed_signers: others may put another list of signers in its place" "so is an audit"
chmod g-w p/allowed_signers
rm -f page.html
cp -a p thief && rm -r thief/workspace # who stole the project with its key
expect 0 "a key after the first, which is made" "$F" key rotate p --new p/keys/second
says out 'flowmint namespaces="flowmint,flowmint-release" ssh-ed25519' "its line for allowed_signers"
holds "which has it" grep -qxF "$(cat out)" p/allowed_signers
says err "set publish.key to keys/second," "and what is to be done, as the config names it"
expect 3 "the old key signs no more" release 1.3.0
says err "KEYS.json ends with" "and the message says why"
expect 3 "nor can it be replaced once more" "$F" key rotate p --new p/keys/other
head -c 70000 /dev/zero >p/release/other-1.0.0.KEYS.json
mkdir p/release/toys-1.0.0.KEYS.json p/release/toy-like-1.0.0.KEYS.json
expect 0 "the new one does, whatever lies there of other names" release 1.3.0 --set publish.key="$T/p/keys/second"
rm -r p/release/other-1.0.0.KEYS.json p/release/toys-1.0.0.KEYS.json p/release/toy-like-1.0.0.KEYS.json
head -c 70000 /dev/zero >p/release/toy-1.2.9.KEYS.json
expect 3 "but not while a document of an earlier release of this name cannot be read" release 1.3.3 --set publish.key="$T/p/keys/second"
says err "was replaced is in a file of an earlier release that is damaged" "for it may name a later key"
says err "toy-1.2.9.KEYS.json" "and the message names it"
rm p/release/toy-1.2.9.KEYS.json
spoilt() { # NAME WORDS: of p/release/toy-1.3.0.KEYS.json as it is now
	expect 3 "nor while one $1" release 1.3.3 --set publish.key="$T/p/keys/second"
	says err "toy-1.3.0.KEYS.json: $2" "with the reason"
	expect 1 "audit finds one that $1" "$F" audit --workspace p/workspace
	says out "toy-1.3.0.KEYS.json: $2" "with the reason"
	expect 1 "a partner refuses the release beside one that $1" verify 1.3.0 --no-state
	cp p/KEYS.json p/release/toy-1.3.0.KEYS.json
}
sed -i 's/"number":1/"number":2/' p/release/toy-1.3.0.KEYS.json
spoilt "has another number" "it is not in canonical form"
head -c 300 p/KEYS.json >p/release/toy-1.3.0.KEYS.json
spoilt "was cut off" "it is no JSON"
: >p/release/toy-1.3.0.KEYS.json
spoilt "is empty" "it is no JSON"
sed 's/"issued":"20/"issued":"19/' p/KEYS.json >p/release/toy-1.3.0.KEYS.json
spoilt "has another day" "rotation 1 is not signed by either of its keys"
cp p/KEYS.json kept.KEYS.json
for what in "s/\"number\":1/\"number\":2/" "s/20/19/" d; do
	sed "$what" kept.KEYS.json >p/KEYS.json
	expect 3 "nor while the project's own is spoilt ($what)" release 1.3.3 --set publish.key="$T/p/keys/second"
	says err "p/KEYS.json: " "with its name"
	expect 3 "nor can the key be replaced then" "$F" key rotate p --new p/keys/other
done
rm p/KEYS.json
ln -s nowhere p/KEYS.json
expect 3 "nor is a link to nothing taken for none" release 1.3.3 --set publish.key="$T/p/keys/second"
says err "p/KEYS.json" "and it is named"
# Whoever replaces the key while a run works has the release by the new one.
rm p/KEYS.json
mv kept.KEYS.json p/KEYS.json
cp -a p meanwhile
sed -i 's/^gate:/publish: {key: keys\/second}\ngate:/' meanwhile/release.yaml
mkfifo rows
# shellcheck disable=SC2094 # a pipe
"$F" run meanwhile $UNCONFINED --moved --quiet --set release.version=1.3.3 --events 3 3>rows >out 2>err &
running=$!
while read -r _; do
	[ -e replaced ] || { kill -STOP $running && "$F" -q key rotate meanwhile --new meanwhile/keys/third >replaced 2>&1 && kill -CONT $running; }
done <rows
wait $running
[ $? -eq 3 ]
result $? "the key that was replaced while a run worked releases nothing"
says err "was replaced by SHA256:" "with the reason"
holds "and nothing is there" sh -c '! ls meanwhile/release/toy-1.3.3* 2>/dev/null'
rm -r meanwhile
holds "the release carries the document" cmp -s p/KEYS.json p/release/toy-1.3.0.KEYS.json
mv p/KEYS.json kept.KEYS.json
expect 3 "where the document is gone, the old key signs nothing either" release 1.3.2
says err "toy-1.3.0.KEYS.json" "as what was released tells of it"
mv kept.KEYS.json p/KEYS.json
theirs() { # VERSION [OPTION...]: by a partner who knows the first key alone
	version=$1
	shift
	"$V" --signers theirs p/release/toy-"$version".tar.zst "$@"
}
expect 0 "a partner who trusts the old key follows it" theirs 1.3.0
says out "trusted by" "and is told which"
says out "later than 1.2.0" "as the same signer"
expect 0 "flowmint verify follows it too" "$F" verify $UNCONFINED --no-state --signers theirs p/release/toy-1.3.0.tar.zst
mkdir alone && cp p/release/toy-1.3.0.* alone && rm alone/toy-1.3.0.KEYS.json
expect 1 "not without the document" "$V" --no-state --signers theirs alone/toy-1.3.0.tar.zst
says out "bad: unknown-signer" "for then it is anybody's key"
cat >statement.py <<'PY'
import json
def canonical(v): return json.dumps(v, sort_keys=True, separators=(",", ":")).encode() + b"\n"
r, = json.load(open("p/KEYS.json"))["rotations"]
assert open("p/KEYS.json", "rb").read() == canonical(json.load(open("p/KEYS.json")))
assert r["statement"]["from"].split() == open("p/keys/release.key.pub").read().split()[:2]
assert r["statement"]["to"].split() == open("p/keys/second.pub").read().split()[:2]
open("statement", "wb").write(canonical(r["statement"]))
open("old.sig", "w").write(r["by_old"])
open("new.sig", "w").write(r["by_new"])
PY
expect 0 "(its statement)" "$PYTHON" statement.py
expect 0 "ssh-keygen verifies the old key's signature" sh -c 'ssh-keygen -Y verify -f theirs -I flowmint -n flowmint-release -s old.sig <statement'
tail -n 1 p/allowed_signers >newer
expect 0 "and the new one's" sh -c 'ssh-keygen -Y verify -f newer -I flowmint -n flowmint-release -s new.sig <statement'
# By one key alone.
"$PYTHON" - <<'PY'
import json
d = json.load(open("p/KEYS.json"))
d["rotations"][0]["by_old"] = d["rotations"][0]["by_new"]
open("alone/toy-1.3.0.KEYS.json", "wb").write(json.dumps(d, sort_keys=True, separators=(",", ":")).encode() + b"\n")
PY
expect 1 "a document that the new key alone signed" "$V" --no-state --signers theirs alone/toy-1.3.0.tar.zst
says out "bad: keys-unsigned" "is refused"
# Who stole a key that was replaced, and is revoked, names one after it; what he signs with it partners do not take.
ssh-keygen -q -k -f revoked p/keys/second.pub
cp p/release.yaml config
sed -i 's/^gate:/publish: {key: keys\/second}\ngate:/' p/release.yaml
expect 0 "(a third key)" "$F" key rotate p --new p/keys/third
cp config p/release.yaml
expect 0 "(and a release by it)" release 1.3.1 --set publish.key="$T/p/keys/third"
expect 0 "a partner of the first key follows to the third" theirs 1.3.1 --no-state
expect 1 "not over a key between them that was revoked" theirs 1.3.1 --no-state --revoked revoked
says out "bad: key-revoked" "with the reason"
expect 0 "unless the third has a line of its own" verify 1.3.1 --no-state --revoked revoked
# Who stole the first key named one of his own after it, and a partner followed him: until the first is revoked.
expect 0 "(a thief's key after the first)" "$F" key rotate thief --new thief/keys/own
expect 0 "(and a release by it)" "$F" run thief $UNCONFINED --quiet --set release.version=1.9.0 --set publish.key="$T/thief/keys/own"
misled() { # SIGNERS ARCHIVE [OPTION...]
	"$V" --state misled --signers "$@"
}
expect 0 "a partner whom the thief reaches first takes his" misled theirs thief/release/toy-1.9.0.tar.zst
expect 1 "and not the team's" misled theirs p/release/toy-1.3.0.tar.zst
says out "bad: keys-fork" "which contradicts it"
says out "list it in a file for --revoked FILE" "and the message says what to do"
cp p/keys/release.key.pub stolen
expect 1 "with the stolen key revoked alone" misled theirs p/release/toy-1.3.0.tar.zst --revoked stolen
says out "bad: key-revoked" "nothing vouches for the team's new key"
says out "ask the sender for a line with his key" "and the message says what does"
cat newer theirs >both
expect 1 "with the line of the new key alone" misled both p/release/toy-1.3.0.tar.zst
says out "bad: keys-fork" "the thief's word stands against it"
ssh-keygen -q -k -f stolen.krl stolen
expect 0 "with both it is accepted" misled both p/release/toy-1.3.0.tar.zst --revoked stolen.krl
says out "was revoked: what it said here before" "and what is forgotten is told"
expect 0 "and so is what comes after it" misled both p/release/toy-1.3.1.tar.zst --revoked stolen.krl
holds "without a word of what was forgotten" sh -c '! grep -q "was revoked" out'
expect 1 "the thief's is refused then" misled both thief/release/toy-1.9.0.tar.zst --revoked stolen.krl
says out "bad: key-revoked" "as of a revoked key's making"
expect 1 "by a partner who forgets the list too" misled both thief/release/toy-1.9.0.tar.zst
says out "bad: keys-fork" "who remembers what the team said"
# An auditor who has the line of the first key alone.
mkdir auditor
cp p/release/LOG.jsonl auditor/log
audits() { # [OPTION...]
	"$F" audit $UNCONFINED --log auditor/log --signers theirs "$@"
}
expect 1 "an auditor who knows the first key, of a log with three" audits
says out "entry 4 (toy 1.3.0): the key that signed its head is not in allowed_signers" "does not know the others"
cp p/release/toy-1.3.1.KEYS.json auditor
expect 0 "with KEYS.json of the newest release he does" audits --head p/release/toy-1.3.1.LOG.json --json
holds "and sees who signed" test "$(json out 'sorted((s["signer"], s["heads"]) for s in d["signers"])')" = "[('flowmint', 1), ('flowmint', 1), ('flowmint', 3)]"
mkdir auditor/a.KEYS.json auditor/b.KEYS.json
expect 1 "documents of keys that cannot be read are findings" audits
says out "auditor/a.KEYS.json" "the first is named"
says out "auditor/b.KEYS.json" "and so is the next"
rmdir auditor/a.KEYS.json auditor/b.KEYS.json
expect 0 "in the release folder all of them lie beside the log" "$F" audit $UNCONFINED --log p/release/LOG.jsonl --signers theirs
# The list of revoked keys that partners have.
expect 1 "with the list of revoked keys that partners have" audits --revoked revoked
says out "entry 4 (toy 1.3.0): the key SHA256:" "the head by a key of the list is found"
says out "was revoked: revoked lists it" "with the reason"
says out ", 1 head, REVOKED" "beside whose it is"
says out "entry 5 (toy 1.3.1): the key that signed its head is not in allowed_signers, and came after one that was revoked" "and the key that it named counts for nothing"
expect 1 "where all three have lines" "$F" audit $UNCONFINED --log auditor/log --signers p/allowed_signers --revoked p/keys/second.pub --json
holds "what the revoked one signed alone does" test "$(json out '[(p["entry"], "was revoked" in p["problem"]) for p in d["problems"]] == [(4, True)] and [s["revoked"] for s in d["signers"]]')" = "[False, True, False]"
expect 1 "a partner's head by a revoked key, of who trusts any signer" "$F" audit $UNCONFINED --log auditor/log --head p/release/toy-1.3.0.LOG.json --revoked revoked
says out "toy-1.3.0.LOG.json: the key that signed its head was revoked" "is found"
expect 1 "the audit of a workspace takes the list too" "$F" audit --workspace p/workspace --revoked revoked
says out "entry 4 (toy 1.3.0): the key SHA256:" "and finds the same"
cp revoked listed
expect 2 "the log is not written over what it is checked by" audits --revoked listed --export listed
holds "which stays" cmp revoked listed
expect 0 "a list of other keys changes nothing" audits --revoked p/keys/waiver.pub
head -c 60 revoked >half
expect 3 "a list that cannot be read to its end" audits --revoked half
says err "half: it is no list of revoked keys that can be read to its end" "is no list"
expect 3 "nor is one that is not there" audits --revoked none
cp p/release/toy-1.3.0.KEYS.json auditor/toy-1.3.1.KEYS.json
expect 1 "not with that of an earlier one" audits
says out "entry 5 (toy 1.3.1): the key" "which does not come to the third key"
cp p/release/toy-1.3.1.KEYS.json auditor/toy-1.3.1.KEYS.json
sed 's/flowmint,flowmint-release/flowmint/' theirs >archives
expect 1 "where the first key's line is of archives alone, none comes after it" "$F" audit $UNCONFINED --log auditor/log --signers archives
says out "(toy 1.3.1): the key that signed its head is not in allowed_signers for the namespace flowmint-release" "and the words name what it lacks"
cp alone/toy-1.3.0.KEYS.json auditor
expect 1 "a document that the new key alone signed" audits
says out "auditor/toy-1.3.0.KEYS.json: rotation 1 is not signed by its old key: both must" "is found"
cp thief/release/toy-1.9.0.KEYS.json auditor/toy-1.3.0.KEYS.json
cp thief/release/LOG.jsonl auditor/log
expect 0 "an auditor who knows of no theft follows the thief too" audits
expect 1 "not with the line of the team's new key alone" "$F" audit $UNCONFINED --log auditor/log --signers newer
rm -r thief
# What was accepted last is known whatever the partner calls the two keys.
{ echo "newteam namespaces=\"flowmint,flowmint-release\" $(cut -d' ' -f1,2 p/keys/second.pub)"; cat theirs; } >renamed
expect 0 "a partner who names the new key otherwise" "$V" --state named --signers renamed p/release/toy-1.3.0.tar.zst
expect 1 "is not given a release by the old key after that" "$V" --state named --signers renamed p/release/toy-1.1.0.tar.zst
says out "bad: rollback" "as a new one"
sed 's/flowmint,flowmint-release/flowmint/' theirs >archives
expect 1 "where the old key's line is of archives alone, no key comes after it" "$V" --no-state --signers archives p/release/toy-1.3.0.tar.zst
says out "this key may sign for flowmint, not for flowmint-release" "and the words name what it lacks"

expect 0 "the log goes on under the new key" "$F" audit --workspace p/workspace
says out "p/release/LOG.jsonl, 5 entries" "with all of them"

# ---- people who agree ----

latest=$T/p/keys/third
for who in alice bob carol; do
	"$F" keygen --out p/keys/$who --principal $who >/dev/null
done
allow() { # NAME KEY: to approve
	echo "$1 namespaces=\"flowmint-approval\" $(cut -d' ' -f1,2 "p/keys/$2.pub")" >>p/allowed_signers
}
allow alice alice
allow carol,alice carol
approve() { # KEY
	"$F" approve --workspace p/workspace --key "p/keys/$1" "$run"
}
agreed() { # [OPTION...]: a release that takes two
	release 1.4.0 --set publish.key="$latest" --set publish.approvals=2 "$@"
}
waits() { # HOW-MANY NAME [OPTION...]
	have=$1 name=$2
	shift 2
	expect 1 "$name" agreed "$@"
	says err "waits for approvals: $have of 2 are there" "$name: and says how many there are"
	says err " -C $(realpath p) --key KEY" "$name: and how to approve, wherever one is"
	holds "$name: nothing is released" test -z "$(find p/release -name 'toy-1.4.0*')"
}
waits 0 "no release without approvals"
says err "lets 1 sign approvals beside publish.key (lines that share a name, such as alice, are one person's)" "who counts once is named"
run=$(sed -n 's/.*flowmint approve \(r[0-9]*\) .*/\1/p' err)
expect 0 "status" "$F" status --workspace p/workspace
says out "toy 1.4.0: waiting" "says that the run waits"
expect 3 "a key that is not named for it" approve bob
says err 'NAME namespaces="flowmint-approval" ssh-ed25519' "and the line that is missing"
allow bob bob
allow flowmint third
sed -i 's/^gate:/publish: {approvals: 2, key: keys\/third}\ngate:/' p/release.yaml
expect 3 "a run that there is none of" "$F" approve --workspace p/workspace --key p/keys/alice r0099
expect 0 "one approves" approve alice
says out "gate: pass" "and is shown the verdict"
expect 3 "the key that releases does not" approve third
expect 0 "the same person approves again, by another key" approve carol
waits 1 "which is one person still"
says err "is by somebody who has approved already" "and the run says so"
says err "share the name alice" "and by which name"
if command -v ssh-keygen >/dev/null; then
	file=$(find p/approvals -name '*.approval' | head -n 1)
	expect 0 "ssh-keygen verifies an approval" sh -c "ssh-keygen -Y verify -f p/allowed_signers -I alice -n flowmint-approval -s $file.sig <$file"
else
	skip "ssh-keygen verifies an approval" "no ssh-keygen"
fi
expect 0 "another one approves" approve bob
cp -r p/approvals approved
cp p/allowed_signers allowed
# alice's is changed, bob may approve no more, and to the third the config is another
sed -i 's/"version":"1.4.0"/"version":"1.4.1"/' "$("$PYTHON" - "$(cat p/keys/alice.pub)" <<'PY'
import base64, hashlib, sys
blob = base64.b64decode(sys.argv[1].split()[1])
fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
print("p/approvals/toy-1.4.0.%s.approval" % hashlib.sha256(fingerprint.encode()).hexdigest()[:16])
PY
)"
sed -i '/^bob /d' p/allowed_signers
waits 0 "what was approved is what is released" --set release.description=other
says err "the config was changed since" "in the words that were approved"
says err "was altered after it was signed" "a changed approval is none"
says err "by a key that allowed_signers does not name" "nor is one by who may approve no more"
rm -r p/approvals && cp -r approved p/approvals
cp allowed p/allowed_signers
# What is signed beside archive and manifest, and what the config names by a path.
waits 0 "another day of expiry" --set publish.expires=2099-12-31
says err "publish.expires was changed since" "which nobody approved"
waits 0 "another number" --set publish.sequence=99
says err "publish.sequence was changed since" "which nobody approved"
"$F" keygen --out p/keys/attest --principal attest >attest.line
sed 's/namespaces="[^"]*"/namespaces="flowmint-attestation"/' attest.line >>p/allowed_signers
waits 0 "a second key" --set publish.attestation_key="$T/p/keys/attest"
says err "publish.attestation_key is another than when it was signed" "which nobody approved"
cp allowed p/allowed_signers
echo "terms" >terms
waits 0 "a licence of other words" --set release.license_file="$T/terms"
says err "the file of release.license_file was changed since" "which nobody approved"
cp p/KEYS.json kept.KEYS.json
expect 0 "(a fourth key)" "$F" key rotate p --new p/keys/fourth
waits 0 "another key to sign" --set publish.key="$T/p/keys/fourth"
says err "publish.key is another than when it was signed" "which nobody approved"
mv kept.KEYS.json p/KEYS.json
cp allowed p/allowed_signers
# Dialects of the team's own: the files may change while their paths, which the config has, stay.
cp "$ROOT/manifests/dialects/ugr16.yaml" read.yaml
cp read.yaml write.yaml
own() { # HOW-MANY NAME
	waits "$1" "$2" --set source.dialect="$T/read.yaml" --set publish.dialect="$T/write.yaml"
}
own 0 "dialects of files"
run=$(sed -n 's/.*flowmint approve \(r[0-9]*\) .*/\1/p' err)
expect 0 "(one approves of them)" approve alice
own 1 "dialects that one has seen"
for file in read:source.dialect write:publish.dialect; do
	cp "${file%%:*}.yaml" kept.yaml
	echo "# another word" >>"${file%%:*}.yaml"
	own 0 "another file of ${file#*:}"
	says err "the file of ${file#*:} was changed since" "which nobody approved"
	mv kept.yaml "${file%%:*}.yaml"
done
own 1 "the files as they were seen"
rm -r p/approvals && cp -r approved p/approvals
# By who approved with an earlier version, which did not show them.
old() { # KEY FILE
	sed 's/.*"config":\("[^"]*"\).*"flows":\("[^"]*"\).*"verdict":\("[^"]*"\).*/{"config":\1,"flows":\2,"format":"flowmint-approval\/1","name":"toy","verdict":\3,"version":"1.4.0"}/' "$2" >"$2.old" &&
		mv "$2.old" "$2" && rm "$2.sig" && ssh-keygen -q -Y sign -n flowmint-approval -f "p/keys/$1" "$2" 2>/dev/null
}
for file in p/approvals/*.approval; do
	expect 0 "(an approval of before)" old alice "$file"
done
waits 0 "approvals of before"
says err "was signed by an earlier version, which did not show publish.expires" "are told of"
says err "approve again" "with what to do"
rm -r p/approvals && cp -r approved p/approvals
expect 0 "two people who agree" agreed --json
holds "are in what the run tells" test "$(json out 'sorted(a["signer"].split(",")[-1] for a in d["approvals"])')" = "['alice', 'bob']"
holds "and in the record" test "$(json p/release/toy-1.4.0.RELEASE.json 'sorted(a["signer"].split(",")[-1] for a in d["approvals"])')" = "['alice', 'bob']"
expect 0 "which partners see" verify 1.4.0
says out "alice SHA256:" "by name"
expect 0 "the log has them too" "$F" audit --workspace p/workspace
# A waiver is by somebody else than who releases, and of a check of leakage only where the config lets it.
waive() { # CHECK KEY
	"$F" waive p/release.yaml --check "$1" --reason "a test" --expires 2099-12-31 --key "p/keys/$2"
}
echo "flowmint namespaces=\"flowmint-waiver\" $(cut -d' ' -f1,2 p/keys/third.pub)" >>p/allowed_signers
expect 3 "a waiver by the key that releases" waive controls.broken third
says err "asks for more than one person" "where it takes two"
sed -i 's/approvals: 2/approvals: 0/' p/release.yaml
cp -r p/waivers waived
expect 0 "where it does not, it may" waive controls.broken third
expect 1 "but counts for nothing where it does" release 1.5.0 --set publish.approvals=2
says err "publish.approvals asks for more than one person" "with a warning that says so"
rm -r p/waivers && cp -r waived p/waivers
expect 3 "a waiver of a check of leakage" waive leak.rows_equal waiver
says err "gate.waivable names it" "which the config does not let be waived"
holds "nothing was written" test ! -e p/waivers/leak.rows_equal.waiver
expect 2 "gate.waivable is of leakage" "$F" config p/release.yaml --set gate.waivable=jsd_mean8
sed -i 's/^gate:/gate:\n  waivable: leak.rows_equal/' p/release.yaml
expect 0 "where it does, it is signed" waive leak.rows_equal waiver
# A release that partners refuse from the day that it is made is told of, and a record that is there stays.
expect 0 "a release whose day of expiry has passed" release 1.5.0 --set publish.expires=2026-11-28 --set publish.key="$T/p/keys/third"
says err "publish.expires: 2026-11-28 has passed" "is warned of"
expect 1 "and refused" verify 1.5.0
expect 0 "the same with a later day" release 1.5.0 --set publish.expires=2099-12-31 --set publish.key="$T/p/keys/third"
says err "is released already, until 2026-11-28, and its record stays as it is" "changes nothing, which is said"
expect 0 "where the config no longer says so" release 1.5.0 --until gate --set gate.waivable=
says err "gate.waivable does not name: leak.rows_equal" "it counts for nothing"
finish
