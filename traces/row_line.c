/*
 * row_line.c - a line of delimited fields -> a row, by one pass over its bytes and short ways for what most fields are
 * (row.h): digits alone, dotted quads, seconds with three decimals, times and categories that were seen before. All
 * else goes to fm_row_field, so that a short way needs to be right only where it says that it knows the text.
 *
 * Short ways load 16 bytes at the start of a field, whatever its length: FM_ROW_PAD bytes behind the line are there.
 */
#include <emmintrin.h>
#include <string.h>

#include "base/num.h"
#include "traces/row.h"
#include "traces/row_parts.h"

/* What a line is made of: bit i of cut[i / 64] is set where byte i is the delimiter, and where it ends. */
struct line {
	uint64_t cut[FM_ROW_LINE / 64 + 1];
	bool padded; /* a blank stands beside a delimiter, or may */
	bool odd;    /* a byte is a carriage return, a NUL, or a quote in a dialect that has them */
};

static inline __m128i is(__m128i v, __m128i to)
{
	return _mm_cmpeq_epi8(v, to);
}

static inline uint64_t bits(__m128i v)
{
	return (unsigned)_mm_movemask_epi8(v);
}

static inline void look_at(struct line *line, const char *s, size_t n, const struct fm_dialect *d)
{
	const __m128i delimiter = _mm_set1_epi8(d->delimiter), blank = _mm_set1_epi8(' '),
		      tab = _mm_set1_epi8(d->delimiter == '\t' ? ' ' : '\t'), nul = _mm_setzero_si128(),
		      quote = d->no_quotes ? nul : _mm_set1_epi8('"'), cr = _mm_set1_epi8('\r');
	uint64_t odds = 0, padding = 0, before = 1; /* before: the byte in front of this block is a delimiter */

	for (size_t at = 0; at <= n; at += 64) {
		uint64_t cuts = 0, odd = 0, blanks = 0, end = 0;

		for (size_t i = 0; i < 64 && at + i < n; i += 16) {
			__m128i v = _mm_loadu_si128((const __m128i *)(s + at + i));

			cuts |= bits(is(v, delimiter)) << i;
			blanks |= bits(_mm_or_si128(is(v, blank), is(v, tab))) << i;
			odd |= bits(_mm_or_si128(_mm_or_si128(is(v, quote), is(v, cr)), is(v, nul))) << i;
		}
		if (n - at < 64) {
			end = UINT64_C(1) << (n - at);
			cuts = (cuts & (end - 1)) | end;
			odd &= end - 1;
			blanks &= end - 1;
		}
		padding |= blanks & (cuts << 1 | before | cuts >> 1 | UINT64_C(1) << 63);
		before = cuts >> 63;
		line->cut[at / 64] = cuts;
		odds |= odd;
	}
	line->odd = odds != 0;
	line->padded = padding != 0;
}

/* 1 to 8 digits: the bytes in front of them, as the number's higher digits, become 0; then pairs, fours and all are
 * added up beside each other (Lemire, "Quickly parsing eight digits", 2018). */
static inline bool few_digits(const char *s, size_t n, uint32_t *v)
{
	uint64_t x;

	if (n - 1 > 7)
		return false;
	memcpy(&x, s, 8);
	x = (x ^ UINT64_C(0x3030303030303030)) << 8 * (8 - n);
	if (((x + UINT64_C(0x7676767676767676)) | x) & UINT64_C(0x8080808080808080))
		return false;
	x = x * 10 + (x >> 8);
	x = (x & 0xff000000ff) * (100 + (UINT64_C(1000000) << 32)) +
	    (x >> 16 & 0xff000000ff) * (1 + (UINT64_C(10000) << 32));
	*v = (uint32_t)(x >> 32);
	return true;
}

/* One number of a dotted quad, 1 to 3 digits, behind those in *ip; 1: it is over 255. */
static inline unsigned quad_part(const char *s, unsigned n, uint32_t *ip)
{
	uint32_t x;

	memcpy(&x, s, 4);
	x = (x & 0x0f0f0f0f) << (32 - 8 * n); /* bytes 1 to 3: hundreds, tens, ones */
	*ip = *ip << 8 | x * (100 << 16 | 10 << 8 | 1) >> 24;
	return __builtin_bswap32(x) > 0x020505;
}

/* A dotted quad without zeros in front: masks of its points, its digits and its zeros say how it is built. */
static inline bool quad(const char *s, size_t n, uint32_t *ip)
{
	const __m128i v = _mm_loadu_si128((const __m128i *)s), digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
	unsigned all = (1u << n % 32) - 1, points, digits, zeros, two, one, a, b, c;

	points = (unsigned)bits(is(v, _mm_set1_epi8('.'))) & all;
	digits = (unsigned)bits(is(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit)) & all;
	zeros = (unsigned)bits(is(digit, _mm_setzero_si128()));
	two = points & (points - 1);
	one = two & (two - 1);
	if (n > 15 || (points | digits) != all || !one || one & (one - 1))
		return false;
	/* An empty number, one of four digits, a zero in front. */
	if ((points << 1 | 1) & (points | 1u << n) || (digits & digits >> 1 & digits >> 2 & digits >> 3) ||
	    ((points << 1 | 1) & zeros & digits >> 1))
		return false;
	a = (unsigned)__builtin_ctz(points);
	b = (unsigned)__builtin_ctz(two);
	c = (unsigned)__builtin_ctz(one);
	*ip = 0;
	return !(quad_part(s, a, ip) | quad_part(s + a + 1, b - a - 1, ip) | quad_part(s + b + 1, c - b - 1, ip) |
		 quad_part(s + c + 1, (unsigned)n - c - 1, ip));
}

/* "7.250" of a column of seconds, or whole milliseconds. */
static inline bool duration(enum fm_format f, const char *s, size_t n, uint32_t *ms)
{
	uint32_t whole, part;

	if (f == FM_FMT_MILLISECONDS)
		return few_digits(s, n, ms);
	if (n < 5 || s[n - 4] != '.' || !few_digits(s, n - 4, &whole) || !few_digits(s + n - 3, 3, &part) ||
	    whole > UINT32_MAX / 1000 - 1)
		return false;
	*ms = whole * 1000 + part;
	return true;
}

/* The text of the last time once more? */
static inline bool is_last_time(const struct fm_row_time *last, const char *s, size_t n)
{
	__m128i head, tail;

	if (n != last->len || n < 16 || n > 32)
		return false;
	head = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)s), _mm_loadu_si128((const __m128i *)last->text));
	tail = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(s + n - 16)),
			      _mm_loadu_si128((const __m128i *)(last->text + n - 16)));
	return _mm_movemask_epi8(_mm_and_si128(head, tail)) == 0xffff;
}

/* A value of up to 16 bytes that the cache has. */
static inline bool category(const struct fm_row *r, int c, const char *s, size_t n, uint16_t *index)
{
	static const uint64_t ones[2 * FM_ROW_KEY / 8] = {UINT64_MAX, UINT64_MAX};
	uint64_t key[2], mask[2];
	size_t at;

	if (n > FM_ROW_KEY)
		return false;
	memcpy(mask, (const char *)ones + FM_ROW_KEY - n, sizeof mask);
	memcpy(key, s, sizeof key);
	key[0] &= mask[0];
	key[1] &= mask[1];
	at = fm_row_cache_at(key);
	*index = r->cache[c][at].index;
	return r->cache[c][at].key[0] == key[0] && r->cache[c][at].key[1] == key[1];
}

/* A field that is not empty and can be no word for a missing value, of a column that has a short way; false: nothing
 * was done. */
static inline bool take_quickly(struct fm_row *r, void *const *cols, size_t row, int k, const char *s, size_t n)
{
	const int c = (int)r->column[k].col;
	const struct fm_row_time *last;
	void *at = cols[c];
	uint32_t v = 0;

	switch ((int)r->column[k].quick - 1) {
	case FM_KIND_TIME:
		last = &r->time[r->column[k].role];
		if (!is_last_time(last, s, n))
			return false;
		r->said |= last->rounded ? FM_SAID_ROUNDED_TIME : 0;
		if (r->column[k].role == FM_ROLE_START) {
			r->start_ms = last->ms;
			r->has_start = true;
		} else {
			((int64_t *)at)[row] = last->ms;
			r->has_te = true;
		}
		return true;
	case FM_KIND_DURATION:
		return duration(r->column[k].format, s, n, (uint32_t *)at + row);
	case FM_KIND_ADDRESS:
		if (!quad(s, n, &v))
			return false;
		fm_row_quad(r, c, v);
		return true;
	case FM_KIND_PORT:
		if (!few_digits(s, n, &v) || v > UINT16_MAX)
			return false;
		((uint16_t *)at)[row] = (uint16_t)v;
		return true;
	case FM_KIND_CATEGORY:
		if (!category(r, c, s, n, (uint16_t *)at + row))
			return false;
		r->has_label |= c == FM_LABEL;
		return true;
	case FM_KIND_COUNT:
		if (!few_digits(s, n, &v))
			return false;
		((uint64_t *)at)[row] = v;
		r->summed |= 1u << c;
		return true;
	}
	return false;
}

bool fm_row_has_quick(const struct fm_dialect *d, int k)
{
	const enum fm_format f = d->cols[k].format;

	if (d->cols[k].col < 0)
		return false;
	switch (fm_cols[d->cols[k].col].kind) {
	case FM_KIND_TIME:
		return !d->cols[k].part;
	case FM_KIND_DURATION:
		return f == FM_FMT_SECONDS || f == FM_FMT_HMS || f == FM_FMT_MILLISECONDS;
	case FM_KIND_ADDRESS:
		return f == FM_FMT_ADDRESS || f == FM_FMT_NAMED_ADDRESS;
	case FM_KIND_PORT:
	case FM_KIND_CATEGORY:
	case FM_KIND_COUNT:
		return d->cols[k].role == FM_ROLE_VALUE;
	}
	return false;
}

static void strip(const char **s, const char **to, bool tabs)
{
	while (*s < *to && (**s == ' ' || (tabs && **s == '\t')))
		++*s;
	while (*to > *s && ((*to)[-1] == ' ' || (tabs && (*to)[-1] == '\t')))
		--*to;
}

bool fm_row_line(struct fm_row *r, const char *s, size_t n)
{
	void *const *cols = r->t->col;
	const size_t row = r->t->rows;
	const char *from = s, *to = s, *begin = s;
	struct line line;
	int i = 0;

	if (n > FM_ROW_LINE)
		return false;
	look_at(&line, s, n, r->d);
	if (line.odd)
		return false;
	for (const char *block = s; block <= s + n; block += 64)
		for (uint64_t m = line.cut[(block - s) / 64]; m; m &= m - 1, i++) {
			int k = i < r->nfields ? r->map[i] : -1;

			begin = from;
			to = block + __builtin_ctzll(m);
			from = to + 1;
			if (line.padded)
				strip(&begin, &to, !r->d->no_quotes);
			if (k < 0 || (begin < to && !r->may_be_missing[(unsigned char)*begin] && !r->bad &&
				      take_quickly(r, cols, row, k, begin, (size_t)(to - begin))))
				continue;
			r->field = i;
			fm_row_field(r, begin, (size_t)(to - begin));
		}
	r->field = i;
	r->last_empty = begin == to;
	return true;
}
