/* store.c - a fitted model on disk: one file, arrays of the machine's own numbers (little-endian) behind their lengths.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/marginals/domains_internal.h"
#include "model/marginals/marginals.h"

#define MAGIC "flowmint-marginals/1\n"
#define COUNT_MAX (64u << 20)

/* ---- reading and writing share one list of fields, so that they always agree ---- */

struct pass {
	struct fm_out *out;  /* writing, or NULL */
	const uint8_t *data; /* reading */
	size_t len, at;
	const char *path;
	struct fm_error *err;
};

/* n items of `size` bytes at *p: written, or read into new memory.  A file must have exactly n. */
static int array(struct pass *s, void *p, size_t n, size_t size, const char *what)
{
	void **to = p;
	uint64_t count = n;
	int rc;

	if (s->out)
		return (rc = fm_out_write(s->out, &count, sizeof count, s->err)) < 0
			   ? rc
			   : fm_out_write(s->out, *to, n * size, s->err);
	if (s->len - s->at < sizeof count)
		return fm_fail(s->err, FM_EINPUT, "%s: cut off before %s", s->path, what);
	memcpy(&count, s->data + s->at, sizeof count);
	s->at += sizeof count;
	if (count != n || n > COUNT_MAX || (s->len - s->at) / size < n)
		return fm_fail(s->err, FM_EINPUT, "%s: %s does not have the %zu entries that it should", s->path, what,
			       n);
	if ((rc = fm_alloc(to, n + 1, size, what, s->err)) < 0)
		return rc;
	memcpy(*to, s->data + s->at, n * size);
	s->at += n * size;
	return FM_OK;
}

static int value(struct pass *s, void *p, size_t size, const char *what)
{
	if (s->out)
		return fm_out_write(s->out, p, size, s->err);
	if (s->len - s->at < size)
		return fm_fail(s->err, FM_EINPUT, "%s: cut off before %s", s->path, what);
	memcpy(p, s->data + s->at, size);
	s->at += size;
	return FM_OK;
}

static int number(struct pass *s, int *v, int lo, int hi, const char *what)
{
	int rc;

	if ((rc = value(s, v, sizeof *v, what)) < 0)
		return rc;
	if (*v < lo || *v > hi)
		return fm_fail(s->err, FM_EINPUT, "%s: %s is %d, and not in %d to %d", s->path, what, *v, lo, hi);
	return FM_OK;
}

static int wrong(struct pass *s, const char *what)
{
	return fm_fail(s->err, FM_EINPUT, "%s: %s is out of range", s->path, what);
}

/* Numbers that must be finite and not below 0. */
static int amounts(struct pass *s, double **p, size_t n, const char *what)
{
	int rc;

	if ((rc = array(s, p, n, sizeof **p, what)) < 0)
		return rc;
	for (size_t i = 0; !s->out && i < n; i++)
		if (!isfinite((*p)[i]) || (*p)[i] < 0)
			return wrong(s, what);
	return FM_OK;
}

static const uint32_t grid_leaves[FM_NAXES] = {FM_KIND_LEAVES, FM_PORTS,       FM_PORTS,           0,
					       FM_SIZE_LEAVES, FM_SIZE_LEAVES, FM_DURATION_LEAVES, FM_DURATION_LEAVES,
					       FM_FLAGS,       FM_FLAGS,       FM_BYTES,           FM_BYTES};

static int axis_pass(struct pass *s, struct fm_axis *a, uint32_t leaves)
{
	int rc;

	a->nleaves = leaves;
	if ((rc = number(s, &a->ntokens, 1, FM_AXIS_TOKENS, "an axis")) < 0 ||
	    (rc = array(s, &a->token, leaves, sizeof *a->token, "tokens of leaves")) < 0 ||
	    (rc = array(s, &a->first, (size_t)a->ntokens + 1, sizeof *a->first, "leaves of tokens")) < 0 ||
	    (rc = array(s, &a->leaf, leaves, sizeof *a->leaf, "leaves")) < 0 ||
	    (rc = amounts(s, &a->cum, leaves, "weights of leaves")) < 0)
		return rc;
	if (s->out)
		return FM_OK;
	for (uint32_t i = 0; i < leaves; i++)
		if (a->token[i] >= a->ntokens || a->leaf[i] >= leaves)
			return wrong(s, "a leaf");
	for (int k = 0; k < a->ntokens; k++)
		if (a->first[k] > a->first[k + 1])
			return wrong(s, "a token");
	return a->first[0] == 0 && a->first[a->ntokens] == leaves ? FM_OK : wrong(s, "a token");
}

static int hosts_pass(struct pass *s, struct fm_hosts_above *h, const struct fm_hosts_above *other)
{
	size_t n;
	int rc;

	if ((rc = number(s, &h->n, 0, COUNT_MAX, "hosts")) < 0 ||
	    (rc = number(s, &h->ntokens, 2, 4096, "tokens of hosts")) < 0)
		return rc;
	n = (size_t)h->n;
	if ((rc = amounts(s, &h->count, n, "hosts")) < 0 || (rc = array(s, &h->inside, n, 1, "hosts")) < 0 ||
	    (rc = array(s, &h->token, n, sizeof *h->token, "hosts")) < 0 ||
	    (rc = array(s, &h->same, n, sizeof *h->same, "hosts")) < 0)
		return rc;
	for (size_t i = 0; !s->out && i < n; i++)
		if (h->token[i] >= h->ntokens - 2 || h->inside[i] > 1 || (other && h->same[i] >= other->n))
			return wrong(s, "a host");
	return FM_OK;
}

static int domains_pass(struct pass *s, struct fm_domains *d)
{
	size_t nk;
	int rc;

	if ((rc = number(s, &d->first_slot, INT32_MIN, INT32_MAX, "the first slot")) < 0 ||
	    (rc = number(s, &d->nslots, 1, 1 << 24, "slots")) < 0 ||
	    (rc = number(s, &d->nlabels, 1, FM_LABELS_MAX, "labels")) < 0 ||
	    (rc = number(s, &d->nservices, 1, FM_AXIS_TOKENS, "services")) < 0)
		return rc;
	for (int i = 0; i < FM_NAXES; i++)
		if ((rc = axis_pass(s, &d->axis[i], i == FM_X_TIME ? (uint32_t)d->nslots : grid_leaves[i])) < 0)
			return rc;
	if (!s->out)
		fm_domains_popularity(d);
	for (int r = 0; r < 2; r++)
		if ((rc = hosts_pass(s, &d->hosts[r], r ? &d->hosts[0] : NULL)) < 0 ||
		    (rc = amounts(s, &d->tail[r], (size_t)d->nservices * FM_TAIL_BOUNDS, "the tail")) < 0)
			return rc;
	nk = (size_t)d->axis[FM_X_KIND].ntokens;
	if ((rc = array(s, &d->service, nk, sizeof *d->service, "services")) < 0)
		return rc;
	if (s->out)
		return FM_OK;
	for (size_t k = 0; k < nk; k++)
		if (d->service[k] >= d->nservices)
			return wrong(s, "a service");
	fm_domains_sizes(d);
	return FM_OK;
}

static int tables_pass(struct pass *s, struct fm_tables *t, const struct fm_domains *d)
{
	int rc;

	if (!s->out)
		memcpy(t->size, d->size, sizeof t->size);
	if ((rc = value(s, &t->total, sizeof t->total, "the total")) < 0 ||
	    (rc = number(s, &t->npairs, 1, FM_TABLES_MAX, "pairs")) < 0)
		return rc;
	if (!isfinite(t->total) || t->total < 1)
		return wrong(s, "the total");
	for (int a = 0; a < FM_NATTRS; a++)
		if ((rc = amounts(s, &t->one[a], (size_t)t->size[a], fm_attr_name[a])) < 0)
			return rc;
	for (int i = 0; i < t->npairs; i++) {
		struct fm_table2 *p = &t->pair[i];
		int x = p->x, y = p->y;

		if ((rc = number(s, &x, 0, FM_NATTRS - 1, "a pair")) < 0 ||
		    (rc = number(s, &y, 0, FM_NATTRS - 1, "a pair")) < 0)
			return rc;
		p->x = (enum fm_attr)x;
		p->y = (enum fm_attr)y;
		if ((rc = amounts(s, &p->cell, (size_t)t->size[x] * (size_t)t->size[y], "a pair")) < 0)
			return rc;
	}
	for (int a = 0; a < FM_NATTRS; a++)
		if (a != FM_A_KIND && fm_tables_find(t, FM_A_KIND, (enum fm_attr)a) == NULL)
			return fm_fail(s->err, FM_EINPUT, "%s: the pair kind x %s is missing", s->path,
				       fm_attr_name[a]);
	return FM_OK;
}

static int model_pass(struct pass *s, struct fm_marginals *m)
{
	int rc, present = (int)m->present;

	if ((rc = number(s, &present, 0, 1 << FM_NCOL, "columns")) < 0 ||
	    (rc = value(s, &m->flows_per_record, sizeof m->flows_per_record, "flows a record")) < 0 ||
	    (rc = value(s, &m->step_ms, sizeof m->step_ms, "the step of time")) < 0 ||
	    (rc = domains_pass(s, &m->domains)) < 0 || (rc = tables_pass(s, &m->tables, &m->domains)) < 0)
		return rc;
	m->present = (unsigned)present;
	if (m->step_ms < 1 || m->step_ms > FM_SLOT_MS || !(present >> FM_TE & 1) || !(present >> FM_SA & 1) ||
	    !(present >> FM_DA & 1))
		return wrong(s, "a column or the step of time");
	if (!(m->flows_per_record >= 1 && m->flows_per_record <= FM_EXCHANGE_FLOWS))
		return wrong(s, "flows a record");
	for (int i = 0; i < m->domains.nlabels; i++) {
		int len = m->label[i] ? (int)strlen(m->label[i]) : 0;

		if ((rc = number(s, &len, 0, FM_DICT_VALUE_MAX, "a label")) < 0 ||
		    (rc = array(s, &m->label[i], (size_t)len, 1, "a label")) < 0)
			return rc;
	}
	return FM_OK;
}

int fm_marginals_save(const struct fm_marginals *m, const char *path, struct fm_error *err)
{
	struct pass s = {.path = path, .err = err};
	struct fm_marginals copy = *m; /* the pass writes nothing into it */
	int rc;

	if ((rc = fm_out_open(&s.out, path, 0644, err)) < 0)
		return rc;
	if ((rc = fm_out_write(s.out, MAGIC, strlen(MAGIC), err)) < 0 || (rc = model_pass(&s, &copy)) < 0) {
		fm_out_abort(s.out);
		return rc;
	}
	return fm_out_commit(s.out, err);
}

int fm_marginals_load(struct fm_marginals *m, const char *path, struct fm_error *err)
{
	struct pass s = {.path = path, .err = err, .at = strlen(MAGIC)};
	struct fm_map map;
	int rc;

	memset(m, 0, sizeof *m);
	if ((rc = fm_map_open(&map, path, err)) < 0)
		return rc;
	s.data = map.data;
	s.len = map.len;
	if (map.len < s.at || memcmp(map.data, MAGIC, s.at) != 0) {
		rc = fm_fail(err, FM_EINPUT, "%s: this is not a flowmint-marginals/1 file", path);
		goto out;
	}
	if ((rc = model_pass(&s, m)) < 0)
		goto out;
	if (s.at != s.len)
		rc = fm_fail(err, FM_EINPUT, "%s: something follows the model", path);
out:
	fm_map_close(&map);
	if (rc < 0)
		fm_marginals_free(m);
	return rc;
}
