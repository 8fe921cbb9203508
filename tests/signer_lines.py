#!/usr/bin/env python3
"""signer_lines.py - lines of an allowed_signers file as they come to nobody's mind, and ssh-keygen as the judge of each.

    signer_lines.py VERIFY ARCHIVE KEY.pub [LINES [SEED]]

VERIFY is flowmint-verify, ARCHIVE one that KEY signed, with ARCHIVE.sig.  A line is a good one with one part made at random: the
principals, options, key, blanks, ends, or a few characters.  Half of them are tried with --signer NAME, which ssh-keygen -Y verify
-I NAME answers; half without, where ssh-keygen has to accept one of the names that find-principals finds or that are tried here.

Both must say the same, but for what signers.h refuses and ssh-keygen takes: a byte-order mark, a NUL, control characters in names,
and, without --signer, principals with a !.  Prints what differs, and how many were accepted and refused; exit status 1: some differ.
"""
import os, random, subprocess, sys

VERIFY, ARCHIVE, KEY = sys.argv[1:4]
LINES, SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 60, int(sys.argv[5]) if len(sys.argv) > 5 else 1
R = random.Random(SEED)
TYPE, BLOB = open(KEY).read().split()[:2]
OTHER = BLOB[:-2] + ("AA" if BLOB[-2:] != "AA" else "BB")
NAMES = ["ops@example.org", "a"]
PRINCIPALS = ["ops@example.org", "*", "*@example.org", "ops@*", "o?s@example.org", "!ops@example.org", "!*", "other", "ops@example.org,other",
              "*,!ops@example.org", "!other,*", "", "ops@example.org,", ",ops@example.org", "OPS@example.org", "**", "?", "a,*", "a b",
              "*,!*", "!x", "x" * 300 + ",*", "ops@example.org," * 30 + "b", "#ops", "ops=example", "\\*", "a\\,*", "ops@example.org;"]
SPACES = ["flowmint", "flowmint*", "*", "!flowmint", "file", "git,flowmint", "flowmint,git", "", "flowmint,", "*,!git", "*,!flowmint",
          "f?owmint", "FLOWMINT", " flowmint", 'flow\\"mint', ",", "flowmint\\", "x" * 300 + ",flowmint"]
TIMES = ["20240101Z", "20990101Z", "202401010000Z", "20240101000000UTC", "20990101utc", "20240231Z", "20230229z", "20241301Z", "2024010Z",
         "2024-01-01", "19700101Z", "19700102Z", "00000000Z", "99991231Z", "20240101246060Z", "20240101235961Z", "20240101235962Z",
         "202401012400Z", "+2024101", "", "0", "19690101Z", "20240001Z", "20240132Z", "20240101ZZ", "20240101UTCZ", "20240431Z", "Z"]
FLAGS = ["cert-authority", "cert-authority,cert-authority", "no-cert-authority", "foo", 'foo="x"', 'namespace="flowmint"', "restrict", "",
         '""', "=", "cert-authorityx", 'command="x"', "valid-after", "namespaces=", 'valid-before=""', "#"]
BLANKS = ["  ", "\t", " \t ", "\r", "\v", "\f", "\xa0", " \r ", "\r\r"]


def quoted(v):
    return R.choice(['"%s"'] * 12 + ["%s", '"%s', '%s"', "'%s'", '"%s"x']) % v


def option():
    kind = R.randrange(4)
    name = R.choice([str, str, str, str.upper, str.capitalize])(["namespaces", "valid-after", "valid-before", ""][kind])
    value = R.choice(SPACES) if kind == 0 else R.choice(TIMES)
    return R.choice(FLAGS) if kind == 3 else name + R.choice(["="] * 12 + [" =", "= "]) + quoted(value)


def line():
    who, key, blank = R.choice(["ops@example.org", "*", "ops@example.org,a"]), f"{TYPE} {BLOB}", " "
    options = R.choice(["", 'namespaces="flowmint"', 'valid-after="20240101Z"', 'valid-before="20990101Z",namespaces="flowmint*"'])
    before = after = ""
    part = R.randrange(7)
    if part == 0:
        who = R.choice(PRINCIPALS)
        at = R.randrange(len(who) + 1)
        who = R.choice([who] * 4 + [f'"{who}"', f'"{who}', f'{who}"', f'{who[:at]}"{who[at:]}"', "\xef\xbb\xbf" + who])
    elif part < 3:
        options = R.choice([","] * 10 + [", ", ",,"]).join(option() for _ in range(R.choice([1, 1, 2, 2, 3]))) + R.choice([""] * 9 + [","])
    elif part == 3:
        t = R.choice([TYPE] * 6 + ["ssh-rsa", "ED25519", "SSH-ED25519", "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519x", "ssh-"])
        at = R.randrange(len(BLOB))
        key = t + " " + R.choice([OTHER, BLOB + "=", BLOB + "A", BLOB[:-4], "", BLOB + ",x", f'"{BLOB}"', BLOB[:at] + R.choice(' \r\t\v*=') + BLOB[at:]])
    elif part == 4:
        blank = R.choice(BLANKS)
    elif part == 5:
        before, after = R.choice(["", " ", "\t", "\r", "  "]), R.choice(["\r", " \r", "\t", " #x", " c", ' "x', " a b\r"])
    text = before + who + blank + (options + blank if options else "") + key + after
    for _ in range(R.randrange(1, 4) if part == 6 else 0):
        at = R.randrange(len(text))
        text = text[:at] + R.choice(['"', '"', ",", " ", "\t", "\r", "\\", "=", "!", "*", "?", "#", "", chr(R.randrange(256))]) + text[at + R.randrange(2):]
    return (text + R.choice(["\n", "\n", "", "\r\n", "\n#x\n"])).encode("latin1")


def ssh_keygen(*words):
    with open(ARCHIVE, "rb") as f:
        return subprocess.run(["ssh-keygen", "-Y", words[0], "-f", "lines", "-s", ARCHIVE + ".sig", *words[1:]], stdin=f, capture_output=True,
                              env={**os.environ, "TZ": "UTC"})


def theirs(name):
    if name:
        return ssh_keygen("verify", "-n", "flowmint", "-I", name).returncode == 0
    found = [n for n in ssh_keygen("find-principals").stdout.split(b"\n") if n]
    return any(ssh_keygen("verify", "-n", "flowmint", "-I", n).returncode == 0 for n in found + NAMES)


def is_refused_on_purpose(text, name):
    who = text.split(b"ssh-")[0]
    control = any(b < 32 and b not in b"\t\r\n" or b == 127 for b in who)
    return control or b"\0" in text or text.startswith(b"\xef\xbb\xbf") or (not name and b"!" in who)


count, differ = {True: 0, False: 0}, 0
for _ in range(LINES):
    text, name = line(), R.choice([None, None, *NAMES])
    with open("lines", "wb") as f:
        f.write(text)
    p = subprocess.run([VERIFY, "--no-state", "--quiet", "--signers", "lines"] + (["--signer", name] if name else []) + [ARCHIVE],
                       capture_output=True, text=True)
    ours, judged = p.returncode == 0, theirs(name)
    count[judged] += 1
    if p.returncode not in (0, 1, 3) or (ours != judged and not (judged and is_refused_on_purpose(text, name))):
        differ += 1
        print(f"# flowmint-verify: {p.returncode}, ssh-keygen {'accepts' if judged else 'refuses'} for {name}: "
              f"{text.replace(BLOB.encode(), b'KEY')!r} {p.stderr.strip()}")
print(f"# {count[True]} accepted by ssh-keygen, {count[False]} refused, {differ} differ")
sys.exit(differ > 0 or min(count.values()) < LINES // 8)
