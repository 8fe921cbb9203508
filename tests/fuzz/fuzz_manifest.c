/*
 * fuzz_manifest - whatever bytes come as a stranger's manifest.json: no crash, no leak, as a verdict, as a config, and
 * as both reports.  No tag of the page is the stranger's.
 */
#include "manifests/config.h"
#include "manifests/json_bounds.h"
#include "manifests/metrics.h"
#include "report/report.h"
#include "stages/table.h"
#include "tests/fuzz/fuzz.h"

static void one_report(const json_t *facts, bool partner)
{
	struct fm_buf html = {0};
	struct fm_error err;

	if (fm_report_html(facts, partner, &html, &err) == FM_OK && (html.len == 0 || strstr(html.data, "<stranger")))
		abort();
	fm_buf_free(&html);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *facts, *partner = NULL;
	struct fm_config *cfg = NULL;
	struct fm_verdict v = {0};
	struct fm_error err;

	if (fm_json_too_much((const char *)data, size) ||
	    !(facts = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL)))
		return 0;
	(void)!fm_verdict_from_json(&v, facts, &err);
	fm_verdict_free(&v);
	if (fm_config_from_json(&cfg, json_object_get(facts, "config"), &err) == FM_OK)
		fm_config_free(cfg);
	one_report(facts, false);
	if (fm_report_partner(facts, fm_stage_shows_output, &partner, &err) == FM_OK)
		one_report(partner, true);
	json_decref(partner);
	json_decref(facts);
	return 0;
}
