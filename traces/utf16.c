#include "traces/utf16.h"

#include "base/text.h"

#define NONE 0xfffdu /* what stands for half a pair */

bool fm_utf16_begins(const char *s, size_t n)
{
	unsigned char a = n > 1 ? (unsigned char)s[0] : 1, b = n > 1 ? (unsigned char)s[1] : 1;

	return (a == 0xff && b == 0xfe) || (a == 0xfe && b == 0xff) || !a != !b;
}

static void put(struct fm_buf *out, uint32_t c)
{
	char text[4];

	fm_buf_add(out, text, fm_utf8_put(c, text));
}

static void add_unit(struct fm_utf16 *u, uint32_t c, struct fm_buf *out)
{
	if (u->high && c >= 0xdc00 && c < 0xe000) {
		put(out, 0x10000 + ((u->high - 0xd800) << 10) + (c - 0xdc00));
		u->high = 0;
		return;
	}
	if (u->high)
		put(out, NONE);
	u->high = c >= 0xd800 && c < 0xdc00 ? c : 0;
	if (!u->high && c != 0xfeff)
		put(out, c >= 0xdc00 && c < 0xe000 ? NONE : c);
}

void fm_utf16_add(struct fm_utf16 *u, const char *s, size_t n, struct fm_buf *out)
{
	const unsigned char *p = (const unsigned char *)s;

	if (!u->begun) {
		u->begun = true;
		u->on = fm_utf16_begins(s, n);
		u->big = u->on && (p[0] == 0xfe || p[0] == 0);
	}
	if (!u->on) {
		fm_buf_add(out, s, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (!u->left) {
			u->left = 1 + p[i];
			continue;
		}
		uint32_t first = (uint32_t)u->left - 1, second = p[i];

		u->left = 0;
		add_unit(u, u->big ? first << 8 | second : second << 8 | first, out);
	}
}
