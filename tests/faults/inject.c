/*
 * inject.c - LD_PRELOAD for tests/faults.py: counts calls that can fail, and makes one of them fail, or stops there to
 * be killed.  The stages are forks without exec, so it is in them too; what it counts is in memory that all share.
 *
 * A site is a function and where it was called from: the three innermost return addresses in the program itself, so
 * that a library's call counts as its caller's.  Calls from nowhere in the program (before main, in a library's
 * threads) are not counted.
 *
 * FM_FAULTS names a file of sizeof(struct plan) bytes.
 *
 * FM_SERVE names a folder in which this process, loaded and not yet in main, forks for whoever asks (serve): a call
 * then costs no loading of libraries.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#define SITES 32768
#define FRAMES 3
#define DEEP 40
/* In place of an error. */
#define SHORT (-1)       /* half of what was asked */
#define KILL_BEFORE (-2) /* the driver kills the run */
#define KILL_AFTER (-3)

enum function {
	WRITE = 1,
	PWRITE,
	WRITEV,
	FSYNC,
	TRUNCATE,
	ALLOCATE,
	RENAME,
	MKDIR,
	CREATE,
	LINK,
	UNLINK,
	READ,
	PREAD,
	OPEN,
	MAP,
	MEMFD,
	PIPE,
	MEMORY,
};

/* tests/faults.py has the same. */
struct site {
	uint64_t key;
	uint32_t function, count, order;
	uint32_t last; /* bits of the address that the call came from, in whichever library: of the first one */
	uint64_t frame[FRAMES]; /* offsets in the program */
};

struct plan {
	/* set by the driver */
	uint64_t key;        /* the site where it happens, 0: nowhere */
	uint32_t occurrence; /* the first is 1 */
	int32_t error;       /* an errno, or one of the above */
	uint32_t last;       /* as of the site */
	uint32_t record;     /* fill the table */
	/* told to it */
	uint32_t seen, done, reached, sites, lost;
	uint32_t killed; /* by the driver: what was started goes on, and has to see it */
	struct site site[SITES];
};

static struct plan *plan;
static uintptr_t begin, end; /* of the program's code */
static __thread int busy __attribute__((tls_model("initial-exec")));

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

/* The program is mapped first; its segments lie behind each other. */
static void find_program(void)
{
	char self[4096], line[8192], name[4096];
	unsigned long from, to;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	FILE *f = fopen("/proc/self/maps", "re");

	self[n > 0 ? n : 0] = '\0';
	while (f && fgets(line, sizeof line, f)) {
		name[0] = '\0';
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %4095[^\n]", &from, &to, name) < 2 || strcmp(name, self) != 0)
			continue;
		if (!begin)
			begin = from;
		end = to;
	}
	if (f)
		fclose(f);
}

struct walk {
	uint64_t *frame;
	int found, deep;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *ctx)
{
	uintptr_t at = _Unwind_GetIP(context);
	struct walk *w = ctx;

	if (at >= begin && at < end)
		w->frame[w->found++] = at - begin;
	return w->found == FRAMES || ++w->deep == DEEP ? _URC_END_OF_STACK : _URC_NO_REASON;
}

/* The frames in the program; 0: called from elsewhere. */
static uint64_t site_key(enum function f, uint64_t frame[FRAMES])
{
	uint64_t key = 14695981039346656037u ^ f;
	struct walk w = {.frame = frame};

	_Unwind_Backtrace(step, &w);
	for (int i = 0; i < w.found; i++)
		key = (key ^ frame[i]) * 1099511628211u;
	return w.found ? key | 1 : 0;
}

/* Standard input is asked for calls of the program, a byte each; standard output gets the process's id, the status that
 * it ended with, and a third number when all that it left behind has ended too.  What the program says goes into `out`
 * and `err` of the folder.  Returns in each process that is to be the program. */
static void serve(const char *folder)
{
	char path[4096], byte;
	int32_t pid, status, none = 0;

	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	while (syscall(SYS_read, 0, &byte, 1) == 1) {
		pid = fork();
		if (pid == 0) {
			int in = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY, 0);

			for (int i = 0; i < 3; i++) {
				snprintf(path, sizeof path, "%s/%s", folder, i == 1 ? "out" : "err");
				if (i > 0)
					in = (int)syscall(SYS_openat, AT_FDCWD, path,
							  O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
				dup2(in, i);
				close(in);
			}
			unsetenv("FM_SERVE");
			return;
		}
		syscall(SYS_write, 1, &pid, sizeof pid);
		while (waitpid(pid, &status, 0) < 0)
			;
		syscall(SYS_write, 1, &status, sizeof status);
		while (waitpid(-1, NULL, 0) >= 0 || errno == EINTR)
			;
		syscall(SYS_write, 1, &none, sizeof none);
	}
	_exit(0);
}

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("FM_FAULTS"), *folder = getenv("FM_SERVE");
	uint64_t frame[FRAMES];
	int fd;

	if (path && (fd = open(path, O_RDWR | O_CLOEXEC)) >= 0) {
		find_program();
		site_key(MEMORY, frame); /* loads the unwinder */
		void *p = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
		if (p != MAP_FAILED)
			plan = p;
	}
	unsetenv("LD_PRELOAD"); /* of programs that this one starts nothing is counted */
	if (folder)
		serve(folder);
}

static void record(uint64_t key, enum function f, uint32_t last, const uint64_t frame[FRAMES])
{
	for (size_t i = 0, slot = key % SITES; i < SITES; i++, slot = (slot + 1) % SITES) {
		struct site *s = &plan->site[slot];
		uint64_t empty = 0;

		if (__atomic_compare_exchange_n(&s->key, &empty, key, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			s->function = f;
			s->last = last;
			memcpy(s->frame, frame, sizeof s->frame);
			s->order = __atomic_add_fetch(&plan->sites, 1, __ATOMIC_SEQ_CST);
			empty = key;
		}
		if (empty == key) {
			__atomic_add_fetch(&s->count, 1, __ATOMIC_SEQ_CST);
			return;
		}
	}
	plan->lost = 1;
}

/* The error that this call is to have, 0: none.  Where pages lie differs from run to run, what is on them does not:
 * most calls are told apart by that. */
static int fault(enum function f, const void *from)
{
	uint32_t last = (uint32_t)f << 12 | ((uint32_t)(uintptr_t)from & 0xfff);
	uint64_t frame[FRAMES] = {0}, key;
	int kept = errno, error = 0;

	if (!plan || busy || (!plan->record && (plan->done || last != plan->last)))
		return 0;
	busy = 1;
	key = site_key(f, frame);
	if (key && plan->record)
		record(key, f, last, frame);
	if (key && key == plan->key && __atomic_add_fetch(&plan->seen, 1, __ATOMIC_SEQ_CST) == plan->occurrence) {
		plan->done = 1;
		error = plan->error;
	}
	busy = 0;
	errno = kept;
	return error;
}

#define FROM __builtin_return_address(0)

static bool fails(enum function f, const void *from)
{
	int error = fault(f, from);

	if (error > 0)
		errno = error;
	return error > 0;
}

/* The driver kills the run. */
static void wait_for_death(void)
{
	static const struct timespec moment = {.tv_nsec = 1000000};

	__atomic_store_n(&plan->reached, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&plan->killed, __ATOMIC_SEQ_CST))
		nanosleep(&moment, NULL);
}

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name)
{
	void *p;

	busy++;
	p = dlsym(RTLD_NEXT, name);
	busy--;
	return p;
}

/* ---- memory ---- */

void *malloc(size_t n)
{
	return fails(MEMORY, FROM) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails(MEMORY, FROM) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails(MEMORY, FROM) ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	return fails(MEMORY, FROM) ? NULL : __libc_memalign(align, n);
}

void *memalign(size_t align, size_t n)
{
	return fails(MEMORY, FROM) ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
	if (fails(MEMORY, FROM))
		return ENOMEM;
	return (*p = __libc_memalign(align, n)) ? 0 : ENOMEM;
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	return plan && fails(MAP, FROM) ? MAP_FAILED : (void *)syscall(SYS_mmap, at, n, prot, flags, fd, off);
}

void *mmap64(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	return plan && fails(MAP, FROM) ? MAP_FAILED : (void *)syscall(SYS_mmap, at, n, prot, flags, fd, off);
}

/* No stage inherits a mapped file (pipeline/walls/sandbox_forget.c) but this one. */
int madvise(void *at, size_t n, int advice)
{
	return at == (void *)plan ? 0 : (int)syscall(SYS_madvise, at, n, advice);
}

int memfd_create(const char *name, unsigned flags)
{
	return fails(MEMFD, FROM) ? -1 : (int)syscall(SYS_memfd_create, name, flags);
}

int pipe2(int fd[2], int flags)
{
	return fails(PIPE, FROM) ? -1 : (int)syscall(SYS_pipe2, fd, flags);
}

/* ---- bytes ---- */

/* How many of n bytes are to be moved; -1 with errno. */
static ssize_t allowed(enum function f, size_t n, const void *from)
{
	int error = fault(f, from);

	if (error > 0) {
		errno = error;
		return -1;
	}
	return (ssize_t)(error == SHORT && n > 1 ? n / 2 : n);
}

ssize_t write(int fd, const void *p, size_t n)
{
	ssize_t k = allowed(WRITE, n, FROM);

	return k < 0 ? k : syscall(SYS_write, fd, p, (size_t)k);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	ssize_t k = allowed(PWRITE, n, FROM);

	return k < 0 ? k : syscall(SYS_pwrite64, fd, p, (size_t)k, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
	ssize_t k = allowed(PWRITE, n, FROM);

	return k < 0 ? k : syscall(SYS_pwrite64, fd, p, (size_t)k, at);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
	int error = fault(WRITEV, FROM);

	if (error > 0) {
		errno = error;
		return -1;
	}
	return syscall(SYS_writev, fd, v, error == SHORT && n > 1 ? n - 1 : n);
}

ssize_t read(int fd, void *p, size_t n)
{
	ssize_t k = allowed(READ, n, FROM);

	return k < 0 ? k : syscall(SYS_read, fd, p, (size_t)k);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	ssize_t k = allowed(PREAD, n, FROM);

	return k < 0 ? k : syscall(SYS_pread64, fd, p, (size_t)k, at);
}

ssize_t pread64(int fd, void *p, size_t n, off_t at)
{
	ssize_t k = allowed(PREAD, n, FROM);

	return k < 0 ? k : syscall(SYS_pread64, fd, p, (size_t)k, at);
}

/* ---- files ---- */

#define DURABLE(f, call)                                                                                               \
	int error = fault(f, FROM), rc;                                                                                \
                                                                                                                       \
	if (error > 0) {                                                                                               \
		errno = error;                                                                                         \
		return -1;                                                                                             \
	}                                                                                                              \
	if (error == KILL_BEFORE)                                                                                      \
		wait_for_death();                                                                                      \
	rc = (int)(call);                                                                                              \
	if (error == KILL_AFTER)                                                                                       \
		wait_for_death();                                                                                      \
	return rc

int fsync(int fd)
{
	DURABLE(FSYNC, syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
	DURABLE(FSYNC, syscall(SYS_fdatasync, fd));
}

int rename(const char *from, const char *to)
{
	DURABLE(RENAME, syscall(SYS_rename, from, to));
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	DURABLE(RENAME, syscall(SYS_renameat2, a, from, b, to, flags));
}

int link(const char *from, const char *to)
{
	DURABLE(LINK, syscall(SYS_link, from, to));
}

int unlink(const char *path)
{
	DURABLE(UNLINK, syscall(SYS_unlink, path));
}

int unlinkat(int dir, const char *path, int flags)
{
	DURABLE(UNLINK, syscall(SYS_unlinkat, dir, path, flags));
}

int mkdir(const char *path, mode_t mode)
{
	DURABLE(MKDIR, syscall(SYS_mkdir, path, mode));
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	DURABLE(MKDIR, syscall(SYS_mkdirat, dir, path, mode));
}

int ftruncate(int fd, off_t n)
{
	return fails(TRUNCATE, FROM) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int ftruncate64(int fd, off_t n)
{
	return fails(TRUNCATE, FROM) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
	int error = fault(ALLOCATE, FROM);

	return error > 0 ? error : REAL(posix_fallocate)(fd, at, n);
}

static int open_at(int dir, const char *path, int flags, mode_t mode, const void *from)
{
	if (fails(flags & O_CREAT ? CREATE : OPEN, from))
		return -1;
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define MODE(flags)                                                                                                    \
	mode_t mode = 0;                                                                                               \
	va_list ap;                                                                                                    \
                                                                                                                       \
	va_start(ap, flags);                                                                                           \
	if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)                                                     \
		mode = va_arg(ap, mode_t);                                                                             \
	va_end(ap)

int open(const char *path, int flags, ...)
{
	MODE(flags);
	return open_at(AT_FDCWD, path, flags, mode, FROM);
}

int open64(const char *path, int flags, ...)
{
	MODE(flags);
	return open_at(AT_FDCWD, path, flags, mode, FROM);
}

int openat(int dir, const char *path, int flags, ...)
{
	MODE(flags);
	return open_at(dir, path, flags, mode, FROM);
}

int openat64(int dir, const char *path, int flags, ...)
{
	MODE(flags);
	return open_at(dir, path, flags, mode, FROM);
}
