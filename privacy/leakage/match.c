#include "privacy/leakage/match.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"

/* ---- the table of hashes ---- */

enum { TRAIN, HOLDOUT, SYNTHETIC, NSIDES };
enum {
	TRAIN_ONCE = 1,
	TRAIN_MORE = 2,
	HOLDOUT_ONCE = 4,
	HOLDOUT_MORE = 8,
	EMITTED = 16,
	OF_HOLDOUT = 32,
	COPY = 64,
	TRAIN_HAS = 128
};

/* A real row that stands for all equal ones: one that is no copy, if there is one. */
struct slot {
	uint64_t hash;
	uint32_t row;
	uint32_t seen; /* 0: the slot is free */
};
struct search {
	struct fm_match *m;
	const struct fm_table *side[NSIDES];
	uint32_t *code[NSIDES][FM_NCOL];
	struct slot *slot;
	size_t mask;            /* number of slots, a power of two, less 1 */
	bool used;              /* the slots were used */
	uint64_t passes, parts; /* passes over the hashes of a range, and parts in all */
};

static uint64_t row_hash(const struct search *s, int side, size_t row)
{
	uint64_t h = 0;

	for (int c = 0; c < FM_NCOL; c++)
		if (s->m->columns >> c & 1u)
			h = fm_mix(h + 0x9e3779b97f4a7c15u + fm_coded(s->side[side], s->code[side], c, row));
	return h;
}

static int equal(const struct search *s, const struct slot *at, int side, size_t row)
{
	int of = at->seen & OF_HOLDOUT ? HOLDOUT : TRAIN;

	for (int c = 0; c < FM_NCOL; c++)
		if (s->m->columns >> c & 1u &&
		    fm_coded(s->side[of], s->code[of], c, at->row) != fm_coded(s->side[side], s->code[side], c, row))
			return 0;
	return 1;
}

/* The slot of the row, or the free slot where it belongs. */
static struct slot *find(const struct search *s, uint64_t hash, int side, size_t row)
{
	size_t i = hash & s->mask; /* ranges use the upper bits */

	while (s->slot[i].seen && !(s->slot[i].hash == hash && equal(s, &s->slot[i], side, row)))
		i = (i + 1) & s->mask;
	return &s->slot[i];
}

static void meet_real(struct search *s, int side, size_t row, uint64_t hash)
{
	struct slot *at = find(s, hash, side, row);
	uint32_t once = side == TRAIN ? TRAIN_ONCE : HOLDOUT_ONCE, more = once << 1;
	int copy = s->m->copies && !fm_kept_has(&s->m->copies->side[side], row);

	if (!at->seen || (at->seen & COPY && !copy)) {
		uint32_t had = at->seen & TRAIN_HAS;
		*at = (struct slot){hash, (uint32_t)row, had | (side == TRAIN ? 0 : OF_HOLDOUT) | (copy ? COPY : 0)};
	}
	if (!copy)
		at->seen |= at->seen & once ? more : once;
	at->seen |= side == TRAIN ? TRAIN_HAS : 0;
	s->m->holdout_equal += side == HOLDOUT && at->seen & TRAIN_HAS;
}

static void meet_synthetic(struct search *s, size_t row, uint64_t hash)
{
	struct slot *at = find(s, hash, SYNTHETIC, row);

	if (at->seen)
		at->seen |= EMITTED;
	s->m->synthetic_equal += (at->seen & TRAIN_HAS) != 0;
}

/* A category that the holdout has and training lacks gets the holdout's code in the synthetic table. */
static int share_unknown(struct search *s, struct fm_error *err)
{
	const struct fm_table *train = s->side[TRAIN], *holdout = s->side[HOLDOUT], *t = s->side[SYNTHETIC];
	uint32_t *in_holdout = NULL;
	int rc = FM_OK;

	for (int c = 0; c < FM_NCOL && holdout; c++) {
		size_t known = train->dict[c].n, held = holdout->dict[c].n;
		uint32_t *code = s->code[SYNTHETIC][c];
		if (!code)
			continue;
		if ((rc = fm_alloc(&in_holdout, t->dict[c].n + 1, sizeof *in_holdout, "category codes", err)) < 0 ||
		    (rc = fm_dict_match(&holdout->dict[c], &t->dict[c], in_holdout, err)) < 0)
			goto out;
		for (size_t i = 0; i < t->dict[c].n; i++)
			if (code[i] >= known)
				code[i] = (uint32_t)(known + (in_holdout[i] < held ? in_holdout[i] : held + i));
		free(in_holdout);
		in_holdout = NULL;
	}
out:
	free(in_holdout);
	return rc;
}

#define CHUNK ((size_t)1 << 16)

static void forget(const struct search *s)
{
	for (int k = 0; k < NSIDES; k++)
		if (s->side[k])
			fm_table_forget(s->side[k], 0, s->side[k]->rows);
}

/* Search the rows whose hash is in one part. */
static void search_part(struct search *s, uint64_t part)
{
	for (int side = TRAIN; side < NSIDES; side++) {
		size_t rows = s->side[side] ? s->side[side]->rows : 0;
		for (size_t i = 0; i < rows; i++) {
			uint64_t hash = row_hash(s, side, i);
			if ((hash >> 32) * s->parts >> 32 == part) {
				if (side == SYNTHETIC)
					meet_synthetic(s, i, hash);
				else
					meet_real(s, side, i, hash);
			}
			if ((i + 1) % CHUNK == 0)
				forget(s); /* rows elsewhere were read too */
		}
	}
}

/* A record in the file of a part. */
struct found {
	uint32_t side, row;
};

static int give(struct fm_match *m, struct found f, struct fm_error *err)
{
	return fm_division_makes(m->division) ? fm_division_put(m->division, &f, sizeof f, err)
					      : m->record(m->ctx, (int)f.side, f.row, err);
}

static int report_records(struct search *s, struct fm_error *err)
{
	int rc;

	for (size_t i = 0; i <= s->mask && (s->m->record || (s->m->holdout && fm_division_makes(s->m->division)));
	     i++) {
		uint32_t seen = s->slot[i].seen & ~(uint32_t)(OF_HOLDOUT | TRAIN_HAS);
		int side = seen == (EMITTED | HOLDOUT_ONCE);
		if (!side && seen != (EMITTED | TRAIN_ONCE))
			continue;
		if ((rc = give(s->m, (struct found){(uint32_t)side, s->slot[i].row}, err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* ---- in parts: the records, then the numbers of equal rows of the part ---- */

/* Range i of the hashes, in one pass or, where the memory is small, in several. */
static int search_range(struct search *s, uint32_t i, struct fm_error *err)
{
	size_t slots = s->mask + 1;
	int rc;

	for (uint64_t pass = 0; pass < s->passes; pass++) {
		if (s->used)
			memset(s->slot, 0, slots * sizeof *s->slot);
		s->used = true;
		search_part(s, i * s->passes + pass);
		if ((rc = report_records(s, err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* The same, read from another process. */
static int take_range(struct search *s, uint32_t i, struct fm_error *err)
{
	struct fm_match *m = s->m;
	uint64_t equal[2];
	struct found f;
	int rc;

	while (fm_division_left(m->division, i) > sizeof equal) {
		if ((rc = fm_division_get(m->division, i, &f, sizeof f, err)) < 0)
			return rc;
		if (f.side > HOLDOUT || !s->side[f.side] || f.row >= s->side[f.side]->rows || !m->record)
			return fm_division_refuse(m->division, i, err);
		if ((rc = m->record(m->ctx, (int)f.side, f.row, err)) < 0)
			return rc;
	}
	if ((rc = fm_division_get(m->division, i, equal, sizeof equal, err)) < 0)
		return rc;
	if (equal[0] > s->side[SYNTHETIC]->rows - m->synthetic_equal ||
	    equal[1] > (m->holdout ? m->holdout->rows : 0) - m->holdout_equal)
		return fm_division_refuse(m->division, i, err);
	m->synthetic_equal += equal[0];
	m->holdout_equal += equal[1];
	return FM_OK;
}

static int search_ranges(struct search *s, struct fm_error *err)
{
	struct fm_match *m = s->m;
	struct fm_division *d = m->division;
	int rc;

	for (uint32_t i = 0; i < fm_division_of(d); i++) {
		if (fm_division_skips(d, i))
			continue;
		if ((rc = fm_division_begin(d, i, m->name, err)) < 0 ||
		    (rc = fm_division_has(d, i) ? take_range(s, i, err) : search_range(s, i, err)) < 0)
			return rc;
		uint64_t equal[2] = {m->synthetic_equal, m->holdout_equal}; /* for a part being made: its own */
		if ((rc = fm_division_put(d, equal, sizeof equal, err)) < 0 || (rc = fm_division_end(d, i, err)) < 0)
			return rc;
	}
	return FM_OK;
}

int fm_match(struct fm_match *m, struct fm_error *err)
{
	struct search s = {.m = m, .side = {m->train, m->holdout, m->synthetic}};
	size_t real = m->train->rows + (m->holdout ? m->holdout->rows : 0), slots = 4096;
	uint32_t of = fm_division_of(m->division);
	int rc;

	m->synthetic_equal = m->holdout_equal = 0;
	for (int k = 0; k < NSIDES; k++) {
		if (!s.side[k])
			continue;
		if (s.side[k]->rows >= UINT32_MAX || (s.side[k]->present & m->columns) != m->columns)
			return fm_fail(err, FM_EINPUT, "tables cannot be matched: over %u rows, or a column is missing",
				       UINT32_MAX - 1);
		if ((rc = fm_codes_like(s.side[k], m->train, m->columns, s.code[k], err)) < 0)
			goto out;
	}
	if ((rc = share_unknown(&s, err)) < 0)
		goto out;
	/* At most half full, and a tenth less where there are ranges, as these are not quite even. */
	real = of > 1 ? real / of + real / of / 10 + 1 : real;
	while (slots < 2 * real && 2 * slots * sizeof *s.slot <= m->memory)
		slots *= 2;
	s.passes = slots < 2 * real ? (22 * (uint64_t)real + 10 * slots - 1) / (10 * slots) : 1;
	s.parts = of * s.passes;
	s.mask = slots - 1;
	if ((rc = fm_alloc(&s.slot, slots, sizeof *s.slot, "a table of rows", err)) < 0)
		goto out;
	rc = search_ranges(&s, err);
out:
	free(s.slot);
	for (int k = 0; k < NSIDES; k++)
		fm_codes_free(s.code[k]);
	return rc;
}
