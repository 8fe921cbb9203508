/* config.c - a config from its layers: the schema's defaults, the preset, the file, the command line; each overrides
 * the one before. */
#include "manifests/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/table.h"
#include "manifests/canon.h"
#include "manifests/config_loader.h"
#include "manifests/config_value.h"
#include "manifests/embed.h"
#include "manifests/registry.h"

#define DEFAULT_PRESET "ugr16"

static const struct fm_yaml_doc schema_doc = {.name = "built-in default", .inline_text = true, .code = FM_EINPUT};

static int loader_begin(struct fm_loader *l, struct fm_error *err)
{
	int rc;

	*l = (struct fm_loader){.err = err};
	if ((rc = fm_alloc(&l->cfg, 1, sizeof(*l->cfg), "a config", err)) < 0 ||
	    (rc = fm_arena_new(&l->arena, 64 << 10, err)) < 0)
		return rc;
	l->at = fm_arena_alloc(l->arena, fm_nkeys, sizeof(*l->at));
	return l->at ? FM_OK : fm_loader_memory(l);
}

/* Hand the config out, or drop it. */
static int loader_end(struct fm_loader *l, int rc, struct fm_config **cfg)
{
	json_decref(l->notes);
	fm_arena_free(l->arena);
	if (rc < 0) {
		fm_config_free(l->cfg);
		l->cfg = NULL;
	}
	*cfg = l->cfg;
	return rc;
}

void fm_config_free(struct fm_config *cfg)
{
	free(cfg);
}

/* ---- layers ---- */

static void begin_layer(struct fm_loader *l, enum fm_cfg_layer layer, const char *name)
{
	l->layer = layer;
	l->layer_name = name;
}

static struct fm_cfg_place place_now(struct fm_loader *l, const struct fm_yaml *v)
{
	return (struct fm_cfg_place){l->resolved ? FM_CFG_WRITTEN : l->layer, ++l->order, v->line};
}

/* Note which layer sets section.name, or drops that check. */
static int note(struct fm_loader *l, const char *section, const char *name, const struct fm_yaml *v)
{
	static const char *const from[] = {[FM_CFG_PRESET] = "preset", [FM_CFG_FILE] = "file", [FM_CFG_SET] = "--set"};
	char key[160];
	json_t *o;

	if (!l->notes)
		return FM_OK;
	snprintf(key, sizeof(key), "%.64s.%.64s", section, name);
	o = json_pack("{s:s, s:s*}", "from", from[l->layer], "name", l->layer_name);
	if (o && !v->doc->inline_text)
		json_object_set_new(o, "line", json_integer((json_int_t)v->line));
	return json_object_set_new(l->notes, key, o) == 0 ? FM_OK : fm_loader_memory(l);
}

static int apply_key(struct fm_loader *l, const char *section, const char *name, const struct fm_yaml *v)
{
	const struct fm_key *k = fm_key_find(section, name);
	bool is_gone;
	int rc;

	if ((rc = fm_loader_gone(l, section, name, v, &is_gone)) < 0 || is_gone)
		return rc;
	if (strcmp(section, "gate") == 0 && (k == NULL || k->type == FM_KEY_CHECKS)) {
		/* A config that was written out may come from a version with other metrics. */
		if ((rc = fm_check_read(l->cfg, name, v, place_now(l, v), l->err)) < 0)
			return rc;
		return l->resolved || fm_check_known(name) ? note(l, section, name, v)
							   : fm_loader_unknown_check(l, name, v);
	}
	if (k == NULL)
		return fm_loader_unknown_key(l, section, name, v);
	if ((rc = fm_key_read(l->cfg, k, v, l->err)) < 0)
		return rc;
	l->at[k - fm_keys] = v;
	l->cfg->set[k - fm_keys] = place_now(l, v);
	return note(l, section, name, v);
}

static int apply_section(struct fm_loader *l, const struct fm_yaml *section)
{
	char what[96];
	int rc = FM_OK;

	if (!fm_section_known(section->key))
		return fm_loader_unknown_section(l, section->key, section);
	if (fm_yaml_is_null(section)) /* all its lines are comments */
		return FM_OK;
	snprintf(what, sizeof(what), "section '%s'", section->key);
	if ((rc = fm_yaml_want(section, FM_YAML_MAP, what, l->err)) < 0)
		return rc;
	for (const struct fm_yaml *v = section->first; v; v = v->next)
		if ((rc = apply_key(l, section->key, v->key, v)) < 0)
			return rc;
	return FM_OK;
}

/* Of a config that was written out: columns of a flow in their order, each once; a flow has both addresses or none, and
 * one of its sizes. */
static int read_absent(struct fm_loader *l, const struct fm_yaml *v)
{
	const unsigned ends = 1u << FM_SA | 1u << FM_DA, sizes = 1u << FM_TD | 1u << FM_PKT | 1u << FM_BYT;
	unsigned absent = 0;
	char text[16];
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, "absent", l->err)) < 0)
		return rc;
	for (const struct fm_yaml *e = v->first; e; e = e->next) {
		int c;

		if ((rc = fm_yaml_text(e, "absent", text, sizeof(text), l->err)) < 0)
			return rc;
		if ((c = fm_col_find(text)) < 0 || !(FM_COLS_FLOW >> c & 1u) || absent >> c)
			return fm_yaml_fail(e, l->err, "absent: '%s' is no column of a flow, or not in its place",
					    text);
		absent |= 1u << c;
	}
	if (!absent || ((absent & ends) && (absent & ends) != ends) || (absent & sizes) == sizes)
		return fm_yaml_fail(v, l->err, "absent: no flows lack just these columns");
	l->cfg->absent = absent;
	return FM_OK;
}

static int apply_root(struct fm_loader *l, const struct fm_yaml *root)
{
	int rc;

	if (fm_yaml_is_null(root))
		return FM_OK;
	if ((rc = fm_yaml_want(root, FM_YAML_MAP, "a config", l->err)) < 0)
		return rc;
	for (const struct fm_yaml *v = root->first; v; v = v->next) {
		if (strcmp(v->key, "preset") == 0)
			continue; /* the preset, which is applied already */
		if (l->resolved && strcmp(v->key, "file") == 0)
			rc = fm_yaml_text(v, "file", l->cfg->file, sizeof(l->cfg->file), l->err);
		else if (l->resolved && strcmp(v->key, "dir") == 0)
			rc = fm_yaml_text(v, "dir", l->cfg->dir, sizeof(l->cfg->dir), l->err);
		else if (l->resolved && strcmp(v->key, "absent") == 0)
			rc = read_absent(l, v);
		else
			rc = apply_section(l, v);
		if (rc < 0)
			return rc;
		l->open = fm_yaml_is_null(v) ? v->key : NULL;
	}
	return FM_OK;
}

static int apply_defaults(struct fm_loader *l)
{
	struct fm_yaml *v;
	int rc;

	for (size_t i = 0; i < fm_nkeys; i++) {
		if (fm_keys[i].type == FM_KEY_CHECKS)
			continue;
		if ((rc = fm_yaml_parse(&v, &schema_doc, l->arena, fm_keys[i].dflt, strlen(fm_keys[i].dflt), l->err)) <
			0 ||
		    (rc = fm_key_read(l->cfg, &fm_keys[i], v, l->err)) < 0)
			return rc;
	}
	return FM_OK;
}

/* A document in the arena: its name is cut and copied. */
static struct fm_yaml_doc *doc_new(struct fm_loader *l, const char *name, bool inline_text, int code)
{
	struct fm_yaml_doc *doc = fm_arena_alloc(l->arena, 1, sizeof(*doc));

	if (doc) {
		*doc = (struct fm_yaml_doc){.inline_text = inline_text, .code = code};
		doc->name = fm_arena_strdup(l->arena, name);
	}
	return doc && doc->name ? doc : NULL;
}

static int keep_preset(struct fm_loader *l)
{
	struct fm_config *c = fm_arena_alloc(l->arena, 1, sizeof *c);

	if (!c)
		return fm_loader_memory(l);
	*c = *l->cfg;
	l->preset = c;
	return FM_OK;
}

/* asked: the value that named the preset, or NULL where the caller did. */
static int apply_preset(struct fm_loader *l, const char *name, const struct fm_yaml *asked)
{
	const char *names[16], *near;
	char list[256], title[96];
	struct fm_embed e;
	struct fm_yaml *root;
	struct fm_yaml_doc *doc;
	int rc;

	if (!fm_embed_find(&e, FM_EMBED_PRESET, name)) {
		size_t n = 0;
		while (n < 16 && fm_embed_at(&e, FM_EMBED_PRESET, n))
			names[n++] = e.name;
		fm_embed_names(FM_EMBED_PRESET, list, sizeof(list));
		near = fm_suggest(name, names, n);
		if (asked)
			return fm_yaml_fail(asked, l->err, "unknown preset '%.64s'%s%s%s (presets: %s)", name,
					    near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "", list);
		return fm_fail(l->err, FM_EUSAGE, "unknown preset '%.64s'%s%s%s (presets: %s)", name,
			       near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "", list);
	}
	begin_layer(l, FM_CFG_PRESET, e.name);
	snprintf(title, sizeof(title), "preset %s", e.name);
	if ((doc = doc_new(l, title, false, FM_EINPUT)) == NULL)
		return fm_loader_memory(l);
	if ((rc = fm_yaml_parse(&root, doc, l->arena, e.text, e.n, l->err)) < 0 || (rc = apply_root(l, root)) < 0)
		return rc;
	snprintf(l->cfg->preset, sizeof(l->cfg->preset), "%s", e.name);
	return keep_preset(l);
}

/* ---- --set ---- */

struct override {
	const char *key; /* "train.steps" */
	struct fm_yaml *value;
};

/* Keys that hold text take what stands after = as it is, so that a path may have any character; quotes are YAML's, and
 * so are brackets around several paths. */
static bool takes_raw(const char *section, const char *name, const char *value)
{
	const struct fm_key *k = fm_key_find(section, name);
	size_t n = strlen(value);

	/* [a.csv, b.csv] is a list; [ab].csv, and [ab] too, is a pattern. */
	if (k && k->type == FM_KEY_PATH && k->size == FM_CFG_PATHS && value[0] == '[' && value[n - 1] == ']' &&
	    strchr(value, ','))
		return false;
	if (value[0] == '"' || value[0] == '\'')
		return false;
	return section[0] == '\0' ||
	       (k && (k->type == FM_KEY_TEXT || k->type == FM_KEY_PATH || k->type == FM_KEY_CHOICE));
}

static int override_parse(struct fm_loader *l, const char *text, struct override *o)
{
	const char *eq = strchr(text, '='), *name;
	char title[128], section[64];
	struct fm_yaml_doc *doc;
	char *key;
	int rc;

	if (eq == NULL || eq == text)
		return fm_fail(l->err, FM_EUSAGE,
			       "--set %.80s: what is wanted is section.key=value, such as train.steps=500", text);
	snprintf(title, sizeof(title), "--set %.*s", (int)(eq - text > 100 ? 100 : eq - text), text);
	if ((key = fm_arena_strdup(l->arena, text)) == NULL || (doc = doc_new(l, title, true, FM_EUSAGE)) == NULL)
		return fm_loader_memory(l);
	key[eq - text] = '\0';
	o->key = key;
	fm_split_key(key, section, &name);
	if (takes_raw(section, name, eq + 1)) {
		if ((o->value = fm_arena_alloc(l->arena, 1, sizeof(*o->value))) == NULL)
			return fm_loader_memory(l);
		*o->value =
		    (struct fm_yaml){.kind = FM_YAML_SCALAR, .doc = doc, .line = 1, .text = key + (eq - text) + 1};
	} else if ((rc = fm_yaml_parse(&o->value, doc, l->arena, eq + 1, strlen(eq + 1), l->err)) < 0) {
		return rc;
	}
	if (section[0] == '\0' && strcmp(key, "preset") != 0) {
		if (fm_section_known(key))
			return fm_yaml_fail(o->value, l->err, "'%s' is a section: name a key of it, %s.KEY=value", key,
					    key);
		return fm_loader_unknown_section(l, key, o->value);
	}
	if (section[0] && !fm_section_known(section))
		return fm_loader_unknown_section(l, fm_check_known(key) ? key : section, o->value);
	return FM_OK;
}

static int apply_override(struct fm_loader *l, const struct override *o)
{
	char section[64];
	const char *name;

	fm_split_key(o->key, section, &name);
	return section[0] ? apply_key(l, section, name, o->value) : FM_OK;
}

/* ---- the ways in ---- */

/* Defaults, preset, file, overrides.  root may be NULL (no file); preset may be NULL (that of the file, or ugr16). */
static int build(struct fm_loader *l, const struct fm_yaml *root, const char *preset, const char *const *overrides,
		 int n)
{
	const struct fm_yaml *asked = root && root->kind == FM_YAML_MAP ? fm_yaml_child(root, "preset") : NULL;
	struct override *o = fm_arena_alloc(l->arena, (size_t)n + 1, sizeof(*o));
	char name[64] = DEFAULT_PRESET;
	int rc = FM_OK;

	if (o == NULL)
		return fm_loader_memory(l);
	if (preset)
		snprintf(name, sizeof(name), "%s", preset);
	for (int i = 0; i < n; i++) {
		if ((rc = override_parse(l, overrides[i], &o[i])) < 0)
			return rc;
		if (strcmp(o[i].key, "preset") == 0)
			asked = o[i].value;
	}
	if ((asked && (rc = fm_yaml_text(asked, "preset", name, sizeof(name), l->err)) < 0) ||
	    (rc = apply_defaults(l)) < 0 || (rc = apply_preset(l, name, asked)) < 0)
		return rc;
	if (root) {
		begin_layer(l, FM_CFG_FILE, root->doc->name);
		snprintf(l->cfg->named, sizeof l->cfg->named, "%s", root->doc->name);
		if ((rc = apply_root(l, root)) < 0)
			return rc;
	}
	begin_layer(l, FM_CFG_SET, NULL);
	for (int i = 0; i < n; i++)
		if ((rc = apply_override(l, &o[i])) < 0)
			return rc;
	return fm_loader_finish(l);
}

static int set_file(struct fm_loader *l, const char *file)
{
	char *real = realpath(file, NULL), *slash;
	int rc = FM_OK;

	if (real == NULL && errno == ENOENT)
		return fm_fail(l->err, FM_EINPUT, "%s: no such file; flowmint init DIR makes a project with one", file);
	if (real == NULL)
		return fm_fail_errno(l->err, "cannot read %s", file);
	if (strlen(real) >= sizeof(l->cfg->file)) {
		rc = fm_fail(l->err, FM_EINPUT, "%s: its full path is longer than %zu bytes", file,
			     sizeof(l->cfg->file) - 1);
	} else {
		strcpy(l->cfg->file, real);
		slash = strrchr(real, '/');
		slash[slash == real] = '\0';
		strcpy(l->cfg->dir, real);
	}
	free(real);
	return rc;
}

/* PROJECT stands for PROJECT/release.yaml.  Returns file, or a text in the arena; NULL without memory. */
static const char *file_of(struct fm_loader *l, const char *file)
{
	struct stat st;
	char *path, *joined;

	if (stat(file, &st) != 0 || !S_ISDIR(st.st_mode))
		return file;
	if (!(joined = fm_path_join(file, "release.yaml")))
		return NULL;
	path = fm_arena_strdup(l->arena, joined);
	free(joined);
	return path;
}

static int load_file(struct fm_loader *l, const char *file, const char *const *overrides, int noverrides)
{
	struct fm_buf text = {0};
	struct fm_yaml_doc *doc;
	struct fm_yaml *root;
	int rc;

	if (!(file = file_of(l, file)) || !(doc = doc_new(l, file, false, FM_EINPUT)))
		return fm_loader_memory(l);
	if ((rc = set_file(l, file)) < 0 || (rc = fm_file_read(file, FM_YAML_MAXBYTES, &text, l->err)) < 0 ||
	    (rc = fm_yaml_parse(&root, doc, l->arena, text.data, text.len, l->err)) < 0)
		goto out;
	rc = build(l, root, NULL, overrides, noverrides);
out:
	fm_buf_free(&text);
	return rc;
}

int fm_config_load_draft(struct fm_config **cfg, const char *file, const char *const *overrides, int noverrides,
			 struct fm_error *err)
{
	struct fm_loader l;
	int rc;

	*cfg = NULL;
	if ((rc = loader_begin(&l, err)) >= 0)
		rc = load_file(&l, file, overrides, noverrides);
	return loader_end(&l, rc, cfg);
}

int fm_config_load(struct fm_config **cfg, const char *file, const char *const *overrides, int noverrides,
		   struct fm_error *err)
{
	int rc = fm_config_load_draft(cfg, file, overrides, noverrides, err);
	const struct fm_cfg_place *at;

	if (rc < 0 || (*cfg)->source.path[0])
		return rc;
	rc = fm_fail(err, FM_EINPUT, "source.path is not set: name the trace there, or pass --set source.path=FILE");
	at = &(*cfg)->set[fm_key_find("source", "path") - fm_keys];
	if (at->layer == FM_CFG_FILE)
		fm_error_prefix(err, "%s:%zu: ", (*cfg)->named, at->line);
	else
		fm_error_prefix(err, "%s: ", (*cfg)->file);
	fm_config_free(*cfg);
	*cfg = NULL;
	return rc;
}

/* Keys that no layer set have their default: note that. */
static int note_defaults(struct fm_loader *l)
{
	char key[160];

	for (size_t i = 0; i < fm_nkeys; i++) {
		snprintf(key, sizeof(key), "%s.%s", fm_keys[i].section, fm_keys[i].name);
		if (fm_keys[i].type != FM_KEY_CHECKS &&
		    json_object_set_new(l->notes, key, json_pack("{s:s}", "from", "default")) != 0)
			return fm_loader_memory(l);
	}
	return FM_OK;
}

void fm_config_not_asked(struct fm_config *cfg, const char *override)
{
	char section[64], key[128];
	const struct fm_key *k;
	const char *name;

	snprintf(key, sizeof key, "%.*s", (int)strcspn(override, "="), override);
	fm_split_key(key, section, &name);
	if ((k = fm_key_find(section, name)))
		cfg->set[k - fm_keys].order = 0;
}

int fm_config_explain(struct fm_config **cfg, json_t **provenance, const char *file, const char *const *overrides,
		      int noverrides, struct fm_error *err)
{
	struct fm_loader l;
	int rc;

	*cfg = NULL;
	*provenance = NULL;
	if ((rc = loader_begin(&l, err)) < 0)
		goto out;
	if (!(l.notes = json_object())) {
		rc = fm_loader_memory(&l);
		goto out;
	}
	if ((rc = note_defaults(&l)) < 0 || (rc = load_file(&l, file, overrides, noverrides)) < 0)
		goto out;
	*provenance = json_incref(l.notes);
out:
	return loader_end(&l, rc, cfg);
}

int fm_config_preset(struct fm_config **cfg, const char *name, const char *const *overrides, int noverrides,
		     struct fm_error *err)
{
	struct fm_loader l;
	int rc;

	*cfg = NULL;
	if ((rc = loader_begin(&l, err)) < 0)
		goto out;
	if (getcwd(l.cfg->dir, sizeof(l.cfg->dir)) == NULL)
		rc = fm_fail_errno(err, "cannot tell the current folder");
	else
		rc = build(&l, NULL, name, overrides, noverrides);
out:
	return loader_end(&l, rc, cfg);
}

int fm_config_preset_text(const char *name, const char **text, size_t *n, struct fm_error *err)
{
	struct fm_embed e;
	char list[256];

	if (!fm_embed_find(&e, FM_EMBED_PRESET, name))
		return fm_fail(err, FM_EUSAGE, "unknown preset '%.64s' (presets: %s)", name,
			       fm_embed_names(FM_EMBED_PRESET, list, sizeof(list)));
	*text = e.text;
	*n = e.n;
	return FM_OK;
}

int fm_config_from_json(struct fm_config **cfg, const json_t *json, struct fm_error *err)
{
	const char *preset = json_string_value(json_object_get(json, "preset"));
	struct fm_buf text = {0};
	struct fm_yaml_doc *doc;
	struct fm_yaml *root;
	struct fm_loader l;
	int rc;

	*cfg = NULL;
	if ((rc = loader_begin(&l, err)) < 0 || (rc = fm_json_canonical(json, &text, err)) < 0)
		goto out;
	l.resolved = true;
	if ((doc = doc_new(&l, "config", true, FM_EINPUT)) == NULL) {
		rc = fm_loader_memory(&l);
		goto out;
	}
	/* JSON is YAML; the preset's values are in it already. */
	if ((rc = fm_yaml_parse(&root, doc, l.arena, text.data, text.len, err)) < 0 || (rc = apply_defaults(&l)) < 0 ||
	    (rc = apply_root(&l, root)) < 0)
		goto out;
	snprintf(l.cfg->preset, sizeof(l.cfg->preset), "%s", preset ? preset : "");
	rc = fm_loader_finish(&l);
out:
	fm_buf_free(&text);
	return loader_end(&l, rc, cfg);
}

void fm_config_lacks(struct fm_config *cfg, unsigned absent)
{
	static const char isolated[] = "leak.isolated_z_no_addr_time";
	bool equal = false;
	int at;

	cfg->absent = absent;
	for (int i = 0; i < cfg->gate.n; i++) {
		equal = equal || strcmp(cfg->gate.check[i].name, FM_METRIC_REPEATS) == 0;
		if (strcmp(cfg->gate.check[i].name, isolated) == 0)
			return;
	}
	if (!absent || !equal || cfg->gate.n == FM_CFG_MAXCHECKS)
		return;
	/* As in a config that was written out: in the order of names. */
	at = cfg->gate.n++;
	for (; at > 0 && strcmp(cfg->gate.check[at - 1].name, isolated) > 0; at--)
		cfg->gate.check[at] = cfg->gate.check[at - 1];
	cfg->gate.check[at] = (struct fm_cfg_check){.has_max = true, .max = FM_CFG_ISOLATED_Z};
	strcpy(cfg->gate.check[at].name, isolated);
}

void fm_config_leave_out(struct fm_config *cfg, struct fm_buf *names)
{
	int n = 0;

	for (int i = 0; i < cfg->gate.n; i++) {
		const struct fm_cfg_check *check = &cfg->gate.check[i];

		if (check->preset && fm_metric_lacks(check->name, ~cfg->absent, NULL))
			fm_buf_printf(names, "%s%s", names->len ? " " : "", check->name);
		else
			cfg->gate.check[n++] = *check;
	}
	cfg->gate.n = n;
}
