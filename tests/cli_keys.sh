#!/bin/sh
# Every key of release.yaml does something: code outside manifests/ reads it, or it is refused when set, with a reason.  A key that
# is checked and printed but read by nothing is a promise that nothing keeps.
# usage: cli_keys.sh PATH-OF-FLOWMINT
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

# Code without comments and texts, so that a key that is only spoken of does not count.
(cd "$ROOT" && find base traces model privacy judge release report stages pipeline -name '*.[ch]' -exec cat {} +) |
	"$PYTHON" -c 'import re, sys
print(re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", " ", sys.stdin.read(), flags=re.S))' >code
holds "(there is code to look through)" test "$(wc -l <code)" -gt 10000

# Keys that code outside manifests/ reads through a function of manifests/.
through() { # SECTION KEY: its name
	case $1.$2 in
	generate.inside | generate.outside) echo fm_config_fresh ;;
	esac
}

# is_read SECTION KEY: some line has x->SECTION.KEY, x.SECTION.KEY or offsetof(.., SECTION.KEY), and does more than set it
is_read() {
	reader=$(through "$1" "$2")
	if [ -n "$reader" ]; then
		grep -q "[^A-Za-z0-9_]$reader(" code &&
			awk -v name="$reader(" -v key="$1.$2" 'index($0, name) && !/;$/ { on = 1 } /^}/ { on = 0 } on && index($0, key) { found = 1 } END { exit !found }' \
				"$ROOT"/manifests/*.c
		return
	fi
	grep -E "(^|[^A-Za-z0-9_])$1\.$2([^A-Za-z0-9_]|\$)" code | grep -Evq "^[^=(]*[^A-Za-z0-9_]$1\.$2 = "
}
holds "a key that is read is found" is_read train steps
echo 'x->train.stepz = 3; /* train.stepy */' >>code
for key in stepz stepx; do
	! is_read train $key
	result $? "one that is not is not ($key)"
done

expect 0 "(a project)" "$F" -q init --preset demo p
"$F" config --json p >config.json || exit 1
json config.json '"\n".join(s + " " + k + " " + json.dumps(v) for s, o in d["config"].items() if isinstance(o, dict) for k, v in o.items() if s != "gate" or not isinstance(v, dict))' >keys
holds "(there are keys)" test "$(wc -l <keys)" -gt 50
while read -r section key value <&3; do
	if is_read "$section" "$key"; then
		result 0 "$section.$key is read"
	else
		"$F" config --set "$section.$key=$value" p >out 2>err
		[ $? -eq 2 ] && grep -qF "$section.$key: not in privacy.mode none" err
		result $? "$section.$key is refused when set, as nothing reads it"
	fi
done 3<keys

# A key of some kinds of model is read by their generators and by no other's, which refuses a value of its own.
kinds_of() { # KEY: the kinds whose generator reads it
	for kind in diffusion:exchanges marginals: ctgan: plain: netshare:; do
		for file in ${kind%:*} ${kind#*:}; do
			if cat "$ROOT/model/generator_$file"*.c | grep -qE "cfg->$1([^A-Za-z0-9_]|\$)"; then
				printf '%s ' "${kind%:*}"
				break
			fi
		done
	done
}
sed -n 's/.*FIELD(\([a-z]*\), \([a-z_]*\),.*\.kind = "\([a-z|]*\)".*/\1.\2 \3/p' "$ROOT/manifests/config_schema.c" >kinds
holds "(there are such keys)" test "$(wc -l <kinds)" -gt 15
while read -r key kinds <&3; do
	holds "$key is of the kinds $kinds" test "$(kinds_of "$key" | tr ' ' '\n' | sort | tr '\n' ' ')" = "$(echo "$kinds" | tr '|' '\n' | sort | tr '\n' ' ')"
done 3<kinds
for set in model.hidden=7 train.epochs=3 model.encoding=bits; do
	expect 2 "$set is refused of kind diffusion" "$F" config --set "$set" p
	says err "${set%=*} is not for model.kind diffusion: leave it out, or set model.kind to ctgan" "with the kind that has it"
done
expect 2 "so is model.depth of kind ctgan" "$F" config --set model.kind=ctgan --set model.depth=3 p
expect 2 "and train.steps of kind marginals" "$F" config --set model.kind=marginals --set train.steps=77 p
expect 0 "the preset's own values may stay" "$F" config --set model.kind=ctgan p

# A key that another choice leaves without effect.
refused() { # KEY WHY SET...
	key=$1 why=$2
	shift 2
	for set; do
		shift
		set -- "$@" --set "$set"
	done
	expect 2 "$key is refused where it does nothing" "$F" config "$@" p
	says err "$key does nothing $why" "with what makes it so"
}
refused model.heads "with model.denoiser mlp: leave it out, or set model.denoiser to transformer/unet" model.heads=2 model.denoiser=mlp
refused generate.steps "with generate.sampler ancestral: leave it out" generate.steps=12 generate.sampler=ancestral
refused train.epochs "where train.steps is 400: leave it out, or set train.steps to 0" train.epochs=3 model.kind=ctgan
refused train.chunk_epochs "where train.steps is 400" train.chunk_epochs=3 model.kind=netshare
# Nor does a gate take what a metric cannot do, or a release what its lines cannot have.
nothing() { # KEY WHY SET...
	key=$1 why=$2
	shift 2
	expect 2 "$key is refused where nothing reads it" "$F" "$@" p
	says err "--set ${key%%=*}: " "at its place"
	says err "$why" "with the reason"
}
nothing 'gate.leak.rows_equal={max: 0, relative_to_floor: true}' "relative_to_floor does nothing" config --set 'gate.leak.rows_equal={max: 0, relative_to_floor: true}'
nothing 'gate.leak.rows_equal={max: 0, room: 2}' "room does nothing" config --set 'gate.leak.rows_equal={max: 0, room: 2}'
nothing gate.waivable=leak.release_equal "the gate does not check leak.release_equal" config --set gate.waivable=leak.release_equal
touch t.csv
nothing publish.header=true "publish.header does nothing in dialect zeek-json" run --set source.path="$T/t.csv" --set publish.dialect=zeek-json --set publish.header=true
expect 0 "the presets' own thresholds are all read" sh -c "'$F' config --set source.path=x p && '$F' -q init --preset ugr16 u && '$F' config u && '$F' -q init --preset any a && '$F' config a"
expect 0 "the preset's values may stay there too" "$F" config --set model.denoiser=mlp --set generate.sampler=ancestral p
holds "and are not shown" sh -c '! grep -q "^  heads\|^  *steps: 24" out'
# What diffusion has in privacy.mode dp: each key is read there, or refused.
sed -n '/FIELD(/{h;d};H;/help/{x;s/\n[ 	]*/ /g;p}' "$ROOT/manifests/config_schema.c" >lines
sed -n 's/.*FIELD(\([a-z]*\), \([a-z_]*\),.*\.kind = "[a-z|]*diffusion.*/\1.\2/p' "$ROOT/manifests/config_schema.c" >diffusion
holds "(there are such keys)" test "$(wc -l <diffusion)" -gt 15
while read -r key <&3; do
	grep -q "FIELD(${key%.*}, ${key#*.},.*\.needs = " lines ||
		holds "$key counts in privacy.mode dp, or is refused" grep -qE "\b$key\b|\"${key%.*}\", \"${key#*.}\"|->$key\b" "$ROOT/model/generator_exchanges.c" "$ROOT/model/private_counts.c" "$ROOT/manifests/config_dp.c"
done 3<diffusion

for line in "clip: 0.5" "unit: exchange" "epsilon: 1" "epsilon: 0" "delta: 1e-6"; do
	printf 'source:\n  path: x\nprivacy:\n  %s\n' "$line" >dp.yaml
	expect 3 "a file with privacy.$line" "$F" config dp.yaml
	says err "dp.yaml:4: privacy.${line%%:*}: not in privacy.mode none" "is refused at its line"
done
# What a kind of model cannot do is refused at its line before a run has a number, and what --set asks for as a mistake of the command.
printf 'preset: demo\nsource:\n  path: trace.csv\nmodel:\n  kind: ctgan\ntrain:\n  gan_batch: 105\n' >p/kind.yaml
touch p/trace.csv
for verb in config run "run --until ingest" "run --plan"; do
	expect 3 "$verb: a batch of no whole packs" "$F" $verb p/kind.yaml
	says err "p/kind.yaml:7: train.gan_batch is 105" "is refused at its line"
done
expect 2 "by --set it is a mistake of the command line" "$F" run --set train.gan_batch=115 p/kind.yaml
says err "--set train.gan_batch: train.gan_batch is 115" "with its name"
holds "(and no run has a number)" [ ! -e p/workspace/ledger.db ]
printf 'preset: ugr16-dp\nsource:\n  path: x\nprivacy:\n  records: 1000\n  epsilon: 1\n  delta: 1e-6\n  first: 2016-01-01 00:00:00\n  last: 2016-01-02 00:00:00\ngate:\n  jsd.PR: 0.1\n' >gate.yaml
expect 3 "a check that asks records, in privacy.mode dp" "$F" config gate.yaml
says err "gate.yaml:11: gate.jsd.PR is refused in privacy.mode dp" "is refused at its line too"
printf 'source:\n  path: x\nprivacy:\n  max_flows_per_host: 1\n' >old.yaml
expect 3 "a file with a key of an earlier version" "$F" config old.yaml
says err "old.yaml:4: privacy.max_flows_per_host is no key any more" "hears that the key is gone"
says err "delete the line" "and what to do"
finish
