#!/bin/sh
# A table that lacks columns of a flow goes from file to signed archive: CIC-IDS2017's MachineLearningCSV, which has no
# addresses, source port, protocol and time.  What is absent stays absent, in the release and in all that is said of it.
# usage: e2e_absent.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none, SETS a list of them
# shellcheck disable=SC2016 # sh -c expands it
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

expect 0 "(a trace)" "$F" simulate --rows 20000 --hours 4 --seed 3 --out trace.csv
awk -F, -f "$ROOT/tests/imitate.awk" trace.csv >table.csv
expect 0 "a project" "$F" init --preset any p
# A smaller model than the preset's, whose flows are not as near to real ones as its sizes ask for.
sed -i 's|^  path: .*|  path: ../table.csv|; s|^  width: .*|  width: 32|; s|^  depth: .*|  depth: 1|; s|^  heads: .*|  heads: 2|
	s|^  name: .*|  name: ml|; s|^  date: .*|  date: 2026-11-28|' p/release.yaml
for set in source.rows=4000 train.steps=300 generate.steps=12 generate.rows=1500 publish.test_share=0.2 gate.control_rows=300 \
	gate.jsd.BYT=0.2 gate.jsd.PKT=0.2 gate.jsd.TD=0.2 gate.pair_jsd=0.2; do
	SETS="${SETS:-} --set $set"
done
run() {
	"$F" run p $UNCONFINED $SETS "$@"
}

# --- what cannot be had is refused before the run, at its line ---
refused() { # KEY=VALUE WORDS
	expect "${3:-2}" "$1 is refused" run --set "$1"
	says err "--set ${1%%=*}" "at its place"
	says err "$2" "with the reason"
}
refused publish.dialect=ugr16 "has a column for what the trace does not have (te sa da sp pr)"
refused publish.dialect=ipfix "nothing that stands for it is published"
refused gate.jsd.SA=0.2 "gate.jsd.SA needs the column sa, which dialect cic-ids2017-ml does not have"
refused source.duplicates=drop "the trace has not all of them"
refused 'generate.hours=[0, 1]' "generate.hours are hours of the day, and the trace has no times"
printf 'preset: any\nsource: {path: ../table.csv}\n' >p/sessions.yaml
expect 2 "sessions are refused" "$F" run p/sessions.yaml $UNCONFINED --set model.kind=netshare
says err "netshare learns sessions, which are known by addresses, ports, protocol and time" "with the reason"
expect 0 "(a project with a budget)" "$F" init --preset ugr16-dp dp
expect 2 "differential privacy is refused" "$F" run dp $UNCONFINED --set source.path="$T/table.csv" --set source.dialect=cic-ids2017-ml
says err "an exchange, which privacy.unit protects, is known by addresses, ports, protocol and time" "with the reason"
holds "nothing was begun" test ! -e p/workspace/stages -a ! -e dp/workspace/stages

# --- from file to archive ---
expect 0 "the table goes all the way" run
says err "the trace has no te sa da sp pr, and neither has the release" "it is said what is not there"
says err "left out of the preset's gate: burst.dispersion_gap c2st.flow_blocks_auc" "and what is not asked"
says out "leak.isolated_z_no_addr_time" "the check that is made of such tables is asked"
archive=$T/p/release/ml-1.0.0.tar.zst
expect 0 "flowmint-verify accepts it" "$V" --no-state --signers p/allowed_signers "$archive"
mkdir x && tar --zstd -xf "$archive" -C x
cd x/ml-1.0.0 || exit 4
header="Destination Port,Flow Duration,Total Fwd Packets,Total Backward Packets,Total Length of Fwd Packets,Total Length of Bwd Packets,Label"
for file in flows train test; do
	holds "$file.csv has the columns of the dialect" test "$(head -1 data/$file.csv | tr -d '\r')" = "$header"
done
holds "the parts are its rows" test "$(wc -l <data/flows.csv),$(wc -l <data/train.csv),$(wc -l <data/test.csv)" = 1501,1201,301
holds "no filled value is anywhere" sh -c '! grep -rE "192\.0\.2\.|2000-01-01" data'
holds "the manifest names what is absent" test "$(json manifest.json 'd["config"]["absent"]')" = "['te', 'sa', 'da', 'sp', 'pr']"
holds "no metric and no histogram is of it" test "$(json manifest.json \
	'[m["name"] for m in d["metrics"] if m["name"].split(".")[-1] in ("TS", "SA", "DA", "SP", "SPb", "PR", "LIFE", "TALK")] + [f["name"] for f in d["histograms"]["fields"] if f["name"] not in ("TD", "PKT", "BYT", "DP", "TY")]')" = "[]"
holds "nor any check" test "$(json manifest.json '[k for k in d["config"]["gate"] if k in ("jsd.SA", "jsd.TS", "jsd_mean8", "host.LIFE")]')" = "[]"
holds "the controls were caught that had to be" test "$(json manifest.json '[c["name"] for c in d["controls"] if not c["ok"]]')" = "[]"
holds "the package says it" test "$(json datapackage.json 'd["resources"][0]["schema"]["absent"], d["resources"][1]["schema"]["absent"] == d["resources"][0]["schema"]["absent"]')" = \
	"(['te', 'sa', 'da', 'sp', 'pr'], True)"
holds "and of each column which one it is" test "$(json datapackage.json '[f["column"] for f in d["resources"][0]["schema"]["fields"]]')" = \
	"['dp', 'td', 'pkt', 'pkt', 'byt', 'byt', 'label']"
says croissant.json "The trace has no times, addresses, source ports and protocols, and neither have these flows." "Croissant does"
says README.md "The trace has no times, addresses, source ports and protocols, and neither have these flows" "the data sheet does"
says README.md "as they need them: burst.dispersion_gap, c2st.flow_blocks_auc, downstream.mse_ratio, host.LIFE" "with the checks that were not asked"
holds "no word of addresses in it" sh -c '! grep -q "Addresses are drawn" README.md croissant.json'
says report.html "<code>te</code>, <code>sa</code>, <code>da</code>, <code>sp</code>, <code>pr</code>, and neither have these flows" "the report does"
says report.html 'jsd.SA</code></th><td class="num missing" data-label="value">not in the trace' "at each measure of it"
holds "and misses no chart of it" sh -c '! grep -qE "Missing:[^<]*(Time|hosts|Source port|Protocol)" report.html'
cd "$T" || exit 4
expect 0 "the same dialect reads the release" "$F" sniff --json x/ml-1.0.0/data/flows.csv
holds "by its name" test "$(json out 'd["dialect"], d["sure"]')" = "('cic-ids2017-ml', True)"
expect 0 "what was made is judged as files too" "$F" evaluate $UNCONFINED --dialect cic-ids2017-ml --real table.csv \
	--synthetic x/ml-1.0.0/data/flows.csv --only jsd
expect 0 "the team's page of the run" "$F" report 1 --workspace p/workspace --out team.html
says team.html "and neither have these flows" "says it too"

# --- made again ---
expect 0 "a bundle of its model" "$F" bundle r0001 --workspace p/workspace $UNCONFINED
expect 0 "the release is made again from the table" "$F" reproduce "$archive" --project p --workspace w1 --source table.csv $UNCONFINED
expect 0 "and from the model" "$F" reproduce "$archive" --project p --workspace w2 --model p/release/ml-1.0.0.bundle $UNCONFINED
tail -1 out >last
says last "same" "to the byte"

# --- beside another one ---
expect 0 "a second release, beside the first" run --set release.version=1.1.0 --set generate.seed=2 --set release.previous="$archive"
says out "archive:" "is let out"
expect 1 "the two differ by numbers" "$F" diff $UNCONFINED "$archive" p/release/ml-1.1.0.tar.zst
says out "jsd" "of what is there"

# --- what the verifier refuses, well signed ---
mkdir forged
cat >forge.py <<'END'
import hashlib, io, json, subprocess, sys, tarfile
archive, out, change = sys.argv[1:]
tar = tarfile.open(fileobj=io.BytesIO(subprocess.run(["zstd", "-dcq", archive], stdout=subprocess.PIPE, check=True).stdout))
members = [(m, tar.extractfile(m).read() if m.isfile() else b"") for m in tar]
files = {m.name.split("/", 1)[1]: data for m, data in members if m.isfile()}
m, p = json.loads(files["manifest.json"]), json.loads(files["datapackage.json"])
exec(change)
for r in p["resources"]:
    r["schema"] = m["schema"]
write = lambda d: json.dumps(d, indent=2, sort_keys=True).encode() + b"\n"
files["datapackage.json"] = write(p)
for f in m["files"]:
    f["bytes"], f["sha256"] = len(files[f["path"]]), hashlib.sha256(files[f["path"]]).hexdigest()
files["manifest.json"] = write(m)
files["SHA256SUMS"] = "".join("%s  %s\n" % (hashlib.sha256(files[l.split("  ")[1]]).hexdigest(), l.split("  ")[1])
                              for l in files["SHA256SUMS"].decode().splitlines()).encode()
made = tarfile.open(out + ".tar", "w", format=tarfile.USTAR_FORMAT)
for info, data in members:
    i = tarfile.TarInfo(info.name + ("/" if info.isdir() else ""))
    data = files[info.name.split("/", 1)[1]] if info.isfile() else b""
    i.type, i.mode, i.size, i.mtime = info.type, info.mode, len(data), info.mtime
    made.addfile(i, io.BytesIO(data))
made.close()
END
forged() { # CHANGE REASON WORDS
	f=forged/ml-1.0.0.tar.zst
	"$PYTHON" forge.py "$archive" $f "$1" && zstd -qf -o $f $f.tar &&
		ssh-keygen -q -Y sign -f p/keys/release.key -n flowmint - <$f >$f.sig 2>/dev/null
	expect "$4" "$2: $1" "$V" --no-state --json --signers p/allowed_signers $f
	holds "for that reason" test "$(json out 'd["reason"]')" = "$2"
	[ -z "$3" ] || says out "$3" "in these words"
}
forged 'pass' good "" 0
forged 'm["config"]["absent"].remove("pr")' manifest-disagrees "config.absent is not what the flows lack" 1
forged 'm["config"]["absent"][3:4] = ["sp", "dp"]' manifest-disagrees "config.absent is not what the flows lack" 1
forged 'del m["config"]["absent"]' manifest-disagrees "config.absent is not what the flows lack" 1
forged 'm["config"]["absent"].remove("sa")' manifest-malformed "no flows lack just these columns" 1
forged 'm["config"]["absent"].append("te")' manifest-malformed "not in its place" 1
forged 'm["schema"]["absent"].remove("te")' manifest-disagrees "schema.absent is not what its fields lack" 1
forged 'del m["schema"]["absent"]; [f.pop("column") for f in m["schema"]["fields"]]' manifest-disagrees "and schema none" 1
forged 'm["schema"]["fields"][0]["column"] = "sp"' manifest-disagrees "schema.absent is not what its fields lack" 1
forged 'm["metrics"].append({"name": "jsd.SA", "value": 0.01, "n": 1500})' not-judged "metrics has jsd.SA, which needs a column that is absent" 1
forged 'm["metrics"] = [x for x in m["metrics"] if x["name"] != "jsd.DPb"]' not-judged "metrics lack jsd.DPb, of a column that is there" 1
forged 'm["config"]["gate"]["jsd.SA"] = {"max": 0.2}; m["checks"].append(dict(m["checks"][0], name="jsd.SA", value=0.1, threshold=0.2, margin=0.1, n=1500, direction="max"))' \
	manifest-disagrees "its config asks for what needs a column that is absent: jsd.SA" 1
forged 'm["histograms"]["fields"].append(dict(m["histograms"]["fields"][0], name="SA"))' manifest-disagrees "a histogram is of what is absent: SA" 1
forged 'del m["histograms"]["fields"][3]' manifest-disagrees "histograms lack a column that is there: DP" 1

# --- several files, of which none tells when ---
for i in 1 2; do
	{ head -1 table.csv; sed -n "$((i * 1000 + 1)),$((i * 1000 + 1000))p" table.csv; } >"part$i.csv"
done
expect 0 "several files are one table" run --until ingest --set source.path="[$T/part2.csv, $T/part1.csv]" --set source.rows=0
says err "2 files in the order of the list, as they tell no times, from $T/part2.csv" "in the order in which they are named"
finish
