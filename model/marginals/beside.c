#include "model/marginals/beside.h"

#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"

static bool is_host(int attr)
{
	return attr == FM_A_SERVER || attr == FM_A_CLIENT;
}

static double part(double p, double m)
{
	return p > 0 ? p * fm_det_log(p / m) : 0;
}

/* The divergence of the counts q, whose sum is n, from the estimates p >= 0. */
static double divergence(const double *p, const uint64_t *q, size_t cells, uint64_t n)
{
	double total = 0, sum = 0;

	for (size_t i = 0; i < cells; i++)
		total += p[i];
	for (size_t i = 0; i < cells && total > 0; i++) {
		double a = p[i] / total, b = (double)q[i] / (double)n, m = (a + b) / 2;

		sum += part(a, m) + part(b, m);
	}
	return sum > 0 ? sum / 2 : 0;
}

/* tok: (n, FM_NATTRS); y < 0: of x only.  seen: scratch, as many as the table has cells. */
static double one_table(const struct fm_tables *t, const double *estimate, int x, int y, const uint16_t *tok, size_t n,
			uint64_t *seen)
{
	size_t ny = y < 0 ? 1 : (size_t)t->size[y], cells = (size_t)t->size[x] * ny;

	memset(seen, 0, cells * sizeof *seen);
	for (size_t i = 0; i < n; i++) {
		const uint16_t *r = tok + i * FM_NATTRS;

		seen[r[x] * ny + (y < 0 ? 0 : r[y])]++;
	}
	return divergence(estimate, seen, cells, n);
}

int fm_marginals_beside(const struct fm_marginals *m, const struct fm_table *made,
			bool (*inside)(const void *ctx, uint32_t ip), const void *ctx, struct fm_beside *out,
			struct fm_error *err)
{
	struct fm_marginals_opts o = {
	    .label = (const char *const *)m->label, .nlabels = m->domains.nlabels, .inside = inside, .ctx = ctx};
	const struct fm_tables *t = &m->tables;
	int ones = 0, pairs = 0, rc;
	uint64_t *seen = NULL;
	uint16_t *tok = NULL;
	size_t n, most = 0;

	*out = (struct fm_beside){0};
	for (int a = 0; a < FM_NATTRS; a++)
		if (!is_host(a) && (size_t)t->size[a] > most)
			most = (size_t)t->size[a];
	if ((rc = fm_marginals_encode(m, made, &o, &tok, &n, err)) < 0 ||
	    (rc = fm_alloc(&seen, most * most, sizeof *seen, "made exchanges", err)) < 0)
		goto out;
	if (n == 0) {
		rc = fm_fail(err, FM_EINPUT, "no exchange was made to compare with the noisy counts");
		goto out;
	}
	out->n = n;
	for (int a = 0; a < FM_NATTRS; a++)
		if (!is_host(a)) {
			out->one += one_table(t, t->one[a], a, -1, tok, n, seen);
			ones++;
		}
	for (int i = 0; i < t->npairs; i++) {
		const struct fm_table2 *p = &t->pair[i];

		if (!is_host((int)p->x) && !is_host((int)p->y)) {
			out->pair += one_table(t, p->cell, (int)p->x, (int)p->y, tok, n, seen);
			pairs++;
		}
	}
	out->one /= ones;
	out->pair /= pairs > 0 ? pairs : 1;
out:
	free(seen);
	free(tok);
	return rc;
}
