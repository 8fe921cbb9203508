#!/usr/bin/env python3
"""faults.py - a run that fails at one of its calls, or is killed there, and goes on.

    faults.py FLOWMINT inject.so PROJECT ARCHIVE [--stages STAGE,...] [--where FUNCTION] [--every N] [--kills all|N]

PROJECT has a release.yaml whose run ends with a release, named ARCHIVE.  tests/faults/inject.c says what a site is.

Without --kills: for each stage, each site that the run to its end has, and each way in which such a call fails, one run.  It ends
well, or with exit status 4 and a message; no process was killed by a signal; what was complete before is as it was; nothing is
half-made.  Where it ended well, and in each N-th other case (--share N), it goes on to its end, and has the same archive.

With --kills: SIGKILL at each instant before and after a call that syncs, moves, makes or removes a name (all), or at N random
moments; the run goes on, and is looked at in the same way.  --every N tries each N-th case, --end STAGE ends all runs there.

Writes TAP; the exit status says whether anything was found.
"""
import argparse, collections, ctypes, errno, hashlib, json, mmap, os, random, shutil, signal, struct, subprocess, sys, time

FUNCTIONS = ["", "write", "pwrite", "writev", "fsync", "truncate", "allocate", "rename", "mkdir", "create", "link", "unlink", "read",
             "pread", "open", "map", "memfd", "pipe", "memory"]
SHORT, KILL_BEFORE, KILL_AFTER = -1, -2, -3
ERRORS = {"write": [errno.ENOSPC, errno.EIO, errno.EINTR, SHORT], "pwrite": [errno.ENOSPC, errno.EIO, errno.EINTR, SHORT],
          "writev": [errno.ENOSPC, errno.EIO, errno.EINTR, SHORT], "fsync": [errno.EIO, errno.ENOSPC], "truncate": [errno.EIO],
          "allocate": [errno.ENOSPC], "rename": [errno.ENOSPC, errno.EIO], "mkdir": [errno.ENOSPC], "create": [errno.ENOSPC, errno.EMFILE],
          "link": [errno.ENOSPC], "unlink": [errno.EIO], "read": [errno.EIO, errno.EINTR, SHORT], "pread": [errno.EIO, errno.EINTR, SHORT],
          "open": [errno.EMFILE, errno.EIO], "map": [errno.ENOMEM], "memfd": [errno.EMFILE], "pipe": [errno.EMFILE],
          "memory": [errno.ENOMEM]}
STAGES = ["ingest", "train", "generate", "evaluate", "gate", "release"]
HEAD = struct.Struct("=QIiIIIIIIII")  # struct plan without its table
SITE = struct.Struct("=QIIII3Q")
SITES = 32768
Site = collections.namedtuple("Site", "order key function count last frames")
LIBC = ctypes.CDLL(None, use_errno=True)


def name_of(error):
    return "short" if error == SHORT else errno.errorcode[error]


class Bench:
    def __init__(self, flowmint, inject, project, archive):
        self.flowmint, self.inject, self.project, self.archive = map(os.path.abspath, (flowmint, inject, project, archive))
        self.place = os.path.dirname(self.project)
        self.tmp = os.path.join(self.place, "tmp")
        os.makedirs(self.tmp, exist_ok=True)
        self.path = os.path.join(self.place, "plan")
        with open(self.path, "wb") as f:
            f.truncate(HEAD.size + SITES * SITE.size)
        self.file = open(self.path, "r+b")
        self.plan = mmap.mmap(self.file.fileno(), 0)
        LIBC.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: whatever a run leaves running comes to us
        self.mounts = open("/proc/self/mountinfo").read()

    def set(self, site=None, error=0, occurrence=1, record=0):
        if record:
            self.plan[HEAD.size:] = bytes(SITES * SITE.size)
        key, last = (site.key, site.last) if site else (0, 0)
        HEAD.pack_into(self.plan, 0, key, occurrence, error, last, record, 0, 0, 0, 0, 0, 0)

    def head(self):
        names = "key occurrence error last record seen done reached sites lost killed".split()
        return dict(zip(names, HEAD.unpack_from(self.plan, 0)))

    def sites(self):
        found = []
        for i in range(SITES):
            key, function, count, order, last, *frames = SITE.unpack_from(self.plan, HEAD.size + i * SITE.size)
            if key:
                found.append(Site(order, key, FUNCTIONS[function], count, last, frames))
        return sorted(found)

    def run(self, until, kill_after=None, limit=300):
        """(status, out, err, left): left is what was still running."""
        env = {**os.environ, "LD_PRELOAD": self.inject, "FM_FAULTS": self.path, "TMPDIR": self.tmp}
        out, err = open(os.path.join(self.place, "run.out"), "w+b"), open(os.path.join(self.place, "run.err"), "w+b")
        p = subprocess.Popen([self.flowmint, "run", self.project, "--quiet", "--until", until], stdout=out, stderr=err, env=env,
                             stdin=subprocess.DEVNULL, cwd=self.place)
        began = time.monotonic()
        while p.poll() is None:
            now = time.monotonic() - began
            if self.head()["reached"] or (kill_after is not None and now > kill_after) or now > limit:
                p.kill()
                p.wait()
                struct.pack_into("=I", self.plan, HEAD.size - 4, 1)
                break
            time.sleep(0.001)
        status = p.returncode if time.monotonic() - began < limit else "hung"
        left = self.reap()
        out.seek(0), err.seek(0)
        text = out.read().decode(errors="replace"), err.read().decode(errors="replace")
        out.close(), err.close()
        self.seconds = time.monotonic() - began
        return status, *text, left

    def reap(self):
        """Wait for what the run left to end; those that do not are killed, and counted."""
        end = time.monotonic() + 60
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 0
            if pid == 0 and time.monotonic() > end:
                break
            if pid == 0:
                time.sleep(0.002)
        left = 0
        for pid in map(int, open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read().split()):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            left += 1
        return left

    # ---- what is on the disk ----

    def keep(self, name):
        shutil.rmtree(os.path.join(self.place, name), ignore_errors=True)
        shutil.copytree(self.project, os.path.join(self.place, name), symlinks=True)

    def put_back(self, name):
        shutil.rmtree(self.project)
        shutil.copytree(os.path.join(self.place, name), self.project, symlinks=True)

    def tree(self, *below):
        root, found = os.path.join(self.project, *below), {}
        for path, folders, files in os.walk(root):
            for f in files:
                with open(os.path.join(path, f), "rb") as h:
                    found[os.path.relpath(os.path.join(path, f), root)] = hash(h.read())
        return found

    def aside(self):
        """Where files are decrypted, and other places outside of the project."""
        tag = hashlib.sha256(os.path.join(self.project, "workspace").encode()).hexdigest()[:16]
        return [os.path.join(d, f) for d in ("/dev/shm", "/tmp") for f in os.listdir(d) if tag in f] + os.listdir(self.tmp)

    def audit(self):
        p = subprocess.run([self.flowmint, "audit", "--workspace", os.path.join(self.project, "workspace")], capture_output=True, text=True)
        return p.returncode, p.stdout + p.stderr


def looks(bench, before, killed, left, said=""):
    """What is wrong with what a run has left."""
    wrong = []
    stages, release = bench.tree("workspace", "stages"), bench.tree("release")
    for path, content in before.items():
        if stages.get(path) != content:
            wrong.append(f"{path} of a complete stage is gone or another")
    half = [p for p in [*bench.tree()] if ".tmp" in p]
    if half and not killed:
        wrong.append(f"half-made: {half}")
    if bench.aside() and not killed and "decrypted files are left in" not in said:
        wrong.append(f"left outside: {bench.aside()}")
    if left:
        wrong.append(f"{left} processes were still running")
    if open("/proc/self/mountinfo").read() != bench.mounts:
        wrong.append("mounts are others")
    if f"{bench.archive}.sig" in release and f"{bench.archive}" not in release:
        wrong.append("a signature without an archive")
    if os.path.exists(os.path.join(bench.project, "workspace", "ledger.db")):
        code, said_audit = bench.audit()
        if code and "no ledger there" not in said_audit:
            wrong.append(f"audit: {said_audit.strip()}")
    return wrong


def outcome(bench, end):
    """The digest of what each stage made, and the archive's."""
    made = {}
    for path in bench.tree("workspace", "stages"):
        if path.endswith("/stage.json"):
            with open(os.path.join(bench.project, "workspace", "stages", path)) as f:
                made[path] = json.load(f)["output"]
    archive = os.path.join(bench.project, "release", bench.archive)
    if end == "release":
        with open(archive, "rb") as f:
            made["archive"] = hashlib.sha256(f.read()).hexdigest()
    return made


def stage_of(key):
    return STAGES.index("release" if key == "archive" else key.split("/")[0])


def goes_on(bench, args, expected, end=None):
    end = end or args.end
    bench.set()
    status, out, err, left = bench.run(end)
    if status != 0:
        return [f"does not go on: exit status {status}: {err.strip()}"]
    wrong = looks(bench, {}, False, left)
    if outcome(bench, end) != {k: v for k, v in expected.items() if stage_of(k) <= STAGES.index(end)}:
        wrong.append(f"goes on to something else: {out.strip()}")
    stem = bench.archive.removesuffix(".tar.zst")
    names = [bench.archive, bench.archive + ".sig", f"{stem}.RELEASE.json", f"{stem}.RELEASE.json.sig", f"{stem}.LOG.json", "LOG.jsonl"]
    if end == "release" and sorted(bench.tree("release")) != sorted(names):
        wrong.append(f"in the folder of releases: {sorted(bench.tree('release'))}")
    return wrong


def where(bench, frames, program=None):
    told = subprocess.run(["addr2line", "-sfe", program or bench.flowmint] + [hex(f - 1) for f in frames if f], capture_output=True, text=True).stdout.split("\n")
    return " < ".join(f"{told[i]} {told[i + 1].split(' ')[0]}" for i in range(0, len(told) - 1, 2))


class Tally:
    """Counts by group; each half minute a line says how far it is."""

    def __init__(self):
        self.n, self.bad, self.of = 0, False, collections.OrderedDict()
        self.began = self.told = time.monotonic()

    def progress(self, group, done, of):
        now = time.monotonic()
        if now - self.told >= 30:
            self.told = now
            wrong = sum(w for _, w in self.of.values())
            print(f"# {group}: case {done} of {of}, {wrong} wrong so far, after {now - self.began:.0f} s", flush=True)

    def add(self, group, wrong, what):
        done = self.of.setdefault(group, [0, 0])
        done[0] += 1
        if wrong:
            done[1] += 1
            print(f"# {group}: {what}: " + "; ".join(wrong).replace("\n", " | "), flush=True)

    def finish(self):
        for group, (n, wrong) in self.of.items():
            self.n += 1
            self.bad |= wrong > 0
            print(f"{'not ok' if wrong else 'ok'} {self.n} - {group}: {n} tried" + (f", {wrong} wrong" if wrong else ""))
        print(f"1..{self.n}")
        return self.bad


def errors(bench, args, expected, tally):
    tried = set()
    number = 0
    for i, stage in enumerate(STAGES):
        snap = f"snap-{i}"
        bench.keep(snap)
        before = bench.tree("workspace", "stages")
        bench.set(record=stage in args.stages)
        status, out, err, left = bench.run(stage)
        assert status == 0, err
        sites = bench.sites() if stage in args.stages else []
        assert not bench.head()["lost"]
        bench.keep("after")
        if stage in args.stages:
            new = []
            for s in sites:
                call = s.key if args.deep else (s.function, s.frames[0])
                if call not in tried and (not args.only or s.function in args.only):
                    new.append(s)
                tried.add(call)
            if args.where:
                new = [s for s in new if f"{args.where} " in where(bench, s.frames)]
            print(f"# {stage}: {len(sites)} sites, {len(new)} of them new", flush=True)
            last = number + sum(len(ERRORS[site.function]) for site in new)
            for site in new:
                function, frames = site.function, site.frames
                for error in ERRORS[function]:
                    number += 1
                    tally.progress(stage, number, last)
                    if (number + args.phase) % args.every:
                        continue
                    bench.put_back(snap)
                    bench.set(site, error)
                    status, out, err, left = bench.run(stage)
                    wrong = []
                    if not bench.head()["done"]:
                        tally.of.setdefault(f"{stage}: sites that came once and not again", [0, 0])[0] += 1
                        continue
                    # SQLite says of a read that failed that its file is damaged.
                    damaged = function == "pread" and error == errno.EIO and "malformed" in err and status == 1
                    if status not in (0, 4) and not damaged:
                        wrong.append(f"exit status {status}: {err.strip()}")
                    if status == 4 and "flowmint: " not in err:
                        wrong.append(f"no message: {err.strip()}")
                    # XGBoost, and libarchive where it makes a filter, end their process when they have no memory, of
                    # which the run then tells.
                    library = status == 4 and function == "memory" and any(
                        name in where(bench, frames) for name in ("fm_trees_", " trees.c", "open_writers ", "open_stream "))
                    if any(word in err for word in ("killed", "crash", "signal")) and not library:
                        wrong.append(f"a process died: {err.strip()}")
                    if args.verbose:
                        print(f"# {status} {name_of(error)} {stage} {function} {where(bench, frames)}: {err.strip()}", flush=True)
                    wrong += looks(bench, before, False, left, err)
                    # A call that failed unseen must not have changed what is released; else each so-and-so-manieth goes on.
                    if not wrong and (status == 0 or stage == args.end or number // args.every % args.share == 0):
                        wrong += goes_on(bench, args, expected)
                    tally.add(f"{stage}: {function} {name_of(error)}", wrong, f"[{site.key:x}] {where(bench, frames)}" if wrong else "")
        bench.put_back("after")
        if stage == max(args.stages, key=STAGES.index):
            break
    if args.where and not number:
        tally.add(args.where, ["no such call"], "")


def instants_of(bench, end):
    """Each sync, rename and link of a run until `end`, and each site that makes or removes a name, before and after it."""
    bench.set(record=1)
    status, out, err, left = bench.run(end)
    assert status == 0, err
    assert not bench.head()["lost"]
    return [(s, n + 1, e) for s in bench.sites() if s.function in ("fsync", "rename", "link", "unlink", "mkdir")
            for n in range(s.count if s.function in ("fsync", "rename", "link") else 1) for e in (KILL_BEFORE, KILL_AFTER)]


def kill_at(bench, args, expected, tally, snap, instant, number, until, to_end):
    site, occurrence, error = instant
    bench.put_back(snap)
    bench.set(site, error, occurrence if site else 1)  # at random: an occurrence is a time in seconds
    status, out, err, left = bench.run(until, kill_after=None if site else occurrence)
    wrong = [] if status in (0, -9) else [f"exit status {status}: {err.strip()}"]
    wrong += looks(bench, {}, True, left)
    wrong += goes_on(bench, args, expected, args.end if to_end else until)
    group = f"killed {'before' if error == KILL_BEFORE else 'after'} {site.function}" if site else "killed at random"
    tally.add(group, wrong, f"kill {number}: {where(bench, site.frames)} {occurrence}" if wrong and site else f"kill {number}")


def kills(bench, args, expected, tally):
    """Of one run, from its beginning to its end."""
    bench.keep("snap-0")
    todo = []
    if args.kills == "all":
        todo = instants_of(bench, args.end)
        bench.put_back("snap-0")
    bench.set()
    bench.run(args.end)
    whole = bench.seconds
    rng = random.Random(10)
    todo = todo or [(None, rng.uniform(0, whole), 0) for _ in range(int(args.kills))]
    print(f"# {len(todo)} instants; a run takes {whole:.1f} s", flush=True)
    for i, instant in enumerate(todo):
        tally.progress("kills", i + 1, len(todo))
        if (i + args.phase) % args.every == 0:
            kill_at(bench, args, expected, tally, "snap-0", instant, i + 1, args.end, True)


def kills_by_stage(bench, args, expected, tally):
    """Each stage by itself, upon what those before it made, and resumed to its own end, at each instant that no stage before had too
    (the same call for the same time): a part of the time.  Each share-th goes on to the end of the run."""
    number, had = 0, set()
    for i, stage in enumerate(STAGES):
        snap = f"snap-{i}"
        bench.keep(snap)
        todo = [t for t in instants_of(bench, stage) if (t[0].key, *t[1:]) not in had]
        had.update((t[0].key, *t[1:]) for t in todo)
        bench.keep("after")
        print(f"# {stage}: {len(todo)} instants", flush=True)
        for nth, instant in enumerate(todo if stage in args.stages else []):
            number += 1
            tally.progress(stage, nth + 1, len(todo))
            if (number + args.phase) % args.every == 0:
                kill_at(bench, args, expected, tally, snap, instant, number, stage, number // args.every % args.share == 0)
        bench.put_back("after")
        if stage == max(args.stages, key=STAGES.index):
            break


def main():
    p = argparse.ArgumentParser()
    p.add_argument("flowmint"), p.add_argument("inject"), p.add_argument("project"), p.add_argument("archive")
    p.add_argument("--stages", type=lambda s: s.split(","), default=STAGES)
    p.add_argument("--only", type=lambda s: s.split(","), default=None)
    p.add_argument("--where", help="only calls from functions of this name, or from those that they were called by")
    p.add_argument("--share", type=int, default=8)
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--phase", type=int, default=0)
    p.add_argument("--kills", help="all: at each instant of a run; stages: of each stage by itself; a number: so many at random")
    p.add_argument("--end", default="release")
    p.add_argument("--deep", action="store_true", help="a site is three calls deep, not one")
    p.add_argument("--verbose", action="store_true")
    args = p.parse_args()
    bench = Bench(args.flowmint, args.inject, args.project, args.archive)
    bench.archive = args.archive
    bench.keep("clean")
    bench.set()
    status, out, err, left = bench.run(args.end)
    assert status == 0, err
    expected = outcome(bench, args.end)
    bench.put_back("clean")
    tally = Tally()
    how = kills_by_stage if args.kills == "stages" else kills if args.kills else errors
    how(bench, args, expected, tally)
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
