#!/bin/sh
# The report in a browser: it renders, nothing is asked of the network, the console stays silent, the accessibility tree names
# the charts, no window is too narrow, it turns dark and prints.  Skipped where there is no Chromium (make deps-optional).
# usage: report_browser.sh [FLOWMINT] [FOLDER-FOR-SCREENSHOTS]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
SHOTS=${2:+$(realpath "$2")}
begin "$@"
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
	skip "the report in a browser" "no chromium here"
	finish
fi

look() { # FILE.html RESULT.json
	folder=${SHOTS:+$SHOTS/$(basename "$1" .html)}
	[ -z "$folder" ] || mkdir -p "$folder"
	timeout 600 "$PYTHON" "$ROOT/tests/browser.py" ${folder:+--shots "$folder"} "$1" >"$2"
}
is() { # RESULT.json EXPRESSION
	test "$(json "$1" "$2")" = True
}

expect 0 "a trace is simulated" "$F" simulate --rows 12000 --seed 3 --out trace.csv
expect 0 "a project is made" "$F" init --preset demo p
# Text that would run, load or break something if it were not escaped.
"$F" run p/release.yaml $UNCONFINED --quiet --until gate --set source.path="$T/trace.csv" --set train.steps=60 --set generate.steps=8 \
	--set 'release.description="</title><script>alert(1)</script><img src=http://example.org/x.png onerror=alert(2)>"' >out 2>err
expect 0 "the team's edition" "$F" report --workspace p/workspace --out team.html r0001
expect 0 "the partner's edition" "$F" report --workspace p/workspace --edition partner --out partner.html r0001
for page in team partner; do
	expect 0 "$page: the browser opens it" look $page.html $page.json
	cp $page.json out
	holds "$page: nothing else is asked for" is $page.json 'd["requests"] == []'
	holds "$page: the console stays silent" is $page.json 'd["console"] == []'
	holds "$page: the hostile description is text" is $page.json 'd["headings"][0].startswith("demo")'
	for field in Time Duration Packets Bytes "Source hosts" "Destination hosts" "Source port" "Destination port" Protocol "TCP flags"; do
		holds "$page: the chart of $field has a name and says what it shows" is $page.json \
			"any(name.startswith('$field: ') and len(text) > 40 for name, text in d['images'])"
	done
	holds "$page: every image has a name" is $page.json 'all(name for name, text in d["images"])'
	holds "$page: the sections have headings" is $page.json \
		'{"Fields", "Hosts in time", "Checks", "Tasks", "Controls", "Privacy", "Provenance", "How to verify"} <= set(d["headings"])'
	holds "$page: no window is too narrow, from 360 pixels on" is $page.json 'all(v <= 0 for v in d["overflow"].values())'
	holds "$page: it is light, and dark where that is asked for" is $page.json \
		'd["colours"]["light"] == "rgb(255, 255, 255)" and d["colours"]["dark"] != d["colours"]["light"]'
	holds "$page: it prints" is $page.json '1 <= d["pdf_pages"] <= 20'
done
finish
