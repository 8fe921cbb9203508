#!/bin/sh
# flowmint report: a page of a run and of an archive, both editions, and what it refuses.
# usage: cli_report.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none, SMALL_OPTIONS many
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

SMALL_OPTIONS=$(small_options)
small() { # OPTION...: flowmint run with a small model
	"$F" run p/release.yaml $UNCONFINED --quiet --set source.path="$T/private-trace.csv" $SMALL_OPTIONS "$@"
}
well_formed() { # FILE: as XML, which is stricter than HTML
	"$PYTHON" - "$1" <<-'EOF'
	import sys, xml.etree.ElementTree as tree
	tree.parse(sys.argv[1])
	EOF
}
without() { # FILE WORDS
	! grep -qF -- "$2" "$1"
}
mode() { # FILE
	stat -c %a "$1"
}

expect 0 "report --help" "$F" report --help
says out "usage: flowmint report" "it shows its usage"
expect 2 "report of nothing" "$F" report --out x.html
expect 2 "report without --out" "$F" report r0001
expect 2 "report in an edition that there is not" "$F" report --edition press --out x.html r0001
expect 2 "the team's edition of an archive" "$F" report --edition team --out x.html ./x.tar.zst
expect 2 "signers for a run" "$F" report --signers s --out x.html r0001
expect 2 "a signature without signers" "$F" report --signature s --out x.html ./x.tar.zst
expect 3 "report without a ledger" "$F" report --out x.html r0001
expect 3 "report of an archive that is not there" "$F" report --out x.html ./nope.tar.zst
expect 3 "report of a file that is no archive" sh -c "echo hello >no.tar.zst; '$F' report --out x.html ./no.tar.zst"
holds "a refused report leaves no page" test ! -e x.html

expect 0 "a trace is simulated" "$F" simulate --rows 7000 --seed 1 --out private-trace.csv
expect 0 "a project is made" "$F" init --preset demo p
expect 1 "a run that the gate refuses" small --set gate.jsd_mean8=0.000001
expect 0 "the report of a refused run" "$F" report --workspace p/workspace --out refused.html r0001
says refused.html "Refused by the gate" "it says so first"
says refused.html "<code>jsd_mean8</code>" "and names the check"
holds "it is well-formed" well_formed refused.html
expect 3 "report of a run that is not there" "$F" report --workspace p/workspace --out x.html r0077

"$F" log --workspace p/workspace --json r0001 >log.json
json log.json '[r["body"]["output"] for r in d if r["kind"] == "stage" and r["body"]["name"] == "train"][0]' >train.digest
expect 0 "a run that passes" small --set gate.jsd.TS=null --json
archive=p/release/demo-1.0.0.tar.zst
expect 0 "the team's edition" "$F" report --workspace p/workspace --out team.html r0002
holds "it is private" test "$(mode team.html)" = 600
holds "it is well-formed" well_formed team.html
says team.html "private-trace.csv" "it names the trace"
says team.html 'class="real"' "it draws the real flows"
expect 0 "the same again" "$F" report --workspace p/workspace --out - r0002
holds "the same bytes, and - is standard output" cmp -s out team.html

expect 0 "the partner's edition of a run" "$F" report --edition partner --workspace p/workspace --out partner.html r0002
expect 0 "the report of the archive" "$F" report --signers p/allowed_signers --out archive.html "$archive"
# The archive has the page too, but for what only the finished archive has.
tar --zstd -xOf "$archive" demo-1.0.0/report.html >inside.html
holds "the page in the archive is well-formed" well_formed inside.html
says inside.html "By itself this page is not signed" "and is a partner's"
"$F" report --out unsigned.html "$archive"
holds "all of it is in the page of the archive" test -z "$(tr '>' '\n' <inside.html >a; tr '>' '\n' <unsigned.html | diff a - | grep '^<')"
for page in partner archive; do
	holds "$page.html is well-formed" well_formed $page.html
	holds "$page.html is for everyone" test "$(mode $page.html)" = 644
	holds "$page.html does not name the trace" without $page.html private-trace
	holds "$page.html does not name this place" without $page.html "$T"
	holds "$page.html does not draw the real flows" without $page.html 'class="real"'
	holds "$page.html does not hold the model's digest" without $page.html "$(cat train.digest)"
	says $page.html "synthetic flows</title>" "$page.html draws the synthetic flows"
done
says archive.html "good, by flowmint" "with signers the page says who signed"

# Under publish.report: metrics nothing tells of the real flows alone; the team's edition and the workspace keep it.
mkdir m
tar --zstd -xf "$archive" -C m
manifest=m/demo-1.0.0/manifest.json
expect 0 "(its metrics, decrypted)" "$F" unseal r0002 --stage evaluate --out measured --workspace p/workspace
metrics=measured/metrics.json
named() { # FILE.json METRICS CONDITION: the names in METRICS that fit it
	json "$1" "[m[\"name\"] for m in $2 if $3]"
}
holds "(the workspace has many such numbers)" test "$(json "$metrics" 'sum(m["name"].endswith("_real") for m in d)')" -gt 30
holds "no metric of the manifest is of the real flows alone" test \
	"$(named $manifest 'd["metrics"]' 'm["name"].endswith("_real")')" = "[]"
holds "nor is a floor of one table's numbers" test \
	"$(named $manifest 'd["metrics"]' 'm["name"].startswith("floor.") and (".rules." in m["name"] or m["name"].endswith("_synthetic"))')" = "[]"
holds "nor is one a number of real records" test \
	"$(named $manifest 'd["metrics"]' 'm["name"].startswith(("leak.unique_train", "leak.singling_uni_train", "leak.rare_", "leak.holdout_"))')" = "[]"
holds "what the release must prove is there" test \
	"$(json $manifest '{"jsd.BYT", "floor.jsd.BYT", "leak.family_p", "leak.share_nearer_train", "downstream.mse_ratio", "c2st.flow_auc"} <= {m["name"] for m in d["metrics"]}')" = True
holds "(labels have numbers of rows of their own)" test "$(json "$metrics" 'any(m["name"].startswith("tstr.f1.") and m["n"] % 20 for m in d)')" = True
holds "labels are among the metrics" test "$(json $manifest 'any(m["name"].startswith("tstr.f1.") for m in d["metrics"])')" = True
holds "every number of rows is a multiple of k" test "$(json $manifest 'all(m.get("n", 0) % 20 == 0 for m in d["metrics"])')" = True
holds "every check has its line" test \
	"$(json $manifest 'set(d["config"]["gate"]) - {"control_rows", "control_limit", "memory", "room"} <= {c["name"] for c in d["checks"]}')" = True
# Somebody calculates: no sum, difference, product or ratio of two numbers of the manifest is a withheld one. Of so many pairs some are
# one by chance, but not again after another split.
expect 0 "another split of the trace" small --set split.seed=77 --until evaluate --workspace p/second
expect 0 "(its metrics, decrypted)" "$F" unseal --stage evaluate --out second --workspace p/second
cat >solve.py <<'EOF'
import json, sys
def load(path):
    doc = json.load(open(path))
    of = doc["checks"] + doc["metrics"] if isinstance(doc, dict) else doc
    return {m["name"]: m["value"] for m in of if m["value"] is not None}
def secrets(m):
    secret = {n: v for n, v in m.items() if n.startswith(("burst.", "downstream.", "anomaly.")) and n.endswith("_real")}
    for c in ("TS", "TD", "PKT", "BYT"):
        secret["the range of " + c] = m["emd." + c] / m["emdn." + c]
    assert len(secret) == 10, secret
    return secret
ways = (("sum", lambda a, b: a + b), ("difference", lambda a, b: abs(b - a)), ("product", lambda a, b: a * b),
        ("ratio", lambda a, b: a / b), ("ratio", lambda a, b: b / a))
measured, again = load(sys.argv[1]), load(sys.argv[3])
secret, secret_again = secrets(measured), secrets(again)
# A number of two digits, such as how many labels there are or a score of .72, makes of rounded values others by chance.
seen = {n: abs(v) for n, v in load(sys.argv[2]).items() if v and v != float("%.2g" % v) and
        (sys.argv[2] != sys.argv[1] or not n.endswith("_real"))}
names = sorted(seen, key=seen.get)
for i, a in enumerate(names):
    for b in names[i:]:
        for way, f in ways:
            x = f(seen[a], seen[b])
            for n, v in secret.items():
                if abs(x - v) > 1e-11 * v or not again.get(a) or not again.get(b):
                    continue
                if abs(f(abs(again[a]), abs(again[b])) - secret_again[n]) <= 0.01 * secret_again[n]: # numbers are published rounded
                    sys.exit(f"{n} = {v} is the {way} of {a} and {b}")
EOF
expect 0 "no two numbers of the manifest give one of the real flows" "$PYTHON" solve.py "$metrics" $manifest second/metrics.json
expect 1 "(two of the workspace would)" "$PYTHON" solve.py "$metrics" "$metrics" second/metrics.json
says err " of " "which are named"
for page in partner archive; do
	holds "$page.html names no metric of the real flows alone" without $page.html "_real</code>"
	holds "$page.html has no number of real records" without $page.html "leak.unique_train"
	says $page.html "times as large" "$page.html compares the tasks all the same"
	sed -n '/<section id="measures">/,$p' $page.html >$page.measures
done
holds "the page of the run and that of the archive have the same measures" cmp -s partner.measures archive.measures
for name in heavy.SA_flows_top10_real time.PAIR_real rules.over_1500_real leak.unique_train downstream.mse_real; do
	says team.html "<code>$name</code>" "the team's edition has $name"
done
expect 0 "a report without signers" "$F" report --out unsigned.html "$archive"
says unsigned.html "not checked here" "says that the signature was not checked"
"$F" keygen --out other --principal other >other_signers
expect 1 "an archive that others did not sign" "$F" report --signers other_signers --out x.html "$archive"
cp "$archive" bad.tar.zst
printf 'xxxxxxxxxxxxxxxx' | dd of=bad.tar.zst bs=1 seek=900 conv=notrunc 2>/dev/null
expect 1 "a changed archive is refused, signers or not" "$F" report --out x.html ./bad.tar.zst
holds "and leaves no page" test ! -e x.html

expect 0 "a run that publishes histograms" small --set gate.jsd.TS=null --set publish.report=histograms --set release.version=1.1.0 --json
expect 0 "an archive that publishes histograms" "$F" report --out open.html p/release/demo-1.1.0.tar.zst
says open.html 'class="real"' "its page draws the real flows"
mkdir x
tar --zstd -xf p/release/demo-1.1.0.tar.zst -C x
holds "whose counts are multiples of k" test \
	"$(json x/demo-1.1.0/manifest.json 'all(c % 20 == 0 for f in d["histograms"]["fields"] if f["kind"] != "hosts" for c in f["real"])')" = True
holds "of single hosts there are none" test \
	"$(json x/demo-1.1.0/manifest.json '["real" in f for f in d["histograms"]["fields"] if f["kind"] == "hosts"]')" = "[False]"
holds "and the holdout's are not there" test "$(json x/demo-1.1.0/manifest.json 'any("holdout" in f for f in d["histograms"]["fields"])')" = False
manifest=x/demo-1.1.0/manifest.json
holds "nor what the histograms hide: numbers of few hosts or rows" test \
	"$(named $manifest 'd["metrics"]' 'm["name"].endswith("_real") and m["name"].startswith(("heavy.", "rules."))')" = "[]"
holds "numbers of the whole trace are there" test \
	"$(json $manifest '{"time.PAIR_real", "burst.lag1_real", "downstream.mse_real"} <= {m["name"] for m in d["metrics"]}')" = True
holds "numbers of rows are multiples of k here too" test "$(json $manifest 'all(m.get("n", 0) % 20 == 0 for m in d["metrics"])')" = True
# What is gone from the workspace is missing in the page, and it says so.
rm -rf p/workspace/stages/evaluate
expect 0 "the report of a run whose metrics are gone" "$F" report --workspace p/workspace --out gone.html r0001
says err "no longer in the workspace" "warns of it"
says gone.html "Missing: no measures" "shows them as missing"
says gone.html "Missing: no histograms" "and the distributions"
finish
