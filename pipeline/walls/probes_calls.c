/*
 * The attempts by single system calls: one for each kind of thing that the kernel offers beside reading, writing and
 * calculating.  Where a call would do harm if it got through, it is made with an argument that the kernel refuses only
 * after it has looked at who asks: that answer shows that the call got through.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/quota.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "pipeline/walls/probes_parts.h"

#define P const struct fm_probing *p
#define UNUSED (void)p
#define PATH 4200

static const char *below(char path[PATH], const char *dir, const char *name)
{
	snprintf(path, PATH, "%s/%s", dir, name);
	return path;
}

static bool opens(const char *path, int flags)
{
	return open(path, flags) >= 0;
}

/* ---- files ---- */

bool fm_probe_truncate(P)
{
	char path[PATH];

	return truncate(below(path, p->in, "weights"), 1) == 0;
}
bool fm_probe_remove(P)
{
	char path[PATH];

	if (unlink(below(path, p->in, "weights")) != 0)
		return false;
	return open(path, O_WRONLY | O_CREAT, 0600) >= 0; /* for whoever comes after */
}
bool fm_probe_move(P)
{
	char from[PATH], to[PATH];

	snprintf(to, sizeof to, "%s-moved", p->secret);
	return rename(below(from, p->out, "table"), to) == 0 && rename(to, from) == 0;
}
bool fm_probe_exchange(P)
{
	char from[PATH], to[PATH];

	return syscall(SYS_renameat2, AT_FDCWD, below(from, p->out, "table"), AT_FDCWD, below(to, p->in, "weights"),
		       2 /* RENAME_EXCHANGE */) == 0;
}
bool fm_probe_device(P)
{
	UNUSED;
	return opens("/dev/zero", O_RDONLY) || opens("/dev/mem", O_RDONLY) || opens("/dev/fuse", O_RDWR);
}
bool fm_probe_ptmx(P)
{
	UNUSED;
	return opens("/dev/ptmx", O_RDWR | O_NOCTTY) || opens("/dev/tty", O_RDWR | O_NOCTTY);
}
bool fm_probe_symbols(P)
{
	UNUSED;
	return opens("/proc/kallsyms", O_RDONLY) || opens("/proc/cmdline", O_RDONLY);
}
bool fm_probe_own_memory(P)
{
	static const int constant = 1;
	int fd = open("/proc/self/mem", O_RDWR), two = 2;

	UNUSED;
	return fd >= 0 && pwrite(fd, &two, sizeof two, (off_t)(uintptr_t)&constant) == sizeof two;
}
bool fm_probe_map(P)
{
	UNUSED;
	return opens("/proc/self/maps", O_RDONLY);
}
bool fm_probe_setting(P)
{
	UNUSED;
	return opens("/proc/self/oom_score_adj", O_WRONLY);
}
bool fm_probe_mknod(P)
{
	char path[PATH];

	return mknod(below(path, p->out, "device"), S_IFCHR | 0600, makedev(1, 5)) == 0;
}

struct handle {
	struct file_handle head;
	unsigned char bytes[MAX_HANDLE_SZ];
};
bool fm_probe_handle(P)
{
	struct handle h = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount;

	return name_to_handle_at(AT_FDCWD, p->in, &h.head, &mount, 0) == 0;
}
bool fm_probe_open_handle(P)
{
	struct handle h = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount, fd = open(p->in, O_RDONLY | O_DIRECTORY);

	return name_to_handle_at(AT_FDCWD, p->in, &h.head, &mount, 0) == 0 &&
	       open_by_handle_at(fd, &h.head, O_RDONLY) >= 0;
}
bool fm_probe_chown(P)
{
	char path[PATH];

	return chown(below(path, p->out, "table"), getuid(), getgid()) == 0;
}
/* A file system without attributes answers that it has none. */
bool fm_probe_attribute(P)
{
	char path[PATH];

	return setxattr(below(path, p->out, "table"), "user.flowmint", "x", 1, 0) == 0 || errno == EOPNOTSUPP;
}
bool fm_probe_inotify(P)
{
	UNUSED;
	return inotify_init1(0) >= 0;
}
bool fm_probe_fanotify(P)
{
	UNUSED;
	return syscall(SYS_fanotify_init, 0, O_RDONLY) >= 0 ||
	       syscall(SYS_fanotify_init, 0x200 /* FAN_REPORT_FID, for users who are not root */, O_RDONLY) >= 0;
}
bool fm_probe_dnotify(P)
{
	int fd = open(p->in, O_RDONLY | O_DIRECTORY);

	return fcntl(fd, F_NOTIFY, DN_CREATE) == 0;
}
bool fm_probe_quota(P)
{
	UNUSED;
	return quotactl((int)((unsigned)Q_SYNC << SUBCMDSHIFT | USRQUOTA), NULL, 0, NULL) == 0;
}
bool fm_probe_chdir(P)
{
	UNUSED;
	return chdir("/") == 0;
}

/* ---- network and descriptors ---- */

bool fm_probe_raw(P)
{
	UNUSED;
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 || socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) >= 0;
}
bool fm_probe_alg(P)
{
	UNUSED;
	return socket(38 /* AF_ALG */, SOCK_SEQPACKET, 0) >= 0;
}
/* On a descriptor that is no socket: a kernel that handles the call says so. */
bool fm_probe_send(P)
{
	struct msghdr m = {0};

	UNUSED;
	return sendmsg(2, &m, MSG_DONTWAIT) >= 0 || errno == ENOTSOCK;
}
bool fm_probe_pipe(P)
{
	int fd[2];

	UNUSED;
	return pipe(fd) == 0;
}
bool fm_probe_pipe_size(P)
{
	UNUSED;
	return fcntl(2, F_SETPIPE_SZ, 4096) >= 0 || errno == EBADF; /* EBADF: no pipe here */
}
bool fm_probe_setown(P)
{
	UNUSED;
	return fcntl(2, F_SETOWN, getpid()) == 0;
}

/* ---- processes ---- */

bool fm_probe_vfork(P)
{
	/* The C library's keeps the return address that both share. */
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */

	UNUSED;
	if (pid == 0)
		_exit(0);
	return pid > 0;
}
static int do_nothing(void *arg)
{
	(void)arg;
	return 0;
}
bool fm_probe_shared_process(P)
{
	static char stack[65536] __attribute__((aligned(64)));
	int pid = clone(do_nothing, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, NULL);

	UNUSED;
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}
bool fm_probe_vm_write(P)
{
	int v = FM_PROBE_UNTOUCHED + 1;
	struct iovec mine = {&v, sizeof v}, its = {p->memory, sizeof v};

	return process_vm_writev((pid_t)p->parent, &mine, 1, &its, 1, 0) == sizeof v;
}
bool fm_probe_getfd(P)
{
	long pidfd = syscall(SYS_pidfd_open, p->parent, 0);

	return pidfd >= 0 && syscall(SYS_pidfd_getfd, pidfd, 0, 0) >= 0;
}
bool fm_probe_pidfd_signal(P)
{
	long pidfd = syscall(SYS_pidfd_open, p->parent, 0);

	return syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0;
}
bool fm_probe_queue(P)
{
	siginfo_t info = {.si_code = SI_QUEUE};

	info.si_pid = getpid();
	info.si_uid = getuid();
	return syscall(SYS_rt_sigqueueinfo, p->parent, 0, &info) == 0;
}
bool fm_probe_kill_all(P)
{
	UNUSED;
	return kill(-1, 0) == 0;
}
bool fm_probe_tgkill(P)
{
	return syscall(SYS_tgkill, p->parent, p->parent, 0) == 0;
}
bool fm_probe_kcmp(P)
{
	UNUSED;
	return syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0) == 0;
}
bool fm_probe_prlimit(P)
{
	struct rlimit r;

	return prlimit((pid_t)p->parent, RLIMIT_CORE, NULL, &r) == 0;
}
bool fm_probe_priority(P)
{
	return setpriority(PRIO_PROCESS, (id_t)p->parent, getpriority(PRIO_PROCESS, (id_t)p->parent)) == 0;
}
bool fm_probe_affinity(P)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 &&
	       sched_setaffinity((pid_t)p->parent, sizeof set, &set) == 0;
}
bool fm_probe_scheduler(P)
{
	struct sched_param none = {0};

	return sched_setscheduler((pid_t)p->parent, sched_getscheduler((pid_t)p->parent), &none) == 0;
}
bool fm_probe_ioprio(P)
{
	UNUSED;
	return syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 7) == 0;
}
bool fm_probe_setsid(P)
{
	UNUSED;
	return setsid() > 0 || setpgid(0, 0) == 0;
}

/* ---- memory ---- */

bool fm_probe_map_file(P)
{
	char path[PATH];
	int fd = open(below(path, p->in, "weights"), O_RDONLY);

	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED;
}
bool fm_probe_pkey(P)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	UNUSED;
	return syscall(SYS_pkey_mprotect, at, 4096, PROT_READ | PROT_EXEC, -1) == 0;
}
bool fm_probe_sem(P)
{
	long id = syscall(SYS_semget, 0, 1, 0600);

	UNUSED;
	return id >= 0 && syscall(SYS_semctl, id, 0, 0 /* IPC_RMID */, 0) == 0;
}
bool fm_probe_msg(P)
{
	long id = syscall(SYS_msgget, 0, 0600);

	UNUSED;
	return id >= 0 && syscall(SYS_msgctl, id, 0 /* IPC_RMID */, NULL) == 0;
}
bool fm_probe_mq(P)
{
	char name[64];
	long q;

	UNUSED;
	snprintf(name, sizeof name, "flowmint-probe-%ld", (long)getpid());
	q = syscall(SYS_mq_open, name, O_CREAT | O_RDWR, 0600, NULL);
	return q >= 0 && syscall(SYS_mq_unlink, name) == 0;
}
bool fm_probe_userfault(P)
{
	UNUSED;
	return syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */) >= 0;
}

/* ---- the kernel ---- */

bool fm_probe_bpf(P)
{
	unsigned char attr[128] = {0};

	UNUSED;
	return syscall(SYS_bpf, 0 /* BPF_MAP_CREATE, of no kind */, attr, sizeof attr) >= 0 || errno == EINVAL;
}
bool fm_probe_perf(P)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof attr,
				       .config = PERF_COUNT_SW_TASK_CLOCK,
				       .exclude_kernel = 1,
				       .exclude_hv = 1};

	UNUSED;
	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) >= 0;
}
bool fm_probe_fsopen(P)
{
	UNUSED;
	return syscall(SYS_fsopen, "tmpfs", 0) >= 0;
}
bool fm_probe_open_tree(P)
{
	return syscall(SYS_open_tree, AT_FDCWD, p->in, 1 /* OPEN_TREE_CLONE */) >= 0;
}
bool fm_probe_pivot(P)
{
	return syscall(SYS_pivot_root, p->in, p->in) == 0 || errno == EINVAL || errno == EBUSY;
}
bool fm_probe_umount(P)
{
	UNUSED;
	return umount2("/no/such/place", MNT_DETACH) == 0 || errno == ENOENT;
}
bool fm_probe_setns(P)
{
	int fd = open("/proc/self/ns/uts", O_RDONLY);

	UNUSED;
	return setns(fd, CLONE_NEWUTS) == 0;
}
bool fm_probe_hostname(P)
{
	char name[65];

	UNUSED;
	return gethostname(name, sizeof name) == 0 && sethostname(name, strlen(name)) == 0;
}
bool fm_probe_module(P)
{
	UNUSED;
	return syscall(SYS_init_module, NULL, 0, "") == 0 || errno == ENOEXEC;
}
bool fm_probe_unmodule(P)
{
	UNUSED;
	return syscall(SYS_delete_module, "flowmint_no_such_module", O_NONBLOCK) == 0 || errno == ENOENT;
}
bool fm_probe_kexec(P)
{
	UNUSED;
	return syscall(SYS_kexec_load, 0, 0, NULL, 0xffff) == 0 || errno == EINVAL;
}
bool fm_probe_reboot(P)
{
	UNUSED;
	return syscall(SYS_reboot, 0xfee1dead, 672274793, 0x0f1ab5ed /* no command */, NULL) == 0 || errno == EINVAL;
}
bool fm_probe_swap(P)
{
	UNUSED;
	return swapoff("/no/such/swap") == 0 || errno == ENOENT;
}
bool fm_probe_syslog(P)
{
	UNUSED;
	return klogctl(10 /* how large it is */, NULL, 0) >= 0;
}
bool fm_probe_ioperm(P)
{
	UNUSED;
	return ioperm(0x80, 1, 1) == 0;
}
/* A call by the entry of 32-bit programs, whose numbers mean other calls: 20 is getpid. */
bool fm_probe_call32(P)
{
	long answer = 20;

	UNUSED;
	__asm__ volatile("int $0x80" : "+a"(answer) : : "memory", "r8", "r9", "r10", "r11");
	return answer == getpid();
}
bool fm_probe_filter(P)
{
	unsigned action = 0x7fff0000; /* SECCOMP_RET_ALLOW */

	UNUSED;
	return syscall(SYS_seccomp, 2 /* SECCOMP_GET_ACTION_AVAIL */, 0, &action) == 0;
}

/* ---- itself ---- */

bool fm_probe_setgid(P)
{
	UNUSED;
	return syscall(SYS_setgid, getgid()) == 0; /* setgid() is a matter of all threads, with a lock */
}
bool fm_probe_setresuid(P)
{
	UNUSED;
	return syscall(SYS_setresuid, getuid(), getuid(), getuid()) == 0;
}
bool fm_probe_subreaper(P)
{
	UNUSED;
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}
bool fm_probe_keepcaps(P)
{
	UNUSED;
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0;
}
bool fm_probe_timer(P)
{
	struct sigevent none = {.sigev_notify = SIGEV_NONE};
	int id;

	UNUSED;
	return syscall(SYS_timer_create, CLOCK_MONOTONIC, &none, &id) == 0;
}
