#include "stages/audit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/generator.h"
#include "privacy/audit.h"
#include "privacy/canary.h"
#include "stages/canaries.h"
#include "stages/stage.h"
#include "stages/table.h"

#define BY_FLOWS FM_NSCORES /* the ranking that every kind of model has, after those of its scores */
#define RANKINGS (FM_NSCORES + 1)
#define FLOWS_MADE 20000 /* among which the nearest to a canary is looked for */
#define ERR (1 - FM_AUDIT_CONFIDENCE)

struct auditing {
	const struct fm_audit_in *in;
	struct fm_pool *pool;
	struct fm_table *known; /* the training split, in memory */
	struct fm_canary_memory memory;
	size_t choice[FM_AUDIT_CHOICES][2];
	size_t rankings; /* how many the kind of model has: its scores, and the flows */
	double best;
	json_t *runs;
};

int fm_audit_secret(struct fm_secret *own, const struct fm_secret *audit, size_t run, struct fm_error *err)
{
	char label[64];

	snprintf(label, sizeof label, "audit run %zu", run);
	return fm_secret_derive(own, audit, label, err);
}

/* ---- the flows ---- */

static int copy_rows(struct fm_table *to, const struct fm_table *from, struct fm_error *err)
{
	int rc;

	for (size_t i = 0; i < from->rows; i++)
		if ((rc = fm_table_append(to, from, i, err)) < 0)
			return rc;
	return FM_OK;
}

/* The training split of the trace, as a run would have it. */
static int read_known(struct auditing *a, struct fm_error *err)
{
	struct fm_secret split = {0};
	struct fm_ingest_in in = {.cfg = a->in->cfg, .trace = a->in->trace, .secret = &split};
	struct fm_ingest_out out;
	char *store = fm_path_join(a->in->work_dir, fm_stage_table[FM_INGEST].product),
	     *train = store ? fm_path_join(store, fm_items[FM_ITEM_TRAIN].name) : NULL;
	struct fm_table *t = NULL;
	int rc;

	in.out_dir = store;
	if (!train) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_secret_derive(&split, a->in->secret, "ingest", err)) < 0 ||
	    (rc = fm_dir_make(store, 0700, err)) < 0 || (rc = fm_stage_ingest(&in, &out, err)) < 0 ||
	    (rc = fm_table_open(&t, train, err)) < 0 || (rc = fm_table_new(&a->known, t->present, err)) < 0 ||
	    (rc = fm_table_reserve(a->known, t->rows + 1, err)) < 0)
		goto out;
	rc = copy_rows(a->known, t, err);
out:
	fm_table_free(t);
	fm_secret_close(&split);
	free(train);
	free(store);
	return rc;
}

/* The known rows, those of the canaries that are in, and of what is there instead of one that is out. */
static int plant(struct fm_table **with, const struct fm_planted *p, struct fm_error *err)
{
	const struct fm_table *known = p->known, *from;
	int rc;

	if ((rc = fm_table_new(with, known->present, err)) < 0 ||
	    (rc = fm_table_reserve(*with, known->rows + p->canary->rows + 1, err)) < 0 ||
	    (rc = copy_rows(*with, known, err)) < 0)
		return rc;
	for (size_t row = 0; row < p->canary->rows; row++) {
		from = p->in[row / p->each] ? p->canary : p->instead;
		if (from && (rc = fm_table_append(*with, from, row, err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* ---- one run ---- */

const char *const fm_audit_numbers[] = {"epsilon_lower", "confidence", "delta", "canaries", "most", NULL};
const char *const fm_audit_by[] = {
    [FM_SCORE_COUNTS] = "counts", [FM_SCORE_LOSSES] = "losses", [BY_FLOWS] = "flows", [RANKINGS] = NULL};

/* The best bound of the rankings; each ranking has its share of the chance to err. */
static int bound(struct auditing *a, const double *score[RANKINGS], const uint8_t *in, struct fm_error *err)
{
	double share = ERR / (double)(a->in->runs * a->rankings);
	struct fm_audit best = {0};
	size_t included = 0;
	int which = 0, rc;
	json_t *j;

	for (int k = 0; k < RANKINGS; k++) {
		struct fm_audit one;

		if (!score[k])
			continue;
		struct fm_canaries c = {.score = score[k], .in = in, .m = a->in->canaries};
		if ((rc = fm_audit_bound(&c, (const size_t(*)[2])a->choice, FM_AUDIT_CHOICES, a->in->cfg->privacy.delta,
					 share, &one, err)) < 0)
			return rc;
		if (best.r == 0 || one.epsilon > best.epsilon) {
			best = one;
			which = k;
		}
	}
	for (size_t i = 0; i < a->in->canaries; i++)
		included += in[i];
	a->best = fmax(a->best, best.epsilon);
	j = json_pack("{s:f, s:s, s:I, s:I, s:I}", "epsilon_lower", best.epsilon, "by", fm_audit_by[which], "guesses",
		      (json_int_t)best.r, "right", (json_int_t)best.v, "included", (json_int_t)included);
	return !j || json_array_append_new(a->runs, j) ? fm_fail(err, FM_ESYSTEM, "out of memory: the audit") : FM_OK;
}

static int fit_and_score(struct auditing *a, const struct fm_secret *own, const struct fm_table *with,
			 const struct fm_planted *planted, double *score[RANKINGS], struct fm_error *err)
{
	const struct fm_config *cfg = a->in->cfg;
	struct fm_secret noise = {0};
	struct fm_generator_ctx ctx = {.cfg = cfg, .pool = a->pool, .secret = &noise};
	struct fm_real_flows real = {.train = with};
	struct fm_sample_in wanted = {.rows = FLOWS_MADE, .seed = 1};
	struct fm_model *model = NULL;
	struct fm_table *made = NULL;
	int rc;

	if ((rc = fm_config_public_period(cfg, &real.first_ms, &real.last_ms, err)) < 0 ||
	    (rc = fm_secret_derive(&noise, own, "train", err)) < 0 ||
	    (rc = fm_generator_audit(&model, &ctx, &real, planted, score, err)) < 0)
		goto out;
	ctx.secret = NULL;
	if ((rc = fm_model_sample(model, &ctx, &wanted, &made, err)) < 0)
		goto out;
	if ((rc = fm_canaries_nearest(planted->canary, planted->n, made, 1, score[BY_FLOWS], err)) < 0 ||
	    (planted->instead &&
	     (rc = fm_canaries_nearest(planted->instead, planted->n, made, -1, score[BY_FLOWS], err)) < 0))
		goto out;
out:
	fm_table_free(made);
	fm_model_free(model);
	fm_secret_close(&noise);
	return rc;
}

static int one_run(struct auditing *a, size_t k, struct fm_error *err)
{
	size_t n = a->in->canaries;
	struct fm_secret own = {0};
	struct fm_table *canary = NULL, *instead = NULL, *with = NULL;
	double *score[RANKINGS] = {NULL};
	const double *ranked[RANKINGS];
	uint8_t *in = NULL;
	int rc;

	for (int i = 0; i < RANKINGS; i++)
		if ((rc = fm_alloc(&score[i], n, sizeof(double), "scores of canaries", err)) < 0)
			goto out;
	if ((rc = fm_audit_secret(&own, a->in->secret, k, err)) < 0 ||
	    (rc = fm_alloc(&in, n, sizeof *in, "canaries", err)) < 0 ||
	    (rc = fm_canaries_make(&canary, &instead, n, a->known->present, a->in->cfg, &own, err)) < 0 ||
	    (rc = fm_audit_toss(&own, "audit/toss", n, in, err)) < 0 ||
	    (rc = fm_tables_share_addresses((struct fm_table *[]){a->known, canary, instead}, instead ? 3 : 2, err)) <
		0)
		goto out;
	struct fm_planted planted = {.n = n,
				     .each = canary->rows / n,
				     .canary = canary,
				     .instead = instead,
				     .known = a->known,
				     .in = in,
				     .memory = &a->memory};
	if ((rc = plant(&with, &planted, err)) < 0 || (rc = fit_and_score(a, &own, with, &planted, score, err)) < 0)
		goto out;
	for (int i = 0; i < RANKINGS; i++)
		ranked[i] = i == BY_FLOWS || i < fm_generator_scores(a->in->cfg) ? score[i] : NULL;
	rc = bound(a, ranked, in, err);
out:
	fm_table_free(canary);
	fm_table_free(instead);
	fm_table_free(with);
	fm_secret_close(&own);
	for (int i = 0; i < RANKINGS; i++)
		free(score[i]);
	free(in);
	return rc;
}

/* ---- all runs ---- */

static int check(const struct fm_audit_in *in, struct fm_error *err)
{
	if (!fm_config_dp(in->cfg))
		return fm_fail(err, FM_EINPUT, "privacy.mode is %s, which claims nothing: there is nothing to audit",
			       in->cfg->privacy.mode);
	if (in->canaries < FM_AUDIT_CANARIES_MIN || in->canaries > FM_AUDIT_CANARIES_MAX || in->runs < 1 ||
	    in->runs > FM_AUDIT_RUNS_MAX)
		return fm_fail(err, FM_EINPUT,
			       "%zu canaries, %zu runs: from %d to %d canaries and at most %d runs make an audit",
			       in->canaries, in->runs, FM_AUDIT_CANARIES_MIN, FM_AUDIT_CANARIES_MAX, FM_AUDIT_RUNS_MAX);
	return FM_OK;
}

int fm_stage_audit(const struct fm_audit_in *in, json_t **result, struct fm_error *err)
{
	struct auditing a = {.in = in};
	size_t n = in->canaries;
	double most = 0;
	int rc;

	*result = NULL;
	if ((rc = check(in, err)) < 0)
		return rc;
	fm_audit_choices(n, a.choice);
	a.rankings = (size_t)fm_generator_scores(in->cfg) + 1;
	if (!(a.runs = json_array()))
		return fm_fail(err, FM_ESYSTEM, "out of memory: the audit");
	if ((rc = fm_pool_new(&a.pool, in->cfg->train.threads, err)) < 0 || (rc = read_known(&a, err)) < 0 ||
	    (rc = fm_audit_epsilon(n, a.choice[0][0] + a.choice[0][1], a.choice[0][0] + a.choice[0][1],
				   in->cfg->privacy.delta, ERR / (double)(in->runs * a.rankings * FM_AUDIT_CHOICES),
				   &most, err)) < 0)
		goto out;
	for (size_t k = 0; k < in->runs; k++)
		if ((rc = one_run(&a, k, err)) < 0)
			goto out;
	*result =
	    json_pack("{s:f, s:f, s:f, s:I, s:f, s:O}", "epsilon_lower", a.best, "confidence", FM_AUDIT_CONFIDENCE,
		      "delta", in->cfg->privacy.delta, "canaries", (json_int_t)n, "most", most, "runs", a.runs);
	if (!*result)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory: the audit");
out:
	json_decref(a.runs);
	fm_canary_forget(&a.memory);
	fm_table_free(a.known);
	fm_pool_free(a.pool);
	return rc;
}
