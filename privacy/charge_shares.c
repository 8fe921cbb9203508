/* The share of each charge in the whole, by Renyi divergences, which add up. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/charge.h"
#include "privacy/rdp.h"

enum { ORDERS = 63 }; /* 2 to 64 */

/* Components of a group's mixture that are rarer than this do not change a share. */
#define RARE 1e-40

/* The divergences of all uses of one entry, at each order, for a group of that many units. */
static int divergences(const struct fm_charge *c, unsigned group, const double *order, double *d, struct fm_error *err)
{
	double ratio = c->sensitivity / c->scale * (c->rate < 1 ? 1 : group);
	struct fm_loss loss;
	int rc;

	if (c->kind == FM_CHARGE_LAPLACE && c->sensitivity > 0)
		fm_loss_laplace(&loss, 1 / ratio);
	else if (c->rate < 1 && c->sensitivity > 0)
		fm_loss_sampled(&loss, c->rate, 1 / ratio, (int)group, FM_REMOVE, group > 1 ? RARE : 0);
	else { /* Mironov 2017, proposition 7; Canonne, Kamath, Steinke 2020, theorem 4 */
		for (int i = 0; i < ORDERS; i++)
			d[i] = order[i] * ratio * ratio / 2 * (double)c->count;
		return FM_OK;
	}
	if ((rc = fm_rdp(&loss, order, ORDERS, d, err)) < 0)
		return rc;
	for (int i = 0; i < ORDERS; i++)
		d[i] *= (double)c->count;
	return FM_OK;
}

int fm_charges_shares(const struct fm_charges *c, double delta, unsigned group, double *share, struct fm_error *err)
{
	double order[ORDERS], all[ORDERS] = {0}, *each = NULL;
	int best = 0, rc;

	if ((rc = fm_alloc(&each, c->n * ORDERS, sizeof *each, "divergences", err)) < 0)
		return rc;
	for (int i = 0; i < ORDERS; i++)
		order[i] = i + 2;
	for (size_t k = 0; k < c->n; k++) {
		if ((rc = divergences(&c->list[k], group, order, each + k * ORDERS, err)) < 0)
			goto out;
		for (int i = 0; i < ORDERS; i++)
			all[i] += each[k * ORDERS + (size_t)i];
	}
	for (int i = 1; i < ORDERS; i++)
		if (fm_rdp_epsilon(&order[i], &all[i], 1, delta) < fm_rdp_epsilon(&order[best], &all[best], 1, delta))
			best = i;
	if (!(all[best] < (double)INFINITY)) {
		rc = fm_rdp_beyond(err);
		goto out;
	}
	for (size_t k = 0; k < c->n; k++)
		share[k] = all[best] > 0 ? each[k * ORDERS + (size_t)best] / all[best] : 0;
out:
	free(each);
	return rc;
}
