#!/usr/bin/env python3
"""signature_files.py - files of a signature as mail, editors and hands make them of a good one, and ssh-keygen as the judge of each.

    signature_files.py VERIFY ARCHIVE KEY.pub [COUNT [SEED]]

VERIFY is flowmint-verify, ARCHIVE one that KEY signed, with ARCHIVE.sig, which is put back at the end.  What ssh-keygen refuses is
refused here too; some that it takes is refused all the same (text behind the signature, an S that is not reduced).  Prints what is
accepted and was not to be; exit status 1: some are.
"""
import random, subprocess, sys

VERIFY, ARCHIVE, KEY = sys.argv[1:4]
COUNT, SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 20, int(sys.argv[5]) if len(sys.argv) > 5 else 1
R = random.Random(SEED)
with open(ARCHIVE + ".sig") as f:
    GOOD = f.read()
LINES = GOOD.splitlines()
BODY = "".join(LINES[1:-1])


def armor(eol="\n", width=70, begin=LINES[0], end=LINES[-1], body=BODY):
    return begin + eol + eol.join(body[i:i + width] for i in range(0, len(body), width)) + eol + end + eol


def changed():
    b = list(GOOD)
    for _ in range(R.randint(1, 2)):
        at = R.randrange(len(b))
        b[at:at + R.randint(0, 1)] = R.choice(["\n", "\r", " ", "\t", "\v", "=", "A", "-", "", "\0", "a"])
    return "".join(b)


FILES = [GOOD, armor("\r\n"), armor("\r"), armor(width=1), armor(width=1000), "\n" + GOOD, " " + GOOD, "\ufeff" + GOOD, GOOD[:-1], GOOD * 2,
         GOOD + "x", GOOD + "\0", GOOD + "\n" * 9, "", armor(begin=LINES[0].lower()), armor(begin=LINES[0] + " "), armor(end=" " + LINES[-1]),
         armor(end=""), armor(end=LINES[-1] + "-"), armor(body=BODY + "="), armor(body=BODY + "A"), armor(body=BODY[:-4]),
         armor(body=BODY.lower()), armor(body=BODY.replace("+", "-").replace("/", "_")), GOOD.replace("\n", "\n\n", 2), GOOD.replace("\n", " \n"),
         GOOD.replace("\n", "\nComment: x\n", 1), armor(begin="-----BEGIN OPENSSH PRIVATE KEY-----", end="-----END OPENSSH PRIVATE KEY-----")]
with open("signer", "w") as f, open(KEY) as k:
    f.write("* " + k.read())
count, wrong = {True: 0, False: 0}, 0
for text in FILES + [changed() for _ in range(COUNT)]:
    with open(ARCHIVE + ".sig", "w", newline="") as f:
        f.write(text)
    with open(ARCHIVE, "rb") as f:
        theirs = subprocess.run(["ssh-keygen", "-Y", "verify", "-n", "flowmint", "-f", "signer", "-I", "a", "-s", ARCHIVE + ".sig"], stdin=f,
                                capture_output=True).returncode == 0
    ours = subprocess.run([VERIFY, "--no-state", "--quiet", "--signers", "signer", ARCHIVE], capture_output=True).returncode
    count[theirs] += 1
    if ours not in (0, 1) or (ours == 0 and not theirs) or (text == GOOD and ours):
        wrong += 1
        print(f"# flowmint-verify: {ours}, ssh-keygen {'accepts' if theirs else 'refuses'}: {text!r}")
with open(ARCHIVE + ".sig", "w") as f:
    f.write(GOOD)
print(f"# {count[True]} accepted by ssh-keygen, {count[False]} refused, {wrong} wrong")
sys.exit(wrong > 0 or min(count.values()) == 0)
