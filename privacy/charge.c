#include "privacy/charge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "privacy/noise.h"
#include "privacy/threshold.h"

const char *fm_charge_kind_name(enum fm_charge_kind kind)
{
	static const char *const names[FM_CHARGE_NKINDS] = {
	    [FM_CHARGE_GAUSSIAN] = "gaussian",
	    [FM_CHARGE_DISCRETE_GAUSSIAN] = "discrete_gaussian",
	    [FM_CHARGE_LAPLACE] = "laplace",
	};

	return names[kind];
}

static int charge_check(const struct fm_charge *c, struct fm_error *err)
{
	if (c->name[0] == '\0' || memchr(c->name, '\0', sizeof(c->name)) == NULL)
		return fm_fail(err, FM_EINPUT, "a charge has a name of 1 to %d bytes", FM_CHARGE_NAME - 1);
	if ((unsigned)c->kind >= FM_CHARGE_NKINDS)
		return fm_fail(err, FM_EINPUT, "charge %s: kind %d is unknown", c->name, (int)c->kind);
	if (!(c->sensitivity >= 0 && isfinite(c->sensitivity)))
		return fm_fail(err, FM_EINPUT, "charge %s: the sensitivity cannot be %g", c->name, c->sensitivity);
	if (!(c->scale > 0 && isfinite(c->scale)))
		return fm_fail(err, FM_EINPUT, "charge %s: the scale of noise cannot be %g", c->name, c->scale);
	if (!(c->rate > 0 && c->rate <= 1))
		return fm_fail(err, FM_EINPUT, "charge %s: the sampling rate is %g: above 0 to 1 is possible", c->name,
			       c->rate);
	if (!(c->delta >= 0 && c->delta < 1))
		return fm_fail(err, FM_EINPUT, "charge %s: delta is %g: 0 to below 1 is possible", c->name, c->delta);
	if (c->count == 0)
		return fm_fail(err, FM_EINPUT, "charge %s: count is 0", c->name);
	return FM_OK;
}

int fm_charges_add(struct fm_charges *c, const struct fm_charge *charge, struct fm_error *err)
{
	int rc = charge_check(charge, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->list[i].name, charge->name) == 0)
			return fm_fail(
			    err, FM_EINPUT,
			    "%s was asked for twice in this run; the second answer would have the noise of the "
			    "first: give it a name of its own",
			    charge->name);
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 32 : 2 * c->cap;
		struct fm_charge *list = realloc(c->list, cap * sizeof(*list));

		if (list == NULL)
			return fm_fail(err, FM_ESYSTEM, "out of memory: a ledger of %zu charges", cap);
		c->list = list;
		c->cap = cap;
	}
	c->list[c->n++] = *charge;
	return FM_OK;
}

int fm_charges_append(struct fm_charges *c, const struct fm_charges *more, struct fm_error *err)
{
	for (size_t i = 0; i < more->n; i++) {
		int rc = fm_charges_add(c, &more->list[i], err);

		if (rc < 0)
			return rc;
	}
	return FM_OK;
}

void fm_charges_free(struct fm_charges *c)
{
	if (c == NULL)
		return;
	free(c->list);
	*c = (struct fm_charges){0};
}

/* The mechanism that the accountant takes a charge for. */
static int mechanism_of(const struct fm_charge *c, enum fm_accountant accountant, struct fm_mechanism *m,
			struct fm_error *err)
{
	int sampled = c->rate < 1;

	*m = (struct fm_mechanism){.kind = sampled ? FM_SAMPLED_GAUSSIAN : FM_GAUSSIAN,
				   .name = c->name,
				   .sensitivity = c->sensitivity,
				   .scale = c->scale,
				   .q = c->rate,
				   .count = c->count};
	if (c->kind == FM_CHARGE_LAPLACE) {
		if (sampled)
			return fm_fail(err, FM_EINPUT, "charge %s: Laplace noise on a sample has no account here",
				       c->name);
		m->kind = FM_LAPLACE;
	}
	if (c->kind == FM_CHARGE_DISCRETE_GAUSSIAN && (sampled || accountant != FM_RDP)) {
		m->scale = fm_gaussian_equivalent(c->scale);
		if (m->scale == 0)
			return fm_fail(err, FM_EINPUT,
				       "charge %s: a discrete Gaussian of standard deviation %g has no account; let it "
				       "be 2 or more",
				       c->name, c->scale);
	}
	return FM_OK;
}

/* The delta of a threshold, for a group of units. */
static double chance_of(const struct fm_charge *c, unsigned group)
{
	if (c->threshold == 0 || group <= 1)
		return c->delta * (double)c->count;
	return fm_threshold_chance(c->scale, c->most * group, c->threshold) * (double)c->count;
}

/* The entries that look at records, *n of them; thresholds take their part of *delta. */
static int mechanisms_of(const struct fm_charges *c, unsigned group, enum fm_accountant accountant,
			 struct fm_mechanism **list, size_t *n, double *delta, struct fm_error *err)
{
	double chances = 0;
	int rc;

	*n = 0;
	if ((rc = fm_alloc(list, c->n, sizeof(**list), "mechanisms", err)) < 0)
		return rc;
	for (size_t i = 0; i < c->n; i++) {
		chances += chance_of(&c->list[i], group);
		if (c->list[i].sensitivity == 0) /* looks at no record */
			continue;
		if ((rc = mechanism_of(&c->list[i], accountant, &(*list)[*n], err)) < 0)
			return rc;
		(*list)[(*n)++].group = group;
	}
	if (chances >= *delta)
		return fm_fail(err, FM_EINPUT, "thresholds use up %g of a delta of %g: they have to be higher", chances,
			       *delta);
	*delta = (*delta - chances) * (1 - 0x1p-50);
	return FM_OK;
}

int fm_charges_epsilon_within(const struct fm_charges *c, unsigned group, const struct fm_account_terms *terms,
			      double share, double *epsilon, struct fm_error *err)
{
	struct fm_account_terms left = *terms;
	struct fm_mechanism *list = NULL;
	size_t n;
	int rc;

	if ((rc = mechanisms_of(c, group, left.accountant, &list, &n, &left.delta, err)) < 0)
		goto out;
	rc = fm_account_within(list, n, &left, share, epsilon, err);
out:
	free(list);
	return rc;
}

int fm_charges_epsilon(const struct fm_charges *c, double delta, unsigned group, enum fm_adjacency adjacency,
		       enum fm_accountant accountant, double *epsilon, struct fm_error *err)
{
	const struct fm_account_terms terms = {delta, adjacency, accountant};

	return fm_charges_epsilon_within(c, group, &terms, FM_ACCOUNT_SHARE, epsilon, err);
}

int fm_charges_calibrate(struct fm_charges *c, size_t which, unsigned group, double epsilon,
			 const struct fm_account_terms *terms, struct fm_error *err)
{
	struct fm_account_terms left = *terms;
	struct fm_mechanism *list = NULL;
	size_t n, at = 0;
	int rc;

	if (which >= c->n || c->list[which].kind != FM_CHARGE_GAUSSIAN || !(c->list[which].sensitivity > 0))
		return fm_fail(err, FM_EINPUT, "there is no Gaussian to calibrate at entry %zu of %zu", which, c->n);
	if ((rc = mechanisms_of(c, group, left.accountant, &list, &n, &left.delta, err)) < 0)
		goto out;
	for (size_t i = 0; i < which; i++)
		at += c->list[i].sensitivity > 0;
	rc = fm_calibrate(list, n, at, epsilon, &left, &c->list[which].scale, err);
out:
	free(list);
	return rc;
}
