#include "manifests/config_value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "manifests/cidr.h"

#define WHAT_MAX 160

static int read_choice(const struct fm_key *k, const struct fm_yaml *v, const char *what, char *out,
		       struct fm_error *err)
{
	char word[64], takes[128], reason[160];
	int rc;

	if ((rc = fm_yaml_text(v, what, word, sizeof(word), err)) < 0)
		return rc;
	if (fm_key_later(k, word, reason, sizeof(reason)))
		return fm_yaml_fail(v, err, "%s: '%s' is refused: %s (it takes %s)", what, word, reason,
				    fm_key_takes(k, takes, sizeof(takes)));
	if (!fm_choice_has(k->choices, word) || strlen(word) >= k->size)
		return fm_yaml_fail(v, err, "%s takes %s, not '%s'", what, fm_key_takes(k, takes, sizeof(takes)), word);
	memset(out, 0, k->size);
	strcpy(out, word);
	return FM_OK;
}

static int read_int(const struct fm_key *k, const struct fm_yaml *v, const char *what, void *out, struct fm_error *err)
{
	int64_t i;
	int rc;

	if ((rc = fm_yaml_int(v, what, (int64_t)k->min, (int64_t)k->max, &i, err)) < 0)
		return rc;
	if (k->size == sizeof(int))
		*(int *)out = (int)i;
	else
		*(int64_t *)out = i; /* for uint64_t too: in the range both are the same */
	return FM_OK;
}

static int read_real(const struct fm_key *k, const struct fm_yaml *v, const char *what, double *out,
		     struct fm_error *err)
{
	char takes[128];
	double d;
	int rc;

	if ((rc = fm_yaml_real(v, what, &d, err)) < 0)
		return rc;
	if (d < k->min || d > k->max || (k->above_min && d == k->min) || (k->below_max && d == k->max))
		return fm_yaml_fail(v, err, "%s is %.40s, and takes a %s", what, v->text,
				    fm_key_takes(k, takes, sizeof(takes)));
	*out = d == 0 ? 0 : d; /* no minus zero */
	return FM_OK;
}

static int read_labels(struct fm_config *cfg, const struct fm_yaml *v, const char *what, struct fm_error *err)
{
	double sum = 0;
	int n = 0, rc;

	if ((rc = fm_yaml_want(v, FM_YAML_MAP, what, err)) < 0)
		return rc;
	if (v->n > FM_CFG_MAXLABELS)
		return fm_yaml_fail(v, err, "%s has %zu labels, and takes at most %d", what, v->n, FM_CFG_MAXLABELS);
	memset(cfg->generate.labels, 0, sizeof(cfg->generate.labels));
	for (const struct fm_yaml *e = v->first; e; e = e->next, n++) {
		char item[WHAT_MAX];
		struct fm_yaml key = *e;
		snprintf(item, sizeof(item), "%.80s.%.64s", what, e->key);
		key.kind = FM_YAML_SCALAR;
		key.text = e->key;
		key.plain = false;
		if ((rc = fm_yaml_text(&key, what, cfg->generate.labels[n].name, sizeof(cfg->generate.labels[n].name),
				       err)) < 0 ||
		    (rc = fm_yaml_real(e, item, &cfg->generate.labels[n].share, err)) < 0)
			return rc;
		if (e->key[0] == '\0')
			return fm_yaml_fail(e, err, "%s has a label without a name", what);
		if (cfg->generate.labels[n].share < 0 || cfg->generate.labels[n].share > 1)
			return fm_yaml_fail(e, err, "%s is %.40s, and must lie from 0 to 1", item, e->text);
		sum += cfg->generate.labels[n].share;
	}
	if (n && fabs(sum - 1) > 1e-3)
		return fm_yaml_fail(v, err, "the shares of %s sum to %.6g: they must sum to 1", what, sum);
	cfg->generate.nlabels = n;
	return FM_OK;
}

/* Names that are left out are 0. */
static int read_budget(const struct fm_yaml *v, const char *what, double share[FM_NSHARES], struct fm_error *err)
{
	double sum = 0;
	int rc, i;

	if ((rc = fm_yaml_want(v, FM_YAML_MAP, what, err)) < 0)
		return rc;
	for (i = 0; i < FM_NSHARES; i++)
		share[i] = 0;
	for (const struct fm_yaml *e = v->first; e; e = e->next) {
		char item[WHAT_MAX];

		snprintf(item, sizeof(item), "%.80s.%.64s", what, e->key);
		for (i = 0; i < FM_NSHARES && strcmp(e->key, fm_share_name[i]) != 0; i++)
			;
		if (i == FM_NSHARES) {
			const char *near = fm_suggest(e->key, fm_share_name, FM_NSHARES);

			return fm_yaml_fail(
			    e, err, "unknown key '%.40s' in %s%s%s%s", e->key, what, near ? ", did you mean '" : "",
			    near ? near : " (keys: vocabulary, pairs, training, gate)", near ? "'?" : "");
		}
		if ((rc = fm_yaml_real(e, item, &share[i], err)) < 0)
			return rc;
		if (!(share[i] >= 0 && share[i] <= 1))
			return fm_yaml_fail(e, err, "%s is %.40s, and must lie from 0 to 1", item, e->text);
		share[i] = share[i] == 0 ? 0 : share[i]; /* no minus zero */
		sum += share[i];
	}
	if (sum > 1 + 1e-9)
		return fm_yaml_fail(v, err, "the shares of %s sum to %.6g: together they are at most 1", what, sum);
	return FM_OK;
}

static int read_hours(const struct fm_yaml *v, const char *what, int hours[2], struct fm_error *err)
{
	int64_t from, to;
	int rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, what, err)) < 0)
		return rc;
	if (v->n != 2)
		return fm_yaml_fail(v, err, "%s takes two hours [from, to], not %zu", what, v->n);
	if ((rc = fm_yaml_int(v->first, what, 0, 24, &from, err)) < 0 ||
	    (rc = fm_yaml_int(v->first->next, what, 0, 24, &to, err)) < 0)
		return rc;
	if (from >= to)
		return fm_yaml_fail(v, err, "%s: from %d to %d is no time at all", what, (int)from, (int)to);
	hours[0] = (int)from;
	hours[1] = (int)to;
	return FM_OK;
}

static int read_ranges(const struct fm_yaml *v, const char *what, char (*ranges)[FM_CIDR_TEXT_MAX], int *n,
		       struct fm_error *err)
{
	struct fm_cidr c[FM_CFG_MAXRANGES];
	int i = 0, rc;

	if ((rc = fm_yaml_want(v, FM_YAML_LIST, what, err)) < 0)
		return rc;
	if (v->n == 0 || v->n > FM_CFG_MAXRANGES)
		return fm_yaml_fail(v, err, "%s takes 1 to %d ranges, not %zu", what, FM_CFG_MAXRANGES, v->n);
	memset(ranges, 0, FM_CFG_MAXRANGES * sizeof(*ranges));
	for (const struct fm_yaml *e = v->first; e; e = e->next, i++) {
		struct fm_error why;
		if ((rc = fm_yaml_text(e, what, ranges[i], sizeof(ranges[i]), err)) < 0)
			return rc;
		if (fm_cidr_parse(&c[i], ranges[i], &why) < 0)
			return fm_yaml_fail(e, err, "%s: %s", what, why.message);
		if (c[i].ipv6 && c[i].bits > 64)
			return fm_yaml_fail(e, err, "%s: %s is smaller than a network of IPv6, a /64", what, ranges[i]);
		for (int j = 0; j < i; j++)
			if (fm_cidr_overlap(&c[i], &c[j]))
				return fm_yaml_fail(e, err, "%s: %s and %s overlap", what, ranges[j], ranges[i]);
	}
	*n = i;
	return FM_OK;
}

/* A list of paths, one a line. */
static int read_paths(const struct fm_yaml *v, const char *what, char *field, size_t cap, struct fm_error *err)
{
	size_t len = 0;
	int rc;

	if (!v->first)
		return fm_yaml_fail(v, err, "%s: the list is empty", what);
	field[0] = '\0';
	for (const struct fm_yaml *e = v->first; e; e = e->next) {
		char path[FM_CFG_PATH];

		if ((rc = fm_yaml_text(e, what, path, sizeof(path), err)) < 0)
			return rc;
		if (!path[0] || strchr(path, '\n'))
			return fm_yaml_fail(e, err, "%s: a path is empty or has a line break in it", what);
		if (len + strlen(path) + 2 > cap)
			return fm_yaml_fail(e, err, "%s: the paths are longer than %zu bytes: use a pattern", what,
					    cap - 1);
		len += (size_t)sprintf(field + len, "%s%s", len ? "\n" : "", path);
	}
	return FM_OK;
}

int fm_key_read(struct fm_config *cfg, const struct fm_key *k, const struct fm_yaml *v, struct fm_error *err)
{
	void *field = fm_key_field(cfg, k);
	char what[WHAT_MAX];
	int rc = FM_OK;

	snprintf(what, sizeof(what), "%s.%s", k->section, k->name);
	switch (k->type) {
	case FM_KEY_PATH:
		if (v->kind == FM_YAML_LIST && k->size == FM_CFG_PATHS)
			return read_paths(v, what, field, k->size, err);
		/* fall through */
	case FM_KEY_TEXT:
		if ((rc = fm_yaml_text(v, what, field, k->size, err)) < 0)
			return rc;
		if (k->check && k->check(field))
			return fm_yaml_fail(v, err, "%s takes %s, not '%.80s'", what, k->check(field),
					    (const char *)field);
		break;
	case FM_KEY_CHOICE:
		rc = read_choice(k, v, what, field, err);
		break;
	case FM_KEY_BOOL:
		rc = fm_yaml_bool(v, what, field, err);
		break;
	case FM_KEY_INT:
		rc = read_int(k, v, what, field, err);
		break;
	case FM_KEY_REAL:
		rc = read_real(k, v, what, field, err);
		break;
	case FM_KEY_LABELS:
		rc = read_labels(cfg, v, what, err);
		break;
	case FM_KEY_BUDGET:
		rc = read_budget(v, what, field, err);
		break;
	case FM_KEY_HOURS:
		rc = read_hours(v, what, field, err);
		break;
	case FM_KEY_RANGES:
		rc = read_ranges(v, what, field, (int *)((char *)cfg + k->count), err);
		break;
	case FM_KEY_CHECKS: /* fm_check_read */
		break;
	}
	return rc;
}

/* ---- gate ---- */

/* Larger than the largest measured numbers, which are bytes of flows, and than any sensible factor of a floor.  A
 * threshold made of such numbers, a floor and room can still be written (domain.h). */
#define BOUND_MAX 1e24
#define FACTOR_MAX 1e6

static int read_bound(const struct fm_yaml *e, const char *item, double *out, struct fm_error *err)
{
	int rc = fm_yaml_real(e, item, out, err);

	return rc < 0 || fabs(*out) <= BOUND_MAX
		   ? rc
		   : fm_yaml_fail(e, err, "%s is %.40s, which no metric can be", item, e->text);
}

static int read_threshold_key(struct fm_cfg_check *c, const struct fm_yaml *e, const char *what, struct fm_error *err)
{
	static const char *const keys[] = {"max", "min", "relative_to_floor", "plus", "room"};
	const char *near;
	char item[WHAT_MAX];
	int rc;

	snprintf(item, sizeof(item), "%.80s.%.40s", what, e->key);
	if (strcmp(e->key, "max") == 0) {
		c->has_max = true;
		return read_bound(e, item, &c->max, err);
	}
	if (strcmp(e->key, "min") == 0) {
		c->has_min = true;
		return read_bound(e, item, &c->min, err);
	}
	if (strcmp(e->key, "relative_to_floor") == 0)
		return fm_yaml_bool(e, item, &c->relative_to_floor, err);
	if (strcmp(e->key, "plus") == 0) {
		if ((rc = read_bound(e, item, &c->plus, err)) < 0)
			return rc;
		return c->plus < 0 ? fm_yaml_fail(e, err, "%s is %.40s, and must not be below 0", item, e->text)
				   : FM_OK;
	}
	if (strcmp(e->key, "room") == 0) {
		if ((rc = fm_yaml_real(e, item, &c->room, err)) < 0)
			return rc;
		c->has_room = true;
		if (c->room > fm_key_find("gate", "room")->max)
			return fm_yaml_fail(e, err, "%s is %.40s, and must not be above %g", item, e->text,
					    fm_key_find("gate", "room")->max);
		return c->room < 0 ? fm_yaml_fail(e, err, "%s is %.40s, and must not be below 0", item, e->text)
				   : FM_OK;
	}
	near = fm_suggest(e->key, keys, 5);
	return fm_yaml_fail(e, err, "unknown key '%.40s' in %s%s%s%s", e->key, what, near ? ", did you mean '" : "",
			    near ? near : " (keys: max, min, relative_to_floor, plus, room)", near ? "'?" : "");
}

static int read_threshold(struct fm_cfg_check *c, const struct fm_yaml *v, const char *what, struct fm_error *err)
{
	int rc;

	if (v->kind == FM_YAML_LIST)
		return fm_yaml_fail(v, err, "%s takes a number, {max: .., min: ..} or null, not a list", what);
	if (v->kind == FM_YAML_SCALAR) {
		c->has_max = true;
		return read_bound(v, what, &c->max, err);
	}
	for (const struct fm_yaml *e = v->first; e; e = e->next)
		if ((rc = read_threshold_key(c, e, what, err)) < 0)
			return rc;
	for (const struct fm_yaml *e = v->first; e && c->relative_to_floor; e = e->next)
		if (fabs(strcmp(e->key, "max") == 0 ? c->max : strcmp(e->key, "min") == 0 ? c->min : 0) > FACTOR_MAX)
			return fm_yaml_fail(e, err, "%s.%s is %.40s, and more than %g times its floor no metric is",
					    what, e->key, e->text, FACTOR_MAX);
	if (!c->has_max && !c->has_min)
		return fm_yaml_fail(v, err, "%s has neither max nor min", what);
	if (c->plus > 0 && !c->relative_to_floor)
		return fm_yaml_fail(v, err, "%s: plus is for relative_to_floor; without it, give max alone", what);
	if (c->has_room && c->relative_to_floor)
		return fm_yaml_fail(v, err, "%s: room is for a threshold that is not relative to its floor", what);
	if (c->has_max && c->has_min && !c->relative_to_floor && c->min > c->max)
		return fm_yaml_fail(v, err, "%s: no value is at least %g and at most %g", what, c->min, c->max);
	return FM_OK;
}

static int find_check(const struct fm_config *cfg, const char *name)
{
	for (int i = 0; i < cfg->gate.n; i++)
		if (strcmp(cfg->gate.check[i].name, name) == 0)
			return i;
	return -1;
}

static int drop_check(struct fm_config *cfg, const char *name, const struct fm_yaml *v, struct fm_error *err)
{
	const char *names[FM_CFG_MAXCHECKS], *near;
	int i = find_check(cfg, name);

	if (i < 0) {
		for (int j = 0; j < cfg->gate.n; j++)
			names[j] = cfg->gate.check[j].name;
		near = fm_suggest(name, names, (size_t)cfg->gate.n);
		return fm_yaml_fail(v, err, "gate.%s is null, but there is no such check to drop%s%s%s", name,
				    near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
	cfg->gate.n--;
	memmove(&cfg->gate.check[i], &cfg->gate.check[i + 1], (size_t)(cfg->gate.n - i) * sizeof(cfg->gate.check[0]));
	memset(&cfg->gate.check[cfg->gate.n], 0, sizeof(cfg->gate.check[0]));
	return FM_OK;
}

int fm_check_read(struct fm_config *cfg, const char *name, const struct fm_yaml *v, struct fm_cfg_place set,
		  struct fm_error *err)
{
	struct fm_cfg_check c = {.set = set};
	size_t n = strlen(name);
	char what[WHAT_MAX];
	int i, rc;

	if (n == 0 || n >= sizeof(c.name) || name[0] == '.' || name[n - 1] == '.' ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] != '\0')
		return fm_yaml_fail(v, err, "'%.80s' in section 'gate' is no name of a metric", name);
	snprintf(what, sizeof(what), "gate.%s", name);
	if (fm_yaml_is_null(v)) {
		/* An empty value is more likely forgotten than meant, and must not switch a check off. */
		if (v->text[0] == '\0')
			return fm_yaml_fail(v, err, "%s has no threshold: give a number, or null to drop the check",
					    what);
		return drop_check(cfg, name, v, err);
	}
	if ((rc = read_threshold(&c, v, what, err)) < 0)
		return rc;
	strcpy(c.name, name);
	i = find_check(cfg, name);
	if (i < 0 && cfg->gate.n == FM_CFG_MAXCHECKS)
		return fm_yaml_fail(v, err, "more than %d checks", FM_CFG_MAXCHECKS);
	cfg->gate.check[i < 0 ? cfg->gate.n++ : i] = c;
	return FM_OK;
}
