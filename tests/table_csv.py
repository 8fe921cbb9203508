#!/usr/bin/env python3
"""A table of a workspace (a folder of .npy files and schema.json) as UGR'16 CSV, and on request what is in it.

usage: table_csv.py FOLDER OUT.csv        prints {"rows", "labels": {label: share}, "hours": [lowest, highest]}

The standard library alone, so that it runs wherever the tests do.
"""
import ast, datetime, ipaddress, json, os, struct, sys
from array import array

folder, out = sys.argv[1:3]
ABSENT = {"flg": "......", "fwd": 0, "stos": 0, "label": ""}
schema = json.load(open(folder + "/schema.json"))


def column(name):
    if name in ABSENT and not os.path.exists(f"{folder}/{name}.npy"):  # a trace without it
        return [ABSENT[name]] * len(column("te"))
    b = open(f"{folder}/{name}.npy", "rb").read()
    n = struct.unpack("<H", b[8:10])[0]
    kind = {"<u2": "H", "<u4": "I", "<u8": "Q", "<i8": "q"}[ast.literal_eval(b[10 : 10 + n].decode())["descr"]]
    a = array(kind)
    a.frombytes(b[10 + n :])
    words = schema["categories"].get(name)
    return [words[v] for v in a] if words else a


addresses = open(folder + "/addresses.npy", "rb").read()[128:]


def ip(v):
    a = ipaddress.IPv6Address(addresses[16 * v : 16 * v + 16])
    return str(a.ipv4_mapped or a)


c = {k: column(k) for k in "te td sa da sp dp pr flg fwd stos pkt byt label".split()}
n = len(c["te"])
day = datetime.datetime(1970, 1, 1)
with open(out, "w") as f:
    for i in range(n):
        te = day + datetime.timedelta(seconds=c["te"][i] // 1000)
        td = c["td"][i]
        f.write(
            f"{te},{td // 1000}.{td % 1000:03d},{ip(c['sa'][i])},{ip(c['da'][i])},{c['sp'][i]},{c['dp'][i]},{c['pr'][i]},"
            f"{c['flg'][i]},{c['fwd'][i]},{c['stos'][i]},{c['pkt'][i]},{c['byt'][i]},{c['label'][i]}\n"
        )
share = {}
for v in c["label"]:
    share[v] = share.get(v, 0) + 1
hours = [t // 3600000 % 24 for t in c["te"]]
print(json.dumps({"rows": n, "labels": {k: v / n for k, v in sorted(share.items())}, "hours": [min(hours), max(hours)] if n else None}))
