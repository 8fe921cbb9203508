#include "pipeline/approvals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "manifests/canon.h"

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the approvals");
}

int fm_approvals_wanted(const struct fm_config *cfg, const char *verdict, const char *flows, struct fm_approval *a,
			struct fm_error *err)
{
	json_t *config = fm_config_json(cfg, NULL, true);
	int rc = config ? fm_json_digest(config, a->config, err) : no_memory(err);

	json_decref(config);
	snprintf(a->name, sizeof a->name, "%s", cfg->release.name);
	snprintf(a->version, sizeof a->version, "%s", cfg->release.version);
	snprintf(a->verdict, sizeof a->verdict, "%s", verdict);
	snprintf(a->flows, sizeof a->flows, "%s", flows);
	return rc;
}

void fm_approvals_release_key(const struct fm_config *cfg, char fingerprint[FM_FINGERPRINT_MAX])
{
	struct fm_error ignored;
	struct fm_sshpub pub;
	bool here;

	if (fm_sshkey_look(cfg->publish.key, &pub, &here, &ignored) < 0 ||
	    fm_sshpub_fingerprint(&pub, fingerprint, &ignored) < 0)
		fingerprint[0] = 0;
}

/* ---- reading ---- */

struct gather {
	const struct fm_config *cfg;
	const struct fm_approval *wanted;
	const char *dir;
	char release_key[FM_FINGERPRINT_MAX];
	struct fm_signers signers;
	int64_t now_s;
	json_t *holding, *rows;
};

static int add(json_t *list, json_t *value, struct fm_error *err)
{
	return json_array_append_new(list, value) ? no_memory(err) : FM_OK;
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	return json_equal(json_object_get(a, key), json_object_get(b, key));
}

/* Why an approval that holds does not count, or NULL. */
static const char *counts_not(const struct gather *g, const json_t *record)
{
	if (g->cfg->publish.approvals > 1 && g->release_key[0] &&
	    strcmp(json_string_value(json_object_get(record, "key")), g->release_key) == 0)
		return "it is by publish.key, and publish.approvals asks for others";
	for (size_t i = 0; i < json_array_size(g->holding); i++)
		if (same_text(json_array_get(g->holding, i), record, "key") ||
		    same_text(json_array_get(g->holding, i), record, "signer"))
			return "it is by somebody who has approved already";
	if (json_array_size(g->holding) == FM_APPROVALS_MAX)
		return "there are as many as count";
	return NULL;
}

static int gather_one(struct gather *g, const char *name, struct fm_error *err)
{
	char *path = fm_path_join(g->dir, name);
	json_t *record = NULL, *row;
	const char *why = NULL;
	int rc;

	if (!path)
		return no_memory(err);
	rc = fm_approval_check(path, g->wanted, &g->signers, g->now_s, &record, err);
	if (rc == FM_EVERDICT)
		why = err->message;
	else if (rc < 0)
		goto out;
	else
		why = counts_not(g, record);
	if (why) {
		rc = add(g->rows, json_pack("{s:s, s:b, s:s}", "file", name, "holds", 0, "why", why), err);
		goto out;
	}
	row = json_pack("{s:s, s:b}", "file", name, "holds", 1);
	if (json_object_update(row, record) != 0) {
		rc = no_memory(err);
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

/* Those of this release; of others there may be many. */
static int gather_all(struct gather *g, const char *project, struct fm_error *err)
{
	char *signers = fm_path_join(project, "allowed_signers"), **names = NULL, begin[128];
	size_t n = 0, len, tail = strlen(FM_APPROVAL_SUFFIX);
	int rc;

	if (!signers)
		return no_memory(err);
	snprintf(begin, sizeof begin, "%s-%s.", g->wanted->name, g->wanted->version);
	if ((rc = fm_signers_load(&g->signers, signers, err)) < 0 || (rc = fm_dir_list(g->dir, &names, &n, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		len = strlen(names[i]);
		if (len > tail && strncmp(names[i], begin, strlen(begin)) == 0 &&
		    strcmp(names[i] + len - tail, FM_APPROVAL_SUFFIX) == 0 && (rc = gather_one(g, names[i], err)) < 0)
			goto out;
	}
out:
	fm_names_free(names, n);
	free(signers);
	return rc;
}

int fm_approvals_gather(const char *project, const struct fm_config *cfg, const struct fm_approval *wanted,
			int64_t now_s, json_t **holding, json_t **rows, struct fm_error *err)
{
	struct gather g = {.cfg = cfg, .wanted = wanted, .now_s = now_s, .holding = json_array(), .rows = json_array()};
	char *dir = fm_path_join(project, FM_APPROVALS_FOLDER);
	struct fm_error own;
	int rc = FM_OK;

	*holding = *rows = NULL;
	fm_approvals_release_key(cfg, g.release_key);
	if (!dir || !g.holding || !g.rows)
		rc = no_memory(err);
	else if (fm_file_exists(dir)) {
		g.dir = dir;
		rc = gather_all(&g, project, err ? err : &own);
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
