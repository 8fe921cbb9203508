#include "model/marginals/planted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "model/marginals/domains_internal.h"

/* The histograms of single values that domains.c asks for, by its names. */
enum value { PORT_0, PORT_1, TIME, KIND, CLIENT_PORT, A_SIZE, A_TD, A_FLG, A_TOS, B_SIZE, B_TD, B_FLG, B_TOS, NVALUES };
static const char *const value_name[NVALUES] = {"port-0", "port-1", "time",   "kind", "client-port", "a-size", "a-td",
						"a-flg",  "a-tos",  "b-size", "b-td", "b-flg",       "b-tos"};

/* The records of a table, encoded by the domains of the fit. */
struct records {
	struct fm_exchanges e;
	struct fm_view *view; /* (n) */
	uint32_t *tok;        /* (FM_NATTRS, n) */
	uint32_t *place;      /* (canaries): the first record of canary i */
};
struct planted {
	const struct fm_planted *in;
	struct fm_canary_scorer *canaries;
	struct records known, canary, instead; /* instead: none where nothing is in a canary's place */
	size_t group;                          /* records of a canary */
	size_t ncells[NVALUES];
	double *noisy[NVALUES], *exact;
	uint32_t *cell, *other; /* (canaries): privacy/canary.h */
	int rc;                 /* of what is told by the fit's domains */
	struct fm_error err;
};

/* ---- which record is which canary ---- */

static uint64_t ends(uint32_t a, uint32_t b)
{
	return (uint64_t)(a < b ? a : b) << 32 | (a < b ? b : a);
}

static int find_places(struct planted *p, struct records *of, const struct fm_table *t, struct fm_error *err)
{
	const struct fm_exchanges *e = &of->e;
	struct pair {
		uint64_t ends, record;
	} *by_ends = NULL;
	size_t n = 0;
	int rc;

	if (e->n != p->in->n * p->group)
		return fm_fail(err, FM_EINPUT, "%zu canaries are %zu exchanges: each needs hosts of its own", p->in->n,
			       e->n);
	if ((rc = fm_alloc(&by_ends, e->n + 1, sizeof *by_ends, "canaries", err)) < 0 ||
	    (rc = fm_alloc(&of->place, p->in->n + 1, sizeof *of->place, "canaries", err)) < 0)
		goto out;
	for (size_t r = 0; r < e->n; r += p->group) /* those of a canary stand together */
		by_ends[n++] = (struct pair){ends(e->list[r].host[0], e->list[r].host[1]), r};
	qsort(by_ends, n, sizeof *by_ends, fm_compare_u64); /* by the first member, the key */
	for (size_t i = 0; i < n; i++) {
		size_t row = i * p->in->each;
		struct fm_address a = fm_table_address(t, t->sa[row]), b = fm_table_address(t, t->da[row]);
		uint64_t want = ends(fm_address_fold(&a), fm_address_fold(&b));
		const struct pair *found = bsearch(&want, by_ends, n, sizeof *by_ends, fm_compare_u64);

		if (!found) {
			rc = fm_fail(err, FM_ESYSTEM, "canary %zu is not among the canaries' exchanges", i);
			goto out;
		}
		of->place[i] = (uint32_t)found->record;
	}
out:
	free(by_ends);
	return rc;
}

/* ---- the cells ---- */

static uint32_t cell_of(enum value v, const struct fm_domains *d, const struct fm_exchange *x, const struct fm_view *w)
{
	int way = v >= B_SIZE;
	const struct fm_exchange_flow *g = &x->flow[w->flow[way][0]];
	int64_t slot = (int64_t)x->slot - d->first_slot;

	if (v >= A_SIZE && w->n[way] == 0)
		return FM_NO_CELL;
	switch (v) {
	case PORT_0:
	case PORT_1:
		return x->port[v == PORT_1];
	case TIME:
		return (uint32_t)(slot < 0 ? 0 : slot >= d->nslots ? d->nslots - 1 : slot);
	case KIND:
		return fm_kind_leaf(d, x, w);
	case CLIENT_PORT:
		return x->port[!w->server];
	case A_SIZE:
	case B_SIZE:
		return fm_size_leaf(g->pkt, g->byt);
	case A_TD:
	case B_TD:
		return fm_duration_leaf(g->td);
	case A_FLG:
	case B_FLG:
		return g->flg;
	default:
		return g->tos;
	}
}

static int encode(struct records *r, const struct fm_domains *d, const struct fm_domain_opts *o, struct fm_error *err)
{
	int rc;

	if ((rc = fm_alloc(&r->view, r->e.n + 1, sizeof *r->view, "records", err)) < 0 ||
	    (rc = fm_alloc(&r->tok, r->e.n * FM_NATTRS + 1, sizeof *r->tok, "records", err)) < 0)
		return rc;
	for (size_t i = 0; i < r->e.n; i++) {
		fm_view_set(&r->view[i], d, &r->e.list[i], o);
		fm_domains_encode(d, &r->e.list[i], o, r->tok + i, r->e.n);
	}
	return FM_OK;
}

/* Called with each histogram while the domains are fitted. */
static void hear(void *ctx, const char *name, const int64_t *noisy, size_t n)
{
	struct planted *p = ctx;

	for (int v = 0; v < NVALUES; v++)
		if (strcmp(name, value_name[v]) == 0 && p->rc >= 0 && !p->noisy[v]) {
			if ((p->rc = fm_alloc(&p->noisy[v], n, sizeof(double), "noisy counts", &p->err)) < 0)
				return;
			for (size_t k = 0; k < n; k++)
				p->noisy[v][k] = (double)noisy[k];
			p->ncells[v] = n;
		}
}

static double sigma_of(const struct fm_charges *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->list[i].name, name) == 0)
			return c->list[i].scale;
	return 0;
}

/* All records of a canary are in one cell, so counts are divided by their number to count canaries; noisy is
 * changed. */
static int add(struct planted *p, const char *name, double sigma, double *noisy, size_t ncells, struct fm_error *err)
{
	double group = (double)p->group;
	struct fm_canary_answer a = {.name = name,
				     .ncells = ncells,
				     .sigma = sigma / group,
				     .noisy = noisy,
				     .known = p->exact,
				     .cell = p->cell,
				     .other = p->in->instead ? p->other : NULL};

	for (size_t c = 0; c < ncells && p->group > 1; c++) {
		noisy[c] /= group;
		p->exact[c] /= group;
	}
	return fm_canary_add(p->canaries, &a, p->in->in, err);
}

typedef uint32_t cell_fn(const struct records *r, const void *of, size_t record);

/* The cell in which all records of a canary are counted; FM_NO_CELL where they are not in one. */
static uint32_t cell_of_all(const struct planted *p, const struct records *r, size_t canary, cell_fn *cell,
			    const void *of)
{
	uint32_t first = cell(r, of, r->place[canary]);

	for (size_t k = 1; k < p->group; k++)
		if (cell(r, of, r->place[canary] + k) != first)
			return FM_NO_CELL;
	return first;
}

static void set_cells(struct planted *p, cell_fn *cell, const void *of)
{
	for (size_t i = 0; i < p->in->n; i++) {
		p->cell[i] = cell_of_all(p, &p->canary, i, cell, of);
		if (p->in->instead)
			p->other[i] = cell_of_all(p, &p->instead, i, cell, of);
	}
}

static int exact_new(struct planted *p, size_t ncells, struct fm_error *err)
{
	free(p->exact);
	return fm_alloc(&p->exact, ncells + 1, sizeof *p->exact, "exact counts", err);
}

struct of_value {
	enum value v;
	const struct fm_domains *d;
};

static uint32_t cell_of_value(const struct records *r, const void *of, size_t record)
{
	const struct of_value *o = of;

	return cell_of(o->v, o->d, &r->e.list[record], &r->view[record]);
}

static int add_value(struct planted *p, enum value v, const struct fm_domains *d, double sigma, struct fm_error *err)
{
	int rc;

	if ((rc = exact_new(p, p->ncells[v], err)) < 0)
		return rc;
	for (size_t i = 0; i < p->known.e.n; i++) {
		uint32_t c = cell_of(v, d, &p->known.e.list[i], &p->known.view[i]);

		if (c != FM_NO_CELL)
			p->exact[c]++;
	}
	set_cells(p, cell_of_value, &(struct of_value){v, d});
	return add(p, value_name[v], sigma, p->noisy[v], p->ncells[v], err);
}

struct of_table {
	const struct fm_table2 *t;
	size_t ny;
};

static uint32_t cell_of_table(const struct records *r, const void *of, size_t record)
{
	const struct of_table *o = of;

	return (uint32_t)(r->tok[(size_t)o->t->x * r->e.n + record] * o->ny +
			  (o->ny > 1 ? r->tok[(size_t)o->t->y * r->e.n + record] : 0));
}

/* The table of attribute t->x, or of t->x and t->y, of nx times ny cells; ny is 1 for the former. */
static int add_table(struct planted *p, const char *name, const struct fm_table2 *t, size_t nx, size_t ny,
		     struct fm_error *err)
{
	const struct records *k = &p->known;
	double *noisy;
	int rc;

	if ((rc = exact_new(p, nx * ny, err)) < 0)
		return rc;
	for (size_t i = 0; i < k->e.n; i++)
		p->exact[k->tok[(size_t)t->x * k->e.n + i] * ny + (ny > 1 ? k->tok[(size_t)t->y * k->e.n + i] : 0)]++;
	set_cells(p, cell_of_table, &(struct of_table){t, ny});
	if ((rc = fm_alloc(&noisy, nx * ny + 1, sizeof *noisy, "noisy counts", err)) < 0)
		return rc;
	memcpy(noisy, t->cell, nx * ny * sizeof *noisy);
	rc = add(p, name, t->sigma, noisy, nx * ny, err);
	free(noisy);
	return rc;
}

/* Called with the noisy tables before anything is estimated from them. */
static int measured(void *ctx, const struct fm_marginals *m, const struct fm_domain_opts *o,
		    const struct fm_charges *charges, struct fm_error *err)
{
	struct planted *p = ctx;
	char name[FM_CHARGE_NAME];
	int rc;

	if (p->rc < 0) {
		*err = p->err;
		return p->rc;
	}
	if ((rc = encode(&p->known, &m->domains, o, err)) < 0 || (rc = encode(&p->canary, &m->domains, o, err)) < 0 ||
	    (rc = encode(&p->instead, &m->domains, o, err)) < 0)
		return rc;
	for (int v = 0; v < NVALUES; v++)
		if (p->noisy[v] && (rc = add_value(p, v, &m->domains, sigma_of(charges, value_name[v]), err)) < 0)
			return rc;
	for (int a = 0; a < FM_NATTRS; a++) {
		const struct fm_table2 one = {.x = a, .y = a, .cell = m->tables.one[a], .sigma = m->tables.one_sigma};

		snprintf(name, sizeof name, "one %s", fm_attr_name[a]);
		if ((rc = add_table(p, name, &one, (size_t)m->tables.size[a], 1, err)) < 0)
			return rc;
	}
	for (int i = 0; i < m->tables.npairs; i++) {
		const struct fm_table2 *t = &m->tables.pair[i];

		snprintf(name, sizeof name, "%s x %s", fm_attr_name[t->x], fm_attr_name[t->y]);
		if ((rc = add_table(p, name, t, (size_t)m->tables.size[t->x], (size_t)m->tables.size[t->y], err)) < 0)
			return rc;
	}
	return FM_OK;
}

static void records_free(struct records *r)
{
	fm_exchanges_free(&r->e);
	free(r->view);
	free(r->tok);
	free(r->place);
}

int fm_marginals_fit_planted(struct fm_marginals *m, const struct fm_table *t, const struct fm_marginals_opts *o,
			     const struct fm_planted *in, uint32_t *const place[2], double *score, struct fm_error *err)
{
	struct fm_record_opts ro = fm_marginals_cut(o);
	struct planted p = {.in = in, .group = o->window > 0 ? o->window : 1};
	struct fm_marginals_watch watch = {.ctx = &p, .answer = hear, .measured = measured};
	struct fm_marginals_opts watched = *o;
	int rc;

	watched.watch = &watch;
	if ((rc = fm_alloc(&p.cell, in->n + 1, sizeof *p.cell, "canaries", err)) < 0 ||
	    (rc = fm_alloc(&p.other, in->n + 1, sizeof *p.other, "canaries", err)) < 0 ||
	    (rc = fm_exchanges_cut(&p.known.e, in->known, &ro, err)) < 0 ||
	    (rc = fm_exchanges_cut(&p.canary.e, in->canary, &ro, err)) < 0 ||
	    (rc = find_places(&p, &p.canary, in->canary, err)) < 0 ||
	    (in->instead && ((rc = fm_exchanges_cut(&p.instead.e, in->instead, &ro, err)) < 0 ||
			     (rc = find_places(&p, &p.instead, in->instead, err)) < 0)) ||
	    (rc = fm_canary_open(&p.canaries, in->n, in->memory, err)) < 0 ||
	    (rc = fm_marginals_fit(m, t, &watched, err)) < 0)
		goto out;
	if (place)
		memcpy(place[0], p.canary.place, in->n * sizeof *place[0]);
	if (place && in->instead)
		memcpy(place[1], p.instead.place, in->n * sizeof *place[1]);
	rc = fm_canary_scores(p.canaries, score, err);
out:
	fm_canary_close(p.canaries);
	records_free(&p.instead);
	records_free(&p.known);
	records_free(&p.canary);
	for (int v = 0; v < NVALUES; v++)
		free(p.noisy[v]);
	free(p.exact);
	free(p.cell);
	free(p.other);
	return rc;
}
