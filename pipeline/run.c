#include "pipeline/run.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/walls/sandbox.h"

void fm_run_stage_took(struct fm_run_stage *s, const struct fm_sandbox_report *report)
{
	if (!s)
		return;
	s->seconds += report->seconds;
	s->peak_rss_bytes = report->peak_rss_bytes > s->peak_rss_bytes ? report->peak_rss_bytes : s->peak_rss_bytes;
}

json_t *fm_run_config(const struct fm_config *cfg)
{
	json_t *c = fm_config_json(cfg, NULL, false);

	json_object_del(c, "file");
	json_object_del(c, "dir");
	return c;
}

json_t *fm_run_json(const struct fm_run *run)
{
	json_t *stages = json_array(), *verdict = NULL, *doc;

	for (int i = 0; i < run->nstages; i++) {
		const struct fm_run_stage *s = &run->stage[i];

		json_array_append_new(stages,
				      json_pack("{s:s, s:f, s:I, s:b}", "name", s->name, "seconds", s->seconds,
						"peak_rss_bytes", (json_int_t)s->peak_rss_bytes, "cached", s->cached));
	}
	doc = json_pack("{s:s, s:o, s:o}", "run", run->id, "stages", stages, "metrics",
			run->has_metrics ? fm_metrics_json(&run->metrics) : json_null());
	if (run->has_verdict)
		verdict = fm_verdict_json(&run->verdict);
	json_object_set_new(doc, "verdict", json_null());
	json_object_set_new(doc, "checks", json_array());
	if (verdict)
		json_object_update(doc, verdict);
	json_object_set_new(doc, "archive", run->archive[0] ? json_string(run->archive) : json_null());
	json_object_set_new(doc, "tar_sha256", run->archive[0] ? json_string(run->tar_sha256) : json_null());
	json_object_set_new(doc, "confinement", json_string(run->unconfined ? "unconfined" : "namespaces"));
	if (run->approvals)
		json_object_set(doc, "approvals", run->approvals);
	json_decref(verdict);
	return doc;
}

void fm_run_free(struct fm_run *run)
{
	if (!run)
		return;
	for (int i = 0; i < FM_NSTAGES; i++) {
		json_decref(run->stage[i].inputs);
		json_decref(run->stage[i].result);
		free(run->stage[i].entry);
		free(run->stage[i].product);
	}
	fm_outside_close(&run->outside);
	fm_held_end(&run->held);
	free(run->record);
	json_decref(run->audits);
	json_decref(run->escapes);
	json_decref(run->approvals);
	fm_metrics_free(&run->metrics);
	fm_verdict_free(&run->verdict);
	memset(run, 0, sizeof *run);
}
