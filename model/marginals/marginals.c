#include "model/marginals/marginals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "privacy/special.h"

double fm_marginals_mu(double epsilon, double delta)
{
	double lo = 0, hi = 100;

	for (int i = 0; i < 200; i++) {
		double mu = (lo + hi) / 2;
		double d = fm_sf_normal_tail(epsilon / mu - mu / 2) -
			   fm_sf_exp(epsilon) * fm_sf_normal_tail(epsilon / mu + mu / 2);

		if (d <= delta)
			lo = mu;
		else
			hi = mu;
	}
	return lo;
}

static int encode_all(uint32_t **tok, const struct fm_domains *d, const struct fm_exchanges *e,
		      const struct fm_domain_opts *o, struct fm_error *err)
{
	int rc;

	if ((rc = fm_alloc(tok, e->n * FM_NATTRS + 1, sizeof **tok, "encoded records", err)) < 0)
		return rc;
	for (size_t i = 0; i < e->n; i++)
		fm_domains_encode(d, &e->list[i], o, *tok + i, e->n);
	return FM_OK;
}

/* The mean over the tokens whose leaves have weight: noise can leave a token without any.  Sums are rounded, so the
 * mean is clamped to the possible range. */
static double flows_per_record(const struct fm_marginals *m)
{
	const struct fm_axis *kind = &m->domains.axis[FM_X_KIND];
	double flows = 0, records = 0;

	for (int k = 0; k < kind->ntokens; k++) {
		double mean = 0, before = 0;

		for (uint32_t j = kind->first[k]; j < kind->first[k + 1]; j++) {
			struct fm_kind_parts p = fm_kind_parts(kind->leaf[j]);

			mean += (kind->cum[j] - before) * (p.a + p.b);
			before = kind->cum[j];
		}
		if (before > 0) {
			flows += m->tables.one[FM_A_KIND][k] * mean / before;
			records += m->tables.one[FM_A_KIND][k];
		}
	}
	return records > 0 ? fmin(fmax(flows / records, 1), FM_EXCHANGE_FLOWS) : 1;
}

/* A record moves each count by 1, or by sqrt(2) where it is replaced by another one (counts.h). */
static void scales(const struct fm_marginals_opts *o, struct fm_domain_opts *dom)
{
	double moved = o->replaced ? nextafter(M_SQRT2, INFINITY) : 1;

	if (o->vocabulary > 0) {
		dom->scale = moved * sqrt(fm_domain_weight() / o->vocabulary) / o->mu;
		dom->pair_scale = moved * sqrt(fm_tables_weight() / (1 - o->vocabulary)) / o->mu;
	} else {
		dom->scale = dom->pair_scale = moved * sqrt(fm_domain_weight() + fm_tables_weight()) / o->mu;
	}
}

struct fm_record_opts fm_marginals_cut(const struct fm_marginals_opts *o)
{
	struct fm_record_opts ro = {.label = o->label, .nlabels = o->nlabels, .window = o->window};

	fm_record_period(&ro, o->first_ms, o->last_ms);
	return ro;
}

static int unit_of(struct fm_unit *unit, const struct fm_marginals_opts *o, struct fm_error *err)
{
	int rc = fm_unit_set(unit, FM_EXCHANGE_FLOWS, o->replaced, err);

	unit->group = o->window;
	return rc;
}

int fm_marginals_fit(struct fm_marginals *m, const struct fm_table *t, const struct fm_marginals_opts *o,
		     struct fm_error *err)
{
	struct fm_record_opts ro = fm_marginals_cut(o);
	struct fm_domain_opts dom = {
	    .nlabels = o->nlabels, .key_delta = o->key_delta, .inside = o->inside, .ctx = o->ctx};
	struct fm_exchanges e = {0};
	struct fm_counts *counts = NULL;
	struct fm_unit unit;
	uint32_t *tok = NULL;
	int rc;

	memset(m, 0, sizeof *m);
	m->present = t->present;
	m->step_ms = o->step_ms;
	if (o->watch) {
		dom.tap = o->watch->answer;
		dom.tap_ctx = o->watch->ctx;
	}
	dom.first_slot = (int32_t)(o->first_ms / FM_SLOT_MS);
	dom.nslots = (int32_t)(o->last_ms / FM_SLOT_MS) - dom.first_slot + 1;
	scales(o, &dom);
	if ((rc = fm_exchanges_cut(&e, t, &ro, err)) < 0 || (rc = unit_of(&unit, o, err)) < 0 ||
	    (rc = fm_counts_open(&counts, o->key, &unit, o->pool, err)) < 0 ||
	    (rc = fm_domains_fit(&m->domains, &e, &dom, counts, err)) < 0 ||
	    (rc = encode_all(&tok, &m->domains, &e, &dom, err)) < 0 ||
	    (rc = fm_tables_measure(&m->tables, &m->domains, tok, e.n, dom.pair_scale, counts, err)) < 0 ||
	    (o->watch && (rc = o->watch->measured(o->watch->ctx, m, &dom, fm_counts_charges(counts), err)) < 0) ||
	    (rc = fm_tables_estimate(&m->tables, &m->domains, err)) < 0)
		goto out;
	m->flows_per_record = flows_per_record(m);
	for (int i = 0; i < o->nlabels; i++)
		if ((m->label[i] = strdup(o->label[i])) == NULL) {
			rc = fm_fail(err, FM_ESYSTEM, "out of memory: labels");
			goto out;
		}
	for (size_t i = 0; i < fm_counts_charges(counts)->n; i++)
		if ((rc = fm_charges_add(&m->charges, &fm_counts_charges(counts)->list[i], err)) < 0)
			goto out;
out:
	fm_exchanges_free(&e);
	fm_counts_close(counts);
	free(tok);
	if (rc < 0)
		fm_marginals_free(m);
	return rc;
}

int fm_marginals_encode(const struct fm_marginals *m, const struct fm_table *t, const struct fm_marginals_opts *o,
			uint16_t **tok, size_t *n, struct fm_error *err)
{
	struct fm_record_opts ro = fm_marginals_cut(o);
	struct fm_domain_opts dom = {.first_slot = m->domains.first_slot,
				     .nslots = m->domains.nslots,
				     .nlabels = o->nlabels,
				     .inside = o->inside,
				     .ctx = o->ctx};
	struct fm_exchanges e = {0};
	uint32_t *wide = NULL;
	int rc;

	*tok = NULL;
	if ((rc = fm_exchanges_cut(&e, t, &ro, err)) < 0 || (rc = encode_all(&wide, &m->domains, &e, &dom, err)) < 0 ||
	    (rc = fm_alloc(tok, e.n * FM_NATTRS + 1, sizeof **tok, "encoded records", err)) < 0)
		goto out;
	*n = e.n;
	for (size_t i = 0; i < e.n; i++)
		for (int a = 0; a < FM_NATTRS; a++)
			(*tok)[i * FM_NATTRS + (size_t)a] = (uint16_t)wide[(size_t)a * e.n + i];
out:
	fm_exchanges_free(&e);
	free(wide);
	return rc;
}

/* A little more than enough: what is left over is dropped. */
size_t fm_marginals_records(const struct fm_marginals *m, uint64_t rows)
{
	return (size_t)((double)rows / m->flows_per_record * 1.003) + 4;
}

int fm_marginals_flows(struct fm_table **table, const struct fm_marginals *m, const struct fm_synth *s,
		       const struct fm_marginals_sample_in *in, struct fm_error *err)
{
	struct fm_flows_in fi = {.rows = in->rows,
				 .seed = in->seed,
				 .inside = in->inside,
				 .outside = in->outside,
				 .ninside = in->ninside,
				 .noutside = in->noutside,
				 .total = m->tables.total,
				 .label = (const char *const *)m->label,
				 .present = m->present,
				 .step_ms = m->step_ms};

	return fm_flows_make(table, &m->domains, s, &fi, err);
}

int fm_marginals_sample(struct fm_table **table, const struct fm_marginals *m, const struct fm_marginals_sample_in *in,
			struct fm_error *err)
{
	struct fm_synth_opts so = {
	    .n = fm_marginals_records(m, in->rows), .seed = in->seed, .rounds = in->rounds, .pool = in->pool};
	struct fm_synth s;
	int rc;

	if ((rc = fm_synth_make(&s, &m->tables, &so, err)) < 0)
		return rc;
	rc = fm_marginals_flows(table, m, &s, in, err);
	fm_synth_free(&s);
	return rc;
}

void fm_marginals_free(struct fm_marginals *m)
{
	fm_domains_free(&m->domains);
	fm_tables_free(&m->tables);
	for (int i = 0; i < FM_LABELS_MAX; i++)
		free(m->label[i]);
	fm_charges_free(&m->charges);
	memset(m, 0, sizeof *m);
}
