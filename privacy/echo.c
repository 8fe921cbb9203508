/* echo.c - real addresses, prefixes and rare values that the synthetic rows repeat. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rows.h"
#include "privacy/leak.h"
#include "privacy/leakage.h"

struct values {
	uint64_t *v; /* rising */
	size_t n;
};

static void values_close(struct values *s)
{
	free(s->v);
	*s = (struct values){0};
}

/* How many of the values are below v. */
static size_t below(const struct values *s, uint64_t v)
{
	size_t at = 0, n = s->n;

	while (n > 0) {
		size_t half = n / 2;
		if (s->v[at + half] < v) {
			at += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return at;
}

/* The different prefixes, without their last `drop` bits, of all addresses of a table. */
static int prefixes(struct values *s, const struct fm_table *t, unsigned drop, struct fm_error *err)
{
	static const enum fm_col cols[] = {FM_SA, FM_DA};
	size_t n = 0;
	int rc;

	if ((rc = fm_alloc(&s->v, 2 * t->rows + 1, sizeof *s->v, "addresses", err)) != FM_OK)
		return rc;
	for (size_t k = 0; k < sizeof cols / sizeof *cols; k++)
		for (size_t i = 0; FM_HAS(t, cols[k]) && i < t->rows; i++)
			s->v[n++] = ((const uint32_t *)t->col[cols[k]])[i] >> drop;
	if ((rc = fm_sort_u64(s->v, NULL, n, err)) != FM_OK)
		return rc;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || s->v[i] != s->v[i - 1])
			s->v[s->n++] = s->v[i];
	return FM_OK;
}

static int echo_of(struct fm_leak *l, const char *name, const struct values *train, const struct fm_table *t,
		   unsigned drop, struct fm_error *err)
{
	struct values s = {0};
	size_t met = 0;
	int rc;

	if ((rc = prefixes(&s, t, drop, err)) == FM_OK) {
		for (size_t i = 0; i < s.n; i++) {
			size_t at = below(train, s.v[i]);
			met += at < train->n && train->v[at] == s.v[i];
		}
		rc = fm_leak_share(l, name, "", (double)met, s.n, 1, err);
	}
	values_close(&s);
	return rc;
}

static int addresses(struct fm_leak *l, struct fm_error *err)
{
	static const struct {
		const char *name, *holdout;
		unsigned drop;
	} kinds[] = {{"echo_addr", "echo_addr_holdout", 0},
		     {"echo_prefix24", "echo_prefix24_holdout", 8},
		     {"echo_prefix16", "echo_prefix16_holdout", 16}};
	const unsigned cols = 1u << FM_SA | 1u << FM_DA;
	int rc = FM_OK;

	if (!(l->train->present & cols) || !(l->synthetic->present & cols))
		return FM_OK;
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds && rc == FM_OK; k++) {
		struct values train = {0};
		if ((rc = prefixes(&train, l->train, kinds[k].drop, err)) == FM_OK)
			rc = echo_of(l, kinds[k].name, &train, l->synthetic, kinds[k].drop, err);
		if (rc == FM_OK && l->holdout && l->holdout->present & cols)
			rc = echo_of(l, kinds[k].holdout, &train, l->holdout, kinds[k].drop, err);
		values_close(&train);
	}
	return rc;
}

static uint64_t value(const struct fm_table *t, int c, size_t row, const uint32_t *code)
{
	switch (fm_cols[c].width) {
	case 2:
		return code ? code[((const uint16_t *)t->col[c])[row]] : ((const uint16_t *)t->col[c])[row];
	case 4:
		return ((const uint32_t *)t->col[c])[row];
	default:
		return ((const uint64_t *)t->col[c])[row];
	}
}

/* The share of rows whose value fewer than FM_LEAKAGE_RARE training rows, but one at least, have. */
static int rare_of(struct fm_leak *l, const char *suffix, const struct values *train, int c, const struct fm_table *t,
		   struct fm_error *err)
{
	uint32_t *code = NULL;
	size_t rare = 0;
	char name[32];
	int rc;

	if (fm_cols[c].kind == FM_KIND_CATEGORY &&
	    ((rc = fm_alloc(&code, t->dict[c].n + 1, sizeof *code, "category codes", err)) != FM_OK ||
	     (rc = fm_dict_match(&l->train->dict[c], &t->dict[c], code, err)) != FM_OK))
		goto out;
	for (size_t i = 0; i < t->rows; i++) {
		uint64_t v = value(t, c, i, code);
		size_t at = below(train, v), end = at;
		while (end < train->n && train->v[end] == v && end - at < FM_LEAKAGE_RARE)
			end++;
		rare += end > at && end - at < FM_LEAKAGE_RARE;
	}
	snprintf(name, sizeof name, "rare_%s%s", fm_cols[c].name, suffix);
	rc = fm_leak_share(l, name, "", (double)rare, t->rows, 1, err);
out:
	free(code);
	return rc;
}

static int rare_values(struct fm_leak *l, struct fm_error *err)
{
	static const enum fm_col cols[] = {FM_SP, FM_DP, FM_TD, FM_PKT, FM_BYT, FM_FLG};
	int rc = FM_OK;

	for (size_t k = 0; k < sizeof cols / sizeof *cols && rc == FM_OK; k++) {
		int c = cols[k];
		struct values train = {0};
		if (!FM_HAS(l->train, c) || !FM_HAS(l->synthetic, c))
			continue;
		if ((rc = fm_alloc(&train.v, l->train->rows + 1, sizeof *train.v, "values", err)) != FM_OK)
			return rc;
		train.n = l->train->rows;
		for (size_t i = 0; i < train.n; i++)
			train.v[i] = value(l->train, c, i, NULL);
		if ((rc = fm_sort_u64(train.v, NULL, train.n, err)) == FM_OK)
			rc = rare_of(l, "", &train, c, l->synthetic, err);
		if (rc == FM_OK && l->holdout && FM_HAS(l->holdout, c))
			rc = rare_of(l, "_holdout", &train, c, l->holdout, err);
		values_close(&train);
	}
	return rc;
}

int fm_leak_echo(struct fm_leak *l, struct fm_error *err)
{
	int rc = addresses(l, err);

	return rc == FM_OK ? rare_values(l, err) : rc;
}
