#include "pipeline/product.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "pipeline/clear.h"
#include "pipeline/vault.h"
#include "pipeline/walls/sandbox.h"

int fm_product_workspace(const char *dir, char **workspace, struct fm_error *err)
{
	bool here = fm_file_exists_in(dir, "ledger.db");

	*workspace = NULL;
	if (!here && !fm_file_exists_in(dir, "workspace/ledger.db"))
		return FM_OK;
	*workspace = here ? strdup(dir) : fm_path_join(dir, "workspace");
	return *workspace ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory");
}

/* The newest row of the stage, in the run `of` or in any; NULL when there is none. */
static const json_t *newest(const json_t *rows, enum fm_stage_id id, const char *of)
{
	for (size_t i = json_array_size(rows); i-- > 0;) {
		const json_t *row = json_array_get(rows, i);
		const char *name = json_string_value(json_object_get(json_object_get(row, "body"), "name")),
			   *run = json_string_value(json_object_get(row, "run"));

		if (name && run && strcmp(name, fm_stage_name(id)) == 0 && (!of || strcmp(run, of) == 0))
			return row;
	}
	return NULL;
}

/* What stage id made in the run `of`, or in the newest that generated flows. */
static int find(const char *workspace, enum fm_stage_id id, const char *of, char **entry, char run[FM_RUN_ID_MAX],
		struct fm_error *err)
{
	struct fm_ledger *l = NULL;
	json_t *rows = NULL;
	const json_t *row;
	const char *key;
	int rc;

	*entry = NULL;
	if ((rc = fm_ledger_open(&l, workspace, NULL, FM_LEDGER_READ, err)) < 0 ||
	    (rc = fm_ledger_rows(l, NULL, "stage", &rows, err)) < 0)
		goto out;
	if (!(row = newest(rows, FM_GENERATE, of))) {
		rc = fm_fail(err, FM_EINPUT, "%s: %s%s there has generated flows; flowmint log lists the runs",
			     workspace, of ? "no run " : "no run", of ? of : "");
		goto out;
	}
	snprintf(run, FM_RUN_ID_MAX, "%s", json_string_value(json_object_get(row, "run")));
	row = newest(rows, id, run);
	key = json_string_value(json_object_get(json_object_get(row, "body"), "key"));
	if (asprintf(entry, "%s/stages/%s/%s", workspace, fm_stage_name(id), key ? key : "") < 0) {
		*entry = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (!key || !fm_file_exists(*entry)) {
		rc = fm_fail(err, FM_EINPUT,
			     "%s: what the stage %s of run %s made is no longer there; flowmint run makes it again",
			     *entry, fm_stage_name(id), run);
		free(*entry);
		*entry = NULL;
	}
out:
	json_decref(rows);
	fm_ledger_close(l);
	return rc;
}

int fm_product_newest(const char *workspace, enum fm_stage_id id, char **entry, char run[FM_RUN_ID_MAX],
		      struct fm_error *err)
{
	return find(workspace, id, NULL, entry, run, err);
}

int fm_product_of_run(const char *workspace, enum fm_stage_id id, const char *named, char **entry, struct fm_error *err)
{
	char run[FM_RUN_ID_MAX], buf[FM_RUN_ID_MAX];

	return find(workspace, id, fm_run_id(named, buf), entry, run, err);
}

/* ---- encrypted products ---- */

bool fm_product_is_entry(const char *path)
{
	return fm_file_exists_in(path, FM_VAULT_KEY);
}

/* WORKSPACE/stages/STAGE/KEY in its parts, all in real, which is changed. */
static int part(char *real, char **workspace, enum fm_stage_id *stage, char **key, struct fm_error *err)
{
	char *at[3];
	int id = -1;

	for (int i = 2; i >= 0; i--) {
		if (!(at[i] = strrchr(real, '/')))
			goto out;
		*at[i] = '\0';
	}
	if (strcmp(at[0] + 1, "stages") != 0 || (id = fm_stage_find(at[1] + 1)) < 0)
		goto out;
	*workspace = real;
	*stage = id;
	*key = at[2] + 1;
out:
	return id >= 0 ? FM_OK
		       : fm_fail(err, FM_EINPUT,
				 "an encrypted product is opened where it was made: WORKSPACE/stages/STAGE/KEY");
}

int fm_product_open(struct fm_product *p, const char *entry, struct fm_error *err)
{
	char *real = realpath(entry, NULL), *inner = NULL, *workspace = NULL, *key = NULL, hex[FM_SHA256_HEX];
	struct fm_ledger *l = NULL;
	struct fm_error ignored;
	struct fm_vault v;
	int rc;

	*p = (struct fm_product){0};
	if (!real || !(inner = strdup(real))) {
		rc = fm_fail_errno(err, "%s", entry);
		goto out;
	}
	if ((rc = part(inner, &workspace, &p->stage, &key, err)) < 0 ||
	    (rc = fm_ledger_open(&l, workspace, NULL, FM_LEDGER_READ, err)) < 0)
		goto out;
	if (!fm_ledger_project(l)) {
		rc =
		    fm_fail(err, FM_EINPUT,
			    "%s: no project is known whose secret (keys/commitment.key) it is encrypted under: put the "
			    "workspace into its project",
			    entry);
		goto out;
	}
	v = (struct fm_vault){fm_ledger_project(l), real, key, p->stage, fm_sandbox_probe(&ignored) < 0};
	if ((rc = fm_clear_open(&p->clear, workspace, false, fm_vault_bytes(&v), err)) < 0)
		goto out;
	if (!(p->dir = fm_path_join(p->clear, fm_stage_table[p->stage].product))) {
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if ((rc = fm_dir_make(p->dir, 0700, err)) < 0)
		goto out;
	if ((rc = fm_vault_get(&v, p->dir, hex, NULL, err)) < 0)
		goto out;
	p->entry = strdup(real);
	p->key = strdup(key);
	p->project = strdup(v.project);
	if (!p->entry || !p->key || !p->project)
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
out:
	if (rc < 0)
		fm_product_close(p);
	fm_ledger_close(l);
	free(real);
	free(inner);
	return rc;
}

void fm_product_close(struct fm_product *p)
{
	fm_clear_close(p->clear);
	free(p->dir);
	free(p->entry);
	free(p->key);
	free(p->project);
	*p = (struct fm_product){0};
}
