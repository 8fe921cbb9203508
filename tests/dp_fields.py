#!/usr/bin/env python3
"""What a partner reads in the manifest of a run in privacy.mode dp, and what pays for each field.
usage: dp_fields.py MANIFEST.json

Every path of the manifest must fit one of the lines below; a new field is a failure until somebody has said here what
pays for it.  public: from the config or the program; model: of the model (paid by the mechanisms), through synthetic
flows alone; account: of the accountant, which sees the config alone."""
import json
import re
import sys

PAYS = [
    (r"format|name|version|verdict", "public: verdict of checks that the model pays for"),
    (r"config\.(preset|release|source|model|train|split|generate|gate|privacy|publish)\b.*", "public"),
    (r"environment\.(flowmint|confinement|evaluate_blas_kernel|escapes.*)", "public: of the machine"),
    (r"checks\[\]\.(name|direction|threshold|waived|why)", "public, and the model's"),
    (r"checks\[\]\.(value|margin|n|pass)", "model"),
    (r"metrics\[\]\.(name|value|n)", "model; of paid.*: the mechanisms \"holdout ...\""),
    (r"metrics\[\]\.ci\[\]", "the mechanisms \"holdout ...\": of paid.* alone, as is seen below"),
    (r"checks\[\]\.ci\[\]", "likewise"),
    (r"rows", "model: the number of synthetic flows"),
    (r"files\[\]\.(path|bytes|sha256)", "model: of files that are listed here"),
    (r"schema\..*", "public: of the dialect"),
    (r"release\.(name|version|description|license|date)", "public"),
    (r"stages\[\]\.name", "public"),
    (r"stages\[\]\.output", "model: the synthetic table's digest"),
    (r"privacy\.(mode|unit|adjacency|accountant|records|statement|covers|does_not_cover\[\])", "public"),
    (r"privacy\.(epsilon|delta)", "account"),
    (r"privacy\.audit\.(of|runs|epsilon_lower|confidence|delta|canaries|most)", "public: of an audit on a public trace"),
    (r"privacy\.mechanisms\[\]\.(name|kind|sensitivity|scale|rate|times|share|delta|most|threshold)", "account"),
    (r"privacy\.guarantee\[\]\.(of|minutes|exchanges|epsilon|delta)", "account"),
]


def paths(value, path=""):
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from paths(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from paths(inner, path + "[]")
    else:
        yield path, value


def main():
    manifest = json.load(open(sys.argv[1]))
    bad = [p for p, _ in paths(manifest) if not any(re.fullmatch(pattern, p) for pattern, _ in PAYS)]
    bad += [p for p, _ in paths(manifest) if re.search(r"(^|\.)(seed|key|secret|path_of_trace|total_epsilon)$", p)]
    asked = {m["name"] for m in manifest["privacy"]["mechanisms"] if m["name"].startswith("holdout ")}
    fields = "|".join(sorted(name.split()[1] for name in asked))
    free = re.compile(r"rules\.(broken_share|no_packet|short_bytes|long_bytes|icmp_source_port|same_address|portless_port|flags_outside_tcp)$"
                      + r"|counts\.(jsd_mean|pair_jsd)$"
                      + (r"|audit\.epsilon_lower$" if "audit" in manifest["privacy"] else "")
                      + (rf"|paid\.((jsd|pair)\.({fields})|jsd_mean)$" if asked else "")
                      + (r"|paid\.pair_jsd$" if any("_" in name for name in asked) else ""))
    bad += [m["name"] for m in manifest["metrics"] + manifest["checks"] if not free.match(m["name"])]
    bad += ["ci of " + m["name"] for m in manifest["metrics"] + manifest["checks"]
            if "ci" in m and not m["name"].startswith("paid.")]
    bad += [s["name"] for s in manifest["stages"] if "output" in s and s["name"] != "generate"]
    for what in bad:
        print(f"nothing pays for {what}")
    return 1 if bad else 0


sys.exit(main())
