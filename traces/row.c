#include "traces/row.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/text.h"

#define TIME_END_MS INT64_C(9214646400000) /* 2262-01-01: what NumPy's and pandas's nanoseconds still hold */
#define COUNT_MAX ((uint64_t)INT64_MAX)    /* so that every reader's signed integers hold it */

void fm_row_init(struct fm_row *r, const struct fm_dialect *d, enum fm_missing missing, struct fm_table *t)
{
	memset(r, 0, sizeof *r);
	r->d = d;
	r->missing = missing;
	r->t = t;
	r->nfields = d->ncols;
	for (int i = 0; i < d->ncols; i++)
		r->map[i] = (int16_t)(d->cols[i].col >= 0 ? i : -1);
	for (int i = 0; i < d->nmissing; i++) {
		unsigned char c = (unsigned char)d->missing[i][0];

		if (!c) {
			r->empty_is_missing = true;
			continue;
		}
		r->may_be_missing[c] = true;
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			r->may_be_missing[c ^ 0x20] = true;
	}
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

/* The kind of fault, never the value: reasons go into messages, the log and the ledger. */
static void refuse_value(struct fm_row *r, int k, const char *why)
{
	fm_row_refuse(r, "%s %s (column %s)", fm_cols[r->d->cols[k].col].name, why, r->d->cols[k].name);
}

static bool is_missing(const struct fm_row *r, const char *s, size_t n)
{
	if (!n)
		return r->empty_is_missing;
	if (!r->may_be_missing[(unsigned char)*s])
		return false;
	for (int i = 0; i < r->d->nmissing; i++)
		if (strlen(r->d->missing[i]) == n && !strncasecmp(r->d->missing[i], s, n))
			return true;
	return false;
}

/* Digits alone, up to 18 of them; anything else is for the careful parsers. */
static inline bool short_uint(const char *s, size_t n, uint64_t *v)
{
	uint64_t x = 0;

	if (!n || n > 18)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned c = (unsigned)(unsigned char)s[i] - '0';

		if (c > 9)
			return false;
		x = x * 10 + c;
	}
	*v = x;
	return true;
}

/* Seconds, milliseconds or microseconds as text -> milliseconds, rounded half up. */
static int scaled_ms(enum fm_format f, const char *s, size_t n, int64_t *ms)
{
	int64_t v;
	uint64_t whole, part;

	/* "7.250" */
	if (f == FM_FMT_SECONDS && n > 4 && n < 16 && s[n - 4] == '.' && short_uint(s, n - 4, &whole) &&
	    short_uint(s + n - 3, 3, &part)) {
		*ms = (int64_t)(whole * 1000 + part);
		return 0;
	}
	if (fm_parse_scaled(s, n, f == FM_FMT_SECONDS ? 3 : 0, &v))
		return -1;
	if (f == FM_FMT_MICROSECONDS)
		v = v >= 0 ? v / 1000 + (v % 1000 >= 500) : v / 1000 - (v % 1000 < -500);
	*ms = v;
	return 0;
}

static void take_time(struct fm_row *r, int k, const char *s, size_t n)
{
	enum fm_format f = r->d->cols[k].format;
	int64_t ms;

	if (n == r->time_len && n && !memcmp(s, r->time_text, n)) {
		r->t->te[r->t->rows] = r->time_ms;
		return;
	}
	if (f == FM_FMT_DATETIME ? fm_parse_time_ms(s, n, &ms) : scaled_ms(f, s, n, &ms)) {
		refuse_value(r, k,
			     f == FM_FMT_DATETIME ? "is not a time YYYY-MM-DD HH:MM:SS" : "is not a time in numbers");
		return;
	}
	if (ms < 0 || ms >= TIME_END_MS) {
		refuse_value(r, k, "lies outside the years 1970 to 2261");
		return;
	}
	r->t->te[r->t->rows] = ms;
	if (n <= sizeof r->time_text) {
		memcpy(r->time_text, s, n);
		r->time_len = n;
		r->time_ms = ms;
	}
}

static void take_duration(struct fm_row *r, int k, const char *s, size_t n)
{
	int64_t ms;

	if (scaled_ms(r->d->cols[k].format, s, n, &ms))
		refuse_value(r, k, "is not a duration");
	else if (ms < 0)
		refuse_value(r, k, "is negative");
	else if (ms > UINT32_MAX)
		refuse_value(r, k, "is over 49 days");
	else
		r->t->td[r->t->rows] = (uint32_t)ms;
}

/* The code of an address in the chunk's dictionary; addresses repeat, so the last ones are remembered. */
static bool address_code(struct fm_row *r, uint32_t ip, uint32_t *code)
{
	size_t at = (ip * 0x9e3779b1u) >> 20;
	struct fm_address a;

	if (r->recent_ip[at].code && r->recent_ip[at].ip == ip) {
		*code = r->recent_ip[at].code - 1;
		return true;
	}
	a = fm_address_of_ipv4(ip);
	if (fm_address_dict_add(r->t->addresses, &a, fm_dialect_is_internal(r->d, ip), code, &r->error) < 0) {
		fm_row_refuse(r, "%s", r->error.message);
		return false;
	}
	r->recent_ip[at].ip = ip;
	r->recent_ip[at].code = *code + 1;
	return true;
}

/* What stands where an IPv4 address should. */
static const char *no_ipv4(const char *s, size_t n)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct in6_addr v6;
	const char *colon = memchr(s, ':', n);
	uint32_t ip;

	if (n < sizeof text)
		memcpy(text, s, n);
	if (inet_pton(AF_INET6, text, &v6) == 1)
		return "is an IPv6 address, and only IPv4 is read: leave IPv6 out before";
	if (colon && !fm_parse_ipv4(s, (size_t)(colon - s), &ip))
		return "is an IPv4 address with a port behind it: each needs a column of its own";
	if (n == 17 && colon == s + 2 && s[5] == ':' && s[14] == ':')
		return "is a MAC address, not IPv4";
	return "is not an IPv4 address";
}

static void take_address(struct fm_row *r, int k, const char *s, size_t n)
{
	uint64_t v;
	uint32_t ip, code;

	if (r->d->cols[k].format == FM_FMT_IPV4_INTEGER) {
		if (fm_parse_u64(s, n, UINT32_MAX, &v)) {
			refuse_value(r, k, "is not an IPv4 address as an integer");
			return;
		}
		ip = (uint32_t)v;
	} else if (fm_parse_ipv4(s, n, &ip)) {
		refuse_value(r, k, no_ipv4(s, n));
		return;
	}
	if (address_code(r, ip, &code))
		((uint32_t *)r->t->col[r->d->cols[k].col])[r->t->rows] = code;
}

static bool is_negative_number(const char *s, size_t n)
{
	double v;

	return n > 1 && *s == '-' && !fm_parse_double(s, n, &v);
}

static void take_port(struct fm_row *r, int k, const char *s, size_t n)
{
	uint64_t v;

	if (!short_uint(s, n, &v))
		refuse_value(r, k, is_negative_number(s, n) ? "is negative" : "is not a port number");
	else if (v > 65535)
		refuse_value(r, k, "is over 65535");
	else
		((uint16_t *)r->t->col[r->d->cols[k].col])[r->t->rows] = (uint16_t)v;
}

static void take_count(struct fm_row *r, int k, const char *s, size_t n)
{
	uint64_t v;
	int64_t micro;

	if (!short_uint(s, n, &v) && fm_parse_u64(s, n, COUNT_MAX, &v)) {
		/* Programs that know missing values write counts as 80.0 or 1.2e+06. */
		if (!fm_parse_scaled(s, n, 6, &micro) && micro >= 0 && micro % 1000000 == 0) {
			v = (uint64_t)micro / 1000000;
		} else {
			refuse_value(r, k, is_negative_number(s, n) ? "is negative" : "is not a nonnegative integer");
			return;
		}
	}
	((uint64_t *)r->t->col[r->d->cols[k].col])[r->t->rows] = v;
}

/* UTF-8 without control characters: what JSON, CSV and a terminal can all carry. */
static bool is_text(const char *s, size_t n)
{
	size_t len;
	uint32_t code;

	for (size_t i = 0; i < n; i += len)
		if ((len = fm_utf8_next(s + i, n - i, &code)) == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0))
			return false;
	return true;
}

/* The index of a value that the cache does not have; -1 after a refusal, or when the value is new: it enters the
 * dictionary at the end of the row, if the row is good. */
static int category_index(struct fm_row *r, int k, const char *s, size_t n)
{
	int c = r->d->cols[k].col, i;

	if (c == FM_LABEL)
		for (int j = 0; j < r->d->nlabels; j++)
			if (strlen(r->d->labels[j].from) == n && !memcmp(r->d->labels[j].from, s, n)) {
				s = r->d->labels[j].to;
				n = strlen(s);
				break;
			}
	i = n > FM_DICT_VALUE_MAX ? -1 : fm_dict_index(&r->t->dict[c], s, n, false);
	if (i >= 0)
		return i;
	if (n > FM_DICT_VALUE_MAX)
		refuse_value(r, k, "is longer than 255 bytes");
	else if (!is_text(s, n))
		refuse_value(r, k, "is not text in UTF-8");
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
		if (i < 0) {
			fm_row_refuse(r, "over %d distinct values in column %s", FM_DICT_MAX, fm_cols[c].name);
			return;
		}
		((uint16_t *)r->t->col[c])[r->t->rows] = (uint16_t)i;
	}
}

static void take_category(struct fm_row *r, int k, const char *s, size_t n)
{
	int c = r->d->cols[k].col, i;
	uint16_t *out = (uint16_t *)r->t->col[c] + r->t->rows;
	char key[FM_ROW_KEY] = {0};
	uint64_t h[2];

	if (!n || n > FM_ROW_KEY) {
		if ((i = category_index(r, k, s, n)) >= 0)
			*out = (uint16_t)i;
		return;
	}
	memcpy(key, s, n);
	memcpy(h, key, sizeof h);
	size_t at = (((h[0] ^ (h[1] * 0x9e3779b97f4a7c15u)) * 0xff51afd7ed558ccdu) >> 56) % FM_ROW_CACHE;
	if (r->cache[c][at].len == n && !memcmp(r->cache[c][at].key, key, sizeof key)) {
		*out = r->cache[c][at].index;
		return;
	}
	if ((i = category_index(r, k, s, n)) < 0)
		return;
	memcpy(r->cache[c][at].key, key, sizeof key);
	r->cache[c][at].len = (uint16_t)n;
	r->cache[c][at].index = (uint16_t)i;
	*out = (uint16_t)i;
}

static void take_missing_address(struct fm_row *r, int c)
{
	uint32_t code;

	if (address_code(r, 0, &code))
		((uint32_t *)r->t->col[c])[r->t->rows] = code;
}

static void take_missing(struct fm_row *r, int k)
{
	int c = r->d->cols[k].col;
	char *at = (char *)r->t->col[c] + r->t->rows * fm_cols[c].width;

	if (c == FM_TE || r->missing == FM_MISSING_REJECT) {
		refuse_value(r, k, "is missing");
		return;
	}
	r->nmissing++;
	if (fm_cols[c].kind == FM_KIND_CATEGORY)
		take_category(r, k, "0", 1);
	else if (fm_cols[c].kind == FM_KIND_ADDRESS)
		take_missing_address(r, c);
	else
		memset(at, 0, fm_cols[c].width);
}

void fm_row_begin(struct fm_row *r)
{
	r->field = 0;
	r->bad = false;
	r->nmissing = 0;
	r->nfresh = 0;
}

void fm_row_field(struct fm_row *r, const char *s, size_t n)
{
	int i = r->field++, k;

	if (r->bad || i >= r->nfields || (k = r->map[i]) < 0)
		return;
	if (is_missing(r, s, n)) {
		take_missing(r, k);
		return;
	}
	switch (fm_cols[r->d->cols[k].col].kind) {
	case FM_KIND_TIME:
		take_time(r, k, s, n);
		break;
	case FM_KIND_DURATION:
		take_duration(r, k, s, n);
		break;
	case FM_KIND_ADDRESS:
		take_address(r, k, s, n);
		break;
	case FM_KIND_PORT:
		take_port(r, k, s, n);
		break;
	case FM_KIND_CATEGORY:
		take_category(r, k, s, n);
		break;
	case FM_KIND_COUNT:
		take_count(r, k, s, n);
		break;
	}
}

bool fm_row_end(struct fm_row *r)
{
	if (r->field != r->nfields) {
		r->bad = false; /* the number of columns explains whatever else was wrong */
		fm_row_refuse(r, "%d column%s where %d are expected", r->field, r->field == 1 ? "" : "s", r->nfields);
	}
	if (!r->bad && r->nfresh)
		add_fresh(r);
	if (r->bad)
		return false;
	r->missing_values += r->nmissing;
	r->t->rows++;
	return true;
}

bool fm_row_is_numeric(const char *s, size_t n)
{
	double v;
	uint32_t ip;
	int64_t ms;

	return !fm_parse_double(s, n, &v) || !fm_parse_ipv4(s, n, &ip) || !fm_parse_time_ms(s, n, &ms);
}
