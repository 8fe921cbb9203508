#include "privacy/accountant.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/loss.h"
#include "privacy/pld.h"
#include "privacy/rdp.h"
#include "privacy/special.h"

#define CLEAR 0.4 /* of the distance from a target */

/* ---- checks of a mechanism ---- */

static int wrong(const struct fm_mechanism *list, size_t i, struct fm_error *err, const char *what)
{
	if (list[i].name)
		return fm_fail(err, FM_EINPUT, "mechanism %zu (%s): %s", i + 1, list[i].name, what);
	return fm_fail(err, FM_EINPUT, "mechanism %zu: %s", i + 1, what);
}

static int check(const struct fm_mechanism *list, size_t i, struct fm_error *err)
{
	const struct fm_mechanism *m = &list[i];
	double noise = m->scale / m->sensitivity;

	if (!(m->sensitivity > 0 && m->sensitivity < 1e100))
		return wrong(list, i, err, "the sensitivity must be above 0");
	if (!(m->scale > 0 && m->scale < 1e100))
		return wrong(list, i, err, "the scale of the noise must be above 0");
	if (m->count < 1 || m->count > FM_COUNT_MAX)
		return wrong(list, i, err, "the number of times must be 1 to 100000000");
	if (m->group > FM_GROUP_MAX)
		return wrong(list, i, err, "a group has at most 4096 units");
	if (!(noise >= 1e-2 && noise <= 1e6))
		return wrong(list, i, err, "the noise must be 0.01 to 1000000 times the sensitivity");
	if (m->kind == FM_SAMPLED_GAUSSIAN && !(m->q > 1e-12 && m->q <= 1))
		return wrong(list, i, err, "the sampling rate must be above 1e-12 and at most 1");
	if (m->kind == FM_DISCRETE_GAUSSIAN && m->sensitivity != floor(m->sensitivity))
		return wrong(list, i, err, "the sensitivity of a discrete Gaussian must be a whole number");
	if (m->kind == FM_DISCRETE_GAUSSIAN && m->scale > FM_DISCRETE_SCALE_MAX)
		return wrong(list, i, err, "the scale of a discrete Gaussian must be at most 100000");
	return FM_OK;
}

/* ---- from mechanisms to losses ---- */

/* The losses of a list in one direction.  Full-batch Gaussians together are one Gaussian: the squares of sensitivity /
 * sigma add up (Dong, Roth, Su 2022, Corollary 3.3). */
struct direction {
	struct fm_loss *losses;         /* (n) */
	const struct fm_mechanism **of; /* (n) the first of the list with these losses */
	struct fm_use *uses;            /* (n) */
	size_t n;
	struct fm_pld *pld;
};

static unsigned group_of(const struct fm_mechanism *m)
{
	return m->group > 1 ? m->group : 1;
}

static int is_gaussian(const struct fm_mechanism *m)
{
	return m->kind == FM_GAUSSIAN || (m->kind == FM_SAMPLED_GAUSSIAN && m->q >= 1);
}

static void add_use(struct direction *d, uint64_t count, const struct fm_mechanism *of)
{
	d->of[d->n] = of;
	d->uses[d->n] = (struct fm_use){&d->losses[d->n], count};
	d->n++;
}

static int same_losses(const struct fm_mechanism *a, const struct fm_mechanism *b)
{
	return a->kind == b->kind && a->scale == b->scale && a->q == b->q && a->sensitivity == b->sensitivity &&
	       group_of(a) == group_of(b);
}

/* The use that has the losses of a mechanism; NULL: none yet. */
static struct fm_use *use_of(const struct direction *d, const struct fm_mechanism *m)
{
	for (size_t u = 0; u < d->n; u++)
		if (same_losses(d->of[u], m))
			return &d->uses[u];
	return NULL;
}

/* least: mass of one use that may be left out. */
static int direction_fill(struct direction *d, const struct fm_mechanism *list, size_t n, enum fm_direction way,
			  double least, struct fm_error *err)
{
	double squares = 0;
	int rc;

	if ((rc = fm_alloc(&d->losses, n + 1, sizeof *d->losses, "mechanisms", err)) < 0 ||
	    (rc = fm_alloc(&d->of, n + 1, sizeof *d->of, "mechanisms", err)) < 0 ||
	    (rc = fm_alloc(&d->uses, n + 1, sizeof *d->uses, "mechanisms", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		const struct fm_mechanism *m = &list[i];
		struct fm_use *again;
		double moved = m->sensitivity * group_of(m), ratio;

		if (is_gaussian(m)) {
			ratio = moved / m->scale * (m->kind == FM_SAMPLED_GAUSSIAN && way == FM_REPLACE ? 2 : 1);
			squares += (double)m->count * ratio * ratio;
			continue;
		}
		if ((again = use_of(d, m))) {
			again->count += m->count;
			continue;
		}
		if (m->kind == FM_SAMPLED_GAUSSIAN)
			fm_loss_sampled(&d->losses[d->n], m->q, m->scale / m->sensitivity, (int)group_of(m), way,
					least / (double)m->count);
		else if (m->kind == FM_LAPLACE)
			fm_loss_laplace(&d->losses[d->n], m->scale / moved);
		else
			fm_loss_discrete(&d->losses[d->n], m->scale, moved);
		add_use(d, m->count, m);
	}
	if (squares > 0) {
		fm_loss_gaussian(&d->losses[d->n], 1 / sqrt(squares));
		add_use(d, 1, NULL);
	}
	return FM_OK;
}

static void direction_free(struct direction *d)
{
	fm_pld_free(d->pld);
	free(d->losses);
	free(d->of);
	free(d->uses);
}

/* ---- by privacy loss distributions ---- */

/* A single use of a single loss needs no grid. */
static int is_single(const struct direction *d)
{
	return d->n == 1 && d->uses[0].count == 1;
}

static int exact(const struct direction *ways, int n, double delta, double *epsilon, struct fm_error *err)
{
	int rc;

	*epsilon = 0;
	for (int i = 0; i < n; i++) {
		double e;

		if ((rc = fm_loss_epsilon(ways[i].uses[0].loss, delta, &e, err)) < 0)
			return rc;
		*epsilon = fmax(*epsilon, e);
	}
	return FM_OK;
}

/* Is it clear on which side of the target epsilon is? */
static int is_clear(const struct fm_pld *d, double target)
{
	return target > 0 && fm_pld_gap(d) <= CLEAR * fabs(fm_pld_epsilon(d) - target);
}

/* Refine the direction with the larger bound until that one is settled: the other one need not be. */
static int by_pld(struct direction *ways, int n, const struct fm_account_terms *terms, double share, double target,
		  double *epsilon, struct fm_error *err)
{
	double delta = terms->delta;
	int rc;

	for (int i = 0; i < n; i++)
		if ((rc = fm_pld_new(&ways[i].pld, ways[i].uses, ways[i].n, delta, err)) < 0)
			return rc;
	for (;;) {
		struct direction *worst = &ways[0];

		for (int i = 1; i < n; i++)
			if (fm_pld_epsilon(ways[i].pld) > fm_pld_epsilon(worst->pld))
				worst = &ways[i];
		*epsilon = fm_pld_epsilon(worst->pld);
		if (*epsilon < (double)INFINITY && (fm_pld_settled(worst->pld, share) || is_clear(worst->pld, target)))
			return FM_OK;
		if (fm_pld_at_finest(worst->pld))
			return fm_fail(err, FM_EINPUT,
				       "no finite epsilon at delta %g: the noise is too small for this accountant",
				       delta);
		if ((rc = fm_pld_refine(worst->pld, share, err)) < 0)
			return rc;
	}
}

/* ---- by Renyi divergences ---- */

static int by_rdp(const struct direction *ways, int n, double delta, double *epsilon, struct fm_error *err)
{
	double one;
	int rc;

	*epsilon = 0;
	for (int i = 0; i < n; i++) {
		if ((rc = fm_rdp_account(ways[i].uses, ways[i].n, delta, &one, err)) < 0)
			return rc;
		*epsilon = fmax(*epsilon, one);
	}
	return FM_OK;
}

/* ---- the interface ---- */

int fm_account_toward(const struct fm_mechanism *list, size_t n, const struct fm_account_terms *terms, double share,
		      double target, double *epsilon, struct fm_error *err)
{
	double delta = terms->delta;
	enum fm_adjacency adjacency = terms->adjacency;
	enum fm_accountant accountant = terms->accountant;
	static const enum fm_direction both[] = {FM_REMOVE, FM_ADD}, once[] = {FM_REPLACE};
	struct direction ways[2] = {{0}};
	const enum fm_direction *way = adjacency == FM_REPLACE_ONE ? once : both;
	int count = adjacency == FM_REPLACE_ONE ? 1 : 2, sampled = 0, groups = 0, rc = FM_OK;

	if (!(delta >= FM_DELTA_MIN && delta < 1))
		return fm_fail(err, FM_EINPUT, "delta %g: must be at least 1e-30 and below 1", delta);
	for (size_t i = 0; i < n; i++) {
		if ((rc = check(list, i, err)) < 0)
			return rc;
		sampled |= list[i].kind == FM_SAMPLED_GAUSSIAN && list[i].q < 1;
		groups |= group_of(&list[i]) > 1;
	}
	*epsilon = 0;
	if (n == 0)
		return FM_OK;
	double least = accountant == FM_RDP ? 0 : 1e-10 * delta / (double)n; /* moments need every component */
	/* The other pairs are their own mirror images; and for a sampled Gaussian of one record the Renyi divergence is
	 * larger where the record is removed (Mironov, Talwar, Zhang 2019, Theorem 5). */
	if (!sampled || (accountant == FM_RDP && !groups))
		count = 1;
	for (int i = 0; i < count; i++)
		if ((rc = direction_fill(&ways[i], list, n, way[i], least, err)) < 0)
			goto out;
	if (accountant == FM_RDP)
		rc = by_rdp(ways, count, delta, epsilon, err);
	else if (is_single(&ways[0]))
		rc = exact(ways, count, delta, epsilon, err);
	else
		rc = by_pld(ways, count, terms, share, target, epsilon, err);
out:
	for (int i = 0; i < 2; i++)
		direction_free(&ways[i]);
	return rc;
}

int fm_account_within(const struct fm_mechanism *list, size_t n, const struct fm_account_terms *terms, double share,
		      double *epsilon, struct fm_error *err)
{
	return fm_account_toward(list, n, terms, share, 0, epsilon, err);
}

int fm_account(const struct fm_mechanism *list, size_t n, double delta, enum fm_adjacency adjacency,
	       enum fm_accountant accountant, double *epsilon, struct fm_error *err)
{
	struct fm_account_terms terms = {delta, adjacency, accountant};

	return fm_account_within(list, n, &terms, FM_ACCOUNT_SHARE, epsilon, err);
}
