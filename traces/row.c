#include "traces/row.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/kernels.h"
#include "base/num.h"
#include "base/text.h"
#include "traces/hints.h"
#include "traces/protocol.h"
#include "traces/row_parts.h"
#include "traces/value.h"

#define COUNT_MAX ((uint64_t)INT64_MAX)

static bool has_te_and_td(const struct fm_dialect *d)
{
	bool te = false, td = false;

	for (int i = 0; i < d->ncols; i++) {
		te = te || (d->cols[i].col == FM_TE && d->cols[i].role == FM_ROLE_VALUE);
		td = td || d->cols[i].col == FM_TD;
	}
	return te && td;
}

bool fm_row_reads(const struct fm_dialect *d, int k)
{
	return d->cols[k].nonly || d->cols[k].col >= 0 || fm_dialect_is_aside(d, k);
}

/* A start is not needed where te and td have columns, nor what only records of both ways have. */
bool fm_row_needs(const struct fm_dialect *d, int k)
{
	return fm_row_reads(d, k) && !fm_dialect_is_aside(d, k) && d->cols[k].role != FM_ROLE_REPLY &&
	       !fm_dialect_is_icmp(d, k) && !(d->cols[k].role == FM_ROLE_START && has_te_and_td(d));
}

/* Does a field of column k of the dialect have a short way in row_line_impl.h? */
static enum fm_row_way way_of(const struct fm_row *r, int k)
{
	const struct fm_dialect *d = r->d;
	const enum fm_format f = d->cols[k].format;

	if (!fm_row_reads(d, k))
		return FM_WAY_NONE;
	if (d->cols[k].col < 0 || r->column[k].only || r->column[k].aside || r->column[k].apart)
		return FM_WAY_FIELD;
	switch (fm_cols[d->cols[k].col].kind) {
	case FM_KIND_TIME:
		return d->cols[k].part ? FM_WAY_FIELD : d->cols[k].role == FM_ROLE_START ? FM_WAY_START : FM_WAY_TE;
	case FM_KIND_DURATION:
		return d->decimal == ',' || d->thousands        ? FM_WAY_FIELD
		       : f == FM_FMT_SECONDS || f == FM_FMT_HMS ? FM_WAY_SECONDS
		       : f == FM_FMT_MILLISECONDS               ? FM_WAY_MILLISECONDS
								: FM_WAY_FIELD;
	case FM_KIND_ADDRESS:
		return f == FM_FMT_ADDRESS || f == FM_FMT_NAMED_ADDRESS ? FM_WAY_ADDRESS : FM_WAY_FIELD;
	case FM_KIND_PORT:
		return d->cols[k].role == FM_ROLE_VALUE ? FM_WAY_PORT : FM_WAY_FIELD;
	case FM_KIND_CATEGORY:
		return d->cols[k].role != FM_ROLE_VALUE ? FM_WAY_FIELD
		       : d->cols[k].col == FM_LABEL     ? FM_WAY_LABEL
							: FM_WAY_CATEGORY;
	case FM_KIND_COUNT:
		return d->cols[k].role == FM_ROLE_VALUE ? FM_WAY_COUNT : FM_WAY_FIELD;
	}
	return FM_WAY_FIELD;
}

void fm_row_mapped(struct fm_row *r)
{
	memset(r->quick, 0, sizeof r->quick);
	for (int i = 0; i < r->nfields; i++)
		if (r->map[i] >= 0)
			r->quick[i] = (struct fm_row_quick){(uint8_t)way_of(r, r->map[i]), r->column[r->map[i]].col};
}

void fm_row_in_order(struct fm_row *r)
{
	r->nfields = r->d->ncols;
	r->open_ended = false;
	for (int i = 0; i < r->d->ncols; i++)
		r->map[i] = (int16_t)(fm_row_reads(r->d, i) ? i : -1);
	fm_row_mapped(r);
}

void fm_row_follow(struct fm_row *r, const struct fm_row *of)
{
	r->nfields = of->nfields;
	r->open_ended = of->open_ended;
	memcpy(r->map, of->map, sizeof r->map);
	memcpy(r->quick, of->quick, sizeof r->quick);
	fm_row_unset(r, of->unset, of->nunset);
}

/* A word for a missing value begins with c. */
static void begins_missing(struct fm_row *r, unsigned char c)
{
	r->may_be_missing[c] = true;
	r->digits_may_be_missing = r->digits_may_be_missing || (c >= '0' && c <= '9');
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		r->may_be_missing[c ^ 0x20] = true;
}

static void know_missing(struct fm_row *r)
{
	memset(r->may_be_missing, 0, sizeof r->may_be_missing);
	r->empty_is_missing = r->digits_may_be_missing = false;
	for (int i = 0; i < r->d->nmissing; i++) {
		size_t n;
		const char *word = fm_dialect_missing_word(r->d, i, &n);

		if (*r->d->missing[i])
			r->may_be_missing[(unsigned char)*r->d->missing[i]] = true;
		if (n)
			begins_missing(r, (unsigned char)*word);
		else
			r->empty_is_missing = true;
	}
	if (r->nunset)
		begins_missing(r, (unsigned char)*r->unset);
}

void fm_row_unset(struct fm_row *r, const char *s, size_t n)
{
	if (n == r->nunset && (!n || !memcmp(r->unset, s, n)))
		return;
	r->nunset = n < sizeof r->unset ? n : 0;
	memcpy(r->unset, s, r->nunset);
	know_missing(r);
}

void fm_row_init(struct fm_row *r, const struct fm_dialect *d, enum fm_missing missing, struct fm_table *t,
		 struct fm_row_memory *memory)
{
	const char *kernels = fm_kernels()->name;

	memset(r, 0, sizeof *r);
	r->d = d;
	r->missing = missing;
	r->t = t;
	r->memory = memory;
	r->line = strcmp(kernels, "v1") ? fm_row_line_v3 : fm_row_line_v1;
	if (!strcmp(kernels, "v4") && __builtin_cpu_supports("avx512vbmi2"))
		r->line = fm_row_line_v4;
	for (int k = 0; k < d->ncols; k++)
		r->tells_all = r->tells_all || (d->cols[k].role == FM_ROLE_START && has_te_and_td(d));
	for (int k = 0; k < d->ncols; k++) {
		int c = d->cols[k].col;

		r->column[k].col = (int8_t)c;
		r->column[k].kind = c < 0 ? 0 : (uint8_t)fm_cols[c].kind;
		r->column[k].only = d->cols[k].nonly > 0;
		r->column[k].aside = fm_dialect_is_aside(d, k);
		r->has_joined = r->has_joined || (c == FM_LABEL && d->cols[k].role == FM_ROLE_SUM);
		r->has_ways = r->has_ways || d->cols[k].role == FM_ROLE_REPLY;
		r->column[k].apart = c >= 0 && (d->cols[k].nalso || fm_dialect_is_icmp(d, k));
		r->has_icmp = r->has_icmp || (c >= 0 && fm_dialect_is_icmp(d, k));
	}
	for (int k = 0; k < d->ncols; k++) {
		r->column[k].apart =
		    r->column[k].apart || (r->has_icmp && d->cols[k].col >= 0 && r->column[k].kind == FM_KIND_PORT);
		r->has_apart = r->has_apart || r->column[k].apart;
	}
	fm_row_in_order(r);
	know_missing(r);
}

void fm_row_refuse(struct fm_row *r, const char *fmt, ...)
{
	va_list ap;

	if (r->bad)
		return;
	r->bad = true;
	va_start(ap, fmt);
	vsnprintf(r->reason, sizeof r->reason, fmt, ap);
	va_end(ap);
}

void fm_row_escape(const char *s, size_t n, char *out, size_t cap)
{
	size_t len = 0, i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		size_t need = c < 0x20 || c >= 0x7f ? 4 : 1;

		if (len + need + 4 > cap)
			break;
		if (need == 4)
			len += (size_t)snprintf(out + len, cap - len, "\\x%02x", c);
		else
			out[len++] = (char)c;
	}
	if (i < n && len + 4 <= cap) {
		memcpy(out + len, "...", 3);
		len += 3;
	}
	out[len] = 0;
}

void fm_row_refuse_value(struct fm_row *r, int k, const char *why)
{
	fm_row_refuse(r, "%s %s (column %s)", fm_cols[r->d->cols[k].col].name, why, r->d->cols[k].name);
}

static __attribute__((noinline)) bool is_missing_word(const struct fm_row *r, const char *s, size_t n)
{
	return fm_dialect_is_missing(r->d, s, n) || (n == r->nunset && !memcmp(r->unset, s, n));
}

/* The words for a missing value are compared only where a field begins like one of them. */
static inline __attribute__((always_inline)) bool is_missing(const struct fm_row *r, const char *s, size_t n)
{
	if (!n)
		return r->empty_is_missing;
	return r->may_be_missing[(unsigned char)*s] && is_missing_word(r, s, n);
}

static void take_port(struct fm_row *r, int k, const char *s, size_t n)
{
	bool dotted;
	const char *why =
	    fm_value_port(r->d, k, s, n, &((uint16_t *)r->t->col[r->d->cols[k].col])[r->t->rows], &dotted);

	if (why)
		fm_row_refuse_value(r, k, why);
	else if (dotted)
		r->dotted = k + 1;
}

static void take_count(struct fm_row *r, int k, const char *s, size_t n)
{
	int c = r->d->cols[k].col;
	uint64_t v, *out = &((uint64_t *)r->t->col[c])[r->t->rows];
	const char *why = fm_value_count(r->d, k, s, n, &v);

	r->said |= !why && fm_value_is_rounded(s, n) ? FM_SAID_ROUNDED : 0;
	r->said |= !why && v < 1000 && fm_value_may_be_thousands(s, n) ? FM_SAID_THOUSANDS : 0;
	if (!why && r->d->cols[k].role == FM_ROLE_REPLY) {
		r->reply[c == FM_BYT] = v;
		return;
	}
	if (!why && r->d->cols[k].role == FM_ROLE_SUM && r->summed >> c & 1u) {
		if (v > COUNT_MAX - *out)
			why = "is, as a sum, over 2^63 - 1";
		v += *out;
	}
	if (why)
		fm_row_refuse_value(r, k, why);
	else
		*out = v;
	r->summed |= 1u << c;
}

/* JSON, CSV and a terminal can all carry UTF-8 without control characters: NULL if s is that, or what is wrong. */
static const char *fault_of_text(const char *s, size_t n)
{
	const char *fault = NULL;
	size_t len;
	uint32_t code;

	for (size_t i = 0; i < n; i += len) {
		if ((len = fm_utf8_next(s + i, n - i, &code)) == 0)
			return "is not text in UTF-8 (set encoding: windows-1252 in the dialect, or write the file "
			       "anew "
			       "with iconv -f WINDOWS-1252 -t UTF-8)";
		if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			fault = "has a control character (below U+0020, or from U+007F to U+009F)";
	}
	return fault;
}

/* The index of a value that the cache does not have; -1 after a refusal, or when the value is new: it enters the
 * dictionary at the end of the row, if the row is good. */
static int category_index(struct fm_row *r, int k, const char *s, size_t n)
{
	int c = r->d->cols[k].col, i;
	char text[3 * FM_DICT_VALUE_MAX + 17];
	const char *fault;

	if (r->d->encoding == FM_ENCODING_WINDOWS_1252 && n <= FM_DICT_VALUE_MAX) {
		size_t len = fm_value_from_windows_1252(s, n, text);

		if (!len && n) {
			fm_row_refuse_value(r, k, "is not text in windows-1252");
			return -1;
		}
		s = text;
		n = len;
	}
	if (c == FM_LABEL && (i = fm_dialect_label_entry(r->d, s, n)) >= 0) {
		r->labels_met |= UINT64_C(1) << i;
		s = r->d->labels[i].to;
		n = strlen(s);
	}
	if (c == FM_PR && n <= FM_DICT_VALUE_MAX) {
		char name[FM_DICT_VALUE_MAX + 17];

		if (fm_protocol_is_no_number(s, n)) {
			fm_row_refuse_value(r, k, "is no protocol number, which are 0 to 255");
			return -1;
		}
		if (fm_hint_is_nothing(s, n)) {
			fm_row_refuse_value(r, k, "is no protocol");
			return -1;
		}
		n = fm_protocol_name(s, n, name);
		memcpy(text, name, n);
		s = text;
	}
	i = n > FM_DICT_VALUE_MAX ? -1 : fm_dict_index(&r->t->dict[c], s, n, false);
	if (i >= 0)
		return i;
	if (n > FM_DICT_VALUE_MAX)
		fm_row_refuse_value(r, k, "is longer than 255 bytes");
	else if ((fault = fault_of_text(s, n)))
		fm_row_refuse_value(r, k, fault);
	else {
		memcpy(r->fresh[c].text, s, n);
		r->fresh[c].len = n;
		r->nfresh |= 1u << c;
	}
	return i;
}

/* New category values of a row that is good so far. */
static void add_fresh(struct fm_row *r)
{
	for (int c = 0; c < FM_NCOL; c++) {
		if (!(r->nfresh >> c & 1u))
			continue;
		int i = fm_dict_index(&r->t->dict[c], r->fresh[c].text, r->fresh[c].len, true);
		if (i < 0 && r->t->dict[c].n < FM_DICT_MAX)
			(void)!fm_fail(&r->error, FM_ESYSTEM, "out of memory: values of column %s", fm_cols[c].name);
		else if (i < 0)
			(void)!fm_fail(&r->error, FM_EINPUT, "over %d distinct values in column %s", FM_DICT_MAX,
				       fm_cols[c].name);
		if (i < 0) {
			fm_row_refuse(r, "%s", r->error.message);
			return;
		}
		((uint16_t *)r->t->col[c])[r->t->rows] = (uint16_t)i;
	}
}

static uint64_t load(const char *s, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, s, n);
	return v;
}

/* 1 to FM_ROW_KEY bytes, zero-padded, by loads that overlap instead of a copy of n bytes (little-endian). */
static void key_of(const char *s, size_t n, uint64_t key[2])
{
	key[1] = 0;
	if (n >= 8) {
		key[0] = load(s, 8);
		if (n > 8)
			key[1] = load(s + n - 8, 8) >> 8 * (16 - n);
	} else if (n >= 4) {
		key[0] = load(s, 4) | load(s + n - 4, 4) << 8 * (n - 4);
	} else {
		key[0] = load(s, 1) | load(s + n / 2, 1) << 8 * (n / 2) | load(s + n - 1, 1) << 8 * (n - 1);
	}
}

void fm_row_category(struct fm_row *r, int k, const char *s, size_t n)
{
	int c = (int)r->column[k].col, i;
	uint16_t *out = (uint16_t *)r->t->col[c] + r->t->rows;
	struct fm_row_memory *m = r->memory;
	uint64_t key[2];

	if (!n || n > FM_ROW_KEY) {
		if ((i = category_index(r, k, s, n)) >= 0)
			*out = (uint16_t)i;
		return;
	}
	key_of(s, n, key);
	size_t at = fm_row_cache_at(key);
	if (m->cache[c][at].len == n && m->cache[c][at].key[0] == key[0] && m->cache[c][at].key[1] == key[1]) {
		*out = m->cache[c][at].index;
		return;
	}
	if ((i = category_index(r, k, s, n)) < 0)
		return;
	memcpy(m->cache[c][at].key, key, sizeof key);
	m->cache[c][at].len = (uint16_t)n;
	m->cache[c][at].index = (uint16_t)i;
	*out = (uint16_t)i;
}

void fm_row_missing(struct fm_row *r, int k)
{
	int c = r->d->cols[k].col;
	char *at = (char *)r->t->col[c] + r->t->rows * fm_cols[c].width;

	if (r->d->cols[k].role == FM_ROLE_REPLY || (r->d->cols[k].role == FM_ROLE_START && r->tells_all))
		return;
	if (r->d->cols[k].role == FM_ROLE_SUM && r->summed >> c & 1u && r->missing != FM_MISSING_REJECT) {
		r->nmissing++;
		return;
	}
	r->summed |= 1u << c;
	if (c == FM_TE || r->missing == FM_MISSING_REJECT) {
		fm_row_refuse_value(r, k, "is missing");
		return;
	}
	r->nmissing++;
	r->lacks |= 1u << c;
	if (fm_cols[c].kind == FM_KIND_CATEGORY)
		fm_row_category(r, k, "0", 1);
	else if (fm_cols[c].kind == FM_KIND_ADDRESS)
		fm_row_set_address(r, c, &(struct fm_address){.b = {[10] = 0xff, [11] = 0xff}});
	else
		memset(at, 0, fm_cols[c].width);
}

static void check_only(struct fm_row *r, int k, const char *s, size_t n)
{
	for (int i = 0; i < r->d->cols[k].nonly; i++)
		if (strlen(r->d->cols[k].only[i]) == n && !memcmp(r->d->cols[k].only[i], s, n))
			return;
	r->other = r->other || r->d->cols[k].skips_others;
	fm_row_refuse(r, "the row is of a kind that the dialect does not read (column %s)", r->d->cols[k].name);
}

void fm_row_begin(struct fm_row *r)
{
	memset(r, 0, offsetof(struct fm_row, icmp));
	r->icmp[0] = r->icmp[1] = -1;
}

void fm_row_field(struct fm_row *r, const char *s, size_t n)
{
	int i = r->field++, k;

	r->last_empty = n == 0;
	if (i >= r->nfields || (k = r->map[i]) < 0)
		return;
	if (r->column[k].only) {
		check_only(r, k, s, n);
		return;
	}
	while (n && s[n - 1] == ' ' && r->column[k].kind != FM_KIND_CATEGORY) /* between quotes */
		n--;
	while (n && *s == ' ' && r->column[k].kind != FM_KIND_CATEGORY) {
		s++;
		n--;
	}
	if (r->column[k].aside) {
		fm_row_aside(r, k, s, r->d->cols[k].samples && is_missing(r, s, n) ? 0 : n);
		return;
	}
	if (r->has_joined && r->column[k].col == FM_LABEL) {
		fm_row_label_part(r, k, s, n, is_missing(r, s, n));
		return;
	}
	if (r->bad) {
		if (r->column[k].col == FM_LABEL && !is_missing(r, s, n))
			fm_row_take_bad_label(r, k, s, n);
		return;
	}
	if (r->column[k].apart && (is_missing(r, s, n) || fm_row_take_apart(r, k, s, n)))
		return;
	if (is_missing(r, s, n) && !(r->column[k].col == FM_LABEL && fm_dialect_label_is_named(r->d, s, n))) {
		fm_row_missing(r, k);
		return;
	}
	switch ((enum fm_kind)r->column[k].kind) {
	case FM_KIND_TIME:
		fm_row_time(r, k, s, n);
		break;
	case FM_KIND_DURATION:
		fm_row_duration(r, k, s, n);
		break;
	case FM_KIND_ADDRESS:
		fm_row_address(r, k, s, n);
		break;
	case FM_KIND_PORT:
		take_port(r, k, s, n);
		break;
	case FM_KIND_CATEGORY:
		fm_row_category(r, k, s, n);
		r->has_label = r->has_label || (r->column[k].col == FM_LABEL && !r->bad);
		break;
	case FM_KIND_COUNT:
		take_count(r, k, s, n);
		break;
	}
	if (r->bad && fm_hint_is_no_value(s, n)) {
		r->bad = false;
		fm_row_refuse_value(
		    r, k, "is a word for no value, as None and N/A are: name it under missing in the dialect");
	}
}

/* Rows that end with the delimiter have one empty field more where the header does not end with it; where only the
 * header does, they have one less.  In output for people the last column may be a count of flows, which other formats
 * lack. */
static bool is_whole(const struct fm_row *r)
{
	if (r->field == r->nfields - 1 && (r->open_ended || (r->d->blanks && r->d->cols[r->d->ncols - 1].counts_flows)))
		return true;
	if (r->field > r->nfields && r->d->extra_columns)
		return true;
	return r->field == r->nfields || (r->d->header && r->field == r->nfields + 1 && r->last_empty);
}

bool fm_row_end(struct fm_row *r)
{
	if (!is_whole(r)) {
		r->bad = r->has_label = r->other = false;
		memset(r->joined_n, 0, sizeof r->joined_n); /* the number of columns explains whatever else was wrong */
		fm_row_refuse(r, "%d column%s where %d are expected", r->field, r->field == 1 ? "" : "s", r->nfields);
	}
	if (r->has_joined)
		fm_row_join_label(r);
	if (r->has_apart && !r->bad)
		fm_row_end_apart(r);
	if (!r->bad && r->dotted)
		fm_row_check_dotted(r);
	if (!r->bad && r->ipv6)
		fm_row_check_families(r);
	if (!r->bad && r->d->icmp)
		fm_row_icmp(r);
	if (!r->bad && (r->has_start || r->clock_parts))
		fm_row_end_times(r);
	if (!r->bad && (r->sampling > 1 || r->d->sampling > 1))
		fm_row_multiply(r, r->sampling > 1 ? r->sampling : (uint64_t)r->d->sampling);
	if (!r->bad && r->reversed)
		fm_row_turn(r);
	if (!r->bad && r->nfresh)
		add_fresh(r);
	if (r->bad)
		return false;
	r->missing_values += r->nmissing;
	for (int c = 0; r->lacks >> c; c++)
		r->lacking[c] += r->lacks >> c & 1u;
	r->t->rows++;
	return true;
}

bool fm_row_is_numeric(const char *s, size_t n)
{
	double v;
	struct fm_address a;
	int64_t ms;

	return !fm_parse_double(s, n, &v) || !fm_address_parse(s, n, &a) || !fm_parse_time_ms(s, n, &ms);
}
