#include "pipeline/input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pipeline/sandbox.h"
#include "traces/sniff.h"

struct sniffing {
	const char *path, *member;
};

static int sniff_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct sniffing *a = ctx;
	struct fm_sniffed s;
	int rc;

	fm_log_hide_rows(true);
	if ((rc = fm_sniff(&s, a->path, a->member, err)) < 0 || (rc = fm_sniff_decide(&s, a->path, err)) < 0)
		return rc;
	*result = json_pack("{s:s, s:I, s:I}", "dialect", s.candidate[0].name, "rows", (json_int_t)s.candidate[0].rows,
			    "bad", (json_int_t)s.candidate[0].bad);
	return *result ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

static int find_dialect(struct fm_config *cfg, bool unconfined, struct fm_error *err)
{
	struct fm_sandbox box = {.name = "sniff", .unconfined = unconfined};
	struct fm_sandbox_report report = {0};
	struct sniffing a = {.member = cfg->source.member};
	char *real = realpath(cfg->source.path, NULL);
	const char *name;
	int rc;

	if (!real)
		return fm_fail_errno(err, "source.path: %s", cfg->source.path);
	a.path = real;
	fm_sandbox_path(&box, real, false);
	if ((rc = fm_sandbox_run(&box, sniff_fn, &a, &report, err)) < 0)
		goto out;
	name = json_string_value(json_object_get(report.result, "dialect"));
	if (!name || strlen(name) >= sizeof cfg->source.dialect) {
		rc = fm_fail(err, FM_ESYSTEM, "%s: no dialect came back", cfg->source.path);
		goto out;
	}
	strcpy(cfg->source.dialect, name);
	fm_log("source.dialect auto: the trace is in dialect %s, which reads %lld of its first %lld rows", name,
	       (long long)json_integer_value(json_object_get(report.result, "rows")),
	       (long long)(json_integer_value(json_object_get(report.result, "rows")) +
			   json_integer_value(json_object_get(report.result, "bad"))));
out:
	json_decref(report.result);
	free(real);
	return rc;
}

int fm_input_settle(struct fm_config *cfg, bool unconfined, struct fm_error *err)
{
	return strcmp(cfg->source.dialect, "auto") == 0 && cfg->source.path[0] ? find_dialect(cfg, unconfined, err)
									       : FM_OK;
}
