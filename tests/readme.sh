#!/bin/sh
# readme.sh - what README.md shows works: runs each block behind "<!-- tested -->", command by command, in one place.
#
#     tests/readme.sh [BUILD]
#
# Commands of make run in the repository, on the programs that are built already; behind "<!-- tested dry -->" they are run
# with -n, which shows that the target is there and what it would do.  The others run in a fresh folder with the build folder in
# it, in the order that they stand in and with nothing installed: what sets PATH or changes the folder does so for those after it.
# The examples of the man page must be among them.  Links to files of the repository must lead somewhere, and the verbs are those
# of the program.
set -u
. "$(dirname "$0")/lib.sh"
build=$(realpath "${1:-build}")
begin "$build/flowmint"
ln -s "$build" build
B=$build
DEMO=$T/demo
ROWS=10000 # of make demo: less than its own, to spare time
export B DEMO ROWS
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
holds "flowmint is not installed" sh -c "! command -v flowmint"
sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/{ /^flowmint/p; }' "$ROOT/docs/flowmint.1" >examples
holds "the man page has examples" test "$(wc -l <examples)" -ge 4
while read -r example <&3; do
	sed 's/^run //' commands | tr -s ' ' | grep -qxF -- "$example"
	result $? "an example of the man page is a command here: $example"
done 3<examples

while read -r mode command <&3; do
	case "$mode $command" in
	"run make "*) expect 0 "$command" sh -c "cd '$ROOT' && $command" ;;
	"dry make" | "dry make "* | "dry sudo make "*)
		expect 0 "$command (dry)" sh -c "cd '$ROOT' && touch '$T/april.week3.csv.tar.gz' && make -n ${command#*make}"
		;;
	"run export "* | "run cd "* | "run mkdir "*)
		eval "$command" >out 2>err
		result $? "$command"
		;;
	run*)
		expect 0 "$command" sh -c "$command"
		# What make demo runs is the preset as it is; this project's model is a small one, to spare time.
		case $command in
		*"flowmint init"*) small_config project/release.yaml ;;
		esac
		;;
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
# A relative path is looked for from the folder of the config, which is not the one that the command is given in.
grep -nE '/release\.yaml .*--set source\.path=[a-z0-9_-]+\.' "$ROOT/README.md" "$ROOT"/docs/*.md "$ROOT"/docs/*.1 >err
holds "commands of the pages find the trace that they name" test ! -s err
for verb in $("$F" --help | sed -n '/^Of every/q; s/^  \([a-z-]*\)  .*/\1/p'); do
	grep -q "^|.*\`$verb\`" "$ROOT/README.md"
	result $? "README.md tells of $verb"
done
finish
