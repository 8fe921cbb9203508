#include "model/nn/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/kernels.h"
#include "base/mem.h"

struct fm_parts {
	const struct fm_kernels *k;
	struct fm_pool *pool;
	struct fm_ranks *ranks;
	size_t nfloats, chunks;
	int n, span;               /* span: the power of two that holds n */
	size_t first_chunk, nmine; /* chunks of its slice */
	float *part[FM_PARTS_MOST];
	float *sum;    /* (nfloats): part[0] in one process */
	double *norm2; /* (chunks) */
	struct fm_parcel *parcel;
	size_t nparcels;
	bool shared; /* the arrays lie in the ranks' room */
};

int fm_parts_of(int batch)
{
	int n = FM_PARTS_LEAST;

	while (n < FM_PARTS_MOST && 2 * n * 16 <= batch)
		n *= 2;
	return n;
}

void fm_parts_add(const struct fm_kernels *k, float *const *part, int n, int first, int span, size_t at, size_t len)
{
	int half = span / 2;

	if (span < 2)
		return;
	fm_parts_add(k, part, n, first, half, at, len);
	if (first + half >= n)
		return;
	fm_parts_add(k, part, n, first + half, half, at, len);
	k->add(part[first] + at, part[first + half] + at, len);
}

/* ---- which rank has what ---- */

static int owner_of(const struct fm_parts *p, int part)
{
	size_t from, to;

	for (int r = 0; r < fm_ranks_size(p->ranks); r++) {
		fm_ranks_range(r, fm_ranks_size(p->ranks), (size_t)p->n, &from, &to);
		if ((size_t)part >= from && (size_t)part < to)
			return r;
	}
	return 0;
}

/* The rank that made all of the parts below a node of the tree, or -1. */
static int owner_of_node(const struct fm_parts *p, int first, int span)
{
	int last = first + span < p->n ? first + span - 1 : p->n - 1, a = owner_of(p, first);

	return a == owner_of(p, last) ? a : -1;
}

static void chunk_range(const struct fm_parts *p, size_t chunk, size_t *at, size_t *len)
{
	*at = chunk * FM_PARTS_CHUNK;
	*len = p->nfloats - *at < FM_PARTS_CHUNK ? p->nfloats - *at : FM_PARTS_CHUNK;
}

/* The elements of rank r's slice. */
static void slice_of(const struct fm_parts *p, int r, size_t *at, size_t *len)
{
	size_t from, to;

	fm_ranks_range(r, fm_ranks_size(p->ranks), p->chunks, &from, &to);
	*at = from * FM_PARTS_CHUNK;
	*len = (to * FM_PARTS_CHUNK < p->nfloats ? to * FM_PARTS_CHUNK : p->nfloats) - *at;
	if (from == to)
		*len = 0;
}

/* Add below a node what is all of one rank (whole), or what is of several (!whole). */
static void add_below(const struct fm_parts *p, int first, int span, bool whole, size_t at, size_t len)
{
	int half = span / 2, owner;

	if (first >= p->n)
		return;
	owner = owner_of_node(p, first, span);
	if (owner >= 0) {
		if (whole && owner == fm_ranks_rank(p->ranks))
			fm_parts_add(p->k, p->part, p->n, first, span, at, len);
		return;
	}
	add_below(p, first, half, whole, at, len);
	add_below(p, first + half, half, whole, at, len);
	if (!whole && first + half < p->n)
		p->k->add(p->part[first] + at, p->part[first + half] + at, len);
}

/* The first parcels: of each node that is one rank's, the slices of the other ranks. */
static void pack_nodes(struct fm_parts *p, int first, int span)
{
	int owner;
	size_t at, len;

	if (first >= p->n)
		return;
	owner = owner_of_node(p, first, span);
	if (owner < 0) {
		pack_nodes(p, first, span / 2);
		pack_nodes(p, first + span / 2, span / 2);
		return;
	}
	for (int r = 0; r < fm_ranks_size(p->ranks); r++) {
		slice_of(p, r, &at, &len);
		if (r != owner && len > 0)
			p->parcel[p->nparcels++] =
			    (struct fm_parcel){p->part[first] + at, len * sizeof(float), owner, r};
	}
}

/* ---- the work space ---- */

static int make_room(struct fm_parts *p, struct fm_error *err)
{
	int size = fm_ranks_size(p->ranks), rc;

	p->shared = true;
	for (int i = 0; i < p->n; i++)
		if ((rc = fm_ranks_room(p->ranks, &p->part[i], p->nfloats, sizeof(float), "gradients", err)) < 0)
			return rc;
	if ((rc = fm_ranks_room(p->ranks, &p->sum, p->nfloats, sizeof(float), "gradients", err)) < 0 ||
	    (rc = fm_ranks_room(p->ranks, &p->norm2, p->chunks, sizeof(double), "norms", err)) < 0)
		return rc;
	return fm_alloc(&p->parcel, (size_t)p->n * (size_t)size + 2 * (size_t)size, sizeof *p->parcel, "parcels", err);
}

int fm_parts_new(struct fm_parts **out, size_t nfloats, int n, struct fm_pool *pool, struct fm_ranks *ranks,
		 struct fm_error *err)
{
	struct fm_parts *p = NULL;
	int rc;

	*out = NULL;
	if ((rc = fm_alloc(&p, 1, sizeof *p, "gradients", err)) < 0)
		return rc;
	*p = (struct fm_parts){.k = fm_kernels(),
			       .pool = pool,
			       .ranks = ranks,
			       .nfloats = nfloats,
			       .chunks = (nfloats + FM_PARTS_CHUNK - 1) / FM_PARTS_CHUNK,
			       .n = n,
			       .span = 1};
	while (p->span < n)
		p->span *= 2;
	fm_ranks_range(fm_ranks_rank(ranks), fm_ranks_size(ranks), p->chunks, &p->first_chunk, &p->nmine);
	p->nmine -= p->first_chunk;
	if (ranks) {
		rc = make_room(p, err);
		goto out;
	}
	for (int i = 0; i < n; i++)
		if ((rc = fm_alloc(&p->part[i], nfloats, sizeof(float), "gradients", err)) < 0)
			goto out;
	p->sum = p->part[0];
	rc = fm_alloc(&p->norm2, p->chunks, sizeof *p->norm2, "norms", err);
out:
	if (rc < 0)
		fm_parts_free(p);
	else
		*out = p;
	return rc;
}

void fm_parts_free(struct fm_parts *p)
{
	if (!p)
		return;
	for (int i = 0; i < p->n && !p->shared; i++)
		free(p->part[i]);
	if (!p->shared)
		free(p->norm2);
	free(p->parcel);
	free(p);
}

float **fm_parts_array(struct fm_parts *p)
{
	return p->part;
}

/* ---- the sum ---- */

static void add_own(void *ctx, int chunk, int thread)
{
	struct fm_parts *p = ctx;
	size_t at, len;

	(void)thread;
	chunk_range(p, (size_t)chunk, &at, &len);
	add_below(p, 0, p->span, true, at, len);
}

static void finish(void *ctx, int chunk, int thread)
{
	struct fm_parts *p = ctx;
	size_t i = p->first_chunk + (size_t)chunk, at, len;

	(void)thread;
	chunk_range(p, i, &at, &len);
	if (p->ranks)
		add_below(p, 0, p->span, false, at, len);
	else
		fm_parts_add(p->k, p->part, p->n, 0, p->span, at, len);
	if (p->sum != p->part[0])
		memcpy(p->sum + at, p->part[0] + at, len * sizeof *p->sum);
	p->norm2[i] = p->k->sumsq(p->sum + at, len);
}

/* The second parcels: each rank's slice of the sum, for all ranks. */
static void pack_sums(struct fm_parts *p)
{
	size_t at, len, from, to;

	for (int r = 0; r < fm_ranks_size(p->ranks); r++) {
		slice_of(p, r, &at, &len);
		fm_ranks_range(r, fm_ranks_size(p->ranks), p->chunks, &from, &to);
		if (len == 0)
			continue;
		p->parcel[p->nparcels++] = (struct fm_parcel){p->sum + at, len * sizeof *p->sum, r, FM_RANKS_ALL};
		p->parcel[p->nparcels++] =
		    (struct fm_parcel){p->norm2 + from, (to - from) * sizeof *p->norm2, r, FM_RANKS_ALL};
	}
}

int fm_parts_sum(struct fm_parts *p, uint64_t step, const float **sum, double *norm, struct fm_error *err)
{
	double norm2 = 0;
	int rc;

	if (p->ranks) {
		fm_pool_run(p->pool, (int)p->chunks, add_own, p);
		p->nparcels = 0;
		pack_nodes(p, 0, p->span);
		if ((rc = fm_ranks_share(p->ranks, step, p->parcel, p->nparcels, err)) < 0)
			return rc;
	}
	fm_pool_run(p->pool, (int)p->nmine, finish, p);
	if (p->ranks) {
		p->nparcels = 0;
		pack_sums(p);
		if ((rc = fm_ranks_share(p->ranks, step, p->parcel, p->nparcels, err)) < 0)
			return rc;
	}
	for (size_t i = 0; i < p->chunks; i++)
		norm2 += p->norm2[i];
	*sum = p->sum;
	*norm = sqrt(norm2);
	return FM_OK;
}
