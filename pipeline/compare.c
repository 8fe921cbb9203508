/* compare.c - the models side by side. */
#include "pipeline/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "judge/gate/controls.h"
#include "judge/symptoms.h"
#include "manifests/canon.h"
#include "manifests/config.h"
#include "manifests/dialect.h"
#include "model/generator.h"
#include "pipeline/input.h"
#include "pipeline/plan.h"
#include "pipeline/product.h"
#include "pipeline/project.h"
#include "pipeline/rivals.h"
#include "pipeline/runner.h"
#include "pipeline/walls/sandbox.h"

#define DOCUMENT_MAX (32u << 20)
#define SET_MOST 64 /* overrides of one config */

/* ---- one run ---- */

struct compare {
	const struct fm_compare_opts *o;
	char *trace, *own, *config, *budget; /* own: OUT/project */
	const char *project, *workspace;     /* whose keys and ledger the runs use */
	char *store;
	struct fm_config *cfg; /* of the run that made the store */
	char *named;           /* the dialect that was asked for or found: a name, or a whole path; NULL: none was */
	char dialect[FM_CFG_PATH];     /* of the trace, as it was settled */
	const struct fm_rival *failed; /* the first one that the system failed; NULL: none */
};

/* A rival gets the keys that are for its kind: warn of a key that is for none of them. */
static void look_at_keys(const struct fm_compare_opts *o, const struct fm_rival *const *chosen, int n)
{
	for (int i = 0; i < o->nset; i++) {
		bool wanted = false;

		for (int r = 0; r < n; r++)
			wanted |= fm_config_is_for(o->set[i], fm_rival_kind(chosen[r]));
		if (!wanted)
			fm_warn("--set %s is for none of the models that are compared", o->set[i]);
	}
}

/* The caller's override of the key of that one; NULL: there is none. */
static const char *asked(const struct fm_compare_opts *o, const char *override)
{
	size_t len = strcspn(override, "=") + 1;
	const char *found = NULL;

	for (int i = 0; i < o->nset; i++)
		found = strncmp(o->set[i], override, len) == 0 ? o->set[i] : found;
	return found;
}

/* The config of a rival: the project's, the trace, the rival's own keys, the caller's. */
static int config_of(struct compare *c, const struct fm_rival *r, bool small, struct fm_config **cfg,
		     struct fm_error *err)
{
	const char *set[SET_MOST];
	char path[FM_CFG_PATH + 16], rows[48], dialect[FM_CFG_PATH + 16];
	int n = 0, own, rc;
	bool search;

	snprintf(path, sizeof path, "source.path=%s", c->trace);
	snprintf(rows, sizeof rows, "source.rows=%llu", (unsigned long long)c->o->rows);
	set[n++] = path;
	set[n++] = rows;
	if (c->named) {
		snprintf(dialect, sizeof dialect, "source.dialect=%s", c->named);
		set[n++] = dialect;
	}
	for (size_t i = 0; i < FM_RIVAL_SET && r->set[i]; i++)
		set[n++] = r->set[i];
	for (size_t i = 0; small && i < FM_RIVAL_SMALL && r->small[i]; i++)
		set[n++] = r->small[i];
	own = n;
	/* Choices (model.kind and the like) first: a key that has no effect with them is meant for other rivals. */
	for (int pass = 0; pass < 2; pass++) {
		int from = n;

		for (int i = 0; i < c->o->nset; i++) {
			if (n == SET_MOST)
				return fm_fail(err, FM_EUSAGE, "--set is there more than %d times", SET_MOST - 16);
			if (fm_config_is_for(c->o->set[i], fm_rival_kind(r)) &&
			    (pass ? !*cfg || fm_config_counts(*cfg, c->o->set[i]) : fm_config_is_choice(c->o->set[i])))
				set[n++] = c->o->set[i];
		}
		fm_config_free(pass ? *cfg : NULL);
		if ((rc = fm_config_load(cfg, c->config, set, n, err)) < 0 && (pass || rc == FM_ESYSTEM))
			return rc;
		n = pass ? n : from;
	}
	for (int i = 0; i < own; i++)
		if (!asked(c->o, set[i]))
			fm_config_not_asked(*cfg, set[i]);
	search = strcmp((*cfg)->source.dialect, "auto") == 0;
	if ((rc = fm_input_settle(*cfg, c->workspace, c->o->unconfined, err)) < 0 || !search)
		return rc;
	free(c->named); /* all models have the dialect that was found for the first */
	c->named = strdup((*cfg)->source.dialect);
	return c->named ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

static double planned(const json_t *plan, enum fm_stage_id id)
{
	return json_number_value(
	    json_object_get(json_array_get(json_object_get(plan, "stages"), (size_t)id), "seconds"));
}

/* ---- the budget ---- */

/* What a budget made of a rival's config. */
struct kept {
	bool small;
	int steps;  /* of training; 0: as the config has it */
	int wanted; /* those of the config */
	char sampler[16];
};

/* The same config and budget have the same key. */
static int kept_key(const struct compare *c, const struct fm_config *cfg, char key[FM_SHA256_HEX], struct fm_error *err)
{
	json_t *what = json_pack("{s:o, s:f}", "config", fm_config_json(cfg, NULL, false), "budget", c->o->budget);
	int rc = what ? fm_json_digest(what, key, err) : fm_fail(err, FM_ESYSTEM, "out of memory");

	json_decref(what);
	return rc;
}

/* OUT/budget.json: what was planned, so that a comparison that was stopped goes on with the same steps. */
static int kept_load(const struct compare *c, json_t **all, struct fm_error *err)
{
	if (fm_file_exists(c->budget))
		return fm_json_load(all, c->budget, DOCUMENT_MAX, err);
	*all = json_object();
	return *all ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

static bool kept_find(const json_t *all, const char *key, struct kept *k)
{
	const json_t *found = json_object_get(all, key);
	const char *sampler = json_string_value(json_object_get(found, "sampler"));

	if (!sampler)
		return false;
	k->small = json_is_true(json_object_get(found, "small"));
	k->wanted = (int)json_integer_value(json_object_get(found, "config_steps"));
	k->steps = (int)json_integer_value(json_object_get(found, "train_steps"));
	snprintf(k->sampler, sizeof k->sampler, "%s", sampler);
	return true;
}

/* A budget that leaves fewer than one step in NEXT_TO_NONE leaves next to none. */
#define NEXT_TO_NONE 20

/* By a plan, which is made with the sampler of few steps: measuring the ancestral one, with all its steps, would take
 * as long as the run. */
static int kept_plan(const struct compare *c, const struct fm_rival *r, struct fm_config *cfg, struct kept *k,
		     struct fm_error *err)
{
	struct fm_run_options o = {.cfg = cfg,
				   .project = c->project,
				   .workspace = c->workspace,
				   .until = FM_GENERATE,
				   .unconfined = c->o->unconfined};
	bool ancestral = strcmp(cfg->generate.sampler, "ancestral") == 0;
	double seconds = 60 * c->o->budget, steps, train, generate;
	json_t *plan = NULL;
	int rc;

	if (ancestral)
		strcpy(cfg->generate.sampler, "fewstep");
	if ((rc = fm_plan(&o, &plan, err)) < 0)
		return rc;
	steps = json_number_value(json_object_get(plan, "train_steps"));
	train = planned(plan, FM_TRAIN);
	generate = planned(plan, FM_GENERATE) * cfg->model.steps / cfg->generate.steps;
	json_decref(plan);
	k->wanted = (int)steps;
	k->steps = train > seconds && steps > 1 ? (int)(steps * seconds / train) + 1 : 0;
	k->small = r->small[0] && train > NEXT_TO_NONE * seconds;
	snprintf(k->sampler, sizeof k->sampler, "%s",
		 ancestral && generate <= seconds ? "ancestral" : cfg->generate.sampler);
	return FM_OK;
}

/* The config within the budget: fewer steps of training, and of the ancestral sampler, where a plan says that they take
 * longer, and a smaller network where next to no steps would be left. */
static int keep_budget(struct compare *c, const struct fm_rival *r, struct fm_config **cfg, struct kept *kept,
		       struct fm_error *err)
{
	char key[FM_SHA256_HEX];
	struct kept k = {0};
	json_t *all = NULL;
	bool known;
	int rc;

	if (!(c->o->budget > 0))
		return FM_OK;
	if ((rc = kept_key(c, *cfg, key, err)) < 0 || (rc = kept_load(c, &all, err)) < 0)
		goto out;
	known = kept_find(all, key, &k);
	if (!known && (rc = kept_plan(c, r, *cfg, &k, err)) < 0)
		goto out;
	if (k.small) {
		fm_config_free(*cfg);
		*cfg = NULL;
		if ((rc = config_of(c, r, true, cfg, err)) < 0 || (!known && (rc = kept_plan(c, r, *cfg, &k, err)) < 0))
			goto out;
		k.small = true; /* a small network is used whatever its own plan says */
	}
	if (!known) {
		json_object_set_new(all, key,
				    json_pack("{s:s, s:b, s:i, s:i, s:s}", "model", r->name, "small", k.small,
					      "train_steps", k.steps, "config_steps", k.wanted, "sampler", k.sampler));
		if ((rc = fm_json_save(all, c->budget, err)) < 0)
			goto out;
	}
	if (k.small)
		fm_log("compare: %s is made smaller: the budget leaves next to no steps as published", r->name);
	if (k.steps > 0)
		(*cfg)->train.steps = k.steps;
	strcpy((*cfg)->generate.sampler, k.sampler);
	*kept = k;
out:
	json_decref(all);
	return rc;
}

static json_t *stages_of(const struct fm_run *run)
{
	json_t *stages = json_array();

	for (int i = 0; i < run->nstages; i++)
		json_array_append_new(stages, json_pack("{s:s, s:f, s:I, s:b}", "name", run->stage[i].name, "seconds",
							run->stage[i].seconds, "peak_rss_bytes",
							(json_int_t)run->stage[i].peak_rss_bytes, "cached",
							run->stage[i].cached));
	return stages;
}

/* The checks that a model failed. */
static json_t *failed_of(const struct fm_run *run)
{
	json_t *failed = json_array();

	for (size_t i = 0; i < run->verdict.n; i++) {
		const struct fm_check_result *k = &run->verdict.check[i];

		if (k->pass || k->waived || strcmp(k->name, FM_METRIC_CONTROLS) == 0)
			continue;
		if (isfinite(k->value)) {
			const char *more = strchr(k->why, ';');

			json_array_append_new(failed, json_sprintf("%s %.4g (%s %.4g)%s", k->name, k->value,
								   k->direction, k->threshold, more ? more : ""));
		} else {
			json_array_append_new(
			    failed, json_sprintf("%s not measured (%s %.4g)", k->name, k->direction, k->threshold));
		}
	}
	return failed;
}

/* How the gate was tried, as its verdict has it: members of a model's entry.  Warns of a gate that is broken. */
static int add_trial(const struct fm_rival *r, const struct fm_run *run, json_t *entry, struct fm_error *err)
{
	static const char *const members[] = {"controls", "control_rows", "control_limit", "smallest_leak_caught"};
	json_t *verdict = fm_verdict_json(&run->verdict);
	int bad = !verdict;

	for (size_t i = 0; i < sizeof members / sizeof *members && !bad; i++)
		if (json_object_get(verdict, members[i]))
			bad = json_object_set(entry, members[i], json_object_get(verdict, members[i]));
	json_decref(verdict);
	for (size_t i = 0; i < run->verdict.n; i++)
		if (strcmp(run->verdict.check[i].name, FM_METRIC_CONTROLS) == 0 && !run->verdict.check[i].pass)
			fm_warn("compare: what the gate says of %s proves little: %s", r->name,
				run->verdict.check[i].why);
	return bad ? fm_fail(err, FM_ESYSTEM, "out of memory for the controls") : FM_OK;
}

/* What evaluate left of the distributions. */
static int read_histograms(const struct fm_run *run, json_t **histograms, struct fm_error *err)
{
	struct fm_product p = {0};
	char *path = NULL;
	int rc;

	if ((rc = fm_product_open(&p, run->stage[FM_EVALUATE].entry, err)) < 0)
		return rc;
	path = fm_path_join(p.dir, "histograms.json");
	rc = path ? fm_json_load(histograms, path, DOCUMENT_MAX, err) : fm_fail(err, FM_ESYSTEM, "out of memory");
	free(path);
	fm_product_close(&p);
	return rc;
}

json_t *fm_compare_entry(const char *name, const char *about, const json_t *metrics, const json_t *histograms)
{
	json_t *e = json_pack("{s:s, s:s}", "name", name, "about", about);

	if (metrics)
		json_object_set(e, "metrics", (json_t *)(uintptr_t)metrics);
	if (histograms) {
		json_object_set(e, "histograms", (json_t *)(uintptr_t)histograms);
		json_object_set_new(e, "symptoms", fm_symptoms(histograms));
	}
	return e;
}

/* How a model's run ended: code is below 0 where it failed, and says why. */
struct ending {
	const struct fm_run *run;
	int code;
	const struct fm_error *why;
};

/* What tells a rival from the others: its keys, as its run had them. */
static json_t *set_of(const struct compare *c, const struct fm_rival *r, const struct kept *kept,
		      const struct fm_config *cfg)
{
	static const char sampler[] = "generate.sampler=";
	json_t *set = json_array();

	for (size_t i = 0; i < FM_RIVAL_SET + FM_RIVAL_SMALL; i++) {
		size_t small = i - FM_RIVAL_SET;
		const char *key = i < FM_RIVAL_SET ? r->set[i] : kept->small ? r->small[small] : NULL;

		if (!key)
			continue;
		key = asked(c->o, key) ? asked(c->o, key) : key;
		json_array_append_new(set, strncmp(key, sampler, strlen(sampler)) == 0
					       ? json_sprintf("%s%s", sampler, cfg->generate.sampler)
					       : json_string(key));
	}
	return set;
}

/* A model's entry, as far as its run got; takes set. */
static int entry_of(const struct fm_rival *r, const struct kept *kept, const struct fm_config *cfg,
		    const struct ending *end, json_t *set, json_t **entry, struct fm_error *err)
{
	const struct fm_run *run = end->run;
	bool judged = run->has_verdict && end->code >= 0;
	json_t *metrics = judged ? fm_metrics_list(&run->metrics) : NULL, *histograms = NULL, *e,
	       *failed = failed_of(run);
	const char *status = !judged ? "failed" : json_array_size(failed) > 0 ? "refused" : "passed";
	int rc = FM_OK;

	if (judged && (rc = read_histograms(run, &histograms, err)) < 0)
		goto out;
	e = fm_compare_entry(r->name, r->about, metrics, histograms);
	json_object_set_new(e, "status", json_string(status));
	json_object_set_new(e, "message", json_string(end->code < 0 ? end->why->message : ""));
	json_object_set_new(e, "paper", r->paper > 0 ? json_real(r->paper) : json_null());
	json_object_set(e, "set", set);
	json_object_set(e, "failed", failed);
	json_object_set_new(e, "run", json_string(run->id));
	json_object_set_new(e, "stages", stages_of(run));
	json_object_set_new(e, "sampler", fm_rival_diffuses(r) ? json_string(cfg->generate.sampler) : json_null());
	json_object_set_new(e, "config_steps", kept->wanted > 0 ? json_integer(kept->wanted) : json_null());
	if (run->nstages > FM_TRAIN) {
		json_object_set(e, "train_steps", json_object_get(run->stage[FM_TRAIN].result, "steps"));
		json_object_set(e, "parameters", json_object_get(run->stage[FM_TRAIN].result, "parameters"));
	}
	if (judged && (rc = add_trial(r, run, e, err)) < 0)
		json_decref(e);
	else
		*entry = e;
out:
	json_decref(metrics);
	json_decref(histograms);
	json_decref(set);
	json_decref(failed);
	return rc;
}

/* FM_OK also where the model failed. */
static int try_rival(struct compare *c, const struct fm_rival *r, json_t **entry, struct fm_error *err)
{
	struct fm_config *cfg = NULL;
	struct fm_run run = {0};
	struct fm_run_options o;
	struct fm_error why = {0};
	struct kept kept = {0};
	int rc, code;

	if ((rc = config_of(c, r, false, &cfg, err)) < 0)
		goto out;
	strcpy(c->dialect, cfg->source.dialect);
	o = (struct fm_run_options){.cfg = cfg,
				    .project = c->project,
				    .workspace = c->workspace,
				    .until = FM_GATE,
				    .unconfined = c->o->unconfined};
	if ((code = keep_budget(c, r, &cfg, &kept, &why)) >= 0) {
		o.cfg = cfg; /* that of the budget */
		code = fm_runner_run(&o, &run, &why);
	} else if (code == FM_EINPUT) { /* is it the trace? */
		struct fm_error unread;

		o.cfg = cfg;
		o.until = FM_INGEST;
		if (cfg && (rc = fm_runner_run(&o, &run, &unread)) < 0) {
			code = rc; /* it may have been stopped, too */
			why = unread;
		}
	}
	if (code < FM_ESYSTEM) { /* stopped */
		rc = fm_error_set(err, code, why.file, why.line, "%s", why.message);
		goto out;
	}
	if (code < 0 && run.nstages == FM_INGEST && run.stage[FM_INGEST].entry) { /* all models share that stage */
		rc = fm_error_set(err, code, why.file, why.line, "no model can read the trace: %s", why.message);
		goto out;
	}
	if (code < 0)
		fm_warn("compare: %s failed: %s", r->name, why.message);
	if (code == FM_ESYSTEM && !c->failed)
		c->failed = r;
	if (!c->store && run.nstages > FM_INGEST && run.stage[FM_INGEST].entry &&
	    !(c->store = strdup(run.stage[FM_INGEST].entry))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	rc = entry_of(r, &kept, cfg, &(struct ending){&run, code, &why}, set_of(c, r, &kept, cfg), entry, err);
	if (c->store && !c->cfg) {
		c->cfg = cfg;
		cfg = NULL;
	}
out:
	fm_run_free(&run);
	fm_config_free(cfg);
	return rc;
}

/* ---- all models ---- */

/* A dialect that no model could read is reported once.  A dialect file is looked for from the current folder, not from
 * the config of the runs. */
static int find_dialect(struct compare *c, struct fm_error *err)
{
	const char *name = c->o->dialect;
	struct fm_dialect *d = NULL;
	int rc;

	if (!name)
		return FM_OK;
	if ((rc = fm_dialect_load(&d, name, err)) < 0)
		return fm_error_prefix(err, "--dialect: ");
	fm_dialect_free(d);
	c->named = fm_dialect_is_file(name) ? realpath(name, NULL) : strdup(name);
	return c->named ? FM_OK : fm_fail_errno(err, "--dialect: %s", name);
}

static int begin(struct compare *c, struct fm_error *err)
{
	const struct fm_compare_opts *o = c->o;
	int rc;

	if ((rc = find_dialect(c, err)) < 0)
		return rc;
	if (o->project && !fm_file_exists(o->project))
		return fm_fail(err, FM_EINPUT, "--project %s: there is no such folder", o->project);
	if (!(c->trace = realpath(o->trace, NULL)))
		return fm_fail_errno(err, "%s", o->trace);
	if (strchr(c->trace, '\n'))
		return fm_fail(err, FM_EINPUT, "%s has a line break in its path: rename the folder or the file",
			       c->trace);
	if ((rc = fm_dir_make(o->out, 0700, err)) < 0)
		return rc;
	if (!(c->own = fm_path_join(o->out, "project")) || !(c->config = fm_path_join(c->own, "release.yaml")) ||
	    !(c->budget = fm_path_join(o->out, "budget.json")))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	c->project = o->project ? o->project : c->own;
	c->workspace = o->workspace;
	return fm_file_exists(c->config) ? FM_OK : fm_project_init(c->own, o->preset, "flowmint", err);
}

/* What can be told by the configs of n > 0 models before the first run: each of them can be read, and what is true of
 * one is true of all. */
static int look_first(struct compare *c, const struct fm_rival *const *chosen, int n, struct fm_error *err)
{
	const struct fm_compare_opts *o = c->o;
	struct fm_config *cfg = NULL;
	int rc;

	do { /* the last one that is read is the first one's, which has to be there */
		fm_config_free(cfg);
		cfg = NULL;
		if ((rc = config_of(c, chosen[--n], false, &cfg, err)) < 0)
			goto out;
	} while (n > 0);
	if (strcmp(cfg->preset, o->preset) != 0) {
		rc = fm_fail(err, FM_EUSAGE,
			     "%s has a comparison of preset %s: give --preset %s, or another folder with --out", o->out,
			     cfg->preset, cfg->preset);
		goto out;
	}
	if (o->look && (rc = o->look(o->look_at, cfg->source.dialect, err)) < 0)
		goto out;
	/* What a model learns in privacy.mode dp is charged to the trace in one ledger, which is not that of its
	 * releases. */
	if (!o->project && fm_config_dp(cfg))
		fm_warn(
		    "compare: what these models ask of the trace is charged in the ledger of %s alone; with --project "
		    "DIR it is charged to the budget that the trace has there",
		    c->own);
out:
	fm_config_free(cfg);
	return rc;
}

int fm_compare(const struct fm_compare_opts *o, json_t **doc, char **store, struct fm_config **cfg,
	       struct fm_error *err)
{
	const struct fm_rival *chosen[FM_RIVALS_MOST];
	struct compare c = {.o = o};
	json_t *models = json_array(), *set;
	bool judged = false;
	int n, rc;

	*doc = NULL;
	*store = NULL;
	*cfg = NULL;
	if ((rc = fm_rivals_choose(o->models ? o->models : FM_COMPARE_USUAL, chosen, &n, err)) < 0 ||
	    (rc = begin(&c, err)) < 0)
		goto out;
	look_at_keys(o, chosen, n);
	fm_relay_warn_once(); /* all models are judged by the same flows */
	if ((rc = look_first(&c, chosen, n, err)) < 0)
		goto out;
	for (int i = 0; i < n; i++) {
		json_t *entry = NULL;

		fm_log("compare: %s, %d of %d", chosen[i]->name, i + 1, n);
		if ((rc = try_rival(&c, chosen[i], &entry, err)) < 0)
			goto out;
		judged |= json_object_get(entry, "metrics") != NULL;
		json_array_append_new(models, entry);
	}
	if (!judged) {
		size_t at = 0;

		while (c.failed && chosen[at] != c.failed)
			at++;
		rc = fm_fail(err, c.failed ? FM_ESYSTEM : FM_EINPUT, "no model was judged; %s: %s", chosen[at]->name,
			     fm_json_str(json_array_get(models, at), "message"));
		goto out;
	}
	set = json_array();
	for (int i = 0; i < o->nset; i++)
		json_array_append_new(set, json_string(o->set[i]));
	*doc = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:O}", "format", FM_COMPARISON_FORMAT, "edition",
			 "team", "flowmint", FM_VERSION, "dialect", c.dialect, "preset", o->preset, "rows",
			 o->rows > 0 ? json_integer((json_int_t)o->rows) : json_null(), "set", set, "budget_minutes",
			 o->budget > 0 ? json_real(o->budget) : json_null(), "models", models);
	*store = c.store;
	c.store = NULL;
	*cfg = c.cfg;
	c.cfg = NULL;
	rc = *doc ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory for the comparison");
out:
	json_decref(models);
	free(c.trace);
	free(c.named);
	free(c.own);
	free(c.config);
	free(c.budget);
	free(c.store);
	fm_config_free(c.cfg);
	return rc;
}
