#!/bin/sh
# readme.sh - what README.md shows works: runs each block behind "<!-- tested -->", command by command, in one place.
#
#     tests/readme.sh [BUILD]
#
# Commands of make run in the repository, on the programs that are built already; behind "<!-- tested dry -->" they are run
# with -n, which shows that the target is there and what it would do.  The others run in a fresh folder.  Links to files of
# the repository must lead somewhere, and the verbs are those of the program.
set -u
. "$(dirname "$0")/lib.sh"
build=$(realpath "${1:-build}")
begin "$build/flowmint"
PATH=$build:$PATH
B=$build
DEMO=$T/demo
export PATH B DEMO
unset MAKEFLAGS MAKELEVEL MFLAGS
if [ -z "$CONFINED" ]; then
	skip "README.md" "no namespaces here, and the README says nothing of --unconfined"
	finish
fi

# One line a command: "run COMMAND" or "dry COMMAND"; a line ending in \ goes on, a comment behind a command goes.
awk '
	/^<!-- tested -->/ { mode = "run"; next }
	/^<!-- tested dry -->/ { mode = "dry"; next }
	/^```sh/ { inside = 1; if (!mode) print "unmarked a block of shell at line " NR; next }
	/^```/ { inside = 0; mode = ""; next }
	inside && mode {
		sub(/ +# .*/, "")
		if (sub(/\\$/, "")) { held = held $0; next }
		print mode " " held $0
		held = ""
	}' "$ROOT/README.md" >commands
holds "there are commands to test" test "$(grep -c '^run' commands)" -ge 8
holds "every block of shell is marked" sh -c "! grep '^unmarked' commands"

while read -r mode command <&3; do
	case "$mode $command" in
	"run make "*) expect 0 "$command" sh -c "cd '$ROOT' && $command" ;;
	"dry make" | "dry make "* | "dry sudo make "*)
		expect 0 "$command (dry)" sh -c "cd '$ROOT' && touch '$T/april.week3.csv.tar.gz' && make -n ${command#*make}"
		;;
	run*) expect 0 "$command" sh -c "$command" ;;
	*) holds "only make is run dry: $command" false ;;
	esac
done 3<commands

grep -o '](\([^)]*\))' "$ROOT/README.md" "$ROOT/CONTRIBUTING.md" "$ROOT"/docs/*.md | sed 's/:](/ /; s/)$//' |
	while read -r page link; do
		case $link in
		http*: | http*) ;;
		*) [ -e "$(dirname "$page")/${link%%#*}" ] || echo "$page: $link leads nowhere" ;;
		esac
	done >err
holds "links lead somewhere" test ! -s err
for verb in $("$F" --help | sed -n '/^Of every/q; s/^  \([a-z-]*\)  .*/\1/p'); do
	grep -q "^|.*\`$verb\`" "$ROOT/README.md"
	result $? "README.md tells of $verb"
done
finish
