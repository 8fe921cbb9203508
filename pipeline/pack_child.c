/* The children that seal and open. */
#include "pipeline/pack.h"

struct work {
	const struct fm_pack *pack;
	const char *dir, *sealed;
	json_t *index;
};

static int put_fn(void *ctx, json_t **result, struct fm_error *err)
{
	struct work *w = ctx;

	(void)result;
	return fm_pack_make(w->pack, w->dir, w->index, w->sealed, err);
}

static int get_fn(void *ctx, json_t **result, struct fm_error *err)
{
	struct work *w = ctx;

	return fm_pack_open(w->pack, w->sealed, w->dir, result, err);
}

/* seen: the sealed file, or the folder that it is put into and may be written; the other of the two is w->dir. */
static int in_child(const struct fm_pack_child *child, fm_sandbox_fn fn, struct work *w, const char *seen, bool writes,
		    json_t **result, struct fm_error *err)
{
	struct fm_sandbox box = {.name = child->name, .unconfined = child->unconfined};
	struct fm_sandbox_report report = {0};
	int rc;

	fm_sandbox_path(&box, seen, writes);
	fm_sandbox_path(&box, w->dir, !writes);
	rc = fm_sandbox_run(&box, fn, w, &report, err);
	if (rc >= 0 && result)
		*result = json_incref(report.result);
	json_decref(report.result);
	report.result = NULL;
	if (child->report)
		*child->report = report;
	return rc;
}

int fm_pack_seal(const struct fm_pack *p, const struct fm_pack_child *child, const char *dir, json_t *index,
		 const char *folder, const char *to, struct fm_error *err)
{
	struct work w = {p, dir, to, index};

	return in_child(child, put_fn, &w, folder, true, NULL, err);
}

int fm_pack_unseal(const struct fm_pack *p, const struct fm_pack_child *child, const char *from, const char *dir,
		   json_t **index, struct fm_error *err)
{
	struct work w = {.pack = p, .dir = dir, .sealed = from};

	*index = NULL;
	return in_child(child, get_fn, &w, from, false, index, err);
}
