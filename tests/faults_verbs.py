#!/usr/bin/env python3
"""faults_verbs.py - a verb other than run fails at one of its calls (faults.py does it to run): those of VERBS.

    faults_verbs.py FLOWMINT inject.so PROJECT ARCHIVE [--verbs NAME,...] [--only FUNCTION,...] [--where FUNCTION] [--every N] [--phase N]
                    [--deep] [--tried FILE] [--once] [--seconds N]

PROJECT has released ARCHIVE as r0001, and r0002 waits for an approval by keys/person (tests/long_faults_verbs.sh).  For each verb, each
site that it has (tests/faults/inject.c), and each way in which such a call fails, one call of the verb, and one whose standard output
finds the disk full.  It ends with the exit status and the words that it has without a fault, or with exit status 4 and a message; never
with another verdict, and no process is killed by a signal.  A verb that reads leaves all as it was.  After one that writes nothing is
half-made, the ledger is intact, and the same command again does it; where it ends well each file has the bytes that it has without a
fault, but for those that differ from call to call.  The last of VERBS refuse what they are given, or find it bad (faults_refused.sh):
no call that fails makes it good, or bad for another reason.

--tried FILE keeps which cases of this program were tried and found sound, which are not tried again: a sweep that was stopped goes on.
--once takes a call that was so tried in any verb for tried in all.  --seconds N: no case begins later.

Writes TAP; the exit status says whether anything was found.
"""
import argparse, errno, hashlib, os, re, select, shutil, signal, stat, struct, subprocess, sys, time

sys.dont_write_bytecode = True  # beside the sources
from faults import ERRORS, Bench, Site, Tally, name_of, where

W = "p/workspace"
WORKSPACES = (W, "dp/workspace", "compared/project/workspace")  # whose ledgers are intact
# name: (whether it writes, the program and its words).  {archive}: the path of ARCHIVE; {name}: its name.
VERBS = {
    "log": (False, "flowmint log --json --workspace " + W),
    "status": (False, "flowmint status --json --workspace " + W),
    "audit": (False, "flowmint audit --json --workspace " + W),
    "audit-log": (False, "flowmint audit --log p/release/LOG.jsonl --signers p/allowed_signers"),
    "audit-export": (True, "flowmint audit --export exported --workspace " + W),
    "config": (False, "flowmint config p/release.yaml"),
    "dialects": (False, "flowmint dialects --json"),
    "completion": (False, "flowmint completion bash"),
    "completion-zsh": (False, "flowmint completion zsh"),
    "completion-fish": (False, "flowmint completion fish"),
    "epsilon": (False, "flowmint epsilon --q 0.01 --sigma 1.1 --steps 20 --delta 1e-5 --json"),
    "epsilon-mechanisms": (False, "flowmint epsilon --mechanisms mechanisms.json --delta 1e-5 --json"),
    "sigma": (False, "flowmint sigma --q 0.01 --epsilon 2 --steps 20 --delta 1e-5 --json"),
    "budget": (False, "flowmint budget dp/release.yaml --json"),
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
    "submit-print": (False, "flowmint submit --slurm --print --json --workspace " + W + " p/release.yaml"),
    "submit": (True, "flowmint submit --slurm --json --workspace " + W + " p/release.yaml"),
    "audit-privacy": (True, "flowmint audit-privacy --canaries 100 --public --json dp/release.yaml"),
    "compare": (True, "flowmint compare trace.csv --quiet --preset ugr16-dp --models marginals --out compared --set generate.rows=200"),
    "run-again": (True, "flowmint run p --quiet"),
    "run-plan": (True, "flowmint run p --plan --json --set generate.rows=200 --set release.version=1.2.0"),
    "purge": (True, "flowmint purge r0001 --workspace " + W),
    "run-taken": (True, "flowmint run p --quiet --set generate.rows=200"),
    "run-lost": (True, "flowmint run lost --quiet --until ingest"),
    "run-moved": (True, "flowmint run moved --quiet"),
    "verify-altered": (False, "flowmint-verify --no-state --json --signers p/allowed_signers altered/{name}"),
    "verify-stranger": (False, "flowmint-verify --no-state --signers strangers {archive}"),
    "verify-revoked": (False, "flowmint-verify --no-state --signers p/allowed_signers --revoked p/keys/release.key.pub {archive}"),
    "evaluate-gate": (False, "flowmint evaluate --real trace.csv --synthetic {archive} --rows 300 --gate --json"),
    "evaluate-other": (False, "flowmint evaluate --real other.csv --dialect other.yaml --synthetic {archive} --only jsd --json"),
    "audit-older": (False, "flowmint audit --json --workspace q/workspace"),
    "waive-own": (True, "flowmint waive q/two.yaml --check jsd_mean8 --reason r --expires 2099-12-31 --key q/keys/release.key"),
    "remake-other": (True, "flowmint reproduce --model first.bundle --project p other.json"),
}
STDOUT = Site(0, 0, "standard output", 1, 0, [])  # the C library's own calls are not among the others
OURS = ("plan", "out", "err", "tmp", "clean", "served")


class Served:
    """A program that is loaded once and called many times (serve in tests/faults/inject.c)."""

    def __init__(self, words, env, cwd, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.p = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**env, "FM_SERVE": folder}, cwd=cwd)

    def number(self, limit):
        if not select.select([self.p.stdout], [], [], limit)[0]:
            return None
        return struct.unpack("=i", os.read(self.p.stdout.fileno(), 4))[0]

    def kill(self):
        with open(f"/proc/{self.p.pid}/task/{self.p.pid}/children") as f:
            pids = list(map(int, f.read().split()))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return len(pids)

    def said(self, name):
        with open(os.path.join(self.folder, name), "rb") as f:
            return f.read().decode(errors="replace")

    def call(self, limit, full):
        """(status, out, err, left): left is how many processes did not end.  full: what it says finds no room."""
        out = os.path.join(self.folder, "out")
        if full:
            open(out, "w").close()
            os.rename(out, out + ".kept")
            os.symlink("/dev/full", out)
        os.write(self.p.stdin.fileno(), b".")
        self.number(limit)
        status, left = self.number(limit), 0
        if status is None:
            self.kill()
            self.number(limit)
        while self.number(60) is None:
            left += self.kill()
        if full:
            os.rename(out + ".kept", out)
        status = "hung" if status is None else os.waitstatus_to_exitcode(status)
        return status, self.said("out"), self.said("err"), left

    def close(self):
        self.p.stdin.close()
        self.p.wait()
        self.p.stdout.close()


class World(Bench):
    """The folder around the project, in which all verbs work."""

    def __init__(self, args):
        super().__init__(args.flowmint, args.inject, args.project, args.archive)
        self.verify = os.path.join(os.path.dirname(self.flowmint), "flowmint-verify")
        self.words = {"archive": f"p/release/{args.archive}", "name": args.archive}
        self.digests, self.told, self.programs = {}, {}, {}

    def look(self):
        """Of each file and folder, what changes with it."""
        found, todo = {}, [self.place]
        while todo:
            for e in os.scandir(todo.pop()):
                if e.path.startswith(os.path.join(self.place, e.name)) and e.name in OURS:
                    continue
                s = e.stat(follow_symlinks=False)
                folder = stat.S_ISDIR(s.st_mode)
                found[os.path.relpath(e.path, self.place)] = (s.st_mode,) if folder else (s.st_mode, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
                if folder:
                    todo.append(e.path)
        return found

    def files(self):
        """All but times, which differ from call to call."""
        found = {}
        for name, mark in self.look().items():
            if len(mark) == 1:
                found[name] = f"{mark[0]:o}"
                continue
            known = self.digests.get(name)
            if not known or known[0] != mark:
                path = os.path.join(self.place, name)
                if stat.S_ISLNK(mark[0]):
                    found[name] = f"{mark[0]:o} {os.readlink(path)}"
                    continue
                with open(path, "rb") as h:
                    known = self.digests[name] = (mark, f"{mark[0]:o} {hashlib.sha256(h.read()).hexdigest()}")
            found[name] = known[1]
        return found

    def save(self):
        clean = os.path.join(self.place, "clean")
        os.mkdir(clean)
        for name in os.listdir(self.place):
            if name not in OURS:
                a, b = os.path.join(self.place, name), os.path.join(clean, name)
                shutil.copytree(a, b, symlinks=True) if os.path.isdir(a) else shutil.copy2(a, b)
        self.base = self.look()

    def restore(self):
        """What is not as it was saved; what a warning said is left is cleared away, as it said that it can be."""
        for path in self.aside():
            path = os.path.join(self.tmp, path)
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        now = self.look()
        for name in sorted((n for n in now if n not in self.base or (len(now[n]) == 1) != (len(self.base[n]) == 1)), reverse=True):
            path = os.path.join(self.place, name)
            os.rmdir(path) if len(now.pop(name)) == 1 else os.unlink(path)
        for name in sorted(n for n in self.base if now.get(n) != self.base[n]):
            path, clean = os.path.join(self.place, name), os.path.join(self.place, "clean", name)
            if len(self.base[name]) == 1:
                os.makedirs(path, exist_ok=True)
                shutil.copystat(clean, path)
            else:
                shutil.copy2(clean, path, follow_symlinks=False)
        self.base = self.look()

    def call(self, command, limit=120, faults=True, full=False):
        if command not in self.programs:
            words = command.format(**self.words).split()
            words[0] = self.verify if words[0] == "flowmint-verify" else self.flowmint
            env = {**os.environ, "LD_PRELOAD": self.inject, "TMPDIR": self.tmp, "PATH": os.path.join(self.place, "bin") + ":" + os.environ["PATH"]}
            if faults:
                env["FM_FAULTS"] = self.path
            self.programs[command] = Served(words, env, self.place, os.path.join(self.place, "served", str(len(self.programs))))
        return self.programs[command].call(limit, full)

    def close(self):
        for program in self.programs.values():
            program.close()
        self.programs = {}

    def where(self, program, frames):
        key = (program, *frames)
        if key not in self.told:
            self.told[key] = where(self, frames, self.verify if program == "flowmint-verify" else self.flowmint)
        return self.told[key]

    def intact(self):
        """Ledgers that are not those that were saved."""
        wrong, now = [], self.look()
        for w in WORKSPACES:
            name = os.path.join(w, "ledger.db")
            if name in now and any(now[n] != self.base.get(n) for n in now if n.startswith(os.path.join(w, "ledger"))):
                status, out, err, _ = self.call(f"flowmint audit --workspace {w}", faults=False)
                wrong += [f"audit of {w}: {(out + err).strip()}"] if status and not ("no ledger there" in err and name not in self.base) else []
        return wrong


class Tried:
    """Cases that were tried and found sound, of one build of the program."""

    def __init__(self, path, *programs):
        self.of, self.file = {}, None
        if not path:
            return
        digest = hashlib.sha256()
        for program in programs:
            with open(program, "rb") as f:
                digest.update(f.read())
        lines = open(path).read().split("\n") if os.path.exists(path) else []
        self.file = open(path, "a" if lines[:1] == [digest.hexdigest()] else "w")
        if self.file.tell() == 0:
            print(digest.hexdigest(), file=self.file, flush=True)
            lines = []
        for line in lines[1:-1]:
            verb, case = line.split(" ", 1)
            self.of.setdefault(case, set()).add(verb)

    def add(self, verb, case):
        self.of.setdefault(case, set()).add(verb)
        if self.file:
            print(verb, case, file=self.file, flush=True)


PASSING = re.compile(r'[0-9.]+ s\b|"seconds": ?[0-9.e-]+|[0-9.]+ [KMG]iB|"peak_rss_bytes": ?\d+|AAAA[A-Za-z0-9+/]+')
MEASURES = re.compile(r" *[0-9.]+")  # of a model of a project whose secret is new in each call


def same_words(a, b, but=PASSING):
    """What is said twice, but for how long it took, and new keys."""
    return but.sub("", a) == but.sub("", b)


def damaged_by(site, error, said):
    """SQLite says of a read that failed that its file is damaged."""
    return site.function == "pread" and name_of(error) in ("EIO", "short") and ("malformed" in said or "damaged" in said)


def judge(world, site, error, command, writes, honest, before):
    """What is wrong with a call that had a fault."""
    status, out, err, left = world.call(command, full=site == STDOUT)
    if not world.head()["done"] and site != STDOUT:
        return None
    wrong, function = [], site.function
    reason = honest[5] if honest[0] and status == honest[0] else ""
    if not damaged_by(site, error, err + out) and reason not in PASSING.sub("", err):
        wrong.append(f"refused for another reason: {err.strip()}")
    # What is refused stays so where its report finds no room; the reason is said elsewhere.
    unsaid = honest[0] and status == honest[0] and not out and "flowmint" in err
    if site == STDOUT and status != 4 and not unsaid:
        wrong.append(f"exit status {status}, and it could say nothing")
    damaged = damaged_by(site, error, err + out) and status in (1, 3)
    # A wall that could not be tried for another reason than memory is one that doctor calls bad, with that reason and no advice on walls.
    untried = (command.startswith("flowmint doctor") and (honest[0], status) == (0, 1) and function not in ("memory", "map")
               and out.count('"bad"') == out.count("it could not be tried"))
    # Half of a word is one that the kernel does not know, and no kernel writes half of one into these files.
    untried |= name_of(error) == "short" and "proc_write " in world.where(command.split()[0], site.frames)
    if status not in (honest[0], 4) and not damaged and not untried:
        wrong.append(f"exit status {status}: {err.strip()}")
    # libarchive, where it makes a filter, ends its process when it has no memory, of which the verb then tells.
    if status == 4 and "flowmint" not in err and "libarchive: Out of memory" not in err:
        wrong.append(f"no message: {err.strip()}")
    place = world.where(command.split()[0], site.frames)
    library = status == 4 and function == "memory" and ("fm_trees_" in place or "libarchive: Out of memory" in err and any(n in place for n in ("open_writers ", "open_stream ")))
    if any(word in err for word in ("killed", "crash", "signal")) and not library:
        wrong.append(f"a process died: {err.strip()}")
    if status == honest[0] and not damaged and not unsaid and not same_words(out, honest[1], honest[4]):
        wrong.append(f"ends as without a fault, and says another thing: {(out + err).strip()[:200]}")
    if left:
        wrong.append(f"{left} processes were still running")
    told = [line for line in err.split("\n") if "warning: " in line]
    untold = [path for path in world.aside() if not any(path in line and " left" in line for line in told)]
    if untold:
        wrong.append(f"left outside: {untold}")
    if open("/proc/self/mountinfo").read() != world.mounts:
        wrong.append("mounts are others")
    after = world.files()
    if not writes and after != before:
        wrong.append(f"it changed {sorted(k for k in {**before, **after} if before.get(k) != after.get(k))}")
    if not writes or wrong:
        return wrong
    # What could not be cleared away is named by a warning.
    excused = {k for k in set(after) - set(honest[2])
               if any(part in line for line in told for part in (k, os.path.dirname(k)) if part)}
    half = [k for k in after if ".tmp" in k and k not in excused]
    if half:
        wrong.append(f"half-made: {half}")
    wrong += world.intact()
    if status == honest[0] and not damaged:
        if named(set(after) - excused, honest) != named(honest[2], honest):
            wrong.append(f"ends as without a fault, and left {sorted(set(after) ^ set(honest[2]))}")
        return wrong + others(after, honest[2], "ends as without a fault")
    if after == before:  # the same command again is the one without a fault
        return wrong
    world.set()
    status, out, err, left = world.call(command)
    after = {k: v for k, v in world.files().items() if k not in excused}
    if status != honest[0]:
        wrong.append(f"does not do it again: exit status {status}: {err.strip()}")
    elif named(after, honest) != named(honest[2], honest):
        wrong.append(f"again it left other files: {sorted(set(after) ^ set(honest[2]))}")
    else:
        wrong += others(after, honest[2], "again")
    return wrong


def named(files, honest):
    """Keys of stages, which are names, differ from call to call where a call makes the secret of a project."""
    return sorted(files) if honest[3] else sorted(re.sub("[0-9a-f]{64}", "KEY", name) for name in files)


def others(after, honest, how):
    """Files that two calls without a fault made alike, and this one has not."""
    other = sorted(k for k, v in honest.items() if v is not None and after.get(k, v) != v)
    return [f"{how}, and there are other bytes in {other}"] if other else []


def try_verb(world, args, verb, known, tally):
    writes, command = VERBS[verb]
    program = command.split()[0]
    world.restore()
    before = world.files()
    world.set(record=1)
    status, out, err, left = world.call(command, limit=600)
    sites, tried = world.sites(), set()
    assert not world.head()["lost"]
    if status not in (0, 1, 3):
        tally.add(verb, [f"without a fault: exit status {status}: {err.strip()}"], command)
        return
    made, steady, but = world.files(), True, PASSING
    if writes:  # what has the same bytes whenever it is made
        time.sleep(1.1)
        world.restore()
        world.set()
        but = PASSING if same_words(world.call(command)[1], out) else MEASURES
        again = world.files()
        steady = set(again) == set(made)
        made = {name: digest if again.get(name) == digest else None for name, digest in made.items()}
    # Status 1: the answer is a verdict, such as that two things differ; 3: a refusal.
    honest = (status, out, made, steady, but, PASSING.sub("", err.strip().split("\n")[-1]))
    if not writes and world.files() != before:
        tally.add(verb, ["it changes something without a fault"], command)
        return
    cases = []
    for s in sites:
        call = s.key if args.deep else (s.function, s.frames[0])
        if call not in tried and (not args.only or s.function in args.only):
            if not args.where or f"{args.where} " in world.where(program, s.frames):
                cases += [(s, e, f"{program} {call} {name_of(e)}") for e in ERRORS[s.function]]
        tried.add(call)
    if out and not args.where and (not args.only or STDOUT.function in args.only):
        cases.append((STDOUT, errno.ENOSPC, f"{program} {verb} says something"))
    if args.where and not cases:
        tally.add(verb, ["no such call"], args.where)
    were = sum(verb in known.of.get(case, ()) for _, _, case in cases)
    print(f"# {verb}: {len(sites)} sites, {len(cases)} cases, of which {were} were tried before", flush=True)
    dirty = True
    for i, (site, error, case) in enumerate(cases):
        tally.progress(verb, i + 1, len(cases))
        if (i + args.phase) % args.every or (case in known.of if args.once else verb in known.of.get(case, ())):
            continue
        if args.seconds and time.monotonic() - tally.began > args.seconds:
            print(f"# {verb}: out of time before case {i + 1} of {len(cases)}", flush=True)
            break
        if dirty:
            world.restore()
        world.set(*(() if site == STDOUT else (site, error)))
        wrong = judge(world, site, error, command, writes, honest, before)
        dirty = writes or bool(wrong) or bool(world.aside())
        if wrong is None:
            tally.of.setdefault(f"{verb}: sites that came once and not again", [0, 0])[0] += 1
        else:
            tally.add(f"{verb}: {site.function} {name_of(error)}", wrong, f"[{site.key:x}] {world.where(program, site.frames)}" if wrong else "")
        if wrong == []:
            known.add(verb, case)
    world.restore()
    world.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("flowmint"), p.add_argument("inject"), p.add_argument("project"), p.add_argument("archive")
    p.add_argument("--verbs", type=lambda s: s.split(","), default=list(VERBS))
    p.add_argument("--only", type=lambda s: s.split(","), default=None)
    p.add_argument("--where", help="only calls from functions of this name, or from those that they were called by")
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--phase", type=int, default=0)
    p.add_argument("--deep", action="store_true", help="a site is three calls deep, not one")
    p.add_argument("--tried", help="a file")
    p.add_argument("--once", action="store_true")
    p.add_argument("--seconds", type=float)
    args = p.parse_args()
    world = World(args)
    world.save()
    known = Tried(args.tried, world.flowmint, world.verify)
    tally = Tally()
    for verb in args.verbs:
        try_verb(world, args, verb, known, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
