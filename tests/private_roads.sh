#!/bin/sh
# private_roads.sh - no other road from a private table to a model: in privacy.mode dp the code that learns from real flows, or asks the
# holdout, reaches none of what is fitted to them without noise (codec, windows, profiles, beats, services, calibration and so on).
#
#     tests/private_roads.sh [FLOWMINT]
#
# It follows undefined symbols through the built objects, from those that privacy.mode dp learns and asks with to all that these can call.
# Whatever is reached outside privacy/ (where the noise is drawn; not privacy/leakage/, which judges), base/ and manifests/ must be in the list
# below: an object, a folder, or one function that looks at no table.  Calls that are planted in a copy of the symbols are found, and so
# are those of the generators without privacy.
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
B=$(dirname "$V")

cat >allowed <<'END'
model/generator_exchanges.o model/generator_marginals.o model/private_counts.o model/exchange_diffusion.o model/ranges.o
model/marginals/
model/diffusion/private_trainer.o model/diffusion/record_net.o model/diffusion/record_shape.o
model/nn/
stages/paid.o judge/noisy_jsd.o
fm_model_new fm_model_free fm_model_json_load fm_shard_seed fm_batch_draws
END

# The symbols of every object that is linked into flowmint: "room/file.o U|T name".
(cd "$B" && find base manifests traces model privacy judge release report stages pipeline -name '*.o' | LC_ALL=C sort |
	xargs nm -A -g --no-sort) | awk '{ sub(/^\.\//, ""); n = index($0, ".o:"); print substr($0, 1, n + 1), $(NF - 1), $NF }' >symbols
holds "objects have symbols" test "$(wc -l <symbols)" -gt 3000

# walk SYMBOLS ROOT...: prints each road that is not allowed, one a line: what calls what where
walk() {
	symbols=$1
	shift
	awk -v roots="$*" '
		FNR == NR { for (i = 1; i <= NF; i++) may[$i] = 1; next }
		$2 == "U" { calls[$1] = calls[$1] " " $3; next }
		$2 ~ /^[TDBRWV]$/ { where[$3] = $1 }
		function good(object, p) {
			if (object in may)
				return 1
			for (p in may)
				if (p ~ /\/$/ && index(object, p) == 1)
					return 1
			return 0
		}
		END {
			n = split(roots, queue, " ")
			for (i = 1; i <= n; i++)
				seen[queue[i]] = 1
			for (i = 1; i <= n; i++) {
				m = split(calls[queue[i]], symbol, " ")
				for (k = 1; k <= m; k++) {
					to = where[symbol[k]]
					if (to == "" || to ~ /^(base|manifests|privacy)\/[^\/]*$/ || symbol[k] in may)
						continue
					if (!good(to))
						print queue[i] " calls " symbol[k] " of " to
					else if (!(to in seen)) {
						seen[to] = 1
						queue[++n] = to
					}
				}
			}
			for (i = 1; i <= n; i++)
				print queue[i] > "reached"
		}' allowed "$symbols"
}
roots="model/generator_exchanges.o model/generator_marginals.o stages/paid.o"

# shellcheck disable=SC2086 # as many words as there are
{
	walk symbols $roots >out
	holds "privacy.mode dp takes no road that is not allowed" test ! -s out
	[ ! -s out ] || sed 's/^/# /' out
	holds "the walk reaches the counts" grep -qx model/marginals/domains.o reached
	holds "and the private steps" grep -qx model/diffusion/private_trainer.o reached
	holds "and the paid gate" grep -qx model/marginals/paid.o reached
	holds "and nothing of the codec" test -z "$(grep '^model/codec/' reached)"

	# Each function of what the other generators learn with, and of what finds flows alike, called from where records are.
	awk 'FNR == NR { for (i = 1; i <= NF; i++) may[$i] = 1; next }
		$1 ~ /^(model\/(codec|rows|ctgan|netshare|plain|diffusion)|privacy\/leakage)\// && $2 == "T" && !($1 in may) && !($3 in may) { print $3 }' \
		allowed symbols >learning
	for kind in fm_codec_fit fm_window_kinds_learn fm_leakage; do
		holds "$kind is among those that learn without noise" grep -q "^$kind" learning
	done
	holds "functions that learn without noise are known" test "$(wc -l <learning)" -gt 200
	sed 's|^|model/marginals/records.o U |' learning | cat symbols - >planted
	walk planted $roots | awk '{ print $3 }' | LC_ALL=C sort >found
	holds "a call of each of them is found" test "$(LC_ALL=C sort learning)" = "$(cat found)"
}
walk symbols model/generator_diffusion.o >out
holds "the generator without privacy learns from the codec" grep -q "of model/codec/" out

# The stages that hold private tables in privacy.mode dp hand them to the generator's interface, to the paid gate, or to what the team
# alone sees: no model's learning is called by name.
awk '$1 == "stages/train.o" && $2 == "U" && $3 ~ /_(fit|learn|train)$/ && $3 != "fm_generator_fit"' symbols >out
holds "the train stage learns through the interface alone" test ! -s out
finish
