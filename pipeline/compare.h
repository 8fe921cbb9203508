/*
 * compare.h - several models learn the same split of one trace, and are judged by the same metrics: `flowmint compare`.
 *
 * Each is a run of its own in one project, OUT/project, or in the workspace and ledger of another project, so that in
 * privacy.mode dp what they ask of a trace is charged where its releases are.  A run has the stages of any run up to
 * the gate, behind the same walls.  Ingest is done once.  A model that the gate refuses, or whose run fails, is
 * reported as such, and the others go on.
 */
#ifndef FM_PIPELINE_COMPARE_H
#define FM_PIPELINE_COMPARE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "manifests/config.h"

#define FM_COMPARISON_FORMAT "flowmint-comparison/1"

struct fm_compare_opts {
	const char *trace, *dialect; /* dialect NULL: the preset's */
	const char *out, *preset;
	const char *project, *workspace; /* whose keys and ledger the runs use; NULL: a project of their own */
	const char *models;              /* names with commas between; NULL: FM_COMPARE_USUAL */
	uint64_t rows;                   /* the first rows of the trace; 0: all */
	double budget;                   /* minutes of training a model at most; 0: as its config has it */
	const char *const *set;          /* overrides of all configs */
	int nset;
	bool unconfined;
	/* Called before the first run with the trace's dialect, to look at what will be judged beside the models; NULL:
	 * nothing is. */
	int (*look)(void *ctx, const char *dialect, struct fm_error *err);
	void *look_at;
};
#define FM_COMPARE_USUAL "hybrid,plain,ctgan,netshare"

/*
 * {"format","edition":"team","flowmint","dialect","preset","rows":N|null,"set":["KEY=VALUE",...],
 *  "budget_minutes":N|null,
 *  "models":[{"name","about","set":["model.kind=ctgan",...],"paper":0.2|null,
 *             "status":"passed"|"refused"|"failed","message",
 *             "run","train_steps","config_steps":N|null,"parameters","sampler":S|null,
 *             "stages":[{"name","seconds","peak_rss_bytes","cached"},...],
 *             "metrics":[...],"failed":["jsd.TD 0.4 (max 0.08)",...],"symptoms":[...],"histograms":{...},
 *             "controls":[...],"control_rows","control_limit","smallest_leak_caught"},...]}
 *
 * edition: it is as private as the trace, whose histograms and paths it has.  rows: how many of the trace's first were
 * asked for; set: overrides of all configs, each for the kinds that have the key.  config_steps: those that the config
 * asks for, where a budget was given.  sampler: of a diffusion.  paper: what the method's paper reports as its mean JSD
 * of eight fields.  histograms (judge/histogram.h) and symptoms (judge/symptoms.h) are there where the model was
 * judged; so are the controls, as its verdict has them (manifests/metrics.h; not in privacy.mode dp): a gate that they
 * show to be broken is none of the failed checks.  *store: the product of ingest (product.h), a new string, and *cfg:
 * the config of that run; NULL when none got that far.  A model's set: what tells it from others, as its run had it.
 * FM_EUSAGE: a name is of no known model, or OUT has a comparison of another preset; FM_EINPUT where no model was
 * judged; what look fails with.
 */
int fm_compare(const struct fm_compare_opts *o, json_t **doc, char **store, struct fm_config **cfg,
	       struct fm_error *err) FM_MUST_CHECK;

/* What was measured of flows made elsewhere, as a model's entry: metrics is a list, histograms may be NULL. */
json_t *fm_compare_entry(const char *name, const char *about, const json_t *metrics, const json_t *histograms);

#endif
