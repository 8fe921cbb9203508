#include "stages/membership.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rows.h"
#include "manifests/dialect.h"
#include "model/diffusion/window_loss.h"
#include "privacy/leakage/membership.h"
#include "stages/engine.h"

#define SEED 20160411u
enum purpose { MEMBERS = 301, OUTSIDERS };

struct model {
	struct fm_dialect *dialect;
	struct fm_codec_opts opts;
	struct fm_codec *codec;
	struct fm_structural_zeros zeros;
	struct fm_hosts *hosts;
	struct fm_net *net;
	struct fm_process process;
	float *weights;
	uint64_t encode_seed;
};

static void model_close(struct model *m)
{
	free(m->weights);
	fm_net_free(m->net);
	fm_hosts_free(m->hosts);
	fm_structural_zeros_free(&m->zeros);
	fm_codec_free(m->codec);
	fm_dialect_free(m->dialect);
}

static int model_open(struct model *m, const struct fm_config *cfg, const char *dir, const char *store_json,
		      const struct fm_table *train, struct fm_error *err)
{
	int rc;

	m->encode_seed = cfg->train.seed;
	if ((rc = fm_dialect_load(&m->dialect, cfg->source.dialect, err)) != FM_OK ||
	    (rc = fm_engine_codec_opts(&m->opts, cfg, store_json, m->dialect, err)) != FM_OK ||
	    (rc = fm_engine_model(dir, &m->codec, &m->zeros, err)) != FM_OK ||
	    (rc = fm_engine_net(&m->net, cfg, m->codec, err)) != FM_OK ||
	    (rc = fm_engine_weights(dir, m->net, &m->weights, err)) != FM_OK ||
	    (rc = fm_engine_process(&m->process, cfg, err)) != FM_OK)
		return rc;
	return fm_hosts_fit(&m->hosts, train, m->opts.window, m->opts.min_count, m->opts.max_hosts, err);
}

/* The rows of the chosen windows as a table of their own. */
static int choose(const struct fm_table *t, int window, enum purpose purpose, struct fm_table **out,
		  struct fm_error *err)
{
	size_t *first = NULL, all = 0, W = (size_t)window, n;
	uint32_t *pick = NULL, *row = NULL;
	int rc;

	if ((rc = fm_windows_find(t, window, &first, &all, err)) != FM_OK)
		return rc;
	n = all < FM_MEMBERSHIP_WINDOWS ? all : FM_MEMBERSHIP_WINDOWS;
	if ((rc = fm_alloc(&pick, n + 1, sizeof *pick, "a choice of windows", err)) != FM_OK ||
	    (rc = fm_alloc(&row, n * W + 1, sizeof *row, "a choice of rows", err)) != FM_OK)
		goto out;
	fm_rows_choose(SEED, purpose, all, n, pick);
	for (size_t i = 0; i < n * W; i++)
		row[i] = (uint32_t)(first[pick[i / W]] + i % W);
	rc = fm_table_take(out, t, row, n * W, err);
out:
	free(first);
	free(pick);
	free(row);
	return rc;
}

/* Losses of some of a table's windows: *loss (*n), to be freed. */
static int losses(const struct model *m, const struct fm_table *t, enum purpose purpose, struct fm_pool *pool,
		  double **loss, size_t *n, struct fm_error *err)
{
	struct fm_encoded e = {0};
	struct fm_table *some = NULL;
	int rc;

	if ((rc = choose(t, m->opts.window, purpose, &some, err)) != FM_OK ||
	    (rc = fm_codec_encode(m->codec, m->hosts, some, &m->opts, m->encode_seed, &e, err)) != FM_OK ||
	    (rc = fm_alloc(loss, e.windows + 1, sizeof **loss, "losses", err)) != FM_OK)
		goto out;
	*n = e.windows;
	rc = fm_window_losses(m->net, &m->process, m->weights, &e, SEED, pool, *loss, err);
out:
	fm_encoded_free(&e);
	fm_table_free(some);
	return rc;
}

int fm_model_membership(const struct fm_config *cfg, const char *model_dir, const char *store_json,
			const struct fm_table *train, const struct fm_table *holdout, struct fm_pool *pool,
			struct fm_metrics *out, struct fm_error *err)
{
	double *member = NULL, *outsider = NULL;
	struct model m = {0};
	size_t n = 0, k = 0;
	int rc;

	if ((rc = model_open(&m, cfg, model_dir, store_json, train, err)) == FM_OK &&
	    (rc = losses(&m, train, MEMBERS, pool, &member, &n, err)) == FM_OK &&
	    (rc = losses(&m, holdout, OUTSIDERS, pool, &outsider, &k, err)) == FM_OK)
		rc = fm_mia_losses(member, n, outsider, k, out, err);
	free(member);
	free(outsider);
	model_close(&m);
	return rc;
}
