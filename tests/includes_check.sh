#!/bin/sh
# includes_check.sh - the arrows between the rooms run one way.
#
#     tests/includes_check.sh [ROOT]        check the tree; prints each violation, exit 1 when there is one
#     tests/includes_check.sh --self-test   plant one violation of each kind in a copy and see each of them found
#
# The table below says which rooms a room may include.  A room is a folder with C files; judge/gate is another room than judge.
#   - includes are written from the root ("base/error.h") and name their file plainly;
#   - what flowmint-verify links (release, manifests, base) includes no BLAS, SQLite, CSV or sandbox header;
#   - a header of ours is there, and nothing is declared with extern in a .c file: that would be an include in disguise;
#   - no two rooms need each other by the table;
#   - docs/architecture.md has the same table: the same rooms, each with the same arrows;
#   - no two modules need each other; `tsort` finds the circles.  A module is a header, the file that fills it, and what has its
#     name in front in the same room: config_value.c and config_loader.h belong to config.h.
#   - a headline "NAME.h - what it is" in the first two lines names the file that it stands in.
#   - no room but model/ compares model.kind with a word: what depends on the kind is asked of model/generator.h.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tops="base manifests traces model judge privacy release report stages pipeline"

# room: what it may include beside itself and base.  metrics stands for manifests/metrics.h and registry.h, * for everything.
table='
base:
manifests:
traces: manifests
traces/simulate: traces
model: manifests model/nn model/codec model/rows model/ctgan model/netshare model/plain model/diffusion model/marginals
model/nn:
model/codec: metrics
model/rows: model/codec
model/ctgan: model/nn model/rows
model/netshare: model/nn model/rows
model/plain: model/nn model/rows
model/diffusion: model/nn model/codec privacy
model/marginals: privacy model/codec
privacy:
privacy/leakage: privacy metrics
judge: metrics
judge/gate: judge privacy privacy/leakage manifests
release: release/sign manifests
release/sign: manifests
report: metrics
stages: manifests traces traces/simulate model model/nn model/codec model/rows model/ctgan model/netshare model/plain model/diffusion model/marginals judge judge/gate privacy privacy/leakage release release/sign report
pipeline: *
pipeline/walls: stages judge/gate traces manifests
pipeline/cli: *
'
rooms=$(printf '%s' "$table" | sed -n 's/:.*//p')

# Prints "file:line: what" for each violation below $1; nothing when all is well.
violations()
{
	(
		cd "$1"
		for top in $tops; do
			if [ -d "$top" ]; then
				find "$top" -type f \( -name '*.c' -o -name '*.h' -o -name '*.inc' \) -print
			fi
		done
	) | LC_ALL=C sort | (cd "$1" && LC_ALL=C TABLE=$table xargs -r awk -v tops="$tops" '
		function bad(what) { printf "%s:%d: %s\n", file, FNR, what }

		function room_of(path) {
			sub(/\/[^\/]*$/, "", path)
			return path
		}

		# May a file of room from include the header to, which lies in room dest?
		function allowed(from, dest, to) {
			if (dest == from || dest == "base" || index(may[from], " * "))
				return dest != "pipeline/cli" || from == dest || file == "pipeline/main.c"
			if ((to == "manifests/metrics.h" || to == "manifests/registry.h") && index(may[from], " metrics "))
				return 1
			return index(may[from], " " dest " ") > 0
		}

		BEGIN {
			n = split(tops, list, " ")
			for (i = 1; i <= n; i++)
				known[list[i]] = 1
			n = split(ENVIRON["TABLE"], list, "\n")
			for (i = 1; i <= n; i++)
				if (match(list[i], /:/))
					may[substr(list[i], 1, RSTART - 1)] = substr(list[i], RSTART + 1) " "
		}

		# The line as the compiler takes it: comments are blanks, and a line that ends in a backslash goes on.  "" while
		# the rest of it is still to come.
		function plain(line,    out, c, two, i, quote) {
			line = kept line
			kept = ""
			if (line ~ /\\$/) {
				kept = substr(line, 1, length(line) - 1)
				return ""
			}
			for (i = 1; i <= length(line); i++) {
				c = substr(line, i, 1)
				two = substr(line, i, 2)
				if (comment) {
					if (two == "*/") {
						comment = 0
						out = out " "
						i++
					}
				} else if (quote) {
					out = out c
					if (c == "\\")
						out = out substr(line, ++i, 1)
					else if (c == quote)
						quote = ""
				} else if (two == "/*") {
					comment = 1
					i++
				} else if (two == "//") {
					break
				} else {
					out = out c
					if (c == "\"" || c == "\047")
						quote = c
				}
			}
			return out
		}

		FNR == 1 {
			comment = 0
			kept = ""
			file = FILENAME
			from = room_of(file)
			if (!(from in may))
				bad(from " is no room of the table in tests/includes_check.sh")
		}

		FNR <= 2 && match($0, /^(\/\*| \*) [A-Za-z0-9_.\/]+\.[ch] - /) {
			name = substr($0, 4, RLENGTH - 6)
			if (name != substr(file, length(file) - length(name) + 1) ||
			    substr("/" file, length(file) - length(name) + 1, 1) != "/")
				bad("the headline names " name)
		}

		{ text = plain($0) }

		file ~ /\.c$/ && text ~ /^[ \t]*extern[ \t]/ && text !~ /fm_file_/ { bad("extern in a .c file: " text) }

		from !~ /^model/ && text ~ /cmp\([^;]*(->|\.)model\.kind/ { bad("a kind of model by its name: " text) }

		text ~ /^[ \t]*(#|%:|\?\?=)[ \t]*include/ {
			line = text
			sub(/^[ \t]*(#|%:|\?\?=)[ \t]*include(_next)?[ \t]*/, "", line)
			mark = substr(line, 1, 1)
			if (mark == "<") {
				name = line
				sub(/^</, "", name)
				sub(/>.*/, "", name)
				room = name
				sub(/\/.*/, "", room)
				if (room in known && name ~ /\//)
					bad("<" name "> of our own is written with quotes")
				else if (from ~ /^(release|manifests|base)/ &&
				    name ~ /^(cblas|openblas|lapacke|sqlite3|csv|seccomp)/)
					bad("<" name "> has no place in what flowmint-verify links")
			} else if (mark == "\"") {
				name = substr(line, 2)
				sub(/".*/, "", name)
				room = name
				sub(/\/.*/, "", room)
				if (name ~ /(^|\/)\.\.?(\/|$)/ || name ~ /\/\// || name !~ /\// || !(room in known))
					bad("\"" name "\" is not written from the root as \"room/file.h\"")
				else if ((getline ignored < name) < 0)
					bad("\"" name "\" is not there")
				else if ((from in may) && !allowed(from, room_of(name), name))
					bad("\"" name "\": " from " may not include " (from == room_of(name) ? "this" : room_of(name)))
			} else {
				bad("an include that names no file plainly: " $0)
			}
		}')
}

# Prints each circle of modules below $1.
circles()
{
	(
		cd "$1"
		for top in $tops; do
			if [ -d "$top" ]; then
				find "$top" -type f \( -name '*.c' -o -name '*.h' \) -print
			fi
		done | LC_ALL=C sort | xargs -r awk '
		# room/config_value.c -> room/config.h, where that is there: the header that its name begins with.
		function module(path,    room, stem, n, part, i, name, line) {
			if (path in of)
				return of[path]
			room = stem = path
			sub(/[^\/]*$/, "", room)
			stem = substr(path, length(room) + 1)
			sub(/\.[ch]$/, "", stem)
			n = split(stem, part, "_")
			name = part[1]
			for (i = 2; i <= n && (getline line < (room name ".h")) < 0; i++)
				name = name "_" part[i]
			return of[path] = room name ".h"
		}
		FNR == 1 { self = module(FILENAME) }
		/^[ \t]*#[ \t]*include[ \t]*"/ {
			split($0, part, "\"")
			if (self != module(part[2]))
				print self, module(part[2])
		}' | LC_ALL=C sort -u | { tsort 2>&1 >/dev/null || :; } | awk '
		/input contains a loop/ { print "includes: a circle:" ; next }
		{ sub(/^tsort: /, ""); print "includes:     " $0 }'
	)
}

# Prints each circle of rooms in the table: * is all rooms but pipeline/cli, which main.c alone includes.
room_circles()
{
	printf '%s' "$1" | awk -F: '
		NF == 2 { may[$1] = $2; room[++n] = $1 }
		END {
			for (i = 1; i <= n; i++) {
				if (room[i] != "base")
					print room[i], "base"
				if (may[room[i]] ~ /\*/)
					for (j = 1; j <= n; j++)
						if (room[j] != room[i] && room[j] != "pipeline/cli")
							print room[i], room[j]
				m = split(may[room[i]], to, " ")
				for (j = 1; j <= m; j++)
					if (to[j] in may)
						print room[i], to[j]
			}
		}' | { tsort 2>&1 >/dev/null || :; } | sed -n 's/^tsort: /table: a circle of rooms: /p'
}

# The table of rooms $1 as the document $2 tells it, a line for each arrow.
told()
{
	TABLE=$1 awk -F'|' '
	BEGIN {
		n = split(ENVIRON["TABLE"], line, "\n")
		for (i = 1; i <= n; i++)
			if (match(line[i], /:/))
				rooms[++nrooms] = substr(line[i], 1, RSTART - 1)
	}
	/^## / { here = $0 == "## Rooms" }
	here && /^\| `[a-z\/]*\/` \|/ {
		room = $2
		gsub(/[` ]|\/ *$/, "", room)
		sub(/\/$/, "", room)
		n = split($4, part, ",")
		for (i = 1; i <= n; i++) {
			name = part[i]
			gsub(/^ +| +$|`/, "", name)
			if (name == "its inner rooms") {
				for (j = 1; j <= nrooms; j++)
					if (index(rooms[j], room "/") == 1)
						print room ": " rooms[j]
			} else if (name == "manifests/metrics.h") {
				print room ": metrics"
			} else if (name == "base" || name == "itself") {
				print room ": base"
			} else {
				print room ": " name
			}
		}
	}' "$2" | LC_ALL=C sort -u
}

# The table above in the same words.
ours()
{
	printf '%s' "$1" | awk -F': *' '
	!/:/ { next }
	{
		room = $1
		above = 1
		n = split($2, to, " ")
		delete has
		for (i = 1; i <= n; i++)
			has[to[i]] = 1
		for (before in seen)
			above = above && (before in has)
		if (room != "base" && (n == 1 && to[1] == "*" || above && n == nseen && n > 1)) {
			print room ": all of the above"
		} else {
			for (i = 1; i <= n; i++)
				print room ": " to[i]
			if (n == 0)
				print room ": base"
		}
		if (room != "base") {
			seen[room] = 1
			nseen++
		}
	}' | LC_ALL=C sort -u
}

# Prints where the document $2 has another table than $1.
document_differs()
{
	if [ ! -f "$2" ]; then
		echo "$2 is not there, which has the table of rooms"
		return
	fi
	{
		ours "$1" | sed 's/^/< /'
		told "$1" "$2" | sed 's/^/> /'
	} | awk -v file="${2##*/}" '
	{ line = substr($0, 3); side[line] = side[line] substr($0, 1, 1) }
	END {
		for (line in side)
			if (side[line] == "<")
				print "docs/" file " does not say of " line
			else if (side[line] == ">")
				print "docs/" file " says of " line ", and the table in tests/includes_check.sh does not"
	}' | LC_ALL=C sort
}

check()
{
	found=$(violations "$1"; circles "$1"; room_circles "$table")
	if [ -n "$found" ]; then
		printf '%s\n' "$found"
		return 1
	fi
	return 0
}

# Plant a line in a file of its own beside own.c or own.h, to be looked at with all others by judge_planted.
# plant found|clean ROOM/own.c|ROOM/own.h LINE
plant()
{
	tried=$((tried + 1))
	mkdir -p "$copy/${2%/*}"
	printf '%s\n' "$3" >"$copy/${2%/*}/planted$tried.${2##*.}"
	printf '%s\t%s\t%s\n' "$1" "${2%/*}/planted$tried.${2##*.}" "$(printf '%s' "$3" | tr '\n' ' ')" >>"$planted"
}

judge_planted()
{
	said=$(check "$copy") || :
	for file in $(cut -f 2 "$planted"); do
		rm "$copy/$file"
	done
	wrong=$(printf '%s\n' "$said" | awk -F'\t' -v list="$planted" '
	{
		file = $0
		sub(/:.*/, "", file)
		found[file] = 1
		told[NR] = $0
	}
	END {
		while ((getline <list) > 0) {
			ours[$2] = 1
			got = $2 in found ? "found" : "clean"
			if (got != $1)
				print "\047" $3 "\047 in " $2 ": expected " $1 ", got " got
		}
		for (i = 1; i <= NR; i++) {
			file = told[i]
			sub(/:.*/, "", file)
			if (told[i] != "" && !(file in ours))
				print "found elsewhere: " told[i]
		}
	}')
	if [ -n "$wrong" ]; then
		printf '%s\n' "$wrong" | sed 's/^/includes_check: self-test: /' >&2
		failed=$((failed + $(printf '%s\n' "$wrong" | wc -l)))
	fi
	: >"$planted"
}

# Put a line into a file of the copy, check, take it out again.
# plant_alone found|clean|circle FILE LINE
plant_alone()
{
	[ ! -s "$planted" ] || judge_planted
	tried=$((tried + 1))
	was=absent
	if [ -e "$copy/$2" ]; then
		was=there
		cp "$copy/$2" "$copy/.before"
	fi
	mkdir -p "$copy/$(dirname "$2")"
	printf '%s\n' "$3" >>"$copy/$2"
	if said=$(check "$copy"); then
		got=clean
	else
		got=found
		case $said in
		"$2":*) ;;
		"includes: a circle"*) got=circle ;;
		*) got="found elsewhere ($said)" ;;
		esac
	fi
	if [ "$got" != "$1" ]; then
		echo "includes_check: self-test: '$3' in $2: expected $1, got $got" >&2
		failed=$((failed + 1))
	fi
	if [ $was = there ]; then
		mv "$copy/.before" "$copy/$2"
	else
		rm -f "$copy/$2"
	fi
}

self_test()
{
	copy=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-includes-XXXXXX")
	trap 'rm -rf "$copy"' EXIT
	trap 'exit 1' HUP INT TERM
	tried=0 failed=0 planted=$copy/.planted
	: >"$planted"
	# A small house in which every allowed arrow is used.
	for room in $rooms; do
		mkdir -p "$copy/$room"
		printf '#include <stdio.h>\n#include "%s/own.h"\n#include "base/error.h"\n' "$room" >"$copy/$room/own.c"
	done
	printf '#include "pipeline/runner.h"\n' >"$copy/pipeline/main.c"
	# The headers that are named below are there.
	for header in $(grep -o '#include "[a-z0-9_/]*/[a-z0-9_]*\.h"' "$here/includes_check.sh" | cut -d'"' -f2 | sort -u); do
		[ "$header" = stages/nowhere.h ] || [ ! -d "$copy/${header%/*}" ] || : >>"$copy/$header"
	done
	for room in $rooms; do
		: >>"$copy/$room/own.h"
		: >>"$copy/$room/x.h"
	done
	plant clean base/own.c '#include "base/mem.h"'
	for room in model judge/gate privacy/leakage release report traces manifests; do
		plant clean stages/own.c "#include \"$room/x.h\""
		plant clean pipeline/own.c "#include \"$room/x.h\""
		# Nothing below looks up.
		plant found base/own.c "#include \"$room/x.h\""
		plant found "$room/own.c" '#include "stages/stage.h"'
		plant found "$room/own.h" '#include "pipeline/ledger.h"'
	done
	for room in model judge privacy/leakage report; do
		plant clean "$room/own.c" '#include "manifests/metrics.h"'
	done
	plant clean release/own.c '#include "manifests/canon.h"'
	plant clean release/own.c '#include "release/sign/sshkey.h"'
	plant clean traces/own.h '#include "manifests/dialect.h"'
	plant clean model/own.c '#include "model/diffusion/net.h"'
	plant clean judge/gate/own.c '#include "privacy/leakage/leakage.h"'
	plant clean pipeline/own.c '#include "stages/stage.h"'
	plant_alone clean pipeline/main.c '#include "pipeline/cli/cli.h"'
	plant clean model/own.c '#include <cblas.h>'
	plant clean base/own.c '// #include "pipeline/ledger.h"'
	plant found base/own.c '#include "stages/stage.h"'
	plant found base/own.c '#include "pipeline/ledger.h"'
	plant found stages/own.c '#include "pipeline/ledger.h"'
	plant found pipeline/own.c '#include "pipeline/cli/cli.h"'
	plant found manifests/own.c '#include "traces/trace.h"'
	plant found base/own.c '#include "manifests/metrics.h"'
	for room in judge privacy privacy/leakage report model/nn model/codec model/diffusion; do
		plant found "$room/own.c" '#include "manifests/config.h"'
		plant found "$room/own.c" '#include "traces/trace.h"'
		plant found "$room/own.c" '#include "release/archive.h"'
	done
	plant found model/own.c '#include "privacy/leakage/leakage.h"'
	plant found privacy/own.c '#include "model/diffusion/net.h"'
	plant clean model/diffusion/own.c '#include "privacy/clip.h"'
	plant found model/diffusion/own.c '#include "privacy/leakage/leakage.h"'
	plant found release/own.c '#include "model/diffusion/net.h"'
	plant found release/sign/own.c '#include "release/verify.h"'
	plant found traces/own.c '#include "judge/fidelity.h"'
	plant found judge/own.c '#include "judge/gate/check.h"'
	plant found model/nn/own.c '#include "model/codec/codec.h"'
	plant found model/codec/own.c '#include "model/diffusion/net.h"'
	# A room that the table does not have, and circles: between two headers, and through the file that fills one.
	plant found model/attic/own.c '#include "base/error.h"'
	printf '#include "model/b.h"\n' >"$copy/model/a.h"
	plant_alone circle model/b.h '#include "model/a.h"'
	printf '#include "model/b.h"\n#include "model/a.h"\n' >"$copy/model/b.c"
	plant_alone circle model/a.h '#include "base/error.h"'
	rm "$copy/model/a.h" "$copy/model/b.c"
	plant_alone clean base/new.h '/* new.h - what it is. */'
	plant_alone found base/new.h '/* old.h - what it is. */'
	plant_alone found base/new.h '/* ew.h - what it is. */'
	plant_alone found base/renew.c '/* new.c - what it is. */'
	# Rooms that need each other.
	tried=$((tried + 1))
	if [ -z "$(room_circles "$(printf '%s' "$table" | sed 's/^base:/base: traces/')")" ]; then
		echo "includes_check: self-test: a circle of rooms is not seen" >&2
		failed=$((failed + 1))
	fi
	plant found pipeline/walls/own.c '#include "pipeline/own.h"'
	# However it is written, and wherever it stands.
	plant found base/own.c '/**/#include "pipeline/own.h"'
	plant found base/own.c '/* x */ #include "pipeline/own.h"'
	plant found base/own.c '#/* x */include "pipeline/own.h"'
	plant found base/own.c "$(printf '#\\\ninclude "pipeline/own.h"')"
	plant clean base/own.c '/* #include "pipeline/own.h" */'
	plant found pipeline/own.c '#include "stages/nowhere.h"'
	plant found base/own.c 'extern int fm_ledger_open(void);'
	plant found pipeline/own.c 'bool gan = strcmp(cfg->model.kind, "ctgan") == 0;'
	plant found report/own.c 'bool gan = fm_streq(x, y) || strncmp("gan", cfg.model.kind, 3) == 0;'
	plant clean model/own.c 'bool gan = strcmp(cfg->model.kind, "ctgan") == 0;'
	plant clean pipeline/own.c 'printf("%s", cfg->model.kind);'
	plant found base/own.c '  #  include   "model/diffusion/net.h" /* why not */'
	plant found base/own.c '%:include "model/diffusion/net.h"'
	plant_alone found base/deep/er.h '#include "model/diffusion/net.h"'
	plant_alone found base/new.inc '#include "model/diffusion/net.h"'
	plant found base/own.c '#include "base/../model/net.h"'
	plant found base/own.c '#include "../model/net.h"'
	plant found base/own.c '#include "error.h"'
	plant found base/own.c '#include <model/diffusion/net.h>'
	plant found base/own.c '#include MODEL_HEADER'
	plant found base/own.c '#include "tests/unit/scratch.h"'
	plant found release/own.c '#include <sqlite3.h>'
	plant found manifests/own.c '#include <cblas.h>'
	judge_planted
	# What the document says beside the table: an arrow less, another one, a room less, and none.
	for change in '/^| `traces\/simulate/s/| traces |/| |/' '/^| `traces\/simulate/s/| traces |/| traces, model |/' \
		'/^| `model\/nn/d' '/^| `stages/s/all of the above/model/' '/^| `pipeline\/walls/s/stages, //' \
		's/^## Rooms/## Room/'; do
		tried=$((tried + 1))
		sed "$change" "$here/../docs/architecture.md" >"$copy/changed.md"
		if [ -z "$(document_differs "$table" "$copy/changed.md")" ]; then
			echo "includes_check: self-test: a document with $change is not seen" >&2
			failed=$((failed + 1))
		fi
	done
	# And in the tree as it is.
	rm -rf "$copy"
	mkdir -p "$copy"
	for top in $tops; do
		if [ -d "$here/../$top" ]; then
			cp -R "$here/../$top" "$copy/"
		fi
	done
	echo '#include "pipeline/ledger.h"' >>"$copy/base/error.h"
	echo '#include "privacy/leakage/leakage.h"' >"$copy/model/planted.c"
	said=$(check "$copy") || :
	for file in base/error.h model/planted.c; do
		tried=$((tried + 1))
		case $said in
		*"$file:"*" may not include "*) ;;
		*)
			echo "includes_check: self-test: what is planted in $file of the tree is not found" >&2
			failed=$((failed + 1))
			;;
		esac
	done
	if [ $failed -gt 0 ]; then
		echo "includes_check: self-test: $failed of $tried cases are judged wrongly" >&2
		return 1
	fi
	echo "includes_check: self-test: $tried cases judged rightly"
}

case ${1:-} in
--self-test) self_test ;;
-*)
	echo "usage: $0 [ROOT | --self-test]" >&2
	exit 2
	;;
*)
	root=${1:-$here/..}
	if [ ! -d "$root/base" ]; then
		echo "includes_check: $root holds no base/" >&2
		exit 2
	fi
	differs=$(document_differs "$table" "$root/docs/architecture.md")
	[ -z "$differs" ] || printf '%s\n' "$differs"
	check "$root" && [ -z "$differs" ] && echo "includes_check: all includes run along the arrows"
	;;
esac
