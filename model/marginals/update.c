#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/marginals/synth.h"

#define FM_UPDATE_SLACK 2 /* standard deviations of a count that are taken for chance */

struct update {
	struct fm_synth *s;
	const struct fm_tables *t;
	int32_t *quota;   /* (cells): > 0: records to take out of a cell; < 0: to put into it */
	uint32_t *count;  /* (cells) */
	uint32_t *donor;  /* (cells): a record in the cell + 1, 0: none */
	uint32_t *freed;  /* (n): the records taken out, by the value they keep */
	uint32_t *first;  /* (values + 1) */
	uint32_t *bucket; /* (n) */
};

static size_t cells_of(const struct fm_tables *t, const struct fm_table2 *p)
{
	return (size_t)t->size[p->x] * (size_t)t->size[p->y];
}

static void count_cells(struct update *u, const struct fm_table2 *p)
{
	const uint16_t *x = u->s->tok[p->x], *y = u->s->tok[p->y];
	uint32_t ny = (uint32_t)u->t->size[p->y];

	memset(u->count, 0, cells_of(u->t, p) * sizeof *u->count);
	for (size_t i = 0; i < u->s->n; i++)
		u->count[x[i] * ny + y[i]]++;
}

/* Set how many records to move: a share `step` of the excess beyond chance, rounded at random. */
static void set_quotas(struct update *u, const struct fm_table2 *p, double step, struct fm_rng *rng)
{
	double scale = (double)u->s->n / u->t->total;

	for (size_t c = 0; c < cells_of(u->t, p); c++) {
		double want = p->cell[c] * scale, off = (double)u->count[c] - want, size = off < 0 ? -off : off;
		int32_t q;

		size = (size - FM_UPDATE_SLACK * sqrt(want + 0.25)) * step;
		q = size > 0 ? (int32_t)size : 0;

		if (size > 1e-6)
			q += fm_rng_uniform(rng) < (float)(size - q);
		u->quota[c] = off < 0 ? -q : q;
	}
}

/* Update one pair: records in cells with too many keep their value of one attribute and get a wanted value of the
 * other. */
static void update_pair(struct update *u, const struct fm_table2 *p, bool keep_x, double step, double copies,
			struct fm_rng *rng)
{
	static const size_t strides[] = {1000003, 1000033, 1000037, 1000039};
	struct fm_synth *s = u->s;
	uint32_t nx = (uint32_t)u->t->size[p->x], ny = (uint32_t)u->t->size[p->y], nkept = keep_x ? nx : ny;
	uint32_t nmoved = keep_x ? ny : nx;
	const uint16_t *x = s->tok[p->x], *y = s->tok[p->y], *kept = keep_x ? x : y;
	uint16_t *moved = s->tok[keep_x ? p->y : p->x];
	size_t nfreed = 0, at, stride = 0;

	count_cells(u, p);
	set_quotas(u, p, step, rng);
	memset(u->donor, 0, cells_of(u->t, p) * sizeof *u->donor);
	for (size_t k = 0; k < sizeof strides / sizeof *strides; k++)
		if (s->n % strides[k] != 0)
			stride = strides[k];
	stride %= s->n;
	at = fm_rng_u64(rng) % s->n;
	for (size_t i = 0; i < s->n; i++, at = at + stride >= s->n ? at + stride - s->n : at + stride) {
		uint32_t c = x[at] * ny + y[at];

		if (u->quota[c] > 0) {
			u->quota[c]--;
			u->freed[nfreed++] = (uint32_t)at;
		} else if (u->quota[c] < 0) {
			u->donor[c] = (uint32_t)at + 1;
		}
	}
	memset(u->first, 0, ((size_t)nkept + 1) * sizeof *u->first);
	for (size_t i = 0; i < nfreed; i++)
		u->first[kept[u->freed[i]] + 1]++;
	for (uint32_t k = 0; k < nkept; k++)
		u->first[k + 1] += u->first[k];
	for (size_t i = nfreed; i-- > 0;)
		u->bucket[--u->first[kept[u->freed[i]] + 1]] = u->freed[i];
	/* first[k + 1] is now where k begins; first[nkept + 1] would be nfreed. */
	for (uint32_t k = 0; k < nkept; k++) {
		uint32_t from = u->first[k + 1], to = k + 1 < nkept ? u->first[k + 2] : (uint32_t)nfreed;

		uint32_t turn = from < to ? fm_rng_below(rng, nmoved) : 0;

		for (uint32_t j = 0; j < nmoved && from < to; j++) {
			uint32_t m = j + turn < nmoved ? j + turn : j + turn - nmoved;
			uint32_t c = keep_x ? k * ny + m : m * ny + k;

			for (; u->quota[c] < 0 && from < to; u->quota[c]++, from++) {
				uint32_t r = u->bucket[from];

				if (u->donor[c] && fm_rng_uniform(rng) < (float)copies)
					for (int a = 0; a < FM_NATTRS; a++)
						s->tok[a][r] = s->tok[a][u->donor[c] - 1];
				else
					moved[r] = (uint16_t)m;
			}
		}
	}
}

int fm_synth_update(struct fm_synth *s, const struct fm_tables *t, const struct fm_synth_opts *o, struct fm_error *err)
{
	struct update u = {.s = s, .t = t};
	size_t cells = 1, values = 1;
	struct fm_rng rng;
	int rc;

	for (int i = 0; i < t->npairs; i++)
		cells = cells_of(t, &t->pair[i]) > cells ? cells_of(t, &t->pair[i]) : cells;
	for (int a = 0; a < FM_NATTRS; a++)
		values = (size_t)t->size[a] > values ? (size_t)t->size[a] : values;
	if ((rc = fm_alloc(&u.quota, cells, sizeof *u.quota, "quotas", err)) < 0 ||
	    (rc = fm_alloc(&u.count, cells, sizeof *u.count, "counts", err)) < 0 ||
	    (rc = fm_alloc(&u.donor, cells, sizeof *u.donor, "donors", err)) < 0 ||
	    (rc = fm_alloc(&u.freed, s->n + 1, sizeof *u.freed, "records", err)) < 0 ||
	    (rc = fm_alloc(&u.bucket, s->n + 1, sizeof *u.bucket, "records", err)) < 0 ||
	    (rc = fm_alloc(&u.first, values + 2, sizeof *u.first, "values", err)) < 0)
		goto out;
	for (int round = 0; round < o->rounds; round++) {
		int late = round - o->rounds / 2, last = o->rounds - o->rounds / 2;
		double step = late < 0 ? 1.0 : 1.0 - 0.8 * (double)late / (double)last;

		for (int i = 0; i < t->npairs; i++) {
			const struct fm_table2 *p = &t->pair[i];
			bool keep_x = p->x == FM_A_KIND || round % 2 == 0;

			fm_rng_init(&rng, o->seed, FM_RNG_DECODE, (uint64_t)i, (uint32_t)round);
			update_pair(&u, p, keep_x, step, 0, &rng);
		}
	}
out:
	free(u.quota);
	free(u.count);
	free(u.donor);
	free(u.freed);
	free(u.bucket);
	free(u.first);
	return rc;
}
