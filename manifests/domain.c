#include "manifests/domain.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum is {
	COUNT,  /* a whole number, from lo to hi */
	REAL,   /* a number, from lo to hi */
	ABOVE,  /* the same, and not lo itself */
	MAYBE,  /* the same as REAL, or null */
	WORD,   /* one of words */
	TEXT,   /* of one byte to hi */
	DIGEST, /* 64 lower-case hex digits */
	FLAG,
	ANY, /* looked at elsewhere, with all that is in it */
};

/* A path has "[]" for each element of a list, and "*" for each member of an object whose members have no fixed name. */
struct domain {
	const char *path;
	enum is is;
	bool must; /* its parent must have it */
	double lo, hi;
	const char *words;
};

#define MOST FM_DOMAIN_MOST
#define ROWS 9007199254740991.0 /* 2^53 - 1: what JSON numbers hold everywhere */

/* clang-format off */
static const struct domain domains[] = {
	{"format", ANY, false, 0, 0, NULL},
	{"name", ANY, false, 0, 0, NULL},
	{"version", ANY, false, 0, 0, NULL},
	{"release.name", ANY, false, 0, 0, NULL},
	{"release.version", ANY, false, 0, 0, NULL},
	{"release.description", ANY, false, 0, 0, NULL},
	{"release.license", ANY, false, 0, 0, NULL},
	{"release.date", ANY, false, 0, 0, NULL},
	{"schema", ANY, false, 0, 0, NULL}, /* that of datapackage.json */
	{"config", ANY, false, 0, 0, NULL}, /* config_public.h */
	{"waivers", ANY, false, 0, 0, NULL}, /* verdict.h */
	{"unasked", ANY, false, 0, 0, NULL},
	{"rows", COUNT, true, 1, ROWS, NULL},
	{"verdict", WORD, true, 0, 0, "pass fail"},
	{"files[].bytes", COUNT, true, 0, ROWS, NULL},
	{"files[].sha256", DIGEST, true, 0, 0, NULL},
	{"files[].path", TEXT, true, 0, 255, NULL},

	{"metrics[].name", TEXT, true, 0, 63, NULL},
	{"metrics[].value", MAYBE, true, -MOST, MOST, NULL},
	{"metrics[].n", COUNT, false, 0, ROWS, NULL},
	{"metrics[].ci[]", REAL, false, -MOST, MOST, NULL},

	{"checks[].name", TEXT, true, 0, 63, NULL},
	{"checks[].direction", WORD, true, 0, 0, "max min"},
	{"checks[].value", MAYBE, true, -MOST, MOST, NULL},
	{"checks[].threshold", MAYBE, true, -MOST, MOST, NULL},
	{"checks[].margin", MAYBE, true, -2 * MOST, 2 * MOST, NULL},
	{"checks[].n", COUNT, true, 0, ROWS, NULL},
	{"checks[].ci[]", REAL, false, -MOST, MOST, NULL},
	{"checks[].pass", FLAG, true, 0, 0, NULL},
	{"checks[].waived", FLAG, false, 0, 0, NULL},
	{"checks[].why", ANY, false, 0, 0, NULL},
	{"control_rows", COUNT, false, 0, ROWS, NULL},
	{"control_limit", REAL, false, 0, 1, NULL},
	{"smallest_leak_caught", MAYBE, false, 0, 1, NULL},
	{"controls[].name", TEXT, true, 0, 31, NULL},
	{"controls[].kind", WORD, true, 0, 0, "negative positive"},
	{"controls[].level", REAL, true, 0, 1e6, NULL},
	{"controls[].expected", WORD, true, 0, 0, "fail pass any"},
	{"controls[].got", WORD, false, 0, 0, "fail pass"},
	{"controls[].ok", FLAG, false, 0, 0, NULL},
	{"controls[].failed_checks[]", TEXT, false, 0, 63, NULL},

	{"stages[].name", WORD, true, 0, 0, "ingest train generate evaluate gate"},
	{"stages[].output", DIGEST, false, 0, 0, NULL},
	{"commitments.method", WORD, true, 0, 0, "HMAC-SHA-256"},
	{"commitments.of.*", DIGEST, false, 0, 0, NULL},
	{"environment.flowmint", TEXT, true, 0, 32, NULL},
	{"environment.evaluate_blas_kernel", ANY, false, 0, 0, NULL},
	{"environment.confinement", WORD, true, 0, 0, "namespaces unconfined"},
	{"environment.escapes.*.tried", COUNT, true, 1, 4096, NULL},
	{"environment.escapes.*.through[]", TEXT, false, 0, 127, NULL},

	{"histograms.format", WORD, true, 0, 0, "flowmint-public-histograms/1"},
	{"histograms.k", COUNT, false, 1, ROWS, NULL},
	{"histograms.fields[].name", TEXT, true, 0, 31, NULL},
	{"histograms.fields[].kind", WORD, true, 0, 0, "bins values ranks powers hosts"},
	{"histograms.fields[].scale", WORD, false, 0, 0, "linear log1p"},
	{"histograms.fields[].unit", TEXT, false, 0, 31, NULL},
	{"histograms.fields[].lo", REAL, false, -1e18, 1e18, NULL},
	{"histograms.fields[].hi", REAL, false, -1e18, 1e18, NULL},
	{"histograms.fields[].values", ANY, false, 0, 0, NULL},
	{"histograms.fields[].synthetic[]", COUNT, false, 0, ROWS, NULL},
	{"histograms.fields[].real[]", COUNT, false, 0, ROWS, NULL},
	{"left_out.share", REAL, true, 0, 1, NULL},
	{"left_out.reasons[].reason", TEXT, true, 0, 255, NULL},
	{"left_out.reasons[].share", REAL, true, 0, 1, NULL},
	{"filled.share", REAL, true, 0, 1, NULL},

	{"privacy.mode", WORD, true, 0, 0, "none clip dp"},
	{"privacy.statement", ANY, false, 0, 0, NULL},
	{"privacy.unit", WORD, false, 0, 0, "exchange flow window"},
	{"privacy.adjacency", WORD, false, 0, 0, "add_or_remove replace_one"},
	{"privacy.accountant", WORD, false, 0, 0, "pld rdp"},
	{"privacy.covers", TEXT, false, 0, 255, NULL},
	{"privacy.does_not_cover[]", TEXT, false, 0, 255, NULL},
	{"privacy.epsilon", REAL, false, 0, 1e6, NULL},
	{"privacy.delta", REAL, false, 0, 1, NULL},
	{"privacy.records", COUNT, false, 0, ROWS, NULL},
	{"privacy.guarantee[].of", WORD, true, 0, 0, "exchange flow window conversation host"},
	{"privacy.guarantee[].exchanges", COUNT, true, 1, 1e6, NULL},
	{"privacy.guarantee[].minutes", COUNT, false, 1, 1e6, NULL},
	{"privacy.guarantee[].epsilon", MAYBE, true, 0, 1e12, NULL},
	{"privacy.guarantee[].delta", REAL, true, 0, 1, NULL},
	{"privacy.mechanisms[].name", TEXT, true, 0, 63, NULL},
	{"privacy.mechanisms[].kind", WORD, true, 0, 0, "gaussian discrete_gaussian"},
	{"privacy.mechanisms[].sensitivity", REAL, true, 0, 1e15, NULL},
	{"privacy.mechanisms[].scale", ABOVE, true, 0, 1e15, NULL},
	{"privacy.mechanisms[].rate", ABOVE, true, 0, 1, NULL},
	{"privacy.mechanisms[].times", COUNT, true, 1, ROWS, NULL},
	{"privacy.mechanisms[].share", REAL, true, 0, 1, NULL},
	{"privacy.mechanisms[].delta", REAL, false, 0, 1, NULL},
	{"privacy.mechanisms[].most", COUNT, false, 0, ROWS, NULL},
	{"privacy.mechanisms[].threshold", COUNT, false, 0, ROWS, NULL},
	{"privacy.audit.of", ANY, false, 0, 0, NULL},
	{"privacy.audit.runs", COUNT, true, 1, 1e6, NULL},
	{"privacy.audit.epsilon_lower", REAL, true, 0, 1e6, NULL},
	{"privacy.audit.confidence", REAL, true, 0, 1, NULL},
	{"privacy.audit.delta", REAL, true, 0, 1, NULL},
	{"privacy.audit.canaries", COUNT, true, 1, ROWS, NULL},
	{"privacy.audit.most", REAL, true, 0, MOST, NULL},
};
/* clang-format on */
#define NDOMAINS (sizeof domains / sizeof *domains)
/* The table has no deeper paths and no longer names. */
#define PATH 96
#define SHOWN 160

/* A place in a document: as the table names it, and as people see it.  closed: a member that the table does not have is
 * what is looked for. */
struct place {
	char path[PATH], shown[SHOWN];
	bool closed;
};

static bool within(double v, const struct domain *d)
{
	return v >= d->lo && v <= d->hi && (d->is != ABOVE || v > d->lo);
}

static bool has_word(const char *words, const char *s)
{
	size_t n = strlen(s);

	for (const char *p = words; n && (p = strstr(p, s)); p += n)
		if ((p == words || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return true;
	return false;
}

static bool is_text(const json_t *v, double most)
{
	const char *s = json_string_value(v);

	return s && *s && strlen(s) == json_string_length(v) && (double)json_string_length(v) <= most &&
	       !fm_text_has_control(s);
}

static bool is_inside(const json_t *v, const struct domain *d)
{
	const char *s = json_string_value(v);

	switch (d->is) {
	case COUNT:
		return json_is_integer(v) && within((double)json_integer_value(v), d);
	case MAYBE:
		if (json_is_null(v))
			return true;
		return json_is_number(v) && within(json_number_value(v), d);
	case REAL:
	case ABOVE:
		return json_is_number(v) && within(json_number_value(v), d);
	case WORD:
		return is_text(v, 63) && has_word(d->words, s);
	case TEXT:
		return is_text(v, d->hi);
	case DIGEST:
		return is_text(v, 64) && strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
	case FLAG:
		return json_is_boolean(v);
	case ANY:
		return true;
	}
	return false;
}

static void what_it_takes(const struct domain *d, char out[160])
{
	switch (d->is) {
	case COUNT:
		snprintf(out, 160, "a whole number from %.17g to %.17g", d->lo, d->hi);
		break;
	case REAL:
	case ABOVE:
	case MAYBE:
		snprintf(out, 160, "a number %s %g to %g%s", d->is == ABOVE ? "above" : "from", d->lo, d->hi,
			 d->is == MAYBE ? ", or null" : "");
		break;
	case WORD:
		snprintf(out, 160, "one of: %s", d->words);
		break;
	case TEXT:
		snprintf(out, 160, "a text of at most %g bytes without control characters", d->hi);
		break;
	case DIGEST:
		snprintf(out, 160, "64 lower-case hex digits");
		break;
	case FLAG:
		snprintf(out, 160, "true or false");
		break;
	case ANY:
		snprintf(out, 160, "anything");
		break;
	}
}

static const char *fault(const struct domain *d, const char *shown, char *out)
{
	char takes[160];

	what_it_takes(d, takes);
	snprintf(out, FM_DOMAIN_WORDS, "%s is not %s", shown, takes);
	return out;
}

/* How the table goes on below a path: 0: not at all; '.' or '[': the first byte below it; 1: a row ends with the
 * path. */
static int goes_on(const char *path, const struct domain **own)
{
	size_t n = strlen(path);
	int on = 0;

	*own = NULL;
	for (size_t i = 0; i < NDOMAINS; i++) {
		const char *p = domains[i].path;

		if (n == 0)
			return '.';
		if (strncmp(p, path, n) != 0)
			continue;
		if (!p[n])
			*own = &domains[i];
		else if (p[n] == '.' || p[n] == '[')
			on = (unsigned char)p[n];
	}
	return *own ? 1 : on;
}

/* A member that an object of this path must have, and lacks. */
static const struct domain *lacking(const json_t *o, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < NDOMAINS; i++) {
		const char *p = domains[i].path;

		if (!domains[i].must || strncmp(p, path, n) != 0 || (n && p[n] != '.'))
			continue;
		p += n ? n + 1 : 0;
		if (!strpbrk(p, ".[*") && !json_object_get(o, p))
			return &domains[i];
	}
	return NULL;
}

static bool go_down(const struct place *from, const char *in_path, const char *in_shown, struct place *to)
{
	int a = snprintf(to->path, PATH, "%s%s", from->path, in_path),
	    b = snprintf(to->shown, SHOWN, "%s%s", from->shown, in_shown);

	return a > 0 && a < PATH && b > 0 && b < SHOWN;
}

static const char *look(const json_t *v, const struct place *at, char *out);

static const char *look_at_members(const json_t *o, const struct place *at, char *out)
{
	const struct domain *lacks = lacking(o, at->path), *any;
	const char *key, *dot = *at->path ? "." : "", *words;
	char free_name[PATH + 4], one[PATH];
	bool named;
	json_t *v;

	if (lacks) {
		snprintf(out, FM_DOMAIN_WORDS, "it lacks %s%s%s", at->shown, *at->shown ? "." : "",
			 strrchr(lacks->path, '.') ? strrchr(lacks->path, '.') + 1 : lacks->path);
		return out;
	}
	snprintf(free_name, sizeof free_name, "%s%s*", at->path, dot);
	named = !goes_on(free_name, &any);
	json_object_foreach((json_t *)(uintptr_t)o, key, v)
	{
		struct place below = {.closed = at->closed};

		snprintf(one, sizeof one, "%s%s", dot, key);
		/* Longer names are in no row of the table. */
		if (strlen(key) > 63 || !go_down(at, named ? one : *dot ? ".*" : "*", one, &below)) {
			if (!at->closed)
				continue;
			snprintf(out, FM_DOMAIN_WORDS, "%s%s%.63s", at->shown, dot, key);
			return out;
		}
		if ((words = look(v, &below, out)))
			return words;
	}
	return NULL;
}

static const char *look(const json_t *v, const struct place *at, char *out)
{
	const struct domain *own;
	const char *words;
	int on = goes_on(at->path, &own);

	if (on == 1)
		return is_inside(v, own) ? NULL : fault(own, at->shown, out);
	if (on == '.' && json_is_object(v))
		return look_at_members(v, at, out);
	if (on == '[' && json_is_array(v)) {
		for (size_t i = 0; i < json_array_size(v); i++) {
			struct place below = {.closed = at->closed};
			char one[32];

			snprintf(one, sizeof one, "[%zu]", i);
			if (go_down(at, "[]", one, &below) && (words = look(json_array_get(v, i), &below, out)))
				return words;
		}
		return NULL;
	}
	if (!on && !at->closed)
		return NULL;
	if (!on) {
		snprintf(out, FM_DOMAIN_WORDS, "%s", at->shown);
		return out;
	}
	snprintf(out, FM_DOMAIN_WORDS, "%s is not of its kind: %s", at->shown, on == '[' ? "a list" : "an object");
	return out;
}

const char *fm_domain_fault(const json_t *doc, const char *at, char *out)
{
	struct place top = {.closed = false};

	snprintf(top.path, sizeof top.path, "%s", at);
	snprintf(top.shown, sizeof top.shown, "%s", at);
	return look(doc, &top, out);
}

const char *fm_domain_unknown(const json_t *manifest, char *out)
{
	struct place top = {.closed = true};

	return look(manifest, &top, out);
}

bool fm_domain_interval(const json_t *ci, const json_t *value)
{
	double lo = json_number_value(json_array_get(ci, 0)), hi = json_number_value(json_array_get(ci, 1)),
	       v = json_number_value(value);

	return json_array_size(ci) == 2 && json_is_number(json_array_get(ci, 0)) &&
	       json_is_number(json_array_get(ci, 1)) && lo <= hi && (!json_is_number(value) || (lo <= v && v <= hi));
}
