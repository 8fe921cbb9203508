/* purge, unseal: what a run left in the workspace, destroyed or shown. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"
#include "pipeline/product.h"
#include "pipeline/purge.h"

/* ---- purge ---- */

struct purge_args {
	const char *workspace;
	bool json;
};

static const struct fm_option purge_options[] = {
    FM_OPTION_WORKSPACE(struct purge_args),
    FM_OPTION_JSON(struct purge_args),
    {0},
};

static bool has(const json_t *list, enum fm_stage_id id)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(fm_json_str(json_array_get(list, i), "stage"), fm_stage_name(id)) == 0)
			return true;
	return false;
}

static void print_list(const char *words, const json_t *list)
{
	if (json_array_size(list) == 0)
		return;
	fm_cli_print("  %s", words);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		const char *product = fm_stage_table[fm_stage_find(fm_json_str(o, "stage"))].product,
			   *run = fm_json_str(o, "for");

		fm_cli_print("%s %s %.12s", i ? "," : "", product, fm_json_str(o, "key"));
		if (*run)
			fm_cli_print(" (for run %s)", run);
	}
	fm_cli_print("\n");
}

/* What can no longer be made again, and what the rest can be made from. */
static void print_lost(const json_t *report)
{
	const json_t *destroyed = json_object_get(report, "destroyed"), *source = json_object_get(report, "source"),
		     *first = json_array_get(source, 0);
	const char *path = json_string_value(first ? first : source), *run = fm_json_str(report, "run");
	bool dp = fm_json_says(report, "mode", "dp");

	if (has(destroyed, FM_TRAIN) || has(destroyed, FM_INGEST))
		fm_cli_print("  flowmint reproduce %s --from model, flowmint bundle %s: no longer possible\n", run,
			     run);
	if (has(destroyed, FM_EVALUATE))
		fm_cli_print("  flowmint report %s: without metrics and distributions\n", run);
	if (has(destroyed, FM_GENERATE) && !json_is_true(json_object_get(report, "released")))
		fm_cli_print("  its flows, which were not released: gone\n");
	if (dp && json_is_true(json_object_get(report, "sealed")))
		fm_cli_print("  flowmint reproduce %s: no longer possible, as its noise is not recorded any more\n",
			     run);
	else if (!dp && json_array_size(destroyed))
		fm_cli_print("  flowmint reproduce %s makes it again from the trace alone, while that is there: %s\n",
			     run, path ? path : "");
	fm_cli_print("  a bundle, and copies of the workspace that were made before, are not reached by this\n");
}

static int purge(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct purge_args *a = args;
	const char *workspace;
	json_t *report = NULL;
	int rc;

	if ((rc = fm_place_check_run(call, call->operand[0], err)) < 0 ||
	    (rc = fm_place_workspace(call, a->workspace, &workspace, err)) < 0 ||
	    (rc = fm_purge(workspace, call->operand[0], &report, err)) < 0)
		return rc;
	if (a->json)
		return fm_cli_json(report, err);
	fm_cli_print("run %s is purged\n", fm_json_str(report, "run"));
	print_list("destroyed:", json_object_get(report, "destroyed"));
	print_list("kept:     ", json_object_get(report, "kept"));
	if (json_integer_value(json_object_get(report, "checkpoints")))
		fm_cli_print("  destroyed: its checkpoint\n");
	print_lost(report);
	json_decref(report);
	return FM_OK;
}

const struct fm_verb fm_verb_purge = {
    .name = "purge",
    .summary = "destroy what a run left in the workspace",
    .about =
	"Overwrites and removes the keys that the store, model, flows, metrics and checkpoint of RUN (r0001, or 1) "
	"are encrypted under, then the files. What another run that was not purged shares with it is kept, and "
	"named. The rows of the ledger stay, with one more that says what was destroyed; so do the archive and its "
	"record. It says what can no longer be made again.",
    .operands = "RUN",
    .offer = FM_OFFER_RUN,
    .options = purge_options,
    .args_size = sizeof(struct purge_args),
    .run = purge,
};

/* ---- unseal ---- */

struct unseal_args {
	const char *workspace, *stage, *out;
};

static const struct fm_option unseal_options[] = {
    {FM_SETS_TEXT(struct unseal_args, stage), .name = "stage", .value = "ingest|train|generate|evaluate",
     .choices = "ingest|train|generate|evaluate", .required = true,
     .help = "whose product: the store, the model, the synthetic table, the metrics"},
    {FM_SETS_TEXT(struct unseal_args, out), .name = "out", .value = "DIR", .required = true, .offer = FM_OFFER_FOLDER,
     .help = "where to; it is made, for its owner alone"},
    FM_OPTION_WORKSPACE(struct unseal_args),
    {0},
};

/* The entry of that stage in the run, or in the newest that has one. */
static int find_entry(const char *workspace, const char *stage, const char *run, char **entry, struct fm_error *err)
{
	struct fm_ledger *l = NULL;
	json_t *rows = NULL;
	const char *key = NULL;
	int rc;

	*entry = NULL;
	if ((rc = fm_ledger_open(&l, workspace, NULL, FM_LEDGER_READ, err)) < 0 ||
	    (rc = fm_ledger_rows(l, run, "stage", &rows, err)) < 0)
		goto out;
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *body = json_object_get(json_array_get(rows, i), "body");

		if (strcmp(fm_json_str(body, "name"), stage) == 0)
			key = fm_json_str(body, "key");
	}
	if (!key)
		rc = fm_fail(err, FM_EINPUT, "%s: %s%s has not ended the stage %s; flowmint log lists them", workspace,
			     run ? "run " : "no run", run ? run : "", stage);
	else if (asprintf(entry, "%s/stages/%s/%s", workspace, stage, key) < 0) {
		*entry = NULL;
		rc = fm_fail(err, FM_ESYSTEM, "out of memory");
	} else if (!fm_file_exists(*entry)) {
		rc = fm_fail(err, FM_EINPUT, "%s: what the stage %s left there is gone, or was purged", *entry, stage);
	}
out:
	json_decref(rows);
	fm_ledger_close(l);
	return rc;
}

static int copy_files(const char *from, const char *to, struct fm_error *err)
{
	char **names = NULL, *a = NULL, *b = NULL;
	size_t n = 0;
	int rc;

	if ((rc = fm_dir_make(to, 0700, err)) < 0 || (rc = fm_dir_files(from, &names, &n, err)) < 0)
		goto out;
	for (size_t i = 0; i < n && rc >= 0; i++) {
		char *slash;

		free(a);
		free(b);
		a = fm_path_join(from, names[i]);
		b = fm_path_join(to, names[i]);
		if (!a || !b) {
			rc = fm_fail(err, FM_ESYSTEM, "out of memory");
			goto out;
		}
		slash = strrchr(b, '/');
		*slash = '\0';
		rc = fm_dir_make(b, 0700, err);
		*slash = '/';
		if (rc >= 0)
			rc = fm_file_copy(a, b, 0600, err);
	}
out:
	fm_names_free(names, n);
	free(a);
	free(b);
	return rc;
}

static int unseal(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct unseal_args *a = args;
	struct fm_product product = {0};
	char id[FM_RUN_ID_MAX], *entry = NULL;
	const char *workspace, *run = call->noperands ? fm_run_id(call->operand[0], id) : NULL;
	int rc;

	if (run && (rc = fm_place_check_run(call, run, err)) < 0)
		return rc;
	if (fm_file_exists(a->out))
		return fm_fail(err, FM_EINPUT, "--out: %s is there already: name a new folder", a->out);
	if ((rc = fm_place_workspace(call, a->workspace, &workspace, err)) < 0 ||
	    (rc = find_entry(workspace, a->stage, run, &entry, err)) < 0 ||
	    (rc = fm_product_open(&product, entry, err)) < 0)
		goto out;
	/* What could not be written whole is not left in part: it is as private as the rest, and nobody would look for
	 * it. */
	if ((rc = copy_files(product.dir, a->out, err)) < 0)
		fm_dir_clear_away(a->out);
out:
	fm_product_close(&product);
	free(entry);
	return rc;
}

const struct fm_verb fm_verb_unseal = {
    .name = "unseal",
    .summary = "decrypt what a stage of a run left in the workspace",
    .about =
	"Writes the files of one stage of RUN (r0001, or 1; without it, of the newest run that has ended the stage) "
	"into a folder, as the stage made them. They are as private as the trace. Needs the project's secret, "
	"keys/commitment.key.",
    .operands = "RUN",
    .optional = 1,
    .offer = FM_OFFER_RUN,
    .options = unseal_options,
    .args_size = sizeof(struct unseal_args),
    .run = unseal,
};
