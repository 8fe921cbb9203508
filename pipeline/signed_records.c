#include "pipeline/signed_records.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

struct gather {
	const struct fm_signed_records *kind;
	char *dir;
	struct fm_signers signers;
	json_t *holding, *rows;
};

static int no_memory(const struct gather *g, struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory: reading the %s", g->kind->folder);
}

static int add(const struct gather *g, json_t *list, json_t *value, struct fm_error *err)
{
	return json_array_append_new(list, value) ? no_memory(g, err) : FM_OK;
}

static int gather_one(struct gather *g, const char *name, struct fm_error *err)
{
	char *path = fm_path_join(g->dir, name);
	json_t *record = NULL, *row;
	int rc;

	if (!path)
		return no_memory(g, err);
	rc = g->kind->check(g->kind->ctx, path, &g->signers, g->holding, &record, err);
	if (rc == FM_EVERDICT) {
		row = json_pack("{s:s, s:b, s:s}", "file", name, "holds", 0, "why", err->message);
		rc = add(g, g->rows, row, err);
		goto out;
	}
	if (rc < 0)
		goto out;
	row = json_pack("{s:s, s:b}", "file", name, "holds", 1);
	if (json_object_update(row, record) != 0) {
		json_decref(row);
		rc = no_memory(g, err);
		goto out;
	}
	if ((rc = add(g, g->rows, row, err)) < 0)
		goto out;
	rc = add(g, g->holding, json_incref(record), err);
out:
	json_decref(record);
	free(path);
	return rc;
}

static bool is_one(const struct fm_signed_records *kind, const char *name)
{
	size_t n = strlen(name), begin = strlen(kind->begin), suffix = strlen(kind->suffix);

	return n > begin + suffix && name[0] != '.' && strncmp(name, kind->begin, begin) == 0 &&
	       strcmp(name + n - suffix, kind->suffix) == 0;
}

static int gather_all(struct gather *g, struct fm_error *err)
{
	char *signers = fm_path_join(g->kind->project, "allowed_signers"), **names = NULL;
	size_t n = 0;
	int rc;

	if (!signers)
		return no_memory(g, err);
	if ((rc = fm_signers_load(&g->signers, signers, err)) < 0 || (rc = fm_dir_list(g->dir, &names, &n, err)) < 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		if (is_one(g->kind, names[i]) && (rc = gather_one(g, names[i], err)) < 0)
			goto out;
out:
	fm_names_free(names, n);
	free(signers);
	return rc;
}

int fm_signed_records_gather(const struct fm_signed_records *kind, json_t **holding, json_t **rows,
			     struct fm_error *err)
{
	struct gather g = {.kind = kind,
			   .dir = fm_path_join(kind->project, kind->folder),
			   .holding = json_array(),
			   .rows = json_array()};
	struct fm_error own;
	int rc = FM_OK;

	*holding = *rows = NULL;
	if (!g.dir || !g.holding || !g.rows)
		rc = no_memory(&g, err);
	else if (fm_file_exists(g.dir))
		rc = gather_all(&g, err ? err : &own);
	fm_signers_free(&g.signers);
	free(g.dir);
	if (rc < 0) {
		json_decref(g.holding);
		json_decref(g.rows);
		return rc;
	}
	*holding = g.holding;
	*rows = g.rows;
	return FM_OK;
}
