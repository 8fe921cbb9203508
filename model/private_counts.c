#include "model/private_counts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "manifests/dialect.h"
#include "model/ranges.h"

_Static_assert(FM_CFG_EXCHANGE_FLOWS == FM_EXCHANGE_FLOWS, "what a config says of an exchange is what is cut");

int fm_private_check(const struct fm_config *cfg, struct fm_error *err)
{
	char text[FM_CFG_STR];
	const char *label[FM_LABELS_MAX];

	if (fm_config_public_labels(cfg, text, label, FM_LABELS_MAX) < 1)
		return fm_config_fail_at(cfg, "privacy.labels", err,
					 "privacy.labels names no label: the first one stands for all others");
	if (cfg->generate.nlabels > 0)
		return fm_config_fail_at(
		    cfg, "generate.labels privacy.mode", err,
		    "generate.labels: in privacy.mode dp a model makes labels as they are; leave it out");
	if (cfg->generate.hours[0] != 0 || cfg->generate.hours[1] != 24)
		return fm_config_fail_at(cfg, "generate.hours privacy.mode", err,
					 "generate.hours: in privacy.mode dp a model makes all hours; leave it out");
	return FM_OK;
}

enum fm_accountant fm_private_accountant(const struct fm_config *cfg)
{
	return strcmp(cfg->privacy.accountant, "rdp") == 0 ? FM_RDP : FM_PLD;
}

enum fm_adjacency fm_private_adjacency(const struct fm_config *cfg)
{
	return fm_config_unit_flow(cfg) ? FM_REPLACE_ONE : FM_ADD_OR_REMOVE;
}

double fm_private_worth(const struct fm_config *cfg)
{
	double mu = cfg->privacy.epsilon > 0
			? fm_marginals_mu(0.999 * cfg->privacy.epsilon, FM_DELTA_GAUSSIANS * cfg->privacy.delta)
			: 1 / cfg->privacy.noise_multiplier;

	return mu / fm_config_group(cfg);
}

const char *fm_private_aim(const struct fm_config *cfg, char text[96])
{
	if (cfg->privacy.epsilon > 0)
		snprintf(text, 96, "epsilon %g at delta %g", cfg->privacy.epsilon, cfg->privacy.delta);
	else
		snprintf(text, 96, "a noise multiplier of %g", cfg->privacy.noise_multiplier);
	return text;
}

struct fm_private_split fm_private_split(const struct fm_config *cfg, struct fm_private_split usual)
{
	const double *b = cfg->privacy.budget;
	double counts = b[FM_SHARE_VOCABULARY] + b[FM_SHARE_PAIRS];

	if (counts + b[FM_SHARE_TRAINING] == 0) {
		usual.counts *= 1 - b[FM_SHARE_GATE];
		usual.training *= 1 - b[FM_SHARE_GATE];
		return usual;
	}
	return (struct fm_private_split){.counts = counts,
					 .vocabulary = counts > 0 ? b[FM_SHARE_VOCABULARY] / counts : 0,
					 .training = b[FM_SHARE_TRAINING]};
}

/* ---- what is public ---- */

/* By the bit that ingest gave each address; the dictionary of a table on disk is in rising order. */
static bool is_inside(const void *dict, uint32_t ip)
{
	const struct fm_address_dict *d = dict;
	struct fm_address a = fm_address_of_ipv4(ip);
	size_t lo = 0, hi = d ? d->n : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(d->at[mid].b, a.b, sizeof a.b) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return d && lo < d->n && memcmp(d->at[lo].b, a.b, sizeof a.b) == 0 && d->inside[lo];
}

/* Times that a dialect writes as dates without decimals are whole seconds. */
static int64_t step_of(const struct fm_dialect *d)
{
	for (int i = 0; i < d->ncols; i++)
		if (d->cols[i].col == FM_TE)
			return d->cols[i].format == FM_FMT_DATETIME && d->cols[i].decimals <= 0 ? 1000 : 1;
	return 1;
}

static int facts_of(struct fm_private_facts *f, const struct fm_config *cfg, double mu, double vocabulary,
		    const struct fm_address_dict *addresses, struct fm_error *err)
{
	f->counts = (struct fm_marginals_opts){.mu = mu,
					       .vocabulary = vocabulary,
					       .replaced = fm_config_unit_flow(cfg),
					       .window = fm_config_window(cfg),
					       .key_delta = FM_DELTA_LIST * cfg->privacy.delta,
					       .step_ms = 1,
					       .label = f->label,
					       .inside = is_inside,
					       .ctx = addresses};
	f->counts.nlabels = fm_config_public_labels(cfg, f->text, f->label, FM_LABELS_MAX);
	return fm_config_public_period(cfg, &f->counts.first_ms, &f->counts.last_ms, err);
}

int fm_private_facts(struct fm_private_facts *f, const struct fm_config *cfg, double mu, double vocabulary,
		     const struct fm_table *of, struct fm_error *err)
{
	struct fm_dialect *dialect;
	int rc;

	if ((rc = facts_of(f, cfg, mu, vocabulary, of->addresses, err)) < 0 ||
	    (rc = fm_dialect_load(&dialect, cfg->source.dialect, err)) < 0)
		return rc;
	f->counts.step_ms = step_of(dialect);
	fm_dialect_free(dialect);
	return FM_OK;
}

/* ---- the plan ---- */

/* What is charged depends on no record: counting no records, without a key, gives the same charges. */
int fm_private_plan(const struct fm_config *cfg, double mu, double vocabulary, struct fm_charges *charges,
		    struct fm_error *err)
{
	struct fm_private_facts f;
	struct fm_table *none = NULL;
	struct fm_marginals m = {0};
	int rc;

	if ((rc = facts_of(&f, cfg, mu, vocabulary, NULL, err)) < 0)
		return rc;
	if ((rc = fm_table_new(&none, FM_COLS_UGR16, err)) < 0 || (rc = fm_marginals_fit(&m, none, &f.counts, err)) < 0)
		goto out;
	*charges = m.charges;
	m.charges = (struct fm_charges){0};
out:
	fm_marginals_free(&m);
	fm_table_free(none);
	return rc;
}

/* ---- the gate ---- */

/* Is an address of a made table inside?  By the config's ranges. */
static bool is_made_inside(const void *ctx, uint32_t ip)
{
	const struct fm_private_ranges *r = ctx;

	for (int i = 0; i < r->n; i++)
		if (r->range[i].bits == 0 || (ip ^ r->range[i].base) >> (32 - r->range[i].bits) == 0)
			return true;
	return false;
}

int fm_private_gate_opts(struct fm_paid_opts *o, const struct fm_config *cfg, const struct fm_table *real,
			 struct fm_private_ranges *r, struct fm_error *err)
{
	const char *label[FM_LABELS_MAX];
	char text[FM_CFG_STR];
	int64_t first, last;
	int rc;

	if ((rc = fm_config_public_period(cfg, &first, &last, err)) < 0)
		return rc;
	*o = (struct fm_paid_opts){.mu = fm_private_worth(cfg) * sqrt(cfg->privacy.budget[FM_SHARE_GATE]),
				   .replaced = fm_config_unit_flow(cfg),
				   .pairs = fm_config_gate_asks(cfg, "pairs"),
				   .first_slot = (int32_t)(first / FM_SLOT_MS),
				   .inside = real ? is_inside : is_made_inside,
				   .ctx = real ? (const void *)real->addresses : r};
	o->nslots = (int32_t)(last / FM_SLOT_MS) - o->first_slot + 1;
	if (fm_config_gate_asks(cfg, "labels"))
		o->nlabels = fm_config_public_labels(cfg, text, label, FM_LABELS_MAX);
	if (real)
		return FM_OK;
	return fm_ranges(r->range, &r->n, cfg, FM_SIDE_INSIDE, err);
}

/* As above: the charges come from asking about no exchanges at all. */
int fm_private_gate_plan(const struct fm_config *cfg, struct fm_charges *charges, struct fm_error *err)
{
	int64_t noisy[FM_PAID_QUESTIONS][FM_PAID_CELLS];
	struct fm_exchanges none = {0};
	struct fm_private_ranges ranges;
	struct fm_secret key = {0};
	struct fm_paid_opts o;
	int rc;

	if (!(cfg->privacy.budget[FM_SHARE_GATE] > 0))
		return FM_OK;
	if ((rc = fm_private_gate_opts(&o, cfg, NULL, &ranges, err)) < 0 ||
	    (rc = fm_secret_new(&key, FM_STREAM_KEY, err)) < 0)
		goto out;
	rc = fm_paid_ask(noisy, charges, &none, &o, &key, err);
out:
	fm_secret_close(&key);
	return rc;
}

int fm_private_beside(const struct fm_config *cfg, const struct fm_marginals *m, const struct fm_table *made,
		      struct fm_beside *out, struct fm_error *err)
{
	struct fm_private_ranges r;
	int rc;

	if ((rc = fm_ranges(r.range, &r.n, cfg, FM_SIDE_INSIDE, err)) < 0)
		return rc;
	return fm_marginals_beside(m, made, is_made_inside, &r, out, err);
}

/* ---- a sample ---- */

/* How many units of privacy.unit the trace has at least: six standard deviations below the noisy total, which is known
 * at least as well as a sum over one table of one attribute, and of the split. */
static double least_units(const struct fm_config *cfg, const struct fm_marginals *m)
{
	double cells = m->tables.size[0], exchanges,
	       left = cfg->split.holdout + cfg->split.validation; /* of N, the training has N (1 - left) by chance */

	for (int a = 1; a < FM_NATTRS; a++)
		cells = fmin(cells, m->tables.size[a]);
	exchanges = fmax(m->tables.total - 6 * m->tables.one_sigma * sqrt(cells), 0) / (1 - left);
	exchanges = fmax(exchanges - 6 * sqrt(exchanges * left / (1 - left)), 0);
	return exchanges * (fm_config_unit_flow(cfg) ? m->flows_per_record : 1) / fm_config_group(cfg);
}

int fm_private_doubt(const struct fm_config *cfg, const struct fm_marginals *m, struct fm_error *err)
{
	double least = least_units(cfg, m);

	if (least * cfg->privacy.delta >= 1)
		return fm_fail(
		    err, FM_EINPUT,
		    "privacy.records is %lld, and by the noisy counts the trace has %.0f %ss or more, so that "
		    "privacy.delta %g is one in their number or more and the claim is void: set "
		    "privacy.records to what the trace can have, and a smaller privacy.delta",
		    (long long)cfg->privacy.records, floor(least), cfg->privacy.unit, cfg->privacy.delta);
	if (least > fm_config_units(cfg))
		fm_warn("privacy.records is %lld, and by the noisy counts the trace has %.0f %ss or more: what the "
			"config says in public is not so",
			(long long)cfg->privacy.records, floor(least), cfg->privacy.unit);
	if (m->domains.axis[FM_X_A_SIZE].guess || m->domains.axis[FM_X_B_SIZE].guess)
		fm_warn("about %.0f exchanges are too few for this noise: it hides how large flows are; "
			"take more flows or a larger privacy.epsilon, and say in privacy.first and privacy.last when "
			"they were: what is outside of that is left out",
			m->tables.total);
	return FM_OK;
}

int fm_private_wishes(struct fm_private_wishes *w, const struct fm_config *cfg, const struct fm_marginals *m,
		      uint64_t rows, uint64_t seed, struct fm_error *err)
{
	int ninside, noutside, rc;

	if ((rc = fm_ranges(w->inside, &ninside, cfg, FM_SIDE_INSIDE, err)) < 0 ||
	    (rc = fm_ranges(w->outside, &noutside, cfg, 0, err)) < 0)
		return rc;
	w->sample = (struct fm_marginals_sample_in){
	    .rows = rows ? rows : (uint64_t)(m->tables.total * m->flows_per_record + 0.5),
	    .seed = seed,
	    .rounds = cfg->generate.correction,
	    .inside = w->inside,
	    .outside = w->outside,
	    .ninside = ninside,
	    .noutside = noutside,
	};
	return FM_OK;
}
