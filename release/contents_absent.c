/*
 * What a manifest says of flows whose trace lacks columns (config.absent): the released columns are the others; nothing
 * was measured, judged or counted that needs the missing ones, and all else was.
 */
#include <stdio.h>
#include <string.h>

#include "base/fields.h"
#include "base/json_text.h"
#include "manifests/registry.h"
#include "release/contents.h"

static int disagrees(struct fm_contents *c, const char *what, const char *name)
{
	return fm_contents_refuse(c, FM_REASON_MANIFEST_DISAGREES, "manifest.json: %s%s%s", what, *name ? ": " : "",
				  name);
}

/* Which columns of a flow the schema's fields are; *told: do the fields say so? */
static unsigned released(const json_t *schema, bool *told)
{
	const json_t *fields = json_object_get(schema, "fields");
	unsigned set = 0;

	*told = json_object_get(schema, "absent") != NULL;
	for (size_t i = 0; i < json_array_size(fields); i++) {
		const char *name = fm_json_str(json_array_get(fields, i), "column");
		int col = fm_col_find(name);

		*told = *told || *name;
		if (col >= 0)
			set |= 1u << col;
	}
	return set;
}

/* A release in the dialect of the trace has all columns of the trace; in another one it may have fewer. */
static int check_schema(struct fm_contents *c, const json_t *m, const struct fm_config *cfg)
{
	const json_t *schema = json_object_get(m, "schema"), *said = json_object_get(schema, "absent");
	bool told;
	unsigned set = released(schema, &told), lacks = FM_COLS_FLOW & ~set, listed = 0;

	if (!told)
		return cfg->absent ? disagrees(c, "config.absent names columns, and schema none", "") : FM_OK;
	for (size_t i = 0; i < json_array_size(said); i++) {
		const char *name = json_string_value(json_array_get(said, i));
		int col = name ? fm_col_find(name) : -1;

		listed |= col < 0 ? 0 : 1u << col;
	}
	if (listed != lacks)
		return disagrees(c, "schema.absent is not what its fields lack", "");
	if (strcmp(fm_config_published(cfg), cfg->source.dialect) != 0 ? (cfg->absent & ~lacks) != 0
								       : cfg->absent != lacks)
		return disagrees(c, "config.absent is not what the flows lack", "");
	return FM_OK;
}

/* Of a list of metrics or checks. */
static int check_names(struct fm_contents *c, const json_t *m, const char *list_name, unsigned absent)
{
	const json_t *list = json_object_get(m, list_name);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = fm_json_str(json_array_get(list, i), "name");

		if (fm_metric_lacks(name, ~absent, NULL))
			return fm_contents_refuse(c, FM_REASON_NOT_JUDGED,
						  "manifest.json: %s has %s, which needs a column that is absent",
						  list_name, name);
	}
	return FM_OK;
}

static bool is_field(const char *name)
{
	for (size_t i = 0; i < FM_NFIELDS; i++)
		if (strcmp(fm_fields[i].name, name) == 0)
			return true;
	return false;
}

/* Each existing column was measured by itself, where such metrics are published; hosts in time need the times of their
 * flows. */
static int check_measured(struct fm_contents *c, const json_t *m, const struct fm_config *cfg)
{
	const json_t *metrics = json_object_get(m, "metrics"),
		     *counted = json_object_get(json_object_get(m, "histograms"), "fields");

	for (size_t i = 0; i < json_array_size(counted) && cfg->absent & (1u << FM_TE | 1u << FM_SA); i++)
		if (!is_field(fm_json_str(json_array_get(counted, i), "name")))
			return disagrees(c, "a histogram is of what is absent",
					 fm_json_str(json_array_get(counted, i), "name"));
	for (size_t i = 0; i < FM_NFIELDS; i++) {
		const struct fm_field *f = &fm_fields[i];
		bool absent = cfg->absent >> f->col & 1u, needed = FM_COLS_FLOW >> f->col & 1u;

		if (absent && fm_json_named(counted, f->name))
			return disagrees(c, "a histogram is of what is absent", f->name);
		if (needed && !absent && !fm_json_named(counted, f->name))
			return disagrees(c, "histograms lack a column that is there", f->name);
		if (needed && !absent && fm_contents_is_told(cfg, f->metric) && !fm_json_named(metrics, f->metric))
			return fm_contents_refuse(c, FM_REASON_NOT_JUDGED,
						  "manifest.json: metrics lack %s, of a column that is there",
						  f->metric);
	}
	return FM_OK;
}

int fm_contents_absent(struct fm_contents *c, const json_t *m, const struct fm_config *cfg)
{
	int rc;

	if ((rc = check_schema(c, m, cfg)) < 0 || !cfg->absent)
		return rc;
	if (fm_config_dp(cfg))
		return disagrees(c, "config.absent names what privacy.mode dp cannot do without", "");
	for (int i = 0; i < cfg->gate.n; i++)
		if (fm_metric_lacks(cfg->gate.check[i].name, ~cfg->absent, NULL))
			return disagrees(c, "its config asks for what needs a column that is absent",
					 cfg->gate.check[i].name);
	if ((rc = check_names(c, m, "metrics", cfg->absent)) < 0 || (rc = check_names(c, m, "checks", cfg->absent)) < 0)
		return rc;
	return check_measured(c, m, cfg);
}
