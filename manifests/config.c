/* config.c - a config from its layers: the schema's defaults, the preset, the file, the command line; each overrides the
 * one before.  Then what no single key can tell: sums, orders, overlaps, paths. */
#include "manifests/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/num.h"
#include "manifests/canon.h"
#include "manifests/cidr.h"
#include "manifests/config_schema.h"
#include "manifests/config_value.h"
#include "manifests/embed.h"
#include "manifests/yaml.h"

#define DEFAULT_PRESET "ugr16"
#define MAXCANDIDATES 64

/* Who set a key last: for messages about several keys. */
struct origin {
	const struct fm_yaml *at; /* NULL: the schema's default */
	int order;
};
struct loader {
	struct fm_config *cfg;
	struct fm_arena *arena;
	struct origin *origin; /* fm_nkeys of them */
	int order;
	bool resolved;         /* the text is a config that was written out: it has "file" and "dir" */
	struct fm_error *err;
};

static const struct fm_yaml_doc schema_doc = {.name = "built-in default", .inline_text = true, .code = FM_EINPUT};

static int out_of_memory(struct loader *l)
{
	return fm_fail(l->err, FM_ESYSTEM, "out of memory: reading a config");
}

static int loader_begin(struct loader *l, struct fm_error *err)
{
	int rc;

	*l = (struct loader){.err = err};
	if ((rc = fm_alloc(&l->cfg, 1, sizeof(*l->cfg), "a config", err)) != FM_OK ||
	    (rc = fm_arena_new(&l->arena, 64 << 10, err)) != FM_OK)
		return rc;
	l->origin = fm_arena_alloc(l->arena, fm_nkeys, sizeof(*l->origin));
	return l->origin ? FM_OK : out_of_memory(l);
}

/* Hand the config out, or drop it. */
static int loader_end(struct loader *l, int rc, struct fm_config **cfg)
{
	fm_arena_free(l->arena);
	if (rc != FM_OK) {
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

/* ---- unknown names ---- */

static int unknown_section(struct loader *l, const char *name, const struct fm_yaml *v)
{
	const char *candidates[MAXCANDIDATES] = {"preset"}, *near;
	size_t n = 1;

	for (size_t i = 0; i < fm_nsections; i++)
		candidates[n++] = fm_sections[i];
	near = fm_suggest(name, candidates, n);
	if (near)
		return fm_yaml_fail(v, l->err, "unknown key '%.64s', did you mean '%s'?", name, near);
	for (size_t i = 0; i < fm_nkeys; i++)
		if (strcmp(fm_keys[i].name, name) == 0)
			return fm_yaml_fail(v, l->err, "unknown key '%.64s': did you mean '%s' in section '%s'?", name, name,
					    fm_keys[i].section);
	return fm_yaml_fail(v, l->err, "unknown key '%.64s': the sections are release, source, split, model, train, privacy, "
			    "generate, gate and publish", name);
}

static int unknown_key(struct loader *l, const char *section, const char *name, const struct fm_yaml *v)
{
	const char *candidates[MAXCANDIDATES], *near;
	char list[512] = "";
	size_t n = 0, len = 0;

	for (size_t i = 0; i < fm_nkeys && n < MAXCANDIDATES - fm_nsections; i++)
		if (strcmp(fm_keys[i].section, section) == 0) {
			candidates[n++] = fm_keys[i].name;
			len += (size_t)snprintf(list + len, len < sizeof(list) ? sizeof(list) - len : 0, "%s%s", n > 1 ? ", " : "",
						fm_keys[i].name);
		}
	/* A section that is indented too far lands here too. */
	for (size_t i = 0; i < fm_nsections; i++)
		candidates[n++] = fm_sections[i];
	near = fm_suggest(name, candidates, n);
	if (near)
		return fm_yaml_fail(v, l->err, "unknown key '%.64s' in section '%s', did you mean '%s'?", name, section, near);
	return fm_yaml_fail(v, l->err, "unknown key '%.64s' in section '%s', which has %s", name, section, list);
}

/* ---- layers ---- */

static int apply_key(struct loader *l, const char *section, const char *name, const struct fm_yaml *v)
{
	const struct fm_key *k;
	int rc;

	if (strcmp(section, "gate") == 0)
		return fm_check_read(l->cfg, name, v, l->err);
	if ((k = fm_key_find(section, name)) == NULL)
		return unknown_key(l, section, name, v);
	if ((rc = fm_key_read(l->cfg, k, v, l->err)) == FM_OK)
		l->origin[k - fm_keys] = (struct origin){v, ++l->order};
	return rc;
}

static int apply_section(struct loader *l, const struct fm_yaml *section)
{
	char what[96];
	int rc = FM_OK;

	if (!fm_section_known(section->key))
		return unknown_section(l, section->key, section);
	if (fm_yaml_is_null(section)) /* all its lines are comments */
		return FM_OK;
	snprintf(what, sizeof(what), "section '%s'", section->key);
	if ((rc = fm_yaml_want(section, FM_YAML_MAP, what, l->err)) != FM_OK)
		return rc;
	for (const struct fm_yaml *v = section->first; v && rc == FM_OK; v = v->next)
		rc = apply_key(l, section->key, v->key, v);
	return rc;
}

static int apply_root(struct loader *l, const struct fm_yaml *root)
{
	int rc;

	if (fm_yaml_is_null(root))
		return FM_OK;
	if ((rc = fm_yaml_want(root, FM_YAML_MAP, "a config", l->err)) != FM_OK)
		return rc;
	for (const struct fm_yaml *v = root->first; v && rc == FM_OK; v = v->next) {
		if (strcmp(v->key, "preset") == 0)
			continue; /* the layer below, which is there already */
		if (l->resolved && strcmp(v->key, "file") == 0)
			rc = fm_yaml_text(v, "file", l->cfg->file, sizeof(l->cfg->file), l->err);
		else if (l->resolved && strcmp(v->key, "dir") == 0)
			rc = fm_yaml_text(v, "dir", l->cfg->dir, sizeof(l->cfg->dir), l->err);
		else
			rc = apply_section(l, v);
	}
	return rc;
}

static int apply_defaults(struct loader *l)
{
	struct fm_yaml *v;
	int rc = FM_OK;

	for (size_t i = 0; i < fm_nkeys && rc == FM_OK; i++)
		if (fm_keys[i].type != FM_KEY_CHECKS &&
		    (rc = fm_yaml_parse(&v, &schema_doc, l->arena, fm_keys[i].dflt, strlen(fm_keys[i].dflt), l->err)) == FM_OK)
			rc = fm_key_read(l->cfg, &fm_keys[i], v, l->err);
	return rc;
}

/* A document in the arena: its name is cut and copied. */
static struct fm_yaml_doc *doc_new(struct loader *l, const char *name, bool inline_text, int code)
{
	struct fm_yaml_doc *doc = fm_arena_alloc(l->arena, 1, sizeof(*doc));

	if (doc) {
		*doc = (struct fm_yaml_doc){.inline_text = inline_text, .code = code};
		doc->name = fm_arena_strdup(l->arena, name);
	}
	return doc && doc->name ? doc : NULL;
}

/* asked: where the name comes from, or NULL for a caller's own. */
static int apply_preset(struct loader *l, const char *name, const struct fm_yaml *asked)
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
	snprintf(title, sizeof(title), "preset %s", e.name);
	if ((doc = doc_new(l, title, false, FM_EINPUT)) == NULL)
		return out_of_memory(l);
	if ((rc = fm_yaml_parse(&root, doc, l->arena, e.text, e.n, l->err)) != FM_OK || (rc = apply_root(l, root)) != FM_OK)
		return rc;
	snprintf(l->cfg->preset, sizeof(l->cfg->preset), "%s", e.name);
	return FM_OK;
}

/* ---- --set ---- */

struct override {
	const char *key;            /* "train.steps" */
	struct fm_yaml *value;
};

/* Keys that hold text take what stands after = as it is, so that a path may have any character; quotes are YAML's. */
static bool takes_raw(const char *section, const char *name, const char *value)
{
	const struct fm_key *k = fm_key_find(section, name);

	if (value[0] == '"' || value[0] == '\'')
		return false;
	return section[0] == '\0' || (k && (k->type == FM_KEY_TEXT || k->type == FM_KEY_PATH || k->type == FM_KEY_CHOICE));
}

/* "train.steps" into "train" and "steps"; "preset" into "" and "preset". */
static void split_key(const char *key, char section[64], const char **name)
{
	const char *dot = strchr(key, '.');

	snprintf(section, 64, "%.*s", dot ? (int)(dot - key) : 0, key);
	*name = dot ? dot + 1 : key;
}

static int override_parse(struct loader *l, const char *text, struct override *o)
{
	const char *eq = strchr(text, '='), *name;
	char title[128], section[64];
	struct fm_yaml_doc *doc;
	char *key;
	int rc;

	if (eq == NULL || eq == text)
		return fm_fail(l->err, FM_EUSAGE, "--set %.80s: what is wanted is section.key=value, such as train.steps=500", text);
	snprintf(title, sizeof(title), "--set %.*s", (int)(eq - text > 100 ? 100 : eq - text), text);
	if ((key = fm_arena_strdup(l->arena, text)) == NULL || (doc = doc_new(l, title, true, FM_EUSAGE)) == NULL)
		return out_of_memory(l);
	key[eq - text] = '\0';
	o->key = key;
	split_key(key, section, &name);
	if (takes_raw(section, name, eq + 1)) {
		if ((o->value = fm_arena_alloc(l->arena, 1, sizeof(*o->value))) == NULL)
			return out_of_memory(l);
		*o->value = (struct fm_yaml){.kind = FM_YAML_SCALAR, .doc = doc, .line = 1, .text = key + (eq - text) + 1};
	} else if ((rc = fm_yaml_parse(&o->value, doc, l->arena, eq + 1, strlen(eq + 1), l->err)) != FM_OK) {
		return rc;
	}
	if (section[0] == '\0' && strcmp(key, "preset") != 0) {
		if (fm_section_known(key))
			return fm_yaml_fail(o->value, l->err, "'%s' is a section: name a key of it, %s.KEY=value", key, key);
		return unknown_section(l, key, o->value);
	}
	if (section[0] && !fm_section_known(section))
		return unknown_section(l, section, o->value);
	return FM_OK;
}

static int apply_override(struct loader *l, const struct override *o)
{
	char section[64];
	const char *name;

	split_key(o->key, section, &name);
	return section[0] ? apply_key(l, section, name, o->value) : FM_OK;
}

/* ---- what no single key can tell ---- */

/* Fail at the place that set one of the keys last. */
static int FM_PRINTF(4, 5) fail_at(struct loader *l, const char *const *keys, size_t n, const char *fmt, ...)
{
	const struct origin *last = NULL;
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < n; i++) {
		char section[64];
		const char *name;
		split_key(keys[i], section, &name);
		const struct origin *o = &l->origin[fm_key_find(section, name) - fm_keys];
		if (o->at && (last == NULL || o->order > last->order))
			last = o;
	}
	return last ? fm_yaml_fail(last->at, l->err, "%s", message) : fm_fail(l->err, FM_EINPUT, "%s", message);
}
#define FAIL_AT(l, keys, ...) fail_at((l), (keys), sizeof(keys) / sizeof((keys)[0]), __VA_ARGS__)

static int check_ranges(struct loader *l)
{
	static const char *const keys[] = {"generate.inside", "generate.outside"};
	const struct fm_config *c = l->cfg;

	for (int i = 0; i < c->generate.ninside; i++)
		for (int o = 0; o < c->generate.noutside; o++) {
			struct fm_cidr a, b;
			if (fm_cidr_parse(&a, c->generate.inside[i], l->err) != FM_OK ||
			    fm_cidr_parse(&b, c->generate.outside[o], l->err) != FM_OK)
				return l->err ? l->err->code : FM_EINPUT;
			if (fm_cidr_overlap(&a, &b))
				return FAIL_AT(l, keys, "generate.inside %s and generate.outside %s overlap", c->generate.inside[i],
					       c->generate.outside[o]);
		}
	return FM_OK;
}

/* While nothing is promised nobody shall read a promise from the numbers. */
static int check_privacy(struct loader *l)
{
	static const char *const keys[] = {"privacy.epsilon", "privacy.delta", "privacy.noise_multiplier",
					   "privacy.max_flows_per_host"};
	const struct fm_config *c = l->cfg;
	bool set[] = {c->privacy.epsilon > 0, c->privacy.delta > 0, c->privacy.noise_multiplier > 0,
		      c->privacy.max_flows_per_host > 0};

	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		if (set[i])
			return fail_at(l, &keys[i], 1, "%s is set while privacy.mode is none, which promises nothing: this version cannot "
				       "give a differential privacy guarantee; leave it out", keys[i]);
	return FM_OK;
}

static int check_dialect(struct loader *l)
{
	static const char *const keys[] = {"source.dialect"};
	const char *name = l->cfg->source.dialect, *names[16], *near;
	size_t n = 0, len = strlen(name);
	char list[256];
	struct fm_embed e;

	if (strchr(name, '/') || (len > 5 && strcmp(name + len - 5, ".yaml") == 0) || fm_embed_find(&e, FM_EMBED_DIALECT, name))
		return FM_OK;
	while (n < 16 && fm_embed_at(&e, FM_EMBED_DIALECT, n))
		names[n++] = e.name;
	near = fm_suggest(name, names, n);
	return FAIL_AT(l, keys, "unknown dialect '%.64s'%s%s%s (built in: %s; a file of your own has a '/' or ends in .yaml)", name,
		       near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "",
		       fm_embed_names(FM_EMBED_DIALECT, list, sizeof(list)));
}

static int check_sums(struct loader *l)
{
	static const char *const shares[] = {"split.validation", "split.holdout"}, *const heads[] = {"model.width", "model.heads"},
				 *const steps[] = {"model.steps", "generate.steps", "generate.sampler"};
	const struct fm_config *c = l->cfg;

	if (c->split.validation + c->split.holdout > 0.95)
		return FAIL_AT(l, shares, "split.validation %g and split.holdout %g leave too little to train on: together at most 0.95",
			       c->split.validation, c->split.holdout);
	if (c->model.width % c->model.heads != 0)
		return FAIL_AT(l, heads, "model.width %d is no multiple of model.heads %d", c->model.width, c->model.heads);
	if (strcmp(c->generate.sampler, "fewstep") == 0 && c->generate.steps > c->model.steps)
		return FAIL_AT(l, steps, "generate.steps %d is more than model.steps %d", c->generate.steps, c->model.steps);
	return FM_OK;
}

/* An empty date is that of SOURCE_DATE_EPOCH (reproducible-builds.org), else a fixed one: never the clock's. */
static int set_date(struct loader *l)
{
	char *date = l->cfg->release.date;
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t s = 315532800; /* 1980-01-01 */
	struct tm tm;
	time_t t;

	if (date[0])
		return FM_OK;
	/* 253402300799: the last second of the year 9999 */
	if (epoch && epoch[0] && fm_parse_u64(epoch, strlen(epoch), 253402300799u, &s) != 0)
		return fm_fail(l->err, FM_EINPUT, "SOURCE_DATE_EPOCH is '%.40s': it must be a count of seconds since 1970", epoch);
	t = (time_t)s;
	if (gmtime_r(&t, &tm) == NULL || strftime(date, sizeof(l->cfg->release.date), "%Y-%m-%d", &tm) == 0)
		return fm_fail(l->err, FM_EINPUT, "SOURCE_DATE_EPOCH is '%.40s': no date", epoch ? epoch : "");
	return FM_OK;
}

static int make_absolute(struct loader *l, const char *key, char *path, size_t cap)
{
	const char *dir = l->cfg->dir, *rel = path;
	char *joined;
	size_t n;

	if (path[0] == '\0' || path[0] == '/' || dir[0] == '\0') /* no folder: from a public JSON */
		return FM_OK;
	while (rel[0] == '.' && rel[1] == '/')
		for (rel += 2; rel[0] == '/';)
			rel++;
	if ((joined = fm_path_join(dir, rel)) == NULL)
		return out_of_memory(l);
	n = strlen(joined);
	if (n < cap)
		memcpy(path, joined, n + 1);
	free(joined);
	if (n >= cap)
		return fail_at(l, &key, 1, "%s: with its folder the path is longer than %zu bytes", key, cap - 1);
	return FM_OK;
}

static int set_paths(struct loader *l)
{
	struct fm_config *c = l->cfg;
	char key[64];
	int rc = FM_OK;

	for (size_t i = 0; i < fm_nkeys && rc == FM_OK; i++)
		if (fm_keys[i].type == FM_KEY_PATH) {
			snprintf(key, sizeof(key), "%s.%s", fm_keys[i].section, fm_keys[i].name);
			rc = make_absolute(l, key, fm_key_field(c, &fm_keys[i]), fm_keys[i].size);
		}
	/* check_dialect has seen to it that any other name is built in. */
	struct fm_embed e;
	if (rc == FM_OK && !fm_embed_find(&e, FM_EMBED_DIALECT, c->source.dialect))
		rc = make_absolute(l, "source.dialect", c->source.dialect, sizeof(c->source.dialect));
	return rc;
}

static int check_order(const void *a, const void *b)
{
	return strcmp(((const struct fm_cfg_check *)a)->name, ((const struct fm_cfg_check *)b)->name);
}

static int label_order(const void *a, const void *b)
{
	return strcmp(a, b); /* both begin with their name */
}

static int finish(struct loader *l)
{
	struct fm_config *c = l->cfg;
	int rc;

	/* In order of name, so that neither the order of lines nor a trip through JSON changes anything. */
	qsort(c->gate.check, (size_t)c->gate.n, sizeof(c->gate.check[0]), check_order);
	qsort(c->generate.labels, (size_t)c->generate.nlabels, sizeof(c->generate.labels[0]), label_order);
	if ((rc = check_sums(l)) != FM_OK || (rc = check_privacy(l)) != FM_OK || (rc = check_ranges(l)) != FM_OK ||
	    (rc = check_dialect(l)) != FM_OK || (rc = set_date(l)) != FM_OK)
		return rc;
	return set_paths(l);
}

/* ---- the ways in ---- */

/* Defaults, preset, file, overrides.  root may be NULL (no file); preset may be NULL (that of the file, or ugr16). */
static int build(struct loader *l, const struct fm_yaml *root, const char *preset, const char *const *overrides, int n)
{
	const struct fm_yaml *asked = root && root->kind == FM_YAML_MAP ? fm_yaml_child(root, "preset") : NULL;
	struct override *o = fm_arena_alloc(l->arena, (size_t)n + 1, sizeof(*o));
	char name[64] = DEFAULT_PRESET;
	int rc = FM_OK;

	if (o == NULL)
		return out_of_memory(l);
	if (preset)
		snprintf(name, sizeof(name), "%s", preset);
	for (int i = 0; i < n && rc == FM_OK; i++)
		if ((rc = override_parse(l, overrides[i], &o[i])) == FM_OK && strcmp(o[i].key, "preset") == 0)
			asked = o[i].value;
	if (rc == FM_OK && asked)
		rc = fm_yaml_text(asked, "preset", name, sizeof(name), l->err);
	if (rc != FM_OK || (rc = apply_defaults(l)) != FM_OK || (rc = apply_preset(l, name, asked)) != FM_OK)
		return rc;
	if (root && (rc = apply_root(l, root)) != FM_OK)
		return rc;
	for (int i = 0; i < n && rc == FM_OK; i++)
		rc = apply_override(l, &o[i]);
	return rc == FM_OK ? finish(l) : rc;
}

static int set_file(struct loader *l, const char *file)
{
	char *real = realpath(file, NULL), *slash;
	int rc = FM_OK;

	if (real == NULL)
		return fm_fail_errno(l->err, "cannot read %s", file);
	if (strlen(real) >= sizeof(l->cfg->file)) {
		rc = fm_fail(l->err, FM_EINPUT, "%s: its full path is longer than %zu bytes", file, sizeof(l->cfg->file) - 1);
	} else {
		strcpy(l->cfg->file, real);
		slash = strrchr(real, '/');
		slash[slash == real] = '\0';
		strcpy(l->cfg->dir, real);
	}
	free(real);
	return rc;
}

int fm_config_load(struct fm_config **cfg, const char *file, const char *const *overrides, int noverrides, struct fm_error *err)
{
	struct fm_buf text = {0};
	struct fm_yaml_doc *doc;
	struct fm_yaml *root;
	struct loader l;
	int rc;

	*cfg = NULL;
	if ((rc = loader_begin(&l, err)) != FM_OK || (rc = set_file(&l, file)) != FM_OK ||
	    (rc = fm_file_read(file, FM_YAML_MAXBYTES, &text, err)) != FM_OK)
		goto out;
	if ((doc = doc_new(&l, file, false, FM_EINPUT)) == NULL) {
		rc = out_of_memory(&l);
		goto out;
	}
	if ((rc = fm_yaml_parse(&root, doc, l.arena, text.data, text.len, err)) != FM_OK ||
	    (rc = build(&l, root, NULL, overrides, noverrides)) != FM_OK)
		goto out;
	if (l.cfg->source.path[0] == '\0')
		rc = fm_fail(err, FM_EINPUT, "%s: source.path is not set: name the trace there, or pass --set source.path=FILE", file);
out:
	fm_buf_free(&text);
	return loader_end(&l, rc, cfg);
}

int fm_config_preset(struct fm_config **cfg, const char *name, const char *const *overrides, int noverrides, struct fm_error *err)
{
	struct loader l;
	int rc;

	*cfg = NULL;
	if ((rc = loader_begin(&l, err)) == FM_OK) {
		if (getcwd(l.cfg->dir, sizeof(l.cfg->dir)) == NULL)
			rc = fm_fail_errno(err, "cannot tell the current folder");
		else
			rc = build(&l, NULL, name, overrides, noverrides);
	}
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
	struct loader l;
	int rc;

	*cfg = NULL;
	if ((rc = loader_begin(&l, err)) != FM_OK || (rc = fm_json_canonical(json, &text, err)) != FM_OK)
		goto out;
	l.resolved = true;
	if ((doc = doc_new(&l, "config", true, FM_EINPUT)) == NULL) {
		rc = out_of_memory(&l);
		goto out;
	}
	/* JSON is YAML; the preset is in it already, as values. */
	if ((rc = fm_yaml_parse(&root, doc, l.arena, text.data, text.len, err)) != FM_OK || (rc = apply_defaults(&l)) != FM_OK ||
	    (rc = apply_root(&l, root)) != FM_OK)
		goto out;
	snprintf(l.cfg->preset, sizeof(l.cfg->preset), "%s", preset ? preset : "");
	rc = finish(&l);
out:
	fm_buf_free(&text);
	return loader_end(&l, rc, cfg);
}
