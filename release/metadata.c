#include "release/metadata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "release/columns.h"

#define NO_QUOTE "\x01" /* the format has no word for "no quote": a character that no value can have */
#define DATAPACKAGE "https://datapackage.org/profiles/2.0/datapackage.json"

/* The format of such a time; NULL: it is none. */
static const char *time_format(const char *type, bool part)
{
	return !strcmp(type, "datetime") ? (part ? FM_TIME_PART_FORMAT : FM_TIME_FORMAT)
	       : !strcmp(type, "time")   ? (part ? FM_CLOCK_PART_FORMAT : FM_CLOCK_FORMAT)
	       : !strcmp(type, "date")   ? FM_DATE_FORMAT
					 : NULL;
}

static json_t *field_json(const struct fm_dialect *d, int k, int cell)
{
	int col = d->cols[k].col;
	enum fm_format format = d->cols[k].format;
	const char *type = fm_cell_type(d, k, cell), *unit = fm_column_unit(col, format),
		   *time = time_format(type, d->cols[k].decimals > 0);
	char name[FM_CELL_NAME];
	json_t *f = json_pack("{s:s,s:s,s:s}", "name", fm_cell_name(d, k, cell, name), "type", type, "description",
			      fm_column_meaning(d, k));
	int bad = !f;

	if (time)
		bad |= json_object_set_new(f, "format", json_string(time));
	if (!strcmp(type, "number") && d->decimal == ',')
		bad |= json_object_set_new(f, "decimalChar", json_string(","));
	if (*unit)
		bad |= json_object_set_new(f, "unit", json_string(unit));
	if (d->absent && col >= 0 && col < FM_NFLOWCOL) /* beside those that are absent */
		bad |= json_object_set_new(f, "column", json_string(fm_cols[col].name));
	if (col >= 0 && format == FM_FMT_ADDRESS)
		bad |= json_object_set_new(f, "constraints",
					   json_pack("{s:b,s:s}", "required", 1, "pattern", FM_ADDRESS_PATTERN));
	else if ((col == FM_SP || col == FM_DP || col == FM_TD) && !strcmp(type, "string"))
		bad |= json_object_set_new(f, "constraints", json_pack("{s:b}", "required", 1));
	else if (col == FM_SP || col == FM_DP)
		bad |= json_object_set_new(f, "constraints",
					   json_pack("{s:b,s:i,s:i}", "required", 1, "minimum", 0, "maximum", 65535));
	else if (col == FM_PKT || col == FM_BYT || col == FM_TD)
		bad |= json_object_set_new(f, "constraints", json_pack("{s:b,s:i}", "required", 1, "minimum", 0));
	if (!bad)
		return f;
	json_decref(f);
	return NULL;
}

json_t *fm_schema_json(const struct fm_dialect *d)
{
	json_t *fields = json_array(), *schema;

	for (int i = 0; i < d->ncols; i++)
		for (int cell = 0; fm_dialect_writes(d, i) && cell < fm_column_cells(d, i); cell++)
			if (json_array_append_new(fields, field_json(d, i, cell))) {
				json_decref(fields);
				return NULL;
			}
	schema = *d->unset ? json_pack("{s:o,s:[s,s]}", "fields", fields, "missingValues", "", d->unset)
			   : json_pack("{s:o,s:[s]}", "fields", fields, "missingValues", "");
	if (schema && d->absent && json_object_set_new(schema, "absent", fm_columns_json(d->absent))) {
		json_decref(schema);
		return NULL;
	}
	return schema;
}

/* A header that is no row of names for other readers is one of the comments. */
static json_t *dialect_json(const struct fm_dialect *d)
{
	bool names = fm_header_has_names(d);
	char delimiter[2] = {d->delimiter, 0};
	json_t *o = json_pack("{s:s,s:s,s:b,s:s}", "delimiter", delimiter, "lineTerminator", d->newline, "header",
			      names, "quoteChar", d->no_quotes || d->blanks ? NO_QUOTE : "\""),
	       *rows;
	int bad = !o;

	if (!d->no_quotes && !d->blanks)
		bad |= json_object_set_new(o, "doubleQuote", json_true());
	if (!bad && fm_dialect_head(d) > names) {
		rows = json_array();
		bad |= json_object_set_new(o, "commentRows", rows);
		for (int i = 1; i <= fm_dialect_head(d) && !bad; i++)
			if (!names || i != d->nbefore + 1)
				bad |= json_array_append_new(rows, json_integer(i));
	}
	if (!bad)
		return o;
	json_decref(o);
	return NULL;
}

/* One table of the package; consumes nothing. */
static json_t *resource(const struct fm_dialect *d, const char *name, const char *path, const char *sha256,
			uint64_t nbytes)
{
	char hash[8 + FM_SHA256_HEX];
	json_t *r;

	snprintf(hash, sizeof hash, "sha256:%s", sha256);
	r = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:o}", "type", "table", "name", name, "path", path, "format",
		      fm_data_suffix(d), "mediatype", d->json ? "application/jsonl" : "text/csv", "encoding",
		      d->encoding == FM_ENCODING_WINDOWS_1252 ? "windows-1252" : "utf-8", "bytes", (json_int_t)nbytes,
		      "hash", hash, "schema", fm_schema_json(d));
	/* For JSON there is nothing to say. */
	if (r && !d->json && json_object_set_new(r, "dialect", dialect_json(d))) {
		json_decref(r);
		return NULL;
	}
	return r;
}

/* The same flows for collectors: a file, and no table of the package. */
static json_t *ipfix_resource(const struct fm_archive_file *f)
{
	char hash[8 + FM_SHA256_HEX];

	snprintf(hash, sizeof hash, "sha256:%s", f->sha256);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:s}", "name", "flows-ipfix", "path", f->path, "description",
			 "The same flows as messages of IPFIX (RFC 7011)", "format", "ipfix", "mediatype",
			 "application/ipfix", "bytes", (json_int_t)f->nbytes, "hash", hash);
}

json_t *fm_datapackage_json(const struct fm_metadata_in *in)
{
	json_t *resources = json_pack("[o]", resource(in->dialect, "flows",
						      in->dialect->json ? FM_ARCHIVE_DATA_JSON : FM_ARCHIVE_DATA,
						      in->data_sha256, in->data_nbytes)),
	       *package = json_pack("{s:s,s:s,s:s,s:s,s:O}", "$schema", DATAPACKAGE, "name", in->cfg->release.name,
				    "version", in->cfg->release.version, "description", in->cfg->release.description,
				    "resources", resources);
	int bad = !package;

	if (in->ipfix)
		bad |= json_array_append_new(resources, ipfix_resource(in->ipfix));
	for (int i = 0; in->parts && i < FM_METADATA_PARTS; i++) {
		const struct fm_metadata_part *p = &in->parts[i];
		char path[64];

		snprintf(path, sizeof path, "data/%s.%s", p->name, fm_data_suffix(in->dialect));
		bad |= json_array_append_new(resources, resource(in->dialect, p->name, path, p->sha256, p->nbytes));
	}
	json_decref(resources);
	if (in->cfg->release.license[0])
		bad |= json_object_set_new(package, "licenses",
					   in->license_text ? json_pack("[{s:s,s:s}]", "name", in->cfg->release.license,
									"path", FM_ARCHIVE_LICENSE)
							    : json_pack("[{s:s}]", "name", in->cfg->release.license));
	if (in->date[0]) {
		char created[32];

		snprintf(created, sizeof created, "%sT00:00:00Z", in->date);
		bad |= json_object_set_new(package, "created", json_string(created));
	}
	if (!bad)
		return package;
	json_decref(package);
	return NULL;
}

/* A YAML scalar between double quotes, which JSON's strings are too. */
static void put_quoted(struct fm_buf *out, const char *key, const char *value)
{
	json_t *v = json_string(value);
	char *text = v ? json_dumps(v, JSON_ENCODE_ANY) : NULL;

	if (text)
		fm_buf_printf(out, "%s: %s\n", key, text);
	else
		out->failed = 1;
	free(text);
	json_decref(v);
}

void fm_citation_text(const struct fm_metadata_in *in, struct fm_buf *out)
{
	const struct fm_config *c = in->cfg;
	char title[sizeof c->release.name + sizeof c->release.version + 64];

	snprintf(title, sizeof title, "%s %s: synthetic network flows", c->release.name, c->release.version);
	fm_buf_puts(out, "cff-version: 1.2.0\ntype: dataset\n");
	put_quoted(out, "message", "If you use these data, please cite them as below.");
	put_quoted(out, "title", title);
	/* The signature tells who signed, but the format requires an author. */
	fm_buf_puts(out, "authors:\n");
	put_quoted(out, "  - name", "The team that releases it");
	put_quoted(out, "version", c->release.version);
	if (in->date[0])
		put_quoted(out, "date-released", in->date);
	if (c->release.license[0] && strncmp(c->release.license, "LicenseRef-", 11) != 0) /* SPDX identifiers only */
		put_quoted(out, "license", c->release.license);
	if (c->release.description[0])
		put_quoted(out, "abstract", c->release.description);
}

json_t *fm_manifest_json(const struct fm_metadata_in *in, const json_t *base, const struct fm_archive_file *files,
			 size_t n)
{
	json_t *m = base ? json_deep_copy(base) : json_object(), *list = json_array(), *verdict;
	int bad = !m || !list;

	for (size_t i = 0; i < n && !bad; i++)
		bad |= json_array_append_new(list, json_pack("{s:s,s:I,s:s}", "path", files[i].path, "bytes",
							     (json_int_t)files[i].nbytes, "sha256", files[i].sha256));
	verdict = fm_verdict_json(in->verdict);
	bad |= !verdict || json_object_update_missing(m, verdict);
	json_decref(verdict);
	bad |= json_object_set_new(m, "format", json_string(FM_MANIFEST_FORMAT));
	bad |= json_object_set_new(m, "release",
				   json_pack("{s:s,s:s,s:s,s:s,s:s}", "name", in->cfg->release.name, "version",
					     in->cfg->release.version, "description", in->cfg->release.description,
					     "license", in->cfg->release.license, "date", in->date));
	bad |= json_object_set_new(m, "rows", json_integer((json_int_t)in->table->rows));
	bad |= json_object_set_new(m, "schema", fm_schema_json(in->dialect));
	bad |= json_object_set(m, "files", list);
	json_decref(list);
	if (!bad)
		return m;
	json_decref(m);
	return NULL;
}

json_t *fm_manifest_base(const json_t *manifest)
{
	static const char *const added[] = {"release", "rows", "schema", "files"};
	json_t *base = json_copy((json_t *)(uintptr_t)manifest);

	for (size_t i = 0; base && i < sizeof added / sizeof *added; i++)
		json_object_del(base, added[i]);
	return base;
}

void fm_sums_text(const struct fm_archive_file *files, size_t n, struct fm_buf *out)
{
	for (size_t i = 0; i < n; i++)
		fm_buf_printf(out, "%s  %s\n", files[i].sha256, files[i].path);
}
