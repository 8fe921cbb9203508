#!/usr/bin/env python3
"""faults_verbs.py - a verb other than run fails at one of its calls (faults.py does it to run): those of VERBS.  Not tried are
compare, submit, audit-privacy, budget, epsilon, sigma, dialects and completion.

    faults_verbs.py FLOWMINT inject.so PROJECT ARCHIVE [--verbs NAME,...] [--only FUNCTION,...] [--where FUNCTION] [--every N] [--phase N] [--deep]

PROJECT has released ARCHIVE as r0001, and r0002 waits for an approval by keys/person (tests/long_faults_verbs.sh).  For each verb, each
site that it has (tests/faults/inject.c), and each way in which such a call fails, one call of the verb.  It ends with the exit status and
the words that it has without a fault, or with exit status 4 and a message; never with another verdict, and no process is killed by a
signal.  A verb that reads leaves all as it was.  After one that writes nothing is half-made, the ledger is intact, and the same command
again does it.

Writes TAP; the exit status says whether anything was found.
"""
import argparse, hashlib, os, re, shutil, struct, subprocess, sys, time

sys.dont_write_bytecode = True  # beside the sources
from faults import ERRORS, Bench, Tally, name_of, where

W = "p/workspace"
# name: (whether it writes, the program and its words).  {archive}: the path of ARCHIVE.
VERBS = {
    "log": (False, "flowmint log --json --workspace " + W),
    "status": (False, "flowmint status --json --workspace " + W),
    "audit": (False, "flowmint audit --json --workspace " + W),
    "audit-log": (False, "flowmint audit --log p/release/LOG.jsonl --signers p/allowed_signers"),
    "audit-export": (True, "flowmint audit --export exported --workspace " + W),
    "config": (False, "flowmint config p/release.yaml"),
    "sniff": (False, "flowmint sniff trace.csv"),
    "doctor": (False, "flowmint doctor --json"),
    "flowmint-verify": (False, "flowmint-verify --no-state --json --signers p/allowed_signers {archive}"),
    "flowmint-verify-state": (True, "flowmint-verify --state state --signers p/allowed_signers {archive}"),
    "flowmint-verify-extract": (True, "flowmint-verify --no-state --extract taken --signers p/allowed_signers {archive}"),
    "verify": (False, "flowmint verify --no-state --signers p/allowed_signers {archive}"),
    "verify-state": (True, "flowmint verify --state state --extract taken --signers p/allowed_signers {archive}"),
    "diff": (False, "flowmint diff r0001 {archive} --json --workspace " + W),
    "report": (True, "flowmint report --out page.html r0001 --workspace " + W),
    "report-archive": (True, "flowmint report --out page.html --signers p/allowed_signers {archive}"),
    "evaluate": (False, "flowmint evaluate --real trace.csv --synthetic {archive} --rows 300 --only jsd --json"),
    "simulate": (True, "flowmint simulate --rows 200 --seed 2 --out made.csv"),
    "init": (True, "flowmint init --preset demo other"),
    "keygen": (True, "flowmint keygen --out other-key"),
    "key-rotate": (True, "flowmint key rotate --new p/keys/later p/release.yaml"),
    "waive": (True, "flowmint waive p/release.yaml --check jsd_mean8 --reason r --expires 2099-12-31 --key p/keys/waiver"),
    "approve": (True, "flowmint approve --workspace " + W + " --key p/keys/person r0002"),
    "unseal": (True, "flowmint unseal --stage generate --out taken r0001 --workspace " + W),
    "bundle": (True, "flowmint bundle --out kept.bundle r0001 --workspace " + W),
    "generate": (True, "flowmint generate r0001 --shard 1/2 --out shards --workspace " + W),
    "judge": (True, "flowmint judge r0001 --part 1/2 --out parts --workspace " + W),
    "reproduce": (True, "flowmint reproduce --from model r0001 --workspace " + W),
    "remake": (True, "flowmint reproduce --model first.bundle --project p {archive}"),
    "purge": (True, "flowmint purge r0001 --workspace " + W),
}
OURS = ("plan", "out", "err", "tmp", "clean")


class World(Bench):
    """The folder around the project, in which all verbs work."""

    def __init__(self, args):
        super().__init__(args.flowmint, args.inject, args.project, args.archive)
        self.verify = os.path.join(os.path.dirname(self.flowmint), "flowmint-verify")
        self.words = {"archive": f"p/release/{args.archive}"}

    def files(self):
        """All but times: those of the ledger's reader are none."""
        found = {}
        for path, folders, files in os.walk(self.place):
            if path == self.place:
                folders[:] = [f for f in folders if f not in OURS]
                files = [f for f in files if f not in OURS]
            for f in files:
                name = os.path.join(path, f)
                with open(name, "rb") as h:
                    found[os.path.relpath(name, self.place)] = hashlib.sha256(h.read()).hexdigest()
            for f in folders:
                found[os.path.relpath(os.path.join(path, f), self.place)] = ""
        return found

    def save(self):
        clean = os.path.join(self.place, "clean")
        os.mkdir(clean)
        for name in os.listdir(self.place):
            if name not in OURS:
                self.copy(os.path.join(self.place, name), os.path.join(clean, name))

    def restore(self):
        clean = os.path.join(self.place, "clean")
        for name in os.listdir(self.place):
            if name not in OURS:
                path = os.path.join(self.place, name)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        for name in os.listdir(clean):
            self.copy(os.path.join(clean, name), os.path.join(self.place, name))

    @staticmethod
    def copy(a, b):
        shutil.copytree(a, b, symlinks=True) if os.path.isdir(a) else shutil.copy2(a, b)

    def call(self, command, limit=120):
        words = command.format(**self.words).split()
        words[0] = self.verify if words[0] == "flowmint-verify" else self.flowmint
        env = {**os.environ, "LD_PRELOAD": self.inject, "FM_FAULTS": self.path, "TMPDIR": self.tmp}
        p = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, stdin=subprocess.DEVNULL, cwd=self.place)
        try:
            out, err = p.communicate(timeout=limit)
            status = p.returncode
        except subprocess.TimeoutExpired:
            p.kill()
            (out, err), status = p.communicate(), "hung"
        return status, out.decode(errors="replace"), err.decode(errors="replace"), self.reap()

    def intact(self):
        if not os.path.exists(os.path.join(self.place, W, "ledger.db")):
            return []
        p = subprocess.run([self.flowmint, "audit", "--workspace", W], capture_output=True, text=True, cwd=self.place)
        return [] if p.returncode == 0 else [f"audit: {(p.stdout + p.stderr).strip()}"]


def same_words(a, b):
    """What is said twice, but for how long it took, and new keys."""
    passing = re.compile(r'[0-9.]+ s\b|"seconds": ?[0-9.e-]+|[0-9.]+ [KMG]iB|"peak_rss_bytes": ?\d+|AAAA[A-Za-z0-9+/]+')
    return passing.sub("", a) == passing.sub("", b)


def judge(world, site, error, command, writes, honest, before):
    """What is wrong with a call that had a fault."""
    status, out, err, left = world.call(command)
    if not world.head()["done"]:
        return None
    wrong, function = [], site.function
    # SQLite says of a read that failed that its file is damaged.
    damaged = function == "pread" and name_of(error) in ("EIO", "short") and ("malformed" in err + out or "damaged" in err + out) and status in (1, 3)
    # A wall that could not be tried is one that doctor says this machine has not got, and why.
    untried = command.startswith("flowmint doctor") and (honest[0], status) == (0, 1) and '"state": "bad"' in out
    if status not in (honest[0], 4) and not damaged and not untried:
        wrong.append(f"exit status {status}: {err.strip()}")
    if status == 4 and "flowmint" not in err:
        wrong.append(f"no message: {err.strip()}")
    # libarchive, where it makes a filter, ends its process when it has no memory, of which the verb then tells.
    library = status == 4 and function == "memory" and any(n in where(world, site.frames) for n in ("open_writers ", "open_stream ", "fm_trees_"))
    if any(word in err for word in ("killed", "crash", "signal")) and not library:
        wrong.append(f"a process died: {err.strip()}")
    if status == honest[0] and not damaged and not same_words(out, honest[1]):
        wrong.append(f"ends as without a fault, and says another thing: {(out + err).strip()[:200]}")
    if left:
        wrong.append(f"{left} processes were still running")
    if world.aside() and "are left in" not in err:
        wrong.append(f"left outside: {world.aside()}")
    if open("/proc/self/mountinfo").read() != world.mounts:
        wrong.append("mounts are others")
    after = world.files()
    if not writes and after != before:
        wrong.append(f"it changed {sorted(k for k in {**before, **after} if before.get(k) != after.get(k))}")
    if not writes or wrong:
        return wrong
    # What could not be cleared away is named by a warning.
    told = [line for line in err.split("\n") if "warning: " in line]
    excused = {k for k in set(after) - set(honest[2])
               if any(part in line for line in told for part in (k, os.path.dirname(k)) if part)}
    half = [k for k in after if ".tmp" in k and k not in excused]
    if half:
        wrong.append(f"half-made: {half}")
    wrong += world.intact()
    if status == honest[0] and not damaged:
        if sorted(set(after) - excused) != honest[2]:
            wrong.append(f"ends as without a fault, and left {sorted(set(after) ^ set(honest[2]))}")
        return wrong
    world.set()
    status, out, err, left = world.call(command)
    after = sorted(k for k in world.files() if k not in excused)
    if status != honest[0]:
        wrong.append(f"does not do it again: exit status {status}: {err.strip()}")
    elif after != honest[2]:
        wrong.append(f"again it left other files: {sorted(set(after) ^ set(honest[2]))}")
    return wrong


def try_verb(world, args, verb, tally):
    writes, command = VERBS[verb]
    world.restore()
    before = world.files()
    world.set(record=1)
    status, out, err, left = world.call(command)
    sites, tried = world.sites(), set()
    assert not world.head()["lost"]
    if status not in (0, 1):
        tally.add(verb, [f"without a fault: exit status {status}: {err.strip()}"], command)
        return
    honest = (status, out, sorted(world.files()))  # status 1: the answer is a verdict, such as that two things differ
    if not writes and world.files() != before:
        tally.add(verb, ["it changes something without a fault"], command)
        return
    cases = []
    for s in sites:
        call = s.key if args.deep else (s.function, s.frames[0])
        if call not in tried and (not args.only or s.function in args.only):
            if not args.where or f"{args.where} " in where(world, s.frames):
                cases += [(s, e) for e in ERRORS[s.function]]
        tried.add(call)
    print(f"# {verb}: {len(sites)} sites, {len(cases)} cases", flush=True)
    dirty = True
    for i, (site, error) in enumerate(cases):
        tally.progress(verb, i + 1, len(cases))
        if (i + args.phase) % args.every:
            continue
        if dirty:
            world.restore()
        world.set(site, error)
        wrong = judge(world, site, error, command, writes, honest, before)
        dirty = writes or bool(wrong)
        if wrong is None:
            tally.of.setdefault(f"{verb}: sites that came once and not again", [0, 0])[0] += 1
        else:
            tally.add(f"{verb}: {site.function} {name_of(error)}", wrong, f"[{site.key:x}] {where(world, site.frames)}")
    world.restore()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("flowmint"), p.add_argument("inject"), p.add_argument("project"), p.add_argument("archive")
    p.add_argument("--verbs", type=lambda s: s.split(","), default=list(VERBS))
    p.add_argument("--only", type=lambda s: s.split(","), default=None)
    p.add_argument("--where", help="only calls from functions of this name, or from those that they were called by")
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--phase", type=int, default=0)
    p.add_argument("--deep", action="store_true", help="a site is three calls deep, not one")
    args = p.parse_args()
    world = World(args)
    world.save()
    tally = Tally()
    for verb in args.verbs:
        try_verb(world, args, verb, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
