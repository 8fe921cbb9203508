/* What goes into the key of a stage: the digests of what it reads. */
#include "pipeline/stage_run.h"

#include <stdio.h>
#include <string.h>

#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "pipeline/keys.h"

static int set_digest(json_t *inputs, const char *name, const char *hex, struct fm_error *err)
{
	return json_object_set_new(inputs, name, json_string(hex)) ? fm_fail(err, FM_ESYSTEM, "out of memory") : FM_OK;
}

int fm_runner_digest(struct fm_runner *r, enum fm_item_id id, char hex[FM_SHA256_HEX], struct fm_error *err)
{
	const char *path = fm_item_path(r->cfg, id);
	int rc;

	if (id == FM_ITEM_TRACE && r->o->trace_sha256) {
		snprintf(hex, FM_SHA256_HEX, "%s", r->o->trace_sha256);
		return FM_OK;
	}
	rc = id == FM_ITEM_TRACE ? fm_trace_digest(r->ledger, path, r->unconfined, hex, err)
				 : fm_sha256_file_hex(path, hex, err);
	if (rc < 0)
		return id == FM_ITEM_DIALECT ? fm_dialect_blame(err) : fm_error_prefix(err, "%s: ", fm_items[id].key);
	return FM_OK;
}

static int collect_item(struct fm_runner *r, enum fm_item_id id, const json_t *manifest, json_t *inputs,
			struct fm_error *err)
{
	const struct fm_item *item = &fm_items[id];
	const json_t *told = id == FM_ITEM_MANIFEST ? manifest : id == FM_ITEM_AUDITS ? r->run->audits : r->waivers;
	char hex[FM_SHA256_HEX];
	int rc;

	if (item->from == FM_FROM_PRODUCT)
		return set_digest(inputs, fm_stage_table[item->stage].product, r->run->stage[item->stage].output, err);
	if (item->from == FM_FROM_USER && item->digest && fm_item_path(r->cfg, id))
		rc = fm_runner_digest(r, id, hex, err);
	/* So a new verdict is made when waivers come, go or expire. */
	else if (item->from == FM_FROM_RUNNER && !(item->may_lack && json_array_size(told) == 0))
		rc = fm_json_digest(told, hex, err);
	else
		return FM_OK;
	return rc < 0 ? rc : set_digest(inputs, item->digest, hex, err);
}

/* The clock of a dialect's zone, which the system's zoneinfo defines and the dialect's file does not. */
static int collect_zone(const struct fm_runner *r, enum fm_item_id id, json_t *inputs, struct fm_error *err)
{
	const char *path = fm_item_path(r->cfg, id);
	struct fm_dialect *d = NULL;
	char hex[FM_SHA256_HEX], name[64];
	int rc;

	if (!path)
		return FM_OK;
	if ((rc = fm_dialect_load(&d, path, err)) < 0 || !d->zone || (rc = fm_zone_digest(d->zone, hex, err)) < 0)
		goto out;
	snprintf(name, sizeof name, "%s_zone", fm_items[id].digest);
	rc = set_digest(inputs, name, hex, err);
out:
	fm_dialect_free(d);
	return rc;
}

static int collect(struct fm_runner *r, enum fm_item_id id, const json_t *manifest, json_t *inputs,
		   struct fm_error *err)
{
	int rc;

	if ((rc = collect_item(r, id, manifest, inputs, err)) < 0 || (id != FM_ITEM_DIALECT && id != FM_ITEM_PUBLISHED))
		return rc;
	return collect_zone(r, id, inputs, err);
}

/* The secret of a run was made from its files as they were when it began. */
static int hold_against(const struct fm_runner *r, const json_t *inputs, struct fm_error *err)
{
	const json_t *was, *now;
	const char *name;

	json_object_foreach((json_t *)r->files, name, was)
	{
		now = json_object_get(inputs, name);
		if (now && !json_equal(was, now))
			return fm_fail(
			    err, FM_EINPUT,
			    "the %s changed while the run was at work, whose noise is meant for what it was; run "
			    "again",
			    name);
	}
	return FM_OK;
}

int fm_runner_inputs(struct fm_runner *r, enum fm_stage_id id, const json_t *manifest, json_t *inputs,
		     struct fm_error *err)
{
	int rc;

	if (r->secret_id[0] && fm_stage_table[id].draws && (rc = set_digest(inputs, "secret", r->secret_id, err)) < 0)
		return rc;
	for (int i = 0; i < FM_NITEMS; i++) {
		if (!(fm_stage_table[id].items & ~fm_stage_table[id].unkeyed & FM_ITEM(i)) ||
		    (i == FM_ITEM_FREE && !fm_config_dp(r->cfg)))
			continue;
		if ((rc = collect(r, i, manifest, inputs, err)) < 0)
			return rc;
	}
	return hold_against(r, inputs, err);
}

int fm_runner_files(struct fm_runner *r, json_t **files, struct fm_error *err)
{
	unsigned items =
	    fm_stage_table[FM_INGEST].items | (fm_stage_table[FM_TRAIN].items & ~fm_stage_table[FM_TRAIN].unkeyed);
	int rc = FM_OK;

	if (!(*files = json_object()))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	for (int i = 0; i < FM_NITEMS && rc >= 0; i++)
		if (items & FM_ITEM(i) && fm_items[i].from == FM_FROM_USER)
			rc = collect(r, i, NULL, *files, err);
	if (rc < 0) {
		json_decref(*files);
		*files = NULL;
	}
	return rc;
}
