/* config, dialects: what a run would take, and what is built in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifests/canon.h"
#include "manifests/config.h"
#include "manifests/config_schema.h"
#include "manifests/dialect.h"
#include "manifests/embed.h"
#include "model/generator.h"
#include "pipeline/cli/cli.h"
#include "pipeline/cli/place.h"

/* ---- config ---- */

#define COMMENT_COLUMN 46

struct config_args {
	struct fm_words set;
	bool json;
};

static const struct fm_option config_options[] = {
    {FM_SETS_LIST(struct config_args, set), .name = "set", .value = "KEY=VALUE", .offer = FM_OFFER_KEY,
     .help = "as for run"},
    FM_OPTION_JSON(struct config_args),
    {0},
};

static const char *str(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* "preset demo, line 22"; the file, which the first line names, is left out. */
static void say_provenance(const json_t *provenance, char *out, size_t cap)
{
	const char *from = str(provenance, "from"), *name = str(provenance, "name");
	json_int_t line = json_integer_value(json_object_get(provenance, "line"));
	bool in_file = from && strcmp(from, "file") == 0;
	int n;

	if (in_file) {
		snprintf(out, cap, "line %lld", (long long)line);
		return;
	}
	n = snprintf(out, cap, "%s", from ? from : "default");
	if (name && n < (int)cap)
		n += snprintf(out + n, cap - (size_t)n, " %s", name);
	if (line && n < (int)cap)
		snprintf(out + n, cap - (size_t)n, ", line %lld", (long long)line);
}

/* One line of YAML, "  steps: 400", with the provenance behind it. */
static int print_key(const char *section, const char *key, const json_t *value, const json_t *provenance,
		     struct fm_error *err)
{
	struct fm_buf line = {0};
	char full[160], where[1200];
	int rc;

	fm_buf_printf(&line, "  %s: ", key);
	if ((rc = fm_json_canonical(value, &line, err)) < 0 || (rc = fm_buf_check(&line, err)) < 0)
		goto out;
	snprintf(full, sizeof(full), "%s.%s", section, key);
	say_provenance(json_object_get(provenance, full), where, sizeof(where));
	fm_cli_print("%-*s  # %s\n", COMMENT_COLUMN, line.data, where);
out:
	fm_buf_free(&line);
	return rc;
}

/* The checks of the preset that the config drops: null, so that what is printed drops them too. */
static int print_dropped(const json_t *gate, const json_t *provenance, struct fm_error *err)
{
	json_t *who;
	const char *key;
	int rc;

	json_object_foreach((json_t *)provenance, key, who)
	{
		if (strncmp(key, "gate.", 5) != 0 || json_object_get(gate, key + 5))
			continue;
		if ((rc = print_key("gate", key + 5, json_null(), provenance, err)) < 0)
			return rc;
	}
	return FM_OK;
}

static int print_section(const struct fm_config *cfg, const char *name, const json_t *provenance, struct fm_error *err)
{
	json_t *section = fm_config_json(cfg, name, false), *value;
	const char *key;
	int rc = FM_OK;

	if (!section)
		return fm_fail(err, FM_ESYSTEM, "out of memory for the config");
	fm_cli_print("\n%s:\n", name);
	json_object_foreach(section, key, value)
	{
		const struct fm_key *k = fm_key_find(name, key);

		if (k && !fm_key_counts(k, cfg))
			continue;
		if ((rc = print_key(name, key, value, provenance, err)) < 0)
			goto out;
	}
	if (strcmp(name, "gate") == 0)
		rc = print_dropped(section, provenance, err);
out:
	json_decref(section);
	return rc;
}

static int print_config(const struct fm_config *cfg, const json_t *provenance, struct fm_error *err)
{
	int rc;

	fm_cli_print("# %s\npreset: %s\n", cfg->file, cfg->preset);
	for (size_t i = 0; i < fm_nsections; i++)
		if ((rc = print_section(cfg, fm_sections[i], provenance, err)) < 0)
			return rc;
	return FM_OK;
}

static int config(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct config_args *a = args;
	struct fm_config *cfg = NULL;
	const struct fm_generator *kind;
	json_t *provenance = NULL;
	const char *file;
	int rc;

	if ((rc = fm_place_config(call, call->operand[0], &file, err)) < 0 ||
	    (rc = fm_config_explain(&cfg, &provenance, file, a->set.word, a->set.n, err)) < 0)
		goto out;
	if ((rc = fm_generator_check(&kind, cfg, err)) < 0)
		goto out;
	if (a->json)
		rc = fm_cli_json(
		    json_pack("{s:o, s:O}", "config", fm_config_json(cfg, NULL, false), "origin", provenance), err);
	else
		rc = print_config(cfg, provenance, err);
out:
	json_decref(provenance);
	fm_config_free(cfg);
	return rc;
}

const struct fm_verb fm_verb_config = {
    .name = "config",
    .summary = "the config that a run would take, and where each value comes from",
    .about = "Prints every key with its effective value. After it stands what set it last: the built-in default, the "
	     "preset, a line of the file, --set or the environment. Keys that the privacy.mode or the model.kind does "
	     "not take are left out. What is printed is a config itself.",
    .operands = "RELEASE.yaml",
    .optional = 1,
    .offer = FM_OFFER_FILE,
    .options = config_options,
    .args_size = sizeof(struct config_args),
    .run = config,
};

/* ---- dialects ---- */

struct dialects_args {
	bool json;
};

static const struct fm_option dialects_options[] = {
    FM_OPTION_JSON(struct dialects_args),
    {0},
};

/* {"name", "header", "delimiter", "columns": [...], "description"}; NULL without memory. */
static json_t *dialect_json(const struct fm_dialect *d)
{
	char delimiter[2] = {d->delimiter, '\0'};
	json_t *columns = json_array(),
	       *o = json_pack("{s:s, s:b, s:s, s:s, s:o}", "name", d->name, "header", d->header, "delimiter", delimiter,
			      "description", d->description, "columns", columns);

	for (int i = 0; o && i < d->ncols; i++)
		json_array_append_new(columns, json_string(d->cols[i].name));
	return o;
}

/* One of our own, whose delimiter is shown as it is, a tab too. */
static void print_dialect(const struct fm_dialect *d)
{
	printf("%-21s  %s\n%-21s  %s: ", d->name, d->description, "", d->header ? "header" : "no header");
	for (int i = 0; i < d->ncols; i++)
		printf("%s%s", i ? (char[2]){d->delimiter, '\0'} : "", d->cols[i].name);
	putchar('\n');
}

static int dialects(const void *args, const struct fm_call *call, struct fm_error *err)
{
	const struct dialects_args *a = args;
	json_t *list = json_array();
	struct fm_embed e;
	int rc = FM_OK;

	(void)call;
	for (size_t i = 0; fm_embed_at(&e, FM_EMBED_DIALECT, i); i++) {
		struct fm_dialect *d = NULL;

		if ((rc = fm_dialect_load(&d, e.name, err)) < 0)
			goto out;
		if (a->json)
			json_array_append_new(list, dialect_json(d));
		else
			print_dialect(d);
		fm_dialect_free(d);
	}
	if (a->json)
		rc = fm_cli_json(json_incref(list), err);
out:
	json_decref(list);
	return rc;
}

const struct fm_verb fm_verb_dialects = {
    .name = "dialects",
    .summary = "the built-in dialects of traces",
    .about = "Prints the name, the description, and the columns in file order of each: what source.dialect and "
	     "--dialect take. A "
	     "trace in another form needs a dialect file of its own (docs/traces.md).",
    .options = dialects_options,
    .args_size = sizeof(struct dialects_args),
    .run = dialects,
};
