#include "privacy/counts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/order.h"
#include "base/secret.h"
#include "privacy/threshold.h"

enum { MOST_FLOWS = 4096 };
#define DELTA_LEAST 1e-30

struct fm_counts {
	const struct fm_secret *key;
	struct fm_unit unit;
	struct fm_pool *pool;
	struct fm_charges charges;
};

int fm_unit_set(struct fm_unit *u, unsigned flows, int replaced, struct fm_error *err)
{
	if (flows == 0 || flows > MOST_FLOWS)
		return fm_fail(err, FM_EINPUT, "a unit cannot have %u flows: 1 to %d are allowed", flows, MOST_FLOWS);
	*u = (struct fm_unit){.replaced = replaced, .flows = flows, .hosts = 2};
	return FM_OK;
}

struct fm_items fm_items_units(size_t n)
{
	return (struct fm_items){n, NULL, n, 1};
}

struct fm_items fm_items_parts(const struct fm_unit *u, size_t n, const uint32_t *unit, size_t nunits)
{
	return (struct fm_items){n, unit, nunits, u->flows};
}

struct fm_items fm_items_hosts(const struct fm_unit *u, size_t n, const uint32_t *unit, size_t nunits)
{
	return (struct fm_items){n, unit, nunits, u->hosts};
}

int fm_counts_open(struct fm_counts **c, const struct fm_secret *key, const struct fm_unit *unit, struct fm_pool *pool,
		   struct fm_error *err)
{
	int rc;

	if ((rc = fm_alloc(c, 1, sizeof(**c), "private counts", err)) < 0)
		return rc;
	**c = (struct fm_counts){.key = key, .unit = *unit, .pool = pool};
	return FM_OK;
}

const struct fm_charges *fm_counts_charges(const struct fm_counts *c)
{
	return &c->charges;
}

void fm_counts_close(struct fm_counts *c)
{
	if (c == NULL)
		return;
	fm_charges_free(&c->charges);
	free(c);
}

/* Without a key there is no noise. */
static int key_check(const struct fm_counts *c, const char *name, size_t n, struct fm_error *err)
{
	if (c->key == NULL && n > 0)
		return fm_fail(err, FM_ESYSTEM, "%s: %zu items are to be counted without a key for the noise", name, n);
	return FM_OK;
}

/* Check that no unit has more items than the charge says. */
static int items_check(const struct fm_counts *c, const struct fm_query *q, struct fm_error *err)
{
	const struct fm_items *items = q->items;
	uint16_t *has = NULL;
	int rc;

	if ((rc = key_check(c, q->name, items->n, err)) < 0)
		return rc;
	if (items->n > UINT32_MAX || items->most == 0 || items->most > 2 * MOST_FLOWS)
		return fm_fail(err, FM_EINPUT, "%s: %zu items, at most %u per unit, are out of range", q->name,
			       items->n, items->most);
	if (items->unit == NULL)
		return FM_OK;
	if ((rc = fm_alloc(&has, items->nunits, sizeof(*has), "the units of private counts", err)) < 0)
		return rc;
	for (size_t i = 0; i < items->n; i++) {
		uint32_t unit = items->unit[i];

		if (unit >= items->nunits) {
			rc = fm_fail(err, FM_EINPUT, "%s: item %zu is of unit %u, of %zu", q->name, i, unit,
				     items->nunits);
			goto out;
		}
		if (++has[unit] > items->most) {
			rc = fm_fail(err, FM_EINPUT, "%s: unit %u has more than the %u items that it is charged for",
				     q->name, unit, items->most);
			goto out;
		}
	}
out:
	free(has);
	return rc;
}

/* By how much a unit moves a statistic in L2: see counts.h. */
static double moves_of_sum(const struct fm_unit *u, unsigned most)
{
	return u->replaced ? nextafter(M_SQRT2 * most, INFINITY) : most;
}

static double moves_of_hosts(const struct fm_unit *u)
{
	return nextafter(M_SQRT2 * (u->replaced ? 2 : 1) * u->hosts, INFINITY);
}

/* Enter the charge of a statistic, whose sensitivity and threshold are in entry, and prepare the drawing of its noise.
 */
static int charge(struct fm_counts *c, const char *name, double sigma, struct fm_charge entry, struct fm_gaussian *g,
		  struct fm_error *err)
{
	int rc;

	if (strlen(name) >= sizeof(entry.name))
		return fm_fail(err, FM_EINPUT, "%s: the name of a private count has at most %zu bytes", name,
			       sizeof(entry.name) - 1);
	strcpy(entry.name, name);
	if ((rc = fm_gaussian_set(g, sigma, err)) < 0)
		return err == NULL ? rc : fm_error_prefix(err, "%s: ", name);
	entry.kind = FM_CHARGE_DISCRETE_GAUSSIAN;
	entry.scale = fm_gaussian_sigma(g);
	entry.rate = 1;
	entry.count = 1;
	return fm_charges_add(&c->charges, &entry, err);
}

static void label_of(const char *name, char label[FM_STREAM_LABEL])
{
	snprintf(label, FM_STREAM_LABEL, "counts/%s", name);
}

/* counts[i] += draw i. */
static int noise_add(const struct fm_counts *c, const char *name, const struct fm_gaussian *g, int64_t *counts,
		     size_t n, struct fm_error *err)
{
	int64_t *draws = NULL;
	char label[FM_STREAM_LABEL];
	int rc;

	if (c->key == NULL) /* and nothing was counted */
		return FM_OK;
	label_of(name, label);
	if ((rc = fm_alloc(&draws, n, sizeof(*draws), "noise", err)) < 0)
		return rc;
	rc = fm_gaussian_fill(&(struct fm_stream_name){c->key, label, 0}, g, c->pool, 0, draws, n, err);
	for (size_t i = 0; i < n; i++)
		counts[i] += draws[i];
	explicit_bzero(draws, n * sizeof(*draws));
	free(draws);
	return rc;
}

/* Charge the exact counts in out, and add noise to them; out is cleared when that fails. */
static int release(struct fm_counts *c, const char *name, double moves, double sigma, int64_t *out, size_t n,
		   struct fm_error *err)
{
	struct fm_gaussian g;
	int rc;

	if ((rc = charge(c, name, sigma, (struct fm_charge){.sensitivity = moves}, &g, err)) < 0 ||
	    (rc = noise_add(c, name, &g, out, n, err)) < 0)
		memset(out, 0, n * sizeof(*out));
	return rc;
}

static int outside(const char *name, size_t item, uint32_t value, size_t n, struct fm_error *err)
{
	return fm_fail(err, FM_EINPUT, "%s: item %zu has the value %u, which is not in its domain of %zu", name, item,
		       value, n);
}

int fm_counts_histogram(struct fm_counts *c, const struct fm_query *q, struct fm_values v, int64_t *out,
			struct fm_error *err)
{
	int rc;

	if ((rc = items_check(c, q, err)) < 0)
		return rc;
	memset(out, 0, v.n * sizeof(*out));
	for (size_t i = 0; i < q->items->n; i++) {
		if (v.value[i] >= v.n) {
			memset(out, 0, v.n * sizeof(*out));
			return outside(q->name, i, v.value[i], v.n, err);
		}
		out[v.value[i]]++;
	}
	return release(c, q->name, moves_of_sum(&c->unit, q->items->most), q->sigma, out, v.n, err);
}

/* cell[i] = a * b.n + b of item i. */
static int pair_cells(const struct fm_query *q, struct fm_values a, struct fm_values b, uint32_t *cell,
		      struct fm_error *err)
{
	for (size_t i = 0; i < q->items->n; i++) {
		if (a.value[i] >= a.n)
			return outside(q->name, i, a.value[i], a.n, err);
		if (b.value[i] >= b.n)
			return outside(q->name, i, b.value[i], b.n, err);
		cell[i] = a.value[i] * (uint32_t)b.n + b.value[i];
	}
	return FM_OK;
}

int fm_counts_pairs(struct fm_counts *c, const struct fm_query *q, struct fm_values a, struct fm_values b, int64_t *out,
		    struct fm_error *err)
{
	uint32_t *cell = NULL;
	int rc;

	if (b.n == 0 || a.n > UINT32_MAX / b.n)
		return fm_fail(err, FM_EINPUT, "%s: %zu by %zu cells are out of range", q->name, a.n, b.n);
	if ((rc = fm_alloc(&cell, q->items->n, sizeof(*cell), "pairs", err)) < 0)
		return rc;
	if ((rc = pair_cells(q, a, b, cell, err)) < 0)
		goto out;
	rc = fm_counts_histogram(c, q, (struct fm_values){cell, a.n * b.n}, out, err);
out:
	free(cell);
	return rc;
}

int fm_counts_total(struct fm_counts *c, const struct fm_query *q, int64_t *out, struct fm_error *err)
{
	int rc;

	if ((rc = items_check(c, q, err)) < 0)
		return rc;
	*out = (int64_t)q->items->n;
	return release(c, q->name, moves_of_sum(&c->unit, q->items->most), q->sigma, out, 1, err);
}

int fm_counts_quantiles(struct fm_counts *c, const struct fm_query *q, struct fm_values v, const double *share,
			size_t n, uint32_t *bin, struct fm_error *err)
{
	int64_t *counts = NULL, total = 0, most = 0, sum = 0;
	size_t k = 0;
	int rc;

	if (v.n == 0)
		return fm_fail(err, FM_EINPUT, "%s: quantiles need bins", q->name);
	for (size_t i = 0; i < n; i++)
		if (!(share[i] >= (i == 0 ? 0 : share[i - 1]) && share[i] <= 1))
			return fm_fail(err, FM_EINPUT, "%s: quantiles rise from 0 to 1", q->name);
	if ((rc = fm_alloc(&counts, v.n, sizeof(*counts), "a histogram", err)) < 0 ||
	    (rc = fm_counts_histogram(c, q, v, counts, err)) < 0)
		goto out;
	/* From here on only the answer is used.  The sum up to a bin is never less than up to the previous bin. */
	for (size_t i = 0; i < v.n; i++) {
		sum += counts[i];
		most = sum > most ? sum : most;
		counts[i] = most;
	}
	total = most;
	for (size_t i = 0; i < v.n && k < n; i++)
		while (k < n && ((double)counts[i] >= share[k] * (double)total || i + 1 == v.n))
			bin[k++] = (uint32_t)i;
out:
	free(counts);
	return rc;
}

int fm_counts_population(struct fm_counts *c, const struct fm_query *q, struct fm_values host, const uint32_t *atleast,
			 size_t n, int64_t *out, struct fm_error *err)
{
	uint32_t *has = NULL;
	int rc;

	for (size_t k = 0; k < n; k++)
		if (atleast[k] <= (k == 0 ? 0 : atleast[k - 1]))
			return fm_fail(err, FM_EINPUT, "%s: the bounds of a population rise from 1", q->name);
	if ((rc = items_check(c, q, err)) < 0 ||
	    (rc = fm_alloc(&has, host.n, sizeof(*has), "the hosts of a population", err)) < 0)
		return rc;
	memset(out, 0, n * sizeof(*out));
	for (size_t i = 0; i < q->items->n; i++) {
		if (host.value[i] >= host.n) {
			rc = outside(q->name, i, host.value[i], host.n, err);
			goto out;
		}
		has[host.value[i]]++;
	}
	for (size_t h = 0; h < host.n; h++)
		for (size_t k = 0; k < n && has[h] >= atleast[k]; k++)
			out[k]++;
	rc = release(c, q->name, moves_of_sum(&c->unit, q->items->most), q->sigma, out, n, err);
out:
	free(has);
	return rc;
}

int fm_counts_cells(struct fm_counts *c, const char *name, struct fm_values cell, size_t nhosts, double sigma,
		    int64_t *out, struct fm_error *err)
{
	int rc = key_check(c, name, nhosts, err);

	memset(out, 0, cell.n * sizeof(*out));
	if (rc < 0)
		return rc;
	for (size_t h = 0; h < nhosts; h++) {
		if (cell.value[h] >= cell.n) {
			memset(out, 0, cell.n * sizeof(*out));
			return outside(name, h, cell.value[h], cell.n, err);
		}
		out[cell.value[h]] += cell.value[h] != 0;
	}
	return release(c, name, moves_of_hosts(&c->unit), sigma, out, cell.n, err);
}

/* Count equal neighbours of sorted[n]; the noise of a key has the key itself as its index. */
static int keys_count(const struct fm_counts *c, const char *name, const struct fm_gaussian *g, const uint64_t *sorted,
		      size_t n, struct fm_keys *out, struct fm_error *err)
{
	struct fm_stream *s = NULL;
	char label[FM_STREAM_LABEL];
	int rc;

	if (n == 0)
		return FM_OK;
	label_of(name, label);
	if ((rc = fm_stream_open(&s, c->key, label, 0, err)) < 0)
		return rc;
	for (size_t i = 0, end; i < n; i = end) {
		int64_t count;

		for (end = i + 1; end < n && sorted[end] == sorted[i]; end++)
			continue;
		fm_stream_at(s, sorted[i]);
		count = (int64_t)(end - i) + fm_discrete_gaussian(s, g);
		if (count >= out->threshold)
			out->list[out->n++] = (struct fm_key_count){sorted[i], count};
	}
	rc = fm_stream_check(s, err);
	fm_stream_close(s);
	return rc;
}

int fm_counts_keys(struct fm_counts *c, const struct fm_query *q, const uint64_t *key, double delta,
		   struct fm_keys *out, struct fm_error *err)
{
	const struct fm_items *items = q->items;
	unsigned group = c->unit.group > 1 ? c->unit.group : 1;
	uint64_t *sorted = NULL;
	struct fm_charge entry;
	struct fm_gaussian g;
	double chance;
	int rc;

	*out = (struct fm_keys){0};
	if (!(delta >= DELTA_LEAST && delta < 0.5))
		return fm_fail(err, FM_EINPUT, "%s: the delta of a stability threshold is 1e-30 to below 1/2, not %g",
			       q->name, delta);
	if ((rc = items_check(c, q, err)) < 0 || (rc = fm_gaussian_set(&g, q->sigma, err)) < 0)
		return rc;
	out->threshold = fm_threshold_least(fm_gaussian_sigma(&g), items->most * group, delta, &chance);
	if (group > 1) /* that of one unit; the accountant computes the group's from the threshold */
		chance = fm_threshold_chance(fm_gaussian_sigma(&g), items->most, out->threshold);
	entry = (struct fm_charge){.sensitivity = moves_of_sum(&c->unit, items->most),
				   .delta = chance,
				   .most = items->most,
				   .threshold = out->threshold};
	if ((rc = charge(c, q->name, q->sigma, entry, &g, err)) < 0 ||
	    (rc = fm_alloc(&sorted, items->n, sizeof(*sorted), "keys", err)) < 0 ||
	    (rc = fm_alloc(&out->list, items->n, sizeof(*out->list), "keys", err)) < 0)
		goto out;
	if (items->n > 0)
		memcpy(sorted, key, items->n * sizeof(*sorted));
	qsort(sorted, items->n, sizeof(*sorted), fm_compare_u64);
	rc = keys_count(c, q->name, &g, sorted, items->n, out, err);
out:
	free(sorted);
	if (rc < 0)
		fm_keys_free(out);
	return rc;
}

void fm_keys_free(struct fm_keys *k)
{
	if (k == NULL)
		return;
	free(k->list);
	*k = (struct fm_keys){0};
}
