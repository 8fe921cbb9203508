#include "release/table_values.h"

#include <emmintrin.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "release/table_parts.h"

#define ALWAYS inline __attribute__((always_inline)) /* where all time goes */
#define PIECE 2048                                   /* bytes in which value ends are looked for at once, ... */
#define AT_ONCE 12                                   /* ... and this many of them in one go */
#define READABLE 20 /* bytes from the begin of a value on, for the quick ways of looking at it */
_Static_assert(FM_VALUES_READINGS * sizeof(struct fm_reading) < 6 << 20, "of the 32 MiB that the verifier may take");
#define LOOKED_AT 12 /* the first line that is surely a row, where so many lines are there: head lines are fewer */

/* ---- the same of what is usual, in words of 8 bytes ---- */

#define EACH(byte) ((uint64_t)0x0101010101010101 * (byte))

/* Bits of the bytes that are no digits; t: bytes less '0'. The lowest set bit is right, those above it may not be. */
static inline uint64_t no_digits(uint64_t t)
{
	return (t | (t + EACH(0x7f - 9))) & EACH(0x80);
}

/* x: n bytes of a value, 1 to 8, and zeros: FM_VALUE_WHOLE or _POINT; FM_VALUE_KINDS: it may be something else. */
static ALWAYS enum fm_value_kind kind_of_short(uint64_t x, size_t n)
{
	uint64_t digits = x ^ (EACH('0') & UINT64_MAX >> (64 - 8 * n)), others = no_digits(digits);
	unsigned at;

	if (!others)
		return ((n == 1) | ((uint8_t)x != '0')) ? FM_VALUE_WHOLE : FM_VALUE_WORD;
	at = (unsigned)__builtin_ctzll(others) / 8;
	digits &= ~((uint64_t)0xff << 8 * at);
	return (uint8_t)(x >> 8 * at) == '.' && at > 0 && at + 1 < n && (at == 1 || (uint8_t)x != '0') &&
		       !no_digits(digits)
		   ? FM_VALUE_POINT
		   : FM_VALUE_KINDS;
}

/* n digits, behind which so many bytes can be read that there are four; without branches, for addresses are of all
 * lengths.  Texts of up to three digits that do not begin with 0 compare as their numbers do. */
static ALWAYS unsigned is_octet(const uint8_t *s, unsigned n)
{
	uint32_t text;

	memcpy(&text, s, sizeof text);
	text = __builtin_bswap32(text) >> ((4 - n) * 8 & 31);
	return (n - 1 < 3) & ((n == 1) | (*s != '0')) & (text <= 0x323535); /* 255 */
}

/* A dotted quad of 7 to 15 bytes, of which READABLE can be read. */
static ALWAYS bool is_usual_ipv4(const uint8_t *s, size_t n)
{
	const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)s),
		      digit = _mm_sub_epi8(v, _mm_set1_epi8('0')), nine = _mm_set1_epi8(9);
	unsigned all = (1u << n) - 1, dots = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('.'))) & all,
		 digits = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(digit, nine), nine)) & all, a, b, c;

	if ((dots ^ digits) != all)
		return false;
	a = (unsigned)__builtin_ctz(dots | 1u << 16);
	dots &= dots - 1;
	b = (unsigned)__builtin_ctz(dots | 1u << 16);
	dots &= dots - 1;
	c = (unsigned)__builtin_ctz(dots | 1u << 16);
	if (!dots || dots & (dots - 1))
		return false;
	return is_octet(s, a) & is_octet(s + a + 1, b - a - 1) & is_octet(s + b + 1, c - b - 1) &
	       is_octet(s + c + 1, (unsigned)n - c - 1);
}

/* ---- what was seen ---- */

static inline struct fm_column_seen *here(struct fm_reading *r)
{
	return &r->seen[r->row][r->column];
}

static __attribute__((noinline)) void saw_first(struct fm_reading *r, struct fm_column_seen *c, enum fm_value_kind kind)
{
	c->kinds |= 1u << kind;
	r->first[r->row][c - r->seen[r->row]][kind] = r->line < UINT32_MAX ? (uint32_t)r->line : UINT32_MAX;
}

static ALWAYS void saw(struct fm_reading *r, struct fm_column_seen *c, enum fm_value_kind kind)
{
	if (__builtin_expect(!(c->kinds & 1u << kind), 0))
		saw_first(r, c, kind);
}

static void take_word(struct fm_reading *r, struct fm_column_seen *c, const uint8_t *s, size_t n)
{
	bool first = !(c->kinds & 1u << FM_VALUE_WORD);

	if (first && n <= sizeof c->word) {
		memcpy(c->word, s, n);
		c->nword = (uint8_t)n;
	} else if (n != c->nword || memcmp(c->word, s, n) != 0) {
		saw(r, c, FM_VALUE_WORDS);
	}
	saw(r, c, FM_VALUE_WORD);
}

static __attribute__((noinline)) void take_first_whole(struct fm_reading *r, struct fm_column_seen *c, uint64_t text)
{
	c->least = text < c->least || !(c->kinds & 1u << FM_VALUE_WHOLE) ? text : c->least;
	c->most = text > c->most ? text : c->most;
	saw(r, c, FM_VALUE_WHOLE);
}

/* text is not 0, so the first one is beyond the bounds too: they are 0, or the least is UINT64_MAX behind longer ones.
 */
static ALWAYS void take_whole(struct fm_reading *r, struct fm_column_seen *c, uint64_t text)
{
	if (__builtin_expect((text < c->least) | (text > c->most), 0))
		take_first_whole(r, c, text);
}

static __attribute__((noinline)) void take_any(struct fm_reading *r, struct fm_column_seen *c, const uint8_t *s,
					       size_t n)
{
	enum fm_value_kind kind = fm_value_kind_of(r->minute, s, n);
	uint64_t text = 0;

	if (kind == FM_VALUE_WORD) {
		take_word(r, c, s, n);
	} else if (kind == FM_VALUE_WHOLE && n <= sizeof text) {
		for (size_t i = 0; i < n; i++)
			text = text << 8 | s[i];
		take_whole(r, c, text);
	} else if (kind == FM_VALUE_WHOLE) {
		c->longer = true;
		take_first_whole(r, c, c->kinds & 1u << kind ? c->least : UINT64_MAX);
	} else {
		saw(r, c, kind);
	}
}

/* 1 to 8 bytes, of which 8 can be read. */
static ALWAYS void take_short(struct fm_reading *r, struct fm_column_seen *c, const uint8_t *s, size_t n)
{
	enum fm_value_kind kind;
	uint64_t x, word;

	memcpy(&x, s, sizeof x);
	memcpy(&word, c->word, sizeof word);
	x &= UINT64_MAX >> (64 - 8 * n);
	if ((n == c->nword) & (x == word))
		return;
	kind = kind_of_short(x, n);
	if (kind == FM_VALUE_WHOLE)
		take_whole(r, c, __builtin_bswap64(x) >> (64 - 8 * n));
	else if (kind == FM_VALUE_POINT)
		saw(r, c, kind);
	else
		take_any(r, c, s, n);
}

static ALWAYS bool is_same_minute(const struct fm_reading *r, const uint8_t *s)
{
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)s),
		b = _mm_loadu_si128((const __m128i *)(const void *)r->minute);

	return _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) == 0xffff && s[16] == ':';
}

/* left: bytes from s on that can be read. */
static ALWAYS void take(struct fm_reading *r, struct fm_column_seen *c, const uint8_t *s, size_t n, size_t left)
{
	if (c->kinds & 1u << FM_VALUE_WORDS) { /* a column of text: nothing else of it matters */
		if (n == 0)
			saw(r, c, FM_VALUE_EMPTY);
	} else if (__builtin_expect(left < READABLE, 0)) {
		take_any(r, c, s, n);
	} else if (n - 1 < 8) {
		take_short(r, c, s, n);
	} else if (n == 19 && is_same_minute(r, s) && s[17] >= '0' && s[17] < '6' && (uint8_t)(s[18] - '0') < 10) {
		saw(r, c, FM_VALUE_TIME);
	} else if (n < 16 && n > 6 && c->kinds & 1u << FM_VALUE_IPV4 && is_usual_ipv4(s, n)) {
		return;
	} else {
		take_any(r, c, s, n);
	}
}

/* ---- values of rows ---- */

static __attribute__((noinline)) void keep(struct fm_reading *r, const uint8_t *p, size_t n)
{
	size_t some = r->nkept < sizeof r->kept ? sizeof r->kept - r->nkept : 0;

	memcpy(r->kept + r->nkept, p, n < some ? n : some);
	r->nkept += n < some ? n : some;
}

/* What a value's end leads to: the next column, or the first one of the next row. */
static ALWAYS struct fm_column_seen *next_column(struct fm_reading *r, struct fm_column_seen *c, bool row)
{
	size_t k;

	if (!row)
		return c + (c < &r->seen[r->row][FM_VALUES_COLUMNS]);
	k = (size_t)(c - r->seen[r->row]);
	if (k < r->fewest[r->row])
		r->fewest[r->row] = (uint8_t)k;
	r->line++;
	r->row += r->row < FM_FORM_HEAD;
	return r->seen[r->row];
}

/* A value of column c ends before byte `end`; left: bytes from s on that can be read. */
static ALWAYS struct fm_column_seen *end_value(struct fm_reading *r, struct fm_column_seen *c, const uint8_t *s,
					       size_t n, size_t left, uint8_t end)
{
	if (__builtin_expect(r->nkept > 0, 0)) {
		keep(r, s, n);
		s = r->kept;
		n = r->nkept;
		left = sizeof r->kept;
		r->nkept = 0;
	}
	if (end == '\n' && n && s[n - 1] == '\r')
		n--;
	take(r, c, s, n, left);
	return next_column(r, c, end == '\n');
}

/* Where values end in the next 64 bytes, which are the ones from `from` on of those before `end`; how many there are.
 */
static ALWAYS unsigned find_ends(const uint8_t *p, __m128i delimiter, uint16_t from, uint16_t *end)
{
	const __m128i line = _mm_set1_epi8('\n'), zero = _mm_setzero_si128();
	__m128i count = zero;
	uint64_t ends = 0;
	unsigned n;

#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)),
			is = _mm_or_si128(_mm_cmpeq_epi8(v, delimiter), _mm_cmpeq_epi8(v, line));

		ends |= (uint64_t)(uint32_t)_mm_movemask_epi8(is) << 16 * i;
		count = _mm_sub_epi8(count, is);
	}
	count = _mm_sad_epu8(count, zero);
	n = (unsigned)_mm_cvtsi128_si32(count) + (unsigned)_mm_extract_epi16(count, 4);
	/* Take many at once without testing how many there are, a branch that no processor predicts. */
	for (unsigned i = 0; i < n; i += AT_ONCE)
#pragma GCC unroll 12
		for (unsigned k = 0; k < AT_ONCE; k++) {
			end[i + k] = (uint16_t)(from + __builtin_ctzll(ends | (uint64_t)1 << 63));
			ends &= ends - 1;
		}
	return n;
}

static void add_plain(struct fm_reading *r, const uint8_t *p, size_t n)
{
	const __m128i delimiter = _mm_set1_epi8(r->delimiter);
	struct fm_column_seen *c = here(r);
	const uint8_t *begin = p, *stop = p + n;
	uint16_t end[PIECE + AT_ONCE];

	while (stop - p >= 64) {
		size_t some = stop - p < PIECE ? (size_t)(stop - p) / 64 * 64 : PIECE;
		unsigned k = 0;

		for (size_t i = 0; i < some; i += 64)
			k += find_ends(p + i, delimiter, (uint16_t)i, end + k);
		for (unsigned i = 0; i < k; i++) {
			const uint8_t *at = p + end[i];

			c = end_value(r, c, begin, (size_t)(at - begin), (size_t)(stop - begin), *at);
			begin = at + 1;
		}
		p += some;
	}
	for (; p < stop; p++)
		if (*p == (uint8_t)r->delimiter || *p == '\n') {
			c = end_value(r, c, begin, (size_t)(p - begin), (size_t)(stop - begin), *p);
			begin = p + 1;
		}
	r->column = (size_t)(c - r->seen[r->row]);
	keep(r, begin, (size_t)(stop - begin));
}

static void end_quoted(struct fm_reading *r, uint8_t end)
{
	static const uint8_t nothing[1];
	struct fm_column_seen *c = end_value(r, here(r), nothing, 0, 0, end);

	r->column = (size_t)(c - r->seen[r->row]);
}

static void add_quoted(struct fm_reading *r, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = p[i];

		if (c == '"') {
			/* The first quote of a value is not part of it; two inside it are one. */
			if (!r->open && (r->nkept || r->closed))
				keep(r, &c, 1);
			r->closed = r->open;
			r->open = !r->open;
		} else if (!r->open && (c == (uint8_t)r->delimiter || c == '\n')) {
			end_quoted(r, c);
			r->closed = false;
		} else {
			keep(r, &c, 1);
		}
	}
}

/* ---- lines of JSON ---- */

/* A byte of a key: those of the first line are kept, and those of the others must be the same. */
static void add_key(struct fm_table_values *v, uint8_t c)
{
	if (v->reading[0]->line == 0 && v->keys.len < FM_VALUES_BEGIN) {
		fm_buf_add(&v->keys, &c, 1);
	} else {
		v->other |= v->key >= v->keys.len || v->keys.data[v->key] != (char)c;
		v->key++;
	}
}

static void end_json_value(struct fm_table_values *v, bool text)
{
	struct fm_reading *r = v->reading[0];

	saw(r, here(r), text ? FM_VALUE_QUOTED : FM_VALUE_BARE);
	take(r, here(r), r->kept, r->nkept, sizeof r->kept);
	r->nkept = 0;
	r->column += r->column < FM_VALUES_COLUMNS;
}

static void add_json_byte(struct fm_table_values *v, uint8_t c)
{
	struct fm_reading *r = v->reading[0];
	bool escaped = v->escape;

	v->escape = false;
	switch (v->at) {
	case FM_AT_LINE:
		v->other |= c != '{';
		v->at = FM_AT_KEY;
		break;
	case FM_AT_KEY:
		v->other |= c != '"';
		v->at = FM_IN_KEY;
		break;
	case FM_IN_KEY:
		add_key(v, c);
		v->escape = !escaped && c == '\\';
		if (c == '"' && !escaped)
			v->at = FM_AT_COLON;
		break;
	case FM_AT_COLON:
		v->other |= c != ':';
		v->at = FM_AT_VALUE;
		break;
	case FM_AT_VALUE:
		v->at = c == '"' ? FM_IN_TEXT : FM_IN_NUMBER;
		if (c != '"')
			keep(r, &c, 1);
		break;
	case FM_IN_TEXT:
		if (c == '"' && !escaped) {
			end_json_value(v, true);
			v->at = FM_BEHIND_VALUE;
			break;
		}
		v->escape = !escaped && c == '\\';
		keep(r, &c, 1);
		break;
	case FM_IN_NUMBER:
		if (c != ',' && c != '}') {
			keep(r, &c, 1);
			break;
		}
		end_json_value(v, false);
		v->at = c == ',' ? FM_AT_KEY : FM_AT_END;
		break;
	case FM_BEHIND_VALUE:
		v->other |= c != ',' && c != '}';
		v->at = c == ',' ? FM_AT_KEY : FM_AT_END;
		break;
	case FM_AT_END:
		v->other |= c != '\n' || (r->line && v->key != v->keys.len);
		v->at = FM_AT_LINE;
		v->key = 0;
		(void)next_column(r, here(r), true);
		r->column = 0;
		break;
	}
}

/* ---- the readings ---- */

static struct fm_reading *new_reading(struct fm_table_values *v, char delimiter)
{
	struct fm_reading *r = fm_calloc(1, sizeof *r);

	if (!r) {
		v->failed = true;
		return NULL;
	}
	r->delimiter = delimiter;
	for (int i = 0; i <= FM_FORM_HEAD; i++)
		r->fewest[i] = FM_VALUES_COLUMNS;
	return v->reading[v->n++] = r;
}

/* How often a byte is in a text. */
static size_t times(const char *at, const char *end, char c)
{
	size_t n = 0;

	for (; at < end; at++)
		n += *at == c;
	return n;
}

/* Is a delimiter that is `n` times in `lines` rows perhaps theirs?  all: they are all the lines, head lines too. */
static bool may_part(size_t n, size_t lines, bool all)
{
	return n > 0 && (all || n >= lines);
}

/* Have `n` values so many bytes that most are text?  An address has 39 at most, and each a delimiter behind it. */
static bool are_long(size_t nbytes, size_t n)
{
	return nbytes > FM_VALUES_SHORT * n;
}

/* The delimiters that rows may have: as many as the lines behind all that may stand before rows.  A blank, which times
 * have inside, is one where there are more of them than two times would have, or where values are not long by it; and
 * then each row may be one value too, whatever is in it.  Most tables need neither, and would take longer by them. */
static void choose(struct fm_table_values *v)
{
	static const char marks[] = FM_VALUES_USUAL FM_VALUES_RARE;
	const char *at = v->begin.data, *end = at + v->begin.len, *from = at, *nl;
	size_t lines = 0, n;
	bool all = true, alone;

	v->chosen = true;
	if (v->json) {
		new_reading(v, 0);
		return;
	}
	for (const char *p = at; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
		if (++lines == LOOKED_AT) { /* it is whole, and it and those behind it are rows */
			from = p;
			all = false;
		}
	}
	if (!all)
		while (end[-1] != '\n') /* a line that is not there yet has not all its values */
			end--;
	lines = times(from, end, '\n');
	for (const char *d = marks; *d; d++)
		if (may_part(times(from, end, *d), lines, all))
			new_reading(v, *d);
	n = times(from, end, ' ');
	alone = v->n == 0;
	if (may_part(n, lines, all) && (all || n > 2 * lines || alone || !are_long((size_t)(end - from), n + lines)))
		new_reading(v, ' ');
	if (all || alone || !are_long((size_t)(end - from), lines))
		new_reading(v, FM_VALUES_NO_DELIMITER);
}

static void add_to_readings(struct fm_table_values *v, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->reading[i]->quotes)
			add_quoted(v->reading[i], p, n);
		else
			add_plain(v->reading[i], p, n);
	}
}

/* From the first double quote on each reading is two: in one of them a quote is a byte like any other. */
static void part_readings(struct fm_table_values *v)
{
	size_t n = v->n;

	v->has_quotes = true;
	for (size_t i = 0; i < n; i++) {
		struct fm_reading *r = new_reading(v, 0);

		if (!r)
			return;
		*r = *v->reading[i];
		r->quotes = true;
	}
}

static void add_chosen(struct fm_table_values *v, const uint8_t *p, size_t n)
{
	const uint8_t *quote = NULL;

	if (v->failed || !n)
		return;
	if (v->json) {
		for (size_t i = 0; i < n; i++)
			add_json_byte(v, p[i]);
		return;
	}
	if (!v->has_quotes && (quote = memchr(p, '"', n))) {
		add_to_readings(v, p, (size_t)(quote - p));
		part_readings(v);
		n -= (size_t)(quote - p);
		p = quote;
	}
	add_to_readings(v, p, n);
}

static void begin_is_whole(struct fm_table_values *v)
{
	choose(v);
	add_chosen(v, (const uint8_t *)v->begin.data, v->begin.len);
}

static int check(const struct fm_table_values *v, struct fm_error *err)
{
	return v->failed || v->begin.failed || v->keys.failed
		   ? fm_fail(err, FM_ESYSTEM, "out of memory for the columns of a table")
		   : FM_OK;
}

int fm_table_values_add(struct fm_table_values *v, const uint8_t *p, size_t n, struct fm_error *err)
{
	size_t some = 0;

	for (; !v->chosen && some < n; some++) {
		fm_buf_add(&v->begin, p + some, 1);
		v->lines += p[some] == '\n';
		if (v->lines == FM_FORM_HEAD || v->begin.len == FM_VALUES_BEGIN)
			begin_is_whole(v);
	}
	if (v->chosen)
		add_chosen(v, p + some, n - some);
	return check(v, err);
}

int fm_table_values_end(struct fm_table_values *v, struct fm_error *err)
{
	if (!v->chosen)
		begin_is_whole(v);
	return check(v, err);
}

int fm_table_values_new(struct fm_table_values **v, bool json, struct fm_error *err)
{
	int rc = fm_alloc(v, 1, sizeof **v, "the columns of a table", err);

	if (rc >= 0)
		(*v)->json = json;
	return rc;
}

void fm_table_values_free(struct fm_table_values *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n; i++)
		free(v->reading[i]);
	fm_buf_free(&v->begin);
	fm_buf_free(&v->keys);
	free(v);
}
