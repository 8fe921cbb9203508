#include "release/sign/wire.h"

#include <string.h>

int fm_wire_u32(struct fm_wire *w, uint32_t *v)
{
	if (w->n < 4)
		return -1;
	*v = (uint32_t)w->p[0] << 24 | (uint32_t)w->p[1] << 16 | (uint32_t)w->p[2] << 8 | (uint32_t)w->p[3];
	w->p += 4;
	w->n -= 4;
	return 0;
}

int fm_wire_bytes(struct fm_wire *w, size_t n, struct fm_wire *s)
{
	if (w->n < n)
		return -1;
	s->p = w->p;
	s->n = n;
	w->p += n;
	w->n -= n;
	return 0;
}

int fm_wire_string(struct fm_wire *w, struct fm_wire *s)
{
	uint32_t n;

	if (fm_wire_u32(w, &n))
		return -1;
	return fm_wire_bytes(w, n, s);
}

bool fm_wire_is(const struct fm_wire *s, const char *text)
{
	size_t n = strlen(text);

	return s->n == n && memcmp(s->p, text, n) == 0;
}

void fm_wire_put(struct fm_wire_out *o, const void *p, size_t n)
{
	if (o->full || n > o->cap - o->n) {
		o->full = true;
		return;
	}
	if (n)
		memcpy(o->p + o->n, p, n);
	o->n += n;
}

void fm_wire_put_u32(struct fm_wire_out *o, uint32_t v)
{
	uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	fm_wire_put(o, b, sizeof b);
}

void fm_wire_put_string(struct fm_wire_out *o, const void *p, size_t n)
{
	fm_wire_put_u32(o, (uint32_t)n);
	fm_wire_put(o, p, n);
}

void fm_wire_put_text(struct fm_wire_out *o, const char *s)
{
	fm_wire_put_string(o, s, strlen(s));
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void fm_base64_encode(const uint8_t *p, size_t n, struct fm_wire_out *o)
{
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		unsigned v =
		    (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0u) | (left > 2 ? p[i + 2] : 0u);
		char q[4] = {digits[v >> 18], digits[v >> 12 & 63], left > 1 ? digits[v >> 6 & 63] : '=',
			     left > 2 ? digits[v & 63] : '='};

		fm_wire_put(o, q, 4);
	}
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int fm_base64_decode(const char *s, size_t n, uint8_t *out, size_t cap, size_t *nout)
{
	struct fm_wire_out o = {out, 0, cap, false};
	unsigned acc = 0, have = 0, pad = 0;

	for (size_t i = 0; i < n; i++) {
		int v = digit_value(s[i]);

		if (is_space(s[i]))
			continue;
		if (s[i] == '=') {
			if (have + pad < 2 || have + pad >= 4)
				return -1;
			pad++;
			continue;
		}
		if (v < 0 || pad)
			return -1;
		acc = acc << 6 | (unsigned)v;
		if (++have == 4) {
			uint8_t b[3] = {(uint8_t)(acc >> 16), (uint8_t)(acc >> 8), (uint8_t)acc};

			fm_wire_put(&o, b, 3);
			acc = have = 0;
		}
	}
	if (have) {
		uint8_t b[2];

		if (have + pad != 4)
			return -1;
		acc <<= 6 * pad;
		b[0] = (uint8_t)(acc >> 16);
		b[1] = (uint8_t)(acc >> 8);
		if (acc & (pad == 2 ? 0xffffu : 0xffu))
			return -1;
		fm_wire_put(&o, b, 3 - pad);
	}
	if (o.full)
		return -1;
	*nout = o.n;
	return 0;
}

void fm_armor_write(const char *label, const uint8_t *p, size_t n, struct fm_wire_out *o)
{
	size_t first, len;

	fm_wire_put(o, "-----BEGIN ", 11);
	fm_wire_put(o, label, strlen(label));
	fm_wire_put(o, "-----\n", 6);
	first = o->n;
	fm_base64_encode(p, n, o);
	/* Break the digits into lines where they lie: 70 is no multiple of 4, so this cannot be done while encoding. */
	len = o->n - first;
	for (size_t lines = len ? (len - 1) / 70 : 0; lines > 0 && !o->full; lines--) {
		size_t at = first + lines * 70;

		if (o->n == o->cap) {
			o->full = true;
			break;
		}
		memmove(o->p + at + 1, o->p + at, o->n - at);
		o->p[at] = '\n';
		o->n++;
	}
	fm_wire_put(o, "\n-----END ", 10);
	fm_wire_put(o, label, strlen(label));
	fm_wire_put(o, "-----\n", 6);
}

int fm_armor_read(const char *label, const char *s, size_t n, uint8_t *out, size_t cap, size_t *nout)
{
	char begin[64], end[64];
	struct fm_wire_out b = {(uint8_t *)begin, 0, sizeof begin, false}, e = {(uint8_t *)end, 0, sizeof end, false};
	const char *body, *tail;

	fm_wire_put(&b, "-----BEGIN ", 11);
	fm_wire_put(&b, label, strlen(label));
	fm_wire_put(&b, "-----", 5);
	fm_wire_put(&e, "\n-----END ", 10);
	fm_wire_put(&e, label, strlen(label));
	fm_wire_put(&e, "-----", 5);
	if (b.full || e.full || n < b.n || memcmp(s, begin, b.n) != 0)
		return -1;
	body = s + b.n;
	n -= b.n;
	if (n == 0 || *body != '\n') /* and no carriage return, as ssh-keygen has it */
		return -1;
	tail = memmem(body, n, end, e.n);
	if (!tail)
		return -1;
	for (size_t i = (size_t)(tail - body) + e.n; i < n; i++)
		if (!is_space(body[i]))
			return -1;
	return fm_base64_decode(body, (size_t)(tail - body), out, cap, nout);
}

void fm_printable(const void *p, size_t n, char *out, size_t cap)
{
	const unsigned char *s = p;
	size_t i;

	for (i = 0; i < n && i + 1 < cap; i++)
		out[i] = s[i] >= 0x20 && s[i] < 0x7f ? (char)s[i] : '?';
	out[i] = 0;
}
