#include "pipeline/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/num.h"
#include "model/generator.h"
#include "pipeline/job.h"
#include "pipeline/keys.h"
#include "pipeline/limits.h"
#include "pipeline/pack.h"
#include "pipeline/product.h"
#include "pipeline/walls/harvest.h"

#define FORMAT "flowmint-shard/1"
#define LABEL "shard"
#define KEY_DIGITS 16

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: shards of flows");
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- names ---- */

static bool digits(const char *s, size_t n, uint32_t *v)
{
	uint64_t wide;

	if (n == 0 || n > 4 || s[0] == '0' || fm_parse_u64(s, n, FM_SHARDS_MOST, &wide) != 0)
		return false;
	*v = (uint32_t)wide;
	return true;
}

int fm_shard_parse(const char *text, struct fm_shard *shard, struct fm_error *err)
{
	const char *slash = strchr(text, '/');

	if (!slash || !digits(text, (size_t)(slash - text), &shard->index) ||
	    !digits(slash + 1, strlen(slash + 1), &shard->of) || shard->index > shard->of)
		return fm_fail(err, FM_EUSAGE,
			       "--shard %s: give I/N, as in 3/7: N is at most %d, and I goes from 1 to N", text,
			       FM_SHARDS_MOST);
	return FM_OK;
}

/* "shard-3-of-7-0123456789abcdef.sealed" */
static char *name_of(const struct fm_shard *shard, const char *key)
{
	char *name = NULL;

	return asprintf(&name, "shard-%u-of-%u-%.*s.sealed", shard->index, shard->of, KEY_DIGITS, key) < 0 ? NULL
													   : name;
}

static bool parse_name(const char *name, struct fm_shard *shard, char key[KEY_DIGITS + 1])
{
	char end[16] = "";
	bool good;
	char *again;

	if (sscanf(name, "shard-%4u-of-%4u-%16[0-9a-f]%15s", &shard->index, &shard->of, key, end) != 4 ||
	    shard->index < 1 || shard->index > shard->of || shard->of > FM_SHARDS_MOST)
		return false;
	again = name_of(shard, key);
	good = again && strcmp(again, name) == 0;
	free(again);
	return good;
}

/* ---- sealed ---- */

static int seal(const struct fm_vault *model, const struct fm_shard *shard, const char *shard_key, const char *dir,
		const char *output, const char *folder, const char *file, struct fm_error *err)
{
	struct fm_pack_child child = {.name = fm_stage_name(FM_GENERATE), .unconfined = model->unconfined};
	struct fm_secret key = {0};
	struct fm_pack pack = {FORMAT, LABEL, "output", &key};
	json_t *index = json_pack("{s:s, s:s, s:i, s:i}", "output", output, "key", shard_key, "shard",
				  (int)shard->index, "of", (int)shard->of);
	int rc;

	if (!index)
		return no_memory(err);
	if ((rc = fm_vault_derive(&key, model, LABEL, err)) < 0)
		goto out;
	rc = fm_pack_seal(&pack, &child, dir, index, folder, file, err);
out:
	fm_secret_close(&key);
	json_decref(index);
	return rc;
}

/* Into the empty folder dir.  FM_EVERDICT: not what it was when it was sealed, or under another key. */
static int unseal(const struct fm_vault *model, const struct fm_shard *shard, const char *shard_key, const char *file,
		  const char *dir, struct fm_error *err)
{
	struct fm_pack_child child = {.name = fm_stage_name(FM_GENERATE), .unconfined = model->unconfined};
	struct fm_secret key = {0};
	struct fm_pack pack = {FORMAT, LABEL, "output", &key};
	json_t *index = NULL;
	int rc;

	if ((rc = fm_vault_derive(&key, model, LABEL, err)) >= 0)
		rc = fm_pack_unseal(&pack, &child, file, dir, &index, err);
	fm_secret_close(&key);
	if (rc < 0)
		return rc == FM_EINPUT || rc == FM_EVERDICT
			   ? fm_error_prefix(err,
					     "shard %u of %u was damaged, or its model is no longer the one in the "
					     "workspace; remove it, and it is made again: ",
					     shard->index, shard->of)
			   : rc;
	if (strcmp(str(index, "key"), shard_key) != 0 ||
	    json_integer_value(json_object_get(index, "shard")) != (json_int_t)shard->index ||
	    json_integer_value(json_object_get(index, "of")) != (json_int_t)shard->of)
		rc =
		    fm_fail(err, FM_EVERDICT, "%s: the shard in it is not the one that its name says; remove it", file);
	json_decref(index);
	return rc;
}

/* ---- which run ---- */

/* What the ledger knows of the run that trained. */
struct origin {
	char run[FM_RUN_ID_MAX];
	struct fm_config *cfg; /* owned; of the recorded run */
	json_t *inputs;        /* of ingest, for what generate must forget; owned */
	json_t *train;         /* the body of its row; owned */
};

static void origin_free(struct origin *o)
{
	fm_config_free(o->cfg);
	json_decref(o->inputs);
	json_decref(o->train);
}

/* Do both configs train the same model? */
static bool trains_alike(const struct fm_config *a, const struct fm_config *b)
{
	bool same = strcmp(a->source.path, b->source.path) == 0;

	for (const char *const *section = fm_config_learning; same && *section; section++) {
		json_t *x = fm_config_json(a, *section, true), *y = fm_config_json(b, *section, true);

		same = x && y && json_equal(x, y);
		json_decref(x);
		json_decref(y);
	}
	return same;
}

/* The rows of one run, of which rows[at] is "run". */
static int read_origin(const json_t *rows, size_t at, struct origin *o, struct fm_error *err)
{
	const char *id = str(json_array_get(rows, at), "run");
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

		if (strcmp(str(row, "run"), id) != 0 || strcmp(str(row, "kind"), "stage") != 0)
			continue;
		if (strcmp(str(body, "name"), fm_stage_name(FM_INGEST)) == 0 && !o->inputs)
			o->inputs = json_incref(json_object_get(body, "inputs"));
		else if (strcmp(str(body, "name"), fm_stage_name(FM_TRAIN)) == 0 && !o->train)
			o->train = json_incref(body);
	}
	return FM_OK;
}

static int find_origin(const struct fm_shard_in *in, const json_t *rows, struct origin *o, struct fm_error *err)
{
	struct fm_error ignored;
	char buf[FM_RUN_ID_MAX];
	const char *id = in->run ? fm_run_id(in->run, buf) : NULL;
	int rc;

	for (size_t i = json_array_size(rows); i-- > 0;) {
		const json_t *row = json_array_get(rows, i);

		if (strcmp(str(row, "kind"), "run") != 0 || (id && strcmp(str(row, "run"), id) != 0))
			continue;
		if ((rc = read_origin(rows, i, o, id ? err : &ignored)) < 0 && id)
			return rc;
		if (id && !o->train)
			return fm_fail(err, FM_EINPUT, "run %s has trained no model: flowmint run goes on with it", id);
		if (rc >= 0 && o->train && (id || trains_alike(o->cfg, in->cfg)))
			return FM_OK;
	}
	return id ? fm_fail(err, FM_EINPUT, "%s: no run of this ledger; flowmint log lists them", in->run)
		  : fm_fail(err, FM_EINPUT,
			    "%s: no run in %s has trained a model by this config: flowmint run --until train does",
			    in->cfg->file, in->workspace);
}

/* ---- making one ---- */

struct making {
	const struct fm_shard_in *in;
	const struct fm_config *cfg;
	struct origin origin;
	struct fm_product model;
	struct fm_vault vault;
	char key[FM_SHA256_HEX]; /* of the stage generate */
	char *work;              /* where the shard is made, or looked at */
	char *folder, *file;     /* resolved; where it goes */
	uint64_t flows;
	double seconds;
	bool made;
};

static int open_model(struct making *k, struct fm_error *err)
{
	struct fm_ledger *l = NULL;
	json_t *rows = NULL, *inputs = NULL;
	char *entry = NULL;
	int rc;

	if ((rc = fm_ledger_open(&l, k->in->workspace, NULL, FM_LEDGER_READ, err)) < 0 ||
	    (rc = fm_ledger_rows(l, NULL, NULL, &rows, err)) < 0 ||
	    (rc = find_origin(k->in, rows, &k->origin, err)) < 0)
		goto out;
	fm_ledger_close(l);
	l = NULL;
	k->cfg = k->in->run ? k->origin.cfg : k->in->cfg;
	if ((rc = fm_generator_check_parts(k->cfg, err)) < 0)
		goto out;
	inputs = json_pack("{s:s}", fm_stage_table[FM_TRAIN].product, str(k->origin.train, "output"));
	if (!inputs || asprintf(&entry, "%s/stages/%s/%s", k->in->workspace, fm_stage_name(FM_TRAIN),
				str(k->origin.train, "key")) < 0) {
		entry = NULL;
		rc = no_memory(err);
		goto out;
	}
	if ((rc = fm_stage_key(k->cfg, FM_GENERATE, inputs, k->key, err)) < 0 ||
	    (rc = fm_product_open(&k->model, entry, err)) < 0)
		goto out;
	k->vault = (struct fm_vault){k->model.project, k->model.entry, k->model.key, FM_TRAIN, k->in->unconfined};
out:
	json_decref(inputs);
	json_decref(rows);
	fm_ledger_close(l);
	free(entry);
	return rc;
}

static int name_places(struct making *k, struct fm_error *err)
{
	char *name = NULL;
	int rc;

	if ((rc = fm_dir_make(k->in->out, 0700, err)) < 0)
		return rc;
	if (!(k->folder = realpath(k->in->out, NULL)))
		return fm_fail_errno(err, "%s", k->in->out);
	if (!(name = name_of(&k->in->shard, k->key)) || !(k->file = fm_path_join(k->folder, name)) ||
	    !(k->work = fm_path_join(k->model.clear, LABEL))) {
		free(name);
		return no_memory(err);
	}
	free(name);
	return fm_dir_make(k->work, 0700, err);
}

/* Behind the walls of the stage generate, which are those of a run. */
static int make(struct making *k, struct fm_error *err)
{
	struct fm_sandbox box = {.name = fm_stage_name(FM_GENERATE), .unconfined = k->in->unconfined};
	struct fm_job j = {.stages = &fm_stages_real,
			   .id = FM_GENERATE,
			   .call = {.cfg = k->cfg, .out_dir = k->work, .run = k->origin.run, .shard = k->in->shard}};
	struct fm_run run = {
	    .stage = {[FM_INGEST] = {.inputs = k->origin.inputs}, [FM_TRAIN] = {.product = k->model.dir}}};
	struct fm_sandbox_report report = {0};
	char output[FM_SHA256_HEX];
	int rc;

	if ((rc = fm_job_fill(&j, &run, &box, err)) < 0)
		goto out;
	fm_limits_of(k->cfg, k->work, true, &box.limits);
	if ((rc = fm_sandbox_run(&box, fm_job_run, &j, &report, err)) < 0 ||
	    (rc = fm_harvest_shard(k->work, fm_limits_output(k->cfg, k->work), err)) < 0 ||
	    (rc = fm_harvest_result(k->cfg, FM_GENERATE, report.result, err)) < 0 ||
	    (rc = fm_folder_digest(box.name, k->work, k->in->unconfined, output, NULL, err)) < 0 ||
	    (rc = seal(&k->vault, &k->in->shard, k->key, k->work, output, k->folder, k->file, err)) < 0)
		goto out;
	k->flows = (uint64_t)json_integer_value(json_object_get(report.result, "rows"));
	k->seconds = report.seconds;
	k->made = true;
out:
	fm_job_free(&j);
	json_decref(report.result);
	return rc;
}

/* Is it there, and can it be opened?  Then a failed array that is submitted again makes what is missing alone. */
static int look_there(struct making *k, bool *there, struct fm_error *err)
{
	int rc = FM_OK;

	*there = fm_file_exists(k->file) && (rc = unseal(&k->vault, &k->in->shard, k->key, k->file, k->work, err)) >= 0;
	if (rc != FM_EINPUT && rc != FM_EVERDICT)
		return rc;
	fm_warn("%s", err->message);
	if ((rc = fm_dir_remove(k->work, err)) < 0)
		return rc;
	return fm_dir_make(k->work, 0700, err);
}

int fm_shard_make(const struct fm_shard_in *in, json_t **report, struct fm_error *err)
{
	struct making k = {.in = in};
	bool there;
	int rc;

	*report = NULL;
	if ((rc = open_model(&k, err)) < 0 || (rc = name_places(&k, err)) < 0 ||
	    (rc = look_there(&k, &there, err)) < 0 || (!there && (rc = make(&k, err)) < 0))
		goto out;
	if (!(*report = json_pack("{s:s, s:i, s:i, s:s, s:I, s:f, s:b}", "run", k.origin.run, "shard",
				  (int)in->shard.index, "of", (int)in->shard.of, "file", k.file, "flows",
				  (json_int_t)k.flows, "seconds", k.seconds, "made", k.made)))
		rc = fm_fail(err, FM_EINPUT, "%s is not UTF-8", k.file);
out:
	fm_product_close(&k.model);
	origin_free(&k.origin);
	free(k.work);
	free(k.folder);
	free(k.file);
	return rc;
}

/* ---- taking them ---- */

static int take_one(const struct fm_shards *s, const char *name, const struct fm_shard *shard, const char *dir,
		    struct fm_error *err)
{
	char *file = fm_path_join(s->folder, name), *inner = NULL;
	int rc;

	if (!file || asprintf(&inner, "%s/%u", dir, shard->index) < 0) {
		inner = NULL;
		rc = no_memory(err);
		goto out;
	}
	if ((rc = fm_dir_make(inner, 0700, err)) < 0 || (rc = unseal(&s->model, shard, s->key, file, inner, err)) < 0)
		goto out;
	rc = fm_harvest_shard(inner, INT64_MAX, err);
out:
	free(file);
	free(inner);
	return rc;
}

/* What a file of the folder is, if it is a shard; of: what the others are parts of, or 0. */
static int look_at(const struct fm_shards *s, const char *name, uint32_t of, struct fm_shard *shard,
		   struct fm_error *err)
{
	char key[KEY_DIGITS + 1] = "";

	if (!parse_name(name, shard, key))
		return fm_fail(err, FM_EINPUT, "run.shards: %s/%s has no name of a shard; remove it", s->folder, name);
	if (strncmp(key, s->key, KEY_DIGITS) != 0)
		return fm_fail(
		    err, FM_EINPUT,
		    "run.shards: %s/%s is a shard of other flows, of another model, section generate or version "
		    "of flowmint (this run's have %.*s in their names): remove it, or name another folder",
		    s->folder, name, KEY_DIGITS, s->key);
	if (of && shard->of != of)
		return fm_fail(err, FM_EINPUT,
			       "run.shards: in %s are shards of %u and of %u parts: keep those of one division",
			       s->folder, of, shard->of);
	return FM_OK;
}

static void say(const struct fm_shards *s, const bool *has, uint32_t of)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i <= of; i++) {
		n += has[i];
		if (!has[i])
			fm_warn("run.shards: shard %u of %u is not in %s: it is made here", i, of, s->folder);
	}
	if (of)
		fm_log("generate: %u of %u shards were taken from %s", n, of, s->folder);
	else
		fm_warn("run.shards: no shard is in %s: all flows are made here", s->folder);
}

int fm_shards_take(const struct fm_shards *s, const char *dir, uint32_t *of, struct fm_error *err)
{
	bool has[FM_SHARDS_MOST + 1] = {false};
	struct fm_shard shard;
	char **names = NULL;
	size_t n = 0;
	int rc;

	*of = 0;
	if ((rc = fm_dir_list(s->folder, &names, &n, err)) < 0)
		return fm_error_prefix(err, "run.shards: ");
	for (size_t i = 0; i < n; i++) {
		if (strncmp(names[i], "shard-", strlen("shard-")) != 0)
			continue; /* such as what a killed process left */
		if ((rc = look_at(s, names[i], *of, &shard, err)) < 0 ||
		    (rc = take_one(s, names[i], &shard, dir, err)) < 0)
			goto out;
		*of = shard.of;
		has[shard.index] = true;
	}
	say(s, has, *of);
out:
	fm_names_free(names, n);
	return rc;
}
