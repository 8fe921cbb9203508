#include "pipeline/product.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

char *fm_product_workspace(const char *dir)
{
	static const char *const below[] = {"", "/workspace"};
	char *path = NULL;

	for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
		if (asprintf(&path, "%s%s/ledger.db", dir, below[i]) < 0)
			return NULL;
		if (fm_file_exists(path)) {
			path[strlen(path) - strlen("/ledger.db")] = '\0';
			return path;
		}
		free(path);
	}
	return NULL;
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

int fm_product_newest(const char *workspace, enum fm_stage_id id, char **path, char run[FM_RUN_ID_MAX],
		      struct fm_error *err)
{
	struct fm_ledger *l = NULL;
	json_t *rows = NULL;
	const json_t *row;
	const char *key;
	int rc;

	*path = NULL;
	if ((rc = fm_ledger_open(&l, workspace, NULL, FM_LEDGER_READ, err)) < 0 ||
	    (rc = fm_ledger_rows(l, NULL, "stage", &rows, err)) < 0)
		goto out;
	if (!(row = newest(rows, FM_GENERATE, NULL))) {
		rc = fm_fail(err, FM_EINPUT, "%s: no run there has generated flows; flowmint log lists the runs",
			     workspace);
		goto out;
	}
	snprintf(run, FM_RUN_ID_MAX, "%s", json_string_value(json_object_get(row, "run")));
	row = newest(rows, id, run);
	key = json_string_value(json_object_get(json_object_get(row, "body"), "key"));
	if (asprintf(path, "%s/stages/%s/%s/%s", workspace, fm_stage_name(id), key ? key : "",
		     fm_stage_table[id].product) < 0) {
		*path = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
		goto out;
	}
	if (!key || !fm_file_exists(*path)) {
		rc = fm_fail(err, FM_EINPUT,
			     "%s: what the stage %s of run %s made is no longer there; flowmint run makes it again",
			     *path, fm_stage_name(id), run);
		free(*path);
		*path = NULL;
	}
out:
	json_decref(rows);
	fm_ledger_close(l);
	return rc;
}
