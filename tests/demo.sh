#!/bin/sh
# demo.sh - what `make demo` does once everything is built: a project in a fresh folder, the whole pipeline on it, and the
# archive checked as a partner would.
#
#     B       build folder (build)                     DEMO     the folder to make (demo)
#     TRACE   a real trace instead of a simulated one  DIALECT  how it is written (ugr16)
#     ROWS    flows: simulated (30000), or the first so many of TRACE (200000; 0: all)
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
DEMO=${DEMO:-demo}
trace=${TRACE:-}
dialect=${DIALECT:-ugr16}
flowmint=$B/flowmint

step() {
	printf '\n\033[1m$ %s\033[0m\n' "$*" | { [ -t 1 ] && cat || sed 's/\x1b\[[0-9]*m//g'; }
	"$@"
}

if [ -d "$trace" ]; then
	echo "make demo: TRACE=$trace is a folder: name the trace file in it" >&2
	exit 3
fi
if [ -n "$trace" ] && [ ! -f "$trace" ]; then
	echo "make demo: TRACE=$trace: no such file" >&2
	exit 3
fi
# Only what an earlier demo made is put away.
if [ -e "$DEMO" ]; then
	if [ ! -e "$DEMO/.made-by-make-demo" ]; then
		echo "make demo: $DEMO/ is there and is not an earlier demo: name another with DEMO=FOLDER" >&2
		exit 3
	fi
	rm -rf "$DEMO"
fi
mkdir -p "$DEMO"
: >"$DEMO/.made-by-make-demo"
began=$(date +%s)

if [ -n "$trace" ]; then
	step "$flowmint" init --preset ugr16 "$DEMO/project"
	set -- --set source.path="$(realpath "$trace")" --set source.dialect="$dialect" --set source.rows="${ROWS:-200000}"
else
	step "$flowmint" simulate --rows "${ROWS:-30000}" --seed 1 --out "$DEMO/trace.csv"
	step "$flowmint" init --preset demo "$DEMO/project"
	set -- --set source.path="$(realpath "$DEMO/trace.csv")"
fi
step "$flowmint" run "$DEMO/project/release.yaml" "$@"

set -- "$DEMO"/project/release/*.tar.zst
archive=$1
step "$B/flowmint-verify" --state "$DEMO/state" --signers "$DEMO/project/allowed_signers" "$archive"
# The partner's own tool, which reads the archive from its standard input.
printf '\n$ ssh-keygen -Y verify -f %s -I flowmint -n flowmint -s %s < %s\n' "$DEMO/project/allowed_signers" "$archive.sig" "$archive"
ssh-keygen -Y verify -f "$DEMO/project/allowed_signers" -I flowmint -n flowmint -s "$archive.sig" <"$archive"

cat <<END

The archive is verified, $(($(date +%s) - began)) s after the beginning:
  $archive
Look inside:          tar --zstd -tvf $archive
What ran, and when:   $flowmint status --workspace $DEMO/project/workspace
Make it again:        $flowmint reproduce --workspace $DEMO/project/workspace $archive
END
