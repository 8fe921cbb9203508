#include "pipeline/manifest_public.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "judge/gate/subsample.h"
#include "judge/histogram.h"
#include "judge/task.h"
#include "manifests/canon.h"
#include "manifests/domain.h"
#include "manifests/registry.h"
#include "pipeline/walls/harvest.h"
#include "pipeline/walls/sandbox.h"
#include "report/report.h"

#define MOST_ROWS INT64_C(1000000000000000)

/* ---- in a child that sees the synthetic table ---- */

struct looking {
	const char *dir;
	size_t memory;
	bool cells;
};

/* The names of labels in metrics, and how many labels have each.  A label that no synthetic flow has is left out: the
 * model's list of labels comes from real flows. */
static int labels_of(const struct fm_table *t, json_t **out, struct fm_error *err)
{
	char name[FM_METRIC_LABEL];
	bool *has = NULL;
	int rc = FM_OK;

	*out = json_object();
	if (FM_HAS(t, FM_LABEL) &&
	    (rc = fm_alloc(&has, t->dict[FM_LABEL].n + 1, sizeof *has, "labels of flows", err)) < 0)
		return rc;
	for (size_t i = 0; has && i < t->rows; i++)
		has[t->label[i] < t->dict[FM_LABEL].n ? t->label[i] : t->dict[FM_LABEL].n] = true;
	for (size_t i = 0; has && i < t->dict[FM_LABEL].n; i++) {
		if (!has[i])
			continue;
		fm_label_name(t, (uint32_t)i, name);
		json_object_set_new(*out, name, json_integer(1 + json_integer_value(json_object_get(*out, name))));
	}
	free(has);
	return *out ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory: labels");
}

static int look_fn(void *ctx, json_t **result, struct fm_error *err)
{
	const struct looking *l = ctx;
	struct fm_table *table = NULL, *part = NULL;
	json_t *doc = NULL, *fields = NULL, *labels = NULL;
	int rc;

	if ((rc = fm_table_open(&table, l->dir, err)) < 0 || (rc = labels_of(table, &labels, err)) < 0)
		goto out;
	if (l->cells && ((rc = fm_subsample(&part, table, fm_subsample_most(l->memory), err)) < 0 ||
			 (rc = fm_histograms(part ? part : table, part ? part : table, NULL, &doc, err)) < 0 ||
			 (rc = fm_report_histograms(doc, false, 1, &fields, err)) < 0))
		goto out;
	*result = json_pack("{s:O, s:O*}", "labels", labels, "histograms", fields);
	rc = *result ? FM_OK : fm_fail(err, FM_ESYSTEM, "out of memory: histograms");
out:
	json_decref(doc);
	json_decref(fields);
	json_decref(labels);
	fm_table_free(table);
	fm_table_free(part);
	return rc;
}

/* ---- compared ---- */

/* The field of that name at or behind *at, which is then behind it; NULL: none. Fields have to come in one order, so
 * that an order can tell nothing. */
static const json_t *field_named(const json_t *fields, const char *name, size_t *at)
{
	while (*at < json_array_size(fields)) {
		const json_t *f = json_array_get(fields, (*at)++);
		const char *other = json_string_value(json_object_get(f, "name"));

		if (name && other && strcmp(other, name) == 0)
			return f;
	}
	return NULL;
}

/* Counts of real rows, one a cell, in multiples of k. */
static bool are_counts(const json_t *list, size_t n, int64_t k)
{
	if (!json_is_array(list) || json_array_size(list) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, i);

		if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > MOST_ROWS ||
		    json_integer_value(v) % k)
			return false;
	}
	return true;
}

/* Equal as canonical text: a number is the same whether it was read as a whole one or not. */
static int same_text(const json_t *a, const json_t *b, bool *same, struct fm_error *err)
{
	struct fm_buf x = {0}, y = {0};
	int rc;

	if ((rc = fm_json_canonical(a, &x, err)) >= 0 && (rc = fm_json_canonical(b, &y, err)) >= 0 &&
	    (rc = fm_buf_check(&x, err)) >= 0 && (rc = fm_buf_check(&y, err)) >= 0)
		*same = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
	fm_buf_free(&x);
	fm_buf_free(&y);
	return rc;
}

static int is_field(const json_t *f, const json_t *own, bool real, int64_t k, bool *is, struct fm_error *err)
{
	const json_t *counts = json_object_get(f, "real");
	const char *kind = json_string_value(json_object_get(f, "kind"));
	json_t *rest;
	int rc;

	*is = false;
	real = real && !(kind && strcmp(kind, "hosts") == 0); /* nothing real is published about single hosts */
	if (!own || (counts != NULL) != real ||
	    (real && !are_counts(counts, json_array_size(json_object_get(own, "synthetic")), k)))
		return FM_OK;
	if (!(rest = json_copy((json_t *)(uintptr_t)f)))
		return fm_fail(err, FM_ESYSTEM, "out of memory: histograms");
	json_object_del(rest, "real");
	rc = same_text(rest, own, is, err);
	json_decref(rest);
	return rc;
}

static int compare_histograms(const struct fm_config *cfg, const json_t *published, const json_t *own,
			      struct fm_error *err)
{
	bool real = strcmp(cfg->publish.report, "histograms") == 0;
	const json_t *fields = json_object_get(published, "fields"), *k = json_object_get(published, "k");
	const char *format = json_string_value(json_object_get(published, "format"));
	size_t n = json_array_size(fields), at = 0;
	char words[FM_DOMAIN_WORDS];
	bool good = !fm_domain_fault(published, "histograms", words) && format &&
		    strcmp(format, FM_PUBLIC_HISTOGRAMS_FORMAT) == 0 && json_is_array(fields) &&
		    json_object_size(published) == (real ? 3u : 2u) && n <= json_array_size(own) &&
		    (!real || json_integer_value(k) >= 1);
	int rc;

	for (size_t i = 0; i < n && good; i++) {
		const json_t *f = json_array_get(fields, i);
		const char *name = json_string_value(json_object_get(f, "name"));

		if ((rc = is_field(f, field_named(own, name, &at), real, real ? json_integer_value(k) : 1, &good,
				   err)) < 0)
			return rc;
	}
	return good ? FM_OK
		    : fm_harvest_refuse(
			  err, "stage evaluate left histograms that do not follow from the synthetic table: no honest "
			       "stage does, so nothing that it made is used");
}

static bool is_label(const json_t *labels, const char *name)
{
	const char *known;
	json_t *alike;

	json_object_foreach((json_t *)(uintptr_t)labels, known, alike)
	{
		if (fm_metric_label_is(name, known, (long)json_integer_value(alike)))
			return true;
	}
	return false;
}

static const char *label_in(const json_t *metric)
{
	const char *name = json_string_value(json_object_get(metric, "name"));

	return name ? fm_metric_label_in(name) : NULL;
}

int fm_manifest_compare(const struct fm_config *cfg, const struct fm_run *run, const json_t *histograms,
			json_t *metrics, struct fm_error *err)
{
	struct looking l = {run->stage[FM_GENERATE].product, (size_t)cfg->gate.memory << 20, histograms != NULL};
	struct fm_sandbox box = {.name = "synthetic", .unconfined = run->unconfined};
	struct fm_sandbox_report report = {0};
	bool any = histograms != NULL;
	const json_t *labels;
	int rc;

	for (size_t i = 0; i < json_array_size(metrics); i++)
		any = any || label_in(json_array_get(metrics, i));
	if (!any)
		return FM_OK;
	fm_sandbox_path(&box, l.dir, false);
	if ((rc = fm_sandbox_run(&box, look_fn, &l, &report, err)) < 0 ||
	    (histograms &&
	     (rc = compare_histograms(
		  cfg, histograms, json_object_get(json_object_get(report.result, "histograms"), "fields"), err)) < 0))
		goto out;
	labels = json_object_get(report.result, "labels");
	for (size_t i = json_array_size(metrics); i-- > 0;) {
		const char *label = label_in(json_array_get(metrics, i));

		if (label && !is_label(labels, label))
			json_array_remove(metrics, i);
	}
out:
	json_decref(report.result);
	return rc;
}
