# shellcheck shell=sh
# lib.sh - what the end-to-end scripts share.  A script says
#
#     . "$(dirname "$0")/lib.sh"
#     begin "$@"                  F is the program ($1, or build/flowmint), V flowmint-verify beside it, T a fresh folder and
#                                 the working directory; ROOT is the repository
#     expect 3 "what is promised" COMMAND...    the exit status; out and err hold what it said
#     says err "words" "what is promised"       a fixed string in a file
#     holds "what is promised" COMMAND...       any command that succeeds
#     skip "what is promised" "why not tried"
#     finish                      the plan and the exit status
#
# With TIMED=1 each result is followed by the processor time, of the script and all that it called, that it took.
n=0
bad=0

begin() {
	ROOT=$(cd "$(dirname "$0")/.." && pwd)
	F=$(realpath "${1:-$ROOT/build/flowmint}")
	V=$(dirname "$F")/flowmint-verify
	[ -x "$F" ] || { echo "not ok - $F is not built: run make first"; exit 1; }
	T=$(mktemp -d "${TMPDIR:-/tmp}/flowmint-e2e-XXXXXX") || exit 4
	trap 'cleanup; rm -rf "$T"' EXIT
	trap 'exit 1' HUP INT TERM
	cd "$T" || exit 4
	unset FLOWMINT_WORKSPACE FLOWMINT_CLEAR SOURCE_DATE_EPOCH
	XDG_STATE_HOME=$T/state # where flowmint-verify remembers what it accepted
	export XDG_STATE_HOME
	: >out
	: >err
	PYTHON=python3
	export ROOT V PYTHON
	# Where the kernel lets nobody make namespaces, what is not about them is tested without.
	CONFINED=yes
	UNCONFINED=
	if ! unshare -Urn true 2>/dev/null && ! unshare -n true 2>/dev/null; then
		CONFINED=
		UNCONFINED=--unconfined
		# Verbs that read strangers' files, which most tests call without a thought for walls.
		cat >"$T/flowmint" <<END
#!/bin/sh
case \$1 in
diff | evaluate | report | sniff | verify) verb=\$1; shift; exec "$F" "\$verb" --unconfined "\$@" ;;
*) exec "$F" "\$@" ;;
esac
END
		chmod +x "$T/flowmint"
		F=$T/flowmint
	fi
	export CONFINED UNCONFINED
}

# A script with more to put away than $T redefines it.
cleanup() {
	:
}

# Options that drop checks of a preset, for a model that is too small for them.
no_checks() { # PRESET GROUP...: groups are the first words of names, heavy for heavy.share_gap
	preset=$1
	shift
	"$ROOT/tests/preset_checks.sh" "$ROOT/manifests/$preset.yaml" | while read -r check; do
		for group; do
			[ "${check%%.*}" != "$group" ] || printf -- '--set gate.%s=null ' "$check"
		done
	done
}

# Ends a config of the preset demo, whose last lines are its gate: of the preset's checks it keeps what a toy meets.
drop_checks() { # RELEASE.yaml
	for check in $("$ROOT/tests/preset_checks.sh" "$ROOT/manifests/demo.yaml"); do
		case $check in
		jsd_mean8 | leak.rows_equal | rules.broken_share) ;;
		*) echo "  $check: null" >>"$1" ;;
		esac
	done
}

# A model that learns 4,000 flows in about a second, and a gate that asks what such a one can do, and everything about privacy.
SMALL="model.width=32 model.depth=1 model.heads=2 train.batch=32 train.steps=200 generate.steps=12 gate.jsd_mean8=0.3 gate.jsd.BYT=0.2 gate.jsd.PKT=0.2 gate.jsd.TD=0.2
	gate.jsd.PR=0.2 gate.jsd.TS=0.2 gate.jsd.SA=0.3 gate.jsd.DA=0.3 gate.downstream.mse_ratio=100 gate.leak.share_nearer_train=0.7
	gate.leak.mia_model_auc=0.8 gate.pair_jsd=0.2 gate.host.LIFE=0.5 gate.host.TALK=0.5 gate.tstr.macro_f1.trees=null gate.assoc.mean=0.3
	gate.control_rows=200 gate.control_limit=1"
small_options() { # of flowmint run
	# shellcheck disable=SC2086 # a list of words
	printf -- '--set %s ' $SMALL
}

small_config() { # RELEASE.yaml of the preset demo
	# shellcheck disable=SC2086 # a list of words
	printf '%s\n' $SMALL | awk -F= '
		NR == FNR { section = key = $1; sub(/\..*/, "", section); sub(/^[^.]*\./, "", key); want[section, key] = $2; next }
		function rest(section, both, part) {
			for (both in want)
				if (split(both, part, SUBSEP) && part[1] == section) {
					print "  " part[2] ": " want[both]
					said[both]
					delete want[both]
				}
		}
		/^[a-z]+:/ { section = $0; sub(/:.*/, "", section); print; rest(section); at = section; next }
		/^  [^ ]+:/ { key = $1; sub(/^ */, "", key); sub(/:.*/, "", key); if ((at, key) in said) next }
		{ print }' - "$1" >"$1.small" && mv "$1.small" "$1"
}

# Where bytes matter and not flows, the thresholds are so loose that the gate cannot catch its controls: that is waived.
blunt() { # PROJECT RELEASE.yaml
	"$F" keygen --out "$1/keys/waiver" --principal waiver >/dev/null &&
		echo "waiver namespaces=\"flowmint-waiver\" $(cut -d' ' -f1,2 "$1/keys/waiver.pub")" >>"$1/allowed_signers" &&
		"$F" waive "$2" --check controls.broken --reason "a test of bytes, not of flows" --expires 2099-12-31 \
			--key "$1/keys/waiver"
}

# A project p over trace.csv for tests of bytes, not of flows: few checks, each so loose that a toy meets it.  What the gate
# cannot catch with them is waived.
toy() { # TRAINING-STEPS SAMPLING-STEPS FLOWS
	toy_unwaived "$@"
	expect 0 "(its gate is blunt)" blunt p p/release.yaml
}
toy_unwaived() {
	expect 0 "a project" "$F" init --preset demo p
	cat >p/release.yaml <<-END
	preset: demo
	release: {name: toy, version: 1.0.0, date: 2026-11-28}
	source: {path: ../trace.csv}
	train: {steps: $1}
	model: {depth: 1, width: 32, heads: 2}
	generate: {steps: $2, rows: $3}
	gate:
	  control_rows: 500
	  jsd_mean8: 0.69
	END
	drop_checks p/release.yaml
	expect 0 "a trace" "$F" simulate --rows 2000 --seed 3 --out trace.csv
}

# What is decrypted of a workspace now, or was left so.
decrypted() { # WORKSPACE
	ls -d /dev/shm/flowmint-*-"$(printf %s "$(realpath "$1")" | sha256sum | cut -c1-16)"* "$1"/clear* 2>/dev/null
}

# What the newest run's stage made, decrypted into a fresh folder.
unsealed() { # WORKSPACE STAGE FOLDER
	rm -rf "$3"
	"$F" unseal --workspace "$1" --stage "$2" --out "$3"
}

spent=0
tell_time() {
	times >"$T/times" # in this shell: another would have called nothing
	spent=$(awk -F'[ms ]+' -v last="$spent" '
		{ sum += 60 * ($1 + $3) + $2 + $4 }
		END { printf "# %.2f s of processor time\n", sum - last >"/dev/stderr"; print sum }' "$T/times" 2>&3)
} 3>&1

result() { # STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# out: /' out | tail -n 20
		sed 's/^/# err: /' err | tail -n 20
		bad=1
	fi
	[ -z "${TIMED:-}" ] || tell_time
}

within() { # SECONDS COMMAND...: of processor time, thrice as many where others use the caches; 30 times with sanitizers
	slower=3
	! grep -qa __asan_init "$F" || slower=30
	# shellcheck disable=SC3045 # dash has ulimit -t
	(ulimit -t $((slower * $1)) && shift && "$@")
}

expect() { # STATUS NAME COMMAND...
	want=$1 name=$2
	shift 2
	"$@" >out 2>err
	got=$?
	[ "$got" -eq "$want" ] || echo "exit status $got, expected $want: $*" >>err
	[ "$got" -eq "$want" ]
	result $? "$name"
}

says() { # FILE WORDS NAME
	grep -qF -- "$2" "$1"
	result $? "$3"
}

holds() { # NAME COMMAND...
	name=$1
	shift
	"$@"
	result $? "$name"
}

skip() { # NAME WHY
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# COMMAND with its three standard streams on a terminal of 100 columns; out has what it showed.
on_terminal() {
	TERM=xterm "$PYTHON" -c 'import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    try:
        said = os.read(fd, 65536)
    except OSError:
        break
    if not said:
        break
    sys.stdout.buffer.write(said)
status = os.waitpid(pid, 0)[1]
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))' "$@"
}

is_json() { # FILE: one document and nothing else
	"$PYTHON" -IS -m json.tool "$1" >/dev/null
}

# json FILE EXPRESSION: what Python makes of it, d being the document
json() {
	"$PYTHON" -IS -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

is_empty() { # DIR: absent or without any entry
	[ ! -d "$1" ] || [ -z "$(ls -A "$1")" ]
}

change_byte() { # FILE OFFSET: it becomes another byte, whatever it was
	was=$(od -An -tu1 -j "$2" -N 1 "$1") &&
		printf '%b' "$(printf '\\0%o' $((was ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# wait until COMMAND succeeds; the limit is for what hangs, so it may be far more than a slow machine needs
until_true() { # SECONDS COMMAND...
	left=$(($1 * 25))
	shift
	until "$@"; do
		[ $left -gt 0 ] || return 1
		left=$((left - 1))
		sleep 0.04
	done
}

nobody_runs() { # no process of this program, of those whose command line names a file in $T
	for c in $(grep -slaF -- "$T/" /proc/[0-9]*/cmdline); do
		{ tr '\0' ' ' <"$c"; } 2>/dev/null
		echo
	done | awk -v f="$F" -v t="$T/" 'index($0, f) == 1 && index($0, t) { n = 1 } END { exit n }'
}

tar_digest() { # ARCHIVE
	zstd -dcq "$1" | sha256sum | cut -d' ' -f1
}

finish() {
	echo "1..$n"
	exit $bad
}
