/* preflight_previous.c - does release.previous have flows that the dialect reads?  It is a file from outside, so a
 * child behind walls looks, which sees only that file. */
#include <jansson.h>
#include <stdlib.h>

#include "manifests/dialect.h"
#include "pipeline/limits.h"
#include "pipeline/preflight_parts.h"
#include "pipeline/walls/sandbox.h"
#include "stages/previous.h"

struct looking {
	const char *path;
	const struct fm_dialect *dialect;
};

static int look_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct looking *l = ctx;

	(void)result;
	return fm_previous_look(l->path, l->dialect, err);
}

int fm_preflight_previous(const struct fm_config *cfg, bool unconfined, struct fm_error *err)
{
	struct fm_sandbox box = {.name = "previous", .unconfined = unconfined};
	char *real = realpath(cfg->release.previous, NULL);
	struct fm_sandbox_report report = {0};
	struct fm_dialect *dialect = NULL;
	struct looking l = {.path = real};
	int rc;

	if (!real) {
		rc = fm_fail_errno(err, "release.previous: %s", cfg->release.previous);
		goto out;
	}
	if ((rc = fm_dialect_load(&dialect, fm_config_published(cfg), err)) < 0) {
		fm_error_prefix(err, "publish.dialect: ");
		goto out;
	}
	l.dialect = dialect;
	fm_sandbox_path(&box, real, false);
	fm_limits_of(cfg, NULL, true, &box.limits);
	if ((rc = fm_sandbox_run(&box, look_fn, &l, &report, err)) < 0)
		fm_error_prefix(err, "release.previous: ");
	json_decref(report.result);
out:
	fm_dialect_free(dialect);
	free(real);
	return rc;
}
