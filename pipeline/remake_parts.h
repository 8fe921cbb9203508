/* remake_parts.h - a release on its way to be made again, between the files of remake.h. */
#ifndef FM_PIPELINE_REMAKE_PARTS_H
#define FM_PIPELINE_REMAKE_PARTS_H

#include "pipeline/bundle.h"
#include "pipeline/recipe.h"
#include "pipeline/remake.h"
#include "pipeline/runner.h"
#include "pipeline/workspace.h"

struct fm_remaking {
	const struct fm_remake_in *in;
	struct fm_recipe recipe;
	struct fm_workspace ws;
	struct fm_ledger *ledger;
	char *dir; /* WORKSPACE/reproduce-tmp */
	char trace_sha256[FM_SHA256_HEX];
	struct fm_bundle bundle;
	char *clear;                   /* where the model of a bundle lies decrypted */
	char *model, *verdict, *inner; /* folders in clear, dir, dir */
	json_t *told;                  /* the manifest as the runner made it */
	struct fm_run run;
};

static inline int fm_remake_no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory");
}

static inline const char *fm_remake_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* The report of a run that has ended; puts the release into in->out.  FM_EVERDICT: it is not the same release. */
int fm_remake_compare(const struct fm_remaking *m, json_t **report, struct fm_error *err) FM_MUST_CHECK;

#endif
