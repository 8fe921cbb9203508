#include "traces/sniff.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "manifests/dialect.h"
#include "manifests/embed.h"
#include "traces/binary.h"
#include "traces/capture.h"
#include "traces/row.h"
#include "traces/source.h"
#include "traces/trace.h"
#include "traces/utf16.h"

#define EARLIEST_MS INT64_C(631152000000) /* 1990 */
#define LATEST_MS INT64_C(4102444800000)  /* 2100 */

struct look {
	const struct fm_dialect *d;
	struct fm_sniff_candidate *c;
	uint64_t odd;     /* times that no trace has */
	uint64_t nowhere; /* rows without an address */
	uint64_t empty;   /* rows without packets and bytes */
	bool label[FM_DIALECT_MAXCOLS];
	bool labelled; /* a row has one */
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static uint64_t mix_text(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = mix(h, (unsigned char)*s);
	return mix(h, 0x100);
}

static bool is_unspecified(const struct fm_table *t, uint32_t code)
{
	struct fm_address a = fm_table_address(t, code);
	uint32_t ip;

	return fm_address_ipv4(&a, &ip) ? !ip : !memcmp(&a, &(struct fm_address){{0}}, sizeof a);
}

/* A time that no trace has tells a wrong unit. */
static bool has_odd_time(const struct fm_table *t, size_t i)
{
	return FM_HAS(t, FM_TE) && (t->te[i] < EARLIEST_MS || t->te[i] > LATEST_MS);
}

static int on_chunk(void *ctx, struct fm_table *t, struct fm_error *err)
{
	struct look *l = ctx;

	(void)err;
	for (size_t i = 0; i < t->rows; i++) {
		l->nowhere +=
		    FM_HAS(t, FM_SA) && FM_HAS(t, FM_DA) && is_unspecified(t, t->sa[i]) && is_unspecified(t, t->da[i]);
		l->odd += has_odd_time(t, i);
		l->empty += FM_HAS(t, FM_PKT) && FM_HAS(t, FM_BYT) && !t->pkt[i] && !t->byt[i];
		for (int c = 0; c < FM_NFLOWCOL; c++)
			if (FM_HAS(t, c))
				l->c->digest = fm_cols[c].kind == FM_KIND_CATEGORY
						   ? mix_text(l->c->digest, fm_table_category(t, (enum fm_col)c, i))
						   : mix(l->c->digest, fm_table_key(t, c, i));
		l->labelled =
		    l->labelled || (FM_HAS(t, FM_LABEL) && strcmp(fm_table_category(t, FM_LABEL, i), "0") != 0);
		for (int k = 0; k < l->d->nlabels && FM_HAS(t, FM_LABEL); k++)
			l->label[k] = l->label[k] || strcmp(fm_table_category(t, FM_LABEL, i), l->d->labels[k].to) == 0;
	}
	return FM_OK;
}

/* Read the first rows in dialect d; *fits: the trace may be in it. */
static int try_dialect(const struct fm_dialect *d, const char *path, const char *member, struct fm_sniff_candidate *c,
		       bool *fits, struct fm_error *err)
{
	struct look l = {.d = d, .c = c};
	struct fm_trace_stats st = {0};
	struct fm_trace_opts o = {.path = path,
				  .member = member,
				  .dialect = d,
				  .rows = FM_SNIFF_ROWS,
				  .chunk = on_chunk,
				  .ctx = &l,
				  .quiet = true,
				  .limit_bad = !d->header || d->header_optional,
				  .max_bad_share = 0.5};
	int rc = fm_trace_read(&o, &st, err);

	*fits = false;
	if (rc < 0)
		return rc;
	snprintf(c->name, sizeof c->name, "%s", d->name);
	c->rows = st.rows;
	c->bad = st.bad;
	for (int k = 0; k < d->ncols; k++)
		c->columns += fm_row_needs(d, k);
	for (int k = 0; k < d->nlabels; k++)
		c->mapped += l.label[k];
	/* A key that no line of JSON has is a missing value. */
	if (l.nowhere == st.rows || (d->json && l.empty == st.rows && st.missing_values >= st.rows) ||
	    (d->json && d->present >> FM_LABEL & 1u && !l.labelled))
		return FM_OK;
	/* A header says what a file is, and so does a capture's beginning; without one the values must. */
	*fits =
	    fm_capture_of(d) || (d->header && !d->header_optional) || (l.odd * 2 < st.rows && st.bad * 20 <= st.rows);
	return FM_OK;
}

struct first_bad {
	uint64_t line, odd;
	char reason[256];
};

static void on_bad(void *ctx, const struct fm_trace_bad *bad)
{
	struct first_bad *first = ctx;

	if (*first->reason)
		return;
	first->line = bad->line;
	snprintf(first->reason, sizeof first->reason, "%s", bad->reason);
}

static int count_odd(void *ctx, struct fm_table *t, struct fm_error *err)
{
	struct first_bad *first = ctx;

	(void)err;
	for (size_t i = 0; i < t->rows; i++)
		first->odd += has_odd_time(t, i);
	return FM_OK;
}

static bool is_utf8(const char *s, size_t n)
{
	size_t i = 0, len;

	while (i < n && (len = fm_utf8_next(s + i, n - i, NULL)))
		i += len;
	return i == n;
}

int fm_sniff_try(const char *path, const char *member, const char *yaml, size_t n, struct fm_sniff_tried *t,
		 struct fm_error *err)
{
	struct first_bad first = {0};
	struct fm_trace_stats st = {0};
	struct fm_dialect *d = NULL;
	struct fm_error why = {0};
	struct fm_trace_opts o = {.path = path,
				  .member = member,
				  .rows = FM_SNIFF_ROWS,
				  .chunk = count_odd,
				  .bad = on_bad,
				  .ctx = &first,
				  .quiet = true};
	int rc = fm_dialect_parse(&d, "mine", yaml, n, &why);

	*t = (struct fm_sniff_tried){.tried = true};
	if (rc == FM_EINPUT && !memmem(yaml, n, "- {name", 7))
		fm_fail(&why, rc,
			"no column is known by its name or its values: write each as - {name: NAME, column: "
			"WHAT} (docs/traces.md)");
	if (rc == FM_EINPUT && !is_utf8(yaml, n))
		fm_fail(&why, rc,
			"names of its columns are not UTF-8, which a dialect is: write the file anew, as with iconv -f "
			"WINDOWS-1252 -t UTF-8, from what it is in");
	if (rc >= 0) {
		o.dialect = d;
		rc = fm_trace_read(&o, &st, &why);
	}
	fm_dialect_free(d);
	if (rc < 0 && rc != FM_EINPUT)
		return fm_fail(err, rc, "%s", why.message);
	t->rows = rc < 0 && !st.bad ? 0 : st.rows;
	t->bad = st.bad;
	t->sure = t->rows && first.odd * 2 <= t->rows;
	if (rc < 0 && !st.bad)
		snprintf(t->why, sizeof t->why, "%.511s",
			 strncmp(why.message, "mine:", 5) == 0 && strstr(why.message, ": ")
			     ? strstr(why.message, ": ") + 2 /* behind the place */
			     : why.message);
	else if (st.rows && !t->sure)
		snprintf(t->why, sizeof t->why,
			 "the times that it reads lie outside the years 1990 to 2100: another unit, or relative_to?");
	else if (st.bad)
		snprintf(t->why, sizeof t->why, "line %llu: %s", (unsigned long long)first.line, first.reason);
	return FM_OK;
}

void fm_sniff_tell(const struct fm_sniff_tried *t, struct fm_buf *out)
{
	if (!t->rows)
		fm_buf_printf(out, "# Not sure of it: as it stands it reads no row: %s\n", t->why);
	else if (!t->sure)
		fm_buf_printf(out, "# Not sure of it: %s\n", t->why);
	else if (t->bad)
		fm_buf_printf(out, "# It reads %llu of the first %llu rows; %s\n", (unsigned long long)t->rows,
			      (unsigned long long)t->rows + t->bad, t->why);
	else
		fm_buf_printf(out, "# It reads all of the first %llu rows.\n", (unsigned long long)t->rows);
}

/* Is a the better guess? Of two that read the same columns, the one that leaves the labels as they stand. */
static bool is_better(const struct fm_sniff_candidate *a, const struct fm_sniff_candidate *b)
{
	if (a->columns != b->columns)
		return a->columns > b->columns;
	if (a->mapped != b->mapped)
		return a->mapped < b->mapped;
	return a->bad * (b->rows + b->bad) < b->bad * (a->rows + a->bad);
}

/* Insert c, the best first. A map of labels counts only where it changes what is read. */
static void add(struct fm_sniffed *s, struct fm_sniff_candidate c)
{
	int at = s->n;

	if (s->n == FM_SNIFF_CANDIDATES)
		return;
	for (int i = 0; i < s->n; i++)
		if (s->candidate[i].digest == c.digest && s->candidate[i].columns == c.columns)
			c.mapped = s->candidate[i].mapped = 0;
	for (; at > 0 && is_better(&c, &s->candidate[at - 1]); at--)
		s->candidate[at] = s->candidate[at - 1];
	s->candidate[at] = c;
	s->n++;
}

/* Report a file that is neither text nor a capture as that, and not as a text that no dialect reads. UTF-16 is text,
 * which no built-in dialect reads. */
static int check_bytes(const char *path, const char *member, enum fm_capture *kind, struct fm_error *err)
{
	struct fm_source *source = NULL;
	const char *data;
	size_t n;
	int rc;

	if ((rc = fm_source_open(&source, path, member, err)) < 0 || (rc = fm_source_next(source, &data, &n, err)) < 0)
		goto out;
	if (!(*kind = fm_capture_kind(data, n)) && !fm_utf16_begins(data, n))
		rc = fm_binary_refuse(path, data, n, err);
out:
	fm_source_close(source);
	return rc;
}

static int find_unread(struct fm_sniffed *s, const char *path, const char *member, struct fm_error *err)
{
	struct fm_dialect *d = NULL;
	int rc;

	if ((rc = fm_dialect_load(&d, s->candidate[0].name, err)) < 0)
		return rc;
	s->nunread = fm_capture_of(d) ? 0 : fm_unread(d, path, member, false, s->unread);
	fm_dialect_free(d);
	return FM_OK;
}

/* The candidates among the dialects of that kind. */
static int try_all(struct fm_sniffed *s, const char *path, const char *member, enum fm_capture kind,
		   struct fm_error *err)
{
	struct fm_embed e;
	struct fm_error last = {0};
	int rc;

	for (size_t i = 0; fm_embed_at(&e, FM_EMBED_DIALECT, i); i++) {
		struct fm_sniff_candidate c = {0};
		struct fm_dialect *d = NULL;
		bool fits = false;

		if ((rc = fm_dialect_load(&d, e.name, err)) < 0)
			return rc;
		if (fm_capture_of(d) != kind) {
			fm_dialect_free(d);
			continue;
		}
		rc = try_dialect(d, path, member, &c, &fits, &last);
		fm_dialect_free(d);
		if (rc < 0 && (rc != FM_EINPUT || kind)) {
			*err = last;
			return rc;
		}
		if (rc >= 0 && fits)
			add(s, c);
	}
	return FM_OK;
}

int fm_sniff(struct fm_sniffed *s, const char *path, const char *member, struct fm_error *err)
{
	enum fm_capture kind = FM_CAPTURE_NONE;
	int rc, quiet = fm_log_is_quiet();

	*s = (struct fm_sniffed){0};
	if ((rc = check_bytes(path, member, &kind, err)) < 0)
		return rc;
	fm_log_quiet(quiet ? quiet : 1); /* which member of an archive is read was said once */
	rc = try_all(s, path, member, kind, err);
	if (rc >= 0 && s->n)
		rc = find_unread(s, path, member, err);
	fm_log_quiet(quiet);
	if (rc < 0)
		return rc;
	s->sure = s->n > 0 && !s->nunread;
	for (int i = 1; i < s->n; i++)
		s->sure = s->sure && (is_better(&s->candidate[0], &s->candidate[i]) ||
				      s->candidate[i].digest == s->candidate[0].digest);
	return FM_OK;
}

int fm_sniff_decide(const struct fm_sniffed *s, const char *path, struct fm_error *err)
{
	char names[256] = "";
	size_t len = 0;

	if (s->sure)
		return FM_OK;
	if (!s->n)
		return fm_fail(err, FM_EINPUT,
			       "%s: no built-in dialect reads its first rows: flowmint sniff prints a dialect file to "
			       "start from; set source.dialect to it",
			       path);
	if (s->nunread)
		return fm_fail(
		    err, FM_EINPUT,
		    "%s: dialect %s reads its first rows, but not column %s, which by its name has %s: set "
		    "source.dialect: %s to go without it, or to a dialect file that reads it (flowmint sniff "
		    "prints one)",
		    path, s->candidate[0].name, s->unread[0].name, s->unread[0].what, s->candidate[0].name);
	for (int i = 0; i < s->n && len < sizeof names; i++)
		len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? ", " : "", s->candidate[i].name);
	return fm_fail(err, FM_EINPUT,
		       "%s: several dialects read its first rows, each in another way: set "
		       "source.dialect to one of %s",
		       path, names);
}
