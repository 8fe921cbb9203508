/* config_check.c - what no single key can tell: sums, orders, overlaps, names of other files, the date, paths. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/num.h"
#include "manifests/cidr.h"
#include "manifests/config_loader.h"
#include "manifests/config_value.h"
#include "manifests/dialect.h"
#include "manifests/embed.h"
#include "manifests/registry.h"

int fm_loader_memory(struct fm_loader *l)
{
	return fm_fail(l->err, FM_ESYSTEM, "out of memory: reading a config");
}

#define FIRST_DAY 1262304000u /* 2010-01-01 */

void fm_split_key(const char *key, char section[64], const char **name)
{
	const char *dot = strchr(key, '.');

	snprintf(section, 64, "%.*s", dot ? (int)(dot - key) : 0, key);
	*name = dot ? dot + 1 : key;
}

const char *const fm_config_learning[] = {"source", "split", "model", "train", "privacy", NULL};

static const struct fm_key *key_of(const char *override)
{
	char section[64], key[128];
	const char *name;

	snprintf(key, sizeof key, "%.*s", (int)strcspn(override, "="), override);
	fm_split_key(key, section, &name);
	return fm_key_find(section, name);
}

bool fm_config_is_for(const char *override, const char *kind)
{
	const struct fm_key *k = key_of(override);

	return !k || !k->kind || fm_choice_has(k->kind, kind);
}

bool fm_config_counts(const struct fm_config *cfg, const char *override)
{
	const struct fm_key *k = key_of(override);

	return !k || fm_key_counts(k, cfg);
}

bool fm_config_is_choice(const char *override)
{
	const struct fm_key *k = key_of(override);

	return k && k->type == FM_KEY_CHOICE;
}

static const struct fm_cfg_place *place_of(const struct fm_config *cfg, const char *key)
{
	static const struct fm_cfg_place nowhere;
	const struct fm_key *k;
	char section[64];
	const char *name;

	fm_split_key(key, section, &name);
	if ((k = fm_key_find(section, name)))
		return &cfg->set[k - fm_keys];
	for (int i = 0; i < cfg->gate.n && strcmp(section, "gate") == 0; i++)
		if (strcmp(cfg->gate.check[i].name, name) == 0)
			return &cfg->gate.check[i].set;
	return &nowhere;
}

bool fm_config_is_set(const struct fm_config *cfg, const char *key)
{
	enum fm_cfg_layer layer = place_of(cfg, key)->layer;

	return layer == FM_CFG_PRESET || layer == FM_CFG_FILE || layer == FM_CFG_SET;
}

int fm_config_fail_at(const struct fm_config *cfg, const char *keys, struct fm_error *err, const char *fmt, ...)
{
	struct fm_cfg_place last = {0};
	char message[FM_ERROR_TEXT], word[FM_CFG_STR], key[128] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	snprintf(word, sizeof word, "%s", keys);
	for (char *save, *w = strtok_r(word, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		const struct fm_cfg_place *p = place_of(cfg, w);

		if (p->order > last.order) {
			last = *p;
			snprintf(key, sizeof key, "%s", w);
		}
	}
	switch (last.layer) {
	case FM_CFG_PRESET:
		return fm_fail(err, FM_EINPUT, "preset %s:%zu: %s", cfg->preset, last.line, message);
	case FM_CFG_FILE:
		return fm_fail(err, FM_EINPUT, "%s:%zu: %s", cfg->named, last.line, message);
	case FM_CFG_SET:
		return fm_fail(err, FM_EUSAGE, "--set %s: %s", key, message);
	case FM_CFG_WRITTEN:
		return fm_fail(err, FM_EINPUT, "config: %s", message);
	case FM_CFG_DEFAULT:
		break;
	}
	return fm_fail(err, FM_EINPUT, "%s", message);
}

int fm_config_prefix_line(const struct fm_config *cfg, const char *key, struct fm_error *err)
{
	const struct fm_cfg_place *p = place_of(cfg, key);

	return p->layer == FM_CFG_FILE ? fm_error_prefix(err, "%s:%zu: ", cfg->named, p->line) : err->code;
}

int fm_config_fresh(struct fm_fresh *f, const struct fm_config *c, bool inside, bool ipv6, struct fm_error *err)
{
	static const char *const usual[2][2][3] = {
	    {{"100.64.0.0/10", "198.18.0.0/15", "240.0.0.0/4"}, {"2001:db8::/32"}}, {{"10.0.0.0/8"}, {"fd00::/8"}}};
	const char(*given)[FM_CIDR_TEXT_MAX] = inside ? c->generate.inside : c->generate.outside;
	int ngiven = inside ? c->generate.ninside : c->generate.noutside, rc;

	f->n = 0;
	for (int i = 0; i < ngiven; i++) {
		if ((rc = fm_cidr_parse(&f->range[f->n], given[i], err)) < 0)
			return rc;
		if (f->range[f->n].ipv6 == ipv6)
			strcpy(f->text[f->n++], given[i]);
	}
	if (f->n > 0)
		return FM_OK;
	for (int i = 0; i < 3 && usual[inside][ipv6][i]; i++) {
		strcpy(f->text[f->n], usual[inside][ipv6][i]);
		if ((rc = fm_cidr_parse(&f->range[f->n++], usual[inside][ipv6][i], err)) < 0)
			return rc;
	}
	return FM_OK;
}

static int check_ranges(struct fm_loader *l)
{
	static const char keys[] = "generate.inside generate.outside";
	struct fm_fresh in, out;
	int rc;

	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		if ((rc = fm_config_fresh(&in, l->cfg, true, ipv6, l->err)) < 0 ||
		    (rc = fm_config_fresh(&out, l->cfg, false, ipv6, l->err)) < 0)
			return rc;
		for (int i = 0; i < in.n * out.n; i++)
			if (fm_cidr_overlap(&in.range[i / out.n], &out.range[i % out.n]))
				return fm_loader_fail_at(
				    l, keys, "generate.inside %s and generate.outside %s overlap%s", in.text[i / out.n],
				    out.text[i % out.n], ipv6 ? ", of which one may be the usual one: name both" : "");
	}
	return FM_OK;
}

/* In a mode that promises nothing, no number in the config may look like a promise.  A config that was written out has
 * all keys. */
static int check_privacy(struct fm_loader *l)
{
	for (size_t i = 0; i < fm_nkeys && !l->resolved; i++) {
		const struct fm_key *k = &fm_keys[i];
		const struct fm_yaml *at = l->at[i];

		if (k->mode && at && strcmp(k->mode, l->cfg->privacy.mode) != 0)
			return fm_yaml_fail(at, l->err,
					    "%s.%s: not in privacy.mode %s%s: it is for mode %s; leave it out",
					    k->section, k->name, l->cfg->privacy.mode,
					    fm_config_dp(l->cfg) ? "" : ", which promises nothing", k->mode);
	}
	return fm_loader_check_dp(l);
}

/* Has key another value than the preset's? */
static bool is_own(const struct fm_loader *l, const struct fm_key *key)
{
	const char *own = (const char *)l->cfg + key->offset, *preset = (const char *)l->preset + key->offset;

	return key->type == FM_KEY_CHOICE ? strcmp(own, preset) != 0 : memcmp(own, preset, key->size) != 0;
}

/* Refuse a key of another kind of model, which does nothing.  A project has all of the preset's keys, so these may stay
 * as they are. */
static int check_kind(struct fm_loader *l)
{
	for (size_t i = 0; i < fm_nkeys && !l->resolved; i++) {
		const struct fm_key *k = &fm_keys[i];
		const struct fm_yaml *at = l->at[i];
		char kinds[64];

		if (!k->kind || !at || fm_choice_has(k->kind, l->cfg->model.kind) || !is_own(l, k))
			continue;
		snprintf(kinds, sizeof kinds, "%s", k->kind);
		for (char *bar = kinds; (bar = strchr(bar, '|'));)
			*bar = '/';
		return fm_yaml_fail(at, l->err, "%s.%s is not for model.kind %s: leave it out, or set model.kind to %s",
				    k->section, k->name, l->cfg->model.kind, kinds);
	}
	return FM_OK;
}

/* Likewise a key that has no effect under another choice. */
static int check_needs(struct fm_loader *l)
{
	/* For a kind without a private form the message is that one, and not that its keys do nothing. */
	if (fm_config_dp(l->cfg) && !fm_choice_has("diffusion|marginals", l->cfg->model.kind))
		return FM_OK;
	for (size_t i = 0; i < fm_nkeys && !l->resolved; i++) {
		const struct fm_key *k = &fm_keys[i], *other;
		const struct fm_yaml *at = l->at[i];
		char takes[64];

		if (!at || !is_own(l, k) || !(other = fm_key_unmet(k, l->cfg, takes)))
			continue;
		for (char *bar = takes; (bar = strchr(bar, '|'));)
			*bar = '/';
		if (other == fm_key_find("privacy", "mode"))
			return fm_yaml_fail(at, l->err, "%s.%s does nothing in privacy.mode %s: leave it out",
					    k->section, k->name, l->cfg->privacy.mode);
		return fm_yaml_fail(at, l->err, "%s.%s does nothing with %s.%s %s: leave it out, or set %s.%s to %s",
				    k->section, k->name, other->section, other->name,
				    (const char *)l->cfg + other->offset, other->section, other->name, takes);
	}
	return FM_OK;
}

/* Does fresh real traffic have such a number, which a threshold can be relative to, or moved by? */
static bool has_floor(const char *name)
{
	char fresh[FM_METRIC_FLOOR];

	return fm_metric_fresh(name, fresh);
}

/* Can fresh real flows differ from the ideal, so that room has something to multiply? */
static bool has_room(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return has_floor(name) && (fm_metric_is_rule(name) || (!(kind->is & FM_ONE_TABLE) && isfinite(kind->ideal)));
}

/* Refuse a bound that no value of the metric meets, because the gate would refuse after all the work.  Bounds that real
 * flows move are known only then. */
static int check_bounds(struct fm_loader *l, const struct fm_cfg_check *c, const char *key)
{
	double lo, hi;

	if (c->relative_to_floor || (has_room(c->name) && (c->has_room ? c->room : l->cfg->gate.room) > 0))
		return FM_OK;
	fm_metric_range(c->name, &lo, &hi);
	if (c->has_max && c->max < lo)
		return fm_loader_fail_at(l, key, "%s: no value is at most %g: this metric is never below %g", key,
					 c->max, lo);
	if (c->has_min && c->min > hi)
		return fm_loader_fail_at(l, key, "%s: no value is at least %g: this metric is never above %g", key,
					 c->min, hi);
	return FM_OK;
}

static int check_thresholds(struct fm_loader *l)
{
	int rc;

	for (int i = 0; i < l->cfg->gate.n && !l->resolved; i++) {
		const struct fm_cfg_check *c = &l->cfg->gate.check[i];
		char key[sizeof c->name + 8];

		snprintf(key, sizeof key, "gate.%s", c->name);
		if (c->relative_to_floor && !has_floor(c->name))
			return fm_loader_fail_at(
			    l, key,
			    "%s: relative_to_floor does nothing, as this metric has no floor: give "
			    "max or min alone (docs/metrics.md lists which have one)",
			    key);
		if (c->has_room && c->room > 0 && !has_room(c->name))
			return fm_loader_fail_at(l, key,
						 "%s: room does nothing, as fresh real flows have no distance from an "
						 "ideal here: leave it out",
						 key);
		if ((rc = check_bounds(l, c, key)) < 0)
			return rc;
	}
	return FM_OK;
}

/* Refuse names in gate.waivable of which there is no check, or none that the gate asks for. */
static int check_waivable(struct fm_loader *l)
{
	char names[sizeof l->cfg->gate.waivable];

	snprintf(names, sizeof names, "%s", l->cfg->gate.waivable);
	for (char *save, *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		bool asked = l->resolved;

		if (!fm_check_known(name))
			return fm_loader_fail_at(
			    l, "gate.waivable",
			    "gate.waivable: there is no check %s; flowmint evaluate --metrics lists them", name);
		for (int i = 0; i < l->cfg->gate.n && !asked; i++)
			asked = strcmp(l->cfg->gate.check[i].name, name) == 0;
		if (!asked)
			return fm_loader_fail_at(l, "gate.waivable",
						 "gate.waivable: the gate does not check %s, so nothing of it can be "
						 "waived: leave it out, or give gate.%s a threshold",
						 name, name);
	}
	return FM_OK;
}

/* Refuse keys that count passes where train.steps counts steps. */
static int check_passes(struct fm_loader *l)
{
	static const char *const passes[] = {"epochs", "chunk_epochs"};

	for (size_t i = 0; i < sizeof passes / sizeof *passes && !l->resolved && l->cfg->train.steps > 0; i++) {
		const struct fm_key *k = fm_key_find("train", passes[i]);
		const struct fm_yaml *at = l->at[k - fm_keys];

		if (at && is_own(l, k))
			return fm_yaml_fail(at, l->err,
					    "train.%s does nothing where train.steps is %d: leave it out, or set "
					    "train.steps to 0",
					    k->name, l->cfg->train.steps);
	}
	if (!l->resolved && l->cfg->train.patience > 0 && !(l->cfg->split.validation > 0))
		return fm_loader_fail_at(l, "train.patience split.validation",
					 "train.patience %d needs windows to validate on: set split.validation",
					 l->cfg->train.patience);
	return FM_OK;
}

static int check_dialect(struct fm_loader *l)
{
	const struct fm_config *c = l->cfg;
	struct fm_error why;

	if (strcmp(c->source.dialect, "auto") != 0 && fm_dialect_check_name(c->source.dialect, &why) < 0)
		return fm_loader_fail_at(l, "source.dialect", "%s", why.message);
	if (strcmp(c->publish.dialect, "source") != 0 && fm_dialect_check_name(c->publish.dialect, &why) < 0)
		return fm_loader_fail_at(l, "publish.dialect", "%s; for the dialect of the trace itself write source",
					 why.message);
	return FM_OK;
}

/* generate.order confidence needs a process and a sampler in which a step can choose the tokens that it shows. */
static int check_sampler(struct fm_loader *l)
{
	static const char keys[] = "generate.order generate.sampler model.process";
	const struct fm_config *c = l->cfg;

	if (strcmp(c->generate.order, "confidence") != 0)
		return FM_OK;
	if (strcmp(c->model.process, "absorbing") != 0)
		return fm_loader_fail_at(
		    l, keys, "generate.order confidence needs model.process absorbing, not %s: set it to random",
		    c->model.process);
	if (strcmp(c->generate.sampler, "ancestral") == 0)
		return fm_loader_fail_at(
		    l, keys,
		    "generate.order confidence needs few steps: generate.sampler ancestral shows tokens at "
		    "random times; set generate.order to random");
	return FM_OK;
}

static int check_sums(struct fm_loader *l)
{
	const struct fm_config *c = l->cfg;

	if (c->split.validation + c->split.holdout > 0.95)
		return fm_loader_fail_at(
		    l, "split.validation split.holdout",
		    "split.validation %g and split.holdout %g leave too little to train on: together at most 0.95",
		    c->split.validation, c->split.holdout);
	if (c->limits.threads == 1)
		return fm_loader_fail_at(
		    l, "limits.threads",
		    "limits.threads is 1, and a stage starts a second thread: give 2 or more, or 0");
	if (c->limits.threads > 0 && c->limits.threads <= c->train.threads)
		return fm_loader_fail_at(l, "limits.threads train.threads",
					 "limits.threads %d is too few for train.threads %d: a stage starts one more",
					 c->limits.threads, c->train.threads);
	if (strcmp(c->generate.sampler, "ancestral") != 0 && c->generate.steps > c->model.steps)
		return fm_loader_fail_at(l, "model.steps generate.steps generate.sampler",
					 "generate.steps %d is more than model.steps %d", c->generate.steps,
					 c->model.steps);
	return FM_OK;
}

int fm_source_date(char day[16], struct fm_error *err)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t s;
	struct tm tm;
	time_t t;

	day[0] = '\0';
	if (!epoch || !epoch[0])
		return FM_OK;
	/* 253402300799: the last second of the year 9999 */
	if (fm_parse_u64(epoch, strlen(epoch), 253402300799u, &s) != 0)
		return fm_fail(err, FM_EINPUT, "SOURCE_DATE_EPOCH is '%.40s': it must be a count of seconds since 1970",
			       epoch);
	t = (time_t)s;
	if (s >= FIRST_DAY && (gmtime_r(&t, &tm) == NULL || strftime(day, 16, "%Y-%m-%d", &tm) == 0))
		return fm_fail(err, FM_EINPUT, "SOURCE_DATE_EPOCH is '%.40s': no date", epoch);
	return FM_OK;
}

/* A version that is the day of the run cannot go with a fixed date, nor with approvals, which may come days later. */
static int check_daily(struct fm_loader *l)
{
	if (l->cfg->release.date[0])
		return fm_loader_fail_at(
		    l, "release.date release.version",
		    "release.version date is the day of the run, and release.date names one: leave "
		    "release.date empty (\"\"), or name the version");
	if (l->cfg->publish.approvals)
		return fm_loader_fail_at(
		    l, "publish.approvals release.version",
		    "release.version date is the day of the run, and who approves may do so on another: "
		    "name the version where publish.approvals is set");
	return FM_OK;
}

/* An empty date becomes that of SOURCE_DATE_EPOCH where that is set.  The clock is asked only where the version is the
 * day.  A config that was written out has its date already. */
static int set_date(struct fm_loader *l)
{
	char *date = l->cfg->release.date, *version = l->cfg->release.version, day[16];
	bool daily = strcmp(version, "date") == 0, clock = false;
	time_t now = time(NULL);
	struct tm tm;
	int rc;

	if (l->resolved || (date[0] && !daily))
		return FM_OK;
	if ((daily && (rc = check_daily(l)) < 0) || (rc = fm_source_date(day, l->err)) < 0)
		return rc;
	if (daily && !day[0]) {
		clock = true;
		if (!gmtime_r(&now, &tm) || strftime(day, sizeof day, "%Y-%m-%d", &tm) != 10)
			return fm_fail(l->err, FM_ESYSTEM, "cannot tell the date");
	}
	if (!day[0])
		return FM_OK;
	snprintf(date, sizeof l->cfg->release.date, "%s", day);
	if (daily)
		snprintf(version, sizeof l->cfg->release.version, "%.4s.%.2s.%.2s", day, day + 5, day + 8);
	if (l->notes)
		json_object_set_new(
		    l->notes, "release.date",
		    json_pack("{s:s, s:s}", "from", "environment", "name", clock ? "the clock" : "SOURCE_DATE_EPOCH"));
	return FM_OK;
}

static int make_absolute(struct fm_loader *l, const char *key, char *path, size_t cap)
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
		return fm_loader_memory(l);
	n = strlen(joined);
	if (n < cap)
		memcpy(path, joined, n + 1);
	free(joined);
	if (n >= cap)
		return fm_loader_fail_at(l, key, "%s: with its folder the path is longer than %zu bytes", key, cap - 1);
	return FM_OK;
}

/* Each path of source.path; "-" is standard input. */
static int make_all_absolute(struct fm_loader *l, const char *key, char *paths, size_t cap)
{
	char *all = strdup(paths), *rest = all, *one;
	size_t len = 0;
	int rc = FM_OK;

	if (!all)
		return fm_loader_memory(l);
	while ((one = strsep(&rest, "\n"))) {
		char path[FM_CFG_PATH];

		if (strlen(one) >= sizeof(path)) {
			rc = fm_loader_fail_at(l, key, "%s: a path is longer than %zu bytes", key, sizeof(path) - 1);
			goto out;
		}
		strcpy(path, one);
		if (strcmp(path, "-") != 0 && (rc = make_absolute(l, key, path, sizeof(path))) < 0)
			goto out;
		if (strchr(path, '\n')) {
			rc = fm_loader_fail_at(l, key,
					       "%s: the folder of the config has a line break in its path: rename it, "
					       "or name the trace by a path without one",
					       key);
			goto out;
		}
		if (len + strlen(path) + 2 > cap) {
			rc = fm_loader_fail_at(l, key, "%s: with their folder the paths are longer than %zu bytes", key,
					       cap - 1);
			goto out;
		}
		len += (size_t)sprintf(paths + len, "%s%s", len ? "\n" : "", path);
	}
out:
	free(all);
	return rc;
}

static int set_paths(struct fm_loader *l)
{
	struct fm_config *c = l->cfg;
	char key[64];
	int rc;

	for (size_t i = 0; i < fm_nkeys; i++) {
		if (fm_keys[i].type != FM_KEY_PATH)
			continue;
		snprintf(key, sizeof(key), "%s.%s", fm_keys[i].section, fm_keys[i].name);
		rc = fm_keys[i].size == FM_CFG_PATHS
			 ? make_all_absolute(l, key, c->source.path, sizeof(c->source.path))
			 : make_absolute(l, key, fm_key_field(c, &fm_keys[i]), fm_keys[i].size);
		if (rc < 0)
			return rc;
	}
	/* check_dialect has made sure that any other name is built in. */
	struct fm_embed e;
	if (strcmp(c->source.dialect, "auto") != 0 && !fm_embed_find(&e, FM_EMBED_DIALECT, c->source.dialect) &&
	    (rc = make_absolute(l, "source.dialect", c->source.dialect, sizeof(c->source.dialect))) < 0)
		return rc;
	if (strcmp(c->publish.dialect, "source") != 0 && !fm_embed_find(&e, FM_EMBED_DIALECT, c->publish.dialect))
		return make_absolute(l, "publish.dialect", c->publish.dialect, sizeof(c->publish.dialect));
	return FM_OK;
}

static int check_order(const void *a, const void *b)
{
	return strcmp(((const struct fm_cfg_check *)a)->name, ((const struct fm_cfg_check *)b)->name);
}

/* A project has all of the preset's checks, and its file may repeat them; a check in --set is one's own. */
static bool is_preset_check(const struct fm_loader *l, const struct fm_cfg_check *c)
{
	for (int i = 0; l->preset && c->set.layer < FM_CFG_SET && i < l->preset->gate.n; i++) {
		const struct fm_cfg_check *p = &l->preset->gate.check[i];

		if (strcmp(p->name, c->name) == 0)
			return p->has_max == c->has_max && p->has_min == c->has_min && p->max == c->max &&
			       p->min == c->min && p->relative_to_floor == c->relative_to_floor && p->plus == c->plus &&
			       p->has_room == c->has_room && p->room == c->room;
	}
	return false;
}

static int label_order(const void *a, const void *b)
{
	return strcmp(a, b); /* both begin with their name */
}

int fm_loader_finish(struct fm_loader *l)
{
	struct fm_config *c = l->cfg;
	int rc;

	/* In order of name, so that neither the order of lines nor a trip through JSON changes anything. */
	qsort(c->gate.check, (size_t)c->gate.n, sizeof(c->gate.check[0]), check_order);
	for (int i = 0; i < c->gate.n; i++)
		c->gate.check[i].preset = is_preset_check(l, &c->gate.check[i]);
	qsort(c->generate.labels, (size_t)c->generate.nlabels, sizeof(c->generate.labels[0]), label_order);
	if ((rc = check_sums(l)) < 0 || (rc = check_sampler(l)) < 0 || (rc = check_privacy(l)) < 0 ||
	    (rc = check_kind(l)) < 0 || (rc = check_needs(l)) < 0 || (rc = check_passes(l)) < 0 ||
	    (rc = check_thresholds(l)) < 0 || (rc = check_waivable(l)) < 0 || (rc = check_ranges(l)) < 0 ||
	    (rc = check_dialect(l)) < 0 || (rc = set_date(l)) < 0)
		return rc;
	return set_paths(l);
}
