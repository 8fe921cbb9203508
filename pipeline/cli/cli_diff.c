/* diff: what is different between two releases or runs. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/thread.h"
#include "judge/fidelity.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/flows.h"
#include "pipeline/cli/place.h"
#include "pipeline/facts.h"
#include "pipeline/product.h"
#include "pipeline/release_diff.h"
#include "release/archive.h"
#include "release/json_bounds.h"

#define ARCHIVE ".tar.zst"

struct diff_args {
	const char *dialect, *workspace;
	uint64_t threads;
	bool json;
};

static const struct fm_option diff_options[] = {
    {FM_SETS_TEXT(struct diff_args, dialect), .name = "dialect", .value = "NAME", .offer = FM_OFFER_DIALECT,
     .help = "of the flows (default: the one that the config of each names)"},
    FM_OPTION_THREADS(struct diff_args, "value"),
    FM_OPTION_WORKSPACE(struct diff_args),
    FM_OPTION_JSON(struct diff_args),
    {0},
};

struct side {
	char *flows; /* what fm_flows_load reads */
	json_t *facts;
	struct fm_table *table;
};

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the comparison");
}

static bool ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);

	return n > m && strcmp(s + n - m, tail) == 0;
}

/* ---- which it is ---- */

static int open_archive(struct side *s, const char *path, struct fm_error *err)
{
	int rc;

	if (!(s->flows = strdup(path)))
		return no_memory(err);
	if ((rc = fm_facts_of_archive(path, NULL, NULL, &s->facts, err)) == FM_EVERDICT)
		rc = err->code = FM_EINPUT; /* a bad archive is no answer to what was asked */
	return rc;
}

static int open_unpacked(struct side *s, const char *dir, const char *manifest, struct fm_error *err)
{
	struct fm_buf text = {0};
	const char *much;
	int rc;

	if ((rc = fm_file_read(manifest, FM_ARCHIVE_MAX_DOCUMENT, &text, err)) < 0)
		goto out;
	if ((much = fm_json_too_much(text.data, text.len)))
		rc = fm_fail(err, FM_EINPUT, "%s has %s", manifest, much);
	else if (!json_is_object(s->facts = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL)) ||
		 strcmp(str(s->facts, "format"), FM_MANIFEST_FORMAT) != 0)
		rc = fm_fail(err, FM_EINPUT, "%s is no manifest of a release", manifest);
	else if (!(s->flows = strdup(dir)))
		rc = no_memory(err);
out:
	fm_buf_free(&text);
	return rc;
}

/* The folder of releases: there must be one alone. */
static int open_shelf(struct side *s, const char *dir, struct fm_error *err)
{
	char **names = NULL, *path = NULL;
	const char *found = NULL;
	size_t n = 0, archives = 0;
	int rc;

	if ((rc = fm_dir_list(dir, &names, &n, err)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		if (ends_with(names[i], ARCHIVE)) {
			found = names[i];
			archives++;
		}
	if (archives != 1)
		rc = fm_fail(err, FM_EINPUT,
			     archives ? "%s holds several archives: name one of them"
				      : "%s is no project, workspace, unpacked archive or folder with an archive",
			     dir);
	else if (!(path = fm_path_join(dir, found)))
		rc = no_memory(err);
	else
		rc = open_archive(s, path, err);
	free(path);
	fm_names_free(names, n);
	return rc;
}

static int open_run(struct side *s, const char *workspace, const char *run, struct fm_error *err)
{
	const json_t *stages, *made = NULL;
	int rc;

	if ((rc = fm_facts_of_run(workspace, run, &s->facts, err)) < 0)
		return rc;
	stages = json_object_get(json_object_get(s->facts, "run"), "stages");
	for (size_t i = 0; i < json_array_size(stages); i++)
		if (strcmp(str(json_array_get(stages, i), "name"), fm_stage_name(FM_GENERATE)) == 0)
			made = json_array_get(stages, i);
	if (!made)
		return fm_fail(err, FM_EINPUT, "run %s of %s generated no flows", run, workspace);
	if (asprintf(&s->flows, "%s/stages/%s/%s", workspace, fm_stage_name(FM_GENERATE), str(made, "key")) < 0) {
		s->flows = NULL;
		return no_memory(err);
	}
	if (!fm_file_exists(s->flows))
		return fm_fail(err, FM_EINPUT, "the flows of run %s are no longer in %s: flowmint run makes them again",
			       run, workspace);
	return FM_OK;
}

static int open_folder(struct side *s, const char *dir, struct fm_error *err)
{
	char *manifest = fm_path_join(dir, "manifest.json"), *workspace = NULL, *product = NULL, run[FM_RUN_ID_MAX];
	int rc;

	if (!manifest)
		return no_memory(err);
	if (fm_file_exists(manifest))
		rc = open_unpacked(s, dir, manifest, err);
	else if (!(workspace = fm_product_workspace(dir)))
		rc = open_shelf(s, dir, err);
	else if ((rc = fm_product_newest(workspace, FM_GENERATE, &product, run, err)) >= 0)
		rc = open_run(s, workspace, run, err);
	free(manifest);
	free(workspace);
	free(product);
	return rc;
}

static int open_side(struct side *s, const char *what, const char *workspace, const struct fm_call *call,
		     struct fm_error *err)
{
	struct stat st;
	int rc;

	if (stat(what, &st) == 0)
		return S_ISDIR(st.st_mode) ? open_folder(s, what, err) : open_archive(s, what, err);
	if (strchr(what, '/') || ends_with(what, ARCHIVE))
		return fm_fail_errno(err, "%s", what);
	if ((rc = fm_place_workspace(call, workspace, &workspace, err)) < 0)
		return rc;
	return open_run(s, workspace, what, err);
}

/* ---- the flows ---- */

static int load_flows(struct side *s, const char *dialect, struct fm_error *err)
{
	const char *named = fm_flows_dialect(json_object_get(s->facts, "config"));
	struct fm_flows f = {.path = s->flows, .role = FM_FLOWS_SYNTHETIC};
	struct fm_flows_place place;
	struct fm_dialect *d = NULL;
	int rc;

	if ((rc = fm_dialect_load(&d, dialect ? dialect : named, err)) < 0)
		return dialect ? rc
			       : fm_error_prefix(err, "the dialect of %s (--dialect names another file): ", s->flows);
	f.dialect = d;
	if ((rc = fm_flows_find(&f, &place, err)) < 0)
		goto out;
	rc = fm_flows_load(&f, &s->table, NULL, err);
	fm_flows_forget(&place); /* the table is mapped */
out:
	fm_dialect_free(d);
	return rc;
}

static const char *digest_of_flows(const struct side *s)
{
	const json_t *files = json_object_get(s->facts, "files");

	for (size_t i = 0; i < json_array_size(files); i++)
		if (fm_archive_is_data(str(json_array_get(files, i), "path")))
			return str(json_array_get(files, i), "sha256");
	return "";
}

static int compare_flows(struct side s[2], const struct diff_args *a, struct fm_metrics *metrics, struct fm_error *err)
{
	struct fm_pool *pool = NULL;
	int rc;

	if ((rc = load_flows(&s[0], a->dialect, err)) < 0 || (rc = load_flows(&s[1], a->dialect, err)) < 0 ||
	    (rc = fm_pool_new(&pool, (int)a->threads, err)) < 0)
		return rc;
	rc = fm_fidelity(s[0].table, s[1].table, pool, "", metrics, err);
	fm_pool_free(pool);
	return rc;
}

static json_int_t rows_of(const struct side *s)
{
	return s->table ? (json_int_t)s->table->rows : json_integer_value(json_object_get(s->facts, "rows"));
}

/* ---- told ---- */

static void print_value(const json_t *v)
{
	struct fm_error ignored;
	struct fm_buf b = {0};

	if (!v || json_is_null(v))
		printf("nothing");
	else if (fm_json_canonical(v, &b, &ignored) == FM_OK && fm_buf_check(&b, &ignored) == FM_OK)
		printf("%.*s%s", b.len > 60 ? 57 : (int)b.len, b.data, b.len > 60 ? "..." : "");
	fm_buf_free(&b);
}

static void print_list(const json_t *doc, const char *name)
{
	const json_t *list = json_object_get(doc, name);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *d = json_array_get(list, i);

		printf("%s%s  %s: ", i ? "" : name, i ? "" : "\n", str(d, "key"));
		print_value(json_object_get(d, "a"));
		printf(" -> ");
		print_value(json_object_get(d, "b"));
		printf("\n");
	}
}

static void print_check(const json_t *c)
{
	static const char *const side[] = {"a", "b"};

	printf("  %s (%s):", str(c, "name"), str(c, "direction"));
	for (int i = 0; i < 2; i++) {
		const json_t *s = json_object_get(c, side[i]), *value = json_object_get(s, "value");

		printf("%s", i ? " -> " : " ");
		if (json_is_null(s))
			printf("no such check");
		else if (json_is_number(value))
			printf("%.6g", json_number_value(value));
		else
			printf("no value");
		if (!json_is_null(s))
			printf(" of %.6g, %s%s", json_number_value(json_object_get(s, "threshold")),
			       json_is_true(json_object_get(s, "pass")) ? "passes" : "fails",
			       json_is_true(json_object_get(s, "waived")) ? " and is waived" : "");
	}
	printf("\n");
}

static void print_diff(const json_t *doc)
{
	const json_t *rows = json_object_get(doc, "rows"), *fields = json_object_get(doc, "fields"),
		     *checks = json_object_get(doc, "checks");
	json_int_t a = json_integer_value(json_object_get(rows, "a")),
		   b = json_integer_value(json_object_get(rows, "b"));

	print_list(doc, "release");
	print_list(doc, "schema");
	if (a != b)
		printf("rows\n  %lld -> %lld\n", (long long)a, (long long)b);
	for (size_t i = 0; i < json_array_size(fields); i++)
		printf("%s  %-5s JSD %.6g\n", i ? "" : "fields\n", str(json_array_get(fields, i), "name"),
		       json_number_value(json_object_get(json_array_get(fields, i), "jsd")));
	print_list(doc, "guarantee");
	for (size_t i = 0; i < json_array_size(checks); i++) {
		printf("%s", i ? "" : "checks\n");
		print_check(json_array_get(checks, i));
	}
	print_list(doc, "config");
	print_list(doc, "environment");
	if (json_is_true(json_object_get(doc, "same")))
		printf("same\n");
}

static int diff(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct diff_args *a = args;
	struct fm_release_side told[2];
	struct fm_metrics metrics = {0};
	struct side s[2] = {0};
	json_t *doc = NULL;
	bool same_flows;
	int rc;

	for (int i = 0; i < 2; i++)
		if ((rc = open_side(&s[i], call->operand[i], a->workspace, call, err)) < 0)
			goto out;
	same_flows = *digest_of_flows(&s[0]) && strcmp(digest_of_flows(&s[0]), digest_of_flows(&s[1])) == 0;
	if (!same_flows && (rc = compare_flows(s, a, &metrics, err)) < 0)
		goto out;
	for (int i = 0; i < 2; i++)
		told[i] = (struct fm_release_side){call->operand[i], s[i].facts, rows_of(&s[i])};
	if ((rc = fm_release_diff(&told[0], &told[1], same_flows ? NULL : &metrics, &doc, err)) < 0)
		goto out;
	if (!a->json)
		print_diff(doc);
	else if ((rc = fm_cli_json(json_incref(doc), err)) < 0)
		goto out;
	if (!json_is_true(json_object_get(doc, "same")))
		rc = fm_fail(err, FM_EVERDICT, "%s and %s differ", call->operand[0], call->operand[1]);
out:
	json_decref(doc);
	fm_metrics_free(&metrics);
	for (int i = 0; i < 2; i++) {
		fm_table_free(s[i].table);
		json_decref(s[i].facts);
		free(s[i].flows);
	}
	return rc;
}

const struct fm_verb fm_verb_diff = {
    .name = "diff",
    .summary = "what is different between two releases",
    .about =
	"Compares schema, number of rows, each field (Jensen-Shannon divergence of B's flows from A's), the privacy "
	"guarantee, the gate's checks, the config and the environment, and prints what differs. A and B are archives, "
	"folders that archives were unpacked into or that hold one archive, projects or workspaces, which stand for "
	"their "
	"newest run that generated flows, or runs of the workspace (r0001). Signatures are not checked: flowmint "
	"verify "
	"does. Exit status 0 when nothing differs, 1 when something does.",
    .operands = "A B",
    .offer = FM_OFFER_FILE,
    .options = diff_options,
    .args_size = sizeof(struct diff_args),
    .run = diff,
};
