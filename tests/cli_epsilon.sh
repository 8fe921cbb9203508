#!/bin/sh
# cli_epsilon.sh - epsilon and sigma: a number alone, rounded up, that agrees with other accountants; bad values are usage.
set -u
. "$(dirname "$0")/lib.sh"
begin "$@"
golden=$ROOT/tests/golden/dp
shared=$ROOT/../shared/reference/dp

# between LOW HIGH FILE: the file is one number in [LOW, HIGH] and nothing else
between() {
	"$PYTHON" -c '
import sys
lines = open(sys.argv[3]).read().split("\n")
assert len(lines) == 2 and lines[1] == "", lines
assert float(sys.argv[1]) <= float(lines[0]) <= float(sys.argv[2]), lines[0]' "$1" "$2" "$3"
}
epsilon() { "$F" epsilon "$@"; }
step="--q 0.01 --sigma 1 --steps 1000 --delta 1e-5"

# shellcheck disable=SC2086
{
	expect 0 "epsilon of DP-SGD" epsilon $step
	holds "agrees with another accountant, 1.82826" between 1.8281 1.8465 out
	expect 0 "epsilon by Renyi divergences" epsilon $step --accountant rdp
	holds "agrees with another accountant, 2.10137" between 2.1012 2.1015 out
	expect 0 "epsilon of a replacement" epsilon $step --adjacency replace_one
	holds "agrees with another accountant, 2.84345" between 2.8431 2.8718 out
	expect 0 "epsilon of a group" epsilon $step --group 5
	holds "agrees with another accountant, 11.638" between 11.637 11.755 out
	expect 0 "epsilon as JSON" epsilon $step --json
	holds "is one document with what it is of" test "$(json out 'd["accountant"], d["adjacency"], d["steps"], d["sigma"]')" = \
		"('pld', 'add_remove', 1000, 1)"
	json out 'd["epsilon"]' >number
	holds "and the number" between 1.8281 1.8465 number
}
expect 0 "one step" epsilon --q 0.0001 --sigma 0.6 --steps 1 --delta 1e-6
holds "is exact, 0.0102950713569368" between 0.01029507135 0.0102970713 out
expect 0 "a full batch" epsilon --q 1 --sigma 1 --steps 100 --delta 1e-5
holds "is exact, 91.8172896247" between 91.8172896246 91.8173 out
expect 0 "100,000 steps" epsilon --q 0.001 --sigma 1.5 --steps 100000 --delta 1e-10
expect 0 "next to nothing" epsilon --q 0.0001 --sigma 4 --steps 1 --delta 1e-5
holds "is 0" between 0 0 out
expect 0 "next to nothing, many times" timeout 300 "$F" epsilon --q 4e-7 --sigma 130 --steps 5000 --delta 1e-3
holds "is 0" between 0 0 out

# Each list of mechanisms beside the epsilon that another accountant has for it; the shared ones too where they are there.
lists=$golden/compose.json
[ ! -f "$shared/dp_compose.json" ] || lists=$shared/dp_compose.json
"$PYTHON" - "$F" "$lists" >out 2>err <<'END'
import json, subprocess, sys
program, lists = sys.argv[1:]
for case in json.load(open(lists)):
    json.dump(case, open("object.json", "w"))
    json.dump(case["mechanisms"][::-1], open("list.json", "w"))
    told = [subprocess.run([program, "epsilon", "--mechanisms", name, "--delta", str(case["delta"])], check=True,
                           capture_output=True, text=True).stdout for name in ("object.json", "list.json")]
    assert abs(float(told[0]) / float(told[1]) - 1) < 1e-8, told
    assert 0.999 * case["epsilon"] <= float(told[0]) <= 1.01 * case["epsilon"], (told, case)
END
result $? "lists of mechanisms agree with another accountant, in any order"

# The longest answers that were found: an answer is there in under a second.
"$PYTHON" - >many.json <<'END'
import json
kinds = ["gaussian", "laplace", "discrete_gaussian"]
print(json.dumps([{"mechanism": kinds[i % 3], "sensitivity": 1 + i % 2, "scale": 20 + 3 * i, "times": 1 + i % 4} for i in range(198)] +
                 [{"mechanism": "sampled_gaussian", "sampling": 0.0007 * (i + 1), "noise_multiplier": 0.9 + 0.13 * i, "times": 57 * (i + 1)}
                  for i in range(53)]))
END
expect 0 "251 mechanisms soon" within 1 "$F" epsilon --mechanisms many.json --delta 1e-6
expect 0 "100,000 rare steps soon" within 1 "$F" epsilon --q 1e-8 --sigma 0.7 --steps 100000 --delta 1e-10 --adjacency replace_one
expect 0 "noise for 100,000 rare steps soon" within 1 "$F" sigma --q 1e-8 --epsilon 2 --steps 100000 --delta 1e-12 --adjacency replace_one
expect 0 "noise for 10,000,000 steps soon" within 2 "$F" sigma --q 0.01 --epsilon 2 --steps 10000000 --delta 1e-6
holds "at most 0.5 % above the smallest, 70.54" between 70.54 70.9 out
expect 0 "little noise by Renyi divergences of a replacement soon" within 1 "$F" sigma --q 0.0002653 --epsilon 114 --steps 6 --delta 1.698e-10 \
	--adjacency replace_one --accountant rdp
holds "and as little as before, 0.122564" between 0.12256 0.12257 out

"$PYTHON" - >sampled.json <<'END'
import json
print(json.dumps([{"mechanism": "sampled_gaussian", "sampling": 0.00001 * (i + 1), "noise_multiplier": 0.5 + 0.004 * i, "times": 57}
                  for i in range(1000)]))
END
expect 0 "1,000 mechanisms by Renyi divergences of a replacement soon" within 1 "$F" epsilon --mechanisms sampled.json --delta 1e-6 \
	--adjacency replace_one --accountant rdp
holds "as much as when all orders were looked at" between 4.80274811 4.80274813 out

# Many trainings, none of which is much of the whole.  The truth is 4.04058 (epsilon_lists.py).
"$PYTHON" - >trainings.json <<'END'
import json
print(json.dumps([{"mechanism": "sampled_gaussian", "sampling": 0.0001 + 0.000001 * i, "noise_multiplier": 0.7 + 0.003 * i, "times": 3000 + 10 * i}
                  for i in range(400)]))
END
expect 0 "400 trainings" epsilon --mechanisms trainings.json --delta 1e-9 --adjacency replace_one
holds "less than 1 % above the truth" between 4.04058 4.08098 out

# A target between what one rare use leaks and nothing; losses of a million, most of them equal; discrete noise of many atoms.
expect 0 "noise for a steep target soon" within 1 "$F" sigma --q 4.563e-8 --epsilon .002058 --steps 433863 --delta .01896
holds "is the smallest but for 0.5 %" between 0.1334 0.13388 out
printf '%s' '[{"mechanism": "laplace", "sensitivity": 1, "scale": 2.344, "times": 35},
 {"mechanism": "sampled_gaussian", "sampling": 0.006677, "noise_multiplier": 0.124, "times": 7388349},
 {"mechanism": "gaussian", "sensitivity": 1, "scale": 18.07, "times": 6}]' >large.json
expect 0 "an epsilon of a million soon" within 1 "$F" epsilon --mechanisms large.json --delta 1e-6
holds "is next to the limit of its halvings, 1338290" between 1338200 1338900 out
"$PYTHON" - >wide.json <<'END'
import json
print(json.dumps([{"mechanism": "discrete_gaussian", "sensitivity": 1 + i % 3, "scale": 90000 - 137 * i} for i in range(300)]))
END
expect 0 "300 wide discrete Gaussians soon" within 1 "$F" epsilon --mechanisms wide.json --delta 1e-9
cp out discrete
sed 's/discrete_gaussian/gaussian/g' wide.json >narrow.json
expect 0 "as many Gaussians" epsilon --mechanisms narrow.json --delta 1e-9
holds "leak as much, but for the step of the grid" between "$(cat out)" "$("$PYTHON" -c 'print(1.002 * float(open("out").read()))')" discrete

expect 0 "sigma for a target" "$F" sigma --q 0.01 --epsilon 2 --steps 1000 --delta 1e-5
holds "agrees with another accountant, 0.95911" between 0.9545 0.9638 out
expect 0 "epsilon of that sigma" epsilon --q 0.01 --sigma "$(cat out)" --steps 1000 --delta 1e-5
holds "keeps to the target" between 1.98 2 out
expect 0 "sigma by Renyi divergences" "$F" sigma --q 0.01 --epsilon 2 --steps 1000 --delta 1e-5 --accountant rdp
holds "agrees with another accountant, 1.02239" between 1.0173 1.0275 out
expect 0 "sigma for a replacement, as JSON" "$F" sigma --q 0.01 --epsilon 2 --steps 1000 --delta 1e-5 --adjacency replace_one --json
expect 0 "epsilon of that" epsilon --q 0.01 --sigma "$(json out 'd["sigma"]')" --steps 1000 --delta 1e-5 --adjacency replace_one
holds "keeps to the target" between 1.98 2 out

for given in "--q 0" "--q 1.5" "--q nan" "--sigma 0" "--sigma -1" "--sigma x" "--steps 0" "--steps 1.5" "--delta 0" "--delta 1" \
	"--group 0" "--group 4097" "--accountant gdp" "--adjacency add"; do
	# The last of an option given twice counts.
	# shellcheck disable=SC2086
	expect 2 "$given is refused" epsilon $step $given
	says err "${given%% *}" "and named"
	holds "nothing is on standard output" test ! -s out
done
expect 2 "epsilon without delta" epsilon --q 0.1 --sigma 1 --steps 10
says err "epsilon wants --delta" "says what is missing"
expect 2 "sigma without a target" "$F" sigma --q 0.1 --steps 10 --delta 1e-5
says err "sigma wants --epsilon" "says what is missing"
expect 2 "a target out of reach" "$F" sigma --q 1 --epsilon 1e-6 --steps 100000000 --delta 1e-12
says err "no noise of up to 1e+06 times the clip is enough" "and speaks of no other mechanism, for there is none"
expect 2 "a target of 0" "$F" sigma --q 0.1 --epsilon 0 --steps 10 --delta 1e-5
# shellcheck disable=SC2086
expect 2 "both a list and steps" epsilon $step --mechanisms list.json
expect 2 "an operand" epsilon --mechanisms list.json --delta 1e-6 more

refuse() { # JSON WORDS NAME
	printf '%s' "$1" >bad.json
	expect 3 "$3" epsilon --mechanisms bad.json --delta 1e-6
	says err "bad.json: " "names the file"
	says err "$2" "says: $2"
}
refuse '{"mechanism": 1}' "neither a list of mechanisms" "an object without a list"
refuse '[]' "0 mechanisms" "an empty list"
refuse '[{"mechanism": "gauss", "sensitivity": 1, "scale": 2}]' "'mechanism' must be" "an unknown mechanism"
refuse '[{"mechanism": "gaussian", "sensitivity": 1}]' "wants the number 'scale'" "a missing scale"
refuse '[{"mechanism": "laplace", "sensitivity": 1, "scale": 2, "sigma": 3}]' "no key 'sigma'" "an unknown key"
refuse '[{"mechanism": "laplace", "sensitivity": 1, "scale": 0}]' "mechanism 1: the scale" "no noise"
refuse '[{"mechanism": "laplace", "sensitivity": 1, "scale": 2, "times": 1.5}]' "'times' must be" "half a time"
refuse '[{"mechanism": "sampled_gaussian", "sampling": 2, "noise_multiplier": 2, "name": "training"}]' "mechanism 1 (training): " \
	"a sampling rate above 1"
for key in relatoin adjacency; do
	refuse '{"'$key'": "replace_one", "mechanisms": [{"mechanism": "laplace", "sensitivity": 1, "scale": 2}]}' \
		"no key '$key': did you mean 'relation'?" "a file that says $key"
done
for key in group times; do
	refuse '{"'$key'": 3, "mechanisms": [{"mechanism": "laplace", "sensitivity": 1, "scale": 2}]}' "write it in each mechanism" \
		"a $key for the whole list"
done
refuse '{"group": 3, "mechanisms": [{"mechanism": "laplace", "sensitivity": 1, "scale": 2}]}' "or give --group" "a group, for which there is an option"
refuse '{"accountant": "rdp", "mechanisms": [{"mechanism": "laplace", "sensitivity": 1, "scale": 2}]}' "give it as --accountant" \
	"an accountant in the file"
expect 0 "the same accountant" epsilon --mechanisms bad.json --delta 1e-6 --accountant rdp
expect 3 "another one than the file's" epsilon --mechanisms bad.json --delta 1e-6 --accountant pld
says err "'accountant' is not pld, which the answer is by: leave it out" "says what to do"
sed -i s/rdp/pld/ bad.json
expect 0 "the accountant that is taken where none is asked for" epsilon --mechanisms bad.json --delta 1e-6
expect 3 "but not where another is" epsilon --mechanisms bad.json --delta 1e-6 --accountant rdp
printf '[{"mechanism": "laplace", "sensitivity": 1, "scale": 2, "group": 4}]' >four.json
expect 2 "another group than the file's" epsilon --mechanisms four.json --delta 1e-6 --group 2
says err "is of a group of 4, but --group asks for 2: leave out one of the two" "says both, and what to do"
printf '[{"mechanism": "laplace", "sensitivity": 1, "scale": 2, "group": 1}]' >one.json
expect 2 "another group than 1 that the file says" epsilon --mechanisms one.json --delta 1e-6 --group 2
expect 0 "the same group" epsilon --mechanisms four.json --delta 1e-6 --group 4
refuse '{"relation": "swap", "mechanisms": [{"mechanism": "laplace", "sensitivity": 1, "scale": 2}]}' "'relation' must be" \
	"an unknown relation"
printf '{"relation": "replace_one", "mechanisms": [{"mechanism": "sampled_gaussian", "sampling": 0.01, "noise_multiplier": 1, "times": 1000}]}' >r.json
expect 0 "a list of replacements" epsilon --mechanisms r.json --delta 1e-5
holds "is that of the relation, 2.84345" between 2.8431 2.8718 out
expect 2 "another relation than the file's" epsilon --mechanisms r.json --delta 1e-5 --adjacency add_remove
expect 3 "a file that is not there" epsilon --mechanisms none.json --delta 1e-5
finish
