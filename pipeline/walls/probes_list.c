/* probes_list.c - the attempts, one function each: true when it got through.  Those by single calls are in
 * probes_calls.c. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/walls/probes_parts.h"

#define P const struct fm_probing *p
#define UNUSED (void)p

static bool opens(const char *path, int flags)
{
	return open(path, flags, 0600) >= 0;
}

static bool opens_in(const char *dir, const char *name, int flags)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return opens(path, flags);
}

/* ---- files ---- */

static bool reads_secret(P)
{
	return opens(p->secret, O_RDONLY);
}
static bool lists_above(P)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof path, "%s/..", p->in);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	snprintf(path, sizeof path, "%s", strrchr(p->secret, '/') + 1);
	return fd >= 0 && openat(fd, path, O_RDONLY) >= 0;
}
static bool reads_passwd(P)
{
	UNUSED;
	return opens("/etc/passwd", O_RDONLY);
}
static bool reads_environ(P)
{
	UNUSED;
	return opens("/proc/self/environ", O_RDONLY);
}
static bool reads_root_of_first(P)
{
	UNUSED;
	return opens("/proc/1/root/etc/passwd", O_RDONLY);
}
static bool reads_system(P)
{
	UNUSED;
	return opens("/sys/kernel", O_RDONLY) || opens("/usr", O_RDONLY);
}
static bool writes_input(P)
{
	return opens_in(p->in, "weights", O_WRONLY);
}
static bool adds_to_input(P)
{
	return opens_in(p->in, "more", O_WRONLY | O_CREAT);
}
static bool removes_input(P)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/weights", p->in);
	return rename(path, path) == 0 && chmod(path, 0600) == 0;
}
static bool writes_tmp(P)
{
	UNUSED;
	return opens("/tmp", O_RDWR | O_TMPFILE) || opens("/dev/shm", O_RDWR | O_TMPFILE);
}
static bool makes_folder_at_root(P)
{
	char path[64];

	UNUSED;
	snprintf(path, sizeof path, "/flowmint-probe-%ld", (long)getpid());
	return mkdir(path, 0700) == 0 && (rmdir(path), true);
}
static bool writes_memory_of_parent(P)
{
	char path[64];
	int fd, v = 7;

	snprintf(path, sizeof path, "/proc/%ld/mem", p->parent);
	fd = open(path, O_RDWR);
	return fd >= 0 && pwrite(fd, &v, sizeof v, (off_t)(uintptr_t)p->memory) == sizeof v;
}
static bool reads_memory_of_parent(P)
{
	char path[64];
	int fd, v;

	snprintf(path, sizeof path, "/proc/%ld/mem", p->parent);
	fd = open(path, O_RDONLY);
	return fd >= 0 && pread(fd, &v, sizeof v, (off_t)(uintptr_t)p->memory) == sizeof v;
}
static bool makes_link(P)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/link-%ld", p->out, (long)getpid());
	return symlink("/", path) == 0;
}
static bool makes_hard_link(P)
{
	char from[4200], to[4200];

	snprintf(from, sizeof from, "%s/table", p->out);
	snprintf(to, sizeof to, "%s/hard-%ld", p->out, (long)getpid());
	return link(from, to) == 0;
}
static bool makes_pipe_file(P)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/pipe-%ld", p->out, (long)getpid());
	return mkfifo(path, 0600) == 0;
}
static bool makes_setuid_file(P)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/suid-%ld", p->out, (long)getpid());
	return open(path, O_WRONLY | O_CREAT, 04755) >= 0;
}
static bool sets_setuid(P)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/table", p->out);
	return chmod(path, 04700) == 0;
}

/* ---- network ---- */

#define SOCKET(name, family, type)                                                                                     \
	static bool name(P)                                                                                            \
	{                                                                                                              \
		UNUSED;                                                                                                \
		return socket(family, type, 0) >= 0;                                                                   \
	}
SOCKET(makes_inet_socket, AF_INET, SOCK_STREAM)
SOCKET(makes_inet6_socket, AF_INET6, SOCK_STREAM)
SOCKET(makes_udp_socket, AF_INET, SOCK_DGRAM)
SOCKET(makes_unix_socket, AF_UNIX, SOCK_STREAM)
SOCKET(makes_netlink_socket, AF_NETLINK, SOCK_RAW)
SOCKET(makes_packet_socket, AF_PACKET, SOCK_RAW)
SOCKET(makes_vsock_socket, 40 /* AF_VSOCK */, SOCK_STREAM)

static bool makes_pair(P)
{
	int fd[2];

	UNUSED;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0;
}
static bool makes_ring(P)
{
	char params[256] = {0};

	UNUSED;
	return syscall(SYS_io_uring_setup, 1, params) >= 0;
}

/* ---- programs and processes ---- */

static bool forks(P)
{
	pid_t pid = fork();

	UNUSED;
	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}
static bool forks_by_clone3(P)
{
	struct {
		uint64_t v[11];
	} args = {.v = {[4] = SIGCHLD}};
	long pid = syscall(SYS_clone3, &args, sizeof args);

	UNUSED;
	if (pid == 0)
		_exit(0);
	return pid > 0;
}
static bool executes(P)
{
	UNUSED;
	execl("/bin/sh", "sh", "-c", "exit 77", (char *)NULL);
	return false; /* 77 (THROUGH) would mean that it got through */
}
static bool executes_memory(P)
{
	UNUSED;
	return syscall(SYS_memfd_create, "x", 0) >= 0;
}
static bool executes_descriptor(P)
{
	int fd = open("/bin/sh", O_RDONLY);
	char *argv[] = {"sh", "-c", "exit 77", NULL};

	UNUSED;
	syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH);
	return false;
}
static bool traces_parent(P)
{
	return ptrace(PTRACE_SEIZE, p->parent, NULL, NULL) == 0;
}
static bool copies_memory_of_parent(P)
{
	int v;
	struct iovec mine = {&v, sizeof v}, its = {p->memory, sizeof v};

	return process_vm_readv((pid_t)p->parent, &mine, 1, &its, 1, 0) == sizeof v;
}
static bool signals_parent(P)
{
	return kill((pid_t)p->parent, 0) == 0;
}
static bool opens_process(P)
{
	return syscall(SYS_pidfd_open, p->parent, 0) >= 0;
}

/* ---- memory ---- */

static bool maps_code(P)
{
	UNUSED;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}
static bool makes_code(P)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	UNUSED;
	return at != MAP_FAILED && mprotect(at, 4096, PROT_READ | PROT_EXEC) == 0;
}
static bool shares_memory(P)
{
	UNUSED;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}
static bool makes_segment(P)
{
	UNUSED;
	return syscall(SYS_shmget, 0, 4096, 0600) >= 0;
}

/* ---- namespaces and the kernel ---- */

static bool unshares(P)
{
	UNUSED;
	return unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER) == 0;
}
static bool clones_namespace(P)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	UNUSED;
	if (pid == 0)
		_exit(0);
	return pid > 0;
}
static bool mounts(P)
{
	if (mount("none", p->out, "tmpfs", 0, NULL) == 0)
		return umount2(p->out, MNT_DETACH) == 0;
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
}
static bool changes_root(P)
{
	return chroot(p->out) == 0 || (unshare(CLONE_NEWUSER) == 0 && chroot(p->out) == 0);
}
static bool adds_key(P)
{
	UNUSED;
	return syscall(SYS_add_key, "user", "flowmint-probe", "x", 1, -1 /* of the thread */) >= 0 ||
	       syscall(SYS_keyctl, 0, -1, 0) >= 0;
}
static bool asks_by_number(P)
{
	UNUSED;
	return syscall(SYS_personality, 0xffffffff) >= 0;
}
static bool sets_table(P)
{
	char entry[16] = {0};

	UNUSED;
	return syscall(SYS_modify_ldt, 0, entry, sizeof entry) >= 0;
}

/* ---- itself ---- */

static bool becomes_dumpable(P)
{
	UNUSED;
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}
static bool outlives_parent(P)
{
	UNUSED;
	return prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) == 0;
}
static bool takes_privileges(P)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	UNUSED;
	return syscall(SYS_capset, &header, data) == 0;
}
static bool changes_user(P)
{
	UNUSED;
	return syscall(SYS_setuid, getuid()) == 0; /* setuid() is a matter of all threads, with a lock */
}
static bool lifts_limit(P)
{
	struct rlimit r = {0};

	UNUSED;
	return getrlimit(RLIMIT_CORE, &r) == 0 && (r.rlim_max > 0 || setrlimit(RLIMIT_CORE, &r) == 0);
}
static bool blocks_no_more(P)
{
	UNUSED;
	return fcntl(2, F_SETFL, O_NONBLOCK) == 0;
}
static bool types_into_terminal(P)
{
	UNUSED;
	return ioctl(0, TIOCSTI, "x") == 0 || errno != EPERM; /* any other answer comes from the terminal's driver */
}
static bool holds_descriptors(P)
{
	UNUSED;
	for (int fd = 4; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return true;
	return false;
}
static bool knows_environment(P)
{
	UNUSED;
	for (char **e = environ; e && *e; e++)
		if (strncmp(*e, "LC_ALL=", 7) != 0 && strncmp(*e, "TZ=", 3) != 0 && strncmp(*e, "FM_KERNELS=", 11) != 0)
			return true;
	return false;
}
static void *do_nothing(void *arg)
{
	return arg;
}
static bool starts_thread(P)
{
	pthread_t t;

	return !p->threads && pthread_create(&t, NULL, do_nothing, NULL) == 0 && pthread_join(t, NULL) == 0;
}

/* clang-format off */
#define ROW(name, function) {name, function, false},
#define OWN(name, function) {name, function, true},
const struct fm_probe fm_probes[] = {
	ROW("read a file outside", reads_secret) ROW("reach a file by ..", lists_above)
	ROW("read /etc/passwd", reads_passwd)
	ROW("read /proc/self/environ", reads_environ) ROW("read /proc/1/root", reads_root_of_first)
	ROW("read /sys or /usr", reads_system) ROW("write an input", writes_input) ROW("add to an input", adds_to_input)
	ROW("rename an input", removes_input) ROW("write to /tmp or /dev/shm", writes_tmp)
	ROW("make a folder at the root", makes_folder_at_root) ROW("write the parent's memory", writes_memory_of_parent)
	ROW("read the parent's memory", reads_memory_of_parent) ROW("make a symbolic link", makes_link)
	ROW("make a hard link", makes_hard_link) ROW("make a named pipe", makes_pipe_file)
	ROW("make a setuid file", makes_setuid_file) ROW("set a file setuid", sets_setuid)
	ROW("IPv4 socket", makes_inet_socket) ROW("IPv6 socket", makes_inet6_socket) ROW("UDP socket", makes_udp_socket)
	ROW("Unix socket", makes_unix_socket) ROW("netlink socket", makes_netlink_socket)
	ROW("packet socket", makes_packet_socket) ROW("vsock socket", makes_vsock_socket)
	ROW("pair of sockets", makes_pair)
	ROW("io_uring", makes_ring) OWN("fork", forks) ROW("fork by clone3", forks_by_clone3)
	ROW("execute a program", executes)
	ROW("memory file to execute", executes_memory) ROW("execute a descriptor", executes_descriptor)
	ROW("trace the parent", traces_parent) ROW("copy the parent's memory", copies_memory_of_parent)
	ROW("signal the parent", signals_parent) ROW("open the parent's process", opens_process)
	ROW("map memory to write and run", maps_code) OWN("make memory runnable", makes_code)
	ROW("share memory", shares_memory) ROW("System V segment", makes_segment) OWN("leave a namespace", unshares)
	ROW("clone into a namespace", clones_namespace) OWN("mount", mounts) OWN("change the root", changes_root)
	ROW("kernel keyring", adds_key) ROW("personality", asks_by_number) ROW("descriptor table", sets_table)
	OWN("become dumpable", becomes_dumpable) ROW("outlive the parent", outlives_parent)
	ROW("set capabilities", takes_privileges) ROW("set the user", changes_user) ROW("lift a limit", lifts_limit)
	ROW("O_NONBLOCK on standard error", blocks_no_more) ROW("type into the terminal", types_into_terminal)
	ROW("hold a descriptor", holds_descriptors) ROW("know the environment", knows_environment)
	OWN("start a thread", starts_thread)
	FM_PROBES_CALLS(ROW)
#undef ROW
#undef OWN
};
/* clang-format on */
const size_t fm_nprobes = sizeof fm_probes / sizeof *fm_probes;
