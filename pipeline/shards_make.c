/* shards_make.c - one shard or part, made by a process of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "model/generator.h"
#include "pipeline/job.h"
#include "pipeline/keys.h"
#include "pipeline/limits.h"
#include "pipeline/product.h"
#include "pipeline/shards_parts.h"
#include "pipeline/walls/harvest.h"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: shards");
}

/* ---- which run ---- */

/* What the ledger knows of the run whose flows or searches are divided. */
struct origin {
	char run[FM_RUN_ID_MAX];
	struct fm_config *cfg;     /* owned; of the recorded run */
	json_t *stage[FM_NSTAGES]; /* the body of each stage's row, or NULL; owned */
};

static void origin_free(struct origin *o)
{
	fm_config_free(o->cfg);
	for (int i = 0; i < FM_NSTAGES; i++)
		json_decref(o->stage[i]);
}

static bool same_section(const struct fm_config *a, const struct fm_config *b, const char *section)
{
	json_t *x = fm_config_json(a, section, true), *y = fm_config_json(b, section, true);
	bool same = x && y && json_equal(x, y);

	json_decref(x);
	json_decref(y);
	return same;
}

/* Do both configs make the same product, as far as the stage `from`? */
static bool makes_alike(const struct fm_config *a, const struct fm_config *b, enum fm_stage_id from)
{
	bool same = strcmp(a->source.path, b->source.path) == 0;

	for (const char *const *section = fm_config_learning; same && *section; section++)
		same = same_section(a, b, *section);
	return same && (from < FM_GENERATE || same_section(a, b, fm_stage_name(FM_GENERATE)));
}

/* The rows of one run, of which rows[at] is "run". */
static int read_origin(const json_t *rows, size_t at, struct origin *o, struct fm_error *err)
{
	const char *id = fm_json_str(json_array_get(rows, at), "run");
	int rc;

	origin_free(o);
	*o = (struct origin){0};
	snprintf(o->run, sizeof o->run, "%s", id);
	if ((rc = fm_config_from_json(
		 &o->cfg, json_object_get(json_object_get(json_array_get(rows, at), "body"), "config"), err)) < 0)
		return fm_error_prefix(err,
				       "the recorded config of run %s is not one for this version of flowmint: ", id);
	for (size_t i = at + 1; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		json_t *body = json_object_get(row, "body");

		int stage = fm_stage_find(fm_json_str(body, "name"));

		if (stage >= 0 && !o->stage[stage] && strcmp(fm_json_str(row, "run"), id) == 0 &&
		    fm_json_says(row, "kind", "stage"))
			o->stage[stage] = json_incref(body);
	}
	return FM_OK;
}

static int find_origin(const struct fm_shard_in *in, const json_t *rows, struct origin *o, struct fm_error *err)
{
	enum fm_stage_id from = fm_shard_words[in->kind].from;
	const char *did = from == FM_TRAIN ? "trained a model" : "generated flows";
	char buf[FM_RUN_ID_MAX];
	const char *id = in->run ? fm_run_id(in->run, buf) : NULL;
	int rc;

	for (size_t i = json_array_size(rows); i-- > 0;) {
		const json_t *row = json_array_get(rows, i);

		if (!fm_json_says(row, "kind", "run") || (id && strcmp(fm_json_str(row, "run"), id) != 0))
			continue;
		if ((rc = read_origin(rows, i, o, err)) < 0 && (id || rc == FM_ESYSTEM))
			return rc;
		if (id && !o->stage[from])
			return fm_fail(err, FM_EINPUT, "run %s has not %s: flowmint run goes on with it", id, did);
		if (rc >= 0 && o->stage[from] && (id || makes_alike(o->cfg, in->cfg, from)))
			return FM_OK;
	}
	return id ? fm_fail(err, FM_EINPUT, "%s: no run of this ledger; flowmint log lists them", in->run)
		  : fm_fail(err, FM_EINPUT, "%s: no run in %s has %s by this config: flowmint run --until %s does",
			    in->cfg->file, in->workspace, did, fm_stage_name(from));
}

/* ---- making one ---- */

struct making {
	const struct fm_shard_in *in;
	const struct fm_shard_words *words;
	const struct fm_config *cfg;
	struct origin origin;
	struct fm_product product[FM_NSTAGES]; /* that the stage reads, opened */
	struct fm_shards shards;
	char key[FM_SHA256_HEX]; /* in the name */
	char *work;              /* where the shard is made, or looked at */
	char *folder, *file;     /* resolved; where it goes */
	uint64_t flows;
	double seconds;
	bool made;
};

static int read_ledger(struct making *k, struct fm_error *err)
{
	struct fm_ledger *l = NULL;
	json_t *rows = NULL;
	int rc;

	if ((rc = fm_ledger_open(&l, k->in->workspace, NULL, FM_LEDGER_READ, err)) < 0 ||
	    (rc = fm_ledger_rows(l, NULL, NULL, &rows, err)) < 0)
		goto out;
	rc = find_origin(k->in, rows, &k->origin, err);
out:
	json_decref(rows);
	fm_ledger_close(l);
	k->cfg = k->in->run ? k->origin.cfg : k->in->cfg;
	return rc;
}

static int find_key(struct making *k, struct fm_error *err)
{
	const json_t *const *stage = (const json_t *const *)k->origin.stage;
	json_t *inputs;
	int rc;

	if (k->in->kind == FM_SHARDS_JUDGING)
		return fm_judging_key(k->cfg, k->in->unconfined, fm_json_str(stage[FM_INGEST], "output"),
				      fm_json_str(stage[FM_GENERATE], "output"), k->key, err);
	if ((rc = fm_generator_check_parts(k->cfg, err)) < 0)
		return rc;
	if (!(inputs = json_pack("{s:s}", fm_stage_table[FM_TRAIN].product, fm_json_str(stage[FM_TRAIN], "output"))))
		return no_memory(err);
	rc = fm_stage_key(k->cfg, FM_GENERATE, k->in->unconfined, inputs, k->key, err);
	json_decref(inputs);
	return rc;
}

/* The products of which the stage gets an item. */
static int open_products(struct making *k, struct fm_error *err)
{
	unsigned items = fm_stage_table[k->words->stage].items & ~k->words->without;
	enum fm_stage_id from = k->words->from;
	char *entry = NULL;
	int rc;

	for (int i = 0; i < FM_NITEMS; i++) {
		enum fm_stage_id id = fm_items[i].stage;

		if (!(items & FM_ITEM(i)) || fm_items[i].from != FM_FROM_PRODUCT || k->product[id].dir)
			continue;
		if (asprintf(&entry, "%s/stages/%s/%s", k->in->workspace, fm_stage_name(id),
			     fm_json_str(k->origin.stage[id], "key")) < 0)
			return no_memory(err);
		rc = fm_file_exists(entry)
			 ? fm_product_open(&k->product[id], entry, err)
			 : fm_fail(err, FM_EINPUT,
				   "%s: what the stage %s of run %s made is no longer there; flowmint run makes it "
				   "again",
				   entry, fm_stage_name(id), k->origin.run);
		free(entry);
		if (rc < 0)
			return rc;
	}
	k->shards = (struct fm_shards){
	    .kind = k->in->kind,
	    .key = k->key,
	    .from = {k->product[from].project, k->product[from].entry, k->product[from].key, from, k->in->unconfined}};
	return FM_OK;
}

static int name_places(struct making *k, struct fm_error *err)
{
	char *name = NULL;
	int rc;

	if ((rc = fm_dir_make(k->in->out, 0700, err)) < 0)
		return rc;
	if (!(k->folder = realpath(k->in->out, NULL)))
		return fm_fail_errno(err, "%s", k->in->out);
	k->shards.folder = k->folder;
	if (!(name = fm_shard_name(k->in->kind, &k->in->shard, k->key)) || !(k->file = fm_path_join(k->folder, name)) ||
	    !(k->work = fm_path_join(k->product[k->words->from].clear, k->words->word))) {
		free(name);
		return no_memory(err);
	}
	free(name);
	return fm_dir_make(k->work, 0700, err);
}

/* Make it behind the walls that the stage has in a run. */
static int make(struct making *k, struct fm_error *err)
{
	enum fm_stage_id id = k->words->stage;
	struct fm_sandbox box = {.name = fm_stage_name(id), .unconfined = k->in->unconfined};
	struct fm_job j = {.stages = &fm_stages_real,
			   .id = id,
			   .without = k->words->without,
			   .call = {.cfg = k->cfg, .out_dir = k->work, .run = k->origin.run, .shard = k->in->shard}};
	struct fm_run run = {
	    .stage = {[FM_INGEST] = {.inputs = json_object_get(k->origin.stage[FM_INGEST], "inputs")}}};
	struct fm_sandbox_report report = {0};
	char output[FM_SHA256_HEX];
	int rc;

	for (int i = 0; i < FM_NSTAGES; i++)
		run.stage[i].product = k->product[i].dir;
	if ((rc = fm_job_fill(&j, &run, &box, err)) < 0)
		goto out;
	fm_limits_of(k->cfg, k->work, true, &box.limits);
	if ((rc = fm_sandbox_run(&box, fm_job_run, &j, &report, err)) < 0 ||
	    (rc = fm_harvest_shard(id, k->work, fm_limits_output(k->cfg, k->work), err)) < 0 ||
	    (rc = fm_harvest_result(k->cfg, id, report.result, err)) < 0 ||
	    (rc = fm_folder_digest(box.name, k->work, k->in->unconfined, output, NULL, err)) < 0 ||
	    (rc = fm_shard_seal(&k->shards, &k->in->shard, k->work, output, k->file, err)) < 0)
		goto out;
	k->flows = (uint64_t)json_integer_value(json_object_get(report.result, "rows"));
	k->seconds = report.seconds;
	k->made = true;
out:
	fm_job_free(&j);
	json_decref(report.result);
	return rc;
}

/* Is it there, and can it be opened?  So a failed array that is submitted again makes only what is missing. */
static int look_there(struct making *k, bool *there, struct fm_error *err)
{
	int rc = FM_OK;

	*there =
	    fm_file_exists(k->file) && (rc = fm_shard_unseal(&k->shards, &k->in->shard, k->file, k->work, err)) >= 0;
	if (rc != FM_EINPUT && rc != FM_EVERDICT)
		return rc;
	fm_warn("%s", err->message);
	if ((rc = fm_dir_remove(k->work, err)) < 0)
		return rc;
	return fm_dir_make(k->work, 0700, err);
}

int fm_shard_make(const struct fm_shard_in *in, json_t **report, struct fm_error *err)
{
	struct making k = {.in = in, .words = &fm_shard_words[in->kind]};
	bool there;
	int rc;

	*report = NULL;
	if ((rc = read_ledger(&k, err)) < 0 || (rc = find_key(&k, err)) < 0 || (rc = open_products(&k, err)) < 0 ||
	    (rc = name_places(&k, err)) < 0 || (rc = look_there(&k, &there, err)) < 0 ||
	    (!there && (rc = make(&k, err)) < 0))
		goto out;
	if (!(*report =
		  json_pack("{s:s, s:i, s:i, s:s, s:f, s:b}", "run", k.origin.run, k.words->word, (int)in->shard.index,
			    "of", (int)in->shard.of, "file", k.file, "seconds", k.seconds, "made", k.made)))
		rc = fm_fail(err, FM_EINPUT, "%s is not UTF-8", k.file);
	else if (in->kind == FM_SHARDS_FLOWS &&
		 json_object_set_new(*report, "flows", json_integer((json_int_t)k.flows)))
		rc = no_memory(err);
out:
	for (int i = FM_NSTAGES - 1; i >= 0; i--)
		fm_product_close(&k.product[i]);
	origin_free(&k.origin);
	free(k.work);
	free(k.folder);
	free(k.file);
	return rc;
}
