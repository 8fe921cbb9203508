/* records.c - what the synthetic rows reveal about nearby real records: identifiability, membership. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "privacy/leakage/leakage.h"
#include "privacy/leakage/leakage_parts.h"
#include "privacy/leakage/membership.h"

static const struct group {
	const char *name;
	unsigned columns;
} groups[] = {
    {"", ~0u},
    {"_no_addr_time", ~(1u << FM_TE | 1u << FM_SA | 1u << FM_DA)},
    {"_sizes", 1u << FM_TD | 1u << FM_PKT | 1u << FM_BYT},
};
enum { NGROUPS = sizeof groups / sizeof *groups };

struct sample {
	const struct fm_table *t;
	uint32_t *row; /* (n) */
	size_t n;
	float *x;                       /* (n, dim) */
	struct fm_span *skip;           /* (n) the training rows that a record is not compared with, or NULL */
	uint32_t *cluster;              /* (n) */
	double *to_real, *to_synthetic; /* (n) squared */
	double *score;                  /* (n) */
};

static void sample_close(struct sample *s)
{
	free(s->row);
	free(s->x);
	free(s->skip);
	free(s->cluster);
	free(s->to_real);
	free(s->to_synthetic);
	free(s->score);
}

static int sample_open(struct sample *s, struct fm_leak *l, int side, struct fm_error *err)
{
	const struct fm_clusters *b = l->clusters;
	int rc;

	s->t = side ? l->holdout : l->train;
	if ((rc = fm_leak_choose(s->t, fm_leak_kept(l, side), FM_LEAKAGE_RECORDS,
				 side ? FM_LEAK_OUTSIDERS : FM_LEAK_MEMBERS, &s->row, &s->n, err)) < 0 ||
	    (rc = fm_alloc(&s->cluster, s->n + 1, sizeof *s->cluster, "records", err)) < 0 ||
	    (rc = fm_alloc(&s->to_real, s->n + 1, sizeof *s->to_real, "records", err)) < 0 ||
	    (rc = fm_alloc(&s->to_synthetic, s->n + 1, sizeof *s->to_synthetic, "records", err)) < 0 ||
	    (rc = fm_alloc(&s->score, s->n + 1, sizeof *s->score, "records", err)) < 0)
		return rc;
	for (size_t i = 0; i < s->n; i++)
		s->cluster[i] = fm_cluster_of(b, side, s->row[i]);
	if (side)
		return FM_OK;
	if ((rc = fm_alloc(&s->skip, s->n + 1, sizeof *s->skip, "records", err)) < 0)
		return rc;
	for (size_t i = 0; i < s->n; i++) /* skip its own window, which no outsider has, unless it is the only one */
		s->skip[i] = b->train > 1 ? b->rows[s->cluster[i]] : (struct fm_span){s->row[i], s->row[i] + 1};
	return FM_OK;
}

/* How much nearer the synthetic rows are than the other training rows: a density ratio by nearest neighbours (van
 * Breugel et al., Membership Inference Attacks against Synthetic Data through Overfitting Detection, 2023). */
static double nearness(double to_real, double to_synthetic)
{
	if (!isfinite(to_real))
		return NAN; /* no other real row */
	if (to_real == to_synthetic)
		return 1;
	return to_synthetic > 0 ? to_real / to_synthetic : INFINITY;
}

static int distances(struct fm_leak *l, const struct group *group, const struct fm_features *f, struct sample *members,
		     struct sample *outsiders, int synthetic, struct fm_error *err)
{
	const struct fm_table *t = synthetic ? l->synthetic : l->train;
	struct sample *both[2] = {members, outsiders};
	char name[FM_DIVISION_NAME];
	uint32_t *row = NULL;
	int rc;

	if ((rc = fm_alloc(&row, FM_LEAKAGE_RECORDS, sizeof *row, "neighbours", err)) < 0)
		return rc;
	for (int k = 0; k < 2; k++) {
		struct fm_queries asked = {both[k]->x, both[k]->n, 1, synthetic ? NULL : both[k]->skip, l->pool};
		double *d2 = synthetic ? both[k]->to_synthetic : both[k]->to_real;
		snprintf(name, sizeof name, "record%s/%d%d", group->name, synthetic, k);
		if ((rc = fm_leak_search(l, name, &(struct fm_searched){f, t, synthetic ? NULL : fm_leak_kept(l, 0)},
					 &asked, row, d2, err)) < 0)
			goto out;
	}
out:
	free(row);
	return rc;
}

static int identifiability(struct fm_leak *l, const char *name, const char *group, const struct sample *s,
			   struct fm_error *err)
{
	double nearer = 0;

	for (size_t i = 0; i < s->n; i++)
		nearer += s->score[i] > 1 ? 1 : isnan(s->score[i]) ? NAN : 0;
	if (isnan(nearer))
		return fm_leak_add_ci(l, name, group, (struct fm_estimate){NAN, s->n, NAN, NAN}, err);
	return fm_leak_share(l, name, group, nearer, s->n, 1, err);
}

static int judge(struct fm_leak *l, const struct group *group, struct sample *members, struct sample *outsiders,
		 struct fm_error *err)
{
	struct sample *both[2] = {members, outsiders};
	struct fm_features f;
	struct fm_mia mia;
	int rc;

	fm_features_fit(&f, l->train, group->columns & l->synthetic->present & l->holdout->present);
	for (int k = 0; k < 2; k++) {
		free(both[k]->x);
		if ((rc = fm_features_code(&f, &(struct fm_choice){both[k]->t, both[k]->row, 0, both[k]->n},
					   &both[k]->x, err)) < 0)
			return rc;
	}
	for (int synthetic = 0; synthetic < 2; synthetic++)
		if ((rc = distances(l, group, &f, members, outsiders, synthetic, err)) < 0)
			return rc;
	if (fm_division_makes(l->division))
		return FM_OK;
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < both[k]->n; i++)
			both[k]->score[i] = nearness(both[k]->to_real[i], both[k]->to_synthetic[i]);
	if ((rc = identifiability(l, "identifiability_train", group->name, members, err)) < 0 ||
	    (rc = identifiability(l, "identifiability_holdout", group->name, outsiders, err)) < 0 ||
	    (rc = fm_mia_scores(&(struct fm_mia_side){members->score, members->cluster, members->n},
				&(struct fm_mia_side){outsiders->score, outsiders->cluster, outsiders->n}, &mia, err)) <
		0)
		return rc;
	return fm_mia_add(&mia, "mia", group->name, members->n, l->out, err);
}

int fm_leak_records(struct fm_leak *l, struct fm_error *err)
{
	unsigned common = l->train->present & l->synthetic->present & l->holdout->present & FM_COLS_UGR16;
	struct sample members = {0}, outsiders = {0};
	int rc;

	if ((rc = sample_open(&members, l, 0, err)) < 0 || (rc = sample_open(&outsiders, l, 1, err)) < 0)
		goto out;
	for (int g = 0; g < NGROUPS; g++)
		if (common & groups[g].columns && (rc = judge(l, &groups[g], &members, &outsiders, err)) < 0)
			goto out;
out:
	sample_close(&members);
	sample_close(&outsiders);
	return rc;
}
