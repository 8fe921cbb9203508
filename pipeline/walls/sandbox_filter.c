/*
 * The seccomp filter: the system calls that a stage makes, and no others.
 *
 * Anything else kills the process, so that the runner sees and records the attempt, where a refused call could be
 * swallowed by a library that tries something else, and so that code that is no longer ours does not get to try the
 * next thing. Some calls are refused, not killed, because a C library, OpenMP or OpenBLAS makes them and goes on
 * without.  clone3 is "not implemented" (its flags lie in memory, where a filter cannot look; the C library falls back
 * to clone).
 *
 * The list was measured: a run of all stages makes 32 different calls.  The rest of it are what other versions of the C
 * library use in their place (statx for newfstatat, openat2 is not one), and what happens seldom: an error, a signal,
 * a stage that is slow.
 *
 * libseccomp takes a millisecond to make the filter, the kernel a few microseconds to load it.  So whoever needs one
 * filter in many processes makes it once; the process id in it is filled in when it is loaded.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pipeline/walls/sandbox.h"

#define SPECIAL (S_ISUID | S_ISGID | S_ISVTX)
#define LOADER 0x7a5e11d5 /* stands for the process that loads the filter; more than any process id */

/* clang-format off */
/* Without a look at their arguments. */
static const int always[] = {
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mincore), SCMP_SYS(msync),
	SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(munlock),
	/* files */
	SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv),
	SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(lseek), SCMP_SYS(fadvise64),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(access),
	SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
	SCMP_SYS(getdents64), SCMP_SYS(dup), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(poll), SCMP_SYS(ppoll),
	/* time, signals, itself */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times),
	SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(pause), SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigsuspend),
	SCMP_SYS(sigaltstack), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(getuid),
	SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrusage), SCMP_SYS(getrandom),
	SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getcpu), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
	/* threads, also of one alone */
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address), SCMP_SYS(rseq), SCMP_SYS(membarrier),
};
/* Calls of a box that has a folder to write to. */
static const int writing[] = {
	SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(rename),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rmdir), SCMP_SYS(umask),
	SCMP_SYS(copy_file_range), SCMP_SYS(sync_file_range),
};
/* Asked by libraries that go on without: refused, not killed. */
static const int refused[] = {
	SCMP_SYS(get_mempolicy), SCMP_SYS(set_mempolicy), SCMP_SYS(mbind), SCMP_SYS(sched_setaffinity),
	SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_setscheduler), SCMP_SYS(arch_prctl),
	SCMP_SYS(get_robust_list), SCMP_SYS(getpriority), SCMP_SYS(openat2),
};
/* clang-format on */

static int add_list(scmp_filter_ctx f, uint32_t action, const int *call, size_t n)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		if (call[i] != __NR_SCMP_ERROR)
			rc = seccomp_rule_add(f, action, call[i], 0);
	return rc == -EDOM ? 0 : rc; /* this libseccomp does not know the call, and cannot have a rule for it */
}
#define ADD(action, list) add_list(f, action, list, sizeof list / sizeof *list)
#define ALLOW(call, n, ...) seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(call), n, ##__VA_ARGS__)
#define NONE_OF(arg, bits) SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, bits, 0)
#define ONLY(arg, value) SCMP_CMP32(arg, SCMP_CMP_EQ, (uint32_t)(value), 0)

/* No executable memory, so that no code can be written and then run; no shared memory, which no limit counts. */
static int add_memory(scmp_filter_ctx f)
{
	int rc;

	if ((rc = ALLOW(mprotect, 1, NONE_OF(2, PROT_EXEC))) ||
	    (rc = ALLOW(mmap, 2, NONE_OF(2, PROT_EXEC), NONE_OF(3, MAP_ANONYMOUS))))
		return rc;
	return ALLOW(mmap, 2, NONE_OF(2, PROT_EXEC),
		     SCMP_CMP64(3, SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS | MAP_SHARED, MAP_ANONYMOUS));
}

/* Files that are made have no special mode. */
static int add_files(scmp_filter_ctx f, bool write)
{
	int rc;

	if (!write) {
		if ((rc = ALLOW(open, 1, NONE_OF(1, O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))))
			return rc;
		return ALLOW(openat, 1, NONE_OF(2, O_CREAT | (O_TMPFILE & ~O_DIRECTORY)));
	}
	if ((rc = ADD(SCMP_ACT_ALLOW, writing)) || (rc = ALLOW(open, 1, NONE_OF(2, SPECIAL))) ||
	    (rc = ALLOW(openat, 1, NONE_OF(3, SPECIAL))) || (rc = ALLOW(mkdir, 1, NONE_OF(1, SPECIAL))) ||
	    (rc = ALLOW(mkdirat, 1, NONE_OF(2, SPECIAL))) || (rc = ALLOW(chmod, 1, NONE_OF(1, SPECIAL))) ||
	    (rc = ALLOW(fchmod, 1, NONE_OF(1, SPECIAL))))
		return rc;
	return ALLOW(fchmodat, 1, NONE_OF(2, SPECIAL));
}

/* A descriptor's own flags, never those of the open file behind it, which the parent may have too (O_NONBLOCK). */
static int add_descriptors(scmp_filter_ctx f)
{
	static const int commands[] = {F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof commands / sizeof *commands; i++)
		rc = ALLOW(fcntl, 1, ONLY(1, commands[i]));
	return rc ? rc : ALLOW(ioctl, 1, ONLY(1, TCGETS)); /* is it a terminal? */
}

/* Threads, never processes, and in no other namespace. */
static int add_threads(scmp_filter_ctx f)
{
	const uint64_t must = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
		       never = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
			       CLONE_NEWCGROUP | CLONE_PTRACE | CLONE_VFORK | CLONE_PARENT;

	return ALLOW(clone, 1, SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, must | never, must));
}

static int add_itself(scmp_filter_ctx f)
{
	static const int given_up[] = {PR_SET_NAME, 0x53564d41 /* PR_SET_VMA: the C library names its memory */};
	int rc;

	/* abort() and a failed assertion */
	if ((rc = ALLOW(tgkill, 1, ONLY(0, LOADER))) ||
	    (rc = ALLOW(prlimit64, 2, SCMP_CMP64(0, SCMP_CMP_EQ, 0, 0), SCMP_CMP64(2, SCMP_CMP_EQ, 0, 0))) ||
	    (rc = ALLOW(getrlimit, 0)))
		return rc;
	for (size_t i = 0; i < sizeof given_up / sizeof *given_up; i++)
		if ((rc = seccomp_rule_add(f, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, ONLY(0, given_up[i]))))
			return rc;
	return seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int add_all(scmp_filter_ctx f, const struct fm_sandbox *box)
{
	bool write = false;
	int rc;

	for (int i = 0; i < box->npaths; i++)
		write = write || box->path[i].writable;
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree: a call is found in few steps */
	if ((rc = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) ||
	    (rc = ADD(SCMP_ACT_ALLOW, always)) || (rc = ADD(SCMP_ACT_ERRNO(ENOSYS), refused)) || (rc = add_memory(f)) ||
	    (rc = add_files(f, write)) || (rc = add_descriptors(f)) || (rc = add_itself(f)) ||
	    (box->limits.threads > 1 && (rc = add_threads(f))))
		return rc;
	return box->locks ? ALLOW(flock, 0) : 0;
}

/* The program, by way of a pipe, which holds 64 KiB: twice what a program may have.  Negative errno. */
static int export_program(scmp_filter_ctx f, struct fm_sandbox_program *program)
{
	int fd[2], rc;
	ssize_t n;

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	if ((rc = seccomp_export_bpf(f, fd[1])))
		goto out;
	if ((n = read(fd[0], program->code, sizeof program->code)) <= 0)
		rc = n < 0 ? -errno : -EIO;
	else
		program->n = (size_t)n / sizeof *program->code;
out:
	close(fd[0]);
	close(fd[1]);
	return rc;
}

int fm_sandbox_filter_make(const struct fm_sandbox *box, struct fm_sandbox_program *program, struct fm_error *err)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc;

	if (!f)
		return fm_fail(err, FM_ESYSTEM, "cannot make a system call filter: out of memory");
	if ((rc = add_all(f, box)) == 0)
		rc = export_program(f, program);
	seccomp_release(f);
	if (rc) {
		errno = -rc;
		return fm_fail_errno(err, "cannot make the system call filter");
	}
	return FM_OK;
}

int fm_sandbox_filter_load(const struct fm_sandbox_program *program, struct fm_error *err)
{
	struct fm_sandbox_program own = *program;
	struct sock_fprog load = {(unsigned short)own.n, own.code};

	for (size_t i = 0; i < own.n; i++)
		if (BPF_CLASS(own.code[i].code) == BPF_JMP && own.code[i].k == LOADER)
			own.code[i].k = (uint32_t)getpid();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return fm_fail_errno(err, "cannot give up new privileges");
	/* Where the kernel keeps a log, it names a call that is not allowed. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &load) &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &load))
		return fm_fail_errno(err, "cannot load the system call filter");
	return FM_OK;
}

int fm_sandbox_filter(const struct fm_sandbox *box, struct fm_error *err)
{
	struct fm_sandbox_program program;
	int rc;

	if ((rc = fm_sandbox_filter_make(box, &program, err)) < 0)
		return rc;
	return fm_sandbox_filter_load(&program, err);
}
