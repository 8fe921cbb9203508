#!/bin/sh
# What flowmint signs and packs, other programs accept; what they sign, flowmint-verify accepts; what was tampered with,
# both refuse.
#
#     tests/interop_release.sh BUILD        after: make BUILD/flowmint-verify BUILD/tests/make_release
set -eu
unset SOURCE_DATE_EPOCH
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-build}" && pwd)
make_release=$build/tests/make_release
verify=$build/flowmint-verify
dir=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-interop-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export XDG_STATE_HOME="$dir/state" # where flowmint-verify remembers what it accepted

passed=0
ok() {
	passed=$((passed + 1))
	echo "ok $passed - $1"
}
die() {
	echo "not ok - $1" >&2
	exit 1
}
# wants STATUS REASON COMMAND...: the exit status, and the reason in the JSON report ("" = none is printed)
wants() {
	status=$1 reason=$2
	shift 2
	set +e
	"$@" >report.json 2>report.err
	got=$?
	set -e
	[ "$got" = "$status" ] || die "exit status $got instead of $status: $* ($(cat report.err))"
	if [ -n "$reason" ]; then
		python3 -m json.tool report.json >/dev/null || die "the report is no JSON: $*"
		said=$(python3 -c 'import json,sys; print(json.load(open("report.json"))["reason"])')
		[ "$said" = "$reason" ] || die "reason $said instead of $reason: $*"
	else
		[ ! -s report.json ] || die "a report where none was due: $*"
	fi
}

# --- keys ---
"$make_release" keygen ours releases@example.org >ours.line
[ "$(stat -c %a ours)" = 600 ] || die "our private key has mode $(stat -c %a ours)"
ssh-keygen -y -f ours | cut -d' ' -f1,2 >derived
cut -d' ' -f1,2 ours.pub | cmp -s - derived || die "ssh-keygen -y derives another public key than ours.pub"
ok "ssh-keygen -y reads our private key"
ssh-keygen -l -f ours.pub >/dev/null
ok "ssh-keygen -l reads our public key"
ssh-keygen -q -t ed25519 -N '' -C 'their key' -f theirs
ssh-keygen -q -t ed25519 -N secret -C x -f encrypted
ssh-keygen -q -t ecdsa -N '' -C x -f ecdsa
{
	cat ours.line
	printf 'theirs@example.org namespaces="flowmint,flowmint-release" %s\n' "$(cat theirs.pub)"
	printf 'ecdsa@example.org %s\n' "$(cat ecdsa.pub)"
	printf '*@ca.example.org cert-authority %s\n' "$(cat encrypted.pub)"
} >signers

# --- signatures over any file ---
head -c 100000 /dev/urandom >file
"$make_release" sign ours flowmint file
ssh-keygen -Y verify -f signers -I releases@example.org -n flowmint -s file.sig <file >/dev/null 2>&1 ||
	die "ssh-keygen refuses our signature"
ssh-keygen -Y check-novalidate -n flowmint -s file.sig <file >/dev/null 2>&1 || die "ssh-keygen refuses our signature"
ok "ssh-keygen -Y verify accepts our signature"
[ "$(ssh-keygen -Y find-principals -f signers -s file.sig <file)" = releases@example.org ] ||
	die "ssh-keygen does not find the signer"
ok "ssh-keygen -Y find-principals finds our signer"
mv file.sig file.ours
ssh-keygen -q -Y sign -f ours -n flowmint file 2>/dev/null
cmp -s file.sig file.ours || die "ssh-keygen signs with other bytes than ours"
ok "ssh-keygen -Y sign makes the same bytes with our key"
rm file.sig
: >empty
"$make_release" sign theirs flowmint empty
ssh-keygen -Y verify -f signers -I theirs@example.org -n flowmint -s empty.sig <empty >/dev/null 2>&1 ||
	die "ssh-keygen refuses our signature with its key"
ok "we sign with a key that ssh-keygen made"
wants 3 "" "$make_release" sign encrypted flowmint file
grep -q passphrase report.err || die "no word of the passphrase"
wants 3 "" "$make_release" sign ecdsa flowmint file
grep -q ecdsa report.err || die "no word of the type of key"
chmod 640 theirs
wants 3 "" "$make_release" sign theirs flowmint file
chmod 600 theirs
ok "an encrypted key, another type of key and a key open to the group are refused"

# --- a release ---
mkdir one two
"$make_release" release ours one >one.txt
TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$make_release" release theirs two >two.txt
archive=one/out/office-1.2.0.tar.zst
wants 0 good "$verify" --json --signers signers $archive
"$verify" --signers signers $archive | head -1 | grep -qx 'good: office 1.2.0' || die "the text report does not begin with good"
ssh-keygen -Y verify -f signers -I releases@example.org -n flowmint -s $archive.sig <$archive >/dev/null 2>&1 ||
	die "ssh-keygen refuses the release"
ok "flowmint-verify and ssh-keygen accept a release"
[ "$(ls -A one/out | wc -l)" = 2 ] || die "more than the archive and its signature: $(ls -A one/out)"
cmp -s $archive two/out/office-1.2.0.tar.zst || die "the same inputs gave two archives"
[ "$(sed -n 2p one.txt)" = "$(zstd -dcq $archive | sha256sum | cut -d' ' -f1)" ] || die "tar_sha256 is not the tar's"
ok "the same inputs give the same archive, whoever signs it and in whatever time zone"
cp $archive.sig kept.sig
rm $archive.sig
ssh-keygen -q -Y sign -f theirs -n flowmint $archive 2>/dev/null
wants 0 good "$verify" --json --signers signers $archive
ok "flowmint-verify accepts a signature of ssh-keygen's"
cp kept.sig $archive.sig
python3 "$here/signer_lines.py" "$verify" $archive ours.pub "${SIGNER_LINES:-50}" >lines.log ||
	die "ssh-keygen reads lines of signers otherwise: $(tail -n 3 lines.log)"
ok "ssh-keygen and flowmint-verify agree on ${SIGNER_LINES:-50} lines of signers files made at random"
python3 "$here/signature_files.py" "$verify" $archive ours.pub "${SIGNATURES:-10}" >files.log ||
	die "a signature that ssh-keygen refuses: $(tail -n 3 files.log)"
ok "flowmint-verify takes no file of a signature that ssh-keygen refuses"

tar --zstd -tvf $archive >listing
[ "$(wc -l <listing)" = 10 ] || die "tar lists $(wc -l <listing) entries"
grep -qv '0/0 ' listing && die "an entry belongs to somebody"
tar --zstd -xf $archive
(cd office-1.2.0 && sha256sum --strict --quiet -c SHA256SUMS) || die "sha256sum -c fails"
[ "$(find office-1.2.0 -type f | wc -l)" = "$(($(wc -l <office-1.2.0/SHA256SUMS) + 1))" ] || die "SHA256SUMS does not list all"
ok "tar and sha256sum -c accept the archive"
for f in manifest.json datapackage.json; do
	python3 -m json.tool office-1.2.0/$f >/dev/null || die "$f is no JSON"
done
python3 - <<'PY' || die "datapackage.json and data/flows.csv disagree"
import csv, hashlib, json
p = json.load(open("office-1.2.0/datapackage.json"))
r = p["resources"][0]
data = open("office-1.2.0/" + r["path"], "rb").read()
assert len(data) == r["bytes"] and "sha256:" + hashlib.sha256(data).hexdigest() == r["hash"]
rows = list(csv.reader(data.decode(r["encoding"]).splitlines(), delimiter=r["dialect"]["delimiter"]))
fields = r["schema"]["fields"]
assert len(rows) == 20000 and all(len(row) == len(fields) for row in rows)
for row in rows:
    for value, field in zip(row, fields):
        if field["type"] == "integer":
            assert 0 <= int(value) <= field.get("constraints", {}).get("maximum", 1 << 63)
        elif field["type"] == "number":
            assert float(value) >= 0
m = json.load(open("office-1.2.0/manifest.json"))
assert m["rows"] == 20000 and m["release"]["date"] == "2024-02-29"
PY
ok "JSON and CSV are what they say to other readers"
grep -q 'no differential privacy guarantee' office-1.2.0/README.md || die "README.md does not speak plainly of privacy"

# --- attestations: openssl on an encoding that is built here ---
"$make_release" attest theirs $archive >office.intoto.jsonl
python3 - office.intoto.jsonl theirs.pub <<'PY' || die "the attestations are not in their form"
import base64, json, sys
key = base64.b64decode(open(sys.argv[2]).read().split()[1])[-32:]
der = bytes.fromhex("302a300506032b6570032100") + key # RFC 8410
open("attest.pem", "w").write("-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(der).decode() + "\n-----END PUBLIC KEY-----\n")
kinds = ["https://slsa.dev/provenance/v1", "https://in-toto.io/attestation/test-result/v0.1"]
lines = open(sys.argv[1]).read().splitlines()
assert len(lines) == 2
for i, line in enumerate(lines):
    e = json.loads(line)
    kind, body = e["payloadType"].encode(), base64.b64decode(e["payload"], validate=True)
    open(f"pae.{i}", "wb").write(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body))
    open(f"pae.{i}.sig", "wb").write(base64.b64decode(e["signatures"][0]["sig"], validate=True))
    s = json.loads(body)
    assert s["_type"] == "https://in-toto.io/Statement/v1" and s["predicateType"] == kinds[i]
    open(f"subject.{i}", "w").write("".join(f'{x["digest"]["sha512"]}  {x["name"]}\n' for x in s["subject"]))
assert s["predicate"]["result"] == "PASSED" and s["predicate"]["passedTests"] and not s["predicate"]["failedTests"]
PY
zstd -dcqf $archive >office-1.2.0.tar
cp $archive office-1.2.0.tar.zst
for i in 0 1; do
	openssl pkeyutl -verify -pubin -inkey attest.pem -rawin -in pae.$i -sigfile pae.$i.sig >/dev/null || die "openssl refuses attestation $i"
	sha512sum --strict --quiet -c subject.$i || die "attestation $i is of other files"
	printf x >>pae.$i
	openssl pkeyutl -verify -pubin -inkey attest.pem -rawin -in pae.$i -sigfile pae.$i.sig >/dev/null 2>&1 && die "openssl accepts other bytes"
done
rm office-1.2.0.tar office-1.2.0.tar.zst
ok "openssl verifies the attestations over an encoding built from their parts"

# The schema of the manifest has each member that a manifest has, and closes each object but those of other formats.
mkdir whole && tar --zstd -xf "$here/golden/release/golden-1.0.0.tar.zst" -C whole
python3 - "$here/../docs/manifest.schema.json" whole/golden-1.0.0/manifest.json "$here"/golden/manifests/*.json <<'PY' >interop.log 2>&1 ||
import json, sys
schema = json.load(open(sys.argv[1]))
free = {".schema", ".config"}
def look(s, v, at):
    s = schema["$defs"][s["$ref"].rsplit("/", 1)[1]] if isinstance(s, dict) and "$ref" in s else s
    if s is True or at in free:
        return
    if isinstance(v, dict):
        assert "additionalProperties" in s, at + " is open"
        for name, below in v.items():
            more = s.get("properties", {}).get(name, s["additionalProperties"])
            assert more is not False, at + "." + name
            look(more, below, at + "." + name)
    elif isinstance(v, list):
        for below in v:
            look(s.get("items", True), below, at + "[]")
for path in sys.argv[2:]:
    look(schema, json.load(open(path)), "")
PY
	die "the schema of the manifest and manifests have other members: $(tail -n 1 interop.log)"
ok "the schema of the manifest has the members of manifests, and no others"

# --- readers that make deps-interop brings ---
if [ -x "$build/venv/bin/python" ]; then
	"$build/venv/bin/python" - office-1.2.0 office.intoto.jsonl theirs.pub <<'PY' >interop.log 2>&1 || die "other readers refuse the documents: $(tail -n 3 interop.log)"
import base64, json, sys
from frictionless import Package
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
import mlcroissant
report = Package(sys.argv[1] + "/datapackage.json").validate()
assert report.valid, report.flatten(["rowNumber", "fieldNumber", "type", "note"])[:3]
issues = mlcroissant.Dataset(sys.argv[1] + "/croissant.json").metadata.ctx.issues
assert not issues.errors, issues.errors
blob = base64.b64decode(open(sys.argv[3]).read().split()[1])
for line in open(sys.argv[2]):
    e = json.loads(line)
    key = SSlibKey(e["signatures"][0]["keyid"], "ed25519", "ed25519", {"public": blob[-32:].hex()})
    Envelope.from_dict(e).verify([key], 1)
PY
	ok "frictionless, mlcroissant and securesystemslib accept the documents"
	# The documents' way to Parquet: names and types of the schema, and each row.
	(cd office-1.2.0 && "$build/venv/bin/python" - ../flows.parquet <<'PY') >interop.log 2>&1 || die "DuckDB makes no Parquet of it: $(tail -n 3 interop.log)"
import duckdb, json, sys
r = json.load(open('datapackage.json'))['resources'][0]
names = [f['name'] for f in r['schema']['fields']]
duckdb.read_csv(r['path'], header=r['dialect']['header'], names=names).to_parquet(sys.argv[1])
made = duckdb.read_parquet(sys.argv[1])
assert made.columns == names and made.shape[0] == 20000, (made.columns, made.shape)
kinds = {"integer": "BIGINT", "number": "DOUBLE", "datetime": "TIMESTAMP"}
for f, kind in zip(r['schema']['fields'], made.types):
    assert kinds.get(f['type'], str(kind)) == str(kind), (f, kind)
assert duckdb.sql("select count(*) from (from made except all from read_csv('%s', header=false, names=%r))" % (r['path'], names)).fetchall() == [(0,)]
PY
	ok "DuckDB makes Parquet of the flows, with the names and types of the schema"
	# The schema of the manifest, by a validator of JSON Schema: it takes this one and that of a whole run, and none that lacks a part
	# which it asks for, or has it of another kind.
	"$build/venv/bin/python" - "$here/../docs/manifest.schema.json" office-1.2.0/manifest.json whole/golden-1.0.0/manifest.json <<'PY' \
		>interop.log 2>&1 || die "the schema of the manifest: $(tail -n 3 interop.log)"
import copy, json, sys
from jsonschema import Draft202012Validator as Validator
schema = json.load(open(sys.argv[1]))
Validator.check_schema(schema)
v = Validator(schema)
for path in sys.argv[2:]:
    m = json.load(open(path))
    faults = [e.json_path + ": " + e.message[:80] for e in v.iter_errors(m)]
    assert not faults, (path, faults)
    for name in schema["required"] + ["commitments", "histograms"]:
        for change in (lambda d: d.pop(name), lambda d: d.update({name: 7.5})):
            d = copy.deepcopy(m)
            change(d)
            assert not v.is_valid(d), name
    for change in (lambda d: d["checks"][0].pop("threshold"), lambda d: d["checks"][0].update(value=None),
                   lambda d: d["checks"][0].update({"pass": False}), lambda d: d["checks"][0].update(n=-1),
                   lambda d: d["privacy"].update(epsilon=1), lambda d: d["privacy"].update(mode="dp"), lambda d: d.update(verdict="fail"),
                   lambda d: d.update(later=1), lambda d: d["environment"].update(cpu="x"), lambda d: d["stages"][0].update(seed=1),
                   lambda d: d["histograms"]["fields"][0].update(note=1), lambda d: d["files"][0].update(sha256="x"), lambda d: d["metrics"][0].update(name="\x1b[2J")):
        d = copy.deepcopy(m)
        change(d)
        assert not v.is_valid(d)
PY
	ok "a validator of JSON Schema takes manifests by the schema of the documents, and refuses changed ones"
else
	echo "# not tried: frictionless, mlcroissant, securesystemslib, jsonschema (make deps-interop)"
fi

bad=bad/office-1.2.0.tar.zst window=''
mkdir bad

# --- tampering; ssh-keygen refuses what it can see ---
refuses() {
	wants 1 "$1" "$verify" --json --signers signers $bad
	if ssh-keygen -Y verify -f signers -I releases@example.org -n flowmint -s $bad.sig <$bad >/dev/null 2>&1; then
		die "ssh-keygen accepts: $1"
	fi
}
cp $archive.sig $bad.sig
size=$(stat -c %s $archive)
for at in 0 3 100 $((size / 2)) $((size - 1)); do
	python3 - $archive $bad $at <<'PY'
import sys
b = bytearray(open(sys.argv[1], "rb").read())
b[int(sys.argv[3])] ^= 0x10
open(sys.argv[2], "wb").write(b)
PY
	refuses bad-signature
done
head -c $((size / 2)) $archive >$bad
refuses bad-signature
cp $archive $bad
cp file.ours $bad.sig
refuses bad-signature
ssh-keygen -q -Y sign -f ours -n git - <$bad >$bad.sig 2>/dev/null
refuses wrong-namespace
rm $bad.sig
wants 1 signature-missing "$verify" --json --signers signers $bad
ssh-keygen -q -Y sign -f ecdsa -n flowmint - <$bad >$bad.sig 2>/dev/null
refuses signature-malformed
ok "changed, truncated, wrongly signed and unsigned archives are refused, by ssh-keygen too"
cp kept.sig $bad.sig
sed 's/namespaces="flowmint,flowmint-release" /&,valid-before="20200101Z" /; s/" ,/",/' signers >expired
wants 1 key-expired "$verify" --json --signers expired $bad
grep -v '^releases' signers >others
wants 1 unknown-signer "$verify" --json --signers others $bad
ok "expired and unknown keys are refused"

# --- revoked keys, by lists that ssh-keygen made and takes ---
wants 0 good "$verify" --no-state --json --signers signers $bad
cut -d' ' -f1,2 ours.pub >line
sed 's/^/sha1: /' line >by-sha1
sed 's/^/sha256: /' line >by-sha256
sed 's/^/key: /' line >by-key
sed 's/^/key: /' theirs.pub >by-other
printf 'hash: %s\n' "$(ssh-keygen -lf ours.pub | cut -d' ' -f2)" >by-hash
for by in sha1 sha256 key hash other; do
	ssh-keygen -q -k -f krl-$by by-$by
done
ssh-keygen -q -k -f krl-all -z 7 by-other by-sha1 encrypted.pub ecdsa.pub
{ echo '# revoked' && cat theirs.pub && echo && cat ours.pub; } >krl-text
cat theirs.pub ecdsa.pub >krl-others
ours=releases@example.org
for krl in sha1 sha256 key hash all text; do
	! ssh-keygen -q -Y verify -f signers -I $ours -n flowmint -r krl-$krl -s $bad.sig <$bad >/dev/null 2>&1 || die "ssh-keygen takes what krl-$krl revokes"
	wants 1 key-revoked "$verify" --no-state --json --signers signers --revoked krl-$krl $bad
done
for krl in other others; do
	ssh-keygen -q -Y verify -f signers -I $ours -n flowmint -r krl-$krl -s $bad.sig <$bad >/dev/null || die "ssh-keygen refuses for krl-$krl"
	wants 0 good "$verify" --no-state --json --signers signers --revoked krl-$krl $bad
done
: >krl-empty
wants 0 good "$verify" --no-state --json --signers signers --revoked krl-empty $bad
head -c 60 krl-other >krl-cut
{ cat krl-other && printf '\377\0\0\0\1x'; } >krl-more
echo 'ssh-ed25519 AAAA' >krl-short
echo 'nonsense' >krl-words
sed 's/ssh-ed25519/ssh-rsa/' theirs.pub >krl-type
awk '{ print $1, substr($2, 1, 64) }' ours.pub >krl-half
for krl in cut more short words type half absent; do
	wants 3 "" "$verify" --no-state --json --signers signers --revoked krl-$krl $bad
done
ok "keys on ssh-keygen's revocation lists are refused, and lists that cannot be read"

# --- archives of other makers, well signed ---
repack() {
	zstd -qf $window -o $bad bad.tar
	ssh-keygen -q -Y sign -f ours -n flowmint - <$bad >$bad.sig 2>/dev/null
}
tar --format=ustar --owner=0 --group=0 --numeric-owner --sort=name --mtime=@1709164800 -cf bad.tar office-1.2.0
repack
wants 1 entry-type "$verify" --json --signers signers $bad # a folder of its own for data/
tar --format=ustar --owner=1000 --group=1000 --numeric-owner --sort=name -cf bad.tar office-1.2.0
repack
wants 1 entry-header "$verify" --json --signers signers $bad
tar --format=gnu -cf bad.tar office-1.2.0
repack
wants 1 archive-malformed "$verify" --json --signers signers $bad
zstd -dcqf $archive >bad.tar
tar -rf bad.tar --transform='s,^,office-1.2.0/,' listing
repack
wants 1 entry-header "$verify" --json --signers signers $bad
zstd -dcqf $archive >bad.tar
repack
wants 0 good "$verify" --json --signers signers $bad
ok "a tar of another maker is refused; our tar in another zstd is accepted"

# --- what it costs: memory under 32 MiB whatever comes ---
most=32768
grep -qa __asan_init "$verify" && most=131072 # its shadow, and what is held back after it was freed
# costs WHAT STATUS REASON COMMAND...: as wants, with the most memory that the command held
costs() {
	what=$1 status=$2 reason=$3
	shift 3
	wants "$status" "$reason" python3 - "$@" <<'PY'
import os, resource, subprocess, sys
rc = subprocess.run(sys.argv[1:]).returncode
kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
open("cost", "w").write(str(kib))
sys.exit(rc)
PY
	echo "# $what: $(cat cost) KiB"
	[ "$(cat cost)" -lt $most ] || die "$what takes $(cat cost) KiB of memory"
}
costs "a release" 0 good "$verify" --json --signers signers $archive
# What a partner remembers of 7,000 other names is not held in memory.
mkdir -m 700 many
python3 - >many/accepted.json <<'PY'
import json
print(json.dumps({"format": "flowmint-accepted/1", "releases": [
    {"accepted": "2026-11-28T10:00:00Z", "fingerprint": "SHA256:%043d" % i, "log_root": "%064x" % i, "log_size": 5, "name": "name%d" % i,
     "record_sha256": "%064x" % i, "sequence": 3, "signer": "team%d" % i, "tar_sha256": "%064x" % i, "version": "1.0"} for i in range(7000)]},
    indent=2, sort_keys=True))
PY
chmod 600 many/accepted.json
cp many/accepted.json before.json
costs "a memory of 7,000 names" 0 good "$verify" --json --state many --signers signers $archive
python3 - <<'PY' || die "one more release, and others are not as they were"
import json
before, after = (json.load(open(f))["releases"] for f in ("before.json", "many/accepted.json"))
text = open("many/accepted.json").read()
assert after[:-1] == before and text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
PY
costs "the same once more" 0 good "$verify" --json --state many --signers signers $archive
ok "a memory of 7,000 names is kept as it was, in little memory"
# hostile NAME TEXT COUNT: an archive whose manifest has TEXT COUNT times over
hostile() {
	python3 - "$2" "$3" bad.tar "${5:-}" <<'PY'
import io, random, sys, tarfile
unit, count, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
files = {"README.md": b"x", "SHA256SUMS": b"", "data/flows.csv": random.Random(1).randbytes(12 << 20), "datapackage.json": b"{}"}
files["croissant.json"] = b"{" + b" " * 2097000 + b"}"
files["CITATION.cff"] = b"#" * 65000
files["datapackage.json"] = b"{" + b" " * 2097000 + b"}"
files["manifest.json"] = ('{"x":[' + unit * count + ']}').encode()
import hashlib
files["SHA256SUMS"] = "".join(f"{hashlib.sha256(b).hexdigest()}  {n}\n" for n, b in sorted(files.items()) if n != "SHA256SUMS").encode()
files["SHA256SUMS"] += b"x" * 2090000 if "sums" in sys.argv else b""
t = tarfile.open(out, "w", format=tarfile.USTAR_FORMAT)
def add(name, kind, mode, data):
    i = tarfile.TarInfo(name)
    i.type, i.mode, i.size, i.mtime = kind, mode, len(data), 315532800
    t.addfile(i, io.BytesIO(data))
add("office-1.2.0/", tarfile.DIRTYPE, 0o755, b"")
for n in sorted(files):
    add("office-1.2.0/" + n, tarfile.REGTYPE, 0o644, files[n])
t.close()
PY
	window=--long=23
	repack
	window=''
	costs "$1" 1 "$4" "$verify" --json --signers signers $bad
}
hostile "a deep manifest" '[' 2000000 manifest-malformed
hostile "a wide manifest" '{},' 690000 manifest-malformed
hostile "a manifest of texts" '"",' 690000 manifest-malformed
hostile "a manifest just small enough" '{},' 30000 manifest-malformed
hostile "documents as large as may be" '{},' 30000 sums-malformed sums
hostile "a manifest that is long" '{},' 5000000 entry-size
{
	head -c 512 bad.tar # the folder
	python3 - <<'PY'
import sys, tarfile
i = tarfile.TarInfo("office-1.2.0/README.md")
i.mode, i.size, i.mtime = 0o644, 2 << 30, 315532800
sys.stdout.buffer.write(i.tobuf(tarfile.USTAR_FORMAT))
PY
	head -c 2147483648 /dev/zero
} | zstd -q >$bad
ssh-keygen -q -Y sign -f ours -n flowmint - <$bad >$bad.sig 2>/dev/null
costs "an archive that expands to 2 GiB" 1 archive-expands "$verify" --json --signers signers $bad
ok "no manifest costs the verifier 32 MiB of memory"

# --- allowed_signers: nothing is accepted that ssh-keygen refuses ---
cp $archive kept.tar.zst
ours=$(cut -d' ' -f1,2 ours.pub) others=$(cut -d' ' -f1,2 theirs.pub) body=$(cut -d' ' -f2 ours.pub)
tried=0 stricter=0
judged() { # judged AGREES|STRICTER LINES: printf's escapes are undone
	printf "$2" >judged
	theirs=0 mine=0
	TZ=UTC ssh-keygen -Y verify -f judged -I a@b -n flowmint -s kept.sig <kept.tar.zst >/dev/null 2>&1 || theirs=1
	"$verify" --quiet --signer a@b --signers judged $archive || mine=1
	"$verify" --quiet --signers judged $archive && anyone=0 || anyone=1
	tried=$((tried + 1))
	if [ "$1" = AGREES ]; then
		[ $theirs = $mine ] || die "ssh-keygen says $theirs, flowmint-verify $mine: $2"
	else
		[ $theirs$mine = 01 ] || die "ssh-keygen says $theirs, flowmint-verify $mine, which is not stricter: $2"
		stricter=$((stricter + 1))
	fi
	# Without a name, patterns and other people's lines may do; a line that excludes somebody, or cannot be read, may not.
	case $2 in *!*@b*) [ $anyone = 1 ] || die "accepted without a name: $2" ;; esac
}
grep -v '^#' <<EOF >lines
AGREES a@b $ours\n
AGREES a@b $ours
AGREES a@b $ours\r\n
AGREES a@b namespaces="flowmint" $ours c\r\n
AGREES \ta@b\t$ours\n
AGREES a@b   namespaces="flowmint"   $ours\n
AGREES \357\273\277a@b $ours\n
AGREES # c\r\n\r\na@b $ours\n
AGREES !a@b $ours\n
AGREES *,!c@d $ours\n
AGREES *,!a@b $ours\n
AGREES *,!*@b $ours\n
AGREES !*@b,a@b $ours\n
AGREES a@* $ours\n
AGREES ?@b $ours\n
AGREES A@b $ours\n
AGREES c@d $ours\n
AGREES c@d,a@b $ours\n
AGREES "a@b" $ours\n
AGREES "a@b,x y" $ours\n
AGREES "x y",a@b $ours\n
AGREES a@b,"x" $ours\n
AGREES ,a@b $ours\n
AGREES a@b,, $ours\n
AGREES "a@b $ours\n
AGREES a@b" $ours\n
AGREES a@b valid-before="20990101Z" $ours\n
AGREES a@b valid-before="20990101z" $ours\n
AGREES a@b valid-before="20990101UTC" $ours\n
AGREES a@b valid-before="20990101Z",valid-before="20990101Z" $ours\n
AGREES a@b valid-after="20000101Z",valid-after="20000101Z" $ours\n
AGREES a@b valid-after="20000101Z",valid-before="20990101Z" $ours\n
AGREES a@b valid-after="20980101Z" $ours\n
AGREES a@b valid-before="20000101Z" $ours\n
AGREES a@b valid-after="20300101Z",valid-before="20200101Z" $ours\n
AGREES a@b valid-before="19700101Z" $ours\n
AGREES a@b valid-after="19700101Z" $ours\n
AGREES a@b valid-before="2099010100Z" $ours\n
AGREES a@b valid-before="20991301Z" $ours\n
AGREES a@b valid-before=20990101Z $ours\n
AGREES a@b valid-before $ours\n
AGREES a@b namespaces="flowmint",namespaces="flowmint" $ours\n
AGREES a@b NAMESPACES="flowmint" $ours\n
AGREES a@b namespaces="Flowmint" $ours\n
AGREES a@b namespaces="flowmint", $ours\n
AGREES a@b namespaces="" $ours\n
AGREES a@b namespaces=" flowmint" $ours\n
AGREES a@b namespaces="a\\\\"b,flowmint" $ours\n
AGREES a@b namespaces="flowmint"frob $ours\n
AGREES a@b namespaces="flow"mint" $ours\n
AGREES a@b namespaces="flowmint $ours\n
AGREES a@b namespaces="!git" $ours\n
AGREES a@b namespaces="*,!git" $ours\n
AGREES a@b namespaces="*,!flow*" $ours\n
AGREES a@b namespaces="git" $ours\na@b $ours\n
AGREES a@b cert-authority $ours\n
AGREES a@b cert-authority,cert-authority $ours\n
AGREES a@b no-cert-authority $ours\n
AGREES a@b cert-authority $others\na@b $ours\n
AGREES a@b frob $ours\n
AGREES a@b # $ours\n
AGREES a@b SSH-ED25519 $body\n
AGREES a@b ssh-ed25519  $body\n
AGREES a@b $ours=\n
AGREES a@b ${ours}A\n
AGREES a@b $ours,c\n
AGREES a@b $others\n
AGREES a@b $others\na@b $ours\n
AGREES a@b ssh-rsa AAAA\na@b $ours\n
AGREES \va@b $ours\n
AGREES a@b\v$ours\n
STRICTER x frob $others\na@b $ours\n
STRICTER junk\na@b $ours\n
STRICTER junk junk junk\na@b $ours\n
STRICTER "" $ours\na@b $ours\n
AGREES a@b valid-before="20990230Z" $ours\n
EOF
while IFS= read -r line; do
	judged "${line%% *}" "${line#* }"
done <lines
[ $tried -ge 54 ] || die "only $tried lines were judged"
ok "of $tried allowed_signers lines flowmint-verify accepts what ssh-keygen accepts, but for $stricter that it refuses by design"
# A signature by a key of small order: all zero but for R = the neutral point, which holds for every message in plain verifiers.
weak=$(python3 -c 'import base64, struct; s = lambda b: struct.pack(">I", len(b)) + b; print(base64.b64encode(s(b"ssh-ed25519") + s(b"\1" + bytes(31))).decode())')
printf 'a@b ssh-ed25519 %s\n' "$weak" >judged
wants 3 "" "$verify" --json --signers judged $archive
grep -q 'small order' report.err || die "no word of the small order"
ok "a key of small order is refused"

# --- names and terminals ---
wants 1 other-signer "$verify" --json --signer c@d --signers signers $archive
wants 0 good "$verify" --json --signer releases@example.org --signers signers $archive
esc=$(printf '\033[2J\302\233x\177')
cp $archive "$esc.tar.zst"
cp kept.sig "$esc.tar.zst.sig"
for how in --json --signer=releases@example.org "--$esc" "--signer=$esc" "--signers=$esc" "--record=$esc" "--state=$esc" \
	"--extract=$esc" "--state=signers/$esc"; do
	"$verify" --signers signers "$how" "$esc.tar.zst" >shown 2>&1 && die "accepted under another name"
	LC_ALL=C grep -q "$(printf '[\001-\011\013-\037\177-\377]')" shown && die "raw bytes reach the terminal: $how"
done
mkdir renamed
cp $archive renamed/office-2.0.0.tar.zst
cp kept.sig renamed/office-2.0.0.tar.zst.sig
wants 1 name-disagrees "$verify" --json --signers signers renamed/office-2.0.0.tar.zst
ok "a renamed release is refused, and no name drives a terminal"

# --- exit statuses ---
wants 2 "" "$verify" $archive
wants 2 "" "$verify" --signers signers
wants 2 "" "$verify" --frobnicate --signers signers $archive
wants 3 "" "$verify" --json --signers signers absent.tar.zst
wants 3 "" "$verify" --json --signers absent $archive
wants 3 "" "$verify" --json --signers signers listing
ok "usage and bad input have their own exit statuses"
echo "interop: $passed passed"
