#include "release/table_values.h"

#include <emmintrin.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/mem.h"
#include "release/table_parts.h"

#define ALWAYS inline __attribute__((always_inline)) /* where all time goes */
#define READABLE 20  /* bytes from the begin of a value on, for the quick ways of looking at it */
#define LOOKED_AT 12 /* the first line that is surely a row, where so many lines are there: head lines are fewer */

/* ---- one value ---- */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool all_digits(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_digit(s[i]))
			return false;
	return n > 0;
}

/* A dotted quad without needless zeros. */
static bool is_ipv4(const uint8_t *s, size_t n)
{
	unsigned part = 0, digits = 0, parts = 1;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.') {
			if (!digits || ++parts > 4)
				return false;
			part = digits = 0;
			continue;
		}
		if (!is_digit(s[i]) || (digits && !part))
			return false;
		part = part * 10 + (s[i] - '0');
		digits++;
		if (part > 255)
			return false;
	}
	return parts == 4 && digits;
}

static bool is_ipv6(const uint8_t *s, size_t n)
{
	char text[FM_ADDRESS_TEXT_MAX];
	struct fm_address a;

	return n < sizeof text && memchr(s, ':', n) && fm_address_parse((const char *)s, n, &a) == 0 &&
	       fm_address_format(&a, text) == n && memcmp(text, s, n) == 0;
}

static unsigned two(const uint8_t *s)
{
	return (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
}

/* YYYY-MM-DD HH:MM: of a minute that there is. */
static bool is_minute(const uint8_t *s)
{
	static const uint8_t days[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned year, month, day;

	if (!all_digits(s, 4) || s[4] != '-' || !all_digits(s + 5, 2) || s[7] != '-' || !all_digits(s + 8, 2) ||
	    s[10] != ' ' || !all_digits(s + 11, 2) || s[13] != ':' || !all_digits(s + 14, 2) || s[16] != ':')
		return false;
	year = two(s) * 100 + two(s + 2);
	month = two(s + 5);
	day = two(s + 8);
	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] &&
	       (month != 2 || day < 29 || (year % 4 == 0 && (year % 100 || year % 400 == 0))) && two(s + 11) < 24 &&
	       two(s + 14) < 60;
}

static enum fm_value_kind time_kind(struct fm_reading *r, const uint8_t *s, size_t n)
{
	if (n < 19 || n > 29)
		return FM_VALUE_WORD;
	if (memcmp(s, r->minute, sizeof r->minute) != 0) {
		if (!is_minute(s))
			return FM_VALUE_WORD;
		memcpy(r->minute, s, sizeof r->minute);
	}
	if (!all_digits(s + 17, 2) || s[17] > '5')
		return FM_VALUE_WORD;
	if (n == 19)
		return FM_VALUE_TIME;
	return s[19] == '.' && all_digits(s + 20, n - 20) ? FM_VALUE_TIME_PART : FM_VALUE_WORD;
}

static enum fm_value_kind kind_of(struct fm_reading *r, const uint8_t *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_digit(s[i]))
		i++;
	if (i == n)
		return n == 0 ? FM_VALUE_EMPTY : n < 20 && (n == 1 || *s != '0') ? FM_VALUE_WHOLE : FM_VALUE_WORD;
	if (s[i] == '-' && i == 4)
		return time_kind(r, s, n);
	if ((s[i] == '.' || s[i] == ',') && i > 0 && (i == 1 || *s != '0') && all_digits(s + i + 1, n - i - 1))
		return s[i] == '.' ? FM_VALUE_POINT : FM_VALUE_COMMA;
	if (s[i] == '.' && is_ipv4(s, n))
		return FM_VALUE_IPV4;
	if (*s == '-' && n > 1 && all_digits(s + 1, n - 1))
		return FM_VALUE_NEGATIVE;
	return is_ipv6(s, n) ? FM_VALUE_IPV6 : FM_VALUE_WORD;
}

/* ---- the same of what is usual, in words of 8 bytes ---- */

#define EACH(byte) ((uint64_t)0x0101010101010101 * (byte))

/* Bits of the bytes that are no digits; t: bytes less '0'. The lowest one is right, those above it may not be. */
static inline uint64_t no_digits(uint64_t t)
{
	return (t | (t + EACH(0x7f - 9))) & EACH(0x80);
}

/* 1 to 8 bytes, of which 8 can be read: FM_VALUE_WHOLE or _POINT; FM_VALUE_KINDS: it may be something else. */
static ALWAYS enum fm_value_kind kind_of_short(const uint8_t *s, size_t n, uint64_t *text)
{
	uint64_t x, others;
	unsigned at;

	memcpy(&x, s, sizeof x);
	x &= UINT64_MAX >> (64 - 8 * n);
	*text = __builtin_bswap64(x) >> (64 - 8 * n);
	x ^= EACH('0') & UINT64_MAX >> (64 - 8 * n);
	others = no_digits(x);
	if (!others)
		return (n == 1) | (*s != '0') ? FM_VALUE_WHOLE : FM_VALUE_WORD;
	at = (unsigned)__builtin_ctzll(others) / 8;
	x &= ~((uint64_t)0xff << 8 * at);
	return s[at] == '.' && at > 0 && at + 1 < n && (at == 1 || *s != '0') && !no_digits(x) ? FM_VALUE_POINT
											       : FM_VALUE_KINDS;
}

/* n bytes, of which three can be read; without branches, for addresses are of all lengths. */
static ALWAYS bool is_octet(const uint8_t *s, unsigned n)
{
	bool much = (s[0] > '2') | ((s[0] == '2') & ((s[1] > '5') | ((s[1] == '5') & (s[2] > '5'))));

	return (n - 1 < 3) & ((n == 1) | (*s != '0')) & ((n < 3) | !much);
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
	r->first[r->row][r->column][kind] = r->line;
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

static ALWAYS void take_whole(struct fm_reading *r, struct fm_column_seen *c, uint64_t text)
{
	c->least = text < c->least || !(c->kinds & 1u << FM_VALUE_WHOLE) ? text : c->least;
	c->most = text > c->most ? text : c->most;
	saw(r, c, FM_VALUE_WHOLE);
}

static __attribute__((noinline)) void take_any(struct fm_reading *r, struct fm_column_seen *c, const uint8_t *s,
					       size_t n)
{
	enum fm_value_kind kind = kind_of(r, s, n);
	uint64_t text = 0;

	if (kind == FM_VALUE_WORD) {
		take_word(r, c, s, n);
	} else if (kind == FM_VALUE_WHOLE && n <= sizeof text) {
		for (size_t i = 0; i < n; i++)
			text = text << 8 | s[i];
		take_whole(r, c, text);
	} else if (kind == FM_VALUE_WHOLE) {
		c->longer = true;
		take_whole(r, c, c->kinds & 1u << kind ? c->least : UINT64_MAX);
	} else {
		saw(r, c, kind);
	}
}

/* The first n of 8 bytes. */
static ALWAYS bool is_same(const uint8_t *s, const char *word, size_t n)
{
	uint64_t a, b;

	memcpy(&a, s, sizeof a);
	memcpy(&b, word, sizeof b);
	return !((a ^ b) & UINT64_MAX >> (64 - 8 * n));
}

static ALWAYS bool is_same_minute(const struct fm_reading *r, const uint8_t *s)
{
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)s),
		b = _mm_loadu_si128((const __m128i *)(const void *)r->minute);

	return _mm_movemask_epi8(_mm_cmpeq_epi8(a, b)) == 0xffff && s[16] == ':';
}

/* left: bytes from s on that can be read. */
static ALWAYS void take(struct fm_reading *r, const uint8_t *s, size_t n, size_t left)
{
	struct fm_column_seen *c = here(r);
	enum fm_value_kind kind;
	uint64_t text;

	if (c->kinds & 1u << FM_VALUE_WORDS) { /* a column of text: nothing else of it matters */
		if (n == 0)
			saw(r, c, FM_VALUE_EMPTY);
		return;
	}
	if (left >= READABLE && n - 1 < 8 && (kind = kind_of_short(s, n, &text)) < FM_VALUE_WORD) {
		if (kind == FM_VALUE_WHOLE)
			take_whole(r, c, text);
		else
			saw(r, c, kind);
	} else if (left >= READABLE && n - 1 < 8 && n == c->nword && is_same(s, c->word, n)) {
		return;
	} else if (left >= READABLE && n == 19 && is_same_minute(r, s) && s[17] >= '0' && s[17] < '6' &&
		   is_digit(s[18])) {
		saw(r, c, FM_VALUE_TIME);
	} else if (left >= READABLE && n < 16 && n > 6 && c->kinds & 1u << FM_VALUE_IPV4 && is_usual_ipv4(s, n)) {
		saw(r, c, FM_VALUE_IPV4);
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

static inline void end_row(struct fm_reading *r)
{
	r->line++;
	r->row += r->row < FM_FORM_HEAD;
	r->column = 0;
}

/* A value ends before byte c; left: bytes from s on that can be read. */
static ALWAYS void end_value(struct fm_reading *r, const uint8_t *s, size_t n, size_t left, uint8_t c)
{
	if (__builtin_expect(r->nkept > 0, 0)) {
		keep(r, s, n);
		s = r->kept;
		n = r->nkept;
		left = sizeof r->kept;
	}
	if (c == '\n' && n && s[n - 1] == '\r')
		n--;
	take(r, s, n, left);
	r->nkept = 0;
	r->column += r->column < FM_VALUES_COLUMNS;
	if (c == '\n')
		end_row(r);
}

/* Bit i: byte i of 16 is the delimiter or ends a line. */
static inline uint64_t ends_in(const uint8_t *p, __m128i delimiter)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);

	return (uint32_t)_mm_movemask_epi8(
	    _mm_or_si128(_mm_cmpeq_epi8(v, delimiter), _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'))));
}

static void add_plain(struct fm_reading *r, const uint8_t *p, size_t n)
{
	const __m128i delimiter = _mm_set1_epi8(r->delimiter);
	size_t begin = 0, i = 0;

	for (; n - i >= 64; i += 64) {
		uint64_t ends = ends_in(p + i, delimiter) | ends_in(p + i + 16, delimiter) << 16 |
				ends_in(p + i + 32, delimiter) << 32 | ends_in(p + i + 48, delimiter) << 48;

		for (; ends; ends &= ends - 1) {
			size_t at = i + (size_t)__builtin_ctzll(ends);

			end_value(r, p + begin, at - begin, n - begin, p[at]);
			begin = at + 1;
		}
	}
	for (; i < n; i++)
		if (p[i] == (uint8_t)r->delimiter || p[i] == '\n') {
			end_value(r, p + begin, i - begin, n - begin, p[i]);
			begin = i + 1;
		}
	keep(r, p + begin, n - begin);
}

static void add_quoted(struct fm_reading *r, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = p[i];

		if (c == '"') {
			/* The first one of a value is none of it, two within it are one. */
			if (!r->open && (r->nkept || r->closed))
				keep(r, &c, 1);
			r->closed = r->open;
			r->open = !r->open;
		} else if (!r->open && (c == (uint8_t)r->delimiter || c == '\n')) {
			end_value(r, p, 0, 0, c);
			r->closed = false;
		} else {
			keep(r, &c, 1);
		}
	}
}

/* ---- lines of JSON ---- */

/* A key's bytes: those of the first line are kept, those of the others are the same. */
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
	take(r, r->kept, r->nkept, sizeof r->kept);
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
		end_row(r);
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

/* The delimiters that rows may have are those of the lines behind all that may stand before rows: the usual ones, and
 * of those that only a dialect of a publisher's own has (manifests/dialect.c) the most frequent one. */
static void choose(struct fm_table_values *v)
{
	static const char usual[] = ",;|\t", rare[] = "\x01\x1f!#$%&*+/<=>@^_`~";
	const char *at = v->begin.data, *end = at + v->begin.len, *from = at, *nl;
	size_t lines = 0, most = 0, n;
	char frequent = 0;

	for (const char *p = at; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1)
		if (++lines == LOOKED_AT - 1 && nl + 1 < end)
			from = nl + 1;
	v->chosen = true;
	if (v->json) {
		new_reading(v, 0);
		return;
	}
	for (const char *d = usual; *d; d++)
		if (times(from, end, *d))
			new_reading(v, *d);
	for (const char *d = rare; *d; d++)
		if ((n = times(from, end, *d)) > most) {
			most = n;
			frequent = *d;
		}
	lines = times(from, end, '\n');
	if (most && most >= lines) /* at least two values a row */
		new_reading(v, frequent);
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

/* From the first double quote on each reading is two: one to which it is a byte like any other. */
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
