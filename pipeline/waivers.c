#include "pipeline/waivers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "pipeline/approvals.h"
#include "release/sign/waiver.h"

struct gather {
	const struct fm_config *cfg;
	const char *dir;
	char release_key[FM_FINGERPRINT_MAX];
	struct fm_signers signers;
	int64_t now_s;
	json_t *holding, *rows;
};

static int add(json_t *list, json_t *value, struct fm_error *err)
{
	return json_array_append_new(list, value) ? fm_fail(err, FM_ESYSTEM, "out of memory for the waivers") : FM_OK;
}

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

/* Whatever its signature says. */
static int check_rules(const struct gather *g, const json_t *record, struct fm_error *err)
{
	const char *check = json_string_value(json_object_get(record, "check"));

	if (!fm_waivers_may(g->cfg, check))
		return fm_fail(err, FM_EVERDICT, "it is of a check of leakage that gate.waivable does not name: %s",
			       check);
	if (g->cfg->publish.approvals > 1 && g->release_key[0] &&
	    strcmp(json_string_value(json_object_get(record, "key")), g->release_key) == 0)
		return fm_fail(err, FM_EVERDICT,
			       "it is by publish.key, and publish.approvals asks for more than one person");
	return FM_OK;
}

static int gather_one(struct gather *g, const char *name, struct fm_error *err)
{
	char *path = fm_path_join(g->dir, name);
	json_t *record = NULL, *row;
	int rc;

	if (!path)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_waiver_check(path, g->cfg->release.name, &g->signers, g->now_s, &record, err)) == FM_OK)
		rc = check_rules(g, record, err);
	if (rc == FM_EVERDICT) {
		fm_warn("%s counts for nothing: %s", path, err->message);
		rc = add(g->rows, json_pack("{s:s, s:b, s:s}", "file", name, "holds", 0, "why", err->message), err);
		goto out;
	}
	if (rc < 0)
		goto out;
	row = json_pack("{s:s, s:b}", "file", name, "holds", 1);
	if (json_object_update(row, record) != 0) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the waivers");
		goto out;
	}
	if ((rc = add(g->rows, row, err)) < 0)
		goto out;
	rc = add(g->holding, json_incref(record), err);
out:
	json_decref(record);
	free(path);
	return rc;
}

static int gather_all(struct gather *g, const char *project, struct fm_error *err)
{
	char *signers = fm_path_join(project, "allowed_signers"), **names = NULL;
	size_t n = 0, len, suffix = strlen(FM_WAIVER_SUFFIX);
	int rc;

	if (!signers)
		return fm_fail(err, FM_ESYSTEM, "out of memory");
	if ((rc = fm_signers_load(&g->signers, signers, err)) < 0 || (rc = fm_dir_list(g->dir, &names, &n, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		len = strlen(names[i]);
		if (len > suffix && names[i][0] != '.' && strcmp(names[i] + len - suffix, FM_WAIVER_SUFFIX) == 0 &&
		    (rc = gather_one(g, names[i], err)) < 0)
			goto out;
	}
out:
	fm_names_free(names, n);
	free(signers);
	return rc;
}

int fm_waivers_gather(const char *project, const struct fm_config *cfg, int64_t now_s, json_t **holding, json_t **rows,
		      struct fm_error *err)
{
	struct gather g = {.cfg = cfg, .now_s = now_s, .holding = json_array(), .rows = json_array()};
	char *dir = fm_path_join(project, "waivers");
	struct stat st;
	int rc = FM_OK;

	*holding = *rows = NULL;
	fm_approvals_release_key(cfg, g.release_key);
	if (!dir || !g.holding || !g.rows)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory for the waivers");
	else if (stat(dir, &st) == 0) {
		g.dir = dir;
		rc = gather_all(&g, project, err);
	}
	fm_signers_free(&g.signers);
	free(dir);
	if (rc < 0) {
		json_decref(g.holding);
		json_decref(g.rows);
		return rc;
	}
	*holding = g.holding;
	*rows = g.rows;
	return FM_OK;
}
