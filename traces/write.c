#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "traces/icmp.h"
#include "traces/protocol.h"
#include "traces/spell.h"
#include "traces/trace.h"
#include "traces/value.h"

#define FLUSH_BYTES (64 * 1024)
#define FIELD_MAX FM_TIME_TEXT_MAX /* bytes in a formatted value that is no category */

struct writer {
	const struct fm_table *t;
	const struct fm_dialect *d;
	struct fm_out *out;
	struct fm_buf buf;
	struct quoted {
		char **text; /* one for each value of the dictionary, quoted where CSV wants it; NULL: it has none */
		size_t n;
	} quoted[FM_NCOL];
	/* Where te, td and a start all have columns, readers use te and td: the start is made from these as they are
	 * written, in steps of these milliseconds; 0: it is the flow's own. */
	int64_t te_step, te_half, td_step; /* te_half: numbers are rounded half up, clocks are cut */
	bool te_and_start;                 /* te and start have columns, td has none: readers calculate td from them */
	int64_t start_step;                /* the coarsest of a start's columns, ms */
	int64_t time_s;                    /* the second whose text is in time_text */
	size_t time_len;
	char time_text[FM_TIME_MAX];
};

static int quote_values(struct writer *w, int k, struct fm_error *err)
{
	int c = w->d->cols[k].col, rc;
	const struct fm_dict *dict = &w->t->dict[c];

	if ((rc = fm_alloc(&w->quoted[c].text, dict->n + 1, sizeof(char *), "category values", err)) < 0)
		return rc;
	w->quoted[c].n = dict->n;
	for (size_t i = 0; i < dict->n; i++) {
		char s[FM_SPELL_MAX];
		char *text;
		bool number;

		if (fm_spell_value(w->d, k, dict->value[i], s, NULL) < 0)
			continue; /* no failure as long as no row has it */
		size_t n = strlen(s), cap = (w->d->json ? 6 : 2) * n + 3;
		if ((rc = fm_alloc(&text, cap, 1, "a category value", err)) < 0)
			return rc;
		w->quoted[c].text[i] = text;
		number = w->d->cols[k].format == FM_FMT_NUMBER && n && strspn(s, "0123456789") == n;
		if (w->d->json && !number)
			text[fm_spell_json(text, s, n)] = 0;
		else if (!w->d->json && fm_spell_needs_quotes(w->d, s, k == 0))
			text[csv_write(text, cap - 1, s, n)] = 0;
		else
			memcpy(text, s, n);
	}
	return FM_OK;
}

/* v / 10^have as a decimal number with `want` digits after the point, rounded half up; want -1: none and no point. */
static size_t format_decimal(uint64_t v, int have, int want, char *out)
{
	uint64_t scale = 1, part;
	size_t n;

	if (want < 0)
		want = 0;
	if (want > 12)
		want = 12;
	for (; have > want; have--)
		v = v / 10 + (have == want + 1 && v % 10 >= 5);
	for (int i = 0; i < have; i++)
		scale *= 10;
	n = fm_format_u64(v / scale, out);
	if (!want)
		return n;
	out[n++] = '.';
	part = v % scale;
	for (int i = have; i > 0; i--, part /= 10)
		out[n + (size_t)i - 1] = (char)('0' + part % 10);
	n += (size_t)have;
	for (int i = have; i < want; i++)
		out[n++] = '0';
	return n;
}

static size_t format_number(uint64_t ms, enum fm_format f, int decimals, char *out)
{
	const uint64_t unit = (uint64_t)fm_format_long_ms(f);

	if (f == FM_FMT_SECONDS)
		return decimals == 3 ? fm_format_ms_as_s((int64_t)ms, out) : format_decimal(ms, 3, decimals, out);
	if (unit) {
		uint64_t whole = (ms + (uint64_t)fm_format_before_1970(f)) / unit,
			 rest = (ms + (uint64_t)fm_format_before_1970(f)) % unit;

		return format_decimal(whole * 1000000000 + (rest * 1000000000 + unit / 2) / unit, FM_LONG_DECIMALS,
				      decimals, out);
	}
	if (f == FM_FMT_NANOSECONDS)
		return format_decimal(ms * 1000000, 0, decimals, out);
	return format_decimal(f == FM_FMT_MICROSECONDS ? ms * 1000 : ms, 0, decimals, out);
}

/* The second of the last row is usually the second of this one. A fraction is cut, so that no time is in a later
 * second. */
static size_t format_time(struct writer *w, int64_t ms, int decimals, char *out)
{
	int64_t s = ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
	unsigned part = (unsigned)(ms - s * 1000), place = 100;
	size_t n;

	if (!w->time_len || s != w->time_s) {
		w->time_len = fm_format_time_s(s * 1000, w->time_text);
		w->time_s = s;
	}
	n = w->time_len;
	memcpy(out, w->time_text, n);
	if (decimals > 0)
		out[n++] = '.';
	for (int i = 0; i < decimals && i < 9; i++, place /= 10)
		out[n++] = (char)('0' + (place ? part / place % 10 : 0));
	return n;
}

/* H:MM:SS.mmm, which only some dialects write. */
static size_t format_hms(uint64_t ms, char *out)
{
	size_t n = fm_format_u64(ms / 3600000, out);

	for (int i = 0; i < 2; i++) {
		unsigned part = (unsigned)(i ? ms / 1000 % 60 : ms / 60000 % 60);

		out[n++] = ':';
		out[n++] = (char)('0' + part / 10);
		out[n++] = (char)('0' + part % 10);
	}
	out[n++] = '.';
	out[n++] = (char)('0' + ms / 100 % 10);
	out[n++] = (char)('0' + ms / 10 % 10);
	out[n++] = (char)('0' + ms % 10);
	return n;
}

/* The port of column c as the dialect has it. */
static unsigned port_of(const struct writer *w, int c, size_t row)
{
	const struct fm_table *t = w->t;
	uint16_t sp = FM_HAS(t, FM_SP) ? t->sp[row] : 0, dp = FM_HAS(t, FM_DP) ? t->dp[row] : 0;
	int number = w->d->icmp ? fm_spell_icmp(t, row) : 0;

	if (number)
		(void)fm_icmp_write(w->d->icmp, number, &sp, &dp);
	return c == FM_SP ? sp : dp;
}

static size_t format_port(const struct fm_table *t, size_t row, unsigned port, enum fm_format f, char *out)
{
	size_t n;

	if (f == FM_FMT_ICMP_TYPE || f == FM_FMT_ICMP_CODE)
		return fm_format_u64(!fm_spell_icmp(t, row) ? 0 : f == FM_FMT_ICMP_TYPE ? port / 256 : port % 256, out);

	if (f != FM_FMT_TYPE_CODE || !port || !fm_spell_icmp(t, row))
		return fm_format_u64(port, out);
	n = fm_format_u64(port / 256, out);
	out[n++] = '.';
	return n + fm_format_u64(port % 256, out + n);
}

/* Is k a column of a sum, and not the first one, or a column of the reply, which is a row of its own? */
static bool is_later_part(const struct fm_dialect *d, int k)
{
	if (d->cols[k].role == FM_ROLE_REPLY)
		return true;
	for (int i = 0; i < k; i++)
		if (d->cols[k].role == FM_ROLE_SUM && d->cols[i].col == d->cols[k].col)
			return true;
	return false;
}

/* What column k says of a time that is a sum: the first part has full units of its own, the last one the rest. */
static int64_t part_of_time(const struct fm_dialect *d, int k, int64_t ms)
{
	if (d->cols[k].format == FM_FMT_PATTERN) /* a date, or a time of day */
		return ms;
	int64_t unit = d->cols[k].format == FM_FMT_SECONDS || d->cols[k].format == FM_FMT_DATETIME ? 1000 : 1;

	for (int i = 0; i < k; i++)
		if (d->cols[i].part && d->cols[i].role == d->cols[k].role)
			return ms % 1000;
	return ms / unit * unit;
}

static void find_steps(struct writer *w)
{
	int64_t te = 0, td = 0;

	for (int k = 0; k < w->d->ncols; k++) {
		int64_t step = fm_dialect_step_ms(w->d, k);

		if (w->d->cols[k].col == FM_TE && w->d->cols[k].role == FM_ROLE_VALUE && (!te || step < te)) {
			te = step;
			w->te_half = w->d->cols[k].format == FM_FMT_SECONDS && !w->d->cols[k].part ? step / 2 : 0;
		}
		if (w->d->cols[k].col == FM_TD)
			td = step;
		if (w->d->cols[k].col == FM_TE && w->d->cols[k].role == FM_ROLE_START && step > w->start_step)
			w->start_step = step;
	}
	w->te_and_start = te && w->start_step && !td;
	w->te_step = te && td ? te : 0;
	w->td_step = te && td ? td : 0;
}

static int64_t start_of(const struct writer *w, size_t row)
{
	int64_t te = w->t->te[row], td = w->t->td[row];

	if (w->te_step > 1)
		te = (te + w->te_half) / w->te_step * w->te_step;
	if (w->td_step > 1)
		td = (td + w->td_step / 2) / w->td_step * w->td_step;
	return te > td ? te - td : 0;
}

/* A time in a form with a calendar. */
static size_t format_clock(struct writer *w, int k, int64_t ms, char *out)
{
	enum fm_format f = w->d->cols[k].format;
	int decimals = w->d->cols[k].decimals;
	size_t n;

	if (f == FM_FMT_PATTERN) {
		if (!w->d->relative && !fm_dialect_says_zone(w->d, k))
			ms += fm_dialect_ahead(w->d, ms);
		return fm_time_pattern_write(w->d->cols[k].pattern, ms < 0 ? 0 : ms, decimals, out);
	}
	if (f == FM_FMT_DATETIME)
		return format_time(w, ms + fm_dialect_ahead(w->d, ms), decimals, out);
	n = format_time(w, ms, decimals, out);
	out[10] = 'T';
	out[n++] = 'Z';
	return n;
}

/* Is column k a number that may have a fraction when it is written? */
static bool has_fraction(const struct fm_dialect *d, int k)
{
	enum fm_kind kind = fm_cols[d->cols[k].col].kind;
	enum fm_format f = d->cols[k].format;

	return kind == FM_KIND_DURATION || (kind == FM_KIND_TIME && !fm_format_has_calendar(f));
}

/* What column k says of a time; 0: it has no text. */
static size_t format_time_field(struct writer *w, int k, int64_t ms, char *out)
{
	enum fm_format f = w->d->cols[k].format;

	ms = ms > w->d->relative_ms ? ms - w->d->relative_ms : 0;
	if (w->d->cols[k].part)
		ms = part_of_time(w->d, k, ms);
	if (fm_format_has_calendar(f))
		return format_clock(w, k, ms, out);
	if (fm_format_before_1970(f))
		ms += fm_dialect_ahead(w->d, ms);
	return ms > INT64_MAX / 1000 ? 0 : format_number((uint64_t)ms, f, w->d->cols[k].decimals, out);
}

/* The time that readers get from the columns of a role when ms is written there, by the rules of row_time.c; -1:
 * none. */
static int64_t read_back(struct writer *w, enum fm_role role, int64_t ms)
{
	int64_t sum = 0, got;
	bool clocks = false;
	struct fm_time_said zone = {0}, said;
	char s[FIELD_MAX], *point;

	for (int k = 0; k < w->d->ncols; k++) {
		size_t n;

		if (w->d->cols[k].col != FM_TE || w->d->cols[k].role != role)
			continue;
		n = format_time_field(w, k, ms, s);
		if (w->d->decimal == ',' && has_fraction(w->d, k) && (point = memchr(s, '.', n)))
			*point = ',';
		if (!n || fm_value_time(w->d, k, s, n, &got, &said))
			return -1;
		clocks |= w->d->cols[k].part && w->d->cols[k].format == FM_FMT_PATTERN;
		zone = said.zoned ? said : zone;
		sum = w->d->cols[k].part ? sum + got : got;
	}
	return clocks && fm_value_by_clock(w->d, &zone, &sum) ? -1 : sum;
}

/* Text can be coarser than a time, or the same for two times: when summer time ends, on a clock of 12 hours, or for a
 * time of day alone.  A start that would be read as later than the end becomes that of a flow without duration. */
static int64_t start_before_end(struct writer *w, size_t row)
{
	int64_t start = start_of(w, row), te = read_back(w, FM_ROLE_VALUE, w->t->te[row]);

	if (te < 0 || read_back(w, FM_ROLE_START, start) <= te)
		return start;
	if (read_back(w, FM_ROLE_START, te) <= te)
		return te;
	return te > w->start_step ? te - w->start_step : 0; /* it is rounded up */
}

static int add_category(struct writer *w, int k, size_t row, struct fm_error *err)
{
	int c = w->d->cols[k].col;
	uint16_t i = ((const uint16_t *)w->t->col[c])[row];

	if (i >= w->quoted[c].n)
		return fm_fail(err, FM_EINPUT, "row %zu: %s has value number %u of %zu: the table is damaged", row + 1,
			       fm_cols[c].name, i, w->quoted[c].n);
	if (!w->quoted[c].text[i])
		return fm_spell_value(w->d, k, w->t->dict[c].value[i], (char[FM_SPELL_MAX]){0}, err);
	fm_buf_add(&w->buf, w->quoted[c].text[i], strlen(w->quoted[c].text[i]));
	return FM_OK;
}

/* Does column k have text, and not a number, in JSON? Categories bring their quotes along. */
static bool is_string(const struct fm_dialect *d, int k)
{
	enum fm_format f = d->cols[k].format;
	int c = d->cols[k].col;

	return c < 0 || f == FM_FMT_DATETIME || f == FM_FMT_RFC3339 || f == FM_FMT_PATTERN || f == FM_FMT_HMS ||
	       f == FM_FMT_TYPE_CODE ||
	       (fm_cols[c].kind == FM_KIND_ADDRESS && f != FM_FMT_IPV4_INTEGER && f != FM_FMT_ADDRESS_WORD &&
		f != FM_FMT_FAMILY);
}

/* The number that column k has of an address: for IPv4, three zeros come before the address. */
static uint64_t word_of(const struct fm_dialect *d, int k, const struct fm_address *a, bool ipv6)
{
	uint64_t word = 0;
	int at = 0;

	for (int i = 0; i < k; i++)
		at += d->cols[i].col == d->cols[k].col && d->cols[i].format == FM_FMT_ADDRESS_WORD;
	for (int i = 0; i < 4 && (ipv6 || at == 3); i++)
		word = word << 8 | a->b[4 * at + i];
	return word;
}

static uint64_t count_of(const struct writer *w, int c, size_t row)
{
	return fm_trace_sampled((c == FM_PKT ? w->t->pkt : w->t->byt)[row], (uint64_t)w->d->sampling);
}

/* A number with a comma for its point, between quotes where that is the delimiter. */
static void add_with_comma(struct writer *w, char *s, size_t n)
{
	char *point = memchr(s, '.', n);
	const char *quote = point && w->d->delimiter == ',' ? "\"" : "";

	if (point)
		*point = ',';
	fm_buf_puts(&w->buf, quote);
	fm_buf_add(&w->buf, s, n);
	fm_buf_puts(&w->buf, quote);
}

/* A text of column k that is no category, such as a time by a pattern; in JSON without the quotes around it. */
static void add_text(struct writer *w, int k, const char *s)
{
	char text[6 * FIELD_MAX + 3];
	size_t n = strlen(s);

	if (w->d->json)
		fm_buf_add(&w->buf, text + 1, fm_spell_json(text, s, n) - 2);
	else if (fm_spell_needs_quotes(w->d, s, k == 0))
		fm_buf_add(&w->buf, text, csv_write(text, sizeof text, s, n));
	else
		fm_buf_add(&w->buf, s, n);
}

static void add_unmodelled(struct writer *w, int k)
{
	const char *text = fm_dialect_constant(w->d, k);

	add_text(w, k, text);
	for (int word = 1; w->d->blanks && !w->d->cols[k].nonly && word < w->d->cols[k].words; word++)
		fm_buf_printf(&w->buf, " %s", text);
}

static int add_field(struct writer *w, int k, size_t row, struct fm_error *err)
{
	const struct fm_table *t = w->t;
	int c = w->d->cols[k].col, decimals = w->d->cols[k].decimals;
	enum fm_format f = w->d->cols[k].format;
	bool has = c >= 0 && FM_HAS(t, c);
	char s[FIELD_MAX + 1];
	size_t n = 0;

	if (c < 0) {
		add_unmodelled(w, k);
		return FM_OK;
	}
	switch (fm_cols[c].kind) {
	case FM_KIND_TIME: {
		int64_t ms = has ? t->te[row] : 0;

		if (w->d->cols[k].role == FM_ROLE_START && has && FM_HAS(t, FM_TD))
			ms = w->te_and_start ? start_before_end(w, row) : start_of(w, row);
		n = format_time_field(w, k, ms, s);
		if (!n)
			return fm_fail(err, FM_EINPUT, "row %zu: time %lld ms has no text in dialect %s", row + 1,
				       (long long)ms, w->d->name);
		if (f == FM_FMT_PATTERN) {
			s[n] = 0;
			add_text(w, k, s);
			return FM_OK;
		}
		break;
	}
	case FM_KIND_DURATION:
		n = f == FM_FMT_HMS ? format_hms(has ? t->td[row] : 0, s)
				    : format_number(has ? t->td[row] : 0, f, decimals, s);
		break;
	case FM_KIND_ADDRESS: {
		struct fm_address a =
		    has ? fm_table_address(t, ((const uint32_t *)t->col[c])[row]) : fm_address_of_ipv4(0);
		uint32_t ip;
		bool ipv6 = !fm_address_ipv4(&a, &ip);

		if (ipv6 && f == FM_FMT_IPV4_INTEGER)
			return fm_fail(err, FM_EINPUT, "row %zu: an IPv6 address has no text in dialect %s", row + 1,
				       w->d->name);
		if (f == FM_FMT_FAMILY)
			n = fm_format_u64(ipv6 ? 10 : 2, s);
		else if (f == FM_FMT_ADDRESS_WORD)
			n = fm_format_u64(word_of(w->d, k, &a, ipv6), s);
		else
			n = f == FM_FMT_IPV4_INTEGER ? fm_format_u64(ip, s) : fm_address_format(&a, s);
		if (f == FM_FMT_ADDRESS_PORT) {
			enum fm_col port = c == FM_SA ? FM_SP : FM_DP;

			s[n++] = ipv6 ? '.' : ':';
			n += format_port(t, row, FM_HAS(t, port) ? ((const uint16_t *)t->col[port])[row] : 0,
					 FM_FMT_TYPE_CODE, s + n);
		}
		break;
	}
	case FM_KIND_PORT:
		n = format_port(t, row, port_of(w, c, row), f, s);
		break;
	case FM_KIND_CATEGORY:
		if (is_later_part(w->d, k)) { /* also for a label, which is in the first of its columns */
			fm_buf_puts(&w->buf, w->d->json ? "\"" : "");
			add_text(w, k, w->d->unset);
			fm_buf_puts(&w->buf, w->d->json ? "\"" : "");
			return FM_OK;
		}
		if (has)
			return add_category(w, k, row, err);
		s[n++] = '0';
		break;
	case FM_KIND_COUNT:
		n = fm_format_u64(has && !is_later_part(w->d, k) ? count_of(w, c, row) : 0, s);
		break;
	}
	if (w->d->decimal == ',' && has_fraction(w->d, k))
		add_with_comma(w, s, n);
	else
		fm_buf_add(&w->buf, s, n);
	return FM_OK;
}

static void add_header(struct writer *w)
{
	for (int i = 0; i < w->d->nbefore; i++)
		fm_buf_printf(&w->buf, "%s%s", w->d->before[i], w->d->newline);
	if (*w->d->header_mark) {
		fm_buf_puts(&w->buf, w->d->header_mark);
		fm_buf_add(&w->buf, &w->d->delimiter, 1);
	}
	for (int k = 0; k < w->d->ncols; k++) {
		const char *name = w->d->cols[k].name;
		char text[2 * sizeof w->d->cols[k].name + 3];

		if (k)
			fm_buf_add(&w->buf, &w->d->delimiter, 1);
		if (fm_spell_needs_quotes(w->d, name, false))
			fm_buf_add(&w->buf, text, csv_write(text, sizeof text, name, strlen(name)));
		else
			fm_buf_puts(&w->buf, name);
	}
	fm_buf_puts(&w->buf, w->d->newline);
	for (int i = 0; i < w->d->nafter; i++)
		fm_buf_printf(&w->buf, "%s%s", w->d->after[i], w->d->newline);
}

static int add_row(struct writer *w, size_t row, struct fm_error *err)
{
	int rc;

	for (int k = 0; k < w->d->ncols; k++) {
		if (k)
			fm_buf_add(&w->buf, &w->d->delimiter, 1);
		if ((rc = add_field(w, k, row, err)) < 0)
			return rc;
	}
	fm_buf_puts(&w->buf, w->d->newline);
	return FM_OK;
}

/* An object of the columns that say something, without blanks. */
static int add_object(struct writer *w, size_t row, struct fm_error *err)
{
	char key[6 * sizeof w->d->cols[0].name + 3];
	bool first = true;
	int rc;

	for (int k = 0; k < w->d->ncols; k++) {
		const char *quote = is_string(w->d, k) ? "\"" : "";

		if (!fm_dialect_writes(w->d, k))
			continue;
		fm_buf_puts(&w->buf, first ? "{" : ",");
		fm_buf_add(&w->buf, key, fm_spell_json(key, w->d->cols[k].name, strlen(w->d->cols[k].name)));
		fm_buf_printf(&w->buf, ":%s", quote);
		if ((rc = add_field(w, k, row, err)) < 0)
			return rc;
		fm_buf_puts(&w->buf, quote);
		first = false;
	}
	fm_buf_puts(&w->buf, "}\n");
	return FM_OK;
}

static int write_rows(struct writer *w, struct fm_error *err)
{
	int rc;

	find_steps(w);
	if (w->d->header && !w->d->json)
		add_header(w);
	for (size_t row = 0; row < w->t->rows; row++) {
		if ((rc = w->d->json ? add_object(w, row, err) : add_row(w, row, err)) < 0)
			return rc;
		if (w->buf.len < FLUSH_BYTES && row + 1 < w->t->rows)
			continue;
		if ((rc = fm_buf_check(&w->buf, err)) < 0 ||
		    (rc = fm_out_write(w->out, w->buf.data, w->buf.len, err)) < 0)
			return rc;
		w->buf.len = 0;
	}
	if (!w->buf.len)
		return FM_OK;
	if ((rc = fm_buf_check(&w->buf, err)) < 0)
		return rc;
	return fm_out_write(w->out, w->buf.data, w->buf.len, err); /* a header alone */
}

int fm_trace_write(const struct fm_table *t, const struct fm_dialect *d, const char *path, struct fm_error *err)
{
	struct writer w = {.t = t, .d = d};
	int rc;

	if ((rc = fm_out_open(&w.out, path, 0644, err)) < 0)
		return rc;
	for (int k = 0; k < d->ncols; k++) {
		int c = d->cols[k].col;

		if (c >= 0 && FM_HAS(t, c) && fm_cols[c].kind == FM_KIND_CATEGORY && !w.quoted[c].text &&
		    (rc = quote_values(&w, k, err)) < 0)
			goto out;
	}
	if ((rc = write_rows(&w, err)) < 0)
		goto out;
	rc = fm_out_commit(w.out, err);
	w.out = NULL;
out:
	fm_out_abort(w.out);
	fm_buf_free(&w.buf);
	for (int c = 0; c < FM_NCOL; c++) {
		for (size_t i = 0; i < w.quoted[c].n; i++)
			free(w.quoted[c].text[i]);
		free(w.quoted[c].text);
	}
	return rc;
}
