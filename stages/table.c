#include "stages/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct fm_stages fm_stages_real = {
    fm_stage_ingest,  fm_stage_train, fm_stage_generate, fm_stage_evaluate, fm_stage_gate,
    fm_stage_release, fm_verify,      fm_release_again,  fm_stage_rehearse,
};

#define PRODUCT(stage, name) FM_FROM_PRODUCT, stage, name, NULL, 0, NULL
#define USER(key, member, digest) FM_FROM_USER, 0, NULL, key, offsetof(struct fm_config, member), digest

const struct fm_item fm_items[FM_NITEMS] = {
    [FM_ITEM_TRACE] = {"trace", USER("source.path", source.path, "trace"), false},
    [FM_ITEM_DIALECT] = {"dialect file", USER("source.dialect", source.dialect, "dialect"), true},
    [FM_ITEM_PUBLISHED] = {"dialect file of the release", USER("publish.dialect", publish.dialect, "published_dialect"),
			   true},
    [FM_ITEM_TRAIN] = {"training split", PRODUCT(FM_INGEST, "train"), false},
    [FM_ITEM_VALIDATION] = {"validation split", PRODUCT(FM_INGEST, "validation"), false},
    [FM_ITEM_HOLDOUT] = {"holdout", PRODUCT(FM_INGEST, "holdout"), true},
    [FM_ITEM_STORE] = {"summary of the store", PRODUCT(FM_INGEST, "store.json"), false},
    [FM_ITEM_MODEL] = {"model", PRODUCT(FM_TRAIN, NULL), false},
    [FM_ITEM_SHARDS] = {"shards of its flows", FM_FROM_SHARDS, 0, NULL, NULL, 0, NULL, true},
    [FM_ITEM_SYNTHETIC] = {"synthetic table", PRODUCT(FM_GENERATE, NULL), false},
    [FM_ITEM_FREE] = {"metrics of synthetic flows alone", PRODUCT(FM_GENERATE, "free.json"), true},
    [FM_ITEM_PREVIOUS] = {"previous release", USER("release.previous", release.previous, "previous"), true},
    [FM_ITEM_PARTS] = {"parts of its searches", FM_FROM_SHARDS, 0, NULL, NULL, 0, NULL, true},
    [FM_ITEM_METRICS] = {"metrics", PRODUCT(FM_EVALUATE, "metrics.json"), false},
    [FM_ITEM_PAID] = {"metrics that privacy.budget.gate pays for", PRODUCT(FM_EVALUATE, "paid.json"), true},
    [FM_ITEM_CONTROLS] = {"controls", PRODUCT(FM_EVALUATE, "controls.json"), true},
    [FM_ITEM_WAIVERS] = {"waivers", FM_FROM_RUNNER, 0, NULL, NULL, 0, "waivers", true},
    [FM_ITEM_AUDITS] = {"audit of the claim", FM_FROM_RUNNER, 0, NULL, NULL, 0, "audits", true},
    [FM_ITEM_VERDICT] = {"verdict", PRODUCT(FM_GATE, "verdict.json"), false},
    [FM_ITEM_MANIFEST] = {"manifest", FM_FROM_RUNNER, 0, NULL, NULL, 0, "manifest", false},
    [FM_ITEM_LICENSE] = {"licence text", USER("release.license_file", release.license_file, "license"), true},
    [FM_ITEM_CHECKPOINT] = {"checkpoint", FM_FROM_STAGE, FM_TRAIN, NULL, NULL, 0, NULL, true},
    [FM_ITEM_QUARANTINE] = {"quarantine of a failed ingest", FM_FROM_STAGE, FM_INGEST, NULL, NULL, 0, NULL, true},
};

/* ---- the calls ---- */

static int call_ingest(const struct fm_stages *s, const struct fm_stage_call *c, json_t **result, struct fm_error *err)
{
	struct fm_ingest_in in = {
	    .cfg = c->cfg, .trace = c->path[FM_ITEM_TRACE], .out_dir = c->out_dir, .secret = c->secret};
	struct fm_ingest_out out = {0};
	char *quarantine = NULL;
	int rc;

	if (c->path[FM_ITEM_QUARANTINE] && asprintf(&quarantine, "%s/%s.csv", c->path[FM_ITEM_QUARANTINE], c->run) < 0)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	in.quarantine = quarantine;
	if ((rc = s->ingest(&in, &out, err)) < 0)
		goto out;
	*result = fm_ingest_out_json(&out);
out:
	free(quarantine);
	return rc;
}

static int call_train(const struct fm_stages *s, const struct fm_stage_call *c, json_t **result, struct fm_error *err)
{
	struct fm_train_in in = {.cfg = c->cfg,
				 .train_dir = c->path[FM_ITEM_TRAIN],
				 .validation_dir = c->path[FM_ITEM_VALIDATION],
				 .store_json = c->path[FM_ITEM_STORE],
				 .out_dir = c->out_dir,
				 .checkpoint_dir = c->path[FM_ITEM_CHECKPOINT],
				 .checkpoint_key = c->checkpoint_key,
				 .secret = c->secret,
				 .ranks = c->ranks};
	struct fm_train_out out = {0};
	int rc;

	if ((rc = s->train(&in, &out, err)) < 0)
		return rc;
	*result = fm_train_out_json(&out);
	return FM_OK;
}

static int call_generate(const struct fm_stages *s, const struct fm_stage_call *c, json_t **result,
			 struct fm_error *err)
{
	struct fm_generate_in in = {.cfg = c->cfg,
				    .model_dir = c->path[FM_ITEM_MODEL],
				    .shards_dir = c->path[FM_ITEM_SHARDS],
				    .out_dir = c->out_dir,
				    .shard = c->shard,
				    .nshards = c->nshards,
				    .secret = c->secret};
	struct fm_generate_out out = {0};
	int rc;

	if ((rc = s->generate(&in, &out, err)) < 0)
		return rc;
	*result = fm_generate_out_json(&out);
	return FM_OK;
}

static int call_evaluate(const struct fm_stages *s, const struct fm_stage_call *c, json_t **result,
			 struct fm_error *err)
{
	struct fm_evaluate_in in = {.cfg = c->cfg,
				    .train_dir = c->path[FM_ITEM_TRAIN],
				    .holdout_dir = c->path[FM_ITEM_HOLDOUT],
				    .synthetic_dir = c->path[FM_ITEM_SYNTHETIC],
				    .out_dir = c->out_dir,
				    .model_dir = c->path[FM_ITEM_MODEL],
				    .store_json = c->path[FM_ITEM_STORE],
				    .previous = c->path[FM_ITEM_PREVIOUS],
				    .parts_dir = c->path[FM_ITEM_PARTS],
				    .shard = c->shard,
				    .nparts = c->nshards,
				    .secret = c->secret};
	struct fm_evaluate_out out = {0};
	int rc;

	if ((rc = s->evaluate(&in, &out, err)) < 0)
		return rc;
	*result = fm_evaluate_out_json(&out);
	return FM_OK;
}

static int call_gate(const struct fm_stages *s, const struct fm_stage_call *c, json_t **result, struct fm_error *err)
{
	struct fm_gate_in in = {.cfg = c->cfg,
				.free_json = c->path[FM_ITEM_FREE],
				.paid_json = c->path[FM_ITEM_PAID],
				.metrics_json = c->path[FM_ITEM_METRICS],
				.out_dir = c->out_dir,
				.controls_json = c->path[FM_ITEM_CONTROLS],
				.waivers = c->waivers,
				.audits = c->audits};
	struct fm_gate_out out = {0};
	int rc;

	if ((rc = s->gate(&in, &out, err)) < 0)
		return rc;
	*result = fm_gate_out_json(&out);
	return FM_OK;
}

static int call_release(const struct fm_stages *s, const struct fm_stage_call *c, json_t **result, struct fm_error *err)
{
	struct fm_release_in in = {.cfg = c->cfg,
				   .synthetic_dir = c->path[FM_ITEM_SYNTHETIC],
				   .verdict_json = c->path[FM_ITEM_VERDICT],
				   .license = c->path[FM_ITEM_LICENSE],
				   .out_dir = c->out_dir,
				   .manifest = c->manifest};
	struct fm_release_out out = {0};
	int rc;

	if ((rc = c->archive ? s->again(&in, c->archive, &out, err) : s->release(&in, &out, err)) < 0)
		return rc;
	*result = fm_release_out_json(&out);
	/* The folder is about to get its final name: only the file's own name stays true. */
	if (strrchr(out.archive, '/'))
		json_object_set_new(*result, "archive", json_string(strrchr(out.archive, '/') + 1));
	return FM_OK;
}

/* ---- the table ---- */

/* clang-format off */
#define SAID(said_name, said_product, said_shown) .name = said_name, .product = said_product, .shown = said_shown
const struct fm_stage fm_stage_table[FM_NSTAGES] = {
    [FM_INGEST] = {FM_SAID_INGEST(SAID),
		   .threads = true,
		   .sealed = true,
		   .makes = "store: training split, validation split, holdout, summary, quarantine",
		   .files = "store.json quarantine.csv train/@ validation/@ holdout/@",
		   .format = 13,
		   .items = FM_ITEM(FM_ITEM_TRACE) | FM_ITEM(FM_ITEM_DIALECT) | FM_ITEM(FM_ITEM_QUARANTINE),
		   .sees_rows = true,
		   .draws = true,
		   .section = {"source", "split", "model.window", "privacy.mode"},
		   .call = call_ingest},
    [FM_TRAIN] = {FM_SAID_TRAIN(SAID),
		  .threads = true,
		  .sealed = true,
		  .makes = "model",
		  .files = "model.json weights.safetensors marginals.bin charges.json",
		  .format = 16,
		  .items = FM_ITEM(FM_ITEM_DIALECT) | FM_ITEM(FM_ITEM_PUBLISHED) | FM_ITEM(FM_ITEM_TRAIN) |
			   FM_ITEM(FM_ITEM_VALIDATION) | FM_ITEM(FM_ITEM_STORE) | FM_ITEM(FM_ITEM_CHECKPOINT),
		  .unkeyed = FM_ITEM(FM_ITEM_PUBLISHED),
		  .sees_rows = true,
		  .draws = true,
		  .section = {"model", "train", "privacy"},
		  .call = call_train},
    [FM_GENERATE] = {FM_SAID_GENERATE(SAID),
		     .threads = true,
		     .sealed = true,
		     .makes = "synthetic table",
		     .files = "@ free.json",
		     .format = 16,
		     .items = FM_ITEM(FM_ITEM_MODEL) | FM_ITEM(FM_ITEM_SHARDS),
		     .draws = true,
		     .section = {"generate"},
		     .call = call_generate},
    [FM_EVALUATE] = {FM_SAID_EVALUATE(SAID),
		     .threads = true,
		     .sealed = true,
		     .makes = "metrics, histograms for the report, controls",
		     .files = "metrics.json histograms.json controls.json paid.json",
		     .format = 8,
		     .by_program = true,
		     .draws = true,
		     .sees_rows = true,
		     .items = FM_ITEM(FM_ITEM_DIALECT) | FM_ITEM(FM_ITEM_PUBLISHED) | FM_ITEM(FM_ITEM_TRAIN) |
			      FM_ITEM(FM_ITEM_HOLDOUT) | FM_ITEM(FM_ITEM_STORE) | FM_ITEM(FM_ITEM_MODEL) |
			      FM_ITEM(FM_ITEM_SYNTHETIC) | FM_ITEM(FM_ITEM_PREVIOUS) | FM_ITEM(FM_ITEM_PARTS),
		     .section = {"gate.controls", "split", "model", "train", "publish.dialect"},
		     .call = call_evaluate},
    [FM_GATE] = {FM_SAID_GATE(SAID),
		 .makes = "verdict",
		 .files = "verdict.json",
		 .format = 3,
		 .by_program = true,
		 .items = FM_ITEM(FM_ITEM_METRICS) | FM_ITEM(FM_ITEM_FREE) | FM_ITEM(FM_ITEM_PAID) |
			  FM_ITEM(FM_ITEM_CONTROLS) | FM_ITEM(FM_ITEM_WAIVERS) | FM_ITEM(FM_ITEM_AUDITS),
		 .section = {"gate", "privacy.mode"},
		 .call = call_gate},
    [FM_RELEASE] = {FM_SAID_RELEASE(SAID),
		    .threads = true,
		    .makes = "archive",
		    .files = "#",
		    .format = 6,
		    .by_program = true,
		    .always = true,
		    .items = FM_ITEM(FM_ITEM_DIALECT) | FM_ITEM(FM_ITEM_PUBLISHED) | FM_ITEM(FM_ITEM_SYNTHETIC) |
			     FM_ITEM(FM_ITEM_VERDICT) | FM_ITEM(FM_ITEM_MANIFEST) | FM_ITEM(FM_ITEM_LICENSE),
		    .section = {"release", "source", "split", "model", "train", "privacy", "generate", "gate",
				"publish"},
		    .call = call_release},
};
/* clang-format on */

int fm_stage_find(const char *name)
{
	for (int i = 0; i < FM_NSTAGES; i++)
		if (strcmp(fm_stage_table[i].name, name) == 0)
			return i;
	return -1;
}

bool fm_stage_shows_output(const char *name, bool dp)
{
	int id = fm_stage_find(name);

	return id >= 0 && fm_stage_said_shows(&fm_stages_said[id], dp);
}

const char *fm_item_path(const struct fm_config *cfg, enum fm_item_id item)
{
	const char *path;

	if (fm_items[item].from != FM_FROM_USER)
		return NULL;
	path = (const char *)cfg + fm_items[item].config;
	return *path && ((item != FM_ITEM_DIALECT && item != FM_ITEM_PUBLISHED) || strchr(path, '/')) ? path : NULL;
}
