/*
 * row_line_impl.h - a line of delimited fields -> a row, by one pass over its bytes and short ways for what most fields
 * are (row.h): digits alone, dotted quads, seconds with three decimals, times and categories that were seen before. All
 * else goes to fm_row_field, so a short way needs to be right only for texts that it accepts.
 *
 * Short ways load 16 bytes at the start of a field, whatever its length. Compiled for three kinds of processor, as the
 * kernels are (base/kernels.h): FM_ROW_LINE_FN is the function's name.
 */
#include <immintrin.h>
#include <string.h>

#include "traces/row.h"
#include "traces/row_parts.h"

#define BLOCKS (FM_ROW_LINE / 64 + 1)
#define PUT 32 /* places written at once, most of them unused: a test of their number would be mispredicted */

/* Bit i: byte i of 64 is one of these. */
struct found {
	uint64_t cut, blank, odd, lf; /* the delimiter; a blank; a carriage return, a NUL or a quote; a line end */
};

/* What is looked for; without quotes in the dialect, quote is 0; with tabs as delimiters, tab is a space. */
struct wanted {
	char cut, tab, quote;
};

/* Where a line is cut: the places of its delimiters and of its end. */
struct line {
	uint16_t cut[64 * BLOCKS + PUT];
	size_t n;    /* of them */
	size_t all;  /* bytes with its end */
	bool padded; /* a blank stands beside a delimiter, or may */
};

#if defined(__AVX512BW__)
static inline struct found look(const char *s, struct wanted w)
{
	const __m512i v = _mm512_loadu_si512(s);

	return (struct found){
	    .cut = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(w.cut)),
	    .blank =
		_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(' ')) | _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(w.tab)),
	    .odd = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\r')) | _mm512_testn_epi8_mask(v, v) |
		   _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(w.quote)),
	    .lf = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n')),
	};
}

static inline void put(uint16_t *to, __m256i places, size_t base)
{
	_mm512_storeu_si512(to, _mm512_add_epi16(_mm512_cvtepu8_epi16(places), _mm512_set1_epi16((short)base)));
}

/* Store the places of a block's bits; returns how many there are. */
static inline size_t put_cuts(uint16_t *to, uint64_t cut, size_t base)
{
	static const uint8_t bytes[64] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
					  16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
					  32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
					  48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
	const __m512i places = _mm512_maskz_compress_epi8(cut, _mm512_loadu_si512(bytes));
	const size_t n = (size_t)__builtin_popcountll(cut);

	put(to, _mm512_castsi512_si256(places), base);
	if (n > PUT)
		put(to + PUT, _mm512_extracti64x4_epi64(places, 1), base);
	return n;
}
#else
#ifdef __AVX2__
#define LANES 32
typedef __m256i bytes;
#define LOAD(s) _mm256_loadu_si256((const __m256i *)(s))
#define ALL(c) _mm256_set1_epi8(c)
#define IS(v, c) _mm256_cmpeq_epi8(v, ALL(c))
#define OR(a, b) _mm256_or_si256(a, b)
#define BITS(v) ((uint64_t)(unsigned)_mm256_movemask_epi8(v))
#else
#define LANES 16
typedef __m128i bytes;
#define LOAD(s) _mm_loadu_si128((const __m128i *)(s))
#define ALL(c) _mm_set1_epi8(c)
#define IS(v, c) _mm_cmpeq_epi8(v, ALL(c))
#define OR(a, b) _mm_or_si128(a, b)
#define BITS(v) ((uint64_t)(unsigned)_mm_movemask_epi8(v))
#endif
static inline struct found look(const char *s, struct wanted w)
{
	struct found f = {0};

	for (int i = 0; i < 64; i += LANES) {
		const bytes v = LOAD(s + i);

		f.cut |= BITS(IS(v, w.cut)) << i;
		f.blank |= BITS(OR(IS(v, ' '), IS(v, w.tab))) << i;
		f.odd |= BITS(OR(OR(IS(v, '\r'), IS(v, 0)), IS(v, w.quote))) << i;
		f.lf |= BITS(IS(v, '\n')) << i;
	}
	return f;
}

/* Store the places of a block's bits; returns how many there are. */
static inline size_t put_cuts(uint16_t *to, uint64_t cut, size_t base)
{
	size_t n = 0;

	for (; cut; cut &= cut - 1)
		to[n++] = (uint16_t)(base + (size_t)__builtin_ctzll(cut));
	return n;
}
#endif

/* False: the line is empty, too long, or odd. */
static inline bool cut_line(struct line *line, const char *s, const struct fm_dialect *d)
{
	const struct wanted w = {d->delimiter, d->delimiter == '\t' ? ' ' : '\t', d->no_quotes ? 0 : '"'};
	uint64_t odds = 0, padding = 0, before = 1, end; /* before: the byte in front of this block is a delimiter */
	struct found f;
	size_t base = 0, n;

	line->n = 0;
	for (;; base += 64) {
		f = look(s + base, w);
		if (f.lf)
			break;
		padding |= f.blank & (f.cut << 1 | before | f.cut >> 1 | UINT64_C(1) << 63);
		before = f.cut >> 63;
		odds |= f.odd;
		line->n += put_cuts(line->cut + line->n, f.cut, base);
		if (base == 64 * (BLOCKS - 1))
			return false;
	}
	end = f.lf & -f.lf;
	n = base + (size_t)__builtin_ctzll(f.lf);
	f.odd &= end - 1;
	f.cut = (f.cut & (end - 1)) | end;
	if (odds | f.odd) { /* a carriage return before the line end, in this block, is part of it */
		if (odds || f.odd != end >> 1 || s[n - 1] != '\r')
			return false;
		f.cut = (f.cut & (f.odd - 1)) | f.odd;
	}
	padding |= f.blank & (end - 1) & (f.cut << 1 | before | f.cut >> 1);
	line->n += put_cuts(line->cut + line->n, f.cut, base);
	line->padded = padding != 0;
	line->all = n + 1;
	return n > (f.odd != 0);
}

/* 1 to 8 digits: the bytes in front of them, where higher digits would be, become 0; then pairs, fours and all are
 * added up in parallel (Lemire, "Quickly parsing eight digits", 2018). */
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

/* Append one number of a dotted quad, 1 to 3 digits, to those in *ip; 1: it is over 255. */
static inline unsigned quad_part(const char *s, unsigned n, uint32_t *ip)
{
	uint32_t x;

	memcpy(&x, s, 4);
	x = (x & 0x0f0f0f0f) << (32 - 8 * n); /* bytes 1 to 3: hundreds, tens, ones */
	*ip = *ip << 8 | x * (100 << 16 | 10 << 8 | 1) >> 24;
	return __builtin_bswap32(x) > 0x020505;
}

/* A dotted quad without leading zeros, checked by masks of its points, digits and zeros. */
static inline bool quad(const char *s, size_t n, uint32_t *ip)
{
	const __m128i v = _mm_loadu_si128((const __m128i *)s), digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
	unsigned all = (1u << n % 32) - 1, points, digits, zeros, two, one, a, b, c;

	points = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('.'))) & all;
	digits = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit)) & all;
	zeros = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(digit, _mm_setzero_si128()));
	two = points & (points - 1);
	one = two & (two - 1);
	if (n > 15 || (points | digits) != all || !one || one & (one - 1))
		return false;
	/* An empty number, one of four digits, or a leading zero. */
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

/* "7.250". */
static inline bool seconds(const char *s, size_t n, uint32_t *ms)
{
	uint32_t whole, part;

	if (n < 5 || s[n - 4] != '.' || !few_digits(s, n - 4, &whole) || !few_digits(s + n - 3, 3, &part) ||
	    whole > UINT32_MAX / 1000 - 1)
		return false;
	*ms = whole * 1000 + part;
	return true;
}

/* Is it the text of the last time once more? */
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

/* 1 to FM_ROW_KEY bytes, zero-padded. */
static inline void key_of(const char *s, size_t n, uint64_t key[2])
{
	static const uint64_t ones[2 * FM_ROW_KEY / 8] = {UINT64_MAX, UINT64_MAX};
	uint64_t mask[2];

	memcpy(mask, (const char *)ones + FM_ROW_KEY - n, sizeof mask);
	memcpy(key, s, FM_ROW_KEY);
	key[0] &= mask[0];
	key[1] &= mask[1];
}

/* Look a value up in the cache. */
static inline bool category(const struct fm_row_memory *m, int c, const char *s, size_t n, uint16_t *index)
{
	uint64_t key[2];
	size_t at;

	if (n - 1 > FM_ROW_KEY - 1)
		return false;
	key_of(s, n, key);
	at = fm_row_cache_at(key);
	*index = m->cache[c][at].index;
	return m->cache[c][at].key[0] == key[0] && m->cache[c][at].key[1] == key[1];
}

/* A dotted quad. Addresses repeat, so recent ones are remembered. */
static inline bool address(struct fm_row *r, int c, uint32_t *code, const char *s, size_t n)
{
	struct fm_row_memory *m = r->memory;
	struct fm_address a;
	uint32_t ip;
	uint64_t text[2];
	size_t at;

	if (n - 1 > 14)
		return false;
	key_of(s, n, text);
	at = fm_row_recent_at(text);
	if (m->recent_ip[at].text[0] == text[0] && m->recent_ip[at].text[1] == text[1]) {
		*code = m->recent_ip[at].code - 1;
		return true;
	}
	if (r->bad || !quad(s, n, &ip)) /* no address of a bad row enters the dictionary */
		return false;
	a = fm_address_of_ipv4(ip);
	fm_row_set_address(r, c, &a);
	if (r->bad)
		return true;
	memcpy(m->recent_ip[at].text, text, sizeof text);
	m->recent_ip[at].code = *code + 1;
	return true;
}

/* A field, which may be empty, of a column that has a short way; false: nothing was done. Short ways accept no word for
 * a missing value, except that one may begin with a digit. */
static inline __attribute__((always_inline)) bool take_quickly(struct fm_row *r, struct fm_row_quick q,
							       void *const *cols, size_t row, const char *s, size_t n)
{
	uint32_t v = 0;

	switch ((enum fm_row_way)q.way) {
	case FM_WAY_NONE:
		return true;
	case FM_WAY_FIELD:
		return false;
	case FM_WAY_TE:
		if (!is_last_time(&r->time[FM_ROLE_VALUE], s, n))
			return false;
		((int64_t *)cols[FM_TE])[row] = r->time[FM_ROLE_VALUE].ms;
		r->said |= r->time[FM_ROLE_VALUE].said;
		r->has_te = true;
		return true;
	case FM_WAY_START:
		if (!is_last_time(&r->time[FM_ROLE_START], s, n))
			return false;
		r->start_ms = r->time[FM_ROLE_START].ms;
		r->said |= r->time[FM_ROLE_START].said;
		r->has_start = true;
		return true;
	case FM_WAY_SECONDS:
		return seconds(s, n, (uint32_t *)cols[FM_TD] + row);
	case FM_WAY_MILLISECONDS:
		return few_digits(s, n, (uint32_t *)cols[FM_TD] + row);
	case FM_WAY_ADDRESS:
		return address(r, q.col, (uint32_t *)cols[q.col] + row, s, n);
	case FM_WAY_PORT:
		if (!few_digits(s, n, &v) || v > UINT16_MAX)
			return false;
		((uint16_t *)cols[q.col])[row] = (uint16_t)v;
		return true;
	case FM_WAY_LABEL:
		if (!category(r->memory, FM_LABEL, s, n, (uint16_t *)cols[FM_LABEL] + row))
			return false;
		r->has_label = true;
		return true;
	case FM_WAY_CATEGORY:
		return category(r->memory, q.col, s, n, (uint16_t *)cols[q.col] + row);
	case FM_WAY_COUNT:
		if (!few_digits(s, n, &v))
			return false;
		((uint64_t *)cols[q.col])[row] = v;
		return true;
	}
	__builtin_unreachable();
}

static void strip(const char **s, const char **to, bool tabs)
{
	while (*s < *to && (**s == ' ' || (tabs && **s == '\t')))
		++*s;
	while (*to > *s && ((*to)[-1] == ' ' || (tabs && (*to)[-1] == '\t')))
		--*to;
}

/* careful: drop blanks, and look at fields that may be a word for a missing value. */
static inline __attribute__((always_inline)) void take_fields(struct fm_row *r, const char *s, const struct line *line,
							      bool careful)
{
	void *const *cols = r->t->col;
	const size_t row = r->t->rows;
	const char *from = s, *to = s, *begin = s;

	for (size_t i = 0; i < line->n; i++) {
		const struct fm_row_quick q = r->quick[i];

		begin = from;
		to = s + line->cut[i];
		from = to + 1;
		if (careful && line->padded)
			strip(&begin, &to, !r->d->no_quotes);
		if (!(careful && q.way != FM_WAY_NONE && r->may_be_missing[(unsigned char)*begin]) &&
		    take_quickly(r, q, cols, row, begin, (size_t)(to - begin)))
			continue;
		r->field = (int)i;
		fm_row_field(r, begin, (size_t)(to - begin));
	}
	r->last_empty = begin == to;
}

size_t FM_ROW_LINE_FN(struct fm_row *r, const char *s)
{
	struct line line;

	if (!cut_line(&line, s, r->d))
		return 0;
	if (line.padded || r->digits_may_be_missing)
		take_fields(r, s, &line, true);
	else
		take_fields(r, s, &line, false);
	r->field = (int)line.n;
	return line.all;
}
