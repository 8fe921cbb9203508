/*
 * What datapackage.json, croissant.json and CITATION.cff say, checked against the archive and its manifest: for each
 * file of flows the right size and digest; one name, version, licence and day; and the rows that there are.
 */
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "manifests/canon.h"
#include "manifests/dialect.h"
#include "manifests/yaml.h"
#include "release/contents.h"

#define ARENA_CHUNK 16384

/* The file of the flows, which is there. */
static const struct fm_archive_file *find_data(const struct fm_archive_info *info)
{
	for (size_t i = 0; i < info->n; i++)
		if (fm_archive_is_data(info->file[i].path))
			return &info->file[i];
	return NULL;
}

/* *has: is `want` the digest of v's canonical form? */
static int has_digest(const json_t *v, const char *want, bool *has, struct fm_error *err)
{
	char hex[FM_SHA256_HEX];
	int rc;

	*has = false;
	if (!v)
		return FM_OK;
	if ((rc = fm_json_digest(v, hex, err)) < 0)
		return rc;
	*has = strcmp(hex, want) == 0;
	return FM_OK;
}

/* ---- datapackage.json ---- */

enum { TRAIN, TEST, PARTS };

struct table {
	const struct fm_archive_file *f;
	struct fm_table_layout layout;
	uint64_t rows;
};

static int disagrees(struct fm_contents *c, const char *path, const char *what)
{
	return fm_contents_refuse(c, FM_REASON_DATAPACKAGE, "datapackage.json does not describe %s as it is%s%s", path,
				  *what ? ": " : "", what);
}

/* The text of a table: what its dialect says of lines and values, and nothing that drives a terminal. */
static int check_form(struct fm_contents *c, const json_t *r, const struct fm_archive_file *f,
		      const struct fm_table_layout *layout, bool csv)
{
	const json_t *dialect = json_object_get(r, "dialect"), *schema = json_object_get(r, "schema");
	const char *end = fm_json_str(dialect, "lineTerminator");
	const struct fm_table_form *form = &f->form;
	bool utf8 = !fm_json_says(r, "encoding", "windows-1252");

	if (form->bom)
		return disagrees(c, f->path, "it begins with a byte-order mark");
	if (form->control || (utf8 && form->wide_control))
		return disagrees(c, f->path, "it has control characters");
	if (utf8 && (form->broken || form->nbegun))
		return disagrees(c, f->path, "it is not in UTF-8");
	if ((strcmp(end, "\r\n") == 0 && (form->cr != form->crlf || form->crlf != form->plain.n)) ||
	    ((!csv || strcmp(end, "\n") == 0) && form->cr))
		return disagrees(c, f->path, "its lines end otherwise");
	if (!csv)
		return form->objects == form->plain.n ? FM_OK : disagrees(c, f->path, "a line of it is no object");
	if (!fm_table_form_has(form, layout->quotes, layout->delimiter, layout->head,
			       json_array_size(json_object_get(schema, "fields"))))
		return disagrees(c, f->path, "a row of it has more or fewer values than the schema has fields");
	return FM_OK;
}

/* The first line that is no comment, from 1, where it has the names of the columns. */
static uint64_t line_of_names(const json_t *dialect)
{
	const json_t *comments = json_object_get(dialect, "commentRows");
	uint64_t line = 1;

	if (!json_is_true(json_object_get(dialect, "header")))
		return 0;
	for (size_t i = 0; i < json_array_size(comments); i++)
		line += json_integer_value(json_array_get(comments, i)) == (json_int_t)line;
	return line;
}

/* The encoding is one that flowmint writes and, where the dialect is built in, that of the dialect; there is a header
 * where the config asks for one. */
static int check_config(struct fm_contents *c, const json_t *r, const struct fm_archive_file *f,
			const struct fm_table_layout *layout)
{
	bool windows = fm_json_says(r, "encoding", "windows-1252"), json = fm_json_says(r, "format", "jsonl");
	struct fm_dialect *d = NULL;
	struct fm_error why;
	int rc;

	if (!windows && json_object_get(r, "encoding") && !fm_json_says(r, "encoding", "utf-8"))
		return disagrees(c, f->path, "its encoding is neither utf-8 nor windows-1252");
	if (c->header && !json && layout->head == 0)
		return disagrees(c, f->path, "it has no header, and the config of manifest.json asks for one");
	if (fm_dialect_is_file(c->dialect) || fm_dialect_check_name(c->dialect, &why) < 0)
		return FM_OK;
	if ((rc = fm_dialect_load(&d, c->dialect, c->err)) < 0)
		return rc;
	if (windows != (d->encoding == FM_ENCODING_WINDOWS_1252))
		rc = disagrees(c, f->path, "its encoding is not that of the dialect in manifest.json");
	fm_dialect_free(d);
	return rc;
}

/* Each value of the flows has its column's type; a part of them has the same form, so its values have, too. */
static int check_values(struct fm_contents *c, const json_t *r, const struct fm_archive_file *f,
			const struct fm_table_layout *layout, const json_t *whole)
{
	static const char *const same[] = {"dialect", "encoding", "format"};
	const char *fault;
	char why[256];
	int rc;

	for (size_t i = 0; !fm_archive_is_data(f->path) && i < sizeof same / sizeof *same; i++) {
		const json_t *a = json_object_get(r, same[i]), *b = json_object_get(whole, same[i]);

		if (!a != !b || (a && !json_equal(a, b)))
			return disagrees(c, f->path, "it is in another form than all flows");
	}
	if (!fm_archive_is_data(f->path))
		return FM_OK;
	if ((rc = check_config(c, r, f, layout)) < 0)
		return rc;
	fault = fm_table_values_fault(c->info->values, layout, json_object_get(r, "schema"), why);
	return fault ? disagrees(c, f->path, fault) : FM_OK;
}

/* A file as a resource describes it; *layout where it is a table. */
static int check_resource(struct fm_contents *c, const json_t *r, const struct fm_archive_file *f,
			  struct fm_table_layout *layout)
{
	bool csv = fm_archive_is_table(f->path) && strcmp(f->path + strlen(f->path) - 4, ".csv") == 0;
	const json_t *dialect = json_object_get(r, "dialect"), *head = json_object_get(dialect, "header"),
		     *quote = json_object_get(dialect, "quoteChar"), *delimiter = json_object_get(dialect, "delimiter"),
		     *bytes = json_object_get(r, "bytes");
	const char *hash = fm_json_str(r, "hash");
	bool same;
	int rc;

	if (strncmp(hash, "sha256:", 7) != 0 || strcmp(hash + 7, f->sha256) != 0 || !json_is_integer(bytes) ||
	    (uint64_t)json_integer_value(bytes) != f->nbytes)
		return disagrees(c, f->path, "");
	if (!fm_archive_is_table(f->path))
		return FM_OK;
	if (json_is_boolean(head) != csv)
		return disagrees(c, f->path, "dialect.header");
	if (delimiter && json_string_length(delimiter) != 1) /* by the format it is a comma where it is not stated */
		return disagrees(c, f->path, "dialect.delimiter");
	if ((rc = has_digest(json_object_get(r, "schema"), c->schema, &same, c->err)) < 0)
		return rc;
	if (!same)
		return disagrees(c, f->path, "its schema is not that of manifest.json");
	layout->head = csv ? json_is_true(head) + json_array_size(json_object_get(dialect, "commentRows")) : 0;
	layout->quotes = csv && (!json_is_string(quote) || strcmp(json_string_value(quote), "\"") == 0);
	layout->delimiter = delimiter ? *json_string_value(delimiter) : ',';
	layout->names = line_of_names(dialect);
	return check_form(c, r, f, layout, csv);
}

/* The rows of a table, as its readers count them; *whole: the last row has its line end. */
static uint64_t rows_of(const struct fm_archive_file *f, const struct fm_table_layout *layout, bool *whole)
{
	const struct fm_table_form *form = &f->form;
	bool quotes = layout->quotes && form->has_quotes;
	uint64_t lines = quotes ? form->quoted.n : form->plain.n;

	*whole = *whole && form->last == '\n' && !(quotes && form->is_open) && lines >= layout->head;
	return lines - layout->head;
}

/* *print: the fingerprint of the bytes of the rows; *nbytes: how many there are.  False: they begin after the lines for
 * which it is known. */
static bool print_of_rows(const struct fm_archive_info *info, const struct fm_archive_file *f, uint64_t head,
			  uint64_t *print, uint64_t *nbytes)
{
	*print = f->prints.all;
	*nbytes = f->nbytes;
	if (head == 0)
		return true;
	if (head > f->prints.nheads)
		return false;
	*nbytes -= f->prints.head_nbytes[head - 1];
	*print = fm_polyprint_behind(&info->point, f->prints.all, f->prints.head[head - 1], *nbytes);
	return true;
}

static int others(struct fm_contents *c, const struct fm_archive_file *data, const char *what)
{
	return fm_contents_refuse(c, FM_REASON_ROWS_DISAGREE, "the parts of %s %s", data->path, what);
}

/* The whole was judged, so the parts must be nothing else: the training flows, and after them the last flows. */
static int check_parts(struct fm_contents *c, const struct fm_archive_file *data, const struct table *whole,
		       const struct table part[PARTS])
{
	const struct fm_polyprint_point *point = &c->info->point;
	uint64_t print[PARTS], nbytes[PARTS], of_whole, n;
	uint64_t last = (uint64_t)(c->test_share * (double)whole->rows);

	if (!part[TRAIN].f || !part[TEST].f)
		return others(c, data, "are not one of train and one of test");
	if (part[TRAIN].rows + part[TEST].rows != whole->rows)
		return fm_contents_refuse(
		    c, FM_REASON_ROWS_DISAGREE, "the parts of %s have %llu rows together, it has %llu", data->path,
		    (unsigned long long)(part[TRAIN].rows + part[TEST].rows), (unsigned long long)whole->rows);
	if (part[TEST].rows != last)
		return others(c, data, "are of other sizes than the test_share of its config gives");
	if (!print_of_rows(c->info, data, whole->layout.head, &of_whole, &n) ||
	    !print_of_rows(c->info, part[TRAIN].f, part[TRAIN].layout.head, &print[TRAIN], &nbytes[TRAIN]) ||
	    !print_of_rows(c->info, part[TEST].f, part[TEST].layout.head, &print[TEST], &nbytes[TEST]) ||
	    n != nbytes[TRAIN] + nbytes[TEST] ||
	    of_whole != fm_polyprint_join(point, print[TRAIN], print[TEST], nbytes[TEST]))
		return others(c, data, "are other flows than it has");
	return FM_OK;
}

/* Which part of these flows this is, or -1. */
static int part_of(const struct fm_archive_file *data, const char *path)
{
	static const char *const names[PARTS] = {"data/train", "data/test"};

	for (int i = 0; i < PARTS; i++)
		if (strncmp(path, names[i], strlen(names[i])) == 0 &&
		    strcmp(path + strlen(names[i]), strrchr(data->path, '.')) == 0)
			return i;
	return -1;
}

/* Each file of flows is a resource, once, the whole first; the parts are its rows. */
static int check_resources(struct fm_contents *c, const json_t *list)
{
	const struct fm_archive_info *info = c->info;
	const struct fm_archive_file *data = find_data(info);
	struct table all = {0}, part[PARTS] = {{0}};
	bool whole = true;
	int rc;

	memset(c->listed, 0, sizeof c->listed);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *r = json_array_get(list, i);
		const char *path = fm_json_str(r, "path");
		int at = fm_contents_find(info, path, strlen(path));
		struct table *t = i ? NULL : &all;
		struct fm_table_layout layout = {0};
		int which;

		if (at < 0 || (i == 0 && &info->file[at] != data))
			return disagrees(c, data->path, i ? "a resource is of a file that is not there" : "");
		if (c->listed[at])
			return disagrees(c, info->file[at].path, "it is there twice");
		c->listed[at] = true;
		if ((rc = check_resource(c, r, &info->file[at], &layout)) < 0)
			return rc;
		if (!fm_archive_is_table(info->file[at].path))
			continue;
		if ((rc = check_values(c, r, &info->file[at], &layout, json_array_get(list, 0))) < 0)
			return rc;
		if (i && (which = part_of(data, path)) >= 0)
			t = &part[which];
		if (!t || t->f)
			return disagrees(c, path, "it is neither the flows nor a part of them");
		*t = (struct table){&info->file[at], layout, rows_of(&info->file[at], &layout, &whole)};
	}
	for (size_t i = 0; i < info->n; i++)
		if (strncmp(info->file[i].path, "data/", 5) == 0 && !c->listed[i])
			return disagrees(c, info->file[i].path, "it is no resource");
	if (!whole || all.rows != c->rows)
		return fm_contents_refuse(c, FM_REASON_ROWS_DISAGREE, "%s has %lld rows; manifest.json says %lld",
					  data->path, (long long)all.rows, (long long)c->rows);
	if (!part[TRAIN].f && !part[TEST].f && !(c->test_share > 0))
		return FM_OK;
	return check_parts(c, data, &all, part);
}

/* The licence by its name, and with its text where that is in the archive. */
static int check_licences(struct fm_contents *c, const json_t *doc)
{
	const json_t *list = json_object_get(doc, "licenses"), *first = json_array_get(list, 0);
	bool text = fm_contents_find(c->info, FM_ARCHIVE_LICENSE, strlen(FM_ARCHIVE_LICENSE)) >= 0;

	if (!*c->license && !list)
		return FM_OK;
	if (json_array_size(list) != 1 || strcmp(fm_json_str(first, "name"), c->license) != 0)
		return disagrees(c, "the licence", "manifest.json has another");
	if (strcmp(fm_json_str(first, "path"), text ? FM_ARCHIVE_LICENSE : "") != 0)
		return disagrees(c, FM_ARCHIVE_LICENSE, text ? "it is there" : "it is not there");
	return FM_OK;
}

static int check_datapackage(struct fm_contents *c)
{
	const struct fm_archive_info *info = c->info;
	const json_t *created;
	bool same;
	json_t *doc;
	int rc;

	if ((rc = fm_contents_load(c, &info->datapackage, FM_ARCHIVE_DATAPACKAGE, FM_REASON_DATAPACKAGE, &doc)) < 0)
		goto out;
	created = json_object_get(doc, "created");
	if ((rc = has_digest(json_object_get(doc, "description"), c->description, &same, c->err)) < 0)
		goto out;
	if (strcmp(fm_json_str(doc, "name"), info->name) != 0 ||
	    strcmp(fm_json_str(doc, "version"), info->version) != 0)
		rc = disagrees(c, "the release", "it has another name or version");
	else if (!same)
		rc = disagrees(c, "the release", "it has another description than manifest.json");
	else if (*c->info->date ? strncmp(fm_json_str(doc, "created"), c->info->date, 10) != 0 : created != NULL)
		rc = disagrees(c, "the release", "it has another day than manifest.json");
	else if ((rc = check_licences(c, doc)) >= 0)
		rc = check_resources(c, json_object_get(doc, "resources"));
out:
	json_decref(doc);
	return rc;
}

/* ---- croissant.json, CITATION.cff ---- */

static int other(struct fm_contents *c, const char *file, const char *what)
{
	return fm_contents_refuse(c, FM_REASON_METADATA_DISAGREES, "%s does not describe this release: %s", file, what);
}

/* Each file of flows with its digest. */
static int check_distribution(struct fm_contents *c, const json_t *list)
{
	memset(c->listed, 0, sizeof c->listed);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *f = json_array_get(list, i);
		const char *path = fm_json_str(f, "contentUrl");
		int at = fm_contents_find(c->info, path, strlen(path));
		char size[32];

		if (at < 0)
			return other(c, FM_ARCHIVE_CROISSANT, "a file of it is not there");
		snprintf(size, sizeof size, "%llu B", (unsigned long long)c->info->file[at].nbytes);
		if (strcmp(fm_json_str(f, "sha256"), c->info->file[at].sha256) != 0 ||
		    strcmp(fm_json_str(f, "contentSize"), size) != 0)
			return other(c, FM_ARCHIVE_CROISSANT, "another size or digest of a file of flows");
		c->listed[at] = true;
	}
	for (size_t i = 0; i < c->info->n; i++)
		if (strncmp(c->info->file[i].path, "data/", 5) == 0 && !c->listed[i])
			return other(c, FM_ARCHIVE_CROISSANT, "a file of flows is not in it");
	return FM_OK;
}

static int check_croissant(struct fm_contents *c)
{
	const struct fm_archive_info *info = c->info;
	json_t *doc;
	int rc;

	if ((rc = fm_contents_load(c, &info->croissant, FM_ARCHIVE_CROISSANT, FM_REASON_METADATA_DISAGREES, &doc)) < 0)
		goto out;
	if (strcmp(fm_json_str(doc, "name"), info->name) != 0 ||
	    strcmp(fm_json_str(doc, "version"), info->version) != 0 ||
	    strcmp(fm_json_str(doc, "license"), c->license) != 0)
		rc = other(c, FM_ARCHIVE_CROISSANT, "another name, version or licence");
	else if (strcmp(fm_json_str(doc, "datePublished"), c->info->date) != 0)
		rc = other(c, FM_ARCHIVE_CROISSANT, "another day");
	else
		rc = check_distribution(c, json_object_get(doc, "distribution"));
out:
	json_decref(doc);
	return rc;
}

static const char *scalar(const struct fm_yaml *root, const char *key)
{
	const struct fm_yaml *v = fm_yaml_child(root, key);

	return v && v->kind == FM_YAML_SCALAR && v->text ? v->text : "";
}

static int check_citation(struct fm_contents *c)
{
	const struct fm_buf *text = &c->info->citation;
	struct fm_yaml_doc doc = {.name = FM_ARCHIVE_CITATION, .code = FM_EINPUT};
	char title[2 * FM_ARCHIVE_MAX_FOLDER + 4];
	struct fm_arena *arena = NULL;
	struct fm_yaml *root;
	struct fm_error why;
	int rc;

	snprintf(title, sizeof title, "%s %s: ", c->info->name, c->info->version);
	if ((rc = fm_arena_new(&arena, ARENA_CHUNK, c->err)) < 0)
		return rc;
	if ((rc = fm_yaml_parse(&root, &doc, arena, text->data ? text->data : "", text->len, &why)) < 0)
		rc = rc == FM_ESYSTEM ? fm_fail(c->err, rc, "%s", why.message)
				      : other(c, FM_ARCHIVE_CITATION, why.message);
	else if (root->kind != FM_YAML_MAP || !*scalar(root, "cff-version") || !*scalar(root, "title") ||
		 !fm_yaml_child(root, "authors"))
		rc = other(c, FM_ARCHIVE_CITATION, "it lacks cff-version, title or authors");
	else if (strcmp(scalar(root, "version"), c->info->version) != 0 ||
		 strncmp(scalar(root, "title"), title, strlen(title)) != 0)
		rc = other(c, FM_ARCHIVE_CITATION, "another name or version");
	else if (strcmp(scalar(root, "date-released"), c->info->date) != 0 ||
		 (*scalar(root, "license") && strcmp(scalar(root, "license"), c->license) != 0))
		rc = other(c, FM_ARCHIVE_CITATION, "another day or licence");
	fm_arena_free(arena);
	return rc;
}

int fm_contents_metadata(struct fm_contents *c)
{
	int rc;

	if ((rc = check_datapackage(c)) < 0)
		return rc;
	/* Earlier versions wrote neither. */
	if (fm_contents_find(c->info, FM_ARCHIVE_CROISSANT, strlen(FM_ARCHIVE_CROISSANT)) >= 0 &&
	    (rc = check_croissant(c)) < 0)
		return rc;
	if (fm_contents_find(c->info, FM_ARCHIVE_CITATION, strlen(FM_ARCHIVE_CITATION)) >= 0)
		return check_citation(c);
	return FM_OK;
}
