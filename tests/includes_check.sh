#!/bin/sh
# includes_check.sh - the arrows between the rooms run one way.
#
#     tests/includes_check.sh [ROOT]        check the tree; prints each violation, exit 1 when there is one
#     tests/includes_check.sh --self-test   plant one violation of each kind in a copy and see each of them found
#
# pipeline -> stages -> {model, judge, privacy, release, report, traces, manifests} -> base, where
#   - release and traces may include manifests/..., the other middle rooms manifests/metrics.h alone;
#   - includes are written from the root ("base/error.h") and name their file plainly;
#   - what flowmint-verify links (release, manifests, base) includes no BLAS, SQLite, CSV or sandbox header.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
rooms="base manifests traces model judge privacy release report stages pipeline"

# Prints "file:line: what" for each violation below $1; nothing when all is well.
violations()
{
	(
		cd "$1"
		for room in $rooms; do
			if [ -d "$room" ]; then
				find "$room" -type f \( -name '*.c' -o -name '*.h' -o -name '*.inc' \) -print
			fi
		done
	) | LC_ALL=C sort | while IFS= read -r file; do
		LC_ALL=C awk -v file="$file" -v rooms="$rooms" '
		function bad(what) { printf "%s:%d: %s\n", file, FNR, what }

		# May a file of room from include the header to, which lies in room dest?
		function allowed(from, dest, to) {
			if (dest == from || dest == "base")
				return 1
			if (from == "pipeline")
				return 1
			if (from == "stages")
				return dest != "pipeline"
			if (dest == "manifests" && from != "base")
				return from == "release" || from == "traces" || to == "manifests/metrics.h"
			return 0
		}

		BEGIN {
			n = split(rooms, list, " ")
			for (i = 1; i <= n; i++)
				known[list[i]] = 1
			from = file
			sub(/\/.*/, "", from)
		}

		/^[ \t]*(#|%:|\?\?=)[ \t]*include/ {
			line = $0
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
				else if ((from == "release" || from == "manifests" || from == "base") &&
				    name ~ /^(cblas|openblas|lapacke|sqlite3|csv|seccomp|linux\/seccomp|linux\/landlock)/)
					bad("<" name "> has no place in what flowmint-verify links")
			} else if (mark == "\"") {
				name = substr(line, 2)
				sub(/".*/, "", name)
				room = name
				sub(/\/.*/, "", room)
				if (name ~ /(^|\/)\.\.?(\/|$)/ || name ~ /\/\// || name !~ /\// || !(room in known))
					bad("\"" name "\" is not written from the root as \"room/file.h\"")
				else if (!allowed(from, room, name))
					bad("\"" name "\": " from " may not include " (from == room ? "this" : room))
			} else {
				bad("an include that names no file plainly: " $0)
			}
		}' "$1/$file"
	done
}

check()
{
	found=$(violations "$1")
	if [ -n "$found" ]; then
		printf '%s\n' "$found"
		return 1
	fi
	return 0
}

# Put a line into a file of the copy, check, take it out again.
# plant found|clean FILE LINE
plant()
{
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
	tried=0 failed=0
	# A small house in which every allowed arrow is used.
	for room in $rooms; do
		mkdir -p "$copy/$room"
		printf '#include <stdio.h>\n#include "%s/own.h"\n#include "base/error.h"\n' "$room" >"$copy/$room/own.c"
	done
	plant clean base/own.c '#include "base/mem.h"'
	for room in model judge privacy release report traces manifests; do
		plant clean "$room/own.c" '#include "manifests/metrics.h"'
		plant clean stages/own.c "#include \"$room/x.h\""
		plant clean pipeline/own.c "#include \"$room/x.h\""
		# Nothing below looks up.
		plant found base/own.c "#include \"$room/x.h\""
		plant found "$room/own.c" '#include "stages/stage.h"'
		plant found "$room/own.h" '#include "pipeline/ledger.h"'
	done
	plant clean release/own.c '#include "manifests/canon.h"'
	plant clean traces/own.h '#include "manifests/dialect.h"'
	plant clean pipeline/own.c '#include "stages/stage.h"'
	plant clean model/own.c '#include <cblas.h>'
	plant clean base/own.c '// #include "pipeline/ledger.h"'
	plant found base/own.c '#include "stages/stage.h"'
	plant found base/own.c '#include "pipeline/ledger.h"'
	plant found stages/own.c '#include "pipeline/ledger.h"'
	plant found manifests/own.c '#include "traces/trace.h"'
	plant found base/own.c '#include "manifests/metrics.h"'
	for room in model judge privacy report; do
		plant found "$room/own.c" '#include "manifests/config.h"'
		plant found "$room/own.c" '#include "traces/trace.h"'
		plant found "$room/own.c" '#include "release/archive.h"'
	done
	plant found model/own.c '#include "privacy/leakage/leakage.h"'
	plant found privacy/own.c '#include "model/diffusion/net.h"'
	plant found release/own.c '#include "model/diffusion/net.h"'
	plant found traces/own.c '#include "judge/fidelity.h"'
	# However it is written, and wherever it stands.
	plant found base/own.c '  #  include   "model/diffusion/net.h" /* why not */'
	plant found base/own.c '%:include "model/diffusion/net.h"'
	plant found base/deep/er.h '#include "model/diffusion/net.h"'
	plant found base/new.inc '#include "model/diffusion/net.h"'
	plant found base/own.c '#include "base/../model/net.h"'
	plant found base/own.c '#include "../model/net.h"'
	plant found base/own.c '#include "error.h"'
	plant found base/own.c '#include <model/diffusion/net.h>'
	plant found base/own.c '#include MODEL_HEADER'
	plant found base/own.c '#include "tests/unit/scratch.h"'
	plant found release/own.c '#include <sqlite3.h>'
	plant found manifests/own.c '#include <cblas.h>'
	# And in the tree as it is, where what is wrong already would hide what is planted.
	rm -rf "$copy"
	mkdir -p "$copy"
	for room in $rooms; do
		if [ -d "$here/../$room" ]; then
			cp -R "$here/../$room" "$copy/"
		fi
	done
	if check "$copy" >/dev/null; then
		plant found base/error.h '#include "pipeline/ledger.h"'
		plant found model/planted.c '#include "privacy/leakage/leakage.h"'
	fi
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
	check "$root" && echo "includes_check: all includes run along the arrows"
	;;
esac
