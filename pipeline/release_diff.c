#include "pipeline/release_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/canon.h"

#define DEPTH 8

static int no_memory(struct fm_error *err)
{
	return fm_fail(err, FM_ESYSTEM, "out of memory for the comparison");
}

/* By their canonical text: 9.0 is 9 there, and comes back from a file as an integer. */
static int equal(const json_t *a, const json_t *b, bool *same, struct fm_error *err)
{
	struct fm_buf x = {0}, y = {0};
	int rc = FM_OK;

	*same = !a && !b;
	if (!a || !b)
		return FM_OK;
	if ((rc = fm_json_canonical(a, &x, err)) < 0 || (rc = fm_json_canonical(b, &y, err)) < 0 ||
	    (rc = fm_buf_check(&x, err)) < 0 || (rc = fm_buf_check(&y, err)) < 0)
		goto out;
	*same = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
out:
	fm_buf_free(&x);
	fm_buf_free(&y);
	return rc;
}

/* The leaves below two objects that differ, by their keys with dots between, in byte order of key. */
static int add_leaves(json_t *list, const char *at, const json_t *a, const json_t *b, int depth, struct fm_error *err)
{
	json_t *all, *v;
	const char *key;
	char *path;
	bool same;
	int rc;

	if ((rc = equal(a, b, &same, err)) < 0 || same)
		return rc;
	if (depth == 0 || (!json_is_object(a) && !json_is_object(b)) || (a && !json_is_object(a)) ||
	    (b && !json_is_object(b)))
		return json_array_append_new(list, json_pack("{s:s, s:O?, s:O?}", "key", at, "a", a, "b", b))
			   ? no_memory(err)
			   : FM_OK;
	if (!(all = json_object()))
		return no_memory(err);
	json_object_update(all, (json_t *)a);
	json_object_update(all, (json_t *)b);
	for (char last[128] = "";;) {
		const char *next = NULL;

		json_object_foreach(all, key, v)
		{
			if (strcmp(key, last) > 0 && (!next || strcmp(key, next) < 0))
				next = key;
		}
		if (!next || strlen(next) >= sizeof last)
			break;
		strcpy(last, next);
		if (asprintf(&path, "%s%s%s", at, *at ? "." : "", last) < 0) {
			rc = no_memory(err);
			break;
		}
		rc = add_leaves(list, path, json_object_get(a, last), json_object_get(b, last), depth - 1, err);
		free(path);
		if (rc < 0)
			break;
	}
	json_decref(all);
	return rc;
}

/* Compare the part of the facts with that name, leaf by leaf. */
static int put_part(json_t *doc, const char *as, const char *part, const struct fm_release_side *a,
		    const struct fm_release_side *b, struct fm_error *err)
{
	json_t *list = json_array();

	if (!list || json_object_set_new(doc, as, list))
		return no_memory(err);
	return add_leaves(list, "", json_object_get(a->facts, part), json_object_get(b->facts, part), DEPTH, err);
}

/* ---- columns ---- */

/* {"sa": {its field}, ...} */
static json_t *by_name(const json_t *facts)
{
	const json_t *fields = json_object_get(json_object_get(facts, "schema"), "fields");
	json_t *o = json_object();

	for (size_t i = 0; o && i < json_array_size(fields); i++) {
		json_t *f = json_array_get(fields, i);
		const char *name = json_string_value(json_object_get(f, "name"));

		if (name)
			json_object_set(o, name, f);
	}
	return o;
}

static int put_schema(json_t *doc, const struct fm_release_side *a, const struct fm_release_side *b,
		      struct fm_error *err)
{
	json_t *list = json_array(), *x, *y;
	int rc = FM_OK;

	if (!list || json_object_set_new(doc, "schema", list))
		return no_memory(err);
	if (!json_object_get(a->facts, "schema") || !json_object_get(b->facts, "schema"))
		return FM_OK;
	x = by_name(a->facts);
	y = by_name(b->facts);
	if (!x || !y)
		rc = no_memory(err);
	else
		rc = add_leaves(list, "", x, y, DEPTH, err);
	json_decref(x);
	json_decref(y);
	return rc;
}

static int put_fields(json_t *doc, const struct fm_metrics *metrics, struct fm_error *err)
{
	json_t *list = json_array();

	if (!list || json_object_set_new(doc, "fields", list))
		return no_memory(err);
	for (size_t i = 0; metrics && i < metrics->n; i++) {
		const struct fm_metric *m = &metrics->m[i];

		if (strncmp(m->name, "jsd.", 4) != 0 || !(m->value > 0))
			continue;
		if (json_array_append_new(list, json_pack("{s:s, s:f}", "name", m->name + 4, "jsd", m->value)))
			return no_memory(err);
	}
	return FM_OK;
}

/* ---- checks ---- */

static const json_t *find_check(const json_t *list, const json_t *like)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *c = json_array_get(list, i);

		if (strcmp(fm_json_str(c, "name"), fm_json_str(like, "name")) == 0 &&
		    strcmp(fm_json_str(c, "direction"), fm_json_str(like, "direction")) == 0)
			return c;
	}
	return NULL;
}

/* The part of a check that is compared; JSON null without a check. */
static json_t *check_part(const json_t *c)
{
	static const char *const keys[] = {"value", "threshold", "pass", "waived"};
	json_t *o;

	if (!c)
		return json_null();
	o = json_object();
	for (size_t i = 0; o && i < sizeof keys / sizeof *keys; i++)
		json_object_set_new(
		    o, keys[i], json_object_get(c, keys[i]) ? json_incref(json_object_get(c, keys[i])) : json_null());
	return o;
}

static int put_checks(json_t *doc, const struct fm_release_side *a, const struct fm_release_side *b,
		      struct fm_error *err)
{
	const json_t *x = json_object_get(a->facts, "checks"), *y = json_object_get(b->facts, "checks");
	json_t *list = json_array(), *p, *q;
	bool same;
	int rc;

	if (!list || json_object_set_new(doc, "checks", list))
		return no_memory(err);
	for (size_t i = 0; i < json_array_size(x) + json_array_size(y); i++) {
		const json_t *c =
		    i < json_array_size(x) ? json_array_get(x, i) : json_array_get(y, i - json_array_size(x));

		if (i >= json_array_size(x) && find_check(x, c))
			continue;
		p = check_part(find_check(x, c));
		q = check_part(find_check(y, c));
		if ((rc = equal(p, q, &same, err)) >= 0 && !same &&
		    json_array_append_new(list, json_pack("{s:s, s:s, s:O, s:O}", "name", fm_json_str(c, "name"),
							  "direction", fm_json_str(c, "direction"), "a", p, "b", q)))
			rc = no_memory(err);
		json_decref(p);
		json_decref(q);
		if (rc < 0)
			return rc;
	}
	return FM_OK;
}

int fm_release_diff(const struct fm_release_side *a, const struct fm_release_side *b, const struct fm_metrics *metrics,
		    json_t **out, struct fm_error *err)
{
	static const char *const lists[] = {"release", "environment", "schema", "guarantee",
					    "config",  "fields",      "checks"};
	json_t *doc =
	    json_pack("{s:s, s:s, s:{s:I, s:I}}", "a", a->name, "b", b->name, "rows", "a", a->rows, "b", b->rows);
	bool same = a->rows == b->rows;
	int rc;

	if (!doc)
		return fm_fail(err, FM_EINPUT, "a name is not UTF-8");
	if ((rc = put_part(doc, "release", "release", a, b, err)) < 0 ||
	    (rc = put_part(doc, "environment", "environment", a, b, err)) < 0 ||
	    (rc = put_schema(doc, a, b, err)) < 0 || (rc = put_part(doc, "guarantee", "privacy", a, b, err)) < 0 ||
	    (rc = put_part(doc, "config", "config", a, b, err)) < 0 || (rc = put_fields(doc, metrics, err)) < 0 ||
	    (rc = put_checks(doc, a, b, err)) < 0)
		goto out;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		same = same && json_array_size(json_object_get(doc, lists[i])) == 0;
	json_object_set_new(doc, "same", json_boolean(same));
	*out = json_incref(doc);
out:
	json_decref(doc);
	return rc;
}
