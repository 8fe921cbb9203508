#include "pipeline/release_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
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

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A list of objects that each have another name as an object by those names; NULL where it is none.  What a list is
 * ordered by is no difference then. */
static json_t *by_name(const json_t *list)
{
	static const char *const names[] = {"name", "path", "check"};
	json_t *o, *item;
	size_t i;

	for (size_t k = 0; k < sizeof names / sizeof *names && json_array_size(list) > 0; k++) {
		if (!(o = json_object()))
			return NULL;
		json_array_foreach(list, i, item)
		{
			const char *name = json_string_value(json_object_get(item, names[k]));

			if (!name || json_object_get(o, name) || json_object_set(o, name, item))
				break;
		}
		if (json_object_size(o) == json_array_size(list))
			return o;
		json_decref(o);
	}
	return NULL;
}

static int add_leaves(json_t *list, const char *at, const json_t *a, const json_t *b, int depth, struct fm_error *err);

/* The members of two objects, of which one may be NULL, in byte order of key. */
static int add_members(json_t *list, const char *at, const json_t *a, const json_t *b, int depth, struct fm_error *err)
{
	json_t *all = json_object(), *v;
	const char **keys = NULL, *key;
	size_t n = 0;
	char *path;
	int rc;

	if (!all || (a && json_object_update(all, (json_t *)(uintptr_t)a)) ||
	    (b && json_object_update(all, (json_t *)(uintptr_t)b))) {
		rc = no_memory(err);
		goto out;
	}
	if ((rc = fm_alloc(&keys, json_object_size(all), sizeof *keys, "the comparison", err)) < 0)
		goto out;
	json_object_foreach(all, key, v)
	{
		keys[n++] = key;
	}
	qsort(keys, n, sizeof *keys, by_bytes);
	for (size_t i = 0; i < n && rc >= 0; i++) {
		if (asprintf(&path, "%s%s%s", at, *at ? "." : "", keys[i]) < 0) {
			rc = no_memory(err);
			break;
		}
		rc = add_leaves(list, path, json_object_get(a, keys[i]), json_object_get(b, keys[i]), depth - 1, err);
		free(path);
	}
out:
	free(keys);
	json_decref(all);
	return rc;
}

/* The leaves below two values that differ, by their keys with dots between. */
static int add_leaves(json_t *list, const char *at, const json_t *a, const json_t *b, int depth, struct fm_error *err)
{
	json_t *names[2] = {by_name(a), by_name(b)};
	const json_t *x = names[0] ? names[0] : a, *y = names[1] ? names[1] : b;
	size_t had = json_array_size(list);
	bool same;
	int rc;

	if ((rc = equal(a, b, &same, err)) < 0 || same)
		goto out;
	if (depth > 0 && (json_is_object(x) || json_is_object(y)) && (!x || json_is_object(x)) &&
	    (!y || json_is_object(y)) && (rc = add_members(list, at, x, y, depth, err)) < 0)
		goto out;
	/* One list in two orders has no leaves that differ, nor has what is nothing beside what is empty. */
	if (json_array_size(list) == had &&
	    json_array_append_new(list, json_pack("{s:s, s:O?, s:O?}", "key", *at ? at : "(all)", "a", a, "b", b)))
		rc = no_memory(err);
out:
	json_decref(names[0]);
	json_decref(names[1]);
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

/* The columns by name, then what else the schema says. */
static int put_schema(json_t *doc, const struct fm_release_side *a, const struct fm_release_side *b,
		      struct fm_error *err)
{
	const json_t *x = json_object_get(a->facts, "schema"), *y = json_object_get(b->facts, "schema");
	json_t *list = json_array(), *rest[2] = {NULL};
	int rc;

	if (!list || json_object_set_new(doc, "schema", list))
		return no_memory(err);
	if (!x || !y)
		return FM_OK;
	if (!(rest[0] = json_copy((json_t *)(uintptr_t)x)) || !(rest[1] = json_copy((json_t *)(uintptr_t)y))) {
		rc = no_memory(err);
		goto out;
	}
	json_object_del(rest[0], "fields");
	json_object_del(rest[1], "fields");
	if ((rc = add_leaves(list, "", json_object_get(x, "fields"), json_object_get(y, "fields"), DEPTH, err)) >= 0)
		rc = add_leaves(list, "", rest[0], rest[1], DEPTH, err);
out:
	json_decref(rest[0]);
	json_decref(rest[1]);
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

/* ---- what else a manifest says, and the files ---- */

static int put_files(json_t *doc, const struct fm_release_side *a, const struct fm_release_side *b,
		     struct fm_error *err)
{
	json_t *list = json_array();

	if (!list || json_object_set_new(doc, "files", list))
		return no_memory(err);
	return a->run || b->run ? FM_OK
				: add_leaves(list, "", json_object_get(a->facts, "files"),
					     json_object_get(b->facts, "files"), DEPTH, err);
}

/* Is the member said by a list of its own?  The name and version of the releases are, where they are those at the top.
 */
static bool told_apart(const struct fm_release_side *const side[2], const char *key)
{
	static const char *const apart[] = {"release", "environment", "schema", "privacy",
					    "config",  "checks",      "rows",   "files"};
	bool top = strcmp(key, "name") == 0 || strcmp(key, "version") == 0;

	for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
		if (strcmp(key, apart[i]) == 0)
			return true;
	for (int i = 0; i < 2; i++)
		top = top && json_equal(json_object_get(side[i]->facts, key),
					json_object_get(json_object_get(side[i]->facts, "release"), key));
	return top;
}

/* All other members, those that no manifest of today has too.  A run has not what an archive has, and its numbers are
 * not rounded, so the two have no such list. */
static int put_rest(json_t *doc, const struct fm_release_side *a, const struct fm_release_side *b, struct fm_error *err)
{
	json_t *list = json_array(), *x = json_object(), *y = json_object(), *v;
	const struct fm_release_side *const side[2] = {a, b};
	bool checks = json_array_size(json_object_get(doc, "checks")) > 0;
	const char *key;
	int rc = FM_OK;

	if (!list || json_object_set_new(doc, "manifest", list) || !x || !y)
		rc = no_memory(err);
	for (int i = 0; i < 2 && rc >= 0; i++)
		json_object_foreach((json_t *)(uintptr_t)side[i]->facts, key, v)
		{
			/* Of a check the list above has what counts. */
			if ((!told_apart(side, key) || (!checks && strcmp(key, "checks") == 0)) &&
			    json_object_set(i ? y : x, key, v))
				rc = no_memory(err);
		}
	if (rc >= 0 && a->run == b->run)
		rc = add_leaves(list, "", x, y, DEPTH, err);
	json_decref(x);
	json_decref(y);
	return rc;
}

int fm_release_diff(const struct fm_release_side *a, const struct fm_release_side *b, const struct fm_metrics *metrics,
		    json_t **out, struct fm_error *err)
{
	static const char *const lists[] = {"release", "environment", "schema", "guarantee", "config",
					    "fields",  "checks",      "files",  "manifest"};
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
	    (rc = put_checks(doc, a, b, err)) < 0 || (rc = put_files(doc, a, b, err)) < 0 ||
	    (rc = put_rest(doc, a, b, err)) < 0)
		goto out;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		same = same && json_array_size(json_object_get(doc, lists[i])) == 0;
	json_object_set_new(doc, "same", json_boolean(same));
	*out = json_incref(doc);
out:
	json_decref(doc);
	return rc;
}
