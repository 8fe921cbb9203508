/* The archive, made again before it is signed, by a child that sees the archive and what is public anyway. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "pipeline/job.h"
#include "pipeline/limits.h"
#include "pipeline/stage_run.h"
#include "pipeline/walls/harvest.h"

/* What the child said of the archive that it made, and what release said of its own, must both be true of the one that
 * lies there. */
static int compare(const char *archive, const json_t *said, const json_t *again, struct fm_error *err)
{
	static const char *const digest[] = {"archive_sha256", "tar_sha256"};
	char hex[FM_SHA256_HEX];
	int rc;

	if ((rc = fm_sha256_file_hex(archive, hex, err)) < 0)
		return rc;
	for (size_t i = 0; i < sizeof digest / sizeof *digest; i++)
		if (!fm_json_says(said, digest[i], fm_json_str(again, digest[i])))
			return fm_harvest_refuse(err, "stage release told another %s than its archive has", digest[i]);
	return fm_json_says(again, "archive_sha256", hex)
		   ? FM_OK
		   : fm_harvest_refuse(err, "stage release left another archive than is made of its flows");
}

static int refused(struct fm_error *err)
{
	char why[sizeof err->message];

	snprintf(why, sizeof why, "%s", err->message);
	return fm_harvest_refuse(err, "stage release left an archive that no honest one leaves: %.300s", why);
}

int fm_stage_again(struct fm_runner *r, const struct fm_stage_call *made, const char *work, const json_t *said,
		   struct fm_error *err)
{
	struct fm_job j = {.stages = r->stages, .id = FM_RELEASE, .call = *made, .without = FM_ITEM(FM_ITEM_SYNTHETIC)};
	struct fm_sandbox box = {.name = "release", .unconfined = r->unconfined};
	struct fm_sandbox_report report = {0};
	char *archive, name[FM_CONFIG_ARCHIVE];
	int rc;

	memset(j.call.path, 0, sizeof j.call.path);
	if (!(archive = fm_path_join(made->out_dir, fm_config_archive(r->cfg, name))))
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	j.call.out_dir = work;
	j.call.archive = archive;
	if ((rc = fm_dir_remove(work, err)) < 0 || (rc = fm_dir_make(work, 0700, err)) < 0 ||
	    (rc = fm_job_fill(&j, r->run, &box, err)) < 0)
		goto out;
	fm_sandbox_path(&box, archive, false);
	(void)fm_limits_fit(r->cfg, FM_RELEASE, work, 0, &box.limits);
	if ((rc = fm_sandbox_run(&box, fm_job_run, &j, &report, err)) < 0)
		rc = rc == FM_EINPUT || rc == FM_EVERDICT ? refused(err) : fm_limits_explain(r->cfg, &box.limits, err);
	else if ((rc = fm_harvest_result(r->cfg, FM_RELEASE, report.result, err)) >= 0)
		rc = compare(archive, said, report.result, err);
	fm_run_stage_took(&r->run->stage[FM_RELEASE], &report);
out:
	if (rc >= 0)
		rc = fm_dir_remove(work, err);
	json_decref(report.result);
	fm_job_free(&j);
	free(archive);
	return rc;
}
