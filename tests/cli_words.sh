#!/bin/sh
# What the command line finds by itself and tells of itself: the project, the workspace, the effective config with the origin of
# each value, the dialects, and the completions of the shells.
# usage: cli_words.sh PATH-OF-FLOWMINT
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

expect 0 "(a project)" "$F" -q init --preset demo p
mkdir -p p/sub/deep elsewhere
expect 0 "(a trace)" "$F" simulate --rows 2000 --out t.csv

# ---- the project and the workspace ----
expect 2 "run where no folder has a release.yaml" "$F" run
says err "no folder from here up has a release.yaml" "says so"
expect 0 "run finds the project from a subfolder" "$F" -C p/sub/deep run $UNCONFINED -q --set source.path="$T/t.csv" --until ingest
holds "and works beside its config" test -s p/workspace/ledger.db
expect 0 "a folder stands for its release.yaml" "$F" run $UNCONFINED -q --set source.path="$T/t.csv" --until ingest p
expect 3 "a folder without one" "$F" run elsewhere
says err "elsewhere/release.yaml" "names the file that is missing"
expect 0 "status finds the workspace from a subfolder" "$F" -C p/sub status
says out "2 runs" "it is the project's"
expect 0 "log, too" "$F" -C p/sub log r0001
expect 0 "and audit" "$F" -C p/sub audit
expect 3 "FLOWMINT_WORKSPACE goes before the project's" env FLOWMINT_WORKSPACE="$T/elsewhere" "$F" -C p status
says err "$T/elsewhere" "and is named"
expect 0 "--workspace goes before FLOWMINT_WORKSPACE" env FLOWMINT_WORKSPACE="$T/elsewhere" "$F" status --workspace p/workspace
expect 0 "run takes FLOWMINT_WORKSPACE" env FLOWMINT_WORKSPACE="$T/ws" "$F" run $UNCONFINED -q --set source.path="$T/t.csv" --until ingest p
holds "and works there" test -s ws/ledger.db
expect 0 "-v names what is used" "$F" -v -C p/sub config
says err "config: $T/p/release.yaml" "the config"

expect 2 "one value where a list is wanted" "$F" config --set generate.outside=10.0.0.0/8 p
says err "generate.outside takes a list, not the text '10.0.0.0/8': put brackets around it, [10.0.0.0/8]" "is told how to write one"
expect 2 "a misspelt option before the verb" "$F" --versoin
says err "did you mean --version?" "has a suggestion"
cp p/release.yaml saved.yaml
sed -i 's/^  path: .*/  path: ""/' p/release.yaml
expect 3 "run without a trace" "$F" run p
says err "p/release.yaml:$(grep -n '^  path: ""' p/release.yaml | cut -d: -f1): source.path is not set" "names the line where it would stand"
mv saved.yaml p/release.yaml
expect 3 "a path from the current folder" "$F" run --set source.path=t.csv p
says err "p/t.csv: no such file; it is looked for from the folder of the config, and there is a t.csv in the current folder" "is told from where it counts"
expect 3 "a file for a folder that is not there" "$F" simulate --rows 10 --out nowhere/t.csv
says err "cannot create nowhere/t.csv: the folder that it would be in is not there" "says so"
expect 3 "flows from a device" "$F" evaluate --real t.csv --synthetic /dev/null
says err "/dev/null is no regular file" "says so"

# ---- config ----
sed -i 's/^  steps: 400/  steps: 450/; s/^train:/train:\n  warmup: 5/; /^  warmup: 30/d' p/release.yaml
expect 0 "config" "$F" config --set split.seed=9 --set gate.jsd.SA=null p
holds "a value of the file has its line" grep -Eq '^  steps: 450 +# line [0-9]+$' out
holds "one of --set says so" grep -Eq '^  seed: 9 +# --set$' out
holds "one of nobody is a default" grep -Eq '^  denoiser: "transformer" +# default$' out
holds "a check that is dropped is null" grep -Eq '^  jsd.SA: null +# --set$' out
cp out effective.yaml
expect 0 "what it prints is a config" "$F" config --json effective.yaml
cp out again.json
holds "without the keys of other kinds of model" sh -c '! grep -qE "^  (chunks|session_records|conditions):" effective.yaml && grep -q "^  denoiser:" effective.yaml'
printf 'source: {path: t.csv}\nmodel: {kind: netshare}\n' >netshare.yaml
expect 0 "config of another kind" "$F" config netshare.yaml
says out "  chunks:" "has that kind's keys"
expect 0 "a project of a builder without a date" env SOURCE_DATE_EPOCH=0 "$F" init --preset demo dateless
says err "SOURCE_DATE_EPOCH is '0'" "it says that this is no day"
holds "and the release has no day of 1970" sh -c '! grep -q "date: 1970" dateless/release.yaml && grep -q "date: 20" dateless/release.yaml'
expect 0 "config --json" "$F" config --json --set split.seed=9 --set gate.jsd.SA=null p
for section in source split model train privacy generate gate publish; do
	[ "$(json out "sorted(d['config']['$section'].items())")" = "$(json again.json "sorted(d['config']['$section'].items())")" ]
	result $? "and it says the same of $section"
done
holds "every key has an origin" test "$(json out "all(s + '.' + k in d['origin'] for s, v in d['config'].items() if isinstance(v, dict) for k in v)")" = True
printf 'preset: demo\nsource:\n  path: x\n' >short.yaml
expect 0 "config of a short file" "$F" config short.yaml
holds "a value of the preset has its name" grep -Eq '^  window: 32 +# preset demo, line [0-9]+$' out
expect 0 "config with SOURCE_DATE_EPOCH" env SOURCE_DATE_EPOCH=1460332800 "$F" config short.yaml
holds "a value of the environment says so" grep -q '^  date: "2016-04-11" .*# environment SOURCE_DATE_EPOCH$' out
expect 0 "and with a builder's 0" env SOURCE_DATE_EPOCH=0 "$F" config short.yaml
holds "there is no date" grep -q '^  date: "" ' out
expect 3 "config of a wrong file" sh -c "echo 'trian: 1' >wrong.yaml; '$F' config wrong.yaml"

# ---- dialects ----
expect 0 "dialects" "$F" dialects
says out "te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label" "the columns are there"
expect 0 "dialects --json" "$F" dialects --json
for d in "$ROOT"/manifests/dialects/*.yaml; do
	d=$(basename "$d" .yaml)
	holds "it has $d" test "$(json out "[x['name'] for x in d].count('$d')")" = 1
done

# ---- completion ----
for shell in bash zsh fish; do
	expect 0 "completion $shell" "$F" completion $shell
	cp out "flowmint.$shell"
done
expect 2 "completion of another shell" "$F" completion csh

here=p
# ask WORD...: what bash offers for the last one
ask() {
	F="$F" HERE="$here" bash -c '
		. ./flowmint.bash || exit 1
		flowmint() { "$F" ${HERE:+-C "$HERE"} "$@"; }
		compopt() { :; }
		COMP_WORDS=(flowmint "$@") COMP_CWORD=$#
		_flowmint
		printf "%s\n" "${COMPREPLY[@]}"' complete "$@" >out 2>err
}
verbs() { "$F" --help | sed -n '/^Of every/q; s/^  \([a-z-]*\)  .*/\1/p'; }
offers() { # NAME WORD WORDS...
	name=$1 word=$2
	shift 2
	ask "$@" && [ ! -s err ] && grep -qxF -- "$word" out
	result $? "$name"
}
if command -v bash >/dev/null; then
	ask ""
	holds "bash offers every verb" sh -c "'$F' --help | sed -n '/^Of every/q; s/^  \([a-z-]*\)  .*/\1/p' | while read -r v; do grep -qx -- \$v out || exit 1; done"
	for verb in $(verbs); do
		ask "$verb" --
		"$F" "$verb" --help | sed -n 's/^  \(-., \)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' >options
		while read -r option; do
			grep -qxF -- "$option" out || echo "$option"
		done <options >missing
		holds "bash offers the options of $verb" test ! -s missing
	done
	offers "the beginning of a verb" reproduce rep
	offers "a stage" evaluate run --until ev
	offers "a stage behind =" evaluate run --until = ev
	offers "a key of the config" train.steps= run --set train.st
	offers "a preset" demo init --preset d
	offers "a choice" model reproduce --from ""
	offers "a dialect" netshare evaluate --dialect n
	offers "a file" t.csv evaluate --real t.
	offers "a shell" fish completion f
	offers "an option behind -C DIR" --force -C p run --fo
	offers "a verb behind help" audit help au
	offers "the word of key" rotate key ""
	ask key ""
	holds "and no name in capitals" test "$(cat out)" = rotate
	offers "a file behind it" t.csv key rotate t.
	offers "what a key takes" plain run --set model.kind = p
	offers "a file where a key is a path" t.csv run --set source.path = t.
	ask run --set train.steps = ""
	holds "and nothing where it is a number" test -z "$(cat out)"
	offers "a metric" jsd.TD evaluate --only jsd.T
	offers "the next of a list" jsd,leak evaluate --only jsd,le
	offers "a check" controls.broken waive --check cont
	ask waive --check ""
	cp out checks
	offers "a model" plain,ctgan compare --models plain,c
	holds "and only what a gate can check" sh -c '! grep -q "^rows" checks && grep -qx jsd.TD checks && grep -qx tstr.macro_f1.trees checks'
	offers "a check in a config" gate.jsd.TD= run --set gate.jsd.TD
	offers "a run" r0001 status ""
	offers "a run or a file" r0002 diff r
	here=
	offers "a run of the folder that -C names" r0001 -C p status ""
	offers "of --directory" r0001 --directory = p status ""
	offers "also behind the verb" r0001 status -C p ""
	offers "a run of a workspace" r0001 status --workspace p/workspace ""
	offers "with = too" r0001 log --workspace = p/workspace ""
	offers "and of one in a folder" r0001 -C p status --workspace workspace r
	ask status ""
	holds "and none where there is none" test -z "$(cat out)"
	here=p
	expect 0 "(flowmint-verify)" cp "$ROOT/packaging/completion/flowmint-verify.bash" .
	V="$V" bash -c '. ./flowmint-verify.bash; compopt() { :; }; flowmint-verify() { "$V" "$@"; }
		COMP_WORDS=(flowmint-verify --sig) COMP_CWORD=1; _flowmint_verify; printf "%s\n" "${COMPREPLY[@]}"' >out 2>err
	holds "bash offers the options of flowmint-verify" test "$(sort out | tr '\n' ' ')" = "--signature --signer --signers "
else
	skip "bash completes" "no bash here"
fi
if command -v zsh >/dev/null; then
	expect 0 "zsh reads its script" zsh -n flowmint.zsh
	expect 0 "and runs it" zsh -fc 'autoload -Uz compinit; compinit -u -d ./zcompdump; . ./flowmint.zsh'
	# What an interactive zsh offers behind a line: whatever goes to compadd, and "end" when the tab has been worked on.
	cat >ask.zsh <<'EOF'
zmodload zsh/zpty
zpty z zsh -f -i
tell() { zpty -w z "$1" }
tell "PROMPT= RPROMPT=; flowmint() { $1 -C $2 \"\$@\" }"
tell 'autoload -Uz compinit; compinit -u -d ./zcompdump; . ./flowmint.zsh'
tell 'compadd() {
	local -a hits
	if [[ "$*" != *-[OAD]\ * ]]; then
		builtin compadd -A hits "$@"
		print -rl -- $hits >>offered
	fi
	builtin compadd "$@"
}
at_end() { print -r -- end >>offered }
zle -N at_end
bindkey "^X^D" at_end
bindkey "^I" complete-word
unsetopt listbeep
at_prompt() { print -r -- prompt >>offered }
zle -N zle-line-init at_prompt'
for i in {1..1200}; do
	grep -qx prompt offered && break
	sleep 0.05
done
zpty -n -w z "$3"$'\t'$'\x18\x04'
for i in {1..1200}; do
	grep -qx end offered && break
	sleep 0.05
done
zpty -d z
EOF
	zsh_offers() { # NAME WORD LINE
		: >offered
		zsh -f ask.zsh "$F" p "$3" >out 2>err
		holds "$1" grep -qxF -- "$2" offered
	}
	zsh_offers "zsh offers a verb" reproduce "flowmint repr"
	zsh_offers "an option" --until "flowmint run --unt"
	zsh_offers "a stage" evaluate "flowmint run --until ev"
	zsh_offers "a shell" zsh "flowmint completion z"
	zsh_offers "what a key takes" plain "flowmint run --set model.kind=pl"
	zsh_offers "a run" r0001 "flowmint status r0001"
	zsh_offers "and one of a workspace" r0001 "flowmint status --workspace ../p/workspace r0001"
	zsh_offers "the word of key" rotate "flowmint key "
	zsh_offers "a verb behind -C" status "flowmint -C p sta"
else
	skip "zsh reads its script" "no zsh here"
fi
if command -v fish >/dev/null; then
	fish_offers() { # NAME WORD LINE
		HOME=$T fish --no-config -c "function flowmint; $F -C p \$argv; end; source flowmint.fish; complete -C '$3'" >out 2>err
		holds "$1" sh -c "cut -f1 out | grep -qxF -- '$2'"
	}
	fish_offers "fish offers a verb" reproduce "flowmint rep"
	fish_offers "an option" --until "flowmint run --un"
	fish_offers "a stage" evaluate "flowmint run --until ev"
	fish_offers "a shell" zsh "flowmint completion z"
	fish_offers "what a key takes" model.kind=plain "flowmint run --set model.kind="
	fish_offers "a run" r0001 "flowmint status "
	fish_offers "and one of a workspace" r0001 "flowmint status --workspace ../p/workspace "
	fish_offers "with = too" r0001 "flowmint status --workspace=../p/workspace "
	fish_offers "the word of key" rotate "flowmint key "
	fish_offers "a verb behind -C" status "flowmint -C p sta"
else
	skip "fish reads its script" "no fish here"
fi
expect 0 "(make install)" make -s -C "$ROOT" -o all install B="$(dirname "$F")" DESTDIR="$T/root" PREFIX=/usr
for f in bash-completion/completions/flowmint zsh/site-functions/_flowmint fish/vendor_completions.d/flowmint.fish \
	bash-completion/completions/flowmint-verify zsh/site-functions/_flowmint-verify fish/vendor_completions.d/flowmint-verify.fish; do
	holds "make install puts $f" test -s "root/usr/share/$f"
done
expect 0 "(make uninstall)" make -s -C "$ROOT" uninstall DESTDIR="$T/root" PREFIX=/usr
holds "make uninstall leaves no file" test -z "$(find root ! -type d)"

# --- packages ---
if command -v dpkg-deb >/dev/null && command -v dpkg-shlibdeps >/dev/null; then
	export XZ_LEVEL=0 # small is not what is asked
	expect 0 "packages are made" "$ROOT/packaging/deb.sh" "$(dirname "$F")" "$T/deb"
	elsewhere=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d -p "$T")
	chmod 2700 "$elsewhere"
	(umask 077 && TMPDIR=$elsewhere "$ROOT/packaging/deb.sh" "$(dirname "$F")" "$T/again" >/dev/null 2>&1)
	rm -rf "$elsewhere"
	holds "the same bytes each time, wherever temporary files lie" diff -r deb again
	mkdir partner
	for f in deb/flowmint-verify_*.deb; do dpkg-deb -x "$f" partner; done
	expect 0 "a partner's package has the verifier" partner/usr/bin/flowmint-verify --version
	holds "and its completion" test -s partner/usr/share/bash-completion/completions/flowmint-verify
	holds "and nothing else that runs" test "$(ls partner/usr/bin)" = flowmint-verify
	for f in deb/flowmint_*.deb; do
		dpkg-deb -x "$f" root
		dpkg-deb -f "$f" Depends >depends
	done
	holds "the team's needs it" grep -q "flowmint-verify (= " depends
	expect 0 "and has the program" root/usr/bin/flowmint --version
	if command -v lintian >/dev/null; then
		# Whose address it is, whoever makes packages to give out says (DEBEMAIL).
		lintian --allow-root --fail-on error,warning --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog deb/*.deb >out 2>err
		result $? "lintian finds no fault in them"
	else
		skip "lintian finds no fault in them" "lintian is not here"
	fi
	if command -v systemd-analyze >/dev/null; then
		mkdir units && cp root/usr/lib/systemd/system/flowmint@* units
		sed -i "s#^ExecStart=/usr/bin/flowmint#ExecStart=$T/root/usr/bin/flowmint#; /^Documentation/d" units/flowmint@.service
		systemd-analyze verify units/flowmint@srv-april.service units/flowmint@srv-april.timer >out 2>err
		result $? "its units are what systemd takes"
	else
		skip "its units are what systemd takes" "systemd-analyze is not here"
	fi
else
	skip "packages are made" "dpkg-deb or dpkg-shlibdeps is not here (Debian: dpkg-dev)"
fi
finish
