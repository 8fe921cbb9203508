#!/bin/sh
# A trace of both families: what is made of it has the shares that it has, each flow is of one family, ICMPv6 is IPv6's, and no
# address is a real one. Files of both families are judged; the mode dp leaves IPv6 out by name.
# usage: e2e_ipv6.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
# shellcheck disable=SC2016 # sh -c expands it
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

expect 0 "(a trace)" "$F" simulate --rows 9000 --seed 5 --ipv6 0.3 --out trace.csv
expect 0 "(a project)" "$F" init --preset demo p
sed 's|^internal:.*|internal: ["42.219.0.0/16", "2a01:42:219::/48"]|' "$ROOT/manifests/dialects/ugr16.yaml" >mixed.yaml

run() { # OPTION...
	"$F" run p/release.yaml $UNCONFINED --workspace w --set source.path="$T/trace.csv" --set source.dialect="$T/mixed.yaml" \
		--set model.width=32 --set model.heads=2 --set model.depth=1 --set train.batch=32 --set train.steps=350 --set generate.steps=16 "$@"
}

# A CSV: rows of IPv6 in thousandths, rows of two families, ICMP of the wrong family, rows by the side of their ends.
cat >families.awk <<'AWK'
function side(a) { return a ~ inside ? "in" : "out" }
{
	six = ($3 ~ /:/) + ($4 ~ /:/)
	both += six == 1
	ipv6 += six == 2
	icmp6 += $7 == "ICMP6"
	wrong += ($7 == "ICMP" && six) || ($7 == "ICMP6" && six != 2)
	way[(six == 2) side($3) side($4)]++
}
END {
	printf "{\"ipv6\": %g, \"icmp6\": %g, \"both\": %d, \"wrong\": %d", ipv6 / NR, icmp6 / NR, both, wrong
	for (k in way)
		printf ", \"%s\": %g", k, way[k] / NR
	print "}"
}
AWK
families() { # NAME INSIDE
	awk -F, -v inside="$2" -f families.awk "$1.csv" >"$1.json"
}
of() { # NAME KEY
	json "$1.json" "d.get('$2', 0)"
}
near() { # KEY TOLERANCE
	awk -v a="$(of trace "$1")" -v b="$(of made "$1")" -v t="$2" 'BEGIN { exit !(b - a <= t && a - b <= t) }'
}
addresses() { # CSV
	cut -d, -f3,4 "$1" | tr , '\n' | sort -u
}

expect 0 "it is learned, and flows are made" run --until generate
unsealed w generate kept && "$PYTHON" "$ROOT/tests/table_csv.py" kept made.csv >/dev/null
families trace '^(42\.219\.|2a01:42:219:)'
families made '^(10\.|fd)'
holds "IPv6 has its share ($(of made ipv6) of $(of trace ipv6))" near ipv6 0.05
for way in 0inout 0outin 1inout 1outin; do
	holds "so has $way ($(of made $way) of $(of trace $way))" near $way 0.06
done
holds "no flow is of two families" test "$(of made both)" = 0
holds "ICMPv6 is there ($(of made icmp6) of $(of trace icmp6))" test "$(of made icmp6)" != 0
holds "and is IPv6's alone, as ICMP is IPv4's" test "$(of made wrong)" = 0
holds "no address is a real one" test -z "$(addresses trace.csv >real.txt && addresses made.csv | comm -12 - real.txt)"
addresses made.csv | grep : >fresh.txt
holds "those of IPv6 are from 2001:db8::/32, and inside from one site of fd00::/8" sh -c \
	'! grep -qv "^2001:db8:\|^fd" fresh.txt && test "$(grep ^fd fresh.txt | cut -d: -f1-3 | sort -u | wc -l)" = 1'

# --- a dialect without IPv6 ---
expect 0 "it is learned for a release in a dialect without IPv6" run --until train --set publish.dialect=netshare --set train.steps=2
says err "addresses are IPv6, for which it has no text: a release with one is refused; set publish.dialect to another one" "which is said"
holds "before it is learned" test "$(grep -n 'addresses are IPv6' err | cut -d: -f1)" -lt "$(grep -n '^train: ' err | head -n 1 | cut -d: -f1)"

# --- two files ---
head -n 1500 trace.csv >real.csv
head -n 1500 made.csv >half.csv
expect 0 "files of both families are judged" "$F" evaluate --real real.csv --synthetic half.csv --no-controls --json
holds "by the share of each ($(json out 'd["jsd"]["AF"]'))" test "$(json out 'd["jsd"]["AF"] < 0.02')" = True
holds "and by addresses" test "$(json out 'd["leak"]["echo_addr"] == 0 and d["jsd"]["SA"] < 0.3 and d["jsd"]["SAid"] > 0.69')" = True
awk -F, '$3 !~ /:/' trace.csv | head -n 500 >ipv4.csv
expect 0 "so are files of IPv4 alone" "$F" evaluate --real ipv4.csv --synthetic ipv4.csv --no-controls --json
holds "without that" test "$(json out '"AF" in d["jsd"]')" = False

# --- in privacy.mode dp ---
expect 0 "(a private project)" "$F" init --preset ugr16-dp q
private() { # OPTION...
	"$F" run q/release.yaml $UNCONFINED --until ingest --set source.path="$T/trace.csv" "$@"
}
expect 3 "privacy.mode dp refuses a trace with that much IPv6 before anything is learned" private
says err "sa is an IPv6 address, and privacy.mode dp takes IPv4 alone" "and says why"
expect 0 "it goes on without those rows where it may" private --set source.max_bad_share=0.5
says err "sa is an IPv6 address, and privacy.mode dp takes IPv4 alone" "and says so"

finish
