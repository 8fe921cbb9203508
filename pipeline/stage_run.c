#include "pipeline/stage_run.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/version.h"
#include "manifests/canon.h"
#include "pipeline/job.h"
#include "pipeline/keys.h"
#include "pipeline/limits.h"
#include "pipeline/manifest.h"
#include "pipeline/sealed.h"
#include "pipeline/shards.h"
#include "pipeline/vault.h"
#include "pipeline/walls/harvest.h"
#include "pipeline/walls/sandbox.h"
#include "pipeline/world.h"

#define STAGE_FORMAT "flowmint-stage/1"
#define STAGE_JSON_MAX (32u << 20)

/* ---- taken ---- */

static struct fm_vault vault_of(const struct fm_runner *r, enum fm_stage_id id, const char *entry)
{
	return (struct fm_vault){r->project, entry, r->run->stage[id].key, id, r->unconfined};
}

/* Where what a stage makes lies while the run works: decrypted, or as it is below entry.  NULL and err set on failure.
 */
static char *product_path(const struct fm_runner *r, enum fm_stage_id id, const char *entry, struct fm_error *err)
{
	const struct fm_stage *stage = &fm_stage_table[id];
	char *path = NULL;
	int n = stage->sealed ? asprintf(&path, "%s/%s/%s", r->clear, stage->name, stage->product)
			      : asprintf(&path, "%s/%s", entry, stage->product);

	if (n < 0) {
		path = NULL;
		fm_error_set(err, FM_ESYSTEM, __FILE__, __LINE__, "out of memory");
	}
	return path;
}

/* Look at the product of a finished stage, opened first where it is encrypted: is it what the stage left, and what is
 * its digest? */
static int look_at(struct fm_runner *r, enum fm_stage_id id, const char *entry, const char *product,
		   char hex[FM_SHA256_HEX], struct fm_error *err)
{
	struct fm_vault v = vault_of(r, id, entry);
	struct fm_run_stage *s = &r->run->stage[id];
	int rc;

	if (fm_stage_table[id].sealed &&
	    ((rc = fm_dir_remove(product, err)) < 0 || (rc = fm_dir_make(product, 0700, err)) < 0 ||
	     (rc = fm_vault_get(&v, product, hex, s, err)) < 0))
		return rc;
	if ((rc = fm_harvest_tree(r->cfg, id, product, INT64_MAX, err)) < 0 || fm_stage_table[id].sealed)
		return rc;
	return fm_folder_digest(s->name, product, r->unconfined, hex, s, err);
}

/* Take a finished stage.  1: taken; 0: there is none, or what there is cannot be used; negative: failed. */
static int take_cached(struct fm_runner *r, enum fm_stage_id id, const char *entry, struct fm_error *err)
{
	struct fm_run_stage *s = &r->run->stage[id];
	char *file = fm_path_join(entry, "stage.json"), *product = product_path(r, id, entry, err),
	     hex[FM_SHA256_HEX] = "";
	const char *output;
	json_t *doc = NULL;
	struct stat st;
	int rc = 0;

	if (!file || !product) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (stat(entry, &st))
		goto out;
	if ((rc = fm_json_load(&doc, file, STAGE_JSON_MAX, err)) == FM_ESYSTEM)
		goto out;
	output = json_string_value(json_object_get(doc, "output"));
	if (output && (rc = look_at(r, id, entry, product, hex, err)) == FM_ESYSTEM)
		goto out;
	if (rc < FM_ESYSTEM)
		goto out; /* stopped */
	if (rc < 0 || !output || strcmp(output, hex) != 0) {
		if (rc < 0)
			fm_warn("%s; it is made again", err->message);
		else
			fm_warn("%s: not what the stage left there; it is made again", entry);
		rc = 0;
		goto out;
	}
	memcpy(s->output, hex, sizeof hex);
	s->result = json_incref(json_object_get(doc, "result"));
	s->product = product;
	s->cached = true;
	product = NULL;
	rc = 1;
out:
	json_decref(doc);
	free(file);
	free(product);
	return rc;
}

/* tmp becomes entry, with stage.json beside the product, so that a finished stage is known even when the run dies
 * before its row is in the ledger. */
static int keep(const struct fm_run_stage *s, const char *tmp, const char *entry, struct fm_error *err)
{
	char *file = fm_path_join(tmp, "stage.json");
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:O, s:O, s:f, s:I}", "format", STAGE_FORMAT, "stage", s->name,
				"flowmint", FM_VERSION, "output", s->output, "inputs", s->inputs, "result", s->result,
				"seconds", s->seconds, "peak_rss_bytes", (json_int_t)s->peak_rss_bytes);
	int rc;

	if (!file || !doc) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_json_save(doc, file, err)) < 0 || (rc = fm_dir_remove(entry, err)) < 0)
		goto out;
	rc = fm_dir_commit(tmp, entry, err);
out:
	json_decref(doc);
	free(file);
	return rc;
}

/* ---- made ---- */

/* Where training keeps its checkpoint: beside the KEY folders, and named for the key, so that only the same
 * training goes on from it.  NULL and err set on failure. */
static char *checkpoint_path(const struct fm_runner *r, const char *key, struct fm_error *err)
{
	char name[sizeof FM_CHECKPOINT_PREFIX + FM_SHA256_HEX];

	snprintf(name, sizeof name, FM_CHECKPOINT_PREFIX "%s", key);
	return fm_workspace_entry(r->ws.path, fm_stage_name(FM_TRAIN), name, err);
}

static int give_checkpoint(const struct fm_runner *r, const char *key, char **path, struct fm_secret *secret,
			   struct fm_error *err)
{
	int rc;

	if (r->o->force && (rc = fm_vault_drop_checkpoint(r->ws.path, key, err)) < 0)
		return rc;
	if (!(*path = checkpoint_path(r, key, err)))
		return err->code;
	if ((rc = fm_dir_make(*path, 0700, err)) < 0)
		return rc;
	return fm_vault_checkpoint_key(secret, r->ws.path, r->project, key, r->run->id, err);
}

/* An empty folder: nothing is left of what an earlier ingest refused. */
static int give_quarantine(const struct fm_runner *r, char **path, struct fm_error *err)
{
	int rc;

	if (!(*path = fm_path_join(r->o->lasting ? r->o->lasting : r->ws.path, FM_QUARANTINE)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_dir_remove(*path, err)) < 0)
		return rc;
	return fm_dir_make(*path, 0700, err);
}

/* Shards of the flows, or of the judging, that were made apart, opened.  A reproduction makes all of them itself. */
static int give_shards(const struct fm_runner *r, struct fm_job *j, struct fm_error *err)
{
	bool judging = j->id == FM_EVALUATE;
	const struct fm_run_stage *stage = r->run->stage;
	enum fm_stage_id from = judging ? FM_GENERATE : FM_TRAIN;
	char key[FM_SHA256_HEX];
	struct fm_shards s = {judging ? FM_SHARDS_JUDGING : FM_SHARDS_FLOWS,
			      judging ? r->cfg->run.parts : r->cfg->run.shards, judging ? key : stage[FM_GENERATE].key,
			      vault_of(r, from, stage[from].entry)};
	char *dir;
	int rc;

	if (!s.folder[0] || r->o->dry || r->o->replay)
		return FM_OK;
	if (judging && (rc = fm_judging_key(r->cfg, r->unconfined, stage[FM_INGEST].output, stage[FM_GENERATE].output,
					    key, err)) < 0)
		return rc;
	if (!(dir = fm_path_join(r->clear, "shards")))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	j->call.path[judging ? FM_ITEM_PARTS : FM_ITEM_SHARDS] = dir;
	if ((rc = fm_dir_remove(dir, err)) < 0 || (rc = fm_dir_make(dir, 0700, err)) < 0)
		return rc;
	return fm_shards_take(&s, dir, &j->call.nshards, err);
}

static void say_bad_rows(const struct fm_runner *r, const struct fm_run_stage *s)
{
	json_int_t bad = json_integer_value(json_object_get(s->result, "bad"));

	if (bad > 0 && !r->o->lasting)
		fm_log("%s: %lld bad row%s left out and private: flowmint unseal %s --stage %s --out DIR has %s in "
		       "DIR/quarantine.csv",
		       s->name, (long long)bad, bad == 1 ? " was" : "s were", r->run->id, s->name,
		       bad == 1 ? "it" : "them");
}

static void on_tick(void *ctx, long pid, const struct fm_progress_view *view)
{
	struct fm_state *s = ctx;

	s->stage_pid = pid;
	s->view = *view;
	fm_state_save(s);
}

const char *fm_runner_sealed(const struct fm_runner *r)
{
	return r->o->sealed_workspace ? r->o->sealed_workspace : r->ws.path;
}

int fm_runner_secret(const struct fm_runner *r, struct fm_secret *run, struct fm_error *err)
{
	return fm_sealed_read(run, fm_runner_sealed(r), r->project, r->o->sealed_run ? r->o->sealed_run : r->run->id,
			      err);
}

static int stage_secret(const struct fm_runner *r, enum fm_stage_id id, struct fm_secret *own, struct fm_error *err)
{
	struct fm_secret run;
	int rc;

	*own = (struct fm_secret){0};
	if ((rc = fm_runner_secret(r, &run, err)) < 0)
		goto out;
	rc = fm_secret_derive(own, &run, fm_stage_name(id), err);
out:
	fm_secret_close(&run);
	return rc;
}

/* Take over what a stage left and said, once its process is gone and both have been looked at (harvest.h).  The digest
 * is taken by a child that sees the product and nothing else. */
static int take_over(struct fm_runner *r, enum fm_stage_id id, const char *out_dir, uint64_t max, json_t *result,
		     struct fm_error *err)
{
	struct fm_run_stage *s = &r->run->stage[id];
	int rc;

	if ((rc = fm_harvest_tree(r->cfg, id, out_dir, max, err)) < 0 ||
	    (rc = fm_harvest_result(r->cfg, id, result, err)) < 0 ||
	    (rc = fm_folder_digest(s->name, out_dir, r->unconfined, s->output, s, err)) < 0)
		return rc;
	s->result = json_incref(result);
	/* The logistic judge repeats on machines with the same kernel of OpenBLAS; all else is the same on every
	 * x86-64.  This process has the same one, and is asked, not the stage. */
	if (id == FM_EVALUATE &&
	    json_object_set_new(s->result, "blas_kernel", json_string(openblas_get_corename())) != 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	return FM_OK;
}

/* Folders for what the stage makes: tmp becomes its entry; *out_dir is where the stage writes. */
static int make_folders(const struct fm_runner *r, enum fm_stage_id id, const char *tmp, char **out_dir,
			struct fm_error *err)
{
	int rc;

	if (!(*out_dir = product_path(r, id, tmp, err)))
		return err->code;
	if ((rc = fm_dir_remove(tmp, err)) < 0 || (rc = fm_dir_make(tmp, 0700, err)) < 0 ||
	    (rc = fm_dir_remove(*out_dir, err)) < 0)
		return rc;
	return fm_dir_make(*out_dir, 0700, err);
}

/* What the stage may use beside its inputs; secrets are the caller's to close. */
static int give_own(struct fm_runner *r, struct fm_job *j, struct fm_secret *secret, struct fm_secret *checkpoint,
		    struct fm_error *err)
{
	const struct fm_stage *stage = &fm_stage_table[j->id];
	int rc;

	if (stage->items & FM_ITEM(FM_ITEM_QUARANTINE) &&
	    (rc = give_quarantine(r, &j->call.path[FM_ITEM_QUARANTINE], err)) < 0)
		return rc;
	if (stage->items & (FM_ITEM(FM_ITEM_SHARDS) | FM_ITEM(FM_ITEM_PARTS)) && (rc = give_shards(r, j, err)) < 0)
		return rc;
	if (stage->items & FM_ITEM(FM_ITEM_CHECKPOINT)) {
		if ((rc = give_checkpoint(r, r->run->stage[j->id].key, &j->call.path[FM_ITEM_CHECKPOINT], checkpoint,
					  err)) < 0)
			return rc;
		j->call.checkpoint_key = checkpoint;
	}
	if (r->secret_id[0] && stage->draws) {
		if ((rc = stage_secret(r, j->id, secret, err)) < 0)
			return rc;
		j->call.secret = secret;
	}
	return FM_OK;
}

/* A stage that failed leaves nothing but its checkpoint, or the rows that its user is to see. */
static void clean_up(const struct fm_runner *r, const struct fm_job *j, const char *tmp, const char *out_dir, int rc)
{
	const char *checkpoint = j->call.path[FM_ITEM_CHECKPOINT],
		   *shards = j->call.path[j->id == FM_EVALUATE ? FM_ITEM_PARTS : FM_ITEM_SHARDS];
	struct fm_error ignored;

	if (shards)
		fm_dir_clear_away(shards);
	if (rc < 0)
		fm_dir_clear_away(tmp);
	if (rc < 0 && out_dir)
		fm_dir_clear_away(out_dir);
	if (rc < 0 && checkpoint && rmdir(checkpoint) == 0 && /* unless training wrote one */
	    fm_vault_drop_checkpoint(r->ws.path, r->run->stage[j->id].key, &ignored) < 0)
		fm_warn("%s", ignored.message);
	if (j->call.path[FM_ITEM_QUARANTINE])
		rmdir(j->call.path[FM_ITEM_QUARANTINE]); /* unless ingest left the rows that it refused */
}

/* Rank 0 of several machines: the others train too. */
static int call_world(const struct fm_runner *r, struct fm_error *err)
{
	struct fm_world_order order = {.train = 1, .secret = r->secret_id[0] != 0};

	snprintf(order.run, sizeof order.run, "%s", r->run->id);
	snprintf(order.ingest, sizeof order.ingest, "%s", r->run->stage[FM_INGEST].key);
	snprintf(order.model, sizeof order.model, "%s", r->run->stage[FM_TRAIN].key);
	return fm_world_order(&order, err);
}

/* Training in several processes: those of mpirun, or run.mpi processes of this machine, which share the limits of
 * one. */
static int give_ranks(const struct fm_runner *r, struct fm_job *j, struct fm_sandbox *box, struct fm_error *err)
{
	int n = j->id == FM_TRAIN ? r->cfg->run.mpi : 1, rc;
	uint64_t share;

	if (j->id == FM_TRAIN && fm_world_size() > 1) {
		if ((rc = fm_ranks_relayed(&box->ranks, fm_world_rank(), fm_world_size(), box->limits.memory, err)) < 0)
			return rc;
		fm_ranks_set_patience(box->ranks, (unsigned)r->cfg->run.stall);
		box->carry = fm_world_carry;
		j->call.ranks = box->ranks;
		return fm_world_rank() == 0 ? call_world(r, err) : FM_OK;
	}
	if (n < 2)
		return FM_OK;
	if ((rc = fm_ranks_new(&box->ranks, n, box->limits.memory, err)) < 0)
		return rc;
	fm_ranks_set_patience(box->ranks, (unsigned)r->cfg->run.stall);
	share = (r->cfg->limits.memory_mib ? box->limits.memory : fm_limits_memory()) / (unsigned)n;
	if (box->limits.memory > share)
		box->limits.memory = share;
	if (fm_config_is_set(r->cfg, "limits.cpu_hours"))
		box->limits.cpu_seconds = (box->limits.cpu_seconds + (unsigned)n - 1) / (unsigned)n;
	if (r->cfg->limits.threads == 0)
		box->limits.threads *= (unsigned)n;
	j->call.ranks = box->ranks;
	return FM_OK;
}

/* Of the trace, as ingest told; 0 where it has not run. */
static uint64_t rows_of(const struct fm_runner *r)
{
	json_int_t rows = json_integer_value(json_object_get(r->run->stage[FM_INGEST].result, "rows"));

	return rows > 0 ? (uint64_t)rows : 0;
}

static int again(struct fm_runner *r, const struct fm_job *j, const char *tmp, const json_t *said, struct fm_error *err)
{
	char *work = fm_path_join(tmp, "again");
	int rc = work ? fm_stage_again(r, &j->call, work, said, err) : fm_fail(err, FM_ESYSTEM, "out of memory");

	free(work);
	return rc;
}

static int make(struct fm_runner *r, struct fm_job *j, const char *entry, struct fm_error *err)
{
	struct fm_sandbox box = {
	    .name = fm_stage_name(j->id), .unconfined = r->unconfined, .tick = on_tick, .tick_ctx = &r->state};
	struct fm_run_stage *s = &r->run->stage[j->id];
	struct fm_sandbox_report report = {0};
	struct fm_secret secret = {0}, checkpoint = {0};
	char *tmp = NULL, *out_dir = NULL, name[32];
	struct fm_vault v;
	uint64_t output;
	int rc;

	snprintf(name, sizeof name, ".tmp-%ld", (long)getpid());
	if (!(tmp = fm_workspace_entry(r->ws.path, s->name, name, err)))
		return err->code;
	v = vault_of(r, j->id, tmp);
	if ((rc = make_folders(r, j->id, tmp, &out_dir, err)) < 0)
		goto out;
	j->call.out_dir = out_dir;
	if ((rc = give_own(r, j, &secret, &checkpoint, err)) < 0 || (rc = fm_job_fill(j, r->run, &box, err)) < 0)
		goto out;
	output = fm_limits_fit(r->cfg, j->id, out_dir, rows_of(r), &box.limits);
	if ((rc = give_ranks(r, j, &box, err)) < 0)
		goto out;
	r->state.stage = s->name;
	r->state.stage_began = (int64_t)time(NULL);
	if ((rc = fm_sandbox_run(&box, fm_job_run, j, &report, err)) < 0)
		rc = fm_limits_explain(r->cfg, &box.limits, err);
	fm_secret_close(&secret);
	fm_secret_close(&checkpoint);
	fm_run_stage_took(s, &report);
	if (rc < 0 || (rc = take_over(r, j->id, out_dir, output, report.result, err)) < 0 ||
	    (j->id == FM_RELEASE && (rc = again(r, j, tmp, report.result, err)) < 0) ||
	    (fm_stage_table[j->id].sealed && (rc = fm_vault_put(&v, r->run->id, out_dir, s->output, s, err)) < 0) ||
	    (rc = keep(s, tmp, entry, err)) < 0)
		goto out;
	if (!(s->product = product_path(r, j->id, entry, err)))
		rc = err->code;
out:
	fm_secret_close(&secret);
	fm_secret_close(&checkpoint);
	clean_up(r, j, tmp, out_dir, rc);
	j->call.secret = j->call.checkpoint_key = NULL;
	j->call.ranks = NULL;
	fm_ranks_free(box.ranks);
	json_decref(report.result);
	free(out_dir);
	free(tmp);
	return rc;
}

int fm_stage_help(struct fm_runner *r, const struct fm_world_order *order, struct fm_error *err)
{
	struct fm_job j = {.stages = r->stages, .id = FM_TRAIN, .call = {.cfg = r->cfg, .run = r->run->id}};
	struct fm_run_stage *store = &r->run->stage[FM_INGEST], *model = &r->run->stage[FM_TRAIN];
	struct fm_sandbox box = {.name = "train", .unconfined = r->unconfined};
	struct fm_sandbox_report report = {0};
	struct fm_secret secret = {0}, checkpoint = {0};
	char *out_dir = NULL;
	int rc;

	memcpy(r->run->id, order->run, sizeof order->run);
	memcpy(store->key, order->ingest, sizeof store->key);
	memcpy(model->key, order->model, sizeof model->key);
	r->secret_id[0] = order->secret ? '1' : '\0'; /* there is one */
	store->name = fm_stage_name(FM_INGEST);
	model->name = fm_stage_name(FM_TRAIN);
	if (!(store->entry = fm_workspace_entry(r->ws.path, store->name, store->key, err))) {
		rc = err->code;
		goto out;
	}
	if ((rc = take_cached(r, FM_INGEST, store->entry, err)) <= 0) {
		rc = rc < 0 ? rc
			    : fm_fail(err, FM_ESYSTEM,
				      "%s is not there for rank %d: all machines need the project's folder and its "
				      "workspace under the same path",
				      store->entry, fm_world_rank());
		goto out;
	}
	if (!(out_dir = product_path(r, FM_TRAIN, r->clear, err))) {
		rc = err->code;
		goto out;
	}
	if ((rc = fm_dir_make(out_dir, 0700, err)) < 0)
		goto out;
	j.call.out_dir = out_dir;
	if ((rc = give_own(r, &j, &secret, &checkpoint, err)) < 0 || (rc = fm_job_fill(&j, r->run, &box, err)) < 0)
		goto out;
	fm_limits_of(r->cfg, out_dir, true, &box.limits);
	if ((rc = give_ranks(r, &j, &box, err)) < 0)
		goto out;
	rc = fm_sandbox_run(&box, fm_job_run, &j, &report, err);
out:
	fm_secret_close(&secret);
	fm_secret_close(&checkpoint);
	json_decref(report.result);
	fm_ranks_free(box.ranks);
	fm_job_free(&j);
	free(out_dir);
	return rc;
}

static int record_stage(struct fm_runner *r, const struct fm_run_stage *s, struct fm_error *err)
{
	json_t *body = json_pack("{s:s, s:s, s:O, s:s, s:f, s:I, s:b, s:O}", "name", s->name, "key", s->key, "inputs",
				 s->inputs, "output", s->output, "seconds", s->seconds, "peak_rss_bytes",
				 (json_int_t)s->peak_rss_bytes, "cached", s->cached, "result", s->result);
	int rc = body ? fm_ledger_append(r->ledger, r->run->id, "stage", body, err)
		      : fm_fail(err, FM_ESYSTEM, "out of memory");

	json_decref(body);
	return rc;
}

int fm_stage_distrust(const struct fm_runner *r, enum fm_stage_id id, int rc, const struct fm_error *err)
{
	const char *entry = r->run->stage[id].entry;

	if (rc < 0 && entry && fm_harvest_refused(err))
		fm_dir_clear_away(entry);
	return rc;
}

int fm_stage_run(struct fm_runner *r, enum fm_stage_id id, struct fm_error *err)
{
	struct fm_job j = {.stages = r->stages,
			   .id = id,
			   .call = {.cfg = r->cfg, .run = r->run->id, .waivers = r->waivers, .audits = r->run->audits}};
	struct fm_run_stage *s = &r->run->stage[id];
	bool borrowed = r->o->reuse && id <= FM_TRAIN;
	json_t *manifest = NULL;
	char *entry = NULL;
	int rc;

	s->name = fm_stage_name(id);
	if (!(s->inputs = json_object()))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if (id == FM_RELEASE && r->o->replay)
		manifest = json_incref((json_t *)r->o->replay->manifest);
	else if (id == FM_RELEASE && (rc = fm_runner_manifest(r->cfg, r->project, r->run, &manifest, err)) < 0) {
		rc = fm_stage_distrust(r, FM_EVALUATE, rc, err); /* the numbers in it came from evaluate */
		goto out;
	}
	j.call.manifest = manifest;
	if ((rc = fm_runner_inputs(r, id, manifest, s->inputs, err)) < 0 ||
	    (rc = fm_stage_key(r->cfg, id, borrowed ? r->o->reuse_unconfined : r->unconfined, s->inputs, s->key, err)) <
		0)
		goto out;
	if (!(entry = fm_workspace_entry(borrowed ? r->o->reuse : r->ws.path, s->name, s->key, err))) {
		rc = err->code;
		goto out;
	}
	s->entry = entry;
	if (!r->o->force && !fm_stage_table[id].always && (rc = take_cached(r, id, entry, err)) < 0)
		goto out;
	if (!s->cached && borrowed) {
		rc = fm_fail(err, FM_EINPUT, "the recorded %s is no longer in %s: reproduce it --from data",
			     fm_stage_table[id].product, r->o->reuse);
		goto out;
	}
	rc = FM_OK;
	if (!s->cached && r->o->probe)
		goto out;
	if (!s->cached && (rc = make(r, &j, entry, err)) < 0)
		goto out;
	if (id == FM_TRAIN && !borrowed && !r->o->probe && (rc = fm_vault_drop_checkpoint(r->ws.path, s->key, err)) < 0)
		goto out;
	if (id == FM_TRAIN && !borrowed && !r->o->probe && (rc = fm_stage_tell_losses(r, entry, s->cached, err)) < 0)
		goto out;
	if (r->o->probe) {
		r->run->nstages = id + 1;
		goto out;
	}
	if (s->cached)
		fm_log("%-9s  cached", s->name);
	if (id == FM_INGEST)
		say_bad_rows(r, s);
	s->seconds = round(s->seconds * 1000) / 1000;
	r->run->nstages = id + 1;
	rc = record_stage(r, s, err);
out:
	fm_job_free(&j);
	json_decref(manifest);
	return rc;
}
