#include "traces/fields.h"

#include <emmintrin.h>
#include <stdint.h>
#include <string.h>

#include "traces/json_line.h"

void fm_fields_plain(const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field, void *ctx)
{
	const char *end = s + n;

	for (;;) {
		const char *stop = memchr(s, d->delimiter, (size_t)(end - s)), *to = stop ? stop : end;

		while (s < to && *s == ' ')
			s++;
		while (to > s && to[-1] == ' ')
			to--;
		field((void *)s, (size_t)(to - s), ctx);
		if (!stop)
			return;
		s = stop + 1;
	}
}

/* Bit i of the mask: byte i of s[0..n), n <= 64, is the delimiter. *stops: one of them is a quote or a carriage return.
 */
static inline uint64_t delimiters(const char *s, size_t n, __m128i cut, bool *stops)
{
	const __m128i quote = _mm_set1_epi8('"'), cr = _mm_set1_epi8('\r');
	__m128i found = _mm_setzero_si128();
	uint64_t mask = 0;
	char tail[16] = {0};

	for (size_t at = 0; at < n; at += 16) {
		__m128i v;

		if (n - at < 16)
			memcpy(tail, s + at, n - at);
		v = _mm_loadu_si128((const __m128i *)(n - at < 16 ? tail : s + at));
		found = _mm_or_si128(found, _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, cr)));
		mask |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, cut)) << at;
	}
	*stops = *stops || _mm_movemask_epi8(found);
	return n < 64 ? mask & ((UINT64_C(1) << n) - 1) : mask;
}

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline void give(const char *s, const char *to, fm_field_fn field, void *ctx)
{
	if (s < to && (*s <= ' ' || to[-1] <= ' ')) { /* few have blanks around them */
		while (s < to && is_blank(*s))
			s++;
		while (to > s && is_blank(to[-1]))
			to--;
	}
	field((void *)s, (size_t)(to - s), ctx);
}

#define LINE_MAX_BYTES 1024 /* of most rows; others are cut byte by byte */

bool fm_fields_unquoted(const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field, void *ctx)
{
	const __m128i cut = _mm_set1_epi8(d->delimiter);
	uint64_t mask[LINE_MAX_BYTES / 64];
	const char *end = s + n, *from = s;
	bool stops = false;

	if (n > LINE_MAX_BYTES) {
		if (memchr(s, '"', n) || memchr(s, '\r', n))
			return false;
		for (const char *stop; (stop = memchr(from, d->delimiter, (size_t)(end - from))); from = stop + 1)
			give(from, stop, field, ctx);
		give(from, end, field, ctx);
		return true;
	}
	for (size_t at = 0; at < n; at += 64)
		mask[at / 64] = delimiters(s + at, n - at < 64 ? n - at : 64, cut, &stops);
	if (stops)
		return false;
	for (size_t at = 0; at < n; at += 64)
		for (uint64_t m = mask[at / 64]; m; m &= m - 1) {
			const char *stop = s + at + __builtin_ctzll(m);

			give(from, stop, field, ctx);
			from = stop + 1;
		}
	give(from, end, field, ctx);
	return true;
}

void fm_fields_blanks(const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field, void *ctx)
{
	const char *end = s + n;

	for (int k = 0; s < end; k++) {
		const char *from = NULL, *to = s;

		for (int words = k < d->ncols ? d->cols[k].words : 1; words > 0; words--) {
			while (s < end && (*s == ' ' || *s == '\t'))
				s++;
			from = from ? from : s;
			while (s < end && *s != ' ' && *s != '\t')
				s++;
			to = s;
		}
		if (end - s >= 2 && strchr("KMGT", s[1]) && s[1] && (end - s == 2 || s[2] == ' ')) {
			s += 2;
			to = s;
		}
		if (to > from)
			field((void *)from, (size_t)(to - from), ctx);
	}
}

static void on_pair(void *ctx, const char *key, size_t nkey, const char *value, size_t nvalue)
{
	struct fm_json_fields *j = ctx;

	for (int k = 0; k < j->d->ncols; k++) {
		if (!fm_dialect_is_name(j->d, k, key, nkey, false))
			continue;
		/* Of a column's several names only one gives the value. */
		j->twice = j->twice || (j->value[k].s && (!j->d->cols[k].nalso || (j->value[k].n && nvalue)));
		if (j->value[k].n)
			continue;
		j->value[k].s = value;
		j->value[k].n = nvalue;
	}
}

int fm_fields_json(struct fm_json_fields *j, const struct fm_dialect *d, const char *s, size_t n, fm_field_fn field,
		   void *ctx, const char **why, struct fm_error *err)
{
	int rc;

	j->d = d;
	j->scratch.len = 0;
	fm_buf_add(&j->scratch, s, n); /* as much room as there can be strings */
	if ((rc = fm_buf_check(&j->scratch, err)) < 0)
		return rc;
	memset(j->value, 0, sizeof j->value);
	j->twice = false;
	*why = fm_json_line(s, n, j->scratch.data, on_pair, j);
	if (!*why && j->twice)
		*why = "a key of JSON stands twice";
	for (int k = 0; k < d->ncols && !*why; k++)
		field((void *)(j->value[k].s ? j->value[k].s : ""), j->value[k].n, ctx);
	return FM_OK;
}
