#include "release/table_form.h"

#include <emmintrin.h>
#include <string.h>

#include "base/text.h"

#define BLOCK 64

static const char delimiters[] = ",;|\t"; /* in this order: */
enum { COMMA, SEMICOLON, BAR, TAB };

static void end_line(struct fm_form_lines *l)
{
	/* Nearly all rows have as many values as those before them. */
	if (l->n > FM_FORM_HEAD && memcmp(l->now, l->least, sizeof l->now) == 0 &&
	    memcmp(l->now, l->most, sizeof l->now) == 0) {
		memset(l->now, 0, sizeof l->now);
		l->n++;
		return;
	}
	for (int k = 0; k < FM_FORM_NDELIMITERS; k++) {
		if (l->n < FM_FORM_HEAD) {
			l->head[l->n][k] = l->now[k];
		} else {
			l->least[k] = l->n == FM_FORM_HEAD || l->now[k] < l->least[k] ? l->now[k] : l->least[k];
			l->most[k] = l->now[k] > l->most[k] ? l->now[k] : l->most[k];
		}
		l->now[k] = 0;
	}
	l->n++;
}

static void add_delimiter(struct fm_table_form *f, int k)
{
	f->plain.now[k]++;
	if (f->has_quotes && !f->is_open)
		f->quoted.now[k]++;
}

/* A value begins a formula when its first byte is = or @, or a sign that this byte follows: neither a digit nor the end
 * of the value, as a lone hyphen means a missing value. */
static bool goes_on_as_formula(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("(=@+-", c));
}

static bool ends_value(uint8_t c)
{
	return c == '\n' || c == ',' || c == ';' || c == '|' || c == '\t' || c == '"';
}

static void add_formula(struct fm_table_form *f, uint8_t c)
{
	bool begins = f->nbytes == 0 || ends_value(f->last);

	f->formulas += f->sign && goes_on_as_formula(c);
	f->formulas += begins && (c == '=' || c == '@');
	f->sign = begins && (c == '+' || c == '-');
}

/* What the first byte of a character says of its length; 0: it is none. */
static size_t length_of_character(uint8_t first)
{
	return first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 ? (first < 0xf0 ? 3 : 0) : first >= 0xc2 ? 2 : 0;
}

/* A byte of a character that is not ASCII, or the byte after an incomplete character. */
static void add_to_character(struct fm_table_form *f, uint8_t c)
{
	uint32_t code;

	if (c < 0x80 || (!f->nbegun && length_of_character(c) == 0)) {
		f->broken++;
		f->nbegun = 0;
		return;
	}
	f->begun[f->nbegun++] = (char)c;
	if (f->nbegun < length_of_character((uint8_t)f->begun[0]))
		return;
	if (fm_utf8_next(f->begun, f->nbegun, &code) == f->nbegun)
		f->wide_control += code < 0xa0; /* control characters, too, as in traces/row.c */
	else
		f->broken++;
	f->nbegun = 0;
}

static void add_byte(struct fm_table_form *f, uint8_t c)
{
	const char *at;

	add_formula(f, c);
	if (c >= 0x80 || f->nbegun)
		add_to_character(f, c);
	if (c == '\n') {
		f->crlf += f->last == '\r';
		f->objects += f->opens && f->last == '}';
		end_line(&f->plain);
		if (f->has_quotes && !f->is_open)
			end_line(&f->quoted);
	} else if (c == '\r') {
		f->cr++;
	} else if (c == '"') {
		if (!f->has_quotes)
			f->quoted = f->plain;
		f->has_quotes = true;
		f->is_open = !f->is_open;
	} else if (c && (at = strchr(delimiters, c))) {
		add_delimiter(f, (int)(at - delimiters));
	} else if (c < 0x20 || c == 0x7f) {
		f->control++;
	}
	if (f->nbytes == 0 || f->last == '\n')
		f->opens = c == '{';
	f->last = c;
	f->nbytes++;
}

static uint64_t together(__m128i a, __m128i b, __m128i c, __m128i d)
{
	return (uint64_t)(uint32_t)_mm_movemask_epi8(a) | (uint64_t)(uint32_t)_mm_movemask_epi8(b) << 16 |
	       (uint64_t)(uint32_t)_mm_movemask_epi8(c) << 32 | (uint64_t)(uint32_t)_mm_movemask_epi8(d) << 48;
}

/* Bit i: byte i of the block is c. */
static inline uint64_t where(const __m128i v[4], char c)
{
	const __m128i want = _mm_set1_epi8(c);

	return together(_mm_cmpeq_epi8(v[0], want), _mm_cmpeq_epi8(v[1], want), _mm_cmpeq_epi8(v[2], want),
			_mm_cmpeq_epi8(v[3], want));
}

/* Neither printable ASCII (a double quote does not count as such), nor a line end, nor a tab. */
static inline __m128i is_odd(__m128i v)
{
	const __m128i expected =
	    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')));

	/* As signed numbers, bytes that are not ASCII are low too. */
	return _mm_or_si128(
	    _mm_andnot_si128(expected, _mm_cmpgt_epi8(_mm_set1_epi8(0x20), v)),
	    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)), _mm_cmpeq_epi8(v, _mm_set1_epi8('"'))));
}

/* A delimiter but the comma, which most tables do not have. */
static inline __m128i is_rare(__m128i v)
{
	return _mm_or_si128(
	    _mm_cmpeq_epi8(v, _mm_set1_epi8(';')),
	    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('|')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'))));
}

/* What may begin a formula: a sign, = or @. */
static inline __m128i is_mark(__m128i v)
{
	return _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('+')), _mm_cmpeq_epi8(v, _mm_set1_epi8('-'))),
			    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('=')), _mm_cmpeq_epi8(v, _mm_set1_epi8('@'))));
}

static inline bool any_of(__m128i a, __m128i b, __m128i c, __m128i d)
{
	return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d)));
}

static inline uint32_t count(uint64_t bits)
{
	if (!bits)
		return 0;
	/* As the compiler's own does where the processor may lack an instruction for it, without a call. */
	bits -= bits >> 1 & 0x5555555555555555;
	bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
	return (uint32_t)(((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
}

/* values: their ends in the block. */
static void add_formulas(struct fm_table_form *f, const uint8_t *p, const __m128i v[4], uint64_t values)
{
	uint64_t begins = values << 1 | (f->nbytes == 0 || ends_value(f->last)), signs;

	f->formulas += f->sign && goes_on_as_formula(p[0]);
	f->sign = false;
	if (!(begins & together(is_mark(v[0]), is_mark(v[1]), is_mark(v[2]), is_mark(v[3]))))
		return;
	signs = (where(v, '+') | where(v, '-')) & begins;
	f->formulas += count((where(v, '=') | where(v, '@')) & begins);
	f->sign = signs >> (BLOCK - 1);
	for (signs &= UINT64_MAX >> 1; signs; signs &= signs - 1)
		f->formulas += goes_on_as_formula(p[__builtin_ctzll(signs) + 1]);
}

/* A block of printable text and line ends without quotes, as nearly all are; false: it holds something else. */
static bool add_block(struct fm_table_form *f, const uint8_t *p)
{
	uint64_t ends, found[FM_FORM_NDELIMITERS];
	__m128i v[4];

	v[0] = _mm_loadu_si128((const __m128i *)(const void *)p);
	v[1] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));
	v[2] = _mm_loadu_si128((const __m128i *)(const void *)(p + 32));
	v[3] = _mm_loadu_si128((const __m128i *)(const void *)(p + 48));
	if (f->has_quotes || f->nbegun || any_of(is_odd(v[0]), is_odd(v[1]), is_odd(v[2]), is_odd(v[3])))
		return false;
	if (f->nbytes == 0 || f->last == '\n')
		f->opens = p[0] == '{';
	ends = where(v, '\n');
	found[COMMA] = where(v, ',');
	found[SEMICOLON] = found[BAR] = found[TAB] = 0;
	if (any_of(is_rare(v[0]), is_rare(v[1]), is_rare(v[2]), is_rare(v[3]))) {
		found[SEMICOLON] = where(v, ';');
		found[BAR] = where(v, '|');
		found[TAB] = where(v, '\t');
	}
	add_formulas(f, p, v, ends | found[TAB] | found[COMMA] | found[SEMICOLON] | found[BAR]);
	for (; ends; ends &= ends - 1) {
		uint64_t end = ends & -ends;
		int at = __builtin_ctzll(end);

		for (int k = 0; k < FM_FORM_NDELIMITERS; k++) {
			f->plain.now[k] += count(found[k] & (end - 1));
			found[k] &= -end;
		}
		f->crlf += at == 0 && f->last == '\r';
		f->objects += f->opens && (at ? p[at - 1] : f->last) == '}';
		f->opens = at + 1 < BLOCK && p[at + 1] == '{';
		end_line(&f->plain);
	}
	for (int k = 0; k < FM_FORM_NDELIMITERS; k++)
		f->plain.now[k] += count(found[k]);
	f->last = p[BLOCK - 1];
	f->nbytes += BLOCK;
	return true;
}

void fm_table_form_add(struct fm_table_form *f, const uint8_t *p, size_t n)
{
	static const uint8_t mark[3] = {0xef, 0xbb, 0xbf};

	for (size_t i = 0; f->nbytes + i < sizeof f->first && i < n; i++)
		f->first[f->nbytes + i] = p[i];
	for (size_t i = 0; i < n;) {
		if (n - i >= BLOCK && add_block(f, p + i)) {
			i += BLOCK;
			continue;
		}
		for (size_t end = n - i < BLOCK ? n : i + BLOCK; i < end; i++)
			add_byte(f, p[i]);
	}
	f->bom = memcmp(f->first, mark, sizeof mark) == 0;
}

bool fm_table_form_has(const struct fm_table_form *f, bool quotes, char delimiter, uint64_t head, size_t values)
{
	const struct fm_form_lines *l = quotes && f->has_quotes ? &f->quoted : &f->plain;
	const char *at = delimiter ? strchr(delimiters, delimiter) : NULL;
	uint64_t want = values - 1;
	int k;

	if (!at || head > FM_FORM_HEAD)
		return true;
	k = (int)(at - delimiters);
	for (uint64_t i = head; i < l->n && i < FM_FORM_HEAD; i++)
		if (l->head[i][k] != want)
			return false;
	return l->n <= FM_FORM_HEAD || (l->least[k] == want && l->most[k] == want);
}
