#!/usr/bin/env python3
"""Make the small traces of this folder and, with the reference scorer, the values that the judges must give for them.

usage: generate.py OUT                      write the CSV files into OUT
       generate.py OUT --score score.py     and run the scorer over them: OUT/expected.json

The CSV files and expected.json beside this script were made by the second form (Python 3.11, NumPy 1.24).
"""
import datetime, json, os, random, subprocess, sys

PAIRS = ["a-b", "a-c", "a-a", "a-d", "d-a", "d-d", "a-e", "c-a", "na-nb", "nb-na"]
EPOCH = datetime.datetime(2016, 4, 11)


def flows(seed, rows, hosts=40, shift=0):
    """rows of (ms, td_ms, sa, da, sp, dp, pr, flg, fwd, stos, pkt, byt, label), sorted by time, a third of them answers"""
    r = random.Random(seed)
    out, ms = [], r.randrange(5000)
    while len(out) < rows:
        ms += int(r.expovariate(1 / 700.0)) * (r.random() < 0.7)
        if out and r.random() < 0.33:
            f = r.choice(out[-20:])
            sa, da, sp, dp, pr = f[3], f[2], f[5], f[4], f[6]
        else:
            sa, da = (0x2A000000 + shift + int(hosts * r.random() ** 3) * 257 for _ in range(2))
            pr = r.choice(["TCP", "TCP", "TCP", "UDP", "UDP", "ICMP", "GRE"] + ["ESP"] * (shift > 0))
            sp, dp = (0, 0) if pr in ("ICMP", "GRE") else (r.randrange(1024, 65536), r.choice([53, 80, 80, 443, 443, 22, 25, 8080, 51413]))
            if pr == "ICMP":
                dp = 2048
        pkt = 1 if r.random() < 0.4 else 1 + int(r.expovariate(0.08))
        byt = pkt * r.randrange(40, 1400)
        td = 0 if r.random() < 0.4 else int(r.expovariate(1 / 9000.0))
        flg = "." * 6 if pr != "TCP" else r.choice([".A..S.", ".AP.SF", "....S.", ".A.R.."])
        label = "background" if r.random() < 0.95 else r.choice(["dos", "scan11"] + ["spam"] * (shift > 0))
        out.append((ms, td, sa, da, sp, dp, pr, flg, 0, r.choice([0, 0, 0, 40, 72]), pkt, byt, label))
    return out


def quad(ip):
    return ".".join(str(ip >> k & 255) for k in (24, 16, 8, 0))


def write_ugr16(path, rows):
    with open(path, "w", newline="") as f:
        for ms, td, sa, da, *rest in rows:
            te = (EPOCH + datetime.timedelta(seconds=ms // 1000)).strftime("%Y-%m-%d %H:%M:%S")
            f.write(",".join([te, "%d.%03d" % divmod(td, 1000), quad(sa), quad(da)] + [str(x) for x in rest]) + "\n")


def write_netshare(path, rows):
    base = int(EPOCH.replace(tzinfo=datetime.timezone.utc).timestamp())
    with open(path, "w", newline="") as f:
        f.write("srcip,dstip,srcport,dstport,proto,ts,td,pkt,byt,type\n")
        for ms, td, sa, da, sp, dp, pr, _flg, _fwd, _stos, pkt, byt, label in rows:
            f.write("%d,%d,%d,%d,%s,%d,%d.%03d,%d,%d,%s\n" % (sa, da, sp, dp, pr, (base * 1000 + ms) * 1000, *divmod(td, 1000), pkt, byt, label))


def main():
    out = sys.argv[1]
    a, b = flows(1, 420), flows(2, 300)
    copies = random.Random(5).sample(a, 40)
    b = sorted(b + copies, key=lambda f: f[0])          # some rows of a, to be found again
    c = [(f[0] + 90_000_000, f[1] + 400_000, *f[2:10], f[10] + 5000, f[11] * 7919, f[12]) for f in flows(3, 200, shift=0x10000000)]
    write_ugr16(os.path.join(out, "a.csv"), a)
    write_ugr16(os.path.join(out, "b.csv"), b)
    write_ugr16(os.path.join(out, "c.csv"), c)          # disjoint from a in every number
    write_ugr16(os.path.join(out, "d.csv"), [a[7]] * 25)  # constant
    write_ugr16(os.path.join(out, "e.csv"), a[11:12])   # one row
    write_ugr16(os.path.join(out, "h.csv"), flows(4, 420))
    write_netshare(os.path.join(out, "na.csv"), flows(6, 250))
    write_netshare(os.path.join(out, "nb.csv"), flows(7, 250))
    write_netshare(os.path.join(out, "nh.csv"), flows(8, 250))
    if len(sys.argv) < 4:
        return
    expected = {}
    for pair in PAIRS:
        x, y = pair.split("-")
        hold = "nh" if x[0] == "n" else "h"
        only = "jsd,emd,assoc,dup" + ("" if y == "e" else ",time") + (",dcr" if x in ("a", "na", "nb") else "")
        tmp = os.path.join(out, "score.json")
        subprocess.run([sys.executable, sys.argv[3], *(os.path.join(out, n + ".csv") for n in (x, y)), "--holdout",
                        os.path.join(out, hold + ".csv"), "--only", only, "--json", tmp], check=True, stdout=subprocess.DEVNULL)
        with open(tmp) as f:
            got = json.load(f)
        os.remove(tmp)
        expected[pair] = got[y]
        if pair in ("a-b", "na-nb"):
            expected[pair]["floor"] = {k: got["HOLDOUT(noise floor)"][k] for k in ("jsd", "jsd_mean8", "emd", "assoc")}
    with open(os.path.join(out, "expected.json"), "w") as f:
        json.dump(expected, f, indent=1, sort_keys=True)
        f.write("\n")


main()
