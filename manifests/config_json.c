/* config_json.c - a config as JSON, and the documentation of its keys: the schema read in the other direction. */
#include <stdio.h>
#include <string.h>

#include "base/table.h"
#include "manifests/canon.h"
#include "manifests/config.h"
#include "manifests/config_schema.h"
#include "manifests/config_value.h"
#include "manifests/embed.h"

static json_t *labels_json(const struct fm_config *cfg)
{
	json_t *o = json_object();

	for (int i = 0; o && i < cfg->generate.nlabels; i++)
		if (json_object_set_new(o, cfg->generate.labels[i].name, json_real(cfg->generate.labels[i].share)) !=
		    0) {
			json_decref(o);
			return NULL;
		}
	return o;
}

static json_t *ranges_json(const char (*ranges)[FM_CIDR_TEXT_MAX], int n)
{
	json_t *list = json_array();

	for (int i = 0; list && i < n; i++)
		if (json_array_append_new(list, json_string(ranges[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *budget_json(const double share[FM_NSHARES])
{
	json_t *o = json_object();

	for (int i = 0; o && i < FM_NSHARES; i++)
		if (share[i] > 0 && json_object_set_new(o, fm_share_name[i], json_real(share[i])) != 0) {
			json_decref(o);
			return NULL;
		}
	return o;
}

static json_t *checks_json(const struct fm_config *cfg)
{
	json_t *o = json_object();

	for (int i = 0; o && i < cfg->gate.n; i++) {
		const struct fm_cfg_check *c = &cfg->gate.check[i];
		json_t *e = json_object();
		int bad = json_object_set(o, c->name, e);

		if (c->has_max)
			bad |= json_object_set_new(e, "max", json_real(c->max));
		if (c->has_min)
			bad |= json_object_set_new(e, "min", json_real(c->min));
		if (c->relative_to_floor)
			bad |= json_object_set_new(e, "relative_to_floor", json_true());
		if (c->plus > 0)
			bad |= json_object_set_new(e, "plus", json_real(c->plus));
		if (c->has_room)
			bad |= json_object_set_new(e, "room", json_real(c->room));
		json_decref(e);
		if (bad) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

/* One path becomes a text, several a list. */
static json_t *paths_json(const char *text)
{
	json_t *list = strchr(text, '\n') ? json_array() : json_string(text);

	for (size_t n; json_is_array(list) && *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		json_array_append_new(list, json_stringn(text, n));
	}
	return list;
}

static json_t *value_json(const struct fm_config *cfg, const struct fm_key *k, bool public_only)
{
	const void *field = fm_key_cfield(cfg, k);
	const char *text = field;

	switch (k->type) {
	case FM_KEY_TEXT:
		/* A dialect file of the user's own: its folder stays private. */
		if (public_only && strcmp(k->name, "dialect") == 0 && strrchr(text, '/'))
			text = strrchr(text, '/') + 1;
		return json_string(text);
	case FM_KEY_PATH:
		return paths_json(text);
	case FM_KEY_CHOICE:
		return json_string(text);
	case FM_KEY_BOOL:
		return json_boolean(*(const bool *)field);
	case FM_KEY_INT:
		return json_integer(k->size == sizeof(int) ? *(const int *)field : *(const int64_t *)field);
	case FM_KEY_REAL:
		return json_real(*(const double *)field);
	case FM_KEY_LABELS:
		return labels_json(cfg);
	case FM_KEY_BUDGET:
		return budget_json(field);
	case FM_KEY_HOURS:
		return json_pack("[i,i]", ((const int *)field)[0], ((const int *)field)[1]);
	case FM_KEY_RANGES:
		return ranges_json(field, *(const int *)((const char *)cfg + k->count));
	case FM_KEY_CHECKS:
		break;
	}
	return NULL;
}

static json_t *section_json(const struct fm_config *cfg, const char *section, bool public_only)
{
	json_t *o;

	o = strcmp(section, "gate") == 0 ? checks_json(cfg) : json_object();
	for (size_t i = 0; o && i < fm_nkeys; i++) {
		const struct fm_key *k = &fm_keys[i];
		if (strcmp(k->section, section) != 0 || (public_only && k->secret) || k->type == FM_KEY_CHECKS ||
		    (fm_config_dp(cfg) && strcmp(k->name, "seed") == 0)) /* derived from the project's secret */
			continue;
		if (json_object_set_new(o, k->name, value_json(cfg, k, public_only)) != 0) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

json_t *fm_columns_json(unsigned set)
{
	json_t *list = json_array();

	for (int c = 0; list && c < FM_NFLOWCOL; c++)
		if (set >> c & 1u && json_array_append_new(list, json_string(fm_cols[c].name)) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

json_t *fm_config_json(const struct fm_config *cfg, const char *section, bool public_only)
{
	json_t *o;
	int bad;

	if (section)
		return fm_section_known(section) ? section_json(cfg, section, public_only) : NULL;
	if ((o = json_object()) == NULL)
		return NULL;
	bad = json_object_set_new(o, "preset", json_string(cfg->preset));
	if (cfg->absent)
		bad |= json_object_set_new(o, "absent", fm_columns_json(cfg->absent));
	if (!public_only) {
		bad |= json_object_set_new(o, "file", json_string(cfg->file));
		bad |= json_object_set_new(o, "dir", json_string(cfg->dir));
	}
	for (size_t i = 0; i < fm_nsections; i++) {
		json_t *s = section_json(cfg, fm_sections[i], public_only);
		/* A section of which nothing is public is left out. */
		if (s && public_only && json_object_size(s) == 0 && strcmp(fm_sections[i], "gate") != 0)
			json_decref(s);
		else
			bad |= json_object_set_new(o, fm_sections[i], s);
	}
	if (bad) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* ---- documentation ---- */

#define MAXPRESETS 8

/* A default as it would stand in the file: canonical JSON, with paths relative again, nothing for a value that is
 * computed. */
static int default_text(const struct fm_config *cfg, const struct fm_key *k, struct fm_buf *out, struct fm_error *err)
{
	json_t *v = value_json(cfg, k, false);
	size_t ndir = strcmp(cfg->dir, "/") == 0 ? 0 : strlen(cfg->dir);
	const char *text = json_string_value(v);
	int rc = FM_OK;

	if (k->type == FM_KEY_CHECKS)
		fm_buf_puts(out, "below");
	else if (k->offset == offsetof(struct fm_config, release.date) || (text && text[0] == '\0'))
		fm_buf_puts(out, "");
	else if (text && k->type == FM_KEY_PATH && strncmp(text, cfg->dir, ndir) == 0 && text[ndir] == '/')
		fm_buf_printf(out, "`%s`", text + ndir + 1);
	else if (text)
		fm_buf_printf(out, "`%s`", text);
	else {
		fm_buf_puts(out, "`");
		rc = fm_json_canonical(v, out, err);
		fm_buf_puts(out, "`");
	}
	json_decref(v);
	return rc;
}

static int doc_keys(const char *section, struct fm_config *const *preset, size_t npresets, struct fm_buf *out,
		    struct fm_error *err)
{
	char takes[160];
	int rc;

	for (size_t i = 0; i < fm_nkeys; i++) {
		const struct fm_key *k = &fm_keys[i];
		if (strcmp(k->section, section) != 0)
			continue;
		fm_buf_printf(out, "| `%s` | %s |", k->name, fm_key_takes(k, takes, sizeof(takes)));
		for (size_t p = 0; p < npresets; p++) {
			fm_buf_puts(out, " ");
			if ((rc = default_text(preset[p], k, out, err)) < 0)
				return rc;
			fm_buf_puts(out, " |");
		}
		fm_buf_printf(out, " %s |\n", k->help);
	}
	return FM_OK;
}

static const struct fm_cfg_check *check_named(const struct fm_config *cfg, const char *name)
{
	for (int i = 0; i < cfg->gate.n; i++)
		if (strcmp(cfg->gate.check[i].name, name) == 0)
			return &cfg->gate.check[i];
	return NULL;
}

static void doc_check(const struct fm_config *cfg, const char *name, struct fm_buf *out)
{
	const struct fm_cfg_check *c = check_named(cfg, name);

	fm_buf_puts(out, c ? "" : " none");
	if (c && c->has_max)
		fm_buf_printf(out, " at most %g%s", c->max, c->relative_to_floor ? " times its floor" : "");
	if (c && c->has_max && c->plus > 0)
		fm_buf_printf(out, " and %g more", c->plus);
	if (c && c->has_min)
		fm_buf_printf(out, "%s at least %g%s", c->has_max ? "," : "", c->min,
			      c->relative_to_floor && !c->has_max ? " times its floor" : "");
	if (c && !c->has_max && c->plus > 0)
		fm_buf_printf(out, " less %g", c->plus);
	if (c && c->has_room)
		fm_buf_printf(out, ", room %g", c->room);
	fm_buf_puts(out, " |");
}

static void doc_gate(struct fm_config *const *preset, size_t npresets, struct fm_buf *out)
{
	for (size_t p = 0; p < npresets; p++)
		for (int i = 0; i < preset[p]->gate.n; i++) {
			const char *name = preset[p]->gate.check[i].name;
			bool seen = false;
			for (size_t q = 0; q < p; q++)
				seen = seen || check_named(preset[q], name) != NULL;
			if (seen)
				continue;
			fm_buf_printf(out, "| `%s` |", name);
			for (size_t q = 0; q < npresets; q++)
				doc_check(preset[q], name, out);
			fm_buf_puts(out, "\n");
		}
}

static void doc_heading(const char *first, struct fm_config *const *preset, size_t npresets, const char *last,
			struct fm_buf *out)
{
	size_t ncols = 1;

	fm_buf_printf(out, "| %s |", first);
	for (const char *p = first; *p; p++)
		ncols += *p == '|';
	for (size_t p = 0; p < npresets; p++, ncols++)
		fm_buf_printf(out, " %s |", preset[p]->preset);
	if (last) {
		fm_buf_printf(out, " %s |", last);
		ncols++;
	}
	fm_buf_puts(out, "\n|");
	for (size_t i = 0; i < ncols; i++)
		fm_buf_puts(out, "---|");
	fm_buf_puts(out, "\n");
}

int fm_config_doc(struct fm_buf *out, struct fm_error *err)
{
	struct fm_config *preset[MAXPRESETS] = {NULL};
	struct fm_embed e;
	size_t n = 0;
	int rc = FM_OK;

	while (n < MAXPRESETS && fm_embed_at(&e, FM_EMBED_PRESET, n)) {
		if ((rc = fm_config_preset(&preset[n], e.name, NULL, 0, err)) < 0)
			goto out;
		n++;
	}
	for (size_t s = 0; s < fm_nsections; s++) {
		fm_buf_printf(out, "%s### %s\n\n", s ? "\n" : "", fm_sections[s]);
		doc_heading("key | takes", preset, n, "meaning", out);
		if ((rc = doc_keys(fm_sections[s], preset, n, out, err)) < 0)
			goto out;
		if (strcmp(fm_sections[s], "gate") == 0) {
			fm_buf_puts(out, "\nThe checks of the presets:\n\n");
			doc_heading("check", preset, n, NULL, out);
			doc_gate(preset, n, out);
		}
	}
	rc = fm_buf_check(out, err);
out:
	for (size_t p = 0; p < n; p++)
		fm_config_free(preset[p]);
	return rc;
}
