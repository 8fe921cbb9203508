/* registry_find.c - from a name to its row of the registry, and from a row to its names and words. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "manifests/registry.h"
#include "manifests/registry_parts.h"
#include "manifests/yaml.h"

/* The longest name has fewer than MAXNAME bytes; a pattern has at most MAXBRACES pairs of braces. */
enum { MAXNAME = 64, MAXBRACES = 6 };

/* How a name fits its pattern: which alternative of each pair of braces, and the label. */
struct fit {
	int chosen[MAXBRACES];
	const char *label;
};

/* The bytes of the alternative at p, up to a comma or the brace. */
static size_t alternative(const char *p)
{
	return strcspn(p, ",}");
}

static bool fits(const char *pattern, const char *name, struct fit *f, int brace)
{
	for (; *pattern && *pattern != '{' && *pattern != '*'; pattern++, name++)
		if (*pattern != *name)
			return false;
	if (*pattern == '\0')
		return *name == '\0';
	if (*pattern == '*') {
		f->label = name;
		return *name != '\0';
	}
	const char *rest = strchr(pattern, '}') + 1;
	int k = 0;
	for (const char *p = pattern; *p++ != '}'; p += alternative(p), k++) {
		size_t n = alternative(p);
		f->chosen[brace] = k;
		if (strncmp(p, name, n) == 0 && fits(rest, name + n, f, brace + 1))
			return true;
	}
	return false;
}

bool fm_metric_fits(const char *pattern, const char *name)
{
	struct fit f = {.label = ""};

	return fits(pattern, name, &f, 0);
}

static const struct fm_metric_kind *find(const char *name, struct fit *f)
{
	for (size_t i = 0; i < fm_metric_nkinds; i++) {
		*f = (struct fit){.label = ""};
		if (fits(fm_metric_kinds[i].pattern, name, f, 0))
			return &fm_metric_kinds[i];
	}
	return NULL;
}

const char *fm_metric_of_floor(const char *name)
{
	return strncmp(name, FM_FLOOR, strlen(FM_FLOOR)) == 0 ? name + strlen(FM_FLOOR) : NULL;
}

void fm_metric_floor(const char *name, char floor[FM_METRIC_FLOOR])
{
	snprintf(floor, FM_METRIC_FLOOR, FM_FLOOR "%s", name);
}

/* The noise floor of a metric is a metric too. */
static bool take_floor(const char **name)
{
	const char *of = fm_metric_of_floor(*name);

	*name = of ? of : *name;
	return of;
}

bool fm_metric_fresh(const char *name, char fresh[FM_METRIC_FLOOR])
{
	if (strncmp(name, "tstr.", 5) == 0)
		snprintf(fresh, FM_METRIC_FLOOR, "trtr.%s", name + 5);
	else
		fm_metric_floor(name, fresh);
	if (!fm_metric_kind(fresh))
		*fresh = '\0';
	return *fresh;
}

const struct fm_metric_kind *fm_metric_kind(const char *name)
{
	bool floor = take_floor(&name);
	struct fit f;
	const struct fm_metric_kind *kind = find(name, &f);

	return kind && (!floor || kind->floor != FM_NO_FLOOR) ? kind : NULL;
}

const struct fm_metric_topic *fm_metric_topic(const char *name)
{
	struct fit f;
	const struct fm_metric_kind *kind = find(name, &f);

	return kind ? &fm_metric_topics[kind->topic] : NULL;
}

int fm_metric_order(const char *a, const char *b)
{
	const struct fm_metric_kind *x = fm_metric_kind(a), *y = fm_metric_kind(b);
	const char *m = a, *n = b;
	bool p = take_floor(&m), q = take_floor(&n);

	if (p != q)
		return p ? 1 : -1;
	return x == y ? strcmp(a, b) : !y || (x && x < y) ? -1 : 1;
}

unsigned fm_metric_audience(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return !kind ? FM_TEAM_ALONE : take_floor(&name) ? (unsigned)kind->floor : kind->shown;
}

double fm_metric_published(const char *name, double v)
{
	unsigned who = fm_metric_audience(name);
	double parts = who & FM_ONE_LABEL ? 100 : who & FM_THOUSANDTHS ? 1000 : who & FM_ONE_FIELD ? 10000 : 0;
	char text[32];

	if (!isfinite(v))
		return v;
	if (parts > 0)
		return fabs(v) < 1e12 ? nearbyint(v * parts) / parts + 0.0 : v; /* no -0 */
	if (!take_floor(&name))
		return v;
	snprintf(text, sizeof text, "%.1e", v); /* and read back in the same locale */
	return strtod(text, NULL);
}

int64_t fm_metric_published_rows(const char *name, int64_t n, int64_t synthetic, int64_t k, int64_t window)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);
	unsigned who = fm_metric_audience(name);
	bool others = kind && kind->is & FM_OF_OTHERS, made = !(who & FM_REAL_ROWS) && synthetic > 0;
	int64_t unit;

	if (n <= 0 || k < 1)
		return 0;
	if (who & FM_ONE_LABEL)
		return fm_published_count(n, k);
	unit = others || (made && n / k == synthetic / k) ? k : k * (window > 1 ? window : 1);
	return n / unit * unit;
}

int64_t fm_published_count(int64_t n, int64_t k)
{
	int64_t unit = k;

	if (n <= 0 || k < 1)
		return 0;
	while (n / unit >= 100)
		unit *= 10;
	return n / unit * unit;
}

bool fm_metric_needs_labels(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	/* The divergence of labels is listed among those of the other fields. */
	return kind && (kind->needs & FM_NEEDS_LABELS || strcmp(name, "jsd.TY") == 0);
}

bool fm_metric_counts_rows(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return kind && fm_metric_topics[kind->topic].group == FM_GROUP_ROWS;
}

bool fm_metric_is_rule(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return kind && fm_metric_topics[kind->topic].group == FM_GROUP_RULES;
}

bool fm_metric_is_profile(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return kind && fm_metric_topics[kind->topic].group == FM_GROUP_PROFILES;
}

bool fm_metric_is_anomaly(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return kind && fm_metric_topics[kind->topic].group == FM_GROUP_ANOMALY;
}

bool fm_metric_may_be_unasked(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	/* A check that names a label presumes that there is one. */
	return (fm_metric_needs_labels(name) && !(kind->shown & FM_ONE_LABEL)) ||
	       (kind && kind->span > 0 && kind->floor != FM_NO_FLOOR);
}

bool fm_metric_needs_run(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return kind && kind->needs & (FM_NEEDS_MODEL | FM_NEEDS_SHARE);
}

bool fm_metric_by_identity(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return kind && kind->is & FM_IDENTITY;
}

bool fm_check_known(const char *name)
{
	const struct fm_metric_kind *kind = fm_metric_kind(name);

	return kind && !(kind->is & FM_BY_GATE);
}

bool fm_check_may_move(const char *name, double room)
{
	return room > 0 || strcmp(name, FM_METRIC_REPEATS) == 0;
}

/* ---- labels ---- */

void fm_metric_label(const char *value, char name[FM_METRIC_LABEL])
{
	size_t n = 0;

	if (!*value)
		value = "none";
	for (; value[n] && n + 1 < FM_METRIC_LABEL; n++) {
		char c = value[n];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';

		name[n] = (char)(plain ? c : '_');
	}
	name[n] = '\0';
}

const char *fm_metric_label_in(const char *name)
{
	return fm_metric_audience(name) & FM_ONE_LABEL ? strrchr(name, '.') + 1 : NULL;
}

bool fm_metric_label_is(const char *in_name, const char *label, long alike)
{
	size_t n = strlen(label);
	long number;
	char *end;

	if (strncmp(in_name, label, n) != 0)
		return false;
	if (!in_name[n])
		return true;
	if (alike < 2 || in_name[n] != '-' || in_name[n + 1] < '1' || in_name[n + 1] > '9')
		return false;
	number = strtol(in_name + n + 1, &end, 10);
	return !*end && number >= 2 && number <= alike;
}

/* ---- words ---- */

/* A text of a row for one of its names. */
static void render(const char *text, const struct fit *f, char *out, size_t cap)
{
	size_t n = 0;

	while (*text && n + 1 < cap) {
		if (*text != '{') {
			out[n++] = *text++;
			continue;
		}
		const char *end = strchr(text, '}'), *from = text + 3;
		size_t len = strlen(f->label);
		if (text[1] == '*') {
			from = f->label;
		} else {
			for (int k = f->chosen[text[1] - '1']; k > 0; k--)
				from += strcspn(from, "|}") + 1;
			len = strcspn(from, "|}");
		}
		for (size_t i = 0; i < len && n + 1 < cap; i++)
			out[n++] = from[i];
		text = end + 1;
	}
	out[n] = '\0';
}

void fm_metric_words(const char *name, char *out, size_t cap)
{
	struct fit f;
	const struct fm_metric_kind *kind = find(name, &f);

	render(kind ? kind->words : "", &f, out, cap);
}

void fm_metric_columns(const char *name, char *out, size_t cap)
{
	struct fit f;
	const struct fm_metric_kind *kind;

	take_floor(&name);
	kind = find(name, &f);
	render(kind ? kind->columns : "", &f, out, cap);
}

bool fm_metric_lacks(const char *name, unsigned has, char column[64])
{
	char words[256], *next, *other;
	size_t n = 0;

	fm_metric_columns(name, words, sizeof words);
	for (char *w = strtok_r(words, " ", &next); w; w = strtok_r(NULL, " ", &next)) {
		bool there = false;

		n = 0;
		for (char *c = strtok_r(w, "|", &other); c; c = strtok_r(NULL, "|", &other)) {
			there = there || fm_col_find(c) < 0 || has >> fm_col_find(c) & 1u;
			if (column && n < 64)
				n += (size_t)snprintf(column + n, 64 - n, "%s%s", n ? " or " : "", c);
		}
		if (!there)
			return true;
	}
	return false;
}

/* ---- all names ---- */

struct expansion {
	char name[MAXNAME];
	void (*visit)(void *ctx, const char *name, const struct fm_metric_kind *kind);
	void *ctx;
	const struct fm_metric_kind *kind;
};

/* All names that a pattern gives after name[0..n). */
static void expand(struct expansion *e, size_t n, const char *pattern)
{
	while (*pattern && *pattern != '{' && n + 1 < MAXNAME)
		e->name[n++] = *pattern++;
	if (*pattern != '{') {
		e->name[n] = '\0';
		e->visit(e->ctx, e->name, e->kind);
		return;
	}
	const char *rest = strchr(pattern, '}') + 1;
	for (const char *p = pattern; *p++ != '}'; p += alternative(p)) {
		size_t len = alternative(p);
		if (n + len + 1 < MAXNAME) {
			memcpy(e->name + n, p, len);
			expand(e, n + len, rest);
		}
	}
}

void fm_metric_each(void (*visit)(void *ctx, const char *name, const struct fm_metric_kind *kind), void *ctx)
{
	struct expansion e = {.visit = visit, .ctx = ctx};

	for (size_t i = 0; i < fm_metric_nkinds; i++) {
		e.kind = &fm_metric_kinds[i];
		expand(&e, 0, e.kind->pattern);
	}
}

struct search {
	const char *word;
	bool floor;
	char best[MAXNAME];
};

static void compare(void *ctx, const char *name, const struct fm_metric_kind *kind)
{
	struct search *s = ctx;
	char text[MAXNAME];

	if ((s->floor && kind->floor == FM_NO_FLOOR) || kind->is & FM_BY_GATE)
		return;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(name, "*"), name); /* labels are not known here */
	const char *two[] = {s->best, text};
	if (fm_suggest(s->word, two, 2) == text)
		memcpy(s->best, text, sizeof(s->best));
}

const char *fm_check_suggest(const char *name, char *out, size_t cap)
{
	bool floor = take_floor(&name);
	struct search s = {.word = name, .floor = floor};

	fm_metric_each(compare, &s);
	if (s.best[0] == '\0')
		return NULL;
	snprintf(out, cap, "%s%s", s.floor ? FM_FLOOR : "", s.best);
	return out;
}

/* ---- the list ---- */

static const char *audience(unsigned shown)
{
	return (shown & FM_AUDIENCE) == FM_WITH_METRICS ? "yes" : shown & FM_WITH_HISTOGRAMS ? "histograms" : "no";
}

static void put_rounding(struct fm_buf *out, unsigned shown)
{
	fm_buf_puts(out, shown & FM_REAL_ROWS     ? ", to k windows"
			 : shown & FM_THOUSANDTHS ? ", to 0.001"
			 : shown & FM_ONE_FIELD   ? ", to 0.0001"
			 : shown & FM_ONE_LABEL   ? ", to 0.01 from k rows on"
						  : "");
}

static void put_good(struct fm_buf *out, const struct fm_metric_kind *kind)
{
	static const char *const words[] = {[FM_FACT] = "", [FM_LOW] = "low", [FM_HIGH] = "high", [FM_PAIR] = "equal"};

	fm_buf_puts(out, words[kind->good]);
	if ((kind->good == FM_LOW || kind->good == FM_HIGH) && isfinite(kind->ideal))
		fm_buf_printf(out, ": %g", kind->ideal);
}

/* The columns of a row's names: "sa/da (byt)" where they differ, and some need one more; "sa or da". */
static void put_columns(struct fm_buf *out, const char *p)
{
	while (*p) {
		if (*p == '|') {
			fm_buf_puts(out, " or ");
			p++;
			continue;
		}
		if (*p != '{') {
			fm_buf_printf(out, "%c", *p++);
			continue;
		}
		bool all = true, first = true;
		for (const char *q = p + 2; *q++ != '}'; q += strcspn(q, "|}"))
			all = all && strcspn(q, "|}") > 0;
		fm_buf_puts(out, all ? "" : " (");
		for (p += 2; *p++ != '}'; p += strcspn(p, "|}")) {
			int len = (int)strcspn(p, "|}"), space = *p == ' ';
			if (len > 0)
				fm_buf_printf(out, "%s%.*s", first ? "" : "/", len - space, p + space);
			first = first && len == 0;
		}
		fm_buf_puts(out, all ? "" : ")");
	}
}

static void put_needs(struct fm_buf *out, const struct fm_metric_kind *kind)
{
	static const struct {
		unsigned bit;
		const char *words;
	} needs[] = {{FM_NEEDS_HOLDOUT, "holdout"},
		     {FM_NEEDS_MODEL, "model"},
		     {FM_NEEDS_LABELS, "labels"},
		     {FM_NEEDS_PREVIOUS, "a release before"},
		     {FM_NEEDS_SUBSAMPLE, "too little memory"},
		     {FM_NEEDS_SHARE, "`privacy.budget.gate`"}};
	const char *comma = "";

	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (kind->needs & needs[i].bit) {
			fm_buf_printf(out, "%s%s", comma, needs[i].words);
			comma = ", ";
		}
	if (*kind->columns && !(kind->needs & FM_NEEDS_LABELS)) {
		fm_buf_puts(out, comma);
		put_columns(out, kind->columns);
	}
}

/* A bar would end a cell of the table; names have none. */
void fm_metric_list(struct fm_buf *out)
{
	fm_buf_puts(out, "| name | what it is | good | floor | needs | partners see |\n|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < fm_metric_nkinds; i++) {
		const struct fm_metric_kind *k = &fm_metric_kinds[i];

		fm_buf_printf(out, "| `%s` | %s | ", k->pattern, k->what);
		put_good(out, k);
		fm_buf_printf(out, " | %s | ", k->floor == FM_NO_FLOOR ? "" : "yes");
		put_needs(out, k);
		fm_buf_printf(out, " | %s", audience(k->shown));
		put_rounding(out, k->shown);
		if (k->floor != FM_NO_FLOOR && (unsigned)k->floor != k->shown)
			fm_buf_printf(out, "; floor: %s", audience((unsigned)k->floor));
		fm_buf_puts(out, " |\n");
	}
}
