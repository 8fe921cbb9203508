#!/usr/bin/env python3
"""Numbers that stages of a run in privacy.mode dp found out about private flows, and that stand in a public document of it.
usage: dp_numbers.py LEDGER.db RUN MANIFEST.json DOCUMENT...

What a stage that reads private flows (ingest, train, evaluate) said of them is in the ledger: rows, bad rows, exact metrics.  Nothing
pays for these; what was paid for (paid.*, through noise) is no number of theirs.  A document is searched for each whole number from 100
on, and for each other one of four digits or more, as it would be written with as many digits as the document has.  What may be one of the
numbers of the manifest, whose every field is looked at by dp_fields.py, is not counted."""
import json
import re
import sqlite3
import sys

PRIVATE = ("ingest", "train", "evaluate")
PUBLIC = {"steps", "parameters", "rows.synthetic"}  # of a training: from the config; of the flows that are published
NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])")


def numbers(value, path):
    if isinstance(value, dict):
        for key, inner in value.items():
            inside = f"{path}.{key}"
            if inside.partition(".")[2] not in PUBLIC and inside != "evaluate.paid":
                yield from numbers(inner, inside)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner, path)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield path, abs(value)


def digits(text):
    return len(re.sub(r"[eE].*", "", text).replace(".", "").replace(",", "").lstrip("0"))


def written(text, value):
    told = float(text.replace(",", ""))
    if float(value).is_integer():
        return told == value
    return "." in text and (told == float(f"{value:.{max(1, digits(text))}g}")
                            or told == round(value, len(re.sub(r"[eE].*", "", text).partition(".")[2])))


def is_it(text, value):
    return (value >= 100 if float(value).is_integer() else digits(text) >= 4) and written(text, value)


def main():
    ledger, run, manifest, *documents = sys.argv[1:]
    public = {v for _, v in numbers(json.load(open(manifest)), "manifest")}
    rows = sqlite3.connect(ledger).execute("SELECT body FROM ledger WHERE kind = 'stage' AND run = ?", (run,))
    private = [n for (body,) in rows for stage in [json.loads(body)] if stage["name"] in PRIVATE
               for n in numbers(stage["result"], stage["name"])]
    assert any(path == "ingest.rows" for path, _ in private) and any(path.startswith("evaluate.") for path, _ in private), "no numbers"
    bad = 0
    for name in documents:
        tokens = set(NUMBER.findall(open(name, encoding="utf-8").read()))
        tokens = {text for text in tokens if not any(written(text, v) for v in public)}
        for path, value in private:
            for text in tokens:
                if is_it(text, value):
                    print(f"{name} has {text}, which is {path}")
                    bad += 1
    return bad > 0


sys.exit(main())
