#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

size_t fm_utf8_next(const char *s, size_t n, uint32_t *code)
{
	const unsigned char *p = (const unsigned char *)s;
	unsigned low = 0x80, high = 0xBF;
	uint32_t v;
	size_t len;

	if (n == 0)
		return 0;
	if (p[0] < 0x80) {
		len = 1;
		v = p[0];
	} else if (p[0] < 0xC2 || p[0] > 0xF4) {
		return 0;
	} else {
		len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
		v = p[0] & (0x7Fu >> len);
	}
	/* No overlong forms, no surrogates, nothing beyond U+10FFFF: the second byte tells. */
	if (p[0] == 0xE0)
		low = 0xA0;
	else if (p[0] == 0xED)
		high = 0x9F;
	else if (p[0] == 0xF0)
		low = 0x90;
	else if (p[0] == 0xF4)
		high = 0x8F;
	for (size_t i = 1; i < len; i++, low = 0x80, high = 0xBF) {
		if (i == n || p[i] < low || p[i] > high)
			return 0;
		v = v << 6 | (p[i] & 0x3Fu);
	}
	if (code != NULL)
		*code = v;
	return len;
}

bool fm_text_has_control(const char *s)
{
	size_t left = strlen(s), n;
	uint32_t code;

	for (; left; s += n, left -= n) {
		if (!(n = fm_utf8_next(s, left, &code))) {
			n = 1; /* no character at all */
			continue;
		}
		if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			return true;
	}
	return false;
}

size_t fm_utf8_put(uint32_t code, char *out)
{
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char mark[] = {0, 0, 0xC0, 0xE0, 0xF0};

	for (size_t i = n; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3F));
	out[0] = (char)(mark[n] | code);
	return n;
}

size_t fm_utf8_cut(const char *s, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)s[n - back];

		if ((c & 0xC0) == 0x80)
			continue;
		return back < (c >= 0xF0 ? 4u : c >= 0xE0 ? 3u : c >= 0xC0 ? 2u : 1u) ? n - back : n;
	}
	return n;
}

size_t fm_text_show(const char *s, size_t n, char *out, size_t cap)
{
	static const char digit[] = "0123456789abcdef";
	size_t at = 0;

	for (size_t i = 0; i < n;) {
		uint32_t code;
		size_t len = fm_utf8_next(s + i, n - i, &code), take = len == 0 ? 1 : len;
		bool plain = len > 0 && code >= 0x20 && (code < 0x7F || code > 0x9F);

		if (take * (plain ? 1 : 4) >= cap - at)
			break;
		for (size_t k = i; k < i + take; k++) {
			unsigned char c = (unsigned char)s[k];

			if (plain) {
				out[at++] = (char)c;
				continue;
			}
			out[at++] = '\\';
			out[at++] = 'x';
			out[at++] = digit[c >> 4];
			out[at++] = digit[c & 15];
		}
		i += take;
	}
	out[at] = '\0';
	return at;
}

size_t fm_text_show_format(char *out, size_t cap, const char *fmt, va_list ap)
{
	char raw[FM_TEXT_FORMAT_MAX];
	int n = vsnprintf(raw, sizeof(raw), fmt, ap);

	if (n < 0) /* an argument that printf cannot write: say at least what should have been said */
		return fm_text_show(fmt, strlen(fmt), out, cap);
	return fm_text_show(raw, (size_t)n < sizeof(raw) ? (size_t)n : fm_utf8_cut(raw, sizeof(raw) - 1), out, cap);
}

static bool append(char *out, size_t cap, size_t *at, const char *s, size_t n)
{
	if (n >= cap - *at)
		return false;
	memcpy(out + *at, s, n);
	*at += n;
	out[*at] = '\0';
	return true;
}

const char *fm_text_shell(const char *s, size_t n, const char *other, char *out, size_t cap)
{
	bool plain = n > 0, fits;
	size_t at = 0;

	for (size_t i = 0, len; i < n; i += len) {
		uint32_t code;

		if (!(len = fm_utf8_next(s + i, n - i, &code)) || code < 0x20 || (code >= 0x7F && code <= 0x9F))
			return other;
		plain = plain && ((code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') ||
				  (code >= 'a' && code <= 'z') || (len == 1 && strchr("_-./,:@%+", (int)code)));
	}
	if (n && *s == '-')
		return other;
	fits = append(out, cap, &at, plain ? "" : "'", !plain);
	for (size_t i = 0; i < n && fits; i++)
		fits = s[i] == '\'' ? append(out, cap, &at, "'\\''", 4) : append(out, cap, &at, s + i, 1);
	return fits && append(out, cap, &at, plain ? "" : "'", !plain) ? out : other;
}

/* ---- private rows ---- */

/* a.b.c.d with a, b, c and d of 1 to 3 digits, beginning at s. */
static int is_ipv4(const char *s, size_t n)
{
	int dots = 0;
	size_t digits = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] >= '0' && s[i] <= '9') {
			if (++digits > 3)
				return 0;
			if (dots == 3)
				return 1;
		} else if (s[i] == '.' && digits > 0) {
			dots++;
			digits = 0;
		} else {
			return 0;
		}
	}
	return 0;
}

static int is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Hexadecimal digits with "::" among them, or five colons: more than a time of day or file:line has. */
static int is_ipv6(const char *s, size_t n)
{
	int colons = 0, pair = 0;
	size_t i;

	for (i = 0; i < n && (is_hex(s[i]) || s[i] == ':'); i++) {
		colons += s[i] == ':';
		pair |= i > 0 && s[i] == ':' && s[i - 1] == ':';
	}
	return i > 3 && (colons >= 5 || (pair && colons >= 2));
}

static int is_private(const char *s, size_t n)
{
	size_t separators = 0;

	for (size_t i = 0; i + 1 < n; i++)
		separators += strchr(",;|\t", s[i]) != NULL;
	if (separators >= 4)
		return 1;
	for (size_t i = 0; i < n; i++)
		if ((i == 0 || !is_hex(s[i - 1])) && (is_ipv4(s + i, n - i) || is_ipv6(s + i, n - i)))
			return 1;
	return 0;
}

void fm_text_hide_rows(char *s, size_t cap)
{
	static const char mark[] = "[private]";
	char out[FM_TEXT_FORMAT_MAX];
	size_t at = 0;

	for (size_t i = 0, n; s[i] && at + sizeof mark < sizeof out; i += n) {
		n = strcspn(s + i, " \n");
		if (n == 0) {
			out[at++] = s[i];
			n = 1;
		} else if (s[i] != '/' && is_private(s + i, n)) {
			memcpy(out + at, mark, sizeof mark - 1);
			at += sizeof mark - 1;
		} else {
			size_t room = sizeof out - 1 - at;

			memcpy(out + at, s + i, n < room ? n : room);
			at += n < room ? n : room;
		}
	}
	at = fm_utf8_cut(out, at < cap ? at : cap - 1);
	memcpy(s, out, at);
	s[at] = '\0';
}
