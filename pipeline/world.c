#include "pipeline/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/stop.h"

bool fm_world_asked(void)
{
	const char *n = getenv("OMPI_COMM_WORLD_SIZE");

	return n && atoi(n) > 1;
}

#ifndef FM_MPI

int fm_world_open(struct fm_error *err)
{
	return fm_fail(err, FM_EUSAGE,
		       "mpirun started several processes, and this flowmint was built without MPI: install "
		       "libopenmpi-dev and build it again, or set run.mpi, which needs none on one machine");
}

int fm_world_rank(void)
{
	return 0;
}

int fm_world_size(void)
{
	return 1;
}

int fm_world_order(struct fm_world_order *order, struct fm_error *err)
{
	(void)order;
	(void)err;
	return FM_OK;
}

int fm_world_carry(void *ranks, struct fm_error *err)
{
	(void)ranks;
	(void)err;
	return FM_OK;
}

void fm_world_fail(const char *why)
{
	(void)why;
}

void fm_world_close(void)
{
}

#else

#include <mpi.h>

#define TAG 14
#define TAG_FAILED 15
#define WHY_MOST 240    /* bytes of what a rank that failed says */
#define FAREWELL 5.0    /* seconds that a failed rank waits for mpirun to end it */
#define LOOK 1.0        /* seconds between two looks for a rank that stalls */
#define WAIT_MS 20      /* to wait for a request of the rank, which ends the wait */
#define NAP_LEAST 20000 /* ns between two looks at what is under way, each of which moves some of it on */
#define NAP_MOST 200000

static struct {
	bool open;
	int rank, size;
	/* of the share under way */
	struct fm_parcel *parcel; /* (FM_PARCELS_MOST) */
	MPI_Request *request;
	size_t nrequests, room;
	bool busy;
	double began, looked; /* when the share began, when missing parcels were last looked at */
	long nap;
	int *from; /* (room) for each request the rank that it waits for; -1: it sends */
} W;

static int check(int code, const char *what, struct fm_error *err)
{
	char text[MPI_MAX_ERROR_STRING] = "";
	int n = 0;

	if (code == MPI_SUCCESS)
		return FM_OK;
	MPI_Error_string(code, text, &n);
	return fm_fail(err, FM_ESYSTEM, "MPI: %s: %s", what, text);
}

int fm_world_open(struct fm_error *err)
{
	int provided, rc;

	/* A process that runs stages lets no other look into its memory, not even MPI's. */
	setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 1);
	/* So all goes through memory that both see, in pieces, and only while both call MPI: larger pieces need fewer
	 * calls. */
	setenv("OMPI_MCA_btl_vader_max_send_size", "1048576", 0);
	if ((rc = fm_alloc(&W.parcel, FM_PARCELS_MOST, sizeof *W.parcel, "parcels", err)) < 0 ||
	    (rc = check(MPI_Init_thread(NULL, NULL, MPI_THREAD_SINGLE, &provided), "it does not start", err)) < 0)
		return rc;
	W.open = true;
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	MPI_Comm_rank(MPI_COMM_WORLD, &W.rank);
	MPI_Comm_size(MPI_COMM_WORLD, &W.size);
	if (W.size > FM_RANKS_MOST)
		return fm_fail(err, FM_EUSAGE, "mpirun started %d processes: %d at most", W.size, FM_RANKS_MOST);
	return FM_OK;
}

int fm_world_rank(void)
{
	return W.rank;
}

int fm_world_size(void)
{
	return W.open ? W.size : 1;
}

static void nap(void)
{
	struct timespec t = {.tv_nsec = W.nap};

	nanosleep(&t, NULL);
	W.nap = W.nap * 2 < NAP_MOST ? W.nap * 2 : NAP_MOST;
}

int fm_world_order(struct fm_world_order *order, struct fm_error *err)
{
	MPI_Request request;
	int done = 0, rc;

	if (!W.open)
		return FM_OK;
	W.nap = NAP_LEAST;
	if ((rc = check(MPI_Ibcast(order, (int)sizeof *order, MPI_BYTE, 0, MPI_COMM_WORLD, &request), "an order",
			err)) < 0)
		return rc;
	while (!done) {
		if ((rc = check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "an order", err)) < 0 ||
		    (rc = fm_stop_check("the wait for rank 0", err)) < 0)
			return rc;
		if (!done)
			nap();
	}
	return FM_OK;
}

static int add_request(MPI_Request **request, int from, struct fm_error *err)
{
	if (W.nrequests == W.room) {
		size_t room = W.room ? 2 * W.room : 64;
		MPI_Request *more = reallocarray(W.request, room, sizeof *more);
		int *whose = more ? reallocarray(W.from, room, sizeof *whose) : NULL;

		W.request = more ? more : W.request;
		W.from = whose ? whose : W.from;
		if (!whose)
			return fm_fail(err, FM_ESYSTEM, "out of memory");
		W.room = room;
	}
	W.from[W.nrequests] = from;
	*request = &W.request[W.nrequests++];
	**request = MPI_REQUEST_NULL;
	return FM_OK;
}

static int send_to(const struct fm_parcel *p, int to, struct fm_error *err)
{
	MPI_Request *request;
	int rc;

	if (to == W.rank)
		return FM_OK;
	if ((rc = add_request(&request, -1, err)) < 0)
		return rc;
	return check(MPI_Isend(p->at, (int)p->bytes, MPI_BYTE, to, TAG, MPI_COMM_WORLD, request), "a parcel", err);
}

/* Parcels between two ranks are in one order in the lists of both. */
static int begin(const struct fm_parcel *p, struct fm_error *err)
{
	MPI_Request *request;
	int rc;

	if (p->from == W.rank && p->to != FM_RANKS_ALL)
		return send_to(p, p->to, err);
	if (p->from == W.rank) {
		for (int to = 0; to < W.size; to++)
			if ((rc = send_to(p, to, err)) < 0)
				return rc;
		return FM_OK;
	}
	if ((rc = add_request(&request, p->from, err)) < 0)
		return rc;
	return check(MPI_Irecv(p->at, (int)p->bytes, MPI_BYTE, p->from, TAG, MPI_COMM_WORLD, request), "a parcel", err);
}

/* Rank 0: did another fail?  Then so does its own stage, which keeps what it has. */
static int listen(void *ranks, struct fm_error *err)
{
	char why[WHY_MOST + 1] = "";
	MPI_Status status;
	int heard = 0, rc;

	if (W.rank != 0)
		return FM_OK;
	if ((rc = check(MPI_Iprobe(MPI_ANY_SOURCE, TAG_FAILED, MPI_COMM_WORLD, &heard, &status), "no probe", err)) <
		0 ||
	    !heard)
		return rc;
	if ((rc = check(MPI_Recv(why, WHY_MOST, MPI_BYTE, status.MPI_SOURCE, TAG_FAILED, MPI_COMM_WORLD, &status),
			"words of a rank", err)) < 0)
		return rc;
	fm_ranks_fail(ranks, why);
	return FM_OK;
}

void fm_world_fail(const char *why)
{
	double began = fm_seconds();
	char text[WHY_MOST] = "";
	MPI_Request request;
	int done = 0;

	if (!W.open || W.rank == 0)
		return;
	snprintf(text, sizeof text, "%s", why);
	if (MPI_Isend(text, sizeof text, MPI_BYTE, 0, TAG_FAILED, MPI_COMM_WORLD, &request) != MPI_SUCCESS)
		return;
	for (W.nap = NAP_LEAST; fm_seconds() - began < FAREWELL && !fm_stop_signal(); nap())
		if (!done)
			MPI_Test(&request, &done, MPI_STATUS_IGNORE);
}

/* Has a rank kept this one waiting for too long? */
static int look_at_clock(void *ranks, struct fm_error *err)
{
	double waited = fm_seconds() - W.began;
	int done, rc;

	for (size_t i = 0; i < W.nrequests; i++) {
		if (W.from[i] < 0)
			continue;
		if ((rc = check(MPI_Test(&W.request[i], &done, MPI_STATUS_IGNORE), "a parcel", err)) < 0)
			return rc;
		if (!done) {
			fm_ranks_stalled(ranks, waited, W.from[i]);
			return FM_OK;
		}
	}
	return FM_OK;
}

int fm_world_carry(void *ranks, struct fm_error *err)
{
	int done = 0, rc;
	size_t n;

	if ((rc = listen(ranks, err)) < 0)
		return rc;

	if (!W.busy) {
		if ((rc = fm_ranks_asked(ranks, WAIT_MS, W.parcel, &n, err)) <= 0)
			return rc;
		W.nrequests = 0;
		for (size_t i = 0; i < n; i++)
			if ((rc = begin(&W.parcel[i], err)) < 0)
				return rc;
		W.busy = true;
		W.began = W.looked = fm_seconds();
		W.nap = NAP_LEAST;
	}
	if ((rc = check(MPI_Testall((int)W.nrequests, W.request, &done, MPI_STATUSES_IGNORE), "parcels", err)) < 0)
		return rc;
	if (done) {
		W.busy = false;
		fm_ranks_answer(ranks);
		return FM_OK;
	}
	nap();
	if (fm_seconds() - W.looked < LOOK)
		return FM_OK;
	W.looked = fm_seconds();
	return look_at_clock(ranks, err);
}

void fm_world_close(void)
{
	if (!W.open)
		return;
	MPI_Finalize();
	W.open = false;
	free(W.parcel);
	free(W.request);
	free(W.from);
}

#endif
