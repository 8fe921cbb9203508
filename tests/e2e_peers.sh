#!/bin/sh
# The baselines through the program: their flows are the same bytes for one thread and two, no model has a real address, and the
# gate refuses toys of CTGAN and NetShare for what they are, not for leaks, and catches what is planted beside them.
# usage: e2e_peers.sh [FLOWMINT]
# shellcheck disable=SC2086 # UNCONFINED is one word or none
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"

of_kind() { # KIND WORKSPACE OPTION...
	kind=$1 w=$2
	shift 2
	"$F" run p/release.yaml $UNCONFINED --quiet --workspace "$w" --set source.path="$T/trace.csv" --set model.kind="$kind" "$@"
}

run() { # WORKSPACE OPTION...
	w=$1
	shift
	of_kind ctgan "$w" --set model.hidden=32 --set model.embedding=16 --set train.steps=0 --set train.epochs=2 --set train.gan_batch=100 "$@"
}

flows() { # the digest of what was made in a workspace
	unsealed "$1" generate kept >/dev/null 2>&1 && cat kept/*.npy | sha256sum
}

expect 0 "a project" "$F" init --preset demo p
expect 0 "a trace" "$F" simulate --rows 3000 --seed 5 --out trace.csv
expect 0 "one thread makes flows" run one --set train.threads=1 --until generate
expect 0 "two threads make flows" run two --set train.threads=2 --until generate
holds "they are the same" [ "$(flows one)" = "$(flows two)" ]
expect 0 "bits make flows too" run bits --set model.encoding=bits --until generate
holds "they are others" [ "$(flows one)" != "$(flows bits)" ]
plain() { # WORKSPACE OPTION...
	of_kind plain "$@" --set model.denoiser=unet --set model.width=32 --set model.depth=2 --set model.heads=1 \
		--set model.window=16 --set train.steps=20 --set train.batch=8 --set generate.steps=5 --until generate
}
expect 0 "the plain diffusion makes flows" plain plain --set train.threads=1
expect 0 "and with two threads" plain plain2 --set train.threads=2
holds "the same" [ "$(flows plain)" = "$(flows plain2)" ]
expect 0 "frequent ports and hosts as values" plain values --set model.encoding=values
holds "are other flows" [ "$(flows plain)" != "$(flows values)" ]
share_net() { # WORKSPACE OPTION...
	of_kind netshare "$@" --set model.layer_width=32 --set model.lstm=16 --set model.chunks=3 --set train.steps=12 \
		--set train.session_batch=20
}
share() { # WORKSPACE OPTION...
	share_net "$@" --until generate
}
expect 0 "NetShare makes flows" share share --set train.threads=1
expect 0 "and with two threads" share share2 --set train.threads=2
holds "the same" [ "$(flows share)" = "$(flows share2)" ]
expect 2 "a step has no more records than a session" share share --set model.step_records=35 --set model.session_records=34
says err "model.step_records is 35, and a session has 34 records at most" "and it says so"
expect 2 "CTGAN has no values" run one --set model.encoding=values
says err "model.encoding values is not for model.kind ctgan" "and says so"
expect 2 "it makes no labels on demand" plain plain --set 'generate.labels={background: 1}'
says err "generate.labels is not for model.kind plain" "and says so"
cut -d, -f3,4 trace.csv | tr , '\n' | sort -u | head -200 >real.txt
expect 0 "(the models, decrypted)" sh -c "'$F' unseal --workspace one --stage train --out model.one && '$F' unseal --workspace bits --stage train --out model.bits && '$F' unseal --workspace plain --stage train --out model.plain && '$F' unseal --workspace values --stage train --out model.values && '$F' unseal --workspace share --stage train --out model.share"
expect 1 "no real address is in the model" grep -rqwFf real.txt model.one model.bits model.plain model.values model.share

expect 2 "batches are whole packs" run one --set train.gan_batch=105
says err "train.gan_batch is 105" "it says which key"
expect 2 "labels cannot be asked for" run one --set 'generate.labels={background: 1}'

# A GAN has no loss of single windows, which that check needs. Its flows are refused for what they are, not for leaks, by a gate that
# catches what is planted.
refused() { # WHO COMMAND...
	who=$1
	shift
	expect 1 "the gate refuses $who's toy" "$@" --set gate.control_rows=500 --set gate.control_limit=0.05 \
		--set gate.leak.mia_model_auc=null
	cp out verdict && cp err said
	says said "c2st.flow_blocks_auc" "for flows that are told from real ones"
	says said "pair_jsd" "for addresses that do not belong together"
	# (So few steps make flows that are near nothing, and nearer to the larger split.)
	expect 1 "no copy is among the reasons" grep -q "leak\.\(rows_equal\|echo_addr\|family_p\)" said
	says verdict "controls: 17 of 17 planted generators caught" "beside it every planted generator is caught"
}
refused CTGAN run one --set train.threads=1
refused NetShare share_net share --set train.threads=1
holds "nothing is released" is_empty p/release
finish
