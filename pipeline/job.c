#include "pipeline/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "pipeline/walls/harvest.h"
#include "release/sign/sshkey.h"
#include "traces/files.h"

/* ---- in the child ---- */

int fm_job_run(void *ctx, json_t **result, struct fm_error *err)
{
	const struct fm_job *j = ctx;
	const struct fm_stage *stage = &fm_stage_table[j->id];
	int rc;

	fm_log_hide_rows(stage->sees_rows);
	if ((rc = stage->call(j->stages, &j->call, result, err)) < 0) {
		if (stage->sees_rows)
			fm_text_hide_rows(err->message, sizeof err->message);
		return rc;
	}
	return *result ? FM_OK : fm_fail(err, FM_ESYSTEM, "the result of stage %s cannot be told as JSON", stage->name);
}

/* ---- inputs ---- */

void fm_job_free(struct fm_job *j)
{
	for (int i = 0; i < FM_NITEMS; i++) {
		free(j->call.path[i]);
		j->call.path[i] = NULL;
	}
	free(j->files);
	j->files = NULL;
}

/* The item's path in the product of the stage that made it, NULL where it does not exist.  A link does not count:
 * whoever made the product may have meant it to lead out of there. */
static char *in_product(const struct fm_item *item, const struct fm_run *run)
{
	const char *product = run->stage[item->stage].product;

	if (!fm_harvest_holds(product, item->name))
		return NULL;
	return item->name ? fm_path_join(product, item->name) : strdup(product);
}

static int resolve(struct fm_job *j, enum fm_item_id id, const struct fm_run *run, struct fm_error *err)
{
	const struct fm_item *item = &fm_items[id];
	const char *named = fm_item_path(j->call.cfg, id);
	char **path = &j->call.path[id];

	if (item->from == FM_FROM_PRODUCT) {
		*path = in_product(item, run);
		if (!*path && !item->may_lack)
			return fm_fail(err, FM_ESYSTEM,
				       "the %s that stage %s reads is not where stage %s should have put it; run with "
				       "--force",
				       item->words, fm_stage_name(j->id), fm_stage_name(item->stage));
	} else if (item->from == FM_FROM_USER && (named || !item->may_lack)) {
		/* A dialect is opened by the stage under the name that the config gives it. */
		*path = id == FM_ITEM_DIALECT || id == FM_ITEM_PUBLISHED ||
				(id == FM_ITEM_TRACE && fm_files_count(named) > 1)
			    ? strdup(named)
			    : realpath(named ? named : "", NULL);
		if (!*path)
			return fm_fail_errno(err, "%s: %s", item->key, named ? named : "not set");
	}
	return FM_OK;
}

static void forget(struct fm_sandbox *box, const char *text)
{
	if (text && *text && box->nforget < FM_SANDBOX_FORGET)
		box->forget[box->nforget++] = text;
}

/* A stage that does not read the trace need not know which one it was: forget the config's lines of it, each of its
 * names, its digest. */
static int forget_trace(struct fm_job *j, const struct fm_run *run, struct fm_sandbox *box, struct fm_error *err)
{
	const char *list = j->call.cfg->source.path;

	if (fm_stage_table[j->id].items & FM_ITEM(FM_ITEM_TRACE))
		return FM_OK;
	forget(box, json_string_value(json_object_get(run->stage[FM_INGEST].inputs, "trace")));
	forget(box, list);
	if (fm_files_count(list) <= 1)
		return FM_OK;
	if (!(j->files = strdup(list)))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	for (char *rest = j->files, *one; (one = strsep(&rest, "\n"));)
		forget(box, one);
	return FM_OK;
}

int fm_job_fill(struct fm_job *j, const struct fm_run *run, struct fm_sandbox *box, struct fm_error *err)
{
	int rc;

	for (int i = 0; i < FM_NITEMS; i++) {
		if (!(fm_stage_table[j->id].items & ~j->without & FM_ITEM(i)))
			continue;
		if ((rc = resolve(j, i, run, err)) < 0)
			return rc;
		if (i == FM_ITEM_TRACE && fm_files_count(j->call.path[i]) > 1)
			rc = fm_sandbox_files(box, j->call.path[i], &j->files, err);
		else
			fm_sandbox_path(box, j->call.path[i], fm_items[i].from == FM_FROM_STAGE);
		if (rc < 0)
			return rc;
	}
	fm_sandbox_path(box, j->call.out_dir, true);
	return forget_trace(j, run, box, err);
}
