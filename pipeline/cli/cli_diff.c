/* diff: what is different between two releases or runs.
 *
 * What strangers wrote is read behind walls: each archive's manifest by a child that sees that archive alone, the flows
 * of both by a third child; a fourth, which sees no file, makes the words. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/text.h"
#include "base/thread.h"
#include "judge/fidelity.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/diff_side.h"
#include "pipeline/cli/flows.h"
#include "pipeline/cli/walls.h"
#include "pipeline/release_diff.h"
#include "pipeline/walls/harvest.h"

struct diff_args {
	const char *dialect, *workspace;
	uint64_t threads;
	bool unconfined, json;
};

static const struct fm_option diff_options[] = {
    {FM_SETS_TEXT(struct diff_args, dialect), .name = "dialect", .value = "NAME", .offer = FM_OFFER_DIALECT,
     .help = "of the flows (default: the one that the config of each names)"},
    FM_OPTION_THREADS(struct diff_args, "value"),
    FM_OPTION_WORKSPACE(struct diff_args),
    FM_OPTION_UNCONFINED(struct diff_args),
    FM_OPTION_JSON(struct diff_args),
    {0},
};

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the comparison");
}

/* ---- the flows ---- */

struct comparing {
	struct fm_diff_side *side;
	const struct diff_args *args;
	const char *spill;
};

static const char *dialect_of(const struct fm_diff_side *s, const struct diff_args *a)
{
	return a->dialect ? a->dialect : fm_flows_dialect(json_object_get(s->facts, "config"));
}

static int load_flows(const struct comparing *c, const struct fm_diff_side *s, struct fm_table **table,
		      struct fm_error *err)
{
	struct fm_flows f = {.path = s->flows, .role = FM_FLOWS_SYNTHETIC, .spill = c->spill};
	struct fm_dialect *d = NULL;
	int rc;

	if ((rc = fm_dialect_load(&d, dialect_of(s, c->args), err)) < 0)
		return c->args->dialect
			   ? rc
			   : fm_error_prefix(err, "the dialect of %s (--dialect names another file): ", s->flows);
	f.dialect = d;
	rc = fm_flows_load(&f, table, NULL, err);
	fm_dialect_free(d);
	return rc;
}

static int compare_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct comparing *c = ctx;
	struct fm_metrics metrics = {0};
	struct fm_table *table[2] = {NULL};
	struct fm_pool *pool = NULL;
	int rc;

	for (int i = 0; i < 2; i++)
		if ((rc = load_flows(c, &c->side[i], &table[i], err)) < 0)
			goto out;
	if ((rc = fm_pool_new(&pool, (int)c->args->threads, err)) < 0 ||
	    (rc = fm_fidelity(table[0], table[1], pool, "", &metrics, err)) < 0)
		goto out;
	*result = json_pack("{s:o, s:[I,I]}", "metrics", fm_metrics_list(&metrics), "rows", (json_int_t)table[0]->rows,
			    (json_int_t)table[1]->rows);
	if (!*result)
		rc = no_memory(err);
out:
	fm_pool_free(pool);
	fm_metrics_free(&metrics);
	for (int i = 0; i < 2; i++)
		fm_table_free(table[i]);
	return rc;
}

/* Let the child see the flows, and a dialect that this user named: what a stranger's manifest names it sees only where
 * it is built in. */
static int show_flows(struct fm_walls *w, struct fm_diff_side *s, const struct diff_args *a, struct fm_error *err)
{
	struct fm_flows f = {.path = s->flows, .role = FM_FLOWS_SYNTHETIC};
	const char *dialect = dialect_of(s, a);
	char *found;
	int rc;

	if ((rc = fm_flows_find(&f, &s->place, err)) < 0)
		return rc;
	if (f.path != s->flows) {
		if (!(found = strdup(f.path)))
			return no_memory(err);
		free(s->flows);
		s->flows = found;
	}
	if ((rc = fm_walls_show(w, s->flows, false, err)) < 0 || (!a->dialect && !s->run) ||
	    !fm_dialect_is_file(dialect))
		return rc;
	return fm_walls_show(w, dialect, false, err);
}

/* What the child said: registered metrics with numbers, and counts. */
static int take_compared(struct fm_diff_side s[2], const json_t *result, struct fm_metrics *metrics,
			 struct fm_error *err)
{
	for (size_t i = 0; i < 2; i++)
		s[i].rows = json_integer_value(json_array_get(json_object_get(result, "rows"), i));
	return fm_harvest_metrics(json_object_get(result, "metrics"), FM_LIST_CONTROL, NULL, metrics, err);
}

static int compare_flows(struct fm_diff_side s[2], const struct diff_args *a, struct fm_metrics *metrics,
			 struct fm_error *err)
{
	struct comparing c = {.side = s, .args = a};
	struct fm_walls w = {0};
	json_t *result = NULL;
	char *spill = NULL;
	int rc;

	if ((rc = fm_flows_spill_make(&spill, err)) < 0)
		return rc;
	c.spill = spill;
	if ((rc = fm_walls_begin(&w, "diff", a->unconfined, err)) < 0 || (rc = show_flows(&w, &s[0], a, err)) < 0 ||
	    (rc = show_flows(&w, &s[1], a, err)) < 0 || (rc = fm_walls_show(&w, spill, true, err)) < 0)
		goto out;
	fm_walls_threads(&w, a->threads);
	if ((rc = fm_walls_run(&w, compare_fn, &c, &result, err)) < 0)
		goto out;
	rc = take_compared(s, result, metrics, err);
out:
	fm_walls_end(&w);
	for (int i = 0; i < 2; i++)
		fm_flows_forget(&s[i].place);
	fm_flows_spill_end(spill);
	json_decref(result);
	return rc;
}

static const char *digest_of_flows(const struct fm_diff_side *s)
{
	return fm_json_str(fm_diff_flows(s), "sha256");
}

/* ---- what is printed ---- */

/* A name that a stranger gave, which may have ends of lines. */
static void put_name(struct fm_buf *out, const char *s, size_t n)
{
	char shown[256];

	for (size_t take; n > 0; s += take, n -= take) {
		take = n < sizeof shown / 4 ? n : fm_utf8_cut(s, sizeof shown / 4 - 1);
		fm_buf_add(out, shown, fm_text_show(s, take, shown, sizeof shown));
	}
}

static void put_value(struct fm_buf *out, const json_t *v)
{
	struct fm_error ignored;
	struct fm_buf b = {0};

	if (!v || json_is_null(v))
		fm_buf_printf(out, "nothing");
	else if (fm_json_canonical(v, &b, &ignored) == FM_OK && fm_buf_check(&b, &ignored) == FM_OK)
		fm_buf_printf(out, "%.*s%s", b.len > 60 ? 57 : (int)b.len, b.data, b.len > 60 ? "..." : "");
	fm_buf_free(&b);
}

/* Of a member of the list in which more values differ than this, only their number is printed. */
#define LEAVES_MOST 12

/* How many values from number i on are below the same member. */
static size_t below_same(const json_t *list, size_t i)
{
	const char *key = fm_json_str(json_array_get(list, i), "key");
	size_t len = strcspn(key, "."), n = 1;

	while (i + n < json_array_size(list) &&
	       strncmp(fm_json_str(json_array_get(list, i + n), "key"), key, len + 1) == 0)
		n++;
	return n;
}

static void put_list(struct fm_buf *out, const json_t *doc, const char *name)
{
	const json_t *list = json_object_get(doc, name);

	for (size_t i = 0, n; i < json_array_size(list); i += n) {
		const json_t *d = json_array_get(list, i);
		const char *key = fm_json_str(d, "key");

		fm_buf_printf(out, "%s%s", i ? "" : name, i ? "" : "\n");
		n = below_same(list, i);
		if (n > LEAVES_MOST) {
			fm_buf_printf(out, "  ");
			put_name(out, key, strcspn(key, "."));
			fm_buf_printf(out, ": %zu values differ (--json has each)\n", n);
			continue;
		}
		n = 1;
		fm_buf_printf(out, "  ");
		put_name(out, key, strlen(key));
		fm_buf_printf(out, ": ");
		put_value(out, json_object_get(d, "a"));
		fm_buf_printf(out, " -> ");
		put_value(out, json_object_get(d, "b"));
		fm_buf_printf(out, "\n");
	}
}

static void put_check(struct fm_buf *out, const json_t *c)
{
	static const char *const side[] = {"a", "b"};
	const char *name = fm_json_str(c, "name"), *direction = fm_json_str(c, "direction");

	fm_buf_printf(out, "  ");
	put_name(out, name, strlen(name));
	fm_buf_printf(out, " (");
	put_name(out, direction, strlen(direction));
	fm_buf_printf(out, "):");
	for (int i = 0; i < 2; i++) {
		const json_t *s = json_object_get(c, side[i]), *value = json_object_get(s, "value");

		fm_buf_printf(out, "%s", i ? " -> " : " ");
		if (json_is_null(s))
			fm_buf_printf(out, "no such check");
		else if (json_is_number(value))
			fm_buf_printf(out, "%.6g", json_number_value(value));
		else
			fm_buf_printf(out, "no value");
		if (!json_is_null(s))
			fm_buf_printf(out, " of %.6g, %s%s", json_number_value(json_object_get(s, "threshold")),
				      json_is_true(json_object_get(s, "pass")) ? "passes" : "fails",
				      json_is_true(json_object_get(s, "waived")) ? " and is waived" : "");
	}
	fm_buf_printf(out, "\n");
}

static void put_diff(struct fm_buf *out, const json_t *doc)
{
	const json_t *rows = json_object_get(doc, "rows"), *fields = json_object_get(doc, "fields"),
		     *checks = json_object_get(doc, "checks");
	json_int_t a = json_integer_value(json_object_get(rows, "a")),
		   b = json_integer_value(json_object_get(rows, "b"));

	put_list(out, doc, "release");
	put_list(out, doc, "schema");
	if (a != b)
		fm_buf_printf(out, "rows\n  %lld -> %lld\n", (long long)a, (long long)b);
	for (size_t i = 0; i < json_array_size(fields); i++)
		fm_buf_printf(out, "%s  %-5s JSD %.6g\n", i ? "" : "fields\n",
			      fm_json_str(json_array_get(fields, i), "name"),
			      json_number_value(json_object_get(json_array_get(fields, i), "jsd")));
	put_list(out, doc, "guarantee");
	for (size_t i = 0; i < json_array_size(checks); i++) {
		fm_buf_printf(out, "%s", i ? "" : "checks\n");
		put_check(out, json_array_get(checks, i));
	}
	put_list(out, doc, "config");
	put_list(out, doc, "environment");
	put_list(out, doc, "manifest");
	put_list(out, doc, "files");
	if (json_is_true(json_object_get(doc, "same")))
		fm_buf_printf(out, "same\n");
}

struct telling {
	const struct fm_release_side *side;
	const struct fm_metrics *metrics; /* NULL: the same bytes */
};

/* {"same", "text", "doc"} */
static int tell_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct telling *t = ctx;
	struct fm_buf text = {0};
	json_t *doc = NULL;
	int rc;

	if ((rc = fm_release_diff(&t->side[0], &t->side[1], t->metrics, &doc, err)) < 0)
		return rc;
	put_diff(&text, doc);
	if ((rc = fm_buf_check(&text, err)) < 0)
		goto out;
	*result = json_pack("{s:b, s:s, s:O}", "same", json_is_true(json_object_get(doc, "same")), "text",
			    text.data ? text.data : "", "doc", doc);
	if (!*result)
		rc = no_memory(err);
out:
	fm_buf_free(&text);
	json_decref(doc);
	return rc;
}

static int tell(const struct telling *t, const struct diff_args *a, bool *same, struct fm_error *err)
{
	struct fm_walls w = {0};
	json_t *result = NULL;
	const char *text;
	int rc;

	if ((rc = fm_walls_begin(&w, "diff", a->unconfined, err)) < 0 ||
	    (rc = fm_walls_run(&w, tell_fn, (void *)(uintptr_t)t, &result, err)) < 0)
		goto out;
	*same = json_is_true(json_object_get(result, "same"));
	text = json_string_value(json_object_get(result, "text"));
	rc = a->json ? fm_cli_json(json_incref(json_object_get(result, "doc")), err)
		     : fm_walls_print(text ? text : "", err);
out:
	fm_walls_end(&w);
	json_decref(result);
	return rc;
}

static int diff(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct diff_args *a = args;
	struct fm_release_side told[2];
	struct fm_metrics metrics = {0};
	struct fm_diff_side s[2] = {0};
	struct telling t = {told, &metrics};
	bool same = false;
	int rc;

	for (int i = 0; i < 2; i++) {
		if ((rc = fm_diff_side_open(&s[i], call->operand[i], a->workspace, a->unconfined, call, err)) < 0)
			goto out;
		s[i].rows = json_integer_value(json_object_get(s[i].facts, "rows"));
	}
	if (*digest_of_flows(&s[0]) && strcmp(digest_of_flows(&s[0]), digest_of_flows(&s[1])) == 0)
		t.metrics = NULL;
	else if ((rc = compare_flows(s, a, &metrics, err)) < 0)
		goto out;
	for (int i = 0; i < 2; i++)
		told[i] = (struct fm_release_side){call->operand[i], s[i].facts, s[i].run, s[i].rows};
	if ((rc = tell(&t, a, &same, err)) >= 0 && !same)
		rc = fm_fail(err, FM_EVERDICT, "%s and %s differ", call->operand[0], call->operand[1]);
out:
	fm_metrics_free(&metrics);
	for (int i = 0; i < 2; i++)
		fm_diff_side_close(&s[i]);
	return rc;
}

const struct fm_verb fm_verb_diff = {
    .name = "diff",
    .summary = "what is different between two releases",
    .about =
	"Compares schema, number of rows, each field (Jensen-Shannon divergence of B's flows from A's), the privacy "
	"guarantee, the gate's checks, the config, the environment, all else that the manifests say, and the files, "
	"and "
	"prints what differs. A and B are archives, folders that archives were unpacked into or that hold one archive, "
	"projects or workspaces, which stand for their newest run that generated flows, or runs of the workspace "
	"(r0001). Of a run and a release the rest of the manifest and the files are not compared. Signatures are not "
	"checked: flowmint verify does. Exit status 0 when nothing differs, 1 when something does.",
    .operands = "A B",
    .offer = FM_OFFER_RUN_OR_FILE,
    .options = diff_options,
    .args_size = sizeof(struct diff_args),
    .run = diff,
};
