/* codec_num.c - numeric columns: atoms, quantile bins and the place inside a bin. */
#include <stdlib.h>
#include <string.h>

#include "base/detmath.h"
#include "base/mem.h"
#include "model/codec/codec.h"

static int cmp_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* The coarsest lattice that at least 999 of 1000 values lie on: one odd record neither hides the lattice nor shows in
 * it. */
static int64_t lattice(const int64_t *v, size_t n)
{
	static const int64_t step[] = {60000, 30000, 10000, 5000, 1000, 500, 250, 100, 50, 25, 20, 10, 8, 5, 4, 2};
	for (size_t s = 0; s < sizeof step / sizeof *step; s++) {
		size_t on = 0, nonzero = 0;
		for (size_t i = 0; i < n; i++) {
			on += v[i] % step[s] == 0;
			nonzero += v[i] != 0;
		}
		if (nonzero > 0 && n - on <= nonzero / 1000)
			return step[s];
	}
	return 1;
}

/* Are the rows [i,j) of n in rising order an atom?  The largest and the smallest atom, too, are values that k rows
 * reach. */
static bool is_atom(size_t i, size_t j, size_t n, size_t least, size_t k)
{
	return j - i >= least && j >= k && n - i >= k;
}

/* Sort v into atoms (kept in c) and the rest (moved to the front, *m of them). */
static int split_atoms(struct fm_num *c, int64_t *v, size_t n, size_t least, size_t k, size_t *m, struct fm_error *err)
{
	size_t distinct = 0;
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && v[j] == v[i]; j++)
			;
		distinct += is_atom(i, j, n, least, k);
	}
	if (distinct > FM_NUM_MAXATOMS)
		return split_atoms(c, v, n, least * 2, k, m, err);
	if (fm_alloc(&c->atom, distinct + 1, sizeof *c->atom, "atoms", err) < 0)
		return err->code;
	*m = 0;
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && v[j] == v[i]; j++)
			;
		if (is_atom(i, j, n, least, k)) {
			c->atom[c->natoms++] = v[i];
			continue;
		}
		int64_t x = v[i];
		for (; i < j; i++)
			v[(*m)++] = x;
	}
	return FM_OK;
}

int fm_num_fit(struct fm_num *c, const int64_t *values, size_t n, const struct fm_num_opts *o, struct fm_error *err)
{
	/* Beyond the evenly spaced quantiles, the tail gets bins of its own: it holds the bytes. */
	static const double tail[] = {0.992, 0.995, 0.9975, 0.999, 0.9995};
	int64_t *v = NULL;
	size_t m = 0, few = (size_t)(o->min_count > 1 ? o->min_count : 1), k = (size_t)(o->k > 1 ? o->k : 1);
	int rc = FM_OK;

	memset(c, 0, sizeof *c);
	c->log = o->log;
	if (fm_alloc(&v, n, sizeof *v, "a column's values", err) < 0)
		return err->code;
	c->step = o->fixed ? 1 : lattice(values, n);
	for (size_t i = 0; i < n; i++)
		v[i] = values[i] - values[i] % c->step;
	qsort(v, n, sizeof *v, cmp_i64);
	size_t least = (size_t)(o->atom_share * (double)n);
	if ((rc = split_atoms(c, v, n, least > few ? least : few, k, &m, err)) < 0)
		goto out;

	int cap = (o->fixed ? o->nfixed : o->bins + 8) + 2;
	if ((rc = fm_alloc(&c->edge, (size_t)cap, sizeof *c->edge, "bin edges", err)) < 0)
		goto out;
	if (o->fixed) {
		memcpy(c->edge, o->fixed, sizeof *c->edge * (size_t)o->nfixed);
		c->nbins = o->nfixed - 1;
	} else if (m >= 2 * k || c->natoms == 0) {
		/* The outer edges have k rows beyond or on them; each bin holds at least min_count rows.  With fewer
		 * rows than that takes, the middle one stands for all. */
		size_t first = m >= 2 * k ? k - 1 : (m - 1) / 2, last = m >= 2 * k ? m - k : first, at = first;
		int ne = 0;
		c->edge[ne++] = v[first];
		for (int q = 1; q < o->bins + 5; q++) {
			double share = q < o->bins ? (double)q / o->bins : tail[q - o->bins];
			size_t i = (size_t)(share * (double)m);
			if (i >= at + few && i + few <= last && v[i] > c->edge[ne - 1]) {
				c->edge[ne++] = v[i];
				at = i;
			}
		}
		c->edge[ne++] = v[last] + c->step;
		c->nbins = ne - 1;
	}
out:
	free(v);
	if (rc < 0)
		fm_num_free(c);
	return rc;
}

int fm_num_tokens(const struct fm_num *c)
{
	return c->natoms + c->nbins;
}

static double scale(const struct fm_num *c, double x)
{
	return c->log ? fm_det_log1p(x) : x;
}

/* The last i with a[i] <= x, or 0. */
static int below(const int64_t *a, int n, int64_t x)
{
	int lo = 0, hi = n;
	while (hi - lo > 1) {
		int mid = (lo + hi) / 2;
		if (a[mid] <= x)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

int fm_num_encode(const struct fm_num *c, int64_t v, double jitter, double *u)
{
	*u = -1;
	v -= v % c->step;
	if (c->natoms > 0) {
		int i = below(c->atom, c->natoms, v);
		if (c->atom[i] == v)
			return i;
		if (c->nbins == 0) { /* the nearer of two neighbours */
			if (i + 1 < c->natoms && c->atom[i + 1] - v < v - c->atom[i])
				i++;
			return i;
		}
	}
	int64_t lo = c->edge[0], hi = c->edge[c->nbins] - c->step;
	v = v < lo ? lo : v > hi ? hi : v;
	int b = below(c->edge, c->nbins, v);
	double a = scale(c, (double)c->edge[b]), z = scale(c, (double)c->edge[b + 1]);
	jitter = jitter < 0.001 ? 0.001 : jitter > 0.999 ? 0.999 : jitter;
	*u = (scale(c, (double)v + jitter * (double)c->step) - a) / (z - a);
	return c->natoms + b;
}

int64_t fm_num_decode(const struct fm_num *c, int token, double u)
{
	if (token < c->natoms)
		return c->atom[token];
	int b = token - c->natoms;
	u = u > 0 ? (u < 1 ? u : 1) : 0; /* not a number: the lower edge */
	double a = scale(c, (double)c->edge[b]), z = scale(c, (double)c->edge[b + 1]), x = a + u * (z - a);
	if (c->log)
		x = fm_det_expm1(x);
	int64_t v = (int64_t)(x / (double)c->step) * c->step, hi = c->edge[b + 1] - c->step;
	return v < c->edge[b] ? c->edge[b] : v > hi ? hi : v;
}

static json_t *array_json(const int64_t *v, int n)
{
	json_t *a = json_array();
	for (int i = 0; a && i < n; i++)
		json_array_append_new(a, json_integer(v[i]));
	return a;
}

json_t *fm_num_json(const struct fm_num *c)
{
	return json_pack("{s:o, s:o, s:I, s:b}", "atoms", array_json(c->atom, c->natoms), "edges",
			 array_json(c->edge, c->nbins > 0 ? c->nbins + 1 : 0), "step", (json_int_t)c->step, "log",
			 (int)c->log);
}

/* Rising integers of a JSON array. */
static int array_read(int64_t **out, int *n, const json_t *a, size_t max, struct fm_error *err)
{
	size_t len = json_array_size(a);
	if (!json_is_array(a) || len > max)
		return fm_fail(err, FM_EINPUT,
			       "the model's codec has no list of at most %zu numbers where one should be", max);
	if (fm_alloc(out, len + 1, sizeof **out, "a list", err) < 0)
		return err->code;
	for (size_t i = 0; i < len; i++) {
		(*out)[i] = json_integer_value(json_array_get(a, i));
		if (i > 0 && (*out)[i] <= (*out)[i - 1])
			return fm_fail(err, FM_EINPUT, "the model's codec has a list that does not rise");
	}
	*n = (int)len;
	return FM_OK;
}

int fm_num_from_json(struct fm_num *c, const json_t *j, struct fm_error *err)
{
	int ne = 0, rc;
	memset(c, 0, sizeof *c);
	if ((rc = array_read(&c->atom, &c->natoms, json_object_get(j, "atoms"), FM_NUM_MAXATOMS, err)) < 0 ||
	    (rc = array_read(&c->edge, &ne, json_object_get(j, "edges"), FM_NUM_MAXBINS + 1, err)) < 0)
		goto out;
	c->nbins = ne > 0 ? ne - 1 : 0;
	c->step = json_integer_value(json_object_get(j, "step"));
	c->log = json_is_true(json_object_get(j, "log"));
	if (c->step < 1 || c->natoms + c->nbins < 1)
		rc = fm_fail(err, FM_EINPUT, "the model's codec has a numeric column without values");
out:
	if (rc < 0)
		fm_num_free(c);
	return rc;
}

void fm_num_free(struct fm_num *c)
{
	if (!c)
		return;
	free(c->atom);
	free(c->edge);
	memset(c, 0, sizeof *c);
}
