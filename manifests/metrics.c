#include "manifests/metrics_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manifests/registry.h"

/* Grow an array by doubling, so that item n has room. */
static int grow(void *array, size_t *cap, size_t n, size_t size, struct fm_error *err)
{
	void *p, *old;
	size_t want = *cap ? 2 * *cap : 32;

	if (n < *cap)
		return FM_OK;
	memcpy(&old, array, sizeof(old));
	p = realloc(old, want * size);
	if (p == NULL)
		return fm_fail(err, FM_ESYSTEM, "out of memory: %zu metrics", want);
	memcpy(array, &p, sizeof(p));
	*cap = want;
	return FM_OK;
}

bool fm_metric_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= sizeof(((struct fm_metric *)0)->name) || name[0] == '.' || name[n - 1] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		      c == '-' || (c == '.' && name[i + 1] != '.')))
			return false;
	}
	return true;
}

/* Is a equal to b, or above it in the nesting ("jsd" and "jsd.SA")? */
static bool covers(const char *a, const char *b)
{
	size_t n = strlen(a);

	return strncmp(a, b, n) == 0 && (b[n] == '\0' || b[n] == '.');
}

/* An interval by resampling may not contain its value: it is widened until it does. */
static int put(struct fm_metrics *t, const char *name, double value, int64_t n, double lo, double hi,
	       struct fm_error *err)
{
	bool interval = isfinite(lo) && isfinite(hi), holds = isfinite(value);
	struct fm_metric *m;
	int rc;

	if (!fm_metric_name_ok(name))
		return fm_fail(err, FM_EINPUT,
			       "'%.80s' is no name of a metric: letters, digits, _ and -, joined by dots, at most 63",
			       name);
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->m[i].name, name) == 0)
			return fm_fail(err, FM_EINPUT, "metric '%s' is there twice", name);
		if (covers(t->m[i].name, name) || covers(name, t->m[i].name))
			return fm_fail(err, FM_EINPUT,
				       "metrics '%s' and '%s' cannot both be there: one is a group of the other",
				       t->m[i].name, name);
	}
	if ((rc = grow(&t->m, &t->cap, t->n, sizeof(*t->m), err)) < 0)
		return rc;
	m = &t->m[t->n++];
	*m = (struct fm_metric){.value = holds ? value : NAN,
				.n = n,
				.ci_lo = !interval             ? NAN
					 : holds && value < lo ? value
							       : lo,
				.ci_hi = !interval             ? NAN
					 : holds && value > hi ? value
							       : hi};
	strcpy(m->name, name);
	return FM_OK;
}

int fm_metrics_add_ci(struct fm_metrics *t, const char *name, double value, int64_t n, double lo, double hi,
		      struct fm_error *err)
{
	if (!fm_check_known(name))
		return fm_fail(err, FM_EINPUT,
			       "metric '%.80s' is not registered: manifests/registry.c lists all metrics", name);
	return put(t, name, value, n, lo, hi, err);
}

int fm_metrics_add(struct fm_metrics *t, const char *name, double value, int64_t n, struct fm_error *err)
{
	return fm_metrics_add_ci(t, name, value, n, NAN, NAN, err);
}

double fm_metric_round(double v)
{
	char text[32];

	if (!isfinite(v) || v == 0 || fabs(v) < 1e-12)
		return isfinite(v) ? 0 : v;
	snprintf(text, sizeof(text), "%.4e", v); /* and read back in the same locale */
	return strtod(text, NULL);
}

void fm_metrics_round(struct fm_metrics *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (fm_metric_counts_rows(t->m[i].name))
			continue;
		t->m[i].value = fm_metric_round(t->m[i].value);
		t->m[i].ci_lo = fm_metric_round(t->m[i].ci_lo);
		t->m[i].ci_hi = fm_metric_round(t->m[i].ci_hi);
	}
}

const struct fm_metric *fm_metrics_find(const struct fm_metrics *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->m[i].name, name) == 0)
			return &t->m[i];
	return NULL;
}

void fm_metrics_free(struct fm_metrics *t)
{
	if (t == NULL)
		return;
	free(t->m);
	*t = (struct fm_metrics){0};
}

/* ---- as JSON ---- */

json_t *fm_real_or_null(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

/* Set value under the dotted name, making the objects on the way; takes over value. */
static int set_nested(json_t *root, const char *name, json_t *value)
{
	char part[64];
	json_t *at = root;
	const char *dot;

	while ((dot = strchr(name, '.')) != NULL) {
		snprintf(part, sizeof(part), "%.*s", (int)(dot - name), name);
		json_t *next = json_object_get(at, part);
		if (next == NULL) {
			next = json_object();
			if (json_object_set_new(at, part, next) != 0) {
				json_decref(value);
				return -1;
			}
		}
		at = next;
		name = dot + 1;
	}
	return json_object_set_new(at, name, value);
}

json_t *fm_metrics_json(const struct fm_metrics *t)
{
	json_t *root = json_object();

	for (size_t i = 0; root && i < t->n; i++)
		if (set_nested(root, t->m[i].name, fm_real_or_null(t->m[i].value)) != 0) {
			json_decref(root);
			return NULL;
		}
	return root;
}

int fm_set_ci(json_t *o, double lo, double hi)
{
	if (!isfinite(lo) || !isfinite(hi))
		return 0;
	return json_object_set_new(o, "ci", json_pack("[f,f]", lo, hi));
}

json_t *fm_metrics_intervals(const struct fm_metrics *t)
{
	json_t *o = json_object();

	for (size_t i = 0; o && i < t->n; i++) {
		const struct fm_metric *m = &t->m[i];

		if (!isfinite(m->ci_lo) || !isfinite(m->ci_hi) ||
		    json_object_set_new(o, m->name, json_pack("[f,f]", m->ci_lo, m->ci_hi)) == 0)
			continue;
		json_decref(o);
		o = NULL;
	}
	return o;
}

json_t *fm_metrics_list(const struct fm_metrics *t)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < t->n; i++) {
		const struct fm_metric *m = &t->m[i];
		json_t *o = json_pack("{s:s,s:o,s:I}", "name", m->name, "value", fm_real_or_null(m->value), "n",
				      (json_int_t)m->n);
		if (o == NULL || fm_set_ci(o, m->ci_lo, m->ci_hi) != 0 || json_array_append(list, o) != 0) {
			json_decref(list);
			list = NULL;
		}
		json_decref(o);
	}
	return list;
}

/* ---- from JSON ---- */

int fm_doc_keys(const json_t *o, const char *const *keys, size_t n, const char *where, struct fm_error *err)
{
	const char *key;
	json_t *v;

	if (!json_is_object(o))
		return fm_fail(err, FM_EINPUT, "%s: an object was expected", where);
	json_object_foreach((json_t *)(uintptr_t)o, key, v)
	{
		size_t i = 0;
		while (i < n && strcmp(keys[i], key) != 0)
			i++;
		if (i == n)
			return fm_fail(err, FM_EINPUT, "%s: unknown key '%.64s'", where, key);
	}
	return FM_OK;
}

int fm_doc_real(const json_t *o, const char *key, double *out, const char *where, struct fm_error *err)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_number(v) && !json_is_null(v))
		return fm_fail(err, FM_EINPUT, "%s: '%s' must be a number or null", where, key);
	*out = json_is_null(v) ? NAN : json_number_value(v);
	return FM_OK;
}

int fm_doc_count(const json_t *o, int64_t *n, const char *where, struct fm_error *err)
{
	const json_t *v = json_object_get(o, "n");

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return fm_fail(err, FM_EINPUT, "%s: 'n' must be a count of rows", where);
	*n = json_integer_value(v);
	return FM_OK;
}

int fm_doc_text(const json_t *o, const char *key, char *out, size_t cap, const char *where, struct fm_error *err)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (s == NULL || strlen(s) >= cap)
		return fm_fail(err, FM_EINPUT, "%s: '%s' must be text of at most %zu bytes", where, key, cap - 1);
	strcpy(out, s);
	return FM_OK;
}

int fm_doc_ci(const json_t *o, double *lo, double *hi, const char *where, struct fm_error *err)
{
	const json_t *v = json_object_get(o, "ci");

	*lo = *hi = NAN;
	if (v == NULL || json_is_null(v))
		return FM_OK;
	if (json_array_size(v) != 2 || !json_is_number(json_array_get(v, 0)) || !json_is_number(json_array_get(v, 1)))
		return fm_fail(err, FM_EINPUT, "%s: 'ci' must be two numbers", where);
	*lo = json_number_value(json_array_get(v, 0));
	*hi = json_number_value(json_array_get(v, 1));
	return FM_OK;
}

static int read_metric(struct fm_metrics *t, const json_t *o, const char *where, struct fm_error *err)
{
	static const char *const keys[] = {"name", "value", "n", "ci"};
	struct fm_metric m;
	int rc;

	if ((rc = fm_doc_keys(o, keys, 4, where, err)) < 0 ||
	    (rc = fm_doc_text(o, "name", m.name, sizeof(m.name), where, err)) < 0 ||
	    (rc = fm_doc_real(o, "value", &m.value, where, err)) < 0 || (rc = fm_doc_count(o, &m.n, where, err)) < 0 ||
	    (rc = fm_doc_ci(o, &m.ci_lo, &m.ci_hi, where, err)) < 0)
		return rc;
	return put(t, m.name, m.value, m.n, m.ci_lo, m.ci_hi, err);
}

int fm_metrics_from_list(struct fm_metrics *t, const json_t *list, struct fm_error *err)
{
	size_t n = json_array_size(list);
	char where[48];
	int rc;

	*t = (struct fm_metrics){0};
	if (!json_is_array(list) || n > FM_DOC_MAXENTRIES)
		return fm_fail(err, FM_EINPUT, "metrics: a list of at most %d was expected", FM_DOC_MAXENTRIES);
	for (size_t i = 0; i < n; i++) {
		snprintf(where, sizeof(where), "metric %zu", i + 1);
		if ((rc = read_metric(t, json_array_get(list, i), where, err)) < 0) {
			fm_metrics_free(t);
			return rc;
		}
	}
	return FM_OK;
}
