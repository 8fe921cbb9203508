/* What a release in publish.dialect will not say is told by training. Where training is taken from the workspace, and
 * was of another publish.dialect, it is told here, by a child that sees the training split and nothing else private. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "manifests/dialect.h"
#include "pipeline/job.h"
#include "pipeline/limits.h"
#include "pipeline/stage_run.h"

static int rehearse_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct fm_job *j = ctx;
	struct fm_train_in in = {
	    .cfg = j->call.cfg, .train_dir = j->call.path[FM_ITEM_TRAIN], .out_dir = j->call.out_dir};
	int rc;

	fm_log_hide_rows(true);
	if ((rc = j->stages->rehearse(&in, err)) < 0) {
		fm_text_hide_rows(err->message, sizeof err->message);
		return rc;
	}
	*result = json_object();
	return *result ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

static int rehearse(struct fm_runner *r, struct fm_error *err)
{
	struct fm_job j = {.stages = r->stages,
			   .id = FM_TRAIN,
			   .call = {.cfg = r->cfg, .run = r->run->id},
			   .without =
			       FM_ITEM(FM_ITEM_CHECKPOINT) | FM_ITEM(FM_ITEM_VALIDATION) | FM_ITEM(FM_ITEM_STORE)};
	struct fm_sandbox box = {.name = "train", .unconfined = r->unconfined};
	struct fm_sandbox_report report = {0};
	char *work = fm_path_join(r->clear, "rehearsal");
	int rc;

	if (!work)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	j.call.out_dir = work;
	if ((rc = fm_dir_remove(work, err)) < 0 || (rc = fm_dir_make(work, 0700, err)) < 0 ||
	    (rc = fm_job_fill(&j, r->run, &box, err)) < 0)
		goto out;
	(void)fm_limits_fit(r->cfg, FM_TRAIN, work, 0, &box.limits);
	if ((rc = fm_sandbox_run(&box, rehearse_fn, &j, &report, err)) < 0)
		rc = fm_limits_explain(r->cfg, &box.limits, err);
	else
		rc = fm_dir_remove(work, err);
out:
	json_decref(report.result);
	fm_job_free(&j);
	free(work);
	return rc;
}

/* What decides what is told of the same flows: the dialect, by its digest where it is a file, and its header. */
static int describe(struct fm_runner *r, struct fm_buf *out, struct fm_error *err)
{
	const char *name = fm_config_published(r->cfg);
	char hex[FM_SHA256_HEX];
	int rc;

	if (fm_dialect_is_file(name)) {
		if ((rc = fm_sha256_file_hex(name, hex, err)) < 0)
			return rc;
		name = hex;
	}
	fm_buf_printf(out, "%s%s\n", name, r->cfg->publish.header ? " header" : "");
	return fm_buf_check(out, err);
}

int fm_stage_tell_losses(struct fm_runner *r, const char *entry, bool cached, struct fm_error *err)
{
	struct fm_buf now = {0}, told = {0};
	char *file = NULL;
	struct fm_error ignored;
	int rc;

	if (!r->stages->rehearse || r->secret_id[0])
		return FM_OK;
	if (!(file = fm_path_join(entry, "told")))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = describe(r, &now, err)) < 0)
		goto out;
	if (cached && fm_file_read(file, FM_SHA256_HEX + 64, &told, &ignored) >= 0 && told.len == now.len &&
	    memcmp(told.data, now.data, now.len) == 0)
		goto out;
	if (cached && (rc = rehearse(r, err)) < 0)
		goto out;
	rc = fm_file_write(file, 0600, now.data, now.len, err);
out:
	fm_buf_free(&now);
	fm_buf_free(&told);
	free(file);
	return rc;
}
