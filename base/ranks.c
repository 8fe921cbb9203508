#include "base/ranks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"

#define LINE 64
#define WAIT_MS 100 /* how often a waiting rank looks whether the others are there */

struct place {
	uint64_t offset, bytes; /* of the room */
	int32_t from, to;
};

/* The beginning of the shared memory; the room is behind it. */
struct control {
	_Alignas(LINE) atomic_uint turn; /* barriers passed */
	atomic_uint arrived;             /* ranks that wait at this one */
	atomic_uint failed;              /* 1 while why is written, then 2 */
	atomic_uint asked, answered;     /* shares that the carrier was asked for, and has answered */
	char why[240];
	uint32_t nplaces;
	struct place place[FM_PARCELS_MOST];
};

/* The first thing in the room. */
struct head {
	_Atomic uint64_t stop;                 /* the share from which on rank 0 has to stop; 0: none */
	_Atomic uint64_t at[2][FM_RANKS_MOST]; /* step of each rank, in odd and even shares */
	_Atomic uint64_t came[FM_RANKS_MOST];  /* shares that each rank has come to; forked ranks only */
};

struct fm_ranks {
	int rank, size;
	bool relayed;
	pid_t pid[FM_RANKS_MOST]; /* rank 0: its children */
	struct control *c;
	struct head *head;
	size_t mapped;
	uint64_t used, room; /* bytes */
	uint64_t shares;     /* so far */
	unsigned patience;   /* seconds, 0: none */
};

/* ---- processes ---- */

/* The child that ended first, as its parent's handler saw it. */
static struct {
	atomic_int pid;
	atomic_int code, status;
} gone;

static void on_child(int sig, siginfo_t *info, void *ctx)
{
	int none = 0;

	(void)sig;
	(void)ctx;
	if (!atomic_compare_exchange_strong(&gone.pid, &none, -1))
		return;
	atomic_store(&gone.code, info->si_code);
	atomic_store(&gone.status, info->si_status);
	atomic_store(&gone.pid, info->si_pid);
}

static int ranks_new(struct fm_ranks **out, int rank, int size, bool relayed, uint64_t room, struct fm_error *err)
{
	struct fm_ranks *r;

	*out = NULL;
	if (size < 2 || size > FM_RANKS_MOST || rank < 0 || rank >= size)
		return fm_fail(err, FM_EINPUT, "rank %d of %d: there can be 2 to %d", rank, size, FM_RANKS_MOST);
	if (!(r = calloc(1, sizeof *r)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	r->rank = rank;
	r->size = size;
	r->relayed = relayed;
	r->room = room + sizeof *r->head + LINE;
	r->mapped = sizeof *r->c + (size_t)r->room;
	r->c = mmap(NULL, r->mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->c == MAP_FAILED) {
		int rc = fm_fail_errno(err, "cannot have %zu MiB of memory that %d ranks share", r->mapped >> 20, size);

		free(r);
		return rc;
	}
	r->head = (struct head *)(void *)(r->c + 1);
	r->used = (sizeof *r->head + LINE - 1) / LINE * LINE;
	*out = r;
	return FM_OK;
}

void fm_ranks_set_patience(struct fm_ranks *r, unsigned seconds)
{
	r->patience = seconds;
}

int fm_ranks_new(struct fm_ranks **r, int size, uint64_t room, struct fm_error *err)
{
	return ranks_new(r, 0, size, false, room, err);
}

int fm_ranks_relayed(struct fm_ranks **r, int rank, int size, uint64_t room, struct fm_error *err)
{
	return ranks_new(r, rank, size, true, room, err);
}

void fm_ranks_free(struct fm_ranks *r)
{
	if (!r)
		return;
	munmap(r->c, r->mapped);
	free(r);
}

/* The child ends when rank 0 does, and is silent: rank 0 shows messages and progress. */
static int be_child(struct fm_ranks *r, int rank, pid_t parent, struct fm_error *err)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	r->rank = rank;
	if (null < 0 || dup2(null, STDERR_FILENO) < 0)
		return fm_fail_errno(err, "/dev/null");
	close(null);
	signal(SIGCHLD, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return fm_fail_errno(err, "cannot tie a rank to rank 0");
	if (getppid() != parent)
		_exit(1);
	fm_log_quiet(1);
	fm_progress_show(NULL);
	return FM_OK;
}

int fm_ranks_fork(struct fm_ranks *r, struct fm_error *err)
{
	struct sigaction a = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NOCLDSTOP};
	pid_t own = getpid();

	if (r->relayed)
		return FM_OK;
	sigemptyset(&a.sa_mask);
	if (sigaction(SIGCHLD, &a, NULL))
		return fm_fail_errno(err, "cannot watch the ranks");
	atomic_store(&gone.pid, 0);
	fflush(NULL);
	for (int i = 1; i < r->size; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return fm_fail_errno(err, "cannot start rank %d of %d", i, r->size);
		if (pid == 0)
			return be_child(r, i, own, err);
		r->pid[i] = pid;
	}
	return FM_OK;
}

int fm_ranks_size(const struct fm_ranks *r)
{
	return r ? r->size : 1;
}

int fm_ranks_rank(const struct fm_ranks *r)
{
	return r ? r->rank : 0;
}

bool fm_ranks_forked(const struct fm_ranks *r)
{
	return r && !r->relayed;
}

void fm_ranks_range(int rank, int size, size_t n, size_t *from, size_t *to)
{
	*from = n * (size_t)rank / (size_t)size;
	*to = n * ((size_t)rank + 1) / (size_t)size;
}

/* ---- failure ---- */

static void wake(atomic_uint *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void wait_for(atomic_uint *word, unsigned was, int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	syscall(SYS_futex, word, FUTEX_WAIT, was, &t, NULL, 0);
}

void fm_ranks_fail(struct fm_ranks *r, const char *why)
{
	unsigned none = 0;

	if (!r || !atomic_compare_exchange_strong(&r->c->failed, &none, 1))
		return;
	snprintf(r->c->why, sizeof r->c->why, "%s", why);
	atomic_store(&r->c->failed, 2);
	wake(&r->c->turn);
	wake(&r->c->answered);
}

bool fm_ranks_failed(const struct fm_ranks *r)
{
	return r && atomic_load(&r->c->failed);
}

/* Another process wrote `why`, so only as much as it can hold is shown. */
static int failed(struct fm_ranks *r, struct fm_error *err)
{
	char why[sizeof r->c->why];

	for (int i = 0; i < 100 && atomic_load(&r->c->failed) == 1; i++)
		wait_for(&r->c->failed, 1, 1);
	memcpy(why, r->c->why, sizeof why);
	why[sizeof why - 1] = '\0';
	return fm_fail(err, FM_ESYSTEM, "%s", why);
}

/* Rank 0 does this while it waits: a rank that has ended will never come to this share. */
static void look_around(struct fm_ranks *r)
{
	int pid = atomic_load(&gone.pid), status, rank = 0;
	char why[200];

	if (r->rank != 0 || r->relayed || pid <= 0)
		return;
	for (int i = 1; i < r->size; i++)
		rank = r->pid[i] == pid ? i : rank;
	if (rank == 0) {
		atomic_store(&gone.pid, 0);
		return;
	}
	status = atomic_load(&gone.status);
	if (atomic_load(&gone.code) == CLD_EXITED)
		snprintf(why, sizeof why, "rank %d of %d ended with status %d", rank, r->size, status);
	else
		snprintf(why, sizeof why, "rank %d of %d was killed by signal %d (%s%s)", rank, r->size, status,
			 strsignal(status), status == SIGSYS ? ": a system call that no stage may make" : "");
	fm_ranks_fail(r, why);
}

bool fm_ranks_stalled(struct fm_ranks *r, double waited, int other)
{
	char why[200];

	if (!r->patience || waited < (double)r->patience * (r->rank ? 2 : 1))
		return false;
	snprintf(why, sizeof why, "rank %d of %d stalls: it has kept rank %d waiting for %.0f s (run.stall)", other,
		 r->size, r->rank, waited);
	fm_ranks_fail(r, why);
	return true;
}

/* The first rank that did not come to this share. */
static void look_at_clock(struct fm_ranks *r, double began)
{
	for (int i = 0; i < r->size; i++)
		if (atomic_load(&r->head->came[i]) < r->shares) {
			fm_ranks_stalled(r, fm_seconds() - began, i);
			return;
		}
}

/* ---- barriers ---- */

int fm_ranks_room(struct fm_ranks *r, void *out, size_t n, size_t size, const char *what, struct fm_error *err)
{
	uint64_t bytes, next;
	void *at;

	if (__builtin_mul_overflow((uint64_t)n, (uint64_t)size, &bytes) ||
	    __builtin_add_overflow(r->used, bytes + LINE - 1, &next) || next > r->room || bytes > SIZE_MAX - LINE)
		return fm_fail(err, FM_ESYSTEM,
			       "%zu x %zu bytes for %s that %d ranks share are more than limits.memory_mib leaves", n,
			       size, what, r->size);
	at = (char *)(r->c + 1) + r->used;
	r->used = next / LINE * LINE;
	memcpy(out, &at, sizeof at);
	return FM_OK;
}

static int meet(struct fm_ranks *r, struct fm_error *err)
{
	struct control *c = r->c;
	unsigned turn = atomic_load(&c->turn);
	double began = fm_seconds();

	atomic_store(&r->head->came[r->rank], r->shares);
	if (atomic_fetch_add(&c->arrived, 1) + 1 == (unsigned)r->size) {
		atomic_store(&c->arrived, 0);
		atomic_fetch_add(&c->turn, 1);
		wake(&c->turn);
	}
	while (atomic_load(&c->turn) == turn && !fm_ranks_failed(r)) {
		look_around(r);
		look_at_clock(r, began);
		wait_for(&c->turn, turn, WAIT_MS);
	}
	return atomic_load(&c->turn) == turn ? failed(r, err) : FM_OK;
}

static uint64_t offset_of(const struct fm_ranks *r, const void *at)
{
	return (uint64_t)((const char *)at - (const char *)(r->c + 1));
}

static int put_place(struct fm_ranks *r, const struct fm_parcel *p, struct fm_error *err)
{
	struct control *c = r->c;

	if (p->from != r->rank && p->to != r->rank && p->to != FM_RANKS_ALL)
		return FM_OK;
	if (c->nplaces >= FM_PARCELS_MOST)
		return fm_fail(err, FM_ESYSTEM, "more than %d parcels are too many for ranks to hand over at once",
			       FM_PARCELS_MOST);
	c->place[c->nplaces++] = (struct place){offset_of(r, p->at), p->bytes, p->from, p->to};
	return FM_OK;
}

static int ask(struct fm_ranks *r, const struct fm_parcel *parcel, size_t n, struct fm_error *err)
{
	struct control *c = r->c;
	unsigned before = atomic_load(&c->answered);
	int rc;

	c->nplaces = 0;
	if ((rc = put_place(r, &(struct fm_parcel){&r->head->stop, sizeof r->head->stop, 0, FM_RANKS_ALL}, err)) < 0)
		return rc;
	for (int i = 0; i < r->size; i++) {
		_Atomic uint64_t *at = &r->head->at[r->shares & 1][i];

		if ((rc = put_place(r, &(struct fm_parcel){at, sizeof *at, i, FM_RANKS_ALL}, err)) < 0)
			return rc;
	}
	for (size_t i = 0; i < n; i++)
		if ((rc = put_place(r, &parcel[i], err)) < 0)
			return rc;
	atomic_fetch_add(&c->asked, 1);
	wake(&c->asked);
	while (atomic_load(&c->answered) == before && !fm_ranks_failed(r)) {
		if (fm_interrupted())
			fm_ranks_fail(r, "train was told to stop while it waited for other ranks");
		wait_for(&c->answered, before, WAIT_MS);
	}
	return atomic_load(&c->answered) == before ? failed(r, err) : FM_OK;
}

/* Ranks at different steps would add up what does not belong together. */
static int compare(struct fm_ranks *r, struct fm_error *err)
{
	_Atomic uint64_t *at = r->head->at[r->shares & 1];
	char why[160];

	for (int i = 1; i < r->size; i++)
		if (atomic_load(&at[i]) != atomic_load(&at[0])) {
			snprintf(why, sizeof why,
				 "rank %d of %d goes on from another step than rank 0: its checkpoint is another one, "
				 "or cannot be read",
				 i, r->size);
			fm_ranks_fail(r, why);
			return failed(r, err);
		}
	return FM_OK;
}

int fm_ranks_share(struct fm_ranks *r, uint64_t at, const struct fm_parcel *parcel, size_t n, struct fm_error *err)
{
	int rc;

	if (!r)
		return FM_OK;
	r->shares++;
	if (r->rank == 0 && fm_interrupted() && !atomic_load(&r->head->stop))
		atomic_store(&r->head->stop, r->shares);
	atomic_store(&r->head->at[r->shares & 1][r->rank], at);
	if ((rc = r->relayed ? ask(r, parcel, n, err) : meet(r, err)) < 0)
		return rc;
	return compare(r, err);
}

bool fm_ranks_stopped(const struct fm_ranks *r)
{
	uint64_t from = r ? atomic_load(&r->head->stop) : 0;

	return r ? from && from <= r->shares : fm_interrupted();
}

/* ---- the carrier ---- */

/* The control block may change while it is checked, so a copy is checked. */
static int take_place(const struct fm_ranks *r, size_t i, struct fm_parcel *p, struct fm_error *err)
{
	struct place at;

	memcpy(&at, &r->c->place[i], sizeof at);
	if (at.offset > r->room || at.bytes > r->room - at.offset || at.bytes > INT32_MAX || at.from < 0 ||
	    at.from >= r->size || at.to < FM_RANKS_ALL || at.to >= r->size)
		return fm_fail(err, FM_EVERDICT, "rank %d asks for a parcel that is in no room, or for no rank",
			       r->rank);
	*p = (struct fm_parcel){(char *)(r->c + 1) + at.offset, (size_t)at.bytes, at.from, at.to};
	return FM_OK;
}

int fm_ranks_asked(struct fm_ranks *r, int ms, struct fm_parcel *parcel, size_t *n, struct fm_error *err)
{
	struct control *c = r->c;
	unsigned answered = atomic_load(&c->answered);
	uint32_t places;
	int rc;

	*n = 0;
	if (atomic_load(&c->asked) == answered)
		wait_for(&c->asked, answered, ms);
	if (atomic_load(&c->asked) == answered)
		return 0;
	memcpy(&places, &c->nplaces, sizeof places);
	if (places > FM_PARCELS_MOST)
		return fm_fail(err, FM_EVERDICT, "rank %d asks for %u parcels at once", r->rank, places);
	for (; *n < places; (*n)++)
		if ((rc = take_place(r, *n, &parcel[*n], err)) < 0)
			return rc;
	return 1;
}

void fm_ranks_answer(struct fm_ranks *r)
{
	atomic_store(&r->c->answered, atomic_load(&r->c->asked));
	wake(&r->c->answered);
}
