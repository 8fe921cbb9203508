#include "pipeline/waivers.h"

#include <string.h>

#include "base/log.h"
#include "pipeline/approvals.h"
#include "pipeline/signed_records.h"
#include "release/sign/waiver.h"

struct gather {
	const struct fm_config *cfg;
	int64_t now_s;
};

bool fm_waivers_may(const struct fm_config *cfg, const char *check)
{
	size_t n = strlen(check);

	if (strncmp(check, "leak.", 5) != 0)
		return true;
	for (const char *s = cfg->gate.waivable; (s = strstr(s, check)); s += n)
		if ((s == cfg->gate.waivable || s[-1] == ' ') && (s[n] == '\0' || s[n] == ' '))
			return true;
	return false;
}

/* What the config says against a waiver, whatever its signature is worth. */
static int check_rules(const struct gather *g, const json_t *record, struct fm_error *err)
{
	const char *check = json_string_value(json_object_get(record, "check"));
	char release[FM_FINGERPRINT_MAX];
	int rc;

	if (!fm_waivers_may(g->cfg, check))
		return fm_fail(err, FM_EVERDICT, "it is of a check of leakage that gate.waivable does not name: %s",
			       check);
	if ((rc = fm_approvals_release_key(g->cfg, release, err)) < 0)
		return rc;
	if (release[0] && strcmp(json_string_value(json_object_get(record, "key")), release) == 0)
		return fm_fail(err, FM_EVERDICT,
			       "it is by publish.key, and publish.approvals asks for more than one person");
	return FM_OK;
}

static int check(void *ctx, const char *path, const struct fm_signers *signers, const json_t *holding, json_t **record,
		 struct fm_error *err)
{
	const struct gather *g = ctx;
	int rc;

	(void)holding;
	if ((rc = fm_waiver_check(path, g->cfg->release.name, signers, g->now_s, record, err)) >= 0)
		rc = check_rules(g, *record, err);
	if (rc == FM_EVERDICT)
		fm_warn("%s counts for nothing: %s", path, err->message);
	return rc;
}

int fm_waivers_gather(const char *project, const struct fm_config *cfg, int64_t now_s, json_t **holding, json_t **rows,
		      struct fm_error *err)
{
	struct gather g = {.cfg = cfg, .now_s = now_s};
	const struct fm_signed_records kind = {.project = project,
					       .folder = "waivers",
					       .begin = "",
					       .suffix = FM_WAIVER_SUFFIX,
					       .check = check,
					       .ctx = &g};

	return fm_signed_records_gather(&kind, holding, rows, err);
}
