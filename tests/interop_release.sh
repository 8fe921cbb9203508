#!/bin/sh
# What flowmint signs and packs, other programs accept; what they sign, flowmint-verify accepts; what was tampered with,
# both refuse.
#
#     tests/interop_release.sh BUILD        after: make BUILD/flowmint-verify BUILD/tests/make_release
set -eu
unset SOURCE_DATE_EPOCH
build=$(cd "${1:-build}" && pwd)
make_release=$build/tests/make_release
verify=$build/flowmint-verify
dir=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-interop-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

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
	printf 'theirs@example.org namespaces="flowmint" %s\n' "$(cat theirs.pub)"
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

tar --zstd -tvf $archive >listing
[ "$(wc -l <listing)" = 6 ] || die "tar lists $(wc -l <listing) entries"
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
assert m["rows"] == 20000 and m["made_by"] == "a test" and m["release"]["date"] == "2024-02-29"
PY
ok "JSON and CSV are what they say to other readers"
grep -q 'no differential privacy guarantee' office-1.2.0/README.md || die "README.md does not speak plainly of privacy"

# --- tampering; ssh-keygen refuses what it can see ---
refuses() {
	wants 1 "$1" "$verify" --json --signers signers bad.tar.zst
	if ssh-keygen -Y verify -f signers -I releases@example.org -n flowmint -s bad.tar.zst.sig <bad.tar.zst >/dev/null 2>&1; then
		die "ssh-keygen accepts: $1"
	fi
}
cp $archive.sig bad.tar.zst.sig
size=$(stat -c %s $archive)
for at in 0 3 100 $((size / 2)) $((size - 1)); do
	python3 - $archive bad.tar.zst $at <<'PY'
import sys
b = bytearray(open(sys.argv[1], "rb").read())
b[int(sys.argv[3])] ^= 0x10
open(sys.argv[2], "wb").write(b)
PY
	refuses bad-signature
done
head -c $((size / 2)) $archive >bad.tar.zst
refuses bad-signature
cp $archive bad.tar.zst
cp file.ours bad.tar.zst.sig
refuses bad-signature
ssh-keygen -q -Y sign -f ours -n git - <bad.tar.zst >bad.tar.zst.sig 2>/dev/null
refuses wrong-namespace
rm bad.tar.zst.sig
wants 1 signature-missing "$verify" --json --signers signers bad.tar.zst
ssh-keygen -q -Y sign -f ecdsa -n flowmint - <bad.tar.zst >bad.tar.zst.sig 2>/dev/null
refuses signature-malformed
ok "changed, truncated, wrongly signed and unsigned archives are refused, by ssh-keygen too"
cp kept.sig bad.tar.zst.sig
sed 's/namespaces="flowmint" /namespaces="flowmint",valid-before="20200101Z" /' signers >expired
wants 1 key-expired "$verify" --json --signers expired bad.tar.zst
grep -v '^releases' signers >others
wants 1 unknown-signer "$verify" --json --signers others bad.tar.zst
ok "expired and unknown keys are refused"

# --- archives of other makers, well signed ---
repack() {
	zstd -qf -o bad.tar.zst bad.tar
	ssh-keygen -q -Y sign -f ours -n flowmint - <bad.tar.zst >bad.tar.zst.sig 2>/dev/null
}
tar --format=ustar --owner=0 --group=0 --numeric-owner --sort=name --mtime=@1709164800 -cf bad.tar office-1.2.0
repack
wants 1 entry-type "$verify" --json --signers signers bad.tar.zst # a folder of its own for data/
tar --format=ustar --owner=1000 --group=1000 --numeric-owner --sort=name -cf bad.tar office-1.2.0
repack
wants 1 entry-header "$verify" --json --signers signers bad.tar.zst
tar --format=gnu -cf bad.tar office-1.2.0
repack
wants 1 archive-malformed "$verify" --json --signers signers bad.tar.zst
zstd -dcqf $archive >bad.tar
tar -rf bad.tar --transform='s,^,office-1.2.0/,' listing
repack
wants 1 entry-header "$verify" --json --signers signers bad.tar.zst
zstd -dcqf $archive >bad.tar
repack
wants 0 good "$verify" --json --signers signers bad.tar.zst
ok "a tar of another maker is refused; our tar in another zstd is accepted"

# --- exit statuses ---
wants 2 "" "$verify" $archive
wants 2 "" "$verify" --signers signers
wants 2 "" "$verify" --frobnicate --signers signers $archive
wants 3 "" "$verify" --json --signers signers absent.tar.zst
wants 3 "" "$verify" --json --signers absent $archive
wants 3 "" "$verify" --json --signers signers listing
ok "usage and bad input have their own exit statuses"
echo "interop: $passed passed"
