/* reuse.c - real addresses, prefixes and rare values that the synthetic rows repeat. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "privacy/leakage/leakage.h"
#include "privacy/leakage/leakage_parts.h"
#include "privacy/leakage/match.h"

/* ---- different values and how often they occur ---- */

/* A table of hashes that grows until it would take more than `memory`; then it is full. */
struct counts {
	uint64_t *value;
	uint32_t *times; /* 0: the slot is free */
	size_t slots, used, memory;
	int full;
};

static void counts_close(struct counts *s)
{
	free(s->value);
	free(s->times);
	*s = (struct counts){0};
}

static size_t place(const struct counts *s, uint64_t v)
{
	size_t i = fm_mix(v) & (s->slots - 1);

	while (s->times[i] && s->value[i] != v)
		i = (i + 1) & (s->slots - 1);
	return i;
}

static int grow(struct counts *s, struct fm_error *err)
{
	struct counts larger = {.slots = s->slots ? 2 * s->slots : 1024, .used = s->used, .memory = s->memory};
	int rc;

	if (s->slots && larger.slots * (sizeof *s->value + sizeof *s->times) > s->memory / 2) {
		s->full = 1; /* both are there while it grows */
		return FM_OK;
	}
	if ((rc = fm_alloc(&larger.value, larger.slots, sizeof *s->value, "values", err)) < 0 ||
	    (rc = fm_alloc(&larger.times, larger.slots, sizeof *s->times, "values", err)) < 0) {
		counts_close(&larger);
		return rc;
	}
	for (size_t i = 0; i < s->slots; i++)
		if (s->times[i]) {
			size_t at = place(&larger, s->value[i]);
			larger.value[at] = s->value[i];
			larger.times[at] = s->times[i];
		}
	counts_close(s);
	*s = larger;
	return FM_OK;
}

static int count(struct counts *s, uint64_t v, struct fm_error *err)
{
	int rc;

	if (2 * s->used >= s->slots && ((rc = grow(s, err)) < 0 || s->full))
		return rc;
	size_t i = place(s, v);
	s->used += s->times[i] == 0;
	s->value[i] = v;
	s->times[i] += s->times[i] < UINT32_MAX;
	return FM_OK;
}

/* ---- columns ---- */

/* A column of a table, as values that compare with training's. Where there are too many different values, they are
 * counted in `parts` shares of their hashes. */
struct column {
	const struct fm_table *t;
	int c;
	unsigned drop; /* bits dropped at the end of an address */
	uint32_t *code[FM_NCOL];
};
struct share {
	uint64_t part, parts;
};

static uint64_t value(const struct column *k, size_t row)
{
	return k->drop ? fm_table_network(k->t, k->c, row, k->drop) : fm_coded(k->t, k->code, k->c, row);
}

static int is_in(struct share share, uint64_t v)
{
	/* Use other bits than place() does. */
	return share.parts == 1 || (fm_mix(v) >> 32) * share.parts >> 32 == share.part;
}

static int count_column(struct counts *s, const struct column *k, struct share share, struct fm_error *err)
{
	int rc;

	for (size_t i = 0; i < k->t->rows && !s->full; i++) {
		uint64_t v = value(k, i);
		if (is_in(share, v) && (rc = count(s, v, err)) < 0)
			return rc;
		fm_table_forget_behind(k->t, i);
	}
	return FM_OK;
}

/* ---- addresses ---- */

enum { SYNTHETIC, HOLDOUT, OTHERS };
static const enum fm_col address_cols[] = {FM_SA, FM_DA};
enum { ADDRESS_COLS = sizeof address_cols / sizeof *address_cols };

/* Count the addresses of one share, without their last `drop` bits. */
static int count_addresses(struct counts *s, const struct fm_table *t, unsigned drop, struct share share,
			   struct fm_error *err)
{
	int rc;

	for (int k = 0; k < ADDRESS_COLS; k++) {
		struct column column = {.t = t, .c = (int)address_cols[k], .drop = drop};
		if (FM_HAS(t, address_cols[k]) && (rc = count_column(s, &column, share, err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* For the addresses of the other tables, without their last `drop` bits: the number of different ones in each, and how
 * many of them training has. */
struct prefixes {
	const struct fm_table *other[OTHERS];
	unsigned drop;
	size_t n[OTHERS], met[OTHERS];
};

/* Add those of one share; *full: there was no memory to find out. */
static int meet_share(struct fm_leak *l, struct prefixes *p, struct share share, int *full, struct fm_error *err)
{
	struct counts train = {.memory = l->memory / 2}, s = {0};
	int rc;

	if ((rc = count_addresses(&train, l->train, p->drop, share, err)) < 0)
		goto out;
	for (int k = 0; k < OTHERS && !train.full; k++) {
		if (!p->other[k])
			continue;
		s.memory = l->memory / 2;
		if ((rc = count_addresses(&s, p->other[k], p->drop, share, err)) < 0)
			goto out;
		p->n[k] += s.used;
		for (size_t i = 0; i < s.slots; i++)
			p->met[k] += s.times[i] && train.slots && train.times[place(&train, s.value[i])];
		*full |= s.full;
		counts_close(&s);
	}
	*full |= train.full;
out:
	counts_close(&train);
	counts_close(&s);
	return rc;
}

/* The same for range i of the hashes, in as many shares as needed. */
static int meet_addresses(struct fm_leak *l, struct prefixes *p, uint32_t i, struct fm_error *err)
{
	uint64_t of = fm_division_of(l->division);
	int rc, full = 1;

	for (uint64_t parts = 1; full; parts *= 2) {
		full = 0;
		memset(p->n, 0, sizeof p->n);
		memset(p->met, 0, sizeof p->met);
		for (uint64_t part = 0; part < parts && !full; part++)
			if ((rc = meet_share(l, p, (struct share){i * parts + part, of * parts}, &full, err)) < 0)
				return rc;
	}
	return FM_OK;
}

/* The same for all ranges: *all. */
static int meet_ranges(struct fm_leak *l, struct prefixes *all, struct fm_error *err)
{
	struct fm_division *d = l->division;
	uint64_t counted[2 * OTHERS];
	char name[FM_DIVISION_NAME];
	struct prefixes p = *all;
	int rc;

	snprintf(name, sizeof name, "echo/%u", all->drop);
	for (uint32_t i = 0; i < fm_division_of(d); i++) {
		if (fm_division_skips(d, i))
			continue;
		if ((rc = fm_division_begin(d, i, name, err)) < 0)
			return rc;
		if (fm_division_has(d, i)) {
			if ((rc = fm_division_get(d, i, counted, sizeof counted, err)) < 0)
				return rc;
		} else if ((rc = meet_addresses(l, &p, i, err)) < 0) {
			return rc;
		}
		for (int o = 0; o < OTHERS; o++) {
			if (!fm_division_has(d, i)) {
				counted[2 * o] = p.n[o];
				counted[2 * o + 1] = p.met[o];
			}
			size_t most = p.other[o] ? ADDRESS_COLS * p.other[o]->rows : 0;
			if (counted[2 * o] > most - all->n[o] || counted[2 * o + 1] > counted[2 * o])
				return fm_division_refuse(d, i, err);
			all->n[o] += counted[2 * o];
			all->met[o] += counted[2 * o + 1];
		}
		if ((rc = fm_division_put(d, counted, sizeof counted, err)) < 0 ||
		    (rc = fm_division_end(d, i, err)) < 0)
			return rc;
	}
	return FM_OK;
}

static int addresses(struct fm_leak *l, struct fm_error *err)
{
	static const struct {
		const char *name[OTHERS];
		unsigned drop;
	} kinds[] = {{{"echo_addr", "echo_addr_holdout"}, 0},
		     {{"echo_prefix24", "echo_prefix24_holdout"}, 8},
		     {{"echo_prefix16", "echo_prefix16_holdout"}, 16}};
	const unsigned cols = 1u << FM_SA | 1u << FM_DA;
	int rc;

	if (!(l->train->present & cols) || !(l->synthetic->present & cols))
		return FM_OK;
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		struct prefixes p = {
		    .other = {l->synthetic, l->holdout && l->holdout->present & cols ? l->holdout : NULL},
		    .drop = kinds[k].drop};
		if ((rc = meet_ranges(l, &p, err)) < 0)
			return rc;
		for (int o = 0; o < OTHERS && !fm_division_makes(l->division); o++)
			if (p.other[o] &&
			    (rc = fm_leak_share(l, kinds[k].name[o], "", (double)p.met[o], p.n[o], 1, err)) < 0)
				return rc;
	}
	return FM_OK;
}

/* ---- rare values ---- */

/* How many rows of the other tables have a value that at least one but fewer than l->rare training rows have, for
 * values whose hash is in part whole.part of whole.parts. */
static int meet_rare(struct fm_leak *l, const struct column *train, const struct column other[OTHERS],
		     struct share whole, uint64_t rare[OTHERS], int *full, struct fm_error *err)
{
	uint64_t parts = whole.parts;
	struct counts s = {.memory = l->memory};
	uint64_t of = fm_division_of(l->division);
	int rc = FM_OK;

	*full = 0;
	memset(rare, 0, OTHERS * sizeof *rare);
	for (uint64_t part = 0; part < parts && !*full; part++) {
		struct share share = {whole.part * parts + part, of * parts};
		if ((rc = count_column(&s, train, share, err)) < 0)
			goto out;
		*full = s.full;
		for (int k = 0; k < OTHERS && !*full && s.slots; k++)
			for (size_t r = 0; other[k].t && r < other[k].t->rows; r++) {
				uint64_t v = value(&other[k], r);
				uint32_t times = is_in(share, v) ? s.times[place(&s, v)] : 0;
				rare[k] += times > 0 && times < l->rare;
				fm_table_forget_behind(other[k].t, r);
			}
		counts_close(&s);
		s.memory = l->memory;
	}
out:
	counts_close(&s);
	return rc;
}

/* The same for all ranges: rare. */
static int rare_ranges(struct fm_leak *l, const struct column *train, const struct column other[OTHERS],
		       uint64_t rare[OTHERS], struct fm_error *err)
{
	struct fm_division *d = l->division;
	char name[FM_DIVISION_NAME];
	uint64_t some[OTHERS];
	int rc;

	memset(rare, 0, OTHERS * sizeof *rare);
	snprintf(name, sizeof name, "rare/%s", fm_cols[train->c].name);
	for (uint32_t i = 0; i < fm_division_of(d); i++) {
		int full = !fm_division_has(d, i);
		if (fm_division_skips(d, i))
			continue;
		if ((rc = fm_division_begin(d, i, name, err)) < 0 ||
		    (!full && (rc = fm_division_get(d, i, some, sizeof some, err)) < 0))
			return rc;
		for (uint64_t parts = 1; full; parts *= 2)
			if ((rc = meet_rare(l, train, other, (struct share){i, parts}, some, &full, err)) < 0)
				return rc;
		for (int k = 0; k < OTHERS; k++) {
			if (some[k] > (other[k].t ? other[k].t->rows : 0) - rare[k])
				return fm_division_refuse(d, i, err);
			rare[k] += some[k];
		}
		if ((rc = fm_division_put(d, some, sizeof some, err)) < 0 || (rc = fm_division_end(d, i, err)) < 0)
			return rc;
	}
	return FM_OK;
}

static int rare_column(struct fm_leak *l, int c, struct fm_error *err)
{
	static const char *const suffix[OTHERS] = {"", "_holdout"};
	struct column train = {.t = l->train, .c = c}, other[OTHERS] = {{.t = l->synthetic, .c = c}, {.c = c}};
	uint64_t rare[OTHERS];
	int rc;

	if (l->holdout && FM_HAS(l->holdout, c))
		other[HOLDOUT].t = l->holdout;
	for (int k = 0; k < OTHERS; k++)
		if (other[k].t && (rc = fm_codes_like(other[k].t, l->train, 1u << c, other[k].code, err)) < 0)
			goto out;
	if ((rc = rare_ranges(l, &train, other, rare, err)) < 0)
		goto out;
	for (int k = 0; k < OTHERS && !fm_division_makes(l->division); k++) {
		char name[32];
		snprintf(name, sizeof name, "rare_%s%s", fm_cols[c].name, suffix[k]);
		if (other[k].t && (rc = fm_leak_share(l, name, "", (double)rare[k], other[k].t->rows, 1, err)) < 0)
			goto out;
	}
out:
	for (int k = 0; k < OTHERS; k++)
		fm_codes_free(other[k].code);
	return rc;
}

int fm_leak_reuse(struct fm_leak *l, struct fm_error *err)
{
	static const enum fm_col cols[] = {FM_SP, FM_DP, FM_TD, FM_PKT, FM_BYT, FM_FLG};
	int rc;

	if ((rc = addresses(l, err)) < 0)
		return rc;
	for (size_t k = 0; k < sizeof cols / sizeof *cols; k++)
		if (FM_HAS(l->train, cols[k]) && FM_HAS(l->synthetic, cols[k]) &&
		    (rc = rare_column(l, (int)cols[k], err)) < 0)
			return rc;
	return FM_OK;
}
