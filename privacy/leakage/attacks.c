#include "privacy/leakage/attacks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/neighbours.h"
#include "base/rng.h"
#include "base/rows.h"
#include "base/stats.h"
#include "privacy/leakage/leakage.h"
#include "privacy/leakage/leakage_parts.h"

static const enum fm_col columns[] = {FM_TD, FM_PKT, FM_BYT, FM_SP, FM_DP, FM_PR, FM_FLG, FM_STOS, FM_LABEL};
enum { NCOLUMNS = sizeof columns / sizeof *columns, NUMBERS = 3 /* the first NUMBERS are ordered */ };
enum { TRAIN, HOLDOUT };

void fm_attack_risk(double train_hits, double n, double holdout_hits, double m, double *risk, double *lo, double *hi)
{
	double low, high;

	*risk = *lo = *hi = NAN;
	if (n <= 0 || m <= 0)
		return;
	/* Wilson's centre and half width are the rate and its error, as in the paper. */
	double a = train_hits / n, c = holdout_hits / m;
	fm_wilson(train_hits, n, &low, &high);
	double a_half = (high - low) / 2;
	fm_wilson(holdout_hits, m, &low, &high);
	double c_half = (high - low) / 2, c_mid = (high + low) / 2;
	*risk = c < 1 ? (a - c) / (1 - c) : 0;
	double half = hypot(a_half / (1 - c_mid), (1 - a) * c_half / ((1 - c_mid) * (1 - c_mid)));
	*lo = fmax(-1, fmin(1, *risk - half)); /* where the holdout's rate is near 1 it may be far below -1 */
	*hi = fmax(-1, fmin(1, *risk + half));
	*risk = fmax(-1, *risk);
}

struct rates {
	double train, holdout, naive;
	size_t n, m, naive_n;
};

static int add_rates(struct fm_leak *l, const char *attack, const struct rates *r, struct fm_error *err)
{
	double risk, lo, hi;
	char name[40];
	int rc;

	snprintf(name, sizeof name, "%s_train", attack);
	if ((rc = fm_leak_share(l, name, "", r->train, r->n, 1, err)) < 0)
		return rc;
	snprintf(name, sizeof name, "%s_holdout", attack);
	if ((rc = fm_leak_share(l, name, "", r->holdout, r->m, 1, err)) < 0)
		return rc;
	snprintf(name, sizeof name, "%s_naive", attack);
	if ((rc = fm_leak_share(l, name, "", r->naive, r->naive_n, 1, err)) < 0)
		return rc;
	snprintf(name, sizeof name, "%s_risk", attack);
	fm_attack_risk(r->train, (double)r->n, r->holdout, (double)r->m, &risk, &lo, &hi);
	return fm_leak_add_ci(l, name, "", (struct fm_estimate){risk, r->n, lo, hi}, err);
}

/* ---- singling out ---- */

/* The columns as integers, with the category codes of training; NULL for a column that a table lacks. */
struct codes {
	uint64_t *v[NCOLUMNS];
	size_t n;
	/* after sorting: a column's values, rising, and the rows that have them */
	uint64_t *rising[NCOLUMNS];
	uint32_t *row[NCOLUMNS];
};

static void codes_close(struct codes *s)
{
	for (int k = 0; k < NCOLUMNS; k++) {
		free(s->v[k]);
		free(s->rising[k]);
		free(s->row[k]);
	}
	*s = (struct codes){0};
}

static int codes_order(struct codes *s, struct fm_error *err)
{
	int rc;

	for (int k = 0; k < NCOLUMNS; k++) {
		if (!s->v[k])
			continue;
		if ((rc = fm_alloc(&s->rising[k], s->n + 1, sizeof **s->rising, "values", err)) < 0 ||
		    (rc = fm_alloc(&s->row[k], s->n + 1, sizeof **s->row, "rows of values", err)) < 0)
			return rc;
		memcpy(s->rising[k], s->v[k], s->n * sizeof **s->rising);
		for (size_t i = 0; i < s->n; i++)
			s->row[k][i] = (uint32_t)i;
		if ((rc = fm_sort_u64(s->rising[k], s->row[k], s->n, err)) < 0)
			return rc;
	}
	return FM_OK;
}

static int codes_open(struct codes *s, const struct fm_table *t, const struct fm_table *train, const uint32_t *row,
		      size_t n, unsigned common, struct fm_error *err)
{
	uint32_t *code = NULL;
	int rc = FM_OK;

	s->n = n;
	for (int k = 0; k < NCOLUMNS; k++) {
		int c = columns[k];
		if (!(common >> c & 1u))
			continue;
		if ((rc = fm_alloc(&s->v[k], n + 1, sizeof **s->v, "values", err)) < 0)
			goto out;
		if (fm_cols[c].kind == FM_KIND_CATEGORY &&
		    ((rc = fm_alloc(&code, t->dict[c].n + 1, sizeof *code, "category codes", err)) < 0 ||
		     (rc = fm_dict_match(&train->dict[c], &t->dict[c], code, err)) < 0))
			goto out;
		for (size_t i = 0, last = 0; i < n; i++) {
			size_t r = row ? row[i] : i;
			if (row)
				fm_table_forget_passed(t, row, i, &last);
			s->v[k][i] = fm_table_key(t, c, r);
			if (code)
				s->v[k][i] = code[s->v[k][i]];
		}
		free(code);
		code = NULL;
	}
out:
	free(code);
	return rc;
}

struct condition {
	int column; /* index into columns[] */
	enum { EQUAL, NOT_BELOW, NOT_ABOVE } is;
	uint64_t v;
};
struct predicate {
	struct condition c[FM_ATTACK_COLUMNS];
	int n;
	uint8_t found[2]; /* rows of training and of the holdout that fit, at most 2 each */
};

static int fits(const struct predicate *p, const struct codes *s, size_t row)
{
	for (int k = 0; k < p->n; k++) {
		const struct condition *c = &p->c[k];
		uint64_t v = s->v[c->column][row];
		if (c->is == EQUAL ? v != c->v : c->is == NOT_BELOW ? v < c->v : v > c->v)
			return 0;
	}
	return 1;
}

/* The real rows that the predicates are tried on. The larger side gives whole clusters with about as many rows as
 * the smaller side has, since it is harder to be the only one among more rows. */
struct population {
	const struct fm_table *t;
	size_t rows;
	const struct fm_span *cluster;
	uint32_t *chosen; /* the clusters chosen; NULL: all rows */
};

struct trial {
	struct predicate *p;
	const struct codes *rows; /* a part of the rows */
	int side;
};

/* The range of the rising values that fit one condition. */
static struct fm_span span_of(const struct condition *c, const struct codes *s)
{
	const uint64_t *v = s->rising[c->column];
	size_t below = c->is == NOT_ABOVE ? 0 : fm_keys_below(v, s->n, c->v);
	size_t end = c->is == NOT_BELOW || c->v == UINT64_MAX ? s->n : fm_keys_below(v, s->n, c->v + 1);

	return (struct fm_span){(uint32_t)below, (uint32_t)end}; /* at most PART rows */
}

/* Only the rows that fit the predicate's rarest condition are looked at. */
static void try_predicate(void *ctx, int shard, int thread)
{
	struct trial *t = ctx;
	struct predicate *p = &t->p[shard];
	struct fm_span rows = {0, (uint32_t)t->rows->n};
	int rarest = 0;

	(void)thread;
	for (int k = 0; k < p->n; k++) {
		struct fm_span here = span_of(&p->c[k], t->rows);
		if (here.to - here.from > rows.to - rows.from)
			continue;
		rows = here;
		rarest = k;
	}
	const uint32_t *row = p->n > 0 ? t->rows->row[p->c[rarest].column] : NULL;
	for (size_t i = rows.from; i < rows.to && p->found[t->side] < 2; i++)
		p->found[t->side] = (uint8_t)(p->found[t->side] + fits(p, t->rows, row ? row[i] : i));
}

/* The next rows of a population, at most PART, into row; *cluster and *at keep the position. */
#define PART ((size_t)1 << 16)
static size_t next_rows(const struct population *s, size_t done, size_t *cluster, size_t *at, uint32_t *row)
{
	size_t n = s->rows - done < PART ? s->rows - done : PART;

	for (size_t i = 0; i < n; i++) {
		const struct fm_span *b = s->chosen ? &s->cluster[s->chosen[*cluster]] : NULL;
		row[i] = (uint32_t)(b ? b->from + *at : done + i);
		if (b && ++*at == b->to - b->from) {
			++*cluster;
			*at = 0;
		}
	}
	return n;
}

/* Count the predicates (n) that fit exactly one row of training, and those that fit exactly one of the holdout. */
static int count_singles(struct fm_leak *l, struct predicate *p, size_t n, const struct population side[2],
			 double hits[2], struct fm_error *err)
{
	unsigned common = l->train->present & l->synthetic->present & l->holdout->present;
	uint32_t *row = NULL;
	struct codes codes = {0};
	int rc;

	if ((rc = fm_alloc(&row, PART, sizeof *row, "a choice of rows", err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		p[i].found[0] = p[i].found[1] = 0;
	for (int k = 0; k < 2; k++) {
		hits[k] = 0;
		for (size_t done = 0, some, cluster = 0, at = 0; done < side[k].rows; done += some) {
			struct trial t = {p, &codes, k};
			some = next_rows(&side[k], done, &cluster, &at, row);
			if ((rc = codes_open(&codes, side[k].t, l->train, row, some, common, err)) < 0 ||
			    (rc = codes_order(&codes, err)) < 0)
				goto out;
			fm_pool_run(l->pool, (int)n, try_predicate, &t);
			codes_close(&codes);
			fm_table_forget(side[k].t, row[0], (size_t)row[some - 1] + 1);
		}
		for (size_t i = 0; i < n; i++)
			hits[k] += p[i].found[k] == 1;
	}
out:
	codes_close(&codes);
	free(row);
	return rc;
}

struct unique {
	int column;
	uint64_t v;
};

/* Values that exactly one synthetic row has, in all columns; *n of them.  sorted[k]: a column's values, rising. */
static int unique_values(const struct codes *s, uint64_t *const sorted[NCOLUMNS], struct unique **out, size_t *n,
			 struct fm_error *err)
{
	size_t most = s->n * NCOLUMNS;
	int rc;

	*n = 0;
	if ((rc = fm_alloc(out, most + 1, sizeof **out, "unique values", err)) < 0)
		return rc;
	for (int k = 0; k < NCOLUMNS; k++)
		for (size_t i = 0; sorted[k] && i < s->n; i++)
			if ((i == 0 || sorted[k][i] != sorted[k][i - 1]) &&
			    (i + 1 == s->n || sorted[k][i] != sorted[k][i + 1]))
				(*out)[(*n)++] = (struct unique){k, sorted[k][i]};
	return FM_OK;
}

static int singling_uni(struct fm_leak *l, const struct population side[2], const struct codes *s,
			uint64_t *const sorted[NCOLUMNS], struct predicate *p, struct fm_error *err)
{
	struct rates r = {0};
	struct unique *u = NULL;
	uint32_t *chosen = NULL;
	struct fm_rng rng;
	double hits[2];
	size_t n, tries;
	int rc;

	if ((rc = unique_values(s, sorted, &u, &n, err)) < 0)
		goto out;
	tries = n < FM_ATTACKS ? n : FM_ATTACKS;
	if ((rc = fm_alloc(&chosen, tries + 1, sizeof *chosen, "a choice of values", err)) < 0)
		goto out;
	fm_rows_choose(FM_LEAK_SEED, FM_LEAK_PREDICATES, n, tries, chosen);
	for (size_t i = 0; i < tries; i++)
		p[i] = (struct predicate){.c = {{u[chosen[i]].column, EQUAL, u[chosen[i]].v}}, .n = 1};
	if ((rc = count_singles(l, p, tries, side, hits, err)) < 0)
		goto out;
	r = (struct rates){.train = hits[TRAIN], .holdout = hits[HOLDOUT], .n = tries, .m = tries, .naive_n = tries};
	for (size_t i = 0; i < tries; i++) { /* any value from the smallest to the largest */
		const uint64_t *v = sorted[p[i].c[0].column];
		uint64_t span = v[s->n - 1] - v[0];
		fm_rng_init(&rng, FM_LEAK_SEED, FM_RNG_JUDGE, FM_LEAK_GUESSES, (uint32_t)i);
		p[i].c[0].v = v[0] + (uint64_t)(fm_rng_uniform53(&rng) * ((double)span + 1));
	}
	if ((rc = count_singles(l, p, tries, side, hits, err)) < 0)
		goto out;
	r.naive = hits[TRAIN];
	rc = add_rates(l, "singling_uni", &r, err);
out:
	free(u);
	free(chosen);
	return rc;
}

static int singling_multi(struct fm_leak *l, const struct population side[2], const struct codes *s,
			  uint64_t *const sorted[NCOLUMNS], struct predicate *p, struct fm_error *err)
{
	struct rates r = {.n = FM_ATTACKS, .m = FM_ATTACKS, .naive_n = FM_ATTACKS};
	int there[NCOLUMNS], nthere = 0;
	double hits[2];
	int rc;

	for (int k = 0; k < NCOLUMNS; k++)
		if (s->v[k])
			there[nthere++] = k;
	for (int naive = 0; naive < 2; naive++) {
		for (uint32_t i = 0; i < FM_ATTACKS; i++) {
			struct fm_rng rng;
			fm_rng_init(&rng, FM_LEAK_SEED, FM_RNG_JUDGE, FM_LEAK_TARGETS + (uint64_t)naive, i);
			size_t row = fm_rng_below(&rng, (uint32_t)s->n);
			p[i].n = nthere < FM_ATTACK_COLUMNS ? nthere : FM_ATTACK_COLUMNS;
			for (int k = 0; k < p[i].n; k++) {
				uint32_t j = (uint32_t)k + fm_rng_below(&rng, (uint32_t)(nthere - k));
				int c = there[j];
				there[j] = there[k];
				there[k] = c;
				if (naive)
					row = fm_rng_below(&rng, (uint32_t)s->n);
				uint64_t v = s->v[c][row];
				p[i].c[k] = (struct condition){c, EQUAL, v};
				if (c < NUMBERS)
					p[i].c[k].is = v > sorted[c][s->n / 2] ? NOT_BELOW : NOT_ABOVE;
			}
		}
		if ((rc = count_singles(l, p, FM_ATTACKS, side, hits, err)) < 0)
			return rc;
		if (naive)
			r.naive = hits[TRAIN];
		else
			r.train = hits[TRAIN], r.holdout = hits[HOLDOUT];
	}
	return add_rates(l, "singling_multi", &r, err);
}

static int population_open(struct population *s, struct fm_leak *l, int k, struct fm_error *err)
{
	const struct fm_table *side[2] = {l->train, l->holdout};
	const struct fm_clusters *b = l->clusters;
	size_t first = k ? b->train : 0, clusters = k ? b->n - b->train : b->train;
	int rc;

	*s = (struct population){.t = side[k], .rows = side[k]->rows, .cluster = b->rows + first};
	if (side[!k]->rows >= side[k]->rows)
		return FM_OK;
	s->rows = side[!k]->rows;
	if ((rc = fm_alloc(&s->chosen, clusters + 1, sizeof *s->chosen, "a choice of clusters", err)) < 0)
		return rc;
	size_t got = 0;
	for (size_t wanted = clusters * s->rows / side[k]->rows; got < s->rows; wanted += wanted < clusters) {
		fm_rows_choose(FM_LEAK_SEED, FM_LEAK_CUT, clusters, wanted, s->chosen);
		got = 0;
		for (size_t i = 0; i < wanted && got < s->rows; i++)
			got += s->cluster[s->chosen[i]].to - s->cluster[s->chosen[i]].from;
	}
	return FM_OK;
}

/* What the attacker knows: the synthetic rows, or as many of them as fit in memory. */
static int known_open(struct codes *s, uint64_t *sorted[NCOLUMNS], struct fm_leak *l, struct fm_error *err)
{
	unsigned common = l->train->present & l->synthetic->present & l->holdout->present;
	size_t most = l->memory / (4 * NCOLUMNS * sizeof **sorted), n;
	uint32_t *row = NULL;
	int rc;

	if ((rc = fm_leak_choose(l->synthetic, NULL, most, FM_LEAK_KNOWN, &row, &n, err)) < 0)
		return rc;
	if ((rc = codes_open(s, l->synthetic, l->train, row, n, common, err)) < 0)
		goto out;
	for (int k = 0; k < NCOLUMNS; k++) {
		if (!s->v[k])
			continue;
		if ((rc = fm_alloc(&sorted[k], n + 1, sizeof **sorted, "values", err)) < 0)
			goto out;
		memcpy(sorted[k], s->v[k], n * sizeof **sorted);
		if ((rc = fm_sort_u64(sorted[k], NULL, n, err)) < 0)
			goto out;
	}
out:
	free(row);
	fm_table_forget(l->synthetic, 0, l->synthetic->rows);
	return rc;
}

static int singling_out(struct fm_leak *l, struct fm_error *err)
{
	struct population side[2] = {{0}, {0}};
	uint64_t *sorted[NCOLUMNS] = {NULL};
	struct predicate *p = NULL;
	struct codes known = {0};
	int rc, any = 0;

	for (int k = 0; k < 2; k++)
		if ((rc = population_open(&side[k], l, k, err)) < 0)
			goto out;
	if ((rc = known_open(&known, sorted, l, err)) < 0 ||
	    (rc = fm_alloc(&p, FM_ATTACKS, sizeof *p, "predicates", err)) < 0)
		goto out;
	for (int k = 0; k < NCOLUMNS; k++)
		any |= known.v[k] != NULL;
	if (!any || (rc = singling_uni(l, side, &known, sorted, p, err)) < 0)
		goto out;
	rc = singling_multi(l, side, &known, sorted, p, err);
out:
	for (int k = 0; k < NCOLUMNS; k++)
		free(sorted[k]);
	for (int k = 0; k < 2; k++)
		free(side[k].chosen);
	codes_close(&known);
	free(p);
	return rc;
}

/* ---- linkability and inference: by nearest neighbours among the synthetic rows ---- */

#define LINK_A (1u << FM_SP | 1u << FM_DP | 1u << FM_PR | 1u << FM_FLG | 1u << FM_STOS)
#define LINK_B (1u << FM_TD | 1u << FM_PKT | 1u << FM_BYT)
#define KNOWN (LINK_A | LINK_B | 1u << FM_LABEL)

struct targets {
	const struct fm_table *t;
	uint32_t *row; /* (n) */
	size_t n;
};

/* The k synthetic rows nearest to each target in the given columns: *near (n, k), to be freed. */
static int nearest_synthetic(struct fm_leak *l, const struct targets *of, unsigned cols, int k, uint32_t **near,
			     struct fm_error *err)
{
	unsigned common = l->train->present & l->synthetic->present & l->holdout->present;
	char name[FM_DIVISION_NAME];
	struct fm_features f;
	double *d2 = NULL;
	float *q = NULL;
	int rc;

	*near = NULL;
	snprintf(name, sizeof name, "attack%x/%d/%d", cols, k, of->t == l->holdout);
	fm_features_fit(&f, l->train, cols & common);
	if ((rc = fm_features_code(&f, &(struct fm_choice){of->t, of->row, 0, of->n}, &q, err)) < 0 ||
	    (rc = fm_alloc(near, of->n * (size_t)k + 1, sizeof **near, "neighbours", err)) < 0 ||
	    (rc = fm_alloc(&d2, of->n * (size_t)k + 1, sizeof *d2, "neighbours", err)) < 0)
		goto out;
	rc = fm_leak_search(l, name, &(struct fm_searched){&f, l->synthetic, NULL},
			    &(struct fm_queries){q, of->n, k, NULL, l->pool}, *near, d2, err);
out:
	free(q);
	free(d2);
	return rc;
}

static int linked(struct fm_leak *l, const struct targets *of, double *hits, struct fm_error *err)
{
	uint32_t *a = NULL, *b = NULL;
	int rc;

	*hits = 0;
	if ((rc = nearest_synthetic(l, of, LINK_A, FM_ATTACK_LINKS, &a, err)) < 0 ||
	    (rc = nearest_synthetic(l, of, LINK_B, FM_ATTACK_LINKS, &b, err)) < 0)
		goto out;
	for (size_t i = 0; i < of->n; i++) {
		int met = 0;
		for (int j = 0; j < FM_ATTACK_LINKS; j++)
			for (int k = 0; k < FM_ATTACK_LINKS; k++) {
				uint32_t v = a[i * FM_ATTACK_LINKS + (size_t)j];
				met |= v != FM_NO_NEIGHBOUR && v == b[i * FM_ATTACK_LINKS + (size_t)k];
			}
		*hits += met;
	}
out:
	free(a);
	free(b);
	return rc;
}

static int linkability(struct fm_leak *l, const struct targets targets[2], struct fm_error *err)
{
	size_t s = l->synthetic->rows, k = s < FM_ATTACK_LINKS ? s : FM_ATTACK_LINKS;
	struct rates r = {.n = targets[0].n, .m = targets[1].n, .naive_n = targets[0].n};
	double none = 1;
	int rc;

	if ((rc = linked(l, &targets[0], &r.train, err)) < 0 || (rc = linked(l, &targets[1], &r.holdout, err)) < 0 ||
	    fm_division_makes(l->division))
		return rc;
	for (size_t i = 0; i < k; i++) /* the probability that two choices of k of s rows have none in common */
		none *= s - k > i ? (double)(s - k - i) / (double)(s - i) : 0;
	r.naive = (1 - none) * (double)r.naive_n;
	return add_rates(l, "linkability", &r, err);
}

static int guessed(int c, const struct fm_table *t, size_t row, const struct fm_table *guess, size_t from)
{
	if (c == FM_DP)
		return t->dp[row] == guess->dp[from];
	double truth = (double)t->byt[row], said = (double)guess->byt[from];
	return fabs(said - truth) <= 0.05 * truth;
}

static int inferred(struct fm_leak *l, const struct targets *of, int secret, double *hits, double *naive,
		    struct fm_error *err)
{
	uint32_t *near = NULL;
	int rc;

	*hits = *naive = 0;
	if ((rc = nearest_synthetic(l, of, KNOWN & ~(1u << secret), 1, &near, err)) < 0 ||
	    fm_division_makes(l->division))
		goto out;
	for (size_t i = 0; i < of->n; i++) {
		struct fm_rng rng;
		fm_rng_init(&rng, FM_LEAK_SEED, FM_RNG_JUDGE, FM_LEAK_GUESSES, (uint32_t)i);
		*hits += guessed(secret, of->t, of->row[i], l->synthetic, near[i]);
		*naive +=
		    guessed(secret, of->t, of->row[i], l->synthetic, fm_rng_below(&rng, (uint32_t)l->synthetic->rows));
	}
out:
	free(near);
	return rc;
}

static int inference(struct fm_leak *l, const struct targets targets[2], struct fm_error *err)
{
	static const struct {
		int column;
		const char *name;
	} secrets[] = {{FM_BYT, "inference_byt"}, {FM_DP, "inference_dp"}};
	unsigned common = l->train->present & l->synthetic->present & l->holdout->present;
	int rc;

	for (size_t k = 0; k < sizeof secrets / sizeof *secrets; k++) {
		struct rates r = {.n = targets[0].n, .m = targets[1].n, .naive_n = targets[0].n};
		double unused;
		if (!(common >> secrets[k].column & 1u))
			continue;
		if ((rc = inferred(l, &targets[0], secrets[k].column, &r.train, &r.naive, err)) < 0 ||
		    (rc = inferred(l, &targets[1], secrets[k].column, &r.holdout, &unused, err)) < 0 ||
		    (!fm_division_makes(l->division) && (rc = add_rates(l, secrets[k].name, &r, err)) < 0))
			return rc;
	}
	return FM_OK;
}

int fm_leak_attacks(struct fm_leak *l, struct fm_error *err)
{
	struct targets targets[2] = {{.t = l->train}, {.t = l->holdout}};
	int rc;

	if ((!fm_division_makes(l->division) && (rc = singling_out(l, err)) < 0) ||
	    (rc = fm_leak_choose(l->train, NULL, FM_ATTACKS, FM_LEAK_TARGETS, &targets[0].row, &targets[0].n, err)) <
		0 ||
	    (rc = fm_leak_choose(l->holdout, NULL, FM_ATTACKS, FM_LEAK_CONTROLS, &targets[1].row, &targets[1].n, err)) <
		0 ||
	    (rc = linkability(l, targets, err)) < 0)
		goto out;
	rc = inference(l, targets, err);
out:
	free(targets[0].row);
	free(targets[1].row);
	return rc;
}
